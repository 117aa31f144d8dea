#include "process/web/internal.h"

#include "port/log/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { DRAIN_LOOK_MS = 100 };

struct web *web_new(struct event_base *base)
{
	struct web *web = mem_new(sizeof(*web));

	web->base = base;
	web->signer = tls_signer_new(base);
	web_staple_new(web);
	TAILQ_INIT(&web->sessions);
	return web;
}

static void tell_drained(struct web *web)
{
	runtime_drained(web->runtime);
}

static void *create(struct runtime *runtime)
{
	struct web *web = web_new(runtime_base(runtime));

	web->runtime = runtime;
	web->drained = tell_drained;
	return web;
}

/* ---- settings ------------------------------------------------------------------------------- */

/* Of the certificate that the node names, or of its first one: all versions and kinds of key. */
static enum err make_tls(struct web *web, const struct runtime_settings *settings,
	struct tls_context **ret, struct err_info *info)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct tls_identity_source *sources =
		arena_array(arena, settings->certificate_count + 1, sizeof(*sources));
	const char *name = model_https_certificate(settings->node);
	struct tls_context_options options = {.identities = sources,
		.protocol = "http/1.1",
		.is_for_anybody = true,
		.staples = web->staples,
		.ticket_key = settings->node->tls.tickets ? settings->ticket_key : NULL};
	struct err_info why = {.text = ""};
	enum err e;

	for (size_t i = 0; i < settings->certificate_count; i++) {
		const struct runtime_certificate *c = &settings->certificates[i];

		if (name != NULL && strcmp(c->name, name) == 0)
			sources[options.identity_count++] =
				(struct tls_identity_source){.name = c->name,
					.version = c->version,
					.state = c->state,
					.chain = c->chain};
	}
	if (options.identity_count == 0)
		return err_set(info, ERR_UNKNOWN, "admin.certificate: no certificate for HTTPS");
	e = tls_server_context_new(web->signer, &options, ret, &why);
	return e == ERR_OK ? ERR_OK : err_set(info, e, "admin.certificate: %s", why.text);
}

static enum err set_socket(struct web *web, const char *run, struct err_info *info)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int n = snprintf(path, sizeof(path), "%s/web.sock", run);

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(info, ERR_TOO_LONG, "run: %s is too long a path", run);
	free(web->socket);
	web->socket = mem_text(path);
	return ERR_OK;
}

static enum err apply(void *self, const struct runtime_settings *settings, struct err_info *info)
{
	struct web *web = self;
	struct tls_context *tls = NULL;
	int fd = settings->door_fds[RUNTIME_DOOR_HTTPS];
	enum err e = set_socket(web, settings->node->run, info);

	if (e == ERR_OK && fd >= 0)
		e = make_tls(web, settings, &tls, info);
	if (e != ERR_OK || web->is_draining) {
		tls_context_free(&tls);
		if (fd >= 0)
			close(fd);
		return e;
	}
	/* Sessions keep the one they began with. */
	tls_context_free(&web->tls);
	web->tls = tls;
	web_staple_begin(web, settings);
	web_listen(web, fd);
	return ERR_OK;
}

static void peer(void *self, enum runtime_role role, unsigned index, int fd)
{
	struct web *web = self;

	(void)index;
	if (role == RUNTIME_KEYS)
		tls_signer_peer(web->signer, fd);
	else if (role == RUNTIME_LOOKUP)
		web_staple_peer(web, fd);
	else
		close(fd);
}

static void start(void *self)
{
	struct web *web = self;

	web->is_started = true;
	if (web->accept != NULL)
		event_add(web->accept, NULL);
}

/* ---- the end -------------------------------------------------------------------------------- */

static bool may_go(const struct web *web, const struct web_session *s, int64_t now)
{
	if (now - web->drain_since >= WEB_DRAIN_MS)
		return true;
	return s->phase != WEB_LINGERING && web_session_is_idle(s) &&
	       now - s->active >= WEB_QUIET_MS;
}

static void on_draining(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval pause = {0, DRAIN_LOOK_MS * 1000};
	struct web *web = context;
	int64_t now = runtime_ticks_ms();
	struct web_session *s, *next;

	(void)fd;
	(void)what;
	event_add(web->draining, &pause);
	for (s = TAILQ_FIRST(&web->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, links);
		if (may_go(web, s, now))
			web_session_end(s, "shutting-down");
	}
}

static void drain(void *self)
{
	struct web *web = self;

	web->is_draining = true;
	web->drain_since = runtime_ticks_ms();
	web_listen(web, -1);
	if (web->session_count == 0) {
		web->drained(web);
		return;
	}
	web->draining = evtimer_new(web->base, on_draining, web);
	event_active(web->draining, EV_TIMEOUT, 0);
}

static json_t *stats(void *self)
{
	const struct web *web = self;

	return json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I}", "listening", web->accept != NULL,
		"sessions", (json_int_t)web->session_count, "connections",
		(json_int_t)web->connections, "handshakes", (json_int_t)web->handshakes, "failures",
		(json_int_t)web->failures, "over_limit", (json_int_t)web->over_limit, "timeouts",
		(json_int_t)web->timeouts);
}

static void destroy(void *self)
{
	struct web *web = self;

	web->drained = NULL;
	while (!TAILQ_EMPTY(&web->sessions))
		web_session_end(TAILQ_FIRST(&web->sessions), "process-ends");
	web_accept_free(web);
	if (web->draining != NULL)
		event_free(web->draining);
	tls_context_free(&web->tls);
	web_staple_free(web);
	tls_signer_free(&web->signer);
	free(web->socket);
	free(web);
}

const struct runtime_process web_process = {
	.role = RUNTIME_WEB,
	.create = create,
	.apply = apply,
	.peer = peer,
	.start = start,
	.drain = drain,
	.stats = stats,
	.destroy = destroy,
};
