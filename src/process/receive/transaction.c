/* The answers that the session machine asks for, and the way of a message to the spool. */
#include "process/receive/internal.h"

#include "core/message/received.h"
#include "port/log/log.h"

#include <stdlib.h>

enum {
	/* All recipients of one message must fit into one frame to the spool. */
	RECIPIENTS_SIZE_MAX = WIRE_MAX_PAYLOAD / 2,
	RECIPIENT_OVERHEAD = 256,
};

/* ---- refusals ------------------------------------------------------------------------------- */

/* A refusal as the log, the counters and the trace see it. */
struct refusal {
	const char *token, *enhanced, *text, *recipient;
	const struct policy_inbound *inbound; /* NULL: not by policy */
};

static void report_refusal(struct receive_session *s, const struct refusal *refusal)
{
	static const struct policy_inbound nobody;
	const struct policy_inbound *inbound =
		refusal->inbound != NULL ? refusal->inbound : &nobody;
	struct receive_transaction *t = s->transaction;
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct receipt receipt;
	struct wire_event event = {.at_ms = runtime_now_ms(), .kind = "refused"};

	receive_facts_receipt(s, inbound, arena, &receipt);
	receipt.token = refusal->token;
	receipt.reason = refusal->text;
	event.sender = t != NULL ? t->message.sender : NULL;
	event.recipient = refusal->recipient;
	event.organisation = inbound->organisation;
	event.connector = inbound->connector;
	event.token = refusal->token;
	event.enhanced = refusal->enhanced;
	event.text = refusal->text;
	event.message_id = t != NULL ? message_headers_id(&t->headers) : NULL;
	event.size = t != NULL ? (int64_t)t->size : 0;
	event.receipt = &receipt;
	s->refused++;
	receive_count_refusal(s->receive, refusal->token);
	log_event(LOG_INFO_LEVEL, "message.refused", LOG_TEXT("address", s->address),
		LOG_TEXT("sender", event.sender), LOG_TEXT("recipient", event.recipient),
		LOG_TEXT("organisation", event.organisation),
		LOG_TEXT("connector", event.connector), LOG_TEXT("token", event.token),
		LOG_TEXT("enhanced", event.enhanced), LOG_TEXT("text", event.text),
		LOG_TEXT("tls", receipt.version));
	/* A flood of refusals must not fill the channel that mail needs. */
	if (s->receive->spool != NULL && !s->receive->spool_is_full &&
		!ipc_send(s->receive->spool, WIRE_EVENT, &event))
		s->receive->spool_is_full = true;
}

/* ---- a transaction's life ------------------------------------------------------------------- */

static void forget(struct receive_session *s)
{
	struct receive_transaction *t = s->transaction;

	if (t == NULL)
		return;
	s->transaction = NULL;
	if (t->has_content)
		map_remove(
			s->receive->transactions, str_make(&t->message.id, sizeof(t->message.id)));
	buf_free(&t->chunk);
	arena_free(&t->arena);
	free(t);
}

void receive_transaction_drop(struct receive_session *s)
{
	struct receive_transaction *t = s->transaction;

	if (t == NULL)
		return;
	/* What is committed cannot be taken back; the client may send it again. */
	if (t->has_content && !t->is_committed && s->receive->spool != NULL) {
		struct wire_id id = {t->message.id};

		ipc_send(s->receive->spool, WIRE_ACCEPT_ABORT, &id);
	}
	forget(s);
}

void receive_transaction_lost(struct receive_session *s)
{
	static const struct smtp_fault gone = {451, "4.3.0", "Try again later"};
	bool was_committed = s->transaction != NULL && s->transaction->is_committed;

	forget(s);
	if (was_committed)
		smtp_server_reply(s->smtp, gone.code, gone.enhanced, gone.text);
	else
		smtp_server_refuse(s->smtp, &gone);
	receive_session_run(s);
}

bool receive_transaction_has_room(const struct receive_session *s)
{
	const struct receive_transaction *t = s->transaction;

	if (t == NULL || !t->has_content || t->is_committed)
		return true;
	return !s->receive->spool_is_full &&
	       t->window >= (int64_t)buf_length(&t->chunk) + WIRE_CHUNK;
}

/* ---- envelope ------------------------------------------------------------------------------- */

/* Whether mail can be taken at all now; else the reply is given. */
static bool is_open(struct receive_session *s)
{
	struct receive *r = s->receive;

	if (r->spool == NULL || r->snapshot == NULL) {
		smtp_server_reply(s->smtp, 451, "4.3.0", "Try again later");
		return false;
	}
	if (r->intake_closed) {
		smtp_server_reply(s->smtp, 452, "4.3.1", "No space for mail, try again later");
		return false;
	}
	return true;
}

