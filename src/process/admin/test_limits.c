/* How often somebody may try a password. */
#include "process/admin/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct admin_limits_rule rule = {
	.free = 3, .first_ms = 1000, .longest_ms = 8000, .forget_ms = 60000};
static const struct str ann = STR("ann"), bob = STR("bob");

static void test_waits_grow(void **state)
{
	static const int64_t waits[] = {0, 0, 1000, 2000, 4000, 8000, 8000};
	struct admin_limits *limits = admin_limits_new(&rule, 1);
	int64_t now = 1000000;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(waits); i++) {
		assert_int_equal(admin_limits_try(limits, ann, now), 0);
		if (waits[i] > 0) {
			assert_int_equal(admin_limits_try(limits, ann, now), waits[i]);
			assert_int_equal(admin_limits_try(limits, ann, now + waits[i] - 1), 1);
		}
		now += waits[i];
	}
	assert_int_equal(admin_limits_try(limits, bob, now), 0); /* others are no matter */
	/* Who has not tried for long begins anew. */
	now += rule.forget_ms + 1;
	assert_int_equal(admin_limits_try(limits, ann, now), 0);
	assert_int_equal(admin_limits_try(limits, ann, now), 0);
	assert_int_equal(admin_limits_try(limits, ann, now), 0);
	assert_int_equal(admin_limits_try(limits, ann, now), 1000);
	admin_limits_free(&limits);
	assert_null(limits);
}

static void test_what_is_well_is_forgotten(void **state)
{
	struct admin_limits *limits = admin_limits_new(&rule, 1);

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(admin_limits_try(limits, ann, 5), 0);
		admin_limits_forgive(limits, ann);
	}
	assert_int_equal(admin_limits_count(limits), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(admin_limits_try(limits, ann, 5), 0);
	assert_int_equal(admin_limits_try(limits, ann, 5), 1000);
	/* One of them was none: one more is free, and no more. */
	admin_limits_forgive(limits, ann);
	assert_int_equal(admin_limits_try(limits, ann, 5), 0);
	assert_int_equal(admin_limits_try(limits, ann, 5), 1000);
	admin_limits_clear(limits, ann);
	assert_int_equal(admin_limits_try(limits, ann, 5), 0);
	admin_limits_clear(limits, bob); /* unknown: nothing happens */
	admin_limits_forgive(limits, bob);
	admin_limits_free(&limits);
}

static void test_the_table_is_bounded(void **state)
{
	struct admin_limits *limits = admin_limits_new(&rule, 1);
	char key[300];

	(void)state;
	for (int i = 0; i < 4; i++)
		admin_limits_try(limits, ann, 1);
	for (int i = 0; i < ADMIN_LIMITS_MAX - 1; i++) {
		snprintf(key, sizeof(key), "user%d", i);
		assert_int_equal(admin_limits_try(limits, str_of(key), 1), 0);
	}
	assert_int_equal(admin_limits_count(limits), ADMIN_LIMITS_MAX);
	assert_int_equal(admin_limits_try(limits, ann, 1), 1000); /* touched: the newest again */
	assert_int_equal(admin_limits_try(limits, bob, 1), 0);
	assert_int_equal(admin_limits_count(limits), ADMIN_LIMITS_MAX);
	assert_int_equal(admin_limits_try(limits, ann, 1), 1000);
	/* What is too long is cut, and still one. */
	memset(key, 'x', sizeof(key));
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			admin_limits_try(limits, str_make(key, sizeof(key) - (size_t)i), 1), 0);
	assert_int_equal(admin_limits_try(limits, str_make(key, sizeof(key)), 1), 1000);
	admin_limits_free(&limits);
}

static void test_networks(void **state)
{
	static const char *const rows[][2] = {
		{"192.0.2.7", "192.0.2.7"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
		{"2001:db8:1:2::1", "2001:db8:1:2::"},
		{"socket", "socket"},
		{NULL, ""},
	};
	char found[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		admin_limits_network(rows[i][0], found, sizeof(found));
		assert_string_equal(found, rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_grow),
		cmocka_unit_test(test_what_is_well_is_forgotten),
		cmocka_unit_test(test_the_table_is_bounded),
		cmocka_unit_test(test_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
