/*
 * Internal to the spool: its state, and what its files offer each other.
 *
 *   spool.c     life of the process, clock, settings
 *   peers.c     channels to the other processes
 *   intake.c    receive -> store
 *   events.c    what the trace hears of it
 *   messages.c  envelopes in memory
 *   dispatch.c  store -> plan -> jobs -> deliver
 *   jobs.c      jobs under way; content for deliver
 *   settle.c    outcomes -> store: done, again later, given up
 *   notice.c    the notices that go with a settlement
 *   orphans.c   recipients that deliver still has from before a restart
 *   config.c    the configuration and who must know of it
 *   hosts.c     what is known of hosts
 *   refusals.c  which versions of our certificates partners refuse, and what they accept
 *   owners.c    how many messages each organisation has
 *   activity.c  for which organisation something is new
 *   protection.c  how well destinations and senders were protected
 *   chains.c   certificates that partners present
 *   accounts.h  users, tokens and the audit log
 *   alerts.h   who is told of alarms, and of certificates that end soon
 *   metrics.c   what monitoring reads
 *   manage.c    questions and orders of the administrator; manage_account.c,
 *               manage_queue.c, manage_trace.c
 *
 * Everything runs on one loop.  What waits for the store carries no pointer to a peer, only its
 * serial: the peer may be gone when the answer comes.
 */
#ifndef SEALPOST_PROCESS_SPOOL_STATE_H
#define SEALPOST_PROCESS_SPOOL_STATE_H

#include "base/map.h"
#include "core/cert/choose.h"
#include "core/cert/refusals.h"
#include "core/message/dsn.h"
#include "core/policy/policy.h"
#include "core/queue/plan.h"
#include "core/queue/schedule.h"
#include "port/ipc/ipc.h"
#include "port/runtime/runtime.h"
#include "port/store/store.h"

enum {
	SPOOL_WINDOW = 50000,	   /* recipients in the plan */
	SPOOL_WINDOW_FILL = 40000, /* of them, what may come from the store */
	SPOOL_WINDOW_OF_ROUTE = 1000,
	SPOOL_ROOM = SPOOL_WINDOW_OF_ROUTE / 2, /* have left: look for those that did not fit */
	SPOOL_PAGE = 2000,			/* due recipients asked of the store at once */
	SPOOL_LOAD = 100,			/* messages asked of the store at once */
	SPOOL_HORIZON_MS = 60 * 1000,		/* how far ahead the store is searched */
	SPOOL_SCAN_MS = 30 * 1000,		/* how often */
	SPOOL_MEMORY = 32 * 1024 * 1024,	/* of envelopes */
	SPOOL_PENDING_HIGH = 32 * 1024 * 1024,	/* content waiting for the disk: no more credit */
	SPOOL_AGAIN_MS = 2000,			/* after a job that ended without being tried */
	SPOOL_SLOTS_MAX = 10000,		/* jobs of one deliver process */
	SPOOL_REFUSALS_PENDING = 1000,		/* calls of the store */
	SPOOL_NUMBER = 1023,			/* this process, in message ids */
};

struct spool;
struct spool_request;

struct spool_peer {
	struct spool *spool;
	struct spool_peer *next;
	struct ipc *ipc; /* NULL: not read yet */
	int fd;
	int64_t serial;
	enum runtime_role role;
	unsigned index;
	struct map *intakes; /* receive: id -> struct intake */
	int64_t slots;	     /* deliver: jobs it takes at once */
	bool reported;	     /* deliver: has said all that it has from before */
	int64_t jobs;	     /* deliver: jobs it has */
};

/* A message in memory: counted, because jobs and settlements need it beside the cache. */
struct spool_message {
	int64_t id;
	struct arena *arena;
	struct store_message m;
	size_t refs;
	unsigned lost; /* jobs that ended with their process */
	bool cached;
	struct spool_message *older, *newer; /* in the cache */
	size_t size;
};