static void on_mail(struct receive_session *s, const struct smtp_params_mail *mail)
{
	struct receive_transaction *t;

	receive_transaction_drop(s);
	if (!is_open(s))
		return;
	t = mem_new(sizeof(*t));
	t->arena = arena_new();
	t->message.sender = arena_text_of(t->arena, mail->sender.text);
	t->message.envelope_id =
		mail->envelope_id.n > 0 ? arena_text_of(t->arena, mail->envelope_id) : NULL;
	t->message.ret = mail->ret;
	t->message.body = mail->body;
	t->message.smtputf8 = mail->smtputf8;
	t->window = WIRE_WINDOW;
	buf_init(&t->chunk, WIRE_CHUNK);
	s->transaction = t;
	smtp_server_reply(s->smtp, 250, "2.1.0", "Ok");
}

/* What is kept of policy's answer must outlive the snapshot. */
static void keep_inbound(struct receive_transaction *t, const struct policy_inbound *from)
{
	struct arena *a = t->arena;
	struct policy_inbound *to = &t->inbound;

	*to = *from;
	to->text = arena_text(a, from->text);
	to->organisation = arena_text(a, from->organisation);
	to->connector = arena_text(a, from->connector);
	to->name_expected = arena_text(a, from->name_expected);
	to->name_matched = arena_text(a, from->name_matched);
	to->anchors = arena_text(a, from->anchors);
	to->required_by.items = arena_array(a, from->required_by.count + 1, sizeof(char *));
	for (size_t i = 0; i < from->required_by.count; i++)
		to->required_by.items[i] = arena_text(a, from->required_by.items[i]);
	to->considered = (struct policy_candidates){0};
}

static void add_recipient(struct receive_transaction *t, const struct smtp_params_rcpt *rcpt,
	const struct policy_inbound *inbound, uint64_t generation)
{
	struct wire_recipient *to;

	if (t->message.recipients.count == t->recipient_room) {
		size_t room = t->recipient_room * 2 + 4;
		struct wire_recipient *more = arena_array(t->arena, room, sizeof(*more));

		if (t->message.recipients.count > 0)
			memcpy(more, t->message.recipients.items,
				t->message.recipients.count * sizeof(*more));
		t->message.recipients.items = more;
		t->recipient_room = room;
	}
	if (t->message.recipients.count == 0) {
		keep_inbound(t, inbound);
		t->generation = generation;
	}
	to = &t->message.recipients.items[t->message.recipients.count];
	*to = (struct wire_recipient){
		.number = (int64_t)t->message.recipients.count,
		.address = arena_text_of(t->arena, rcpt->recipient.text),
		.original = rcpt->original.n > 0 ? arena_text_of(t->arena, rcpt->original) : NULL,
		.notify = rcpt->notify,
		.organisation = arena_text(t->arena, inbound->organisation),
		.connector = arena_text(t->arena, inbound->connector),
		.originating = inbound->originating,
	};
	t->message.recipients.count++;
}

static void refuse_recipient(
	struct receive_session *s, const char *recipient, const struct policy_inbound *inbound)
{
	const struct policy_outcome_row *row = policy_outcome_row(inbound->outcome);
	const char *text = inbound->text != NULL ? inbound->text : row->text;
	const char *enhanced;
	int reply = policy_inbound_reply(inbound, &enhanced);

	report_refusal(s, &(struct refusal){.token = row->token,
				  .enhanced = enhanced,
				  .text = text,
				  .recipient = recipient,
				  .inbound = inbound});
	smtp_server_reply(s->smtp, reply, enhanced, inbound->reply != NULL ? inbound->reply : text);
}

static void on_rcpt(struct receive_session *s, const struct smtp_params_rcpt *rcpt)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct receive_transaction *t = s->transaction;
	struct policy_inbound inbound = {0};
	const char *address = arena_text_of(arena, rcpt->recipient.text);
	size_t size = rcpt->recipient.text.n + rcpt->original.n + RECIPIENT_OVERHEAD;

	if (t->recipients_size + size > RECIPIENTS_SIZE_MAX) {
		smtp_server_reply(s->smtp, 452, "4.5.3", "Too many recipients");
		return;
	}
	policy_attribute(s->receive->snapshot, receive_facts(s), str_of(t->message.sender),
		rcpt->recipient.text, arena, &inbound);
	if (!inbound.accepted) {
		refuse_recipient(s, address, &inbound);
		return;
	}
	t->recipients_size += size;
	add_recipient(t, rcpt, &inbound, policy_snapshot_generation(s->receive->snapshot));
	smtp_server_reply(s->smtp, 250, "2.1.5", "Ok");
}

/* ---- content -------------------------------------------------------------------------------- */

