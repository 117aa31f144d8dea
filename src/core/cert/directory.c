#include "core/cert/directory.h"

#include "base/map.h"

#include <stdlib.h>

enum { VERSIONS_MAX = 3, NAME_MAX_BYTES = 255 };

struct living {
	const char *id;
	int state;
	const struct cert_offer *ecdsa, *rsa;
};

struct entry {
	struct living versions[VERSIONS_MAX];
	size_t count;
};

struct cert_directory {
	struct arena *arena;
	struct map *entries; /* name of a certificate -> struct entry */
	struct map *names;   /* "mx.example", "*.example" -> struct cert_pair */
	struct cert_pair fallback;
};

static bool is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* ---- making it --------------------------------------------------------------------------------
 */

static enum err add_version(
	struct cert_directory *directory, const struct cert_offer *offer, struct err_info *info)
{
	struct str name = str_of(offer->certificate);
	struct entry *entry = map_get(directory->entries, name);
	const struct cert_offer **place;
	struct living *version = NULL;

	if (entry == NULL) {
		entry = arena_alloc(directory->arena, sizeof(*entry));
		map_set(directory->entries, name, entry);
	}
	for (size_t i = 0; i < entry->count; i++) {
		struct living *other = &entry->versions[i];

		if (is_same(other->id, offer->version))
			version = other;
		else if (other->state == offer->state)
			return err_set(info, ERR_EXISTS,
				"certificate %s: versions %s and %s are both %s",
				offer->certificate, other->id != NULL ? other->id : "(none)",
				offer->version != NULL ? offer->version : "(none)",
				cert_state_names[offer->state]);
	}
	if (version == NULL) {
		if (entry->count == VERSIONS_MAX || offer->state == CERT_RETIRED)
			return err_set(info, ERR_TOO_MANY,
				"certificate %s: version %s is neither next, current nor "
				"deprecated",
				offer->certificate,
				offer->version != NULL ? offer->version : "(none)");
		version = &entry->versions[entry->count++];
		version->id = offer->version;
		version->state = offer->state;
	}
	place = offer->is_rsa ? &version->rsa : &version->ecdsa;
	if (*place != NULL)
		return err_set(info, ERR_EXISTS, "certificate %s: there are two with %s keys",
			offer->certificate, offer->is_rsa ? "RSA" : "ECDSA");
	*place = offer;
	return ERR_OK;
}

static void add_names(struct cert_directory *directory, const struct cert_offer *offer)
{
	for (size_t i = 0; i < offer->names.count; i++) {
		struct str name = str_of(offer->names.items[i]);
		struct cert_pair *pair = map_get(directory->names, name);

		if (pair == NULL) {
			pair = arena_alloc(directory->arena, sizeof(*pair));
			map_set(directory->names, name, pair);
		}
		if (offer->is_rsa && pair->rsa == NULL)
			pair->rsa = offer;
		if (!offer->is_rsa && pair->ecdsa == NULL)
			pair->ecdsa = offer;
	}
}

/* Who carries NAME, completed by who carries the wildcard above it; both NULL: nobody. */
static struct cert_pair carriers(const struct cert_directory *directory, struct str name)
{
	const struct cert_pair *exact = map_get(directory->names, name), *above = NULL;
	struct cert_pair pair = {.match = CERT_MATCH_EXACT};
	size_t dot = str_find(name, '.', 0);
	char text[NAME_MAX_BYTES + 2] = "*";

	if (exact != NULL)
		pair = *exact;
	if (dot > 0 && dot < name.n && name.n - dot < sizeof(text) - 1 && name.p[0] != '*') {
		memcpy(text + 1, name.p + dot, name.n - dot);
		above = map_get(directory->names, str_make(text, name.n - dot + 1));
	}
	if (above == NULL)
		return pair;
	if (exact == NULL)
		pair.match = CERT_MATCH_WILDCARD;
	if (pair.ecdsa == NULL)
		pair.ecdsa = above->ecdsa;
	if (pair.rsa == NULL)
		pair.rsa = above->rsa;
	return pair;
}

/* The certificate that was offered first, with its twin of the other kind if its first name has
 * one. */
