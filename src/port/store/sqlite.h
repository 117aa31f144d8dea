/* The SQLite backend of the queue, cut by subject: sqlite.c (schema, transactions),
 * sqlite_write.c, sqlite_read.c, sqlite_config.c, sqlite_access.c. */
#ifndef SEALPOST_PORT_STORE_SQLITE_H
#define SEALPOST_PORT_STORE_SQLITE_H

#include "port/store/engine.h"
#include "port/store/sqlite_db.h"

enum store_sql {
	STORE_SQL_BEGIN,
	STORE_SQL_COMMIT,
	STORE_SQL_ROLLBACK,
	STORE_SQL_KNOWN,
	STORE_SQL_ADD_MESSAGE,
	STORE_SQL_ADD_BODY,
	STORE_SQL_ADD_RECIPIENT,
	STORE_SQL_UPDATE_RECIPIENT,
	STORE_SQL_EDIT_RECIPIENT,
	STORE_SQL_REMOVE_RECIPIENT,
	STORE_SQL_ANY_RECIPIENT,
	STORE_SQL_REMOVE_BODY,
	STORE_SQL_REMOVE_MESSAGE,
	STORE_SQL_ADD_EVENT,
	STORE_SQL_EVENTS,
	STORE_SQL_FORGET_EVENTS,
	STORE_SQL_EVENT_RANGE,
	STORE_SQL_DUE,
	STORE_SQL_LOAD_MESSAGE,
	STORE_SQL_LOAD_RECIPIENTS,
	STORE_SQL_CONTENT,
	STORE_SQL_SCAN_ALL,
	STORE_SQL_SCAN_ROUTE,
	STORE_SQL_SCAN_ID,
	STORE_SQL_COUNT_MESSAGES,
	STORE_SQL_COUNT_RECIPIENTS,
	STORE_SQL_ADD_MESSAGES,
	STORE_SQL_ADD_RECIPIENTS,
	STORE_SQL_GENERATION,
	STORE_SQL_SET_GENERATION,
	STORE_SQL_CONFIG,
	STORE_SQL_CONFIG_CLEAR,
	STORE_SQL_CONFIG_ADD,
	STORE_SQL_CONFIG_SET,
	STORE_SQL_CONFIG_APPEND,
	STORE_SQL_CONFIG_REMOVE,
	STORE_SQL_OWNED,
	STORE_SQL_OWNER_ADD,
	STORE_SQL_OWNERS,
	STORE_SQL_PROTECTION_PUT,
	STORE_SQL_PROTECTION_REMOVE,
	STORE_SQL_PROTECTIONS,
	STORE_SQL_REFUSAL_PUT,
	STORE_SQL_REFUSAL_REMOVE,
	STORE_SQL_REFUSALS,
	STORE_SQL_USER_PUT,
	STORE_SQL_USER_REMOVE,
	STORE_SQL_USERS,
	STORE_SQL_TOKEN_PUT,
	STORE_SQL_TOKEN_REMOVE,
	STORE_SQL_TOKENS,
	STORE_SQL_AUDIT_END,
	STORE_SQL_AUDIT_LAST,
	STORE_SQL_AUDIT_ADD,
	STORE_SQL_AUDIT_LIST,
	STORE_SQL_AUDIT_AFTER,
	STORE_SQL_HOST_PUT,
	STORE_SQL_HOST_REMOVE,
	STORE_SQL_HOSTS,
	STORE_SQL_MAX,
};
extern const char *const store_sql[STORE_SQL_MAX];

struct store_sqlite {
	struct store_db db;
	char *ballast; /* file whose blocks are given up when the disk is full */
	int ballast_fd;
	char *path;
	unsigned commits;	      /* since it was given up */
	int64_t messages, recipients; /* how many more by the transaction under way */
};

/* How many migrations there are. */
int64_t store_sqlite_schema(void);

/* Reset, nothing bound; NULL: cannot be prepared. */
sqlite3_stmt *store_sqlite_statement(struct store_sqlite *self, enum store_sql which);
/* Why the last call failed. */
enum err store_sqlite_error(struct store_sqlite *self);

enum err store_sqlite_known(void *self, int64_t message, bool *ret_in_file);
enum err store_sqlite_add(void *self, const struct store_add *add);
enum err store_sqlite_update(void *self, const struct store_update *update, bool *ret_applied,
	bool *ret_gone, struct store_gone *gone);
enum err store_sqlite_edit(void *self, const struct store_scan_row *row);
enum err store_sqlite_event(void *self, const struct store_event *event);
enum err store_sqlite_events(void *self, int64_t after, size_t limit, struct store_event **ret);
enum err store_sqlite_acknowledge(void *self, int64_t upto);
enum err store_sqlite_due(void *self, int64_t until_ms, const struct store_due_entry *after,
	size_t limit, struct arena *arena, struct store_due_entry *ret, size_t *ret_count);
enum err store_sqlite_load(
	void *self, int64_t message, struct arena *arena, struct store_message *ret);
enum err store_sqlite_content(void *self, int64_t message, int64_t offset, size_t length,
	struct arena *arena, struct str *ret);
enum err store_sqlite_scan(void *self, const struct store_scan *scan, store_scan_visit *visit,
	void *context, bool *ret_more);
enum err store_sqlite_count(void *self, int64_t *ret_messages, int64_t *ret_recipients);
enum err store_sqlite_event_range(void *self, int64_t *ret_first, int64_t *ret_last);
enum err store_sqlite_config_get(void *self, struct arena *arena, int64_t *ret_generation,
	struct store_config_row **ret, size_t *ret_count);
enum err store_sqlite_config_change(
	void *self, int64_t generation, const struct store_config_row *rows, size_t count);
enum err store_sqlite_config_put(
	void *self, int64_t generation, const struct store_config_row *rows, size_t count);
enum err store_sqlite_owners(
	void *self, struct arena *arena, struct store_owner **ret, size_t *ret_count);
enum err store_sqlite_protection_put(void *self, const struct store_protection *protection);
enum err store_sqlite_protection_remove(void *self, const struct store_protection *protection);
enum err store_sqlite_protections(
	void *self, struct arena *arena, struct store_protection **ret, size_t *ret_count);
enum err store_sqlite_refusal_put(void *self, const struct wire_refused *refused);
enum err store_sqlite_refusal_remove(void *self, const struct wire_refused *refused);
enum err store_sqlite_refusals(
	void *self, struct arena *arena, struct wire_refused **ret, size_t *ret_count);
enum err store_sqlite_access_put(void *self, const struct store_access_row *row);
enum err store_sqlite_access_rows(
	void *self, struct arena *arena, struct store_access_row **ret, size_t *ret_count);
enum err store_sqlite_audit_end(void *self, struct store_audit_end *ret);
enum err store_sqlite_audit_add(void *self, const struct account_entry *entry);
enum err store_sqlite_audit_list(void *self, const struct store_audit_query *query, int64_t from,
	struct arena *arena, struct account_entry **ret, size_t *ret_count);
enum err store_sqlite_audit_after(void *self, int64_t after, size_t limit, struct arena *arena,
	struct account_entry **ret, size_t *ret_count);
enum err store_sqlite_host_put(void *self, const struct wire_host *host);
enum err store_sqlite_host_remove(void *self, const char *host);
enum err store_sqlite_hosts(
	void *self, struct arena *arena, struct wire_host **ret, size_t *ret_count);

#endif
