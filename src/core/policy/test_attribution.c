/*
 * Thousands of small random configurations, each asked many questions of mail that comes in.  Every
 * answer must be the one that a plain reading of the rules gives (restated.c), and what a client is
 * told must not name what is not its business.
 */
#include "core/policy/restated.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { CONFIGURATIONS = 6000, QUESTIONS = 40, CROWDS = 300, MAX_CROWD = 150 };

static uint64_t state_of_random;

static unsigned draw(unsigned below)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return (unsigned)(state_of_random >> 33) % below;
}

#define PICK(list) ((list)[draw(ARRAY_LENGTH(list))])

static const char *const organisations[] = {"org-a", "org-b", "org-c"};
static const char *const domains[] = {"x.example", "y.example", "s.x.example", "t.s.x.example",
	"far.example", "d.far.example", "t.y.example"};
static const char *const certificate_names[] = {"m.x.example", "*.x.example", "m.s.x.example",
	"*.s.x.example", "m.y.example", "x.example", "*.y.example", "s.x.example", "n.x.example"};
static const char *const patterns[] = {"x.example", "*.x.example", "y.example", "*.example",
	"far.example", "*.far.example", "*", "*.s.x.example", "*.y.example"};
static const char *const prefixes[] = {"192.0.2.0/24", "192.0.2.1", "192.0.2.0/25",
	"198.51.100.0/24", "0.0.0.0/0", "192.0.2.192/26"};
static const char *const addresses[] = {"192.0.2.1", "192.0.2.200", "198.51.100.3", "203.0.113.1"};
static const char *const trusts[] = {"anchors-1", "anchors-2"};
static const char *const pins[] = {"aa", "bb", "cc"};
static const char *const groups[] = {"x25519", "secp256r1"};

static struct record_texts some(const char *const *from, size_t count, struct arena *arena)
{
	struct record_texts list = {arena_array(arena, 3, sizeof(char *)), 0};

	for (unsigned n = draw(3) + 1; list.count < n;)
		list.items[list.count++] = from[draw((unsigned)count)];
	return list;
}
#define SOME(list, arena) some((list), ARRAY_LENGTH(list), (arena))

/* ---- configurations ---------------------------------------------------------------------------
 */

static void random_partner(struct model_inbound *in, struct arena *arena)
{
	in->sender_domains = SOME(patterns, arena);
	in->restrict_to_certificate = in->certificate_name != NULL && draw(2);
	in->restrict_to_addresses = draw(3) == 0;
	if (in->restrict_to_addresses)
		in->addresses = SOME(prefixes, arena);
	in->mode = draw(4) == 0 ? MODEL_REPORT : MODEL_ENFORCE;
	in->when_unmet = draw(4) == 0 ? MODEL_UNMET_DEFER : MODEL_UNMET_REFUSE;
	if (draw(3) == 0)
		in->trusted_organisations = SOME(organisations, arena);
}

static void random_on_premises(struct model_inbound *in, struct arena *arena)
{
	if (in->certificate_name == NULL || draw(4) == 0)
		in->addresses = SOME(prefixes, arena);
	in->cross_premises_headers = in->certificate_name != NULL && draw(3) == 0;
	in->treat_as_internal = !in->cross_premises_headers && draw(3) == 0;
}

static struct model_inbound *random_inbound(int type, struct arena *arena)
{
	struct model_inbound *in = arena_alloc(arena, sizeof(*in));

	in->require_tls = draw(2);
	if (draw(3) > 0)
		in->certificate_name = PICK(certificate_names);
	if (draw(6) == 0)
		in->associated_accepted_domains = SOME(domains, arena);
	if (in->certificate_name != NULL && draw(5) == 0)
		in->pins = SOME(pins, arena);
	if (in->certificate_name != NULL && draw(5) == 0)
		in->usage = (int)draw(3);
	if (type == MODEL_PARTNER)
		random_partner(in, arena);
	else
		random_on_premises(in, arena);
	return in;
}

