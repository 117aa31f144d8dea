/*
 * One connection.
 *
 *     PROXY --> HANDSHAKE --> SMTP <--> STARTTLS --> HANDSHAKE --> SMTP
 *                              |
 *                              +--> CLOSING --> LINGER --> DEAD
 *
 * A session has no input buffer of its own: bytes are read into one shared buffer and taken from
 * there; only what must wait (for the spool, for an answer) is copied aside, and then nothing more
 * is read.
 */
#include "process/receive/internal.h"

#include "port/log/log.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LINGER_MS = 2000,   /* for the client to read our last words */
	CLOSING_MS = 10000, /* for the socket to take them */
	BATCH = 32,	    /* reads before others get their turn */
};

/* ---- birth and death ------------------------------------------------------------------------ */

static void log_end(struct receive_session *s)
{
	const struct receipt *tls = &s->facts_receipt;

	if (s->phase == RECEIVE_PHASE_DEAD)
		return;
	log_event(LOG_INFO_LEVEL, "connection.closed",
		LOG_TEXT("listener", s->listener->model->name), LOG_TEXT("address", s->address),
		LOG_TEXT("helo", s->helo), LOG_TEXT("reason", s->end),
		LOG_TEXT("tls", tls->version), LOG_TEXT("cipher", tls->cipher),
		LOG_NUMBER("messages", (int64_t)smtp_server_messages(s->smtp)),
		LOG_NUMBER("refused", (int64_t)s->refused),
		LOG_NUMBER("errors", (int64_t)smtp_server_errors(s->smtp)),
		LOG_TEXT("early", smtp_server_was_early(s->smtp) ? "yes" : NULL),
		LOG_NUMBER("ms", runtime_ticks_ms() - s->began_ticks));
}

static void unlink_session(struct receive_session *s)
{
	*s->place = s->next;
	if (s->next != NULL)
		s->next->place = s->place;
	s->receive->session_count--;
}

void receive_session_end(struct receive_session *s, const char *why)
{
	struct receive *r = s->receive;

	if (s->phase == RECEIVE_PHASE_DEAD)
		return;
	if (s->end == NULL)
		s->end = why;
	if (why != NULL && strcmp(why, "timeout") == 0)
		r->timeouts++;
	receive_leaving_ends(s, s->end);
	receive_standing_forget(s);
	receive_transaction_drop(s);
	log_end(s);
	s->phase = RECEIVE_PHASE_DEAD;
	tls_session_free(&s->tls);
	event_del(s->readable);
	event_del(s->writable);
	event_del(s->timer);
	close(s->fd);
	s->fd = -1;
	if (s->is_counted)
		runtime_addresses_remove(r->addresses, &s->peer.any);
	unlink_session(s);
	/* Somebody up the stack may still hold it: it is freed from the loop. */
	s->next = r->graves;
	r->graves = s;
	event_active(r->digger, EV_TIMEOUT, 0);
}

static void free_session(struct receive_session *s)
{
	event_free(s->readable);
	event_free(s->writable);
	event_free(s->timer);
	smtp_server_free(&s->smtp);
	buf_free(&s->pending);
	arena_free(&s->facts_arena);
	receive_settings_drop(&s->settings);
	free(s->helo);
	free(s);
}

void receive_session_bury(struct receive *r)
{
	while (r->graves != NULL) {
		struct receive_session *s = r->graves;

		r->graves = s->next;
		free_session(s);
	}
	if (r->is_draining && r->session_count == 0 && !r->is_drained) {
		r->is_drained = true;
		if (r->drained != NULL)
			r->drained(r);
	}
}

/* ---- time ----------------------------------------------------------------------------------- */

/* How long the present wait may last; -1: as long as it takes. */
static int64_t patience(const struct receive_session *s)
{
	const struct model_limits *limits = &s->settings->node->limits;

	switch (s->phase) {
	case RECEIVE_PHASE_PROXY:
	case RECEIVE_PHASE_HANDSHAKE:
		return limits->handshake_ms;
	case RECEIVE_PHASE_CLOSING:
		return CLOSING_MS;
	case RECEIVE_PHASE_LINGER:
		return LINGER_MS;
	default:
		break;
	}
	switch (smtp_server_waits_for(s->smtp)) {
	case SMTP_SERVER_WAIT_ANSWER:
		return -1;
	case SMTP_SERVER_WAIT_CONTENT:
		/* When the spool is behind, it is not the client who is slow. */
		return receive_transaction_has_room(s) ? limits->data_idle_ms : -1;
	default:
		return limits->idle_ms;
	}
}

