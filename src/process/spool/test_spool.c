#include "process/spool/testing.h"

#include "base/moment.h"
#include "port/log/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
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

static const char *alice = "alice@contoso.example";
static const char *grace = "grace@fabrikam.example";

static void expect_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void test_deliver(void **state)
{
	struct testing *t = *state;
	int64_t id = testing_accept(t, alice, "grace@fabrikam.example heidi@fabrikam.example");
	struct testing_job *job = testing_next_job(t);

	assert_int_equal(job->wire.message, id);
	assert_int_equal(job->wire.attempts, 0);
	assert_int_equal(job->wire.recipients.count, 2);
	assert_string_equal(job->wire.route, "mx:fabrikam.example");
	assert_string_equal(job->wire.organisation, "contoso");
	expect_contains(testing_body(t, job), "Dear all\r\n");
	testing_answer(t, job, WIRE_DELIVERED, "250 ok");
	assert_int_equal(testing_queued(t), 0);
	assert_string_equal(testing_kinds(t, id), "received received delivered delivered");
	assert_int_equal(testing_open_jobs(t), 0);
	assert_true(t->receive->credit > 0);
}

static void test_retry_and_expire(void **state)
{
	struct testing *t = *state;
	struct testing_job *job;
	int64_t id = testing_accept(t, alice, grace);
	int64_t began = testing_now;

	job = testing_next_job(t);
	testing_answer(t, job, WIRE_DEFERRED, "451 4.7.1 later");
	testing_advance(t, MOMENT_MINUTE_MS - 1000);
	assert_int_equal(testing_open_jobs(t), 0);
	testing_advance(t, 1000);
	job = testing_next_job(t);
	assert_int_equal(job->wire.attempts, 1);
	/* On and on, until its time is over. */
	while (testing_queued(t) > 0 && testing_now - began < 30 * (int64_t)MOMENT_HOUR_MS) {
		if (testing_open_jobs(t) == 0) {
			testing_advance(t, MOMENT_MINUTE_MS);
			continue;
		}
		job = testing_next_job(t);
		if (job->wire.sender[0] != '\0')
			testing_answer(t, job, WIRE_DEFERRED, "451 4.7.1 later");
		else if (strstr(testing_body(t, job), "Action: delayed") != NULL)
			testing_answer(t, job, WIRE_DELIVERED, "250 ok");
		else
			break;
	}
	assert_int_equal(testing_now - began, 24 * (int64_t)MOMENT_HOUR_MS);
	job = testing_next_job(t);
	assert_string_equal(job->wire.sender, "");
	assert_string_equal(job->wire.recipients.items[0].address, alice);
	assert_string_equal(job->wire.route, "lmtp:127.0.0.1:24");
	expect_contains(testing_body(t, job), "Action: failed\r\n");
	expect_contains(testing_body(t, job), "Diagnostic-Code: smtp; 451 4.7.1 later\r\n");
	expect_contains(testing_body(t, job), "Given up:");
	testing_answer(t, job, WIRE_DELIVERED, "250 ok");
	assert_int_equal(testing_queued(t), 0);
	expect_contains(testing_kinds(t, id), "deferred expired");
}

static void test_delay_notice(void **state)
{
	struct testing *t = *state;
	size_t notices = 0;
	int64_t began = testing_now;

	testing_accept(t, alice, grace);
	while (testing_now - began < 8 * (int64_t)MOMENT_HOUR_MS) {
		struct testing_job *job;

		if (testing_open_jobs(t) == 0) {
			testing_advance(t, 5 * MOMENT_MINUTE_MS);
			continue;
		}
		job = testing_next_job(t);
		if (job->wire.sender[0] != '\0') {
			testing_answer(t, job, WIRE_DEFERRED, "451 later");
			continue;
		}
		notices++;
		assert_true(testing_now - began >= 4 * (int64_t)MOMENT_HOUR_MS);
		expect_contains(testing_body(t, job), "Action: delayed\r\n");
		expect_contains(testing_body(t, job), "Will-Retry-Until: ");
		testing_answer(t, job, WIRE_DELIVERED, "250 ok");
	}
	assert_int_equal(notices, 1);
}

