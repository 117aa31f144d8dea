/* What is counted, for `sealpost status` and for monitoring. */
#include "process/deliver/inside.h"

#define VALUES(...) ((const char *const[]){__VA_ARGS__})

void deliver_count_handshake(struct deliver *self, const struct deliver_link *link)
{
	const struct receipt *r = deliver_link_receipt(link);

	if (deliver_link_tls(link) == NULL)
		return;
	metrics_set_add(self->metrics, METRICS_HANDSHAKES,
		VALUES("out", r->version, r->group, r->resumed ? "yes" : "no"), 1);
	metrics_set_add(self->metrics, METRICS_CIPHERS, VALUES("out", r->cipher), 1);
	metrics_set_observe(
		self->metrics, METRICS_HANDSHAKE_TIME, VALUES("out"), r->handshake_ms * 1000);
}

void deliver_count_handshake_failed(struct deliver *self, const struct deliver_link *link)
{
	self->counters.handshakes_failed++;
	metrics_set_add(self->metrics, METRICS_HANDSHAKE_FAILURES,
		VALUES("out", tls_failure_names[deliver_link_tls_failure(link)]), 1);
}

/* A Unix socket of this machine needs no TLS. */
static const char *protection(const struct policy_outbound *route, int got)
{
	static const struct str unix_prefix = STR("unix:");

	if (got != MODEL_LEVEL_NONE)
		return model_level_names[got];
	return route->type == POLICY_ROUTE_LMTP && route->hosts.count > 0 &&
			       str_starts_nocase(str_of(route->hosts.items[0]), unix_prefix)
		       ? "local"
		       : "clear";
}

void deliver_count_sent(struct deliver *self, const struct policy_snapshot *snapshot,
	const struct policy_outbound *route, const struct policy_check *check)
{
	if (check->got == MODEL_LEVEL_NONE)
		self->counters.clear++;
	else
		self->counters.tls++;
	metrics_set_add(self->metrics, METRICS_SENT,
		VALUES(policy_route_class(snapshot, str_of(route->key)),
			protection(route, check->got),
			route->required > MODEL_LEVEL_NONE ? "yes" : "no"),
		1);
}

void deliver_count_unmet(struct deliver *self, enum policy_outcome outcome)
{
	self->counters.unmet[outcome]++;
	metrics_set_add(
		self->metrics, METRICS_UNMET, VALUES(policy_outcome_row(outcome)->token), 1);
}

json_t *deliver_count_json(const struct deliver *self)
{
	json_t *unmet = json_object(), *result;

	for (size_t i = 0; i < POLICY_OUTCOME_MAX; i++)
		if (self->counters.unmet[i] != 0)
			json_object_set_new(unmet,
				policy_outcome_row((enum policy_outcome)i)->token,
				json_integer((json_int_t)self->counters.unmet[i]));
	result = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
		"jobs", (json_int_t)self->counters.jobs, "jobs_under_way",
		(json_int_t)self->job_count, "delivered", (json_int_t)self->counters.delivered,
		"deferred", (json_int_t)self->counters.deferred, "failed",
		(json_int_t)self->counters.failed, "connections",
		(json_int_t)self->counters.connections, "connections_kept",
		(json_int_t)deliver_pool_count(self->pool), "connections_reused",
		(json_int_t)self->counters.reused, "unreachable",
		(json_int_t)self->counters.unreachable, "transactions_tls",
		(json_int_t)self->counters.tls, "transactions_clear",
		(json_int_t)self->counters.clear, "handshakes_failed",
		(json_int_t)self->counters.handshakes_failed, "refused_by_requirement",
		(json_int_t)self->counters.gate_refusals, "unmet_by", unmet);
	json_object_set_new(result, "metrics", metrics_set_json(self->metrics));
	return result;
}
