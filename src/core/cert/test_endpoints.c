#include "core/cert/endpoints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct {
	const char *url, *want;
} place_rows[] = {
	{"http://crl.ca.example/root.crl", "crl.ca.example:80"},
	{"HTTP://CRL.CA.example/Root.crl", "crl.ca.example:80"},
	{"https://ca.example", "ca.example:443"},
	{"http://ca.example:8080/x", "ca.example:8080"},
	{"http://ca.example:/x", "ca.example:80"},
	{"http://ca.example?x=http://other.example:1", "ca.example:80"},
	{"http://user:word@ca.example/", "ca.example:80"},
	{"http://ca.example/a@b.example", "ca.example:80"},
	{"http://[2001:DB8::1]/x", "[2001:db8::1]:80"},
	{"http://[2001:db8::1]:81/x", "[2001:db8::1]:81"},
	{"http://[2001:db8::1", NULL},
	{"http://[2001:db8::1]x/", NULL},
	{"http://ca.example:0/", NULL},
	{"http://ca.example:65536/", NULL},
	{"http://ca.example:8x/", NULL},
	{"http:///x", NULL},
	{"http://", NULL},
	{"http://a b/", NULL},
	{"ldap://ca.example/cn=x", NULL},
	{"ca.example/x", NULL},
	{"", NULL},
};

static void places_of_addresses(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(place_rows); i++) {
		const char *got = cert_endpoint_place(place_rows[i].url, arena);

		if ((got == NULL) != (place_rows[i].want == NULL) ||
			(got != NULL && strcmp(got, place_rows[i].want) != 0))
			fail_msg("%s: got %s", place_rows[i].url, got != NULL ? got : "nothing");
	}
	arena_free(&arena);
}

static void places_are_a_set_in_order(void **state)
{
	struct arena *arena = arena_new();
	struct cert_places *places = arena_alloc(arena, sizeof(*places));

	(void)state;
	cert_places_add(places, "b.example:80\na.example:80\n", arena);
	cert_places_add(places, NULL, arena);
	cert_places_add(places, " a.example:80 \n\nc.example:443", arena);
	assert_int_equal(places->count, 3);
	assert_string_equal(places->items[0], "a.example:80");
	assert_string_equal(places->items[1], "b.example:80");
	assert_string_equal(places->items[2], "c.example:443");
	for (int i = 0; i < 2 * CERT_PLACES_MAX; i++)
		cert_places_add(places, arena_format(arena, "h%d.example:80", i), arena);
	assert_int_equal(places->count, CERT_PLACES_MAX);
	arena_free(&arena);
}

static void every_cause_has_words(void **state)
{
	(void)state;
	assert_string_equal(cert_causes[0].token, "ok");
	for (size_t i = 0; i < cert_cause_count; i++) {
		assert_ptr_equal(cert_cause_of(cert_causes[i].token), &cert_causes[i]);
		assert_true(cert_causes[i].words[0] != '\0');
		assert_true(i == 0 || cert_causes[i].remedy[0] != '\0');
	}
	assert_string_equal(cert_cause_of("no such word")->token, "other");
	assert_string_equal(cert_cause_of(NULL)->token, "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_of_addresses),
		cmocka_unit_test(places_are_a_set_in_order),
		cmocka_unit_test(every_cause_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
