/*
 * Where mail goes and what the way must prove, pinned as text.  The cases stand here, the
 * configuration in outbound.yaml, the answers in outbound.txt and hops.txt beside it: read the
 * answers when they change.
 */
#include "core/policy/test_pinned.h"

static struct policy_snapshot *snapshot;

static int setup(void **state)
{
	(void)state;
	snapshot = pinned_config("outbound.yaml");
	return snapshot != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	policy_snapshot_free(&snapshot);
	return 0;
}

/* ---- outbound ---------------------------------------------------------------------------------
 */

static const struct {
	const char *name, *organisation, *recipient;
} outbound_cases[] = {
	{"nothing configured", NULL, "b@far.example"},
	{"default of an organisation", "contoso", "b@far.example"},
	{"default under a minimum", "fabrikam", "b@far.example"},
	{"exact domain, smart host, name", "contoso", "b@bank.example"},
	{"wildcard subdomain", "contoso", "b@x.y.bank.example"},
	{"longest wildcard", "contoso", "b@x.deep.bank.example"},
	{"wildcard of itself", "contoso", "b@deep.bank.example"},
	{"encryption only, by MX", "contoso", "b@tls.example"},
	{"name without tls_domain by MX: the recipient's domain", "contoso", "b@named.example"},
	{"equal patterns: lowest cost", "contoso", "b@range.example"},
	{"disabled", "contoso", "b@off.example"},
	{"another organisation's connector", "fabrikam", "b@bank.example"},
	{"mail from outside takes no connector", NULL, "b@bank.example"},
	{"Maildir", NULL, "Bob@contoso.example"},
	{"Maildir, dangerous local part", NULL, "\"../../etc/.x y\"@contoso.example"},
	{"Maildir, quoted without need", NULL, "\"B\\ob\"@contoso.example"},
	{"Maildir, dot behind a backslash", NULL, "\"\\..\\/x\"@contoso.example"},
	{"Maildir, leading dots", NULL, "..@contoso.example"},
	{"LMTP by socket", NULL, "b@gateway.shared.example"},
	{"LMTP by address", "contoso", "b@shared.example"},
	{"SMTP delivery, minimum of the receiving organisation", NULL, "b@sub.fabrikam.example"},
	{"SMTP delivery, minimum of both", "clinic", "b@fabrikam.example"},
	{"accepted without delivery: all accepted domains", NULL, "b@relay.contoso.example"},
	{"the same with a stricter sender", "clinic", "b@x.relay.contoso.example"},
	{"all accepted domains before everything", NULL, "b@clinic.example"},
	{"everything else, organisation's minimum above the connector's", "clinic",
		"b@far.example"},
	{"everything, address literal", "clinic", "b@[192.0.2.1]"},
	{"address literal", "contoso", "b@[IPv6:2001:db8::1]"},
	{"organisation no longer configured", "gone", "b@far.example"},
	{"internationalised domain", NULL,
		"b@b\xc3\xbc"
		"cher.example"},
	{"not a mailbox", NULL, "nonsense"},
};

static void test_outbound(void **state)
{
	struct arena *arena = arena_new();
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < ARRAY_LENGTH(outbound_cases); i++) {
		const char *organisation = outbound_cases[i].organisation;
		struct policy_outbound answer;

		buf_format(&out, "== %s\n# %s to <%s>\n", outbound_cases[i].name,
			organisation != NULL ? organisation : "outside",
			outbound_cases[i].recipient);
		policy_outbound(snapshot, &(struct policy_mail){.organisation = organisation},
			str_of(outbound_cases[i].recipient), arena, &answer);
		policy_explain_outbound(&answer, &out);
		buf_put_text(&out, "\n");
	}
	pinned_compare("outbound.txt", &out);
	buf_free(&out);
	arena_free(&arena);
}

/* ---- hops: every level against every state of the connection ----------------------------------
 */

