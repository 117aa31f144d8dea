#include "process/web/internal.h"

#include "port/log/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECT_AGAIN_MS = 100, LINGER_READS = 64 };

/* ---- the end -------------------------------------------------------------------------------- */

static void free_event(struct event **event)
{
	if (*event != NULL)
		event_free(*event);
	*event = NULL;
}

static void hang_up_admin(struct web_session *s)
{
	free_event(&s->admin_readable);
	free_event(&s->admin_writable);
	if (s->admin_fd >= 0)
		close(s->admin_fd);
	s->admin_fd = -1;
}

void web_session_end(struct web_session *s, const char *why)
{
	struct web *web = s->web;

	log_event(LOG_DEBUG_LEVEL, "web.closed", LOG_TEXT("address", s->address),
		LOG_TEXT("reason", why), LOG_NUMBER("ms", runtime_ticks_ms() - s->began));
	TAILQ_REMOVE(&web->sessions, s, links);
	web->session_count--;
	hang_up_admin(s);
	tls_session_free(&s->tls);
	free_event(&s->linger);
	free_event(&s->timer);
	close(s->fd);
	buf_free(&s->to_admin);
	buf_free(&s->to_client);
	free(s);
	if (web->is_draining && web->session_count == 0 && web->drained != NULL)
		web->drained(web);
}

/* How long the present wait may last. */
static int64_t patience(const struct web_session *s)
{
	switch (s->phase) {
	case WEB_HANDSHAKE:
		return WEB_HANDSHAKE_MS;
	case WEB_CONNECTING:
	case WEB_INTRODUCING:
		return WEB_INTRODUCTION_MS;
	case WEB_LINGERING:
		return WEB_LINGER_MS;
	default:
		return WEB_IDLE_MS;
	}
}

static void arm(struct web_session *s, int64_t ms)
{
	const struct timeval wait = {ms / 1000, (ms % 1000) * 1000};

	event_add(s->timer, &wait);
}

static void enter(struct web_session *s, enum web_phase phase)
{
	s->phase = phase;
	s->active = runtime_ticks_ms();
	arm(s, patience(s));
}

static void on_linger(evutil_socket_t fd, short what, void *context)
{
	struct web_session *s = context;

	(void)what;
	for (int i = 0; i < LINGER_READS; i++) {
		ssize_t n = recv(fd, s->web->scratch, sizeof(s->web->scratch), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			web_session_end(s, "closed");
			return;
		}
	}
}

void web_session_finish(struct web_session *s)
{
	hang_up_admin(s);
	tls_session_free(&s->tls); /* says goodbye */
	if (shutdown(s->fd, SHUT_WR) < 0) {
		web_session_end(s, "connection-lost");
		return;
	}
	buf_free(&s->to_admin);
	buf_free(&s->to_client);
	s->linger = event_new(s->web->base, s->fd, EV_READ | EV_PERSIST, on_linger, s);
	event_add(s->linger, NULL);
	enter(s, WEB_LINGERING);
}

bool web_session_is_idle(const struct web_session *s)
{
	if (s->phase != WEB_RELAYING)
		return true;
	return !s->awaits_answer && buf_length(&s->to_admin) == 0 && buf_length(&s->to_client) == 0;
}

void web_session_touch(struct web_session *s)
{
	s->active = runtime_ticks_ms();
	TAILQ_REMOVE(&s->web->sessions, s, links);
	TAILQ_INSERT_TAIL(&s->web->sessions, s, links);
}

/* ---- to admin ------------------------------------------------------------------------------- */

static void on_admin(evutil_socket_t fd, short what, void *context)
{
	struct web_session *s = context;

	(void)fd;
	(void)what;
	if (s->phase == WEB_INTRODUCING)
		web_relay_introduced(s);
	else
		web_relay_run(s);
}

/* ERR_AGAIN: admin has no room now. */
static enum err connect_admin(struct web_session *s)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum err e = ERR_OK;

	if (fd < 0)
		return err_from_errno(errno);
	memcpy(at.sun_path, s->web->socket, strlen(s->web->socket) + 1);
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		e = errno == EAGAIN ? ERR_AGAIN : err_from_errno(errno);
	if (e != ERR_OK) {
		close(fd);
		return e;
	}
	s->admin_fd = fd;
	s->admin_readable = event_new(s->web->base, fd, EV_READ | EV_PERSIST, on_admin, s);
	s->admin_writable = event_new(s->web->base, fd, EV_WRITE, on_admin, s);
	return ERR_OK;
}

static void introduce(struct web_session *s)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct receipt tls = {0};
	struct buf request;
	ssize_t n;

	tls_describe(s->tls, arena, &tls);
	buf_init(&request, 1000);
	buf_format(&request,
		"POST /-/peer HTTP/1.1\r\nHost: localhost\r\nX-Peer: %s\r\nX-Tls: %s\r\n"
		"Content-Length: 0\r\n\r\n",
		s->address, tls.version);
	/* Into an empty socket: it fits whole. */
	n = send(s->admin_fd, buf_str(&request).p, buf_length(&request), MSG_NOSIGNAL);
	if (n < 0 || (size_t)n != buf_length(&request)) {
		buf_free(&request);
		web_session_finish(s);
		return;
	}
	buf_free(&request);
	event_add(s->admin_readable, NULL);
	enter(s, WEB_INTRODUCING);
}

