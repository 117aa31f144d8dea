/* Transactions of a task: through the gate, with content from the spool, to outcomes. */
#include "process/deliver/task.h"

_Static_assert((int)SMTP_CLIENT_BINARYMIME == (int)WIRE_BODY_BINARYMIME, "body types agree");
_Static_assert((int)SMTP_CLIENT_RET_HEADERS == (int)WIRE_RET_HEADERS, "RET agrees");
_Static_assert((int)SMTP_CLIENT_DELAY == (int)WIRE_NOTIFY_DELAY, "NOTIFY agrees");

/* The next recipients that have no verdict yet. */
static void fill(struct deliver_task *task)
{
	const struct wire_job *wire = &task->job->wire;
	size_t limit = (size_t)task->self->node->queue.recipients_per_transaction;
	struct smtp_client_recipient *to;
	size_t n = 0;

	if (limit == 0 || limit > task->group->count)
		limit = task->group->count;
	to = arena_array(task->arena, limit + 1, sizeof(*to));
	task->members = arena_array(task->arena, limit + 1, sizeof(*task->members));
	for (size_t i = 0; i < task->group->count && n < limit; i++) {
		size_t member = task->group->members[i];
		const struct wire_recipient *r = &wire->recipients.items[member];

		if (task->job->settled[member])
			continue;
		task->members[n] = member;
		to[n++] = (struct smtp_client_recipient){
			.address = r->address,
			.original = r->original,
			.notify = (unsigned)r->notify,
		};
	}
	task->mail = (struct smtp_client_transaction){
		.sender = wire->sender != NULL ? wire->sender : "",
		.envelope_id = wire->envelope_id,
		.ret = (enum smtp_client_ret)wire->ret,
		.body = (enum smtp_client_body)wire->body,
		.smtputf8 = wire->smtputf8,
		.size = deliver_content_size(task->route, wire->size),
		.recipients = to,
		.count = n,
	};
}

static void refused_by_gate(struct deliver_task *task)
{
	struct deliver_verdict verdict;

	deliver_task_unmet(task, task->check.outcome, task->check.text, &verdict);
	verdict.receipt =
		deliver_task_receipt(task, &task->check, verdict.token, verdict.text, NULL);
	task->self->counters.gate_refusals++;
	deliver_task_blame(task, &verdict);
	deliver_task_log(task, &verdict, task->group->count);
	deliver_link_quit(&task->link);
	deliver_task_next_target(task);
}

void deliver_task_mail_begin(struct deliver_task *task)
{
	struct policy_hop hop;
	struct deliver_past past = deliver_task_past(task);
	struct deliver_gate gate = {
		.route = task->route,
		.hop = &hop,
		.past = &past,
		.is_tls = deliver_link_tls(task->link) != NULL,
		.arena = task->arena,
	};

	/* A requirement may be new: nothing begins by a decision of yesterday. */
	if (deliver_job_is_outdated(task->job)) {
		deliver_job_outdate(task->job);
		deliver_link_quit(&task->link);
		deliver_task_over(task);
		return;
	}
	fill(task);
	deliver_task_hop(task, &hop);
	deliver_task_tell_chain(task);
	task->in_mail = true;
	task->past_end = false;
	if (!deliver_gate_begin(
		    &gate, deliver_link_client(task->link), &task->mail, &task->check)) {
		task->in_mail = false;
		refused_by_gate(task);
		return;
	}
	deliver_content_start(&task->content, task->job->body,
		deliver_content_mode(task->route, task->check.got));
	deliver_count_sent(task->self, task->job->config->snapshot, task->route, &task->check);
}

bool deliver_task_mail_content(
	struct deliver_task *task, size_t max, struct str *ret_bytes, bool *ret_last)
{
	enum err e;

	if (!task->in_mail)
		return false;
	if (deliver_content_take(&task->content, max, ret_bytes, ret_last)) {
		task->past_end = *ret_last;
		return true;
	}
	e = deliver_body_error(task->job->body);
	if (e != ERR_OK) {
		struct deliver_verdict verdict = {.result = WIRE_DEFERRED,
			.token = "spool",
			.enhanced = "4.3.0",
			.text = arena_format(
				task->arena, "the content could not be read: %s", err_text(e)),
			.receipt = -1,
			.weight = DELIVER_WEIGHT_POLICY};

		task->in_mail = false;
		deliver_task_blame(task, &verdict);
		deliver_task_log(task, &verdict, task->mail.count);
		deliver_link_free(&task->link);
		deliver_task_over(task);
	}
	return false;
}

/* ---- outcomes -------------------------------------------------------------------------------- */

