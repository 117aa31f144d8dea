#include "port/runtime/settings.h"

#include <stdlib.h>
#include <unistd.h>

enum { MAX_CERTIFICATES = 10000, MAX_LIVES = 2000, MAX_LISTENERS = 1000 };

struct runtime_received {
	struct arena *arena;
	struct model_node *node;
	struct runtime_certificate *certificates;
	size_t certificate_count;
	struct cert_life *lives;
	size_t life_count;
	struct runtime_listener *listeners;
	size_t listener_count;
	struct runtime_settings settings;
	bool is_taken;
};

struct runtime_received *runtime_received_new(void)
{
	struct runtime_received *r = mem_new(sizeof(*r));

	r->arena = arena_new();
	r->settings.address_table_fd = -1;
	r->settings.socket_fd = -1;
	r->settings.web_socket_fd = -1;
	for (size_t i = 0; i < RUNTIME_SECRET_MAX; i++)
		r->settings.secret_fds[i] = -1;
	for (size_t i = 0; i < RUNTIME_DOOR_MAX; i++)
		r->settings.door_fds[i] = -1;
	return r;
}

void runtime_received_applied(struct runtime_received *r)
{
	for (size_t i = 0; i < r->certificate_count; i++) {
		if (r->certificates[i].key_fd >= 0)
			close(r->certificates[i].key_fd);
		r->certificates[i].key_fd = -1;
	}
	for (size_t i = 0; i < RUNTIME_SECRET_MAX; i++) {
		if (r->settings.secret_fds[i] >= 0)
			close(r->settings.secret_fds[i]);
		r->settings.secret_fds[i] = -1;
	}
	if (r->settings.address_table_fd >= 0)
		close(r->settings.address_table_fd);
	r->settings.address_table_fd = -1;
}

static void close_sockets(const struct runtime_received *r)
{
	if (r->settings.socket_fd >= 0)
		close(r->settings.socket_fd);
	if (r->settings.web_socket_fd >= 0)
		close(r->settings.web_socket_fd);
	for (size_t i = 0; i < RUNTIME_DOOR_MAX; i++)
		if (r->settings.door_fds[i] >= 0)
			close(r->settings.door_fds[i]);
}

void runtime_received_free(struct runtime_received **received)
{
	struct runtime_received *r = *received;

	if (r == NULL)
		return;
	*received = NULL;
	runtime_received_applied(r);
	for (size_t i = 0; i < r->listener_count && !r->is_taken; i++)
		close(r->listeners[i].fd);
	if (!r->is_taken)
		close_sockets(r);
	free(r->certificates);
	free(r->lives);
	free(r->listeners);
	arena_free(&r->arena);
	free(r);
}

static int take_fd(struct runtime_control_message *message)
{
	int fd = message->fd;

	message->fd = -1;
	return fd;
}

static bool add_certificate(struct runtime_received *r, struct runtime_control_message *message)
{
	struct runtime_control_certificate c;
	struct runtime_certificate *to;

	if (r->certificate_count >= MAX_CERTIFICATES ||
		record_decode(&runtime_control_certificate_desc, message->data, r->arena, &c) !=
			ERR_OK)
		return false;
	r->certificates =
		mem_resize(r->certificates, r->certificate_count + 1, sizeof(r->certificates[0]));
	to = &r->certificates[r->certificate_count++];
	*to = (struct runtime_certificate){.name = c.name,
		.version = c.version,
		.state = c.state,
		.key_uri = c.key_uri,
		.chain = c.chain,
		.key_fd = take_fd(message)};
	return true;
}

static bool add_life(struct runtime_received *r, struct str data)
{
	if (r->life_count >= MAX_LIVES)
		return false;
	r->lives = mem_resize(r->lives, r->life_count + 1, sizeof(r->lives[0]));
	return record_decode(&cert_life_desc, data, r->arena, &r->lives[r->life_count++]) == ERR_OK;
}

static bool add_listener(struct runtime_received *r, struct runtime_control_message *message)
{
	if (r->node == NULL || message->tag < 0 ||
		(uint64_t)message->tag >= r->node->listeners.count || message->fd < 0 ||
		r->listener_count >= MAX_LISTENERS)
		return false;
	r->listeners = mem_resize(r->listeners, r->listener_count + 1, sizeof(r->listeners[0]));
	r->listeners[r->listener_count++] = (struct runtime_listener){
		.model = &r->node->listeners.items[message->tag],
		.fd = take_fd(message),
	};
	return true;
}

static bool add_secret(struct runtime_received *r, struct runtime_control_message *message)
{
	if (message->tag < 0 || message->tag >= RUNTIME_SECRET_MAX || message->fd < 0 ||
		r->settings.secret_fds[message->tag] >= 0)
		return false;
	r->settings.secret_fds[message->tag] = take_fd(message);
	return true;
}

static bool add_socket(struct runtime_received *r, struct runtime_control_message *message)
{
	int *to = message->tag == 0 ? &r->settings.socket_fd : &r->settings.web_socket_fd;

	if (message->fd < 0 || *to >= 0)
		return false;
	*to = take_fd(message);
	return true;
}

static bool add_door(struct runtime_received *r, struct runtime_control_message *message)
{
	if (message->tag < 0 || message->tag >= RUNTIME_DOOR_MAX || message->fd < 0 ||
		r->settings.door_fds[message->tag] >= 0)
		return false;
	r->settings.door_fds[message->tag] = take_fd(message);
	return true;
}

static bool add_node(struct runtime_received *r, struct str data)
{
	if (r->node != NULL)
		return false;
	r->node = arena_alloc(r->arena, sizeof(*r->node));
	return record_decode(&model_node_desc, data, r->arena, r->node) == ERR_OK;
}

bool runtime_received_add(struct runtime_received *r, struct runtime_control_message *message)
{
	switch (message->type) {
	case RUNTIME_CONTROL_NODE:
		return add_node(r, message->data);
	case RUNTIME_CONTROL_ROOTS:
		r->settings.roots = arena_copy(r->arena, message->data);
		return true;
	case RUNTIME_CONTROL_CERTIFICATE:
		return add_certificate(r, message);
	case RUNTIME_CONTROL_LIFE:
		return add_life(r, message->data);
	case RUNTIME_CONTROL_SECRET_FILE:
		return add_secret(r, message);
	case RUNTIME_CONTROL_LISTENER:
		return add_listener(r, message);
	case RUNTIME_CONTROL_TICKET_KEY:
		if (message->data.n != sizeof(r->settings.ticket_key))
			return false;
		memcpy(r->settings.ticket_key, message->data.p, message->data.n);
		return true;
	case RUNTIME_CONTROL_ADDRESSES:
		if (r->settings.address_table_fd >= 0)
			return false;
		r->settings.address_table_fd = take_fd(message);
		return true;
	case RUNTIME_CONTROL_SOCKET:
		return add_socket(r, message);
	case RUNTIME_CONTROL_SECRET:
		r->settings.webhook_secret = arena_copy(r->arena, message->data);
		return true;
	case RUNTIME_CONTROL_DOOR:
		return add_door(r, message);
	default:
		return false;
	}
}

const struct runtime_settings *runtime_received_take(struct runtime_received *r)
{
	if (r->node == NULL)
		return NULL;
	r->is_taken = true;
	r->settings.node = r->node;
	r->settings.certificates = r->certificates;
	r->settings.certificate_count = r->certificate_count;
	r->settings.lives = r->lives;
	r->settings.life_count = r->life_count;
	r->settings.listeners = r->listeners;
	r->settings.listener_count = r->listener_count;
	return &r->settings;
}
