/* The socket that is open to everybody, by real connections on loopback. */
#include "base/mem.h"
#include "process/admin/call.h"
#include "process/admin/challenge.h"
#include "process/admin/publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { LARGE = 3 * 1024 * 1024, LOOPS = 100000 };

struct server {
	struct event_base *base;
	struct admin_publish *publish;
	struct sockaddr_in at;
	struct admin_page *large;
	bool is_made; /* what comes later */
	int asked;
};

static struct admin_page *find(void *context, struct str path, bool *ret_later)
{
	struct server *s = context;
	struct admin_page *page;

	if (str_is(path, "/large"))
		return admin_page_ref(s->large);
	if (str_is(path, "/later")) {
		s->asked++;
		*ret_later = !s->is_made;
		page = s->is_made ? admin_page_new("text/plain", 0) : NULL;
		if (page != NULL)
			page->status = 503;
		return page;
	}
	if (!str_is(path, "/small"))
		return NULL;
	page = admin_page_new("text/plain; charset=utf-8", 60);
	buf_put_text(&page->body, "Hello\n");
	return page;
}

static void listen_anew(struct server *s)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(s->at);

	s->at = (struct sockaddr_in){.sin_family = AF_INET};
	s->at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&s->at, sizeof(s->at)), 0);
	assert_int_equal(listen(fd, 100), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&s->at, &size), 0);
	admin_publish_listen(s->publish, fd);
}

static struct server *server_new(void)
{
	struct server *s = mem_new(sizeof(*s));

	s->base = event_base_new();
	s->publish = admin_publish_new(s->base, find, s);
	s->large = admin_page_new("text/plain; charset=utf-8", 0);
	memset(buf_reserve(&s->large->body, LARGE), 'x', LARGE);
	buf_added(&s->large->body, LARGE);
	listen_anew(s);
	return s;
}

static void server_free(struct server *s)
{
	admin_publish_free(&s->publish);
	assert_int_equal(s->large->holders, 1);
	admin_page_free(&s->large);
	event_base_free(s->base);
	free(s);
}

/* From 127.0.0.HOST. */
static int client_new(struct server *s, unsigned host)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	from.sin_addr.s_addr = htonl(0x7f000000 + host);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&s->at, sizeof(s->at)), 0);
	return fd;
}

static void turn(struct server *s)
{
	event_base_loop(s->base, EVLOOP_NONBLOCK);
}

/* All that the server sends, up to its end; in ARENA. */
static const char *ask(struct server *s, const char *request, struct arena *arena)
{
	int fd = client_new(s, 1);
	struct buf answer;
	const char *text;
	ssize_t n = -1;

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	buf_init(&answer, 2 * LARGE);
	for (int i = 0; i < LOOPS && n != 0; i++) {
		turn(s);
		n = recv(fd, buf_reserve(&answer, 65536), 65536, MSG_DONTWAIT);
		if (n > 0)
			buf_added(&answer, (size_t)n);
		else if (n < 0)
			assert_int_equal(errno, EAGAIN);
	}
	assert_int_equal(n, 0);
	close(fd);
	text = arena_text_of(arena, buf_str(&answer));
	buf_free(&answer);
	return text;
}

static void turn_until(struct server *s, size_t count)
{
	for (int i = 0; i < LOOPS && admin_publish_count(s->publish) != count; i++)
		turn(s);
	assert_int_equal(admin_publish_count(s->publish), count);
}

#define END " HTTP/1.1\r\nHost: mx.example\r\n\r\n"

