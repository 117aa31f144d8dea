/* One transaction of the client machine: envelope, content, replies. */
#include "core/smtp/client_inside.h"

#include <stdio.h>

enum {
	OUT_FILL = 64 * 1024, /* no more commands or content are made while that much waits */
	CHUNKS_AHEAD = 16,    /* BDAT chunks sent before their replies have come */
};

/* ---- outcomes -------------------------------------------------------------------------------- */

static bool is_pending(const struct smtp_client *c, size_t i)
{
	return c->outcomes[i].result == SMTP_CLIENT_PENDING;
}

static void settle(struct smtp_client *c, size_t i, const struct smtp_client_outcome *outcome)
{
	if (is_pending(c, i))
		c->outcomes[i] = *outcome;
}

static void settle_all(struct smtp_client *c, const struct smtp_client_outcome *outcome)
{
	for (size_t i = 0; i < c->outcome_count; i++)
		settle(c, i, outcome);
	c->accepted = 0;
}

static struct smtp_client_outcome own_verdict(const char *enhanced, const char *text)
{
	struct smtp_client_outcome outcome = {
		.result = SMTP_CLIENT_PERMANENT, .text = text, .stage = "before MAIL"};

	snprintf(outcome.enhanced, sizeof(outcome.enhanced), "%s", enhanced);
	return outcome;
}

static struct smtp_client_outcome outcome_of(
	struct smtp_client *c, const struct smtp_reply *reply, const char *stage)
{
	struct smtp_client_outcome outcome = {.code = reply->code, .stage = stage};
	char shown[SMTP_REPLY_SHOWN + 1];

	smtp_reply_show(reply, shown);
	outcome.text = arena_text(c->arena, shown);
	outcome.result = reply->code >= 500   ? SMTP_CLIENT_PERMANENT
			 : reply->code >= 400 ? SMTP_CLIENT_TEMPORARY
					      : SMTP_CLIENT_ACCEPTED;
	snprintf(outcome.enhanced, sizeof(outcome.enhanced), "%s", reply->enhanced);
	if (outcome.enhanced[0] == '\0')
		snprintf(outcome.enhanced, sizeof(outcome.enhanced), "%d.0.0", reply->code / 100);
	return outcome;
}

/* "Too many recipients" was 552 once (RFC 5321 4.5.3.1.10); with an enhanced code 552 means what
 * that says, most often a full mailbox. */
static void consider_too_many(struct smtp_client_outcome *outcome, const struct smtp_reply *reply)
{
	bool bare = reply->enhanced[0] == '\0';

	if (reply->code == 552 && (bare || str_is(str_of(reply->enhanced), "5.5.3"))) {
		outcome->result = SMTP_CLIENT_TEMPORARY;
		outcome->too_many = true;
		snprintf(outcome->enhanced, sizeof(outcome->enhanced), "4.5.3");
	}
	if (reply->code == 452 && (bare || str_is(str_of(reply->enhanced), "4.5.3")))
		outcome->too_many = true;
}

const struct smtp_client_outcome *smtp_client_outcome(const struct smtp_client *c, size_t i)
{
	return &c->outcomes[i];
}

static void finish(struct smtp_client *c)
{
	c->mail = NULL;
	smtp_client_set_state(c, SMTP_CLIENT_STATE_IDLE);
	smtp_client_emit(c, SMTP_CLIENT_DONE);
}

void smtp_client_mail_lost(struct smtp_client *c)
{
	struct smtp_client_outcome outcome = {
		.result = SMTP_CLIENT_NO_VERDICT,
		.code = c->failure.code,
		.text = arena_text(c->arena, c->failure.text),
		.stage = c->failure.stage,
	};

	snprintf(outcome.enhanced, sizeof(outcome.enhanced), "%s",
		c->failure.enhanced[0] == '4' ? c->failure.enhanced : "4.4.2");
	settle_all(c, &outcome);
	finish(c);
}

/* ---- the envelope ---------------------------------------------------------------------------- */

/* An address as it may stand between < and >: what the parser of the receiving side lets through,
 * checked again here because nothing that reaches this point may end a command early. */
