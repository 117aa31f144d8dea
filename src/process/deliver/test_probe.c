/* Probes: what they tell, what the server hears, and how they end. */
#include "process/deliver/probe.h"
#include "process/deliver/testing_job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

enum { MAX_STEPS = 64 };

/* What the asker has heard. */
static struct {
	struct ipc *ipc;
	struct arena *arena;
	struct wire_probe_step steps[MAX_STEPS];
	size_t count, ends;
} asker;

static void on_step(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	const struct wire_probe_step *step = record;

	(void)context;
	(void)ipc;
	assert_int_equal(type, WIRE_PROBE_STEP);
	assert_true(asker.count < MAX_STEPS);
	record_copy(&wire_probe_step_desc, step, asker.arena, &asker.steps[asker.count++]);
	asker.ends += step->is_last;
}

static void on_nothing(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	(void)context;
	(void)ipc;
	(void)type;
	(void)record;
}

static void on_closed(void *context, struct ipc *ipc)
{
	(void)context;
	(void)ipc;
}

static int setup_probe(void **state)
{
	static const struct ipc_handlers near = {on_nothing, on_closed, NULL};
	static const struct ipc_handlers far = {on_step, on_closed, NULL};
	struct fixture *x;
	int fds[2];

	setup(state);
	x = *state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	x->d.admin = ipc_new(x->d.base, fds[0], &near, x);
	memset(&asker, 0, sizeof(asker));
	asker.ipc = ipc_new(x->d.base, fds[1], &far, NULL);
	asker.arena = arena_new();
	return 0;
}

static int teardown_probe(void **state)
{
	struct fixture *x = *state;

	deliver_probe_stop_all(&x->d);
	ipc_free(&x->d.admin);
	ipc_free(&asker.ipc);
	arena_free(&asker.arena);
	return teardown(state);
}

static void ask(struct fixture *x, int64_t tag, const char *connector)
{
	const struct wire_probe probe = {
		.tag = tag,
		.organisation = "contoso",
		.connector = connector,
		.sender = "a@contoso.example",
	};

	deliver_probe_begin(&x->d, &probe);
}

static bool has_ended(void *context)
{
	(void)context;
	return asker.ends > 0;
}

static void probe(struct fixture *x)
{
	asker.count = asker.ends = 0;
	ask(x, 7, "partner");
	run_until(x, has_ended);
	assert_null(x->d.probes);
	assert_int_equal(x->d.probe_count, 0);
}

/* The steps told must be these, "name:result name:result ...". */
static void expect_steps(const char *want)
{
	const char *told = "";

	for (size_t i = 0; i < asker.count; i++) {
		assert_int_equal(asker.steps[i].tag, 7);
		told = arena_format(asker.arena, "%s%s%s:%s", told, i > 0 ? " " : "",
			asker.steps[i].step, wire_probe_result_names[asker.steps[i].result]);
	}
	assert_string_equal(told, want);
}

/* ---- what is told ---------------------------------------------------------------------------- */

static void test_clear(void **state)
{
	struct fixture *x = *state;

	probe(x);
	expect_steps("route:ok connect:ok greeting:ok ehlo:ok starttls:note mail:ok rcpt:ok "
		     "summary:ok");
	assert_string_equal(asker.steps[0].recipient, "postmaster@partner.example");
	assert_string_equal(asker.steps[2].presented, "mx.example");
	assert_non_null(strstr(x->server.commands, "MAIL FROM:<a@contoso.example>"));
	assert_non_null(strstr(x->server.commands, "RCPT TO:<postmaster@partner.example>\nRSET\n"));
	assert_null(strstr(x->server.commands, "DATA"));
	/* The connection is of no use to mail. */
	assert_int_equal(deliver_pool_count(x->d.pool), 0);
}

static void test_required(void **state)
{
	struct fixture *x = *state;

	configure(x, MODEL_LEVEL_ENCRYPT);
	probe(x);
	expect_steps("route:ok connect:ok greeting:ok ehlo:ok starttls:failed mail:failed "
		     "summary:failed");
	assert_string_equal(asker.steps[4].token, "no-starttls");
	assert_non_null(asker.steps[4].remedy);
	/* The gate says so, too. */
	assert_int_equal(x->server.mails, 0);
}

/* It can be tried out before it is enabled, by the very demands that it makes. */
static void test_disabled(void **state)
{
	struct fixture *x = *state;

	x->is_disabled = true;
	configure(x, MODEL_LEVEL_NONE);
	probe(x);
	expect_steps("route:note connect:ok greeting:ok ehlo:ok starttls:note mail:ok rcpt:ok "
		     "summary:ok");
	assert_non_null(strstr(asker.steps[0].text, "disabled"));
	configure(x, MODEL_LEVEL_ENCRYPT);
	probe(x);
	expect_steps("route:note connect:ok greeting:ok ehlo:ok starttls:failed mail:failed "
		     "summary:failed");
	assert_int_equal(x->server.mails, 1);
}

static void test_ladder(void **state)
{
	struct fixture *x = *state;

	x->server.ehlo = "250-mx.example\r\n250 STARTTLS";
	x->server.drops_handshakes = true;
	probe(x);
	expect_steps("route:ok connect:ok greeting:ok ehlo:ok starttls:ok handshake:note "
		     "connect:ok greeting:ok ehlo:ok starttls:ok handshake:note "
		     "connect:ok greeting:ok ehlo:ok starttls:note mail:ok rcpt:ok summary:ok");
	/* Nothing is learnt from it for mail. */
	assert_int_equal(x->hosts, 0);
	configure(x, MODEL_LEVEL_ENCRYPT);
	probe(x);
	expect_steps("route:ok connect:ok greeting:ok ehlo:ok starttls:ok handshake:note "
		     "connect:ok greeting:ok ehlo:ok starttls:ok handshake:failed summary:failed");
	assert_int_equal(x->server.mails, 1);
}

