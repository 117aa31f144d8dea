#include "process/deliver/pool.h"

#include <stdlib.h>

struct place {
	struct deliver_pool *pool;
	struct deliver_link *link; /* NULL: free */
};

struct deliver_pool {
	struct place places[DELIVER_POOL_MAX];
	size_t count;
};

/* Whatever a kept link says, it is over: the server spoke first, closed, or time is up. */
static void on_event(void *context, enum deliver_link_event event)
{
	struct place *place = context;

	(void)event;
	place->pool->count--;
	deliver_link_quit(&place->link);
}

static const struct deliver_link_owner owner = {.event = on_event};

struct deliver_pool *deliver_pool_new(void)
{
	struct deliver_pool *pool = mem_new(sizeof(*pool));

	for (size_t i = 0; i < DELIVER_POOL_MAX; i++)
		pool->places[i].pool = pool;
	return pool;
}

void deliver_pool_clear(struct deliver_pool *pool)
{
	for (size_t i = 0; i < DELIVER_POOL_MAX; i++)
		if (pool->places[i].link != NULL)
			on_event(&pool->places[i], DELIVER_LINK_LOST);
}

void deliver_pool_free(struct deliver_pool **pool)
{
	if (*pool == NULL)
		return;
	for (size_t i = 0; i < DELIVER_POOL_MAX; i++)
		deliver_link_free(&(*pool)->places[i].link);
	free(*pool);
	*pool = NULL;
}

void deliver_pool_put(struct deliver_pool *pool, struct deliver_link **link, int64_t idle_ms)
{
	for (size_t i = 0; i < DELIVER_POOL_MAX && idle_ms > 0; i++) {
		struct place *place = &pool->places[i];

		if (place->link != NULL)
			continue;
		place->link = *link;
		*link = NULL;
		pool->count++;
		deliver_link_give(place->link, &owner, place);
		deliver_link_keep(place->link, idle_ms);
		return;
	}
	deliver_link_quit(link);
}

struct deliver_link *deliver_pool_take(struct deliver_pool *pool, const char *key)
{
	for (size_t i = 0; i < DELIVER_POOL_MAX; i++) {
		struct deliver_link *link = pool->places[i].link;

		if (link == NULL || strcmp(deliver_link_key(link), key) != 0)
			continue;
		pool->places[i].link = NULL;
		pool->count--;
		deliver_link_give(link, NULL, NULL);
		deliver_link_keep(link, 0);
		return link;
	}
	return NULL;
}

size_t deliver_pool_count(const struct deliver_pool *pool)
{
	return pool->count;
}
