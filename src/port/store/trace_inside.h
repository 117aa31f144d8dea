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
 *   rollup  what reports are made of: counts by hour (span 0) and by day (span 1), and by what
 *          they are asked for
 *   clear_domain  senders' and recipients' domains without TLS, by day
 */
#ifndef SEALPOST_PORT_STORE_TRACE_INSIDE_H
#define SEALPOST_PORT_STORE_TRACE_INSIDE_H

#include "port/store/report.h"
#include "port/store/sqlite_db.h"
#include "port/store/trace.h"

#include <stdatomic.h>

enum store_trace_sql {
	STORE_TRACE_BEGIN,
	STORE_TRACE_COMMIT,
	STORE_TRACE_ROLLBACK,
	STORE_TRACE_APPLIED,
	STORE_TRACE_SET_APPLIED,
	STORE_TRACE_ADD_EVENT,
	STORE_TRACE_ADD_MAIL,
	STORE_TRACE_ADD_TERM,
	STORE_TRACE_SEEK_TERM,
	STORE_TRACE_SEEK_MAIL,
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
	STORE_TRACE_ALARM_BEGINS,
	STORE_TRACE_ALARM_ENDS,
	STORE_TRACE_ALARM_NEWS_FORGET,
	STORE_TRACE_ALARM_OVER,
	STORE_TRACE_ALARM_LIST,
	STORE_TRACE_ALARM_ACKNOWLEDGE,
	STORE_TRACE_ALARM_FORGET,
	STORE_TRACE_ALARM_TRIM,
	STORE_TRACE_TEST_ADD,
	STORE_TRACE_TEST_TRIM,
	STORE_TRACE_TEST_LIST,
	STORE_TRACE_TEST_LAST,
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
	STORE_TRACE_ROLLED,
	STORE_TRACE_ROLL_MORE,
	STORE_TRACE_ROLL_ROWS,
	STORE_TRACE_ROLL_FIRST,
	STORE_TRACE_ROLL_OLDEST,
	STORE_TRACE_DAYS,
	STORE_TRACE_SET_DAYS,
	STORE_TRACE_FOLD,
	STORE_TRACE_FOLD_CROWD,
	STORE_TRACE_ROLL_FORGET,
	STORE_TRACE_CLEAR_MORE,
	STORE_TRACE_CLEAR_ROWS,
	STORE_TRACE_CLEAR_FIRST,
	STORE_TRACE_CLEAR_FORGET,
	STORE_TRACE_REPORT,
	STORE_TRACE_REPORT_CLEAR,
	STORE_TRACE_UNINDEXED,
	STORE_TRACE_SET_UNINDEXED,
	STORE_TRACE_BACK,
	STORE_TRACE_BACK_MAIL,
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
	STORE_TERM_OUTCOME, /* kinds of events, but for those that nearly all mail has */
	STORE_TERM_TLS,	    /* "tlsv1.3", "clear" */
	STORE_TERM_HOST,    /* name and address of the other side */
};

