#include "core/cert/step.h"

#include "base/moment.h"

const char *const cert_action_names[] = {
	"start", "advance", "back", "retire", "cancel", "drop", NULL};

#define F(member, k, ...) RECORD_FIELD(struct cert_step, member, k, __VA_ARGS__)
static const struct record_field step_fields[] = {
	F(action, RECORD_ENUM, .names = cert_action_names, .flags = RECORD_REQUIRED,
		.doc = "start, advance, back, retire, cancel or drop."),
	{.name = "at",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct cert_step, at_ms),
		.doc = "When; absent: now. A moment that is over by more than a minute is "
		       "refused."},
	F(force, RECORD_BOOL,
		.doc = "advance: also where the next version does not pass a partner's checks."),
	F(share, RECORD_INT, .max = 100,
		.doc = "start: share of the connections that are shown the next version, per "
		       "cent."),
	F(connectors, RECORD_TEXTS, .max = 1000,
		.doc = "start: connectors (organisation/name) that are shown the next version."),
};
#undef F
const struct record_desc cert_step_desc = RECORD_DESC(
	struct cert_step, "step", step_fields, .doc = "A step in the life of a certificate.");

static struct cert_version *in(struct cert_life *life, enum cert_state state)
{
	for (size_t i = 0; i < life->versions.count; i++)
		if (life->versions.items[i].state == (int)state)
			return &life->versions.items[i];
	return NULL;
}

static const char *text(int64_t ms, char to[MOMENT_TEXT_SIZE])
{
	moment_format_rfc3339(ms, to);
	return to;
}

static bool is_valid(const struct cert_version *version, int64_t now_ms)
{
	return version->not_before_ms <= now_ms && now_ms < version->not_after_ms;
}

/* May it be shown to anybody at that moment? */
static enum err need_valid(const struct cert_version *version, int64_t at_ms, struct err_info *info)
{
	char moment[MOMENT_TEXT_SIZE];

	if (at_ms < version->not_before_ms)
		return err_set(info, ERR_RANGE, "version %s is not valid before %s", version->id,
			text(version->not_before_ms, moment));
	if (at_ms >= version->not_after_ms)
		return err_set(info, ERR_RANGE, "version %s ends at %s: import a newer one",
			version->id, text(version->not_after_ms, moment));
	return ERR_OK;
}

static void retire(struct cert_version *version, int64_t now_ms)
{
	version->state = CERT_RETIRED;
	version->retired_ms = now_ms;
}

/* Everything that is about the next version. */
static void forget_rollover(struct cert_plan *plan)
{
	*plan = (struct cert_plan){.retire_ms = plan->retire_ms};
}

static enum err no_next(struct err_info *info)
{
	return err_set(info, ERR_CONFLICT, "there is no next version: import one first");
}

static enum err check_connectors(const struct record_texts *connectors, struct err_info *info)
{
	for (size_t i = 0; i < connectors->count; i++) {
		struct str name = str_of(connectors->items[i]);
		size_t slash = str_find(name, '/', 0);

		if (slash == 0 || slash >= name.n - 1)
			return err_set(info, ERR_SYNTAX,
				"connectors[%zu]: expected organisation/name, found \"%s\"", i,
				connectors->items[i]);
	}
	return ERR_OK;
}

static enum err start(
	struct cert_life *life, const struct cert_step *step, int64_t now_ms, struct err_info *info)
{
	const struct cert_version *next = in(life, CERT_NEXT);
	int64_t at = step->at_ms > now_ms ? step->at_ms : now_ms;
	char moment[MOMENT_TEXT_SIZE];
	enum err e;

