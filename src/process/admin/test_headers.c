/* What headers of strangers say. */
#include "base/compiler.h"
#include "process/admin/headers.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_cookies(void **state)
{
	static const struct {
		const char *name, *header, *want;
	} rows[] = {
		{"alone", "__Host-x=abc", "abc"},
		{"among others", "a=1; __Host-x=abc; b=2", "abc"},
		{"without blanks", "a=1;__Host-x=abc;b=2", "abc"},
		{"an equals sign inside", "__Host-x=a=b=", "a=b="},
		{"twice", "__Host-x=abc; __Host-x=def", ""},
		{"none", NULL, ""},
		{"empty", "", ""},
		{"no value", "__Host-x=", ""},
		{"no equals sign", "__Host-x", ""},
		{"another case", "__host-X=abc", ""},
		{"a longer name", "a__Host-x=abc; __Host-xy=abc", ""},
		{"inside another's value", "a=__Host-x=abc", ""},
		{"only separators", ";;; ; =;", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		print_message("# %s\n", rows[i].name);
		assert_true(str_is(admin_headers_cookie(rows[i].header, "__Host-x"), rows[i].want));
	}
}

static void test_bearers(void **state)
{
	static const char *const rows[][2] = {
		{"Bearer sp_a_b", "sp_a_b"},
		{"bearer  sp_a_b ", "sp_a_b"},
		{"Bearer", ""},
		{"Bearer ", ""},
		{"Basic cm9vdDo=", ""},
		{"Bearer a b", ""},
		{"Bearersp_a_b", ""},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		print_message("# %s\n", rows[i][0]);
		assert_true(str_is(admin_headers_bearer(rows[i][0]), rows[i][1]));
	}
	assert_int_equal(admin_headers_bearer(NULL).n, 0);
}

static void test_origins(void **state)
{
	static const struct {
		const char *origin, *host;
		bool is_same;
	} rows[] = {
		{"https://mx.example:8443", "mx.example:8443", true},
		{"https://MX.example:8443", "mx.Example:8443", true},
		{"https://mx.example", "mx.example", true},
		{"https://mx.example", "mx.example:443", true},
		{"https://mx.example:443", "mx.example", true},
		{"https://[::1]:8443", "[::1]:8443", true},
		{"https://[::1]", "[::1]", true},
		{"https://mx.example:8444", "mx.example:8443", false},
		{"http://mx.example:8443", "mx.example:8443", false},
		{"https://evil.example", "mx.example", false},
		{"https://mx.example.evil", "mx.example", false},
		{"https://mx.example@evil", "mx.example", false},
		{"null", "mx.example", false},
		{"", "mx.example", false},
		{"https://", "", false},
		{"https://", ":443", false},
		{"https://mx.example", NULL, false},
		{NULL, "mx.example", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		print_message("# %s\n", rows[i].origin != NULL ? rows[i].origin : "none");
		assert_int_equal(
			admin_headers_same_origin(rows[i].origin, rows[i].host), rows[i].is_same);
	}
}

static void test_types(void **state)
{
	(void)state;
	assert_true(admin_headers_is_json("application/json"));
	assert_true(admin_headers_is_json("Application/JSON; charset=utf-8"));
	assert_false(admin_headers_is_json("application/jsonp"));
	assert_false(admin_headers_is_json("text/plain; application/json"));
	assert_false(admin_headers_is_json(""));
	assert_false(admin_headers_is_json(NULL));
}

static void test_encodings(void **state)
{
	static const struct {
		const char *accepted;
		bool want;
	} rows[] = {
		{NULL, true},
		{"gzip", true},
		{"br, GZIP;q=0.5", true},
		{"x-gzip", true},
		{"*", true},
		{"identity", false},
		{"", false},
		{"gzip;q=0", false},
		{"gzip; q=0.000, *", false},
		{"*;q=0", false},
		{"br;q=1, *;q=0.1", true},
		{"gzip;q=0.001", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		print_message("# %s\n", rows[i].accepted != NULL ? rows[i].accepted : "none");
		assert_int_equal(admin_headers_gzip(rows[i].accepted), rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_bearers),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_encodings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
