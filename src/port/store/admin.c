/*
 * Listing and bulk actions.  Each is a chain of steps that look at a bounded number of rows; other
 * calls are served between them.  A step leaves its own state alone while it runs (it may be rolled
 * back and run again) and moves on when it has been committed.
 */
#include "port/store/work.h"

#include <stdlib.h>

enum { EDITS_PER_STEP = 500 };

/* ---- listing ----------------------------------------------------------------------------------
 */

struct list {
	struct store_work work;
	store_messages_done *done;
	void *context;
	struct store_match *match;
	struct store_scan scan; /* where this step begins */
	size_t limit;
	int64_t *ids; /* found so far, and behind them those of this step */
	size_t count;
	/* of this step */
	struct store_scan at;
	size_t step_count;
	bool full;
	struct store_message *messages;
	size_t message_count;
};

static bool visit_list(void *context, const struct store_scan_row *row)
{
	struct list *list = context;
	size_t n = list->count + list->step_count;

	if (store_match_row(list->match, row) && (n == 0 || list->ids[n - 1] != row->message)) {
		if (n == list->limit) {
			list->full = true;
			return false;
		}
		list->ids[n] = row->message;
		list->step_count++;
	}
	list->at.message = row->message;
	list->at.number = row->recipient.wire.number;
	return true;
}

/* Leave only the recipients that match. */
static void sift(const struct store_match *match, struct store_message *message)
{
	size_t i, kept = 0;

	for (i = 0; i < message->recipients.count; i++) {
		struct store_scan_row row = {
			.message = message->wire.id,
			.received_ms = message->wire.received_ms,
			.sender = message->wire.sender,
			.recipient = message->recipients.items[i],
		};

		if (store_match_row(match, &row))
			message->recipients.items[kept++] = row.recipient;
	}
	message->recipients.count = kept;
}

static enum err run_list(struct store_work *work, struct store_group *group)
{
	struct list *list = (struct list *)work;
	const struct store_engine *engine = &work->store->engine;
	bool more = false;
	enum err e;
	size_t i, n;

	(void)group;
	list->at = list->scan;
	list->step_count = 0;
	list->full = false;
	list->message_count = 0;
	e = engine->ops->scan(engine->self, &list->scan, visit_list, list, &more);
	if (e != ERR_OK)
		return e;
	if (more && !list->full)
		return ERR_AGAIN;
	n = list->count + list->step_count;
	list->messages = arena_array(work->found, n, sizeof(*list->messages));
	for (i = 0; i < n; i++) {
		struct store_message *message = &list->messages[list->message_count];

		e = engine->ops->load(engine->self, list->ids[i], work->found, message);
		if (e != ERR_OK && e != ERR_UNKNOWN)
			return e;
		if (e == ERR_UNKNOWN)
			continue;
		sift(list->match, message);
		list->message_count += message->recipients.count > 0;
	}
	return ERR_OK;
}

static bool complete_list(struct store_work *work)
{
	struct list *list = (struct list *)work;

	list->count += list->step_count;
	list->scan = list->at;
	if (work->result == ERR_AGAIN)
		return true;
	if (work->result != ERR_OK)
		list->done(list->context, work->result, NULL, 0, 0);
	else
		list->done(list->context, ERR_OK, list->messages, list->message_count,
			list->full ? list->ids[list->count - 1] : 0);
	return false;
}

void store_list(struct store *store, const struct store_filter *filter, int64_t after, size_t limit,
	store_messages_done *done, void *context)
{
	struct list *list = store_work_new(store, sizeof(*list));

	list->work.run = run_list;
	list->work.complete = complete_list;
	list->done = done;
	list->context = context;
	list->match = store_match_new(list->work.arena, filter);
	list->scan = store_match_scan(list->match);
	if (after != 0)
		list->scan.message = after;
	list->limit = limit == 0 || limit > STORE_MAX_LIST ? STORE_MAX_LIST : limit;
	list->ids = arena_array(list->work.arena, list->limit, sizeof(*list->ids));
	store_work_submit(&list->work);
}