static void random_domains(struct model_config *config, struct arena *arena)
{
	config->domains.items =
		arena_array(arena, ARRAY_LENGTH(domains), sizeof(struct model_domain));
	for (size_t i = 0; i < ARRAY_LENGTH(domains); i++)
		if (draw(3) > 0)
			config->domains.items[config->domains.count++] =
				(struct model_domain){.name = domains[i],
					.organisation = PICK(organisations),
					.subdomains = draw(2)};
}

static struct model_config random_config(struct arena *arena)
{
	struct model_config config = {0};
	unsigned count = draw(10) + 1;

	config.organisations.items =
		arena_array(arena, ARRAY_LENGTH(organisations), sizeof(struct model_organisation));
	for (size_t i = 0; i < ARRAY_LENGTH(organisations); i++)
		config.organisations.items[config.organisations.count++] =
			(struct model_organisation){.name = organisations[i],
				.reject_direct_send = draw(2),
				.trust = draw(3) == 0 ? PICK(trusts) : NULL};
	random_domains(&config, arena);
	config.connectors.items = arena_array(arena, count, sizeof(struct model_connector));
	for (size_t i = 0; i < count; i++) {
		int type = draw(2) ? MODEL_ON_PREMISES : MODEL_PARTNER;

		config.connectors.items[config.connectors.count++] = (struct model_connector){
			.name = arena_format(arena, "c%zu", i),
			.organisation = PICK(organisations),
			.type = type,
			.enabled = draw(6) > 0,
			.trust = draw(3) == 0 ? PICK(trusts) : NULL,
			.revocation = draw(4) == 0 ? (int)draw(3) : MODEL_REVOCATION_PREFER,
			.minimum_version = draw(5) == 0 ? MODEL_TLS_13 : MODEL_TLS_12,
			.groups = draw(6) == 0 ? SOME(groups, arena) : (struct record_texts){0},
			.inbound = draw(8) > 0 ? random_inbound(type, arena) : NULL};
	}
	return config;
}

/* ---- questions --------------------------------------------------------------------------------
 */

struct asked {
	struct policy_peer peer;
	struct cert_facts leaf;
	const char *address, *from, *to;
};

/* A verdict depends on the profile alone, whoever asks for it. */
static int verdict_of(const struct policy_profile *profile, unsigned seed)
{
	unsigned mixed = seed + 7 * (unsigned)profile->revocation + 13 * (unsigned)profile->usage +
			 (profile->anchors != NULL ? (unsigned)profile->anchors[8] * 29 : 0);

	mixed = mixed * 2654435761U >> 16;
	return mixed % 3 > 0 ? CERT_TRUSTED : (int)(mixed / 3 % CERT_VERDICT_MAX);
}

static void random_question(
	const struct policy_snapshot *snapshot, struct asked *q, struct arena *arena)
{
	const struct policy_profile *const *profiles;
	struct policy_trust *trust;
	unsigned seed = draw(1000000);

	*q = (struct asked){.peer = {.is_tls = draw(4) > 0},
		.address = draw(10) > 0 ? PICK(addresses) : NULL,
		.from = draw(6) > 0 ? PICK(domains) : NULL,
		.to = draw(4) > 0 ? PICK(domains) : "out.example"};
	if (q->address != NULL)
		q->peer.has_address = model_parse_prefix(str_of(q->address), &q->peer.address);
	if (q->peer.is_tls) {
		q->peer.tls_version = draw(2) ? "TLSv1.3" : "TLSv1.2";
		q->peer.group = draw(8) > 0 ? PICK(groups) : NULL;
	}
	q->leaf = (struct cert_facts){.subject = "CN=x",
		.spki_sha256 = draw(8) > 0 ? PICK(pins) : NULL,
		.names = SOME(certificate_names, arena)};
	if (draw(3) > 0)
		q->peer.certificate = &q->leaf;
	q->peer.trust_count = policy_trust_wanted(snapshot, q->peer.certificate, arena, &profiles);
	trust = arena_array(arena, q->peer.trust_count, sizeof(*trust));
	for (size_t i = 0; i < q->peer.trust_count; i++)
		trust[i] = (struct policy_trust){
			.profile = profiles[i], .verdict = verdict_of(profiles[i], seed)};
	q->peer.trust = trust;
	if (draw(20) == 0)
		q->peer.trust_count = draw(2);
}

