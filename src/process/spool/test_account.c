/* What the trace is told of report mode, rules that hold, mail between organisations; and what
 * becomes of it in the answers to the administrator. */
#include "process/spool/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define CONFIGURATION                                                                              \
	"{\"config\": {\"organisations\": [{\"name\": \"contoso\"}, {\"name\": \"fabrikam\"}],"    \
	"\"domains\": [{\"name\": \"contoso.example\", \"organisation\": \"contoso\","             \
	"\"delivery\": \"lmtp:127.0.0.1:24\"}, {\"name\": \"fabrikam.example\","                   \
	"\"organisation\": \"fabrikam\", \"delivery\": \"lmtp:127.0.0.1:24\"}],"                   \
	"\"connectors\": [{\"name\": \"northwind\", \"organisation\": \"contoso\","                \
	"\"type\": \"partner\", \"inbound\": {\"sender_domains\": [\"northwind.example\"],"        \
	"\"require_tls\": true, \"mode\": \"report\"}, \"outbound\": {\"recipient_domains\":"      \
	"[\"northwind.example\"], \"tls\": \"encrypt\", \"mode\": \"report\"}}],"                  \
	"\"rules\": [{\"name\": \"review\", \"organisation\": \"contoso\", \"senders\":"           \
	"[\"mallory@contoso.example\"], \"action\": \"hold\"}]}}"

static int setup(void **state)
{
	struct testing *t = testing_new(NULL);

	testing_ask(t, "config.replace", CONFIGURATION);
	assert_int_equal(t->admin->answer_error, ERR_OK);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct testing *t = *state;

	testing_free(&t);
	return 0;
}

/* Content and envelope as receive hands them in. */
static enum err hand_in(struct testing *t, struct wire_message *m)
{
	struct wire_data data = {.data = STR("Subject: Offer\r\n\r\nDear all\r\n")};
	size_t before = t->receive->dones;

	m->id = data.id = t->next_id += 1 << 22;
	m->received_ms = testing_now;
	m->size = (int64_t)data.data.n;
	ipc_send(t->receive->ipc, WIRE_ACCEPT_DATA, &data);
	ipc_send(t->receive->ipc, WIRE_ACCEPT_COMMIT, m);
	testing_until(t, t->receive->dones > before);
	return t->receive->done;
}