static void test_failures_together(void **state)
{
	struct testing *t = *state;
	struct testing_job *job;

	testing_accept(t, alice, "grace@fabrikam.example heidi@fabrikam.example");
	testing_answer(t, testing_next_job(t), WIRE_FAILED, "550 5.1.1 unknown");
	job = testing_next_job(t);
	assert_int_equal(testing_open_jobs(t), 1);
	expect_contains(testing_body(t, job), "grace@fabrikam.example");
	expect_contains(testing_body(t, job), "heidi@fabrikam.example");
	expect_contains(testing_body(t, job), "text/rfc822-headers");
	/* The notice cannot be delivered: the postmaster hears of it, and that is the end. */
	testing_answer(t, job, WIRE_FAILED, "550 no such user");
	job = testing_next_job(t);
	assert_string_equal(job->wire.recipients.items[0].address, "postmaster@contoso.example");
	assert_string_equal(job->wire.sender, "");
	expect_contains(testing_body(t, job), "You get it as postmaster");
	testing_answer(t, job, WIRE_FAILED, "550 no postmaster");
	testing_advance(t, MOMENT_HOUR_MS);
	assert_int_equal(testing_open_jobs(t), 0);
	assert_int_equal(testing_queued(t), 0);
}

static void test_notify(void **state)
{
	struct testing *t = *state;

	testing_accept_as(t, alice, grace, WIRE_NOTIFY_NEVER);
	testing_answer(t, testing_next_job(t), WIRE_FAILED, "550 no");
	assert_int_equal(testing_queued(t), 0);
	/* Foreign mail from the null sender is not told of, not even to the postmaster. */
	testing_accept(t, "", grace);
	testing_answer(t, testing_next_job(t), WIRE_FAILED, "550 no");
	assert_int_equal(testing_queued(t), 0);
	testing_accept_as(t, alice, grace, WIRE_NOTIFY_SUCCESS);
	testing_answer(t, testing_next_job(t), WIRE_RELAYED, "250 ok");
	expect_contains(testing_body(t, testing_next_job(t)), "Action: relayed\r\n");
	testing_answer(t, testing_next_job(t), WIRE_DELIVERED, "250 ok");
	assert_int_equal(testing_queued(t), 0);
}

static void test_dead_route(void **state)
{
	struct testing *t = *state;
	struct testing_job *job;
	int64_t second;

	testing_accept(t, alice, grace);
	testing_answer_dead(t, testing_next_job(t));
	/* New mail for the same hop is put off without a try; others are not concerned. */
	second = testing_accept(t, alice, "heidi@fabrikam.example");
	testing_accept(t, alice, "ivan@tailspin.example");
	job = testing_next_job(t);
	assert_string_equal(job->wire.route, "mx:tailspin.example");
	testing_answer(t, job, WIRE_DELIVERED, "250 ok");
	testing_settle(t);
	assert_int_equal(testing_open_jobs(t), 0);
	assert_string_equal(testing_kinds(t, second), "received deferred");
	expect_contains(
		json_string_value(json_array_get(
			json_object_get(testing_ask(t, "hosts.list", "{}"), "routes_dead"), 0)),
		"mx:fabrikam.example");
	/* After the rest one goes first; its success sends the other at once. */
	testing_advance(t, MOMENT_MINUTE_MS);
	assert_int_equal(testing_open_jobs(t), 1);
	testing_answer(t, testing_next_job(t), WIRE_DELIVERED, "250 ok");
	testing_answer(t, testing_next_job(t), WIRE_DELIVERED, "250 ok");
	assert_int_equal(testing_queued(t), 0);
}

static void test_fair(void **state)
{
	struct testing *t = *state;
	struct testing_job *job;

	/* Many messages for a hop that never answers. */
	for (int i = 0; i < 100; i++)
		testing_accept(t, alice, grace);
	testing_accept(t, alice, "ivan@tailspin.example");
	testing_settle(t);
	assert_int_equal(testing_open_jobs(t), 3); /* two are the limit of one hop */
	job = &t->deliver->jobs[2];
	assert_string_equal(job->wire.route, "mx:tailspin.example");
	testing_answer(t, job, WIRE_DELIVERED, "250 ok");
	assert_int_equal(testing_queued(t), 100);
}

static void test_deliver_dies(void **state)
{
	struct testing *t = *state;
	struct testing_job *job;
	int64_t id = testing_accept(t, alice, grace);

	testing_next_job(t);
	testing_peer_free(&t->deliver);
	testing_settle(t);
	t->deliver = testing_peer(t, RUNTIME_DELIVER, 0);
	testing_advance(t, 3000);
	job = testing_next_job(t);
	assert_int_equal(job->wire.message, id);
	assert_int_equal(job->wire.attempts, 0);
	testing_answer(t, job, WIRE_NOT_TRIED, NULL);
	assert_int_equal(testing_open_jobs(t), 0);
	testing_advance(t, 3000);
	assert_int_equal(testing_next_job(t)->wire.attempts, 0);
}

