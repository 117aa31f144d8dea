/*
 * Inside process/admin: one request from its arrival to its answer.
 *
 * A handler either answers at once (admin_reply(), admin_problem()) or asks another process and
 * goes on in a callback.  Each call ends exactly once, also when the client has gone meanwhile.
 */
#ifndef SEALPOST_PROCESS_ADMIN_CALL_H
#define SEALPOST_PROCESS_ADMIN_CALL_H

#include "base/mem.h"
#include "core/account/account.h"
#include "core/policy/policy.h"
#include "port/runtime/runtime.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <sys/types.h>

struct admin;
struct admin_asset;
struct admin_call;
struct admin_challenges;
struct admin_check;
struct admin_events;
struct admin_job;
struct admin_limits;
struct admin_links;
struct admin_page;
struct admin_publish;
struct admin_rates;
struct admin_sessions;
struct admin_work;
struct metrics_set;

enum {
	ADMIN_MAX_CALLS = 64,		    /* under way at once, then 503 */
	ADMIN_MAX_LIMITED = 32,		    /* of them for who is limited to some organisations */
	ADMIN_MAX_STRANGERS = 24,	    /* of them for who is not known yet */
	ADMIN_MAX_BODY = 3 * 1024 * 1024,   /* fits WIRE_MAX_PAYLOAD */
	ADMIN_MAX_FIRST_BODY = 1024 * 1024, /* over the network, before anybody is known there */
	ADMIN_MAX_HEADERS = 16 * 1024,
	ADMIN_IDLE_S = 60,
	ADMIN_WAIT_S = 20,  /* for another process */
	ADMIN_LONG_S = 100, /* for a new key, and for all processes to take what comes of it */
	ADMIN_EXTRA_S = 1,  /* for what an answer can do without */
	ADMIN_MAX_SEGMENTS = 4,
	ADMIN_MAX_NAMES = 500, /* bytes of all of them: an object of the audit log has 512 */
};

/* The answer of another process. RESULT may be NULL; it lives until the callback returns. */
typedef void admin_answered(struct admin_call *call, enum err e, const json_t *result);

/* Whom a route is for, besides those who manage the installation. */
enum admin_who {
	ADMIN_NOT_SAID, /* nobody; a test sees to it that every route says it */
	ADMIN_INSTALLATION,
	ADMIN_ORGANISATION, /* who manages an organisation, as far as it is that one's */
	ADMIN_ANYONE,	    /* who manages anything */
};
extern const char *const admin_who_names[];

/* What a route does to the server, and so which roles it is for. */
enum admin_access {
	ADMIN_ACCESS_BY_METHOD, /* GET reads, others change */
	ADMIN_READS,
	ADMIN_ASKS, /* has a body and changes nothing */
	ADMIN_CHANGES,
	ADMIN_AUDITS, /* for auditors and who manages the installation */
	ADMIN_OWN,    /* one's own session and account */
	ADMIN_OPEN,   /* before anybody is known */
};
extern const char *const admin_access_names[];

/* How one is known who asks. */
enum admin_via {
	ADMIN_VIA_SOCKET, /* by the kernel */
	ADMIN_VIA_TOKEN,
	ADMIN_VIA_SESSION,
};
extern const char *const admin_via_names[];

#define ADMIN_BY_SPOOL ""

struct admin_route {
	enum evhttp_cmd_type method;
	const char *pattern; /* "/v1/queue/{id}"; {...} takes one segment */
	const char *doc;
	enum admin_who who;
	void (*handle)(struct admin_call *call);
	int argument; /* for handlers that serve several routes */
	enum admin_access access;
	/* For changes: the action's word in the audit log, noted before the handler begins; a star
	 * stands for the first segment of the path.  ADMIN_BY_SPOOL: the spool notes it. */
	const char *audit;
	/* What it takes and answers, for the document of the API and for the check of what comes;
	 * in the notation of core/shape/shape.h (see routes.h). */
	const char *query;    /* "{after?: text, limit?: 1..1000}"; NULL: none */
	const char *request;  /* "connector-input"; NULL: no body */
	const char *response; /* "queue-page": of JSON, or of one line of a stream; NULL: no JSON */
	const char *types;    /* of the answer, with spaces between; NULL: application/json */
	int status;	      /* of success; 0: 200 */
	bool has_etag;	      /* the answer has an ETag; a change honours If-Match */
	/* A listing (page.h): its query has ADMIN_PAGE, its answer items and next. */
	bool pages;
	const char *page_key; /* of one whose handler answers all: "name", "kind name" */
	bool page_sorted;     /* by that; else in the handler's order */
};
/* All routes, one after the other; *POSITION is 0 at first.  NULL: that was all. */
const struct admin_route *admin_route_next(size_t *position);
/* Never ADMIN_ACCESS_BY_METHOD. */
enum admin_access admin_route_access(const struct admin_route *route);

