/*
 * One SQLite file, one connection, used by one thread at a time.
 *
 * The connection is EXCLUSIVE before it enters WAL mode: no other process can have the file open,
 * there is no shared memory file, and the races between two connections' checkpoints (SQLite before
 * 3.51.3) cannot happen.
 */
#ifndef SEALPOST_PORT_STORE_SQLITE_DB_H
#define SEALPOST_PORT_STORE_SQLITE_DB_H

#include "base/err.h"
#include "base/mem.h"

#include <sqlite3.h>
#include <stdbool.h>

struct store_db {
	sqlite3 *db;
	sqlite3_stmt **statements; /* by the caller's own enumeration */
	size_t count;
};

struct store_db_settings {
	const char *path;  /* NULL: in memory */
	const char *label; /* in messages: "queue" */
	/* Migration N leads from version N to N + 1 (PRAGMA user_version). */
	const char *const *migrations;
	size_t migration_count;
	const char *const *statements; /* SQL, prepared on first use */
	size_t statement_count;
	int cache_kib;
	int log_pages; /* written to the database when the log has so many */
};

enum err store_db_open(
	struct store_db *db, const struct store_db_settings *settings, struct err_info *info);
void store_db_close(struct store_db *db);

/* What a result code means for the caller; SQLITE_OK, ROW and DONE are ERR_OK. */
enum err store_db_error(int code);

/* A statement of the list, reset, its parameters NULL; NULL when it cannot be prepared.
 * WITH is the settings' list. */
sqlite3_stmt *store_db_statement(struct store_db *db, const char *const *list, size_t which);
/* Run to its end and reset. */
enum err store_db_run(sqlite3_stmt *statement);
/* Next row: *ret_row false at the end, and then the statement is reset. */
enum err store_db_step(sqlite3_stmt *statement, bool *ret_row);

/* Texts are bound without a copy: they must stay until the statement is reset. */
void store_db_bind_text(sqlite3_stmt *statement, int at, const char *text);
/* NULL for SQL NULL. */
const char *store_db_text(sqlite3_stmt *statement, int column);
const char *store_db_text_copy(sqlite3_stmt *statement, int column, struct arena *arena);

#endif
