#include "core/policy/snapshot.h"

#include <stdlib.h>

enum {
	KEY_SIZE = 512,
	MAX_JOINED = 10,
	MAX_PASSED_OVER = 10,
	FEW = 10,
	GATEWAY_KEY = KEY_SIZE + 18
};

static void add_to_bucket(struct policy_snapshot *s, struct map *map, struct str key,
	const struct policy_entry *entry)
{
	struct policy_bucket *b = map_get(map, key);

	if (b == NULL) {
		b = arena_alloc(s->arena, sizeof(*b));
		map_set(map, key, b);
	}
	if (b->count == b->room) {
		size_t room = b->room > 0 ? b->room * 2 : 1;
		const struct policy_entry **items =
			arena_array(s->arena, room, sizeof(struct policy_entry *));

		if (b->count > 0)
			memcpy(items, b->items, b->count * sizeof(*items));
		b->items = items;
		b->room = room;
	}
	/* One connector may name a pattern twice. */
	if (b->count == 0 || b->items[b->count - 1] != entry)
		b->items[b->count++] = entry;
}

/* "organisation/pattern"; no organisation's name holds a slash. */
static struct str composite(char buffer[KEY_SIZE], const char *organisation, struct str pattern)
{
	size_t n = strlen(organisation);

	if (n + 1 + pattern.n > KEY_SIZE)
		return str_make("", 0);
	memcpy(buffer, organisation, n);
	buffer[n] = '/';
	if (pattern.n > 0)
		memcpy(buffer + n + 1, pattern.p, pattern.n);
	return str_make(buffer, n + 1 + pattern.n);
}

const struct policy_bucket *policy_bucket(const struct map *map, struct str key)
{
	static const struct policy_bucket none;
	const struct policy_bucket *b = map_get(map, key);

	return b != NULL ? b : &none;
}

const struct policy_bucket *policy_bucket_of(
	const struct map *map, const char *organisation, struct str pattern)
{
	char buffer[KEY_SIZE];

	return policy_bucket(map, composite(buffer, organisation, pattern));
}

static void index_patterns(struct policy_snapshot *s, struct map *map,
	const struct policy_entry *entry, const struct record_texts *patterns)
{
	char buffer[KEY_SIZE];

	for (size_t i = 0; i < patterns->count; i++)
		add_to_bucket(s, map,
			composite(buffer, entry->model->organisation, str_of(patterns->items[i])),
			entry);
}

/* The first few, however many there are. */
static void add_passed_over(
	struct policy_snapshot *s, struct str key, const struct policy_entry *entry)
{
	if (policy_bucket(s->passed_over, key)->count < MAX_PASSED_OVER)
		add_to_bucket(s, s->passed_over, key, entry);
}

static void add_wanted(
	struct policy_snapshot *s, char mark, struct str name, const struct policy_profile *profile)
{
	char buffer[KEY_SIZE];
	struct str key = str_make(buffer, name.n + 1);
	struct policy_profiles *list;

	if (name.n + 1 > sizeof(buffer))
		return;
	buffer[0] = mark;
	memcpy(buffer + 1, name.p, name.n);
	list = map_get(s->wanted, key);
	if (list == NULL) {
		list = arena_alloc(s->arena, sizeof(*list));
		map_set(s->wanted, key, list);
	}
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] == profile)
			return;
	if (list->count < POLICY_MAX_PROFILES)
		list->items[list->count++] = profile;
}

/* See own_domain. */
static const struct model_domain *own_domain(
	const struct policy_snapshot *s, const struct model_connector *c)
{
	const char *name = c->inbound->certificate_name;
	const char *dot = strchr(name, '.');
	const struct model_domain *d = name[0] != '*' ? policy_accepted(s, name) : NULL;

	if (d != NULL && strcmp(d->organisation, c->organisation) == 0)
		return d;
	d = dot != NULL ? policy_accepted(s, dot + 1) : NULL;
	return d != NULL && strcmp(d->organisation, c->organisation) == 0 ? d : NULL;
}

