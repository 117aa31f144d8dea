#include "process/deliver/link_inside.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	CONNECT_MS = 30 * 1000,
	HANDSHAKE_MS = 60 * 1000,
	READ_SIZE = 16 * 1024,
	READS_AT_ONCE = 8, /* then others have their turn */
};

static void pump(struct deliver_link *link);

/* ---- the end --------------------------------------------------------------------------------- */

static void reap(evutil_socket_t fd, short what, void *context)
{
	struct deliver_link *link = context;

	(void)fd;
	(void)what;
	tls_session_free(&link->tls);
	tls_context_free(&link->options.tls);
	smtp_client_free(&link->client);
	event_free(link->timer);
	event_free(link->reaper);
	if (link->fd >= 0)
		close(link->fd);
	arena_free(&link->standing.arena);
	arena_free(&link->arena);
	free(link);
}

static void stop(struct deliver_link *link)
{
	link->state = DELIVER_LINK_OVER;
	if (link->reading != NULL)
		event_free(link->reading);
	if (link->writing != NULL)
		event_free(link->writing);
	link->reading = link->writing = NULL;
	evtimer_del(link->timer);
	if (link->tls != NULL)
		tls_want_read(link->tls, false);
}

/* The memory goes when the stack has been unwound: events of a link come from deep inside it. */
void deliver_link_free(struct deliver_link **pointer)
{
	struct deliver_link *link = *pointer;
	struct timeval now = {0, 0};

	if (link == NULL)
		return;
	*pointer = NULL;
	link->owner = NULL;
	stop(link);
	evtimer_add(link->reaper, &now);
}

static void tell(struct deliver_link *link, enum deliver_link_event event)
{
	if (link->owner != NULL) {
		link->owner->event(link->context, event);
	} else if (event == DELIVER_LINK_LOST && link->state != DELIVER_LINK_OVER) {
		deliver_link_free(&link);
	}
}

static void end(struct deliver_link *link, enum deliver_link_event event)
{
	if (link->state == DELIVER_LINK_OVER)
		return;
	if (link->owner != NULL)
		stop(link);
	tell(link, event);
}

static void fail(struct deliver_link *link, enum err error, const char *text)
{
	if (link->state == DELIVER_LINK_OVER)
		return;
	smtp_client_fail(link->client, error, text);
	pump(link);
}

/* ---- TLS ------------------------------------------------------------------------------------- */

static void read_tls(struct deliver_link *link);

/* The connection ended before the server said anything over TLS. */
static void note_late_refusal(struct deliver_link *link)
{
	const char *text = NULL;

	if (link->tls == NULL || !link->tls_up || link->heard)
		return;
	link->failure = tls_failure(link->tls, &text);
	link->certificate_refused = tls_is_refused(link->tls, link->arena, &link->receipt);
	if (link->failure == TLS_FAILURE_NONE)
		link->failure = TLS_FAILURE_CLOSED;
	snprintf(link->reason, sizeof(link->reason), "%s, right after the handshake%s",
		text != NULL ? text : "the server closed the connection",
		tls_certificate_asked(link->tls) ? " in which it asked for our certificate" : "");
}

static void on_tls_failed(struct deliver_link *link)
{
	const char *text = NULL;

	link->failure = tls_failure(link->tls, &text);
	link->certificate_refused = tls_is_refused(link->tls, link->arena, &link->receipt);
	snprintf(link->reason, sizeof(link->reason), "%s",
		text != NULL ? text : "the TLS connection failed");
	if (!link->tls_up)
		end(link, DELIVER_LINK_TLS_FAILED);
	else {
		note_late_refusal(link);
		fail(link, ERR_TLS, link->reason);
	}
}

static void on_tls(void *context, enum tls_event event)
{
	struct deliver_link *link = context;

	if (link->state == DELIVER_LINK_OVER)
		return;
	switch (event) {
	case TLS_EVENT_UP:
		link->tls_up = true;
		link->state = DELIVER_LINK_TALKING;
		tls_describe(link->tls, link->arena, &link->receipt);
		if (!link->options.is_implicit)
			smtp_client_secured(link->client);
		pump(link);
		break;
	case TLS_EVENT_READ:
		read_tls(link);
		break;
	case TLS_EVENT_WRITE:
		link->blocked = false;
		pump(link);
		break;
	case TLS_EVENT_CLOSED:
		if (!link->tls_up) {
			link->failure = TLS_FAILURE_CLOSED;
			snprintf(link->reason, sizeof(link->reason),
				"the server closed the connection during the handshake");
			end(link, DELIVER_LINK_TLS_FAILED);
		} else {
			read_tls(link);
		}
		break;
	case TLS_EVENT_FAILED:
		on_tls_failed(link);
		break;
	}
}