static void test_receive_dies(void **state)
{
	struct testing *t = *state;
	struct wire_data data = {.id = 77, .data = STR("half a mess")};

	ipc_send(t->receive->ipc, WIRE_ACCEPT_DATA, &data);
	testing_settle(t);
	testing_peer_free(&t->receive);
	testing_settle(t);
	t->receive = testing_peer(t, RUNTIME_RECEIVE, 0);
	assert_int_equal(testing_queued(t), 0);
	testing_accept(t, alice, grace);
	assert_int_equal(testing_queued(t), 1);
	/* An id that is taken is refused, and the first message stays what it was. */
	t->next_id -= 1 << 22;
	testing_accept_as(t, alice, "heidi@fabrikam.example", 0);
	assert_int_equal(t->receive->done, ERR_EXISTS);
	assert_string_equal(testing_next_job(t)->wire.recipients.items[0].address, grace);
}

static void test_intake_closes(void **state)
{
	struct testing *t = *state;

	t->node.limits.queue = 2;
	spool_configure(t->spool, &t->node);
	testing_accept(t, alice, grace);
	testing_accept(t, alice, grace);
	testing_advance(t, 1000);
	assert_false(t->receive->intake_open);
	assert_string_equal(t->receive->intake_reason, "queue-full");
	testing_accept_as(t, alice, grace, 0);
	assert_int_equal(t->receive->done, ERR_UNAVAILABLE);
	testing_answer(t, testing_next_job(t), WIRE_DELIVERED, "250 ok");
	testing_advance(t, 1000);
	assert_true(t->receive->intake_open);
}

static size_t traced(struct testing *t)
{
	return json_array_size(json_object_get(testing_ask(t, "trace.search", "{}"), "items"));
}

static void test_trace_is_kept_as_long_as_said(void **state)
{
	struct testing *t = *state;

	assert_int_equal(t->node.trace.keep_ms, 90 * (int64_t)MOMENT_DAY_MS);
	testing_accept(t, alice, grace);
	testing_answer(t, testing_next_job(t), WIRE_DELIVERED, "250 ok");
	for (int i = 0; i < 3; i++)
		testing_advance(t, 4 * MOMENT_HOUR_MS);
	assert_int_equal(traced(t), 1);
	/* A shorter time counts at once. */
	t->node.trace.keep_ms = 13 * (int64_t)MOMENT_HOUR_MS;
	spool_configure(t->spool, &t->node);
	testing_advance(t, 1000);
	assert_int_equal(traced(t), 1);
	t->node.trace.keep_ms = 11 * (int64_t)MOMENT_HOUR_MS;
	spool_configure(t->spool, &t->node);
	testing_advance(t, 1000);
	testing_until(t, traced(t) == 0);
}

static int64_t recipients_acted(struct testing *t, const char *action, const char *filter)
{
	char arguments[200];

	snprintf(arguments, sizeof(arguments), "{\"action\": \"%s\", \"filter\": {%s}}", action,
		filter);
	testing_ask(t, "queue.act", arguments);
	if (t->admin->answer_error != ERR_OK)
		return -1;
	return testing_number(t->admin->answer, "recipients");
}

