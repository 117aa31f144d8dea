#include "core/record/field.h"
#include "core/wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* Numbers that repeat from run to run. */
static uint64_t seed;

static uint64_t next(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 24;
}

static void fill(const struct record_desc *desc, void *object, struct arena *arena);

static const char *some_text(struct arena *arena)
{
	return arena_format(arena, "text %llu \xc3\xa4", (unsigned long long)(next() % 1000));
}

static void fill_list(const struct record_field *f, struct record_list *list, struct arena *arena)
{
	list->count = next() % 3;
	list->items = arena_array(arena, list->count, record_item_size(f));
	for (size_t i = 0; i < list->count; i++) {
		if (f->kind == RECORD_TEXTS)
			((const char **)list->items)[i] = some_text(arena);
		else
			fill(f->sub, (char *)list->items + i * f->sub->size, arena);
	}
}

static void fill_field(const struct record_field *f, void *at, struct arena *arena)
{
	int names = 0;

	switch (f->kind) {
	case RECORD_BOOL:
		*(bool *)at = next() % 2 == 1;
		break;
	case RECORD_ENUM:
		while (f->names[names] != NULL)
			names++;
		*(int *)at = (int)(next() % (uint64_t)names);
		break;
	case RECORD_TEXT:
		*(const char **)at = next() % 4 == 0 ? NULL : some_text(arena);
		break;
	case RECORD_BYTES:
		*(struct str *)at = str_make("\0\xff\r\n.", next() % 6);
		break;
	case RECORD_TEXTS:
	case RECORD_LIST:
		fill_list(f, at, arena);
		break;
	case RECORD_INLINE:
		fill(f->sub, at, arena);
		break;
	case RECORD_OPTIONAL:
		*(void **)at = next() % 2 == 0 ? NULL : arena_alloc(arena, f->sub->size);
		if (*(void **)at != NULL)
			fill(f->sub, *(void **)at, arena);
		break;
	default:
		*(int64_t *)at = (int64_t)(next() * next());
	}
}

static void fill(const struct record_desc *desc, void *object, struct arena *arena)
{
	for (size_t i = 0; i < desc->count; i++)
		fill_field(&desc->fields[i], record_at(object, &desc->fields[i]), arena);
}

static void every_type_has_a_row(void **state)
{
	(void)state;
	for (int type = 0; type < WIRE_TYPE_MAX; type++) {
		assert_non_null(wire_types[type].name);
		assert_non_null(wire_types[type].desc);
		for (int other = 0; other < type; other++)
			assert_string_not_equal(wire_types[type].name, wire_types[other].name);
	}
}

/* A member that the table forgets would arrive as zero: between fields there is only padding. */
static void check_covered(const struct record_desc *desc)
{
	size_t end = 0;

	for (size_t i = 0; i < desc->count; i++) {
		const struct record_field *f = &desc->fields[i];

		if (f->offset < end || f->offset - end >= 8)
			fail_msg("%s: a member before %s is missing", desc->name, f->name);
		end = f->offset + record_width(f);
		if (f->sub != NULL)
			check_covered(f->sub);
	}
	if (desc->size - end >= 8)
		fail_msg("%s: a member at the end is missing", desc->name);
}

static void every_member_has_a_row(void **state)
{
	(void)state;
	for (int type = 0; type < WIRE_TYPE_MAX; type++)
		check_covered(wire_types[type].desc);
}

static void check_round_trip(enum wire_type type, struct arena *arena)
{
	const struct record_desc *desc = wire_types[type].desc;
	void *before = arena_alloc(arena, desc->size), *after = arena_alloc(arena, desc->size);
	enum wire_type got = WIRE_TYPE_MAX;
	struct str payload, all;
	size_t size;
	struct buf b;

	buf_init(&b, 2 * WIRE_MAX_PAYLOAD);
	fill(desc, before, arena);
	assert_int_equal(buf_put_text(&b, "in front"), ERR_OK);
	assert_int_equal(wire_put(&b, type, before), ERR_OK);
	buf_take(&b, strlen("in front"));
	all = buf_str(&b);
	assert_int_equal(wire_peek(all, &got, &payload, &size), ERR_OK);
	assert_int_equal(got, type);
	assert_int_equal(size, all.n);
	assert_int_equal(record_decode(desc, payload, arena, after), ERR_OK);
	assert_true(record_equal(desc, before, after));
	for (size_t n = 0; n < all.n; n++)
		assert_int_equal(wire_peek(str_part(all, 0, n), &got, &payload, &size), ERR_AGAIN);
	payload = str_part(all, WIRE_HEADER, all.n);
	for (size_t n = 0; n < payload.n; n++)
		assert_int_equal(
			record_decode(desc, str_part(payload, 0, n), arena, after), ERR_SYNTAX);
	buf_put_byte(&b, 'x');
	payload = str_part(buf_str(&b), WIRE_HEADER, SIZE_MAX);
	assert_int_equal(record_decode(desc, payload, arena, after), ERR_SYNTAX);
	buf_free(&b);
}

