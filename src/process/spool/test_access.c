/* Users, tokens, the audit log: what the verbs answer, and what the log says. */
#include "process/spool/accounts.h"
#include "process/spool/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#define HASH "scrypt$15$8$1$AAECAwQFBgcICQoLDA0ODw==$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define OTHER_HASH                                                                                 \
	"scrypt$15$8$1$BBECAwQFBgcICQoLDA0ODw==$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

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

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static json_t *ask(struct testing *t, const char *verb, const char *arguments, enum err want)
{
	json_t *answer = testing_ask(t, verb, arguments);

	if (t->admin->answer_error != want)
		fail_msg("%s %s: %s: %s", verb, arguments, err_token(t->admin->answer_error),
			text_of(answer, "detail"));
	return answer;
}

/* The newest entry of the log. */
static json_t *newest(struct testing *t)
{
	json_t *answer = ask(t, "audit.list", "{\"limit\": 1}", ERR_OK);

	return json_array_get(json_object_get(answer, "items"), 0);
}

static int64_t entries(struct testing *t)
{
	json_t *answer = ask(t, "audit.verify", "{}", ERR_OK);

	assert_true(json_is_true(json_object_get(answer, "ok")));
	return testing_number(answer, "entries");
}

static void add_ann(struct testing *t)
{
	ask(t, "users.put",
		"{\"name\": \"Ann\", \"new\": true, \"via\": \"session\", \"address\": "
		"\"192.0.2.1\","
		" \"set\": {\"role\": \"installation-admin\", \"password\": \"" HASH "\"}}",
		ERR_OK);
}

static void test_users(void **state)
{
	struct testing *t = *state;
	json_t *user, *entry;
	char *changed;

	add_ann(t);
	user = json_object_get(ask(t, "users.get", "{\"name\": \"ANN\"}", ERR_OK), "user");
	assert_string_equal(text_of(user, "name"), "ann");
	assert_true(json_is_true(json_object_get(user, "has_password")));
	assert_null(json_object_get(user, "password"));
	changed = mem_text(text_of(user, "changed"));
	user = json_object_get(ask(t, "users.secret", "{\"name\": \"ann\"}", ERR_OK), "user");
	assert_string_equal(text_of(user, "password"), HASH);
	entry = newest(t);
	assert_string_equal(text_of(entry, "action"), "user.add");
	assert_string_equal(text_of(entry, "object"), "ann");
	assert_string_equal(text_of(entry, "via"), "session");
	assert_string_equal(text_of(entry, "address"), "192.0.2.1");
	assert_true(json_is_null(json_object_get(entry, "before")));

	ask(t, "users.put", "{\"name\": \"ann\", \"new\": true, \"set\": {\"role\": \"reader\"}}",
		ERR_EXISTS);
	ask(t, "users.put", "{\"name\": \"bob\", \"set\": {\"role\": \"reader\"}}", ERR_UNKNOWN);
	ask(t, "users.put", "{\"name\": \"bob\", \"new\": true, \"set\": {\"role\": \"king\"}}",
		ERR_SYNTAX);
	ask(t, "users.put",
		"{\"name\": \"bob\", \"new\": true, \"set\": {\"role\": \"reader\","
		" \"organisations\": [\"nobody\"]}}",
		ERR_RANGE);
	ask(t, "users.put", "{\"name\": \"ann\", \"set\": {\"name\": \"x\"}}", ERR_SYNTAX);
	ask(t, "users.put", "{\"name\": \"ann\", \"set\": {\"password\": \"plain\"}}", ERR_SYNTAX);
	ask(t, "users.put",
		"{\"name\": \"ann\", \"if_match\": \"2020-01-01T00:00:00.000Z\","
		" \"set\": {\"disabled\": true}}",
		ERR_CONFLICT);
	ask(t, "users.put",
		arena_format(t->arena,
			"{\"name\": \"ann\", \"if_match\": \"%s\","
			" \"set\": {\"password\": \"" OTHER_HASH "\"}}",
			changed),
		ERR_OK);
	free(changed);
	entry = newest(t);
	assert_string_equal(text_of(entry, "action"), "user.change");
	assert_string_equal(text_of(json_object_get(entry, "after"), "password"), "changed");
	assert_null(json_object_get(json_object_get(entry, "before"), "password"));
	ask(t, "users.remove", "{\"name\": \"ann\"}", ERR_OK);
	ask(t, "users.get", "{\"name\": \"ann\"}", ERR_UNKNOWN);
	assert_string_equal(text_of(newest(t), "action"), "user.remove");
}

