/* New messages, outcomes and events: store_apply() and store_commit(). */
#include "port/store/intake.h"

#include <stdlib.h>
#include <unistd.h>

struct addition {
	struct store_add add;
	struct store_body *body;
	bool told; /* its first event has been copied */
};

struct change {
	struct store_work work;
	store_done *done;
	void *context;
	struct addition *additions;
	size_t addition_count;
	struct store_update *updates;
	size_t update_count;
	struct store_event **events; /* NULL in it: given away */
	size_t event_count;
	/* set by run */
	struct store_gone *gone;
	size_t gone_count;
};

static const char *copy(struct arena *arena, const char *text)
{
	return arena_text(arena, text);
}

void store_copy_message(
	struct arena *arena, const struct wire_message *from, struct wire_message *to)
{
	*to = *from;
	if (to->sender == NULL)
		to->sender = "";
	store_message_own(arena, to);
	to->recipients.items = NULL;
	to->recipients.count = 0;
	to->receipt = (struct receipt){0};
}

void store_copy_recipient(
	struct arena *arena, const struct store_recipient *from, struct store_recipient *to)
{
	*to = *from;
	if (to->wire.address == NULL)
		to->wire.address = "";
	if (to->route == NULL)
		to->route = "";
	store_recipient_own(arena, to);
}

/* ---- on the writer thread -------------------------------------------------------------------- */

static enum err add_all(struct change *change, struct store_group *group)
{
	const struct store_engine *engine = &change->work.store->engine;
	size_t i;

	/* All are looked up before any is added, so that this failure needs no rollback. */
	for (i = 0; i < change->addition_count; i++) {
		bool in_file;
		enum err e = engine->ops->known(
			engine->self, change->additions[i].add.message.id, &in_file);

		if (e != ERR_UNKNOWN)
			return e == ERR_OK ? ERR_EXISTS : e;
	}
	for (i = 0; i < change->addition_count; i++) {
		enum err e = engine->ops->add(engine->self, &change->additions[i].add);

		if (e != ERR_OK)
			return e == ERR_EXISTS ? ERR_INTERNAL : e;
		group->messages++;
		group->recipients += (int64_t)change->additions[i].add.count;
	}
	return ERR_OK;
}

static enum err update_all(struct change *change, struct store_group *group)
{
	const struct store_engine *engine = &change->work.store->engine;
	size_t i;

	change->gone_count = 0;
	for (i = 0; i < change->update_count; i++) {
		bool applied = false, gone = false;
		enum err e = engine->ops->update(engine->self, &change->updates[i], &applied, &gone,
			&change->gone[change->gone_count]);

		if (e != ERR_OK)
			return e;
		if (applied && change->updates[i].remove)
			group->recipients--;
		if (gone) {
			change->gone_count++;
			group->messages--;
		}
	}
	return ERR_OK;
}

static enum err run_change(struct store_work *work, struct store_group *group)
{
	struct change *change = (struct change *)work;
	struct store *store = work->store;
	enum err e = add_all(change, group);
	size_t i;

	if (e == ERR_OK)
		e = update_all(change, group);
	for (i = 0; e == ERR_OK && i < change->event_count; i++) {
		struct store_event *event = change->events[i];

		event->next = NULL;
		event->sequence = ++store->sequence;
		e = store->engine.ops->event(store->engine.self, event);
		*group->events_end = event;
		group->events_end = &event->next;
	}
	return e;
}

static enum err sync_change(struct store_work *work)
{
	const struct change *change = (const struct change *)work;
	size_t i;

