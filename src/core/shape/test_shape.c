#include "core/shape/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Two shapes by name: "part", and "loop", which holds itself. */
static const json_t *find(void *context, const char *name)
{
	return json_object_get(context, name);
}

static json_t *make(const char *shape, json_t *named)
{
	struct err_info info = {.text = ""};
	json_t *schema = NULL;

	if (shape_schema(shape, named != NULL ? find : NULL, named, &schema, &info) != ERR_OK)
		fail_msg("%s: %s", shape, info.text);
	return schema;
}

static void test_schemas(void **state)
{
	static const struct {
		const char *shape, *schema;
	} rows[] = {
		{"text", "{'type':'string'}"},
		{"text..20", "{'type':'string','maxLength':20}"},
		{"1..1000", "{'type':'integer','minimum':1,'maximum':1000}"},
		{"any", "{}"},
		{"text|null", "{'type':['string','null']}"},
		{"'a'|'b'", "{'type':'string','enum':['a','b']}"},
		{"'a'|'b'|null", "{'type':['string','null'],'enum':['a','b',null]}"},
		{"[boolean]", "{'type':'array','items':{'type':'boolean'}}"},
		{"part|null", "{'anyOf':[{'$ref':'#/components/schemas/part'},{'type':'null'}]}"},
		{"text|[text]", "{'anyOf':[{'type':'string'},{'type':'array','items':"
				"{'type':'string'}}]}"},
		{"moment (of birth)", "{'type':'string','format':'date-time','description':"
				      "'of birth'}"},
		{"{}", "{'type':'object','properties':{},'additionalProperties':false}"},
		{"{a: text (words, with a comma), b?: number}",
			"{'type':'object','properties':{'a':{'type':'string','description':"
			"'words, with a comma'},'b':{'type':'number'}},'required':['a'],"
			"'additionalProperties':false}"},
		{"{*: integer}", "{'type':'object','properties':{},'additionalProperties':"
				 "{'type':'integer'}}"},
		{"{...}", "{'type':'object','properties':{},'additionalProperties':true}"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *schema = make(rows[i].shape, NULL);
		char *want = strdup(rows[i].schema), *have;

		for (char *p = want; *p != '\0'; p++)
			if (*p == '\'')
				*p = '"';
		have = json_dumps(schema, JSON_COMPACT);
		print_message("# %s\n", rows[i].shape);
		assert_string_equal(have, want);
		free(have);
		free(want);
		json_decref(schema);
	}
}

static void test_names(void **state)
{
	json_t *named = json_object(), *schema;
	struct err_info info = {.text = ""};

	(void)state;
	json_object_set_new(named, "part", make("{a: text, b?: text}", NULL));
	schema = make("{...part, c: part}", named);
	assert_non_null(shape_member(schema, "b"));
	assert_non_null(shape_member(schema, "c"));
	assert_null(shape_member(schema, "d"));
	assert_int_equal(json_array_size(json_object_get(schema, "required")), 2);
	json_decref(schema);
	assert_int_equal(shape_schema("{a: other}", find, named, &schema, &info), ERR_SYNTAX);
	assert_non_null(strstr(info.text, "named other"));
	assert_int_equal(shape_schema("{...other}", find, named, &schema, &info), ERR_SYNTAX);
	json_decref(named);
}

static void test_what_is_no_shape(void **state)
{
	static const char *const rows[] = {"", "{", "{a}", "{a: }", "{a: text b: text}", "[text",
		"'a", "text text", "1..", "text..x", "{a: text (words}", "a|", "{...part", "{*}",
		"[[[[[[[[[[[[[text]]]]]]]]]]]]]"};
	struct err_info info;
	json_t *schema;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		info.text[0] = '\0';
		print_message("# %s\n", rows[i]);
		assert_int_equal(shape_schema(rows[i], NULL, NULL, &schema, &info), ERR_SYNTAX);
		assert_true(info.text[0] != '\0');
	}
}