struct admin_call {
	struct admin_call *next, **link; /* in admin.calls */
	struct admin *admin;
	struct evhttp_request *request; /* NULL: the client has gone */
	const struct admin_route *route;
	struct arena *arena;
	int64_t came_us;     /* count.h */
	const char *address; /* who asks over the network; NULL: by admin.sock */
	bool is_stranger;    /* over the network, and not known yet */
	bool is_known;	     /* all of these say something: */
	const char *actor;   /* user name, or number; "token LABEL" */
	enum admin_via via;
	enum account_role role;
	uint64_t session;   /* serial; 0: none */
	uid_t uid;	    /* by the kernel */
	const char *token;  /* its id; NULL: none */
	int64_t expires_ms; /* of the token; 0: never */
	const char *csrf;   /* of the session */
	bool has_totp;
	bool is_limited; /* to these organisations */
	struct record_texts organisations;
	const char *segments[ADMIN_MAX_SEGMENTS];
	size_t segment_count;
	struct evkeyvalq query;
	const char *cursor; /* page.h; NULL: none */
	json_t *body;	    /* NULL: none */

	const char *rate_key;		 /* of a token (caller.c); NULL: by who asks */
	const char *waiting_secret;	 /* of a token, until it is looked up */
	const struct account_user *user; /* who logs in; NULL: not known (login.c) */
	const char *setup_user;		 /* who sets her password by a link (setup.c) */
	struct admin_job *job;		 /* work.h; NULL: none */
	bool is_outdated;		 /* `user` or `token` is not what it was any more */
	const char *changed_user;  /* loses her sessions when the question under way is answered */
	bool keeps_session;	   /* but for this one */
	const char *revoked_token; /* its id: ends what it began, when that is answered */

	/* What stands of this call in the audit log (gate.h). */
	bool is_audited;
	const char *audit_action, *audit_object;
	json_t *audit_after;

	int64_t tag; /* of the question under way; 0: none */
	bool asks_supervisor;
	const char *waiting_verb; /* a question for the spool, which is not there yet; NULL: none */
	const char *waiting_arguments; /* JSON text, in the arena */
	bool is_extra;		       /* silence is ERR_TIMEOUT to `answered`, not the end */
	bool is_long;		       /* ADMIN_LONG_S are waited for the answer */
	admin_answered *answered;
	struct event *timer;

	/* One that listens (events.h), in ticks. */
	bool is_listener;
	int64_t began_ms, told_ms;
	bool is_in_question; /* the pulse under way is asked for this one, too */
	json_t *heard;	     /* by one who is limited: the last pulse; NULL: none yet */

	/* An answer that is written line by line (stream.c). */
	bool is_stream;
	void (*gone)(struct admin_call *call); /* the client has gone; must end the call */
	struct event *tick;		       /* of the handler; freed with the call */
	struct admin_probe *probe;	       /* in the call's arena; NULL: none */
	struct admin_check *check;	       /* the same (check.h) */

	void (*go)(struct admin_call *call); /* waits for a snapshot */
	struct policy_snapshot *own;	     /* for admin_view(); NULL: not needed yet */
	const char *about;		     /* "connector a/b": what a change is of; NULL */
	json_t *object;			     /* for handlers that go on later: what they work on */
	int attempts;
	int64_t expected;	     /* generation of If-Match; -1: none */
	const char *expected_object; /* ETag of one object in If-Match; NULL: none */
};

/* A user whom an organisation names as its administrator. */
struct admin_user {
	const char *name;
	uid_t uid;
};

struct admin {
	struct runtime *runtime;
	struct evhttp *http;
	struct evhttp *web;		/* the same for what the web process passes on (peer.h) */
	struct ipc *spool;		/* NULL: away */
	struct ipc *lookup;		/* the same */
	struct admin_deliver *delivers; /* those that are there */
	struct admin_deliver *turn;	/* asked last; NULL: none yet */
	struct admin_call *calls;
	size_t call_count, limited_count, stranger_count, listener_count;
	int64_t last_tag;
	bool draining;
	int64_t served, refused, login_failures; /* counters */
	int64_t refusal_logged_ms;

	struct admin_sessions *sessions;
	struct admin_limits *address_limits, *user_limits; /* of attempts to log in */
	struct admin_rates *rates;			   /* of requests */
	struct metrics_set *counts;			   /* count.h */
	struct admin_work *work;
	struct admin_links *links; /* setup.h */
	struct admin_events *events;

