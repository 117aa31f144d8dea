/*
 * What must survive: the queue, the configuration, what is known of hosts, and the trace.
 *
 * All calls are made on one event loop, never block and never call back from inside the call.  A
 * completion runs on the loop, exactly once, at the latest from store_close().  What it is given
 * lives until it returns; what a call is given is copied before the call returns.  A completion may
 * call anything here but store_close().
 *
 * Calls on the queue take effect in the order in which they are made, and a completion means that
 * the effect is on stable storage: everything that waits is committed as one group.  Reads see the
 * writes that were asked for before them.
 *
 * Errors every completion may get: ERR_FULL (no space; nothing changed; other things may still
 * work), ERR_IO (the disk failed; nothing works any more and broken() is called: end the process, a
 * restart reads what is true), ERR_CORRUPT (as ERR_IO), ERR_CLOSED (store_close() came first).
 */
#ifndef SEALPOST_PORT_STORE_STORE_H
#define SEALPOST_PORT_STORE_STORE_H

#include "core/account/audit.h"
#include "core/metrics/set.h"
#include "core/model/model.h"
#include "core/wire/wire.h"

#include <event2/event.h>

struct store;

enum {
	STORE_BODY_IN_ROW = 64 * 1024, /* larger bodies stand in files */
	STORE_MAX_LIST = 1000,	       /* items in one answer of a listing */
	STORE_MAX_DUE = 10000,	       /* entries in one answer of store_due() */
	STORE_MAX_LOAD = 1000,	       /* messages in one store_load() */
	STORE_MAX_READ = 1024 * 1024,  /* bytes in one store_body_read() */
};

struct store_settings {
	const char *directory; /* DATA; made if it is not there.  NULL: nothing is kept (tests) */
	int64_t body_cache;    /* bytes of bodies just accepted, kept for the first attempt;
				  0: 64 MiB */
	int64_t pending;       /* bytes of content waiting for a commit; above it commits get
				  ERR_BUSY; 0: 64 MiB */
};

struct store_handlers {
	/* The store is broken for good; called once.  May be NULL. */
	void (*broken)(void *context, enum err e, const char *text);
};

/* Open, repair (sweep bodies without a message, replay what the trace has not got yet), start the
 * threads.  Blocks for at most seconds.  INFO says what is wrong: another process has it open, it
 * is damaged (ERR_CORRUPT), it was written by a newer version (ERR_UNSUPPORTED), ...
 * HANDLERS must outlive the store. */
enum err store_open(struct event_base *base, const struct store_settings *settings,
	const struct store_handlers *handlers, void *context, struct store **ret_store,
	struct err_info *info);
/* Commit what was asked for, run every completion that is left, close.  NULL is fine. */
void store_close(struct store **store);

/* What was found at opening; for one log line. */
struct store_facts {
	int64_t sync_us;	 /* what one fdatasync costs here */
	const char *file_system; /* "ext4", "tmpfs", ..., or "memory" */
	const char *warning;	 /* "tmpfs loses everything at a power failure"; NULL: none */
	int64_t swept;		 /* bodies without a message that were removed */
	int64_t replayed;	 /* trace events that had not reached the trace */
};
const struct store_facts *store_facts(const struct store *store);

/* Counters, at once. */
struct store_counts {
	int64_t messages; /* in the queue, as last committed */
	int64_t recipients;
	int64_t pending_bytes; /* content waiting for a commit: stop reading above some mark */
	int64_t pending_calls;
	int64_t groups;			  /* committed since opening */
	int64_t cached;			  /* bytes of bodies in memory */
	int64_t disk_free;		  /* bytes; INT64_MAX when not known */
	int64_t trace_pending;		  /* events on their way to the trace */
	struct metrics_histogram commits; /* how long the groups took, to the disk */
};
void store_counts(struct store *store, struct store_counts *ret);
/* Only counts.pending_bytes, without a look at the disk. */
int64_t store_pending(const struct store *store);

typedef void store_done(void *context, enum err e);

/* ---- messages and recipients ------------------------------------------------------------------
 */

enum store_state { STORE_WAITING, STORE_HELD };

/* One recipient that is still to be served. */
struct store_recipient {
	struct wire_recipient wire; /* as accepted */
	const char *route;	    /* policy_outbound.key */
	int state;		    /* enum store_state */
	int64_t due_ms;		    /* when to try next; kept, but without effect, while held */
	int64_t attempts;
	bool delay_noticed; /* a notice of delay was sent */
	int64_t last_ms;    /* of the last attempt; 0: none */
	const char *token;  /* last outcome; NULL: none */
	const char *enhanced;
	const char *text;
	const char *host;
};