	if (next == NULL)
		return no_next(info);
	if (step->share == 0 && step->connectors.count == 0)
		return err_set(info, ERR_RANGE,
			"a trial needs a share of the connections (1 to 100), or connectors");
	e = need_valid(next, at, info);
	if (e == ERR_OK)
		e = check_connectors(&step->connectors, info);
	if (e == ERR_OK && life->plan.advance_ms != 0 && at >= life->plan.advance_ms)
		e = err_set(info, ERR_RANGE, "version %s becomes current at %s already", next->id,
			text(life->plan.advance_ms, moment));
	if (e != ERR_OK)
		return e;
	life->plan.share = step->share;
	life->plan.connectors = step->connectors;
	life->plan.is_trial = at == now_ms;
	life->plan.start_ms = life->plan.is_trial ? 0 : at;
	return ERR_OK;
}

static enum err advance_later(
	struct cert_life *life, int64_t at_ms, bool is_forced, struct err_info *info)
{
	const struct cert_version *current = in(life, CERT_CURRENT);
	char moment[MOMENT_TEXT_SIZE];

	if (at_ms >= current->not_after_ms)
		return err_set(info, ERR_RANGE, "the current version %s ends at %s: advance before",
			current->id, text(current->not_after_ms, moment));
	if (at_ms <= life->plan.start_ms)
		return err_set(info, ERR_RANGE, "the trial begins at %s only",
			text(life->plan.start_ms, moment));
	if (life->plan.retire_ms != 0 && in(life, CERT_DEPRECATED) == NULL &&
		at_ms >= life->plan.retire_ms)
		return err_set(info, ERR_RANGE,
			"the version that it deprecates is to be retired at %s already",
			text(life->plan.retire_ms, moment));
	life->plan.advance_ms = at_ms;
	life->plan.is_forced = is_forced;
	return ERR_OK;
}

static enum err advance(
	struct cert_life *life, const struct cert_step *step, int64_t now_ms, struct err_info *info)
{
	struct cert_version *next = in(life, CERT_NEXT), *current = in(life, CERT_CURRENT);
	struct cert_version *deprecated = in(life, CERT_DEPRECATED);
	int64_t at = step->at_ms > now_ms ? step->at_ms : now_ms;
	enum err e;

	if (next == NULL)
		return no_next(info);
	e = need_valid(next, at, info);
	if (e != ERR_OK)
		return e;
	if (at > now_ms)
		return advance_later(life, at, step->force, info);
	/* The date belonged to the one that goes now. */
	if (deprecated != NULL) {
		retire(deprecated, now_ms);
		life->plan.retire_ms = 0;
	}
	if (life->plan.retire_ms <= now_ms)
		life->plan.retire_ms = 0;
	current->state = CERT_DEPRECATED;
	current->deprecated_ms = now_ms;
	next->state = CERT_CURRENT;
	next->current_ms = now_ms;
	forget_rollover(&life->plan);
	return ERR_OK;
}

static enum err back(
	struct cert_life *life, const struct cert_step *step, int64_t now_ms, struct err_info *info)
{
	struct cert_version *next = in(life, CERT_NEXT), *current = in(life, CERT_CURRENT);
	struct cert_version *deprecated = in(life, CERT_DEPRECATED);
	enum err e;

	if (step->at_ms > now_ms)
		return err_set(info, ERR_RANGE, "going back is done now, not by date");
	if (deprecated == NULL)
		return err_set(info, ERR_CONFLICT, "there is no deprecated version to go back to%s",
			life->plan.is_trial ? "; cancel ends the trial" : "");
	if (next != NULL)
		return err_set(info, ERR_CONFLICT,
			"version %s is next, and would have to become current again after version "
			"%s: drop it first",
			next->id, current->id);
	e = need_valid(deprecated, now_ms, info);
	if (e != ERR_OK)
		return e;
	current->state = CERT_NEXT;
	deprecated->state = CERT_CURRENT;
	deprecated->current_ms = now_ms;
	life->plan = (struct cert_plan){0};
	return ERR_OK;
}

static enum err retire_step(
	struct cert_life *life, const struct cert_step *step, int64_t now_ms, struct err_info *info)
{
	struct cert_version *deprecated = in(life, CERT_DEPRECATED);
	char moment[MOMENT_TEXT_SIZE];

