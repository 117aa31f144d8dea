#include "process/deliver/standing.h"

#include "core/cert/standing.h"

enum { KNOWN_MS = 5 * 60 * 1000 };

/* Where nothing depends on the chain it is nobody's business whether it is revoked. */
static bool matters(const struct deliver_standing *standing)
{
	const struct policy_outbound *route = standing->route;

	return route->profile.revocation != MODEL_REVOCATION_OFF &&
	       (standing->is_trial || route->required >= MODEL_LEVEL_CHAIN ||
		       route->reported.required >= MODEL_LEVEL_CHAIN);
}

static bool is_known(const struct deliver_link_standing *known, struct str chain)
{
	return known->arena != NULL && str_equal(known->chain, chain) &&
	       runtime_ticks_ms() < known->until_ticks;
}

static void on_answer(void *context, const struct wire_revocation_answer *answer, const char *why)
{
	struct deliver_standing *standing = context;
	struct deliver_link_standing *known = deliver_link_standing(standing->link);

	standing->question = NULL;
	if (known->arena == NULL)
		known->arena = arena_new();
	known->is_answered = answer != NULL;
	if (answer != NULL)
		record_copy(wire_types[WIRE_REVOCATION_ANSWER].desc, answer, known->arena,
			&known->answer);
	known->why = why;
	known->until_ticks = runtime_ticks_ms() + KNOWN_MS;
	standing->done(standing->context);
}

/* What the verification of the connection leaves open. */
static void verify(struct deliver_standing *standing, struct arena *arena, struct tls_open *ret)
{
	const struct policy_profile *profile = &standing->route->profile;
	const struct tls_verification how = {.anchors = deliver_anchors(standing->self, profile),
		.purpose = TLS_PURPOSE_SERVER,
		.revocation = tls_revocation_of(profile->revocation),
		.now_ms = runtime_now_ms()};

	*ret = (struct tls_open){.count = 0};
	if (how.anchors != NULL)
		(void)tls_verify(deliver_link_tls(standing->link), &how, arena, NULL, ret);
}

bool deliver_standing_begin(struct deliver_standing *standing)
{
	struct arena *arena CLEANUP(arena_free) = NULL;
	struct deliver_link_standing *known = deliver_link_standing(standing->link);
	struct wire_revocation_ask ask = {.wait_ms = standing->self->node->fetch.wait_ms};
	struct tls_open open;

	if (deliver_link_tls(standing->link) == NULL || !matters(standing))
		return false;
	arena = arena_new();
	verify(standing, arena, &open);
	if (open.count == 0 || is_known(known, open.chain))
		return false;
	arena_free(&known->arena);
	*known = (struct deliver_link_standing){.arena = arena_new()};
	known->chain = arena_copy(known->arena, open.chain);
	ask.chain = known->chain;
	ask.stapled = tls_stapled(deliver_link_tls(standing->link));
	standing->question = inquiry_revocation(standing->self->inquiry, &ask, on_answer, standing);
	return true;
}

void deliver_standing_stop(struct deliver_standing *standing)
{
	inquiry_cancel(&standing->question);
}

void deliver_standing_apply(const struct deliver_link_standing *known,
	const struct policy_profile *profile, const struct tls_open *open, struct arena *arena,
	struct policy_hop *hop)
{
	/* Trust or lists may have been replaced while the answer was awaited: it is about the way
	 * up that the certificate had then, and no leave for another one. */
	bool is_about = known->arena != NULL && str_equal(known->chain, open->chain);
	const struct cert_standing_question question = {
		.is_required = profile->revocation == MODEL_REVOCATION_REQUIRE,
		.count = open->count,
		.is_listed = open->is_listed,
		.answer = is_about && known->is_answered ? &known->answer : NULL,
		.why = is_about ? known->why : "nobody was asked about this chain yet",
	};
	struct cert_standing found;

	if (open->count == 0 || known->arena == NULL)
		return;
	cert_standing_judge(&question, arena, &found);
	hop->verdict = (int)found.verdict;
	hop->detail = found.detail;
	hop->revocation = found.words;
}
