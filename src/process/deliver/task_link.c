/* The connection of a task: its events, the TLS ladder, and the receipt. */
#include "process/deliver/present.h"
#include "process/deliver/task.h"

#include <stdio.h>

/* ---- facts and receipts ---------------------------------------------------------------------- */

void deliver_task_hop(struct deliver_task *task, struct policy_hop *ret)
{
	deliver_way_hop(task->self, task->route, task->link, deliver_task_target(task)->host,
		task->arena, ret);
	task->verdict = ret->verdict;
	task->verdict_detail = ret->verdict == CERT_TRUSTED ? NULL : ret->detail;
	task->revocation = ret->revocation;
}

int64_t deliver_task_receipt(struct deliver_task *task, const struct policy_check *check,
	const char *token, const char *reason, const char *reply)
{
	const struct policy_outbound *route = task->route;
	struct receipt receipt = *deliver_link_receipt(task->link);
	char cut[SMTP_REPLY_SHOWN + 1];

	receipt.organisation = route->organisation;
	receipt.connector = route->connector;
	receipt.generation = (int64_t)policy_snapshot_generation(task->job->config->snapshot);
	receipt.required = route->required;
	receipt.required_by = route->required_by;
	receipt.anchors = route->anchors;
	receipt.token = token;
	receipt.reason = reason;
	receipt.total_ms = runtime_ticks_ms() - task->began_ticks;
	if (check != NULL) {
		receipt.name_expected = check->name_expected;
		receipt.name_matched = check->name_matched;
		receipt.got = check->got;
	} else {
		receipt.name_expected = deliver_task_joined(task->arena, &route->names);
	}
	if (check != NULL && check->would.outcome != POLICY_OK) {
		receipt.would_token = policy_outcome_row(check->would.outcome)->token;
		receipt.would_reason = check->would.text;
		receipt.would_by = check->would.by;
	}
	receipt.verdict = task->verdict;
	receipt.verdict_detail = task->verdict_detail;
	receipt.revocation = task->revocation;
	if (deliver_task_target(task)->is_unix)
		receipt.attempt = RECEIPT_ATTEMPT_LOCAL;
	else if (deliver_link_tls(task->link) == NULL && check != NULL)
		receipt.attempt = RECEIPT_ATTEMPT_CLEAR;
	if (reply != NULL) {
		snprintf(cut, sizeof(cut), "%s", reply);
		receipt.reply = cut;
	}
	return deliver_job_receipt(task->job, &receipt);
}

/* ---- connecting ------------------------------------------------------------------------------ */

void deliver_task_connect(struct deliver_task *task, const struct deliver_address *address)
{
	const struct deliver_target *target = deliver_task_target(task);
	struct deliver_link_options options =
		deliver_way_options(task->self, task->route, target, address);

	options.key = deliver_task_link_key(task, target);
	options.cache_key = deliver_task_cache_key(task, target);
	options.attempt = task->attempt;
	task->tries++;
	task->link_ready = false;
	task->verdict = CERT_NONE;
	task->verdict_detail = NULL;
	task->revocation = NULL;
	deliver_standing_stop(&task->standing);
	task->began_ticks = runtime_ticks_ms();
	task->self->counters.connections++;
	deliver_link_free(&task->link);
	task->link = deliver_link_new(&options, &deliver_task_link_owner, task);
}

static void address_name(struct deliver_task *task, char ret[160])
{
	const struct deliver_address *address = deliver_link_address(task->link);

	if (address->port > 0)
		snprintf(ret, 160, "%s:%u", address->text, address->port);
	else
		snprintf(ret, 160, "%s", address->text);
}

static void on_unreachable(struct deliver_task *task)
{
	char name[160];
	const char *text;
	struct deliver_verdict verdict = {.result = WIRE_DEFERRED,
		.token = "connect",
		.enhanced = "4.4.1",
		.host = deliver_task_target(task)->host,
		.weight = DELIVER_WEIGHT_CONNECT};
	struct receipt receipt = *deliver_link_receipt(task->link);

	address_name(task, name);
	text = arena_format(task->arena, "%s: %s", name, deliver_link_reason(task->link));
	receipt.attempt = RECEIPT_ATTEMPT_NONE;
	receipt.organisation = task->route->organisation;
	receipt.connector = task->route->connector;
	receipt.required = task->route->required;
	receipt.required_by = task->route->required_by;
	receipt.anchors = task->route->anchors;
	receipt.token = "connect";
	receipt.reason = text;
	receipt.total_ms = runtime_ticks_ms() - task->began_ticks;
	verdict.receipt = deliver_job_receipt(task->job, &receipt);
	verdict.text = text;
	task->self->counters.unreachable++;
	if (!deliver_link_is_starved(task->link)) {
		task->job->any_unreachable = true;
		deliver_memory_died(task->self->memory, name, runtime_ticks_ms());
	}
	deliver_task_blame(task, &verdict);
	deliver_task_log(task, &verdict, task->group->count);
	deliver_link_free(&task->link);
	task->address_at++;
	deliver_task_next_address(task);
}

