/* Which field of a request a problem is about. */
#include "process/admin/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *name, *about, *body, *detail, *field, *why;
} rows[] = {
	{"a query parameter", NULL, NULL, "limit: expected 1 to 9", "limit", "expected 1 to 9"},
	{"no place", NULL, NULL, "the query cannot be read", NULL, NULL},
	{"the object that is changed", "connector a/b", "{}",
		"connector a/b: inbound.addresses[2]: expected x", "inbound.addresses[2]",
		"expected x"},
	{"the case of its key", "recipient u@A.example", "{}",
		"recipient u@a.example: address: expected x", "address", "expected x"},
	{"it as a whole", "connector a/b", "{}", "connector a/b: stands twice", NULL, NULL},
	{"another object", "connector a/b", "{}", "rule a/b: connector: there is none", NULL, NULL},
	{"a longer key", "connector a/b", "{}", "connector a/bc: cost: x", NULL, NULL},
	{"one of many changes", NULL,
		"{\"changes\": [{\"kind\": \"rule\", \"key\": \"a/b\"}, {\"kind\": \"connector\", "
		"\"key\": \"a/b\"}]}",
		"connector a/b: outbound.cost: expected x", "changes[1].object.outbound.cost",
		"expected x"},
	{"one of many, as a whole", NULL,
		"{\"changes\": [{\"kind\": 1}, {\"kind\": \"connector\", \"key\": \"a/b\"}]}",
		"connector a/b: stands twice", "changes[1].object", "stands twice"},
	{"in a configuration", NULL,
		"{\"connectors\": [{\"name\": \"b\"}, {\"name\": \"b\", \"organisation\": "
		"\"a\"}]}",
		"connector a/b: outbound.certificate: there is none",
		"connectors[1].outbound.certificate", "there is none"},
	{"in a configuration, by path", NULL, "{\"connectors\": []}",
		"connectors[3].trust: certificate 2 is malformed", "connectors[3].trust",
		"certificate 2 is malformed"},
	{"an object that is not in it", NULL, "{\"connectors\": []}", "connector a/b: cost: x",
		NULL, NULL},
	{"a body of another kind", NULL, "[1]", "connector a/b: cost: x", NULL, NULL},
};

static void test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct admin_call call = {.arena = arena_new(), .about = rows[i].about};
		const char *field, *why = NULL;

		print_message("# %s\n", rows[i].name);
		call.body = rows[i].body != NULL ? json_loads(rows[i].body, 0, NULL) : NULL;
		field = admin_place_of(&call, rows[i].detail, &why);
		if (rows[i].field == NULL) {
			assert_null(field);
		} else {
			assert_non_null(field);
			assert_string_equal(field, rows[i].field);
			assert_string_equal(why, rows[i].why);
		}
		json_decref(call.body);
		arena_free(&call.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_places)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