struct store_message {
	struct wire_message wire; /* its recipients are empty: they stand here */
	RECORD_LIST_OF(struct store_recipient) recipients;
};

/* ---- intake ------------------------------------------------------------------------------------
 */

/* The content of a message on its way in.  Belongs to the caller until a commit takes it. */
struct store_intake;

struct store_intake *store_begin(struct store *store, int64_t id) MUST_USE;
/* Add content; above STORE_BODY_IN_ROW it goes to a file.  ERR_FULL or ERR_IO: abort it. */
enum err store_write(struct store_intake *intake, struct str bytes);
/* Forget the content.  NULL is fine; leaves NULL. */
void store_abort(struct store_intake **intake);

/* ---- changes -----------------------------------------------------------------------------------
 */

/* A message to add: an accepted one, or a DSN. */
struct store_new {
	struct store_intake *intake;	    /* taken by the call, also when it fails */
	const struct wire_message *message; /* its recipients are not looked at; size as counted by
					       store_write() */
	const struct store_recipient *recipients;
	size_t count;
};

/* What became of one recipient.  One that is not there any more is passed over. */
struct store_update {
	int64_t message;
	int64_t number;
	bool remove; /* served, or given up: the rest is not looked at.  The message and its content
			go with its last recipient. */
	/* Otherwise these are set; held stays held. */
	int64_t due_ms;
	int64_t attempts;
	int64_t last_ms;
	bool delay_noticed;
	const char *route; /* texts: NULL keeps what is there */
	const char *token;
	const char *enhanced;
	const char *text;
	const char *host;
};

/* All of it is committed, or nothing.  Any part may be empty. */
struct store_change {
	const struct store_new *news;
	size_t new_count;
	const struct store_update *updates;
	size_t update_count;
	const struct wire_event *events; /* for the trace; see below */
	size_t event_count;
};

/* ERR_BUSY: too much waits already; ERR_EXISTS: a message of that id is there; ERR_RANGE: an id
 * that is not positive, or no recipients; ERR_CONFLICT: two recipients of one number. */
void store_apply(
	struct store *store, const struct store_change *change, store_done *done, void *context);
/* The common case: one accepted message.  Consumes *intake and leaves NULL.  EVENTS as in
 * store_change (usually one, "received"). */
void store_commit(struct store *store, struct store_new *message, const struct wire_event *event,
	store_done *done, void *context);

/* ---- scheduling --------------------------------------------------------------------------------
 */

struct store_due_entry {
	int64_t due_ms;
	int64_t message;
	int64_t number;
	int64_t attempts;
	const char *route;
};
/* ENTRIES are in the order of (due_ms, message, number); MORE: there are others up to the same
 * moment. */
typedef void store_due_done(
	void *context, enum err e, const struct store_due_entry *entries, size_t count, bool more);
/* Waiting recipients that are due at or before UNTIL_MS, behind AFTER in that order (NULL: from the
 * start; only due_ms, message and number are looked at). */
void store_due(struct store *store, int64_t until_ms, const struct store_due_entry *after,
	size_t limit, store_due_done *done, void *context);

/* Messages in the order of their ids, each with all its recipients; ones that are not there any
 * more are missing. */
typedef void store_messages_done(void *context, enum err e, const struct store_message *messages,
	size_t count, int64_t next);
void store_load(struct store *store, const int64_t *ids, size_t count, store_messages_done *done,
	void *context);

/* Content.  Fewer bytes than asked for mean the end; ERR_UNKNOWN: no such message; ERR_UNAVAILABLE:
 * its file cannot be read (the store goes on). */
typedef void store_body_done(void *context, enum err e, struct str bytes);
void store_body_read(struct store *store, int64_t message, int64_t offset, size_t length,
	store_body_done *done, void *context);

/* ---- administration ---------------------------------------------------------------------------
 */

/* All that are given must match; case does not matter. */
struct store_filter {
	int64_t id;	       /* 0: any */
	const char *route;     /* exactly; NULL: any, and so on */
	const char *domain;    /* of the recipient */
	const char *connector; /* "organisation/name" or "name" of the inbound one; or
				  "organisation/name" of a route "connector:..." */
	const char *sender;    /* address; "" for <>; "@domain" for all of a domain */
	const char *recipient; /* address; "@domain" */
	int state;	       /* enum store_state, or STORE_ANY_STATE */
	/* Only what is in the charge of one of these: of the receiver where mail goes from one
	 * organisation to another, else of the one it is attributed to.  NULL: any. */
	const struct record_texts *organisations;
};
enum { STORE_ANY_STATE = -1 };

