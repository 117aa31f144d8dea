/* The watch for downgrades. */
#include "process/spool/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define CONFIGURATION(grace)                                                                       \
	"{\"config\": {\"organisations\": [{\"name\": \"contoso\", \"downgrade_grace\": \"" grace  \
	"\"}], \"domains\": [{\"name\": \"contoso.example\", \"organisation\": \"contoso\","       \
	"\"delivery\": \"lmtp:127.0.0.1:24\"}]}}"

static int setup(void **state)
{
	struct testing *t = testing_new(NULL);

	testing_ask(t, "config.replace", CONFIGURATION("1h"));
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

/* The job of one new message to grace@fabrikam.example ends so. */
static struct testing_job *send_one(
	struct testing *t, enum wire_result result, int got, const char *token, const char *host)
{
	struct receipt receipt = {.direction = RECEIPT_OUT,
		.host = host,
		.attempt = got == MODEL_LEVEL_NONE ? RECEIPT_ATTEMPT_CLEAR : RECEIPT_ATTEMPT_FULL,
		.got = got};
	struct wire_recipient_outcome r = {.result = result, .token = token, .text = "so"};
	struct wire_outcome outcome = {.recipients = {.items = &r, .count = 1},
		.receipts = {.items = &receipt, .count = 1}};
	struct testing_job *job;

	testing_accept(t, "alice@contoso.example", "grace@Fabrikam.example");
	job = testing_next_job(t);
	outcome.job = job->wire.id;
	outcome.message = job->wire.message;
	job->answered = true;
	ipc_send(t->deliver->ipc, WIRE_OUTCOME, &outcome);
	testing_settle(t);
	return job;
}

/* Open alarms, when all that has happened has reached the trace. */
static size_t alarms(struct testing *t, const char **ret_text)
{
	const json_t *items, *first;
	struct store_counts counts = {.trace_pending = 1};
	size_t open = 0, i;
	const json_t *alarm;

	for (int turn = 0; turn < 10000 && counts.trace_pending > 0; turn++) {
		testing_settle(t);
		store_counts(t->spool->store, &counts);
	}
	assert_int_equal(counts.trace_pending, 0);
	items = json_object_get(testing_ask(t, "alarms.list", "{\"all\": true}"), "items");
	first = json_array_get(items, 0);
	json_array_foreach (items, i, alarm)
		open += json_is_null(json_object_get(alarm, "over"));
	if (ret_text != NULL)
		*ret_text = json_string_value(json_object_get(first, "text"));
	return open;
}

static void test_fall_and_recovery(void **state)
{
	struct testing *t = *state;
	const struct testing_job *job;
	const char *text = NULL;

	job = send_one(t, WIRE_DELIVERED, MODEL_LEVEL_NAME, "ok", "mx.fabrikam.example");
	assert_int_equal(job->wire.best, MODEL_LEVEL_NONE);
	assert_int_equal(alarms(t, NULL), 0);
	job = send_one(t, WIRE_DELIVERED, MODEL_LEVEL_NONE, "ok", "mx.fabrikam.example");
	assert_int_equal(job->wire.best, MODEL_LEVEL_NAME);
	assert_int_equal(job->wire.fallen_ms, 0);
	assert_int_equal(alarms(t, &text), 1);
	assert_string_equal(text, "mail to fabrikam.example had TLS with a proven name "
				  "(mx.fabrikam.example); mx.fabrikam.example has no TLS now");
	testing_advance(t, 1000);
	job = send_one(t, WIRE_DELIVERED, MODEL_LEVEL_NONE, "ok", "mx.fabrikam.example");
	assert_true(job->wire.fallen_ms > 0 && job->wire.fallen_ms < testing_now);
	assert_int_equal(alarms(t, NULL), 1);
	send_one(t, WIRE_DELIVERED, MODEL_LEVEL_ENCRYPT, "ok", "mx2.fabrikam.example");
	assert_int_equal(alarms(t, NULL), 0);
	/* Another host of the domain may have less; the one that had more may not. */
	send_one(t, WIRE_DELIVERED, MODEL_LEVEL_ENCRYPT, "ok", "mx2.fabrikam.example");
	assert_int_equal(alarms(t, NULL), 0);
	send_one(t, WIRE_DELIVERED, MODEL_LEVEL_ENCRYPT, "ok", "mx.fabrikam.example");
	assert_int_equal(alarms(t, NULL), 1);
}

static void test_never_had(void **state)
{
	struct testing *t = *state;

	send_one(t, WIRE_DELIVERED, MODEL_LEVEL_NONE, "ok", "mx.fabrikam.example");
	send_one(t, WIRE_DELIVERED, MODEL_LEVEL_NONE, "ok", "mx.fabrikam.example");
	assert_int_equal(alarms(t, NULL), 0);
	assert_int_equal(testing_number(testing_ask(t, "protection.list", "{}"), "count"), 0);
}

/* What waits out the grace time is tried when that ends, not when the schedule says. */
static void test_grace(void **state)
{
	struct testing *t = *state;
	struct testing_job *job;

	send_one(t, WIRE_DELIVERED, MODEL_LEVEL_ENCRYPT, "ok", "mx.fabrikam.example");
	testing_advance(t, 1000);
	for (int i = 0; i < 4; i++) {
		send_one(t, WIRE_DEFERRED, MODEL_LEVEL_NONE, "downgrade", "mx.fabrikam.example");
		testing_advance(t, 1000);
	}
	assert_int_equal(alarms(t, NULL), 1);
	for (int64_t gone = 0; gone <= 3600 * 1000; gone += 60 * 1000) {
		testing_advance(t, 60 * 1000);
		while (testing_open_jobs(t) > 0) {
			struct receipt receipt = {
				.direction = RECEIPT_OUT, .attempt = RECEIPT_ATTEMPT_CLEAR};
			struct wire_recipient_outcome r = {
				.result = WIRE_DEFERRED, .token = "downgrade"};
			struct wire_outcome outcome = {.recipients = {.items = &r, .count = 1},
				.receipts = {.items = &receipt, .count = 1}};

			job = testing_next_job(t);
			if (job->wire.fallen_ms + 3600 * 1000 <= testing_now)
				return;
			outcome.job = job->wire.id;
			job->answered = true;
			ipc_send(t->deliver->ipc, WIRE_OUTCOME, &outcome);
			testing_settle(t);
		}
	}
	fail_msg("nothing was tried when the grace time was over");
}

static void test_forget(void **state)
{
	struct testing *t = *state;
	const json_t *item;

	send_one(t, WIRE_DELIVERED, MODEL_LEVEL_ENCRYPT, "ok", "mx.fabrikam.example");
	send_one(t, WIRE_DELIVERED, MODEL_LEVEL_NONE, "ok", "mx.fabrikam.example");
	item = json_array_get(
		json_object_get(testing_ask(t, "protection.list", "{\"fallen\": true}"), "items"),
		0);
	assert_string_equal(json_string_value(json_object_get(item, "domain")), "fabrikam.example");
	assert_string_equal(json_string_value(json_object_get(item, "now")), "none");
	testing_ask(t, "protection.forget", "{\"domain\": \"other.example\"}");
	assert_int_equal(t->admin->answer_error, ERR_UNKNOWN);
	testing_ask(t, "protection.forget", "{\"domain\": \"Fabrikam.example\"}");
	assert_int_equal(t->admin->answer_error, ERR_OK);
	assert_int_equal(alarms(t, NULL), 0);
	send_one(t, WIRE_DELIVERED, MODEL_LEVEL_NONE, "ok", "mx.fabrikam.example");
	assert_int_equal(alarms(t, NULL), 0);
}

static void receive_for(struct testing *t, const char *organisation, const char *address, int got)
{
	struct wire_recipient r = {.address = "a@contoso.example", .organisation = organisation};
	struct wire_message m = {.id = t->next_id += 1 << 22,
		.received_ms = testing_now,
		.sender = "x@Northwind.example",
		.recipients = {.items = &r, .count = 1},
		.receipt = {.host = "mail.northwind.example", .peer_address = address, .got = got}};
	struct wire_data data = {.id = m.id, .data = STR("Subject: x\r\n\r\nx\r\n")};
	size_t before = t->receive->dones;

	m.size = (int64_t)data.data.n;
	ipc_send(t->receive->ipc, WIRE_ACCEPT_DATA, &data);
	ipc_send(t->receive->ipc, WIRE_ACCEPT_COMMIT, &m);
	testing_until(t, t->receive->dones > before);
	assert_int_equal(t->receive->done, ERR_OK);
	testing_settle(t);
}

static void receive_one(struct testing *t, const char *address, int got)
{
	receive_for(t, "contoso", address, got);
}

static void test_inbound(void **state)
{
	struct testing *t = *state;
	const char *text = NULL;

	receive_one(t, "192.0.2.7", MODEL_LEVEL_NAME);
	receive_one(t, "2001:db8:1:2::5", MODEL_LEVEL_ENCRYPT);
	/* A stranger who forges the domain is another network. */
	receive_one(t, "198.51.100.9", MODEL_LEVEL_NONE);
	assert_int_equal(alarms(t, NULL), 0);
	receive_one(t, "192.0.2.99", MODEL_LEVEL_ENCRYPT);
	assert_int_equal(alarms(t, NULL), 0);
	receive_one(t, "192.0.2.99", MODEL_LEVEL_NONE);
	assert_int_equal(alarms(t, &text), 1);
	assert_non_null(strstr(text, "mail from northwind.example had TLS"));
	receive_one(t, "2001:db8:1:9::5", MODEL_LEVEL_NONE);
	assert_int_equal(alarms(t, NULL), 2);
	receive_one(t, "192.0.2.98", MODEL_LEVEL_ENCRYPT);
	assert_int_equal(alarms(t, NULL), 1);
}

/* The alarm is over for the one who has it, whoever gets the mail that shows it. */
static void test_alarm_of_another(void **state)
{
	struct testing *t = *state;

	receive_for(t, "contoso", "192.0.2.7", MODEL_LEVEL_ENCRYPT);
	receive_for(t, "contoso", "192.0.2.7", MODEL_LEVEL_NONE);
	receive_for(t, "tailspin", "192.0.2.7", MODEL_LEVEL_NONE);
	assert_int_equal(alarms(t, NULL), 1);
	receive_for(t, "tailspin", "192.0.2.7", MODEL_LEVEL_ENCRYPT);
	assert_int_equal(alarms(t, NULL), 0);
}

static int64_t remembered(struct testing *t)
{
	return testing_number(testing_ask(t, "protection.list", "{}"), "count");
}

/* Strangers displace strangers, and who is seen all the time stays. */
static void test_bounded(void **state)
{
	char directory[] = "/var/tmp/sealpost-protection-XXXXXX", address[32];
	struct testing *t;
	int64_t best, fallen_ms;

	(void)state;
	assert_non_null(mkdtemp(directory));
	t = testing_new(directory);
	t->spool->protection_orders[RECEIPT_IN].limit = 3;
	t->spool->protection_orders[RECEIPT_OUT].limit = 1;
	send_one(t, WIRE_DELIVERED, MODEL_LEVEL_ENCRYPT, "ok", "mx.fabrikam.example");
	for (int i = 0; i < 8; i++) {
		testing_advance(t, 1000);
		receive_one(t, "192.0.2.7", MODEL_LEVEL_ENCRYPT);
		snprintf(address, sizeof(address), "198.51.%d.1", i);
		receive_one(t, address, MODEL_LEVEL_ENCRYPT);
	}
	assert_int_equal(remembered(t), 4);
	receive_one(t, "192.0.2.7", MODEL_LEVEL_NONE);
	assert_int_equal(alarms(t, NULL), 1);
	receive_one(t, "198.51.0.1", MODEL_LEVEL_NONE);
	assert_int_equal(alarms(t, NULL), 1);
	receive_one(t, "198.51.7.1", MODEL_LEVEL_NONE);
	assert_int_equal(alarms(t, NULL), 2);
	testing_restart(t, directory);
	assert_int_equal(remembered(t), 4);
	spool_protection_tell(t->spool, "fabrikam.example", &best, &fallen_ms);
	assert_int_equal(best, MODEL_LEVEL_ENCRYPT);
	testing_free(&t);
	testing_remove(directory);
}

static void test_survives_restart(void **state)
{
	char directory[] = "/var/tmp/sealpost-protection-XXXXXX";
	struct testing *t;
	const struct testing_job *job;

	(void)state;
	assert_non_null(mkdtemp(directory));
	t = testing_new(directory);
	send_one(t, WIRE_DELIVERED, MODEL_LEVEL_CHAIN, "ok", "mx.fabrikam.example");
	send_one(t, WIRE_DELIVERED, MODEL_LEVEL_NONE, "ok", "mx.fabrikam.example");
	testing_restart(t, directory);
	job = send_one(t, WIRE_DELIVERED, MODEL_LEVEL_NONE, "ok", "mx.fabrikam.example");
	assert_int_equal(job->wire.best, MODEL_LEVEL_CHAIN);
	assert_true(job->wire.fallen_ms > 0);
	assert_int_equal(alarms(t, NULL), 1);
	testing_free(&t);
	testing_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fall_and_recovery, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_had, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inbound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_alarm_of_another, setup, teardown),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_survives_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
