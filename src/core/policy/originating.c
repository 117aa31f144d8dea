/* Phases 1 and 2 of attribution: is the client an organisation's own server? */
#include "core/cert/names.h"
#include "core/policy/inbound.h"

enum { MAX_NAMES = 500, MAX_PROFILES = 64 };

/* ---- connectors that a certificate may lead to ---------------------------------------------- */

struct matches {
	const struct policy_entry **items;
	size_t count, room;
	struct map *seen;
	struct arena *arena;
};

static void add_bucket(struct matches *m, const struct policy_bucket *b)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct policy_entry *e = b->items[i];

		/* An entry's address is its identity. */
		if (map_set(m->seen, str_make(&e, sizeof(e)), (void *)e) != NULL)
			continue;
		if (m->count == m->room) {
			size_t room = m->room > 0 ? m->room * 2 : 8;
			const struct policy_entry **items =
				arena_array(m->arena, room, sizeof(struct policy_entry *));

			if (m->count > 0)
				memcpy(items, m->items, m->count * sizeof(*items));
			m->items = items;
			m->room = room;
		}
		m->items[m->count++] = e;
	}
}

/* Everything whose certificate_name a name of the certificate could meet; the exact comparison is
 * cert_names_match()'s. */
static struct matches matches_of(
	const struct policy_snapshot *s, const struct cert_facts *leaf, struct arena *arena)
{
	struct matches m = {.arena = arena, .seen = map_new(0)};
	char wildcard[260] = "*.";

	for (size_t i = 0; leaf != NULL && i < leaf->names.count && i < MAX_NAMES; i++) {
		struct str name = str_of(leaf->names.items[i]);
		struct str parent = name;

		if (name.n == 0 || name.n > 253)
			continue;
		str_cut(&parent, '.');
		add_bucket(&m, policy_bucket(s->by_name, name));
		if (name.p[0] == '*')
			add_bucket(&m, policy_bucket(s->by_parent, parent));
		if (parent.n == 0)
			continue;
		memcpy(wildcard + 2, parent.p, parent.n);
		add_bucket(&m, policy_bucket(s->by_name, str_make(wildcard, parent.n + 2)));
	}
	map_free(&m.seen);
	return m;
}

size_t policy_trust_wanted(const struct policy_snapshot *snapshot,
	const struct cert_facts *certificate, struct arena *arena,
	const struct policy_profile *const **ret_profiles)
{
	struct matches m = matches_of(snapshot, certificate, arena);
	const struct policy_profile **profiles =
		arena_array(arena, MAX_PROFILES, sizeof(struct policy_profile *));
	size_t count = 0;

	profiles[count++] = &policy_profile_system;
	for (size_t i = 0; i < m.count && count < MAX_PROFILES; i++) {
		bool is_new = m.items[i]->model->enabled;

		for (size_t k = 0; is_new && k < count; k++)
			is_new = profiles[k] != m.items[i]->profile;
		if (is_new)
			profiles[count++] = m.items[i]->profile;
	}
	*ret_profiles = profiles;
	return count;
}

/* ---- phase 1: certificate ------------------------------------------------------------------- */

/* The name on a connector belongs to its organisation when the domain of it is accepted: x for
 * "*.x"; for "host.x" itself, else x.  NULL: it does not. */
static const struct model_domain *domain_of(
	const struct policy_attribution *a, const struct policy_entry *entry)
{
	const char *name = entry->model->inbound->certificate_name;
	const char *dot = strchr(name, '.');
	const struct model_domain *d = NULL;

	if (name[0] != '*')
		d = policy_accepted_for(a->s, name, entry->model->organisation);
	if (d == NULL && dot != NULL)
		d = policy_accepted_for(a->s, dot + 1, entry->model->organisation);
	return d;
}

/* Why the connection itself does not do for an on-premises connector. */
static const char *why_unfit(const struct policy_attribution *a, const struct policy_entry *entry,
	const char *what, enum policy_outcome outcome)
{
	return outcome == POLICY_OK ? NULL
				    : arena_format(a->arena, "%s matches, but: %s", what,
					      policy_inbound_words(a, entry, outcome));
}

static const char *why_untrusted(
	const struct policy_attribution *a, const struct policy_entry *entry, const char *matched)
{
	const struct policy_trust *trust = policy_inbound_trust(a->peer, entry);
	const char *detail = trust != NULL ? trust->detail : "the chain was not verified";

	if (trust != NULL && trust->verdict == CERT_TRUSTED)
		return NULL;
	return arena_format(a->arena,
		"certificate name %s matches, but the chain is not trusted by %s anchors: %s%s%s",
		matched, entry->trust_label,
		policy_inbound_verdict(trust != NULL ? trust->verdict : CERT_INVALID),
		detail != NULL ? ", " : "", detail != NULL ? detail : "");
}