static void test_act(void **state)
{
	struct testing *t = *state;

	testing_accept(t, alice, grace);
	testing_answer(t, testing_next_job(t), WIRE_DEFERRED, "451 later");
	assert_int_equal(
		recipients_acted(t, "hold", "\"recipient\": \"grace@fabrikam.example\""), 1);
	testing_advance(t, MOMENT_HOUR_MS);
	assert_int_equal(testing_open_jobs(t), 0);
	expect_contains(
		json_string_value(json_object_get(
			json_array_get(
				json_object_get(
					json_array_get(
						json_object_get(testing_ask(t, "queue.list", "{}"),
							"items"),
						0),
					"recipients"),
				0),
			"state")),
		"held");
	assert_int_equal(recipients_acted(t, "release", "\"all\": true"), 1);
	testing_answer(t, testing_next_job(t), WIRE_DEFERRED, "451 later");
	assert_int_equal(recipients_acted(t, "retry", "\"domain\": \"fabrikam.example\""), 1);
	testing_answer(t, testing_next_job(t), WIRE_DEFERRED, "451 later");
	assert_int_equal(recipients_acted(t, "delete", "\"sender\": \"bob@contoso.example\""), 0);
	assert_int_equal(recipients_acted(t, "delete", ""), -1);
	assert_int_equal(recipients_acted(t, "delete", "\"all\": false"), -1);
	assert_int_equal(recipients_acted(t, "delete", "\"colour\": \"red\""), -1);
	assert_int_equal(recipients_acted(t, "explode", "\"all\": true"), -1);
	assert_int_equal(testing_queued(t), 1);
	assert_int_equal(recipients_acted(t, "return", "\"route\": \"mx:fabrikam.example\""), 1);
	expect_contains(testing_body(t, testing_next_job(t)), "gave the message back");
	testing_answer(t, testing_next_job(t), WIRE_DELIVERED, "250 ok");
	testing_accept(t, alice, grace);
	testing_answer(t, testing_next_job(t), WIRE_DEFERRED, "451 later");
	assert_int_equal(recipients_acted(t, "delete", "\"all\": true"), 1);
	assert_int_equal(testing_queued(t), 0);
}

static void test_config(void **state)
{
	static const char with[] =
		"{\"config\": {\"organisations\": [{\"name\": \"contoso\"}],"
		"\"domains\": [{\"name\": \"contoso.example\", \"organisation\": \"contoso\","
		"\"delivery\": \"lmtp:127.0.0.1:24\"}],"
		"\"connectors\": [{\"name\": \"fabrikam\", \"organisation\": \"contoso\","
		"\"type\": \"partner\", \"outbound\": {\"recipient_domains\": "
		"[\"fabrikam.example\"], \"smart_hosts\": [\"127.0.0.1:2526\"], \"tls\": "
		"\"encrypt\"}}]}%s}";
	struct testing *t = *state;
	char text[1000];
	size_t configs = t->deliver->configs;

	testing_accept(t, alice, grace);
	testing_answer(t, testing_next_job(t), WIRE_DEFERRED, "451 later");
	snprintf(text, sizeof(text), with, ", \"dry_run\": true");
	testing_ask(t, "config.replace", text);
	assert_int_equal(testing_number(t->admin->answer, "generation"), 1);
	assert_int_equal(json_array_size(json_object_get(t->admin->answer, "changes")), 1);
	snprintf(text, sizeof(text), with, ", \"expect\": 7");
	testing_ask(t, "config.replace", text);
	assert_int_equal(t->admin->answer_error, ERR_CONFLICT);
	assert_int_equal(t->deliver->configs, configs);
	snprintf(text, sizeof(text), with, ", \"expect\": 1");
	testing_ask(t, "config.replace", text);
	assert_int_equal(t->admin->answer_error, ERR_OK);
	assert_int_equal(testing_number(t->admin->answer, "generation"), 2);
	/* Mail that waits goes the new way, at once. */
	assert_string_equal(testing_next_job(t)->wire.route, "connector:contoso/fabrikam");
	assert_int_equal(t->deliver->configs, configs + 1);
	snprintf(text, sizeof(text), with, "");
	testing_ask(t, "config.replace", text);
	assert_int_equal(testing_number(t->admin->answer, "generation"), 2);
	assert_int_equal(json_array_size(json_object_get(t->admin->answer, "changes")), 0);
	testing_ask(t, "config.replace", "{\"config\": {\"colours\": []}}");
	assert_int_equal(t->admin->answer_error, ERR_SYNTAX);
	testing_ask(t, "config.get", "{}");
	assert_int_equal(json_array_size(json_object_get(
				 json_object_get(t->admin->answer, "config"), "connectors")),
		1);
}