static const struct {
	const char *name;
	struct policy_hop hop;
	const char *names;
} hop_cases[] = {
	{"no STARTTLS", {.host = "mx.p.example"}, NULL},
	{"STARTTLS refused",
		{.host = "mx.p.example", .starttls_offered = true, .starttls_refused = true}, NULL},
	{"version too old",
		{.host = "mx.p.example",
			.starttls_offered = true,
			.handshake_failed = true,
			.version_too_old = true,
			.detail = "unsupported protocol"},
		NULL},
	{"handshake failed",
		{.host = "mx.p.example",
			.starttls_offered = true,
			.handshake_failed = true,
			.detail = "alert: handshake failure"},
		NULL},
	{"not attempted", {.host = "mx.p.example", .starttls_offered = true}, NULL},
	{"contradiction: TLS and a failed handshake",
		{.host = "mx.p.example", .is_tls = true, .handshake_failed = true}, "mx.p.example"},
	{"no certificate", {.host = "mx.p.example", .is_tls = true, .verdict = CERT_NONE}, NULL},
	{"self-signed", {.host = "mx.p.example", .is_tls = true, .verdict = CERT_SELF_SIGNED},
		"mx.p.example"},
	{"untrusted root", {.host = "mx.p.example", .is_tls = true, .verdict = CERT_UNTRUSTED_ROOT},
		"mx.p.example"},
	{"missing intermediate",
		{.host = "mx.p.example",
			.is_tls = true,
			.chain_length = 1,
			.verdict = CERT_MISSING_INTERMEDIATE},
		"mx.p.example"},
	{"expired", {.host = "mx.p.example", .is_tls = true, .verdict = CERT_EXPIRED},
		"mx.p.example"},
	{"not yet valid", {.host = "mx.p.example", .is_tls = true, .verdict = CERT_NOT_YET_VALID},
		"mx.p.example"},
	{"revoked", {.host = "mx.p.example", .is_tls = true, .verdict = CERT_REVOKED},
		"mx.p.example"},
	{"revocation unknown",
		{.host = "mx.p.example", .is_tls = true, .verdict = CERT_REVOCATION_UNKNOWN},
		"mx.p.example"},
	{"purpose", {.host = "mx.p.example", .is_tls = true, .verdict = CERT_PURPOSE},
		"mx.p.example"},
	{"weak", {.host = "mx.p.example", .is_tls = true, .verdict = CERT_WEAK}, "mx.p.example"},
	{"invalid", {.host = "mx.p.example", .is_tls = true, .verdict = CERT_INVALID},
		"mx.p.example"},
	{"a verdict out of range", {.host = "mx.p.example", .is_tls = true, .verdict = 99},
		"mx.p.example"},
	{"other name", {.host = "mx.p.example", .is_tls = true, .verdict = CERT_TRUSTED},
		"www.p.example *.q.example"},
	{"fine", {.host = "mx.p.example", .is_tls = true, .verdict = CERT_TRUSTED}, "mx.p.example"},
	{"fine by wildcard", {.host = "mx.p.example", .is_tls = true, .verdict = CERT_TRUSTED},
		"*.p.example"},
	{"host is an address", {.host = "192.0.2.1", .is_tls = true, .verdict = CERT_TRUSTED},
		"mx.p.example"},
};

static void test_hops(void **state)
{
	struct arena *arena = arena_new();
	const char *by[] = {"connector c/p (name)"};
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < ARRAY_LENGTH(hop_cases); i++) {
		struct policy_hop hop = hop_cases[i].hop;
		struct cert_facts facts;

		if (hop_cases[i].names != NULL) {
			pinned_facts(hop_cases[i].names, &facts, arena);
			hop.certificate = &facts;
		}
		for (int level = 0; level < MODEL_LEVEL_MAX; level++) {
			struct policy_outbound route = {.type = POLICY_ROUTE_MX,
				.required = level,
				.required_by = {by, level > 0 ? 1 : 0},
				.anchors = "system"};
			struct policy_check check;

			policy_hop_check(&route, &hop, arena, &check);
			buf_format(&out, "== %s, required %s\n", hop_cases[i].name,
				model_level_names[level]);
			policy_explain_check(&check, &out);
			buf_put_text(&out, "\n");
		}
	}
	pinned_compare("hops.txt", &out);
	buf_free(&out);
	arena_free(&arena);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outbound),
		cmocka_unit_test(test_hops),
	};

	pinned_begin(argc, argv);
	return cmocka_run_group_tests(tests, setup, teardown);
}
