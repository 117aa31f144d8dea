/*
 * Attribution pinned as text: the decisions of the real service for mail that comes in, the traps
 * that its administrators fall into, and what is decided here where it says nothing.  The
 * configuration is attribution.yaml, the answers stand in attribution-*.txt: read them when they
 * change.
 */
#include "core/policy/test_pinned.h"

static struct policy_snapshot *snapshot;

/* What a client's certificate is like; the verdict on it depends on who asks. */
enum certificate_state {
	FINE,
	UNTRUSTED,
	LEAF_ONLY,
	SELF_SIGNED,
	EXPIRED,
	NOT_YET_VALID,
	REVOKED,	    /* matters unless revocation is off */
	REVOCATION_UNKNOWN, /* matters where revocation is required */
	SERVER_ONLY,	    /* its key usage allows serverAuth only */
};

#define PIN_A	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PIN_C	 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define TLS13	 "TLSv1.3"
#define TLS12	 "TLSv1.2"
#define STRANGER "198.51.100.1"

struct one_case {
	const char *name;
	const char *address; /* NULL: unknown */
	const char *version; /* NULL: clear */
	const char *group;
	const char *certificate; /* names, separated by spaces; NULL: none */
	const char *pin;
	int state; /* enum certificate_state */
	const char *sender;
	const char *recipients; /* of one transaction, separated by spaces */
};

