#include "core/record/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

struct part {
	const char *word;
	int64_t number;
};

struct all {
	bool flag;
	int64_t count, size, duration_ms, moment_ms;
	int choice;
	const char *text;
	struct str bytes;
	struct record_texts texts;
	struct record_numbers waits;
	struct part part;
	struct part *option;
	RECORD_LIST_OF(struct part) list;
};

static enum err check_word(const char *text, struct err_info *info)
{
	return strcmp(text, "bad") != 0 ? ERR_OK
					: err_set(info, ERR_SYNTAX, "expected a good word");
}

static const char *lower_word(const char *text, struct arena *arena)
{
	char *copy = arena_text(arena, text);

	str_lower_in_place(copy, strlen(copy));
	return copy;
}

static const char *const choices[] = {"red", "green", NULL};

static const struct record_field part_fields[] = {
	RECORD_FIELD(struct part, word, RECORD_TEXT, .flags = RECORD_REQUIRED, .check = check_word,
		.normal = lower_word, .doc = "A word."),
	RECORD_FIELD(struct part, number, RECORD_INT, .min = 1, .max = 9, .preset = "5",
		.doc = "A number."),
};
static const struct record_desc part_desc =
	RECORD_DESC(struct part, "part", part_fields, .doc = "A part.");
/* Without a required word, for an inline part. */
static const struct record_field inner_fields[] = {
	RECORD_FIELD(struct part, word, RECORD_TEXT, .max = 5, .min = 2, .doc = "A word."),
	RECORD_FIELD(struct part, number, RECORD_INT, .preset = "7", .doc = "A number."),
};
static const struct record_desc inner_desc =
	RECORD_DESC(struct part, "inner part", inner_fields, .doc = "A part.");

static enum err check_all(const void *object, struct err_info *info)
{
	const struct all *a = object;

	return a->count != 13 ? ERR_OK
			      : err_set(info, ERR_CONFLICT, "count: 13 is not wanted here");
}

#define F(member, k, ...) RECORD_FIELD(struct all, member, k, __VA_ARGS__)
static const struct record_field all_fields[] = {
	F(flag, RECORD_BOOL, .preset = "true", .doc = ""),
	F(count, RECORD_INT, .doc = ""),
	F(size, RECORD_SIZE, .min = 1024, .max = 1 << 20, .preset = "4K", .doc = ""),
	{.name = "duration",
		.kind = RECORD_DURATION,
		.offset = offsetof(struct all, duration_ms),
		.min = 1000,
		.max = 60000,
		.preset = "30s"},
	{.name = "moment", .kind = RECORD_MOMENT, .offset = offsetof(struct all, moment_ms)},
	F(choice, RECORD_ENUM, .names = choices, .preset = "green", .doc = ""),
	F(text, RECORD_TEXT, .preset = "hello", .doc = ""),
	F(bytes, RECORD_BYTES, .doc = ""),
	F(texts, RECORD_TEXTS, .preset = "a, b,c", .max = 5, .check = check_word, .doc = ""),
	F(waits, RECORD_DURATIONS, .preset = "1m,5m", .max = 3, .doc = ""),
	F(part, RECORD_INLINE, .sub = &inner_desc, .doc = ""),
	F(option, RECORD_OPTIONAL, .sub = &part_desc, .doc = ""),
	F(list, RECORD_LIST, .sub = &part_desc, .max = 3, .doc = ""),
};
#undef F
static const struct record_desc all_desc =
	RECORD_DESC(struct all, "all", all_fields, .doc = "All kinds.", .check = check_all);

static json_t *json_of(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_DECODE_ANY, &error);

	if (json == NULL)
		fail_msg("%s: %s", text, error.text);
	return json;
}

static enum err read_all(
	const char *text, struct arena *arena, struct all *ret, struct err_info *info)
{
	json_t *json = json_of(text);
	enum err e = record_from_json(&all_desc, json, "", arena, ret, info);

	json_decref(json);
	return e;
}

static void assert_json(const json_t *json, const char *expected)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_string_equal(text, expected);
	free(text);
}

