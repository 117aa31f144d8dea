/*
 * Clients that were shown a version of our certificate, and left without sending.
 *
 * Postfix, when it must verify us and cannot, finishes the handshake, says QUIT and comes again
 * later.  What counts is in core/cert/leavers.h; a session counts when TLS was up, nothing went
 * wrong on our side, and the client has gone by itself without ever having said MAIL.
 */
#include "process/receive/internal.h"

#include "port/log/log.h"

static struct cert_leavers *leavers_of(struct receive *r)
{
	if (r->leavers == NULL)
		r->leavers = cert_leavers_new((uint64_t)runtime_ticks_ms());
	return r->leavers;
}

static void tell(struct receive *r, const struct cert_leave *leave)
{
	const struct wire_left left = {
		.partner = leave->partner,
		.certificate = leave->certificate,
		.version = leave->version,
		.is_known = leave->is_known,
		.at_ms = leave->at_ms,
	};

	if (r->spool != NULL && !r->spool_is_full)
		ipc_send(r->spool, WIRE_LEFT, &left);
}

void receive_leaving_tries(struct receive_session *s)
{
	struct receive *r = s->receive;
	struct arena *arena CLEANUP(arena_free) = NULL;
	struct cert_leave leave = {0};
	struct cert_party party;

	s->has_tried = true;
	if (r->leavers == NULL)
		return;
	arena = arena_new();
	party = receive_present_partner(s, arena);
	leave.partner = cert_party_name(&party, arena);
	leave.at_ms = party.now_ms;
	if (leave.partner != NULL && cert_leavers_tries(r->leavers, leave.partner))
		tell(r, &leave);
}

/* By its address, as another process may not know yet which connector it belongs to. */
void receive_leaving_sent(struct receive_session *s)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct cert_party party = receive_present_partner(s, arena);
	struct cert_leave leave = {.partner = party.place, .at_ms = party.now_ms};

	if (leave.partner != NULL && cert_leavers_sent(leavers_of(s->receive), leave.partner))
		tell(s->receive, &leave);
}

/* Has it gone by itself? */
static bool has_left(const struct receive_session *s, const char *why)
{
	return s->facts.is_tls && !s->has_tried && why != NULL && !s->receive->is_draining &&
	       smtp_server_errors(s->smtp) == 0 &&
	       (strcmp(why, "quit") == 0 || strcmp(why, "connection-lost") == 0);
}

void receive_leaving_ends(struct receive_session *s, const char *why)
{
	const struct receive_settings *settings = s->receive->settings;
	const struct receipt *shown = &s->facts_receipt;
	struct cert_choose_facts facts = {.is_refused = cert_party_refuses, .peer = s->address};
	struct arena *arena CLEANUP(arena_free) = NULL;
	struct cert_leave leave = {0};
	struct cert_party party;
	bool is_proven;
	unsigned times;

	if (!has_left(s, why) || settings == NULL || shown->own_version == NULL)
		return;
	facts.life = cert_life_of(settings->lives, settings->life_count, shown->own_certificate);
	if (facts.life == NULL)
		return;
	arena = arena_new();
	party = receive_present_party(s, arena, &is_proven);
	facts.connector = party.connector;
	facts.now_ms = party.now_ms;
	facts.context = &party;
	if (!cert_leave_matters(&facts, shown->own_version))
		return;
	party = receive_present_partner(s, arena);
	leave = (struct cert_leave){
		.partner = cert_party_name(&party, arena),
		.certificate = shown->own_certificate,
		.version = shown->own_version,
		.is_known = party.connector != NULL,
		.at_ms = party.now_ms,
	};
	if (leave.partner == NULL)
		return;
	times = cert_leavers_left(leavers_of(s->receive), &leave);
	if (times >= CERT_LEAVES) {
		receive_present_refused(s, shown, cert_leave_reason);
		/* Others need not count any more what they have heard of. */
		leave.certificate = leave.version = NULL;
		tell(s->receive, &leave);
	} else if (times > 0) {
		log_event(LOG_INFO_LEVEL, "certificate.left", LOG_TEXT("by", leave.partner),
			LOG_TEXT("address", s->address), LOG_TEXT("certificate", leave.certificate),
			LOG_TEXT("version", leave.version));
		tell(s->receive, &leave);
	}
}

void receive_leaving_learn(struct receive *r, const struct wire_left *left)
{
	const struct cert_leave leave = {
		.partner = left->partner,
		.certificate = left->certificate,
		.version = left->version,
		.is_known = left->is_known,
		.at_ms = left->at_ms,
	};

	if (left->partner == NULL || (left->certificate != NULL && left->version == NULL))
		return;
	/* Who leaves twice at two processes at once is noticed by both of them. */
	if (left->certificate == NULL)
		cert_leavers_sent(leavers_of(r), left->partner);
	else
		(void)cert_leavers_left(leavers_of(r), &leave);
}
