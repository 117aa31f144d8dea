#include "core/model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_domain_names(void **state)
{
	static const struct {
		const char *text;
		bool wildcard;
		const char *name; /* NULL: none */
	} rows[] = {
		{"contoso.example", false, "contoso.example"},
		{"Contoso.EXAMPLE", false, "contoso.example"},
		{"localhost", false, "localhost"},
		{"a-b.c1", false, "a-b.c1"},
		{"b\xc3\xbc"
		 "cher.example",
			false, "xn--bcher-kva.example"},
		{"B\xc3\x9c"
		 "CHER.example",
			false, "xn--bcher-kva.example"},
		{"*.b\xc3\xbc"
		 "cher.example",
			true, "*.xn--bcher-kva.example"},
		{"*.x.example", true, "*.x.example"},
		{"*.x.example", false, NULL},
		{"*", true, NULL},
		{"*.", true, NULL},
		{"*.*.x", true, NULL},
		{"a.*.x", true, NULL},
		{"*x.example", true, NULL},
		{"", false, NULL},
		{".", false, NULL},
		{"a..b", false, NULL},
		{".a", false, NULL},
		{"a.", false, NULL},
		{"-a.b", false, NULL},
		{"a-.b", false, NULL},
		{"a_b.c", false, NULL},
		{"a b.c", false, NULL},
		{"192.0.2.1", false, NULL},
		{"1.2.3.example", false, "1.2.3.example"},
		{"[192.0.2.1]", false, NULL},
		{"\xff.example", false, NULL},
		{"a234567890123456789012345678901234567890123456789012345678901234.x", false, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct arena *arena = arena_new();
		const char *name = model_domain_name(str_of(rows[i].text), rows[i].wildcard, arena);

		if ((name == NULL) != (rows[i].name == NULL) ||
			(name != NULL && strcmp(name, rows[i].name) != 0))
			fail_msg("%s: %s", rows[i].text, name != NULL ? name : "none");
		arena_free(&arena);
	}
}

static void test_prefixes(void **state)
{
	static const struct {
		const char *prefix, *address;
		bool parses, contains;
	} rows[] = {
		{"192.0.2.0/24", "192.0.2.255", true, true},
		{"192.0.2.0/24", "192.0.3.0", true, false},
		{"192.0.2.77/24", "192.0.2.1", true, true},
		{"192.0.2.128/25", "192.0.2.127", true, false},
		{"192.0.2.1", "192.0.2.1", true, true},
		{"192.0.2.1", "192.0.2.2", true, false},
		{"0.0.0.0/0", "203.0.113.9", true, true},
		{"0.0.0.0/0", "2001:db8::1", true, false},
		{"::/0", "203.0.113.9", true, true},
		{"2001:db8::/32", "2001:db8:ffff::1", true, true},
		{"2001:db8::/33", "2001:db8:8000::1", true, false},
		{"::ffff:192.0.2.0/120", "192.0.2.9", true, true},
		{"::1", "::1", true, true},
		{"192.0.2.0/33", "::", false, false},
		{"192.0.2.0/", "::", false, false},
		{"192.0.2.0/-1", "::", false, false},
		{"192.0.2.0/24/8", "::", false, false},
		{"192.0.2", "::", false, false},
		{"192.0.2.256", "::", false, false},
		{"2001:db8::/129", "::", false, false},
		{"fe80::1%eth0", "::", false, false},
		{"", "::", false, false},
		{"/24", "::", false, false},
		{"host.example", "::", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct model_prefix prefix, address;
		bool parses = model_parse_prefix(str_of(rows[i].prefix), &prefix);

		assert_true(model_parse_prefix(str_of(rows[i].address), &address));
		if (parses != rows[i].parses ||
			(parses && model_prefix_contains(&prefix, &address) != rows[i].contains))
			fail_msg("%s %s", rows[i].prefix, rows[i].address);
	}
}

static void test_endpoints(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port; /* 0: malformed */
	} rows[] = {
		{"mx.example", "mx.example", 25},
		{"mx.example:2526", "mx.example", 2526},
		{"192.0.2.1", "192.0.2.1", 25},
		{"192.0.2.1:26", "192.0.2.1", 26},
		{"[2001:db8::1]", "2001:db8::1", 25},
		{"[2001:db8::1]:26", "2001:db8::1", 26},
		{"2001:db8::1", NULL, 0},
		{"[2001:db8::1", NULL, 0},
		{"[2001:db8::1]26", NULL, 0},
		{"[192.0.2.1]:25", NULL, 0},
		{"[mx.example]", NULL, 0},
		{"mx.example:", NULL, 0},
		{"mx.example:0", NULL, 0},
		{"mx.example:65536", NULL, 0},
		{"mx.example:25x", NULL, 0},
		{":25", NULL, 0},
		{"", NULL, 0},
		{"mx example", NULL, 0},
		{"192.0.2.0/24", NULL, 0},
	};
	struct str host;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		bool parses = model_parse_endpoint(str_of(rows[i].text), 25, &host, &port);

		if (parses != (rows[i].port != 0) ||
			(parses && (!str_is(host, rows[i].host) || port != rows[i].port)))
			fail_msg("%s", rows[i].text);
	}
	assert_false(model_parse_endpoint(str_of("mx.example"), 0, &host, &port));
}

static void test_deliveries(void **state)
{
	static const struct {
		const char *text;
		int type; /* -1: malformed */
		const char *rest;
		unsigned port;
	} rows[] = {
		{NULL, MODEL_DELIVERY_NONE, "", 0},
		{"maildir:/var/mail/{domain}/{local}", MODEL_DELIVERY_MAILDIR,
			"/var/mail/{domain}/{local}", 0},
		{"maildir:./mail/{local}", MODEL_DELIVERY_MAILDIR, "./mail/{local}", 0},
		{"lmtp:unix:/run/lmtp", MODEL_DELIVERY_LMTP_UNIX, "/run/lmtp", 0},
		{"lmtp:[::1]:24", MODEL_DELIVERY_LMTP_TCP, "::1", 24},
		{"smtp:mx.example", MODEL_DELIVERY_SMTP, "mx.example", 25},
		{"smtp:mx.example:26", MODEL_DELIVERY_SMTP, "mx.example", 26},
		{"", -1, NULL, 0},
		{"maildir:", -1, NULL, 0},
		{"maildir:/a/../b", -1, NULL, 0},
		{"maildir:/a/..", -1, NULL, 0},
		{"maildir:/a/{user}", -1, NULL, 0},
		{"maildir:/a/{local", -1, NULL, 0},
		{"maildir:/a/local}", -1, NULL, 0},
		{"lmtp:unix:relative", -1, NULL, 0},
		{"lmtp:host", -1, NULL, 0},
		{"pop3:host", -1, NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct model_delivery d;
		bool parses = model_parse_delivery(rows[i].text, &d);

		if (parses != (rows[i].type >= 0))
			fail_msg("%s", rows[i].text);
		if (!parses)
			continue;
		assert_int_equal((int)d.type, rows[i].type);
		assert_true(str_is(d.host.n > 0 ? d.host : d.path, rows[i].rest));
		assert_int_equal(d.port, rows[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domain_names),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_deliveries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
