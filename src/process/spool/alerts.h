/*
 * Internal to the spool: who is told of alarms.
 *
 *   alerts.c       looks for new alarms; the log; gathers what goes by mail
 *   alerts_mail.c  a digest as a message of the queue
 *   webhook.c      one signed request for each alarm, by way of lookup
 *   webhook_events.c  batches of the trace's events, in the same way
 *   expiry.c       alarms about certificates that end soon, ours and partners'
 *   rollover.c     what planned rollovers would break: for expiry.c, and for the supervisor
 *
 * Each way of telling has its own place in the row of alarms (port/store/alert.h) and moves on when
 * it has told: what was not told when the process ended is told by the next one.
 */
#ifndef SEALPOST_PROCESS_SPOOL_ALERTS_H
#define SEALPOST_PROCESS_SPOOL_ALERTS_H

#include "core/cert/life.h"
#include "core/policy/rollover.h"
#include "port/store/alert.h"
#include "process/spool/state.h"

enum {
	SPOOL_ALERTS_LOOK_MS = 30 * 1000, /* when nothing is known to have happened */
	SPOOL_ALERTS_SOON_MS = 5 * 1000,  /* so long after an event it is looked every second */
	SPOOL_ALERTS_GATHER_MS = 10 * 1000,
	SPOOL_ALERTS_MAIL_MS = 10 * 60 * 1000, /* between two digests */
	SPOOL_ALERTS_SHOWN = 100,	       /* alarms in one digest; of the others the number */
	SPOOL_WEBHOOK_WAIT_MS = 60 * 1000,     /* for an answer */
	SPOOL_WEBHOOK_TEST_MS = 15 * 1000,     /* the same, of a test */
	SPOOL_WEBHOOK_UNWRITTEN_MS = 5 * 60 * 1000, /* what was told could not be written */
	SPOOL_WEBHOOK_GIVE_UP_MS = 24 * 60 * 60 * 1000,
};

/* A certificate of the node file, which has no life. */
struct spool_own_certificate {
	const char *name;
	int64_t not_after_ms;
};

/* A certificate of a version that lives. */
struct spool_version {
	const char *name, *version;
	int state;	  /* enum cert_state */
	struct str chain; /* PEM */
	bool is_listened; /* listeners present it */
};

/* A dated advance that a partner's checks do not pass. */
struct spool_break {
	const struct cert_life *life;
	const char *version; /* the next one */
	struct policy_finding finding;
};

/* A request under way, or waiting for its time. */
struct spool_webhook {
	bool waits;	  /* there are alarms to tell */
	bool reading;	  /* them */
	int64_t tag;	  /* of the request under way; 0: none */
	int64_t id;	  /* of its alarm */
	int64_t number;	  /* of what it tells (port/store/alert.h) */
	int64_t began;	  /* ticks: when it was tried first */
	int64_t until;	  /* ticks: then it has failed */
	int64_t next;	  /* ticks: not before */
	int64_t failures; /* in a row */
	/* A test: it has a tag of its own, and somebody waits for the answer. */
	int64_t test_tag, test_until;
	struct spool_request *test;
};

/* A batch of events, likewise. */
struct spool_webhook_events {
	bool is_forgotten; /* nobody wants to know, and the place is gone */
	bool reading;	   /* them, or writing that they were told */
	int64_t tag;	   /* of the request under way; 0: none */
	size_t count;	   /* of its events */
	int64_t last;	   /* number of the last one */
	int64_t upto;	   /* the place behind it */
	int64_t skipped, logged_skipped;
	int64_t began, until, next, failures; /* as of an alarm */
};

struct spool_alerts {
	struct arena *arena; /* of the settings */
	const char *mail, *webhook;
	struct str secret;
	struct record_numbers before_expiry;
	struct record_texts events;
	struct cert_life *lives;
	size_t life_count;
	struct spool_own_certificate *own;
	size_t own_count;
	struct spool_version *versions;
	size_t version_count;
	struct str roots; /* PEM of the system's */
	/* rollover.c */
	struct arena *break_arena;
	struct spool_break *breaks;
	size_t break_count;
	bool breaks_are_known; /* for these settings and this configuration */
	/* looking; ticks */
	int64_t next_look, soon_until;
	bool looking;
	int64_t logged; /* number of the last one, whether that could be written or not */
	/* mail; ticks */
	bool mail_waits, mailing;
	int64_t next_mail;
	struct spool_webhook hook;
	struct spool_webhook_events hook_events;
	/* expiry; ticks */
	int64_t next_expiry;
	bool expiring;
	int64_t partners_end_ms; /* when the first certificate of partners ends; 0: none soon */
	int64_t last_tag;
};

/* alerts.c */
struct spool_alerts *spool_alerts_new(void) MUST_USE;
/* Does anybody get mail about alarms? */
bool spool_alerts_has_mail(const struct spool *spool);

/* alerts_mail.c */
/* Write the digests about ALARMS, one for each mailbox; DONE when they are in the queue, or not.
 * *ret_count (may be NULL): how many there are; with none DONE is not called. */
void spool_alerts_send(struct spool *spool, const struct store_alarm *alarms, size_t count,
	store_done *done, void *context, size_t *ret_count);
/* As the webhook gets it; new reference. */
json_t *spool_alerts_json(const struct spool *spool, const struct store_alarm *alarm);

/* rollover.c */
/* Find out what would break, if settings or configuration are new, and tell the supervisor. */
void spool_rollover_look(struct spool *spool);

/* webhook.c */
void spool_webhook_tick(struct spool *spool);
/* Sign and post it; takes JSON.  PREFIX and NUMBER tell the receiver what it has had before.  The
 * tag of the request under way; 0: there is nobody to make it. */
int64_t spool_webhook_post(struct spool *spool, json_t *json, const char *prefix, int64_t number);
/* How long after so many failures in a row. */
int64_t spool_webhook_pause(int64_t failures);
/* Post this one now, for somebody who waits; it answers the request. */
void spool_webhook_test(
	struct spool *spool, const struct store_alarm *alarm, struct spool_request *request);

/* webhook_events.c */
/* False: it is not an answer to a batch. */
bool spool_webhook_events_posted(struct spool *spool, const struct wire_posted *posted);
void spool_webhook_events_lost(struct spool *spool);

/* expiry.c */
void spool_expiry_tick(struct spool *spool);

#endif
