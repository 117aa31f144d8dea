#include "port/store/sqlite_db.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum err store_db_error(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return ERR_OK;
	case SQLITE_FULL:
		return ERR_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_CONSTRAINT:
		return ERR_EXISTS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	case SQLITE_NOMEM:
		abort(); /* as everywhere: base/mem.h */
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return ERR_IO;
	default:
		return ERR_INTERNAL;
	}
}

static enum err fail(
	struct store_db *db, const struct store_db_settings *s, int code, struct err_info *info)
{
	enum err e = store_db_error(code);

	if (e == ERR_BUSY)
		return err_set(info, e, "%s: another process has it open", s->path);
	if (e == ERR_CORRUPT)
		return err_set(info, e, "%s: the %s database is damaged: %s", s->path, s->label,
			sqlite3_errmsg(db->db));
	return err_set(info, e, "%s: %s", s->path != NULL ? s->path : s->label,
		db->db != NULL ? sqlite3_errmsg(db->db) : sqlite3_errstr(code));
}

static int first_number(void *context, int count, char **values, char **names)
{
	(void)names;
	if (count > 0 && values[0] != NULL)
		*(long *)context = strtol(values[0], NULL, 10);
	return 0;
}

static int set_up(struct store_db *db, const struct store_db_settings *s)
{
	char text[512];
	int code;

	/* The order matters: EXCLUSIVE before WAL, page_size before the first page. */
	snprintf(text, sizeof(text),
		"PRAGMA locking_mode = EXCLUSIVE;"
		"PRAGMA page_size = 4096;"
		"PRAGMA journal_mode = WAL;"
		"PRAGMA synchronous = FULL;"
		"PRAGMA secure_delete = OFF;"
		"PRAGMA wal_autocheckpoint = %d;"
		"PRAGMA journal_size_limit = 67108864;"
		"PRAGMA temp_store = MEMORY;"
		"PRAGMA trusted_schema = OFF;"
		"PRAGMA cache_size = -%d;",
		s->log_pages, s->cache_kib);
	code = sqlite3_exec(db->db, text, NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return code;
	/* Take the lock now, not with the first message. */
	return sqlite3_exec(db->db, "BEGIN EXCLUSIVE; COMMIT", NULL, NULL, NULL);
}

static enum err migrate(
	struct store_db *db, const struct store_db_settings *s, struct err_info *info)
{
	long version = 0;
	int code = sqlite3_exec(db->db, "PRAGMA user_version", first_number, &version, NULL);

	if (code != SQLITE_OK)
		return fail(db, s, code, info);
	if (version < 0 || (size_t)version > s->migration_count)
		return err_set(info, ERR_UNSUPPORTED,
			"%s: written by a newer version (schema %ld, this one knows %zu)", s->path,
			version, s->migration_count);
	for (; (size_t)version < s->migration_count; version++) {
		char text[64];

		snprintf(text, sizeof(text), "PRAGMA user_version = %ld; COMMIT", version + 1);
		code = sqlite3_exec(db->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		if (code == SQLITE_OK)
			code = sqlite3_exec(db->db, s->migrations[version], NULL, NULL, NULL);
		if (code == SQLITE_OK)
			code = sqlite3_exec(db->db, text, NULL, NULL, NULL);
		if (code != SQLITE_OK)
			return fail(db, s, code, info);
	}
	return ERR_OK;
}

/* SQLite would make it readable for everybody; its log takes the mode of the file. */
static void make_private(const char *path)
{
	int fd;

	if (path == NULL || access(path, F_OK) == 0)
		return;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		close(fd);
}

enum err store_db_open(
	struct store_db *db, const struct store_db_settings *settings, struct err_info *info)
{
	const char *path = settings->path != NULL ? settings->path : ":memory:";
	enum err e;
	int code;

	make_private(settings->path);
	code = sqlite3_open_v2(path, &db->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK) {
		sqlite3_extended_result_codes(db->db, 1);
		sqlite3_limit(db->db, SQLITE_LIMIT_ATTACHED, 0);
		code = set_up(db, settings);
	}
	e = code == SQLITE_OK ? migrate(db, settings, info) : fail(db, settings, code, info);
	if (e != ERR_OK) {
		store_db_close(db);
		return e;
	}
	db->count = settings->statement_count;
	db->statements = mem_new(db->count * sizeof(sqlite3_stmt *));
	return ERR_OK;
}

void store_db_close(struct store_db *db)
{
	size_t i;

	for (i = 0; i < db->count; i++)
		sqlite3_finalize(db->statements[i]);
	free(db->statements);
	sqlite3_close(db->db);
	*db = (struct store_db){0};
}

sqlite3_stmt *store_db_statement(struct store_db *db, const char *const *list, size_t which)
{
	sqlite3_stmt **statement = &db->statements[which];

	if (*statement == NULL && sqlite3_prepare_v3(db->db, list[which], -1,
					  SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
	return *statement;
}

enum err store_db_run(sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	sqlite3_reset(statement);
	return store_db_error(code);
}

enum err store_db_step(sqlite3_stmt *statement, bool *ret_row)
{
	int code = sqlite3_step(statement);

	*ret_row = code == SQLITE_ROW;
	if (code != SQLITE_ROW)
		sqlite3_reset(statement);
	return store_db_error(code);
}

void store_db_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

const char *store_db_text(sqlite3_stmt *statement, int column)
{
	return (const char *)sqlite3_column_text(statement, column);
}

const char *store_db_text_copy(sqlite3_stmt *statement, int column, struct arena *arena)
{
	return arena_text(arena, store_db_text(statement, column));
}
