#include "port/log/line.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define HEAD "time=1970-01-01T00:00:01.500Z level=info process=spool event=e.x"

static const char *line_of(struct buf *b, enum log_format format, struct log_field field)
{
	buf_clear(b);
	log_line(b, &(struct log_line){.now_ms = 1500,
			    .level = LOG_INFO_LEVEL,
			    .format = format,
			    .process = "spool",
			    .event = "e.x",
			    .fields = &field,
			    .count = 1});
	return buf_text(b);
}

static void logfmt_lines(void **state)
{
	static const struct {
		struct log_field field;
		const char *want;
	} rows[] = {
		{{.name = "id", .text = "00AB"}, HEAD " id=00AB\n"},
		{{.name = "n", .number = -7, .is_number = true}, HEAD " n=-7\n"},
		{{.name = "left-out"}, HEAD "\n"},
		{{.name = "t", .text = ""}, HEAD " t=\"\"\n"},
		{{.name = "t", .text = "two words"}, HEAD " t=\"two words\"\n"},
		{{.name = "t", .text = "a=b"}, HEAD " t=\"a=b\"\n"},
		{{.name = "t", .text = "q\"\\"}, HEAD " t=\"q\\\"\\\\\"\n"},
		{{.name = "t", .text = "forged\nlevel=error\r\x01"},
			HEAD " t=\"forged\\nlevel=error\\r\\x01\"\n"},
		{{.name = "t", .text = "\xc3\xa4"}, HEAD " t=\"\xc3\xa4\"\n"},
		{{.name = "t", .text = "\xff"}, HEAD " t=\"\\xff\"\n"},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 8192);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_string_equal(line_of(&b, LOG_LOGFMT, rows[i].field), rows[i].want);
	buf_free(&b);
}

static void json_lines_can_be_read(void **state)
{
	static const char *const texts[] = {"plain", "q\"\\\n\r\x01\x7f", "\xc3\xa4", ""};
	struct buf b;

	(void)state;
	buf_init(&b, 8192);
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		json_t *json = json_loads(line_of(&b, LOG_JSON, LOG_TEXT("t", texts[i])), 0, NULL);

		assert_non_null(json);
		assert_string_equal(json_string_value(json_object_get(json, "t")), texts[i]);
		assert_string_equal(json_string_value(json_object_get(json, "event")), "e.x");
		json_decref(json);
	}
	buf_free(&b);
}

static void long_values_are_cut_between_characters(void **state)
{
	char text[4000];
	json_t *json;
	struct buf b;

	(void)state;
	buf_init(&b, 8192);
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i + 1, "\xc3\xa4", 2);
	text[0] = 'x';
	text[sizeof(text) - 1] = '\0';
	json = json_loads(line_of(&b, LOG_JSON, LOG_TEXT("t", text)), 0, NULL);
	assert_non_null(json);
	assert_int_equal(json_string_length(json_object_get(json, "t")), 1023);
	json_decref(json);
	buf_free(&b);
}

static void fields_that_do_not_fit_are_left_out(void **state)
{
	char text[1001] = {0};
	struct log_field fields[20];
	struct str line;
	struct buf b;

	(void)state;
	memset(text, 'x', 1000);
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
		fields[i] = LOG_TEXT("t", text);
	fields[19] = LOG_NUMBER("last", 1);
	buf_init(&b, 8192);
	log_line(&b, &(struct log_line){.process = "p",
			     .event = "e",
			     .fields = fields,
			     .count = ARRAY_LENGTH(fields)});
	line = buf_str(&b);
	assert_true(line.n <= 8192);
	assert_true(str_ends_nocase(line, (struct str)STR(" last=1\n")));
	buf_free(&b);
}

static void levels_have_names(void **state)
{
	enum log_level level;

	(void)state;
	assert_true(log_level_parse("warning", &level));
	assert_int_equal(level, LOG_WARNING_LEVEL);
	assert_false(log_level_parse("loud", &level));
	assert_false(log_level_parse(NULL, &level));
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(logfmt_lines),
		cmocka_unit_test(json_lines_can_be_read),
		cmocka_unit_test(long_values_are_cut_between_characters),
		cmocka_unit_test(fields_that_do_not_fit_are_left_out),
		cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
