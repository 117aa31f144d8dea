/* Users, tokens and the audit log in SQLite. */
#include "port/store/access_inside.h"
#include "port/store/sqlite.h"

static const enum store_sql put_sql[] = {STORE_SQL_USER_PUT, STORE_SQL_TOKEN_PUT},
			    remove_sql[] = {STORE_SQL_USER_REMOVE, STORE_SQL_TOKEN_REMOVE},
			    list_sql[] = {STORE_SQL_USERS, STORE_SQL_TOKENS};

/* Room for one more item in an array that lives in an arena. */
static void *grow(struct arena *arena, void *items, size_t count, size_t size)
{
	void *more;

	if (count > 0 && (count & (count - 1)) != 0)
		return items;
	more = arena_array(arena, count == 0 ? 1 : count * 2, size);
	if (count > 0)
		memcpy(more, items, count * size);
	return more;
}

enum err store_sqlite_access_put(void *self, const struct store_access_row *row)
{
	sqlite3_stmt *s = store_sqlite_statement(
		self, row->json != NULL ? put_sql[row->kind] : remove_sql[row->kind]);

	if (s == NULL)
		return store_sqlite_error(self);
	store_db_bind_text(s, 1, row->key);
	if (row->json != NULL)
		store_db_bind_text(s, 2, row->json);
	return store_db_run(s);
}

enum err store_sqlite_access_rows(
	void *self, struct arena *arena, struct store_access_row **ret, size_t *ret_count)
{
	struct store_access_row *rows = NULL;
	enum err e = ERR_OK;
	size_t n = 0;

	for (int kind = 0; e == ERR_OK && kind < STORE_ACCESS_MAX; kind++) {
		sqlite3_stmt *s = store_sqlite_statement(self, list_sql[kind]);
		bool row;

		if (s == NULL)
			return store_sqlite_error(self);
		while ((e = store_db_step(s, &row)) == ERR_OK && row) {
			rows = grow(arena, rows, n, sizeof(*rows));
			rows[n++] = (struct store_access_row){
				.kind = (enum store_access_kind)kind,
				.key = store_db_text_copy(s, 0, arena),
				.json = store_db_text_copy(s, 1, arena),
			};
		}
	}
	*ret = rows;
	*ret_count = n;
	return e;
}

/* ---- the audit log ----------------------------------------------------------------------------
 */

enum err store_sqlite_audit_end(void *self, struct store_audit_end *ret)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_AUDIT_END);
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	*ret = (struct store_audit_end){0};
	e = store_db_step(s, &row);
	if (e == ERR_OK && row) {
		const char *hash = store_db_text(s, 2);

		ret->last = sqlite3_column_int64(s, 0);
		ret->id = sqlite3_column_int64(s, 1);
		snprintf(ret->hash, sizeof(ret->hash), "%s", hash != NULL ? hash : "");
	}
	sqlite3_reset(s);
	return e;
}

static enum err note_last(struct store_sqlite *self, int64_t id)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_AUDIT_LAST);

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, id);
	return store_db_run(s);
}

enum err store_sqlite_audit_add(void *self, const struct account_entry *e)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_AUDIT_ADD);
	enum err result;

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, e->id);
	sqlite3_bind_int64(s, 2, e->at_ms);
	store_db_bind_text(s, 3, e->actor);
	store_db_bind_text(s, 4, e->via);
	store_db_bind_text(s, 5, e->address);
	store_db_bind_text(s, 6, e->action);
	store_db_bind_text(s, 7, e->object);
	store_db_bind_text(s, 8, e->organisation);
	store_db_bind_text(s, 9, e->before);
	store_db_bind_text(s, 10, e->after);
	store_db_bind_text(s, 11, e->result);
	store_db_bind_text(s, 12, e->hash);
	result = store_db_run(s);
	return result == ERR_OK ? note_last(self, e->id) : result;
}

/* As it stands in the row; before and after only on demand: they are large. */
static struct account_entry entry_of(sqlite3_stmt *s, bool is_whole)
{
	return (struct account_entry){
		.id = sqlite3_column_int64(s, 0),
		.at_ms = sqlite3_column_int64(s, 1),
		.actor = store_db_text(s, 2),
		.via = store_db_text(s, 3),
		.address = store_db_text(s, 4),
		.action = store_db_text(s, 5),
		.object = store_db_text(s, 6),
		.organisation = store_db_text(s, 7),
		.before = is_whole ? store_db_text(s, 8) : NULL,
		.after = is_whole ? store_db_text(s, 9) : NULL,
		.result = store_db_text(s, 10),
		.hash = store_db_text(s, 11),
	};
}

enum err store_sqlite_audit_list(void *self, const struct store_audit_query *query, int64_t from,
	struct arena *arena, struct account_entry **ret, size_t *ret_count)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_AUDIT_LIST);
	struct account_entry *all = NULL;
	size_t n = 0;
	bool row = false;
	enum err e = ERR_OK;

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, from);
	sqlite3_bind_int64(s, 2, query->before);
	while (n < query->limit && (e = store_db_step(s, &row)) == ERR_OK && row) {
		struct account_entry entry = entry_of(s, false);

		if (!store_audit_matches(query, &entry))
			continue;
		all = grow(arena, all, n, sizeof(*all));
		all[n] = entry_of(s, true);
		account_entry_own(&all[n++], arena);
	}
	sqlite3_reset(s);
	*ret = all;
	*ret_count = n;
	return e;
}

enum err store_sqlite_audit_after(void *self, int64_t after, size_t limit, struct arena *arena,
	struct account_entry **ret, size_t *ret_count)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_AUDIT_AFTER);
	struct account_entry *all = NULL;
	size_t n = 0;
	bool row;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, after);
	sqlite3_bind_int64(s, 2, (int64_t)limit);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		all = grow(arena, all, n, sizeof(*all));
		all[n] = entry_of(s, true);
		account_entry_own(&all[n++], arena);
	}
	*ret = all;
	*ret_count = n;
	return e;
}