/* A step is kept, good once, and no news. */
static void test_steps(void **state)
{
	struct testing *t = *state;
	int64_t before;

	add_ann(t);
	before = entries(t);
	ask(t, "users.put", "{\"name\": \"ann\", \"set\": {\"totp_step\": 7}}", ERR_OK);
	ask(t, "users.put", "{\"name\": \"ann\", \"set\": {\"totp_step\": 7}}", ERR_CONFLICT);
	ask(t, "users.put", "{\"name\": \"ann\", \"set\": {\"totp_step\": 8}}", ERR_OK);
	assert_int_equal(entries(t), before);
	assert_int_equal(testing_number(json_object_get(ask(t, "users.secret",
								"{\"name\": \"ann\"}", ERR_OK),
						"user"),
				 "totp_step"),
		8);
}

/* Over the network nobody takes the last one away; on the server itself it may be done. */
static void test_last_manager(void **state)
{
	static const char *const harms[] = {
		"{\"disabled\": true}", "{\"password\": null}", "{\"role\": \"reader\"}"};
	struct testing *t = *state;

	add_ann(t);
	for (size_t i = 0; i < ARRAY_LENGTH(harms); i++)
		ask(t, "users.put",
			arena_format(t->arena,
				"{\"name\": \"ann\", \"via\": \"session\", \"set\": %s}", harms[i]),
			ERR_REFUSED);
	ask(t, "users.remove", "{\"name\": \"ann\", \"via\": \"token\"}", ERR_REFUSED);
	ask(t, "users.put",
		"{\"name\": \"bob\", \"new\": true, \"set\": {\"role\": \"installation-admin\","
		" \"password\": \"" HASH "\"}}",
		ERR_OK);
	ask(t, "users.remove", "{\"name\": \"ann\", \"via\": \"session\"}", ERR_OK);
	ask(t, "users.remove", "{\"name\": \"bob\", \"via\": \"session\"}", ERR_REFUSED);
	ask(t, "users.remove", "{\"name\": \"bob\"}", ERR_OK);
}

/* Many at once: one after the other, each answered. */
static void test_one_after_the_other(void **state)
{
	struct testing *t = *state;
	size_t answers;

	add_ann(t);
	answers = t->admin->answers;
	for (int i = 0; i < 20; i++) {
		char arguments[100];
		struct wire_manage manage = {.tag = 1000 + i, .verb = "users.put", .actor = "root"};

		snprintf(arguments, sizeof(arguments),
			"{\"name\": \"ann\", \"set\": {\"totp_step\": %d}}", i + 1);
		manage.arguments = str_of(arguments);
		ipc_send(t->admin->ipc, WIRE_MANAGE, &manage);
	}
	testing_until(t, t->admin->answers == answers + 20);
	assert_int_equal(testing_number(json_object_get(ask(t, "users.secret",
								"{\"name\": \"ann\"}", ERR_OK),
						"user"),
				 "totp_step"),
		20);
}

static void test_tokens(void **state)
{
	struct testing *t = *state;
	json_t *token, *entry;

	ask(t, "tokens.add",
		"{\"token\": {\"id\": \"abcdefghij234567\", \"hash\": \"00\", \"label\": \"x\","
		" \"role\": \"reader\", \"expires\": \"2001-01-01T00:00:00Z\"}}",
		ERR_RANGE);
	ask(t, "tokens.add",
		"{\"token\": {\"id\": \"abcdefghij234567\", \"hash\": \"00\", \"role\": "
		"\"reader\"}}",
		ERR_SYNTAX);
	ask(t, "tokens.add",
		"{\"token\": {\"id\": \"abcdefghij234567\", \"hash\": \"00ff\", \"label\": "
		"\"monitoring\","
		" \"role\": \"reader\", \"organisations\": [\"contoso\"],"
		" \"expires\": \"2030-01-01T00:00:00Z\"}}",
		ERR_OK);
	token = json_array_get(json_object_get(ask(t, "tokens.list", "{}", ERR_OK), "items"), 0);
	assert_string_equal(text_of(token, "label"), "monitoring");
	assert_null(json_object_get(token, "hash"));
	token = json_object_get(
		ask(t, "tokens.find", "{\"id\": \"abcdefghij234567\"}", ERR_OK), "token");
	assert_string_equal(text_of(token, "hash"), "00ff");
	entry = newest(t);
	assert_string_equal(text_of(entry, "action"), "token.add");
	assert_string_equal(text_of(entry, "organisation"), "contoso");
	assert_null(json_object_get(json_object_get(entry, "after"), "hash"));
	testing_now += INT64_C(10) * 365 * 24 * 3600 * 1000;
	ask(t, "tokens.find", "{\"id\": \"abcdefghij234567\"}", ERR_UNKNOWN);
	ask(t, "tokens.remove", "{\"id\": \"abcdefghij234567\"}", ERR_OK);
	ask(t, "tokens.remove", "{\"id\": \"abcdefghij234567\"}", ERR_UNKNOWN);
	testing_now = TESTING_T0;
}

