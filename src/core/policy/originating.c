/* Phases 1 and 2 of attribution: is the client an organisation's own server? */
#include "core/cert/names.h"
#include "core/policy/inbound.h"

enum { MAX_NAMES = 500 };

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

/* Every on-premises connector whose certificate_name a name of the certificate could meet; the
 * exact comparison is cert_names_match()'s.  Those that cannot match come last, for the account. */
static struct matches matches_of(
	const struct policy_snapshot *s, const struct cert_facts *leaf, struct arena *arena)
{
	struct matches m = {.arena = arena, .seen = map_new(0)};
	char wildcard[260] = "*.";

	for (int passed_over = 0; passed_over < 2; passed_over++) {
		const struct map *map = passed_over ? s->passed_over : s->by_name;

		for (size_t i = 0; i < leaf->names.count && i < MAX_NAMES; i++) {
			struct str name = str_of(leaf->names.items[i]);
			struct str parent = name;

			if (name.n == 0 || name.n > 253)
				continue;
			str_cut(&parent, '.');
			add_bucket(&m, policy_bucket(map, name));
			if (name.p[0] == '*' && !passed_over)
				add_bucket(&m, policy_bucket(s->by_parent, parent));
			if (parent.n == 0)
				continue;
			memcpy(wildcard + 2, parent.p, parent.n);
			add_bucket(&m, policy_bucket(map, str_make(wildcard, parent.n + 2)));
		}
	}
	map_free(&m.seen);
	return m;
}

struct wanted {
	const struct policy_profile **items;
	size_t count;
};

/* The profiles of connectors whose certificate_name is MARK and NAME; see struct policy_snapshot.
 */
static void want(struct wanted *w, const struct map *map, const char *mark, struct str name)
{
	char key[264];
	size_t n = strlen(mark);
	const struct policy_profiles *list;

	memcpy(key, mark, n);
	if (name.n > 0)
		memcpy(key + n, name.p, name.n);
	list = map_get(map, str_make(key, n + name.n));
	for (size_t i = 0; list != NULL && i < list->count; i++) {
		bool is_new = w->count < POLICY_MAX_PROFILES;

		for (size_t k = 0; is_new && k < w->count; k++)
			is_new = w->items[k] != list->items[i];
		if (is_new)
			w->items[w->count++] = list->items[i];
	}
}

/* The profiles of all connectors that a name of the certificate leads to. */
static void want_all(struct wanted *w, const struct policy_snapshot *snapshot,
	const struct cert_facts *certificate)
{
	for (size_t i = 0; certificate != NULL && i < certificate->names.count && i < MAX_NAMES;
		i++) {
		struct str name = str_of(certificate->names.items[i]);
		struct str parent = name;

		if (name.n == 0 || name.n > 253)
			continue;
		str_cut(&parent, '.');
		want(w, snapshot->wanted, "=", name);
		if (name.p[0] == '*')
			want(w, snapshot->wanted, "^", parent);
		if (parent.n > 0)
			want(w, snapshot->wanted, "=*.", parent);
	}
}

size_t policy_trust_wanted(const struct policy_snapshot *snapshot,
	const struct cert_facts *certificate, struct arena *arena,
	const struct policy_profile *const **ret_profiles)
{
	struct wanted w = {
		arena_array(arena, POLICY_MAX_PROFILES, sizeof(struct policy_profile *)), 0};

	w.items[w.count++] = &policy_profile_system;
	want_all(&w, snapshot, certificate);
	*ret_profiles = w.items;
	return w.count;
}

bool policy_trust_counts(const struct policy_snapshot *snapshot,
	const struct cert_facts *certificate, const struct policy_profile *profile)
{
	const struct policy_profile *items[POLICY_MAX_PROFILES];
	struct wanted w = {items, 0};
	bool counts = false;

	want_all(&w, snapshot, certificate);
	for (size_t i = 0; i < w.count && !counts; i++)
		counts = items[i] == profile;
	return counts;
}

const struct policy_profile *policy_connector_profile(const struct policy_snapshot *snapshot,
	const char *organisation, const char *name, const char **ret_anchors)
{
	const struct policy_entry *entry = policy_entry_of(snapshot, organisation, str_of(name));

	if (entry == NULL)
		return NULL;
	if (ret_anchors != NULL)
		*ret_anchors = entry->trust_label;
	return entry->profile;
}

/* ---- phase 1: certificate ------------------------------------------------------------------- */

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
	if (entry->own_domain == NULL)
		return arena_format(a->arena,
			"certificate name %s matches, but the domain of %s is no accepted domain "
			"of organisation %s",
			matched, entry->model->inbound->certificate_name,
			entry->model->organisation);
	if (!policy_inbound_is_associated(entry, entry->own_domain))
		return arena_format(a->arena,
			"certificate name %s matches, but %s is not among its "
			"associated_accepted_domains",
			matched, entry->own_domain->name);
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
		if (leads_here(a, m.items[i], &matched))
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

/* For the account: connectors with this prefix that are not ORGANISATION's (NULL: whosever). */
static void note_others(struct policy_attribution *a, unsigned bits, const char *organisation)
{
	char key[POLICY_PREFIX_KEY];
	const struct policy_bucket *b = policy_bucket(
		a->s->passed_over, policy_prefix_key(&a->peer->address, bits, "", key));

	for (size_t i = 0; i < b->count; i++) {
		const struct policy_entry *entry = b->items[i];

		if (organisation == NULL || strcmp(entry->model->organisation, organisation) != 0)
			policy_inbound_consider(
				a, entry->subject, false, why_not_by_address(a, entry));
	}
}

/* The sender's domain belongs to one organisation: only its connectors can match, the longest
 * prefix first. */
static const struct policy_entry *address_winner(struct policy_attribution *a)
{
	const struct model_domain *d =
		a->sender.domain != NULL ? policy_accepted(a->s, a->sender.domain) : NULL;
	const char *organisation = d != NULL ? d->organisation : NULL;
	const struct policy_entry *best = NULL;

	for (unsigned bits = 129; bits-- > 0;) {
		const struct policy_entry *here = NULL;
		const struct policy_bucket *b;
		char key[POLICY_PREFIX_KEY];

		if (!a->s->has_bits[bits])
			continue;
		note_others(a, bits, organisation);
		if (organisation == NULL)
			continue;
		b = policy_bucket(a->s->by_prefix,
			policy_prefix_key(&a->peer->address, bits, organisation, key));
		for (size_t i = 0; i < b->count; i++) {
			const char *why = why_not_by_address(a, b->items[i]);

			if (why != NULL)
				policy_inbound_consider(a, b->items[i]->subject, false, why);
			else if (here == NULL || policy_inbound_is_lower(b->items[i], here))
				here = b->items[i];
		}
		best = best != NULL ? best : here;
	}
	return best;
}

bool policy_inbound_by_address(struct policy_attribution *a)
{
	struct policy_inbound *ret = a->ret;
	const struct policy_entry *entry = a->peer->has_address ? address_winner(a) : NULL;

	if (entry == NULL)
		return false;
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