/* Messages with a recipient that matches, ids greater than AFTER, each with the recipients that
 * match.  NEXT: pass it as AFTER to go on; 0: that was all.  Works in small steps between commits.
 */
void store_list(struct store *store, const struct store_filter *filter, int64_t after, size_t limit,
	store_messages_done *done, void *context);

enum store_action {
	STORE_HOLD,
	STORE_RELEASE, /* due now */
	STORE_RETRY,   /* due now, where not held */
	STORE_DELETE,
	STORE_ROUTE, /* change the route; due now, where not held */
};

struct store_act {
	enum store_action action;
	struct store_filter filter;
	int64_t now_ms;
	const char *text;  /* for the trace: who asked for it */
	const char *route; /* STORE_ROUTE: the new one */
};

struct store_acted {
	int64_t messages; /* so far */
	int64_t recipients;
	/* What this step changed, as it stands now. */
	const struct store_due_entry *entries;
	size_t count;
	bool final;
};
/* Called for each step that has been committed; after an error, or when .final, no more. */
typedef void store_act_done(void *context, enum err e, const struct store_acted *acted);
/* Trace events (held, released, deleted) are written with it.  Works in small steps between
 * commits, once through the queue in the order of ids. */
void store_act(
	struct store *store, const struct store_act *act, store_act_done *done, void *context);

struct store_route_summary {
	const char *route;
	int64_t messages;
	int64_t recipients;
	int64_t held;	   /* recipients among them */
	int64_t oldest_ms; /* received */
	int64_t next_ms;   /* earliest due among those that wait; 0: none waits */
	int64_t attempts;  /* most of any recipient */
	int64_t last_ms;   /* of the last attempt that failed; 0: none */
	const char *token; /* its outcome */
	const char *text;
};
typedef void store_summary_done(
	void *context, enum err e, const struct store_route_summary *routes, size_t count);
/* By route, in the order of their names; at most STORE_MAX_ROUTES, the rest as route "*".  Works in
 * small steps between commits; FILTER may be NULL. */
enum { STORE_MAX_ROUTES = 10000 };
void store_summary(struct store *store, const struct store_filter *filter, store_summary_done *done,
	void *context);

/* How many messages in the queue belong to each organisation: that of any of its recipients, until
 * the last recipient has gone.  In the order of names; those that have none may be missing. */
struct store_owner {
	const char *name;
	int64_t messages;
};
typedef void store_owners_done(
	void *context, enum err e, const struct store_owner *owners, size_t count);
void store_owners(struct store *store, store_owners_done *done, void *context);

/* ---- configuration and hosts -------------------------------------------------------------------
 */

/* Generation 0 and an empty configuration at first.  ERR_UNSUPPORTED: it cannot be read by this
 * version (text says where); CONFIG is then NULL. */
typedef void store_config_done(void *context, enum err e, int64_t generation,
	const struct model_config *config, const char *text);
void store_config_get(struct store *store, store_config_done *done, void *context);
/* What goes into the audit log with a change, in the same transaction; the store gives id and hash.
 */
struct store_audited {
	const struct account_entry *entries;
	size_t count;
};
/* Replace all of it.  AUDITED may be NULL. */
void store_config_put(struct store *store, int64_t generation, const struct model_config *config,
	const struct store_audited *audited, store_done *done, void *context);
/* The same for a few objects: what is stored was read from the store, or put there, with all keys
 * as they are now.  New objects come last. */
void store_config_change(struct store *store, int64_t generation,
	const struct model_change *changes, size_t count, const struct store_audited *audited,
	store_done *done, void *context);

/* What is known of hosts; one row a host, replaced or added. */
void store_host_put(
	struct store *store, const struct wire_host *host, store_done *done, void *context);
void store_host_remove(struct store *store, const char *host, store_done *done, void *context);
typedef void store_hosts_done(
	void *context, enum err e, const struct wire_host *hosts, size_t count);
void store_hosts(struct store *store, store_hosts_done *done, void *context);

/* How well mail was protected: to a destination's domain, and from a domain by one network; so that
 * a fall is noticed (policy_outbound.watches_downgrade). */