static bool is_sendable(const char *address)
{
	bool quoted = false;

	for (const char *p = address; *p != '\0'; p++) {
		unsigned char ch = (unsigned char)*p;

		if (ch < 0x20 || ch == 0x7f)
			return false;
		if (quoted && ch == '\\' && p[1] != '\0' && (unsigned char)p[1] >= 0x20)
			p++;
		else if (ch == '"')
			quoted = !quoted;
		else if (!quoted && (ch == ' ' || ch == '<' || ch == '>' || ch == '\\'))
			return false;
	}
	return !quoted;
}

/* RFC 3461 4: printable, no blank, no "=". */
static bool is_xtext(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || *p == '=')
			return false;
	return text[0] != '\0';
}

/* What the server cannot carry is returned, never mangled (RFC 6152 3, RFC 6531 3.2, RFC 3030). */
static bool is_beyond_offers(const struct smtp_client *c, struct smtp_client_outcome *ret)
{
	const struct smtp_client_offers *o = &c->offers;
	const struct smtp_client_transaction *mail = c->mail;

	if (mail->body == SMTP_CLIENT_BINARYMIME && !(o->binarymime && o->chunking))
		*ret = own_verdict(
			"5.6.3", "the message is binary, and the server does not offer BINARYMIME");
	else if (mail->body == SMTP_CLIENT_8BITMIME && !o->mime8bit)
		*ret = own_verdict(
			"5.6.3", "the message is 8-bit, and the server does not offer 8BITMIME");
	else if (mail->smtputf8 && !o->smtputf8)
		*ret = own_verdict(
			"5.6.7", "the message needs SMTPUTF8, and the server does not offer it");
	else if (o->size_limit > 0 && mail->size > o->size_limit)
		*ret = own_verdict("5.3.4", "the message is larger than the server's limit");
	else if (!is_sendable(mail->sender))
		*ret = own_verdict("5.1.7", "the sender's address is not valid");
	else if (!str_is_ascii(str_of(mail->sender)) && !mail->smtputf8)
		*ret = own_verdict("5.6.7", "the sender's address needs SMTPUTF8");
	else
		return false;
	return true;
}

enum err smtp_client_begin(struct smtp_client *c, const struct smtp_client_transaction *transaction)
{
	struct smtp_client_outcome verdict;

	if (!smtp_client_is_idle(c))
		return ERR_BUSY;
	if (transaction->count == 0)
		return ERR_RANGE;
	if (transaction->count > SMTP_CLIENT_MAX_RECIPIENTS)
		return ERR_TOO_MANY;
	arena_clear(c->arena);
	c->mail = transaction;
	smtp_client_set_state(c, SMTP_CLIENT_STATE_MAIL);
	c->outcome_count = transaction->count;
	c->outcomes = arena_array(c->arena, transaction->count, sizeof(*c->outcomes));
	c->step = SMTP_CLIENT_STEP_RSET;
	c->next = 0;
	c->accepted = 0;
	c->mail_failed = false;
	c->uses_bdat = c->offers.chunking;
	c->at_line_start = true;
	c->after_cr = false;
	for (size_t i = 0; i < transaction->count; i++) {
		const char *address = transaction->recipients[i].address;

		verdict = own_verdict("5.1.3", "the address is not valid");
		if (address[0] == '\0' || !is_sendable(address))
			settle(c, i, &verdict);
		verdict = own_verdict("5.6.7", "the address needs SMTPUTF8");
		if (!str_is_ascii(str_of(address)) && !transaction->smtputf8)
			settle(c, i, &verdict);
	}
	if (is_beyond_offers(c, &verdict))
		settle_all(c, &verdict);
	smtp_client_mail_pump(c);
	return ERR_OK;
}

static void put_mail(struct smtp_client *c)
{
	static const char *const bodies[] = {NULL, "8BITMIME", "BINARYMIME"};
	const struct smtp_client_transaction *mail = c->mail;
	struct buf *out = &c->out;

	buf_format(out, "MAIL FROM:<%s>", mail->sender);
	if (c->offers.size && mail->size > 0)
		buf_format(out, " SIZE=%lld", (long long)mail->size);
	if (bodies[mail->body] != NULL)
		buf_format(out, " BODY=%s", bodies[mail->body]);
	if (mail->smtputf8)
		buf_put_text(out, " SMTPUTF8");
	if (c->offers.dsn && mail->ret != SMTP_CLIENT_RET_NONE)
		buf_put_text(out, mail->ret == SMTP_CLIENT_RET_FULL ? " RET=FULL" : " RET=HDRS");
	if (c->offers.dsn && mail->envelope_id != NULL && is_xtext(mail->envelope_id))
		buf_format(out, " ENVID=%s", mail->envelope_id);
	buf_put_text(out, "\r\n");
	smtp_client_await(c, SMTP_CLIENT_MAIL, 0);
}

