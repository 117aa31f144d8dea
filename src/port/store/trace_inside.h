/*
 * The inside of the trace.  Schema:
 *
 *   mail   one row for each message, and for each refusal without one.  key is the message id, or
 *          the negative sequence of the refusal
 *   event  what happened, in the order of sequence
 *   term   what mail can be found by, newest first: (kind, folded value, at, key)
 */
#ifndef SEALPOST_PORT_STORE_TRACE_INSIDE_H
#define SEALPOST_PORT_STORE_TRACE_INSIDE_H

#include "port/store/sqlite_db.h"
#include "port/store/trace.h"

enum store_trace_sql {
	STORE_TRACE_BEGIN,
	STORE_TRACE_COMMIT,
	STORE_TRACE_ROLLBACK,
	STORE_TRACE_APPLIED,
	STORE_TRACE_SET_APPLIED,
	STORE_TRACE_ADD_EVENT,
	STORE_TRACE_ADD_MAIL,
	STORE_TRACE_ADD_TERM,
	STORE_TRACE_FIND_TERM,
	STORE_TRACE_FIND_ANY,
	STORE_TRACE_FIND_KEY,
	STORE_TRACE_HAS_TERM,
	STORE_TRACE_HAS_KIND,
	STORE_TRACE_MAIL,
	STORE_TRACE_EVENT,
	STORE_TRACE_EVENTS,
	STORE_TRACE_OLD,
	STORE_TRACE_OLD_EVENTS,
	STORE_TRACE_REMOVE_TERM,
	STORE_TRACE_REMOVE_EVENTS,
	STORE_TRACE_REMOVE_MAIL,
	STORE_TRACE_SQL_MAX,
};
extern const char *const store_trace_sql[STORE_TRACE_SQL_MAX];
extern const struct store_db_settings store_trace_settings; /* path is to be set */

enum store_term {
	STORE_TERM_NONE,
	STORE_TERM_SENDER,
	STORE_TERM_RECIPIENT,
	STORE_TERM_SENDER_DOMAIN,
	STORE_TERM_RECIPIENT_DOMAIN,
	STORE_TERM_MESSAGE_ID,
	STORE_TERM_CONNECTOR, /* "organisation/name" and "name" */
};

enum {
	STORE_TRACE_BATCH = 4000,     /* events in one transaction */
	STORE_TRACE_LOOK = 20000,     /* candidates looked at for one question */
	STORE_TRACE_EXPIRE_STEP = 200 /* mails deleted in one transaction */
};

/* NULL when it cannot be prepared. */
static inline sqlite3_stmt *store_trace_statement(struct store_db *db, enum store_trace_sql which)
{
	return store_db_statement(db, store_trace_sql, which);
}
enum err store_trace_run(struct store_db *db, enum store_trace_sql which);
/* Why a statement could not be prepared. */
enum err store_trace_error(struct store_db *db);

/* Lower case ASCII, in the arena. */
const char *store_trace_fold(struct arena *arena, struct str text);
const char *store_trace_fold_id(struct arena *arena, const char *message_id);

/* Apply a list in one transaction; those up to *applied are passed over, *applied moves on. */
enum err store_trace_apply(struct store_db *db, const struct store_event *events, int64_t *applied);
/* One step; *ret_more: call again. */
enum err store_trace_expire_step(struct store_db *db, int64_t before_ms, bool *ret_more);

enum err store_trace_find(struct store_db *db, const struct store_trace_query *query,
	struct arena *arena, struct store_trace_item **ret, size_t *ret_count,
	const char **ret_next);
enum err store_trace_events(struct store_db *db, int64_t message, struct arena *arena,
	struct store_trace_item *ret_item, struct wire_event **ret, size_t *ret_count);

#endif
