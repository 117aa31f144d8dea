/* Demands of a route that are not met: who waits, who fails at once, and what the receipt says. */
#include "process/deliver/task.h"
#include "process/deliver/testing_job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The route of a job that has not begun yet. */
static struct policy_outbound *route_of(struct fixture *x, int64_t id)
{
	return &deliver_job_find(&x->d, id)->groups[0].route;
}

static void test_returns_at_once(void **state)
{
	struct fixture *x = *state;

	configure(x, MODEL_LEVEL_ENCRYPT);
	begin(x, 1, "a@partner.example");
	route_of(x, 1)->returns_when_unmet = true;
	wait_outcome(x, 1);
	expect(x, WIRE_FAILED, "no-starttls", "5.7.10");
	assert_int_equal(x->server.mails, 0);
	/* A handshake that fails is no different. */
	x->server.ehlo = "250-mx.example\r\n250 STARTTLS";
	x->server.drops_handshakes = true;
	begin(x, 2, "a@partner.example");
	route_of(x, 2)->returns_when_unmet = true;
	wait_outcome(x, 2);
	expect(x, WIRE_FAILED, "handshake-failed", "5.7.10");
	assert_int_equal(x->server.mails, 0);
}

/* A host that cannot be reached has not failed any demand. */
static void test_unreachable_still_waits(void **state)
{
	struct fixture *x = *state;

	evconnlistener_free(x->server.listener);
	x->server.listener = NULL;
	configure(x, MODEL_LEVEL_ENCRYPT);
	begin(x, 1, "a@partner.example");
	route_of(x, 1)->returns_when_unmet = true;
	wait_outcome(x, 1);
	expect(x, WIRE_DEFERRED, "connect", "4.4.1");
	deliver_testing_start(&x->server, x->d.base);
}

static void begin_watched(struct fixture *x, int64_t id, int64_t fallen_ms)
{
	struct deliver_job *job;

	begin(x, id, "a@partner.example");
	job = deliver_job_find(&x->d, id);
	job->wire.best = MODEL_LEVEL_CHAIN;
	job->wire.fallen_ms = fallen_ms;
	job->groups[0].route.watches_downgrade = true;
	job->groups[0].route.downgrade_grace_ms = 3600 * 1000;
}

static void test_waits_before_clear(void **state)
{
	struct fixture *x = *state;

	begin_watched(x, 1, 0);
	wait_outcome(x, 1);
	expect(x, WIRE_DEFERRED, "downgrade", "4.7.10");
	assert_string_equal(x->outcome.receipts.items[0].token, "downgrade");
	assert_int_equal(x->server.mails, 0);
	/* The grace time is over. */
	begin_watched(x, 2, runtime_now_ms() - 2 * 3600 * 1000);
	wait_outcome(x, 2);
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
	assert_int_equal(x->server.mails, 1);
	/* A connection in clear that was kept is no way around it. */
	begin_watched(x, 3, 0);
	wait_outcome(x, 3);
	expect(x, WIRE_DEFERRED, "downgrade", "4.7.10");
	assert_int_equal(x->server.mails, 1);
}

static void test_ladder_waits_before_clear(void **state)
{
	struct fixture *x = *state;

	x->server.ehlo = "250-mx.example\r\n250 STARTTLS";
	x->server.drops_handshakes = true;
	begin_watched(x, 1, 0);
	wait_outcome(x, 1);
	expect(x, WIRE_DEFERRED, "downgrade", "4.7.10");
	assert_int_equal(x->server.connections, 2);
	assert_int_equal(x->server.mails, 0);
	begin_watched(x, 2, 1);
	wait_outcome(x, 2);
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
	assert_int_equal(x->outcome.receipts.items[0].attempt, RECEIPT_ATTEMPT_CLEAR);
	/* That the ladder has been down before is no way around it. */
	assert_int_equal(x->host.attempt, RECEIPT_ATTEMPT_CLEAR);
	deliver_pool_clear(x->d.pool);
	begin_watched(x, 3, 0);
	wait_outcome(x, 3);
	expect(x, WIRE_DEFERRED, "downgrade", "4.7.10");
	assert_int_equal(x->server.mails, 1);
}

/* Whatever a demand consists of, another one is another connection. */
static void test_link_key(void **state)
{
	static const char *texts[] = {"one"};
	const struct record_texts some = {texts, 1};
	struct fixture *x = *state;
	struct policy_outbound base = {.type = POLICY_ROUTE_MX, .key = "k"}, other[12];
	struct deliver_group group = {.route = base};
	struct deliver_job job = {.self = &x->d, .arena = x->arena};
	const struct deliver_target target = {.host = "mx.example", .port = 25};
	const char *first;

	for (size_t i = 0; i < ARRAY_LENGTH(other); i++)
		other[i] = base;
	other[0].required = MODEL_LEVEL_CHAIN;
	other[1].names = some;
	other[2].pins = some;
	other[3].groups = some;
	other[4].minimum_version = MODEL_TLS_13;
	other[5].reported.required = MODEL_LEVEL_CHAIN;
	other[6].reported.pins = some;
	other[7].profile.crls = "lists";
	other[8].profile.revocation = MODEL_REVOCATION_OFF;
	other[9].certificate = "own";
	other[10].connector = "other";
	other[11].organisation = "other";
	for (size_t i = 0; i <= ARRAY_LENGTH(other); i++) {
		struct deliver_task *task;
		const char *key;

		group.route = i == 0 ? base : other[i - 1];
		task = deliver_task_new(&job, &group);
		key = deliver_task_link_key(task, &target);
		if (i == 0)
			first = key;
		else if (strcmp(key, first) == 0)
			fail_msg("route %zu has the same key: %s", i - 1, key);
		deliver_task_free(&task);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_returns_at_once),
		TEST(test_unreachable_still_waits),
		TEST(test_waits_before_clear),
		TEST(test_ladder_waits_before_clear),
		TEST(test_link_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