static void index_certificate(struct policy_snapshot *s, struct policy_entry *entry)
{
	struct str name = str_of(entry->model->inbound->certificate_name);
	size_t dot = str_find(name, '.', 0);
	bool is_exact = name.n > 0 && name.p[0] != '*' && dot < name.n;
	struct str parent = is_exact ? str_part(name, dot + 1, name.n) : (struct str){0};

	if (name.n == 0)
		return;
	if (entry->model->enabled)
		add_wanted(s, '=', name, entry->profile);
	if (entry->model->enabled && is_exact)
		add_wanted(s, '^', parent, entry->profile);
	if (entry->model->type != MODEL_ON_PREMISES)
		return;
	entry->own_domain = own_domain(s, entry->model);
	if (entry->own_domain == NULL || !entry->model->enabled) {
		add_passed_over(s, name, entry);
		return;
	}
	add_to_bucket(s, s->by_name, name, entry);
	if (is_exact)
		add_to_bucket(s, s->by_parent, parent, entry);
}

struct str policy_prefix_key(const struct model_prefix *address, unsigned bits,
	const char *organisation, char buffer[POLICY_PREFIX_KEY])
{
	size_t n = strlen(organisation), fixed = 1 + sizeof(address->bytes);

	memset(buffer, 0, fixed);
	buffer[0] = (char)bits;
	memcpy(buffer + 1, address->bytes, bits / 8);
	if (bits % 8 != 0)
		buffer[1 + bits / 8] =
			(char)(address->bytes[bits / 8] & (unsigned char)(0xff00U >> (bits % 8)));
	if (n > POLICY_PREFIX_KEY - fixed)
		n = POLICY_PREFIX_KEY - fixed;
	memcpy(buffer + fixed, organisation, n);
	return str_make(buffer, fixed + n);
}

/* An enabled partner connector that nothing but an address can make fit. */
static bool is_gateway(const struct policy_entry *entry)
{
	const struct model_inbound *in = entry->model->inbound;

	return entry->model->enabled && in->restrict_to_addresses &&
	       in->associated_accepted_domains.count == 0 && in->trusted_organisations.count == 0;
}

static void index_inbound(struct policy_snapshot *s, struct policy_entry *entry)
{
	const struct model_inbound *in = entry->model->inbound;
	char key[POLICY_PREFIX_KEY];

	entry->prefixes = arena_array(s->arena, in->addresses.count, sizeof(struct model_prefix));
	for (size_t i = 0; i < in->addresses.count; i++)
		if (model_parse_prefix(
			    str_of(in->addresses.items[i]), &entry->prefixes[entry->prefix_count]))
			entry->prefix_count++;
	index_certificate(s, entry);
	if (entry->model->type == MODEL_PARTNER) {
		index_patterns(
			s, is_gateway(entry) ? s->crowds : s->senders, entry, &in->sender_domains);
		return;
	}
	for (size_t i = 0; i < entry->prefix_count; i++) {
		const struct model_prefix *p = &entry->prefixes[i];

		s->has_bits[p->bits] = true;
		add_to_bucket(s, s->by_prefix,
			policy_prefix_key(p, p->bits, entry->model->organisation, key), entry);
		add_passed_over(s, policy_prefix_key(p, p->bits, "", key), entry);
	}
}

const struct policy_profile policy_profile_system = {
	.revocation = MODEL_REVOCATION_PREFER, .usage = MODEL_USAGE_CLIENT};

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool policy_profile_equal(const struct policy_profile *a, const struct policy_profile *b)
{
	return a == b || (a->revocation == b->revocation && a->usage == b->usage &&
				 same_text(a->anchors, b->anchors) && same_text(a->crls, b->crls));
}

/* Equal profiles are one. */
static const struct policy_profile *intern_profile(
	struct policy_snapshot *s, const struct model_connector *c, const char *anchors)
{
	struct policy_profile *profile = arena_alloc(s->arena, sizeof(*profile));
	struct arena *arena CLEANUP(arena_free) = NULL;
	const struct policy_profile *known;
	const char *key;

	*profile = (struct policy_profile){.anchors = anchors,
		.crls = c->crls,
		.revocation = c->revocation,
		.usage = c->inbound != NULL ? c->inbound->usage : MODEL_USAGE_CLIENT};
	if (policy_profile_equal(profile, &policy_profile_system))
		return &policy_profile_system;
	arena = arena_new();
	key = arena_format(arena, "%d/%d/%s/%s", profile->revocation, profile->usage,
		anchors != NULL ? anchors : "", c->crls != NULL ? c->crls : "");
	known = map_get(s->profiles, str_of(key));
	if (known != NULL)
		return known;
	map_set(s->profiles, str_of(key), profile);
	return profile;
}