/* ---- comparison -------------------------------------------------------------------------------
 */

static void expect_text(const char *what, const char *got, const char *want)
{
	if ((got == NULL) != (want == NULL) || (got != NULL && strcmp(got, want) != 0))
		fail_msg("%s: %s, expected %s", what, got != NULL ? got : "none",
			want != NULL ? want : "none");
}

static void expect_would(
	const struct policy_inbound *got, const struct restated *want, struct arena *arena)
{
	assert_int_equal(got->would.outcome, want->would);
	if (want->would == POLICY_OK)
		return;
	assert_non_null(got->would.text);
	expect_text("would", got->would.by,
		arena_format(
			arena, "connector %s/%s", want->would_organisation, want->would_connector));
}

/* A refusal names neither organisations nor prefixes: these are nobody else's business. */
static void expect_discreet(const struct policy_inbound *got)
{
	const char *told = got->reply != NULL ? got->reply : got->text;
	const char *enhanced;
	int reply = policy_inbound_reply(got, &enhanced);

	assert_non_null(told);
	for (size_t i = 0; i < ARRAY_LENGTH(organisations); i++)
		if (strstr(told, organisations[i]) != NULL)
			fail_msg("the client is told: %s", told);
	assert_null(strchr(told, '/'));
	assert_in_range(reply, 400, 599);
	assert_int_equal(enhanced[0] - '0', reply / 100);
	assert_int_equal(got->is_temporary, reply / 100 == 4);
}

static void compare(const struct policy_inbound *got, const struct restated *want,
	const struct asked *q, struct arena *arena)
{
	if (got->accepted != want->accepted || got->outcome != want->outcome)
		fail_msg("%s to %s: %s, expected %s (%s)", q->from != NULL ? q->from : "<>", q->to,
			policy_outcome_row(got->outcome)->token,
			policy_outcome_row(want->outcome)->token, got->text);
	expect_text("organisation", got->organisation, want->organisation);
	expect_text("connector", got->connector, want->connector);
	expect_text("receiver", got->receiver, want->receiver);
	expect_text("receiver's connector", got->receiver_connector, want->receiver_connector);
	assert_int_equal(got->originating, want->originating);
	assert_int_equal(got->is_internal, want->is_internal);
	assert_int_equal(got->promotes_headers, want->promotes_headers);
	assert_int_equal(got->is_temporary, want->is_temporary);
	assert_int_equal(got->required, want->required);
	assert_int_equal(got->required > 0, got->required_by.count > 0);
	expect_would(got, want, arena);
	assert_non_null(got->text);
	assert_true(got->considered.count > 0);
	if (!got->accepted)
		expect_discreet(got);
}

/* An organisation with a crowd of partner connectors, for few patterns and from many addresses. */
static struct model_config random_crowd(struct arena *arena)
{
	struct model_config config = random_config(arena);
	struct model_connector *more = arena_array(
		arena, config.connectors.count + MAX_CROWD, sizeof(struct model_connector));
	size_t count = 1 + draw(MAX_CROWD);

