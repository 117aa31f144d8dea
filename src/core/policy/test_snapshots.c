/*
 * Who mail is from, pinned as text.  The cases stand here, the configuration in config.yaml, the
 * answers in inbound.txt beside it: read the answers when they change.
 */
#include "core/policy/test_pinned.h"

static struct policy_snapshot *snapshot;

static int setup(void **state)
{
	(void)state;
	snapshot = pinned_config("config.yaml");
	return snapshot != NULL ? 0 : -1;
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
	{"the organisation's anchors trust", "198.51.100.1", "mail.ward.example", "a@ward.example",
		"b@far.example", true, OWN, CERT_UNTRUSTED_ROOT},
	{"the organisation's anchors count, not the system's", "198.51.100.1", "mail.ward.example",
		"a@ward.example", "b@far.example", true, SYSTEM, CERT_UNTRUSTED_ROOT},
	{"own anchors count, not the organisation's", "198.51.100.1", "own.ward.example",
		"a@ward.example", "b@far.example", true, OWN, CERT_UNTRUSTED_ROOT},
	{"own anchors trust, where the organisation has some", "198.51.100.1", "own.ward.example",
		"a@ward.example", "b@far.example", true, BANK, CERT_UNTRUSTED_ROOT},
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
			pinned_facts(names, &facts, arena);
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
	pinned_compare("inbound.txt", &out);
	buf_free(&out);
	arena_free(&arena);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inbound),
	};

	pinned_begin(argc, argv);
	return cmocka_run_group_tests(tests, setup, teardown);
}
