#include "process/deliver/gate.h"

bool deliver_gate_must_wait(const struct policy_outbound *route, const struct deliver_past *past)
{
	int64_t from;

	if (past == NULL || !route->watches_downgrade || past->best < MODEL_LEVEL_ENCRYPT ||
		route->type == POLICY_ROUTE_LMTP || route->type == POLICY_ROUTE_MAILDIR)
		return false;
	from = past->fallen_ms > 0 ? past->fallen_ms : past->now_ms;
	return past->now_ms - from < route->downgrade_grace_ms;
}

static void wait_for_tls(const struct deliver_gate *gate, struct policy_check *check)
{
	const struct policy_hop *hop = gate->hop;

	check->may_send = false;
	check->outcome = POLICY_DOWNGRADE;
	check->text = arena_format(gate->arena,
		"%s has had TLS before (level %s) and offers none now; waiting up to %lld min "
		"before anything goes in clear%s%s",
		hop->host != NULL ? hop->host : "The next hop",
		model_level_names[gate->past->best < MODEL_LEVEL_MAX ? gate->past->best
								     : MODEL_LEVEL_NAME],
		(long long)(gate->route->downgrade_grace_ms / 60000),
		hop->detail != NULL ? "; TLS failed: " : "",
		hop->detail != NULL ? hop->detail : "");
}

bool deliver_gate_begin(const struct deliver_gate *gate, struct smtp_client *client,
	const struct smtp_client_transaction *mail, struct policy_check *ret_check)
{
	struct policy_hop hop = *gate->hop;

	/* The connection's own word counts, whatever was noted. */
	hop.is_tls = gate->is_tls;
	*ret_check = (struct policy_check){0};
	policy_hop_check(gate->route, &hop, gate->arena, ret_check);
	/* Policy says the same; said again here so that it holds by these two lines alone. */
	if (gate->route->required > MODEL_LEVEL_NONE && !gate->is_tls)
		ret_check->may_send = false;
	if (ret_check->may_send && !gate->is_tls && deliver_gate_must_wait(gate->route, gate->past))
		wait_for_tls(gate, ret_check);
	if (!ret_check->may_send)
		return false;
	return smtp_client_begin(client, mail) == ERR_OK;
}

bool deliver_gate_allows_clear(const struct policy_outbound *route, const struct model_tls *tls,
	const struct deliver_past *past)
{
	return route->required == MODEL_LEVEL_NONE &&
	       tls->on_handshake_failure == MODEL_FAILURE_CLEAR &&
	       !deliver_gate_must_wait(route, past);
}