static void judge(
	struct deliver_task *task, const struct smtp_client_outcome *o, struct deliver_verdict *ret)
{
	bool dsn = smtp_client_offers(deliver_link_client(task->link))->dsn;

	*ret = (struct deliver_verdict){
		.token = o->code > 0 ? "smtp" : "not-supported",
		.enhanced = o->enhanced,
		.text = o->text,
		.host = deliver_task_target(task)->host,
		.weight = DELIVER_WEIGHT_REPLY,
	};
	switch (o->result) {
	case SMTP_CLIENT_ACCEPTED:
		/* An LMTP server is the end of the way; one that does DSN takes the notifications
		 * over; any other is where our knowledge ends (RFC 3461 5.2.2). */
		ret->result = task->lmtp || dsn ? WIRE_DELIVERED : WIRE_RELAYED;
		ret->token = "ok";
		break;
	case SMTP_CLIENT_PERMANENT:
		ret->result = WIRE_FAILED;
		break;
	case SMTP_CLIENT_TEMPORARY:
	case SMTP_CLIENT_NO_VERDICT:
	case SMTP_CLIENT_PENDING:
		ret->result = WIRE_DEFERRED;
		break;
	}
	if (o->result == SMTP_CLIENT_NO_VERDICT)
		ret->token = "connection-lost";
}

/* Not yet the last word: another transaction, or another host, may do. */
static bool is_open(
	const struct deliver_task *task, const struct smtp_client_outcome *o, bool progress)
{
	if (o->result == SMTP_CLIENT_NO_VERDICT)
		return !task->past_end; /* behind the end it may have been taken: no second copy now
					 */
	return o->too_many && progress;
}

/* One receipt tells of the connection; it carries the reply that decided. */
static int64_t receipt_of_outcomes(struct deliver_task *task)
{
	struct smtp_client *client = deliver_link_client(task->link);
	const struct smtp_client_outcome *chosen = smtp_client_outcome(client, 0);
	const char *token;

	for (size_t i = 0; i < task->mail.count; i++)
		if (smtp_client_outcome(client, i)->result == SMTP_CLIENT_ACCEPTED)
			chosen = smtp_client_outcome(client, i);
	token = chosen->result == SMTP_CLIENT_ACCEPTED ? "ok" : "smtp";
	return deliver_task_receipt(task, &task->check, token,
		chosen->result == SMTP_CLIENT_ACCEPTED ? "Accepted by the next hop" : chosen->text,
		chosen->code > 0 ? chosen->text : NULL);
}

static void settle_outcomes(struct deliver_task *task)
{
	struct smtp_client *client = deliver_link_client(task->link);
	int64_t receipt = receipt_of_outcomes(task);
	struct deliver_verdict verdict = {.result = WIRE_DEFERRED, .receipt = -1};
	bool progress = false;
	size_t settled = 0;

	for (size_t i = 0; i < task->mail.count; i++)
		if (smtp_client_outcome(client, i)->result == SMTP_CLIENT_ACCEPTED)
			progress = true;
	for (size_t i = 0; i < task->mail.count; i++) {
		const struct smtp_client_outcome *o = smtp_client_outcome(client, i);
		size_t member = task->members[i];

		if (is_open(task, o, progress))
			continue;
		if (task->job->is_orphan && o->result == SMTP_CLIENT_NO_VERDICT)
			continue;
		judge(task, o, &verdict);
		verdict.receipt = receipt;
		deliver_job_settle(task->job, member, &verdict);
		task->job->outcomes[member].passed_on =
			verdict.result == WIRE_DELIVERED && !task->lmtp;
		settled++;
	}
	if (settled > 0)
		deliver_task_log(task, &verdict, settled);
}

static void keep_or_close(struct deliver_task *task)
{
	int64_t carried = deliver_link_count(task->link, 0);
	int64_t most = task->self->node->queue.messages_per_connection;

	if (task->self->draining || task->job->is_orphan || (most > 0 && carried >= most))
		deliver_link_quit(&task->link);
	else
		deliver_pool_put(
			task->self->pool, &task->link, task->self->node->queue.idle_connection_ms);
}

void deliver_task_mail_done(struct deliver_task *task)
{
	bool idle = smtp_client_is_idle(deliver_link_client(task->link));

	task->in_mail = false;
	deliver_link_count(task->link, 1);
	settle_outcomes(task);
	/* A lost connection is told next, and dealt with there. */
	if (!idle)
		return;
	task->link_reused = false;
	if (deliver_task_has_pending(task) && !task->job->is_orphan) {
		task->began_ticks = runtime_ticks_ms();
		deliver_task_mail_begin(task);
		return;
	}
	keep_or_close(task);
	deliver_task_over(task);
}