/* ---- the ladder ------------------------------------------------------------------------------ */

/* Remember a rung for the next time, everywhere. */
static void remember(struct deliver_task *task)
{
	const struct deliver_target *target = deliver_task_target(task);
	struct wire_host host = {
		.host = arena_format(task->arena, "%s:%u", target->host, target->port),
		.attempt = (int)task->attempt,
		.until_ms = runtime_now_ms() + task->self->node->tls.remember_ms,
		.reason = task->climbed,
	};

	deliver_remember(task->self, &host);
}

static void blame_tls(struct deliver_task *task)
{
	struct deliver_past past = deliver_task_past(task);
	struct policy_hop hop;
	struct policy_check check = {0};
	struct deliver_verdict verdict;
	bool is_ours = deliver_link_tls_failure(task->link) == TLS_FAILURE_SIGNATURE;
	const char *failed = arena_format(task->arena, "TLS with %s failed: %s",
		deliver_task_target(task)->host, deliver_link_reason(task->link));

	deliver_task_hop(task, &hop);
	policy_hop_check(task->route, &hop, task->arena, &check);
	if (check.outcome != POLICY_OK && check.text != NULL && !is_ours)
		failed = check.text;
	/* Where nothing is required policy has no objection; the handshake failed all the same. */
	deliver_task_unmet(task,
		check.outcome != POLICY_OK		     ? check.outcome
		: deliver_gate_must_wait(task->route, &past) ? POLICY_DOWNGRADE
							     : POLICY_HANDSHAKE_FAILED,
		failed, &verdict);
	if (is_ours) {
		verdict.result = WIRE_DEFERRED;
		verdict.token = "keys";
		verdict.enhanced = "4.3.0";
	}
	verdict.receipt = deliver_task_receipt(task, NULL, verdict.token, verdict.text, NULL);
	deliver_task_blame(task, &verdict);
	deliver_task_log(task, &verdict, task->group->count);
}

/*
 * A handshake failed: the next rung is a fresh connection with the reduced ClientHello, and the one
 * after that a fresh connection in clear - which exists only where deliver_gate_allows_clear() says
 * so, and which deliver_gate_begin() would not let through otherwise.
 */
static void on_tls_failed(struct deliver_task *task)
{
	struct deliver_address address = *deliver_link_address(task->link);
	bool is_ours = deliver_link_tls_failure(task->link) == TLS_FAILURE_SIGNATURE;
	struct deliver_past past = deliver_task_past(task);
	bool may_clear = deliver_gate_allows_clear(task->route, &task->self->node->tls, &past);

	deliver_count_handshake_failed(task->self, task->link);
	/* Our own certificate is no reason for less TLS: the other version, before anything else.
	 */
	if (deliver_present_failed(
		    task->self, task->route, deliver_task_target(task), task->link) &&
		task->tries < DELIVER_TRIES) {
		deliver_task_connect(task, &address);
		return;
	}
	if (!is_ours && task->attempt == RECEIPT_ATTEMPT_FULL && task->tries < DELIVER_TRIES) {
		task->attempt = RECEIPT_ATTEMPT_REDUCED;
	} else if (!is_ours && may_clear && task->tries < DELIVER_TRIES) {
		task->attempt = RECEIPT_ATTEMPT_CLEAR;
	} else {
		blame_tls(task);
		deliver_link_free(&task->link);
		deliver_task_next_target(task);
		return;
	}
	task->climbed = arena_text(task->arena, deliver_link_reason(task->link));
	deliver_task_connect(task, &address);
}

/* ---- ready, lost ----------------------------------------------------------------------------- */