static const json_t *readiness(struct testing *t, const char *direction)
{
	return json_object_get(testing_ask(t, "connector.readiness",
				       "{\"organisation\": \"contoso\", \"connector\": "
				       "\"northwind\", \"days\": 1}"),
		direction);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void test_report_mode_inbound(void **state)
{
	struct testing *t = *state;
	struct wire_recipient r[2] = {
		{.address = "a@contoso.example",
			.organisation = "contoso",
			.connector = "northwind",
			.would_token = "tls-required",
			.would_text = "the client did not use TLS",
			.would_by = "connector contoso/northwind"},
		{.number = 1,
			.address = "b@contoso.example",
			.organisation = "contoso",
			.connector = "northwind",
			.would_token = "tls-required",
			.would_text = "the client did not use TLS",
			.would_by = "connector contoso/northwind"},
	};
	struct wire_message m = {.sender = "x@northwind.example",
		.recipients = {.items = r, .count = 2},
		.receipt = {.host = "mail.northwind.example", .peer_address = "192.0.2.7"}};
	const json_t *in, *reason;

	assert_string_equal(text_of(readiness(t, "inbound"), "verdict"),
		"no inbound mail of this connector was seen in 1 day: nothing can be said");
	assert_int_equal(hand_in(t, &m), ERR_OK);
	assert_string_equal(testing_kinds(t, m.id), "received would-refuse received would-refuse");
	in = readiness(t, "inbound");
	assert_string_equal(text_of(in, "mode"), "report");
	assert_int_equal(testing_number(in, "ok"), 0);
	assert_int_equal(testing_number(in, "would_refuse"), 1);
	assert_string_equal(text_of(in, "verdict"),
		"switching inbound to enforce would have refused 1 of 1 message from 1 host");
	reason = json_array_get(json_object_get(in, "reasons"), 0);
	assert_string_equal(text_of(reason, "token"), "tls-required");
	assert_string_equal(text_of(reason, "host"), "192.0.2.7");
	assert_string_equal(text_of(reason, "name"), "mail.northwind.example");
	assert_non_null(text_of(reason, "sample"));
	assert_non_null(text_of(reason, "remedy"));
	assert_string_equal(text_of(readiness(t, "outbound"), "mode"), "report");
}

static void test_report_mode_outbound(void **state)
{
	struct testing *t = *state;
	struct wire_recipient r = {
		.address = "a@northwind.example", .organisation = "contoso", .originating = true};
	struct wire_message m = {
		.sender = "a@contoso.example", .recipients = {.items = &r, .count = 1}};
	struct receipt receipt = {.direction = RECEIPT_OUT,
		.host = "mx.northwind.example",
		.organisation = "contoso",
		.connector = "northwind",
		.attempt = RECEIPT_ATTEMPT_CLEAR,
		.would_token = "no-starttls",
		.would_reason = "STARTTLS was not offered",
		.would_by = "rule contoso/records (encrypt), connector contoso/northwind (name)"};
	struct wire_recipient_outcome result = {
		.result = WIRE_DELIVERED, .token = "ok", .text = "250 fine", .host = receipt.host};
	struct wire_outcome outcome = {.recipients = {.items = &result, .count = 1},
		.receipts = {.items = &receipt, .count = 1}};
	const json_t *out;

	assert_int_equal(hand_in(t, &m), ERR_OK);
	outcome.job = testing_next_job(t)->wire.id;
	outcome.message = m.id;
	ipc_send(t->deliver->ipc, WIRE_OUTCOME, &outcome);
	testing_settle(t);
	assert_string_equal(testing_kinds(t, m.id), "received delivered would-refuse");
	out = readiness(t, "outbound");
	assert_int_equal(testing_number(out, "ok"), 0);
	assert_int_equal(testing_number(out, "would_refuse"), 1);
	assert_string_equal(text_of(out, "verdict"),
		"switching outbound to enforce would have refused 1 of 1 message to 1 host");
}

static void test_rule_holds(void **state)
{
	struct testing *t = *state;
	struct wire_recipient r = {
		.address = "a@northwind.example", .organisation = "contoso", .originating = true};
	struct wire_message m = {
		.sender = "mallory@contoso.example", .recipients = {.items = &r, .count = 1}};
	const json_t *item;

	assert_int_equal(hand_in(t, &m), ERR_OK);
	assert_string_equal(testing_kinds(t, m.id), "received held");
	testing_advance(t, 3600 * 1000);
	assert_int_equal(testing_open_jobs(t), 0);
	item = json_array_get(
		json_object_get(json_array_get(json_object_get(testing_ask(t, "queue.list",
								       "{\"filter\": {\"state\": "
								       "\"held\"}}"),
						       "items"),
					0),
			"recipients"),
		0);
	assert_string_equal(text_of(item, "last_token"), "held-by-rule");
	assert_string_equal(text_of(item, "last_text"), "held by rule contoso/review");
	/* Released is released: the rule is not asked again. */
	testing_ask(t, "queue.act", "{\"action\": \"release\", \"filter\": {\"all\": true}}");
	testing_next_job(t);
}

static void test_queue_of_an_organisation(void **state)
{
	struct testing *t = *state;
	struct wire_recipient r[] = {{.address = "a@contoso.example", .organisation = "contoso"},
		{.number = 1, .address = "a@fabrikam.example", .organisation = "fabrikam"}};
	struct wire_message m = {.sender = "x@y.example", .recipients = {.items = r, .count = 1}};
	struct wire_message both = {
		.sender = "x@y.example", .recipients = {.items = r, .count = 2}};

	testing_ask(t, "config.change",
		"{\"changes\": [{\"kind\": \"organisation\", \"op\": \"patch\", \"key\": "
		"\"contoso\", \"object\": {\"maximum_queued\": 3}}]}");
	assert_int_equal(t->admin->answer_error, ERR_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(hand_in(t, i == 1 ? &both : &m), ERR_OK);
	assert_int_equal(hand_in(t, &m), ERR_BUSY);
	assert_int_equal(hand_in(t, &both), ERR_BUSY);
	/* The other one has no limit. */
	r[0] = r[1];
	r[0].number = 0;
	assert_int_equal(hand_in(t, &m), ERR_OK);
	/* Room again when some of it has gone. */
	r[0] = (struct wire_recipient){.address = "a@contoso.example", .organisation = "contoso"};
	testing_advance(t, 3000);
	assert_int_equal(hand_in(t, &m), ERR_BUSY);
	testing_ask(t, "queue.act",
		"{\"action\": \"delete\", \"filter\": {\"domain\": \"contoso.example\"}}");
	testing_advance(t, 3000);
	testing_settle(t);
	assert_int_equal(hand_in(t, &m), ERR_OK);
}

static void test_between_organisations(void **state)
{
	struct testing *t = *state;
	struct wire_recipient r = {.address = "b@fabrikam.example",
		.organisation = "contoso",
		.originating = true,
		.receiver = "fabrikam",
		.receiver_connector = "from-contoso"};
	struct wire_message m = {
		.sender = "a@contoso.example", .recipients = {.items = &r, .count = 1}};
	char id[WIRE_ID_TEXT], arguments[64];
	const json_t *event;

	assert_int_equal(hand_in(t, &m), ERR_OK);
	wire_id_format(m.id, id);
	snprintf(arguments, sizeof(arguments), "{\"id\": \"%s\"}", id);
	event = json_array_get(
		json_object_get(testing_ask(t, "trace.show", arguments), "events"), 1);
	assert_string_equal(text_of(event, "kind"), "handed-over");
	assert_string_equal(text_of(event, "organisation"), "fabrikam");
	assert_string_equal(text_of(event, "connector"), "from-contoso");
	assert_string_equal(text_of(json_object_get(event, "receipt"), "attempt"), "local");
}

/* Who manages contoso does not send in the name of another, in whatever way that is written. */
static void expect_own_sender_only(struct testing *t)
{
	static const char *const from[] = {"a@fabrikam.example", "a@Fabrikam.EXAMPLE"};
	struct arena *arena = arena_new();

	for (size_t i = 0; i < ARRAY_LENGTH(from); i++) {
		testing_ask(t, "test.submit",
			arena_format(arena,
				"{\"organisations\": [\"contoso\"], \"organisation\": \"contoso\", "
				"\"connector\": \"northwind\", \"to\": \"x@other.example\", "
				"\"from\": \"%s\"}",
				from[i]));
		assert_int_equal(t->admin->answer_error, ERR_REFUSED);
	}
	arena_free(&arena);
}

static void test_submit(void **state)
{
	struct testing *t = *state;
	struct testing_job *job;
	const char *body;

	testing_ask(t, "test.submit",
		"{\"organisation\": \"contoso\", \"connector\": \"none\", \"to\": "
		"\"x@y.example\"}");
	assert_int_equal(t->admin->answer_error, ERR_UNKNOWN);
	testing_ask(t, "test.submit",
		"{\"organisation\": \"contoso\", \"connector\": \"northwind\", \"to\": \"x y@z\"}");
	assert_int_equal(t->admin->answer_error, ERR_SYNTAX);
	testing_ask(t, "test.submit",
		"{\"organisation\": \"contoso\", \"connector\": \"northwind\", \"to\": "
		"\"x@other.example\"}");
	assert_int_equal(t->admin->answer_error, ERR_OK);
	assert_non_null(text_of(t->admin->answer, "id"));
	expect_own_sender_only(t);
	job = testing_next_job(t);
	assert_string_equal(job->wire.via, "contoso/northwind");
	assert_string_equal(job->wire.sender, "postmaster@contoso.example");
	body = testing_body(t, job);
	assert_non_null(strstr(body, "Subject: Sealpost connector test\r\n"));
	assert_non_null(strstr(body, "To: <x@other.example>\r\n"));
}

/* Who manages contoso does not present what fabrikam is known by. */
static void test_certificate_of_another(void **state)
{
	static const char patch[] =
		"{\"organisations\": [\"contoso\"], \"changes\": [{\"kind\": \"connector\", "
		"\"op\": "
		"\"patch\", \"key\": \"contoso/northwind\", \"object\": {\"outbound\": "
		"{\"certificate\": \"%s\"}}}]}";
	struct testing *t = *state;
	struct arena *arena = arena_new();

	testing_ask(t, "config.change",
		"{\"changes\": [{\"kind\": \"organisation\", \"op\": \"patch\", \"key\": "
		"\"fabrikam\", \"object\": {\"certificate\": \"theirs\"}}, {\"kind\": "
		"\"organisation\", \"op\": \"patch\", \"key\": \"contoso\", \"object\": "
		"{\"certificate\": \"own\"}}]}");
	assert_int_equal(t->admin->answer_error, ERR_OK);
	testing_ask(t, "config.change", arena_format(arena, patch, "theirs"));
	assert_int_equal(t->admin->answer_error, ERR_REFUSED);
	assert_non_null(strstr(text_of(t->admin->answer, "detail"), "certificate"));
	testing_ask(t, "config.change", arena_format(arena, patch, "own"));
	assert_int_equal(t->admin->answer_error, ERR_OK);
	testing_ask(t, "config.change", arena_format(arena, patch, "nobodys"));
	assert_int_equal(t->admin->answer_error, ERR_OK);
	arena_free(&arena);
}

static void test_tests(void **state)
{
	struct testing *t = *state;
	const json_t *item;

	testing_ask(t, "test.record",
		"{\"organisation\": \"contoso\", \"connector\": \"northwind\", \"direction\": "
		"\"outbound\", \"ok\": true, \"summary\": {\"steps\": [1, 2]}}");
	assert_int_equal(t->admin->answer_error, ERR_OK);
	item = json_array_get(
		json_object_get(testing_ask(t, "test.list",
					"{\"organisation\": \"contoso\", \"connector\": "
					"\"northwind\"}"),
			"items"),
		0);
	assert_string_equal(text_of(item, "direction"), "outbound");
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(item, "summary"), "steps")), 2);
	/* The last one of each connector; a page behind which there is one more says where. */
	item = testing_ask(t, "test.last", "{\"limit\": 1}");
	assert_true(json_is_null(json_object_get(item, "next")));
	testing_ask(t, "test.record",
		"{\"organisation\": \"contoso\", \"connector\": \"zebra\", \"direction\": "
		"\"outbound\", \"ok\": true, \"summary\": {}}");
	item = testing_ask(t, "test.last", "{\"limit\": 1}");
	assert_string_equal(text_of(item, "next"), "contoso/northwind");
	item = json_array_get(json_object_get(item, "items"), 0);
	assert_string_equal(text_of(item, "connector"), "northwind");
	assert_true(json_is_true(json_object_get(item, "ok")));
	item = testing_ask(t, "test.last", "{\"limit\": 2, \"cursor\": \"contoso/a\"}");
	assert_int_equal(json_array_size(json_object_get(item, "items")), 2);
	item = testing_ask(t, "test.last", "{\"cursor\": \"contoso/zebra\"}");
	assert_int_equal(json_array_size(json_object_get(item, "items")), 0);
	assert_true(json_is_null(json_object_get(item, "next")));
	item = testing_ask(t, "test.last", "{\"organisations\": [\"nobody\"]}");
	assert_int_equal(json_array_size(json_object_get(item, "items")), 0);
}

