/* One connection of a probe: its steps, the ladder, and a transaction that ends behind RCPT. */
#include "process/deliver/present.h"
#include "process/deliver/probe.h"

/* ---- the transaction ------------------------------------------------------------------------- */

static void try_mail(struct deliver_probe *probe)
{
	struct deliver_gate gate = {
		.route = &probe->route,
		.hop = &probe->hop,
		.is_tls = deliver_link_tls(probe->link) != NULL,
		.arena = probe->arena,
	};
	const struct policy_outcome_row *row;
	struct wire_probe_step step = {.step = "mail", .result = WIRE_PROBE_FAILED};

	deliver_way_hop(probe->self, &probe->route, probe->link,
		probe->targets[probe->target_at].host, probe->arena, &probe->hop);
	probe->to = (struct smtp_client_recipient){.address = probe->wire.recipient};
	probe->mail = (struct smtp_client_transaction){
		.sender = probe->wire.sender != NULL ? probe->wire.sender : "",
		.recipients = &probe->to,
		.count = 1,
		.is_trial = true,
		.smtputf8 = !str_is_ascii(str_of(probe->wire.recipient)),
	};
	deliver_probe_begin_step(probe, "mail");
	if (deliver_gate_begin(
		    &gate, deliver_link_client(probe->link), &probe->mail, &probe->check))
		return;
	row = policy_outcome_row(probe->check.outcome);
	step.token = row->token;
	step.remedy = row->remedy;
	step.text = arena_format(probe->arena, "not sent: %s",
		probe->check.text != NULL ? probe->check.text : row->text);
	deliver_probe_tell(probe, &step);
	deliver_probe_leave_host(probe);
}

/* What report mode would have said stands beside the answer to MAIL. */
static void tell_mail(struct deliver_probe *probe)
{
	struct wire_probe_step step = {
		.step = "mail", .ms = deliver_probe_step_ms(probe), .presented = "sender accepted"};

	if (probe->check.would.outcome != POLICY_OK) {
		step.result = WIRE_PROBE_NOTE;
		step.token = policy_outcome_row(probe->check.would.outcome)->token;
		step.text = arena_format(probe->arena, "report mode would refuse this: %s",
			probe->check.would.text != NULL ? probe->check.would.text : step.token);
		step.remedy = policy_outcome_row(probe->check.would.outcome)->remedy;
	}
	deliver_probe_tell(probe, &step);
}

static void on_done(struct deliver_probe *probe)
{
	const struct smtp_client_outcome *o =
		smtp_client_outcome(deliver_link_client(probe->link), 0);
	bool good = o->result == SMTP_CLIENT_ACCEPTED;

	if (!smtp_client_is_idle(deliver_link_client(probe->link)) && !good)
		return; /* LOST follows */
	if (probe->step != NULL)
		deliver_probe_end_step(probe, good ? WIRE_PROBE_OK : WIRE_PROBE_FAILED, o->text,
			good				     ? "the recipient is accepted"
			: o->result == SMTP_CLIENT_TEMPORARY ? "refused for now: mail would wait"
							     : "refused: mail would be returned",
			good ? NULL : "The server says why; ask its owner, or try another --to");
	deliver_probe_leave_host(probe);
}

/* ---- the connection -------------------------------------------------------------------------- */

static bool is_own_name(struct deliver_probe *probe)
{
	const struct smtp_client_offers *offers =
		smtp_client_offers(deliver_link_client(probe->link));

	return deliver_targets_same_host(offers->greeted, probe->self->hostname) ||
	       deliver_targets_same_host(offers->name, probe->self->hostname);
}

/* MAIL itself was refused. */
static bool is_refused_early(struct smtp_client *client)
{
	const struct smtp_client_outcome *o = smtp_client_outcome(client, 0);

	return o->result != SMTP_CLIENT_PENDING && str_is(str_of(o->stage), "MAIL");
}

static void on_progress(void *context, const char *stage)
{
	struct deliver_probe *probe = context;
	struct str now = str_of(stage), was = str_of(probe->step);
	struct smtp_client *client = deliver_link_client(probe->link);

	if (str_is(now, "greeting")) {
		deliver_probe_end_step(probe, WIRE_PROBE_OK, NULL, NULL, NULL);
		deliver_probe_begin_step(probe, "greeting");
	} else if (str_is(was, "greeting") && !str_is(now, "nothing")) {
		deliver_probe_end_step(
			probe, WIRE_PROBE_OK, smtp_client_offers(client)->greeted, NULL, NULL);
		deliver_probe_begin_step(probe, "ehlo");
	} else if (str_is(was, "ehlo") && str_is(now, "nothing")) {
		deliver_probe_tell_ehlo(probe, deliver_probe_step_ms(probe));
		deliver_probe_begin_step(probe, "starttls");
	} else if (str_is(was, "starttls") && str_is(now, "handshake")) {
		deliver_probe_end_step(probe, WIRE_PROBE_OK, NULL, NULL, NULL);
		deliver_probe_begin_step(probe, "handshake");
	} else if (str_is(was, "handshake") && str_is(now, "EHLO")) {
		deliver_probe_tell_tls(probe, deliver_link_receipt(probe->link)->handshake_ms);
		deliver_probe_begin_step(probe, "ehlo-again");
	} else if (str_is(was, "mail") && (str_is(now, "RCPT") || str_is(now, "RSET")) &&
		   !is_refused_early(client)) {
		/* Both replies may have come at once. */
		tell_mail(probe);
		deliver_probe_begin_step(probe, "rcpt");
	}
}

static void go_on(struct deliver_probe *probe)
{
	if (deliver_link_tls(probe->link) != NULL)
		deliver_probe_tell_revocation(probe, deliver_probe_step_ms(probe));
	try_mail(probe);
}