static void test_defaults(void **state)
{
	struct arena *arena = arena_new();
	struct all a;
	json_t *json;

	(void)state;
	record_init(&all_desc, &a, arena);
	assert_true(a.flag);
	assert_int_equal(a.size, 4096);
	assert_int_equal(a.duration_ms, 30000);
	assert_int_equal(a.choice, 1);
	assert_int_equal(a.texts.count, 3);
	assert_string_equal(a.texts.items[1], "b");
	assert_int_equal(a.waits.items[1], 300000);
	assert_int_equal(a.part.number, 7);
	assert_null(a.option);
	json = record_to_json(&all_desc, &a, RECORD_JSON_SPARSE);
	assert_json(json, "{}");
	json_decref(json);
	json = record_to_json(&all_desc, &a, RECORD_JSON_FULL);
	assert_json(json,
		"{\"flag\":true,\"count\":0,\"size\":\"4K\",\"duration\":\"30s\",\"moment\":null,"
		"\"choice\":\"green\",\"text\":\"hello\",\"bytes\":\"\",\"texts\":[\"a\",\"b\","
		"\"c\"],\"waits\":[\"1m\",\"5m\"],\"part\":{\"word\":null,\"number\":7},"
		"\"option\":null,\"list\":[]}");
	json_decref(json);
	arena_free(&arena);
}

static const char full_text[] =
	"{\"flag\":false,\"count\":-5,\"size\":\"512K\",\"duration\":\"45s\","
	"\"moment\":\"2026-11-21T21:43:04.123Z\",\"choice\":\"red\",\"text\":\"t\","
	"\"bytes\":\"hex:00ff\",\"texts\":[\"x\"],\"waits\":[\"10s\"],"
	"\"part\":{\"word\":\"inn\",\"number\":-1},\"option\":{\"word\":\"o\",\"number\":1},"
	"\"list\":[{\"word\":\"l1\",\"number\":5},{\"word\":\"l2\",\"number\":9}]}";

/* JSON, record, bytes, record, JSON: the same. */
static void test_round_trip(void **state)
{
	struct arena *arena = arena_new();
	struct all a, b, c;
	struct err_info info = {.text = ""};
	struct buf out;
	json_t *json;

	(void)state;
	if (read_all(full_text, arena, &a, &info) != ERR_OK)
		fail_msg("%s", info.text);
	buf_init(&out, 1 << 20);
	assert_int_equal(record_encode(&all_desc, &a, &out), ERR_OK);
	assert_int_equal(record_decode(&all_desc, buf_str(&out), arena, &b), ERR_OK);
	assert_true(record_equal(&all_desc, &a, &b));
	json = record_to_json(&all_desc, &b, RECORD_JSON_FULL);
	assert_json(json, full_text);
	json_decref(json);
	record_copy(&all_desc, &a, arena, &c);
	assert_true(record_equal(&all_desc, &a, &c));
	assert_ptr_not_equal(a.text, c.text);
	c.list.items[1].number = 8;
	assert_false(record_equal(&all_desc, &a, &c));
	/* Cut anywhere, it is malformed; so it is with a byte more. */
	for (size_t n = 0; n < buf_length(&out); n++)
		assert_int_equal(record_decode(&all_desc, str_part(buf_str(&out), 0, n), arena, &b),
			ERR_SYNTAX);
	buf_put_byte(&out, 0);
	assert_int_equal(record_decode(&all_desc, buf_str(&out), arena, &b), ERR_SYNTAX);
	buf_free(&out);
	arena_free(&arena);
}

