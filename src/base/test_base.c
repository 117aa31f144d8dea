#include "base/buf.h"
#include "base/err.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/moment.h"
#include "base/str.h"
#include "base/wirebytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t random_state = 88172645463325252u;

static unsigned draw(unsigned below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 33) % below;
}

static void test_err(void **state)
{
	struct err_info info = {.code = ERR_OK};

	(void)state;
	assert_int_equal(err_class(ERR_OK), ERR_CLASS_NONE);
	assert_int_equal(err_class(ERR_FULL), ERR_CLASS_TEMPORARY);
	assert_int_equal(err_class((enum err)12345), ERR_CLASS_BUG);
	assert_string_equal(err_token((enum err) - 1), "internal");
	for (int e = 0; e < ERR_MAX; e++) {
		assert_non_null(err_token((enum err)e));
		assert_non_null(err_text((enum err)e));
	}
	assert_int_equal(err_from_errno(0), ERR_OK);
	assert_int_equal(err_from_errno(ENOSPC), ERR_FULL);
	assert_int_equal(err_from_errno(EXDEV), ERR_IO);
	assert_int_equal(err_set(&info, ERR_RANGE, "%s %d", "x", 5), ERR_RANGE);
	assert_int_equal(info.code, ERR_RANGE);
	assert_string_equal(info.text, "x 5");
	assert_int_equal(err_set(NULL, ERR_IO, "nobody listens"), ERR_IO);
	err_set(&info, ERR_IO, "%600s", "long");
	assert_int_equal(strlen(info.text), sizeof(info.text) - 1);
}

static void test_str(void **state)
{
	struct str s = STR("a=b=c"), rest = s;
	uint64_t n = 7;

	(void)state;
	assert_true(str_is(str_cut(&rest, '='), "a"));
	assert_true(str_is(rest, "b=c"));
	assert_true(str_is(str_cut(&rest, ';'), "b=c"));
	assert_int_equal(rest.n, 0);
	assert_true(str_is(str_part(s, 3, 1), ""));
	assert_true(str_is(str_part(s, 2, 99), "b=c"));
	assert_true(str_is(str_part(str_of(NULL), 2, 99), ""));
	assert_int_equal(str_find(s, '=', 2), 3);
	assert_int_equal(str_find(s, 'x', 0), s.n);
	assert_int_equal(str_find(s, 'a', 99), s.n);
	assert_int_equal(str_find_last(s, '='), 3);
	assert_int_equal(str_find_last(str_of(NULL), '='), 0);
	assert_true(str_is(str_trim(str_of(" \t x y\t ")), "x y"));
	assert_true(str_equal_nocase(str_of("Straße"), str_of("sTRAße")));
	assert_false(str_equal_nocase(str_of("\xc3\x84"), str_of("\xc3\xa4")));
	assert_true(str_starts_nocase(str_of("HELO x"), str_of("helo")));
	assert_false(str_starts_nocase(str_of("he"), str_of("helo")));
	assert_true(str_ends_nocase(str_of("x.ORG"), str_of(".org")));
	assert_true(str_compare(str_of("a"), str_of("ab")) < 0);
	assert_true(str_compare(str_of("b"), str_of("ab")) > 0);
	assert_int_equal(str_compare(str_of(""), str_of(NULL)), 0);
	assert_true(str_to_u64(str_of("18446744073709551615"), &n) && n == UINT64_MAX);
	assert_false(str_to_u64(str_of("18446744073709551616"), &n));
	assert_false(str_to_u64(str_of(""), &n));
	assert_false(str_to_u64(str_of("+1"), &n));
	assert_false(str_to_u64(str_of("1 "), &n));
	assert_true(n == UINT64_MAX);
	assert_false(str_is_ascii(str_of("\x80")));
}

