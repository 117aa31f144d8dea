/* Mail of one organisation for another is judged by the other whenever it is about to be handed
 * over: what was a way out at reception may be none any more when it is delivered. */
#include "core/policy/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char config_text[] =
	"organisations: [{name: a}, {name: b, reject_direct_send: true}]\n"
	"domains:\n"
	"  - {name: a.example, organisation: a, delivery: 'lmtp:unix:/run/a'}\n"
	"  - {name: b.example, organisation: b, delivery: 'lmtp:unix:/run/b'}\n"
	"connectors:\n"
	"  - {name: own, organisation: a, type: on-premises, inbound: {certificate_name: "
	"mx.a.example}}\n"
	"  - {name: out, organisation: a, outbound: {recipient_domains: [b.example], smart_hosts: "
	"[relay.a.example]}}\n"
	"  - {name: mx, organisation: a, outbound: {rule_scoped: true}}\n"
	"  - {name: from-a, organisation: b, inbound: {sender_domains: [strict.example], "
	"certificate_name: mx.a.example, restrict_to_certificate: true}}\n"
	"rules:\n"
	"  - {name: inside, organisation: a, header: X-Inside, connector: mx}\n";

static struct policy_snapshot *snapshot_of(const char *text)
{
	struct arena *arena = arena_new();
	struct model_config config;
	struct policy_snapshot *snapshot = NULL;
	struct err_info info = {.text = ""};
	json_t *json = NULL;

	if (model_parse_yaml(str_of(text), &json, &info) != ERR_OK ||
		record_from_json(&model_config_desc, json, "", arena, &config, &info) != ERR_OK ||
		model_check(&config, &info) != ERR_OK)
		fail_msg("%s", info.text);
	snapshot = policy_snapshot_new(&config, 1);
	json_decref(json);
	arena_free(&arena);
	return snapshot;
}

struct question {
	const char *sender, *connector, *label;
	enum policy_outcome outcome;
	enum policy_route_type type;
};

static void expect(
	const struct policy_snapshot *snapshot, const struct question *q, struct arena *arena)
{
	const char *labels[] = {q->label};
	struct policy_mail mail = {.organisation = "a",
		.connector = q->connector,
		.sender = q->sender,
		.labels = {labels, q->label != NULL}};
	struct policy_outbound out;

	policy_outbound(snapshot, &mail, str_of("u@b.example"), arena, &out);
	if (out.outcome != q->outcome || out.type != q->type)
		fail_msg("<%s> by %s: %s, %s", q->sender, q->connector,
			policy_outcome_row(out.outcome)->token, out.text);
	if (out.type == POLICY_ROUTE_REFUSE) {
		/* Both are for the organisation that sends. */
		assert_null(strstr(out.text, "from-a"));
		assert_null(strstr(out.reply, "from-a"));
	}
}

static void test_judged_at_the_door(void **state)
{
	static const struct question questions[] = {
		/* It leaves, and comes in again. */
		{"ceo@b.example", "own", NULL, POLICY_OK, POLICY_ROUTE_HOSTS},
		{"x@strict.example", "own", NULL, POLICY_OK, POLICY_ROUTE_HOSTS},
		/* A header, looked at after the recipients were judged, keeps it inside. */
		{"ceo@b.example", "own", "a/inside", POLICY_DIRECT_SEND, POLICY_ROUTE_REFUSE},
		{"x@strict.example", "own", "a/inside", POLICY_NO_CLIENT_CERTIFICATE,
			POLICY_ROUTE_REFUSE},
		{"x@a.example", "own", "a/inside", POLICY_OK, POLICY_ROUTE_LMTP},
		{"", "own", "a/inside", POLICY_OK, POLICY_ROUTE_LMTP},
		/* A notice made here came by no connector, and is nobody's mail. */
		{"", NULL, "a/inside", POLICY_OK, POLICY_ROUTE_LMTP},
	};
	struct policy_snapshot *snapshot = snapshot_of(config_text);
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(questions); i++)
		expect(snapshot, &questions[i], arena);
	arena_free(&arena);
	policy_snapshot_free(&snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_judged_at_the_door)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