	struct arena *arena; /* of the settings below */
	struct model_node node;
	struct runtime_certificate *certificates;
	size_t certificate_count;
	struct cert_life *lives; /* of those with versions */
	size_t life_count;
	struct str roots;
	uid_t *administrators; /* beside node.administrators, by index */
	size_t administrator_count;
	struct arena *users_arena;
	struct admin_user *users;
	size_t user_count;

	/* What everybody may fetch (publish.h, challenge.h). */
	struct admin_publish *publish;
	struct admin_challenges *challenges; /* NULL: none */
	json_t *openapi;		     /* NULL: to be made */
	struct admin_page *sheets[4];	     /* by path; NULL: to be made */
	int64_t sheets_at;		     /* when the oldest of them was made, ticks */

	/* What monitoring may fetch (metrics.c). */
	struct admin_publish *monitor;
	struct {
		bool is_asking;
		int64_t made;			 /* ticks */
		struct admin_page *text, *ready; /* NULL: to be made */
	} metrics;

	struct policy_snapshot *snapshot; /* NULL: none yet */
	struct arena *building_arena;	  /* while a configuration comes in */
	struct model_config building;
};

/* The life of a certificate; NULL: it has no versions, or is not there. */
const struct cert_life *admin_life(const struct admin *admin, const char *name);

/* ---- routing (routes.c) ---------------------------------------------------------------------- */

/* What may be done with messages in the queue: the words of POST /v1/queue/{action}. */
extern const char *const admin_queue_actions[];

enum admin_match { ADMIN_NO_PATH, ADMIN_NO_METHOD, ADMIN_FOUND };
/* PATH is still percent-encoded; the decoded segments live in ARENA. */
enum admin_match admin_match_route(enum evhttp_cmd_type method, const char *path,
	struct arena *arena, const struct admin_route **ret_route,
	const char *ret_segments[ADMIN_MAX_SEGMENTS], size_t *ret_count);

/* ---- who may (who.c) ------------------------------------------------------------------------- */

/* Manages the installation: root, the server's own user, administrators of the node file. */
bool admin_is_allowed(const struct admin *admin, uid_t uid);
/* The organisations that name this user as an administrator; false: none. */
bool admin_organisations_of(
	const struct admin *admin, uid_t uid, struct arena *arena, struct record_texts *ret);
/* User name, or number. */
const char *admin_actor(const struct admin *admin, uid_t uid, struct arena *arena);
/* Have the names of organisations' administrators looked up: after every new configuration. */
void admin_users_ask(struct admin *admin);
/* False: it was another question. */
bool admin_users_answered(struct admin *admin, int64_t tag, const json_t *result);

/* May the one who asks go on to the route's handler?  False: answered. */
bool admin_may(struct admin_call *call);
/* Is the organisation one that the asking one manages?  NULL is nobody's. */
bool admin_manages(const struct admin_call *call, const char *organisation);
/* The organisation that an object of this key belongs to; NULL: none. */
const char *admin_owner(const struct admin_call *call, enum model_kind kind, const char *key);
/* The configuration as far as the one who asks sees it: nothing of others can get into an answer
 * that is worked out of it.  NULL: none yet. */
struct policy_snapshot *admin_view(struct admin_call *call);
/* May the one who asks see this object? */
bool admin_sees(const struct admin_call *call, enum model_kind kind, const void *object);

/* ---- calls (call.c, answer.c, ask.c) --------------------------------------------------------- */

/* A question of the server's own, asked by nobody; it ends as others do. */
struct admin_call *admin_call_own(struct admin *admin);
/* evhttp's callback for every request. */
void admin_on_request(struct evhttp_request *request, void *admin);

/* A header of the answer to come. */
void admin_header(struct admin_call *call, const char *name, const char *value);
/* End the call. JSON is taken; ETAG may be NULL. */
void admin_reply(struct admin_call *call, int status, json_t *json, const char *etag);
/* End the call with something else than JSON. */
void admin_reply_text(struct admin_call *call, const char *type, struct str text);
void admin_problem(struct admin_call *call, int status, const char *format, ...) PRINTF_LIKE(3, 4);
/* End the call with a file of the admin center; is_known: the client has it. */
void admin_reply_asset(struct admin_call *call, const struct admin_asset *asset, bool is_known);
/* The same with the stable word for programs and the place in the body or the query.  CODE NULL:
 * the status's own.  FIELD NULL: as the text says, if it begins with a place ("inbound.cost: ..."),
 * be it that of the object changed ("connector a/b: inbound.cost: ..."). */
