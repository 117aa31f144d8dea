#include "base/map.h"

#include "base/mem.h"

#include <stdlib.h>

/* Open addressing, linear probing; removal leaves a tombstone that the next growth sweeps. */

struct slot {
	const char *key; /* NULL: empty, or a tombstone when value is not NULL */
	size_t length;
	uint64_t hash;
	void *value;
};

struct map {
	uint64_t seed;
	bool lends; /* keys are somebody else's */
	struct slot *slots;
	size_t size; /* power of two, or 0 */
	size_t count;
	size_t filled; /* count and tombstones */
};

static char tombstone;

uint64_t map_hash(struct str key, uint64_t seed)
{
	uint64_t h = 0xcbf29ce484222325U ^ seed;

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 0x100000001b3U;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93U;
	return h ^ (h >> 32);
}

struct map *map_new(uint64_t seed)
{
	struct map *map = mem_new(sizeof(*map));

	map->seed = seed;
	return map;
}

struct map *map_new_lent(uint64_t seed, size_t count)
{
	struct map *map = map_new(seed);

	map->lends = true;
	for (map->size = 16; map->size < count * 2 + 2;)
		map->size *= 2;
	map->slots = mem_new(map->size * sizeof(*map->slots));
	return map;
}

static void free_key(const struct map *map, const struct slot *slot)
{
	if (!map->lends)
		free((char *)slot->key);
}

void map_free(struct map **map)
{
	if (map == NULL || *map == NULL)
		return;
	for (size_t i = 0; !(*map)->lends && i < (*map)->size; i++)
		free_key(*map, &(*map)->slots[i]);
	free((*map)->slots);
	free(*map);
	*map = NULL;
}

static struct slot *find(const struct map *map, struct str key, uint64_t hash)
{
	size_t mask = map->size - 1;

	if (map->size == 0)
		return NULL;
	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct slot *s = &map->slots[i];

		if (s->key == NULL && s->value == NULL)
			return NULL;
		if (s->key != NULL && s->hash == hash &&
			str_equal(str_make(s->key, s->length), key))
			return s;
	}
}

static struct slot *vacancy(struct slot *slots, size_t size, uint64_t hash)
{
	size_t i = hash & (size - 1);

	while (slots[i].key != NULL || slots[i].value != NULL)
		i = (i + 1) & (size - 1);
	return &slots[i];
}

static void rebuild(struct map *map)
{
	size_t size = 16;
	struct slot *slots;

	while (size < map->count * 2 + 2)
		size *= 2;
	slots = mem_new(size * sizeof(*slots));
	for (size_t i = 0; i < map->size; i++)
		if (map->slots[i].key != NULL)
			*vacancy(slots, size, map->slots[i].hash) = map->slots[i];
	free(map->slots);
	map->slots = slots;
	map->size = size;
	map->filled = map->count;
}

void *map_get(const struct map *map, struct str key)
{
	struct slot *s = find(map, key, map_hash(key, map->seed));

	return s != NULL ? s->value : NULL;
}

void *map_set(struct map *map, struct str key, void *value)
{
	uint64_t hash = map_hash(key, map->seed);
	struct slot *s = find(map, key, hash);

	if (s != NULL) {
		void *before = s->value;

		s->value = value;
		return before;
	}
	if (map->size == 0 || (map->filled + 1) * 4 > map->size * 3)
		rebuild(map);
	s = vacancy(map->slots, map->size, hash);
	*s = (struct slot){
		map->lends ? (key.p != NULL ? key.p : "") : mem_text_of(key), key.n, hash, value};
	map->count++;
	map->filled++;
	return NULL;
}

void *map_remove(struct map *map, struct str key)
{
	struct slot *s = find(map, key, map_hash(key, map->seed));
	void *value;

	if (s == NULL)
		return NULL;
	value = s->value;
	free_key(map, s);
	s->key = NULL;
	s->value = &tombstone;
	map->count--;
	return value;
}

size_t map_count(const struct map *map)
{
	return map->count;
}

bool map_next(const struct map *map, size_t *position, struct str *ret_key, void **ret_value)
{
	while (*position < map->size) {
		const struct slot *s = &map->slots[(*position)++];

		if (s->key == NULL)
			continue;
		if (ret_key != NULL)
			*ret_key = str_make(s->key, s->length);
		*ret_value = s->value;
		return true;
	}
	return false;
}
