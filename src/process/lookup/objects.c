#include "port/log/log.h"
#include "process/lookup/inside.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	OBJECTS_MAX = 4000,
	BYTES_MAX = 64 << 20,	    /* of those in memory; a larger one is kept alone */
	USED_MS = 36 * 3600 * 1000, /* asked for of late */
	AGAIN_MS = 60 * 1000,	    /* after a failure; doubled with each */
	AGAIN_MAX_MS = 15 * 60 * 1000,
	OLD_MS = 12 * 3600 * 1000, /* is fetched anew at the latest then */
	LOOK_S = 20,		   /* how often what is due is looked for */
};

TAILQ_HEAD(waiters, lookup_waiter);

struct lookup_object {
	TAILQ_ENTRY(lookup_object) links; /* in order of use */
	struct heap_node due;		  /* when it is to be fetched anew, wall clock */
	struct lookup_objects *all;
	unsigned char key[REVOCATION_KEY];
	int kind;
	char *url;
	struct revocation_pair *pair;
	/* Held. */
	struct revocation_list *list;	 /* crl */
	struct str response;		 /* ocsp; malloc */
	struct revocation_finding found; /* ocsp */
	int64_t next_ms;		 /* counts until then; 0: nothing is held */
	/* Failed. */
	struct revocation_finding failure;
	int64_t failed_until; /* ticks; 0: has not failed */
	int64_t again_ms;
	struct http_exchange *exchange;
	struct waiters waiters;
	int64_t used; /* ticks */
};

TAILQ_HEAD(used, lookup_object);

struct lookup_objects {
	struct event_base *base;
	struct http *http;
	struct lookup_cache *cache;
	struct map *by_key;
	struct used used; /* least recently first */
	struct heap due;
	struct event *timer;
	size_t bytes;
	struct lookup_counts *counts;
};

static struct str key_of(const struct lookup_object *o)
{
	return str_make(o->key, sizeof(o->key));
}

static size_t size_of(const struct lookup_object *o)
{
	return o->list != NULL ? revocation_list_bytes(o->list).n : o->response.n;
}

static void let_go(struct lookup_object *o)
{
	o->all->bytes -= size_of(o);
	revocation_list_free(&o->list);
	free((char *)o->response.p);
	o->response = str_of(NULL);
	o->next_ms = 0;
	heap_remove(&o->all->due, &o->due);
}

static void object_free(struct lookup_object *o)
{
	let_go(o);
	http_cancel(&o->exchange);
	map_remove(o->all->by_key, key_of(o));
	TAILQ_REMOVE(&o->all->used, o, links);
	revocation_pair_free(&o->pair);
	free(o->url);
	free(o);
}

/* Whoever is asked for next to others must stay until they have been asked: the newest stay. */
static void shrink(struct lookup_objects *all)
{
	struct lookup_object *o, *next;
	int64_t now = runtime_ticks_ms();

	for (o = TAILQ_FIRST(&all->used); o != NULL; o = next) {
		next = TAILQ_NEXT(o, links);
		if (map_count(all->by_key) <= OBJECTS_MAX && all->bytes <= BYTES_MAX)
			return;
		if (TAILQ_EMPTY(&o->waiters) && o->exchange == NULL && now - o->used > 1000)
			object_free(o);
	}
}

/* ---- taking ---------------------------------------------------------------------------------- */

static int64_t renewal(int64_t fetched_ms, int64_t next_ms)
{
	int64_t half = (next_ms - fetched_ms) / 2;

	if (half > OLD_MS)
		half = OLD_MS;
	return fetched_ms + (half > AGAIN_MS ? half : AGAIN_MS);
}

/* Take BYTES, if they are what was wanted. */
static bool take(struct lookup_object *o, struct str bytes, int64_t fetched_ms,
	struct revocation_finding *ret)
{
	struct revocation_list *list = NULL;
	int64_t now = runtime_now_ms();