struct spool_job {
	int64_t id;
	const struct queue_parcel *parcel;
	struct spool_message *message; /* NULL: not loaded yet */
	int64_t peer;		       /* serial; 0: not sent */
	int32_t *numbers;	       /* sent */
	size_t count;
	int64_t rest_ms;	/* how long what it did not carry waits */
	struct spool_job *next; /* in the list of those to be loaded */
};

/* Node settings, copied. */
struct spool_settings {
	struct arena *arena;
	const char *hostname;
	const char *postmaster;
	struct queue_settings queue;
	int64_t max_message, max_queue, min_disk;
	int64_t trace_keep_ms, reports_keep_ms;
	bool trace_subjects;
	int64_t recipients_per_transaction;
	int64_t delivers; /* processes that deliver */
};

struct spool_counters {
	int64_t accepted, refused, delivered, relayed, deferred, failed, expired, notices;
	int64_t told_refusals; /* by receive, before there was a message */
};

/* What is remembered of one direction, in the order in which it was seen. */
struct spool_protections_order {
	struct spool_protection *oldest, *newest;
	size_t count, limit;
	bool is_full; /* and that was logged */
};

struct spool {
	struct runtime *runtime; /* NULL in tests */
	struct event_base *base;
	int64_t (*now_ms)(void);
	int64_t (*ticks_ms)(void);
	struct spool_settings settings;
	struct store *store;
	char *directory;
	struct event *tick, *pump;
	bool configured; /* the configuration is loaded */
	bool started, draining;
	bool drain_said;

	int64_t serial; /* of the last peer, job */
	struct spool_peer *peers;

	/* configuration */
	const struct model_config *config; /* the snapshot's; NULL: none yet */
	int64_t generation;
	struct policy_snapshot *snapshot;
	bool config_busy;   /* a change is being written */
	bool config_stored; /* the store's keys are those that are here */

	/* intake */
	bool intake_open;
	const char *intake_reason;
	size_t accepting; /* messages on their way to the disk */

	/* messages in memory */
	struct map *messages;
	struct spool_message *oldest, *newest;
	size_t memory;
	int64_t last_id;

	/* schedule */
	struct queue_plan *plan;
	struct map *jobs;
	int64_t unsent; /* jobs that no deliver process has yet */
	struct spool_job *load_first, *load_last;
	bool loading;
	bool scanning, scan_missed, scan_beyond;
	int64_t scan_began_ms, scan_until_ms, next_scan_ms, early_scan_ms;
	size_t left; /* recipients that have left since the last search */
	int64_t next_trace_ms;
	int64_t clock_offset; /* wall clock minus ticks */

	struct map *claims;    /* see orphans.c */
	int64_t reports_until; /* ticks */

	struct map *hosts;
	struct refusal *refusals; /* see refusals.c */
	size_t refusal_count;
	struct map *owners;	/* see owners.c */
	struct map *activities; /* see activity.c */
	bool owners_asked;
	int64_t owners_next_ms;
	struct map *protections;			     /* see protection.c */
	struct spool_protections_order protection_orders[2]; /* by direction; out: 1 */
	struct spool_accounts *accounts;		     /* see accounts.h */
	struct spool_alerts *alerts;
	struct spool_backup *backup;	     /* see backup.c; NULL: none */
	int64_t strangers, strangers_minute; /* see chains.c */
	struct spool_settlement *stuck;	     /* could not be written; tried again */
	size_t settling;
	struct spool_counters counters;
	struct spool_metrics *metrics;
};

/* ---- spool.c --------------------------------------------------------------------------------- */
/* For tests: all but the process's frame.  NODE is copied. */
struct spool *spool_new(
	struct event_base *base, int64_t (*now_ms)(void), int64_t (*ticks_ms)(void)) MUST_USE;
void spool_free(struct spool **spool);
void spool_configure(struct spool *spool, const struct model_node *node);
enum err spool_open(struct spool *spool, const char *directory, struct err_info *info);
void spool_begin(struct spool *spool);
void spool_begin_drain(struct spool *spool);
/* The configuration is there: begin. */
void spool_ready(struct spool *spool);
/* The store is broken: the process ends, and a restart reads what is true. */
void spool_broken(struct spool *spool, enum err e, const char *text);
/* Every second: what depends on the clock. */
void spool_on_tick(struct spool *spool);
/* Something may be startable: look soon. */
void spool_wake(struct spool *spool);
/* A key for maps. */
static inline struct str spool_key(const int64_t *number)
{
	return str_make(number, sizeof(*number));
}