/* One message for two organisations, of which one holds it: what was said of it at reception, the
 * hold and the limits outlive the process. */
static void test_survives_restart(void **state)
{
	char directory[] = "/var/tmp/sealpost-account-XXXXXX";
	const char *labels[] = {"contoso/secret"};
	struct wire_recipient r[] = {
		{.address = "a@northwind.example", .organisation = "contoso", .originating = true},
		{.number = 1,
			.address = "a@fabrikam.example",
			.organisation = "fabrikam",
			.receiver = "fabrikam",
			.receiver_connector = "from-contoso",
			.would_token = "tls-required",
			.would_text = "no TLS",
			.would_by = "connector fabrikam/from-contoso"}};
	struct wire_message m = {.sender = "mallory@contoso.example",
		.labels = {.items = labels, .count = 1},
		.recipients = {.items = r, .count = 2}};
	struct wire_message another = {
		.sender = "a@contoso.example", .recipients = {.items = r, .count = 1}};
	const char *events = "received held received would-refuse handed-over";
	const struct testing_job *job;
	struct testing *t;

	(void)state;
	assert_non_null(mkdtemp(directory));
	t = testing_new(directory);
	testing_ask(t, "config.replace", CONFIGURATION);
	testing_ask(t, "config.change",
		"{\"changes\": [{\"kind\": \"organisation\", \"op\": \"patch\", \"key\": "
		"\"contoso\", \"object\": {\"maximum_queued\": 1}}]}");
	assert_int_equal(t->admin->answer_error, ERR_OK);
	assert_int_equal(hand_in(t, &m), ERR_OK);
	assert_string_equal(testing_kinds(t, m.id), events);
	for (int round = 0; round < 2; round++) {
		testing_restart(t, directory);
		assert_int_equal(hand_in(t, &another), ERR_BUSY);
		job = testing_next_job(t);
		assert_int_equal(job->wire.message, m.id);
		assert_int_equal(job->wire.labels.count, 1);
		assert_string_equal(job->wire.labels.items[0], labels[0]);
		assert_int_equal(job->wire.recipients.count, 1);
		assert_int_equal(job->wire.recipients.items[0].number, 1);
		assert_string_equal(job->wire.recipients.items[0].receiver, "fabrikam");
		assert_string_equal(
			job->wire.recipients.items[0].receiver_connector, "from-contoso");
		assert_string_equal(job->wire.recipients.items[0].would_by, r[1].would_by);
		assert_string_equal(testing_kinds(t, m.id), events);
		testing_settle(t);
		assert_int_equal(testing_open_jobs(t), 1);
	}
	testing_free(&t);
	testing_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_report_mode_inbound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_report_mode_outbound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rule_holds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue_of_an_organisation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_between_organisations, setup, teardown),
		cmocka_unit_test_setup_teardown(test_submit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_certificate_of_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tests, setup, teardown),
		cmocka_unit_test(test_survives_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
