#include "port/store/body.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

struct store_body *store_body_new(int64_t message)
{
	struct store_body *body = mem_new(sizeof(*body));

	body->references = 1;
	body->message = message;
	body->fd = -1;
	buf_init(&body->data, SIZE_MAX / 2);
	return body;
}

struct store_body *store_body_hold(struct store_body *body)
{
	__atomic_add_fetch(&body->references, 1, __ATOMIC_RELAXED);
	return body;
}

void store_body_drop(struct store_body **body)
{
	struct store_body *b = *body;

	*body = NULL;
	if (b == NULL || __atomic_sub_fetch(&b->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (b->fd >= 0)
		close(b->fd);
	buf_free(&b->data);
	free(b);
}

static struct str key_of(const int64_t *message)
{
	return str_make(message, sizeof(*message));
}

void store_cache_init(struct store_cache *cache, int64_t max)
{
	/* Ids are made by us, not by strangers: no secret seed is needed. */
	*cache = (struct store_cache){.map = map_new(0), .max = max};
}

/* A body whose message has gone stays in the list as a ghost (message 0) until it is the oldest:
 * its content is given up at once. */
static void evict(struct store_cache *cache)
{
	while (cache->oldest != NULL &&
		(cache->bytes > cache->max || cache->oldest->message == 0)) {
		struct store_body *body = cache->oldest;

		cache->oldest = body->newer;
		if (cache->oldest == NULL)
			cache->newest = NULL;
		body->newer = NULL;
		if (body->message != 0) {
			map_remove(cache->map, key_of(&body->message));
			cache->bytes -= body->size;
		}
		store_body_drop(&body);
	}
}

void store_cache_clear(struct store_cache *cache)
{
	if (cache->map == NULL)
		return;
	cache->max = -1;
	evict(cache);
	map_free(&cache->map);
}

void store_cache_add(struct store_cache *cache, struct store_body *body)
{
	if (body->in_file || body->size > cache->max)
		return;
	store_body_hold(body);
	map_set(cache->map, key_of(&body->message), body);
	cache->bytes += body->size;
	if (cache->newest != NULL)
		cache->newest->newer = body;
	else
		cache->oldest = body;
	cache->newest = body;
	evict(cache);
}

struct store_body *store_cache_find(const struct store_cache *cache, int64_t message)
{
	return map_get(cache->map, key_of(&message));
}

void store_cache_remove(struct store_cache *cache, int64_t message)
{
	struct store_body *body = map_remove(cache->map, key_of(&message));

	if (body == NULL)
		return;
	cache->bytes -= body->size;
	body->message = 0;
	/* Somebody may still be reading it; else the memory is free at once. */
	if (__atomic_load_n(&body->references, __ATOMIC_ACQUIRE) == 1)
		buf_free(&body->data);
	evict(cache);
}
