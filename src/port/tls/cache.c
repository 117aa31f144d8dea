#include "base/map.h"
#include "port/tls/context.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/queue.h>

struct entry {
	TAILQ_ENTRY(entry) links; /* oldest first */
	char *key;		  /* host, NUL, identity */
	size_t length;
	SSL_SESSION *session;
};

struct tls_cache {
	struct map *entries;
	TAILQ_HEAD(entries, entry) order;
	size_t limit;
};

struct tls_cache *tls_cache_new(size_t limit)
{
	struct tls_cache *cache = mem_new(sizeof(*cache));
	uint64_t seed = 0;

	/* Without random bytes the table is only easier to slow down. */
	(void)RAND_bytes((unsigned char *)&seed, sizeof(seed));
	cache->entries = map_new(seed);
	cache->limit = limit;
	TAILQ_INIT(&cache->order);
	return cache;
}

static void drop(struct tls_cache *cache, struct entry *entry)
{
	map_remove(cache->entries, str_make(entry->key, entry->length));
	TAILQ_REMOVE(&cache->order, entry, links);
	SSL_SESSION_free(entry->session);
	free(entry->key);
	free(entry);
}

void tls_cache_free(struct tls_cache **cache)
{
	struct entry *entry, *next;

	if (*cache == NULL)
		return;
	for (entry = TAILQ_FIRST(&(*cache)->order); entry != NULL; entry = next) {
		next = TAILQ_NEXT(entry, links);
		drop(*cache, entry);
	}
	map_free(&(*cache)->entries);
	free(*cache);
	*cache = NULL;
}

static char *make_key(const char *host, const char *identity, size_t *ret_length)
{
	size_t host_length = strlen(host) + 1;
	size_t identity_length = identity != NULL ? strlen(identity) : 0;
	char *key = mem_new(host_length + identity_length + 1);

	memcpy(key, host, host_length);
	if (identity_length > 0)
		memcpy(key + host_length, identity, identity_length);
	*ret_length = host_length + identity_length;
	return key;
}

void tls_cache_put(
	struct tls_cache *cache, const char *host, const char *identity, SSL_SESSION *session)
{
	struct entry *entry = mem_new(sizeof(*entry));
	struct entry *old;

	entry->key = make_key(host, identity, &entry->length);
	entry->session = session;
	old = map_get(cache->entries, str_make(entry->key, entry->length));
	if (old != NULL)
		drop(cache, old);
	if (map_count(cache->entries) >= cache->limit)
		drop(cache, TAILQ_FIRST(&cache->order));
	map_set(cache->entries, str_make(entry->key, entry->length), entry);
	TAILQ_INSERT_TAIL(&cache->order, entry, links);
}

SSL_SESSION *tls_cache_take(
	struct tls_cache *cache, const char *host, const char *identity, int64_t now_s)
{
	size_t length;
	char *key = make_key(host, identity, &length);
	struct entry *entry = map_get(cache->entries, str_make(key, length));
	SSL_SESSION *session;
	int64_t age;

	free(key);
	if (entry == NULL)
		return NULL;
	session = entry->session;
	age = now_s - (int64_t)SSL_SESSION_get_time(session);
	if (age < 0 || age >= (int64_t)SSL_SESSION_get_timeout(session) ||
		age >= TLS_SESSION_LIFE_S || !SSL_SESSION_is_resumable(session)) {
		drop(cache, entry);
		return NULL;
	}
	if (SSL_SESSION_up_ref(session) != 1)
		return NULL;
	if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION)
		drop(cache, entry);
	return session;
}

void tls_cache_forget(struct tls_cache *cache, const char *host)
{
	struct entry *entry, *next;

	for (entry = TAILQ_FIRST(&cache->order); entry != NULL; entry = next) {
		next = TAILQ_NEXT(entry, links);
		if (strcmp(entry->key, host) == 0)
			drop(cache, entry);
	}
}