static void flush(struct receive_session *s)
{
	struct receive_transaction *t = s->transaction;
	struct wire_data data = {t->message.id, buf_str(&t->chunk)};

	if (data.data.n == 0)
		return;
	t->window -= (int64_t)data.data.n;
	if (!ipc_send(s->receive->spool, WIRE_ACCEPT_DATA, &data))
		s->receive->spool_is_full = true;
	buf_clear(&t->chunk);
}

/* Content leaves in chunks that are full, the last one excepted. */
static void put_content(struct receive_session *s, struct str bytes)
{
	struct receive_transaction *t = s->transaction;

	t->size += bytes.n;
	while (bytes.n > 0) {
		size_t n = buf_room(&t->chunk);

		n = n < bytes.n ? n : bytes.n;
		buf_put(&t->chunk, str_part(bytes, 0, n));
		bytes = str_part(bytes, n, bytes.n);
		if (buf_room(&t->chunk) == 0)
			flush(s);
	}
}

static void put_received(struct receive_session *s)
{
	struct receive_transaction *t = s->transaction;
	struct wire_message *m = &t->message;
	char id[WIRE_ID_TEXT];
	struct message_received received = {
		.helo = s->helo != NULL ? s->helo : "unknown",
		.address = s->address[0] != '\0' ? s->address : NULL,
		.hostname = s->settings->node->hostname,
		.is_esmtp = s->is_esmtp,
		.smtputf8 = m->smtputf8,
		.id = id,
		.recipient = m->recipients.count == 1 ? m->recipients.items[0].address : NULL,
		.at_ms = m->received_ms,
		.receipt = &m->receipt,
	};
	struct buf field;

	wire_id_format(m->id, id);
	buf_init(&field, MESSAGE_RECEIVED_MAX);
	if (message_received_format(&received, &field) == ERR_OK)
		put_content(s, buf_str(&field));
	buf_free(&field);
}

static void on_begin(struct receive_session *s)
{
	struct receive_transaction *t = s->transaction;

	if (!is_open(s)) {
		receive_transaction_drop(s);
		return;
	}
	/* A recipient may be refused now, or accepted for another reason. */
	if (t->generation != policy_snapshot_generation(s->receive->snapshot)) {
		smtp_server_reply(
			s->smtp, 451, "4.3.0", "The configuration has changed, try again");
		receive_transaction_drop(s);
		return;
	}
	t->message.id = receive_spool_next_id(s->receive);
	t->message.received_ms = runtime_now_ms();
	t->message.helo = arena_text(t->arena, s->helo);
	receive_facts(s);
	receive_facts_receipt(s, &t->inbound, t->arena, &t->message.receipt);
	t->has_content = true;
	map_set(s->receive->transactions, str_make(&t->message.id, sizeof(t->message.id)), s);
	put_received(s);
	smtp_server_go(s->smtp);
}

static void give_up(struct receive_session *s, const char *token, const struct smtp_fault *fault)
{
	report_refusal(s, &(struct refusal){.token = token,
				  .enhanced = fault->enhanced,
				  .text = fault->text,
				  .inbound = &s->transaction->inbound});
	receive_transaction_drop(s);
}

static void on_content(struct receive_session *s, struct str data)
{
	static const struct smtp_fault loop = {554, "5.4.6", "Too many hops: mail loops"};
	struct receive_transaction *t = s->transaction;

	if (t == NULL)
		return;
	if (!t->headers.is_body)
		message_headers_feed(&t->headers, data);
	if (t->headers.received > (unsigned)s->settings->node->limits.hops) {
		give_up(s, "loop", &loop);
		smtp_server_refuse(s->smtp, &loop);
		return;
	}
	put_content(s, data);
}

static void on_end(struct receive_session *s)
{
	struct receive_transaction *t = s->transaction;
	struct wire_message *m = &t->message;

	flush(s);
	buf_free(&t->chunk);
	m->size = (int64_t)t->size;
	m->hops = t->headers.received;
	m->message_id = message_headers_id(&t->headers);
	m->subject = message_headers_subject(&t->headers);
	if (m->body == WIRE_BODY_7BIT && smtp_server_is_eight_bit(s->smtp))
		/* Said otherwise, or nothing; the next hop must know. */
		m->body = WIRE_BODY_8BITMIME;
	/* What the facts hold may be made anew before the spool has read it, so it is sent now. */
	receive_facts_receipt(s, &t->inbound, t->arena, &m->receipt);
	m->receipt.reply = "250 2.0.0 Ok";
	t->is_committed = true;
	if (!ipc_send(s->receive->spool, WIRE_ACCEPT_COMMIT, m))
		s->receive->spool_is_full = true;
}