	if (o->kind == WIRE_ENDPOINT_CRL)
		list = revocation_list_new(bytes, o->pair, now, ret);
	else
		revocation_ocsp_read(o->pair, bytes, now, ret);
	if (list == NULL && ret->status == WIRE_REVOCATION_UNKNOWN)
		return false;
	let_go(o);
	o->list = list;
	o->found = *ret;
	if (list == NULL) {
		char *copy = mem_resize(NULL, bytes.n, 1);

		memcpy(copy, bytes.p, bytes.n);
		o->response = str_make(copy, bytes.n);
	}
	o->next_ms = ret->next_ms;
	o->failed_until = 0;
	o->again_ms = 0;
	o->all->bytes += size_of(o);
	heap_set(&o->all->due, &o->due, renewal(fetched_ms, o->next_ms));
	return true;
}

static void failed(struct lookup_object *o, const struct revocation_finding *why)
{
	o->failure = *why;
	o->again_ms = o->again_ms == 0 ? AGAIN_MS : o->again_ms * 2;
	if (o->again_ms > AGAIN_MAX_MS)
		o->again_ms = AGAIN_MAX_MS;
	o->failed_until = runtime_ticks_ms() + o->again_ms;
	if (o->next_ms != 0)
		heap_set(&o->all->due, &o->due, runtime_now_ms() + o->again_ms);
	o->all->counts->failed++;
	log_event(LOG_INFO_LEVEL, "revocation.not_fetched", LOG_TEXT("url", o->url),
		LOG_TEXT("kind", wire_endpoint_kind_names[o->kind]), LOG_TEXT("cause", why->token),
		LOG_TEXT("reason", why->text), LOG_NUMBER("again_s", o->again_ms / 1000));
}

/* Those who are told may cancel others, or wait for what comes next. */
static void tell_all(struct lookup_object *o)
{
	struct lookup_waiter *w;
	size_t count = 0;

	TAILQ_FOREACH (w, &o->waiters, links)
		count++;
	if (count > 0)
		o->used = runtime_ticks_ms();
	for (; count > 0 && (w = TAILQ_FIRST(&o->waiters)) != NULL; count--) {
		lookup_waiter_cancel(w);
		w->told(w->context, w);
	}
}

static void on_fetched(void *context, const struct http_answer *answer)
{
	struct lookup_object *o = context;
	struct revocation_finding found = {.status = WIRE_REVOCATION_UNKNOWN};
	int64_t now = runtime_now_ms();

	o->exchange = NULL;
	if (answer->token != NULL) {
		found.token = answer->token;
		snprintf(found.text, sizeof(found.text), "%s", answer->text);
		failed(o, &found);
	} else if (take(o, answer->body, now, &found)) {
		o->all->counts->fetched++;
		lookup_cache_save(o->all->cache, o->key, o->url, now,
			o->list != NULL ? revocation_list_bytes(o->list) : o->response);
		log_event(LOG_DEBUG_LEVEL, "revocation.fetched", LOG_TEXT("url", o->url),
			LOG_NUMBER("bytes", (int64_t)answer->body.n), LOG_NUMBER("ms", answer->ms));
	} else {
		failed(o, &found);
	}
	tell_all(o);
}

