/* The queue by route, gathered in steps like a listing. */
#include "port/store/work.h"

#include <stdlib.h>

struct route {
	struct store_route_summary summary;
	int64_t last_message;
	char *route, *token, *text;
};

/* One row, as far as the summary needs it. */
struct row {
	int64_t message;
	int64_t received_ms;
	int state;
	int64_t due_ms, attempts, last_ms;
	const char *route, *token, *text;
};

struct summary {
	struct store_work work;
	store_summary_done *done;
	void *context;
	struct store_match *match;
	struct store_scan scan;
	struct map *routes;
	/* of this step */
	struct store_scan at;
	struct row *rows;
	size_t count;
};

static bool visit(void *context, const struct store_scan_row *row)
{
	struct summary *summary = context;
	struct arena *arena = summary->work.found;
	const struct store_recipient *r = &row->recipient;

	summary->at.message = row->message;
	summary->at.number = r->wire.number;
	if (!store_match_row(summary->match, row))
		return true;
	summary->rows[summary->count++] = (struct row){
		.message = row->message,
		.received_ms = row->received_ms,
		.state = r->state,
		.due_ms = r->due_ms,
		.attempts = r->attempts,
		.last_ms = r->last_ms,
		.route = arena_text(arena, r->route),
		.token = arena_text(arena, r->token),
		.text = arena_text(arena, r->text),
	};
	return true;
}

static enum err run_summary(struct store_work *work, struct store_group *group)
{
	struct summary *summary = (struct summary *)work;
	const struct store_engine *engine = &work->store->engine;
	bool more = false;
	enum err e;

	(void)group;
	summary->at = summary->scan;
	summary->count = 0;
	summary->rows = arena_array(work->found, STORE_STEP_ROWS, sizeof(*summary->rows));
	e = engine->ops->scan(engine->self, &summary->scan, visit, summary, &more);
	if (e != ERR_OK)
		return e;
	return more ? ERR_AGAIN : ERR_OK;
}

static struct route *route_of(struct summary *summary, const char *name)
{
	struct route *route = map_get(summary->routes, str_of(name));

	if (route != NULL)
		return route;
	if (map_count(summary->routes) >= STORE_MAX_ROUTES && strcmp(name, "*") != 0)
		return route_of(summary, "*");
	route = mem_new(sizeof(*route));
	route->route = mem_text(name);
	route->last_message = INT64_MIN;
	map_set(summary->routes, str_of(name), route);
	return route;
}

static void add_row(struct summary *summary, const struct row *row)
{
	struct route *route = route_of(summary, row->route);
	struct store_route_summary *s = &route->summary;

	s->messages += route->last_message != row->message;
	route->last_message = row->message;
	s->recipients++;
	s->held += row->state == STORE_HELD;
	if (s->oldest_ms == 0 || row->received_ms < s->oldest_ms)
		s->oldest_ms = row->received_ms;
	if (row->state == STORE_WAITING && (s->next_ms == 0 || row->due_ms < s->next_ms))
		s->next_ms = row->due_ms;
	if (row->attempts > s->attempts)
		s->attempts = row->attempts;
	if (row->last_ms > s->last_ms) {
		s->last_ms = row->last_ms;
		free(route->token);
		free(route->text);
		route->token = mem_text(row->token);
		route->text = mem_text(row->text);
	}
}

static void summary_committed(struct store_work *work)
{
	struct summary *summary = (struct summary *)work;
	size_t i;

	for (i = 0; i < summary->count; i++)
		add_row(summary, &summary->rows[i]);
}

static int by_route(const void *a, const void *b)
{
	const struct store_route_summary *x = a, *y = b;

	return strcmp(x->route, y->route);
}

static void answer(struct summary *summary)
{
	size_t count = 0, position = 0;
	struct store_route_summary *all =
		arena_array(summary->work.found, map_count(summary->routes), sizeof(*all));
	void *value;

	while (map_next(summary->routes, &position, NULL, &value)) {
		const struct route *route = value;

		all[count] = route->summary;
		all[count].route = route->route;
		all[count].token = route->token;
		all[count].text = route->text;
		count++;
	}
	if (count > 0)
		qsort(all, count, sizeof(*all), by_route);
	summary->done(summary->context, ERR_OK, all, count);
}

static bool complete_summary(struct store_work *work)
{
	struct summary *summary = (struct summary *)work;

	summary->scan = summary->at;
	if (work->result == ERR_AGAIN)
		return true;
	if (work->result == ERR_OK)
		answer(summary);
	else
		summary->done(summary->context, work->result, NULL, 0);
	return false;
}

static void clear_summary(struct store_work *work)
{
	struct summary *summary = (struct summary *)work;
	size_t position = 0;
	void *value;

	while (map_next(summary->routes, &position, NULL, &value)) {
		struct route *route = value;

		free(route->route);
		free(route->token);
		free(route->text);
		free(route);
	}
	map_free(&summary->routes);
}

void store_summary(struct store *store, const struct store_filter *filter, store_summary_done *done,
	void *context)
{
	struct summary *summary = store_work_new(store, sizeof(*summary));

	summary->work.run = run_summary;
	summary->work.committed = summary_committed;
	summary->work.complete = complete_summary;
	summary->work.clear = clear_summary;
	summary->done = done;
	summary->context = context;
	summary->match = store_match_new(summary->work.arena, filter);
	summary->scan = store_match_scan(summary->match);
	/* Routes hold names that strangers choose; addresses are random enough a seed. */
	summary->routes = map_new((uint64_t)(uintptr_t)summary);
	store_work_submit(&summary->work);
}

/* ---- messages of each organisation -------------------------------------------------------------
 */

struct owners {
	struct store_work work;
	store_owners_done *done;
	void *context;
	struct store_owner *all;
	size_t count;
};

static enum err run_owners(struct store_work *work, struct store_group *group)
{
	struct owners *o = (struct owners *)work;

	(void)group;
	return work->store->engine.ops->owners(
		work->store->engine.self, work->found, &o->all, &o->count);
}

static bool complete_owners(struct store_work *work)
{
	const struct owners *o = (const struct owners *)work;
	bool ok = work->result == ERR_OK;

	o->done(o->context, work->result, ok ? o->all : NULL, ok ? o->count : 0);
	return false;
}

void store_owners(struct store *store, store_owners_done *done, void *context)
{
	struct owners *o = store_work_new(store, sizeof(*o));

	o->work.run = run_owners;
	o->work.complete = complete_owners;
	o->done = done;
	o->context = context;
	store_work_submit(&o->work);
}