static void test_hosts(void **state)
{
	struct testing *t = *state;
	struct testing_peer *other = testing_peer(t, RUNTIME_DELIVER, 1);
	const int64_t year = INT64_C(365) * MOMENT_DAY_MS;
	struct wire_host host = {.host = "mx.fabrikam.example:25",
		.attempt = RECEIPT_ATTEMPT_REDUCED,
		.until_ms = testing_now + MOMENT_HOUR_MS,
		.reason = "wrong version number"};

	ipc_send(t->deliver->ipc, WIRE_HOST, &host);
	testing_until(t, other->hosts == 1);
	assert_string_equal(other->host.host, host.host);
	assert_int_equal(t->deliver->hosts, 0);
	assert_int_equal(
		json_array_size(json_object_get(testing_ask(t, "hosts.list", "{}"), "items")), 1);
	testing_ask(t, "hosts.forget", "{\"host\": \"mx.fabrikam.example:25\"}");
	assert_int_equal(t->admin->answer_error, ERR_OK);
	testing_until(t, other->hosts == 2);
	assert_int_equal(other->host.until_ms, 0);
	testing_ask(t, "hosts.forget", "{\"host\": \"mx.fabrikam.example:25\"}");
	assert_int_equal(t->admin->answer_error, ERR_UNKNOWN);
	ipc_send(t->deliver->ipc, WIRE_HOST, &host);
	testing_until(t, other->hosts == 3);
	/* The clock goes back by a year: what was learnt then would hold for a year. */
	testing_now -= year;
	testing_advance(t, 1000);
	testing_until(t, other->hosts == 4);
	assert_int_equal(other->host.until_ms, 0);
	testing_now += year;
	ipc_send(t->deliver->ipc, WIRE_HOST, &host);
	testing_until(t, other->hosts == 5);
	testing_advance(t, MOMENT_HOUR_MS);
	assert_int_equal(
		json_array_size(json_object_get(testing_ask(t, "hosts.list", "{}"), "items")), 0);
	testing_peer_free(&other);
	testing_settle(t);
}

static void test_clock_goes_back(void **state)
{
	struct testing *t = *state;

	testing_accept(t, alice, "ivan@tailspin.example");
	for (int i = 0; i < 3; i++) {
		testing_answer(t, testing_next_job(t), WIRE_DEFERRED, "451 later");
		testing_advance(t, i == 0 ? MOMENT_MINUTE_MS : 5 * MOMENT_MINUTE_MS);
	}
	testing_accept(t, alice, grace);
	testing_answer(t, testing_next_job(t), WIRE_DEFERRED, "451 later");
	testing_now -= 9000 * (int64_t)MOMENT_HOUR_MS;
	testing_advance(t, 0);
	assert_int_equal(testing_open_jobs(t), 0);
	testing_advance(t, MOMENT_HOUR_MS);
	testing_advance(t, MOMENT_MINUTE_MS);
	assert_int_equal(testing_open_jobs(t), 2);
}

static void test_drain(void **state)
{
	struct testing *t = *state;

	testing_accept(t, alice, grace);
	testing_next_job(t);
	spool_begin_drain(t->spool);
	assert_false(t->spool->drain_said);
	testing_until(t, t->deliver->cancels == 1);
	assert_false(t->receive->intake_open);
	testing_answer(t, testing_next_job(t), WIRE_NOT_TRIED, NULL);
	testing_advance(t, 1000);
	assert_true(t->spool->drain_said);
	assert_int_equal(testing_queued(t), 1);
}

static void test_restart(void **state)
{
	char directory[] = "/tmp/sealpost-spool-XXXXXX";
	struct testing *t;
	int64_t id;

	(void)state;
	assert_non_null(mkdtemp(directory));
	t = testing_new(directory);
	id = testing_accept(t, alice, "grace@fabrikam.example heidi@tailspin.example");
	testing_answer(t, testing_next_job(t), WIRE_DELIVERED, "250 ok");
	testing_restart(t, directory);
	assert_int_equal(testing_queued(t), 1);
	assert_int_equal(testing_next_job(t)->wire.message, id);
	assert_int_equal(testing_next_job(t)->wire.recipients.count, 1);
	expect_contains(testing_body(t, testing_next_job(t)), "Dear all");
	testing_answer(t, testing_next_job(t), WIRE_DELIVERED, "250 ok");
	testing_restart(t, directory);
	assert_int_equal(testing_queued(t), 0);
	assert_string_equal(testing_kinds(t, id), "received received delivered delivered");
	testing_free(&t);
	testing_remove(directory);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_deliver),
		TEST(test_retry_and_expire),
		TEST(test_trace_is_kept_as_long_as_said),
		TEST(test_delay_notice),
		TEST(test_failures_together),
		TEST(test_notify),
		TEST(test_dead_route),
		TEST(test_fair),
		TEST(test_deliver_dies),
		TEST(test_receive_dies),
		TEST(test_intake_closes),
		TEST(test_act),
		TEST(test_config),
		TEST(test_hosts),
		TEST(test_clock_goes_back),
		TEST(test_drain),
		cmocka_unit_test(test_restart),
	};

	log_setup("spool/0", LOG_LOGFMT, LOG_ERROR_LEVEL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