/* The connector's own anchors, else its organisation's, else the system's. */
static void index_trust(struct policy_snapshot *s, struct policy_entry *entry)
{
	const struct model_connector *c = entry->model;
	const struct model_organisation *o = map_get(s->organisations, str_of(c->organisation));
	const char *shared = o != NULL ? o->trust : NULL;

	entry->trust_label = c->trust != NULL ? entry->subject
			     : shared != NULL ? arena_format(s->arena, "organisation %s", o->name)
					      : "system";
	entry->profile = intern_profile(s, c, c->trust != NULL ? c->trust : shared);
}

static void index_connector(struct policy_snapshot *s, const struct model_connector *c)
{
	struct policy_entry *entry = arena_alloc(s->arena, sizeof(*entry));
	char buffer[KEY_SIZE];

	if (c->name == NULL || c->organisation == NULL)
		return;
	entry->model = c;
	entry->subject = arena_format(s->arena, "connector %s/%s", c->organisation, c->name);
	index_trust(s, entry);
	if (map_get(s->connectors, composite(buffer, c->organisation, str_of(c->name))) != NULL)
		return;
	map_set(s->connectors, composite(buffer, c->organisation, str_of(c->name)), entry);
	if (c->inbound != NULL)
		index_inbound(s, entry);
	if (c->outbound == NULL)
		return;
	index_patterns(s, s->routes, entry, &c->outbound->recipient_domains);
	if (c->outbound->all_accepted_domains)
		add_to_bucket(s, s->accepted, str_of(c->organisation), entry);
	if (c->outbound->route_all_via_on_premises)
		add_to_bucket(s, s->centralised, str_of(c->organisation), entry);
}

/* Those in report mode last, then by name. */
static int by_mode_and_name(const void *a, const void *b)
{
	const struct model_connector *x = (*(const struct policy_entry *const *)a)->model;
	const struct model_connector *y = (*(const struct policy_entry *const *)b)->model;

	if (x->inbound->mode != y->inbound->mode)
		return x->inbound->mode == MODEL_ENFORCE ? -1 : 1;
	return strcmp(x->name, y->name);
}

static struct str gateway_key(struct str crowd, const struct model_prefix *address, unsigned bits,
	char buffer[GATEWAY_KEY])
{
	char prefix[POLICY_PREFIX_KEY];
	struct str key = policy_prefix_key(address, bits, "", prefix);

	memcpy(buffer, crowd.p, crowd.n);
	buffer[crowd.n] = '\0';
	memcpy(buffer + crowd.n + 1, key.p, key.n);
	return str_make(buffer, crowd.n + 1 + key.n);
}

/* What does not make a crowd goes back to the others. */
static void index_crowds(struct policy_snapshot *s)
{
	size_t position = 0, first_report;
	char buffer[GATEWAY_KEY];
	struct str crowd;
	void *value;

	while (map_next(s->crowds, &position, &crowd, &value)) {
		struct policy_bucket *b = value;

		qsort(b->items, b->count, sizeof(*b->items), by_mode_and_name);
		for (first_report = 0;
			first_report < b->count &&
			b->items[first_report]->model->inbound->mode == MODEL_ENFORCE;
			first_report++)
			continue;
		for (size_t i = 0; i < b->count; i++) {
			const struct policy_entry *entry = b->items[i];

			if (i < FEW || (i >= first_report && i < first_report + FEW))
				add_to_bucket(s, s->senders, crowd, entry);
			for (size_t k = 0; b->count > FEW && k < entry->prefix_count; k++) {
				const struct model_prefix *p = &entry->prefixes[k];

				s->has_gateway_bits[p->bits] = true;
				add_to_bucket(s, s->gateways,
					gateway_key(crowd, p, p->bits, buffer), entry);
			}
		}
		b->count = b->count > FEW ? 1 : 0;
	}
}

