/* Phase 4 of attribution: the partner connector that covers the sender, and its conditions. */
#include "core/cert/names.h"
#include "core/policy/inbound.h"

enum { MAX_TIED = 100 };

/* ---- phase 4: partners ------------------------------------------------------------------------
 */

struct partner {
	const struct policy_entry *entry;
	const char *pattern;
	unsigned specificity;
	bool restricts;
	enum policy_outcome outcome;
	const char *text;
	const char *name_matched;
	int verdict;
};

struct partners {
	struct policy_attribution *a;
	struct partner items[MAX_TIED];
	size_t count;
};

static bool wants_certificate(const struct model_inbound *in)
{
	return in->restrict_to_certificate || (in->require_tls && in->certificate_name != NULL);
}

static void judge_certificate(const struct policy_attribution *a, struct partner *p)
{
	const struct model_inbound *in = p->entry->model->inbound;
	const struct cert_facts *leaf = a->peer->is_tls ? a->peer->certificate : NULL;
	const struct policy_trust *trust = policy_inbound_trust(a->peer, p->entry);

	if (leaf == NULL) {
		p->outcome = POLICY_NO_CLIENT_CERTIFICATE;
		p->text = arena_format(a->arena,
			"%s requires a client certificate with name %s, and none was presented",
			p->entry->subject,
			in->certificate_name != NULL ? in->certificate_name : "(not set)");
	} else if (!cert_names_match(in->certificate_name, leaf, &p->name_matched)) {
		p->outcome = POLICY_CLIENT_NAME;
		p->text = arena_format(a->arena,
			"%s requires another name on the client certificate: expected %s, "
			"presented %s",
			p->entry->subject,
			in->certificate_name != NULL ? in->certificate_name : "(not set)",
			policy_join(&leaf->names, a->arena));
	} else if (trust->verdict != CERT_TRUSTED) {
		p->outcome = POLICY_CLIENT_CHAIN;
		p->text = arena_format(a->arena,
			"%s requires a client certificate with a trusted chain: %s%s%s (subject "
			"%s, anchors: %s)",
			p->entry->subject, policy_inbound_verdict(trust->verdict),
			trust->detail != NULL ? ", " : "",
			trust->detail != NULL ? trust->detail : "",
			leaf->subject != NULL ? leaf->subject : "unknown", p->entry->trust_label);
	}
	if (leaf != NULL)
		p->verdict = trust->verdict;
}

/* Address first: nothing that the client could do about TLS would help it. */
static void judge(const struct policy_attribution *a, struct partner *p)
{
	const struct model_inbound *in = p->entry->model->inbound;

	p->outcome = POLICY_OK;
	p->text = "its conditions are met";
	if (a->peer->certificate != NULL && a->peer->is_tls)
		p->verdict = policy_inbound_trust(a->peer, p->entry)->verdict;
	if (in->restrict_to_addresses && !policy_inbound_contains(p->entry, a->peer)) {
		p->outcome = POLICY_ADDRESS;
		p->text = arena_format(a->arena,
			"%s does not allow mail from %s to come from address %s", p->entry->subject,
			a->sender.domain != NULL ? a->sender.domain : "this sender",
			policy_inbound_address(a->peer, a->arena));
	} else if (in->require_tls && !a->peer->is_tls) {
		p->outcome = POLICY_TLS_REQUIRED;
		p->text = arena_format(a->arena,
			"Must issue a STARTTLS command first: %s requires TLS", p->entry->subject);
	} else if (wants_certificate(in)) {
		judge_certificate(a, p);
	}
}

static bool is_preferred(const struct partner *a, const struct partner *b)
{
	if (a->restricts != b->restricts)
		return a->restricts;
	if (a->specificity != b->specificity)
		return a->specificity > b->specificity;
	if ((a->outcome == POLICY_OK) != (b->outcome == POLICY_OK))
		return a->outcome == POLICY_OK;
	return policy_inbound_is_lower(a->entry, b->entry);
}

static bool add_partner(
	void *context, const struct policy_entry *entry, const char *pattern, unsigned specificity)
{
	struct partners *all = context;
	struct partner p = {.entry = entry, .pattern = pattern, .specificity = specificity};
	const struct model_inbound *in = entry->model->inbound;

	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].entry == entry)
			return true;
	if (!entry->model->enabled) {
		policy_inbound_consider(all->a, entry->subject, false, "disabled");
		return true;
	}
	p.restricts = in->restrict_to_certificate || in->restrict_to_addresses;
	judge(all->a, &p);
	/* Whatever their number, the one that comes first stays. */
	if (all->count < MAX_TIED)
		all->items[all->count++] = p;
	else if (is_preferred(&p, &all->items[MAX_TIED - 1]))
		all->items[MAX_TIED - 1] = p;
	return true;
}

static void note_partners(
	const struct policy_attribution *a, const struct partners *all, const struct partner *best)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct partner *p = &all->items[i];

		if (p != best)
			policy_inbound_consider(a, p->entry->subject, false,
				arena_format(a->arena,
					"covers the sender by %s, but %s comes first: it %s",
					p->pattern, best->entry->subject,
					best->restricts && !p->restricts ? "restricts"
					: best->specificity > p->specificity
						? "has the more specific pattern"
					: best->outcome == POLICY_OK && p->outcome != POLICY_OK
						? "has its conditions met"
						: "is first by name"));
	}
}

static void take_partner(const struct policy_attribution *a, const struct partner *p)
{
	const struct model_inbound *in = p->entry->model->inbound;
	struct policy_inbound *ret = a->ret;

	ret->connector = p->entry->model->name;
	ret->accepted = p->outcome == POLICY_OK;
	ret->outcome = p->outcome;
	ret->anchors = p->entry->trust_label;
	ret->verdict = p->verdict;
	if (wants_certificate(in)) {
		ret->required = MODEL_LEVEL_NAME;
		ret->name_expected = in->certificate_name;
		ret->name_matched = p->name_matched;
	} else if (in->require_tls) {
		ret->required = MODEL_LEVEL_ENCRYPT;
	}
	if (ret->required > MODEL_LEVEL_NONE)
		policy_add_text(&ret->required_by, a->arena,
			arena_format(a->arena, "%s (%s)", p->entry->subject,
				model_level_names[ret->required]));
	ret->text = ret->accepted ? arena_format(a->arena, "Incoming for organisation %s by %s",
					    ret->organisation, p->entry->subject)
				  : p->text;
	policy_inbound_consider(a, p->entry->subject, true,
		arena_format(a->arena, "covers the sender by %s: %s", p->pattern, p->text));
}

bool policy_inbound_by_partner(struct policy_attribution *a)
{
	struct partners all = {.a = a};
	const struct partner *best = NULL;

	policy_covering(a->s->senders, a->own->name, a->sender.domain, a->arena, add_partner, &all);
	for (size_t i = 0; i < all.count; i++)
		if (best == NULL || is_preferred(&all.items[i], best))
			best = &all.items[i];
	if (best == NULL)
		return false;
	note_partners(a, &all, best);
	take_partner(a, best);
	return true;
}