#define CONNECTOR                                                                                  \
	"{\"name\": \"out\", \"organisation\": \"contoso\", \"type\": \"partner\", \"outbound\": " \
	"{\"recipient_domains\": [\"fabrikam.example\"], \"tls\": \"encrypt\"}}"

/* One entry for each object, in the same transaction, with what was and what is. */
static void test_configuration(void **state)
{
	struct testing *t = *state;
	int64_t before = entries(t); /* of the configuration that the tests begin with */
	json_t *entry;

	assert_true(before > 0);
	ask(t, "config.change",
		"{\"dry_run\": true, \"changes\": [{\"kind\": \"connector\", \"op\": \"add\","
		" \"object\": " CONNECTOR "}]}",
		ERR_OK);
	assert_int_equal(entries(t), before);
	ask(t, "config.change",
		"{\"changes\": [{\"kind\": \"connector\", \"op\": \"add\", \"object\": " CONNECTOR
		"}, {\"kind\": \"recipient\", \"op\": \"put\", \"object\":"
		" {\"address\": \"a@contoso.example\"}}]}",
		ERR_OK);
	assert_int_equal(entries(t), before + 2);
	ask(t, "config.change",
		"{\"via\": \"token\", \"changes\": [{\"kind\": \"connector\", \"op\": \"patch\","
		" \"key\": \"contoso/out\", \"object\": {\"outbound\": {\"tls\": \"name\"}}}]}",
		ERR_OK);
	entry = newest(t);
	assert_string_equal(text_of(entry, "action"), "connector.change");
	assert_string_equal(text_of(entry, "object"), "contoso/out");
	assert_string_equal(text_of(entry, "organisation"), "contoso");
	assert_string_equal(text_of(entry, "via"), "token");
	assert_string_equal(
		text_of(json_object_get(json_object_get(entry, "before"), "outbound"), "tls"),
		"encrypt");
	assert_string_equal(
		text_of(json_object_get(json_object_get(entry, "after"), "outbound"), "tls"),
		"name");
}

static void test_log(void **state)
{
	struct testing *t = *state;
	json_t *entry, *answer;
	int64_t count = entries(t), id;

	ask(t, "audit.add", "{\"object\": \"x\"}", ERR_SYNTAX);
	ask(t, "audit.add",
		"{\"action\": \"host.forget\", \"object\": \"mx.example\", \"after\": {\"a\": 1},"
		" \"result\": \"failed\", \"organisation\": \"other\"}",
		ERR_OK);
	assert_int_equal(entries(t), count + 1);
	entry = newest(t);
	assert_string_equal(text_of(entry, "result"), "failed");
	assert_int_equal(testing_number(json_object_get(entry, "after"), "a"), 1);
	id = testing_number(entry, "id");
	ask(t, "audit.get", arena_format(t->arena, "{\"id\": \"%lld\"}", (long long)id), ERR_OK);
	ask(t, "audit.get", arena_format(t->arena, "{\"id\": \"%lld\"}", (long long)id + 1),
		ERR_UNKNOWN);
	/* Others' entries are not there for who manages some organisations. */
	ask(t, "audit.get",
		arena_format(t->arena, "{\"id\": \"%lld\", \"organisations\": [\"contoso\"]}",
			(long long)id),
		ERR_UNKNOWN);
	answer = ask(t, "audit.list", "{\"organisations\": [\"other\"]}", ERR_OK);
	assert_int_equal(json_array_size(json_object_get(answer, "items")), 1);
	ask(t, "audit.list", "{\"since\": \"yesterday\"}", ERR_SYNTAX);
	ask(t, "audit.list", "{\"cursor\": \"x\"}", ERR_SYNTAX);
}

