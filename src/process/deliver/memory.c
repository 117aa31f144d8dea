#include "process/deliver/memory.h"

#include "base/map.h"

#include <stdlib.h>

struct entry {
	int64_t until;
	int attempt;
};

struct deliver_memory {
	struct map *ladder; /* until: wall clock */
	struct map *dead;   /* until: ticks */
};

struct deliver_memory *deliver_memory_new(void)
{
	struct deliver_memory *memory = mem_new(sizeof(*memory));

	memory->ladder = map_new(0);
	memory->dead = map_new(0);
	return memory;
}

static void clear(struct map *map)
{
	size_t at = 0;
	struct str key;
	void *value;

	while (map_next(map, &at, &key, &value)) {
		map_remove(map, key);
		free(value);
	}
}

void deliver_memory_free(struct deliver_memory **memory)
{
	if (*memory == NULL)
		return;
	clear((*memory)->ladder);
	clear((*memory)->dead);
	map_free(&(*memory)->ladder);
	map_free(&(*memory)->dead);
	free(*memory);
	*memory = NULL;
}

static void put(struct map *map, const char *key, struct entry entry)
{
	struct entry *e = map_get(map, str_of(key));

	if (e == NULL) {
		/* Forgetting costs a second try, so the simplest bound will do. */
		if (map_count(map) >= DELIVER_MEMORY_MAX)
			clear(map);
		e = mem_new(sizeof(*e));
		map_set(map, str_of(key), e);
	}
	*e = entry;
}

static void forget(struct map *map, const char *key)
{
	free(map_remove(map, str_of(key)));
}

void deliver_memory_set(struct deliver_memory *memory, const struct wire_host *host)
{
	if (host->host == NULL)
		return;
	if (host->until_ms <= 0 || host->attempt == RECEIPT_ATTEMPT_FULL)
		forget(memory->ladder, host->host);
	else
		put(memory->ladder, host->host,
			(struct entry){.until = host->until_ms, .attempt = host->attempt});
}

int deliver_memory_attempt(const struct deliver_memory *memory, const char *host, int64_t now_ms)
{
	const struct entry *e = map_get(memory->ladder, str_of(host));

	if (e == NULL || e->until <= now_ms)
		return RECEIPT_ATTEMPT_FULL;
	if (e->attempt == RECEIPT_ATTEMPT_REDUCED || e->attempt == RECEIPT_ATTEMPT_CLEAR)
		return e->attempt;
	return RECEIPT_ATTEMPT_FULL;
}

void deliver_memory_died(struct deliver_memory *memory, const char *address, int64_t ticks_ms)
{
	put(memory->dead, address, (struct entry){.until = ticks_ms + DELIVER_DEAD_MS});
}

void deliver_memory_lives(struct deliver_memory *memory, const char *address)
{
	forget(memory->dead, address);
}

bool deliver_memory_is_dead(
	const struct deliver_memory *memory, const char *address, int64_t ticks_ms)
{
	const struct entry *e = map_get(memory->dead, str_of(address));

	return e != NULL && e->until > ticks_ms;
}
