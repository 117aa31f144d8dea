#include "process/admin/publish.h"

#include "base/mem.h"
#include "base/moment.h"
#include "core/publish/request.h"
#include "port/log/log.h"
#include "port/runtime/runtime.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 16, PAUSE_S = 1, READ_BYTES = 2048 };

enum state { READING, LATER, WRITING, LINGERING };

struct connection {
	struct connection *next, **link; /* newest first */
	struct admin_publish *publish;
	enum state state;
	int fd;
	struct sockaddr_in6 peer; /* IPv4 as ::ffff:a.b.c.d */
	struct event *event, *timer;
	struct buf head;	 /* READING: of the request; WRITING: of the answer */
	struct admin_page *page; /* NULL: the answer is in HEAD alone */
	size_t sent;		 /* of the page */
};

struct admin_publish {
	struct event_base *base;
	admin_page_find *find;
	void *context;
	struct event *accept, *again; /* NULL: no socket */
	struct connection *connections;
	size_t count;
	int64_t served;
};

/* ---- pages ----------------------------------------------------------------------------------- */

struct admin_page *admin_page_new(const char *type, int64_t max_age_s)
{
	struct admin_page *page = mem_new(sizeof(*page));

	page->holders = 1;
	page->status = 200;
	page->type = type;
	page->max_age_s = max_age_s;
	buf_init(&page->body, ADMIN_PAGE_MAX);
	return page;
}

struct admin_page *admin_page_ref(struct admin_page *page)
{
	page->holders++;
	return page;
}

void admin_page_free(struct admin_page **page)
{
	struct admin_page *p = *page;

	*page = NULL;
	if (p == NULL || --p->holders > 0)
		return;
	buf_free(&p->body);
	free(p);
}

/* ---- one connection -------------------------------------------------------------------------- */

static void close_connection(struct connection *c)
{
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	c->publish->count--;
	event_free(c->event);
	event_free(c->timer);
	close(c->fd);
	buf_free(&c->head);
	admin_page_free(&c->page);
	free(c);
}

static void on_io(evutil_socket_t fd, short what, void *context);

static void enter(struct connection *c, enum state state, short events, int seconds)
{
	const struct timeval limit = {seconds, 0};

	c->state = state;
	event_del(c->event);
	event_assign(c->event, c->publish->base, c->fd, events | EV_PERSIST, on_io, c);
	event_add(c->event, NULL);
	event_add(c->timer, &limit);
}

static const char *reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 414:
		return "URI Too Long";
	case 503:
		return "Service Unavailable";
	case 431:
		return "Request Header Fields Too Large";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Bad Request";
	}
}

/* IMF-fixdate (RFC 9110 5.6.7): as in mail, but that the zone is called GMT. */
static void put_date(struct buf *out)
{
	char text[MOMENT_TEXT_SIZE];

	moment_format_rfc5322(runtime_now_ms(), text);
	buf_format(out, "Date: %.*s GMT\r\n", (int)(strlen(text) - strlen(" +0000")), text);
}

