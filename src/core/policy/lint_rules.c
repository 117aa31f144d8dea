/* Rules that never match, or match and change nothing. */
#include "core/policy/lint_inside.h"

struct about {
	struct policy_lint *l;
	const struct model_rule *r;
	struct policy_lint_owner *owner;
	const char *subject;
};

/* ---- never ------------------------------------------------------------------------------------
 */

static const char *domain_of(const char *pattern)
{
	const char *at = strrchr(pattern, '@');

	return at != NULL ? at + 1 : pattern;
}

/* May an address that meets PATTERN be at an accepted domain of the rule's organisation? */
static bool reaches_own(const struct about *a, const char *pattern)
{
	const char *name = domain_of(pattern);
	const struct model_domain *d;

	if (strcmp(name, "*") == 0)
		return true;
	if (name[0] == '*') {
		if (policy_lint_get(a->l, a->l->above, a->r->organisation, name + 2) != NULL)
			return true;
		d = policy_lint_accepted(a->l, name + 2);
		return d != NULL && d->subdomains &&
		       strcmp(d->organisation, a->r->organisation) == 0;
	}
	d = policy_lint_accepted(a->l, name);
	return d != NULL && strcmp(d->organisation, a->r->organisation) == 0;
}

/* May one be elsewhere? */
static bool reaches_others(const struct about *a, const char *pattern)
{
	const char *name = domain_of(pattern);
	const struct model_domain *d;

	if (name[0] == '*')
		return true;
	d = policy_lint_accepted(a->l, name);
	return d == NULL || strcmp(d->organisation, a->r->organisation) != 0;
}

static bool any(const struct about *a, const struct record_texts *patterns,
	bool (*reaches)(const struct about *, const char *))
{
	for (size_t i = 0; i < patterns->count; i++)
		if (reaches(a, patterns->items[i]))
			return true;
	return patterns->count == 0;
}

static const char *why_never(const struct about *a)
{
	const struct model_rule *r = a->r;
	bool comes_in = r->direction == MODEL_DIRECTION_INCOMING ||
			r->direction == MODEL_DIRECTION_INTERNAL;

	if (comes_in && !any(a, &r->recipients, reaches_own))
		return "no recipient it names is at an accepted domain of the organisation";
	if (r->direction == MODEL_DIRECTION_OUTGOING && !any(a, &r->recipients, reaches_others))
		return "it is for outgoing mail, and all recipients it names are the "
		       "organisation's own";
	if (a->owner->model->maximum_message > 0 &&
		r->larger_than >= a->owner->model->maximum_message)
		return "the organisation takes no message that large";
	return NULL;
}

/* ---- shadowed ---------------------------------------------------------------------------------
 */

static const char *list_of(const struct about *a, const struct record_texts *list)
{
	const char *text = "";

	for (size_t i = 0; i < list->count && i < 100; i++)
		text = arena_format(a->l->arena, "%s %s", text, list->items[i]);
	return list->count > 100 ? arena_format(a->l->arena, "%s +%zu %s", text, list->count - 100,
					   a->r->name)
				 : text;
}

/* Equal for rules with the same conditions. */
static struct str conditions_of(const struct about *a)
{
	const struct model_rule *r = a->r;

	return str_of(arena_format(a->l->arena, "rule %s %d %d [%s] [%s] %s: %s %lld",
		r->organisation, r->mode, r->direction, list_of(a, &r->senders),
		list_of(a, &r->recipients), r->header != NULL ? r->header : "",
		r->header_contains != NULL ? r->header_contains : "", (long long)r->larger_than));
}

/* Does STRONG ask for all that WEAK asks for?  Of two connectors the first by name wins. */
static bool includes(const struct model_rule *strong, const struct model_rule *weak)
{
	if (strong->action == MODEL_RULE_REFUSE)
		return true;
	return weak->action <= strong->action && weak->require_tls <= strong->require_tls &&
	       (weak->connector == NULL ||
		       (strong->connector != NULL && strcmp(strong->name, weak->name) < 0));
}

static void shadowed(const struct about *a, const struct model_rule *by, const char *why)
{
	policy_lint_add(a->l, LINT_RULE_SHADOWED, a->r->organisation,
		arena_format(a->l->arena, "rule %s/%s", a->r->organisation, a->r->name),
		"it changes nothing: rule %s %s", by->name, why);
}

static void check_equals(struct about *a)
{
	struct str key = conditions_of(a);
	const struct model_rule *first = map_get(a->l->seen, key);

	if (first == NULL) {
		map_set(a->l->seen, key, (void *)a->r);
		return;
	}
	if (includes(first, a->r)) {
		shadowed(a, first, "has the same conditions and asks for as much");
	} else if (includes(a->r, first)) {
		const struct model_rule *stronger = a->r;

		map_set(a->l->seen, key, (void *)stronger);
		a->r = first;
		shadowed(a, stronger, "has the same conditions and asks for more");
		a->r = stronger;
	}
}

static bool refuses_all(const struct model_rule *r)
{
	return r->action == MODEL_RULE_REFUSE && r->mode == MODEL_ENFORCE &&
	       r->senders.count == 0 && r->recipients.count == 0 && r->header == NULL &&
	       r->larger_than == 0;
}

static void check_refused(const struct about *a)
{
	const struct model_rule *all = a->owner->unconditional[MODEL_DIRECTION_ANY];

	if (all == NULL)
		all = a->owner->unconditional[a->r->direction];
	if (all != NULL && all != a->r)
		shadowed(a, all, "refuses all that it could match");
}

/* ---- one rule ---------------------------------------------------------------------------------
 */

static void check_connector(const struct about *a)
{
	const struct model_connector *c;

	if (a->r->connector == NULL)
		return;
	c = policy_lint_get(a->l, a->l->connectors, a->r->organisation, a->r->connector);
	if (c != NULL && !c->enabled)
		policy_lint_add(a->l, LINT_RULE_CONNECTOR, a->r->organisation, a->subject,
			"it routes by connector %s, which is disabled", a->r->connector);
}

static void check_rule(struct about *a)
{
	const char *never = why_never(a);

	check_connector(a);
	if (never != NULL)
		policy_lint_add(a->l, LINT_RULE_NEVER, a->r->organisation, a->subject,
			"it never matches: %s", never);
	if (a->r->mode == MODEL_REPORT)
		policy_lint_add(a->l, LINT_REPORT_MODE, a->r->organisation, a->subject,
			"it is in report mode: nothing is enforced");
	if (refuses_all(a->r))
		return;
	check_equals(a);
	check_refused(a);
}

void policy_lint_rules(struct policy_lint *l)
{
	for (size_t i = 0; i < l->config->rules.count; i++) {
		const struct model_rule *r = &l->config->rules.items[i];
		struct policy_lint_owner *o = map_get(l->owners, str_of(r->organisation));

		if (o != NULL && r->enabled && refuses_all(r) &&
			o->unconditional[r->direction] == NULL)
			o->unconditional[r->direction] = r;
	}
	for (size_t i = 0; i < l->config->rules.count; i++) {
		const struct model_rule *r = &l->config->rules.items[i];
		struct about a = {.l = l,
			.r = r,
			.owner = map_get(l->owners, str_of(r->organisation)),
			.subject = arena_format(l->arena, "rule %s/%s", r->organisation, r->name)};

		if (r->enabled && a.owner != NULL)
			check_rule(&a);
	}
}
