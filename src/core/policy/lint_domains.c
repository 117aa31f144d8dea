/* What is doubtful about accepted domains and their recipients. */
#include "core/policy/lint_inside.h"

/* The recipients of one domain. */
struct served {
	size_t count;
	size_t elsewhere; /* on-premises */
};

static void index_recipients(struct policy_lint *l)
{
	for (size_t i = 0; i < l->config->recipients.count; i++) {
		const struct model_recipient *r = &l->config->recipients.items[i];
		const char *at = strrchr(r->address, '@');
		const struct model_domain *d = at != NULL ? policy_lint_accepted(l, at + 1) : NULL;
		struct served *served;

		if (d == NULL)
			continue;
		served = map_get(l->served, str_of(d->name));
		if (served == NULL) {
			served = arena_alloc(l->arena, sizeof(*served));
			map_set(l->served, str_of(d->name), served);
		}
		served->count++;
		served->elsewhere += r->place == MODEL_PLACE_ON_PREMISES;
	}
}

static bool has_connector(const struct policy_lint *l, const struct model_domain *d)
{
	const struct policy_lint_owner *o = map_get(l->owners, str_of(d->organisation));
	const char *by;

	return policy_lint_get(l, l->routes, d->organisation, d->name) != NULL ||
	       policy_lint_wider(l, l->routes, d->organisation, d->name, &by) != NULL ||
	       (o != NULL && o->carries_all);
}

static void check_way(struct policy_lint *l, const struct model_domain *d,
	const struct served *served, const char *subject)
{
	const char *what = NULL;

	if (d->delivery == NULL)
		what = "it has no delivery";
	else if (d->directory && d->type == MODEL_INTERNAL_RELAY)
		what = "its unlisted recipients are to be passed on";
	else if (d->directory && served != NULL && served->elsewhere > 0)
		what = "some of its recipients are on-premises";
	if (what != NULL && !has_connector(l, d))
		policy_lint_add(l, LINT_NO_WAY, d->organisation, subject,
			"%s, and no enabled outbound connector of the organisation covers it: its "
			"mail is refused",
			what);
}

void policy_lint_domains(struct policy_lint *l)
{
	index_recipients(l);
	for (size_t i = 0; i < l->config->domains.count; i++) {
		const struct model_domain *d = &l->config->domains.items[i];
		const char *subject = arena_format(l->arena, "domain %s", d->name);
		const struct served *served = map_get(l->served, str_of(d->name));
		struct model_delivery delivery = {0};

		check_way(l, d, served, subject);
		if (d->directory && served == NULL && d->type == MODEL_AUTHORITATIVE)
			policy_lint_add(l, LINT_NO_RECIPIENTS, d->organisation, subject,
				"its recipients are to be listed, and none is: all its mail but "
				"that for postmaster is refused");
		if (!d->directory && d->type == MODEL_AUTHORITATIVE &&
			model_parse_delivery(d->delivery, &delivery) &&
			delivery.type == MODEL_DELIVERY_MAILDIR)
			policy_lint_add(l, LINT_CATCH_ALL, d->organisation, subject,
				"any local part is accepted and makes a mailbox: its recipients "
				"are not listed");
	}
}