static void fetch(struct lookup_object *o)
{
	struct arena *arena CLEANUP(arena_free) = NULL;
	struct http_request request = {.url = o->url};

	if (o->exchange != NULL)
		return;
	arena = arena_new();
	if (o->kind == WIRE_ENDPOINT_OCSP) {
		request.content_type = "application/ocsp-request";
		request.body = revocation_ocsp_ask(o->pair, arena);
		request.max = REVOCATION_OCSP_MAX;
	}
	o->exchange = http_ask(o->all->http, &request, on_fetched, o);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void load(struct lookup_object *o)
{
	struct revocation_finding found;
	char *memory = NULL;
	struct str bytes;
	int64_t fetched_ms;

	if (!lookup_cache_load(o->all->cache, o->key, &memory, &bytes, &fetched_ms))
		return;
	if (take(o, bytes, fetched_ms, &found))
		o->all->counts->from_disk++;
	else
		lookup_cache_remove(o->all->cache, o->key);
	free(memory);
}

struct lookup_object *lookup_objects_get(struct lookup_objects *all, struct revocation_pair *pair,
	const struct revocation_place *place)
{
	unsigned char key[REVOCATION_KEY];
	struct lookup_object *o;

	revocation_pair_key(pair, place->kind, place->url, key);
	o = map_get(all->by_key, str_make(key, sizeof(key)));
	if (o != NULL) {
		TAILQ_REMOVE(&all->used, o, links);
	} else {
		o = mem_new(sizeof(*o));
		o->all = all;
		memcpy(o->key, key, sizeof(key));
		o->kind = place->kind;
		o->url = mem_text(place->url);
		o->pair = revocation_pair_ref(pair);
		TAILQ_INIT(&o->waiters);
		map_set(all->by_key, key_of(o), o);
		load(o);
	}
	TAILQ_INSERT_TAIL(&all->used, o, links);
	o->used = runtime_ticks_ms();
	shrink(all);
	return o;
}

bool lookup_object_is_known(struct lookup_object *o)
{
	int64_t now = runtime_now_ms();

	if (o->next_ms >= now && o->next_ms != 0) {
		if (o->due.key <= now && runtime_ticks_ms() >= o->failed_until)
			fetch(o);
		return true;
	}
	if (o->failed_until != 0 && runtime_ticks_ms() < o->failed_until)
		return true;
	fetch(o);
	return false;
}

void lookup_object_find(struct lookup_object *o, const struct revocation_pair *pair, unsigned point,
	struct revocation_finding *ret)
{
	*ret = (struct revocation_finding){.status = WIRE_REVOCATION_UNKNOWN, .token = "stale"};
	if (o->next_ms < runtime_now_ms() || o->next_ms == 0) {
		if (o->failed_until != 0)
			*ret = o->failure;
	} else if (o->list != NULL) {
		revocation_list_find(o->list, pair, point, runtime_now_ms(), ret);
	} else {
		*ret = o->found;
	}
}

struct str lookup_object_response(const struct lookup_object *o, int64_t *ret_next_ms)
{
	int64_t now = runtime_now_ms();

	if (o->next_ms < now || o->next_ms == 0) {
		*ret_next_ms = now + (o->again_ms > 0 ? o->again_ms : AGAIN_MS);
		return str_of(NULL);
	}
	*ret_next_ms = o->due.key + 1000 > now + 1000 ? o->due.key + 1000 : now + 1000;
	return o->response;
}

void lookup_object_wait(struct lookup_object *o, struct lookup_waiter *waiter)
{
	waiter->object = o;
	TAILQ_INSERT_TAIL(&o->waiters, waiter, links);
}

void lookup_waiter_cancel(struct lookup_waiter *waiter)
{
	if (waiter->object == NULL)
		return;
	TAILQ_REMOVE(&waiter->object->waiters, waiter, links);
	waiter->object = NULL;
}

/* ---- renewing -------------------------------------------------------------------------------- */

static void look_again(struct lookup_objects *all)
{
	static const struct timeval later = {.tv_sec = LOOK_S};

	event_add(all->timer, &later);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct lookup_objects *all = context;
	struct heap_node *node;

	(void)fd;
	(void)what;
	while ((node = heap_first(&all->due)) != NULL && node->key <= runtime_now_ms()) {
		struct lookup_object *o =
			(struct lookup_object *)((char *)node -
						 offsetof(struct lookup_object, due));

		/* Else whoever asks for it next begins. */
		heap_remove(&all->due, &o->due);
		if (runtime_ticks_ms() - o->used < USED_MS)
			fetch(o);
	}
	look_again(all);
}

struct lookup_objects *lookup_objects_new(struct event_base *base, struct http *http,
	struct lookup_cache *cache, struct lookup_counts *counts)
{
	struct lookup_objects *all = mem_new(sizeof(*all));

	all->base = base;
	all->http = http;
	all->cache = cache;
	all->counts = counts;
	all->by_key = map_new(0); /* the keys are digests */
	TAILQ_INIT(&all->used);
	all->timer = evtimer_new(base, on_timer, all);
	look_again(all);
	return all;
}

void lookup_objects_free(struct lookup_objects **objects)
{
	struct lookup_objects *all = *objects;

	if (all == NULL)
		return;
	for (struct lookup_object *o = TAILQ_FIRST(&all->used), *next; o != NULL; o = next) {
		next = TAILQ_NEXT(o, links);
		object_free(o);
	}
	heap_free(&all->due);
	map_free(&all->by_key);
	event_free(all->timer);
	free(all);
	*objects = NULL;
}

void lookup_objects_count(const struct lookup_objects *all, size_t *ret_count, size_t *ret_bytes)
{
	*ret_count = map_count(all->by_key);
	*ret_bytes = all->bytes;
}