/* Any byte changed: decoded or refused, never more; what is decoded can be encoded again. */
static void test_decode_damaged(void **state)
{
	struct arena *arena = arena_new();
	struct all a, b;
	struct buf out;

	(void)state;
	assert_int_equal(read_all(full_text, arena, &a, NULL), ERR_OK);
	buf_init(&out, 1 << 20);
	record_encode(&all_desc, &a, &out);
	for (size_t i = 0; i < buf_length(&out); i++)
		for (unsigned value = 0; value < 256; value += 5) {
			struct arena *own = arena_new();
			char *copy = arena_text_of(own, buf_str(&out));

			copy[i] = (char)value;
			if (record_decode(&all_desc, str_make(copy, buf_length(&out)), own, &b) ==
				ERR_OK)
				assert_true(record_equal(&all_desc, &b, &b));
			assert_true(arena_used(own) < 64 * 1024);
			arena_free(&own);
		}
	buf_free(&out);
	arena_free(&arena);
}

static const struct {
	const char *json, *message;
	enum err e;
} wrong[] = {
	{"[]", "all: expected the properties of an all, found []", ERR_SYNTAX},
	{"{\"nonsense\":1}", "nonsense: an all has no such property", ERR_UNKNOWN},
	{"{\"part.word\":1}", "part.word: an all has no such property", ERR_UNKNOWN},
	{"{\"flag\":\"yes\"}", "flag: expected true or false, found \"yes\"", ERR_SYNTAX},
	{"{\"count\":1.5}", "count: expected a whole number, found 1.5", ERR_SYNTAX},
	{"{\"count\":13}", "count: 13 is not wanted here", ERR_CONFLICT},
	{"{\"size\":\"5T\"}", "size: expected a size such as 35M, 512K or 4096, found \"5T\"",
		ERR_SYNTAX},
	{"{\"size\":100}", "size: expected 1K to 1M, found 100", ERR_RANGE},
	{"{\"size\":-4096}", "size: expected 1K to 1M, found -4096", ERR_RANGE},
	{"{\"duration\":\"2m\"}", "duration: expected 1s to 1m, found \"2m\"", ERR_RANGE},
	{"{\"duration\":\"soon\"}",
		"duration: expected a duration such as 90s, 15m, 24h or 7d, found \"soon\"",
		ERR_SYNTAX},
	{"{\"duration\":-5}", "duration: expected a duration such as 90s, 15m, 24h or 7d, found -5",
		ERR_SYNTAX},
	{"{\"moment\":\"now\"}",
		"moment: expected a moment such as 2026-11-21T21:43:04Z, found \"now\"",
		ERR_SYNTAX},
	{"{\"choice\":\"blue\"}", "choice: expected one of red, green, found \"blue\"", ERR_SYNTAX},
	{"{\"choice\":1}", "choice: expected one of red, green, found 1", ERR_SYNTAX},
	{"{\"text\":[\"a\"]}", "text: expected a text, found [\"a\"]", ERR_SYNTAX},
	{"{\"text\":{}}", "text: expected a text, found {}", ERR_SYNTAX},
	{"{\"bytes\":\"hex:0\"}",
		"bytes: expected an even number of hexadecimal digits, found \"hex:0\"",
		ERR_SYNTAX},
	{"{\"bytes\":\"hex:0x\"}", "bytes: expected hexadecimal digits, found \"hex:0x\"",
		ERR_SYNTAX},
	{"{\"texts\":[\"a\",5]}", "texts[1]: expected a text, found 5", ERR_SYNTAX},
	{"{\"texts\":[\"a\",\"bad\"]}", "texts[1]: expected a good word", ERR_SYNTAX},
	{"{\"texts\":\"bad\"}", "texts: expected a good word", ERR_SYNTAX},
	{"{\"texts\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}",
		"texts: 6 items, more than the limit of 5", ERR_TOO_MANY},
	{"{\"waits\":[\"1s\",\"x\"]}",
		"waits[1]: expected a duration such as 90s, 15m, 24h or 7d, found \"x\"",
		ERR_SYNTAX},
	{"{\"part\":{\"word\":\"toolong\"}}", "part.word: longer than 5 bytes", ERR_TOO_LONG},
	{"{\"part\":{\"word\":\"x\"}}", "part.word: shorter than 2 bytes", ERR_RANGE},
	{"{\"part\":7}", "part: expected the properties of an inner part, found 7", ERR_SYNTAX},
	{"{\"option\":{}}", "option.word: is missing", ERR_SYNTAX},
	{"{\"option\":{\"word\":\"\"}}", "option.word: is missing", ERR_SYNTAX},
	{"{\"option\":{\"word\":\"bad\"}}", "option.word: expected a good word", ERR_SYNTAX},
	{"{\"option\":{\"word\":\"w\",\"number\":10}}", "option.number: expected 1 to 9, found 10",
		ERR_RANGE},
	{"{\"list\":{\"word\":\"w\"}}", "list: expected a list, found {\"word\":\"w\"}",
		ERR_SYNTAX},
	{"{\"list\":[{\"word\":\"w\"},{\"word\":\"w\",\"x\":1}]}",
		"list[1].x: a part has no such property", ERR_UNKNOWN},
	{"{\"text\":\"a\\u0000b\"}", "text: a NUL character is not allowed", ERR_SYNTAX},
	{"{\"count\":\"0123456789012345678901234567890123456789012345678901234567890123456789"
	 "0123456789\"}",
		"count: expected a whole number, found "
		"\"01234567890123456789012345678901234567890123456789012345678901234567890"
		"12345678...",
		ERR_SYNTAX},
};