static void on_loop(struct deliver_task *task)
{
	struct deliver_verdict verdict = {
		.result = task->route->type == POLICY_ROUTE_MX ? WIRE_FAILED : WIRE_DEFERRED,
		.token = "loop",
		.enhanced = task->route->type == POLICY_ROUTE_MX ? "5.4.6" : "4.4.6",
		.host = deliver_task_target(task)->host,
		.text = "the next hop calls itself by this host's own name: a loop",
		.weight = DELIVER_WEIGHT_REPLY,
	};

	verdict.receipt = deliver_task_receipt(task, NULL, verdict.token, verdict.text, NULL);
	deliver_task_blame(task, &verdict);
	deliver_task_log(task, &verdict, task->group->count);
	deliver_link_quit(&task->link);
	deliver_task_next_target(task);
}

/* It is known now whether the server's certificates are revoked. */
static void on_standing(void *context)
{
	struct deliver_task *task = context;

	deliver_task_mail_begin(task);
	if (task->link != NULL)
		deliver_link_poke(task->link);
}

void deliver_task_ready(struct deliver_task *task)
{
	const struct smtp_client_offers *offers =
		smtp_client_offers(deliver_link_client(task->link));
	char name[160];

	task->link_ready = true;
	task->job->any_reached = true;
	address_name(task, name);
	deliver_memory_lives(task->self->memory, name);
	if (!task->lmtp && (deliver_targets_same_host(offers->greeted, task->self->hostname) ||
				   deliver_targets_same_host(offers->name, task->self->hostname))) {
		on_loop(task);
		return;
	}
	if (task->climbed != NULL)
		remember(task);
	task->climbed = NULL;
	task->standing = (struct deliver_standing){.self = task->self,
		.route = task->route,
		.link = task->link,
		.done = on_standing,
		.context = task};
	if (!deliver_standing_begin(&task->standing))
		deliver_task_mail_begin(task);
}

static void on_lost(struct deliver_task *task)
{
	const struct smtp_client_failure *failure =
		smtp_client_failure(deliver_link_client(task->link));
	bool was_ready = task->link_ready;
	bool stale = task->link_reused && failure->error == ERR_CLOSED;
	/* RFC 7504: a host that says so takes no mail at all. */
	bool no_mail = !was_ready && (failure->code == 521 || failure->code == 556);
	struct deliver_verdict verdict = {
		.result = no_mail ? WIRE_FAILED : WIRE_DEFERRED,
		.token = failure->code > 0 ? "smtp" : "connection-lost",
		.enhanced = no_mail			  ? "5.3.2"
			    : failure->enhanced[0] == '4' ? failure->enhanced
			    : failure->code > 0		  ? "4.3.2"
							  : "4.4.2",
		.text = failure->text[0] != '\0' ? failure->text : "the connection was lost",
		.host = deliver_task_target(task)->host,
		.weight = DELIVER_WEIGHT_REPLY,
	};

	task->in_mail = false;
	if (!deliver_task_has_pending(task) || task->job->is_orphan) {
		deliver_link_free(&task->link);
		deliver_task_over(task);
		return;
	}
	/* A connection that was kept may have died of old age: that says nothing about the host. */
	if (stale) {
		deliver_link_free(&task->link);
		deliver_task_same_target(task);
		return;
	}
	verdict.receipt =
		deliver_task_receipt(task, NULL, verdict.token, verdict.text, failure->text);
	deliver_task_blame(task, &verdict);
	deliver_task_log(task, &verdict, task->group->count);
	deliver_link_free(&task->link);
	if (was_ready || failure->code > 0) {
		deliver_task_next_target(task);
	} else {
		task->address_at++;
		deliver_task_next_address(task);
	}
}

static void on_event(void *context, enum deliver_link_event event)
{
	struct deliver_task *task = context;

	/* Whatever else happens, it is not this connection any more that waits. */
	deliver_standing_stop(&task->standing);
	switch (event) {
	case DELIVER_LINK_READY:
		deliver_count_handshake(task->self, task->link);
		deliver_task_ready(task);
		break;
	case DELIVER_LINK_DONE:
		deliver_task_mail_done(task);
		break;
	case DELIVER_LINK_UNREACHABLE:
		on_unreachable(task);
		break;
	case DELIVER_LINK_TLS_FAILED:
		on_tls_failed(task);
		break;
	case DELIVER_LINK_LOST:
		on_lost(task);
		break;
	}
}

static bool on_content(void *context, size_t max, struct str *ret_bytes, bool *ret_last)
{
	return deliver_task_mail_content(context, max, ret_bytes, ret_last);
}

const struct deliver_link_owner deliver_task_link_owner = {
	.event = on_event,
	.content = on_content,
};
