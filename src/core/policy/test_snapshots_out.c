/*
 * Where mail goes and what the way must prove, pinned as text.  The cases stand here, the
 * configurations in outbound.yaml and hybrid.yaml, the answers in outbound.txt, routes.txt,
 * demands.txt and hops.txt beside them: read the answers when they change.
 */
#include "core/policy/test_pinned.h"

static struct policy_snapshot *snapshot, *hybrid;

static int setup(void **state)
{
	(void)state;
	snapshot = pinned_config("outbound.yaml");
	hybrid = pinned_config("hybrid.yaml");
	return snapshot != NULL && hybrid != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	policy_snapshot_free(&snapshot);
	policy_snapshot_free(&hybrid);
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
	{"SMTP delivery, minimum of both", "strict", "b@fabrikam.example"},
	{"accepted without delivery: all accepted domains", NULL, "b@relay.contoso.example"},
	{"the same with a stricter sender", "strict", "b@x.relay.contoso.example"},
	{"to another organisation by the connector for everything", "clinic", "b@fabrikam.example"},
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

/* ---- directory, rules, centralised transport, loops, between organisations --------------------
 */

static const char *const secret[] = {"contoso/e-secret", "contoso/f-secret"};

static const struct {
	const char *name;
	struct policy_mail mail;
	const char *recipient;
} route_cases[] = {
	/* The directory. */
	{"listed as here", {.sender = "a@far.example"}, "Anna@Contoso.example"},
	{"listed as here, with a tag", {.sender = "a@far.example"}, "anna+news@contoso.example"},
	{"listed as here, quoted", {.sender = "a@far.example"}, "\"A\\nna\"@contoso.example"},
	{"listed with a tag of its own", {.sender = "a@far.example"}, "bob+news@strict.example"},
	{"listed as on-premises", {.sender = "a@far.example"}, "otto@contoso.example"},
	{"listed in a subdomain", {.sender = "a@far.example"}, "dora@deep.contoso.example"},
	{"listed under the parent only", {.sender = "a@far.example"}, "anna@deep.contoso.example"},
	{"not listed, internal relay", {.sender = "a@far.example"}, "nobody@contoso.example"},
	{"not listed, authoritative", {.sender = "a@far.example"}, "nobody@strict.example"},
	{"not listed, authoritative, only a tag", {.sender = "a@far.example"},
		"+bob@strict.example"},
	{"not listed, authoritative, own sender", {.organisation = "contoso", .connector = "hq"},
		"nobody@strict.example"},
	{"postmaster is not listed", {.sender = "a@far.example"}, "PostMaster@strict.example"},
	{"postmaster, no delivery", {.sender = "a@far.example"}, "postmaster@onprem.example"},
	{"directory for a server of one's own", {.sender = "a@far.example"}, "list@onprem.example"},
	{"directory for a server of one's own, not listed", {.sender = "a@far.example"},
		"nobody@onprem.example"},
	{"listed as here, and no delivery", {.sender = "a@far.example"}, "lost@onprem.example"},
	/* Loops. */
	{"unlisted recipient, from on-premises", {.organisation = "contoso", .connector = "hq"},
		"nobody@contoso.example"},
	{"unlisted recipient, from another server",
		{.organisation = "contoso", .connector = "branch"}, "nobody@contoso.example"},
	{"relayed domain, from on-premises", {.organisation = "contoso", .connector = "hq"},
		"b@relay.example"},
	{"gateway that is the way back", {.connector = "gate", .sender = "a@far.example"},
		"b@gated.example"},
	{"gateway, mail past it", {.sender = "a@far.example"}, "b@gated.example"},
	{"a wildcard before all accepted domains", {.sender = "a@far.example"},
		"b@sales.relay.example"},
	/* Centralised transport. */
	{"everything via on-premises", {.organisation = "clinic"}, "b@far.example"},
	{"everything via on-premises, address literal", {.organisation = "clinic"},
		"b@[192.0.2.1]"},
	{"everything via on-premises, came from there",
		{.organisation = "clinic", .connector = "ward"}, "b@far.example"},
	{"everything via on-premises, brought by another own server",
		{.organisation = "clinic", .connector = "desk"}, "b@far.example"},
	{"everything via on-premises, more specific pattern", {.organisation = "clinic"},
		"b@x.lab.example"},
	{"everything via on-premises, own domain", {.organisation = "clinic"}, "b@clinic.example"},
	{"everything via on-premises, another organisation's domain", {.organisation = "clinic"},
		"b@local.example"},
	{"everything via on-premises, mail from outside", {.sender = "a@far.example"},
		"b@elsewhere.example"},
	{"one connector for all, from here", {.organisation = "hcw"}, "b@far.example"},
	{"one connector for all, from on-premises to outside",
		{.organisation = "hcw", .connector = "wizard"}, "b@far.example"},
	{"one connector for all, from outside", {.sender = "a@far.example"}, "b@hcw.example"},
	{"one connector for all, from on-premises to its own",
		{.organisation = "hcw", .connector = "wizard"}, "b@hcw.example"},
	/* From one organisation to another of this installation. */
	{"to another organisation, MX connector: the hop inside",
		{.organisation = "contoso", .sender = "a@relay.example"}, "b@fabrikam.example"},
	{"to another organisation, smart hosts: it leaves",
		{.organisation = "contoso", .sender = "a@relay.example"}, "b@ward.example"},
	{"to another organisation without connectors: its own way", {.organisation = "lone"},
		"b@ward.example"},
	{"to another organisation, local delivery keeps no headers", {.organisation = "lone"},
		"b@local.example"},
	{"to another organisation, a rule names an MX connector",
		{.organisation = "contoso", .sender = "mx@contoso.example"}, "b@fabrikam.example"},
	{"to another organisation, a rule names smart hosts",
		{.organisation = "contoso", .sender = "out@contoso.example"}, "b@fabrikam.example"},
	{"to another organisation, rules of both",
		{.organisation = "contoso", .sender = "legal@contoso.example"},
		"held@fabrikam.example"},
	{"from outside to the other organisation", {.sender = "a@far.example"}, "b@ward.example"},
	{"the other organisation's sender is gone", {.organisation = "gone"}, "b@ward.example"},
	/* Rules. */
	{"rule, recipient's domain: both apply, the strictest wins", {.organisation = "contoso"},
		"b@records.example"},
	{"rule, subdomain", {.organisation = "contoso"}, "b@x.y.records.example"},
	{"rule, other organisation's mail", {.organisation = "lone"}, "b@records.example"},
	{"rule, mail from outside has none", {.sender = "a@far.example"}, "b@records.example"},
	{"rule, sender's address: held",
		{.organisation = "contoso", .sender = "Legal@contoso.example"}, "b@far.example"},
	{"rule, sender's address with a tag: held",
		{.organisation = "contoso", .sender = "legal+x@contoso.example"}, "b@far.example"},
	{"rule, another sender", {.organisation = "contoso", .sender = "illegal@contoso.example"},
		"b@far.example"},
	{"rule, size not known yet", {.organisation = "contoso"}, "b@far.example"},
	{"rule, size at the border", {.organisation = "contoso", .size = 10485760},
		"b@far.example"},
	{"rule, too large", {.organisation = "contoso", .size = 10485761}, "b@far.example"},
	{"rule, header: the first by name routes",
		{.organisation = "contoso", .labels = {(const char **)(void *)secret, 2}},
		"b@far.example"},
	{"rule, header: the one before came in by it",
		{.organisation = "contoso",
			.connector = "dlp",
			.labels = {(const char **)(void *)(secret + 1), 1}},
		"b@far.example"},
	{"rule, header, local recipient stays here",
		{.organisation = "contoso", .labels = {(const char **)(void *)secret, 2}},
		"anna@contoso.example"},
	{"rule routes to an appliance", {.organisation = "contoso", .connector = "hq"},
		"b@checked.example"},
	{"rule routes to an appliance, back from it",
		{.organisation = "contoso", .connector = "dlp"}, "b@checked.example"},
	{"rule routes, recipient on-premises", {.sender = "a@far.example"}, "otto@contoso.example"},
	{"rule, null sender", {.organisation = "contoso", .sender = ""}, "b@nobounce.example"},
	{"rule, null sender, somebody's mail",
		{.organisation = "contoso", .sender = "a@contoso.example"}, "b@nobounce.example"},
	{"rule, \"*\" covers the null sender", {.organisation = "contoso", .sender = ""},
		"b@x.everyone.example"},
	{"rule, internal, on-premises recipient",
		{.organisation = "contoso", .sender = "anna@contoso.example"},
		"nobody@contoso.example"},
	{"rule, internal, local recipient: needs no TLS",
		{.organisation = "contoso", .sender = "anna@contoso.example"},
		"anna@contoso.example"},
	{"rule, incoming", {.sender = "x@sub.spam.example"}, "anna@contoso.example"},
	{"rule, incoming, mail of one's own",
		{.organisation = "contoso", .sender = "x@spam.example"}, "anna@contoso.example"},
	{"rule in report mode", {.organisation = "contoso"}, "b@watched.example"},
	{"rule in report mode does not route",
		{.organisation = "contoso", .sender = "anna@contoso.example"}, "b@trial.example"},
	{"rule, hold and refuse: refuse wins", {.organisation = "contoso"}, "b@both.example"},
	{"rule names a disabled connector", {.organisation = "contoso"}, "b@broken.example"},
	{"rule of the recipient, delivered here", {.sender = "a@far.example"}, "b@local.example"},
	/* Demands. */
	{"pins, groups, version, name: returned when unmet", {.organisation = "contoso"},
		"b@bank.example"},
	{"pinned without a chain", {.organisation = "contoso"}, "b@pinned.example"},
	{"report mode demands nothing", {.organisation = "contoso"}, "b@trial.example"},
	{"report mode, and the organisation's minimum holds", {.organisation = "fabrikam"},
		"b@trial.example"},
	{"level none: version and groups do not count", {.organisation = "contoso"},
		"b@easy.example"},
	/* A connector to try out. */
	{"via", {.organisation = "contoso", .via = "contoso/bank"}, "b@far.example"},
	{"via, without an organisation", {.via = "contoso/scoped"}, "b@far.example"},
	{"via, recipient of one's own", {.organisation = "contoso", .via = "contoso/bank"},
		"nobody@strict.example"},
	{"via, a rule asks for more", {.organisation = "contoso", .via = "contoso/easy"},
		"b@records.example"},
	{"via, a rule refuses", {.organisation = "contoso", .via = "contoso/bank"},
		"b@both.example"},
	{"via, disabled", {.organisation = "contoso", .via = "contoso/scoped-off"},
		"b@far.example"},
	{"via, no such connector", {.organisation = "contoso", .via = "contoso/none"},
		"b@far.example"},
	{"via, inbound half only", {.organisation = "contoso", .via = "contoso/branch"},
		"b@far.example"},
	{"via, another organisation's connector", {.organisation = "lone", .via = "contoso/bank"},
		"b@far.example"},
	{"via, malformed", {.organisation = "contoso", .via = "bank"}, "b@far.example"},
};

static const char *or_none(const char *text)
{
	return text != NULL ? text : "none";
}

static void test_routes(void **state)
{
	struct arena *arena = arena_new();
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < ARRAY_LENGTH(route_cases); i++) {
		const struct policy_mail *mail = &route_cases[i].mail;
		struct policy_outbound answer;

		buf_format(&out, "== %s\n# %s, connector %s, from <%s>", route_cases[i].name,
			mail->organisation != NULL ? mail->organisation : "outside",
			or_none(mail->connector), mail->sender != NULL ? mail->sender : "");
		buf_format(&out, " to <%s>, size %lld, %zu labels, via %s\n",
			route_cases[i].recipient, (long long)mail->size, mail->labels.count,
			or_none(mail->via));
		policy_outbound(hybrid, mail, str_of(route_cases[i].recipient), arena, &answer);
		policy_explain_outbound(&answer, &out);
		buf_put_text(&out, "\n");
	}
	pinned_compare("routes.txt", &out);
	buf_free(&out);
	arena_free(&arena);
}

