/* A hash table from byte strings to pointers.  Keys are copied.  Hashing is keyed with a seed that
 * the caller chooses (0 in tests), because keys often come from strangers. */
#ifndef SEALPOST_BASE_MAP_H
#define SEALPOST_BASE_MAP_H

#include "base/compiler.h"
#include "base/str.h"

struct map;

struct map *map_new(uint64_t seed) MUST_USE;
/* For about COUNT keys that outlive the map: they are not copied. */
struct map *map_new_lent(uint64_t seed, size_t count) MUST_USE;
/* Values are not freed: walk first if they are owned.  NULL is fine; leaves NULL. */
void map_free(struct map **map);
/* NULL when absent. */
void *map_get(const struct map *map, struct str key);
/* Set, and return the value that stood there before (or NULL).  VALUE is not NULL. */
void *map_set(struct map *map, struct str key, void *value);
/* Remove, and return the value (or NULL). */
void *map_remove(struct map *map, struct str key);
size_t map_count(const struct map *map);

/* Walk in no order: start with *position = 0; false at the end.  Removing the entry just returned
 * is allowed, adding is not.  ret_key may be NULL. */
bool map_next(const struct map *map, size_t *position, struct str *ret_key, void **ret_value);

/* The hash itself (FNV-1a, seeded, finalised). */
uint64_t map_hash(struct str key, uint64_t seed);

#endif
