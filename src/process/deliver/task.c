/* The order of things: hosts of the route, addresses of each host, connections to each address. */
#include "process/deliver/task.h"

#include "port/log/log.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- verdicts -------------------------------------------------------------------------------- */

void deliver_task_blame(struct deliver_task *task, const struct deliver_verdict *verdict)
{
	if (verdict->weight < task->best.weight)
		return;
	task->best = *verdict;
	task->best.token = arena_text(task->arena, verdict->token);
	task->best.enhanced = arena_text(task->arena, verdict->enhanced);
	task->best.text = arena_text(task->arena, verdict->text);
	task->best.host = arena_text(task->arena, verdict->host);
}

bool deliver_task_has_pending(const struct deliver_task *task)
{
	for (size_t i = 0; i < task->group->count; i++)
		if (!task->job->settled[task->group->members[i]])
			return true;
	return false;
}

const struct deliver_target *deliver_task_target(const struct deliver_task *task)
{
	static const struct deliver_target none = {0};

	return task->target_at < task->target_count ? &task->targets[task->target_at] : &none;
}

void deliver_task_log(struct deliver_task *task, const struct deliver_verdict *verdict, size_t n)
{
	static const char *const results[] = {
		"delivered", "relayed", "deferred", "failed", "not-tried"};
	const struct receipt *receipt =
		task->link != NULL ? deliver_link_receipt(task->link) : NULL;
	char id[WIRE_ID_TEXT];
	bool connected = receipt != NULL;
	int attempt = connected ? receipt->attempt : RECEIPT_ATTEMPT_NONE;

	if (connected && task->link_ready && deliver_link_tls(task->link) == NULL)
		attempt = deliver_task_target(task)->is_unix ? RECEIPT_ATTEMPT_LOCAL
							     : RECEIPT_ATTEMPT_CLEAR;

	wire_id_format(task->job->wire.message, id);
	log_event(LOG_INFO_LEVEL, "delivery.attempt", LOG_TEXT("id", id),
		LOG_TEXT("route", task->route->key), LOG_TEXT("result", results[verdict->result]),
		LOG_NUMBER("recipients", (int64_t)n), LOG_TEXT("token", verdict->token),
		LOG_TEXT("enhanced", verdict->enhanced), LOG_TEXT("host", verdict->host),
		LOG_TEXT("address", connected ? receipt->peer_address : NULL),
		LOG_TEXT("tls", connected ? receipt->version : NULL),
		LOG_TEXT("attempt", receipt_attempt_names[attempt]),
		LOG_TEXT("text", verdict->text),
		LOG_NUMBER("ms", connected ? runtime_ticks_ms() - task->began_ticks : 0));
}

void deliver_task_over(struct deliver_task *task)
{
	static const struct deliver_verdict none = {.result = WIRE_DEFERRED,
		.token = "connect",
		.enhanced = "4.4.1",
		.text = "no host could be tried",
		.receipt = -1};

	if (task->over)
		return;
	task->over = true;
	deliver_slots_release(task->self->slots, &task->slot);
	deliver_job_task_over(
		task->job, task->best.weight > DELIVER_WEIGHT_NONE ? &task->best : &none);
}

/* All recipients without a verdict get this one, now. */
static void fail_all(struct deliver_task *task, enum wire_result result, const char *token,
	const char *enhanced, const char *text)
{
	struct deliver_verdict verdict = {.result = result,
		.token = token,
		.enhanced = enhanced,
		.text = text,
		.receipt = -1,
		.weight = DELIVER_WEIGHT_POLICY};

	deliver_task_blame(task, &verdict);
	deliver_task_log(task, &verdict, task->group->count);
	deliver_task_over(task);
}

static void blame_host(
	struct deliver_task *task, enum wire_result result, const char *enhanced, const char *text)
{
	const struct deliver_target *target = deliver_task_target(task);
	struct deliver_verdict verdict = {.result = result,
		.token = "dns",
		.enhanced = enhanced,
		.text = arena_format(task->arena, "%s: %s", target->host, text),
		.host = target->host,
		.receipt = -1,
		.weight = DELIVER_WEIGHT_CONNECT};

