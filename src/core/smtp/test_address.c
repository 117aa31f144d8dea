#include "core/smtp/address.h"
#include "core/smtp/proxy.h"
#include "core/smtp/xtext.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define L10 "0123456789"
#define L60 L10 L10 L10 L10 L10 L10

static const struct {
	const char *name, *path;
	enum smtp_address_kind kind;
	enum err want;
	const char *text, *rest;
} paths[] = {
	{"plain", "<a@b.example> X", SMTP_ADDRESS_FORWARD, ERR_OK, "a@b.example", " X"},
	{"null reverse-path", "<>", SMTP_ADDRESS_REVERSE, ERR_OK, "", ""},
	{"null forward-path", "<>", SMTP_ADDRESS_FORWARD, ERR_SYNTAX, NULL, NULL},
	{"postmaster", "<PostMaster>", SMTP_ADDRESS_FORWARD, ERR_OK, "PostMaster", ""},
	{"postmaster as sender", "<postmaster>", SMTP_ADDRESS_REVERSE, ERR_SYNTAX, NULL, NULL},
	{"source route", "<@x.example,@y.example:a@b.example>", SMTP_ADDRESS_REVERSE, ERR_OK,
		"a@b.example", ""},
	{"broken source route", "<@x.example,y:a@b.example>", SMTP_ADDRESS_REVERSE, ERR_SYNTAX,
		NULL, NULL},
	{"quoted with bracket", "<\"a>b@c\"@b.example>", SMTP_ADDRESS_FORWARD, ERR_OK,
		"\"a>b@c\"@b.example", ""},
	{"quoted pair", "<\"a\\\"b\"@b.example>", SMTP_ADDRESS_FORWARD, ERR_OK,
		"\"a\\\"b\"@b.example", ""},
	{"quote not closed", "<\"a@b.example>", SMTP_ADDRESS_FORWARD, ERR_SYNTAX, NULL, NULL},
	{"empty quotes", "<\"\"@b.example>", SMTP_ADDRESS_FORWARD, ERR_SYNTAX, NULL, NULL},
	{"two dots", "<a..b@b.example>", SMTP_ADDRESS_FORWARD, ERR_SYNTAX, NULL, NULL},
	{"dot at the end", "<a.@b.example>", SMTP_ADDRESS_FORWARD, ERR_SYNTAX, NULL, NULL},
	{"IPv4 literal", "<a@[192.0.2.1]>", SMTP_ADDRESS_FORWARD, ERR_OK, "a@[192.0.2.1]", ""},
	{"IPv6 literal", "<a@[IPv6:::1]>", SMTP_ADDRESS_FORWARD, ERR_OK, "a@[IPv6:::1]", ""},
	{"IPv6 literal without tag", "<a@[::1]>", SMTP_ADDRESS_FORWARD, ERR_SYNTAX, NULL, NULL},
	{"empty domain", "<a@>", SMTP_ADDRESS_FORWARD, ERR_SYNTAX, NULL, NULL},
	{"domain with trailing dot", "<a@b.example.>", SMTP_ADDRESS_FORWARD, ERR_SYNTAX, NULL,
		NULL},
	{"underscore in domain", "<a@b_c.example>", SMTP_ADDRESS_FORWARD, ERR_SYNTAX, NULL, NULL},
	{"no closing bracket", "<a@b.example", SMTP_ADDRESS_FORWARD, ERR_SYNTAX, NULL, NULL},
	{"local part of 64", "<" L60 "0123@b.example>", SMTP_ADDRESS_FORWARD, ERR_OK, NULL, ""},
	{"local part of 65", "<" L60 "01234@b.example>", SMTP_ADDRESS_FORWARD, ERR_TOO_LONG, NULL,
		NULL},
	{"label of 64", "<a@" L60 "0123.example>", SMTP_ADDRESS_FORWARD, ERR_SYNTAX, NULL, NULL},
	{"path beyond 254", "<a@" L60 "." L60 "." L60 "." L60 ".0123456.example>",
		SMTP_ADDRESS_FORWARD, ERR_TOO_LONG, NULL, NULL},
	{"overlong UTF-8", "<\xc0\xaf@b.example>", SMTP_ADDRESS_FORWARD, ERR_SYNTAX, NULL, NULL},
	{"UTF-8", "<\xc3\xa9@b.example>", SMTP_ADDRESS_FORWARD, ERR_OK, "\xc3\xa9@b.example", ""},
};

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct str in = str_of(paths[i].path);
		struct smtp_address a;
		enum err e = smtp_address_path(&in, paths[i].kind, &a);

		if (e != paths[i].want)
			fail_msg("%s: %s", paths[i].name, err_token(e));
		if (e != ERR_OK)
			continue;
		if (!str_is(in, paths[i].rest))
			fail_msg("%s: rest", paths[i].name);
		if (paths[i].text != NULL && !str_is(a.text, paths[i].text))
			fail_msg("%s: %.*s", paths[i].name, STR_ARGS(a.text));
		if (a.is_utf8 == str_is_ascii(a.text))
			fail_msg("%s: utf8", paths[i].name);
	}
}