static struct cert_pair make_fallback(
	const struct cert_directory *directory, const struct cert_offer *offers)
{
	const struct cert_offer *first = cert_directory_current(directory, offers[0].certificate);
	struct cert_pair own = cert_directory_version(directory, first->certificate, NULL);
	struct cert_pair pair = {0};

	if (first->names.count > 0)
		pair = carriers(directory, str_of(first->names.items[0]));
	pair.match = CERT_MATCH_DEFAULT;
	if (own.ecdsa != NULL)
		pair.ecdsa = own.ecdsa;
	if (own.rsa != NULL)
		pair.rsa = own.rsa;
	return pair;
}

enum err cert_directory_new(const struct cert_offer *offers, size_t count,
	struct cert_directory **ret, struct err_info *info)
{
	static const int order[] = {CERT_CURRENT, CERT_NEXT, CERT_DEPRECATED};
	struct cert_directory *directory CLEANUP(cert_directory_free) = mem_new(sizeof(*directory));
	enum err e;

	directory->arena = arena_new();
	directory->entries = map_new(0); /* keys come from the administrator */
	directory->names = map_new(0);
	for (size_t i = 0; i < count; i++) {
		e = add_version(directory, &offers[i], info);
		if (e != ERR_OK)
			return e;
	}
	for (size_t k = 0; k < ARRAY_LENGTH(order); k++)
		for (size_t i = 0; i < count; i++)
			if (offers[i].state == order[k])
				add_names(directory, &offers[i]);
	if (count > 0)
		directory->fallback = make_fallback(directory, offers);
	*ret = directory;
	directory = NULL;
	return ERR_OK;
}

void cert_directory_free(struct cert_directory **directory)
{
	struct cert_directory *d = *directory;

	*directory = NULL;
	if (d == NULL)
		return;
	map_free(&d->entries);
	map_free(&d->names);
	arena_free(&d->arena);
	free(d);
}

/* ---- asking it --------------------------------------------------------------------------------
 */

struct cert_pair cert_directory_find(const struct cert_directory *directory, struct str name)
{
	char text[NAME_MAX_BYTES + 1];
	struct cert_pair pair;

	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n == 0 || name.n > NAME_MAX_BYTES)
		return directory->fallback;
	memcpy(text, name.p, name.n);
	str_lower_in_place(text, name.n);
	pair = carriers(directory, str_make(text, name.n));
	return pair.ecdsa != NULL || pair.rsa != NULL ? pair : directory->fallback;
}

/* The version ID, else the current one, else any. */
static const struct living *get_version(
	const struct cert_directory *directory, const char *certificate, const char *id)
{
	const struct entry *entry = map_get(directory->entries, str_of(certificate));
	const struct living *best = NULL;

	for (size_t i = 0; entry != NULL && i < entry->count; i++) {
		const struct living *version = &entry->versions[i];

		if (id != NULL && is_same(version->id, id))
			return version;
		if (best == NULL || version->state == CERT_CURRENT)
			best = version;
	}
	return best;
}

const struct cert_offer *cert_directory_current(
	const struct cert_directory *directory, const char *certificate)
{
	const struct living *version = get_version(directory, certificate, NULL);

	if (version == NULL)
		return NULL;
	return version->ecdsa != NULL ? version->ecdsa : version->rsa;
}

struct cert_pair cert_directory_version(
	const struct cert_directory *directory, const char *certificate, const char *version)
{
	const struct living *found = get_version(directory, certificate, version);

	return found != NULL ? (struct cert_pair){.ecdsa = found->ecdsa, .rsa = found->rsa}
			     : (struct cert_pair){0};
}

struct cert_pair cert_directory_choose(const struct cert_directory *directory,
	struct cert_pair pair, cert_version_chooser *choose, void *context)
{
	const char *first = pair.ecdsa != NULL ? pair.ecdsa->certificate : NULL;
	const char *second = pair.rsa != NULL ? pair.rsa->certificate : NULL;
	struct cert_pair a = {0}, b = {0};

	if (first != NULL)
		a = cert_directory_version(
			directory, first, choose != NULL ? choose(context, first) : NULL);
	if (second != NULL && is_same(first, second))
		b = a;
	else if (second != NULL)
		b = cert_directory_version(
			directory, second, choose != NULL ? choose(context, second) : NULL);
	pair.ecdsa = a.ecdsa != NULL ? a.ecdsa : b.ecdsa;
	pair.rsa = b.rsa != NULL ? b.rsa : a.rsa;
	return pair;
}
