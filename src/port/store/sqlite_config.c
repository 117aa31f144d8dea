#include "port/store/sqlite.h"

static enum err read_generation(struct store_sqlite *self, int64_t *ret)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_GENERATION);
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	e = store_db_step(s, &row);
	*ret = e == ERR_OK && row ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_reset(s);
	return e;
}

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

enum err store_sqlite_config_get(void *self, struct arena *arena, int64_t *ret_generation,
	struct store_config_row **ret, size_t *ret_count)
{
	enum err e = read_generation(self, ret_generation);
	struct store_config_row *rows = NULL;
	size_t n = 0;
	sqlite3_stmt *s;
	bool row;

	if (e != ERR_OK)
		return e;
	s = store_sqlite_statement(self, STORE_SQL_CONFIG);
	if (s == NULL)
		return store_sqlite_error(self);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		rows = grow(arena, rows, n, sizeof(*rows));
		rows[n++] = (struct store_config_row){
			.kind = sqlite3_column_int64(s, 0),
			.key = store_db_text_copy(s, 1, arena),
			.json = store_db_text_copy(s, 2, arena),
		};
	}
	*ret = rows;
	*ret_count = n;
	return e;
}

static enum err set_generation(struct store_sqlite *self, int64_t generation)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_SET_GENERATION);

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, generation);
	return store_db_run(s);
}

static enum err run_row(
	struct store_sqlite *self, enum store_sql which, const struct store_config_row *row)
{
	sqlite3_stmt *s = store_sqlite_statement(self, which);

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, row->kind);
	store_db_bind_text(s, 2, row->key);
	if (row->json != NULL)
		store_db_bind_text(s, 3, row->json);
	return store_db_run(s);
}

enum err store_sqlite_config_change(
	void *context, int64_t generation, const struct store_config_row *rows, size_t count)
{
	struct store_sqlite *self = context;
	enum err e = set_generation(self, generation);

	for (size_t i = 0; e == ERR_OK && i < count; i++) {
		e = run_row(self,
			rows[i].json != NULL ? STORE_SQL_CONFIG_SET : STORE_SQL_CONFIG_REMOVE,
			&rows[i]);
		if (e == ERR_OK && rows[i].json != NULL && sqlite3_changes(self->db.db) == 0)
			e = run_row(self, STORE_SQL_CONFIG_APPEND, &rows[i]);
	}
	return e;
}

enum err store_sqlite_config_put(
	void *context, int64_t generation, const struct store_config_row *rows, size_t count)
{
	struct store_sqlite *self = context;
	enum err e = set_generation(self, generation);
	sqlite3_stmt *s;
	size_t i;

	s = store_sqlite_statement(self, STORE_SQL_CONFIG_CLEAR);
	if (e == ERR_OK)
		e = s != NULL ? store_db_run(s) : store_sqlite_error(self);
	for (i = 0; e == ERR_OK && i < count; i++) {
		s = store_sqlite_statement(self, STORE_SQL_CONFIG_ADD);
		if (s == NULL)
			return store_sqlite_error(self);
		sqlite3_bind_int64(s, 1, rows[i].kind);
		sqlite3_bind_int64(s, 2, (int64_t)i);
		store_db_bind_text(s, 3, rows[i].key);
		store_db_bind_text(s, 4, rows[i].json);
		e = store_db_run(s);
	}
	return e;
}

enum err store_sqlite_host_put(void *self, const struct wire_host *host)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_HOST_PUT);

	if (s == NULL)
		return store_sqlite_error(self);
	store_db_bind_text(s, 1, host->host);
	sqlite3_bind_int(s, 2, host->attempt);
	sqlite3_bind_int64(s, 3, host->until_ms);
	store_db_bind_text(s, 4, host->reason);
	return store_db_run(s);
}

enum err store_sqlite_host_remove(void *self, const char *host)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_HOST_REMOVE);

	if (s == NULL)
		return store_sqlite_error(self);
	store_db_bind_text(s, 1, host);
	return store_db_run(s);
}

enum err store_sqlite_hosts(
	void *self, struct arena *arena, struct wire_host **ret, size_t *ret_count)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_HOSTS);
	struct wire_host *hosts = NULL;
	size_t n = 0;
	bool row;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		hosts = grow(arena, hosts, n, sizeof(*hosts));
		hosts[n++] = (struct wire_host){
			.host = store_db_text_copy(s, 0, arena),
			.attempt = sqlite3_column_int(s, 1),
			.until_ms = sqlite3_column_int64(s, 2),
			.reason = store_db_text_copy(s, 3, arena),
		};
	}
	*ret = hosts;
	*ret_count = n;
	return e;
}

enum err store_sqlite_owners(
	void *self, struct arena *arena, struct store_owner **ret, size_t *ret_count)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_OWNERS);
	struct store_owner *all = NULL;
	size_t n = 0;
	bool row;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		all = grow(arena, all, n, sizeof(*all));
		all[n++] = (struct store_owner){.name = store_db_text_copy(s, 0, arena),
			.messages = sqlite3_column_int64(s, 1)};
	}
	*ret = all;
	*ret_count = n;
	return e;
}

/* ---- protection --------------------------------------------------------------------------------
 */

enum err store_sqlite_protection_put(void *self, const struct store_protection *p)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_PROTECTION_PUT);

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int(s, 1, p->direction);
	store_db_bind_text(s, 2, p->domain);
	store_db_bind_text(s, 3, p->network);
	sqlite3_bind_int(s, 4, p->best);
	sqlite3_bind_int64(s, 5, p->best_ms);
	store_db_bind_text(s, 6, p->host);
	sqlite3_bind_int(s, 7, p->got);
	sqlite3_bind_int64(s, 8, p->seen_ms);
	sqlite3_bind_int64(s, 9, p->fallen_ms);
	store_db_bind_text(s, 10, p->organisation);
	return store_db_run(s);
}

enum err store_sqlite_protection_remove(void *self, const struct store_protection *p)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_PROTECTION_REMOVE);

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int(s, 1, p->direction);
	store_db_bind_text(s, 2, p->domain);
	store_db_bind_text(s, 3, p->network);
	return store_db_run(s);
}

enum err store_sqlite_protections(
	void *self, struct arena *arena, struct store_protection **ret, size_t *ret_count)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_PROTECTIONS);
	struct store_protection *all = NULL;
	size_t n = 0;
	bool row;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		all = grow(arena, all, n, sizeof(*all));
		all[n] = (struct store_protection){
			.direction = sqlite3_column_int(s, 0),
			.domain = store_db_text(s, 1),
			.network = store_db_text(s, 2),
			.best = sqlite3_column_int(s, 3),
			.best_ms = sqlite3_column_int64(s, 4),
			.host = store_db_text(s, 5),
			.got = sqlite3_column_int(s, 6),
			.seen_ms = sqlite3_column_int64(s, 7),
			.fallen_ms = sqlite3_column_int64(s, 8),
			.organisation = store_db_text(s, 9),
		};
		store_protection_own(arena, &all[n++]);
	}
	*ret = all;
	*ret_count = n;
	return e;
}
