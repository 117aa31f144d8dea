/* What is fetched for the others: who may ask what, and what all of it shares. */
#include "process/lookup/inside.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- tasks ----------------------------------------------------------------------------------- */

bool lookup_task_begin(struct lookup_task *task, struct lookup_fetch *fetch,
	struct runtime_peer *peer, int64_t tag)
{
	if (fetch->task_count >= LOOKUP_TASKS_MAX)
		return false;
	task->fetch = fetch;
	task->peer = peer;
	task->tag = tag;
	LIST_INSERT_HEAD(&fetch->tasks, task, links);
	fetch->task_count++;
	return true;
}

static void take_out(struct lookup_task *task)
{
	LIST_REMOVE(task, links);
	task->fetch->task_count--;
}

void lookup_task_end(struct lookup_task *task, enum wire_type type, const void *answer)
{
	struct lookup_fetch *fetch = task->fetch;

	take_out(task);
	/* May drop the peer, and with it all of its tasks but this one. */
	runtime_peer_send(task->peer, type, answer);
	task->free(task);
	if (fetch->task_count == 0)
		fetch->idle(fetch->context);
}

void lookup_fetch_forget(struct lookup_fetch *fetch, const struct runtime_peer *peer)
{
	struct lookup_task *task, *next;

	for (task = LIST_FIRST(&fetch->tasks); task != NULL; task = next) {
		next = LIST_NEXT(task, links);
		if (peer != NULL && task->peer != peer)
			continue;
		take_out(task);
		task->free(task);
	}
}

/* ---- webhooks -------------------------------------------------------------------------------- */

struct post {
	struct lookup_task task;
	struct http_exchange *exchange;
};

static void post_free(struct lookup_task *task)
{
	struct post *p = (struct post *)task;

	http_cancel(&p->exchange);
	free(p);
}

static void on_posted(void *context, const struct http_answer *answer)
{
	struct post *p = context;
	struct wire_posted posted = {.tag = p->task.tag,
		.ok = answer->token == NULL,
		.http_status = answer->status,
		.text = answer->text};

	p->exchange = NULL;
	lookup_task_end(&p->task, WIRE_POSTED, &posted);
}

void lookup_post(struct lookup_fetch *fetch, struct runtime_peer *peer, const struct wire_post *ask)
{
	struct post *p = mem_new(sizeof(*p));
	/* Who is called chose the address once; nobody else chooses another. */
	struct http_request request = {.url = ask->url,
		.content_type = ask->content_type != NULL ? ask->content_type : "application/json",
		.body = ask->body,
		.headers = ask->headers.items,
		.header_count = ask->headers.count,
		.is_final = true,
		.max = 65536};

	p->task.free = post_free;
	if (!lookup_task_begin(&p->task, fetch, peer, ask->tag)) {
		struct wire_posted busy = {
			.tag = ask->tag, .text = "too much is under way already"};

		free(p);
		runtime_peer_send(peer, WIRE_POSTED, &busy);
		return;
	}
	p->exchange = http_ask(fetch->http, &request, on_posted, p);
}

/* ---- all of it ------------------------------------------------------------------------------- */

struct lookup_fetch *lookup_fetch_new(
	struct runtime *runtime, void (*idle)(void *context), void *context)
{
	struct lookup_fetch *f = mem_new(sizeof(*f));

	http_prepare();
	f->runtime = runtime;
	f->base = runtime_base(runtime);
	f->http = http_new(f->base);
	f->idle = idle;
	f->context = context;
	LIST_INIT(&f->tasks);
	return f;
}

void lookup_fetch_free(struct lookup_fetch **fetch)
{
	struct lookup_fetch *f = *fetch;

	if (f == NULL)
		return;
	lookup_fetch_forget(f, NULL);
	lookup_objects_free(&f->objects);
	lookup_cache_free(&f->cache);
	http_free(&f->http);
	free(f);
	*fetch = NULL;
}

void lookup_fetch_apply(struct lookup_fetch *f, const struct runtime_settings *settings)
{
	const struct model_node *node = settings->node;
	char path[4200];

	http_apply(f->http, &node->fetch, settings->roots);
	if (f->cache != NULL) {
		lookup_cache_limit(f->cache, node->fetch.cache);
		return;
	}
	snprintf(path, sizeof(path), "%s/lookup", node->data != NULL ? node->data : "");
	f->cache = lookup_cache_new(node->data != NULL ? path : NULL, node->fetch.cache);
	f->objects = lookup_objects_new(f->base, f->http, f->cache, &f->counts);
}

void lookup_fetch_start(struct lookup_fetch *f)
{
	lookup_cache_open(f->cache);
}

bool lookup_fetch_message(
	struct lookup_fetch *f, struct runtime_peer *peer, enum wire_type type, const void *record)
{
	switch (type) {
	case WIRE_REVOCATION_ASK:
		if (peer->role != RUNTIME_RECEIVE && peer->role != RUNTIME_DELIVER)
			return false;
		lookup_revocation_ask(f, peer, record);
		return true;
	case WIRE_STAPLE_ASK:
		if (peer->role != RUNTIME_RECEIVE && peer->role != RUNTIME_WEB)
			return false;
		lookup_staple_ask(f, peer, record);
		return true;
	case WIRE_ENDPOINT_ASK:
		if (peer->role != RUNTIME_ADMIN)
			return false;
		lookup_endpoint_ask(f, peer, record);
		return true;
	case WIRE_POST:
		if (peer->role != RUNTIME_SPOOL)
			return false;
		lookup_post(f, peer, record);
		return true;
	default:
		return false;
	}
}

json_t *lookup_fetch_stats(const struct lookup_fetch *f)
{
	size_t count = 0, bytes = 0;

	if (f->objects != NULL)
		lookup_objects_count(f->objects, &count, &bytes);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "asked",
		(json_int_t)f->counts.asked, "revoked", (json_int_t)f->counts.revoked, "unknown",
		(json_int_t)f->counts.unknown, "fetched", (json_int_t)f->counts.fetched,
		"not_fetched", (json_int_t)f->counts.failed, "from_disk",
		(json_int_t)f->counts.from_disk, "held", (json_int_t)count, "held_bytes",
		(json_int_t)bytes, "disk_bytes",
		(json_int_t)(f->cache != NULL ? lookup_cache_size(f->cache) : 0), "running",
		(json_int_t)f->task_count);
}