struct store_protection {
	int direction;	     /* enum receipt_direction */
	const char *domain;  /* lower case */
	const char *network; /* in: of the client, "192.0.2.0/24" or "2001:db8::/48"; out: "" */
	int best;	     /* enum model_level reached */
	int64_t best_ms;     /* when last */
	const char *host;    /* that reached it */
	int got;	     /* the last one */
	int64_t seen_ms;     /* when, to the day */
	int64_t fallen_ms;   /* since when it is less; 0: it is not */
	const char *organisation; /* whose mail; NULL: not known */
};
/* One row for a direction, domain and network, replaced or added. */
void store_protection_put(struct store *store, const struct store_protection *protection,
	store_done *done, void *context);
void store_protection_remove(struct store *store, const struct store_protection *protection,
	store_done *done, void *context);
typedef void store_protections_done(
	void *context, enum err e, const struct store_protection *protections, size_t count);
/* In the order of direction, domain, network. */
void store_protections(struct store *store, store_protections_done *done, void *context);

/* ---- the trace ----------------------------------------------------------------------------------
 * Events reach the trace soon after the change they came with, none is lost and none comes twice,
 * whatever ends the process.  Questions never delay a commit of the queue; they see every event
 * whose change was completed before they were asked, unless the trace has fallen behind
 * (store_counts.trace_pending). */

struct store_trace_query {
	const char *address; /* sender or recipient; "@domain" for all of a domain */
	const char *sender;
	const char *recipient;
	const char *message_id; /* with or without brackets */
	const char *connector;	/* "organisation/name" or "name" */
	const char *outcome;	/* kind of any event: "failed", "refused", ... */
	const char *host;	/* name or address of the other side of any hop */
	const char *tls;	/* version of any hop, "TLSv1.3", or "clear" */
	const char *subject;	/* part of it */
	/* Only mail with an event of one of these, and of it only what wire_visible_events() leaves
	 * to be seen.  NULL: any. */
	const struct record_texts *organisations;
	int64_t id;
	int64_t since_ms, until_ms; /* of the first event; 0: no limit */
	const char *after;	    /* cursor of an earlier answer; NULL: from the newest */
	size_t limit;		    /* at most STORE_MAX_LIST */
};

struct store_trace_item {
	int64_t id; /* 0: refused before it was accepted */
	int64_t at_ms;
	const char *sender;
	struct record_texts recipients; /* the first 20 */
	const char *message_id;
	const char *subject;
	int64_t size;
	struct wire_event last; /* last event, with its receipt */
};
/* Newest first.  NEXT: cursor; NULL: that was all.  There may be fewer items than the limit, even
 * none, and a cursor all the same. */
typedef void store_trace_done(void *context, enum err e, const struct store_trace_item *items,
	size_t count, const char *next);
void store_trace_search(struct store *store, const struct store_trace_query *query,
	store_trace_done *done, void *context);

/* Events of one message in their order, receipts included; at most STORE_MAX_LIST, the last ones.
 * None: ERR_UNKNOWN. */
typedef void store_events_done(void *context, enum err e, const struct store_trace_item *item,
	const struct wire_event *events, size_t count);
void store_trace_show(struct store *store, int64_t message, store_events_done *done, void *context);

/* Whether subjects go into the trace, from now on; at first they do not. */
void store_trace_subjects(struct store *store, bool are_kept);

/* Delete what began before that moment, in small steps: mail, and what stands below. DONE may be
 * NULL. */
void store_trace_expire(struct store *store, int64_t before_ms, store_done *done, void *context);

/* ---- copies
 * -------------------------------------------------------------------------------------- Of a
 * database, while it is being used: in steps between commits, as it is when the last step is done.
 * Content that stands in files of its own is not in them. */

struct store_copied_so_far {
	enum err e; /* not ERR_OK: that was all, and the file is of no use */
	bool is_over;
	const char *text;    /* why it failed; may be "" */
	int64_t pages, left; /* of 4 KiB */
};
/* After each step; false: do not go on, the file is of no use.  After the last one it is not called
 * again. */
typedef bool store_copied(void *context, const struct store_copied_so_far *so_far);
/* To a new file at PATH.  ERR_UNSUPPORTED: the store is in memory. */
void store_copy_queue(struct store *store, const char *path, store_copied *step, void *context);
void store_copy_trace(struct store *store, const char *path, store_copied *step, void *context);