/* ---- labels: which header fields the rules look for -------------------------------------------
 */

static void test_labels(void **state)
{
	static const struct {
		const char *organisation, *name, *value;
		size_t count; /* of the labels after this field */
	} fields[] = {
		{"contoso", "Subject", "secret", 0},
		{"contoso", "X-Classification", "public", 0},
		{"fabrikam", "X-Classification", "secret", 0},
		{"nobody", "X-Classification", "secret", 0},
		{"contoso", "x-CLASSIFICATION", "top SECRET, really", 2},
		{"contoso", "X-Classification", "secret", 2},
	};
	struct record_texts labels = {0};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
		const char *organisations[] = {fields[i].organisation};
		struct record_texts list = {organisations, 1};

		policy_labels_add(hybrid, &list, str_of(fields[i].name), str_of(fields[i].value),
			arena, &labels);
		assert_int_equal(labels.count, fields[i].count);
	}
	assert_string_equal(labels.items[0], secret[0]);
	assert_string_equal(labels.items[1], secret[1]);
	arena_free(&arena);
}

/* ---- demands: real routes against real hops ---------------------------------------------------
 */

static const struct {
	const char *organisation, *recipient;
} demanding[] = {
	{"contoso", "b@bank.example"},
	{"contoso", "b@pinned.example"},
	{"contoso", "b@trial.example"},
	{"fabrikam", "b@trial.example"},
	{"contoso", "b@easy.example"},
	{"contoso", "b@watched.example"},
};