	memcpy(more, config.connectors.items, config.connectors.count * sizeof(*more));
	config.connectors.items = more;
	for (size_t i = 0; i < count; i++) {
		struct model_inbound *in = arena_alloc(arena, sizeof(*in));

		in->sender_domains.items = arena_array(arena, 1, sizeof(char *));
		in->sender_domains.items[in->sender_domains.count++] =
			draw(3) > 0 ? "*" : "*.example";
		in->require_tls = draw(2);
		in->restrict_to_addresses = draw(20) > 0;
		in->addresses.items = arena_array(arena, 1, sizeof(char *));
		in->addresses.items[in->addresses.count++] =
			draw(10) > 0 ? arena_format(arena, "192.0.2.%u", draw(256))
				     : PICK(prefixes);
		in->mode = draw(3) == 0 ? MODEL_REPORT : MODEL_ENFORCE;
		if (draw(30) == 0)
			in->trusted_organisations = SOME(organisations, arena);
		if (draw(30) == 0)
			in->associated_accepted_domains = SOME(domains, arena);
		more[config.connectors.count++] = (struct model_connector){
			.name = arena_format(arena, "p%u-%zu", draw(1000), i),
			.organisation = organisations[draw(8) == 0],
			.type = MODEL_PARTNER,
			.enabled = draw(20) > 0,
			.inbound = in};
	}
	return config;
}

/* How often each outcome was asked for: a comparison of nothing proves nothing. */
static unsigned seen[POLICY_OUTCOME_MAX], would_seen, handed_over;

static void ask(const struct model_config *config, const struct policy_snapshot *snapshot,
	struct arena *arena)
{
	struct policy_inbound got;
	struct restated want;
	struct asked q;

	random_question(snapshot, &q, arena);
	policy_attribute(snapshot, &q.peer,
		str_of(q.from != NULL ? arena_format(arena, "u@%s", q.from) : ""),
		str_of(arena_format(arena, "r@%s", q.to)), arena, &got);
	restated_attribute(config, &q.peer, q.address, q.from, q.to, &want);
	compare(&got, &want, &q, arena);
	seen[want.outcome]++;
	would_seen += want.would != POLICY_OK;
	handed_over += want.accepted && want.receiver != NULL;
}

static void test_attribution(void **state)
{
	static const enum policy_outcome wanted[] = {POLICY_OK, POLICY_VERSION_TOO_OLD,
		POLICY_GROUP, POLICY_PIN, POLICY_UNTRUSTED_ROOT, POLICY_MISSING_INTERMEDIATE,
		POLICY_SELF_SIGNED, POLICY_EXPIRED, POLICY_NOT_YET_VALID, POLICY_REVOKED,
		POLICY_REVOCATION_UNKNOWN, POLICY_PURPOSE, POLICY_WEAK, POLICY_INVALID,
		POLICY_TLS_REQUIRED, POLICY_NO_CLIENT_CERTIFICATE, POLICY_CLIENT_NAME,
		POLICY_ADDRESS, POLICY_RELAY_DENIED, POLICY_AMBIGUOUS, POLICY_DIRECT_SEND};

	(void)state;
	state_of_random = 0x5ea1905723u;
	for (unsigned i = 0; i < CONFIGURATIONS; i++) {
		struct arena *arena = arena_new();
		struct model_config config = random_config(arena);
		struct policy_snapshot *snapshot = policy_snapshot_new(&config, i);

		for (unsigned k = 0; k < QUESTIONS; k++)
			ask(&config, snapshot, arena);
		policy_snapshot_free(&snapshot);
		arena_free(&arena);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++)
		if (seen[wanted[i]] < 10)
			fail_msg("%s was met %u times only", policy_outcome_row(wanted[i])->token,
				seen[wanted[i]]);
	assert_true(would_seen > 100 && handed_over > 100);
}

static void test_crowds(void **state)
{
	(void)state;
	state_of_random = 0xc0ffee5eedu;
	for (unsigned i = 0; i < CROWDS; i++) {
		struct arena *arena = arena_new();
		struct model_config config = random_crowd(arena);
		struct policy_snapshot *snapshot = policy_snapshot_new(&config, i);

		for (unsigned k = 0; k < QUESTIONS; k++)
			ask(&config, snapshot, arena);
		policy_snapshot_free(&snapshot);
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attribution), cmocka_unit_test(test_crowds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