void admin_problem_at(struct admin_call *call, int status, const char *code, const char *field,
	const char *format, ...) PRINTF_LIKE(5, 6);
/* The problem that an error of another process amounts to; RESULT may hold {"detail": ...} and
 * {"field": ...}. */
void admin_problem_of(struct admin_call *call, enum err e, const json_t *result);
int admin_status_of(enum err e);

/* The place in the call's body or query that a problem names, and what it says of it; NULL: none
 * (place.c). */
const char *admin_place_of(struct admin_call *call, const char *detail, const char **ret_why);
/* Refuse a request of which no call was made. */
void admin_refuse(
	struct admin *admin, struct evhttp_request *request, int status, const char *detail);

/* The call is over, whoever was told. */
void admin_end(struct admin_call *call);

/* ---- answers line by line (stream.c) --------------------------------------------------------- */

enum { ADMIN_STREAM_S = 400 }; /* such an answer may take that long */

/* application/x-ndjson: 200, then one object a line as it comes.  GONE is called when the client
 * goes before the end; it must end the call.  A problem after this is told as a last line
 * {"step": "summary", "result": "failed", "text": ...}. */
void admin_stream_begin(struct admin_call *call, void (*gone)(struct admin_call *call));
/* JSON is taken. */
void admin_stream_line(struct admin_call *call, json_t *json);
void admin_stream_end(struct admin_call *call);

/* Ask the spool, or the supervisor; the call ends with 503 when it is away or silent.  ARGUMENTS
 * is taken. */
void admin_ask_spool(
	struct admin_call *call, const char *verb, json_t *arguments, admin_answered *answered);
/* Tell the spool something; whatever it answers goes nowhere.  ARGUMENTS is taken. */
void admin_tell_spool(struct admin_call *call, const char *verb, json_t *arguments);
void admin_ask_supervisor(struct admin_call *call, json_t *question, admin_answered *answered);
/* An answer has come; an unknown tag is a call that has ended. */
void admin_answer(
	struct admin *admin, int64_t tag, bool supervisor, enum err e, const json_t *result);
/* The spool has gone: end what waits for its answer. */
void admin_spool_gone(struct admin *admin);
/* The spool is there (again): ask what could not be asked. */
void admin_spool_came(struct admin *admin);

/* Go on when there is a snapshot: at once, or after the spool has come. */
void admin_with_snapshot(struct admin_call *call, void (*go)(struct admin_call *call));

/* A query parameter; NULL when absent. */
const char *admin_query(const struct admin_call *call, const char *key);
/* A body that is a JSON object; else the call has ended with 400 and false is returned. */
bool admin_needs_object(struct admin_call *call);

/* RESULT of a dry run of CHANGES with "findings": what lint says of what they are about, and what
 * it would say that it does not say now ("is_new").  New reference. */
json_t *admin_with_findings(struct admin_call *call, const json_t *changes, const json_t *result);

/* Whether the trust anchors of every connector in a configuration can be used; the message names
 * the place.  What is malformed otherwise is left to others. */
enum err admin_check_trust(const json_t *config, struct err_info *info);

/* ---- trying out connectors (probe*.c) -------------------------------------------------------- */

/* One that delivers, and its channel. */
struct admin_deliver;
void admin_deliver_came(struct admin *admin, unsigned index, int fd);
void admin_deliver_free_all(struct admin *admin);
/* Another one at each time, so that they share the work; NULL: none is there. */
struct admin_deliver *admin_deliver_choose(struct admin *admin);
void admin_deliver_send(struct admin_deliver *deliver, enum wire_type type, const void *record);

/* A test under way: what is told is kept for the history. */
struct admin_probe {
	int64_t tag; /* 0: the deliver process does not work on it */
	struct admin_deliver *deliver;
	const char *direction; /* "inbound", "outbound" */
	int64_t at_ms;
	json_t *steps;
	bool sends; /* --send: a message follows when all is well */
	const char *sender, *recipient;
	/* of that message */
	const char *message; /* id */
	size_t events_seen;
	int64_t deadline_ticks;
};
/* Tell a step and keep it; JSON is taken. */
void admin_probe_step(struct admin_call *call, json_t *step);
/* One of our own making; texts may be NULL. */
json_t *admin_probe_make(const char *step, bool is_ok, const char *expected, const char *presented,
	const char *text, const char *remedy);
/* Tell the summary, keep the whole, and end the call. */
void admin_probe_finish(struct admin_call *call, bool is_ok, const char *text);
/* Send a test message by the connector and follow it to its end. */
void admin_probe_send(struct admin_call *call);
/* Would this connector be chosen for mail that comes in, and would the mail pass? */
void admin_probe_inbound(struct admin_call *call);

