/* The answers that the session machine asks for, and the way of a message to the spool. */
#include "process/receive/internal.h"

#include "port/log/log.h"

#include <stdlib.h>

/* ---- refusals ------------------------------------------------------------------------------- */

void receive_transaction_report(struct receive_session *s, const struct receive_refusal *refusal)
{
	static const struct policy_inbound nobody;
	const struct policy_inbound *inbound =
		refusal->inbound != NULL ? refusal->inbound : &nobody;
	struct receive_transaction *t = s->transaction;
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct receipt receipt;
	struct wire_event event = {.at_ms = runtime_now_ms(), .kind = "refused"};

	receive_facts_receipt(s, inbound, arena, &receipt);
	if (inbound->receiver != NULL && !inbound->originating) {
		/* It is the other organisation that refuses, and that is to know of it. */
		receipt.organisation = inbound->receiver;
		receipt.connector = inbound->receiver_connector;
	}
	receipt.token = refusal->token;
	receipt.reason = refusal->text;
	receipt.reply = arena_format(arena, "%d %s %s", refusal->code, refusal->enhanced,
		refusal->told != NULL ? refusal->told : refusal->text);
	event.sender = t != NULL ? t->message.sender : NULL;
	event.recipient = refusal->recipient;
	event.organisation = receipt.organisation;
	event.connector = receipt.connector;
	event.token = refusal->token;
	event.enhanced = refusal->enhanced;
	event.text = refusal->text;
	event.message_id = t != NULL ? message_headers_id(&t->headers) : NULL;
	event.size = t != NULL ? (int64_t)t->size : 0;
	event.receipt = &receipt;
	s->refused++;
	receive_count_refusal(s, refusal->token);
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
	message_fields_clear(&t->fields);
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
	/* Behind the header what comes is what goes; within it names may have been held back. */
	return !s->receive->spool_is_full &&
	       t->window >= (int64_t)buf_length(&t->chunk) + WIRE_CHUNK +
				    (t->firewall.is_body ? 0 : 2 * MESSAGE_FIREWALL_NAME_MAX);
}

void receive_transaction_give_up(
	struct receive_session *s, const char *token, const struct smtp_fault *fault)
{
	receive_transaction_report(s, &(struct receive_refusal){.token = token,
					      .code = fault->code,
					      .enhanced = fault->enhanced,
					      .text = fault->text,
					      .inbound = &s->transaction->inbound});
	receive_transaction_drop(s);
}

/* ---- the verdict of the spool ---------------------------------------------------------------- */

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
	receive_count_refusal(s, err_token(error));
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

		receive_count_refusal(s, err_token((enum err)done->error));
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
		receive_count_accepted(s);
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
		receive_transaction_give_up(s, token_of(fault), fault);
	else if (fault->code != 0)
		receive_count_refusal(s, token_of(fault));
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
		receive_leaving_tries(s);
		receive_envelope_mail(s, &action->mail);
		break;
	case SMTP_SERVER_RCPT:
		receive_envelope_rcpt(s, &action->rcpt);
		break;
	case SMTP_SERVER_BEGIN:
		receive_content_begin(s);
		break;
	case SMTP_SERVER_CONTENT:
		receive_content_take(s, action->data);
		break;
	case SMTP_SERVER_END:
		receive_content_end(s);
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