static void put_notify(struct buf *out, unsigned notify)
{
	static const char *const names[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};
	const char *before = " NOTIFY=";

	/* NEVER stands alone (RFC 3461 4.1). */
	if (notify & SMTP_CLIENT_NEVER)
		notify = SMTP_CLIENT_NEVER;
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (notify & 1u << i) {
			buf_format(out, "%s%s", before, names[i]);
			before = ",";
		}
	}
}

static void put_rcpt(struct smtp_client *c, size_t i)
{
	const struct smtp_client_recipient *recipient = &c->mail->recipients[i];

	buf_format(&c->out, "RCPT TO:<%s>", recipient->address);
	if (c->offers.dsn) {
		put_notify(&c->out, recipient->notify);
		if (recipient->original != NULL && is_xtext(recipient->original))
			buf_format(&c->out, " ORCPT=%s", recipient->original);
	}
	buf_put_text(&c->out, "\r\n");
	smtp_client_await(c, SMTP_CLIENT_RCPT, i);
}

/* ---- what to send next ----------------------------------------------------------------------- */

static bool has_pending(const struct smtp_client *c)
{
	for (size_t i = 0; i < c->outcome_count; i++)
		if (is_pending(c, i))
			return true;
	return false;
}

/* Room for another command: without PIPELINING only when nothing is awaited (RFC 2920). */
static bool may_send(const struct smtp_client *c)
{
	if (buf_length(&c->out) >= OUT_FILL)
		return false;
	return smtp_client_awaits_none(c) || c->offers.pipelining;
}

static bool pump_reset(struct smtp_client *c)
{
	if (!has_pending(c)) {
		c->step = SMTP_CLIENT_STEP_OVER;
		return true;
	}
	if (c->needs_reset) {
		buf_put_text(&c->out, "RSET\r\n");
		smtp_client_await(c, SMTP_CLIENT_RSET, 0);
		c->needs_reset = false;
	}
	c->step = SMTP_CLIENT_STEP_MAIL;
	return true;
}

static bool pump_rcpt(struct smtp_client *c)
{
	while (c->next < c->mail->count && !is_pending(c, c->next))
		c->next++;
	if (c->mail_failed)
		c->step = SMTP_CLIENT_STEP_OVER;
	else if (c->next == c->mail->count)
		c->step = SMTP_CLIENT_STEP_DATA;
	else if (may_send(c))
		put_rcpt(c, c->next++);
	else
		return false;
	return true;
}

/* A trial ends here: the server forgets the envelope, nobody sends content. */
static bool pump_trial(struct smtp_client *c)
{
	if (!smtp_client_awaits_none(c))
		return false;
	if (c->needs_reset) {
		buf_put_text(&c->out, "RSET\r\n");
		smtp_client_await(c, SMTP_CLIENT_RSET, 0);
		c->needs_reset = false;
	}
	c->step = SMTP_CLIENT_STEP_OVER;
	return true;
}

static bool pump_data(struct smtp_client *c)
{
	bool all_answered = smtp_client_awaits_none(c);

	if (c->mail->is_trial)
		return pump_trial(c);

	if (c->mail_failed || (all_answered && c->accepted == 0)) {
		c->step = SMTP_CLIENT_STEP_OVER;
		return true;
	}
	if (c->uses_bdat) {
		/* Content is not sent before somebody wants it. */
		if (!all_answered)
			return false;
		c->step = SMTP_CLIENT_STEP_CONTENT;
		smtp_client_emit(c, SMTP_CLIENT_CONTENT);
		return false;
	}
	if (!may_send(c))
		return false;
	buf_put_text(&c->out, "DATA\r\n");
	smtp_client_await(c, SMTP_CLIENT_DATA, 0);
	c->step = SMTP_CLIENT_STEP_OFFERED;
	return false;
}

