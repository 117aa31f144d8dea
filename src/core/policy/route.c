/*
 * The choice of a connector, and the ways that lead out.
 *
 * Order: exact pattern, longest "*.x", all accepted domains, everything via on-premises, "*"; among
 * equals the lowest cost, then the name.  (The real service's text puts all accepted domains before
 * wildcards, its own example the other way round; the more specific pattern first fits the
 * example.)
 *
 * Everything via on-premises comes before "*": otherwise a connector for all the rest would make it
 * void.  Mail that came from a server that takes everything does not go back by it, nor by a "*"
 * beside it.
 */
#include "core/policy/outbound.h"

enum {
	SPECIFIC_CENTRALISED = 1, /* route_all_via_on_premises: before "*", which is 0 */
	SPECIFIC_ACCEPTED = 2,	  /* all_accepted_domains: behind every "*.x" */
};

static bool is_better(const struct policy_entry *a, const struct policy_entry *b)
{
	if (a->model->outbound->cost != b->model->outbound->cost)
		return a->model->outbound->cost < b->model->outbound->cost;
	return strcmp(a->model->name, b->model->name) < 0;
}

static const char *why_behind(const struct policy_routing *r, const char *pattern,
	const struct policy_entry *winner, bool tied)
{
	return arena_format(r->arena, "covers the recipient by %s, but %s %s", pattern,
		winner->subject, tied ? "comes first by cost, then name" : "is more specific");
}

/* From a server that takes everything itself; others of the organisation's own, such as the one
 * that its people submit to, only bring the mail here. */
static bool came_from_centre(const struct policy_routing *r)
{
	const struct model_connector *c = r->came_by != NULL ? r->came_by->model : NULL;

	return r->sender != NULL && c != NULL && c->type == MODEL_ON_PREMISES &&
	       c->outbound != NULL && c->outbound->route_all_via_on_premises;
}

/* NULL: it may be chosen. */
static const char *why_not(
	const struct policy_routing *r, const struct policy_entry *entry, unsigned specificity)
{
	const struct model_outbound *out = entry->model->outbound;

	if (!entry->model->enabled)
		return "disabled";
	if (out->rule_scoped)
		return "only where a rule names it";
	if (out->route_all_via_on_premises && specificity <= SPECIFIC_CENTRALISED &&
		came_from_centre(r))
		return "takes everything to on-premises, and the mail came from there";
	return NULL;
}

static void try_connector(struct policy_routing *r, const struct policy_entry *entry,
	const char *pattern, unsigned specificity)
{
	bool tied = r->best != NULL && specificity == r->best_specificity;
	const char *why = why_not(r, entry, specificity);

	if (entry == r->best)
		return;
	if (why != NULL) {
		policy_outbound_consider(r, entry->subject, false, why);
	} else if (r->best == NULL || (tied && is_better(entry, r->best))) {
		if (r->best != NULL)
			policy_outbound_consider(r, r->best->subject, false,
				why_behind(r, r->best_pattern, entry, true));
		r->best = entry;
		r->best_specificity = specificity;
		r->best_pattern = pattern;
	} else {
		policy_outbound_consider(
			r, entry->subject, false, why_behind(r, pattern, r->best, tied));
	}
}

/* What is no pattern stands before "*", which is the last that policy_covering() shows. */
struct pass {
	struct policy_routing *r;
	const char *organisation;
	bool is_accepted; /* the recipient's domain is the organisation's */
	bool done;
};

static void try_sweeping(struct pass *p)
{
	struct policy_routing *r = p->r;
	struct str organisation = str_of(p->organisation);
	const struct policy_bucket *b = policy_bucket(r->s->accepted, organisation);

	for (size_t i = 0; !p->done && i < b->count; i++) {
		if (p->is_accepted)
			try_connector(r, b->items[i], "all accepted domains", SPECIFIC_ACCEPTED);
		else
			policy_outbound_consider(r, b->items[i]->subject, false,
				"the recipient's domain is no accepted domain of its organisation");
	}
	b = policy_bucket(r->s->centralised, organisation);
	for (size_t i = 0; !p->done && r->domain == NULL && i < b->count; i++)
		try_connector(r, b->items[i], "everything via on-premises", SPECIFIC_CENTRALISED);
	p->done = true;
}

