/* What changes while a job is under way: configuration, settings, the spool. */
#include "process/deliver/testing_job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static bool is_connected(void *context)
{
	const struct fixture *x = context;

	return x->server.connections > 0;
}

static bool wants_handshake(void *context)
{
	const struct fixture *x = context;

	return strstr(x->server.commands, "EHLO") != NULL;
}

/* A requirement that is new when the connection stands holds for it. */
static void test_requirement_before_mail(void **state)
{
	struct fixture *x = *state;

	begin(x, 1, "a@partner.example");
	run_until(x, is_connected);
	configure(x, MODEL_LEVEL_ENCRYPT);
	wait_outcome(x, 1);
	expect(x, WIRE_NOT_TRIED, "reconfigured", "4.3.2");
	assert_int_equal(x->server.mails, 0);
	deliver_one(x, "a@partner.example");
	expect(x, WIRE_DEFERRED, "no-starttls", "4.7.10");
	assert_int_equal(x->server.mails, 0);
}

/* A connection keeps the TLS settings that it began with. */
static void test_settings_before_handshake(void **state)
{
	struct fixture *x = *state;
	struct tls_context_options options = {0};

	x->server.ehlo = "250-mx.example\r\n250 STARTTLS";
	x->server.drops_handshakes = true;
	begin(x, 1, "a@partner.example");
	run_until(x, wants_handshake);
	tls_context_free(&x->d.tls);
	assert_int_equal(tls_client_context_new(x->d.signer, &options, &x->d.tls, NULL), ERR_OK);
	wait_outcome(x, 1);
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
	assert_int_equal(x->server.handshakes, 2);
}

/* What one host did with TLS is not remembered of the next one. */
static void test_ladder_is_of_one_host(void **state)
{
	struct fixture *x = *state;
	uint16_t port;

	deliver_one(x, "a@partner.example");
	assert_int_equal(deliver_pool_count(x->d.pool), 1);
	/* Now another host stands in front of the one whose connection is kept. */
	deliver_testing_start(&x->other, x->d.base);
	x->other.ehlo = "250-mx.example\r\n250 STARTTLS";
	x->other.drops_handshakes = true;
	x->d.node->tls.on_handshake_failure = MODEL_FAILURE_DEFER;
	port = x->server.port;
	x->server.port = x->other.port;
	x->other.port = port;
	configure(x, MODEL_LEVEL_NONE);
	deliver_one(x, "a@partner.example");
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
	assert_int_equal(x->other.handshakes, 2);
	assert_int_equal(x->server.mails, 2);
	assert_int_equal(x->hosts, 0);
	evconnlistener_free(x->other.listener);
}

/* ---- the spool goes away --------------------------------------------------------------------- */

static bool data_has_come(void *context)
{
	const struct fixture *x = context;

	return x->server.in_data;
}

static bool end_has_come(void *context)
{
	const struct fixture *x = context;

	return strstr(x->server.commands, "DATA") != NULL && !x->server.in_data;
}

static void lose_spool(struct fixture *x)
{
	ipc_free(&x->d.spool);
	ipc_free(&x->spool);
	deliver_job_orphan(x->d.jobs);
}

static void test_spool_lost_behind_the_end(void **state)
{
	struct fixture *x = *state;

	x->server.holds_end = true;
	begin(x, 5, "a@partner.example");
	run_until(x, end_has_come);
	lose_spool(x);
	assert_int_equal(x->d.job_count, 1);
	assert_null(deliver_job_find(&x->d, 5));
	connect_spool(x);
	deliver_testing_say(x->server.last, "250 2.0.0 taken");
	wait_outcome(x, 1);
	assert_int_equal(x->outcome.job, 0);
	assert_int_equal(x->outcome.message, 99);
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
}

/* The next spool hears first that it is still under way. */
static void test_orphans_are_reported(void **state)
{
	struct fixture *x = *state;

	for (int i = 1; i <= 2; i++) {
		x->outcomes = 0;
		x->server.holds_end = true;
		x->server.commands[0] = '\0';
		begin(x, 5, "a@partner.example");
		run_until(x, end_has_come);
		lose_spool(x);
		connect_spool(x);
		deliver_job_report(x->d.jobs);
		wait_outcome(x, 1);
		assert_int_equal(x->outcome.job, 0);
		assert_int_equal(x->outcome.message, 99);
		assert_int_equal(x->outcome.recipients.items[0].result, WIRE_UNDER_WAY);
		assert_int_equal(x->outcome.recipients.items[1].number, 7);
		if (i == 1)
			deliver_testing_say(x->server.last, "250 2.0.0 taken");
		else
			bufferevent_free(x->server.last);
		x->server.last = i == 1 ? x->server.last : NULL;
		wait_outcome(x, 2);
		assert_int_equal(x->outcome.recipients.items[0].result,
			i == 1 ? WIRE_RELAYED : WIRE_NOT_TRIED);
		assert_int_equal(x->d.job_count, 0);
	}
}

/* However large the certificates that a server shows, the outcome arrives. */
static void test_huge_receipts(void **state)
{
	enum { NAMES = 900 };
	struct fixture *x = *state;
	const char *names[NAMES];
	struct cert_facts chain[4] = {0};
	struct receipt receipt = {.direction = RECEIPT_OUT, .host = "mx.example"};
	struct deliver_job *job;

	for (size_t i = 0; i < NAMES; i++)
		names[i] = "a-rather-long-name-of-a-host-somewhere.in-a-domain.partner.example";
	for (size_t i = 0; i < ARRAY_LENGTH(chain); i++)
		chain[i].names = (struct record_texts){names, NAMES};
	receipt.chain.items = chain;
	receipt.chain.count = ARRAY_LENGTH(chain);
	begin(x, 5, "a@partner.example");
	job = deliver_job_find(&x->d, 5);
	for (int i = 0; i < DELIVER_RECEIPTS; i++)
		deliver_job_receipt(job, &receipt);
	deliver_job_cancel(job);
	wait_outcome(x, 1);
	assert_int_equal(x->outcome.receipts.count, DELIVER_RECEIPTS);
	assert_int_equal(x->outcome.receipts.items[0].chain.count, 4);
	assert_int_equal(x->outcome.receipts.items[DELIVER_RECEIPTS - 1].chain.count, 0);
}

static void test_spool_lost_before_the_end(void **state)
{
	struct fixture *x = *state;

	x->is_silent = true;
	begin(x, 5, "a@partner.example");
	run_until(x, data_has_come);
	lose_spool(x);
	assert_int_equal(x->d.job_count, 0);
	connect_spool(x);
	event_base_loop(x->d.base, EVLOOP_NONBLOCK);
	assert_int_equal(x->outcomes, 0);
	assert_true(x->server.in_data);
}

static void test_cancel(void **state)
{
	struct fixture *x = *state;

	begin(x, 5, "a@partner.example");
	deliver_job_cancel(deliver_job_find(&x->d, 5));
	wait_outcome(x, 1);
	expect(x, WIRE_NOT_TRIED, "cancelled", "4.3.2");
	assert_int_equal(x->server.connections, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_requirement_before_mail),
		TEST(test_settings_before_handshake),
		TEST(test_ladder_is_of_one_host),
		TEST(test_spool_lost_behind_the_end),
		TEST(test_orphans_are_reported),
		TEST(test_huge_receipts),
		TEST(test_spool_lost_before_the_end),
		TEST(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
