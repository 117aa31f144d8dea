/*
 * Internal to process/supervise: the supervisor and its children.
 *
 * A child goes through
 *
 *     WAITING --spawn--> STARTING --applied--> READY --all peers ready--> WORKING
 *        ^                   |                   |                          |
 *        +----- ended, after a pause that doubles from 0.1 s to 30 s -------+
 *
 * and ends as ENDED when the supervisor drains.  Channels to its peers are made when it gets READY,
 * to each peer that is READY or WORKING.
 */
#ifndef SEALPOST_PROCESS_SUPERVISE_STATE_H
#define SEALPOST_PROCESS_SUPERVISE_STATE_H

#include "core/cert/step.h"
#include "port/log/log.h"
#include "port/runtime/control.h"
#include "port/runtime/runtime.h"
#include "port/vault/vault.h"
#include "process/supervise/settings.h"

enum supervise_child_state {
	SUPERVISE_CHILD_WAITING,
	SUPERVISE_CHILD_STARTING,
	SUPERVISE_CHILD_READY,
	SUPERVISE_CHILD_WORKING,
	SUPERVISE_CHILD_ENDED,
};

struct supervise;

struct supervise_child {
	struct supervise *supervise;
	enum runtime_role role;
	unsigned index;
	enum supervise_child_state state;
	pid_t pid;
	struct runtime_control *control; /* NULL: the channel has ended */
	struct event *timer; /* until the next start; or until one that is silent is killed */
	int64_t spawned;     /* ticks */
	int64_t pause_ms;    /* before the next start */
	int64_t restarts;
	int64_t settings;    /* number of those it was sent last */
	bool is_awaited;     /* by a reload */
	bool has_statistics; /* for the request under way */
	json_t *statistics;
};

struct supervise_reload {
	struct supervise_settings *next; /* NULL: none under way */
	struct event *timer;
	bool failed;
	char reason[512]; /* why the last one failed; "" */
	int64_t at_ms;	  /* when the last one ended */
	int64_t *tags;	  /* questions to answer */
	size_t tag_count;
	bool is_again; /* once more, after the one that is under way, for: */
	int64_t *later;
	size_t later_count;
};

struct supervise_pause {
	char *name;
	int64_t until; /* ticks */
};

/* A step in the life of a certificate that is under way: it is on disk, and the settings with it
 * are on their way. */
struct supervise_rollover {
	json_t *partners;    /* what the spool says of them; NULL: nothing yet */
	struct event *timer; /* looks at what is due */
	struct vault *vault; /* locked; NULL: none is under way */
	struct arena *arena; /* of: */
	struct cert_life before, after;
	struct cert_step step;
	const char *what; /* its word in the log */
	json_t *told;	  /* goes into the answer; NULL: nothing */
	bool is_on_disk;  /* the life after it; else it is still being made ready (issue.c) */
	bool has_request; /* the request with its key is over with it */
	const char *actor;
	int64_t tag; /* of the question to answer; -1: by date */
	/* Certificates of which a step by date failed. */
	struct supervise_pause *pauses;
	size_t pause_count;
	bool has_to_sweep; /* keys of retired versions, as soon as nobody is starting */
	char *said;	   /* what waits, as logged last */
	/* Steps of administrators that wait for another change to end, in the order asked. */
	struct supervise_asked *asked;
};

struct supervise_asked {
	struct supervise_asked *next;
	json_t *question;
	int64_t tag;
	int64_t until; /* ticks; then it is refused */
};

/* The process that carries out an order about a certificate (process/certify). */
struct supervise_issue {
	pid_t pid;	      /* 0: none runs */
	int fd;		      /* its result; -1: all of it has come */
	struct event *reader; /* of fd */
	struct event *timer;  /* kills it when it takes too long */
	struct buf result;
	int64_t spawned; /* ticks */
	bool is_over;	 /* its result waits for the end of a reload of others */
	bool is_late;
};

struct supervise_status {
	bool is_gathering;
	struct event *timer;
	int64_t tags[64];
	size_t tag_count;
};

struct supervise {
	struct event_base *base;
	const char *node_file;
	struct supervise_settings *settings;
	int lock_fd, socket_fd, web_socket_fd, addresses_fd;
	unsigned char ticket_key[80];
	struct supervise_child *children;
	size_t child_count;
	struct event *signals[5];
	struct event *ticket_timer, *watchdog_timer, *admin_timer;
	int64_t started; /* ticks */
	int64_t next_number;
	bool is_ready; /* all were WORKING once */
	struct supervise_reload reload;
	struct supervise_rollover rollover;
	struct supervise_issue issue;
	struct supervise_status status;
	int drain_stage; /* -1: not draining */
	struct event *drain_timer;
	int exit_status;
};

enum log_level supervise_log_level(const struct model_node *node);

/* ---- children.c ------------------------------------------------------------------------------ */