/* ---- bulk actions ------------------------------------------------------------------------------
 */

struct act {
	struct store_work work;
	store_act_done *done;
	void *context;
	struct store_act act; /* filter is in match */
	struct store_match *match;
	struct store_scan scan;
	int64_t messages, recipients, last_message;
	/* of this step */
	struct store_scan at;
	struct store_scan_row *rows;
	size_t count;
	struct store_due_entry *entries;
	size_t entry_count;
	struct store_event **events;
	size_t event_count;
	struct store_gone *gone;
	size_t gone_count;
};

static bool applies(const struct act *act, const struct store_scan_row *row)
{
	if (!store_match_row(act->match, row))
		return false;
	switch (act->act.action) {
	case STORE_HOLD:
	case STORE_RETRY:
		return row->recipient.state == STORE_WAITING;
	case STORE_RELEASE:
		return row->recipient.state == STORE_HELD;
	case STORE_DELETE:
		return true;
	case STORE_ROUTE:
		return strcmp(row->recipient.route, act->act.route) != 0;
	}
	return false;
}

static bool visit_act(void *context, const struct store_scan_row *row)
{
	struct act *act = context;

	act->at.message = row->message;
	act->at.number = row->recipient.wire.number;
	if (!applies(act, row))
		return true;
	act->rows[act->count] = *row;
	act->rows[act->count].sender = arena_text(act->work.found, row->sender);
	store_copy_recipient(act->work.found, &row->recipient, &act->rows[act->count].recipient);
	act->count++;
	return act->count < EDITS_PER_STEP;
}

static const char *const event_kinds[] = {
	[STORE_HOLD] = "held",
	[STORE_RELEASE] = "released",
	[STORE_RETRY] = NULL,
	[STORE_DELETE] = "deleted",
	[STORE_ROUTE] = "rerouted",
};

static void free_events(struct act *act)
{
	while (act->event_count > 0)
		free(act->events[--act->event_count]);
}

static enum err add_event(
	struct act *act, const struct store_scan_row *row, struct store_group *group)
{
	struct store *store = act->work.store;
	struct store_event *event;
	struct wire_event wire = {
		.message = row->message,
		.at_ms = act->act.now_ms,
		.kind = event_kinds[act->act.action],
		.sender = row->sender,
		.recipient = row->recipient.wire.address,
		.organisation = row->recipient.wire.organisation,
		.text = act->act.text,
	};

	if (wire.kind == NULL)
		return ERR_OK;
	wire.token = wire.kind;
	event = store_event_new(&wire, NULL, NULL);
	event->sequence = ++store->sequence;
	*group->events_end = event;
	group->events_end = &event->next;
	act->events[act->event_count++] = event;
	return store->engine.ops->event(store->engine.self, event);
}

static enum err delete_row(
	struct act *act, const struct store_scan_row *row, struct store_group *group)
{
	const struct store_engine *engine = &act->work.store->engine;
	struct store_update update = {
		.message = row->message,
		.number = row->recipient.wire.number,
		.remove = true,
	};
	bool applied = false, gone = false;
	enum err e = engine->ops->update(
		engine->self, &update, &applied, &gone, &act->gone[act->gone_count]);

	if (e != ERR_OK)
		return e;
	group->recipients -= applied;
	group->messages -= gone;
	act->gone_count += gone;
	return ERR_OK;
}

static enum err edit_row(struct act *act, struct store_scan_row *row, struct store_group *group)
{
	const struct store_engine *engine = &act->work.store->engine;
	struct store_recipient *r = &row->recipient;

