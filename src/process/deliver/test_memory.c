#include "process/deliver/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void test_ladder(void **state)
{
	struct deliver_memory *m = deliver_memory_new();
	struct wire_host host = {"mx:25", RECEIPT_ATTEMPT_CLEAR, 1000, NULL};

	(void)state;
	assert_int_equal(deliver_memory_attempt(m, "mx:25", 0), RECEIPT_ATTEMPT_FULL);
	deliver_memory_set(m, &host);
	assert_int_equal(deliver_memory_attempt(m, "mx:25", 999), RECEIPT_ATTEMPT_CLEAR);
	assert_int_equal(deliver_memory_attempt(m, "mx:25", 1000), RECEIPT_ATTEMPT_FULL);
	assert_int_equal(deliver_memory_attempt(m, "mx:26", 0), RECEIPT_ATTEMPT_FULL);
	host.until_ms = 0;
	deliver_memory_set(m, &host);
	assert_int_equal(deliver_memory_attempt(m, "mx:25", 500), RECEIPT_ATTEMPT_FULL);
	/* A rung that does not exist is not stepped on. */
	host = (struct wire_host){"mx:25", 77, 1000, NULL};
	deliver_memory_set(m, &host);
	assert_int_equal(deliver_memory_attempt(m, "mx:25", 500), RECEIPT_ATTEMPT_FULL);
	deliver_memory_free(&m);
}

static void test_dead(void **state)
{
	struct deliver_memory *m = deliver_memory_new();
	char name[32];

	(void)state;
	deliver_memory_died(m, "a:25", 100);
	assert_true(deliver_memory_is_dead(m, "a:25", 100));
	assert_false(deliver_memory_is_dead(m, "b:25", 100));
	assert_false(deliver_memory_is_dead(m, "a:25", 100 + DELIVER_DEAD_MS));
	deliver_memory_lives(m, "a:25");
	assert_false(deliver_memory_is_dead(m, "a:25", 100));
	/* Bounded, and the newest is never the one that is lost. */
	for (int i = 0; i < 3 * DELIVER_MEMORY_MAX; i++) {
		snprintf(name, sizeof(name), "host%d:25", i);
		deliver_memory_died(m, name, 0);
		assert_true(deliver_memory_is_dead(m, name, 0));
	}
	deliver_memory_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ladder),
		cmocka_unit_test(test_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