const struct policy_bucket *policy_gateways(const struct policy_snapshot *snapshot,
	const char *organisation, const char *pattern, const struct model_prefix *address,
	unsigned bits)
{
	char crowd[KEY_SIZE], buffer[GATEWAY_KEY];

	if (!snapshot->has_gateway_bits[bits])
		return policy_bucket(snapshot->gateways, str_make("", 0));
	return policy_bucket(
		snapshot->gateways, gateway_key(composite(crowd, organisation, str_of(pattern)),
					    address, bits, buffer));
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct model_rule *const *)a)->name,
		(*(const struct model_rule *const *)b)->name);
}

static void index_rules(struct policy_snapshot *s)
{
	size_t position = 0;
	struct str key;
	void *value;

	for (size_t i = 0; i < s->config.rules.count; i++) {
		const struct model_rule *rule = &s->config.rules.items[i];
		struct policy_rules *list = map_get(s->rules, str_of(rule->organisation));

		if (list == NULL) {
			list = arena_alloc(s->arena, sizeof(*list));
			map_set(s->rules, str_of(rule->organisation), list);
		}
		if (list->count == list->room) {
			size_t room = list->room * 2 + 4;
			const struct model_rule **items =
				arena_array(s->arena, room, sizeof(struct model_rule *));

			if (list->count > 0)
				memcpy(items, list->items, list->count * sizeof(*items));
			list->items = items;
			list->room = room;
		}
		list->items[list->count++] = rule;
	}
	while (map_next(s->rules, &position, &key, &value)) {
		struct policy_rules *list = value;

		qsort(list->items, list->count, sizeof(*list->items), by_name);
	}
}

struct policy_snapshot *policy_snapshot_new(const struct model_config *config, uint64_t generation)
{
	struct policy_snapshot *s = mem_new(sizeof(*s));
	struct map **maps[] = {&s->organisations, &s->domains, &s->connectors, &s->profiles,
		&s->by_name, &s->by_parent, &s->by_prefix, &s->senders, &s->routes, &s->accepted,
		&s->rules, &s->centralised, &s->passed_over, &s->wanted, &s->crowds, &s->gateways};

	s->arena = arena_new();
	s->generation = generation;
	record_copy(&model_config_desc, config, s->arena, &s->config);
	for (size_t i = 0; i < ARRAY_LENGTH(maps); i++)
		*maps[i] = map_new(generation * 0x9e3779b97f4a7c15U);
	for (size_t i = 0; i < s->config.organisations.count; i++) {
		struct model_organisation *o = &s->config.organisations.items[i];

		if (o->name != NULL && map_get(s->organisations, str_of(o->name)) == NULL)
			map_set(s->organisations, str_of(o->name), o);
	}
	for (size_t i = 0; i < s->config.domains.count; i++) {
		struct model_domain *d = &s->config.domains.items[i];

		if (d->name != NULL && d->organisation != NULL &&
			map_get(s->domains, str_of(d->name)) == NULL)
			map_set(s->domains, str_of(d->name), d);
	}
	for (size_t i = 0; i < s->config.connectors.count; i++)
		index_connector(s, &s->config.connectors.items[i]);
	s->recipients = map_new_lent(generation * 0x9e3779b97f4a7c15U, s->config.recipients.count);
	for (size_t i = 0; i < s->config.recipients.count; i++)
		map_set(s->recipients, str_of(s->config.recipients.items[i].address),
			&s->config.recipients.items[i]);
	index_crowds(s);
	index_rules(s);
	return s;
}

void policy_snapshot_free(struct policy_snapshot **snapshot)
{
	struct policy_snapshot *s = snapshot != NULL ? *snapshot : NULL;

	if (s == NULL)
		return;
	map_free(&s->organisations);
	map_free(&s->domains);
	map_free(&s->connectors);
	map_free(&s->profiles);
	map_free(&s->by_name);
	map_free(&s->by_parent);
	map_free(&s->by_prefix);
	map_free(&s->senders);
	map_free(&s->routes);
	map_free(&s->accepted);
	map_free(&s->recipients);
	map_free(&s->rules);
	map_free(&s->centralised);
	map_free(&s->passed_over);
	map_free(&s->wanted);
	map_free(&s->crowds);
	map_free(&s->gateways);
	arena_free(&s->arena);
	free(s);
	*snapshot = NULL;
}

uint64_t policy_snapshot_generation(const struct policy_snapshot *snapshot)
{
	return snapshot->generation;
}

const struct model_config *policy_snapshot_config(const struct policy_snapshot *snapshot)
{
	return &snapshot->config;
}