/* ---- peers.c --------------------------------------------------------------------------------- */
struct spool_peer *spool_peer_add(
	struct spool *spool, enum runtime_role role, unsigned index, int fd);
struct spool_peer *spool_peer_find(struct spool *spool, int64_t serial);
void spool_peer_remove(struct spool_peer *peer);
void spool_broadcast(
	struct spool *spool, enum runtime_role role, enum wire_type type, const void *record);
/* Read from it and greet it, once the configuration is there. */
void spool_peer_open(struct spool_peer *peer);

/* ---- intake.c -------------------------------------------------------------------------------- */
void spool_intake_data(struct spool_peer *peer, const struct wire_data *data);
void spool_intake_commit(struct spool_peer *peer, const struct wire_message *message);
void spool_intake_abort(struct spool_peer *peer, int64_t id);
void spool_intake_abort_all(struct spool_peer *peer);
void spool_intake_event(struct spool *spool, const struct wire_event *event);
/* Open or close intake as store and settings say; hand out credit that was held back. */
void spool_intake_tick(struct spool *spool);
/* Where a recipient goes under the present configuration: a key, never NULL. */
const char *spool_route(struct spool *spool, const struct wire_message *message,
	const struct wire_recipient *recipient, struct arena *arena, struct policy_outbound *ret);

/* ---- events.c ---------------------------------------------------------------------------------
 */
/* Of a message as it is stored; they live in the arena. */
struct wire_event *spool_events_accepted(struct spool *spool, const struct store_message *message,
	const struct receipt *receipt, struct arena *arena, size_t *ret_count);
/* The event that stands beside one with would_token: what would have been refused, and by whom. */
struct wire_event spool_event_would(const struct wire_event *event, struct arena *arena);

/* ---- messages.c -------------------------------------------------------------------------------
 */
/* A copy in memory; refs 1.  Cached under its id. */
struct spool_message *spool_message_add(struct spool *spool, const struct store_message *from);
/* NULL when it is not in memory; else one more ref. */
struct spool_message *spool_message_get(struct spool *spool, int64_t id);
void spool_message_drop(struct spool *spool, struct spool_message **message);
/* What is in memory is no longer what is in the store. */
void spool_message_forget(struct spool *spool, int64_t id);
void spool_message_forget_all(struct spool *spool);
struct store_recipient *spool_recipient(struct spool_message *message, int64_t number);
int64_t spool_new_id(struct spool *spool);

/* ---- dispatch.c -------------------------------------------------------------------------------
 */
void spool_dispatch(struct spool *spool);
/* Put recipients of a message that was just stored into the plan. */
void spool_plan_message(struct spool *spool, const struct store_message *message, int64_t due_ms);
void spool_plan(
	struct spool *spool, int64_t message, int64_t number, const char *route, int64_t due_ms);
void spool_scan_soon(struct spool *spool);

/* ---- jobs.c ------------------------------------------------------------------------------------
 */
struct spool_job *spool_job_new(struct spool *spool, const struct queue_parcel *parcel);
/* It is over, whatever came of it: its parcel leaves the plan. */
void spool_job_end(struct spool *spool, struct spool_job **job);
/* It ends without having been tried; its recipients are due again. */
void spool_job_again(struct spool *spool, struct spool_job *job, int64_t due_ms);
/* It ends; recipients that it did not carry are due again, by the routes they have now. */
void spool_job_finish(struct spool *spool, struct spool_job *job);
/* Write what came of it, then finish it. */
struct spool_verdict;
void spool_job_settle(
	struct spool *spool, struct spool_job *job, const struct spool_verdict *verdict);