/* clang-format off */
static const struct one_case own_servers[] = {
	{"certificate, connector and accepted domain agree: may relay, headers promoted", STRANGER, TLS13, "x25519",
		"mail.contoso.example", PIN_A, FINE, "a@contoso.example", "b@far.example"},
	{"the same to its own organisation", STRANGER, TLS13, "x25519",
		"mail.contoso.example", PIN_A, FINE, "a@contoso.example", "b@sub.contoso.example"},
	{"address, sender and accepted domain agree: may relay, treated as internal", "192.0.2.5", NULL, NULL,
		NULL, NULL, FINE, "a@contoso.example", "b@far.example"},
	{"certificate comes before address", "192.0.2.5", TLS13, "x25519",
		"mail.contoso.example", PIN_A, FINE, "a@contoso.example", "b@far.example"},
	{"trap: the certificate's domain is not accepted, and the sender's is foreign", STRANGER, TLS13, "x25519",
		"mail.elsewhere.example", PIN_A, FINE, "a@elsewhere.example", "b@far.example"},
	{"trap: the certificate's domain is not accepted, but the address saves it", "192.0.2.5", TLS13, "x25519",
		"mail.elsewhere.example", PIN_A, FINE, "a@contoso.example", "b@far.example"},
	{"trap: exact host name without its parent domain", STRANGER, TLS13, "x25519",
		"mail.sub.fabrikam.example", PIN_A, FINE, "a@fabrikam.example", "b@far.example"},
	{"exact host name with its parent domain", STRANGER, TLS13, "x25519",
		"mail.sub.litware.example", PIN_A, FINE, "a@litware.example", "b@far.example"},
	{"trap: too broad wildcard, cured by the exact name of the other", STRANGER, TLS13, "x25519",
		"gateway.shared.example", PIN_A, FINE, "a@contoso.example", "b@far.example"},
	{"too broad wildcard takes what nobody names exactly", STRANGER, TLS13, "x25519",
		"mail.shared.example", PIN_A, FINE, "a@contoso.example", "b@far.example"},
	{"trap: certificate with names of two organisations", STRANGER, TLS13, "x25519",
		"mail.contoso.example mail.sub.litware.example", PIN_A, FINE, "a@contoso.example", "b@far.example"},
	{"trap: one address in two organisations, told apart by the sender", "192.0.2.10", NULL, NULL,
		NULL, NULL, FINE, "a@contoso.example", "b@far.example"},
	{"the same address, the other organisation's sender", "192.0.2.10", NULL, NULL,
		NULL, NULL, FINE, "a@fabrikam.example", "b@far.example"},
	{"trap: address and null sender", "192.0.2.5", NULL, NULL, NULL, NULL, FINE, "", "b@far.example"},
	{"certificate and null sender", STRANGER, TLS13, "x25519",
		"mail.contoso.example", PIN_A, FINE, "", "b@far.example"},
	{"trap: address and forwarded mail", "192.0.2.5", NULL, NULL, NULL, NULL, FINE, "a@far.example", "b@far.example"},
	{"certificate and forwarded mail", STRANGER, TLS13, "x25519",
		"mail.contoso.example", PIN_A, FINE, "a@far.example", "b@far.example"},
	{"certificate expired", STRANGER, TLS13, "x25519",
		"mail.contoso.example", PIN_A, EXPIRED, "a@contoso.example", "b@far.example"},
	{"certificate expired, to its own organisation: a stranger with its domain", STRANGER, TLS13, "x25519",
		"mail.contoso.example", PIN_A, EXPIRED, "a@contoso.example", "b@contoso.example"},
	{"certificate revoked", STRANGER, TLS13, "x25519",
		"mail.contoso.example", PIN_A, REVOKED, "a@contoso.example", "b@far.example"},
	{"intermediates not sent", STRANGER, TLS13, "x25519",
		"mail.contoso.example", PIN_A, LEAF_ONLY, "a@contoso.example", "b@far.example"},
	{"certificate for servers only, refused", STRANGER, TLS13, "x25519",
		"mail.contoso.example", PIN_A, SERVER_ONLY, "a@contoso.example", "b@far.example"},
	{"certificate for servers only, allowed by usage", STRANGER, TLS13, "x25519",
		"mail.sub.litware.example", PIN_A, SERVER_ONLY, "a@litware.example", "b@far.example"},
	{"pin, version and group as asked", STRANGER, TLS13, "x25519",
		"mail.tailspin.example", PIN_A, FINE, "a@tailspin.example", "b@far.example"},
	{"another key than the pinned one", STRANGER, TLS13, "x25519",
		"mail.tailspin.example", PIN_C, FINE, "a@tailspin.example", "b@far.example"},
	{"older version than asked", STRANGER, TLS12, "x25519",
		"mail.tailspin.example", PIN_A, FINE, "a@tailspin.example", "b@far.example"},
	{"another group than asked", STRANGER, TLS13, "secp384r1",
		"mail.tailspin.example", PIN_A, FINE, "a@tailspin.example", "b@far.example"},
	{"address with TLS asked, clear", "203.0.113.50", NULL, NULL, NULL, NULL, FINE, "a@tailspin.example", "b@far.example"},
	{"address with TLS asked, older version", "203.0.113.50", TLS12, "x25519",
		NULL, NULL, FINE, "a@tailspin.example", "b@far.example"},
	{"associated domains do not hold the certificate's", STRANGER, TLS13, "x25519",
		"mail.fabrikam.example", PIN_A, FINE, "a@shared.example", "b@far.example"},
	{"associated domains do not hold the sender's", "203.0.113.77", NULL, NULL,
		NULL, NULL, FINE, "a@litware.example", "b@far.example"},
	{"associated domains hold the sender's", "203.0.113.77", NULL, NULL,
		NULL, NULL, FINE, "a@sub.litware.example", "b@far.example"},
};

static const struct one_case anonymous[] = {
	{"no partner connector: any channel, clear too", STRANGER, NULL, NULL,
		NULL, NULL, FINE, "a@far.test", "b@fabrikam.example"},
	{"not accepted, not originating", STRANGER, TLS13, "x25519", NULL, NULL, FINE, "a@far.test", "b@far.example"},
	{"two organisations in one transaction: each judged on its own", STRANGER, TLS13, "x25519",
		NULL, NULL, FINE, "a@named.example", "b@fabrikam.example c@contoso.example d@tailspin.example e@far.example"},
	{"direct send", STRANGER, TLS13, "x25519", NULL, NULL, FINE, "a@contoso.example", "b@gateway.shared.example"},
	{"direct send of a subdomain", STRANGER, TLS13, "x25519",
		NULL, NULL, FINE, "a@deep.sub.contoso.example", "b@gateway.shared.example"},
	{"direct send of another accepted domain", STRANGER, TLS13, "x25519",
		NULL, NULL, FINE, "a@gateway.shared.example", "b@gateway.shared.example"},
	{"own domain where direct send is allowed", STRANGER, TLS13, "x25519",
		NULL, NULL, FINE, "a@fabrikam.example", "b@fabrikam.example"},
	{"a partner connector covers the own domain: it judges", STRANGER, NULL, NULL,
		NULL, NULL, FINE, "a@news.contoso.example", "b@contoso.example"},
	{"null sender", STRANGER, NULL, NULL, NULL, NULL, FINE, "", "b@contoso.example"},
};