static void arm(struct receive_session *s)
{
	int64_t now = runtime_ticks_ms(), ms = patience(s);
	int64_t whole = s->began_ticks + s->settings->node->limits.session_ms - now;
	struct timeval wait;

	if (ms >= 0)
		ms = s->active_ticks + ms - now;
	if (ms < 0 || whole < ms)
		ms = whole;
	/* While an answer is awaited the limit of the session may have passed already. */
	if (ms < 10)
		ms = patience(s) < 0 ? 1000 : 10;
	wait = (struct timeval){ms / 1000, (ms % 1000) * 1000};
	event_add(s->timer, &wait);
}

static void touch(struct receive_session *s)
{
	s->active_ticks = runtime_ticks_ms();
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct receive_session *s = context;
	int64_t now = runtime_ticks_ms(), ms = patience(s);
	bool is_idle = ms >= 0 && now >= s->active_ticks + ms;
	bool is_old = ms >= 0 && now >= s->began_ticks + s->settings->node->limits.session_ms;

	(void)fd;
	(void)what;
	if (!is_idle && !is_old) {
		receive_session_run(s);
		return;
	}
	if (s->phase != RECEIVE_PHASE_SMTP) {
		receive_session_end(s, s->phase == RECEIVE_PHASE_LINGER ? "closed" : "timeout");
		return;
	}
	s->end = "timeout";
	s->receive->timeouts++;
	smtp_server_end(s->smtp, 421, "4.4.2",
		is_idle ? "Idle for too long, closing" : "Session lasted too long, closing");
	receive_session_run(s);
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static void greet(struct receive_session *s)
{
	struct smtp_server_action action;
	struct str early = STR("early");

	s->phase = RECEIVE_PHASE_SMTP;
	touch(s);
	if (receive_link_has_input(s)) {
		/* What was said is read later; that it was said is what counts. */
		s->receive->early++;
		if (smtp_server_next(s->smtp, &early, &action)) {
			s->phase = RECEIVE_PHASE_CLOSING;
			receive_transaction_act(s, &action);
		}
	}
	smtp_server_greet(s->smtp);
}

static void on_handshake_done(struct receive_session *s)
{
	bool was_clear = s->phase == RECEIVE_PHASE_HANDSHAKE &&
			 smtp_server_waits_for(s->smtp) == SMTP_SERVER_WAIT_TLS;

	receive_count_handshake(s);
	s->facts.is_tls = true;
	s->facts_of = 0;
	receive_facts(s);
	if (!was_clear) {
		greet(s);
		return;
	}
	free(s->helo);
	s->helo = NULL;
	s->phase = RECEIVE_PHASE_SMTP;
	smtp_server_tls_up(s->smtp);
	touch(s);
}

static void on_tls_failed(struct receive_session *s)
{
	const char *text = NULL;

	if (s->phase == RECEIVE_PHASE_HANDSHAKE) {
		receive_count_handshake_failed(s);
		tls_failure(s->tls, &text);
		receive_present_failed(s, text);
		log_event(LOG_INFO_LEVEL, "tls.failed",
			LOG_TEXT("listener", s->listener->model->name),
			LOG_TEXT("address", s->address), LOG_TEXT("reason", text));
		receive_session_end(s, "handshake-failed");
		return;
	}
	receive_session_end(s, "tls-failed");
}

static void on_tls(void *context, enum tls_event event)
{
	struct receive_session *s = context;

	switch (event) {
	case TLS_EVENT_UP:
		on_handshake_done(s);
		break;
	case TLS_EVENT_FAILED:
		on_tls_failed(s);
		return;
	case TLS_EVENT_CLOSED:
		if (s->phase == RECEIVE_PHASE_HANDSHAKE) {
			receive_count_handshake_failed(s);
			receive_session_end(s, "handshake-failed");
			return;
		}
		break;
	case TLS_EVENT_READ:
	case TLS_EVENT_WRITE:
		break;
	}
	receive_session_run(s);
}

static void begin_handshake(struct receive_session *s)
{
	static const struct tls_accept_options options = {.choose = receive_present_choose};

	s->phase = RECEIVE_PHASE_HANDSHAKE;
	receive_link_want(s, false, false);
	touch(s);
	/* RFC 3207 4.2: nothing that came in clear text goes on. */
	buf_free(&s->pending);
	s->tls = tls_accept(s->listener->tls, s->receive->base, s->fd, &options, on_tls, s);
	arm(s);
}

/* ---- the loop of one session ---------------------------------------------------------------- */

/* Give input to the machine, carry out what it asks. */
static void take_input(struct receive_session *s, struct str *input)
{
	struct smtp_server_action action;

	while (s->phase == RECEIVE_PHASE_SMTP && receive_transaction_has_room(s) &&
		smtp_server_next(s->smtp, input, &action)) {
		if (action.type == SMTP_SERVER_CLOSE)
			s->phase = RECEIVE_PHASE_CLOSING;
		if (action.type == SMTP_SERVER_STARTTLS)
			s->phase = RECEIVE_PHASE_STARTTLS;
		receive_transaction_act(s, &action);
	}
}

static void take_pending(struct receive_session *s)
{
	struct str input = buf_str(&s->pending);
	size_t before = input.n;

	take_input(s, &input);
	if (s->phase != RECEIVE_PHASE_SMTP) {
		buf_free(&s->pending);
		return;
	}
	buf_take(&s->pending, before - input.n);
	if (buf_length(&s->pending) == 0)
		buf_free(&s->pending);
}

/* Would the machine take input now? */
static bool can_take(const struct receive_session *s)
{
	enum smtp_server_wait wait = smtp_server_waits_for(s->smtp);

	return s->phase == RECEIVE_PHASE_SMTP &&
	       (wait == SMTP_SERVER_WAIT_COMMAND || wait == SMTP_SERVER_WAIT_CONTENT) &&
	       buf_length(smtp_server_output(s->smtp)) <= SMTP_SERVER_OUTPUT_HIGH &&
	       receive_transaction_has_room(s);
}

static bool wants_input(const struct receive_session *s)
{
	return can_take(s) && buf_length(&s->pending) == 0 && !s->has_ended;
}

/* One read; false when there is nothing to read now. */
static bool read_once(struct receive_session *s)
{
	struct receive *r = s->receive;
	struct str input;
	size_t n = 0;
	enum err e = receive_link_read(s, r->scratch, sizeof(r->scratch), &n);

	if (e == ERR_AGAIN)
		return false;
	if (e != ERR_OK) {
		s->has_ended = true;
		return false;
	}
	touch(s);
	input = str_make(r->scratch, n);
	take_input(s, &input);
	if (s->phase == RECEIVE_PHASE_SMTP && input.n > 0)
		buf_put(&s->pending, input);
	return true;
}

static void linger(struct receive_session *s)
{
	if (s->has_ended) {
		receive_session_end(s, "closed");
		return;
	}
	/* Closing with unread input would reset the connection, and our last words with it. */
	tls_session_free(&s->tls);
	shutdown(s->fd, SHUT_WR);
	s->phase = RECEIVE_PHASE_LINGER;
	touch(s);
	receive_link_want(s, true, false);
	arm(s);
}

/* Write what there is; then the phases that waited for that go on. False: the session is over or
 * another phase has taken it. */
static bool write_output(struct receive_session *s, bool *ret_blocked)
{
	enum err e = receive_link_write(s, smtp_server_output(s->smtp));

	*ret_blocked = e == ERR_AGAIN;
	if (e != ERR_OK && e != ERR_AGAIN) {
		receive_session_end(s, "connection-lost");
		return false;
	}
	if (e == ERR_AGAIN)
		return true;
	if (s->phase == RECEIVE_PHASE_CLOSING) {
		linger(s);
		return false;
	}
	if (s->phase == RECEIVE_PHASE_STARTTLS) {
		begin_handshake(s);
		return false;
	}
	return true;
}

static void go_on(struct receive_session *s)
{
	bool is_blocked = false;

	for (int i = 0; i < BATCH; i++) {
		size_t before = buf_length(&s->pending);

		take_pending(s);
		if (!write_output(s, &is_blocked))
			return;
		if (buf_length(&s->pending) > 0 && buf_length(&s->pending) < before)
			continue;
		if (!wants_input(s) || !read_once(s))
			break;
	}
	/* What the last read led to. */
	take_pending(s);
	if (!write_output(s, &is_blocked))
		return;
	if (s->has_ended && !is_blocked && buf_length(&s->pending) == 0 &&
		smtp_server_waits_for(s->smtp) != SMTP_SERVER_WAIT_ANSWER) {
		receive_session_end(s, "connection-lost");
		return;
	}
	receive_link_want(s, wants_input(s), is_blocked);
	arm(s);
	if (buf_length(&s->pending) > 0 && !is_blocked && can_take(s))
		event_active(s->timer, EV_TIMEOUT, 0);
}

void receive_session_run(struct receive_session *s)
{
	if (s->is_running)
		return;
	s->is_running = true;
	if (s->phase == RECEIVE_PHASE_SMTP || s->phase == RECEIVE_PHASE_STARTTLS ||
		s->phase == RECEIVE_PHASE_CLOSING)
		go_on(s);
	else if (s->phase != RECEIVE_PHASE_DEAD)
		arm(s);
	s->is_running = false;
}

/* ---- the first moments ---------------------------------------------------------------------- */

/* The address is known: may it come in, and how does it begin? */
static void begin(struct receive_session *s)
{
	struct receive *r = s->receive;
	const char *reply = NULL;

	if (r->addresses != NULL && s->facts.has_address) {
		runtime_addresses_add(r->addresses, &s->peer.any);
		s->is_counted = true;
	}
	if (!receive_accept_fits(r, s->settings, s->is_counted ? &s->peer.any : NULL, &reply)) {
		r->over_limit++;
		if (s->listener->model->tls != MODEL_TLS_IMPLICIT)
			(void)send(s->fd, reply, strlen(reply), MSG_NOSIGNAL);
		receive_session_end(s, "too-many-connections");
		return;
	}
	if (s->listener->model->tls == MODEL_TLS_IMPLICIT) {
		begin_handshake(s);
		return;
	}
	greet(s);
	receive_session_run(s);
}

static void on_proxy(struct receive_session *s)
{
	enum err e = receive_link_proxy(s);

	if (e == ERR_AGAIN)
		return;
	if (e != ERR_OK) {
		receive_session_end(s, "no-proxy-header");
		return;
	}
	begin(s);
}

static void on_linger(struct receive_session *s)
{
	struct receive *r = s->receive;
	size_t n;
	enum err e = receive_link_read(s, r->scratch, sizeof(r->scratch), &n);

	if (e != ERR_OK && e != ERR_AGAIN)
		receive_session_end(s, "closed");
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct receive_session *s = context;

	(void)fd;
	(void)what;
	if (s->phase == RECEIVE_PHASE_PROXY)
		on_proxy(s);
	else if (s->phase == RECEIVE_PHASE_LINGER)
		on_linger(s);
	else
		receive_session_run(s);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	struct receive_session *s = context;

	(void)fd;
	(void)what;
	touch(s);
	receive_session_run(s);
}

static void link_session(struct receive_session *s)
{
	struct receive *r = s->receive;

	s->next = r->sessions;
	s->place = &r->sessions;
	if (s->next != NULL)
		s->next->place = &s->next;
	r->sessions = s;
	r->session_count++;
	receive_count_connection(s);
}

void receive_session_new(
	struct receive_listener *l, int fd, const struct sockaddr *peer, socklen_t length)
{
	struct receive_session *s = mem_new(sizeof(*s));
	struct event_base *base = l->receive->base;
	int on = 1;

	s->receive = l->receive;
	s->listener = l;
	s->settings = receive_settings_keep(l->settings);
	s->fd = fd;
	s->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, s);
	s->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, s);
	s->timer = event_new(base, -1, 0, on_timer, s);
	s->smtp = smtp_server_new(&l->smtp, l->model->tls == MODEL_TLS_IMPLICIT);
	s->began_ms = runtime_now_ms();
	s->began_ticks = s->active_ticks = runtime_ticks_ms();
	buf_init(&s->pending, RECEIVE_SCRATCH);
	link_session(s);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (length >= sizeof(peer->sa_family))
		receive_link_address(s, peer);
	if (!l->model->proxy) {
		begin(s);
		return;
	}
	s->phase = RECEIVE_PHASE_PROXY;
	receive_link_want(s, true, false);
	arm(s);
}

void receive_session_drain(struct receive_session *s)
{
	if (s->phase == RECEIVE_PHASE_PROXY || s->phase == RECEIVE_PHASE_HANDSHAKE) {
		receive_session_end(s, "shutting-down");
		return;
	}
	if (s->end == NULL && !smtp_server_has_transaction(s->smtp))
		s->end = "shutting-down";
	smtp_server_drain(s->smtp);
	receive_session_run(s);
}