static void test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		struct arena *arena = arena_new();
		struct err_info info = {.text = ""};
		json_t *json;
		json_error_t error;
		struct all a;
		enum err e;

		json = json_loads(wrong[i].json, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
		assert_non_null(json);
		e = record_from_json(&all_desc, json, "", arena, &a, &info);
		assert_string_equal(info.text, wrong[i].message);
		assert_int_equal(e, wrong[i].e);
		assert_int_equal(info.code, wrong[i].e);
		/* The same without anybody to tell, and below another place. */
		assert_int_equal(record_from_json(&all_desc, json, "", arena, &a, NULL), e);
		record_from_json(&all_desc, json, "x[3]", arena, &a, &info);
		assert_memory_equal(info.text, "x[3]", 4);
		json_decref(json);
		arena_free(&arena);
	}
}

static void test_merge(void **state)
{
	struct arena *arena = arena_new();
	struct err_info info = {.text = ""};
	struct all a;
	json_t *json;

	(void)state;
	assert_int_equal(read_all(full_text, arena, &a, &info), ERR_OK);
	json = json_of("{\"count\":3,\"text\":null,\"option\":{\"number\":2},\"texts\":\"one\","
		       "\"list\":[]}");
	assert_int_equal(record_merge_json(&all_desc, json, "", arena, &a, &info), ERR_OK);
	json_decref(json);
	assert_int_equal(a.count, 3);
	assert_string_equal(a.text, "hello");
	assert_string_equal(a.option->word, "o");
	assert_int_equal(a.option->number, 2);
	assert_int_equal(a.texts.count, 1);
	assert_int_equal(a.list.count, 0);
	assert_int_equal(a.size, 512 * 1024);
	json = json_of("{\"option\":null,\"part\":null}");
	assert_int_equal(record_merge_json(&all_desc, json, "", arena, &a, &info), ERR_OK);
	json_decref(json);
	assert_null(a.option);
	assert_int_equal(a.part.number, 7);
	assert_null(a.part.word);
	arena_free(&arena);
}

static void test_normal_form(void **state)
{
	struct arena *arena = arena_new();
	struct all a;

	(void)state;
	assert_int_equal(read_all("{\"option\":{\"word\":\"MiXed\"}}", arena, &a, NULL), ERR_OK);
	assert_string_equal(a.option->word, "mixed");
	arena_free(&arena);
}

struct lines {
	struct buf text;
};

static void note(void *context, const char *path, const char *before, const char *after)
{
	struct lines *l = context;

	buf_format(&l->text, "%s: %s -> %s\n", path, before, after);
}