static const struct one_case partners[] = {
	{"domain, TLS asked: clear", STRANGER, NULL, NULL, NULL, NULL, FINE, "a@tls.example", "b@contoso.example"},
	{"domain, TLS asked: met", STRANGER, TLS12, "secp256r1", NULL, NULL, FINE, "a@tls.example", "b@contoso.example"},
	{"domain, TLS and name: no certificate", STRANGER, TLS13, "x25519", NULL, NULL, FINE, "a@named.example", "b@contoso.example"},
	{"domain, TLS and name: other name", STRANGER, TLS13, "x25519",
		"mx.other.example", PIN_A, FINE, "a@named.example", "b@contoso.example"},
	{"domain, TLS and name: met", STRANGER, TLS13, "x25519",
		"mx.named.example", PIN_A, FINE, "a@named.example", "b@contoso.example"},
	{"domain, address range: elsewhere", "203.0.113.9", NULL, NULL, NULL, NULL, FINE, "a@range.example", "b@contoso.example"},
	{"domain, address range: met, in clear", "198.51.100.200", NULL, NULL,
		NULL, NULL, FINE, "a@range.example", "b@contoso.example"},
	{"every sender, address: past the gateway", STRANGER, TLS13, "x25519",
		NULL, NULL, FINE, "a@far.test", "b@tailspin.example"},
	{"every sender, address: by the gateway", "203.0.113.1", NULL, NULL,
		NULL, NULL, FINE, "a@far.test", "b@tailspin.example"},
	{"every sender covers the null sender", STRANGER, NULL, NULL, NULL, NULL, FINE, "", "b@tailspin.example"},
	{"untrusted root", STRANGER, TLS13, "x25519",
		"mx.strict.example", PIN_A, UNTRUSTED, "a@strict.example", "b@contoso.example"},
	{"leaf only", STRANGER, TLS13, "x25519",
		"mx.strict.example", PIN_A, LEAF_ONLY, "a@strict.example", "b@contoso.example"},
	{"self-signed", STRANGER, TLS13, "x25519",
		"mx.strict.example", PIN_A, SELF_SIGNED, "a@strict.example", "b@contoso.example"},
	{"expired", STRANGER, TLS13, "x25519",
		"mx.strict.example", PIN_A, EXPIRED, "a@strict.example", "b@contoso.example"},
	{"not valid yet", STRANGER, TLS13, "x25519",
		"mx.strict.example", PIN_A, NOT_YET_VALID, "a@strict.example", "b@contoso.example"},
	{"revoked", STRANGER, TLS13, "x25519",
		"mx.strict.example", PIN_A, REVOKED, "a@strict.example", "b@contoso.example"},
	{"revoked, and nobody looks", STRANGER, TLS13, "x25519",
		"mx.lax.example", PIN_A, REVOKED, "a@lax.example", "b@contoso.example"},
	{"revocation unknown, preferred", STRANGER, TLS13, "x25519",
		"mx.strict.example", PIN_A, REVOCATION_UNKNOWN, "a@strict.example", "b@contoso.example"},
	{"revocation unknown, required", STRANGER, TLS13, "x25519",
		"mx.bank.example", PIN_A, REVOCATION_UNKNOWN, "a@bank.example", "b@contoso.example"},
	{"for servers only, refused", STRANGER, TLS13, "x25519",
		"mx.strict.example", PIN_A, SERVER_ONLY, "a@strict.example", "b@contoso.example"},
	{"for servers only, allowed by usage", STRANGER, TLS13, "x25519",
		"mx.public.example", PIN_A, SERVER_ONLY, "a@public.example", "b@contoso.example"},
	{"pin, version, group: all met", STRANGER, TLS13, "secp256r1",
		"mx.bank.example", PIN_A, FINE, "a@deep.bank.example", "b@contoso.example"},
	{"another key than the pinned ones", STRANGER, TLS13, "secp256r1",
		"mx.bank.example", PIN_C, FINE, "a@bank.example", "b@contoso.example"},
	{"older version than asked", STRANGER, TLS12, "secp256r1",
		"mx.bank.example", PIN_A, FINE, "a@bank.example", "b@contoso.example"},
	{"another group than asked", STRANGER, TLS13, "secp521r1",
		"mx.bank.example", PIN_A, FINE, "a@bank.example", "b@contoso.example"},
	{"deferring: no certificate", STRANGER, TLS13, "x25519", NULL, NULL, FINE, "a@patient.example", "b@contoso.example"},
	{"deferring: clear", STRANGER, NULL, NULL, NULL, NULL, FINE, "a@patient.example", "b@contoso.example"},
	{"report mode: not met", STRANGER, NULL, NULL, NULL, NULL, FINE, "a@tried.example", "b@contoso.example"},
	{"report mode: met", STRANGER, TLS13, "x25519",
		"mx.tried.example", PIN_A, FINE, "a@tried.example", "b@contoso.example"},
	{"report mode loosens nothing: TLS is enforced beside it", STRANGER, NULL, NULL,
		NULL, NULL, FINE, "a@both.example", "b@contoso.example"},
	{"report mode beside what is met", STRANGER, TLS13, "x25519", NULL, NULL, FINE, "a@both.example", "b@contoso.example"},
	{"report mode for every sender", STRANGER, TLS13, "x25519", NULL, NULL, FINE, "a@far.test", "b@litware.example"},
	{"associated domains hold the recipient's", STRANGER, TLS13, "x25519",
		NULL, NULL, FINE, "a@some.example", "b@contoso.example"},
	{"associated domains do not hold the recipient's: another connector judges", STRANGER, TLS13, "x25519",
		NULL, NULL, FINE, "a@some.example", "b@gateway.shared.example"},
	{"report mode loosens nothing: direct send of the own domain", STRANGER, TLS13, "x25519",
		NULL, NULL, FINE, "a@litware.example", "b@litware.example"},
};

