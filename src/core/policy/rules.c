/*
 * Rules: those of the organisation that sends, and those of the recipient's where it is another.
 *
 * All conditions of a rule must hold.  Of several rules the strictest wins: refuse before hold, and
 * of levels the highest.  Of several connectors that of the first rule by name.  A rule in report
 * mode asks for nothing: what it would have asked is stated beside.
 */
#include "core/policy/outbound.h"

enum { MAX_TOLD = 10 }; /* rules that do not apply are told by name, up to so many */

static const char *const direction_names[] = {"any", "incoming", "outgoing", "internal"};

static bool is_below(const char *name, const char *parent)
{
	size_t m = strlen(name), n = strlen(parent);

	return m > n + 1 && name[m - n - 1] == '.' && strcmp(name + m - n, parent) == 0;
}

/* An address means a mailbox: its tags ("+x"), its case and its quotes are the same to it. */
static bool is_mailbox(
	struct str pattern, size_t at, const struct policy_mailbox *m, struct arena *arena)
{
	const char *local = policy_local_name(str_part(pattern, 0, at), true, arena);

	return m->domain != NULL && str_is(str_part(pattern, at + 1, pattern.n), m->domain) &&
	       (strcmp(local, policy_local_name(m->local, true, arena)) == 0 ||
		       strcmp(local, policy_local_name(m->local, false, arena)) == 0);
}

/* Nothing set in M: the null sender. */
static bool covers(const char *pattern, const struct policy_mailbox *m, struct arena *arena)
{
	struct str text = str_of(pattern);
	size_t at = str_find_last(text, '@');

	if (strcmp(pattern, "*") == 0)
		return true;
	if (strcmp(pattern, "<>") == 0)
		return m->local.n == 0;
	if (at < text.n)
		return is_mailbox(text, at, m, arena);
	if (m->domain == NULL)
		return false;
	return text.n > 2 && pattern[0] == '*' ? is_below(m->domain, pattern + 2)
					       : strcmp(pattern, m->domain) == 0;
}

static bool is_among(
	const struct record_texts *patterns, const struct policy_mailbox *m, struct arena *arena)
{
	bool found = patterns->count == 0;

	for (size_t i = 0; i < patterns->count && !found; i++)
		found = covers(patterns->items[i], m, arena);
	return found;
}

static bool has_label(const struct policy_routing *r, const struct model_rule *rule)
{
	const char *label = arena_format(r->arena, "%s/%s", rule->organisation, rule->name);

	for (size_t i = 0; i < r->mail->labels.count; i++)
		if (strcmp(r->mail->labels.items[i], label) == 0)
			return true;
	return false;
}

/* NULL: all its conditions hold. */
static const char *why_not(const struct policy_routing *r, const struct model_rule *rule,
	int direction, const struct policy_mailbox *sender)
{
	if (!rule->enabled)
		return "disabled";
	if (rule->direction != MODEL_DIRECTION_ANY && rule->direction != direction)
		return arena_format(r->arena, "the mail is %s, and the rule is for %s mail",
			direction_names[direction], direction_names[rule->direction]);
	if (!is_among(&rule->senders, sender, r->arena))
		return "the sender is none of its senders";
	if (!is_among(&rule->recipients, &r->recipient, r->arena))
		return "the recipient is none of its recipients";
	if (rule->header != NULL && !has_label(r, rule))
		return arena_format(
			r->arena, "no header field %s that it asks for was found", rule->header);
	if (rule->larger_than > 0 && r->mail->size <= rule->larger_than)
		return arena_format(r->arena, "the message is not larger than %lld bytes",
			(long long)rule->larger_than);
	return NULL;
}

static const char *what_it_asks(const struct policy_routing *r, const struct model_rule *rule)
{
	const char *text = rule->action == MODEL_RULE_REFUSE ? "refuse"
			   : rule->action == MODEL_RULE_HOLD ? "hold"
							     : "";

	if (rule->require_tls > MODEL_LEVEL_NONE && rule->require_tls < MODEL_LEVEL_MAX)
		text = arena_format(r->arena, "%s%s%s", text, text[0] != '\0' ? ", " : "",
			model_level_names[rule->require_tls]);
	if (rule->connector != NULL)
		text = arena_format(r->arena, "%s%sconnector %s", text, text[0] != '\0' ? ", " : "",
			rule->connector);
	return arena_format(r->arena, "its conditions hold%s: %s",
		rule->mode == MODEL_REPORT ? ", in report mode" : "",
		text[0] != '\0' ? text : "nothing is asked");
}

