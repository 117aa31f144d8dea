/* Phase 4 of attribution: the partner connector that covers the sender, and its conditions. */
#include "core/cert/names.h"
#include "core/policy/inbound.h"

enum { MAX_NOTED = 20 };

struct partner {
	const struct policy_entry *entry;
	const char *pattern;
	unsigned specificity;
	bool restricts;
	enum policy_outcome outcome;
	const char *name_matched;
};

struct partners {
	struct policy_attribution *a;
	struct partner first;	 /* comes before all others; entry NULL: none covers the sender */
	struct partner enforced; /* comes before all others that are not in report mode */
	struct partner noted[MAX_NOTED]; /* for the account */
	size_t count;
	size_t passed_over; /* beyond those */
};

static bool is_report(const struct policy_entry *entry)
{
	return entry->model->inbound->mode == MODEL_REPORT;
}

/* Only where mail is handed over inside this installation. */
static bool trusts_hander(const struct policy_attribution *a, const struct model_inbound *in)
{
	for (size_t i = 0; i < in->trusted_organisations.count; i++)
		if (strcmp(in->trusted_organisations.items[i], a->inside) == 0)
			return true;
	return false;
}

/* Handed over inside, mail has all of TLS that could be asked; the rest is a matter of trust. */
static enum policy_outcome judge_inside(
	const struct policy_attribution *a, const struct model_inbound *in)
{
	if (trusts_hander(a, in))
		return POLICY_OK;
	if (in->restrict_to_addresses)
		return POLICY_ADDRESS;
	return policy_inbound_wants_certificate(in) ? POLICY_NO_CLIENT_CERTIFICATE : POLICY_OK;
}

static enum policy_outcome judge_certificate(const struct policy_attribution *a, struct partner *p)
{
	const struct policy_trust *trust;
	enum policy_outcome outcome;

	if (!a->peer->is_tls || a->peer->certificate == NULL)
		return POLICY_NO_CLIENT_CERTIFICATE;
	if (!cert_names_match(p->entry->model->inbound->certificate_name, a->peer->certificate,
		    &p->name_matched))
		return POLICY_CLIENT_NAME;
	trust = policy_inbound_trust(a->peer, p->entry);
	outcome = policy_outcome_of_verdict(trust != NULL ? trust->verdict : CERT_INVALID);
	/* Stated of a chain that is there, "none" is no verdict. */
	if (outcome == POLICY_NO_CERTIFICATE)
		outcome = POLICY_INVALID;
	return outcome != POLICY_OK ? outcome : policy_inbound_fits(p->entry, a->peer, true);
}

/* Address first: nothing that the client could do about TLS would help it. */
static enum policy_outcome judge(const struct policy_attribution *a, struct partner *p)
{
	const struct model_inbound *in = p->entry->model->inbound;
	bool wants_certificate = policy_inbound_wants_certificate(in);

	if (a->inside != NULL)
		return judge_inside(a, in);
	if (in->restrict_to_addresses && !policy_inbound_contains(p->entry, a->peer))
		return POLICY_ADDRESS;
	if (in->require_tls && !a->peer->is_tls)
		return POLICY_TLS_REQUIRED;
	if (a->peer->is_tls && (in->require_tls || wants_certificate)) {
		enum policy_outcome outcome = policy_inbound_fits(p->entry, a->peer, false);

		if (outcome != POLICY_OK)
			return outcome;
	}
	return wants_certificate ? judge_certificate(a, p) : POLICY_OK;
}

static bool is_preferred(const struct partner *a, const struct partner *b)
{
	if (b->entry == NULL)
		return true;
	if (a->restricts != b->restricts)
		return a->restricts;
	if (a->specificity != b->specificity)
		return a->specificity > b->specificity;
	if ((a->outcome == POLICY_OK) != (b->outcome == POLICY_OK))
		return a->outcome == POLICY_OK;
	return policy_inbound_is_lower(a->entry, b->entry);
}

/* A connector may cover the sender by several patterns: the most specific one counts, and comes
 * first. */
static bool is_known(const struct partners *all, const struct policy_entry *entry)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->noted[i].entry == entry)
			return true;
	return false;
}

static bool add_partner(
	void *context, const struct policy_entry *entry, const char *pattern, unsigned specificity)
{
	struct partners *all = context;
	struct partner p = {.entry = entry, .pattern = pattern, .specificity = specificity};
	const struct model_inbound *in = entry->model->inbound;

	if (is_known(all, entry))
		return true;
	if (!entry->model->enabled) {
		policy_inbound_consider(all->a, entry->subject, false, "disabled");
		return true;
	}
	if (!policy_inbound_is_associated(entry, all->a->domain)) {
		policy_inbound_consider(all->a, entry->subject, false,
			"covers the sender, but the recipient is at none of its "
			"associated_accepted_domains");
		return true;
	}
	p.restricts = in->restrict_to_certificate || in->restrict_to_addresses;
	p.outcome = judge(all->a, &p);
	if (is_preferred(&p, &all->first))
		all->first = p;
	if (!is_report(entry) && is_preferred(&p, &all->enforced))
		all->enforced = p;
	if (all->count < MAX_NOTED)
		all->noted[all->count++] = p;
	else
		all->passed_over++;
	return true;
}

