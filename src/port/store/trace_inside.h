/*
 * The inside of the trace.  Schema:
 *
 *   mail   one row for each message, and for each refusal without one.  key is the message id, or
 *          the negative sequence of the refusal
 *   event  what happened, in the order of sequence
 *   term   what mail can be found by, newest first: (kind, folded value, at, key)
 *   connector_day  what each connector took, would have refused and refused, by day, reason, host
 *   alarm  what somebody should look at; at most one row of a kind and subject is open
 *   test   what connector tests found
 *   acceptance  how often partners accepted and refused each version of our certificates
 *   chain  certificates that partners have presented, by partner, direction and digest
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
	STORE_TRACE_RECEIPT,
	STORE_TRACE_COUNTED,
	STORE_TRACE_COUNT_MORE,
	STORE_TRACE_COUNT_ROWS,
	STORE_TRACE_COUNT_FIRST,
	STORE_TRACE_COUNT_TOTALS,
	STORE_TRACE_COUNT_LIST,
	STORE_TRACE_COUNT_FORGET,
	STORE_TRACE_ALARM_MORE,
	STORE_TRACE_ALARM_FIRST,
	STORE_TRACE_ALARM_OVER,
	STORE_TRACE_ALARM_LIST,
	STORE_TRACE_ALARM_ACKNOWLEDGE,
	STORE_TRACE_ALARM_FORGET,
	STORE_TRACE_ALARM_TRIM,
	STORE_TRACE_TEST_ADD,
	STORE_TRACE_TEST_TRIM,
	STORE_TRACE_TEST_LIST,
	STORE_TRACE_TEST_FORGET,
	STORE_TRACE_ALERT_NEXT,
	STORE_TRACE_ALERT_TOLD,
	STORE_TRACE_ALERT_OPEN,
	STORE_TRACE_ALERT_COUNTS,
	STORE_TRACE_ACCEPTANCE_MORE,
	STORE_TRACE_ACCEPTANCE_FIRST,
	STORE_TRACE_ACCEPTANCE_TRIM,
	STORE_TRACE_ACCEPTANCE_LIST,
	STORE_TRACE_ACCEPTANCE_FORGET,
	STORE_TRACE_CHAIN_LIST,
	STORE_TRACE_CHAIN_NEWEST,
	STORE_TRACE_CHAIN_KNOWN,
	STORE_TRACE_CHAIN_FIND,
	STORE_TRACE_CHAIN_MORE,
	STORE_TRACE_CHAIN_ADD,
	STORE_TRACE_CHAIN_TRIM,
	STORE_TRACE_CHAIN_TRIM_ALL,
	STORE_TRACE_CHAIN_ACCEPT,
	STORE_TRACE_CHAIN_FORGET,
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
	STORE_TERM_ORGANISATION,
};

enum {
	STORE_TRACE_BATCH = 4000,	/* events in one transaction */
	STORE_TRACE_LOOK = 20000,	/* candidates looked at for one question */
	STORE_TRACE_EXPIRE_STEP = 200,	/* mails deleted in one transaction */
	STORE_TRACE_DAY_ROWS = 2000,	/* of one connector, direction and day; then host "*" */
	STORE_TRACE_TESTS = 500,	/* kept of one connector */
	STORE_TRACE_ALARMS = 5000,	/* kept, and a few more */
	STORE_TRACE_ALARMS_EVERY = 256, /* so often it is looked at */
	STORE_TRACE_ACCEPTANCES_EVERY = 64,
	STORE_TRACE_CHAINS_EVERY = 64, /* so often the number of all chains is looked at */
};

/* NULL when it cannot be prepared. */
static inline sqlite3_stmt *store_trace_statement(struct store_db *db, enum store_trace_sql which)
{
	return store_db_statement(db, store_trace_sql, which);
}
enum err store_trace_run(struct store_db *db, enum store_trace_sql which);
/* After a failure: end all statements, and the transaction. */
void store_trace_roll_back(struct store_db *db);
/* Why a statement could not be prepared. */
enum err store_trace_error(struct store_db *db);

/* Lower case ASCII, in the arena. */
const char *store_trace_fold(struct arena *arena, struct str text);
const char *store_trace_fold_id(struct arena *arena, const char *message_id);

/* Apply a list in one transaction; those up to *applied are passed over, *applied moves on. */
enum err store_trace_apply(struct store_db *db, const struct store_event *events, int64_t *applied);
/* One step; *ret_more: call again. */
enum err store_trace_expire_step(struct store_db *db, int64_t before_ms, bool *ret_more);

/* ---- accounts (trace_count.c, trace_account.c) ------------------------------------------------
 */

/* The client of the message counted last, so that its receipt is read once. */
struct store_trace_counting {
	int64_t key;
	char host[256], name[256];
};
/* Count an event that was just added for the connector it concerns, once for each message. */
enum err store_trace_count(struct store_db *db, const struct store_event *event, int64_t key,
	struct store_trace_counting *last, struct arena *arena);
/* Events of kind "alarm" and "alarm-over" make alarms instead of an account of mail: token is the
 * alarm's kind, sender its subject. */
enum err store_trace_alarm(struct store_db *db, const struct wire_event *event, bool *ret_is_alarm);
/* The columns of ALARM (trace_write.c). */
void store_trace_read_alarm(sqlite3_stmt *s, struct arena *arena, struct store_alarm *to);
/* Count what the receipt of EVENT says of our certificate.  Events of kind "certificate-refused"
 * are nothing else: *ret_is_refusal. */
enum err store_trace_acceptance(struct store_db *db, const struct store_event *event,
	struct arena *arena, bool *ret_is_refusal);
enum err store_trace_forget_accounts(struct store_db *db, int64_t before_ms);

enum err store_trace_find(struct store_db *db, const struct store_trace_query *query,
	struct arena *arena, struct store_trace_item **ret, size_t *ret_count,
	const char **ret_next);
enum err store_trace_events(struct store_db *db, int64_t message, struct arena *arena,
	struct store_trace_item *ret_item, struct wire_event **ret, size_t *ret_count);

/* How many migrations there are. */
int64_t store_trace_schema(void);

#endif