static void test_mailbox(void **state)
{
	struct smtp_address a;

	(void)state;
	assert_int_equal(smtp_address_parse(str_of("a.b@c.example"), &a), ERR_OK);
	assert_true(str_is(a.local, "a.b"));
	assert_true(str_is(a.domain, "c.example"));
	assert_int_equal(smtp_address_parse(str_of("a@c.example>"), &a), ERR_SYNTAX);
	assert_int_equal(smtp_address_parse(str_of("a@c.example x"), &a), ERR_SYNTAX);
	assert_int_equal(smtp_address_parse(str_of(""), &a), ERR_SYNTAX);
}

static void test_xtext(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(smtp_xtext_encode(str_of("a+b=c d"), &b), ERR_OK);
	assert_string_equal(buf_text(&b), "a+2Bb+3Dc+20d");
	assert_int_equal(smtp_xtext_decode(str_of("a+2Bb"), &b), ERR_OK);
	assert_string_equal(buf_text(&b), "a+2Bb+3Dc+20da+b");
	assert_false(smtp_xtext_is_valid(str_of("a+2")));
	assert_false(smtp_xtext_is_valid(str_of("a+2b")));
	assert_false(smtp_xtext_is_valid(str_of("a=b")));
	buf_free(&b);
}

static void test_proxy(void **state)
{
	static const char v4[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c"
				 "\xc0\x00\x02\x01\xc6\x33\x64\x01\x12\x34\x00\x19"
				 "rest";
	static const char local[] = "\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
	static const char too_short[] = "\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x02xx";
	struct smtp_proxy p;
	struct str in;

	(void)state;
	for (size_t n = 0; n < sizeof(v4) - 5; n++) {
		in = str_make(v4, n);
		assert_int_equal(smtp_proxy_parse(&in, &p), ERR_AGAIN);
	}
	in = str_make(v4, sizeof(v4) - 1);
	assert_int_equal(smtp_proxy_parse(&in, &p), ERR_OK);
	assert_true(p.has_address && str_is(in, "rest"));
	assert_memory_equal(p.address, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01", 16);
	assert_int_equal(p.port, 0x1234);
	in = str_make(local, sizeof(local) - 1);
	assert_int_equal(smtp_proxy_parse(&in, &p), ERR_OK);
	assert_false(p.has_address);
	in = str_make(too_short, sizeof(too_short) - 1);
	assert_int_equal(smtp_proxy_parse(&in, &p), ERR_SYNTAX);
	in = str_of("EHLO x\r\n");
	assert_int_equal(smtp_proxy_parse(&in, &p), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_mailbox),
		cmocka_unit_test(test_xtext),
		cmocka_unit_test(test_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
