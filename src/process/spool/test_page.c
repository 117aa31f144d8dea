/* Pages of a map: whatever the order in which items are offered, each is on one page. */
#include "process/spool/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static int by_number(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* All of 0..COUNT-1 by pages of LIMIT; the items are offered in steps of STRIDE. */
static void walk(int *numbers, int count, size_t limit, int stride)
{
	const int *after = NULL;
	int seen = 0;

	for (;;) {
		struct arena *arena CLEANUP(arena_free) = arena_new();
		struct spool_page page;

		spool_page_init(&page, arena, limit, by_number, after);
		for (int i = 0; i < count; i++)
			spool_page_offer(&page, &numbers[(int)((long)i * stride % count)]);
		for (size_t i = 0; i < spool_page_shown(&page); i++)
			assert_int_equal(*(const int *)page.items[i], seen++);
		if (page.count <= limit)
			break;
		assert_int_equal(spool_page_shown(&page), limit);
		after = page.items[limit - 1];
	}
	assert_int_equal(seen, count);
}

static void each_item_is_on_one_page(void **state)
{
	enum { MOST = 101 };
	static const size_t limits[] = {1, 2, 7, 100, 101, 102, 1000};
	static const int strides[] = {1, 100, 37, 3}; /* 101 is prime: each meets all */
	int numbers[MOST];

	(void)state;
	for (int i = 0; i < MOST; i++)
		numbers[i] = i;
	for (size_t l = 0; l < ARRAY_LENGTH(limits); l++)
		for (size_t s = 0; s < ARRAY_LENGTH(strides); s++)
			walk(numbers, MOST, limits[l], strides[s]);
	walk(numbers, 1, 1, 1);
}

/* A cursor is a place: what it named may be gone, and others may have come. */
static void a_page_goes_on_behind_what_is_gone(void **state)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	static const int numbers[] = {30, 10, 50}, gone = 20;
	struct spool_page page;

	(void)state;
	spool_page_init(&page, arena, 1, by_number, &gone);
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
		spool_page_offer(&page, &numbers[i]);
	assert_int_equal(spool_page_shown(&page), 1);
	assert_int_equal(*(const int *)page.items[0], 30);
	assert_int_equal(page.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_item_is_on_one_page),
		cmocka_unit_test(a_page_goes_on_behind_what_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