static const struct one_case inside[] = {
	{"not trusted: the certificate cannot be shown inside", STRANGER, TLS13, "x25519",
		"mx.contoso.example", PIN_A, FINE, "a@contoso.example", "b@fabrikam.example"},
	{"not covered by any connector of the other", STRANGER, TLS13, "x25519",
		"mail.contoso.example", PIN_A, FINE, "a@far.test", "b@fabrikam.example"},
	{"trusted: meets certificate and address", STRANGER, TLS13, "x25519",
		"mail.sub.litware.example", PIN_A, FINE, "a@litware.example", "b@fabrikam.example"},
	{"TLS, version and group count as met inside", STRANGER, TLS13, "x25519",
		"mail.tailspin.example", PIN_A, FINE, "a@tailspin.example", "b@fabrikam.example"},
	{"the gateway of the other is not the way inside", STRANGER, TLS13, "x25519",
		"mail.contoso.example", PIN_A, FINE, "a@contoso.example", "b@tailspin.example"},
	{"leaves by a connector of the sender's: the other judges it when it comes in", STRANGER, TLS13, "x25519",
		"mail.sub.litware.example", PIN_A, FINE, "a@litware.example", "b@tailspin.example"},
	{"report mode of the other", "192.0.2.5", NULL, NULL, NULL, NULL, FINE, "a@contoso.example", "b@litware.example"},
	{"own, another and outside in one transaction", STRANGER, TLS13, "x25519",
		"mail.contoso.example", PIN_A, FINE, "a@contoso.example", "b@contoso.example c@litware.example d@far.example"},
	{"the other's own domain as sender", STRANGER, TLS13, "x25519",
		"mail.sub.litware.example", PIN_A, FINE, "a@gateway.shared.example", "b@gateway.shared.example"},
	{"by address in clear: inside it counts as encrypted", "192.0.2.5", NULL, NULL,
		NULL, NULL, FINE, "a@gateway.shared.example", "b@shared.example"},
};
/* clang-format on */

