/*
 * Decisions pinned as text.  The cases stand here, the configuration in config.yaml, the answers in
 * *.txt beside it: read the answers when they change.  With SEALPOST_REWRITE set the files are
 * written anew instead of compared.
 */
#include "core/policy/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *directory;
static struct policy_snapshot *snapshot;

static struct str read_file(const char *name, struct arena *arena)
{
	char *text = arena_alloc(arena, 1 << 20);
	FILE *f = fopen(arena_format(arena, "%s/%s", directory, name), "r");
	size_t n = f != NULL ? fread(text, 1, (1 << 20) - 1, f) : 0;

	if (f != NULL)
		fclose(f);
	return str_make(text, n);
}

static void compare(const char *name, struct buf *got)
{
	struct arena *arena = arena_new();
	const char *path = arena_format(arena, "%s/%s", directory, name);
	FILE *f;

	assert_false(got->failed);
	if (getenv("SEALPOST_REWRITE") != NULL) {
		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(buf_text(got), 1, buf_length(got), f), buf_length(got));
		fclose(f);
	}
	assert_string_equal(buf_text(got), read_file(name, arena).p);
	arena_free(&arena);
}

static int setup(void **state)
{
	struct arena *arena = arena_new();
	struct model_config config;
	struct err_info info = {.text = ""};
	json_t *json = NULL;
	enum err e;

	(void)state;
	e = model_parse_yaml(read_file("config.yaml", arena), &json, &info);
	if (e == ERR_OK)
		e = record_from_json(&model_config_desc, json, "", arena, &config, &info);
	if (e == ERR_OK)
		e = model_check(&config, &info);
	if (e != ERR_OK)
		print_error("%s\n", info.text);
	else
		snapshot = policy_snapshot_new(&config, 1);
	json_decref(json);
	arena_free(&arena);
	return e == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	policy_snapshot_free(&snapshot);
	return 0;
}

/* ---- inbound ----------------------------------------------------------------------------------
 */

enum verdicts { SYSTEM = 1, OWN = 2, BANK = 4 }; /* who trusts the chain */

