#include "core/queue/plan.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct queue_plan_limits limits = {
	.window = 100, .window_of_route = 40, .active_of_route = 2, .recipients = 3};

static const struct str a = STR("mx:a.example");
static const struct str b = STR("mx:b.example");

static int setup(void **state)
{
	*state = queue_plan_new(&limits, 0);
	return 0;
}

static int teardown(void **state)
{
	struct queue_plan *plan = *state;

	queue_plan_free(&plan);
	assert_null(plan);
	return 0;
}

static void add(struct queue_plan *plan, int64_t message, int32_t number, struct str route)
{
	assert_int_equal(queue_plan_add(plan, message, number, route, 0), ERR_OK);
}

static void test_groups(void **state)
{
	struct queue_plan *plan = *state;
	const struct queue_parcel *first, *second, *third;

	add(plan, 7, 0, a);
	add(plan, 7, 1, b);
	for (int32_t i = 2; i < 6; i++)
		add(plan, 7, i, a);
	assert_int_equal(queue_plan_add(plan, 7, 2, a, 0), ERR_EXISTS);
	first = queue_plan_take(plan, 0);
	second = queue_plan_take(plan, 0);
	third = queue_plan_take(plan, 0);
	assert_null(queue_plan_take(plan, 0));
	assert_string_equal(first->route, "mx:a.example");
	assert_int_equal(first->count, 3);
	assert_int_equal(first->numbers[0], 0);
	assert_int_equal(first->numbers[2], 3);
	assert_string_equal(second->route, "mx:b.example");
	assert_int_equal(second->count, 1);
	assert_int_equal(third->count, 2); /* no more than the limit go in one parcel */
	assert_int_equal(queue_plan_add(plan, 7, 2, a, 0), ERR_EXISTS);
	assert_false(queue_plan_remove(plan, 7, 2));
	queue_plan_finish(plan, first);
	assert_int_equal(queue_plan_state(plan, 7, 2), QUEUE_PLAN_NONE);
	assert_int_equal(queue_plan_state(plan, 7, 1), QUEUE_PLAN_ACTIVE);
	assert_int_equal(queue_plan_count(plan), 3);
	queue_plan_finish(plan, second);
	queue_plan_finish(plan, third);
	assert_int_equal(queue_plan_count(plan), 0);
}

static void test_turns(void **state)
{
	struct queue_plan *plan = *state;
	const char *want[] = {
		"mx:a.example 1", "mx:b.example 50", "mx:a.example 2", "mx:b.example 51"};

	/* One destination has a pile, another two messages: they alternate, oldest first. */
	for (int64_t i = 30; i > 0; i--)
		add(plan, i, 0, a);
	add(plan, 51, 0, b);
	add(plan, 50, 0, b);
	for (size_t i = 0; i < ARRAY_LENGTH(want); i++) {
		const struct queue_parcel *parcel = queue_plan_take(plan, 0);
		char got[64];

		assert_non_null(parcel);
		snprintf(got, sizeof(got), "%s %d", parcel->route, (int)parcel->message);
		assert_string_equal(got, want[i]);
	}
	/* Both have two under way, which is the limit. */
	assert_null(queue_plan_take(plan, 0));
	assert_int_equal(queue_plan_active(plan), 4);
}

static void test_limit_frees(void **state)
{
	struct queue_plan *plan = *state;
	const struct queue_parcel *parcel;

	for (int64_t i = 1; i < 5; i++)
		add(plan, i, 0, a);
	parcel = queue_plan_take(plan, 0);
	assert_non_null(queue_plan_take(plan, 0));
	assert_null(queue_plan_take(plan, 0));
	queue_plan_finish(plan, parcel);
	parcel = queue_plan_take(plan, 0);
	assert_non_null(parcel);
	assert_int_equal(parcel->message, 3);
	assert_null(queue_plan_take(plan, 0));
}