	if (step->at_ms <= now_ms) {
		if (deprecated == NULL)
			return err_set(info, ERR_CONFLICT, "there is no deprecated version");
		retire(deprecated, now_ms);
		life->plan.retire_ms = 0;
		return ERR_OK;
	}
	if (deprecated == NULL && in(life, CERT_NEXT) == NULL)
		return err_set(
			info, ERR_CONFLICT, "there is neither a deprecated version nor a next one");
	if (deprecated == NULL && step->at_ms <= life->plan.advance_ms)
		return err_set(info, ERR_RANGE, "the current version is deprecated at %s only",
			text(life->plan.advance_ms, moment));
	life->plan.retire_ms = step->at_ms;
	return ERR_OK;
}

static enum err drop(struct cert_life *life, int64_t now_ms, struct err_info *info)
{
	struct cert_version *next = in(life, CERT_NEXT);

	if (next == NULL)
		return no_next(info);
	retire(next, now_ms);
	forget_rollover(&life->plan);
	if (in(life, CERT_DEPRECATED) == NULL)
		life->plan.retire_ms = 0;
	return ERR_OK;
}

enum err cert_step_check_moment(const struct cert_step *step, int64_t now_ms, struct err_info *info)
{
	char moment[MOMENT_TEXT_SIZE];

	/* Last year by a slip of the finger must not mean at once. */
	if (step->at_ms == 0 || step->at_ms >= now_ms - CERT_STEP_GRACE_MS)
		return ERR_OK;
	return err_set(info, ERR_RANGE, "at: %s is over; without a moment it is done now",
		text(step->at_ms, moment));
}

enum err cert_step_take(const struct cert_life *life, const struct cert_step *step, int64_t now_ms,
	struct arena *arena, struct cert_life *ret, struct err_info *info)
{
	struct cert_life after;
	struct cert_step own;
	enum err e = ERR_OK;

	if (life->versions.count == 0)
		return err_set(info, ERR_CONFLICT, "there is no version: import one first");
	record_copy(&cert_life_desc, life, arena, &after);
	record_copy(&cert_step_desc, step, arena, &own);
	e = cert_step_check_moment(step, now_ms, info);
	if (e != ERR_OK)
		return e;
	switch ((enum cert_action)own.action) {
	case CERT_START:
		e = start(&after, &own, now_ms, info);
		break;
	case CERT_ADVANCE:
		e = advance(&after, &own, now_ms, info);
		break;
	case CERT_BACK:
		e = back(&after, &own, now_ms, info);
		break;
	case CERT_RETIRE:
		e = retire_step(&after, &own, now_ms, info);
		break;
	case CERT_CANCEL:
		after.plan = (struct cert_plan){0};
		break;
	case CERT_DROP:
		e = drop(&after, now_ms, info);
		break;
	}
	if (e == ERR_OK)
		*ret = after;
	return e;
}

/* ---- a version comes --------------------------------------------------------------------------
 */

static uint64_t number_of(const struct cert_version *version)
{
	uint64_t number = 0;

	return str_to_u64(str_of(version->id), &number) ? number : 0;
}

/* Room for one more: the oldest retired one is forgotten. */
static enum err make_room(struct cert_life *life, struct err_info *info)
{
	size_t i = 0;

	if (life->versions.count < CERT_VERSIONS_MAX)
		return ERR_OK;
	while (i < life->versions.count && life->versions.items[i].state != CERT_RETIRED)
		i++;
	if (i == life->versions.count)
		return err_set(
			info, ERR_TOO_MANY, "there are %d versions already", CERT_VERSIONS_MAX);
	life->versions.count--;
	memmove(&life->versions.items[i], &life->versions.items[i + 1],
		(life->versions.count - i) * sizeof(life->versions.items[0]));
	return ERR_OK;
}

static enum err clear_next(
	struct cert_life *life, bool replaces, int64_t now_ms, struct err_info *info)
{
	struct cert_version *next = in(life, CERT_NEXT);