const struct model_organisation *policy_organisation(
	const struct policy_snapshot *snapshot, const char *name)
{
	return name != NULL ? map_get(snapshot->organisations, str_of(name)) : NULL;
}

const struct policy_entry *policy_entry_of(
	const struct policy_snapshot *snapshot, const char *organisation, struct str name)
{
	char buffer[KEY_SIZE];

	return organisation != NULL && name.n > 0
		       ? map_get(snapshot->connectors, composite(buffer, organisation, name))
		       : NULL;
}

const struct model_connector *policy_connector(
	const struct policy_snapshot *snapshot, const char *organisation, const char *name)
{
	const struct policy_entry *entry = policy_entry_of(snapshot, organisation, str_of(name));

	return entry != NULL ? entry->model : NULL;
}

const struct model_domain *policy_accepted(const struct policy_snapshot *snapshot, const char *name)
{
	struct str rest = str_of(name);
	const struct model_domain *d = rest.n > 0 ? map_get(snapshot->domains, rest) : NULL;

	while (d == NULL && rest.n > 0) {
		str_cut(&rest, '.');
		d = rest.n > 0 ? map_get(snapshot->domains, rest) : NULL;
		if (d != NULL && !d->subdomains)
			d = NULL;
	}
	return d;
}

/* False when VISIT has had enough. */
static bool visit_bucket(const struct policy_bucket *b, const char *pattern, unsigned specificity,
	policy_visit *visit, void *context)
{
	for (size_t i = 0; i < b->count; i++)
		if (!visit(context, b->items[i], pattern, specificity))
			return false;
	return true;
}

void policy_covering(const struct map *map, const char *organisation, const char *name,
	struct arena *arena, policy_visit *visit, void *context)
{
	struct str rest = str_of(name);
	unsigned specificity = 1000;
	const struct policy_bucket *b;
	char buffer[KEY_SIZE];

	if (rest.n > 0) {
		b = policy_bucket_of(map, organisation, rest);
		if (!visit_bucket(b, name, specificity, visit, context))
			return;
	}
	while (rest.n > 0 && rest.n < KEY_SIZE - 2) {
		str_cut(&rest, '.');
		if (rest.n == 0)
			break;
		buffer[0] = '*';
		buffer[1] = '.';
		memcpy(buffer + 2, rest.p, rest.n);
		b = policy_bucket_of(map, organisation, str_make(buffer, rest.n + 2));
		specificity--;
		if (b->count > 0 &&
			!visit_bucket(b, arena_text_of(arena, str_make(buffer, rest.n + 2)),
				specificity, visit, context))
			return;
	}
	visit_bucket(policy_bucket_of(map, organisation, str_of("*")), "*", 0, visit, context);
}

/* Lists double when their count is a power of two; the maximum keeps them small anyway. */
static bool is_full(size_t count)
{
	return count == 0 || (count >= 4 && (count & (count - 1)) == 0);
}

void policy_consider(struct policy_candidates *list, struct arena *arena, const char *subject,
	bool applies, const char *why)
{
	static const char more[] = "more";

	if (!applies && list->count >= POLICY_MAX_CONSIDERED) {
		if (list->items[list->count - 1].subject == more)
			return;
		subject = more;
		why = "further candidates did not apply";
	}
	if (is_full(list->count)) {
		size_t room = list->count == 0 ? 4 : list->count * 2;
		struct policy_candidate *items =
			arena_array(arena, room, sizeof(struct policy_candidate));

		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
	}
	list->items[list->count++] = (struct policy_candidate){subject, applies, why};
}

void policy_add_text(struct record_texts *list, struct arena *arena, const char *text)
{
	if (is_full(list->count)) {
		size_t room = list->count == 0 ? 4 : list->count * 2;
		const char **items = arena_array(arena, room, sizeof(char *));

		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
	}
	list->items[list->count++] = text;
}

const char *policy_join(const struct record_texts *list, struct arena *arena)
{
	const char *text = "none";

	for (size_t i = 0; i < list->count && i < MAX_JOINED; i++)
		text = i == 0 ? list->items[i]
			      : arena_format(arena, "%s, %s", text, list->items[i]);
	if (list->count > MAX_JOINED)
		text = arena_format(arena, "%s and %zu more", text, list->count - MAX_JOINED);
	return text;
}
