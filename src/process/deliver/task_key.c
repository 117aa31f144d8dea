/* What belongs to a task's demands: by what connections and sessions are told apart, and what
 * becomes of mail whose demands are not met. */
#include "process/deliver/present.h"
#include "process/deliver/task.h"

const char *deliver_task_joined(struct arena *arena, const struct record_texts *names)
{
	const char *all = NULL;

	for (size_t i = 0; i < names->count; i++)
		all = all == NULL ? names->items[i]
				  : arena_format(arena, "%s, %s", all, names->items[i]);
	return all;
}

static const char *or_none(const char *text)
{
	return text != NULL ? text : "";
}

static unsigned long long anchors_mark(const struct policy_outbound *route)
{
	const struct policy_profile *p = &route->profile;

	return map_hash(str_of(p->anchors), 1) ^ map_hash(str_of(p->crls), 2) ^
	       (uint64_t)p->revocation;
}

/* What one demand asks, as text: equal for equal demands. */
static const char *demand_text(struct arena *arena, const struct policy_demand *demand)
{
	return arena_format(arena, "%d|%s|%s|%s|%d", demand->required,
		or_none(deliver_task_joined(arena, &demand->names)),
		or_none(deliver_task_joined(arena, &demand->pins)),
		or_none(deliver_task_joined(arena, &demand->groups)), demand->minimum_version);
}

static const char *enforced_text(struct arena *arena, const struct policy_outbound *route)
{
	const struct policy_demand demand = {
		.required = route->required,
		.names = route->names,
		.pins = route->pins,
		.groups = route->groups,
		.minimum_version = route->minimum_version,
	};

	return demand_text(arena, &demand);
}

/* Everything that makes one connection unfit for another route. */
const char *deliver_task_link_key(struct deliver_task *task, const struct deliver_target *target)
{
	const struct policy_outbound *route = task->route;

	return arena_format(task->arena, "%s|%s|%u|%s|%s|%016llx|%s|%s|%s|%s",
		task->lmtp ? "lmtp" : "smtp", target->host, target->port,
		enforced_text(task->arena, route), demand_text(task->arena, &route->reported),
		anchors_mark(route), or_none(route->certificate),
		or_none(deliver_present_version(task->self, route, target)),
		or_none(route->organisation), or_none(route->connector));
}

/* A session is resumed only under the same identity, the same anchors and the same offer. */
const char *deliver_task_cache_key(struct deliver_task *task, const struct deliver_target *target)
{
	const struct policy_outbound *route = task->route;

	return arena_format(task->arena, "%s:%u|%s|%016llx|%s", target->host, target->port,
		or_none(route->certificate), anchors_mark(route),
		route->required > MODEL_LEVEL_NONE ? enforced_text(task->arena, route) : "");
}

struct deliver_past deliver_task_past(const struct deliver_task *task)
{
	return (struct deliver_past){
		.best = task->job->wire.best,
		.fallen_ms = task->job->wire.fallen_ms,
		.now_ms = runtime_now_ms(),
	};
}

void deliver_task_unmet(struct deliver_task *task, enum policy_outcome outcome, const char *text,
	struct deliver_verdict *ret)
{
	const struct policy_outcome_row *row = policy_outcome_row(outcome);

	deliver_count_unmet(task->self, outcome);
	*ret = (struct deliver_verdict){
		.result = WIRE_DEFERRED,
		.token = row->token,
		.enhanced = row->enhanced,
		.text = text != NULL ? text : row->text,
		.host = deliver_task_target(task)->host,
		.receipt = -1,
		.weight = DELIVER_WEIGHT_POLICY,
	};
	/* What waits for its own sake, and not for a demand, goes on waiting. */
	if (!task->route->returns_when_unmet || task->route->required == MODEL_LEVEL_NONE ||
		outcome == POLICY_DOWNGRADE)
		return;
	ret->result = WIRE_FAILED;
	if (row->enhanced[0] == '4')
		ret->enhanced = arena_format(task->arena, "5%s", row->enhanced + 1);
}
