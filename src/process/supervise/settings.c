#include "process/supervise/settings.h"

#include "port/log/log.h"
#include "port/runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_ROOTS = 16 * 1024 * 1024, MIN_SECRET = 16, MAX_SECRET = 4096 };

void supervise_settings_free(struct supervise_settings **settings)
{
	struct supervise_settings *s = *settings;

	if (s == NULL)
		return;
	*settings = NULL;
	for (size_t i = 0; i < s->listener_count; i++)
		if (s->listeners[i].fd >= 0)
			close(s->listeners[i].fd);
	for (size_t i = 0; i < RUNTIME_DOOR_MAX; i++)
		if (s->door_fds[i] >= 0)
			close(s->door_fds[i]);
	for (size_t i = 0; i < s->certificate_count; i++)
		if (s->certificates[i].key_fd >= 0)
			close(s->certificates[i].key_fd);
	supervise_secrets_close(s);
	arena_free(&s->arena);
	free(s);
}

static int shared(const struct supervise_settings *previous, const char *address)
{
	for (size_t i = 0; previous != NULL && i < previous->listener_count; i++)
		if (str_is(str_of(address), previous->listeners[i].model->address))
			return fcntl(previous->listeners[i].fd, F_DUPFD_CLOEXEC, 3);
	return -1;
}

static enum err open_listeners(struct supervise_settings *s,
	const struct supervise_settings *previous, struct err_info *info)
{
	size_t count = s->node->listeners.count;

	s->listeners = arena_array(s->arena, count, sizeof(s->listeners[0]));
	for (size_t i = 0; i < count; i++) {
		const struct model_listener *model = &s->node->listeners.items[i];
		struct supervise_listener *to = &s->listeners[i];
		struct err_info why = {.text = ""};
		enum err e = ERR_OK;

		to->model = model;
		to->fd = shared(previous, model->address);
		if (to->fd < 0)
			to->fd = supervise_listen_inherited(model);
		if (to->fd < 0)
			e = supervise_listen(model->address, &to->fd, &why);
		if (e != ERR_OK)
			return err_set(info, e, "listener %s: %s", model->name, why.text);
		s->listener_count++;
	}
	return ERR_OK;
}

/* ---- doors ------------------------------------------------------------------------------------
 */

static const struct {
	const char *name; /* for the service manager */
	const char *property;
	size_t offset; /* of the address in the node */
} doors[RUNTIME_DOOR_MAX] = {
	[RUNTIME_DOOR_PUBLISH] = {"publish", "publish.listen",
		offsetof(struct model_node, publish.listen)},
	[RUNTIME_DOOR_HTTPS] = {"https", "admin.listen", offsetof(struct model_node, admin.listen)},
	[RUNTIME_DOOR_METRICS] = {"metrics", "metrics.listen",
		offsetof(struct model_node, metrics.listen)},
};

const char *supervise_door_address(const struct model_node *node, enum runtime_door door)
{
	const char *address;

	memcpy(&address, (const char *)node + doors[door].offset, sizeof(address));
	return address;
}

/* As a listener, with a name of its own for the service manager. */
static enum err open_door(struct supervise_settings *s, enum runtime_door door,
	const struct supervise_settings *previous, struct err_info *info)
{
	const struct model_listener model = {
		.name = doors[door].name, .address = supervise_door_address(s->node, door)};
	struct err_info why = {.text = ""};
	int *fd = &s->door_fds[door];
	enum err e = ERR_OK;

	if (model.address == NULL)
		return ERR_OK;
	if (previous != NULL && previous->door_fds[door] >= 0 &&
		str_is(str_of(model.address), supervise_door_address(previous->node, door)))
		*fd = fcntl(previous->door_fds[door], F_DUPFD_CLOEXEC, 3);
	if (*fd < 0)
		*fd = supervise_listen_inherited(&model);
	if (*fd < 0)
		e = supervise_listen(model.address, fd, &why);
	return e == ERR_OK ? ERR_OK : err_set(info, e, "%s: %s", doors[door].property, why.text);
}

/* The key of the webhook: what the file holds, without blanks and line ends behind it. */
static enum err read_secret(struct supervise_settings *s, struct err_info *info)
{
	const char *path = s->node->alerts.webhook_secret;
	struct str *secret = &s->webhook_secret;
	struct err_info why = {.text = ""};
	enum err e;

	if (path == NULL)
		return ERR_OK;
	e = supervise_file_read(path, MAX_SECRET, s->arena, secret, &why);
	if (e != ERR_OK)
		return err_set(info, e, "alerts.webhook_secret: %s", why.text);
	while (secret->n > 0 && (unsigned char)secret->p[secret->n - 1] <= ' ')
		secret->n--;
	if (secret->n < MIN_SECRET)
		return err_set(info, ERR_RANGE,
			"alerts.webhook_secret: %s: expected at least %d bytes, found %zu; make "
			"one "
			"with: openssl rand -hex 32",
			path, MIN_SECRET, secret->n);
	return ERR_OK;
}

/* Without trust anchors nothing that asks for a chain can be delivered: worth a warning, but no
 * reason to stand still. */
static void open_roots(struct supervise_settings *s)
{
	struct err_info why = {.text = ""};

	if (supervise_file_read(s->node->roots, MAX_ROOTS, s->arena, &s->roots, &why) == ERR_OK)
		return;
	s->roots = str_of(NULL);
	log_event(LOG_WARNING_LEVEL, "serve.no_roots", LOG_TEXT("reason", why.text),
		LOG_TEXT("consequence", "certificates of public authorities are not trusted"));
}

enum err supervise_settings_load(const char *node_file, const struct supervise_settings *previous,
	int *lock, struct supervise_settings **ret, struct err_info *info)
{
	struct supervise_settings *s CLEANUP(supervise_settings_free) = mem_new(sizeof(*s));
	enum err e;

	s->arena = arena_new();
	for (size_t i = 0; i < RUNTIME_DOOR_MAX; i++)
		s->door_fds[i] = -1;
	for (size_t i = 0; i < RUNTIME_SECRET_MAX; i++)
		s->secret_fds[i] = -1;
	s->node_file = arena_text(s->arena, node_file);
	e = supervise_node_load(s, info);
	if (e == ERR_OK && previous != NULL) {
		/* Where the data lies cannot change under a running instance. */
		if (!str_is(str_of(s->node->data), previous->node->data) ||
			!str_is(str_of(s->node->run), previous->node->run))
			log_event(LOG_WARNING_LEVEL, "reload.needs_restart",
				LOG_TEXT("setting", "data, run"));
		s->node->data = arena_text(s->arena, previous->node->data);
		s->node->run = arena_text(s->arena, previous->node->run);
	}
	if (e == ERR_OK)
		e = supervise_directories_make(s->node, lock, info);
	if (e == ERR_OK)
		e = open_listeners(s, previous, info);
	for (size_t i = 0; i < RUNTIME_DOOR_MAX && e == ERR_OK; i++)
		e = open_door(s, (enum runtime_door)i, previous, info);
	if (e == ERR_OK)
		e = read_secret(s, info);
	if (e == ERR_OK)
		e = supervise_certificates_open(s, info);
	if (e == ERR_OK)
		e = supervise_secrets_open(s, info);
	if (e != ERR_OK)
		return e;
	open_roots(s);
	*ret = s;
	s = NULL;
	return ERR_OK;
}