static const struct {
	const char *name, *address, *certificate, *sender, *recipient;
	bool is_tls;
	int trusted; /* enum verdicts */
	int verdict; /* of those that do not trust */
} inbound_cases[] = {
	/* Exchange's table: certificate, connector and accepted domain agree. */
	{"own server by certificate may relay", "198.51.100.1", "mail.contoso.example",
		"a@contoso.example", "b@far.example", true, SYSTEM, CERT_SELF_SIGNED},
	{"own server by certificate, null sender", "198.51.100.1", "mail.contoso.example", "",
		"b@far.example", true, SYSTEM, CERT_SELF_SIGNED},
	{"own server by certificate, foreign sender, other organisation's recipient",
		"198.51.100.1", "mail.contoso.example", "a@elsewhere.example", "b@fabrikam.example",
		true, SYSTEM, CERT_SELF_SIGNED},
	{"own server by certificate, address literal", "198.51.100.1", "mail.contoso.example",
		"a@contoso.example", "b@[192.0.2.9]", true, SYSTEM, CERT_SELF_SIGNED},
	{"own server's chain untrusted", "198.51.100.1", "mail.contoso.example",
		"a@contoso.example", "b@far.example", true, 0, CERT_UNTRUSTED_ROOT},
	{"wildcard does not cover two labels", "198.51.100.1", "a.b.contoso.example",
		"a@contoso.example", "b@far.example", true, SYSTEM, CERT_SELF_SIGNED},
	{"own anchors count, not the system's", "198.51.100.1", "hub.relay.contoso.example",
		"a@contoso.example", "b@far.example", true, SYSTEM, CERT_UNTRUSTED_ROOT},
	{"own anchors trust", "198.51.100.1", "hub.relay.contoso.example", "a@contoso.example",
		"b@far.example", true, OWN, CERT_UNTRUSTED_ROOT},
	{"certificate of a domain that is not accepted", "198.51.100.1", "mail.elsewhere.example",
		"a@clinic.example", "b@far.example", true, SYSTEM, CERT_SELF_SIGNED},
	{"exact name beats another organisation's wildcard", "198.51.100.1",
		"gateway.shared.example", "a@contoso.example", "b@far.example", true, SYSTEM,
		CERT_SELF_SIGNED},
	{"names of two organisations are ambiguous", "198.51.100.1",
		"mail.contoso.example mail.shared.example", "a@contoso.example", "b@far.example",
		true, SYSTEM, CERT_SELF_SIGNED},
	{"ambiguous certificate, recipient accepted: incoming", "198.51.100.1",
		"mail.contoso.example mail.shared.example", "a@far.example", "b@fabrikam.example",
		true, SYSTEM, CERT_SELF_SIGNED},
	{"certificate and addresses both asked, both there", "203.0.113.7", "both.fabrikam.example",
		"a@fabrikam.example", "b@far.example", true, SYSTEM, CERT_SELF_SIGNED},
	{"certificate and addresses both asked, other address", "203.0.113.8",
		"both.fabrikam.example", "a@fabrikam.example", "b@far.example", true, SYSTEM,
		CERT_SELF_SIGNED},
	{"certificate and addresses both asked, no certificate", "203.0.113.7", NULL,
		"a@fabrikam.example", "b@far.example", true, 0, CERT_NONE},
	{"own server by address may relay", "192.0.2.5", NULL, "a@contoso.example", "b@far.example",
		false, 0, CERT_NONE},
	{"own server by IPv6 address", "2001:db8::5", NULL, "a@x.relay.contoso.example",
		"b@far.example", false, 0, CERT_NONE},
	{"own server by address, foreign sender", "192.0.2.5", NULL, "a@far.example",
		"b@far.example", false, 0, CERT_NONE},
	{"own server by address, null sender", "192.0.2.5", NULL, "", "b@far.example", false, 0,
		CERT_NONE},
	{"own server by address, longer prefix asks for TLS", "192.0.2.200", NULL,
		"a@contoso.example", "b@far.example", false, 0, CERT_NONE},
	{"own server by address, longer prefix asks for TLS and has it", "192.0.2.200", NULL,
		"a@contoso.example", "b@far.example", true, 0, CERT_NONE},
	/* No connector. */
	{"anonymous in clear", "198.51.100.1", NULL, "a@far.example", "b@contoso.example", false, 0,
		CERT_NONE},
	{"anonymous null sender", "198.51.100.1", NULL, "", "b@contoso.example", true, 0,
		CERT_NONE},
	{"anonymous to a subdomain", "198.51.100.1", NULL, "a@far.example",
		"b@deep.down.fabrikam.example", true, 0, CERT_NONE},
	{"subdomain where none are accepted", "198.51.100.1", NULL, "a@far.example",
		"b@sub.contoso.example", true, 0, CERT_NONE},
	{"relay denied", "198.51.100.1", NULL, "a@far.example", "b@elsewhere.example", true, 0,
		CERT_NONE},
	{"address literal denied", "198.51.100.1", NULL, "a@far.example", "b@[IPv6:2001:db8::1]",
		true, 0, CERT_NONE},
	{"own domain from a stranger", "198.51.100.1", NULL, "a@contoso.example",
		"b@contoso.example", true, 0, CERT_NONE},
	{"own domain of another organisation", "198.51.100.1", NULL, "a@fabrikam.example",
		"b@contoso.example", true, 0, CERT_NONE},
	{"not a mailbox", "198.51.100.1", NULL, "a@far.example", "postmaster", true, 0, CERT_NONE},
	{"sender in wide letters is the partner all the same", "198.51.100.1", NULL,
		"a@\xef\xbd\x94ls.example", "b@contoso.example", false, 0, CERT_NONE},
	{"sender whose domain is no name", "198.51.100.1", NULL, "a@tls.1", "b@contoso.example",
		true, 0, CERT_NONE},
	{"sender is no mailbox", "198.51.100.1", NULL, "nonsense", "b@contoso.example", true, 0,
		CERT_NONE},
	/* Partners. */
	{"partner requires TLS, clear", "198.51.100.1", NULL, "a@tls.example", "b@contoso.example",
		false, 0, CERT_NONE},
	{"partner requires TLS, has it", "198.51.100.1", NULL, "a@TLS.example", "b@Contoso.Example",
		true, 0, CERT_NONE},
	{"partner requires TLS and name, no certificate", "198.51.100.1", NULL, "a@named.example",
		"b@contoso.example", true, 0, CERT_NONE},
	{"partner requires TLS and name, clear", "198.51.100.1", NULL, "a@named.example",
		"b@contoso.example", false, 0, CERT_NONE},
	{"partner requires TLS and name, other name", "198.51.100.1", "mx.other.example",
		"a@named.example", "b@contoso.example", true, SYSTEM, CERT_NONE},
	{"partner requires TLS and name, expired", "198.51.100.1", "mx.named.example",
		"a@named.example", "b@contoso.example", true, 0, CERT_EXPIRED},
	{"partner requires TLS and name, fine", "198.51.100.1", "mx.named.example",
		"a@named.example", "b@contoso.example", true, SYSTEM, CERT_EXPIRED},
	{"restricted to certificate, own anchors", "198.51.100.1", "mx.bank.example",
		"a@bank.example", "b@contoso.example", true, BANK, CERT_UNTRUSTED_ROOT},
	{"restricted to certificate, only the system trusts", "198.51.100.1", "mx.bank.example",
		"a@bank.example", "b@contoso.example", true, SYSTEM, CERT_UNTRUSTED_ROOT},
	{"restricted to certificate, subdomain, self-signed", "198.51.100.1", "mx.bank.example",
		"a@deep.down.bank.example", "b@contoso.example", true, 0, CERT_SELF_SIGNED},
	{"restricted to certificate, none presented, lax connector beside", "198.51.100.1", NULL,
		"a@bank.example", "b@contoso.example", true, 0, CERT_NONE},
	{"restricted to addresses, met", "198.51.100.77", NULL, "a@range.example",
		"b@contoso.example", false, 0, CERT_NONE},
	{"restricted to addresses, the other connector's are met", "203.0.113.1", NULL,
		"a@range.example", "b@contoso.example", false, 0, CERT_NONE},
	{"restricted to addresses, not met", "192.0.2.250", NULL, "a@range.example",
		"b@contoso.example", false, 0, CERT_NONE},
	{"restricted to addresses, address unknown", NULL, NULL, "a@range.example",
		"b@contoso.example", false, 0, CERT_NONE},
	{"only from the gateway", "198.51.100.9", NULL, "a@far.example", "b@clinic.example", true,
		0, CERT_NONE},
	{"past the gateway", "198.51.100.10", NULL, "a@far.example", "b@clinic.example", true, 0,
		CERT_NONE},
	{"past the gateway, null sender", "198.51.100.10", NULL, "", "b@clinic.example", true, 0,
		CERT_NONE},
	{"disabled connector", "198.51.100.1", NULL, "a@off.example", "b@contoso.example", false, 0,
		CERT_NONE},
	{"another organisation's partner is no partner here", "198.51.100.1", NULL,
		"a@bank.example", "b@fabrikam.example", false, 0, CERT_NONE},
};