	switch (act->act.action) {
	case STORE_DELETE:
		return delete_row(act, row, group);
	case STORE_HOLD:
		r->state = STORE_HELD;
		break;
	case STORE_RELEASE:
		r->state = STORE_WAITING;
		r->due_ms = act->act.now_ms;
		break;
	case STORE_ROUTE:
		r->route = act->act.route;
		if (r->state == STORE_WAITING)
			r->due_ms = act->act.now_ms;
		break;
	case STORE_RETRY:
		r->due_ms = act->act.now_ms;
		break;
	}
	return engine->ops->edit(engine->self, row);
}

static enum err run_act(struct store_work *work, struct store_group *group)
{
	struct act *act = (struct act *)work;
	const struct store_engine *engine = &work->store->engine;
	bool more = false;
	enum err e;
	size_t i;

	act->at = act->scan;
	act->rows = arena_array(work->found, EDITS_PER_STEP, sizeof(*act->rows));
	act->gone = arena_array(work->found, EDITS_PER_STEP + 1, sizeof(*act->gone));
	act->entries = arena_array(work->found, EDITS_PER_STEP, sizeof(*act->entries));
	act->count = act->entry_count = act->gone_count = 0;
	free_events(act);
	e = engine->ops->scan(engine->self, &act->scan, visit_act, act, &more);
	for (i = 0; e == ERR_OK && i < act->count; i++) {
		struct store_scan_row *row = &act->rows[i];

		e = edit_row(act, row, group);
		if (e == ERR_OK)
			e = add_event(act, row, group);
		act->entries[act->entry_count++] = (struct store_due_entry){
			.due_ms = row->recipient.due_ms,
			.message = row->message,
			.number = row->recipient.wire.number,
			.attempts = row->recipient.attempts,
			.route = row->recipient.route,
		};
	}
	if (e != ERR_OK)
		return e;
	return more ? ERR_AGAIN : ERR_OK;
}

static void act_committed(struct store_work *work)
{
	struct act *act = (struct act *)work;
	size_t i;

	act->event_count = 0; /* they went to the trace */
	for (i = 0; i < act->gone_count; i++) {
		if (act->gone[i].in_file)
			store_files_remove(work->store->files, act->gone[i].message);
	}
}

static bool complete_act(struct store_work *work)
{
	struct act *act = (struct act *)work;
	struct store_acted acted;
	size_t i;

	if (work->result != ERR_OK && work->result != ERR_AGAIN) {
		acted = (struct store_acted){
			.messages = act->messages, .recipients = act->recipients, .final = true};
		act->done(act->context, work->result, &acted);
		return false;
	}
	act->scan = act->at;
	for (i = 0; i < act->entry_count; i++) {
		act->messages += act->entries[i].message != act->last_message;
		act->last_message = act->entries[i].message;
	}
	act->recipients += (int64_t)act->entry_count;
	for (i = 0; i < act->gone_count; i++)
		store_cache_remove(&work->store->cache, act->gone[i].message);
	acted = (struct store_acted){
		.messages = act->messages,
		.recipients = act->recipients,
		.entries = act->entries,
		.count = act->entry_count,
		.final = work->result == ERR_OK,
	};
	if (acted.final || acted.count > 0)
		act->done(act->context, ERR_OK, &acted);
	return !acted.final;
}

static void clear_act(struct store_work *work)
{
	struct act *act = (struct act *)work;

	free_events(act);
	free(act->events);
}

void store_act(
	struct store *store, const struct store_act *from, store_act_done *done, void *context)
{
	struct act *act = store_work_new(store, sizeof(*act));

	act->work.run = run_act;
	act->work.committed = act_committed;
	act->work.complete = complete_act;
	act->work.clear = clear_act;
	act->done = done;
	act->events = mem_resize(NULL, EDITS_PER_STEP, sizeof(*act->events));
	act->context = context;
	act->act = *from;
	act->act.filter = (struct store_filter){0};
	act->act.text = arena_text(act->work.arena, from->text);
	act->act.route = arena_text(act->work.arena, from->route != NULL ? from->route : "");
	act->match = store_match_new(act->work.arena, &from->filter);
	act->scan = store_match_scan(act->match);
	store_work_submit(&act->work);
}