static void log_accepted(struct receive_session *s, const char *id)
{
	const struct wire_message *m = &s->transaction->message;

	log_event(LOG_INFO_LEVEL, "message.accepted", LOG_TEXT("id", id),
		LOG_TEXT("address", s->address), LOG_TEXT("sender", m->sender),
		LOG_TEXT("recipient", m->recipients.items[0].address),
		LOG_NUMBER("recipients", (int64_t)m->recipients.count), LOG_NUMBER("size", m->size),
		LOG_TEXT("organisation", s->transaction->inbound.organisation),
		LOG_TEXT("connector", s->transaction->inbound.connector),
		LOG_TEXT("tls", m->receipt.version), LOG_TEXT("message_id", m->message_id));
}

static void reply_failure(struct receive_session *s, enum err error)
{
	log_event(LOG_WARNING_LEVEL, "message.not-stored", LOG_TEXT("address", s->address),
		LOG_TEXT("sender", s->transaction->message.sender),
		LOG_TEXT("reason", err_token(error)));
	receive_count_refusal(s->receive, err_token(error));
	if (error == ERR_FULL || error == ERR_BUSY)
		smtp_server_reply(s->smtp, 452, "4.3.1", "No space for mail, try again later");
	else
		smtp_server_reply(s->smtp, 451, "4.3.0", "Not stored, try again later");
}

void receive_transaction_done(struct receive_session *s, const struct wire_done *done)
{
	struct receive_transaction *t = s->transaction;
	char id[WIRE_ID_TEXT], text[64] = "Ok: queued as ";

	if (t == NULL)
		return;
	if (!t->is_committed) {
		/* The spool cannot take the rest (disk full, ...). */
		static const struct smtp_fault full = {452, "4.3.1", "No space for mail"};

		receive_count_refusal(s->receive, err_token((enum err)done->error));
		forget(s);
		smtp_server_refuse(s->smtp, &full);
		receive_session_run(s);
		return;
	}
	if (done->error != ERR_OK) {
		reply_failure(s, (enum err)done->error);
	} else {
		wire_id_format(t->message.id, id);
		memcpy(text + strlen(text), id, sizeof(id));
		s->receive->accepted++;
		s->receive->accepted_bytes += t->size;
		log_accepted(s, id);
		smtp_server_reply(s->smtp, 250, "2.0.0", text);
	}
	forget(s);
	receive_session_run(s);
}

/* ---- the machine's wishes ------------------------------------------------------------------- */

static void on_hello(struct receive_session *s, const struct smtp_server_action *action)
{
	receive_transaction_drop(s);
	free(s->helo);
	s->helo = mem_text_of(action->helo);
	s->is_esmtp = action->is_esmtp;
}

static const char *token_of(const struct smtp_fault *fault)
{
	static const struct {
		const char *enhanced, *token;
	} tokens[] = {{"5.3.4", "too-large"}, {"5.6.0", "content-not-allowed"},
		{"5.5.2", "bare-newline"}, {"4.7.0", "too-many-errors"}};

	for (size_t i = 0; i < ARRAY_LENGTH(tokens); i++)
		if (strcmp(fault->enhanced, tokens[i].enhanced) == 0)
			return tokens[i].token;
	return "protocol";
}

/* The machine has given up the transaction, or the session. */
static void on_fault(struct receive_session *s, const struct smtp_server_action *action)
{
	const struct smtp_fault *fault = &action->fault;

	if (fault->code != 0 && s->transaction != NULL)
		give_up(s, token_of(fault), fault);
	else if (fault->code != 0)
		receive_count_refusal(s->receive, token_of(fault));
	receive_transaction_drop(s);
	if (action->type == SMTP_SERVER_CLOSE && s->end == NULL)
		s->end = fault->code != 0	   ? token_of(fault)
			 : s->receive->is_draining ? "shutting-down"
						   : "quit";
}

void receive_transaction_act(struct receive_session *s, const struct smtp_server_action *action)
{
	switch (action->type) {
	case SMTP_SERVER_HELLO:
		on_hello(s, action);
		break;
	case SMTP_SERVER_MAIL:
		on_mail(s, &action->mail);
		break;
	case SMTP_SERVER_RCPT:
		on_rcpt(s, &action->rcpt);
		break;
	case SMTP_SERVER_BEGIN:
		on_begin(s);
		break;
	case SMTP_SERVER_CONTENT:
		on_content(s, action->data);
		break;
	case SMTP_SERVER_END:
		on_end(s);
		break;
	case SMTP_SERVER_RESET:
	case SMTP_SERVER_CLOSE:
		on_fault(s, action);
		break;
	case SMTP_SERVER_STARTTLS:
		receive_transaction_drop(s);
		break;
	}
}
