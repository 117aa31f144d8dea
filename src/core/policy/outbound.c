/*
 * Where does this mail go, and what must the way prove?
 *
 * Order:
 *   1. a connector to try out goes before everything but rules that refuse or hold;
 *   2. a directory says whether the recipient exists, and where;
 *   3. a rule that refuses;
 *   4. mail of one organisation for another of this installation leaves by a connector of the first
 *      that covers the recipient and has smart hosts; else it is handed over inside, if the other
 *      one takes it;
 *   5. a delivery of the accepted domain;
 *   6. the connector that a rule names;
 *   7. the connector chosen by the recipient's domain, among those of the domain's organisation
 *      where it is accepted here, else among those of the organisation that sends;
 *   8. without a connector: the MX hosts.
 *
 * What the next hop must prove: see demand.c.
 */
#include "core/policy/outbound.h"

#include "core/policy/inbound.h"

void policy_outbound_consider(
	const struct policy_routing *r, const char *subject, bool applies, const char *why)
{
	policy_consider(&r->ret->considered, r->arena, subject, applies, why);
}

void policy_outbound_refuse(
	const struct policy_routing *r, enum policy_outcome outcome, const char *text)
{
	const struct policy_outcome_row *row = policy_outcome_row(outcome);

	r->ret->type = POLICY_ROUTE_REFUSE;
	r->ret->outcome = outcome;
	r->ret->text = text;
	/* Names of connectors, domains and organisations are for those at home. */
	r->ret->reply = outcome == POLICY_RULE ? text : row->told != NULL ? row->told : row->text;
	r->ret->key = arena_format(r->arena, "refuse:%s", row->token);
}

/* By r->best, but for one that would lead back. */
static void go_by_connector(struct policy_routing *r)
{
	const struct policy_entry *e = r->best;

	if (e != r->came_by) {
		policy_route_by_connector(r);
		return;
	}
	r->ret->organisation = e->model->organisation;
	policy_outbound_consider(r, e->subject, false,
		arena_format(r->arena, "%s, and the mail came in by it", policy_route_why(r)));
	policy_outbound_refuse(r, POLICY_LOOP,
		arena_format(
			r->arena, "The mail came in by %s and would go back by it", e->subject));
}

static void by_rule(struct policy_routing *r, const struct policy_rule_way *way)
{
	const char *subject =
		arena_format(r->arena, "rule %s/%s", way->rule->organisation, way->rule->name);
	const char *why = way->entry == NULL || way->entry->model->outbound == NULL
				  ? "has no outbound half"
			  : !way->entry->model->enabled ? "is disabled"
							: NULL;

	if (why != NULL) {
		/* Not by any other way: it could be one that the rule is there to keep it from. */
		policy_outbound_consider(r, subject, false,
			arena_format(r->arena, "its connector %s %s", way->rule->connector, why));
		policy_outbound_refuse(r, POLICY_NO_ROUTE,
			arena_format(r->arena,
				"Rule %s/%s sends this mail by connector %s, which %s",
				way->rule->organisation, way->rule->name, way->rule->connector,
				why));
		return;
	}
	r->best = way->entry;
	r->best_why = arena_format(r->arena, "%s names it", subject);
	go_by_connector(r);
}

/* ---- to another organisation of this installation --------------------------------------------
 */

static bool has_smart_hosts(const struct policy_entry *e)
{
	return e != NULL && e->model->outbound != NULL && e->model->outbound->smart_hosts.count > 0;
}

static void note_inside(const struct policy_routing *r, const char *subject, const char *pattern)
{
	policy_outbound_consider(r, subject, false,
		arena_format(r->arena,
			"covers the recipient by %s, but organisation %s is on this installation: "
			"the hop inside meets all that it asks",
			pattern, r->owner->name));
}