/* While what came of a parcel is written, another one has its place. */
static void test_over(void **state)
{
	struct queue_plan *plan = *state;
	const struct queue_parcel *first, *second;
	struct queue_plan_route route;

	for (int64_t i = 1; i < 6; i++)
		add(plan, i, 0, a);
	first = queue_plan_take(plan, 0);
	assert_non_null(queue_plan_take(plan, 0));
	assert_null(queue_plan_take(plan, 0));
	queue_plan_over(plan, first);
	second = queue_plan_take(plan, 0);
	assert_non_null(second);
	assert_null(queue_plan_take(plan, 0));
	assert_int_equal(queue_plan_state(plan, 1, 0), QUEUE_PLAN_ACTIVE);
	assert_true(queue_plan_route_state(plan, a, &route));
	assert_int_equal(route.active, 3);
	queue_plan_finish(plan, first);
	assert_null(queue_plan_take(plan, 0));
	queue_plan_finish(plan, second);
	assert_non_null(queue_plan_take(plan, 0));
}

static void test_due(void **state)
{
	struct queue_plan *plan = *state;

	assert_int_equal(queue_plan_wake_ms(plan), INT64_MAX);
	assert_int_equal(queue_plan_add(plan, 1, 0, a, 500), ERR_OK);
	assert_int_equal(queue_plan_add(plan, 2, 0, a, 300), ERR_OK);
	assert_int_equal(queue_plan_wake_ms(plan), 300);
	assert_null(queue_plan_take(plan, 299));
	assert_int_equal(queue_plan_take(plan, 300)->message, 2);
	assert_null(queue_plan_take(plan, 499));
	/* Adding again draws it nearer, never further. */
	assert_int_equal(queue_plan_add(plan, 1, 0, a, 900), ERR_EXISTS);
	assert_int_equal(queue_plan_wake_ms(plan), 500);
	assert_int_equal(queue_plan_add(plan, 1, 0, a, 400), ERR_EXISTS);
	assert_int_equal(queue_plan_take(plan, 400)->message, 1);
}

static void test_clamp(void **state)
{
	struct queue_plan *plan = *state;

	assert_int_equal(queue_plan_add(plan, 1, 0, a, 5000000), ERR_OK);
	queue_plan_route_failed(plan, b, a);
	queue_plan_route_rest(plan, b, 9000000);
	queue_plan_clamp(plan, 1000);
	assert_int_equal(queue_plan_take(plan, 1000)->message, 1);
	assert_int_equal(queue_plan_wake_ms(plan), INT64_MAX);
}

static void test_window(void **state)
{
	struct queue_plan *plan = *state;
	char name[32];
	int64_t message = 0;

	while (queue_plan_add(plan, ++message, 0, a, 0) == ERR_OK)
		;
	assert_int_equal(message, 41);
	assert_int_equal(queue_plan_add(plan, message, 0, a, 0), ERR_BUSY);
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "mx:%d.example", i);
		add(plan, message++, 0, str_of(name));
	}
	assert_int_equal(queue_plan_add(plan, message, 0, b, 0), ERR_FULL);
	assert_int_equal(queue_plan_count(plan), 100);
	assert_true(queue_plan_remove(plan, 7, 0));
	add(plan, message, 0, b);
}

static void test_remove(void **state)
{
	struct queue_plan *plan = *state;

	add(plan, 1, 0, a);
	add(plan, 1, 1, a);
	add(plan, 1, 2, a);
	assert_true(queue_plan_remove(plan, 1, 1));
	assert_false(queue_plan_remove(plan, 1, 1));
	assert_true(queue_plan_remove(plan, 1, 0));
	assert_int_equal(queue_plan_take(plan, 0)->numbers[0], 2);
	assert_null(queue_plan_take(plan, 0));
	add(plan, 2, 0, b);
	assert_true(queue_plan_remove(plan, 2, 0));
	assert_null(queue_plan_take(plan, 0));
}

