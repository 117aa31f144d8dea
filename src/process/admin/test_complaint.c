/* What libevent answers to what it cannot read, as it leaves; over a socket, as it comes. */
#include "process/admin/complaint.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct rig {
	struct event_base *base;
	struct evhttp *http;
	struct admin admin;
	struct sockaddr_un at;
	socklen_t size;
};

static void answer_fine(struct evhttp_request *request, void *context)
{
	struct evbuffer *body = evbuffer_new();

	(void)context;
	evbuffer_add_printf(body, "fine\n");
	evhttp_send_reply(request, 200, NULL, body);
	evbuffer_free(body);
}

static int setup(void **state)
{
	struct rig *r = mem_new(sizeof(*r));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	r->base = event_base_new();
	r->http = evhttp_new(r->base);
	admin_complaint_watch(&r->admin, r->http);
	r->at.sun_family = AF_UNIX; /* and a name of the kernel's choice */
	assert_int_equal(bind(fd, (struct sockaddr *)&r->at, sizeof(r->at.sun_family)), 0);
	r->size = sizeof(r->at);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&r->at, &r->size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_non_null(evhttp_accept_socket_with_handle(r->http, fd));
	evhttp_set_max_body_size(r->http, 1000);
	evhttp_set_max_headers_size(r->http, 500);
	evhttp_set_allowed_methods(r->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
	evhttp_set_gencb(r->http, answer_fine, NULL);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	evhttp_free(r->http);
	event_base_free(r->base);
	free(r);
	return 0;
}

/* Until the server has closed, or the answer is whole; the text is in TO. */
static void ask(struct rig *r, const char *request, char *to, size_t room)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t n = 0;

	assert_int_equal(connect(fd, (struct sockaddr *)&r->at, r->size), 0);
	assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	to[0] = '\0';
	for (int turn = 0; turn < 100000 && strstr(to, "}\n") == NULL; turn++) {
		ssize_t got;

		event_base_loop(r->base, EVLOOP_NONBLOCK);
		got = recv(fd, to + n, room - 1 - n, MSG_DONTWAIT);
		if (got == 0)
			break;
		n += got > 0 ? (size_t)got : 0;
		to[n] = '\0';
	}
	close(fd);
	event_base_loop(r->base, EVLOOP_NONBLOCK);
}

static const char *repeated(char *to, const char *before, size_t count, const char *after)
{
	size_t n = strlen(before);

	memcpy(to, before, n);
	memset(to + n, 'x', count);
	memcpy(to + n + count, after, strlen(after) + 1);
	return to;
}

static void what_cannot_be_read_is_a_problem(void **state)
{
	char url[2000], headers[2000];
	const struct {
		const char *name, *request, *status;
	} rows[] = {
		{"nonsense", "nonsense\r\n\r\n", "400"},
		{"a header that is none", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "400"},
		{"a length that is none",
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n", "400"},
		{"a body that is too long",
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", "413"},
		{"a chunk that is too long",
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
			"413"},
		{"another method", "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", "405"},
		{"a long path", repeated(url, "GET /", 600, " HTTP/1.1\r\nHost: a\r\n\r\n"), "400"},
		{"a long header", repeated(headers, "GET / HTTP/1.1\r\nX: ", 600, "\r\n\r\n"),
			"400"},
	};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char answer[4096];
		const char *body;
		json_t *json;

		print_message("# %s\n", rows[i].name);
		ask(r, rows[i].request, answer, sizeof(answer));
		assert_memory_equal(answer, "HTTP/1.1 ", 9);
		assert_memory_equal(answer + 9, rows[i].status, 3);
		assert_non_null(strstr(answer, "\r\nContent-Type: application/problem+json\r\n"));
		assert_non_null(strstr(answer, "\r\nX-Content-Type-Options: nosniff\r\n"));
		assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
		body = strstr(answer, "\r\n\r\n");
		assert_non_null(body);
		json = json_loads(body + 4, 0, NULL);
		assert_non_null(json);
		assert_int_equal(json_integer_value(json_object_get(json, "status")),
			strtol(rows[i].status, NULL, 10));
		assert_true(json_is_array(json_object_get(json, "errors")));
		json_decref(json);
		assert_int_equal(r->admin.refused, i + 1);
	}
}

static void what_can_be_read_is_answered_as_it_was(void **state)
{
	struct rig *r = *state;
	char answer[4096];

	ask(r, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", answer, sizeof(answer));
	assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
	assert_non_null(strstr(answer, "\r\n\r\nfine\n"));
	assert_int_equal(r->admin.refused, 0);
}

/* The second one is read when the answer to the first has left. */
static void one_behind_another_is_a_problem_too(void **state)
{
	struct rig *r = *state;
	char answer[4096];
	const char *second;

	ask(r,
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n",
		answer, sizeof(answer));
	assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
	second = strstr(answer, "fine\n");
	assert_non_null(second);
	assert_memory_equal(second + 5, "HTTP/1.1 413 ", 13);
	assert_non_null(strstr(second, "\r\nContent-Type: application/problem+json\r\n"));
	assert_null(strstr(second, "HTML"));
	assert_int_equal(r->admin.refused, 1);
}

/* A page of ours, and what only looks like one of libevent's. */
static void others_are_left_alone(void **state)
{
	static const char *const rows[] = {
		"",
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
		"<HTML><HEAD></HEAD></HTML>\n",
		"HTTP/1.1 404 No\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
		"<HTML><HEAD></HEAD></HTML>\n",
		"HTTP/1.1 404 No\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
		"<HTML><HEAD>",
		"<HTML><HEAD></HEAD></HTML>\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct evbuffer *output = evbuffer_new();

		evbuffer_add_printf(output, "%s", rows[i]);
		assert_false(admin_complaint_turn(output));
		assert_int_equal(evbuffer_get_length(output), strlen(rows[i]));
		evbuffer_free(output);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_cannot_be_read_is_a_problem, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_can_be_read_is_answered_as_it_was, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_behind_another_is_a_problem_too, setup, teardown),
		cmocka_unit_test(others_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