	for (i = 0; i < change->addition_count; i++) {
		const struct store_body *body = change->additions[i].body;
		enum err e;

		if (!body->in_file)
			continue;
		if (fdatasync(body->fd) != 0)
			return ERR_IO;
		e = store_files_sync_folder(work->store->files, body->message);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static void change_committed(struct store_work *work)
{
	struct change *change = (struct change *)work;
	size_t i;

	change->event_count = 0; /* they went to the trace */
	for (i = 0; i < change->gone_count; i++) {
		if (change->gone[i].in_file)
			store_files_remove(work->store->files, change->gone[i].message);
	}
}

/* ---- on the loop ------------------------------------------------------------------------------
 */

/* After a failed sync the row may be on the disk all the same: the next start decides. */
static bool is_undone(enum err e)
{
	return e != ERR_IO && e != ERR_CORRUPT && e != ERR_INTERNAL;
}

static bool complete_change(struct store_work *work)
{
	struct change *change = (struct change *)work;
	size_t i;

	for (i = 0; i < change->addition_count; i++) {
		struct store_body *body = change->additions[i].body;

		if (work->result == ERR_OK)
			store_cache_add(&work->store->cache, body);
		else if (body->in_file && is_undone(work->result))
			store_files_remove(work->store->files, body->message);
	}
	for (i = 0; work->result == ERR_OK && i < change->gone_count; i++)
		store_cache_remove(&work->store->cache, change->gone[i].message);
	if (change->done != NULL)
		change->done(change->context, work->result);
	return false;
}

static void clear_change(struct store_work *work)
{
	struct change *change = (struct change *)work;
	size_t i;

	for (i = 0; i < change->addition_count; i++)
		store_body_drop(&change->additions[i].body);
	for (i = 0; i < change->event_count; i++)
		free(change->events[i]);
	free(change->events);
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* What comes from another process must not be able to fail inside a group: others stand in it. */
static enum err check(const struct store_new *new)
{
	int64_t *numbers;
	bool twice = false;
	size_t i;

	if (new->message->id <= 0 || new->count == 0)
		return ERR_RANGE;
	numbers = mem_resize(NULL, new->count, sizeof(*numbers));
	for (i = 0; i < new->count; i++)
		numbers[i] = new->recipients[i].wire.number;
	qsort(numbers, new->count, sizeof(*numbers), by_number);
	for (i = 1; i < new->count; i++)
		twice = twice || numbers[i] == numbers[i - 1];
	free(numbers);
	return twice ? ERR_CONFLICT : ERR_OK;
}

static bool is_among(const char *joined, struct str name)
{
	struct str rest = str_of(joined);

	while (rest.n > 0)
		if (str_equal(str_cut(&rest, ','), name))
			return true;
	return false;
}

/* Organisations, each once.  Most recipients are of the one before. */
static const char *owners_of(const struct store_new *new, struct arena *arena)
{
	const char *owners = NULL, *last = NULL;
	size_t i;

	for (i = 0; i < new->count; i++) {
		const char *name = new->recipients[i].wire.organisation;

		if (name == NULL || (last != NULL && strcmp(last, name) == 0))
			continue;
		last = name;
		if (owners == NULL)
			owners = arena_text(arena, name);
		else if (!is_among(owners, str_of(name)))
			owners = arena_format(arena, "%s,%s", owners, name);
	}
	return owners;
}

static enum err copy_addition(
	struct change *change, const struct store_new *from, struct addition *to)
{
	struct arena *arena = change->work.arena;
	struct store_intake *intake = from->intake;
	char *receipt = store_receipt_text(&from->message->receipt);
	enum err failed = ERR_OK;
	size_t i;

	to->body = intake != NULL ? store_intake_take(&intake, &failed)
				  : store_body_new(from->message->id);
	store_copy_message(arena, from->message, &to->add.message);
	to->add.message.size = to->body->size;
	to->add.labels = store_labels_text(&from->message->labels, arena);
	to->add.owners = owners_of(from, arena);
	to->add.receipt = copy(arena, receipt);
	free(receipt);
	to->add.count = from->count;
	to->add.recipients = arena_array(arena, from->count, sizeof(*to->add.recipients));
	for (i = 0; i < from->count; i++)
		store_copy_recipient(arena, &from->recipients[i], &to->add.recipients[i]);
	to->add.in_file = to->body->in_file;
	to->add.content = buf_str(&to->body->data);
	change->work.bytes += to->body->in_file ? 0 : (size_t)to->body->size;
	if (failed == ERR_OK && to->body->message != from->message->id)
		return ERR_INTERNAL;
	return failed != ERR_OK ? failed : check(from);
}

static void copy_updates(struct change *change, const struct store_change *from)
{
	struct arena *arena = change->work.arena;
	size_t i;

	change->update_count = from->update_count;
	change->updates = arena_array(arena, from->update_count, sizeof(*change->updates));
	change->gone = arena_array(arena, from->update_count + 1, sizeof(*change->gone));
	for (i = 0; i < from->update_count; i++) {
		struct store_update *to = &change->updates[i];

		*to = from->updates[i];
		to->route = copy(arena, to->route);
		to->token = copy(arena, to->token);
		to->enhanced = copy(arena, to->enhanced);
		to->text = copy(arena, to->text);
		to->host = copy(arena, to->host);
	}
}

static const char *join_recipients(const struct store_add *add, struct arena *arena)
{
	size_t size = 1, i;
	char *text, *p;

	for (i = 0; i < add->count; i++)
		size += strlen(add->recipients[i].wire.address) + 1;
	text = p = arena_alloc(arena, size);
	for (i = 0; i < add->count; i++) {
		const char *address = add->recipients[i].wire.address;
		size_t n = strlen(address);

		memcpy(p, address, n);
		p[n] = '\n';
		p += n + 1;
	}
	return text;
}

/* The first event of a new message tells the trace whom it is for and what it is about. */
static struct store_event *copy_event(struct change *change, const struct wire_event *event)
{
	size_t i;

	for (i = 0; i < change->addition_count; i++) {
		struct addition *addition = &change->additions[i];

		if (addition->told || addition->add.message.id != event->message)
			continue;
		addition->told = true;
		return store_event_new(event,
			change->work.store->keeps_subjects ? addition->add.message.subject : NULL,
			join_recipients(&addition->add, change->work.arena));
	}
	return store_event_new(event, NULL, NULL);
}

void store_apply(
	struct store *store, const struct store_change *from, store_done *done, void *context)
{
	struct change *change = store_work_new(store, sizeof(*change));
	enum err e = ERR_OK;
	size_t i;

	change->work.run = run_change;
	change->work.sync = sync_change;
	change->work.committed = change_committed;
	change->work.complete = complete_change;
	change->work.clear = clear_change;
	change->done = done;
	change->context = context;
	change->additions =
		arena_array(change->work.arena, from->new_count, sizeof(*change->additions));
	change->addition_count = from->new_count;
	for (i = 0; i < from->new_count; i++) {
		enum err failed = copy_addition(change, &from->news[i], &change->additions[i]);

		e = e != ERR_OK ? e : failed;
	}
	copy_updates(change, from);
	change->events = mem_resize(NULL, from->event_count + 1, sizeof(*change->events));
	for (i = 0; i < from->event_count; i++)
		change->events[i] = copy_event(change, &from->events[i]);
	change->event_count = from->event_count;
	change->work.adds = from->update_count == 0;
	if (e == ERR_OK && from->new_count > 0 && from->update_count == 0 &&
		atomic_load(&store->pending_bytes) > store->pending_max)
		e = ERR_BUSY;
	change->work.result = e;
	if (e != ERR_OK)
		store_work_answer(&change->work);
	else
		store_work_submit(&change->work);
}

void store_commit(struct store *store, struct store_new *message, const struct wire_event *event,
	store_done *done, void *context)
{
	struct store_change change = {
		.news = message,
		.new_count = 1,
		.events = event,
		.event_count = event != NULL ? 1 : 0,
	};

	store_apply(store, &change, done, context);
	message->intake = NULL;
}
