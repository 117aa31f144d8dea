/*
 * The gate: the one place where a message may begin to leave on a connection.
 *
 * No other file of this process calls smtp_client_begin(); whoever wants to send must state the
 * facts of the connection here, and gets no MAIL command without the consent of policy.
 */
#ifndef SEALPOST_PROCESS_DELIVER_GATE_H
#define SEALPOST_PROCESS_DELIVER_GATE_H

#include "core/policy/policy.h"
#include "core/smtp/client.h"

/* What is known of the TLS that a destination has had (struct wire_job). */
struct deliver_past {
	int64_t best;	   /* enum model_level */
	int64_t fallen_ms; /* since when it has had less; 0: not yet */
	int64_t now_ms;
};

struct deliver_gate {
	const struct policy_outbound *route; /* what the way must prove */
	const struct policy_hop *hop;	     /* what this connection is */
	const struct deliver_past *past;     /* NULL: nothing is known */
	bool is_tls; /* of the connection itself, not of what was noted about it */
	struct arena *arena;
};

/* Begin the transaction if, and only if, policy allows it on this connection.  *ret_check says what
 * was decided, in both cases.  False: nothing was sent, nothing will be. */
bool deliver_gate_begin(const struct deliver_gate *gate, struct smtp_client *client,
	const struct smtp_client_transaction *mail, struct policy_check *ret_check);

/* Must mail wait rather than go in clear, because the destination has had TLS before?  Until the
 * route's grace time is over, counted from the fall.  PAST may be NULL. */
bool deliver_gate_must_wait(const struct policy_outbound *route, const struct deliver_past *past);

/* May a host whose handshake failed be tried again without TLS?  Only where nothing requires TLS,
 * the node does not forbid it, and nothing has to wait; the gate would refuse it otherwise anyway.
 */
bool deliver_gate_allows_clear(const struct policy_outbound *route, const struct model_tls *tls,
	const struct deliver_past *past);

#endif