static const char *why_not_of_domain(
	const struct policy_attribution *a, const struct policy_entry *entry, const char *matched)
{
	const struct model_domain *domain = domain_of(a, entry);

	if (domain == NULL)
		return arena_format(a->arena,
			"certificate name %s matches, but the domain of %s is no accepted domain "
			"of organisation %s",
			matched, entry->model->inbound->certificate_name,
			entry->model->organisation);
	if (!policy_inbound_is_associated(entry, domain))
		return arena_format(a->arena,
			"certificate name %s matches, but %s is not among its "
			"associated_accepted_domains",
			matched, domain->name);
	return NULL;
}

/* Does the certificate lead to this on-premises connector?  Leaves a candidate behind. */
static bool leads_here(const struct policy_attribution *a, const struct policy_entry *entry,
	const char **ret_matched)
{
	const struct model_inbound *in = entry->model->inbound;
	const char *why = NULL;

	if (!cert_names_match(in->certificate_name, a->peer->certificate, ret_matched))
		return false;
	if (!entry->model->enabled)
		why = "disabled";
	if (why == NULL)
		why = why_untrusted(a, entry, *ret_matched);
	if (why == NULL)
		why = why_not_of_domain(a, entry, *ret_matched);
	if (why == NULL && entry->prefix_count > 0 && !policy_inbound_contains(entry, a->peer))
		why = arena_format(a->arena,
			"certificate name %s matches, but address %s is not among its addresses",
			*ret_matched, policy_inbound_address(a->peer, a->arena));
	if (why == NULL)
		why = why_unfit(a, entry,
			arena_format(a->arena, "certificate name %s", *ret_matched),
			policy_inbound_fits(entry, a->peer, true));
	if (why != NULL)
		policy_inbound_consider(a, entry->subject, false, why);
	return why == NULL;
}

/* "*.x" against "host.x". */
static bool is_beaten(const struct policy_entry *entry, const struct policy_entry *by)
{
	const char *wild = entry->model->inbound->certificate_name;
	const char *exact = by->model->inbound->certificate_name;
	const char *dot = strchr(exact, '.');

	return wild[0] == '*' && exact[0] != '*' && dot != NULL && strcmp(wild + 1, dot) == 0;
}

/* Within one organisation: exact before wildcard, longer before shorter, then by name. */
static bool is_better(const struct policy_entry *a, const struct policy_entry *b)
{
	const char *left = a->model->inbound->certificate_name;
	const char *right = b->model->inbound->certificate_name;
	size_t m = strlen(left), n = strlen(right);

	if ((left[0] == '*') != (right[0] == '*'))
		return right[0] == '*';
	return m != n ? m > n : policy_inbound_is_lower(a, b);
}

struct winner {
	const struct policy_entry *entry;
	bool is_ambiguous;
};

/* Take ENTRY into account; HOW compares two of one organisation. */
static void compete(struct winner *w, const struct policy_entry *entry,
	bool (*how)(const struct policy_entry *, const struct policy_entry *))
{
	if (w->entry == NULL) {
		w->entry = entry;
	} else if (strcmp(w->entry->model->organisation, entry->model->organisation) != 0) {
		w->is_ambiguous = true;
	} else if (how(entry, w->entry)) {
		w->entry = entry;
	}
}

static void note_losers(const struct policy_attribution *a, const struct winner *w,
	const struct policy_entry **fit, size_t count, const char *what)
{
	for (size_t i = 0; i < count; i++)
		if (w->is_ambiguous)
			policy_inbound_consider(a, fit[i]->subject, false,
				arena_format(a->arena,
					"%s matches, but so does one of another organisation",
					what));
		else if (fit[i] != w->entry)
			policy_inbound_consider(a, fit[i]->subject, false,
				arena_format(a->arena, "%s matches, but %s is more specific", what,
					w->entry->subject));
}

bool policy_inbound_by_certificate(struct policy_attribution *a)
{
	struct matches m;
	struct winner w = {0};
	const struct policy_entry **fit;
	const char *matched = NULL;
	size_t count = 0;

	if (!a->peer->is_tls || a->peer->certificate == NULL)
		return false;
	m = matches_of(a->s, a->peer->certificate, a->arena);
	fit = arena_array(a->arena, m.count, sizeof(struct policy_entry *));
	for (size_t i = 0; i < m.count; i++)
		if (m.items[i]->model->type == MODEL_ON_PREMISES &&
			leads_here(a, m.items[i], &matched))
			fit[count++] = m.items[i];
	for (size_t i = 0; i < count; i++) {
		bool beaten = false;

		for (size_t k = 0; k < count && !beaten; k++)
			beaten = is_beaten(fit[i], fit[k]);
		if (!beaten)
			compete(&w, fit[i], is_better);
	}
	a->is_ambiguous = a->is_ambiguous || w.is_ambiguous;
	note_losers(a, &w, fit, count, "certificate name");
	if (w.entry == NULL || w.is_ambiguous)
		return false;
	cert_names_match(w.entry->model->inbound->certificate_name, a->peer->certificate, &matched);
	a->ret->connector = w.entry->model->name;
	a->ret->organisation = w.entry->model->organisation;
	a->ret->name_expected = w.entry->model->inbound->certificate_name;
	a->ret->name_matched = matched;
	a->ret->anchors = w.entry->trust_label;
	a->ret->verdict = CERT_TRUSTED;
	a->ret->required = MODEL_LEVEL_NAME;
	policy_add_text(&a->ret->required_by, a->arena,
		arena_format(a->arena, "%s (name)", w.entry->subject));
	a->ret->text = arena_format(a->arena,
		"Originating from organisation %s: %s by certificate "
		"name %s",
		a->ret->organisation, w.entry->subject, matched);
	policy_inbound_consider(a, w.entry->subject, true,
		arena_format(a->arena,
			"certificate name %s matches %s, the chain is trusted, the "
			"domain is accepted",
			matched, a->ret->name_expected));
	return true;
}