/* One step; true if another may be possible. */
static bool pump(struct smtp_client *c)
{
	switch (c->step) {
	case SMTP_CLIENT_STEP_RSET:
		return pump_reset(c);
	case SMTP_CLIENT_STEP_MAIL:
		if (!may_send(c))
			return false;
		put_mail(c);
		c->step = SMTP_CLIENT_STEP_RCPT;
		return true;
	case SMTP_CLIENT_STEP_RCPT:
		return pump_rcpt(c);
	case SMTP_CLIENT_STEP_DATA:
		return pump_data(c);
	case SMTP_CLIENT_STEP_OFFERED:
	case SMTP_CLIENT_STEP_CONTENT:
		return false;
	case SMTP_CLIENT_STEP_END:
	case SMTP_CLIENT_STEP_OVER:
		if (smtp_client_awaits_none(c))
			finish(c);
		return false;
	}
	return false;
}

void smtp_client_mail_pump(struct smtp_client *c)
{
	while (c->state == SMTP_CLIENT_STATE_MAIL && pump(c))
		;
}

/* ---- replies --------------------------------------------------------------------------------- */

static void on_mail(struct smtp_client *c, const struct smtp_client_outcome *outcome)
{
	if (outcome->result == SMTP_CLIENT_ACCEPTED) {
		c->needs_reset = true;
		return;
	}
	c->mail_failed = true;
	settle_all(c, outcome);
}

static void on_rcpt(struct smtp_client *c, size_t i, struct smtp_client_outcome *outcome,
	const struct smtp_reply *reply)
{
	consider_too_many(outcome, reply);
	if (outcome->result != SMTP_CLIENT_ACCEPTED || c->mail->is_trial)
		settle(c, i, outcome);
	else if (is_pending(c, i))
		c->accepted++;
}

static void on_data(struct smtp_client *c, const struct smtp_client_outcome *outcome)
{
	if (outcome->code != 354) {
		settle_all(c, outcome);
		c->step = SMTP_CLIENT_STEP_OVER;
	} else if (c->accepted > 0) {
		c->step = SMTP_CLIENT_STEP_CONTENT;
		smtp_client_emit(c, SMTP_CLIENT_CONTENT);
	} else {
		/* DATA was pipelined and nobody is left: RFC 2920 3.1 asks for an empty message. */
		buf_put_text(&c->out, ".\r\n");
		smtp_client_await(c, SMTP_CLIENT_NO_END, 0);
		c->step = SMTP_CLIENT_STEP_OVER;
	}
}

static void on_end(struct smtp_client *c, size_t i, const struct smtp_client_outcome *outcome)
{
	c->needs_reset = false;
	if (c->options.lmtp)
		settle(c, i, outcome);
	else
		settle_all(c, outcome);
}

static void on_refused_chunk(struct smtp_client *c, const struct smtp_client_outcome *outcome,
	const struct smtp_reply *reply)
{
	bool given = c->step == SMTP_CLIENT_STEP_END;

	settle_all(c, outcome);
	c->step = SMTP_CLIENT_STEP_OVER;
	/* How many replies an LMTP server gives to the chunks behind is not defined. */
	if (c->options.lmtp && given)
		smtp_client_lose_by_reply(c, reply, outcome->stage);
}