static int verdict_of(int state, const struct policy_profile *profile)
{
	switch (state) {
	case UNTRUSTED:
		return CERT_UNTRUSTED_ROOT;
	case LEAF_ONLY:
		return CERT_MISSING_INTERMEDIATE;
	case SELF_SIGNED:
		return CERT_SELF_SIGNED;
	case EXPIRED:
		return CERT_EXPIRED;
	case NOT_YET_VALID:
		return CERT_NOT_YET_VALID;
	case REVOKED:
		return profile->revocation != MODEL_REVOCATION_OFF ? CERT_REVOKED : CERT_TRUSTED;
	case REVOCATION_UNKNOWN:
		return profile->revocation == MODEL_REVOCATION_REQUIRE ? CERT_REVOCATION_UNKNOWN
								       : CERT_TRUSTED;
	case SERVER_ONLY:
		return profile->usage == MODEL_USAGE_CLIENT ? CERT_PURPOSE : CERT_TRUSTED;
	default:
		return CERT_TRUSTED;
	}
}

static void state_facts(const struct one_case *c, struct policy_peer *peer, struct cert_facts *leaf,
	struct arena *arena)
{
	const struct policy_profile *const *profiles;
	struct policy_trust *trust;

	*peer = (struct policy_peer){
		.is_tls = c->version != NULL, .tls_version = c->version, .group = c->group};
	if (c->address != NULL)
		peer->has_address = model_parse_prefix(str_of(c->address), &peer->address);
	if (c->certificate == NULL)
		return;
	pinned_facts(c->certificate, leaf, arena);
	leaf->spki_sha256 = c->pin;
	peer->certificate = leaf;
	peer->trust_count = policy_trust_wanted(snapshot, leaf, arena, &profiles);
	trust = arena_array(arena, peer->trust_count, sizeof(*trust));
	for (size_t i = 0; i < peer->trust_count; i++)
		trust[i] = (struct policy_trust){
			.profile = profiles[i], .verdict = verdict_of(c->state, profiles[i])};
	peer->trust = trust;
}

static void answer_one(const struct one_case *c, struct arena *arena, struct buf *out)
{
	struct str rest = str_of(c->recipients);
	struct policy_peer peer;
	struct cert_facts leaf;

	state_facts(c, &peer, &leaf, arena);
	buf_format(out, "== %s\n# from %s, %s, certificate %s, <%s> to <%s>\n", c->name,
		c->address != NULL ? c->address : "nowhere",
		c->version != NULL ? c->version : "clear",
		c->certificate != NULL ? c->certificate : "none", c->sender, c->recipients);
	while (rest.n > 0) {
		struct str to = str_cut(&rest, ' ');
		struct policy_inbound answer;
		const char *enhanced;
		int reply;

		policy_attribute(snapshot, &peer, str_of(c->sender), to, arena, &answer);
		reply = policy_inbound_reply(&answer, &enhanced);
		buf_format(out, "-- %.*s: %d %s\n", STR_ARGS(to), reply, enhanced);
		policy_explain_inbound(&answer, out);
	}
	buf_put_text(out, "\n");
}

static void answer_all(const struct one_case *cases, size_t count, const char *file)
{
	struct arena *arena = arena_new();
	struct buf out;

	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < count; i++)
		answer_one(&cases[i], arena, &out);
	pinned_compare(file, &out);
	buf_free(&out);
	arena_free(&arena);
}

static void test_own_servers(void **state)
{
	(void)state;
	answer_all(own_servers, ARRAY_LENGTH(own_servers), "attribution-own.txt");
}

static void test_anonymous(void **state)
{
	(void)state;
	answer_all(anonymous, ARRAY_LENGTH(anonymous), "attribution-anonymous.txt");
}

static void test_partners(void **state)
{
	(void)state;
	answer_all(partners, ARRAY_LENGTH(partners), "attribution-partners.txt");
}

static void test_inside(void **state)
{
	(void)state;
	answer_all(inside, ARRAY_LENGTH(inside), "attribution-inside.txt");
}

static int setup(void **state)
{
	(void)state;
	snapshot = pinned_config("attribution.yaml");
	return snapshot != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	policy_snapshot_free(&snapshot);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_servers),
		cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_partners),
		cmocka_unit_test(test_inside),
	};

	pinned_begin(argc, argv);
	return cmocka_run_group_tests(tests, setup, teardown);
}