/* Of a crowd, those at the client's address; a few others are there anyway. */
static bool add_gateways(
	void *context, const struct policy_entry *entry, const char *pattern, unsigned specificity)
{
	struct partners *all = context;
	const struct policy_peer *peer = all->a->peer;

	for (unsigned bits = 129; bits-- > 0;) {
		const struct policy_bucket *b = policy_gateways(
			all->a->s, entry->model->organisation, pattern, &peer->address, bits);

		for (size_t i = 0; i < b->count; i++)
			add_partner(all, b->items[i], pattern, specificity);
	}
	return true;
}

static const char *why_first(const struct partner *best, const struct partner *p)
{
	if (is_report(p->entry) && !is_report(best->entry) && is_preferred(p, best))
		return "is not in report mode";
	return best->restricts && !p->restricts	    ? "restricts"
	       : best->specificity > p->specificity ? "has the more specific pattern"
	       : best->outcome == POLICY_OK && p->outcome != POLICY_OK ? "has its conditions met"
								       : "is first by name";
}

/* Why the others lost, as far as anybody would read it. */
static void note_partners(const struct partners *all, const struct partner *best)
{
	const struct policy_attribution *a = all->a;

	for (size_t i = 0; i < all->count; i++) {
		const struct partner *p = &all->noted[i];

		if (p->entry != best->entry)
			policy_inbound_consider(a, p->entry->subject, false,
				arena_format(a->arena,
					"covers the sender by %s, but %s comes first: it %s",
					p->pattern, best->entry->subject, why_first(best, p)));
	}
	if (all->passed_over > 0)
		policy_inbound_consider(a, "more", false,
			arena_format(a->arena, "%zu more partner connectors that cover the sender",
				all->passed_over));
}

/* What the connection had to show, and did. */
static void state_requirement(const struct policy_attribution *a, const struct partner *p)
{
	const struct model_inbound *in = p->entry->model->inbound;
	const struct policy_trust *trust = policy_inbound_trust(a->peer, p->entry);
	struct policy_inbound *ret = a->ret;

	if (a->peer->is_tls && a->peer->certificate != NULL && trust != NULL) {
		ret->verdict = trust->verdict;
		ret->anchors = p->entry->trust_label;
	}
	if (policy_inbound_wants_certificate(in)) {
		ret->anchors = p->entry->trust_label;
		ret->name_expected = in->certificate_name;
		ret->name_matched = p->name_matched;
	}
	if (is_report(p->entry))
		return;
	ret->required = policy_inbound_wants_certificate(in) ? MODEL_LEVEL_NAME
			: in->require_tls		     ? MODEL_LEVEL_ENCRYPT
							     : MODEL_LEVEL_NONE;
	if (ret->required > MODEL_LEVEL_NONE)
		policy_add_text(&ret->required_by, a->arena,
			arena_format(a->arena, "%s (%s)", p->entry->subject,
				model_level_names[ret->required]));
}

static void take_partner(const struct policy_attribution *a, const struct partner *p)
{
	struct policy_inbound *ret = a->ret;
	bool is_met = p->outcome == POLICY_OK || is_report(p->entry);
	const char *words = p->outcome == POLICY_OK ? "its conditions are met"
						    : policy_inbound_words(a, p->entry, p->outcome);

	if (a->inside != NULL) {
		ret->receiver_connector = p->entry->model->name;
	} else {
		ret->connector = p->entry->model->name;
		state_requirement(a, p);
		ret->text = arena_format(a->arena, "Incoming for organisation %s by %s",
			ret->organisation, p->entry->subject);
	}
	ret->accepted = is_met;
	if (!is_met) {
		ret->outcome = p->outcome;
		ret->text = words;
		ret->reply = policy_inbound_told(a, p->entry, p->outcome);
		ret->is_temporary = p->entry->model->inbound->when_unmet == MODEL_UNMET_DEFER;
	}
	policy_inbound_consider(a, p->entry->subject, true,
		arena_format(a->arena, "covers the sender by %s: %s%s", p->pattern, words,
			p->outcome != POLICY_OK && is_met ? " (report mode: accepted)" : ""));
}

bool policy_inbound_by_partner(struct policy_attribution *a, bool *ret_enforced)
{
	struct partners all;
	const struct partner *best;

	all.a = a;
	all.first.entry = NULL;
	all.enforced.entry = NULL;
	all.count = 0;
	all.passed_over = 0;
	policy_covering(a->s->senders, a->own->name, a->sender.domain, a->arena, add_partner, &all);
	if (a->inside == NULL && a->peer->has_address)
		policy_covering(
			a->s->crowds, a->own->name, a->sender.domain, a->arena, add_gateways, &all);
	*ret_enforced = all.enforced.entry != NULL;
	best = all.enforced.entry != NULL ? &all.enforced : &all.first;
	if (best->entry == NULL)
		return false;
	note_partners(&all, best);
	take_partner(a, best);
	/* What is refused anyway needs no trial. */
	if (a->ret->accepted && is_report(all.first.entry) && all.first.outcome != POLICY_OK)
		a->ret->would = (struct policy_would){.outcome = all.first.outcome,
			.text = policy_inbound_words(a, all.first.entry, all.first.outcome),
			.by = all.first.entry->subject};
	return true;
}
