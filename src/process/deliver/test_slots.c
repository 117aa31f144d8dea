#include "process/deliver/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static char order[32];

struct waiter {
	struct deliver_slot slot;
	char name;
};

static void on_granted(void *context)
{
	struct waiter *w = context;
	size_t n = strlen(order);

	assert_true(w->slot.held);
	order[n] = w->name;
	order[n + 1] = '\0';
}

static void test_line(void **state)
{
	struct deliver_slots *slots = deliver_slots_new();
	struct waiter w[6];

	(void)state;
	order[0] = '\0';
	for (int i = 0; i < 6; i++)
		w[i] = (struct waiter){
			.slot = {.granted = on_granted, .context = &w[i]}, .name = (char)('a' + i)};
	assert_true(deliver_slots_take(slots, &w[0].slot, "k", 2));
	assert_true(deliver_slots_take(slots, &w[1].slot, "k", 2));
	assert_true(deliver_slots_take(slots, &w[5].slot, "other", 2));
	for (int i = 2; i < 5; i++)
		assert_false(deliver_slots_take(slots, &w[i].slot, "k", 2));
	/* One leaves the line, at its end and then in the middle of things. */
	deliver_slots_release(slots, &w[4].slot);
	assert_string_equal(order, "");
	deliver_slots_release(slots, &w[0].slot);
	assert_string_equal(order, "c");
	assert_false(deliver_slots_take(slots, &w[0].slot, "k", 2));
	deliver_slots_release(slots, &w[3].slot);
	deliver_slots_release(slots, &w[1].slot);
	assert_string_equal(order, "ca");
	deliver_slots_release(slots, &w[2].slot);
	deliver_slots_release(slots, &w[0].slot);
	deliver_slots_release(slots, &w[0].slot);
	assert_string_equal(order, "ca");
	assert_true(deliver_slots_take(slots, &w[1].slot, "k", 1));
	deliver_slots_free(&slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_line)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
