#include "process/receive/internal.h"

/* The verdict as far as it is known here and now. */
static void judge(
	struct receive_session *s, const struct policy_profile *profile, struct policy_trust *ret)
{
	struct tls_verification how = {.anchors = tls_trust_of(s->receive->trust, profile, NULL),
		.purpose = tls_client_purpose(profile->usage),
		.revocation = tls_revocation_of(profile->revocation),
		.now_ms = runtime_now_ms()};
	struct tls_open open;

	/* As long as the facts: they are stated anew for every snapshot. */
	ret->profile = profile;
	if (how.anchors == NULL) {
		ret->verdict = s->facts.certificate != NULL ? CERT_UNTRUSTED_ROOT : CERT_NONE;
		ret->detail = "there are no trust anchors";
		return;
	}
	ret->verdict = (int)tls_verify(s->tls, &how, s->facts_arena, &ret->detail, &open);
	/* Nobody is asked for a verdict that decides nothing. */
	if (open.count > 0 &&
		policy_trust_counts(s->receive->snapshot, s->facts.certificate, profile))
		receive_standing_ask(s, &s->standings[s->standing_count++], ret, &open);
}

const struct policy_peer *receive_facts(struct receive_session *s)
{
	const struct policy_snapshot *snapshot = s->receive->snapshot;
	const struct policy_profile *const *wanted = NULL;
	struct policy_trust *trust;
	size_t count;

	if (s->facts_of == s->receive->snapshots || s->tls == NULL || snapshot == NULL)
		return &s->facts;
	s->facts_of = s->receive->snapshots;
	if (s->facts_arena == NULL)
		s->facts_arena = arena_new();
	receive_standing_forget(s);
	arena_clear(s->facts_arena);
	s->facts_receipt = (struct receipt){0};
	tls_describe(s->tls, s->facts_arena, &s->facts_receipt);
	s->facts.tls_version = s->facts_receipt.version;
	s->facts.group = s->facts_receipt.group;
	s->facts.certificate =
		s->facts_receipt.chain.count > 0 ? &s->facts_receipt.chain.items[0] : NULL;
	if (s->facts.certificate != NULL)
		s->receive->client_certificates++;
	count = policy_trust_wanted(snapshot, s->facts.certificate, s->facts_arena, &wanted);
	trust = arena_array(s->facts_arena, count + 1, sizeof(*trust));
	s->standings = arena_array(s->facts_arena, count + 1, sizeof(*s->standings));
	for (size_t i = 0; i < count; i++)
		judge(s, wanted[i], &trust[i]);
	s->facts.trust = trust;
	s->facts.trust_count = count;
	return &s->facts;
}

bool receive_facts_are_known(const struct receive_session *s)
{
	return s->standings_open == 0;
}

static int level_reached(const struct receive_session *s, const struct policy_inbound *inbound)
{
	if (s->tls == NULL)
		return MODEL_LEVEL_NONE;
	if (inbound->verdict != CERT_TRUSTED)
		return MODEL_LEVEL_ENCRYPT;
	return inbound->name_matched != NULL ? MODEL_LEVEL_NAME : MODEL_LEVEL_CHAIN;
}

/* By the profile of the connector that judged, where there is one; those of an old snapshot are
 * gone. */
static void describe_trust(const struct receive_session *s, const struct policy_inbound *inbound,
	struct arena *arena, struct receipt *r)
{
	const struct policy_profile *profile =
		inbound->connector != NULL && s->facts_of == s->receive->snapshots &&
				s->receive->snapshot != NULL
			? policy_connector_profile(s->receive->snapshot, inbound->organisation,
				  inbound->connector, NULL)
			: NULL;

	for (size_t i = 0; i < s->facts.trust_count; i++) {
		const struct policy_trust *trust = &s->facts.trust[i];

		if (trust->verdict != inbound->verdict ||
			(profile != NULL && !policy_profile_equal(trust->profile, profile)))
			continue;
		r->verdict_detail = arena_text(arena, trust->detail);
		for (size_t k = 0; k < s->standing_count; k++)
			if (s->standings[k].trust == trust)
				r->revocation = arena_text(arena, s->standings[k].words);
	}
}

void receive_facts_receipt(struct receive_session *s, const struct policy_inbound *inbound,
	struct arena *arena, struct receipt *ret)
{
	struct receipt *r = ret;

	*r = s->facts_receipt;
	r->direction = RECEIPT_IN;
	r->at_ms = s->began_ms;
	r->host = s->helo;
	r->peer_address = s->address[0] != '\0' ? s->address : NULL;
	r->peer_port = s->port;
	r->listener = s->listener->model->name;
	r->organisation = inbound->organisation;
	r->connector = inbound->connector;
	r->generation = s->receive->snapshot != NULL
				? (int64_t)policy_snapshot_generation(s->receive->snapshot)
				: 0;
	r->required = inbound->required;
	r->required_by = inbound->required_by;
	r->name_expected = inbound->name_expected;
	r->name_matched = inbound->name_matched;
	r->attempt = s->tls != NULL ? RECEIPT_ATTEMPT_FULL : RECEIPT_ATTEMPT_CLEAR;
	r->got = level_reached(s, inbound);
	r->verdict = inbound->verdict;
	r->anchors = inbound->anchors;
	r->token = policy_outcome_row(inbound->outcome)->token;
	r->reason = inbound->text;
	/* What the connector of another organisation says is for that one. */
	if (inbound->would.outcome != POLICY_OK && inbound->receiver == NULL) {
		r->would_token = policy_outcome_row(inbound->would.outcome)->token;
		r->would_reason = inbound->would.text;
		r->would_by = inbound->would.by;
	}
	r->total_ms = runtime_ticks_ms() - s->began_ticks;
	describe_trust(s, inbound, arena, r);
}
