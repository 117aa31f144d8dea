#include "core/cert/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

struct row {
	const char *name;
	const char *expected;
	const char *presented;
	bool want;
};

static const struct row rows[] = {
	{"the same", "mx.fabrikam.example", "mx.fabrikam.example", true},
	{"another host", "mx.fabrikam.example", "mx2.fabrikam.example", false},
	{"case", "MX.Fabrikam.example", "mx.fabrikam.EXAMPLE", true},
	{"trailing dot expected", "mx.fabrikam.example.", "mx.fabrikam.example", true},
	{"trailing dot presented", "mx.fabrikam.example", "mx.fabrikam.example.", true},
	{"two trailing dots", "mx.fabrikam.example..", "mx.fabrikam.example", false},
	{"suffix only", "fabrikam.example", "evilfabrikam.example", false},
	{"subdomain of the expected", "fabrikam.example", "mx.fabrikam.example", false},
	{"wildcard: one label", "mx.fabrikam.example", "*.fabrikam.example", true},
	{"wildcard: not two labels", "a.mx.fabrikam.example", "*.fabrikam.example", false},
	{"wildcard: not the domain itself", "fabrikam.example", "*.fabrikam.example", false},
	{"wildcard: whole label only", "mx.fabrikam.example", "m*.fabrikam.example", false},
	{"wildcard: label ends in it", "mx.fabrikam.example", "*x.fabrikam.example", false},
	{"wildcard: leftmost only", "mx.fabrikam.example", "mx.*.example", false},
	{"wildcard: only one", "mx.fabrikam.example", "*.*.example", false},
	{"wildcard: above two labels at least", "fabrikam.example", "*.example", false},
	{"wildcard alone", "example", "*", false},
	{"wildcard and dot", "example", "*.", false},
	{"wildcard over an A-label", "xn--mx-eka.fabrikam.example", "*.fabrikam.example", true},
	{"expected wildcard, host", "*.fabrikam.example", "mx.fabrikam.example", true},
	{"expected wildcard, same wildcard", "*.fabrikam.example", "*.fabrikam.example", true},
	{"expected wildcard, deeper host", "*.fabrikam.example", "a.mx.fabrikam.example", false},
	{"expected wildcard, deeper wildcard", "*.fabrikam.example", "*.mx.fabrikam.example",
		false},
	{"expected wildcard, the domain itself", "*.fabrikam.example", "fabrikam.example", false},
	{"expected wildcard, wildcard above", "*.mx.fabrikam.example", "*.fabrikam.example", false},
	{"expected wildcard, other domain", "*.fabrikam.example", "mx.contoso.example", false},
	{"expected wildcard on an own top level", "*.internal", "mx.internal", true},
	{"expected wildcard, presented top level wildcard", "*.internal", "*.internal", false},
	{"expected asterisk", "*", "mx.fabrikam.example", false},
	{"expected partial wildcard", "m*.fabrikam.example", "mx.fabrikam.example", false},
	{"partial wildcards are not even equal", "m*.fabrikam.example", "m*.fabrikam.example",
		false},
	{"U-label expected",
		"postb\xc3\xbc"
		"ro.example",
		"xn--postbro-r2a.example", true},
	{"U-label expected, upper case",
		"Postb\xc3\x9c"
		"ro.example",
		"xn--postbro-r2a.example", true},
	{"U-label below a wildcard",
		"*.postb\xc3\xbc"
		"ro.example",
		"mx.xn--postbro-r2a.example", true},
	{"U-label presented", "xn--postbro-r2a.example",
		"postb\xc3\xbc"
		"ro.example",
		false},
	{"invalid UTF-8", "mx\xff.example", "mx.example", false},
	{"IPv4 address", "192.0.2.1", "192.0.2.1", false},
	{"IPv4 address under a wildcard", "192.0.2.1", "*.0.2.1", false},
	{"IPv6 address", "2001:db8::1", "2001:db8::1", false},
	{"underscore", "_mx.fabrikam.example", "_mx.fabrikam.example", true},
	{"single label", "mailhost", "mailhost", true},
	{"empty both", "", "", false},
	{"empty label", "mx..example", "mx..example", false},
	{"leading dot", ".fabrikam.example", "mx.fabrikam.example", false},
	{"space", "mx fabrikam.example", "mx fabrikam.example", false},
	{"hyphen at the edge", "-mx.example", "-mx.example", false},
	{"label of 64", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", false},
};

static void matches_one_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const char *names[] = {"unrelated.example.net", rows[i].presented};
		struct cert_facts facts = {.names = {names, 2}};
		const char *matched = NULL;
		bool got = cert_names_match(rows[i].expected, &facts, &matched);

		if (got != rows[i].want)
			fail_msg("%s: got %d", rows[i].name, got);
		if (got && matched != names[1])
			fail_msg("%s: wrong name reported", rows[i].name);
	}
}

static void nothing_matches_nothing(void **state)
{
	struct cert_facts facts = {0};

	(void)state;
	assert_false(cert_names_match("mx.example", &facts, NULL));
	assert_false(cert_names_match(NULL, &facts, NULL));
	assert_false(cert_names_match("mx.example", NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_one_name),
		cmocka_unit_test(nothing_matches_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
