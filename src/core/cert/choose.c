#include "core/cert/choose.h"

#include "base/map.h"

const char *const cert_choose_reason_names[] = {
	"current", "trial-connector", "trial-share", "validity", "refused", NULL};

static bool is_valid(const struct cert_version *version, int64_t now_ms)
{
	return version->not_before_ms <= now_ms && now_ms < version->not_after_ms;
}

static bool names_connector(const struct cert_plan *plan, const char *connector)
{
	for (size_t i = 0; connector != NULL && i < plan->connectors.count; i++)
		if (strcmp(plan->connectors.items[i], connector) == 0)
			return true;
	return false;
}

/* The version is hashed along, so that it is not the same peers in every trial. */
static int percentile_of(const struct cert_choose_facts *facts, const struct cert_version *next)
{
	uint64_t hash = map_hash(str_of(facts->life->name), 0);

	hash = map_hash(str_of(next->id), hash);
	return (int)(map_hash(str_of(facts->peer != NULL ? facts->peer : ""), hash) % 100);
}

static bool is_refused(const struct cert_choose_facts *facts, const struct cert_version *version)
{
	return facts->is_refused != NULL &&
	       facts->is_refused(facts->context, facts->life->name, version->id);
}

/* The first other one that is valid, and not refused if that is asked. */
static const struct cert_version *find_other(
	const struct cert_choose_facts *facts, const struct cert_version *than, bool for_refusal)
{
	static const enum cert_state order[] = {CERT_CURRENT, CERT_DEPRECATED, CERT_NEXT};
	static const enum cert_state order_of_validity[] = {
		CERT_CURRENT, CERT_NEXT, CERT_DEPRECATED};

	for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
		enum cert_state state = for_refusal ? order[i] : order_of_validity[i];
		const struct cert_version *other = cert_life_in(facts->life, state);

		if (other == NULL || other == than || !is_valid(other, facts->now_ms))
			continue;
		if (for_refusal && (is_refused(facts, other) ||
					   (state == CERT_NEXT && !facts->life->plan.is_trial)))
			continue;
		return other;
	}
	return NULL;
}

static void want(const struct cert_choose_facts *facts, struct cert_choice *choice)
{
	const struct cert_plan *plan = &facts->life->plan;
	const struct cert_version *next = cert_life_in(facts->life, CERT_NEXT);

	choice->wanted = cert_life_in(facts->life, CERT_CURRENT);
	choice->reason = CERT_CHOSEN_CURRENT;
	if (next == NULL)
		return;
	choice->percentile = percentile_of(facts, next);
	if (!plan->is_trial && choice->wanted != NULL)
		return;
	if (choice->wanted == NULL || names_connector(plan, facts->connector)) {
		choice->wanted = next;
		choice->reason = CERT_CHOSEN_CONNECTOR;
	} else if (choice->percentile < plan->share) {
		choice->wanted = next;
		choice->reason = CERT_CHOSEN_SHARE;
	}
}

struct cert_choice cert_choose(const struct cert_choose_facts *facts)
{
	struct cert_choice choice = {0};
	const struct cert_version *other;

	want(facts, &choice);
	choice.version = choice.wanted;
	if (choice.wanted == NULL)
		return choice;
	if (!is_valid(choice.wanted, facts->now_ms)) {
		other = find_other(facts, choice.wanted, false);
		if (other != NULL) {
			choice.version = other;
			choice.reason = CERT_CHOSEN_VALID;
		}
	}
	if (is_refused(facts, choice.version)) {
		other = find_other(facts, choice.version, true);
		if (other != NULL) {
			choice.wanted = choice.version;
			choice.version = other;
			choice.reason = CERT_CHOSEN_REFUSED;
		}
	}
	return choice;
}

const char *cert_choose_words(const struct cert_choice *choice,
	const struct cert_choose_facts *facts, struct arena *arena)
{
	const struct cert_version *v = choice->version;
	const char *head;

	if (v == NULL)
		return "no version of it is alive";
	head = arena_format(arena, "version %s (%s)", v->id, cert_state_names[v->state]);
	switch (choice->reason) {
	case CERT_CHOSEN_CONNECTOR:
		return arena_format(arena, "%s: the trial names connector %s", head,
			facts->connector != NULL ? facts->connector : "(none)");
	case CERT_CHOSEN_SHARE:
		return arena_format(arena,
			"%s: %s is among the %d per cent of the peers in the trial (it comes in at "
			"%d)",
			head, facts->peer != NULL ? facts->peer : "the peer",
			(int)facts->life->plan.share, choice->percentile + 1);
	case CERT_CHOSEN_VALID:
		return arena_format(arena, "%s: version %s (%s) is not valid now", head,
			choice->wanted->id, cert_state_names[choice->wanted->state]);
	case CERT_CHOSEN_REFUSED:
		return arena_format(arena, "%s: the peer has refused version %s (%s)", head,
			choice->wanted->id, cert_state_names[choice->wanted->state]);
	default:
		return head;
	}
}
