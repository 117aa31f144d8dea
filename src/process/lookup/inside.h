/* Internal to process/lookup: what is fetched for others. */
#ifndef SEALPOST_PROCESS_LOOKUP_INSIDE_H
#define SEALPOST_PROCESS_LOOKUP_INSIDE_H

#include "base/heap.h"
#include "base/map.h"
#include "port/http/http.h"
#include "port/revocation/revocation.h"
#include "port/runtime/peers.h"
#include "port/runtime/runtime.h"

#include <sys/queue.h>

/* ---- cache.c: on disk ------------------------------------------------------------------------
 *
 * One file for each list or response, DIRECTORY/KEY (hex):
 *
 *     sealpost-lookup 1 FETCHED_MS URL LF
 *     the bytes as they came
 *
 * What is read is believed no more than what was just fetched: signatures are verified again.  So a
 * file may be damaged or half written; it is then removed.
 */
struct lookup_cache;
/* DIRECTORY NULL: nothing is kept.  MAX is in bytes; what was used least recently goes. */
struct lookup_cache *lookup_cache_new(const char *directory, int64_t max) MUST_USE;
void lookup_cache_limit(struct lookup_cache *cache, int64_t max);
/* See what is there.  Once, before the others. */
void lookup_cache_open(struct lookup_cache *cache);
void lookup_cache_free(struct lookup_cache **cache);
void lookup_cache_save(struct lookup_cache *cache, const unsigned char key[REVOCATION_KEY],
	const char *url, int64_t fetched_ms, struct str bytes);
/* False: it is not there.  free() *ret_memory; *ret_bytes is a part of it. */
bool lookup_cache_load(struct lookup_cache *cache, const unsigned char key[REVOCATION_KEY],
	char **ret_memory, struct str *ret_bytes, int64_t *ret_fetched_ms);
void lookup_cache_remove(struct lookup_cache *cache, const unsigned char key[REVOCATION_KEY]);
int64_t lookup_cache_size(const struct lookup_cache *cache);

/* ---- objects.c: lists and responses in use ---------------------------------------------------
 *
 *            +-- not there --> fetching --fine--> held --nextUpdate--> fetching ...
 *   asked ---+                     |                |
 *            +-- on disk: held     +--fails--> failed, for a while
 *
 * What is held and was asked for of late is fetched anew halfway through its life, so that nobody
 * needs to wait for the next one; a failure then changes nothing as long as the old one counts.
 */
struct lookup_objects;
struct lookup_object;

struct lookup_counts {
	int64_t fetched, failed, from_disk; /* lists and responses */
	int64_t asked, revoked, unknown;    /* certificates */
};

/* All but BASE must outlive it. */
struct lookup_objects *lookup_objects_new(struct event_base *base, struct http *http,
	struct lookup_cache *cache, struct lookup_counts *counts) MUST_USE;
void lookup_objects_free(struct lookup_objects **objects);
void lookup_objects_count(
	const struct lookup_objects *objects, size_t *ret_count, size_t *ret_bytes);

/* What URL gives for PAIR; an object of this process, valid until the next turn of the loop or,
 * with a waiter at it, as long as that. */
struct lookup_object *lookup_objects_get(struct lookup_objects *objects,
	struct revocation_pair *pair, const struct revocation_place *place);
/* Is there something to be said, at once?  If not, or if it is getting old, it is being fetched. */
bool lookup_object_is_known(struct lookup_object *object);
/* What there is to be said of PAIR. */
void lookup_object_find(struct lookup_object *object, const struct revocation_pair *pair,
	unsigned point, struct revocation_finding *ret);
/* An OCSP response that is held; empty: none.  *ret_next_ms: when to look again. */
struct str lookup_object_response(const struct lookup_object *object, int64_t *ret_next_ms);

struct lookup_waiter {
	TAILQ_ENTRY(lookup_waiter) links;
	struct lookup_object *object; /* NULL: waits for nothing */
	void (*told)(void *context, struct lookup_waiter *waiter);
	void *context;
};
/* Tell WAITER, once, when the fetch under way has ended.  The object must not be known. */
void lookup_object_wait(struct lookup_object *object, struct lookup_waiter *waiter);
void lookup_waiter_cancel(struct lookup_waiter *waiter);

/* ---- fetch.c: all of it together ------------------------------------------------------------- */

/* A question of another process under way.  First member of its kind's struct. */
struct lookup_task {
	LIST_ENTRY(lookup_task) links;
	struct lookup_fetch *fetch;
	struct runtime_peer *peer;
	int64_t tag;
	void (*free)(struct lookup_task *task);
};

struct lookup_fetch {
	struct runtime *runtime;
	struct event_base *base;
	struct http *http;
	struct lookup_cache *cache;
	struct lookup_objects *objects;
	LIST_HEAD(lookup_tasks, lookup_task) tasks;
	size_t task_count;
	struct lookup_counts counts;
	bool is_open;
	void (*idle)(void *context); /* the last task has ended */
	void *context;
};

struct lookup_fetch *lookup_fetch_new(
	struct runtime *runtime, void (*idle)(void *context), void *context) MUST_USE;
void lookup_fetch_free(struct lookup_fetch **fetch);
void lookup_fetch_apply(struct lookup_fetch *fetch, const struct runtime_settings *settings);
/* In the sandbox. */
void lookup_fetch_start(struct lookup_fetch *fetch);
/* False: a message that is not for this process, or not from that peer. */
bool lookup_fetch_message(struct lookup_fetch *fetch, struct runtime_peer *peer,
	enum wire_type type, const void *record);
void lookup_fetch_forget(struct lookup_fetch *fetch, const struct runtime_peer *peer);
json_t *lookup_fetch_stats(const struct lookup_fetch *fetch);

enum { LOOKUP_TASKS_MAX = 20000 };
/* Enter TASK, zeroed but for its FREE; false: too many, and it is the caller's still. */
bool lookup_task_begin(struct lookup_task *task, struct lookup_fetch *fetch,
	struct runtime_peer *peer, int64_t tag);
/* Take it out, free it, and send its answer. */
void lookup_task_end(struct lookup_task *task, enum wire_type type, const void *answer);

/* ---- what is asked --------------------------------------------------------------------------- */

void lookup_revocation_ask(struct lookup_fetch *fetch, struct runtime_peer *peer,
	const struct wire_revocation_ask *ask);
void lookup_staple_ask(
	struct lookup_fetch *fetch, struct runtime_peer *peer, const struct wire_staple_ask *ask);
void lookup_endpoint_ask(
	struct lookup_fetch *fetch, struct runtime_peer *peer, const struct wire_endpoint_ask *ask);
void lookup_post(
	struct lookup_fetch *fetch, struct runtime_peer *peer, const struct wire_post *post);

#endif
