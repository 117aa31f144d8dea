/* Inside of a task: one group of recipients on its way, shared by the task_*.c files only. */
#ifndef SEALPOST_PROCESS_DELIVER_TASK_H
#define SEALPOST_PROCESS_DELIVER_TASK_H

#include "process/deliver/content.h"
#include "process/deliver/standing.h"
#include "process/deliver/way.h"

struct deliver_task {
	struct deliver *self;
	struct deliver_job *job;
	const struct deliver_group *group;
	const struct policy_outbound *route;
	struct arena *arena; /* of the job */
	struct deliver_slot slot;
	bool begun; /* has held a slot, or written a file */
	bool over;
	bool lmtp;

	/* where to: hosts, then the addresses of one host, then the rungs of the ladder */
	struct deliver_resolve *resolve;
	struct deliver_target targets[DELIVER_MAX_HOSTS];
	size_t target_count, target_at;
	struct deliver_address addresses[DELIVER_MAX_ADDRESSES];
	size_t address_count, address_at;
	size_t tries;
	enum receipt_attempt attempt;
	const char *climbed; /* why this rung was stepped on in this task; NULL: it was not */

	struct deliver_link *link;
	bool link_ready, link_reused;
	int64_t began_ticks; /* of the connection, or of its reuse */
	struct deliver_verdict best;
	struct deliver_standing standing; /* while the connection waits to know */

	/* the transaction under way */
	struct smtp_client_transaction mail;
	size_t *members; /* indexes into the job's recipients, as mail.recipients */
	struct deliver_content content;
	bool in_mail, past_end;
	struct policy_check check;
	struct cert_facts *certificate;
	int verdict; /* enum cert_verdict */
	const char *verdict_detail;
	const char *revocation; /* for the receipt; NULL: not looked at */

	/* the Maildir file under way */
	struct deliver_mailfile *file;
	size_t file_at;
	bool file_busy, file_last;
};

/* task.c */
void deliver_task_next_target(struct deliver_task *task);
void deliver_task_same_target(struct deliver_task *task);
void deliver_task_next_address(struct deliver_task *task);
/* Nothing is left to try, or all is done. */
void deliver_task_over(struct deliver_task *task);
/* Keep the heaviest verdict; texts are copied. */
void deliver_task_blame(struct deliver_task *task, const struct deliver_verdict *verdict);
bool deliver_task_has_pending(const struct deliver_task *task);
const struct deliver_target *deliver_task_target(const struct deliver_task *task);
void deliver_task_log(struct deliver_task *task, const struct deliver_verdict *verdict, size_t n);

/* task_link.c: events of the connection, the ladder, receipts */
extern const struct deliver_link_owner deliver_task_link_owner;
void deliver_task_connect(struct deliver_task *task, const struct deliver_address *address);
void deliver_task_ready(struct deliver_task *task);
/* Receipt of this connection with what was required and what came of it; returns its index. */
int64_t deliver_task_receipt(struct deliver_task *task, const struct policy_check *check,
	const char *token, const char *reason, const char *reply);
/* Facts for policy about the connection as it stands. */
void deliver_task_hop(struct deliver_task *task, struct policy_hop *ret);

/* chain.c: tell the spool what the next hop has presented, if it does not know. */
void deliver_task_tell_chain(struct deliver_task *task);

/* task_key.c */
/* "a, b"; NULL for none. */
const char *deliver_task_joined(struct arena *arena, const struct record_texts *names);
const char *deliver_task_link_key(struct deliver_task *task, const struct deliver_target *target);
const char *deliver_task_cache_key(struct deliver_task *task, const struct deliver_target *target);
/* What is known of the destination's TLS, for the gate. */
struct deliver_past deliver_task_past(const struct deliver_task *task);
/* The verdict on recipients whose demand is not met, by an outcome of policy: they wait, or fail at
 * once where the route says so.  TEXT NULL: the outcome's own. */
void deliver_task_unmet(struct deliver_task *task, enum policy_outcome outcome, const char *text,
	struct deliver_verdict *ret);

/* task_mail.c: transactions */
void deliver_task_mail_begin(struct deliver_task *task);
void deliver_task_mail_done(struct deliver_task *task);
bool deliver_task_mail_content(
	struct deliver_task *task, size_t max, struct str *ret_bytes, bool *ret_last);

/* task_local.c: Maildir */
void deliver_task_local_start(struct deliver_task *task);
void deliver_task_local_body(struct deliver_task *task);

#endif
