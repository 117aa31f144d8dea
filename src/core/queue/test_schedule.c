#include "core/queue/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MIN  INT64_C(60000)
#define HOUR (60 * MIN)
#define T0   INT64_C(1795300000000)

static const struct queue_settings usual = {.expiry_ms = 24 * HOUR, .delay_notice_ms = 4 * HOUR};
static const int64_t short_waits[] = {10 * MIN, 20 * MIN};
static const struct queue_settings own = {
	.waits = short_waits, .wait_count = 2, .expiry_ms = 2 * HOUR, .delay_notice_ms = 0};
static const struct queue_settings absurd = {.expiry_ms = 1, .delay_notice_ms = 1};
static const struct queue_settings forever = {.expiry_ms = 99 * 24 * HOUR};

struct row {
	const char *name;
	const struct queue_settings *settings;
	int64_t attempts, age;
	bool noticed;
	enum queue_verdict verdict;
	int64_t wait;
	bool notify;
};

static const struct row rows[] = {
	{"first failure waits 1 minute", &usual, 1, 0, false, QUEUE_WAIT, 1 * MIN, false},
	{"second 5", &usual, 2, 1 * MIN, false, QUEUE_WAIT, 5 * MIN, false},
	{"third 15", &usual, 3, 6 * MIN, false, QUEUE_WAIT, 15 * MIN, false},
	{"fourth 15", &usual, 4, 21 * MIN, false, QUEUE_WAIT, 15 * MIN, false},
	{"fifth 30", &usual, 5, 36 * MIN, false, QUEUE_WAIT, 30 * MIN, false},
	{"sixth 60", &usual, 6, 66 * MIN, false, QUEUE_WAIT, 60 * MIN, false},
	{"and 60 for ever", &usual, 500, 3 * HOUR, false, QUEUE_WAIT, 60 * MIN, false},
	{"notice at 4 hours", &usual, 9, 4 * HOUR, false, QUEUE_WAIT, 60 * MIN, true},
	{"not before", &usual, 9, 4 * HOUR - 1, false, QUEUE_WAIT, 60 * MIN, false},
	{"only once", &usual, 9, 5 * HOUR, true, QUEUE_WAIT, 60 * MIN, false},
	{"last attempt at expiry", &usual, 28, 24 * HOUR - 7 * MIN, true, QUEUE_WAIT, 7 * MIN,
		false},
	{"given up at expiry", &usual, 29, 24 * HOUR, true, QUEUE_RETURN, 0, false},
	{"and after", &usual, 29, 90 * HOUR, false, QUEUE_RETURN, 0, false},
	{"own schedule", &own, 1, 0, false, QUEUE_WAIT, 10 * MIN, false},
	{"own schedule repeats its last", &own, 5, HOUR, false, QUEUE_WAIT, 20 * MIN, false},
	{"no notice when none is wanted", &own, 5, 110 * MIN, false, QUEUE_WAIT, 10 * MIN, false},
	{"own expiry", &own, 7, 2 * HOUR, false, QUEUE_RETURN, 0, false},
	{"expiry is at least an hour", &absurd, 1, 59 * MIN, true, QUEUE_WAIT, 1 * MIN, false},
	{"expiry is at most 7 days", &forever, 99, 7 * 24 * HOUR, false, QUEUE_RETURN, 0, false},
	{"clock went back: few attempts go on", &usual, 3, -9999 * HOUR, false, QUEUE_WAIT,
		15 * MIN, false},
	{"clock went back: attempts count the time", &usual, 40, -9999 * HOUR, false, QUEUE_RETURN,
		0, false},
};

static void test_schedule(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct row *row = &rows[i];
		struct queue_history history = {.received_ms = T0 - row->age,
			.attempts = row->attempts,
			.delay_noticed = row->noticed};
		struct queue_next next = queue_next_attempt(&history, row->settings, T0);

		if (next.verdict != row->verdict || next.notify_delay != row->notify ||
			(next.verdict == QUEUE_WAIT && next.when_ms != T0 + row->wait))
			fail_msg("%s: verdict %d, wait %lld, notify %d", row->name, next.verdict,
				(long long)(next.when_ms - T0), next.notify_delay);
	}
}

static void test_expired(void **state)
{
	struct queue_history history = {.received_ms = T0 - 25 * HOUR, .attempts = 0};

	(void)state;
	/* The server was off for a day: every message still gets its attempt. */
	assert_false(queue_is_expired(&history, &usual, false, T0));
	assert_true(queue_is_expired(&history, &usual, true, T0));
	history.attempts = 1;
	assert_true(queue_is_expired(&history, &usual, false, T0));
	history.received_ms = T0 - 24 * HOUR + 1;
	assert_false(queue_is_expired(&history, &usual, true, T0));
}

static void test_clamp(void **state)
{
	(void)state;
	assert_int_equal(queue_clamp_due(T0 - 5, &usual, T0), T0 - 5);
	assert_int_equal(queue_clamp_due(T0 + 60 * MIN, &usual, T0), T0 + 60 * MIN);
	assert_int_equal(queue_clamp_due(T0 + 60 * MIN + 1, &usual, T0), T0 + 60 * MIN);
	assert_int_equal(queue_clamp_due(T0 + 9999 * HOUR, &own, T0), T0 + 20 * MIN);
}

static void test_route(void **state)
{
	(void)state;
	assert_int_equal(queue_route_wait(1, &usual), 1 * MIN);
	assert_int_equal(queue_route_wait(2, &usual), 5 * MIN);
	assert_int_equal(queue_route_wait(3, &usual), 15 * MIN);
	assert_int_equal(queue_route_wait(300, &usual), 15 * MIN);
	assert_int_equal(queue_route_wait(0, &usual), 1 * MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_clamp),
		cmocka_unit_test(test_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