static void every_type_travels(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (int type = 0; type < WIRE_TYPE_MAX; type++) {
		for (seed = 1; seed < 200; seed += 20) {
			uint64_t keep = seed;

			check_round_trip((enum wire_type)type, arena);
			arena_clear(arena);
			seed = keep;
		}
	}
	arena_free(&arena);
}

/* Any byte may be wrong: reading ends with an answer, and a false count takes no memory. */
static void corrupted_payloads_are_read_safely(void **state)
{
	struct arena *arena = arena_new();
	struct buf b;

	(void)state;
	buf_init(&b, 2 * WIRE_MAX_PAYLOAD);
	for (int type = 0; type < WIRE_TYPE_MAX; type++) {
		const struct record_desc *desc = wire_types[type].desc;
		void *record = arena_alloc(arena, desc->size);
		char *p;

		seed = 7;
		fill(desc, record, arena);
		buf_clear(&b);
		assert_int_equal(wire_put(&b, (enum wire_type)type, record), ERR_OK);
		p = b.p + b.from;
		for (size_t i = WIRE_HEADER; i < buf_length(&b); i++) {
			char keep = p[i];

			p[i] = (char)0xff;
			record_decode(
				desc, str_part(buf_str(&b), WIRE_HEADER, SIZE_MAX), arena, record);
			assert_true(arena_used(arena) < 4 * 1024 * 1024);
			p[i] = keep;
			arena_clear(arena);
			record = arena_alloc(arena, desc->size);
		}
	}
	buf_free(&b);
	arena_free(&arena);
}

static void bad_frames_are_refused(void **state)
{
	static const struct {
		const char *name;
		struct str bytes;
		enum err want;
	} rows[] = {
		{"nothing", STR(""), ERR_AGAIN},
		{"half a header", STR("\x01\x00\x00\x00\x02"), ERR_AGAIN},
		{"one byte missing", STR("\x02\x00\x00\x00\x00\x00\x00\x00x"), ERR_AGAIN},
		{"too long, seen at once", STR("\x01\x00\x40\x00"), ERR_SYNTAX},
		{"negative length", STR("\xff\xff\xff\xff\x00\x00\x00\x00"), ERR_SYNTAX},
		{"unknown type", STR("\x00\x00\x00\x00\xff\x00\x00\x00"), ERR_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		enum wire_type type;
		struct str payload;
		size_t size;

		if (wire_peek(rows[i].bytes, &type, &payload, &size) != rows[i].want)
			fail_msg("%s", rows[i].name);
	}
}

static void too_long_leaves_nothing_behind(void **state)
{
	struct wire_data data = {.id = 1};
	char *bytes = mem_new(WIRE_MAX_PAYLOAD);
	struct buf b;

	(void)state;
	buf_init(&b, 4 * WIRE_MAX_PAYLOAD);
	buf_put_text(&b, "kept");
	data.data = str_make(bytes, WIRE_MAX_PAYLOAD);
	assert_int_equal(wire_put(&b, WIRE_ACCEPT_DATA, &data), ERR_TOO_LONG);
	assert_true(str_is(buf_str(&b), "kept"));
	data.data.n = WIRE_MAX_PAYLOAD - 12;
	assert_int_equal(wire_put(&b, WIRE_ACCEPT_DATA, &data), ERR_OK);
	buf_free(&b);
	buf_init(&b, 100);
	buf_put_text(&b, "kept");
	assert_int_equal(wire_put(&b, WIRE_ACCEPT_DATA, &data), ERR_TOO_LONG);
	assert_true(str_is(buf_str(&b), "kept"));
	data.data.n = 1;
	assert_int_equal(wire_put(&b, WIRE_ACCEPT_DATA, &data), ERR_OK);
	buf_free(&b);
	free(bytes);
}

static void ids_as_text(void **state)
{
	static const struct {
		int64_t id;
		const char *text;
	} rows[] = {
		{1, "0000000000001"},
		{INT64_MAX, "7ZZZZZZZZZZZZ"},
		{0x0123456789abcdef, "028T5CY4TQKFF"},
	};
	static const char *const bad[] = {"", "0000000000000", "000000000001", "00000000000001",
		"000000000000U", "8000000000000", "ZZZZZZZZZZZZZ", "000000000000!"};
	char text[WIRE_ID_TEXT];
	int64_t id;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		wire_id_format(rows[i].id, text);
		assert_string_equal(text, rows[i].text);
		assert_true(wire_id_parse(str_of(text), &id));
		assert_int_equal(id, rows[i].id);
	}
	assert_true(wire_id_parse(str_of("oOooooooooo1l"), &id));
	assert_int_equal(id, 33);
	assert_true(wire_id_parse(str_of("7zzzzzzzzzzzz"), &id));
	assert_int_equal(id, INT64_MAX);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_false(wire_id_parse(str_of(bad[i]), &id));
	assert_false(wire_id_parse(str_make("000000000000\0", 13), &id));
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(every_type_has_a_row),
		cmocka_unit_test(every_member_has_a_row),
		cmocka_unit_test(every_type_travels),
		cmocka_unit_test(corrupted_payloads_are_read_safely),
		cmocka_unit_test(bad_frames_are_refused),
		cmocka_unit_test(too_long_leaves_nothing_behind),
		cmocka_unit_test(ids_as_text),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
