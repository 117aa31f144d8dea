/* How many requests somebody may make. */
#include "process/admin/rates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct admin_rate rate = {.per_second = 4, .burst = 10};
static const struct str ann = STR("user ann"), bob = STR("user bob");

static void test_a_burst_then_a_rate(void **state)
{
	struct admin_rates *rates = admin_rates_new(1);
	int64_t now = 1000000;

	(void)state;
	assert_false(admin_rates_knows(rates, ann));
	for (int i = 0; i < 10; i++)
		assert_int_equal(admin_rates_take(rates, ann, &rate, now), 0);
	assert_true(admin_rates_knows(rates, ann));
	/* A refusal costs nothing: the wait is the same, however often she asks. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(admin_rates_take(rates, ann, &rate, now), 250);
	assert_int_equal(admin_rates_take(rates, ann, &rate, now + 249), 1);
	assert_int_equal(admin_rates_take(rates, ann, &rate, now + 250), 0);
	assert_int_equal(admin_rates_take(rates, ann, &rate, now + 250), 250);
	assert_int_equal(admin_rates_take(rates, bob, &rate, now), 0); /* others are no matter */
	/* It never holds more than a burst. */
	now += 1000000000;
	for (int i = 0; i < 10; i++)
		assert_int_equal(admin_rates_take(rates, ann, &rate, now), 0);
	assert_int_equal(admin_rates_take(rates, ann, &rate, now), 250);
	admin_rates_free(&rates);
	assert_null(rates);
}

static void test_other_settings_hold_at_once(void **state)
{
	const struct admin_rate less = {.per_second = 1000, .burst = 2};
	struct admin_rates *rates = admin_rates_new(1);

	(void)state;
	assert_int_equal(admin_rates_take(rates, ann, &rate, 5), 0);
	assert_int_equal(admin_rates_take(rates, ann, &less, 5), 0);
	assert_int_equal(admin_rates_take(rates, ann, &less, 5), 0);
	assert_int_equal(admin_rates_take(rates, ann, &less, 5), 1);
	admin_rates_free(&rates);
}

static void test_the_table_has_a_bound(void **state)
{
	struct admin_rates *rates = admin_rates_new(1);
	char key[2 * ADMIN_RATES_MAX_KEY];

	(void)state;
	for (int i = 0; i < 3 * ADMIN_RATES_MAX; i++) {
		snprintf(key, sizeof(key), "address 192.0.2.%d", i);
		assert_int_equal(admin_rates_take(rates, str_of(key), &rate, i), 0);
		/* Who goes on asking is not pushed out. */
		if (i % 1000 == 0 && i < 9000)
			assert_int_equal(admin_rates_take(rates, ann, &rate, 0), 0);
	}
	assert_int_equal(admin_rates_count(rates), ADMIN_RATES_MAX);
	assert_false(admin_rates_knows(rates, str_of("address 192.0.2.1")));
	memset(key, 'x', sizeof(key));
	for (int i = 0; i < 10; i++) /* cut, and so the same one */
		assert_int_equal(admin_rates_take(rates, str_make(key, 200 + i), &rate, 7), 0);
	assert_true(admin_rates_take(rates, str_make(key, 150), &rate, 7) > 0);
	admin_rates_free(&rates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_then_a_rate),
		cmocka_unit_test(test_other_settings_hold_at_once),
		cmocka_unit_test(test_the_table_has_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
