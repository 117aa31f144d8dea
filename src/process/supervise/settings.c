#include "process/supervise/settings.h"

#include "port/log/log.h"
#include "port/runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_CHAIN = 1024 * 1024, MAX_ROOTS = 16 * 1024 * 1024 };

void supervise_settings_free(struct supervise_settings **settings)
{
	struct supervise_settings *s = *settings;

	if (s == NULL)
		return;
	*settings = NULL;
	for (size_t i = 0; i < s->listener_count; i++)
		if (s->listeners[i].fd >= 0)
			close(s->listeners[i].fd);
	if (s->publish_fd >= 0)
		close(s->publish_fd);
	for (size_t i = 0; i < s->certificate_count; i++)
		if (s->certificates[i].key_fd >= 0)
			close(s->certificates[i].key_fd);
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

/* As a listener, with a name of its own for the service manager. */
static enum err open_publish(struct supervise_settings *s,
	const struct supervise_settings *previous, struct err_info *info)
{
	const struct model_listener model = {.name = "publish", .address = s->node->publish.listen};
	struct err_info why = {.text = ""};
	enum err e = ERR_OK;

	if (model.address == NULL)
		return ERR_OK;
	if (previous != NULL && previous->publish_fd >= 0 &&
		str_is(str_of(model.address), previous->node->publish.listen))
		s->publish_fd = fcntl(previous->publish_fd, F_DUPFD_CLOEXEC, 3);
	if (s->publish_fd < 0)
		s->publish_fd = supervise_listen_inherited(&model);
	if (s->publish_fd < 0)
		e = supervise_listen(model.address, &s->publish_fd, &why);
	return e == ERR_OK ? ERR_OK : err_set(info, e, "publish.listen: %s", why.text);
}

static enum err open_certificate(
	struct supervise_settings *s, const struct model_certificate *model, struct err_info *info)
{
	struct supervise_certificate *to = &s->certificates[s->certificate_count];
	struct err_info why = {.text = ""};
	enum err e = supervise_file_read(model->chain, MAX_CHAIN, s->arena, &to->chain, &why);
	struct stat st;

	if (e != ERR_OK)
		return err_set(info, e, "certificate %s: chain: %s", model->name, why.text);
	to->name = model->name;
	to->state = CERT_CURRENT;
	to->key_fd = open(model->key, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (to->key_fd < 0)
		return err_set(info, err_from_errno(errno), "certificate %s: key: %s: %s",
			model->name, model->key, strerror(errno));
	s->certificate_count++;
	if (fstat(to->key_fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(info, ERR_SYNTAX, "certificate %s: key: %s: not a file", model->name,
			model->key);
	return ERR_OK;
}

static enum err open_certificates(struct supervise_settings *s, struct err_info *info)
{
	size_t count = s->node->certificates.count;
	struct model_certificate *self;
	enum err e = ERR_OK;

	if (count == 0) {
		self = arena_alloc(s->arena, sizeof(*self));
		e = supervise_self_signed(s->node, runtime_now_ms(), s->arena, self, info);
		if (e != ERR_OK)
			return e;
		s->node->certificates.items = self;
		s->node->certificates.count = count = 1;
	}
	s->certificates = arena_array(s->arena, count, sizeof(s->certificates[0]));
	for (size_t i = 0; i < count && e == ERR_OK; i++)
		e = open_certificate(s, &s->node->certificates.items[i], info);
	return e;
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

	s->publish_fd = -1;
	s->arena = arena_new();
	s->node_file = arena_text(s->arena, node_file);
	e = supervise_node_load(node_file, s->arena, &s->node, info);
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
	if (e == ERR_OK)
		e = open_publish(s, previous, info);
	if (e == ERR_OK)
		e = open_certificates(s, info);
	if (e != ERR_OK)
		return e;
	open_roots(s);
	*ret = s;
	s = NULL;
	return ERR_OK;
}