static void pages_are_shown_and_nothing_else(void **state)
{
	struct arena *arena = arena_new();
	struct server *s = server_new();
	const char *text = ask(s, "GET /small" END, arena);

	(void)state;
	assert_ptr_equal(strstr(text, "HTTP/1.1 200 OK\r\nDate: "), text);
	assert_non_null(strstr(text, " GMT\r\nConnection: close\r\n"));
	assert_non_null(strstr(text, "\r\nContent-Length: 6\r\n"));
	assert_non_null(strstr(text, "\r\nCache-Control: max-age=60\r\n\r\nHello\n"));
	text = ask(s, "HEAD /small" END, arena);
	assert_non_null(strstr(text, "\r\nContent-Length: 6\r\n"));
	assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
	text = ask(s, "GET /v1/status" END, arena);
	assert_ptr_equal(strstr(text, "HTTP/1.1 404 Not Found\r\n"), text);
	text = ask(s, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd", arena);
	assert_ptr_equal(strstr(text, "HTTP/1.1 405 Method Not Allowed\r\n"), text);
	assert_non_null(strstr(text, "\r\nAllow: GET, HEAD\r\n"));
	text = ask(s, "EHLO x\r\n", arena);
	assert_ptr_equal(strstr(text, "HTTP/1.1 400 Bad Request\r\n"), text);
	assert_int_equal(admin_publish_served(s->publish), 2);
	turn_until(s, 0);
	server_free(s);
	arena_free(&arena);
}

static void a_large_page_arrives_whole(void **state)
{
	struct arena *arena = arena_new();
	struct server *s = server_new();
	const char *text = ask(s, "GET /large" END, arena);
	const char *body = strstr(text, "\r\n\r\n");

	(void)state;
	assert_non_null(body);
	assert_int_equal(strspn(body + 4, "x"), LARGE);
	assert_int_equal(strlen(body + 4), LARGE);
	turn_until(s, 0);
	server_free(s);
	arena_free(&arena);
}

static void a_page_may_come_later(void **state)
{
	static const char request[] = "GET /later" END, more[] = "bytes behind it";
	static const char want[] = "HTTP/1.1 503 Service Unavailable\r\n";
	struct server *s = server_new();
	int fd = client_new(s, 1);
	char text[sizeof(want)] = "";

	(void)state;
	assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
	for (int i = 0; i < LOOPS && s->asked == 0; i++)
		turn(s);
	assert_int_equal(s->asked, 1);
	assert_int_equal(send(fd, more, sizeof(more), MSG_NOSIGNAL), sizeof(more));
	admin_publish_again(s->publish);
	assert_int_equal(s->asked, 2);
	turn(s);
	assert_int_equal(recv(fd, text, sizeof(want) - 1, MSG_DONTWAIT), -1);
	s->is_made = true;
	admin_publish_again(s->publish);
	for (int i = 0; i < LOOPS && text[0] == '\0'; i++) {
		turn(s);
		(void)recv(fd, text, sizeof(want) - 1, MSG_DONTWAIT);
	}
	assert_string_equal(text, want);
	assert_int_equal(s->asked, 3);
	close(fd);
	turn_until(s, 0);
	server_free(s);
}

static bool is_closed(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

static void one_address_pushes_out_only_itself(void **state)
{
	struct server *s = server_new();
	int other = client_new(s, 2), fds[ADMIN_PUBLISH_PER_PEER + 1];

	(void)state;
	turn_until(s, 1);
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++) {
		fds[i] = client_new(s, 1);
		turn_until(
			s, i + 2 < ADMIN_PUBLISH_PER_PEER + 1 ? i + 2 : ADMIN_PUBLISH_PER_PEER + 1);
	}
	for (int i = 0; i < LOOPS && !is_closed(fds[0]); i++)
		turn(s);
	assert_true(is_closed(fds[0]));
	assert_false(is_closed(fds[1]));
	assert_false(is_closed(other));
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
		close(fds[i]);
	close(other);
	turn_until(s, 0);
	server_free(s);
}

static void many_addresses_keep_nobody_out(void **state)
{
	struct arena *arena = arena_new();
	struct server *s = server_new();
	int fds[ADMIN_PUBLISH_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++) {
		fds[i] = client_new(s, 2 + (unsigned)i / ADMIN_PUBLISH_PER_PEER);
		turn_until(s, i + 1);
	}
	assert_non_null(strstr(ask(s, "GET /small" END, arena), "Hello"));
	for (int i = 0; i < LOOPS && !is_closed(fds[0]); i++)
		turn(s);
	assert_true(is_closed(fds[0]));
	assert_false(is_closed(fds[1]));
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
		close(fds[i]);
	turn_until(s, 0);
	server_free(s);
	arena_free(&arena);
}

static void another_socket_takes_over(void **state)
{
	struct arena *arena = arena_new();
	struct server *s = server_new();
	struct sockaddr_in old = s->at;
	int fd;

	(void)state;
	listen_anew(s);
	assert_non_null(strstr(ask(s, "GET /small" END, arena), "Hello"));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&old, sizeof(old)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
	admin_publish_listen(s->publish, -1);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&s->at, sizeof(s->at)), -1);
	close(fd);
	server_free(s);
	arena_free(&arena);
}

static void challenges_are_set_and_removed(void **state)
{
	struct admin admin = {.challenges = NULL};
	struct err_info info = {.text = ""};
	struct admin_page *page;
	char token[16];

	(void)state;
	assert_null(admin_published(&admin, str_of("/.well-known/acme-challenge/ab-_9"), NULL));
	assert_int_equal(admin_challenge_put(
				 &admin.challenges, str_of("ab-_9"), str_of("ab-_9.thumb"), &info),
		ERR_OK);
	page = admin_published(&admin, str_of("/.well-known/acme-challenge/ab-_9"), NULL);
	assert_non_null(page);
	assert_true(str_is(buf_str(&page->body), "ab-_9.thumb"));
	admin_page_free(&page);
	assert_null(admin_published(&admin, str_of("/.well-known/acme-challenge/"), NULL));
	assert_null(admin_published(&admin, str_of("/.well-known/acme-challenge/ab-_9/"), NULL));
	assert_int_equal(
		admin_challenge_put(&admin.challenges, str_of("a/b"), str_of("a/b.t"), &info),
		ERR_SYNTAX);
	assert_int_equal(
		admin_challenge_put(&admin.challenges, str_of("ab"), str_of("ac.t"), &info),
		ERR_SYNTAX);
	for (int i = 1; i < ADMIN_CHALLENGES_MAX; i++) {
		struct arena *arena CLEANUP(arena_free) = arena_new();

		snprintf(token, sizeof(token), "t%d", i);
		assert_int_equal(admin_challenge_put(&admin.challenges, str_of(token),
					 str_of(arena_format(arena, "%s.x", token)), &info),
			ERR_OK);
	}
	assert_int_equal(
		admin_challenge_put(&admin.challenges, str_of("one"), str_of("one.x"), &info),
		ERR_TOO_MANY);
	assert_true(admin_challenge_remove(admin.challenges, str_of("ab-_9")));
	assert_false(admin_challenge_remove(admin.challenges, str_of("ab-_9")));
	assert_null(admin_challenge_find(admin.challenges, str_of("ab-_9")));
	assert_int_equal(
		admin_challenge_put(&admin.challenges, str_of("one"), str_of("one.x"), &info),
		ERR_OK);
	assert_int_equal(admin_challenge_count(admin.challenges), ADMIN_CHALLENGES_MAX);
	admin_challenges_free(&admin.challenges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_shown_and_nothing_else),
		cmocka_unit_test(a_large_page_arrives_whole),
		cmocka_unit_test(a_page_may_come_later),
		cmocka_unit_test(one_address_pushes_out_only_itself),
		cmocka_unit_test(many_addresses_keep_nobody_out),
		cmocka_unit_test(another_socket_takes_over),
		cmocka_unit_test(challenges_are_set_and_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
