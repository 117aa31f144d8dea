/* Which versions of our certificates are refused now: the calls, and SQLite's part. */
#include "port/store/acceptance.h"
#include "port/store/sqlite.h"
#include "port/store/work.h"

struct refusal {
	struct store_work work;
	store_refusals_done *got;
	store_done *put;
	void *context;
	struct wire_refused refused;
	struct wire_refused *found;
	size_t count;
};

static enum err run_put(struct store_work *work, struct store_group *group)
{
	const struct refusal *refusal = (const struct refusal *)work;

	(void)group;
	return work->store->engine.ops->refusal_put(work->store->engine.self, &refusal->refused);
}

static enum err run_remove(struct store_work *work, struct store_group *group)
{
	const struct refusal *refusal = (const struct refusal *)work;

	(void)group;
	return work->store->engine.ops->refusal_remove(work->store->engine.self, &refusal->refused);
}

static enum err run_list(struct store_work *work, struct store_group *group)
{
	struct refusal *refusal = (struct refusal *)work;

	(void)group;
	return work->store->engine.ops->refusals(
		work->store->engine.self, work->found, &refusal->found, &refusal->count);
}

static bool complete(struct store_work *work)
{
	const struct refusal *refusal = (const struct refusal *)work;
	bool fine = work->result == ERR_OK;

	if (refusal->got != NULL)
		refusal->got(refusal->context, work->result, fine ? refusal->found : NULL,
			fine ? refusal->count : 0);
	else if (refusal->put != NULL)
		refusal->put(refusal->context, work->result);
	return false;
}

static struct refusal *refusal_new(struct store *store, void *context)
{
	struct refusal *refusal = store_work_new(store, sizeof(*refusal));

	refusal->work.complete = complete;
	refusal->context = context;
	return refusal;
}

void store_refusal_put(
	struct store *store, const struct wire_refused *refused, store_done *done, void *context)
{
	struct refusal *refusal = refusal_new(store, context);

	refusal->work.run = run_put;
	refusal->put = done;
	record_copy(&wire_refused_desc, refused, refusal->work.arena, &refusal->refused);
	store_work_submit(&refusal->work);
}

void store_refusal_remove(
	struct store *store, const struct wire_refused *refused, store_done *done, void *context)
{
	struct refusal *refusal = refusal_new(store, context);

	refusal->work.run = run_remove;
	refusal->put = done;
	record_copy(&wire_refused_desc, refused, refusal->work.arena, &refusal->refused);
	store_work_submit(&refusal->work);
}

void store_refusals(struct store *store, store_refusals_done *done, void *context)
{
	struct refusal *refusal = refusal_new(store, context);

	refusal->work.run = run_list;
	refusal->got = done;
	store_work_submit(&refusal->work);
}

/* ---- SQLite ------------------------------------------------------------------------------------
 */

static sqlite3_stmt *bound(
	struct store_sqlite *self, enum store_sql which, const struct wire_refused *refused)
{
	sqlite3_stmt *s = store_sqlite_statement(self, which);

	if (s == NULL)
		return NULL;
	store_db_bind_text(s, 1, refused->partner);
	store_db_bind_text(s, 2, refused->certificate);
	store_db_bind_text(s, 3, refused->version);
	sqlite3_bind_int(s, 4, refused->direction);
	return s;
}

enum err store_sqlite_refusal_put(void *self, const struct wire_refused *refused)
{
	sqlite3_stmt *s = bound(self, STORE_SQL_REFUSAL_PUT, refused);

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 5, refused->at_ms);
	sqlite3_bind_int64(s, 6, refused->until_ms);
	store_db_bind_text(s, 7, refused->reason);
	return store_db_run(s);
}

enum err store_sqlite_refusal_remove(void *self, const struct wire_refused *refused)
{
	sqlite3_stmt *s = bound(self, STORE_SQL_REFUSAL_REMOVE, refused);

	return s != NULL ? store_db_run(s) : store_sqlite_error(self);
}

enum err store_sqlite_refusals(
	void *self, struct arena *arena, struct wire_refused **ret, size_t *ret_count)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_REFUSALS);
	size_t n = 0, room = 64;
	struct wire_refused *all = arena_array(arena, room, sizeof(*all));
	bool row;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		if (n == room) {
			struct wire_refused *more = arena_array(arena, room * 2, sizeof(*all));

			memcpy(more, all, n * sizeof(*all));
			all = more;
			room *= 2;
		}
		all[n++] = (struct wire_refused){
			.partner = store_db_text_copy(s, 0, arena),
			.certificate = store_db_text_copy(s, 1, arena),
			.version = store_db_text_copy(s, 2, arena),
			.direction =
				sqlite3_column_int(s, 3) == RECEIPT_OUT ? RECEIPT_OUT : RECEIPT_IN,
			.at_ms = sqlite3_column_int64(s, 4),
			.until_ms = sqlite3_column_int64(s, 5),
			.reason = store_db_text_copy(s, 6, arena),
		};
	}
	*ret = all;
	*ret_count = n;
	return e;
}