static void test_utf8(void **state)
{
	static const struct {
		const char *text;
		bool fine;
	} rows[] = {{"", true}, {"abc", true}, {"\xc3\xa4", true}, {"\xe2\x82\xac", true},
		{"\xf0\x9f\x93\xac", true}, {"\x80", false}, {"\xc0\x80", false},
		{"\xc1\xbf", false}, {"\xc3", false}, {"\xe0\x80\x80", false},
		{"\xed\xa0\x80", false}, {"\xf0\x80\x80\x80", false}, {"\xf4\x90\x80\x80", false},
		{"\xf5\x80\x80\x80", false}, {"a\xff", false}, {"\xe2\x82", false},
		{"\xe2x\xac", false}, {"\xf4\x8f\xbf\xbf", true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_int_equal(str_is_utf8(str_of(rows[i].text)), rows[i].fine);
}

static void test_buf(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(buf_put_text(&b, "hello"), ERR_OK);
	assert_int_equal(buf_format(&b, "%d", 12345), ERR_OK);
	assert_string_equal(buf_text(&b), "hello12345");
	assert_int_equal(buf_room(&b), 0);
	assert_int_equal(buf_put_byte(&b, 'x'), ERR_TOO_LONG);
	assert_true(b.failed);
	buf_take(&b, 5);
	/* The failure sticks, so that one check at the end of a series is enough. */
	assert_int_equal(buf_put_byte(&b, 'x'), ERR_TOO_LONG);
	assert_string_equal(buf_text(&b), "12345");
	buf_clear(&b);
	assert_int_equal(buf_put_text(&b, "again"), ERR_OK);
	assert_string_equal(buf_text(&b), "again");
	assert_int_equal(buf_format(&b, "%s", "too long"), ERR_TOO_LONG);
	assert_string_equal(buf_text(&b), "again");
	buf_free(&b);
	assert_int_equal(buf_length(&b), 0);
	assert_int_equal(b.max, 10);
}

/* Against a plain array: puts at the end, takes from the front. */
static void test_buf_random(void **state)
{
	char model[5000];
	size_t from = 0, to = 0;
	struct buf b;

	(void)state;
	buf_init(&b, sizeof(model));
	for (unsigned i = 0; i < 20000; i++) {
		size_t n = draw(300);

		if (draw(2) && to - from + n <= 4000) {
			char piece[300];

			for (size_t k = 0; k < n; k++)
				piece[k] = (char)draw(256);
			if (to + n > sizeof(model)) {
				memmove(model, model + from, to - from);
				to -= from;
				from = 0;
			}
			memcpy(model + to, piece, n);
			to += n;
			assert_int_equal(buf_put(&b, str_make(piece, n)), ERR_OK);
		} else {
			n = n < to - from ? n : to - from;
			from += n;
			buf_take(&b, n);
		}
		assert_true(str_equal(buf_str(&b), str_make(model + from, to - from)));
	}
	buf_free(&b);
}

static void test_arena(void **state)
{
	struct arena *arena = arena_new();
	char *last = NULL;

	(void)state;
	for (size_t size = 1; size < 20000; size += 37) {
		char *p = arena_alloc(arena, size);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xaa, size);
		assert_ptr_not_equal(p, last);
		last = p;
	}
	assert_true(arena_used(arena) > 1000000);
	assert_true(arena_held(arena) >= arena_used(arena));
	arena_clear(arena);
	assert_int_equal(arena_used(arena), 0);
	assert_true(arena_held(arena) < 8192);
	assert_string_equal(arena_format(arena, "%s-%d", "a", 5), "a-5");
	assert_null(arena_text(arena, NULL));
	assert_string_equal(arena_text_of(arena, str_of("abc")), "abc");
	assert_string_equal(arena_copy(arena, str_make("a\0b", 3)).p + 2, "b");
	arena_free(&arena);
	assert_null(arena);
	arena_free(&arena);
	arena_free(NULL);
}

/* One that has little in it takes little. */
static void test_small_arena(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(strlen(arena_format(arena, "%0100d", i)), 100);
	assert_in_range(arena_held(arena), 900, 1200);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(strlen(arena_format(arena, "%0100d", i)), 100);
	assert_in_range(arena_held(arena), arena_used(arena), arena_used(arena) * 11 / 10);
	arena_free(&arena);
}

/* Against an array of 200 possible keys. */
static void against_array(struct map *map)
{
	static char values[200], keys[200][16];
	bool there[200] = {false};
	size_t count = 0;

	for (unsigned i = 0; i < 100000; i++) {
		unsigned k = draw(200);
		struct str s =
			str_make(keys[k], (size_t)snprintf(keys[k], sizeof(keys[k]), "key%u", k));

		switch (draw(3)) {
		case 0:
			assert_ptr_equal(map_set(map, s, &values[k]), there[k] ? &values[k] : NULL);
			count += there[k] ? 0 : 1;
			there[k] = true;
			break;
		case 1:
			assert_ptr_equal(map_remove(map, s), there[k] ? &values[k] : NULL);
			count -= there[k] ? 1 : 0;
			there[k] = false;
			break;
		default:
			assert_ptr_equal(map_get(map, s), there[k] ? &values[k] : NULL);
		}
		assert_int_equal(map_count(map), count);
	}
	map_free(&map);
	assert_null(map);
	map_free(&map);
}

static void test_map(void **state)
{
	(void)state;
	against_array(map_new(0));
	against_array(map_new_lent(0, 0));
	against_array(map_new_lent(7, 500));
}

static void test_map_walk(void **state)
{
	struct map *map = map_new(99);
	size_t position = 0, seen = 0;
	struct str key;
	void *value;

	(void)state;
	assert_null(map_get(map, str_of("nothing yet")));
	assert_null(map_remove(map, str_of("nothing yet")));
	assert_false(map_next(map, &position, NULL, &value));
	map_set(map, str_of(""), map);
	map_set(map, str_make("a\0b", 3), map);
	map_set(map, str_make("a\0c", 3), map);
	position = 0;
	while (map_next(map, &position, &key, &value)) {
		seen++;
		assert_ptr_equal(map_remove(map, key), map);
	}
	assert_int_equal(seen, 3);
	assert_int_equal(map_count(map), 0);
	map_free(&map);
}

static void test_heap(void **state)
{
	static struct heap_node nodes[300];
	struct heap heap = {0};
	int64_t last;
	size_t count = 0;

	(void)state;
	assert_null(heap_first(&heap));
	for (unsigned i = 0; i < 30000; i++) {
		struct heap_node *node = &nodes[draw(ARRAY_LENGTH(nodes))];
		int64_t least = INT64_MAX;

		if (draw(3) == 0) {
			count -= node->place != 0 ? 1 : 0;
			heap_remove(&heap, node);
			assert_int_equal(node->place, 0);
		} else {
			count += node->place == 0 ? 1 : 0;
			heap_set(&heap, node, (int64_t)draw(1000) - 500);
		}
		assert_int_equal(heap.count, count);
		for (size_t k = 0; k < ARRAY_LENGTH(nodes); k++)
			if (nodes[k].place != 0 && nodes[k].key < least)
				least = nodes[k].key;
		if (count > 0)
			assert_int_equal(heap_first(&heap)->key, least);
	}
	last = INT64_MIN;
	while (heap_first(&heap) != NULL) {
		struct heap_node *node = heap_first(&heap);

		assert_true(node->key >= last);
		last = node->key;
		heap_remove(&heap, node);
	}
	heap_free(&heap);
}

static void test_moments(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: malformed */
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-21T21:43:04.123Z", 1795297384123},
		{"2026-11-21t21:43:04.1239z", 1795297384123},
		{"2026-11-21T22:43:04.1+01:00", 1795297384100},
		{"2026-11-21T21:43-00:30", 1795299180000},
		{"2026-11-21 21:43", 1795297380000},
		{"2026-11-21", 1795219200000},
		{"2024-02-29", 1709164800000},
		{"2026-02-29", -1},
		{"1900-02-29", -1},
		{"2000-02-29", 951782400000},
		{"2026-04-31", -1},
		{"2026-13-01", -1},
		{"2026-00-01", -1},
		{"2026-01-00", -1},
		{"2026-11-21T24:00Z", -1},
		{"2026-11-21T21:60Z", -1},
		{"2026-11-21T21:43:04.Z", -1},
		{"2026-11-21T21:43:04+24:00", -1},
		{"2026-11-21T21:43:04+1:00", -1},
		{"2026-11-21T21:43:04-", -1},
		{"2026-11-21T21:43:04-Z", -1},
		{"2026-11-21T21:43:04Zx", -1},
		{"2026-11-21T", -1},
		{"26-11-21", -1},
		{"", -1},
	};
	char text[MOMENT_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int64_t ms = -1;
		bool fine = moment_parse_rfc3339(str_of(rows[i].text), &ms);

		if (fine != (rows[i].ms >= 0) || ms != rows[i].ms)
			fail_msg("%s: %lld", rows[i].text, (long long)ms);
	}
	moment_format_rfc3339(1795297384123, text);
	assert_string_equal(text, "2026-11-21T21:43:04.123Z");
	moment_format_rfc5322(1795297384123, text);
	assert_string_equal(text, "Sat, 21 Nov 2026 21:43:04 +0000");
	moment_format_rfc3339(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999Z");
	moment_format_rfc3339(INT64_MAX, text);
	moment_format_rfc5322(INT64_MIN, text);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: malformed */
		const char *format;
	} rows[] = {
		{"0", 0, "0s"},
		{"90s", 90000, "90s"},
		{"90", 90000, "90s"},
		{"15m", 900000, "15m"},
		{"24h", 86400000, "24h"},
		{"1d", 86400000, "24h"},
		{"7d", 604800000, "7d"},
		{"36h", 129600000, "36h"},
		{"1h30m", 5400000, "90m"},
		{"500ms", 500, "500ms"},
		{"1M", 60000, "1m"},
		{"1s500ms", 1500, "1500ms"},
		{"", -1, NULL},
		{"m", -1, NULL},
		{"-1s", -1, NULL},
		{"1 m", -1, NULL},
		{"1y", -1, NULL},
		{"1.5h", -1, NULL},
		{"99999999999999999999s", -1, NULL},
		{"9223372036854775d", -1, NULL},
	};
	char text[MOMENT_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int64_t ms = -1;
		bool fine = moment_parse_duration(str_of(rows[i].text), &ms);

		if (fine != (rows[i].ms >= 0) || ms != rows[i].ms)
			fail_msg("%s: %lld", rows[i].text, (long long)ms);
		if (!fine)
			continue;
		moment_format_duration(ms, text);
		assert_string_equal(text, rows[i].format);
		/* What is written can be read. */
		assert_true(moment_parse_duration(str_of(text), &ms));
		assert_int_equal(ms, rows[i].ms);
	}
	moment_format_span(43500000, text);
	assert_string_equal(text, "12h 5m");
	moment_format_span(999, text);
	assert_string_equal(text, "999ms");
	moment_format_span(61000, text);
	assert_string_equal(text, "1m 1s");
	moment_format_span(3 * 86400000LL, text);
	assert_string_equal(text, "3d 0h");
}

