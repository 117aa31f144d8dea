/* Which partners' TLS is forced in one direction only. */
#include "core/policy/lint_inside.h"

#include <stdlib.h>

enum { FORCED_IN = 1, FORCED_OUT = 2 };

struct policy_directions {
	struct arena *arena;
	struct map *forced; /* "organisation/pattern" -> pointer into `bits` */
};

static bool forces_in(const struct model_connector *c)
{
	return c->enabled && c->type == MODEL_PARTNER && c->inbound != NULL &&
	       c->inbound->mode == MODEL_ENFORCE &&
	       (c->inbound->require_tls || c->inbound->restrict_to_certificate);
}

static bool forces_out(const struct model_connector *c)
{
	return c->enabled && c->type == MODEL_PARTNER && c->outbound != NULL &&
	       c->outbound->mode == MODEL_ENFORCE && c->outbound->tls > MODEL_LEVEL_NONE;
}

static void add(struct policy_directions *d, const struct model_connector *c,
	const struct record_texts *patterns, unsigned bit)
{
	for (size_t i = 0; i < patterns->count; i++) {
		const char *key =
			arena_format(d->arena, "%s/%s", c->organisation, patterns->items[i]);
		unsigned *bits = map_get(d->forced, str_of(key));

		if (bits == NULL) {
			bits = arena_alloc(d->arena, sizeof(*bits));
			map_set(d->forced, str_of(key), bits);
		}
		*bits |= bit;
	}
}

struct policy_directions *policy_directions_new(const struct model_config *config)
{
	struct policy_directions *d = mem_new(sizeof(*d));

	d->arena = arena_new();
	d->forced = map_new(0);
	for (size_t i = 0; i < config->connectors.count; i++) {
		const struct model_connector *c = &config->connectors.items[i];

		if (forces_in(c))
			add(d, c, &c->inbound->sender_domains, FORCED_IN);
		if (forces_out(c))
			add(d, c, &c->outbound->recipient_domains, FORCED_OUT);
	}
	return d;
}

void policy_directions_free(struct policy_directions **directions)
{
	if (*directions == NULL)
		return;
	map_free(&(*directions)->forced);
	arena_free(&(*directions)->arena);
	free(*directions);
	*directions = NULL;
}

static bool has(const struct policy_directions *d, const char *organisation, const char *star,
	const char *pattern, unsigned bit, struct arena *arena)
{
	const unsigned *bits = map_get(
		d->forced, str_of(arena_format(arena, "%s/%s%s", organisation, star, pattern)));

	return bits != NULL && (*bits & bit) != 0;
}

/* By itself, by a wildcard above it, or by "*". */
static bool is_forced(const struct policy_directions *d, const char *organisation,
	const char *pattern, unsigned bit)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();

	if (has(d, organisation, "", pattern, bit, arena) ||
		has(d, organisation, "", "*", bit, arena))
		return true;
	for (const char *at = strchr(pattern, '.'); at != NULL; at = strchr(at + 1, '.'))
		if (has(d, organisation, "*", at, bit, arena))
			return true;
	return false;
}

static bool all_forced(const struct policy_directions *d, const char *organisation,
	const struct record_texts *patterns, unsigned bit)
{
	for (size_t i = 0; i < patterns->count; i++)
		/* "*" is everybody: nobody's other direction in particular. */
		if (strcmp(patterns->items[i], "*") != 0 &&
			!is_forced(d, organisation, patterns->items[i], bit))
			return false;
	return true;
}

const char *policy_directions_only(
	const struct policy_directions *d, const struct model_connector *c)
{
	if (forces_out(c) &&
		!all_forced(d, c->organisation, &c->outbound->recipient_domains, FORCED_IN))
		return "outbound";
	if (forces_in(c) &&
		!all_forced(d, c->organisation, &c->inbound->sender_domains, FORCED_OUT))
		return "inbound";
	return NULL;
}