static void try_admin(struct web_session *s)
{
	enum err e = connect_admin(s);

	if (e == ERR_OK) {
		introduce(s);
	} else if (e == ERR_AGAIN && runtime_ticks_ms() - s->active < WEB_INTRODUCTION_MS) {
		arm(s, CONNECT_AGAIN_MS);
	} else {
		log_event(LOG_WARNING_LEVEL, "web.no_admin", LOG_TEXT("reason", err_text(e)));
		web_session_finish(s);
	}
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static void on_up(struct web_session *s)
{
	s->web->handshakes++;
	tls_want_read(s->tls, false); /* nothing is read before it can be passed on */
	enter(s, WEB_CONNECTING);
	try_admin(s);
}

static void on_failed(struct web_session *s, enum tls_event event)
{
	const char *text = NULL;

	if (s->phase != WEB_HANDSHAKE) {
		web_session_end(s, "tls-failed");
		return;
	}
	s->web->failures++;
	if (event == TLS_EVENT_FAILED)
		tls_failure(s->tls, &text);
	log_event(LOG_INFO_LEVEL, "tls.failed", LOG_TEXT("address", s->address),
		LOG_TEXT("reason", text != NULL ? text : "the connection ended"));
	web_session_finish(s);
}

static void on_tls(void *context, enum tls_event event)
{
	struct web_session *s = context;

	if (event == TLS_EVENT_UP)
		on_up(s);
	else if (event == TLS_EVENT_FAILED ||
		 (event == TLS_EVENT_CLOSED && s->phase == WEB_HANDSHAKE))
		on_failed(s, event);
	else if (event == TLS_EVENT_CLOSED && s->phase != WEB_RELAYING)
		web_session_end(s, "closed");
	else if (s->phase == WEB_RELAYING)
		web_relay_run(s);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct web_session *s = context;
	int64_t left = s->active + patience(s) - runtime_ticks_ms();

	(void)fd;
	(void)what;
	if (s->phase == WEB_CONNECTING) {
		try_admin(s);
		return;
	}
	if (left > 0) {
		arm(s, left);
		return;
	}
	if (s->phase == WEB_LINGERING) {
		web_session_end(s, "closed");
		return;
	}
	s->web->timeouts++;
	s->web->failures += s->phase == WEB_HANDSHAKE;
	web_session_end(s, "timeout");
}

/* ---- the beginning -------------------------------------------------------------------------- */

static void set_peer(struct web_session *s, const struct sockaddr *from)
{
	struct sockaddr_in in;
	struct in6_addr *to = &s->peer.sin6_addr;

	if (from->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, from, sizeof(in6));
		*to = in6.sin6_addr;
	} else if (from->sa_family == AF_INET) {
		memcpy(&in, from, sizeof(in));
		to->s6_addr[10] = to->s6_addr[11] = 0xff;
		memcpy(&to->s6_addr[12], &in.sin_addr, 4);
	}
	if (IN6_IS_ADDR_V4MAPPED(to))
		inet_ntop(AF_INET, &to->s6_addr[12], s->address, sizeof(s->address));
	else
		inet_ntop(AF_INET6, to, s->address, sizeof(s->address));
}

static bool is_neighbour(const struct web_session *a, const struct web_session *b)
{
	size_t count = IN6_IS_ADDR_V4MAPPED(&a->peer.sin6_addr) ? 16 : 8;

	return memcmp(&a->peer.sin6_addr, &b->peer.sin6_addr, count) == 0;
}

/* Of all, or of those from where NEW comes: the one that has been quiet for longest, if possible
 * one that has nothing under way. */
static struct web_session *quietest(struct web *web, const struct web_session *new, bool all)
{
	struct web_session *s, *best = NULL;

	TAILQ_FOREACH (s, &web->sessions, links) {
		if (s == new || (!all && !is_neighbour(s, new)))
			continue;
		if (web_session_is_idle(s))
			return s;
		if (best == NULL)
			best = s;
	}
	return best;
}

/* Make room for NEW: who holds many connections keeps nobody out. */
static void make_room(struct web *web, const struct web_session *new)
{
	struct web_session *s, *victim = NULL;
	size_t neighbours = 0;

	TAILQ_FOREACH (s, &web->sessions, links)
		neighbours += is_neighbour(s, new);
	if (neighbours > WEB_PER_ADDRESS_MAX)
		victim = quietest(web, new, false);
	else if (web->session_count > WEB_SESSIONS_MAX)
		victim = quietest(web, new, true);
	if (victim == NULL)
		return;
	web->over_limit++;
	web_session_end(victim, "too-many-connections");
}

void web_session_new(struct web *web, int fd, const struct sockaddr *from)
{
	struct web_session *s = mem_new(sizeof(*s));
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->web = web;
	s->fd = fd;
	s->admin_fd = -1;
	s->began = runtime_ticks_ms();
	s->timer = evtimer_new(web->base, on_timer, s);
	buf_init(&s->to_admin, WEB_BUFFER);
	buf_init(&s->to_client, WEB_BUFFER);
	set_peer(s, from);
	TAILQ_INSERT_TAIL(&web->sessions, s, links);
	web->session_count++;
	web->connections++;
	make_room(web, s);
	s->tls = tls_accept(web->tls, web->base, fd, NULL, on_tls, s);
	enter(s, WEB_HANDSHAKE);
}