static bool visit_connector(
	void *context, const struct policy_entry *entry, const char *pattern, unsigned specificity)
{
	struct pass *p = context;

	if (specificity <= SPECIFIC_ACCEPTED)
		try_sweeping(p);
	try_connector(p->r, entry, pattern, specificity);
	return true;
}

void policy_route_choose(struct policy_routing *r, const char *organisation, bool is_accepted)
{
	struct pass p = {.r = r, .organisation = organisation, .is_accepted = is_accepted};

	policy_covering(
		r->s->routes, organisation, r->recipient.domain, r->arena, visit_connector, &p);
	try_sweeping(&p);
}

const char *policy_route_why(const struct policy_routing *r)
{
	return r->best_why != NULL
		       ? r->best_why
		       : arena_format(r->arena, "covers the recipient by %s", r->best_pattern);
}

static const char *domain_or_literal(const struct policy_routing *r)
{
	return r->recipient.domain != NULL
		       ? r->recipient.domain
		       : arena_format(r->arena, "[%.*s]", STR_ARGS(r->recipient.literal));
}

/* By MX, or for an address literal by that address. */
static const char *direct_key(const struct policy_routing *r)
{
	return r->recipient.domain != NULL
		       ? arena_format(r->arena, "mx:%s", r->recipient.domain)
		       : arena_format(r->arena, "literal:%s", domain_or_literal(r));
}

static void go_direct(const struct policy_routing *r)
{
	if (r->recipient.domain != NULL) {
		r->ret->type = POLICY_ROUTE_MX;
		return;
	}
	r->ret->type = POLICY_ROUTE_LITERAL;
	policy_add_text(&r->ret->hosts, r->arena, arena_text_of(r->arena, r->recipient.literal));
}

/* The own header fields of one organisation are nothing to another's server. */
static int headers_by(const struct policy_routing *r, const struct policy_entry *e)
{
	bool is_own = r->mail->organisation == NULL ||
		      strcmp(r->mail->organisation, e->model->organisation) == 0;

	return is_own && e->model->type == MODEL_ON_PREMISES &&
			       e->model->outbound->cross_premises_headers
		       ? POLICY_HEADERS_CROSS
		       : POLICY_HEADERS_STRIP;
}

void policy_route_by_connector(const struct policy_routing *r)
{
	const struct policy_entry *e = r->best;
	const struct model_outbound *out = e->model->outbound;
	const struct model_organisation *o = policy_organisation(r->s, e->model->organisation);
	struct policy_asked asked = {.entry = e, .other = o, .by_mx = out->smart_hosts.count == 0};

	asked.hop =
		arena_format(r->arena, "connector:%s/%s", e->model->organisation, e->model->name);
	r->ret->organisation = e->model->organisation;
	r->ret->connector = e->model->name;
	r->ret->anchors = e->trust_label;
	r->ret->profile = *e->profile;
	r->ret->headers = headers_by(r, e);
	r->ret->certificate = out->certificate != NULL ? out->certificate
			      : o != NULL	       ? o->certificate
						       : NULL;
	policy_outbound_consider(r, e->subject, true, policy_route_why(r));
	if (out->smart_hosts.count > 0) {
		r->ret->type = POLICY_ROUTE_HOSTS;
		r->ret->hosts = out->smart_hosts;
		r->ret->text = arena_format(r->arena, "By %s to %s", e->subject,
			policy_join(&out->smart_hosts, r->arena));
	} else {
		go_direct(r);
		asked.hop = arena_format(r->arena, "%s;%s", asked.hop, direct_key(r));
		r->ret->text = arena_format(r->arena, "By %s to %s %s", e->subject,
			r->recipient.domain != NULL ? "the MX hosts of" : "address",
			domain_or_literal(r));
	}
	policy_demand_work_out(r, &asked);
}

void policy_route_by_default(const struct policy_routing *r)
{
	struct policy_asked asked = {.hop = direct_key(r), .by_mx = true};

	if (r->sender != NULL)
		r->ret->certificate = r->sender->certificate;
	go_direct(r);
	policy_outbound_consider(r, "default", true,
		r->recipient.domain != NULL ? "no connector covers the recipient: its MX hosts"
					    : "address literal: that address");
	r->ret->text = arena_format(r->arena, "By default to %s %s",
		r->recipient.domain != NULL ? "the MX hosts of" : "address", domain_or_literal(r));
	policy_demand_work_out(r, &asked);
}