static void test_checks(void **state)
{
	static const struct {
		const char *shape, *value;
		enum err want;
		const char *said;
	} rows[] = {
		{"{a: text}", "{\"a\": \"x\"}", ERR_OK, ""},
		{"{a: text}", "{}", ERR_SYNTAX, "a: is missing"},
		{"{a: text}", "{\"a\": 1}", ERR_SYNTAX, "a: expected a text, found 1"},
		{"{a: text}", "{\"a\": null}", ERR_SYNTAX, "a: expected a text, found null"},
		{"{a?: text}", "{\"a\": null}", ERR_OK, ""},
		{"{a?: text}", "{\"b\": 1}", ERR_UNKNOWN, "b: there is no such member"},
		{"{a?: text, ...}", "{\"b\": 1}", ERR_OK, ""},
		{"{a: {b: [integer]}}", "{\"a\": {\"b\": [1, \"x\"]}}", ERR_SYNTAX,
			"a.b[1]: expected a whole number"},
		{"{a: text..3}", "{\"a\": \"four\"}", ERR_TOO_LONG, "a: longer than 3 bytes"},
		{"{a: text}", "{\"a\": \"x\\u0000y\"}", ERR_SYNTAX, "NUL"},
		{"{a: 1..10}", "{\"a\": 11}", ERR_RANGE, "a: expected 1 to 10, found 11"},
		{"{a: 'x'|'y'}", "{\"a\": \"z\"}", ERR_SYNTAX, "a: expected one of x, y"},
		{"{a: 'x'|null}", "{\"a\": null}", ERR_OK, ""},
		{"{a: moment}", "{\"a\": \"yesterday\"}", ERR_SYNTAX, "a: expected a moment"},
		{"{a: moment}", "{\"a\": \"2026-11-21\"}", ERR_OK, ""},
		{"{a: text|[text]}", "{\"a\": [\"x\"]}", ERR_OK, ""},
		{"{a: text|[text]}", "{\"a\": [1]}", ERR_SYNTAX, "a[0]: expected a text"},
		{"{a: text|[text]}", "{\"a\": {}}", ERR_SYNTAX, "a: expected a text or a list"},
		{"{*: integer}", "{\"q\": true}", ERR_SYNTAX, "q: expected a whole number"},
		{"{a: loop}", "{\"a\": {\"next\": {\"next\": {}}}}", ERR_OK, ""},
		{"{a: loop}", "{\"a\": {\"next\": {\"next\": 1}}}", ERR_SYNTAX, "a.next.next"},
		{"text", "[]", ERR_SYNTAX, "expected a text"},
	};
	json_t *named = json_object();

	(void)state;
	json_object_set_new(named, "loop", make("{next?: loop}", NULL));
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *schema = make(rows[i].shape, named);
		json_t *value = json_loads(rows[i].value, JSON_ALLOW_NUL, NULL);
		struct err_info info = {.text = ""};

		print_message("# %s %s\n", rows[i].shape, rows[i].value);
		assert_non_null(value);
		assert_int_equal(shape_check(schema, value, find, named, &info), rows[i].want);
		if (strstr(info.text, rows[i].said) == NULL)
			fail_msg("%s", info.text);
		json_decref(value);
		json_decref(schema);
	}
	json_decref(named);
}

static void test_texts_of_a_query(void **state)
{
	static const struct {
		const char *shape, *text;
		enum err want;
	} rows[] = {{"integer", "12", ERR_OK}, {"integer", "x", ERR_SYNTAX},
		{"1..10", "0", ERR_RANGE}, {"1..10", "-1", ERR_SYNTAX}, {"boolean", "1", ERR_OK},
		{"boolean", "false", ERR_OK}, {"boolean", "maybe", ERR_SYNTAX},
		{"text", "12", ERR_OK}, {"'a'|'b'", "b", ERR_OK}, {"'a'|'b'", "c", ERR_SYNTAX},
		{"[text..3]", "abc", ERR_OK}, {"[text..3]", "abcd", ERR_TOO_LONG},
		{"moment", "2026-11-21T00:00:00Z", ERR_OK}, {"text", "\xff", ERR_SYNTAX}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *schema = make(rows[i].shape, NULL);
		struct err_info info = {.text = "q: "};

		print_message("# %s %s\n", rows[i].shape, rows[i].text);
		assert_int_equal(shape_check_text(schema, "q", rows[i].text, NULL, NULL, &info),
			rows[i].want);
		assert_memory_equal(info.text, "q: ", 3);
		json_decref(schema);
	}
}

static void test_depth(void **state)
{
	json_t *named = json_object(), *schema, *value = json_object(), *inner = value;
	struct err_info info = {.text = ""};

	(void)state;
	json_object_set_new(named, "loop", make("{next?: loop}", NULL));
	schema = make("loop", named);
	for (int i = 0; i < 100; i++) {
		json_object_set_new(inner, "next", json_object());
		inner = json_object_get(inner, "next");
	}
	assert_int_equal(shape_check(schema, value, find, named, &info), ERR_TOO_LONG);
	json_decref(value);
	json_decref(schema);
	json_decref(named);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schemas),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_what_is_no_shape),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_texts_of_a_query),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
