#include "port/store/copied.h"

#include "base/mem.h"
#include "port/store/sqlite.h"
#include "port/store/trace_inside.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILES_STEP = 1000, FOLDERS = 256 };

static enum err failed(sqlite3 *db, const char *path, struct err_info *info)
{
	enum err e = store_db_error(sqlite3_extended_errcode(db));

	return err_set(info, e == ERR_OK ? ERR_IO : e, "%s: %s", path, sqlite3_errmsg(db));
}

static void close_db(sqlite3 **db)
{
	sqlite3_close(*db);
}

static enum err open_copy(const char *path, int flags, sqlite3 **ret, struct err_info *info)
{
	if (sqlite3_open_v2(path, ret, flags, NULL) != SQLITE_OK)
		return failed(*ret, path, info);
	sqlite3_extended_result_codes(*ret, 1);
	sqlite3_limit(*ret, SQLITE_LIMIT_ATTACHED, 0);
	return ERR_OK;
}

static enum err run(sqlite3 *db, const char *sql, const char *path, struct err_info *info)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? ERR_OK
								    : failed(db, path, info);
}

static enum err number_of(
	sqlite3 *db, const char *sql, const char *path, int64_t *ret, struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	enum err e = ERR_OK;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW)
		e = failed(db, path, info);
	else
		*ret = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return e;
}

static enum err is_whole(sqlite3 *db, const char *path, struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	const char *words = NULL;
	enum err e = ERR_OK;

	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &statement, NULL) ==
			SQLITE_OK &&
		sqlite3_step(statement) == SQLITE_ROW)
		words = (const char *)sqlite3_column_text(statement, 0);
	if (words == NULL)
		e = failed(db, path, info);
	else if (strcmp(words, "ok") != 0)
		e = err_set(info, ERR_CORRUPT, "%s: damaged: %s", path, words);
	sqlite3_finalize(statement);
	return e;
}

enum err store_copied_check(
	const char *path, bool is_queue, struct store_copied_facts *ret, struct err_info *info)
{
	sqlite3 *db CLEANUP(close_db) = NULL;
	int64_t known = is_queue ? store_sqlite_schema() : store_trace_schema();
	enum err e = open_copy(path, SQLITE_OPEN_READONLY, &db, info);

	*ret = (struct store_copied_facts){0};
	if (e == ERR_OK)
		e = is_whole(db, path, info);
	if (e == ERR_OK)
		e = number_of(db, "PRAGMA user_version", path, &ret->schema, info);
	if (e == ERR_OK && (ret->schema < 1 || ret->schema > known))
		return err_set(info, ERR_UNSUPPORTED,
			"%s: schema %lld, this version knows 1 to %lld", path,
			(long long)ret->schema, (long long)known);
	if (e == ERR_OK)
		e = number_of(db,
			is_queue ? "SELECT count(*) FROM message" : "SELECT count(*) FROM mail",
			path, &ret->messages, info);
	return e;
}

/* ---- files of their own ------------------------------------------------------------------------
 */

static enum err forget(sqlite3 *db, int64_t id, const char *path, struct err_info *info)
{
	char sql[640];

	snprintf(sql, sizeof(sql),
		"UPDATE setting SET value = value - 1 WHERE name = 'messages';"
		"UPDATE owner SET messages = max(0, messages - 1) WHERE instr((SELECT ',' || owners"
		" || ',' FROM message WHERE id = %lld), ',' || name || ',') > 0;"
		"UPDATE setting SET value = value - (SELECT count(*) FROM recipient WHERE message ="
		" %lld) WHERE name = 'recipients';"
		"DELETE FROM recipient WHERE message = %lld; DELETE FROM message WHERE id = %lld",
		(long long)id, (long long)id, (long long)id, (long long)id);
	return run(db, sql, path, info);
}

static enum err next_files(sqlite3 *db, int64_t after, const char *path, int64_t *ret_ids,
	size_t *ret_count, struct err_info *info)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db,
		"SELECT id FROM message WHERE in_file = 1 AND id > ?1 ORDER BY id LIMIT ?2", -1,
		&statement, NULL);
	enum err e = ERR_OK;

	*ret_count = 0;
	if (code == SQLITE_OK) {
		sqlite3_bind_int64(statement, 1, after);
		sqlite3_bind_int(statement, 2, FILES_STEP);
		while ((code = sqlite3_step(statement)) == SQLITE_ROW)
			ret_ids[(*ret_count)++] = sqlite3_column_int64(statement, 0);
	}
	if (code != SQLITE_DONE)
		e = failed(db, path, info);
	sqlite3_finalize(statement);
	return e;
}

enum err store_copied_files(const char *path, store_copied_visit *visit, void *context,
	int64_t *ret_gone, struct err_info *info)
{
	sqlite3 *db CLEANUP(close_db) = NULL;
	int64_t ids[FILES_STEP];
	int64_t after = INT64_MIN;
	size_t count = 0;
	enum err e = open_copy(path, SQLITE_OPEN_READWRITE, &db, info);

	*ret_gone = 0;
	do {
		if (e == ERR_OK)
			e = next_files(db, after, path, ids, &count, info);
		for (size_t i = 0; i < count && e == ERR_OK; i++) {
			char name[64];

			snprintf(name, sizeof(name), "spool/%02llx/%016llx",
				(unsigned long long)ids[i] % FOLDERS, (unsigned long long)ids[i]);
			e = visit(context, name, info);
			if (e == ERR_UNKNOWN) {
				e = forget(db, ids[i], path, info);
				++*ret_gone;
			}
			after = ids[i];
		}
	} while (e == ERR_OK && count == FILES_STEP);
	return e;
}

enum err store_copied_hold(const char *path, struct err_info *info)
{
	sqlite3 *db CLEANUP(close_db) = NULL;
	char sql[96];
	enum err e = open_copy(path, SQLITE_OPEN_READWRITE, &db, info);

	snprintf(sql, sizeof(sql), "UPDATE recipient SET state = %d WHERE state = %d", STORE_HELD,
		STORE_WAITING);
	return e == ERR_OK ? run(db, sql, path, info) : e;
}