static void test_diff(void **state)
{
	struct arena *arena = arena_new();
	struct lines lines;
	struct all a, b;

	(void)state;
	buf_init(&lines.text, 10000);
	record_init(&all_desc, &a, arena);
	assert_int_equal(read_all(full_text, arena, &b, NULL), ERR_OK);
	record_diff(&all_desc, &a, &a, note, &lines);
	assert_string_equal(buf_text(&lines.text), "");
	record_diff(&all_desc, &a, &b, note, &lines);
	assert_string_equal(buf_text(&lines.text),
		"flag: true -> false\n"
		"count: 0 -> -5\n"
		"size: 4K -> 512K\n"
		"duration: 30s -> 45s\n"
		"moment:  -> 2026-11-21T21:43:04.123Z\n"
		"choice: green -> red\n"
		"text: hello -> t\n"
		"bytes:  -> \n"
		"texts: a, b, c -> x\n"
		"waits: 1m, 5m -> 10s\n"
		"part.word:  -> inn\n"
		"part.number: 7 -> -1\n"
		"option:  -> present\n"
		"option.word:  -> o\n"
		"option.number: 5 -> 1\n"
		"list:  -> [{\"word\":\"l1\"},{\"word\":\"l2\",\"number\":9}]\n");
	buf_free(&lines.text);
	arena_free(&arena);
}

static void test_find(void **state)
{
	const struct record_desc *desc = NULL;

	(void)state;
	assert_string_equal(record_find(&all_desc, "option.number", &desc)->name, "number");
	assert_ptr_equal(desc, &part_desc);
	assert_string_equal(record_find(&all_desc, "flag", NULL)->name, "flag");
	assert_null(record_find(&all_desc, "", NULL));
	assert_null(record_find(&all_desc, "flag.x", NULL));
	assert_null(record_find(&all_desc, "nothing", NULL));
}

static void test_sizes(void **state)
{
	int64_t n = 0;
	char text[32];

	(void)state;
	assert_true(record_parse_size(str_of("35M"), &n) && n == 35 << 20);
	assert_true(record_parse_size(str_of("1k"), &n) && n == 1024);
	assert_true(record_parse_size(str_of("2G"), &n) && n == (int64_t)2 << 30);
	assert_true(record_parse_size(str_of("0"), &n) && n == 0);
	assert_false(record_parse_size(str_of(""), &n));
	assert_false(record_parse_size(str_of("M"), &n));
	assert_false(record_parse_size(str_of("-1"), &n));
	assert_false(record_parse_size(str_of("1.5M"), &n));
	assert_false(record_parse_size(str_of("9999999999G"), &n));
	assert_false(record_parse_size(str_make("1\0", 2), &n));
	record_format_size(1536, text, sizeof(text));
	assert_string_equal(text, "1536");
	record_format_size((int64_t)3 << 40, text, sizeof(text));
	assert_string_equal(text, "3072G");
}

/* What a stranger sent need not be UTF-8, and must not vanish from an account. */
static void test_not_utf8(void **state)
{
	struct arena *arena = arena_new();
	const char *items[] = {"gr\xfc\xdf"};
	struct all a;
	json_t *json;

	(void)state;
	record_init(&all_desc, &a, arena);
	a.text = "550 \xa7 no";
	a.texts.items = items;
	a.texts.count = 1;
	a.bytes = str_of("\xff");
	json = record_to_json(&all_desc, &a, RECORD_JSON_SPARSE);
	assert_json(json, "{\"text\":\"550 ? no\",\"bytes\":\"hex:ff\",\"texts\":[\"gr??\"]}");
	json_decref(json);
	arena_free(&arena);
}

static void test_places(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} rows[] = {
		{"cost: expected 1 to 9", 4},
		{"inbound.addresses[2]: expected", 20},
		{"changes[3].object.outbound.cost: x", 31},
		{"a[1][2]: x", 7},
		{"connector a/b: cost: x", 0},
		{"there is none", 0},
		{"", 0},
		{": x", 0},
		{"a.: x", 0},
		{"a[]: x", 0},
		{"a[1: x", 0},
		{"a:x", 0},
		{"Organisation: x", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		print_message("# %s\n", rows[i].text);
		assert_int_equal(record_place(rows[i].text), rows[i].length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_decode_damaged),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_normal_form),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