/* ---- accounts of connectors ---------------------------------------------------------------------
 * Counted from the events as they reach the trace: what complied ("received", "handed-over",
 * "delivered", "relayed" with a connector), what a restriction in report mode would have refused
 * ("would-refuse"), and what a restriction refused (a token of a requirement).  Each message counts
 * once for one connector and reason; refusals before there is a message count each. */

enum store_tally { STORE_TALLY_OK, STORE_TALLY_WOULD, STORE_TALLY_REFUSED, STORE_TALLY_MAX };

struct store_readiness_row {
	int direction; /* enum receipt_direction */
	int tally;     /* enum store_tally; not OK */
	const char *token;
	const char *host; /* in: the client's address; out: the next hop; "*": of too many hosts */
	const char *name; /* in: what it said in EHLO; NULL: not known */
	int64_t count;
	int64_t first_ms, last_ms;
	int64_t sample; /* a message it happened to; 0: none was accepted */
};
struct store_readiness {
	const struct store_readiness_row *rows; /* most frequent first; at most STORE_MAX_LIST */
	size_t count;
	int64_t totals[2][STORE_TALLY_MAX]; /* by direction */
	int64_t hosts[2][STORE_TALLY_MAX];
	int64_t first_ms[2]; /* since when anything was counted; 0: nothing */
};
typedef void store_readiness_done(
	void *context, enum err e, const struct store_readiness *readiness);
/* Days are UTC's, and whole: that of SINCE_MS counts from its beginning. */
void store_readiness(struct store *store, const char *organisation, const char *connector,
	int64_t since_ms, store_readiness_done *done, void *context);

/* ---- alarms -------------------------------------------------------------------------------------
 * Raised and ended by events of kind "alarm" and "alarm-over" (token: the alarm's kind, sender:
 * its subject, organisation, text), so that none is lost; as long as one is not over, the same
 * again only counts. */

struct store_alarm {
	int64_t id;
	const char *kind;
	const char *organisation; /* NULL: of the server */
	const char *subject;
	const char *text;
	int64_t first_ms, last_ms;
	int64_t count;
	int64_t over_ms;	 /* 0: not over */
	int64_t acknowledged_ms; /* 0: nobody has */
	const char *acknowledged_by;
	/* of store_alert_next() alone: */
	int64_t number; /* in the row of what is told */
	bool is_end;	/* it tells that the alarm is over, not that it began */
};
typedef void store_alarms_done(
	void *context, enum err e, const struct store_alarm *alarms, size_t count);
struct store_alarm_query {
	const char *organisation; /* NULL: of all */
	bool all;		  /* else only those that nobody has acknowledged */
	int64_t before;		  /* id of the last one had; 0: from the newest */
	size_t limit;		  /* 0, and at most: STORE_MAX_LIST */
};
/* Those raised last come first. */
void store_alarms(struct store *store, const struct store_alarm_query *query,
	store_alarms_done *done, void *context);
struct store_acknowledgement {
	int64_t id;
	const char *organisation; /* of which it must be; NULL: any */
	const char *by;
	int64_t at_ms;
};
/* The first one stays.  ERR_UNKNOWN: there is no such alarm. */
void store_alarm_acknowledge(struct store *store,
	const struct store_acknowledgement *acknowledgement, store_done *done, void *context);

/* ---- tests of connectors ------------------------------------------------------------------------
 */

struct store_test {
	int64_t id; /* given by the store */
	int64_t at_ms;
	const char *organisation;
	const char *connector;
	int direction; /* enum receipt_direction */
	const char *actor;
	bool ok;
	const char *summary; /* JSON, with all steps */
};
typedef void store_tests_done(
	void *context, enum err e, const struct store_test *tests, size_t count);
void store_test_put(
	struct store *store, const struct store_test *test, store_done *done, void *context);
struct store_test_query {
	const char *organisation, *connector;
	int64_t before; /* id of the last one had; 0: from the newest */
	size_t limit;	/* 0, and at most: STORE_MAX_LIST */
};
/* Newest first. */
void store_tests(struct store *store, const struct store_test_query *query, store_tests_done *done,
	void *context);
struct store_last_tests_query {
	const struct record_texts *organisations; /* only theirs; NULL: all */
	const char *organisation, *connector;	  /* behind this one; "": from the beginning */
	size_t limit;
};
/* The last test of each connector, by organisation and connector; without summaries. */
void store_last_tests(struct store *store, const struct store_last_tests_query *query,
	store_tests_done *done, void *context);

#endif
