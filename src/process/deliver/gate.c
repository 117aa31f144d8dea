#include "process/deliver/gate.h"

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
	if (!ret_check->may_send)
		return false;
	return smtp_client_begin(client, mail) == ERR_OK;
}

bool deliver_gate_allows_clear(const struct policy_outbound *route, const struct model_tls *tls)
{
	return route->required == MODEL_LEVEL_NONE &&
	       tls->on_handshake_failure == MODEL_FAILURE_CLEAR;
}