static void on_standing(void *context)
{
	struct deliver_probe *probe = context;

	go_on(probe);
	if (probe->link != NULL)
		deliver_link_poke(probe->link);
}

static void on_ready(struct deliver_probe *probe)
{
	if (deliver_link_tls(probe->link) == NULL)
		deliver_probe_tell_no_tls(probe, deliver_probe_step_ms(probe));
	if (is_own_name(probe)) {
		probe->step = "ehlo";
		deliver_probe_end_step(probe, WIRE_PROBE_FAILED, probe->self->hostname,
			"the next hop calls itself by this host's own name: a loop",
			"Name another host, or give this one a hostname of its own");
		deliver_probe_leave_host(probe);
		return;
	}
	probe->standing = (struct deliver_standing){.self = probe->self,
		.route = &probe->route,
		.link = probe->link,
		.is_trial = true,
		.done = on_standing,
		.context = probe};
	deliver_probe_begin_step(probe, "revocation");
	if (!deliver_standing_begin(&probe->standing))
		go_on(probe);
}

/* The ladder, as for mail. */
static void on_tls_failed(struct deliver_probe *probe)
{
	struct deliver_address address = *deliver_link_address(probe->link);
	bool may_clear = deliver_gate_allows_clear(&probe->route, &probe->self->node->tls, NULL);
	bool is_ours = deliver_link_tls_failure(probe->link) == TLS_FAILURE_SIGNATURE;
	enum policy_outcome outcome = deliver_link_tls_failure(probe->link) == TLS_FAILURE_VERSION
					      ? POLICY_VERSION_TOO_OLD
					      : POLICY_HANDSHAKE_FAILED;
	struct wire_probe_step step = {
		.step = "handshake",
		.result = WIRE_PROBE_NOTE,
		.ms = deliver_probe_step_ms(probe),
		.token = policy_outcome_row(outcome)->token,
		.remedy = policy_outcome_row(outcome)->remedy,
	};
	const char *then = "";

	step.expected = deliver_probe_tls_expected(probe,
		probe->route.required > MODEL_LEVEL_NONE ? probe->route.minimum_version
							 : MODEL_TLS_12,
		&probe->route.groups);
	if (deliver_present_failed(
		    probe->self, &probe->route, &probe->targets[probe->target_at], probe->link) &&
		probe->tries < DELIVER_TRIES) {
		then = "; trying again with another version of our certificate";
	} else if (!is_ours && probe->attempt == RECEIPT_ATTEMPT_FULL) {
		probe->attempt = RECEIPT_ATTEMPT_REDUCED;
		then = "; trying again with a smaller ClientHello";
	} else if (!is_ours && may_clear) {
		probe->attempt = RECEIPT_ATTEMPT_CLEAR;
		then = "; trying again in clear, because nothing requires TLS";
	} else {
		step.result = WIRE_PROBE_FAILED;
	}
	step.text = arena_format(probe->arena, "%s%s", deliver_link_reason(probe->link), then);
	deliver_probe_tell(probe, &step);
	if (step.result == WIRE_PROBE_FAILED)
		deliver_probe_leave_host(probe);
	else
		deliver_probe_connect(probe, &address);
}

void deliver_probe_unreachable(struct deliver_probe *probe, const char *why)
{
	bool more = probe->address_at + 1 < probe->address_count && probe->tries < DELIVER_TRIES;

	deliver_probe_end_step(probe, more ? WIRE_PROBE_NOTE : WIRE_PROBE_FAILED, NULL,
		arena_format(probe->arena, "%s%s", why,
			more ? "; trying the next address, as for mail" : ""),
		"Check the host's name, its address and any firewall on the way");
	deliver_link_free(&probe->link);
	probe->address_at++;
	deliver_probe_next_address(probe);
}

static void on_lost(struct deliver_probe *probe)
{
	const struct smtp_client_failure *failure =
		smtp_client_failure(deliver_link_client(probe->link));

	if (strcmp(probe->step, "ehlo-again") == 0)
		probe->step = "ehlo";
	deliver_probe_end_step(probe, WIRE_PROBE_FAILED, failure->code > 0 ? failure->text : NULL,
		failure->code > 0	   ? "the server ends the session with this reply"
		: failure->text[0] != '\0' ? failure->text
					   : "the connection was lost",
		"The server says why, or its log does: ask its owner");
	deliver_probe_leave_host(probe);
}

static void on_event(void *context, enum deliver_link_event event)
{
	struct deliver_probe *probe = context;

	deliver_standing_stop(&probe->standing);
	switch (event) {
	case DELIVER_LINK_READY:
		on_ready(probe);
		break;
	case DELIVER_LINK_DONE:
		on_done(probe);
		break;
	case DELIVER_LINK_UNREACHABLE:
		deliver_probe_unreachable(probe, deliver_link_reason(probe->link));
		break;
	case DELIVER_LINK_TLS_FAILED:
		on_tls_failed(probe);
		break;
	case DELIVER_LINK_LOST:
		on_lost(probe);
		break;
	}
}

static const struct deliver_link_owner owner = {.event = on_event, .progress = on_progress};

/* No session is resumed, and none kept: all is proven anew. */
void deliver_probe_connect(struct deliver_probe *probe, const struct deliver_address *address)
{
	struct deliver_link_options options = deliver_way_options(
		probe->self, &probe->route, &probe->targets[probe->target_at], address);

	options.key = "probe";
	options.attempt = probe->attempt;
	probe->tries++;
	deliver_standing_stop(&probe->standing);
	deliver_link_free(&probe->link);
	probe->link = deliver_link_new(&options, &owner, probe);
	deliver_probe_begin_step(probe, "connect");
}