static void put_head(struct buf *out, int status, const struct admin_page *page, size_t length)
{
	buf_format(out, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
	put_date(out);
	buf_format(out,
		"Connection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n",
		page != NULL ? page->type : "text/plain; charset=utf-8", length);
	if (page != NULL && page->max_age_s > 0)
		buf_format(out, "Cache-Control: max-age=%lld\r\n", (long long)page->max_age_s);
	else
		buf_put_text(out, "Cache-Control: no-store\r\n");
	if (status == 405)
		buf_put_text(out, "Allow: GET, HEAD\r\n");
	buf_put_text(out, "\r\n");
}

static void wait_for_page(struct connection *c)
{
	if (c->state == LATER)
		return;
	/* No events: what it says meanwhile is nothing, and its end is seen when it is written to.
	 */
	enter(c, LATER, 0, ADMIN_PUBLISH_LATER_S);
}

static void answer(struct connection *c, int status, const struct publish_request *request)
{
	bool is_head = status == 200 && request->is_head, later = false;
	const char *words;

	if (status == 200) {
		c->page = c->publish->find(c->publish->context, request->path, &later);
		if (later) {
			wait_for_page(c);
			return;
		}
		status = c->page != NULL ? c->page->status : 404;
	}
	log_event(LOG_DEBUG_LEVEL, "publish.answered", LOG_NUMBER("status", status));
	buf_clear(&c->head); /* the request is over, and its slices with it */
	words = reason_of(status);
	if (c->page != NULL) {
		c->publish->served++;
		put_head(&c->head, status, c->page, buf_length(&c->page->body));
	} else {
		put_head(&c->head, status, NULL, strlen(words) + 1);
	}
	if (is_head)
		admin_page_free(&c->page);
	else if (c->page == NULL)
		buf_format(&c->head, "%s\n", words);
	enter(c, WRITING, EV_WRITE, ADMIN_PUBLISH_WRITE_S);
}

/* What is in the head of a request, if it is whole. */
static void answer_head(struct connection *c)
{
	struct publish_request request = {.is_head = false};
	int status = publish_request_parse(buf_str(&c->head), &request);

	if (status != 0)
		answer(c, status, &request);
}

/* False: the connection has ended. */
static bool read_more(struct connection *c)
{
	size_t room = buf_room(&c->head) < READ_BYTES ? buf_room(&c->head) : READ_BYTES;
	ssize_t n = recv(c->fd, buf_reserve(&c->head, room), room, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	buf_added(&c->head, (size_t)n);
	answer_head(c);
	return true;
}

/* 1: all has left; 0: later; -1: the connection has ended. */
static int send_part(int fd, struct str part, size_t *sent)
{
	ssize_t n = send(fd, part.p, part.n, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	*sent = (size_t)n;
	return (size_t)n == part.n;
}

static bool write_more(struct connection *c)
{
	size_t sent = 0;
	int done = 1;

	if (buf_length(&c->head) > 0) {
		done = send_part(c->fd, buf_str(&c->head), &sent);
		buf_take(&c->head, sent);
	}
	if (done == 1 && c->page != NULL) {
		struct str body = buf_str(&c->page->body);

		sent = 0;
		done = send_part(c->fd, str_part(body, c->sent, body.n), &sent);
		c->sent += sent;
	}
	if (done == 1) {
		shutdown(c->fd, SHUT_WR);
		enter(c, LINGERING, EV_READ, ADMIN_PUBLISH_LINGER_S);
	}
	return done >= 0;
}

static bool throw_away(const struct connection *c)
{
	char bytes[READ_BYTES];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void on_io(evutil_socket_t fd, short what, void *context)
{
	struct connection *c = context;
	bool goes_on;

	(void)fd;
	(void)what;
	if (c->state == READING)
		goes_on = read_more(c);
	else if (c->state == WRITING)
		goes_on = write_more(c);
	else
		goes_on = throw_away(c);
	if (!goes_on)
		close_connection(c);
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	close_connection(context);
}

/* ---- many ------------------------------------------------------------------------------------ */

static void set_peer(struct sockaddr_in6 *ret, const struct sockaddr_storage *from)
{
	struct sockaddr_in in;

	memset(ret, 0, sizeof(*ret));
	if (from->ss_family == AF_INET6) {
		memcpy(ret, from, sizeof(*ret));
	} else if (from->ss_family == AF_INET) {
		memcpy(&in, from, sizeof(in));
		ret->sin6_addr.s6_addr[10] = ret->sin6_addr.s6_addr[11] = 0xff;
		memcpy(&ret->sin6_addr.s6_addr[12], &in.sin_addr, 4);
	}
}

static bool is_neighbour(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b)
{
	size_t count = IN6_IS_ADDR_V4MAPPED(&a->sin6_addr) ? 16 : 8;

	return memcmp(&a->sin6_addr, &b->sin6_addr, count) == 0;
}

/* The oldest one; of PEER's when he has too many, else NULL when there is room. */
static struct connection *one_too_many(
	const struct admin_publish *p, const struct sockaddr_in6 *peer)
{
	struct connection *oldest = NULL, *oldest_of_peer = NULL;
	size_t of_peer = 0;

	for (struct connection *c = p->connections; c != NULL; c = c->next) {
		oldest = c;
		if (is_neighbour(&c->peer, peer)) {
			oldest_of_peer = c;
			of_peer++;
		}
	}
	if (of_peer >= ADMIN_PUBLISH_PER_PEER)
		return oldest_of_peer;
	return p->count >= ADMIN_PUBLISH_MAX ? oldest : NULL;
}

static void open_connection(struct admin_publish *p, int fd, const struct sockaddr_storage *from)
{
	struct connection *c = mem_new(sizeof(*c));
	struct connection *old;

	set_peer(&c->peer, from);
	old = one_too_many(p, &c->peer);
	if (old != NULL)
		close_connection(old);
	c->publish = p;
	c->fd = fd;
	buf_init(&c->head, PUBLISH_HEAD_MAX);
	c->event = event_new(p->base, fd, EV_READ | EV_PERSIST, on_io, c);
	c->timer = evtimer_new(p->base, on_time, c);
	c->next = p->connections;
	c->link = &p->connections;
	if (c->next != NULL)
		c->next->link = &c->next;
	p->connections = c;
	p->count++;
	enter(c, READING, EV_READ, ADMIN_PUBLISH_READ_S);
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
	struct admin_publish *p = context;

	(void)fd;
	(void)what;
	if (p->accept != NULL)
		event_add(p->accept, NULL);
}

static void on_accept(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval pause = {PAUSE_S, 0};
	struct admin_publish *p = context;

	(void)what;
	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
		socklen_t size = sizeof(from);
		int accepted =
			accept4(fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (accepted >= 0) {
			open_connection(p, accepted, &from);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			/* The event would come for ever: look away for a moment. */
			event_del(p->accept);
			event_add(p->again, &pause);
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

struct admin_publish *admin_publish_new(
	struct event_base *base, admin_page_find *find, void *context)
{
	struct admin_publish *p = mem_new(sizeof(*p));

	p->base = base;
	p->find = find;
	p->context = context;
	p->again = evtimer_new(base, on_again, p);
	return p;
}

static void stop_listening(struct admin_publish *p)
{
	if (p->accept == NULL)
		return;
	close(event_get_fd(p->accept));
	event_free(p->accept);
	p->accept = NULL;
}

void admin_publish_listen(struct admin_publish *p, int fd)
{
	stop_listening(p);
	if (fd < 0)
		return;
	p->accept = event_new(p->base, fd, EV_READ | EV_PERSIST, on_accept, p);
	event_add(p->accept, NULL);
}

void admin_publish_again(struct admin_publish *p)
{
	struct connection *next;

	for (struct connection *c = p->connections; c != NULL; c = next) {
		next = c->next;
		if (c->state == LATER)
			answer_head(c);
	}
}

void admin_publish_free(struct admin_publish **publish)
{
	struct admin_publish *p = *publish;
	struct connection *c, *next;

	*publish = NULL;
	if (p == NULL)
		return;
	stop_listening(p);
	for (c = p->connections; c != NULL; c = next) {
		next = c->next;
		close_connection(c);
	}
	event_free(p->again);
	free(p);
}

int64_t admin_publish_served(const struct admin_publish *publish)
{
	return publish->served;
}

size_t admin_publish_count(const struct admin_publish *publish)
{
	return publish->count;
}