/* True when the way is settled: the mail leaves by the sender's connector. */
static bool leaves_for_other(struct policy_routing *r)
{
	const struct policy_rule_way *way = &r->ruling.senders;

	if (r->sender == NULL || r->sender == r->owner)
		return false;
	if (way->rule != NULL) {
		if (!has_smart_hosts(way->entry) && way->entry != NULL &&
			way->entry->model->enabled) {
			note_inside(r, way->entry->subject,
				arena_format(r->arena, "rule %s/%s", way->rule->organisation,
					way->rule->name));
			return false;
		}
		by_rule(r, way);
		return true;
	}
	policy_route_choose(r, r->sender->name, false);
	if (has_smart_hosts(r->best)) {
		go_by_connector(r);
		return true;
	}
	if (r->best != NULL)
		note_inside(r, r->best->subject, r->best_pattern);
	r->best = NULL;
	return false;
}

/* What was a way out when the mail came in may be none any more, by a header field or a change of
 * connectors: the other organisation judges what is handed over now.  Notices made here came by no
 * connector.  False: refused. */
static bool is_taken(struct policy_routing *r)
{
	struct policy_inbound in;

	if (r->sender == NULL || r->sender == r->owner || r->mail->connector == NULL ||
		policy_inbound_takes(r->s, r->mail, &r->recipient, r->arena, &in))
		return true;
	policy_outbound_consider(r, arena_format(r->arena, "domain %s", r->domain->name), false,
		"its organisation does not take this mail from that of the sender");
	policy_outbound_refuse(r, in.outcome, policy_outcome_row(in.outcome)->text);
	/* Its connectors are no matter of the sender's organisation. */
	r->ret->text = r->ret->reply = in.reply != NULL ? in.reply : r->ret->reply;
	return false;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static void deliver_here(struct policy_routing *r, const struct model_delivery *delivery)
{
	const struct policy_rule_way *way =
		r->sender == r->owner ? &r->ruling.senders : &r->ruling.receivers;

	if (way->rule != NULL)
		policy_outbound_consider(r,
			arena_format(
				r->arena, "rule %s/%s", way->rule->organisation, way->rule->name),
			false,
			arena_format(r->arena, "connector %s: the recipient is delivered here",
				way->rule->connector));
	policy_outbound_consider(r, arena_format(r->arena, "domain %s", r->domain->name), true,
		arena_format(r->arena, "accepted here, delivery %s", r->domain->delivery));
	policy_route_local(r, delivery);
}

static void by_connector_of_owner(struct policy_routing *r)
{
	const struct model_domain *d = r->domain;
	const struct policy_rule_way *way = r->sender == r->owner && r->sender != NULL
						    ? &r->ruling.senders
						    : &r->ruling.receivers;

	policy_outbound_consider(r, arena_format(r->arena, "domain %s", d->name), true,
		arena_format(r->arena, "accepted for organisation %s%s: its connectors",
			d->organisation, d->delivery == NULL ? " without a delivery" : ""));
	if (way->rule != NULL) {
		by_rule(r, way);
		return;
	}
	policy_route_choose(r, d->organisation, true);
	if (r->best != NULL) {
		go_by_connector(r);
		return;
	}
	policy_outbound_refuse(r, POLICY_NO_ROUTE,
		arena_format(r->arena,
			"No way to deliver to %s is configured: %s, and no outbound connector of "
			"organisation %s covers it",
			r->recipient.domain,
			d->delivery == NULL
				? arena_format(r->arena, "domain %s has no delivery", d->name)
				: "the recipient does not live here",
			d->organisation));
}

static void route_accepted(struct policy_routing *r, enum policy_place place)
{
	const struct model_domain *d = r->domain;
	struct model_delivery delivery = {0};
	bool has_delivery = model_parse_delivery(d->delivery, &delivery) &&
			    delivery.type != MODEL_DELIVERY_NONE;

	if (leaves_for_other(r) || !is_taken(r))
		return;
	if (has_delivery && place != POLICY_PLACE_THERE) {
		deliver_here(r, &delivery);
	} else if (place == POLICY_PLACE_HERE) {
		policy_outbound_consider(r, arena_format(r->arena, "domain %s", d->name), false,
			"the recipient is listed as here, and the domain has no delivery");
		policy_outbound_refuse(r, POLICY_NO_ROUTE,
			arena_format(r->arena,
				"The recipient is listed as here, and domain %s has no delivery: "
				"give it one, or list the recipient as on-premises",
				d->name));
	} else {
		by_connector_of_owner(r);
	}
}

static void route_outside(struct policy_routing *r)
{
	if (r->sender != NULL && r->ruling.senders.rule != NULL) {
		by_rule(r, &r->ruling.senders);
		return;
	}
	if (r->sender != NULL)
		policy_route_choose(r, r->sender->name, false);
	if (r->best != NULL)
		go_by_connector(r);
	else
		policy_route_by_default(r);
}

/* A connector to try out, whatever covers the recipient. */
static void route_via(struct policy_routing *r)
{
	struct str name = str_of(r->mail->via);
	const char *organisation = arena_text_of(r->arena, str_cut(&name, '/'));
	const struct policy_entry *e = policy_entry_of(r->s, organisation, name);
	const char *why =
		e == NULL || e->model->outbound == NULL ? "there is none with an outbound half"
		: !e->model->enabled			? "disabled"
		: r->mail->organisation != NULL && strcmp(r->mail->organisation, organisation) != 0
			? "the mail belongs to another organisation"
			: NULL;

	if (why != NULL) {
		policy_outbound_consider(
			r, arena_format(r->arena, "connector %s", r->mail->via), false, why);
		policy_outbound_refuse(r, POLICY_NO_ROUTE,
			arena_format(r->arena, "Connector %s cannot be tried out: %s", r->mail->via,
				why));
		return;
	}
	r->best = e;
	r->best_why = "being tried out";
	go_by_connector(r);
}

static void route(struct policy_routing *r)
{
	enum policy_place place = POLICY_PLACE_UNLISTED;

	if (r->domain != NULL && r->mail->via == NULL)
		place = policy_directory_look_up(r);
	if (place == POLICY_PLACE_UNKNOWN) {
		policy_outbound_refuse(r, POLICY_UNKNOWN_RECIPIENT,
			arena_format(r->arena, "There is no recipient %.*s@%s here",
				STR_ARGS(r->recipient.local), r->recipient.domain));
		return;
	}
	policy_rules_judge(r);
	if (r->ret->refused_by != NULL) {
		r->ret->hold = false;
		r->ret->hold_by = NULL;
		return;
	}
	if (r->mail->via != NULL)
		route_via(r);
	else if (r->domain != NULL)
		route_accepted(r, place);
	else
		route_outside(r);
}

/* Who sends, who receives, and by what it came. */
static void set_parties(struct policy_routing *r)
{
	const char *organisation = r->mail->organisation;

	r->sender = policy_organisation(r->s, organisation);
	r->domain = policy_accepted(r->s, r->recipient.domain);
	r->owner = r->domain != NULL ? policy_organisation(r->s, r->domain->organisation) : NULL;
	if (organisation == NULL && r->domain != NULL)
		organisation = r->domain->organisation;
	r->ret->organisation = r->domain != NULL   ? r->domain->organisation
			       : r->sender != NULL ? r->sender->name
						   : NULL;
	r->came_by = policy_entry_of(r->s, organisation, str_of(r->mail->connector));
}

void policy_outbound(const struct policy_snapshot *snapshot, const struct policy_mail *mail,
	struct str recipient, struct arena *arena, struct policy_outbound *ret)
{
	struct policy_routing r = {.s = snapshot, .mail = mail, .arena = arena, .ret = ret};
	const char *organisation = mail->organisation;

	*ret = (struct policy_outbound){
		.outcome = POLICY_OK, .anchors = "system", .profile = policy_profile_system};
	if (!policy_parse_mailbox(recipient, arena, &r.recipient)) {
		policy_outbound_refuse(
			&r, POLICY_BAD_ADDRESS, "The recipient's address is not valid");
		policy_outbound_consider(&r, "recipient", false, "not a mailbox with a domain");
		return;
	}
	ret->domain = r.recipient.domain;
	set_parties(&r);
	if (organisation != NULL && r.sender == NULL)
		policy_outbound_consider(&r, arena_format(arena, "organisation %s", organisation),
			false, "no longer configured");
	/* What its connectors asked of the way is gone with it: nothing leaves by less. */
	if (organisation != NULL && r.sender == NULL && r.domain == NULL)
		policy_outbound_refuse(&r, POLICY_NO_ORGANISATION,
			arena_format(arena,
				"Organisation %s, which sent this, is no longer configured",
				organisation));
	else
		route(&r);
}