static void test_replies(void **state)
{
	static const struct {
		const char *greeting, *ehlo, *mail, *rcpt, *want;
	} rows[] = {
		{"554 no", NULL, NULL, NULL, "route:ok connect:ok greeting:failed summary:failed"},
		{NULL, NULL, "550 5.7.1 no", NULL,
			"route:ok connect:ok greeting:ok ehlo:ok starttls:note mail:failed "
			"summary:failed"},
		{NULL, NULL, NULL, "451 4.7.1 later",
			"route:ok connect:ok greeting:ok ehlo:ok starttls:note mail:ok rcpt:failed "
			"summary:failed"},
		{NULL, "250-mx.example\r\n250 PIPELINING", "550 5.7.1 no", NULL,
			"route:ok connect:ok greeting:ok ehlo:ok starttls:note mail:failed "
			"summary:failed"},
		{NULL, "250-mx.example\r\n250 PIPELINING", NULL, NULL,
			"route:ok connect:ok greeting:ok ehlo:ok starttls:note mail:ok rcpt:ok "
			"summary:ok"},
		{"220 me.example", NULL, NULL, NULL,
			"route:ok connect:ok greeting:ok ehlo:ok starttls:note ehlo:failed "
			"summary:failed"},
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		x->server.greeting = rows[i].greeting;
		x->server.ehlo = rows[i].ehlo;
		x->server.mail = rows[i].mail;
		x->server.rcpt = rows[i].rcpt;
		probe(x);
		expect_steps(rows[i].want);
	}
}

static void test_second_host(void **state)
{
	struct fixture *x = *state;

	deliver_testing_start(&x->other, x->d.base);
	configure(x, MODEL_LEVEL_NONE);
	evconnlistener_free(x->server.listener);
	x->server.listener = NULL;
	probe(x);
	expect_steps("route:ok connect:failed connect:ok greeting:ok ehlo:ok starttls:note mail:ok "
		     "rcpt:ok summary:failed");
	assert_string_equal(asker.steps[asker.count - 1].text, "1 of 2 next hops would take mail");
	if (x->other.last != NULL)
		bufferevent_free(x->other.last);
	evconnlistener_free(x->other.listener);
	deliver_testing_start(&x->server, x->d.base);
}

static void test_nowhere_to_go(void **state)
{
	struct fixture *x = *state;

	ask(x, 7, "nobody");
	run_until(x, has_ended);
	expect_steps("route:failed summary:failed");
	assert_string_equal(asker.steps[1].text, "there is no such connector");
	assert_int_equal(x->server.connections, 0);
}

/* ---- how they end ---------------------------------------------------------------------------- */

static bool is_connected(void *context)
{
	const struct fixture *x = context;

	return x->server.last != NULL;
}

static bool is_dropped(void *context)
{
	const struct fixture *x = context;

	return x->server.last == NULL;
}

static void test_nobody_waits(void **state)
{
	struct fixture *x = *state;

	ask(x, 7, "partner");
	run_until(x, is_connected);
	deliver_probe_stop(&x->d, 8);
	assert_int_equal(x->d.probe_count, 1);
	deliver_probe_stop(&x->d, 7);
	assert_null(x->d.probes);
	run_until(x, is_dropped);
	assert_int_equal(asker.ends, 0);
	assert_int_equal(x->server.mails, 0);
}

static void test_not_too_many(void **state)
{
	struct fixture *x = *state;

	for (int i = 0; i < DELIVER_PROBES; i++)
		ask(x, 100 + i, "partner");
	assert_int_equal(x->d.probe_count, DELIVER_PROBES);
	ask(x, 7, "partner");
	assert_int_equal(x->d.probe_count, DELIVER_PROBES);
	deliver_probe_stop_all(&x->d);
	run_until(x, has_ended);
	assert_non_null(strstr(asker.steps[asker.count - 1].text, "try again"));
}

/* Time is up: the host has failed, and the next one has its turn. */
static void test_time_is_up(void **state)
{
	const struct timeval now = {0, 0};
	struct fixture *x = *state;

	ask(x, 7, "partner");
	evtimer_add(x->d.probes->timer, &now);
	run_until(x, has_ended);
	expect_steps("route:ok connect:failed summary:failed");
	assert_non_null(strstr(asker.steps[1].text, "no answer within"));
}

static void test_all_of_the_time_is_up(void **state)
{
	struct fixture *x = *state;

	deliver_testing_start(&x->other, x->d.base);
	configure(x, MODEL_LEVEL_NONE);
	ask(x, 7, "partner");
	x->d.probes->began_ticks -= 2 * DELIVER_PROBE_ALL_MS;
	run_until(x, has_ended);
	expect_steps("route:ok connect:ok greeting:ok ehlo:ok starttls:note mail:ok rcpt:ok "
		     "summary:failed");
	assert_non_null(strstr(asker.steps[asker.count - 1].text, "1 next hops are left"));
	assert_int_equal(x->other.connections, 0);
	evconnlistener_free(x->other.listener);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_probe, teardown_probe)
	const struct CMUnitTest tests[] = {
		TEST(test_clear),
		TEST(test_required),
		TEST(test_disabled),
		TEST(test_ladder),
		TEST(test_replies),
		TEST(test_second_host),
		TEST(test_nowhere_to_go),
		TEST(test_nobody_waits),
		TEST(test_not_too_many),
		TEST(test_time_is_up),
		TEST(test_all_of_the_time_is_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