static void test_wirebytes(void **state)
{
	struct str in, block = STR("unset");
	uint32_t small = 0;
	uint64_t big = 0;
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	wirebytes_put_u32(&b, 0x01020304);
	wirebytes_put_u64(&b, 0x1122334455667788);
	wirebytes_put_block(&b, str_of("abc"));
	assert_int_equal(buf_length(&b), 4 + 8 + 4 + 3);
	assert_memory_equal(buf_str(&b).p, "\4\3\2\1\x88\x77", 6);
	in = buf_str(&b);
	assert_true(wirebytes_get_u32(&in, &small) && small == 0x01020304);
	assert_true(wirebytes_get_u64(&in, &big) && big == 0x1122334455667788);
	for (size_t n = 0; n < in.n; n++) {
		struct str cut = str_part(in, 0, n);

		assert_false(wirebytes_get_block(&cut, &block));
		assert_int_equal(cut.n, n);
	}
	assert_true(wirebytes_get_block(&in, &block) && str_is(block, "abc"));
	assert_int_equal(in.n, 0);
	assert_false(wirebytes_get_u32(&in, &small));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err),
		cmocka_unit_test(test_str),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_buf),
		cmocka_unit_test(test_buf_random),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_small_arena),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_map_walk),
		cmocka_unit_test(test_heap),
		cmocka_unit_test(test_moments),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_wirebytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
