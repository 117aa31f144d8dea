/* Reading the queue: what is due, envelopes, content. */
#include "port/store/work.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- due --------------------------------------------------------------------------------------
 */

struct due {
	struct store_work work;
	store_due_done *done;
	void *context;
	int64_t until_ms;
	struct store_due_entry after;
	bool has_after;
	size_t limit;
	struct store_due_entry *entries;
	size_t count;
};

static enum err run_due(struct store_work *work, struct store_group *group)
{
	struct due *due = (struct due *)work;
	const struct store_engine *engine = &work->store->engine;

	(void)group;
	due->entries = arena_array(work->found, due->limit + 1, sizeof(*due->entries));
	/* One more than asked for says whether there are more. */
	return engine->ops->due(engine->self, due->until_ms, due->has_after ? &due->after : NULL,
		due->limit + 1, work->found, due->entries, &due->count);
}

static bool complete_due(struct store_work *work)
{
	const struct due *due = (const struct due *)work;
	bool more = due->count > due->limit;

	if (work->result != ERR_OK)
		due->done(due->context, work->result, NULL, 0, false);
	else
		due->done(due->context, ERR_OK, due->entries, more ? due->limit : due->count, more);
	return false;
}

void store_due(struct store *store, int64_t until_ms, const struct store_due_entry *after,
	size_t limit, store_due_done *done, void *context)
{
	struct due *due = store_work_new(store, sizeof(*due));

	due->work.run = run_due;
	due->work.complete = complete_due;
	due->done = done;
	due->context = context;
	due->until_ms = until_ms;
	due->limit = limit < STORE_MAX_DUE ? limit : STORE_MAX_DUE;
	if (after != NULL) {
		due->after = *after;
		due->has_after = true;
	}
	store_work_submit(&due->work);
}

/* ---- load -------------------------------------------------------------------------------------
 */

struct load {
	struct store_work work;
	store_messages_done *done;
	void *context;
	int64_t *ids;
	size_t id_count;
	struct store_message *messages;
	size_t count;
};

static enum err run_load(struct store_work *work, struct store_group *group)
{
	struct load *load = (struct load *)work;
	const struct store_engine *engine = &work->store->engine;
	size_t i;

	(void)group;
	load->messages = arena_array(work->found, load->id_count, sizeof(*load->messages));
	load->count = 0;
	for (i = 0; i < load->id_count; i++) {
		enum err e = engine->ops->load(
			engine->self, load->ids[i], work->found, &load->messages[load->count]);

		if (e == ERR_OK)
			load->count++;
		else if (e != ERR_UNKNOWN)
			return e;
	}
	return ERR_OK;
}

static bool complete_load(struct store_work *work)
{
	const struct load *load = (const struct load *)work;

	if (work->result != ERR_OK)
		load->done(load->context, work->result, NULL, 0, 0);
	else
		load->done(load->context, ERR_OK, load->messages, load->count, 0);
	return false;
}

static int by_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

void store_load(struct store *store, const int64_t *ids, size_t count, store_messages_done *done,
	void *context)
{
	struct load *load = store_work_new(store, sizeof(*load));

	load->work.run = run_load;
	load->work.complete = complete_load;
	load->done = done;
	load->context = context;
	load->id_count = count < STORE_MAX_LOAD ? count : STORE_MAX_LOAD;
	load->ids = arena_array(load->work.arena, load->id_count, sizeof(*load->ids));
	if (load->id_count > 0) {
		memcpy(load->ids, ids, load->id_count * sizeof(*load->ids));
		qsort(load->ids, load->id_count, sizeof(*load->ids), by_id);
	}
	store_work_submit(&load->work);
}

/* ---- content ----------------------------------------------------------------------------------
 */

struct content {
	struct store_work work;
	store_body_done *done;
	void *context;
	int64_t message;
	int64_t offset;
	size_t length;
	struct store_body *body; /* of the cache */
	struct str bytes;
};

static enum err read_file(struct content *content)
{
	int fd = store_files_open_one(content->work.store->files, content->message);
	char *p;
	size_t n = 0;

	/* One message's trouble, not the store's. */
	if (fd < 0)
		return ERR_UNAVAILABLE;
	p = arena_alloc(content->work.found, content->length + 1);
	while (n < content->length) {
		ssize_t got =
			pread(fd, p + n, content->length - n, (off_t)content->offset + (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			close(fd);
			return ERR_UNAVAILABLE;
		}
		if (got == 0)
			break;
		n += (size_t)got;
	}
	close(fd);
	content->bytes = str_make(p, n);
	return ERR_OK;
}

static enum err run_content(struct store_work *work, struct store_group *group)
{
	struct content *content = (struct content *)work;
	const struct store_engine *engine = &work->store->engine;
	enum err e;

	(void)group;
	e = engine->ops->content(engine->self, content->message, content->offset, content->length,
		work->found, &content->bytes);
	return e == ERR_UNSUPPORTED ? read_file(content) : e;
}

static bool complete_content(struct store_work *work)
{
	const struct content *content = (const struct content *)work;
	struct str bytes = content->bytes;

	if (work->result != ERR_OK) {
		content->done(content->context, work->result, (struct str){0});
		return false;
	}
	if (content->body != NULL) {
		size_t from = content->offset < content->body->size ? (size_t)content->offset
								    : (size_t)content->body->size;

		bytes = str_part(buf_str(&content->body->data), from, from + content->length);
	}
	content->done(content->context, ERR_OK, bytes);
	return false;
}

static void clear_content(struct store_work *work)
{
	struct content *content = (struct content *)work;

	store_body_drop(&content->body);
}

void store_body_read(struct store *store, int64_t message, int64_t offset, size_t length,
	store_body_done *done, void *context)
{
	struct content *content = store_work_new(store, sizeof(*content));
	struct store_body *body = store_cache_find(&store->cache, message);

	content->work.run = run_content;
	content->work.complete = complete_content;
	content->work.clear = clear_content;
	content->done = done;
	content->context = context;
	content->message = message;
	content->offset = offset;
	content->length = length < STORE_MAX_READ ? length : STORE_MAX_READ;
	if (body == NULL) {
		store_work_submit(&content->work);
		return;
	}
	content->body = store_body_hold(body);
	store_work_answer(&content->work);
}