static void make_facts(const char *names, struct cert_facts *facts, struct arena *arena)
{
	struct str rest = str_of(names);

	*facts = (struct cert_facts){.subject = "CN=leaf", .issuer = "CN=ca", .has_san = true};
	facts->names.items = arena_array(arena, 8, sizeof(char *));
	while (rest.n > 0)
		facts->names.items[facts->names.count++] =
			arena_text_of(arena, str_cut(&rest, ' '));
}

/* As the process does: ask which anchors count, state a verdict for each. */
static void state_trust(struct policy_peer *peer, int trusted, int verdict, struct arena *arena)
{
	const struct policy_profile *const *profiles;
	size_t count = policy_trust_wanted(snapshot, peer->certificate, arena, &profiles);
	struct policy_trust *trust = arena_array(arena, count, sizeof(*trust));

	for (size_t i = 0; i < count; i++) {
		const char *anchors = profiles[i]->anchors;
		int who = anchors == NULL ? SYSTEM : strstr(anchors, "QUJD") != NULL ? OWN : BANK;

		trust[i].profile = profiles[i];
		trust[i].verdict = trusted & who ? CERT_TRUSTED : verdict;
	}
	peer->trust = trust;
	peer->trust_count = count;
}

static void test_inbound(void **state)
{
	struct arena *arena = arena_new();
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < ARRAY_LENGTH(inbound_cases); i++) {
		struct policy_peer peer = {.is_tls = inbound_cases[i].is_tls};
		const char *names = inbound_cases[i].certificate;
		struct policy_inbound answer;
		struct cert_facts facts;

		peer.tls_version = peer.is_tls ? "TLSv1.3" : NULL;
		if (inbound_cases[i].address != NULL)
			peer.has_address =
				model_parse_prefix(str_of(inbound_cases[i].address), &peer.address);
		if (names != NULL) {
			make_facts(names, &facts, arena);
			peer.certificate = &facts;
			state_trust(
				&peer, inbound_cases[i].trusted, inbound_cases[i].verdict, arena);
		}
		buf_format(&out, "== %s\n# from %s, %s, certificate %s, <%s> to <%s>\n",
			inbound_cases[i].name,
			inbound_cases[i].address != NULL ? inbound_cases[i].address : "nowhere",
			peer.is_tls ? "TLS" : "clear", names != NULL ? names : "none",
			inbound_cases[i].sender, inbound_cases[i].recipient);
		policy_attribute(snapshot, &peer, str_of(inbound_cases[i].sender),
			str_of(inbound_cases[i].recipient), arena, &answer);
		policy_explain_inbound(&answer, &out);
		buf_put_text(&out, "\n");
	}
	compare("inbound.txt", &out);
	buf_free(&out);
	arena_free(&arena);
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
	compare("outbound.txt", &out);
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
			make_facts(hop_cases[i].names, &facts, arena);
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
	compare("hops.txt", &out);
	buf_free(&out);
	arena_free(&arena);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inbound),
		cmocka_unit_test(test_outbound),
		cmocka_unit_test(test_hops),
	};

	directory = argc > 1 ? argv[1] : "tests/snapshots/policy";
	return cmocka_run_group_tests(tests, setup, teardown);
}
