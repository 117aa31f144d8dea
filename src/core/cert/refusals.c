#include "core/cert/refusals.h"

#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

enum { KEY_MAX = 1024 };

struct note {
	TAILQ_ENTRY(note) links; /* oldest first */
	char *key;		 /* as key_of() makes it */
	char *certificate, *version;
	int64_t until_ms;
	bool is_stranger;
};

struct cert_refusals {
	struct map *notes;
	TAILQ_HEAD(notes, note) order;
};

static struct str key_of(const struct cert_refusal *refusal, char to[KEY_MAX])
{
	int n = snprintf(to, KEY_MAX, "%d\n%s\n%s\n%s", refusal->direction, refusal->certificate,
		refusal->version, refusal->partner);

	return str_make(to, n < 0 ? 0 : n < KEY_MAX ? (size_t)n : KEY_MAX - 1);
}

struct cert_refusals *cert_refusals_new(uint64_t seed)
{
	struct cert_refusals *refusals = mem_new(sizeof(*refusals));

	refusals->notes = map_new(seed);
	TAILQ_INIT(&refusals->order);
	return refusals;
}

static void note_free(struct note *note)
{
	free(note->key);
	free(note->certificate);
	free(note->version);
	free(note);
}

static void drop(struct cert_refusals *refusals, struct note *note)
{
	map_remove(refusals->notes, str_of(note->key));
	TAILQ_REMOVE(&refusals->order, note, links);
	note_free(note);
}

void cert_refusals_free(struct cert_refusals **refusals)
{
	struct cert_refusals *r = *refusals;
	struct note *note, *next;

	*refusals = NULL;
	if (r == NULL)
		return;
	for (note = TAILQ_FIRST(&r->order); note != NULL; note = next) {
		next = TAILQ_NEXT(note, links);
		note_free(note);
	}
	map_free(&r->notes);
	free(r);
}

bool cert_party_is_stranger(const char *partner)
{
	return strncmp(partner, "connector ", strlen("connector ")) != 0;
}

/* The oldest one of a stranger: there is no end of them, and none shall drive partners out. */
static struct note *one_too_many(const struct cert_refusals *refusals)
{
	struct note *note;

	TAILQ_FOREACH (note, &refusals->order, links)
		if (note->is_stranger)
			return note;
	return TAILQ_FIRST(&refusals->order);
}

void cert_refusals_put(struct cert_refusals *refusals, const struct cert_refusal *refusal)
{
	char text[KEY_MAX];
	struct str key = key_of(refusal, text);
	struct note *note = map_get(refusals->notes, key);

	if (note != NULL)
		drop(refusals, note);
	else if (map_count(refusals->notes) >= CERT_REFUSALS_MAX)
		drop(refusals, one_too_many(refusals));
	note = mem_new(sizeof(*note));
	note->key = mem_text_of(key);
	note->certificate = mem_text(refusal->certificate);
	note->version = mem_text(refusal->version);
	note->until_ms = refusal->until_ms;
	note->is_stranger = cert_party_is_stranger(refusal->partner);
	map_set(refusals->notes, key, note);
	TAILQ_INSERT_TAIL(&refusals->order, note, links);
}

bool cert_refusals_has(
	const struct cert_refusals *refusals, const struct cert_refusal *refusal, int64_t now_ms)
{
	char text[KEY_MAX];
	const struct note *note = map_get(refusals->notes, key_of(refusal, text));

	return note != NULL && note->until_ms > now_ms;
}

static bool still_counts(
	const struct note *note, const struct cert_life *lives, size_t count, int64_t now_ms)
{
	return note->until_ms > now_ms &&
	       cert_life_has_other(lives, count, note->certificate, note->version);
}

void cert_refusals_prune(
	struct cert_refusals *refusals, const struct cert_life *lives, size_t count, int64_t now_ms)
{
	struct note *note, *next;

	for (note = TAILQ_FIRST(&refusals->order); note != NULL; note = next) {
		next = TAILQ_NEXT(note, links);
		if (!still_counts(note, lives, count, now_ms))
			drop(refusals, note);
	}
}

size_t cert_refusals_count(const struct cert_refusals *refusals)
{
	return map_count(refusals->notes);
}

bool cert_party_refuses(void *context, const char *certificate, const char *version)
{
	const struct cert_party *party = context;
	struct cert_refusal refusal = {
		.partner = party->place,
		.certificate = certificate,
		.version = version,
		.direction = party->direction,
	};
	struct arena *arena CLEANUP(arena_free) = NULL;

	if (party->memory == NULL || cert_refusals_count(party->memory) == 0)
		return false;
	if (party->place != NULL && cert_refusals_has(party->memory, &refusal, party->now_ms))
		return true;
	if (party->connector == NULL)
		return false;
	arena = arena_new();
	refusal.partner = cert_party_name(party, arena);
	return cert_refusals_has(party->memory, &refusal, party->now_ms);
}

const char *cert_party_name(const struct cert_party *party, struct arena *arena)
{
	if (party->connector != NULL)
		return arena_format(arena, "connector %s", party->connector);
	return arena_text(arena, party->place);
}