	if (next == NULL)
		return ERR_OK;
	if (!replaces)
		return err_set(info, ERR_EXISTS,
			"version %s is next already: advance to it, drop it, or replace it",
			next->id);
	return drop(life, now_ms, info);
}

enum err cert_step_add(const struct cert_life *life, const struct cert_arrival *arrival,
	int64_t now_ms, struct arena *arena, struct cert_life *ret, struct err_info *info)
{
	struct cert_life after;
	struct cert_version *items;
	uint64_t number = 0;
	size_t count;
	enum err e;

	record_copy(&cert_life_desc, life, arena, &after);
	e = clear_next(&after, arrival->replaces_next, now_ms, info);
	for (size_t i = 0; i < after.versions.count; i++)
		if (number_of(&after.versions.items[i]) > number)
			number = number_of(&after.versions.items[i]);
	if (e == ERR_OK)
		e = make_room(&after, info);
	if (e != ERR_OK)
		return e;
	count = after.versions.count;
	items = arena_array(arena, count + 1, sizeof(*items));
	if (count > 0)
		memcpy(items, after.versions.items, count * sizeof(*items));
	items[count] = (struct cert_version){
		.id = arena_format(arena, "%llu", (unsigned long long)number + 1),
		.state = count == 0 ? CERT_CURRENT : CERT_NEXT,
		.added_ms = now_ms,
		.current_ms = count == 0 ? now_ms : 0,
		.not_before_ms = arrival->not_before_ms,
		.not_after_ms = arrival->not_after_ms,
		.sha256 = arrival->sha256,
	};
	after.versions.items = items;
	after.versions.count = count + 1;
	record_copy(&cert_life_desc, &after, arena, ret);
	return ERR_OK;
}

/* ---- by date ----------------------------------------------------------------------------------
 */

/* The step of the plan that comes first, whether it can be taken or not; false: none is due. */
static bool is_due(const struct cert_life *life, int64_t now_ms, struct cert_step *step)
{
	const struct cert_plan *plan = &life->plan;
	const struct cert_version *next = cert_life_in(life, CERT_NEXT);
	const struct cert_version *current = cert_life_in(life, CERT_CURRENT);
	const struct cert_version *deprecated = cert_life_in(life, CERT_DEPRECATED);

	*step = (struct cert_step){0};
	/* Late as we may be: a trial whose end has come, too, is none any more. */
	if (next != NULL && ((plan->advance_ms != 0 && plan->advance_ms <= now_ms) ||
				    (current->not_after_ms <= now_ms && is_valid(next, now_ms)))) {
		step->action = CERT_ADVANCE;
		return true;
	}
	if (deprecated != NULL && ((plan->retire_ms != 0 && plan->retire_ms <= now_ms) ||
					  deprecated->not_after_ms <= now_ms)) {
		step->action = CERT_RETIRE;
		return true;
	}
	if (next != NULL && plan->start_ms != 0 && plan->start_ms <= now_ms) {
		step->action = CERT_START;
		step->share = plan->share;
		step->connectors = plan->connectors;
		return true;
	}
	return false;
}

/* As if it had no next version: what else is due? */
static bool is_due_without(const struct cert_life *life, int64_t now_ms, struct cert_step *step)
{
	struct cert_life rest = *life;

	rest.plan.advance_ms = 0;
	rest.plan.start_ms = 0;
	return is_due(&rest, now_ms, step) && step->action == CERT_RETIRE;
}

bool cert_step_due(
	const struct cert_life *life, int64_t now_ms, struct cert_step *ret, struct err_info *why)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct err_info info = {.text = ""};
	struct cert_life after;
	struct cert_step step;

	if (why != NULL)
		*why = info;
	if (life->versions.count == 0 || !is_due(life, now_ms, &step))
		return false;
	if (cert_step_take(life, &step, now_ms, arena, &after, &info) == ERR_OK) {
		*ret = step;
		return true;
	}
	if (why != NULL)
		*why = info;
	if (!is_due_without(life, now_ms, &step))
		return false;
	*ret = step;
	return true;
}