	/* A host that cannot be found must not hide one that may answer later. */
	if (result == WIRE_FAILED && task->best.weight >= DELIVER_WEIGHT_CONNECT &&
		task->best.result == WIRE_DEFERRED)
		return;
	deliver_task_blame(task, &verdict);
	deliver_task_log(task, &verdict, task->group->count);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static int first_rung(struct deliver_task *task, const struct deliver_target *target)
{
	struct deliver_past past = deliver_task_past(task);
	char host[300];
	int rung;

	snprintf(host, sizeof(host), "%s:%u", target->host, target->port);
	rung = deliver_memory_attempt(task->self->memory, host, runtime_now_ms());
	if (rung == RECEIPT_ATTEMPT_CLEAR &&
		!deliver_gate_allows_clear(task->route, &task->self->node->tls, &past))
		return RECEIPT_ATTEMPT_FULL;
	return rung;
}

void deliver_task_next_address(struct deliver_task *task)
{
	while (task->address_at < task->address_count && task->tries < DELIVER_TRIES) {
		struct deliver_address *address = &task->addresses[task->address_at];
		char name[160];
		struct deliver_verdict verdict = {.result = WIRE_DEFERRED,
			.token = "connect",
			.enhanced = "4.4.1",
			.host = deliver_task_target(task)->host,
			.receipt = -1,
			.weight = DELIVER_WEIGHT_CONNECT};

		snprintf(name, sizeof(name), "%s:%u", address->text, address->port);
		if (!deliver_memory_is_dead(task->self->memory, name, runtime_ticks_ms())) {
			const struct deliver_target *target = deliver_task_target(task);

			task->attempt = (enum receipt_attempt)first_rung(task, target);
			task->climbed = NULL;
			deliver_task_connect(task, address);
			return;
		}
		verdict.text = arena_format(
			task->arena, "%s: did not answer a moment ago, not tried again", name);
		task->job->any_unreachable = true;
		deliver_task_blame(task, &verdict);
		task->address_at++;
	}
	deliver_task_next_target(task);
}

static void on_addresses(void *context, const struct deliver_resolve_answer *answer)
{
	struct deliver_task *task = context;
	bool is_mx = task->route->type == POLICY_ROUTE_MX;

	task->resolve = NULL;
	task->address_at = 0;
	task->address_count = answer->address_count;
	memcpy(task->addresses, answer->addresses, sizeof(task->addresses));
	switch (answer->status) {
	case DELIVER_RESOLVE_OK:
		deliver_task_next_address(task);
		return;
	case DELIVER_RESOLVE_LATER:
		blame_host(task, WIRE_DEFERRED, "4.4.3", answer->why);
		break;
	case DELIVER_RESOLVE_NONE:
		/* Hosts that a connector names are a matter of configuration: mend it, and the mail
		 * goes. */
		blame_host(task, is_mx ? WIRE_FAILED : WIRE_DEFERRED, is_mx ? "5.4.4" : "4.4.3",
			"the host has no address");
		break;
	case DELIVER_RESOLVE_NXDOMAIN:
		blame_host(task, is_mx ? WIRE_FAILED : WIRE_DEFERRED, is_mx ? "5.1.2" : "4.4.3",
			"the host does not exist");
		break;
	}
	deliver_task_next_target(task);
}

/* ---- hosts ----------------------------------------------------------------------------------- */

void deliver_task_same_target(struct deliver_task *task)
{
	const struct deliver_target *target = deliver_task_target(task);

	/* What the host before did with TLS says nothing about this one. */
	task->climbed = NULL;
	if (task->target_at >= task->target_count || task->tries >= DELIVER_TRIES) {
		deliver_task_over(task);
		return;
	}
	task->link = deliver_pool_take(task->self->pool, deliver_task_link_key(task, target));
	if (task->link != NULL) {
		task->link_reused = true;
		task->link_ready = false;
		task->began_ticks = runtime_ticks_ms();
		task->self->counters.reused++;
		deliver_link_give(task->link, &deliver_task_link_owner, task);
		deliver_task_ready(task);
		if (task->link != NULL)
			deliver_link_poke(task->link);
		return;
	}
	task->link_reused = false;
	task->address_at = 0;
	task->address_count = 1;
	if (target->is_unix ? deliver_targets_unix(target->host, &task->addresses[0])
			    : deliver_targets_literal(
				      str_of(target->host), target->port, &task->addresses[0]))
		deliver_task_next_address(task);
	else if (target->is_unix)
		deliver_task_next_target(task);
	else
		task->resolve = deliver_resolve_host(
			task->self->dns, target->host, target->port, on_addresses, task);
}

void deliver_task_next_target(struct deliver_task *task)
{
	task->target_at++;
	deliver_task_same_target(task);
}

static void on_granted(void *context)
{
	struct deliver_task *task = context;

	task->begun = true;
	deliver_task_same_target(task);
}

static void take_slot(struct deliver_task *task)
{
	task->slot.granted = on_granted;
	task->slot.context = task;
	if (deliver_slots_take(task->self->slots, &task->slot, task->route->key,
		    (size_t)task->self->node->queue.connections_per_destination))
		on_granted(task);
}

static void use_mx(struct deliver_task *task, const struct deliver_resolve_answer *answer)
{
	bool is_loop;

	task->target_count =
		deliver_way_mx(task->self, answer, task->arena, task->targets, &is_loop);
	if (is_loop) {
		fail_all(task, WIRE_FAILED, "loop", "5.4.6",
			"mail for this domain leads back to this host");
		return;
	}
	take_slot(task);
}

static void on_mx(void *context, const struct deliver_resolve_answer *answer)
{
	struct deliver_task *task = context;

	task->resolve = NULL;
	if (deliver_targets_is_null_mx(answer->mx, answer->mx_count)) {
		fail_all(task, WIRE_FAILED, "null-mx", "5.1.10",
			"556 5.1.10 the domain does not accept mail (null MX)");
		return;
	}
	switch (answer->status) {
	case DELIVER_RESOLVE_OK:
		use_mx(task, answer);
		break;
	case DELIVER_RESOLVE_NONE:
		/* RFC 5321 5.1: the domain itself is the host. */
		task->targets[task->target_count++] = (struct deliver_target){
			.host = task->route->domain,
			.port = (uint16_t)task->self->node->ports.smtp,
		};
		take_slot(task);
		break;
	case DELIVER_RESOLVE_NXDOMAIN:
		fail_all(task, WIRE_FAILED, "dns", "5.1.2",
			arena_format(
				task->arena, "%s: the domain does not exist", task->route->domain));
		break;
	case DELIVER_RESOLVE_LATER:
		fail_all(task, WIRE_DEFERRED, "dns", "4.4.3",
			arena_format(task->arena, "%s: MX: %s", task->route->domain, answer->why));
		break;
	}
}

/* ---- life ------------------------------------------------------------------------------------ */

struct deliver_task *deliver_task_new(struct deliver_job *job, const struct deliver_group *group)
{
	struct deliver_task *task = mem_new(sizeof(*task));