void smtp_client_mail_reply(struct smtp_client *c, const struct smtp_client_awaited *awaited,
	const struct smtp_reply *reply)
{
	const char *stage = smtp_client_stage(c);
	struct smtp_client_outcome outcome;
	static const char *const stages[SMTP_CLIENT_COMMAND_MAX] = {
		[SMTP_CLIENT_RSET] = "RSET",
		[SMTP_CLIENT_MAIL] = "MAIL",
		[SMTP_CLIENT_RCPT] = "RCPT",
		[SMTP_CLIENT_DATA] = "DATA",
		[SMTP_CLIENT_CHUNK] = "BDAT",
		[SMTP_CLIENT_END] = "end of data",
		[SMTP_CLIENT_NO_END] = "end of data",
	};

	if (stages[awaited->command] != NULL)
		stage = stages[awaited->command];
	/* Only DATA asks for an intermediate reply, and never completes at once. */
	if ((reply->code / 100 == 3) != (awaited->command == SMTP_CLIENT_DATA) &&
		reply->code < 400) {
		smtp_client_lose_by_reply(c, reply, stage);
		return;
	}
	outcome = outcome_of(c, reply, stage);
	switch (awaited->command) {
	case SMTP_CLIENT_RSET:
		if (outcome.result != SMTP_CLIENT_ACCEPTED)
			smtp_client_lose_by_reply(c, reply, stage);
		break;
	case SMTP_CLIENT_MAIL:
		on_mail(c, &outcome);
		break;
	case SMTP_CLIENT_RCPT:
		on_rcpt(c, awaited->index, &outcome, reply);
		break;
	case SMTP_CLIENT_DATA:
		on_data(c, &outcome);
		break;
	case SMTP_CLIENT_CHUNK:
		if (outcome.result != SMTP_CLIENT_ACCEPTED)
			on_refused_chunk(c, &outcome, reply);
		break;
	case SMTP_CLIENT_END:
		on_end(c, awaited->index, &outcome);
		break;
	default:
		break;
	}
}

/* ---- content --------------------------------------------------------------------------------- */

size_t smtp_client_wants(const struct smtp_client *c)
{
	if (c->state != SMTP_CLIENT_STATE_MAIL || c->step != SMTP_CLIENT_STEP_CONTENT)
		return 0;
	if (buf_length(&c->out) >= OUT_FILL)
		return 0;
	if (c->uses_bdat && !smtp_client_awaits_none(c) &&
		(!c->offers.pipelining || c->awaited_to - c->awaited_from >= CHUNKS_AHEAD))
		return 0;
	return SMTP_CLIENT_PIECE;
}

static void await_end(struct smtp_client *c)
{
	c->step = SMTP_CLIENT_STEP_END;
	if (!c->options.lmtp) {
		smtp_client_await(c, SMTP_CLIENT_END, 0);
		return;
	}
	/* RFC 2033 4.2: a reply for each recipient that RCPT accepted, in that order. */
	for (size_t i = 0; i < c->mail->count; i++)
		if (is_pending(c, i))
			smtp_client_await(c, SMTP_CLIENT_END, i);
}

/* Dots at line starts are doubled (RFC 5321 4.5.2).  A bare CR or LF becomes CRLF, so that no
 * server, however lenient, sees the end of the message where there is none. */
static void stuff(struct smtp_client *c, struct str bytes, bool last)
{
	char *start = buf_reserve(&c->out, bytes.n * 2 + 8);
	char *to = start;

	if (start == NULL)
		return;
	for (size_t i = 0; i < bytes.n; i++) {
		char ch = bytes.p[i];

		if (c->after_cr || ch == '\n') {
			*to++ = '\r';
			*to++ = '\n';
			c->at_line_start = true;
			if (c->after_cr && ch == '\n') {
				c->after_cr = false;
				continue;
			}
			c->after_cr = false;
			if (ch == '\n')
				continue;
		}
		if (ch == '\r') {
			c->after_cr = true;
			continue;
		}
		if (c->at_line_start && ch == '.')
			*to++ = '.';
		*to++ = ch;
		c->at_line_start = false;
	}
	if (last) {
		if (c->after_cr || !c->at_line_start) {
			*to++ = '\r';
			*to++ = '\n';
		}
		memcpy(to, ".\r\n", 3);
		to += 3;
	}
	buf_added(&c->out, (size_t)(to - start));
}

void smtp_client_give(struct smtp_client *c, struct str bytes, bool last)
{
	if (smtp_client_wants(c) == 0)
		return;
	if (c->uses_bdat && (bytes.n > 0 || last)) {
		buf_format(&c->out, "BDAT %zu%s\r\n", bytes.n, last ? " LAST" : "");
		buf_put(&c->out, bytes);
		if (!last)
			smtp_client_await(c, SMTP_CLIENT_CHUNK, 0);
	} else if (!c->uses_bdat) {
		stuff(c, bytes, last);
	}
	if (last)
		await_end(c);
}

bool smtp_client_is_past_end(const struct smtp_client *c)
{
	return c->state == SMTP_CLIENT_STATE_MAIL && c->step == SMTP_CLIENT_STEP_END &&
	       buf_length(&c->out) == 0;
}