void spool_job_body(struct spool_peer *peer, const struct wire_body_get *get);
void spool_job_outcome(struct spool_peer *peer, const struct wire_outcome *outcome);
/* All jobs of a peer that has gone. */
void spool_jobs_lost(struct spool_peer *peer);
/* Take back what deliver has not begun: jobs of one message, or all (0). */
void spool_jobs_cancel(struct spool *spool, int64_t message);
/* What waits for a route is due now. */
void spool_retry_route(struct spool *spool, const char *route, const char *why);

/* ---- settle.c ---------------------------------------------------------------------------------
 */
/* What became of recipients of one message. */
typedef void spool_settled(void *context);
struct spool_verdict {
	struct spool_message *message;
	const struct wire_recipient_outcome *recipients;
	size_t count;
	const struct receipt *receipts;
	size_t receipt_count;
	const char *kind;  /* instead of "failed": "returned"; NULL */
	bool silent;	   /* deferrals make no event but the first */
	const char *route; /* as known now; NULL keeps */
};
/* Write it, with its notices; DONE runs when that is durable.  All is copied; the message gets a
 * ref. */
void spool_settle(struct spool *spool, const struct spool_verdict *verdict, spool_settled *done,
	void *context);
/* Try again what could not be written. */
void spool_settle_tick(struct spool *spool);

/* ---- orphans.c --------------------------------------------------------------------------------
 */
/* An outcome of no job of ours: it was given before a restart. */
void spool_orphans_outcome(struct spool_peer *peer, const struct wire_outcome *outcome);
/* A deliver process may have delivered it already; an outcome will come. */
bool spool_is_claimed(const struct spool *spool, int64_t message, int64_t number);
/* From now on for a few seconds no job is given before all deliver processes have reported. */
void spool_orphans_await(struct spool *spool);
bool spool_orphans_awaited(const struct spool *spool);
void spool_orphans_lost(struct spool_peer *peer);
void spool_orphans_tick(struct spool *spool);
void spool_orphans_free(struct spool *spool);

/* ---- notice.c ---------------------------------------------------------------------------------
 */
struct spool_notice {
	const char *to;
	const char *double_sender; /* postmaster's copy: the sender that could not be told */
	const char *marker;	   /* kept as the notice's helo */
	struct message_dsn_recipient *recipients;
	size_t count;
	const char *organisation;
};
extern const char spool_notice_marker[], spool_notice_double_marker[];
/* Whom to tell of a notice that could not be delivered; NULL: nobody. */
const char *spool_notice_postmaster(
	struct spool *spool, const char *organisation, struct arena *arena);
/* A stored message made of the notice: its envelope in *ret (arena), its bytes appended. */
enum err spool_notice_make(struct spool *spool, const struct spool_notice *notice,
	const struct spool_message *about, struct str content, struct arena *arena,
	struct store_message *ret, struct buf *ret_bytes);

/* ---- metrics.c --------------------------------------------------------------------------------
 */
struct spool_metrics *spool_metrics_new(int64_t now) MUST_USE;
void spool_metrics_free(struct spool_metrics **metrics);
/* RESULT and TOKEN of a recipient that ROUTE was tried for; TOKEN may be NULL. */
void spool_count_recipient(
	struct spool *spool, const char *result, const char *token, const char *route);
void spool_count_webhook(struct spool *spool, const char *webhook, const char *result);
void spool_metrics_tick(struct spool *spool);
/* As metrics_set_json(). */
json_t *spool_metrics_json(struct spool *spool);

/* ---- config.c ---------------------------------------------------------------------------------
 */
void spool_config_load(struct spool *spool);
void spool_config_send(struct spool_peer *peer);

/* ---- hosts.c -----------------------------------------------------------------------------------
 */
void spool_host_learn(struct spool_peer *from, const struct wire_host *host);
void spool_hosts_load(struct spool *spool);
void spool_hosts_send(struct spool_peer *peer);
void spool_hosts_tick(struct spool *spool);
bool spool_host_forget(struct spool *spool, const char *host);
void spool_hosts_free(struct spool *spool);

/* ---- refusals.c --------------------------------------------------------------------------------
 */
