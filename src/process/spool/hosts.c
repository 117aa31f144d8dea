#include "port/log/log.h"
#include "process/spool/page.h"
#include "process/spool/state.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_HOSTS = 100000, MAX_DEAD = 1000 /* told */ };
/* Longer than a node may ask for. */
static const int64_t max_remember_ms = INT64_C(8) * 24 * 3600 * 1000;

struct host {
	struct wire_host wire;
	struct arena *arena;
};

static void host_free(struct host *host)
{
	arena_free(&host->arena);
	free(host);
}

static void keep(struct spool *spool, const struct wire_host *wire)
{
	struct host *host = mem_new(sizeof(*host));
	struct host *old;

	host->arena = arena_new();
	record_copy(&wire_host_desc, wire, host->arena, &host->wire);
	old = map_set(spool->hosts, str_of(host->wire.host), host);
	if (old != NULL)
		host_free(old);
}

static void written(void *context, enum err e)
{
	(void)context;
	if (e != ERR_OK)
		log_event(LOG_WARNING_LEVEL, "spool.host-not-written",
			LOG_TEXT("error", err_token(e)));
}

void spool_host_learn(struct spool_peer *from, const struct wire_host *host)
{
	struct spool *spool = from->spool;

	if (host->host == NULL)
		return;
	if (host->until_ms <= spool->now_ms()) {
		spool_host_forget(spool, host->host);
		return;
	}
	if (map_get(spool->hosts, str_of(host->host)) == NULL &&
		map_count(spool->hosts) >= MAX_HOSTS)
		return;
	keep(spool, host);
	store_host_put(spool->store, host, written, NULL);
	for (struct spool_peer *peer = spool->peers; peer != NULL; peer = peer->next)
		if (peer->role == RUNTIME_DELIVER && peer != from && peer->ipc != NULL)
			ipc_send(peer->ipc, WIRE_HOST, host);
}

bool spool_host_forget(struct spool *spool, const char *name)
{
	struct host *host = map_remove(spool->hosts, str_of(name));
	struct wire_host gone;

	if (host == NULL)
		return false;
	gone = host->wire;
	gone.until_ms = 0;
	store_host_remove(spool->store, gone.host, written, NULL);
	spool_broadcast(spool, RUNTIME_DELIVER, WIRE_HOST, &gone);
	host_free(host);
	return true;
}

static void loaded(void *context, enum err e, const struct wire_host *hosts, size_t count)
{
	struct spool *spool = context;

	if (e != ERR_OK)
		return; /* the ladder begins at the top again: no harm */
	for (size_t i = 0; i < count && i < MAX_HOSTS; i++)
		keep(spool, &hosts[i]);
	spool_hosts_tick(spool);
	for (struct spool_peer *peer = spool->peers; peer != NULL; peer = peer->next)
		if (peer->role == RUNTIME_DELIVER && peer->ipc != NULL)
			spool_hosts_send(peer);
}

void spool_hosts_load(struct spool *spool)
{
	store_hosts(spool->store, loaded, spool);
}

void spool_hosts_send(struct spool_peer *peer)
{
	size_t position = 0;
	void *value;

	while (map_next(peer->spool->hosts, &position, NULL, &value))
		ipc_send(peer->ipc, WIRE_HOST, &((struct host *)value)->wire);
}

void spool_hosts_tick(struct spool *spool)
{
	int64_t now = spool->now_ms();
	size_t position = 0;
	void *value;

	while (map_next(spool->hosts, &position, NULL, &value)) {
		struct host *host = value;

		/* The clock has gone back since: nothing is offered less TLS for years. */
		if (host->wire.until_ms > now + max_remember_ms) {
			spool_host_forget(spool, host->wire.host);
			continue;
		}
		if (host->wire.until_ms > now)
			continue;
		map_remove(spool->hosts, str_of(host->wire.host));
		store_host_remove(spool->store, host->wire.host, written, NULL);
		host_free(host);
	}
}

/* ---- asked by the administrator ----------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct wire_host *)a)->host, ((const struct wire_host *)b)->host);
}

static json_t *host_json(const struct wire_host *host)
{
	bool known = host->attempt >= 0 && host->attempt <= RECEIPT_ATTEMPT_LOCAL;

	return json_pack("{s:o,s:s,s:o,s:o}", "host", spool_text_json(host->host), "attempt",
		known ? receipt_attempt_names[host->attempt] : "?", "until",
		spool_moment_json(host->until_ms), "reason", spool_text_json(host->reason));
}

static json_t *dead_routes(const struct spool *spool)
{
	struct queue_plan_route route;
	json_t *dead = json_array();
	size_t position = 0;

	while (json_array_size(dead) < MAX_DEAD &&
		queue_plan_next_route(spool->plan, &position, &route))
		if (route.rests_until_ms != 0)
			json_array_append_new(dead, json_string(route.name));
	return dead;
}

void spool_manage_hosts_list(struct spool_request *request)
{
	const struct wire_host after = {.host = spool_argument(request, "cursor")};
	json_t *items = json_array(), *next = json_null();
	struct spool_page page;
	size_t position = 0;
	void *value;

	spool_page_init(&page, request->arena,
		spool_limit(json_object_get(request->arguments, "limit")), by_name,
		after.host != NULL ? &after : NULL);
	while (map_next(request->spool->hosts, &position, NULL, &value))
		spool_page_offer(&page, &((struct host *)value)->wire);
	for (size_t i = 0; i < spool_page_shown(&page); i++)
		json_array_append_new(items, host_json(page.items[i]));
	if (page.count > page.limit)
		next = spool_text_json(
			((const struct wire_host *)page.items[page.limit - 1])->host);
	spool_answer(request, json_pack("{s:o,s:o,s:o}", "items", items, "next", next,
				      "routes_dead", dead_routes(request->spool)));
}

void spool_hosts_free(struct spool *spool)
{
	size_t position = 0;
	void *value;

	while (map_next(spool->hosts, &position, NULL, &value))
		host_free(value);
	map_free(&spool->hosts);
}