#define PIN_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PIN_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static const struct {
	const char *name;
	struct policy_hop hop;
	const char *pin; /* NULL: no certificate */
	const char *names;
} demand_cases[] = {
	{"everything fits",
		{.host = "mx.trial.example",
			.is_tls = true,
			.version = "TLSv1.3",
			.group = "X25519",
			.verdict = CERT_TRUSTED},
		PIN_A, "mx1.bank.example mx.trial.example pinned.example"},
	{"other key",
		{.host = "mx.trial.example",
			.is_tls = true,
			.version = "TLSv1.3",
			.group = "x25519",
			.verdict = CERT_TRUSTED},
		PIN_C, "mx1.bank.example mx.trial.example"},
	{"TLS 1.2",
		{.host = "mx.trial.example",
			.is_tls = true,
			.version = "TLSv1.2",
			.group = "x25519",
			.verdict = CERT_TRUSTED},
		PIN_A, "mx1.bank.example mx.trial.example"},
	{"other group",
		{.host = "mx.trial.example",
			.is_tls = true,
			.version = "TLSv1.3",
			.group = "secp256r1",
			.verdict = CERT_TRUSTED},
		PIN_A, "mx1.bank.example mx.trial.example"},
	{"group and version not known",
		{.host = "mx.trial.example", .is_tls = true, .verdict = CERT_TRUSTED}, PIN_A,
		"mx1.bank.example mx.trial.example"},
	{"no certificate",
		{.host = "mx.trial.example",
			.is_tls = true,
			.version = "TLSv1.3",
			.group = "x25519"},
		NULL, NULL},
	{"self-signed with that key",
		{.host = "mx.trial.example",
			.is_tls = true,
			.version = "TLSv1.3",
			.group = "x25519",
			.verdict = CERT_SELF_SIGNED},
		PIN_A, "mx1.bank.example mx.trial.example"},
	{"revocation unknown",
		{.host = "mx.trial.example",
			.is_tls = true,
			.version = "TLSv1.3",
			.group = "x25519",
			.verdict = CERT_REVOCATION_UNKNOWN,
			.detail = "no list of this issuer"},
		PIN_A, "mx1.bank.example mx.trial.example"},
	{"other name",
		{.host = "mx.trial.example",
			.is_tls = true,
			.version = "TLSv1.3",
			.group = "x25519",
			.verdict = CERT_TRUSTED},
		PIN_A, "www.example"},
	{"a wildcard covers one label",
		{.host = "mx.trial.example",
			.is_tls = true,
			.version = "TLSv1.3",
			.group = "x25519",
			.verdict = CERT_TRUSTED},
		PIN_A, "a.mx.bank.example a.mx.trial.example"},
	{"a wildcard does not cover its parent",
		{.host = "mx.trial.example",
			.is_tls = true,
			.version = "TLSv1.3",
			.group = "x25519",
			.verdict = CERT_TRUSTED},
		PIN_A, "bank.example trial.example"},
	{"a wildcard is presented",
		{.host = "mx.trial.example",
			.is_tls = true,
			.version = "TLSv1.3",
			.group = "x25519",
			.verdict = CERT_TRUSTED},
		PIN_A, "*.bank.example *.trial.example"},
	{"clear", {.host = "mx.trial.example"}, NULL, NULL},
	{"handshake failed",
		{.host = "mx.trial.example",
			.starttls_offered = true,
			.handshake_failed = true,
			.detail = "alert: handshake failure"},
		NULL, NULL},
};