static void read_tls(struct deliver_link *link)
{
	char bytes[READ_SIZE];

	while (link->state == DELIVER_LINK_TALKING) {
		size_t n = 0;
		enum err e = tls_read(link->tls, bytes, sizeof(bytes), &n);

		if (e == ERR_AGAIN)
			return;
		if (e == ERR_TLS) {
			on_tls_failed(link);
			return;
		}
		if (e != ERR_OK || n == 0) {
			note_late_refusal(link);
			smtp_client_closed(link->client);
			pump(link);
			return;
		}
		link->heard = true;
		smtp_client_feed(link->client, str_make(bytes, n));
		pump(link);
	}
}

static void shake_hands(struct deliver_link *link)
{
	struct timeval time = {HANDSHAKE_MS / 1000, 0};
	const struct tls_client_options options = {
		.server_name = link->options.server_name,
		.identity = link->options.identity,
		.version = link->options.version,
		.cache_key = link->options.cache_key,
		.reduced_hello = link->options.attempt == RECEIPT_ATTEMPT_REDUCED,
		.minimum_version = link->options.minimum_version,
		.groups = link->options.groups,
		.groups_first = link->options.groups_first,
	};

	/* RFC 3207 6: it is thrown away.  But whoever sent it is not the server as it should be,
	 * and the same bytes a moment later would have broken the handshake: fail either way. */
	if (smtp_client_discarded(link->client) > 0) {
		link->failure = TLS_FAILURE_PROTOCOL;
		snprintf(link->reason, sizeof(link->reason),
			"%zu bytes in clear came behind the consent to STARTTLS",
			smtp_client_discarded(link->client));
		end(link, DELIVER_LINK_TLS_FAILED);
		return;
	}
	/* The socket belongs to TLS from here on. */
	event_free(link->reading);
	event_free(link->writing);
	link->reading = link->writing = NULL;
	link->state = DELIVER_LINK_HANDSHAKING;
	link->blocked = false;
	evtimer_add(link->timer, &time);
	link->tls = tls_connect(
		link->options.tls, link->options.base, link->fd, &options, on_tls, link);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static enum err write_some(struct deliver_link *link, struct str out, size_t *ret)
{
	ssize_t n;

	if (link->tls != NULL)
		return tls_write(link->tls, out.p, out.n, ret);
	n = send(link->fd, out.p, out.n, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : err_from_errno(errno);
	*ret = (size_t)n;
	return ERR_OK;
}

/* A server that says why it goes has said so before writing failed. */
static void look_for_alert(struct deliver_link *link)
{
	char byte;
	size_t n;

	if (link->tls != NULL && link->tls_up && !link->heard)
		(void)tls_read(link->tls, &byte, sizeof(byte), &n);
}

static void flush(struct deliver_link *link)
{
	while (!link->blocked && link->state == DELIVER_LINK_TALKING) {
		struct str out = smtp_client_output(link->client);
		size_t n = 0;
		enum err e;

		if (out.n == 0)
			return;
		e = write_some(link, out, &n);
		if (e == ERR_AGAIN) {
			link->blocked = true;
			return;
		}
		if (e != ERR_OK) {
			look_for_alert(link);
			note_late_refusal(link);
			smtp_client_fail(link->client, e, "the connection broke");
			return;
		}
		smtp_client_sent(link->client, n);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct deliver_link *link = context;
	char bytes[READ_SIZE];

	(void)what;
	for (int i = 0;
		i < READS_AT_ONCE && link->state == DELIVER_LINK_TALKING && link->tls == NULL;
		i++) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0) {
			smtp_client_feed(link->client, str_make(bytes, (size_t)n));
		} else if (n == 0) {
			smtp_client_closed(link->client);
		} else {
			smtp_client_fail(link->client, err_from_errno(errno), strerror(errno));
		}
		pump(link);
	}
}

static void unreachable(struct deliver_link *link, const char *why)
{
	snprintf(link->reason, sizeof(link->reason), "%s", why);
	end(link, DELIVER_LINK_UNREACHABLE);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	struct deliver_link *link = context;

	(void)what;
	if (link->state == DELIVER_LINK_CONNECTING) {
		int error = 0;
		socklen_t size = sizeof(error);

		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
			error = errno;
		if (error != 0) {
			unreachable(link, strerror(error));
			return;
		}
		if (link->options.is_implicit) {
			shake_hands(link);
			return;
		}
		link->state = DELIVER_LINK_TALKING;
		event_add(link->reading, NULL);
	}
	link->blocked = false;
	pump(link);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct deliver_link *link = context;

	(void)fd;
	(void)what;
	switch (link->state) {
	case DELIVER_LINK_CONNECTING:
		unreachable(link, "the connection attempt timed out");
		break;
	case DELIVER_LINK_HANDSHAKING:
		link->failure = TLS_FAILURE_CLOSED;
		snprintf(link->reason, sizeof(link->reason), "the handshake timed out");
		end(link, DELIVER_LINK_TLS_FAILED);
		break;
	case DELIVER_LINK_TALKING:
		if (smtp_client_is_idle(link->client))
			tell(link, DELIVER_LINK_LOST);
		else
			fail(link, ERR_TIMEOUT, "the server did not answer in time");
		break;
	case DELIVER_LINK_OVER:
		break;
	}
}

/* ---- the session ----------------------------------------------------------------------------- */

static void on_ready(struct deliver_link *link)
{
	bool offered = smtp_client_offers(link->client)->starttls;

	if (link->tls_up || link->refused) {
		tell(link, DELIVER_LINK_READY);
		return;
	}
	link->offered = offered;
	if (offered && link->options.tls != NULL && link->options.attempt != RECEIPT_ATTEMPT_CLEAR)
		smtp_client_starttls(link->client);
	else
		tell(link, DELIVER_LINK_READY);
}

static void on_event(struct deliver_link *link, enum smtp_client_event event)
{
	switch (event) {
	case SMTP_CLIENT_READY:
		on_ready(link);
		break;
	case SMTP_CLIENT_STARTTLS:
		shake_hands(link);
		break;
	case SMTP_CLIENT_STARTTLS_REFUSED:
		link->refused = true;
		tell(link, DELIVER_LINK_READY);
		break;
	case SMTP_CLIENT_DONE:
		tell(link, DELIVER_LINK_DONE);
		break;
	case SMTP_CLIENT_LOST:
	case SMTP_CLIENT_BYE:
		end(link, link->tls_up && !link->heard && link->failure != TLS_FAILURE_NONE
				  ? DELIVER_LINK_TLS_FAILED
				  : DELIVER_LINK_LOST);
		break;
	default:
		break;
	}
}

static bool take_content(struct deliver_link *link)
{
	size_t max = smtp_client_wants(link->client);
	struct str bytes;
	bool last = false;

	if (max == 0 || link->owner == NULL || link->owner->content == NULL)
		return false;
	if (!link->owner->content(link->context, max, &bytes, &last))
		return false;
	if (link->state == DELIVER_LINK_TALKING)
		smtp_client_give(link->client, bytes, last);
	return true;
}

static void arm(struct deliver_link *link)
{
	int64_t ms;

	if (link->state != DELIVER_LINK_TALKING)
		return;
	ms = smtp_client_timeout_ms(link->client);
	if (smtp_client_is_idle(link->client))
		ms = link->idle_ms;
	if (ms > 0) {
		struct timeval time = {ms / 1000, (ms % 1000) * 1000};

		evtimer_add(link->timer, &time);
	} else {
		evtimer_del(link->timer);
	}
	if (link->tls == NULL && link->blocked)
		event_add(link->writing, NULL);
}

static void tell_progress(struct deliver_link *link)
{
	const char *stage = smtp_client_stage(link->client);

	if (link->owner == NULL || link->owner->progress == NULL || stage == link->stage ||
		link->state == DELIVER_LINK_OVER)
		return;
	link->stage = stage;
	link->owner->progress(link->context, stage);
}

static void pump(struct deliver_link *link)
{
	enum smtp_client_event event;

	do {
		tell_progress(link);
		flush(link);
		if (link->state == DELIVER_LINK_OVER)
			return;
		event = smtp_client_next(link->client);
		if (event != SMTP_CLIENT_NOTHING)
			on_event(link, event);
	} while (link->state != DELIVER_LINK_OVER &&
		 (event != SMTP_CLIENT_NOTHING || take_content(link)));
	arm(link);
}

/* ---- making one ------------------------------------------------------------------------------ */

static struct record_texts copy_texts(struct arena *arena, struct record_texts from)
{
	const char **items = arena_array(arena, from.count + 1, sizeof(*items));

	for (size_t i = 0; i < from.count; i++)
		items[i] = arena_text(arena, from.items[i]);
	return (struct record_texts){items, from.count};
}

static void copy_options(struct deliver_link *link, const struct deliver_link_options *options)
{
	struct deliver_link_options *o = &link->options;
	struct arena *arena = link->arena;

	*o = *options;
	/* New settings may come before the handshake does. */
	o->tls = options->tls != NULL ? tls_context_ref(options->tls) : NULL;
	o->key = arena_text(arena, options->key);
	o->host = arena_text(arena, options->host);
	o->hello = arena_text(arena, options->hello);
	o->server_name = arena_text(arena, options->server_name);
	o->identity = arena_text(arena, options->identity);
	o->version = arena_text(arena, options->version);
	o->cache_key = arena_text(arena, options->cache_key);
	o->groups = copy_texts(arena, options->groups);
	link->receipt = (struct receipt){
		.direction = RECEIPT_OUT,
		.at_ms = options->now_ms,
		.host = o->host,
		.peer_address = arena_text(arena, options->address.text),
		.peer_port = options->address.port,
		.attempt = options->attempt,
	};
}

/* Errors of connect() are told from the loop, as everything else. */
static void on_connect(struct deliver_link *link)
{
	const struct deliver_address *to = &link->options.address;
	struct timeval time = {CONNECT_MS / 1000, 0};
	int one = 1;

	link->fd = socket(to->to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->fd < 0) {
		link->starved = true;
		unreachable(link, strerror(errno));
		return;
	}
	if (to->port > 0)
		setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	link->reading =
		event_new(link->options.base, link->fd, EV_READ | EV_PERSIST, on_readable, link);
	link->writing = event_new(link->options.base, link->fd, EV_WRITE, on_writable, link);
	if (connect(link->fd, &to->to.any, to->size) != 0 && errno != EINPROGRESS) {
		unreachable(link, strerror(errno));
		return;
	}
	event_add(link->writing, NULL);
	evtimer_add(link->timer, &time);
}

static void on_begin(evutil_socket_t fd, short what, void *context)
{
	struct deliver_link *link = context;

	if (link->state == DELIVER_LINK_CONNECTING && link->fd < 0)
		on_connect(link);
	else
		on_timer(fd, what, context);
}

struct deliver_link *deliver_link_new(const struct deliver_link_options *options,
	const struct deliver_link_owner *owner, void *context)
{
	struct deliver_link *link = mem_new(sizeof(*link));
	struct timeval now = {0, 0};
	struct smtp_client_options session = {
		.hello = options->hello,
		.lmtp = options->lmtp,
		.allow_helo = options->allow_helo,
	};

	link->arena = arena_new();
	link->owner = owner;
	link->context = context;
	link->fd = -1;
	copy_options(link, options);
	link->client = smtp_client_new(&session);
	link->timer = evtimer_new(options->base, on_begin, link);
	link->reaper = evtimer_new(options->base, reap, link);
	evtimer_add(link->timer, &now);
	return link;
}

void deliver_link_give(
	struct deliver_link *link, const struct deliver_link_owner *owner, void *context)
{
	link->owner = owner;
	link->context = context;
}

void deliver_link_quit(struct deliver_link **pointer)
{
	struct deliver_link *link = *pointer;

	if (link == NULL || link->state != DELIVER_LINK_TALKING ||
		!smtp_client_is_idle(link->client)) {
		deliver_link_free(pointer);
		return;
	}
	*pointer = NULL;
	link->owner = NULL;
	link->idle_ms = 0;
	smtp_client_quit(link->client);
	pump(link);
}

void deliver_link_poke(struct deliver_link *link)
{
	if (link->state == DELIVER_LINK_TALKING)
		pump(link);
}

void deliver_link_keep(struct deliver_link *link, int64_t idle_ms)
{
	link->idle_ms = idle_ms;
	arm(link);
}