bool cert_step_is_held(const struct cert_life *life, const struct cert_step *step, int64_t now_ms,
	const struct cert_hold *known, struct err_info *why)
{
	const struct cert_version *current = cert_life_in(life, CERT_CURRENT);

	*why = (struct err_info){.text = ""};
	if (step->action != CERT_ADVANCE || life->plan.is_forced ||
		current->not_after_ms <= now_ms || (known != NULL && !known->breaks))
		return false;
	if (known != NULL)
		err_set(why, ERR_CONFLICT,
			"version %s is not made current by date: %s; or advance with --force",
			known->version, known->text);
	return true;
}

static void sooner(int64_t *at, int64_t moment, int64_t now_ms)
{
	/* What is past and could not be done is looked at again in an hour. */
	if (moment <= now_ms)
		moment = now_ms + MOMENT_HOUR_MS;
	if (moment < *at)
		*at = moment;
}

int64_t cert_step_next_due(const struct cert_life *life, int64_t now_ms)
{
	const struct cert_version *next = cert_life_in(life, CERT_NEXT);
	const struct cert_version *current = cert_life_in(life, CERT_CURRENT);
	const struct cert_version *deprecated = cert_life_in(life, CERT_DEPRECATED);
	const struct cert_plan *plan = &life->plan;
	int64_t at = INT64_MAX;

	if (plan->start_ms != 0)
		sooner(&at, plan->start_ms, now_ms);
	if (plan->advance_ms != 0)
		sooner(&at, plan->advance_ms, now_ms);
	if (plan->retire_ms != 0)
		sooner(&at, plan->retire_ms, now_ms);
	if (next != NULL && current != NULL)
		sooner(&at, current->not_after_ms, now_ms);
	if (next != NULL && next->not_before_ms > now_ms)
		sooner(&at, next->not_before_ms, now_ms);
	if (deprecated != NULL)
		sooner(&at, deprecated->not_after_ms, now_ms);
	return at;
}

/* ---- what always holds ------------------------------------------------------------------------
 */

static enum err check_versions(const struct cert_life *life, struct err_info *info)
{
	size_t counts[CERT_RETIRED + 1] = {0};
	uint64_t last = 0, number;

	for (size_t i = 0; i < life->versions.count; i++) {
		const struct cert_version *v = &life->versions.items[i];

		if (!str_to_u64(str_of(v->id), &number) || v->id[0] == '0' || number <= last)
			return err_set(info, ERR_CORRUPT,
				"versions[%zu].id: expected a number greater than %llu, found "
				"\"%s\"",
				i, (unsigned long long)last, v->id);
		last = number;
		counts[v->state]++;
	}
	for (size_t i = 0; i < CERT_RETIRED; i++)
		if (counts[i] > 1)
			return err_set(info, ERR_CORRUPT, "versions: %zu are %s, expected one",
				counts[i], cert_state_names[i]);
	if (life->versions.count > 0 && counts[CERT_CURRENT] == 0)
		return err_set(info, ERR_CORRUPT, "versions: none is current");
	return ERR_OK;
}

enum err cert_step_check(const struct cert_life *life, struct err_info *info)
{
	const struct cert_plan *plan = &life->plan;
	bool has_next = cert_life_in(life, CERT_NEXT) != NULL;
	enum err e = check_versions(life, info);

	if (e != ERR_OK)
		return e;
	if (!has_next && (plan->is_trial || plan->start_ms != 0 || plan->advance_ms != 0 ||
				 plan->is_forced || plan->share != 0 || plan->connectors.count > 0))
		return err_set(info, ERR_CORRUPT, "plan: there is no next version");
	if (!has_next && plan->retire_ms != 0 && cert_life_in(life, CERT_DEPRECATED) == NULL)
		return err_set(info, ERR_CORRUPT, "plan.retire: there is nothing to retire");
	return ERR_OK;
}
