/* Addresses of the organisations' own servers that lead to more than one connector. */
#include "core/policy/lint_inside.h"

enum { MAX_BITS = 128, MAX_NAMED = 10 };

/* All connectors at one prefix, in the order of the configuration. */
struct place {
	const struct model_connector *connector;
	const char *text;
	struct place *next;
};

struct addresses {
	struct policy_lint *l;
	bool has_bits[MAX_BITS + 1];
};

static struct str key_of(const struct model_prefix *p, unsigned bits, char key[17])
{
	memset(key, 0, 17);
	key[0] = (char)bits;
	memcpy(key + 1, p->bytes, bits / 8);
	if (bits % 8 != 0)
		key[1 + bits / 8] =
			(char)(p->bytes[bits / 8] & (unsigned char)(0xff00U >> (bits % 8)));
	return str_make(key, 17);
}

/* Only what is known by address alone: with a certificate it is told apart by that. */
static bool counts(const struct model_connector *c)
{
	return c->enabled && c->type == MODEL_ON_PREMISES && c->inbound != NULL &&
	       c->inbound->certificate_name == NULL;
}

static void index_connector(struct addresses *a, const struct model_connector *c)
{
	for (size_t i = 0; i < c->inbound->addresses.count; i++) {
		struct model_prefix prefix;
		struct place *place;
		char key[17];
		struct str k;

		if (!model_parse_prefix(str_of(c->inbound->addresses.items[i]), &prefix))
			continue;
		k = key_of(&prefix, prefix.bits, key);
		a->has_bits[prefix.bits] = true;
		place = arena_alloc(a->l->arena, sizeof(*place));
		place->connector = c;
		place->text = c->inbound->addresses.items[i];
		place->next = map_get(a->l->prefixes, k);
		map_set(a->l->prefixes, k, place);
	}
}

static void add_other(
	struct policy_lint *l, struct record_texts *others, const struct model_connector *c)
{
	if (others->items == NULL)
		others->items = arena_array(l->arena, MAX_NAMED, sizeof(*others->items));
	if (others->count < MAX_NAMED)
		others->items[others->count++] =
			arena_format(l->arena, "connector %s/%s", c->organisation, c->name);
}

/* The wider connector is told once as well: "of another organisation" is all it may know. */
static void tell_wider(struct addresses *a, const struct place *p, const char *narrow)
{
	const struct model_connector *c = p->connector;
	const char *key =
		arena_format(a->l->arena, "wide %s/%s %s", c->organisation, c->name, p->text);
	const char *subject =
		arena_format(a->l->arena, "connector %s/%s", c->organisation, c->name);
	struct record_texts others = {0};

	if (map_set(a->l->seen, str_of(key), (void *)c) != NULL)
		return;
	others.items = arena_array(a->l->arena, 1, sizeof(*others.items));
	others.items[others.count++] = narrow;
	policy_lint_add(a->l, LINT_ADDRESS_SHARED, c->organisation, subject,
		"inbound.addresses: %s covers what an on-premises connector of another "
		"organisation has, too: where both accept the sender's domain it is ambiguous, and "
		"mail is refused",
		p->text)
		->others = others;
}

/* What covers ADDRESS (of connector C) besides: the first of the own organisation, and those of
 * others. Long lists at one place are looked at as far as they can be named. */
static void meet(struct addresses *a, const struct model_connector *c, const char *address,
	const struct model_prefix *prefix)
{
	struct record_texts others = {0};
	const struct place *own = NULL;
	const char *subject =
		arena_format(a->l->arena, "connector %s/%s", c->organisation, c->name);

	for (unsigned bits = 0; bits <= prefix->bits; bits++) {
		char key[17];
		const struct place *p = NULL;
		unsigned looked = 0;

		if (a->has_bits[bits])
			p = map_get(a->l->prefixes, key_of(prefix, bits, key));
		for (; p != NULL && looked < MAX_NAMED; p = p->next, looked++) {
			if (strcmp(p->connector->organisation, c->organisation) != 0) {
				add_other(a->l, &others, p->connector);
				if (bits < prefix->bits)
					tell_wider(a, p, subject);
			} else if (p->connector != c && own == NULL) {
				own = p;
			}
		}
	}
	if (others.count > 0)
		policy_lint_add(a->l, LINT_ADDRESS_SHARED, c->organisation, subject,
			"inbound.addresses: %s is covered by an on-premises connector of another "
			"organisation, too: where both accept the sender's domain it is "
			"ambiguous, and mail is refused",
			address)
			->others = others;
	if (own != NULL)
		policy_lint_add(a->l, LINT_ADDRESS_OVERLAPS, c->organisation, subject,
			"inbound.addresses: %s is covered by %s of connector %s, too", address,
			own->text, own->connector->name);
}

void policy_lint_addresses(struct policy_lint *l)
{
	struct addresses a = {.l = l};

	for (size_t i = 0; i < l->config->connectors.count; i++)
		if (counts(&l->config->connectors.items[i]))
			index_connector(&a, &l->config->connectors.items[i]);
	for (size_t i = 0; i < l->config->connectors.count; i++) {
		const struct model_connector *c = &l->config->connectors.items[i];

		for (size_t k = 0; counts(c) && k < c->inbound->addresses.count; k++) {
			struct model_prefix prefix;

			if (model_parse_prefix(str_of(c->inbound->addresses.items[k]), &prefix))
				meet(&a, c, c->inbound->addresses.items[k], &prefix);
		}
	}
}