static void add(struct policy_routing *r, const struct model_rule *rule)
{
	struct policy_ruling *all = &r->ruling;

	if (all->count == all->room) {
		size_t room = all->room * 2 + 4;
		const struct model_rule **items =
			arena_array(r->arena, room, sizeof(struct model_rule *));

		if (all->count > 0)
			memcpy(items, all->items, all->count * sizeof(*items));
		all->items = items;
		all->room = room;
	}
	all->items[all->count++] = rule;
}

static const char *subject_of(const struct policy_routing *r, const struct model_rule *rule)
{
	return arena_format(r->arena, "rule %s/%s", rule->organisation, rule->name);
}

/* What came back from a connector has been where the rule wanted it to go. */
static void take_connector(
	struct policy_routing *r, const struct model_rule *rule, struct policy_rule_way *way)
{
	const struct policy_entry *entry =
		policy_entry_of(r->s, rule->organisation, str_of(rule->connector));
	const char *subject = subject_of(r, rule);

	if (rule->connector == NULL || rule->mode == MODEL_REPORT)
		return;
	if (entry != NULL && entry == r->came_by)
		policy_outbound_consider(r, subject, false,
			arena_format(r->arena, "the mail came in by %s: it is not sent there again",
				entry->subject));
	else if (way->rule != NULL)
		policy_outbound_consider(r, subject, false,
			arena_format(r->arena, "connector %s: rule %s/%s comes first by name",
				rule->connector, way->rule->organisation, way->rule->name));
	else
		*way = (struct policy_rule_way){.rule = rule, .entry = entry};
}

static void obey(struct policy_routing *r, const struct model_rule *rule)
{
	struct policy_outbound *ret = r->ret;
	bool refuses = rule->action == MODEL_RULE_REFUSE;

	if (rule->action == MODEL_RULE_PASS)
		return;
	if (rule->mode == MODEL_REPORT) {
		if (ret->would.outcome == POLICY_OK)
			ret->would = (struct policy_would){.outcome = POLICY_RULE,
				.text = arena_format(r->arena, "%s would %s this mail",
					subject_of(r, rule), refuses ? "refuse" : "hold"),
				.by = subject_of(r, rule)};
	} else if (refuses && ret->refused_by == NULL) {
		ret->refused_by = subject_of(r, rule);
		policy_outbound_refuse(r, POLICY_RULE,
			rule->text != NULL ? rule->text : policy_outcome_row(POLICY_RULE)->text);
	} else if (!refuses && !ret->hold) {
		ret->hold = true;
		ret->hold_by = subject_of(r, rule);
	}
}

static void judge(struct policy_routing *r, const char *organisation, int direction,
	struct policy_rule_way *way)
{
	const struct policy_rules *rules = map_get(r->s->rules, str_of(organisation));
	struct policy_mailbox sender = {0};
	size_t others = 0;

	/* One that cannot be read is somebody, though nobody by name. */
	if (r->mail->sender != NULL && r->mail->sender[0] != '\0' &&
		!policy_parse_mailbox(str_of(r->mail->sender), r->arena, &sender))
		sender.local = str_of(r->mail->sender);
	for (size_t i = 0; rules != NULL && i < rules->count; i++) {
		const struct model_rule *rule = rules->items[i];
		const char *why = why_not(r, rule, direction, &sender);

		if (why == NULL) {
			policy_outbound_consider(
				r, subject_of(r, rule), true, what_it_asks(r, rule));
			add(r, rule);
			obey(r, rule);
			take_connector(r, rule, way);
		} else if (others++ < MAX_TOLD) {
			policy_outbound_consider(r, subject_of(r, rule), false, why);
		}
	}
	if (others > MAX_TOLD)
		policy_outbound_consider(r, arena_format(r->arena, "rules of %s", organisation),
			false,
			arena_format(r->arena, "the conditions of %zu more do not hold",
				others - MAX_TOLD));
}

void policy_rules_judge(struct policy_routing *r)
{
	if (r->sender != NULL)
		judge(r, r->sender->name,
			r->owner == r->sender ? MODEL_DIRECTION_INTERNAL : MODEL_DIRECTION_OUTGOING,
			&r->ruling.senders);
	if (r->owner != NULL && r->owner != r->sender)
		judge(r, r->owner->name, MODEL_DIRECTION_INCOMING, &r->ruling.receivers);
}
