/* No MAIL in clear where TLS is required: every combination of requirement and facts. */
#include "process/deliver/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct smtp_client *idle_client(void)
{
	struct smtp_client *c = smtp_client_new(&(struct smtp_client_options){.hello = "me"});

	smtp_client_feed(c, (struct str)STR("220 x\r\n250 x\r\n"));
	smtp_client_sent(c, smtp_client_output(c).n);
	assert_int_equal(smtp_client_next(c), SMTP_CLIENT_READY);
	return c;
}

static const char *const names[] = {"mx.example"};

/* Try, and say whether anything at all left. */
static bool sends_after(const struct policy_outbound *route, const struct policy_hop *hop,
	const struct deliver_past *past, bool is_tls, struct policy_check *check)
{
	struct smtp_client *c = idle_client();
	struct arena *arena = arena_new();
	struct smtp_client_recipient to = {.address = "x@y"};
	struct smtp_client_transaction mail = {.sender = "", .recipients = &to, .count = 1};
	struct deliver_gate gate = {
		.route = route, .hop = hop, .past = past, .is_tls = is_tls, .arena = arena};
	bool begun = deliver_gate_begin(&gate, c, &mail, check);
	bool left = smtp_client_output(c).n > 0;

	assert_int_equal(begun, left);
	assert_int_equal(begun, check->may_send);
	smtp_client_free(&c);
	arena_free(&arena);
	return left;
}

static bool sends(const struct policy_outbound *route, const struct policy_hop *hop, bool is_tls,
	struct policy_check *check)
{
	return sends_after(route, hop, NULL, is_tls, check);
}

static void check_combination(int required, unsigned bits, int verdict)
{
	struct cert_facts leaf = {
		.subject = "CN=mx.example",
		.names = {(const char **)(void *)names, 1},
		.has_san = true,
	};
	struct policy_outbound route = {
		.type = POLICY_ROUTE_MX, .required = required, .domain = "example", .key = "k"};
	struct policy_hop hop = {
		.is_tls = (bits & 1) != 0,
		.starttls_offered = (bits & 2) != 0,
		.starttls_refused = (bits & 4) != 0,
		.handshake_failed = (bits & 8) != 0,
		.version_too_old = (bits & 16) != 0,
		.certificate = (bits & 32) != 0 ? &leaf : NULL,
		.chain_length = (bits & 32) != 0,
		.host = "mx.example",
		.verdict = verdict,
	};
	struct policy_check check;

	/* The connection is in clear, whatever the notes say. */
	if (sends(&route, &hop, false, &check) != (required == MODEL_LEVEL_NONE))
		fail_msg("required %d, facts %u, verdict %d: wrong in clear", required, bits,
			verdict);
	/* With TLS the chain must be good where one is asked for. */
	if (sends(&route, &hop, true, &check) && required >= MODEL_LEVEL_CHAIN)
		assert_true(verdict == CERT_TRUSTED && hop.certificate != NULL);
}

static void test_every_combination(void **state)
{
	(void)state;
	for (int required = MODEL_LEVEL_NONE; required < MODEL_LEVEL_MAX; required++)
		for (unsigned bits = 0; bits < 64; bits++)
			for (int verdict = 0; verdict < CERT_VERDICT_MAX; verdict++)
				check_combination(required, bits, verdict);
}

static void test_good_connection_sends(void **state)
{
	struct cert_facts leaf = {.names = {(const char **)(void *)names, 1}, .has_san = true};
	struct policy_outbound route = {.type = POLICY_ROUTE_MX, .required = MODEL_LEVEL_NAME};
	struct policy_hop hop = {.starttls_offered = true,
		.certificate = &leaf,
		.chain_length = 1,
		.host = "mx.example",
		.verdict = CERT_TRUSTED};
	struct policy_check check;

	(void)state;
	assert_true(sends(&route, &hop, true, &check));
	hop.host = "other.example";
	assert_false(sends(&route, &hop, true, &check));
	assert_int_equal(check.outcome, POLICY_NAME_MISMATCH);
}

static void test_ladder(void **state)
{
	struct policy_outbound route = {.required = MODEL_LEVEL_NONE};
	struct model_tls tls = {.on_handshake_failure = MODEL_FAILURE_CLEAR};

	(void)state;
	assert_true(deliver_gate_allows_clear(&route, &tls, NULL));
	tls.on_handshake_failure = MODEL_FAILURE_DEFER;
	assert_false(deliver_gate_allows_clear(&route, &tls, NULL));
	tls.on_handshake_failure = MODEL_FAILURE_CLEAR;
	for (route.required = MODEL_LEVEL_ENCRYPT; route.required < MODEL_LEVEL_MAX;
		route.required++)
		assert_false(deliver_gate_allows_clear(&route, &tls, NULL));
}

/* Who has had TLS does not get mail in clear before the grace time is over. */
static void test_waits_for_tls(void **state)
{
	static const struct {
		int64_t best, fallen_ms, grace_ms;
		bool watches, waits;
		enum policy_route_type type;
	} rows[] = {
		{MODEL_LEVEL_ENCRYPT, 0, 1000, true, true, POLICY_ROUTE_MX},
		{MODEL_LEVEL_NAME, 9500, 1000, true, true, POLICY_ROUTE_HOSTS},
		{MODEL_LEVEL_NAME, 9000, 1000, true, false, POLICY_ROUTE_MX},
		{MODEL_LEVEL_NONE, 0, 1000, true, false, POLICY_ROUTE_MX},
		{MODEL_LEVEL_NAME, 0, 1000, false, false, POLICY_ROUTE_MX},
		{MODEL_LEVEL_NAME, 0, 0, true, false, POLICY_ROUTE_MX},
		{MODEL_LEVEL_NAME, 0, 1000, true, false, POLICY_ROUTE_LMTP},
	};
	const struct model_tls tls = {.on_handshake_failure = MODEL_FAILURE_CLEAR};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct policy_outbound route = {.type = rows[i].type,
			.watches_downgrade = rows[i].watches,
			.downgrade_grace_ms = rows[i].grace_ms};
		struct deliver_past past = {rows[i].best, rows[i].fallen_ms, 10000};
		struct policy_hop hop = {.host = "mx.example"};
		struct policy_check check;

		if (deliver_gate_must_wait(&route, &past) != rows[i].waits ||
			sends_after(&route, &hop, &past, false, &check) == rows[i].waits ||
			deliver_gate_allows_clear(&route, &tls, &past) == rows[i].waits)
			fail_msg("row %zu", i);
		if (rows[i].waits)
			assert_int_equal(check.outcome, POLICY_DOWNGRADE);
		/* With TLS nothing holds it back. */
		assert_true(sends_after(&route, &hop, &past, true, &check));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination),
		cmocka_unit_test(test_good_connection_sends),
		cmocka_unit_test(test_ladder),
		cmocka_unit_test(test_waits_for_tls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