/* The peer that a question states: ip, tls, cert_pem.  False: answered. */
bool admin_read_peer(struct admin_call *call, struct policy_peer *peer);
/* Does it lie with other organisations than those of who asks what becomes of mail FROM, TO?  Then
 * nothing may be answered that depends on what those have configured; OWN is what hers say.  Not so
 * for mail of her own servers: these hear the same. */
bool admin_is_for_others(const struct admin_call *call, const char *from, const char *to,
	const struct policy_inbound *own);

/* ---- what is published (published.c) ----------------------------------------------------------
 */

/* What everybody finds at PATH, held for the caller; NULL: nothing.  CONTEXT is a struct admin. */
struct admin_page *admin_published(void *context, struct str path, bool *ret_later);
/* Something has changed of what is shown there. */
void admin_published_forget(struct admin *admin);

/* ---- monitoring (metrics.c) -------------------------------------------------------------------
 */

void admin_get_metrics(struct admin_call *call);
void admin_get_health(struct admin_call *call), admin_get_ready(struct admin_call *call);
/* The same on metrics.listen; an admin_page_find. */
struct admin_page *admin_metrics_page(void *context, struct str path, bool *ret_later);
/* False: it was another question. */
bool admin_metrics_answered(struct admin *admin, int64_t tag, const json_t *result);
void admin_metrics_free(struct admin *admin);

/* ---- certificates (certificates.c, rollover.c) ----------------------------------------------- */

/* What uses the certificate of that name: ["listener mx", "connector a/b"].  New reference. */
json_t *admin_uses_of(struct admin_call *call, const char *name);
/* Does it present the certificate of that name? */
bool admin_listener_uses(const struct model_listener *listener, const char *name);

/* ---- handlers -------------------------------------------------------------------------------- */

void admin_get_config(struct admin_call *call), admin_put_config(struct admin_call *call);
void admin_list_objects(struct admin_call *call), admin_add_object(struct admin_call *call);
void admin_change_objects(struct admin_call *call);
void admin_get_object(struct admin_call *call), admin_put_object(struct admin_call *call);
void admin_patch_object(struct admin_call *call), admin_delete_object(struct admin_call *call);
void admin_get_queue(struct admin_call *call), admin_get_queue_item(struct admin_call *call);
void admin_get_queue_summary(struct admin_call *call), admin_act_on_queue(struct admin_call *call);
void admin_get_trace(struct admin_call *call), admin_get_trace_item(struct admin_call *call);
/* Search the trace and answer in the format asked for; ARGUMENTS is taken. */
void admin_ask_trace(struct admin_call *call, json_t *arguments);
void admin_get_reports(struct admin_call *call), admin_get_report(struct admin_call *call);
void admin_get_evidence(struct admin_call *call);
void admin_get_hosts(struct admin_call *call), admin_forget_host(struct admin_call *call);
void admin_get_openapi(struct admin_call *call);
void admin_get_status(struct admin_call *call), admin_reload(struct admin_call *call);
void admin_get_certificates(struct admin_call *call), admin_get_routes(struct admin_call *call);
void admin_explain_certificate(struct admin_call *call);
void admin_get_acceptance(struct admin_call *call);
void admin_get_rollover_plan(struct admin_call *call), admin_rollover(struct admin_call *call);
void admin_issue(struct admin_call *call), admin_get_requests(struct admin_call *call);
void admin_drop_request(struct admin_call *call);
void admin_get_challenges(struct admin_call *call), admin_add_challenge(struct admin_call *call);
void admin_remove_challenge(struct admin_call *call);
void admin_explain(struct admin_call *call), admin_get_lint(struct admin_call *call);
void admin_get_partner_kit(struct admin_call *call), admin_get_sheet(struct admin_call *call);
void admin_import_partner_kit(struct admin_call *call);
void admin_get_readiness(struct admin_call *call), admin_get_alarms(struct admin_call *call);
void admin_acknowledge_alarm(struct admin_call *call);
void admin_get_chains(struct admin_call *call), admin_get_chain(struct admin_call *call);
void admin_accept_chain(struct admin_call *call), admin_test_alerts(struct admin_call *call);
void admin_get_protection(struct admin_call *call),
	admin_forget_protection(struct admin_call *call);
void admin_get_backups(struct admin_call *call), admin_begin_backup(struct admin_call *call);
void admin_get_backup(struct admin_call *call), admin_remove_backup(struct admin_call *call);
void admin_test_connector(struct admin_call *call), admin_get_tests(struct admin_call *call),
	admin_get_last_tests(struct admin_call *call);
void admin_get_asset(struct admin_call *call);

#endif
