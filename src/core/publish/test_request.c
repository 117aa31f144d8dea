#include "core/publish/request.h"

#include "base/compiler.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOST "Host: mx.example\r\n\r\n"

static void heads_are_read_or_refused(void **state)
{
	static const struct {
		const char *name, *head;
		int want;
		const char *path;
		bool is_head;
	} rows[] = {
		{"plain", "GET /a/b HTTP/1.1\r\n" HOST, 200, "/a/b", false},
		{"head", "HEAD /a HTTP/1.1\r\n" HOST, 200, "/a", true},
		{"old", "GET /a HTTP/1.0\r\n\r\n", 200, "/a", false},
		{"line feeds alone", "GET /a HTTP/1.1\nHost: x\n\n", 200, "/a", false},
		{"an empty line in front", "\r\nGET /a HTTP/1.1\r\n" HOST, 200, "/a", false},
		{"by a proxy", "GET http://mx.example/a?x=1 HTTP/1.1\r\n" HOST, 200, "/a", false},
		{"query", "GET /a?b/c HTTP/1.1\r\n" HOST, 200, "/a", false},
		{"version to come", "GET /a HTTP/1.7\r\n" HOST, 200, "/a", false},
		{"nothing", "", 0, NULL, false},
		{"half a line", "GET /a HT", 0, NULL, false},
		{"no end", "GET /a HTTP/1.1\r\nHost: x\r\n", 0, NULL, false},
		{"POST", "POST /a HTTP/1.1\r\n" HOST, 405, NULL, false},
		{"lower case", "get /a HTTP/1.1\r\n" HOST, 405, NULL, false},
		{"CONNECT", "CONNECT mx.example:25 HTTP/1.1\r\n" HOST, 405, NULL, false},
		{"no host", "GET /a HTTP/1.1\r\nAccept: */*\r\n\r\n", 400, NULL, false},
		{"two hosts", "GET /a HTTP/1.1\r\nHost: x\r\n" HOST, 400, NULL, false},
		{"no path", "GET http://mx.example HTTP/1.1\r\n" HOST, 400, NULL, false},
		{"another scheme", "GET ftp://x/a HTTP/1.1\r\n" HOST, 400, NULL, false},
		{"asterisk", "GET * HTTP/1.1\r\n" HOST, 400, NULL, false},
		{"fragment", "GET /a#b HTTP/1.1\r\n" HOST, 400, NULL, false},
		{"no version", "GET /a\r\n\r\n", 400, NULL, false},
		{"two blanks", "GET  /a HTTP/1.1\r\n" HOST, 400, NULL, false},
		{"HTTP/2", "GET /a HTTP/2.0\r\n" HOST, 505, NULL, false},
		{"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, NULL, false},
		{"SMTP", "EHLO client.example\r\n", 400, NULL, false},
		{"folded field", "GET /a HTTP/1.1\r\nA: b\r\n c\r\n" HOST, 400, NULL, false},
		{"blank before the colon", "GET /a HTTP/1.1\r\nA : b\r\n" HOST, 400, NULL, false},
		{"carriage return inside", "GET /a HTTP/1.1\r\nA: b\rc\r\n" HOST, 400, NULL, false},
		{"field without colon", "GET /a HTTP/1.1\r\nAb\r\n" HOST, 400, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct publish_request request = {.is_head = false};

		print_message("# %s\n", rows[i].name);
		assert_int_equal(
			publish_request_parse(str_of(rows[i].head), &request), rows[i].want);
		if (rows[i].path == NULL)
			continue;
		assert_true(str_is(request.path, rows[i].path));
		assert_int_equal(request.is_head, rows[i].is_head);
	}
}

static void a_nul_is_refused(void **state)
{
	static const char in_target[] = "GET /a\0b HTTP/1.1\r\n" HOST;
	static const char in_field[] = "GET /a HTTP/1.1\r\nA: b\0c\r\n" HOST;
	struct publish_request request;

	(void)state;
	assert_int_equal(
		publish_request_parse(str_make(in_target, sizeof(in_target) - 1), &request), 400);
	assert_int_equal(
		publish_request_parse(str_make(in_field, sizeof(in_field) - 1), &request), 400);
}

/* START, then PART repeated until there are N bytes. */
static int parse_long(const char *start, const char *part, size_t n)
{
	char *text = mem_new(n + 1);
	size_t at = strlen(start), size = strlen(part);
	struct publish_request request;
	int status;

	memcpy(text, start, at);
	for (; at < n; at++)
		text[at] = part[(at - strlen(start)) % size];
	status = publish_request_parse(str_make(text, n), &request);
	free(text);
	return status;
}

static void what_is_too_long_is_refused(void **state)
{
	(void)state;
	assert_int_equal(parse_long("GET /", "a", 400), 0);
	assert_int_equal(parse_long("GET /", "a", 600), 414);
	assert_int_equal(parse_long("GET / HTTP/1.1\r\n", "A: b\r\n", 2000), 0);
	assert_int_equal(parse_long("GET / HTTP/1.1\r\n", "A: b\r\n", PUBLISH_HEAD_MAX), 431);
	assert_int_equal(parse_long("GET / HTTP/1.1\r\nA: ", "b", PUBLISH_HEAD_MAX), 431);
}

static void too_many_fields_are_refused(void **state)
{
	char text[2000] = "GET / HTTP/1.1\r\n";
	struct publish_request request;
	size_t n = strlen(text);

	(void)state;
	for (int i = 0; i < 65; i++, n += 6)
		memcpy(text + n, "A: b\r\n", 7);
	memcpy(text + n, "\r\n", 3);
	assert_int_equal(publish_request_parse(str_of(text), &request), 431);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_are_read_or_refused),
		cmocka_unit_test(a_nul_is_refused),
		cmocka_unit_test(what_is_too_long_is_refused),
		cmocka_unit_test(too_many_fields_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