void spool_refusal_learn(struct spool_peer *from, const struct wire_refused *refused);
/* For the other receiving processes; nothing is kept. */
void spool_refusal_left(struct spool_peer *from, const struct wire_left *left);
void spool_refusals_load(struct spool *spool);
void spool_refusals_send(struct spool_peer *peer);
void spool_refusals_tick(struct spool *spool);
/* These certificates live now: what is said of others is over. */
void spool_refusals_lives(struct spool *spool, const struct cert_life *lives, size_t count);
void spool_refusals_free(struct spool *spool);
void spool_manage_refusals_list(struct spool_request *request);
void spool_manage_acceptance_list(struct spool_request *request);

/* ---- owners.c ---------------------------------------------------------------------------------
 */
/* Ask the store how many there are. */
void spool_owners_ask(struct spool *spool);
void spool_owners_tick(struct spool *spool);
void spool_owners_free(struct spool *spool);
/* False: an organisation has as many messages in the queue as it may have. */
bool spool_owners_have_room(struct spool *spool, const struct wire_message *message);
void spool_owners_accepted(struct spool *spool, const struct wire_message *message);

/* ---- activity.c -------------------------------------------------------------------------------
 */
/* Mail of that organisation (NULL: nobody's) came, went, or was refused. */
void spool_activity_mail(struct spool *spool, const char *organisation);
/* The same for the organisations of all recipients that are in M. */
void spool_activity_message(struct spool *spool, const struct spool_message *message);
/* These changes hold now; BEFORE is the configuration without them. */
void spool_activity_config(struct spool *spool, const struct policy_snapshot *before,
	const struct model_change *changes, size_t count);
/* Numbers that are others when there was something; 0 before the first time. */
void spool_activity_get(const struct spool *spool, const char *organisation, int64_t *ret_mail,
	int64_t *ret_config);
void spool_activity_free(struct spool *spool);

/* ---- protection.c ------------------------------------------------------------------------------
 */
void spool_protections_load(struct spool *spool);
void spool_protections_expire(struct spool *spool);
void spool_protections_free(struct spool *spool);
/* Mail has gone over that connection, or would only go in clear now. */
void spool_protection_sent(
	struct spool *spool, const struct wire_recipient *recipient, const struct receipt *receipt);
/* Mail was accepted. */
void spool_protection_received(struct spool *spool, const struct wire_message *message,
	const struct wire_recipient *recipient);
/* What deliver is told of a destination. */
void spool_protection_tell(
	const struct spool *spool, const char *domain, int64_t *ret_best, int64_t *ret_fallen_ms);
/* When to try again what waits out the grace time: no later than its end. */
int64_t spool_protection_due(
	const struct spool *spool, const struct wire_recipient *recipient, int64_t due_ms);

/* ---- accounts.c: see accounts.h ----------------------------------------------------------------
 */
void spool_accounts_load(struct spool *spool);
void spool_accounts_free(struct spool *spool);

/* ---- alerts.c, alerts_mail.c, webhook.c: see alerts.h ------------------------------------------
 */
void spool_alerts_configure(struct spool *spool, const struct runtime_settings *settings);
void spool_alerts_free(struct spool *spool);
/* The configuration is new. */
void spool_alerts_reconsider(struct spool *spool);
void spool_alerts_tick(struct spool *spool);
/* An alarm may have been raised. */
void spool_alerts_soon(struct spool *spool);
/* Is it one of our letters about alarms? */
bool spool_alert_is(const struct wire_message *message);
/* The answer of lookup; its end. */
void spool_webhook_posted(struct spool *spool, const struct wire_posted *posted);
void spool_webhook_lost(struct spool *spool);
/* Look for events to post, when it is time. */
void spool_webhook_events_tick(struct spool *spool);

/* ---- chains.c ----------------------------------------------------------------------------------
 */
/* A partner has presented it. */
void spool_chain_seen(struct spool *spool, const struct wire_chain *chain);

/* ---- manage.c ----------------------------------------------------------------------------------
 */