	task->self = job->self;
	task->job = job;
	task->group = group;
	task->route = &group->route;
	task->arena = job->arena;
	task->lmtp = group->route.type == POLICY_ROUTE_LMTP;
	task->best.receipt = -1;
	return task;
}

void deliver_task_start(struct deliver_task *task)
{
	switch (task->route->type) {
	case POLICY_ROUTE_MAILDIR:
		deliver_task_local_start(task);
		break;
	case POLICY_ROUTE_MX:
		task->resolve =
			deliver_resolve_mx(task->self->dns, task->route->domain, on_mx, task);
		break;
	case POLICY_ROUTE_LMTP:
	case POLICY_ROUTE_HOSTS:
	case POLICY_ROUTE_LITERAL:
		task->target_count =
			deliver_way_named(task->self, task->route, task->arena, task->targets);
		take_slot(task);
		break;
	case POLICY_ROUTE_REFUSE:
		deliver_task_over(task);
		break;
	}
}

void deliver_task_free(struct deliver_task **pointer)
{
	struct deliver_task *task = *pointer;

	if (task == NULL)
		return;
	*pointer = NULL;
	deliver_resolve_cancel(&task->resolve);
	deliver_standing_stop(&task->standing);
	deliver_link_free(&task->link);
	deliver_mailfile_free(&task->file);
	deliver_content_clear(&task->content);
	deliver_slots_release(task->self->slots, &task->slot);
	free(task);
}

bool deliver_task_has_begun(const struct deliver_task *task)
{
	return task->begun;
}

bool deliver_task_is_past_end(const struct deliver_task *task)
{
	if (task->file != NULL)
		return task->file_last;
	return task->link != NULL && task->in_mail &&
	       smtp_client_is_past_end(deliver_link_client(task->link));
}

void deliver_task_body_came(struct deliver_task *task)
{
	if (task->file != NULL)
		deliver_task_local_body(task);
	else if (task->link != NULL && task->in_mail)
		deliver_link_poke(task->link);
}
