#include "process/deliver/targets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct row {
	const char *name;
	struct deliver_mx mx[4];
	size_t count;
	const char *own;
	const char *want; /* hosts in order, "" for none */
	bool is_loop;
} rows[] = {
	{"by preference", {{20, "b"}, {10, "a"}, {30, "c"}}, 3, "me", "a b c ", false},
	{"ourselves and what is behind", {{20, "ME."}, {10, "a"}, {30, "c"}}, 3, "me", "a ", false},
	{"equals of ourselves", {{10, "me"}, {10, "a"}, {5, "z"}}, 3, "me", "z ", false},
	{"only ourselves", {{10, "me"}, {20, "a"}}, 2, "me", "", true},
	{"none", {{0, ""}}, 0, "me", "", false},
};

static void test_sort(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		for (uint64_t seed = 0; seed < 50; seed++) {
			struct deliver_mx mx[4];
			char got[64] = "";
			size_t at = 0;
			bool is_loop;
			size_t n;

			memcpy(mx, rows[i].mx, sizeof(mx));
			n = deliver_targets_sort(mx, rows[i].count, rows[i].own, seed, &is_loop);
			for (size_t j = 0; j < n; j++)
				at += (size_t)snprintf(
					got + at, sizeof(got) - at, "%s ", mx[j].host);
			if (strcmp(got, rows[i].want) != 0 || is_loop != rows[i].is_loop)
				fail_msg("%s: got \"%s\"", rows[i].name, got);
		}
	}
}

static void test_equals_are_shuffled(void **state)
{
	int first[3] = {0};

	(void)state;
	for (uint64_t seed = 0; seed < 600; seed++) {
		struct deliver_mx mx[3] = {{10, "0"}, {10, "1"}, {10, "2"}};
		bool is_loop;

		assert_int_equal(deliver_targets_sort(mx, 3, "me", seed, &is_loop), 3);
		first[mx[0].host[0] - '0']++;
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(first[i], 120, 280);
}

static void test_null_mx(void **state)
{
	struct deliver_mx mx[2] = {{0, "."}, {10, "a"}};

	(void)state;
	assert_true(deliver_targets_is_null_mx(mx, 1));
	assert_false(deliver_targets_is_null_mx(mx, 2));
	assert_false(deliver_targets_is_null_mx(mx + 1, 1));
	assert_false(deliver_targets_is_null_mx(mx, 0));
}

static void test_addresses(void **state)
{
	struct deliver_address a, v6[3], v4[12], all[DELIVER_MAX_ADDRESSES];

	(void)state;
	assert_true(deliver_targets_literal((struct str)STR("192.0.2.1"), 25, &a));
	assert_string_equal(a.text, "192.0.2.1");
	assert_int_equal(ntohs(a.to.v4.sin_port), 25);
	assert_true(deliver_targets_literal((struct str)STR("IPv6:2001:db8::1"), 25, &a));
	assert_string_equal(a.text, "2001:db8::1");
	assert_true(deliver_targets_literal((struct str)STR("[::1]"), 25, &a));
	assert_false(deliver_targets_literal((struct str)STR("mx.example"), 25, &a));
	assert_true(deliver_targets_unix("/run/x", &a));
	assert_string_equal(a.text, "unix:/run/x");
	assert_false(deliver_targets_unix("", &a));
	for (int i = 0; i < 3; i++)
		snprintf(v6[i].text, sizeof(v6[i].text), "six%d", i);
	for (int i = 0; i < 12; i++)
		snprintf(v4[i].text, sizeof(v4[i].text), "four%d", i);
	assert_int_equal(deliver_targets_alternate(v6, 3, v4, 12, all), DELIVER_MAX_ADDRESSES);
	assert_string_equal(all[0].text, "six0");
	assert_string_equal(all[1].text, "four0");
	assert_string_equal(all[4].text, "six2");
	assert_string_equal(all[9].text, "four6");
	assert_int_equal(deliver_targets_alternate(v6, 0, v4, 2, all), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_equals_are_shuffled),
		cmocka_unit_test(test_null_mx),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
