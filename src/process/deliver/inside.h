/* Inside of the delivering process, shared by its source files only. */
#ifndef SEALPOST_PROCESS_DELIVER_INSIDE_H
#define SEALPOST_PROCESS_DELIVER_INSIDE_H

#include "base/map.h"
#include "core/cert/refusals.h"
#include "core/metrics/set.h"
#include "core/policy/policy.h"
#include "port/dns/dns.h"
#include "port/inquiry/inquiry.h"
#include "port/runtime/runtime.h"
#include "process/deliver/body.h"
#include "process/deliver/gate.h"
#include "process/deliver/link.h"
#include "process/deliver/maildir.h"
#include "process/deliver/memory.h"
#include "process/deliver/pool.h"
#include "process/deliver/resolve.h"
#include "process/deliver/slots.h"

enum {
	/* Taken from the spool at once.  Most may be waiting for slow name servers and hosts, and
	 * must not keep the others from their turn. */
	DELIVER_JOBS = 1000,
	DELIVER_RECEIPTS = 64,	 /* of one job */
	DELIVER_TRIES = 12,	 /* connections for one route in one attempt */
	DELIVER_SESSIONS = 2000, /* TLS sessions kept for resumption */
};

/* A configuration that jobs hold on to while a newer one may have come. */
struct deliver_config {
	struct policy_snapshot *snapshot;
	unsigned references;
};

/* Recipients of a job that go the same way. */
struct deliver_group {
	struct policy_outbound route;
	size_t *members; /* indexes into the job's recipients */
	size_t count;
};

struct deliver_job;
struct deliver_task;
struct deliver_probe;
struct deliver_survey;

struct deliver {
	struct runtime *runtime;
	struct event_base *base;
	struct arena *arena; /* of the settings */
	struct model_node *node;
	const char *hostname;
	struct tls_signer *signer;
	struct tls_context *tls;
	struct tls_present *present; /* chains that the spool knows of */
	struct tls_trust *trust;
	struct dns *dns;
	struct ipc *lookup; /* NULL: away */
	struct inquiry *inquiry;
	struct ipc *spool;
	struct ipc *admin; /* NULL: away */
	struct deliver_probe *probes;
	size_t probe_count;
	struct deliver_survey *surveys;
	size_t survey_count;
	struct deliver_config_reader *reader;
	struct deliver_config *config; /* the newest; NULL before the first */
	struct deliver_memory *memory;
	const struct cert_life *lives; /* of certificates with more than one living version */
	size_t life_count;
	struct cert_refusals *refusals;
	struct deliver_pool *pool;
	struct deliver_slots *slots;
	struct deliver_maildir *maildir;
	struct deliver_job *jobs;
	size_t job_count;
	struct deliver_kept *kept; /* outcomes that no spool has heard yet */
	bool started, draining;
	struct {
		int64_t jobs, delivered, deferred, failed, connections, tls, clear, reused,
			unreachable, handshakes_failed, gate_refusals;
		int64_t unmet[POLICY_OUTCOME_MAX]; /* hosts that did not meet a demand, by why */
	} counters;
	struct metrics_set *metrics; /* NULL in tests */
};

/* What came of recipients that share it. */
struct deliver_verdict {
	enum wire_result result;
	const char *token;
	const char *enhanced;
	const char *text;
	const char *host;
	int64_t receipt; /* index, -1: none */
	int weight;	 /* the heaviest one is told when nothing could be sent */
};

enum { DELIVER_WEIGHT_NONE, DELIVER_WEIGHT_CONNECT, DELIVER_WEIGHT_REPLY, DELIVER_WEIGHT_POLICY };

struct deliver_job {
	struct deliver *self;
	struct deliver_job *next, **place; /* in self->jobs */
	struct arena *arena;
	struct wire_job wire;
	struct deliver_config *config;
	struct wire_recipient_outcome *outcomes;
	bool *settled;
	struct receipt *receipts;
	size_t receipt_count;
	struct deliver_body *body;
	struct deliver_group *groups;
	size_t group_count, group_at;
	struct deliver_task *task; /* the group under way */
	struct event *step;	   /* to the next group, from the loop */
	bool is_orphan;		   /* the spool that gave it is gone */
	bool is_reported;	   /* an orphan that the spool of now knows of */
	bool any_reached, any_unreachable;
};

/* job.c */
void deliver_job_begin(struct deliver *self, const struct wire_job *wire);
struct deliver_job *deliver_job_find(struct deliver *self, int64_t id);
/* The spool no longer wants it; what has begun is finished. */
void deliver_job_cancel(struct deliver_job *job);
/* The spool is gone: keep only what the next hop may have taken already. */
void deliver_job_orphan(struct deliver_job *job);
/* Tell the spool of now which recipients of an orphan are still under way. */
void deliver_job_report(struct deliver_job *job);
/* The configuration has changed since the job's routes were worked out by it. */
bool deliver_job_is_outdated(const struct deliver_job *job);
/* Nothing more goes by these routes: the spool gives the rest out anew. */
void deliver_job_outdate(struct deliver_job *job);
void deliver_job_free(struct deliver_job **job);
void deliver_job_settle(
	struct deliver_job *job, size_t member, const struct deliver_verdict *verdict);
/* Copy a receipt; returns its index. */
int64_t deliver_job_receipt(struct deliver_job *job, const struct receipt *receipt);
/* The task has ended; every member that is not settled gets VERDICT. */
void deliver_job_task_over(struct deliver_job *job, const struct deliver_verdict *verdict);

/* task.c: one group on its way */
struct deliver_task *deliver_task_new(
	struct deliver_job *job, const struct deliver_group *group) MUST_USE;
void deliver_task_start(struct deliver_task *task);
void deliver_task_free(struct deliver_task **task);
/* More content may be there. */
void deliver_task_body_came(struct deliver_task *task);
bool deliver_task_has_begun(const struct deliver_task *task);
/* Was the end of the content handed over, so that the message may have been taken? */
bool deliver_task_is_past_end(const struct deliver_task *task);

/* count.c */
void deliver_count_handshake(struct deliver *self, const struct deliver_link *link);
void deliver_count_handshake_failed(struct deliver *self, const struct deliver_link *link);
/* A transaction begins: CHECK says how it is protected. */
void deliver_count_sent(struct deliver *self, const struct policy_snapshot *snapshot,
	const struct policy_outbound *route, const struct policy_check *check);
/* A host does not meet a demand. */
void deliver_count_unmet(struct deliver *self, enum policy_outcome outcome);
/* For `sealpost status` and /metrics; new reference. */
json_t *deliver_count_json(const struct deliver *self);

/* process.c */
void deliver_send(struct deliver *self, enum wire_type type, const void *record);
/* To the spool, or kept until there is one. */
void deliver_send_outcome(struct deliver *self, const struct wire_outcome *outcome);
void deliver_remember(struct deliver *self, const struct wire_host *host);
/* The anchors of a route; NULL: unusable. */
const struct tls_anchors *deliver_anchors(
	struct deliver *self, const struct policy_profile *profile);
void deliver_check_drained(struct deliver *self);
void deliver_config_release(struct deliver_config **config);

#endif
