/*
 * Bytes both ways.  Each direction has one buffer of bounded size: what does not leave is not read,
 * so that a slow reader slows down who writes to it, and nobody else.
 *
 * The client's end (close_notify) is passed on as a half close; admin's end closes the connection
 * when all that it has said has left.
 */
#include "process/web/internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 16 }; /* then others have their turn */

/* ---- from the client ------------------------------------------------------------------------ */

static void throw_away(struct web_session *s)
{
	if (s->admin_is_deaf)
		buf_free(&s->to_admin);
}

/* True: something came. */
static bool read_client(struct web_session *s)
{
	size_t room = buf_room(&s->to_admin), n = 0;
	enum err e;

	if (s->client_ended || room == 0)
		return false;
	e = tls_read(s->tls, s->web->scratch, room, &n);
	if (e == ERR_OK) {
		buf_put(&s->to_admin, str_make(s->web->scratch, n));
		s->awaits_answer = true;
		throw_away(s);
		return true;
	}
	if (e != ERR_AGAIN)
		s->client_ended = true; /* a failure is told by an event of its own */
	return false;
}

static bool write_admin(struct web_session *s)
{
	struct str bytes = buf_str(&s->to_admin);
	ssize_t n;

	if (bytes.n == 0 || s->admin_is_deaf)
		return false;
	n = send(s->admin_fd, bytes.p, bytes.n, MSG_NOSIGNAL);
	if (n < 0) {
		/* It may have answered before it hung up: that still counts. */
		s->admin_is_deaf = errno != EAGAIN && errno != EINTR;
		throw_away(s);
		return false;
	}
	buf_take(&s->to_admin, (size_t)n);
	if (buf_length(&s->to_admin) == 0)
		buf_free(&s->to_admin);
	return n > 0;
}

/* ---- from admin ----------------------------------------------------------------------------- */

static bool read_admin(struct web_session *s)
{
	size_t room = buf_room(&s->to_client);
	ssize_t n;

	if (s->admin_ended || room == 0)
		return false;
	n = recv(s->admin_fd, s->web->scratch, room, 0);
	if (n > 0) {
		buf_put(&s->to_client, str_make(s->web->scratch, (size_t)n));
		s->awaits_answer = false;
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		s->admin_ended = true;
	return false;
}

/* False: the session is over. */
static bool write_client(struct web_session *s, bool *ret_moved)
{
	struct str bytes = buf_str(&s->to_client);
	size_t n = 0;
	enum err e;

	if (bytes.n == 0)
		return true;
	e = tls_write(s->tls, bytes.p, bytes.n, &n);
	if (e != ERR_OK && e != ERR_AGAIN)
		return false;
	if (e == ERR_OK) {
		buf_take(&s->to_client, n);
		*ret_moved = true;
	}
	if (buf_length(&s->to_client) == 0)
		buf_free(&s->to_client);
	return true;
}

/* ---- both ----------------------------------------------------------------------------------- */

static void watch(struct event *event, bool wanted)
{
	if (wanted)
		event_add(event, NULL);
	else
		event_del(event);
}

static void watch_all(struct web_session *s)
{
	tls_want_read(s->tls, !s->client_ended && buf_room(&s->to_admin) > 0);
	watch(s->admin_readable, !s->admin_ended && buf_room(&s->to_client) > 0);
	watch(s->admin_writable, buf_length(&s->to_admin) > 0);
}

static void pass_on_the_end(struct web_session *s)
{
	if (!s->client_ended || s->is_half_closed || buf_length(&s->to_admin) > 0)
		return;
	s->is_half_closed = true;
	shutdown(s->admin_fd, SHUT_WR);
}

/* False: the session is over. */
static bool move(struct web_session *s, bool *ret_moved)
{
	*ret_moved = read_client(s);
	*ret_moved |= write_admin(s);
	*ret_moved |= read_admin(s);
	return write_client(s, ret_moved);
}

void web_relay_run(struct web_session *s)
{
	bool moved = true, any = false;

	for (int i = 0; i < ROUNDS && moved; i++) {
		if (!move(s, &moved)) {
			web_session_end(s, "connection-lost");
			return;
		}
		any = any || moved;
	}
	if (any)
		web_session_touch(s);
	pass_on_the_end(s);
	if (s->admin_ended && buf_length(&s->to_client) == 0) {
		web_session_finish(s);
		return;
	}
	watch_all(s);
	if (moved)
		event_active(s->admin_writable, EV_WRITE, 0);
}

/* Behind the blank line stands nothing yet: admin speaks when it is spoken to. */
void web_relay_introduced(struct web_session *s)
{
	static const struct str good = STR("HTTP/1.1 204 "), end = STR("\r\n\r\n");
	char *room = buf_reserve(&s->to_client, WEB_ANSWER_MAX);
	ssize_t n = recv(s->admin_fd, room, WEB_ANSWER_MAX, 0);
	struct str answer;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		buf_added(&s->to_client, (size_t)n);
	answer = buf_str(&s->to_client);
	if (n <= 0 || answer.n > WEB_ANSWER_MAX) {
		web_session_finish(s);
		return;
	}
	if (answer.n < end.n || memcmp(answer.p + answer.n - end.n, end.p, end.n) != 0)
		return;
	if (!str_starts_nocase(answer, good)) {
		web_session_finish(s);
		return;
	}
	buf_free(&s->to_client);
	s->phase = WEB_RELAYING;
	web_session_touch(s);
	web_relay_run(s);
}