/* ---- phase 2: address ------------------------------------------------------------------------ */

static bool is_first(const struct policy_entry *a, const struct policy_entry *b)
{
	/* Longest prefixes are visited first, so only names are left to compare; those of a shorter
	 * prefix do not come here. */
	return policy_inbound_is_lower(a, b);
}

static const char *why_not_by_address(
	const struct policy_attribution *a, const struct policy_entry *entry)
{
	const struct model_connector *c = entry->model;
	const struct model_domain *domain;

	if (!c->enabled)
		return "disabled";
	if (c->inbound->certificate_name != NULL)
		return arena_format(a->arena,
			"its address matches, but certificate name %s is "
			"asked for as well",
			c->inbound->certificate_name);
	if (a->sender.domain == NULL)
		return "its address matches, but the sender has no domain: only a certificate "
		       "would do";
	domain = policy_accepted_for(a->s, a->sender.domain, c->organisation);
	if (domain == NULL)
		return arena_format(a->arena,
			"its address matches, but sender domain %s is no accepted domain of "
			"organisation %s",
			a->sender.domain, c->organisation);
	if (!policy_inbound_is_associated(entry, domain))
		return arena_format(a->arena,
			"its address matches, but %s is not among its associated_accepted_domains",
			domain->name);
	/* In clear it is told to begin TLS; what TLS must be like is for who has it. */
	if (c->inbound->require_tls && a->peer->is_tls)
		return why_unfit(
			a, entry, "its address", policy_inbound_fits(entry, a->peer, false));
	return NULL;
}

static void address_key(const struct model_prefix *address, unsigned bits, char key[17])
{
	memset(key, 0, 17);
	key[0] = (char)bits;
	memcpy(key + 1, address->bytes, bits / 8);
	if (bits % 8 != 0)
		key[1 + bits / 8] =
			(char)(address->bytes[bits / 8] & (unsigned char)(0xff00U >> (bits % 8)));
}

static struct winner address_winner(struct policy_attribution *a)
{
	struct winner w = {0};
	unsigned won_bits = 0;

	for (unsigned bits = 129; bits-- > 0;) {
		const struct policy_bucket *b;
		char key[17];

		if (!a->s->has_bits[bits])
			continue;
		address_key(&a->peer->address, bits, key);
		b = policy_bucket(a->s->by_prefix, str_make(key, sizeof(key)));
		for (size_t i = 0; i < b->count; i++) {
			const struct policy_entry *entry = b->items[i];
			const char *why = why_not_by_address(a, entry);

			if (why != NULL) {
				policy_inbound_consider(a, entry->subject, false, why);
				continue;
			}
			if (w.entry != NULL && won_bits > bits &&
				strcmp(w.entry->model->organisation, entry->model->organisation) ==
					0)
				continue; /* a longer prefix of the same organisation has won */
			compete(&w, entry, is_first);
			won_bits = w.entry == entry ? bits : won_bits;
		}
	}
	return w;
}

bool policy_inbound_by_address(struct policy_attribution *a)
{
	struct policy_inbound *ret = a->ret;
	const struct policy_entry *entry;
	struct winner w = {0};

	if (a->peer->has_address)
		w = address_winner(a);
	a->is_ambiguous = a->is_ambiguous || w.is_ambiguous;
	if (w.entry == NULL || w.is_ambiguous) {
		if (w.is_ambiguous)
			policy_inbound_consider(a, "address", false,
				"on-premises connectors of more than one organisation match");
		return false;
	}
	entry = w.entry;
	ret->connector = entry->model->name;
	ret->organisation = entry->model->organisation;
	policy_inbound_consider(a, entry->subject, true,
		arena_format(a->arena, "address %s matches, and sender domain %s is accepted",
			policy_inbound_address(a->peer, a->arena), a->sender.domain));
	if (entry->model->inbound->require_tls) {
		ret->required = MODEL_LEVEL_ENCRYPT;
		policy_add_text(&ret->required_by, a->arena,
			arena_format(a->arena, "%s (encrypt)", entry->subject));
	}
	ret->text = arena_format(a->arena, "Originating from organisation %s: %s by address %s",
		ret->organisation, entry->subject, policy_inbound_address(a->peer, a->arena));
	return true;
}