static void test_demands(void **state)
{
	struct arena *arena = arena_new();
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < ARRAY_LENGTH(demanding) * ARRAY_LENGTH(demand_cases); i++) {
		size_t way = i / ARRAY_LENGTH(demand_cases);
		size_t k = i % ARRAY_LENGTH(demand_cases);
		struct policy_hop hop = demand_cases[k].hop;
		struct policy_outbound route;
		struct policy_check check;
		struct cert_facts facts;

		if (demand_cases[k].pin != NULL) {
			pinned_facts(demand_cases[k].names, &facts, arena);
			facts.spki_sha256 = demand_cases[k].pin;
			hop.certificate = &facts;
			hop.chain_length = 1;
		}
		policy_outbound(hybrid,
			&(struct policy_mail){.organisation = demanding[way].organisation},
			str_of(demanding[way].recipient), arena, &route);
		policy_hop_check(&route, &hop, arena, &check);
		buf_format(&out, "== %s to %s, %s\n", demanding[way].organisation,
			demanding[way].recipient, demand_cases[k].name);
		policy_explain_check(&check, &out);
		buf_put_text(&out, "\n");
	}
	pinned_compare("demands.txt", &out);
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
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_demands),
		cmocka_unit_test(test_hops),
	};

	pinned_begin(argc, argv);
	return cmocka_run_group_tests(tests, setup, teardown);
}
