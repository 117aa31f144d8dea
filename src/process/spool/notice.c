/* Notices: what core/message writes, as a message of the queue. */
#include "process/spool/state.h"

/* Kept in the envelope's helo, where no client can put a blank. */
const char spool_notice_marker[] = " notice";
const char spool_notice_double_marker[] = " notice to postmaster";

const char *spool_notice_postmaster(
	struct spool *spool, const char *organisation, struct arena *arena)
{
	const struct model_organisation *o =
		organisation != NULL ? policy_organisation(spool->snapshot, organisation) : NULL;

	if (o != NULL && o->postmaster != NULL)
		return arena_text(arena, o->postmaster);
	for (size_t i = 0; o != NULL && i < spool->config->domains.count; i++) {
		const struct model_domain *domain = &spool->config->domains.items[i];

		if (strcmp(domain->organisation, o->name) == 0)
			return arena_format(arena, "postmaster@%s", domain->name);
	}
	return arena_text(arena, spool->settings.postmaster);
}

static int64_t expires(const struct spool *spool, const struct spool_message *about)
{
	struct queue_history history = {
		.received_ms = about->m.wire.received_ms, .attempts = 1, .delay_noticed = true};

	return queue_next_attempt(&history, &spool->settings.queue, spool->now_ms()).expires_ms;
}

static void make_envelope(struct spool *spool, const struct spool_notice *notice,
	struct message_dsn_needs needs, struct arena *arena, struct store_message *m)
{
	struct store_recipient *r = arena_alloc(arena, sizeof(*r));
	struct policy_outbound out;

	m->wire.received_ms = spool->now_ms();
	m->wire.sender = "";
	m->wire.ret = WIRE_RET_HEADERS;
	m->wire.body = needs.eightbit ? WIRE_BODY_8BITMIME : WIRE_BODY_7BIT;
	m->wire.smtputf8 = needs.utf8;
	m->wire.helo = notice->marker;
	m->wire.subject = NULL;
	r->wire.address = arena_text(arena, notice->to);
	r->wire.notify = WIRE_NOTIFY_NEVER;
	/* One that is no longer configured has no connectors to go by. */
	r->wire.organisation = policy_organisation(spool->snapshot, notice->organisation) != NULL
				       ? notice->organisation
				       : NULL;
	r->wire.originating = r->wire.organisation != NULL;
	r->route = spool_route(spool, &m->wire, &r->wire, arena, &out);
	r->due_ms = m->wire.received_ms;
	m->recipients.items = r;
	m->recipients.count = 1;
}

enum err spool_notice_make(struct spool *spool, const struct spool_notice *notice,
	const struct spool_message *about, struct str content, struct arena *arena,
	struct store_message *ret, struct buf *ret_bytes)
{
	const struct wire_message *m = &about->m.wire;
	char id[WIRE_ID_TEXT], own_id[WIRE_ID_TEXT];
	struct message_dsn_needs needs;
	struct message_dsn dsn = {
		.hostname = spool->settings.hostname,
		.to = notice->to,
		.id = id,
		.own_id = own_id,
		.envelope_id = m->envelope_id,
		.subject = m->subject,
		.sender = notice->double_sender,
		.received_ms = m->received_ms,
		.now_ms = spool->now_ms(),
		.utf8 = m->smtputf8,
		.full = m->ret == WIRE_RET_FULL &&
			notice->recipients[0].action == MESSAGE_DSN_FAILED,
		.binary = m->body == WIRE_BODY_BINARYMIME,
		.content = content,
		.size = m->size,
		.recipients = notice->recipients,
		.count = notice->count,
	};
	enum err e;

	*ret = (struct store_message){.wire = {.id = spool_new_id(spool)}};
	wire_id_format(about->id, id);
	wire_id_format(ret->wire.id, own_id);
	dsn.expires_ms = expires(spool, about);
	e = message_dsn_format(&dsn, ret_bytes, &needs);
	if (e != ERR_OK)
		return e;
	make_envelope(spool, notice, needs, arena, ret);
	ret->wire.size = (int64_t)buf_length(ret_bytes);
	ret->wire.message_id = arena_format(arena, "<%s@%s>", own_id, dsn.hostname);
	return ERR_OK;
}