enum {
	STORE_TRACE_BATCH = 4000,     /* events in one transaction; */
	STORE_TRACE_BATCH_LEAST = 64, /* and so many where questions wait */
	STORE_TRACE_LOOK = 20000,     /* candidates looked at for one answer, */
	STORE_TRACE_LOOK_LEAST = 256, /* and these however long it takes */
	STORE_TRACE_PATIENCE_MS = 50, /* of a new question with events that came before it */
	STORE_TRACE_BETWEEN_MS = 10,  /* for events between two steps of one */
	STORE_TRACE_BEHIND_MS = 250,  /* of work that nobody waits for, behind what somebody does */
	STORE_TRACE_FOUND_LEAST = 25, /* or so many found */
	STORE_TRACE_STEP_MS = 25,     /* of a question, before others have their turn */
	STORE_TRACE_ANSWER_MS = 150,  /* of work; then what is found is the answer, with a cursor */
	STORE_TRACE_TERMS = 1 << 13,  /* kept in mind of one transaction */
	STORE_TRACE_BACK_STEP = 200,  /* events of an older schema counted in one transaction */
	STORE_TRACE_BACK_MS = 50,     /* at least between two of these */
	STORE_TRACE_EXPIRE_STEP = 200,	/* mails deleted in one transaction at most */
	STORE_TRACE_DAY_ROWS = 2000,	/* of one connector, direction and day; then host "*" */
	STORE_TRACE_TESTS = 500,	/* kept of one connector */
	STORE_TRACE_ALARMS = 5000,	/* kept, and a few more */
	STORE_TRACE_ALARMS_EVERY = 256, /* so often it is looked at */
	STORE_TRACE_ACCEPTANCES_EVERY = 64,
	STORE_TRACE_CHAINS_EVERY = 64,	/* so often the number of all chains is looked at */
	STORE_TRACE_HOUR_ROWS = 2000,	/* of roll-ups; then connector, token, TLS are "*"; at twice
					   as   many the organisation, too */
	STORE_TRACE_FOLDED_ROWS = 5000, /* the same of a day */
	STORE_TRACE_CLEAR_DOMAINS = 500, /* of a day, direction and organisation; then "*" */
	STORE_TRACE_FORGET_ROWS = 2000,	 /* of roll-ups in one transaction */
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

/* Apply the first MOST events of a list in one transaction; fewer, but at least
 * STORE_TRACE_BATCH_LEAST, when the moment *due_ms (store_trace_ticks_ms(); NULL: none) comes.
 * Those up to *applied are passed over, *applied moves on. */
enum err store_trace_apply(struct store_db *db, const struct store_event *events, size_t most,
	const atomic_llong *due_ms, int64_t *applied);
/* CLOCK_MONOTONIC in milliseconds. */
int64_t store_trace_ticks_ms(void);
/* One step; *ret_more: call again. */
enum err store_trace_expire_step(struct store_db *db, int64_t before_ms, bool *ret_more);

/* ---- accounts (trace_count.c, trace_account.c) ------------------------------------------------
 */

/* What a receipt says of a connection (trace_hop.c). */
struct store_trace_hop {
	bool is_there; /* there is a receipt at all */
	bool is_out, is_local, is_clear, is_required, is_verified;
	const char *host, *address, *version, *cipher, *group; /* NULL: none */
};
/* What of the roll-ups is where (trace_fold.c). */
struct store_trace_days {
	bool is_known;
	int64_t until;	    /* hours before are in their days */
	int64_t hours_from; /* hours before are only there, once they are */
};
/* Kept from one event to the next, of one transaction. */
struct store_trace_counting {
	struct arena *arena; /* of the hop */
	int64_t key;	     /* message whose reception the hop is; 0: none */
	struct store_trace_hop hop;
	int64_t hour; /* whose rows are known; 0: none */
	int64_t rows;
	struct store_trace_days days;
	uint64_t *terms; /* marks of terms that are there, STORE_TRACE_TERMS of them */
};
/* TEXT: JSON, or NULL. */
void store_trace_hop_read(const char *text, struct arena *arena, struct store_trace_hop *ret);
/* Of the event's receipt, or of the message's reception; valid until the next call. */
enum err store_trace_hop_of(struct store_db *db, const struct store_event *event, int64_t key,
	struct store_trace_counting *counting, const struct store_trace_hop **ret);
/* An event of this kind is about mail on its way out. */
bool store_trace_is_out(const char *kind);
/* Count an event that was just added for the connector it concerns, once for each message. */
enum err store_trace_count(struct store_db *db, const struct store_event *event, int64_t key,
	const struct store_trace_hop *hop);
/* Events of kind "alarm" and "alarm-over" make alarms instead of an account of mail: token is the
 * alarm's kind, sender its subject. */
enum err store_trace_alarm(struct store_db *db, const struct wire_event *event, bool *ret_is_alarm);
/* The columns of ALARM (trace_sql.c). */
enum { STORE_TRACE_ALARM_COLUMNS = 11 };
void store_trace_read_alarm(sqlite3_stmt *s, struct arena *arena, struct store_alarm *to);
/* Count what the receipt of EVENT says of our certificate.  Events of kind "certificate-refused"
 * are nothing else: *ret_is_refusal. */
enum err store_trace_acceptance(struct store_db *db, const struct store_event *event,
	struct arena *arena, bool *ret_is_refusal);
enum err store_trace_forget_accounts(struct store_db *db, int64_t before_ms);

/* ---- roll-ups (trace_rollup.c, trace_fold.c, trace_back.c) -------------------------------------
 */

/* Count an event for the reports.  SIZE: of the mail. */
enum err store_trace_roll(struct store_db *db, const struct store_event *event, int64_t key,
	int64_t size, struct store_trace_counting *counting);
enum err store_trace_days_read(struct store_db *db, struct store_trace_days *ret);
/* How many rows an hour (SPAN 0) or day (SPAN 1) has; MOST are counted. */
enum err store_trace_roll_rows(
	struct store_db *db, int span, int64_t at, int64_t most, int64_t *ret_rows);
/* One step of adding hours to their days, and of forgetting; *ret_more: call again. */
enum err store_trace_fold_step(
	struct store_db *db, const struct store_report_ages *ages, bool *ret_more);
/* One step of counting and indexing the events of an older schema, last ones first; *unindexed: the
 * sequence up to which they are not, 0 at the end. */
enum err store_trace_back_step(struct store_db *db, int64_t *unindexed);

/* ---- terms (trace_terms.c) ---------------------------------------------------------------------
 */

/* Terms of one mail, to add or to remove. */
struct store_trace_terms {
	struct store_db *db;
	struct arena *arena;
	enum store_trace_sql what; /* ADD_TERM or REMOVE_TERM */
	int64_t at, key;
	uint64_t *known; /* marks of terms that this transaction has added; NULL: none are kept */
	enum err failed;
};
void store_trace_terms_mail(
	struct store_trace_terms *terms, const char *sender, const char *message_id);
void store_trace_terms_recipients(
	struct store_trace_terms *terms, const char *recipient, const char *recipients);
void store_trace_terms_connector(
	struct store_trace_terms *terms, const char *organisation, const char *connector);
void store_trace_terms_event(
	struct store_trace_terms *terms, const char *kind, const struct store_trace_hop *hop);
/* Is mail with an event of this kind found by a term? */
bool store_trace_is_indexed_kind(const char *kind);

/* ---- searching (trace_search.c, trace_read.c) --------------------------------------------------
 */

/* A condition that the index can answer: the value under one of these kinds; or one of several
 * values. */
struct store_trace_wanted {
	enum store_term kind, other; /* OTHER: NONE, or as good */
	const char *const *values;
	size_t count;
};
enum { STORE_TRACE_WANTED = 10 };

/* A question on its way, which may need several steps. */
struct store_trace_finding {
	const struct store_trace_query *query;
	struct arena *arena;
	bool is_indexed; /* terms of outcomes are complete */
	struct store_trace_wanted wanted[STORE_TRACE_WANTED];
	size_t wanted_count;
	int64_t at, key; /* at these and before, newest first */
	int64_t looked, worked_us;
	/* the answer */
	struct store_trace_item *items;
	size_t count;
	const char *next;
};
/* QUERY must outlive it.  ERR_SYNTAX: its cursor is none. */
enum err store_trace_find_new(const struct store_trace_query *query, bool is_indexed,
	struct arena *arena, struct store_trace_finding **ret);
/* *ret_more: it was one step; `items`, `count`, `next` are right after each. */
enum err store_trace_find_step(
	struct store_db *db, struct store_trace_finding *finding, bool *ret_more);

/* *ret_found false: there is no such mail. */
enum err store_trace_read_item(struct store_db *db, int64_t key, struct arena *arena,
	struct store_trace_item *ret, bool *ret_found);
/* Those names for a statement that compares with json_each(); NULL for NULL, which means all. */
const char *store_trace_organisations(const struct record_texts *texts, struct arena *arena);
/* Take out of an item what those organisations may not see.  *ret_seen: what was asked for is
 * left. */
enum err store_trace_limit_item(struct store_db *db, const struct store_trace_query *query,
	int64_t key, struct arena *arena, struct store_trace_item *item, bool *ret_seen);
enum err store_trace_events(struct store_db *db, int64_t message, struct arena *arena,
	struct store_trace_item *ret_item, struct wire_event **ret, size_t *ret_count);

/* How many migrations there are. */
int64_t store_trace_schema(void);

#endif