/* One request under way. */
struct spool_request {
	struct spool *spool;
	int64_t peer; /* serial */
	int64_t tag;
	char *verb;
	char *actor;
	json_t *arguments;
	/* Who asks manages these organisations only, and sees nothing of others. */
	bool is_limited;
	struct record_texts organisations;
	/* between steps */
	struct arena *arena;
	json_t *result;
	struct store_filter filter;
	int64_t messages, recipients, cursor, place;
	size_t left;
	void *extra;
};
void spool_manage(struct spool_peer *peer, const struct wire_manage *manage);
/* Answers, and frees the request.  RESULT is taken. */
void spool_answer(struct spool_request *request, json_t *result);
void spool_answer_error(struct spool_request *request, enum err e, const char *format, ...)
	PRINTF_LIKE(3, 4);
void spool_manage_hosts_list(struct spool_request *request);
void spool_manage_config_get(struct spool_request *request);
void spool_manage_config_replace(struct spool_request *request);
void spool_manage_queue_summary(struct spool_request *request);
void spool_manage_queue_list(struct spool_request *request);
void spool_manage_queue_show(struct spool_request *request);
void spool_manage_queue_act(struct spool_request *request);
void spool_manage_trace_search(struct spool_request *request);
void spool_manage_trace_show(struct spool_request *request);
void spool_manage_trace_evidence(struct spool_request *request);
void spool_manage_report_list(struct spool_request *request);
void spool_manage_report(struct spool_request *request);
void spool_manage_report_expiring(struct spool_request *request);
/* The argument "id"; 0: absent.  False: answered. */
bool spool_id_argument(struct spool_request *request, int64_t *ret_id);
/* A copy of EVENTS with what may be seen by who asks; the count in *count. */
struct wire_event *spool_seen_events(
	struct spool_request *request, const struct wire_event *events, size_t *count);
/* As spool_text_json(), however long. */
json_t *spool_long_text_json(const char *text);
/* ---- manage_account.c -------------------------------------------------------------------------
 */
void spool_manage_readiness(struct spool_request *request);
void spool_manage_alarms_list(struct spool_request *request);
void spool_manage_alarms_acknowledge(struct spool_request *request);
void spool_manage_test_record(struct spool_request *request);
void spool_manage_test_list(struct spool_request *request);
void spool_manage_test_last(struct spool_request *request);
void spool_manage_test_submit(struct spool_request *request);	    /* submit.c */
void spool_manage_protection_list(struct spool_request *request);   /* protection.c */
void spool_manage_protection_forget(struct spool_request *request); /* protection.c */
void spool_manage_alerts_test(struct spool_request *request);	    /* alerts.c */
void spool_manage_chains_list(struct spool_request *request);	    /* chains.c */
void spool_manage_chains_show(struct spool_request *request);	    /* chains.c */
void spool_manage_chains_accept(struct spool_request *request);	    /* chains.c */
void spool_manage_status(struct spool_request *request);
void spool_manage_backup_list(struct spool_request *request);
void spool_manage_backup_begin(struct spool_request *request);
void spool_manage_backup_show(struct spool_request *request);
void spool_manage_backup_remove(struct spool_request *request);
/* Give up what is under way. */
void spool_backup_free(struct spool *spool);
/* An argument that is a text; NULL: none. */
const char *spool_argument(const struct spool_request *request, const char *name);
json_t *spool_moment_json(int64_t at_ms);  /* null for 0 */
json_t *spool_text_json(const char *text); /* null for NULL */
/* Is it the asking one's business?  NULL is nobody's. */
bool spool_is_asked_by(const struct spool_request *request, const char *organisation);
/* For store_filter and the like: NULL when not limited. */
const struct record_texts *spool_organisations(const struct spool_request *request);
size_t spool_limit(const json_t *limit);
json_t *spool_event_json(const struct wire_event *event);
/* Events of a message as a JSON array. */
json_t *spool_events_json(const struct wire_event *events, size_t count);
/* The same, short of what who asks may not see. */
json_t *spool_seen_events_json(
	struct spool_request *request, const struct wire_event *events, size_t count);
json_t *spool_status(struct spool *spool);

#endif