static void test_rest(void **state)
{
	struct queue_plan *plan = *state;
	const struct queue_parcel *one, *two;
	struct queue_plan_route route;

	for (int64_t i = 1; i < 9; i++)
		add(plan, i, 0, a);
	add(plan, 100, 0, b);
	one = queue_plan_take(plan, 0);
	assert_non_null(queue_plan_take(plan, 0)); /* b */
	two = queue_plan_take(plan, 0);
	assert_int_equal(queue_plan_route_failed(plan, a, b), 1);
	queue_plan_route_rest(plan, a, 1000);
	queue_plan_finish(plan, one);
	/* The second began before the rest: it says nothing new. */
	assert_int_equal(queue_plan_route_failed(plan, a, b), 1);
	queue_plan_finish(plan, two);
	/* What is ready during the rest is not for sending, however much of it there is. */
	for (int64_t i = 3; i < 6; i++) {
		one = queue_plan_take(plan, 999);
		assert_int_equal(one->message, i);
		assert_true(one->rests);
		queue_plan_finish(plan, one);
	}
	assert_true(queue_plan_route_state(plan, a, &route));
	assert_int_equal(route.rests_until_ms, 1000);
	assert_string_equal(route.reason, "mx:b.example");
	/* One alone is the probe. */
	one = queue_plan_take(plan, 1000);
	assert_int_equal(one->message, 6);
	assert_false(one->rests);
	assert_null(queue_plan_take(plan, 1000));
	assert_int_equal(queue_plan_route_failed(plan, a, b), 2);
	queue_plan_route_rest(plan, a, 5000);
	queue_plan_finish(plan, one);
	one = queue_plan_take(plan, 5000);
	assert_true(queue_plan_route_answered(plan, a));
	assert_false(queue_plan_route_answered(plan, a));
	queue_plan_finish(plan, one);
	assert_non_null(queue_plan_take(plan, 5000));
}

static void test_wake(void **state)
{
	struct queue_plan *plan = *state;
	struct queue_plan_route route;
	size_t position = 0;

	queue_plan_route_failed(plan, a, b);
	queue_plan_route_rest(plan, a, 1000);
	queue_plan_route_failed(plan, b, a);
	queue_plan_route_rest(plan, b, 1000);
	add(plan, 1, 0, a);
	add(plan, 2, 0, b);
	queue_plan_route_wake(plan, b);
	for (int i = 0; i < 2; i++) {
		const struct queue_parcel *parcel = queue_plan_take(plan, 1);

		assert_int_equal(parcel->rests, parcel->message == 1);
	}
	queue_plan_route_wake(plan, (struct str){0});
	add(plan, 3, 0, a);
	assert_false(queue_plan_take(plan, 1)->rests);
	while (queue_plan_next_route(plan, &position, &route))
		assert_int_equal(route.failures, 0);
}

/* Random steps against the plain facts: nothing is lost, nothing is given out twice. */
static void test_random(void **state)
{
	struct queue_plan *plan = *state;
	const struct queue_parcel *active[200];
	bool in[64] = {false}, out[64] = {false};
	size_t count = 0, given = 0;
	uint32_t seed = 12345;

	for (int step = 0; step < 20000; step++) {
		uint32_t dice = (seed = seed * 1664525 + 1013904223) >> 8;
		int32_t number = (int32_t)(dice % 64);
		char route[16];

		snprintf(route, sizeof(route), "r%d", number % 7);
		switch (dice / 64 % 4) {
		case 0:
			if (queue_plan_add(plan, number / 8, number, str_of(route), step + 5) ==
				ERR_OK) {
				assert_false(in[number]);
				in[number] = true;
			} else {
				assert_true(in[number]);
			}
			break;
		case 1:
			active[count] = queue_plan_take(plan, step);
			if (active[count] == NULL)
				break;
			for (size_t i = 0; i < active[count]->count; i++, given++) {
				assert_true(in[active[count]->numbers[i]]);
				assert_false(out[active[count]->numbers[i]]);
				out[active[count]->numbers[i]] = true;
			}
			count++;
			break;
		case 2:
			if (count == 0)
				break;
			count--;
			for (size_t i = 0; i < active[count]->count; i++)
				in[active[count]->numbers[i]] = out[active[count]->numbers[i]] =
					false;
			queue_plan_finish(plan, active[count]);
			break;
		default:
			if (dice % 5 == 0 && queue_plan_remove(plan, number / 8, number)) {
				assert_true(in[number] && !out[number]);
				in[number] = false;
			} else if (dice % 97 == 0) {
				queue_plan_route_failed(plan, str_of(route), str_of("dead"));
				queue_plan_route_rest(plan, str_of(route), step + 50);
			}
		}
	}
	assert_true(given > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
		cmocka_unit_test_setup_teardown(test_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit_frees, setup, teardown),
		cmocka_unit_test_setup_teardown(test_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_due, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clamp, setup, teardown),
		cmocka_unit_test_setup_teardown(test_window, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wake, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
