/* Changes of single objects, many at once. */
#include "process/spool/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

static int setup(void **state)
{
	*state = testing_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	struct testing *t = *state;

	testing_free(&t);
	return 0;
}

static const char *changes_of(struct testing *t, const char *arguments)
{
	json_t *answer = testing_ask(t, "config.change", arguments);
	struct buf out;
	const char *copy;
	const json_t *change;
	size_t i;

	buf_init(&out, 4096);
	if (t->admin->answer_error != ERR_OK)
		buf_put_text(&out, json_string_value(json_object_get(answer, "detail")));
	json_array_foreach (json_object_get(answer, "changes"), i, change)
		buf_format(&out, "%s%s %s %s", i > 0 ? ", " : "",
			json_string_value(json_object_get(change, "type")),
			json_string_value(json_object_get(change, "kind")),
			json_string_value(json_object_get(change, "key")));
	copy = arena_text(t->arena, buf_text(&out));
	buf_free(&out);
	return copy;
}

#define ONE(kind, op, key, object)                                                                 \
	"{\"changes\": [{\"kind\": \"" kind "\", \"op\": \"" op "\", \"key\": \"" key              \
	"\", \"object\": " object "}]}"
#define CONNECTOR                                                                                  \
	"{\"name\": \"out\", \"organisation\": \"contoso\", \"type\": \"partner\", \"outbound\": " \
	"{\"recipient_domains\": [\"fabrikam.example\"], \"tls\": \"encrypt\"}}"

static const struct {
	const char *arguments, *answer;
} rows[] = {
	{ONE("connector", "add", "contoso/out", CONNECTOR), "added connector contoso/out"},
	{ONE("connectors", "add", "contoso/out", CONNECTOR),
		"there is a connector contoso/out already"},
	{ONE("connector", "patch", "contoso/out", "{\"outbound\": {\"tls\": \"name\"}}"),
		"changed connector contoso/out"},
	{ONE("connector", "patch", "contoso/out", "{\"name\": \"other\"}"),
		"connector contoso/out: its organisation and name cannot be changed; remove it and "
		"add another"},
	{ONE("connector", "patch", "contoso/none", "{}"), "there is no connector contoso/none"},
	{ONE("recipient", "put", "a@contoso.example", "{\"address\": \"a@contoso.example\"}"),
		"added recipient a@contoso.example"},
	{ONE("recipient", "put", "A@Contoso.example", "{\"address\": \"a@contoso.example\"}"), ""},
	{"{\"changes\": [{\"kind\": \"recipient\", \"op\": \"put\", \"object\":"
	 " {\"address\": \"b@contoso.example\"}}, {\"kind\": \"recipient\", \"op\": \"remove\","
	 " \"key\": \"a@contoso.example\"}, {\"kind\": \"recipient\", \"op\": \"add\", \"object\":"
	 " {\"address\": \"c@contoso.example\", \"place\": \"on-premises\"}}]}",
		"removed recipient a@contoso.example, added recipient b@contoso.example, "
		"added recipient c@contoso.example"},
	{"{\"changes\": [{\"kind\": \"recipient\", \"op\": \"remove\", \"key\":"
	 " \"b@contoso.example\"}, {\"kind\": \"recipient\", \"op\": \"remove\", \"key\":"
	 " \"z@contoso.example\"}]}",
		"there is no recipient z@contoso.example"},
	{ONE("recipient", "remove", "b@contoso.example", "null"),
		"removed recipient b@contoso.example"},
	{ONE("recipient", "put", "U@CONTOSO.example", "{\"address\": \"u@contoso.example\"}"),
		"added recipient u@contoso.example"},
	{ONE("recipient", "remove", "u@Contoso.example", "null"),
		"removed recipient u@contoso.example"},
	{ONE("recipient", "add", "d@nowhere.example", "{\"address\": \"d@nowhere.example\"}"),
		NULL},
	{ONE("thing", "add", "x", "{}"),
		"expected a kind (connector, ...) and an op (add, put, patch, remove)"},
	{"{\"organisations\": [\"contoso\"], \"changes\": [{\"kind\": \"recipient\", \"op\": "
	 "\"put\","
	 " \"object\": {\"address\": \"own@contoso.example\"}}, {\"kind\": \"recipient\", \"op\":"
	 " \"remove\", \"key\": \"own@contoso.example\"}]}",
		""},
	{"{\"organisations\": [\"other\"], \"changes\": [{\"kind\": \"recipient\", \"op\": \"put\","
	 " \"object\": {\"address\": \"own@contoso.example\"}}]}",
		"recipient own@contoso.example: you do not manage its organisation"},
	{"{\"organisations\": [\"contoso\"], \"changes\": [{\"kind\": \"organisation\", \"op\":"
	 " \"patch\", \"key\": \"contoso\", \"object\": {\"comment\": \"mine\"}}]}",
		"organisation contoso: you do not manage its organisation"},
	{"{\"organisations\": [\"contoso\"], \"changes\": [{\"kind\": \"domain\", \"op\":"
	 " \"remove\", \"key\": \"contoso.example\"}]}",
		NULL},
	{"{\"changes\": []}", "changes: expected an array of 1 to 50000"},
};