void supervise_children_new(struct supervise *s);
void supervise_children_free(struct supervise *s);
/* Start one; a failure is logged and tried again later. */
void supervise_child_spawn(struct supervise_child *child);
/* In a process that was forked to become another program: nothing of the service manager's is its
 * own. */
void supervise_child_forget_environment(void);
/* Collect those that ended (SIGCHLD). */
void supervise_children_reap(struct supervise *s);
/* SETTINGS as far as the child's row says. */
void supervise_child_configure(
	struct supervise_child *child, const struct supervise_settings *settings);
/* START those whose peers are all ready. */
void supervise_children_start(struct supervise *s);
void supervise_child_send(struct supervise_child *child, enum runtime_control_type type,
	int64_t tag, struct str data);
bool supervise_child_is_live(const struct supervise_child *child);
const char *supervise_child_name(const struct supervise_child *child, char ret[32]);

/* ---- reload.c ---------------------------------------------------------------------------------
 */

/* TAG: of the question to answer; -1: a signal. */
void supervise_reload_begin(struct supervise *s, int64_t tag);
/* CHILD has (not) taken settings, or has ended. */
void supervise_reload_applied(
	struct supervise_child *child, int64_t number, enum err e, struct str reason);
/* The server ends: whatever is under way comes to nothing. */
void supervise_reload_abandon(struct supervise *s);
void supervise_reload_free(struct supervise *s);

/* ---- rollover.c: the lives of certificates ----------------------------------------------------
 */

/* Looks at what is due by date, from now on. */
void supervise_rollover_new(struct supervise *s);
void supervise_rollover_free(struct supervise *s);
/* {"verb": "rollover", "name", "step": struct cert_step, "actor"}: answered when it is in force, or
 * {"ok": false}.  The verbs of issue.c come this way, too.  One waits for the other. */
void supervise_rollover_ask(struct supervise *s, int64_t tag, const json_t *question);
/* The spool has looked what next versions mean for partners: {"items": [struct cert_hold, ...]}. */
void supervise_rollover_partners(struct supervise *s, struct str data);
/* A reload has ended; REASON "": well. */
void supervise_rollover_reloaded(struct supervise *s, const char *reason);

/* For issue.c.  The right to change the lives, for the certificate NAME.  ERR_BUSY: somebody else
 * has it; any other error was answered. */
enum err supervise_rollover_open(
	struct supervise *s, int64_t tag, const char *name, const char *what, const char *actor);
/* It comes to nothing: answers with why.  CODE: token of an enum err, NULL: none. */
void supervise_rollover_fail(struct supervise *s, const char *code, const char *why);
/* The life AFTER, whose files are there: written, and brought to all processes.  TOLD (taken) goes
 * into the answer. */
void supervise_rollover_take(struct supervise *s, const struct cert_life *after, json_t *told);
/* Nothing of a life has changed: answers with TOLD (taken). */
void supervise_rollover_close(struct supervise *s, json_t *told);

/* ---- issue.c: new keys, requests, and what comes of them --------------------------------------
 */

/* {"verb": "issue", "order": struct issue_order, "actor"}: answered when it is on disk and in
 * force, with what process/certify tells, or {"ok": false, "code", "error"}.  {"verb":
 * "request.drop", "name", "actor"}: the open request is dropped, its key destroyed.  ERR_BUSY: not
 * now, and not answered. */
enum err supervise_issue_take(struct supervise *s, int64_t tag, const json_t *question);
/* {"items": [{"name", "at_ms", "request": PEM}]} */
void supervise_issue_list(struct supervise *s, int64_t tag);
/* A process has ended. */
void supervise_issue_reaped(struct supervise *s, pid_t pid, int status);
/* A reload of others has ended. */
void supervise_issue_go_on(struct supervise *s);
/* The server ends. */
void supervise_issue_abandon(struct supervise *s);
void supervise_issue_free(struct supervise *s);

/* ---- answer.c: questions of the admin process -------------------------------------------------
 */

void supervise_answer_question(struct supervise_child *child, int64_t tag, struct str data);
void supervise_answer_statistics(struct supervise_child *child, struct str data);
/* CHILD will not answer any more. */
void supervise_answer_without(struct supervise_child *child);
/* Takes over JSON. */
void supervise_answer_send(struct supervise *s, int64_t tag, json_t *json);
void supervise_answer_free(struct supervise *s);

/* ---- drain.c ----------------------------------------------------------------------------------
 */

void supervise_drain_begin(struct supervise *s);
/* A child has ended while draining. */
void supervise_drain_go_on(struct supervise *s);

/* ---- notify.c: the service manager, if there is one -------------------------------------------
 */

void supervise_notify_ready(void);
void supervise_notify_reloading(void);
void supervise_notify_stopping(void);
void supervise_notify_status(const char *text);
/* Keep its watchdog content; NULL when it has none. */
struct event *supervise_notify_watchdog(struct event_base *base);

#endif
