/* What the spool hears of the certificates that next hops present. */
#include "port/tls/present.h"
#include "process/deliver/task.h"

void deliver_task_tell_chain(struct deliver_task *task)
{
	const struct policy_outbound *route = task->route;
	const struct receipt *receipt = deliver_link_receipt(task->link);
	const struct deliver_target *target = deliver_task_target(task);
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct wire_chain chain;
	struct tls_present_peer peer = {.now_ms = runtime_now_ms(),
		.direction = RECEIPT_OUT,
		.organisation = route->organisation,
		.connector = route->connector,
		.host = arena_format(arena, "%s:%u", target->host, target->port),
		.address = receipt->peer_address,
		.asked = deliver_task_joined(arena, &route->names),
		.verdict = task->verdict,
		.facts = receipt->chain.items,
		.fact_count = receipt->chain.count,
		.anchors = route->profile.anchors};

	if (task->self->spool != NULL &&
		tls_present_report(task->self->present, deliver_link_tls(task->link), &peer,
			task->self->trust, arena, &chain))
		deliver_send(task->self, WIRE_CHAIN, &chain);
}