static void test_changes(void **state)
{
	struct testing *t = *state;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const char *answer = changes_of(t, rows[i].arguments);

		print_message("  %s\n", rows[i].arguments);
		if (rows[i].answer != NULL)
			assert_string_equal(answer, rows[i].answer);
		else
			assert_int_not_equal(t->admin->answer_error, ERR_OK);
	}
	assert_int_equal(t->spool->config->recipients.count, 1);
	assert_string_equal(t->spool->config->recipients.items[0].address, "c@contoso.example");
	assert_int_equal(t->spool->config->connectors.items[0].outbound->tls, MODEL_LEVEL_NAME);
}

/* Of a large load all is taken, and only a part of it told. */
static void test_many(void **state)
{
	enum { COUNT = 20000 };
	struct testing *t = *state;
	json_t *changes = json_array();
	json_t *arguments = json_pack("{s:o}", "changes", changes);
	const json_t *answer;
	char *text;

	for (int i = 0; i < COUNT; i++) {
		char address[64];

		snprintf(address, sizeof(address), "user%d@contoso.example", i);
		json_array_append_new(changes, json_pack("{s:s,s:s,s:{s:s}}", "kind", "recipient",
						       "op", "put", "object", "address", address));
	}
	text = json_dumps(arguments, JSON_COMPACT);
	answer = testing_ask(t, "config.change", text);
	assert_int_equal(t->admin->answer_error, ERR_OK);
	assert_int_equal(json_array_size(json_object_get(answer, "changes")) +
				 (size_t)testing_number(answer, "omitted"),
		COUNT);
	assert_int_equal(t->spool->config->recipients.count, COUNT);
	free(text);
	json_decref(arguments);
}

/* What does not know of organisations answers nothing to who manages only some. */
static void test_limited(void **state)
{
	static const char *const verbs[] = {
		"config.get", "config.replace", "hosts.list", "hosts.forget", "spool.status"};
	struct testing *t = *state;

	for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
		testing_ask(t, verbs[i], "{\"organisations\": [\"contoso\"], \"host\": \"x\"}");
		assert_int_equal(t->admin->answer_error, ERR_REFUSED);
	}
	testing_ask(t, "connector.readiness",
		"{\"organisations\": [\"contoso\"], \"organisation\": \"other\", \"connector\": "
		"\"c\"}");
	assert_int_equal(t->admin->answer_error, ERR_REFUSED);
	testing_ask(t, "queue.list", "{\"organisations\": [\"contoso\"]}");
	assert_int_equal(t->admin->answer_error, ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limited, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