static void test_limited(void **state)
{
	static const char *const verbs[] = {"users.list", "users.get", "users.remove",
		"tokens.list", "tokens.add", "tokens.find", "tokens.remove", "audit.verify",
		"pulse"};
	struct testing *t = *state;

	add_ann(t);
	for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++)
		ask(t, verbs[i], "{\"organisations\": [\"contoso\"], \"name\": \"ann\"}",
			ERR_REFUSED);
	/* The tests ask as root: ann is another. */
	ask(t, "users.secret", "{\"organisations\": [\"contoso\"], \"name\": \"ann\"}",
		ERR_REFUSED);
	ask(t, "users.put",
		"{\"organisations\": [\"contoso\"], \"name\": \"ann\","
		" \"set\": {\"password\": \"" HASH "\"}}",
		ERR_REFUSED);
	ask(t, "users.put",
		"{\"name\": \"root\", \"new\": true, \"set\": {\"role\": \"organisation-admin\","
		" \"organisations\": [\"contoso\"]}}",
		ERR_OK);
	ask(t, "users.put",
		"{\"organisations\": [\"contoso\"], \"name\": \"root\","
		" \"set\": {\"password\": \"" HASH "\"}}",
		ERR_OK);
	ask(t, "users.put",
		"{\"organisations\": [\"contoso\"], \"name\": \"root\","
		" \"set\": {\"role\": \"auditor\"}}",
		ERR_REFUSED);
}

static void test_pulse(void **state)
{
	struct testing *t = *state;
	json_t *pulse = json_deep_copy(ask(t, "pulse", "{}", ERR_OK)), *now;

	testing_accept(t, "a@fabrikam.example", "b@contoso.example");
	now = ask(t, "pulse", "{}", ERR_OK);
	assert_int_equal(testing_number(now, "queue"), testing_number(pulse, "queue") + 1);
	assert_true(testing_number(now, "trace") > testing_number(pulse, "trace"));
	assert_int_equal(testing_number(now, "generation"), testing_number(pulse, "generation"));
	json_decref(pulse);
}

static json_t *pulse_of(struct testing *t, const char *organisation)
{
	return json_object_get(
		json_object_get(
			ask(t, "pulse", "{\"of\": [\"contoso\", \"nobody\", 1]}", ERR_OK), "of"),
		organisation);
}

/* By organisation: only what is its own moves its numbers. */
static void test_pulse_of_some(void **state)
{
	struct testing *t = *state;
	json_t *contoso = json_deep_copy(pulse_of(t, "contoso"));
	json_t *nobody = json_deep_copy(pulse_of(t, "nobody"));
	struct wire_event event = {.at_ms = testing_now,
		.kind = "alarm",
		.token = "downgrade",
		.sender = "one.example",
		.text = "mail to it had TLS"};
	struct store_change change = {.events = &event, .event_count = 1};

	assert_non_null(contoso);
	assert_non_null(nobody);
	store_apply(t->spool->store, &change, NULL, NULL); /* the server's own alarm */
	testing_settle(t);
	assert_int_equal(testing_number(ask(t, "pulse", "{}", ERR_OK), "alarms"), 1);
	assert_true(json_equal(pulse_of(t, "contoso"), contoso));
	event.sender = "two.example";
	event.organisation = "contoso";
	store_apply(t->spool->store, &change, NULL, NULL);
	testing_settle(t);
	assert_int_equal(testing_number(pulse_of(t, "contoso"), "alarms"), 1);
	testing_accept(t, "a@fabrikam.example", "b@contoso.example");
	assert_true(
		testing_number(pulse_of(t, "contoso"), "mail") > testing_number(contoso, "mail"));
	assert_int_equal(testing_number(pulse_of(t, "contoso"), "generation"),
		testing_number(contoso, "generation"));
	ask(t, "config.change",
		"{\"changes\": [{\"kind\": \"connector\", \"op\": \"add\", \"object\": " CONNECTOR
		"}]}",
		ERR_OK);
	assert_true(testing_number(pulse_of(t, "contoso"), "generation") >
		    testing_number(contoso, "generation"));
	assert_true(json_equal(pulse_of(t, "nobody"), nobody));
	json_decref(contoso);
	json_decref(nobody);
}

/* After a restart all of it is there. */
static void test_restart(void **state)
{
	char directory[] = "/tmp/sealpost-access-XXXXXX";
	struct testing *t;
	int64_t count;

	(void)state;
	assert_non_null(mkdtemp(directory));
	t = testing_new(directory);
	add_ann(t);
	count = entries(t);
	testing_restart(t, directory);
	ask(t, "users.get", "{\"name\": \"ann\"}", ERR_OK);
	assert_int_equal(entries(t), count);
	testing_free(&t);
	testing_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_users, setup, teardown),
		cmocka_unit_test_setup_teardown(test_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_manager, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_after_the_other, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_configuration, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pulse_of_some, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pulse, setup, teardown),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
