#include "core/smtp/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct row {
	const char *name;
	const char *in;
	enum err want;
	int code;
	const char *enhanced;
	const char *text;
	const char *rest;
};

static const struct row rows[] = {
	{"one line", "250 OK\r\n", ERR_OK, 250, "", "OK", ""},
	{"no text, no blank", "250\r\n", ERR_OK, 250, "", "", ""},
	{"several lines", "250-a\r\n250-b\r\n250 c\r\n", ERR_OK, 250, "", "a\nb\nc", ""},
	{"what follows stays", "220 go\r\n250 x\r\n", ERR_OK, 220, "", "go", "250 x\r\n"},
	{"enhanced code", "550 5.7.1 No\r\n", ERR_OK, 550, "5.7.1", "5.7.1 No", ""},
	{"enhanced code alone", "250 2.0.0\r\n", ERR_OK, 250, "2.0.0", "2.0.0", ""},
	{"enhanced code of another class", "550 4.7.1 No\r\n", ERR_OK, 550, "", "4.7.1 No", ""},
	{"an address is no enhanced code", "550 5.7.1.9 no\r\n", ERR_OK, 550, "", "5.7.1.9 no", ""},
	{"longest enhanced code", "550 5.123.123 x\r\n", ERR_OK, 550, "5.123.123", "5.123.123 x",
		""},
	{"four digits are too many", "550 5.1234.1 x\r\n", ERR_OK, 550, "", "5.1234.1 x", ""},
	{"second digit above five", "571 no\r\n", ERR_OK, 571, "", "no", ""},
	{"control characters", "250 a\x01\tb\r\n", ERR_OK, 250, "", "a? b", ""},
	{"UTF-8 stays", "250 \xc3\xa4\r\n", ERR_OK, 250, "", "\xc3\xa4", ""},
	{"not UTF-8", "250 \xe4!\r\n", ERR_OK, 250, "", "?!", ""},
	{"bare CR inside", "250 a\rb\r\n", ERR_OK, 250, "", "a?b", ""},
	{"not finished", "250-a\r\n250", ERR_AGAIN, 0, NULL, NULL, ""},
	{"bare LF", "250 OK\n", ERR_SYNTAX, 0, NULL, NULL, NULL},
	{"code changes", "250-a\r\n251 b\r\n", ERR_SYNTAX, 0, NULL, NULL, NULL},
	{"one hundred", "150 a\r\n", ERR_SYNTAX, 0, NULL, NULL, NULL},
	{"six hundred", "600 a\r\n", ERR_SYNTAX, 0, NULL, NULL, NULL},
	{"two digits", "25 a\r\n", ERR_SYNTAX, 0, NULL, NULL, NULL},
	{"four digits", "2500 a\r\n", ERR_SYNTAX, 0, NULL, NULL, NULL},
	{"another protocol", "HTTP/1.1 400 Bad\r\n", ERR_SYNTAX, 0, NULL, NULL, NULL},
	{"empty line", "\r\n", ERR_SYNTAX, 0, NULL, NULL, NULL},
};

static void check(const struct row *row, size_t chunk)
{
	struct smtp_reply_reader reader;
	struct smtp_reply reply;
	struct str all = str_of(row->in);
	struct str in = {all.p, 0};
	enum err e = ERR_AGAIN;
	size_t given = 0;

	smtp_reply_init(&reader);
	while (e == ERR_AGAIN && given < all.n) {
		size_t n = all.n - given < chunk ? all.n - given : chunk;

		in = str_make(all.p + given, n);
		given += n;
		e = smtp_reply_feed(&reader, &in, &reply);
	}
	if (e != row->want)
		fail_msg("%s (by %zu): got %s", row->name, chunk, err_token(e));
	if (e == ERR_OK) {
		assert_int_equal(reply.code, row->code);
		assert_string_equal(reply.enhanced, row->enhanced);
		if (!str_is(reply.text, row->text))
			fail_msg("%s: text \"%.*s\"", row->name, STR_ARGS(reply.text));
		/* What the reader left must be what stands behind the reply. */
		assert_int_equal(all.n - given + in.n, strlen(row->rest));
	}
	if (e == ERR_OK || e == ERR_AGAIN)
		assert_int_equal(smtp_reply_begun(&reader), e == ERR_AGAIN);
	smtp_reply_free(&reader);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		for (size_t chunk = 1; chunk <= strlen(rows[i].in); chunk++)
			check(&rows[i], chunk);
}

static enum err feed_many(const char *line, size_t times)
{
	struct smtp_reply_reader reader;
	struct smtp_reply reply;
	enum err e = ERR_AGAIN;

	smtp_reply_init(&reader);
	for (size_t i = 0; i < times && e == ERR_AGAIN; i++) {
		struct str in = str_of(line);

		e = smtp_reply_feed(&reader, &in, &reply);
	}
	smtp_reply_free(&reader);
	return e;
}

static void test_limits(void **state)
{
	char line[600];

	(void)state;
	assert_int_equal(feed_many("250-x\r\n", SMTP_REPLY_MAX_LINES), ERR_AGAIN);
	assert_int_equal(feed_many("250-x\r\n", SMTP_REPLY_MAX_LINES + 1), ERR_TOO_MANY);
	assert_int_equal(feed_many("xxxxxxxx", SMTP_REPLY_MAX_LINE / 8), ERR_AGAIN);
	assert_int_equal(feed_many("xxxxxxxx", SMTP_REPLY_MAX_LINE / 8 + 1), ERR_TOO_LONG);
	snprintf(line, sizeof(line), "250-%0500d\r\n", 0);
	assert_int_equal(feed_many(line, 32), ERR_AGAIN);
	assert_int_equal(feed_many(line, 33), ERR_TOO_LONG);
}

static void test_show(void **state)
{
	char shown[SMTP_REPLY_SHOWN + 1];
	char text[2000];
	struct smtp_reply reply = {.code = 550, .text = STR("5.1.1 no\nsuch user")};

	(void)state;
	smtp_reply_show(&reply, shown);
	assert_string_equal(shown, "550 5.1.1 no / such user");
	reply = (struct smtp_reply){.code = 250};
	smtp_reply_show(&reply, shown);
	assert_string_equal(shown, "250");
	/* Cut, wherever the limit falls, before a whole character. */
	for (size_t shift = 0; shift < 3; shift++) {
		memset(text, 'x', shift);
		for (size_t i = shift; i + 3 <= sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3);
		reply.text = str_make(text, shift + (sizeof(text) - shift) / 3 * 3);
		smtp_reply_show(&reply, shown);
		assert_true(strlen(shown) > SMTP_REPLY_SHOWN - 3);
		assert_true(str_is_utf8(str_of(shown)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
