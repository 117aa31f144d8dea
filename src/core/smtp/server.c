#include "core/smtp/server_internal.h"

#include <assert.h>
#include <stdlib.h>

static const struct smtp_fault bare_newline = {
	521, "5.5.2", "Bare CR or LF is not allowed (RFC 5321 2.3.8)"};

struct smtp_server *smtp_server_new(const struct smtp_server_config *config, bool is_tls)
{
	struct smtp_server *s = mem_new(sizeof(*s));

	s->config = config;
	s->state = SMTP_SERVER_STATE_HELLO;
	s->is_tls = is_tls;
	buf_init(&s->line, SMTP_SERVER_LINE_MAX);
	buf_init(&s->out, SMTP_SERVER_OUTPUT_MAX);
	return s;
}

void smtp_server_free(struct smtp_server **server)
{
	if (server == NULL || *server == NULL)
		return;
	buf_free(&(*server)->line);
	buf_free(&(*server)->out);
	free(*server);
	*server = NULL;
}

struct buf *smtp_server_output(struct smtp_server *s)
{
	return &s->out;
}

/* ---- replies -------------------------------------------------------------------------------- */

void smtp_server_say(struct smtp_server *s, int code, const char *enhanced, const char *text)
{
	char line[SMTP_SERVER_REPLY_MAX + 1];
	size_t n = 0;

	for (; text[n] != '\0' && n < SMTP_SERVER_REPLY_MAX; n++) {
		unsigned char c = (unsigned char)text[n];

		/* RFC 6531 3.7.4.1: no UTF-8 in replies unless asked for. */
		line[n] = c >= ' ' && c < 0x7f ? (char)c : '?';
	}
	line[n] = '\0';
	if (enhanced != NULL)
		buf_format(&s->out, "%d %s %s\r\n", code, enhanced, line);
	else
		buf_format(&s->out, "%d %s\r\n", code, line);
	if (code >= 500)
		s->errors++;
}

void smtp_server_say_fault(struct smtp_server *s, struct smtp_fault fault)
{
	smtp_server_say(s, fault.code, fault.enhanced, fault.text);
}

void smtp_server_greet(struct smtp_server *s)
{
	if (s->is_closing)
		return;
	s->is_greeted = true;
	buf_format(&s->out, "220 %.255s ESMTP Sealpost\r\n", s->config->hostname);
}

/* ---- ends ----------------------------------------------------------------------------------- */

bool smtp_server_close(
	struct smtp_server *s, struct smtp_fault fault, struct smtp_server_action *ret)
{
	smtp_server_say_fault(s, fault);
	s->is_closing = true;
	s->close_told = true;
	*ret = (struct smtp_server_action){.type = SMTP_SERVER_CLOSE, .fault = fault};
	return true;
}

void smtp_server_end(struct smtp_server *s, int code, const char *enhanced, const char *text)
{
	if (s->is_closing)
		return;
	s->is_closing = true;
	s->is_waiting = false;
	smtp_server_say(s, code, enhanced, text);
}

bool smtp_server_has_transaction(const struct smtp_server *s)
{
	return s->state >= SMTP_SERVER_STATE_MAIL;
}

static void leave_if_draining(struct smtp_server *s)
{
	if (s->is_draining && !s->is_waiting && !smtp_server_has_transaction(s) &&
		s->mode == SMTP_SERVER_MODE_LINES)
		smtp_server_end(s, 421, "4.3.2", "Shutting down, try again soon");
}

void smtp_server_drain(struct smtp_server *s)
{
	s->is_draining = true;
	leave_if_draining(s);
}

static void forget_transaction(struct smtp_server *s)
{
	if (smtp_server_has_transaction(s))
		s->state = SMTP_SERVER_STATE_READY;
	s->recipients = 0;
	s->refused_all = false;
	s->smtputf8 = false;
	s->content_size = 0;
	s->fault = (struct smtp_fault){0};
}

void smtp_server_over(struct smtp_server *s)
{
	forget_transaction(s);
	leave_if_draining(s);
}

bool smtp_server_drop(
	struct smtp_server *s, struct smtp_fault fault, struct smtp_server_action *ret)
{
	bool had = smtp_server_has_transaction(s);

	smtp_server_over(s);
	if (had)
		*ret = (struct smtp_server_action){.type = SMTP_SERVER_RESET, .fault = fault};
	return had;
}

/* ---- questions and answers ------------------------------------------------------------------ */

bool smtp_server_ask(
	struct smtp_server *s, enum smtp_server_action_type type, struct smtp_server_action *ret)
{
	s->is_waiting = true;
	s->waiting = type;
	ret->type = type;
	return true;
}

static void answer_mail(struct smtp_server *s, int code)
{
	if (code >= 400) {
		s->smtputf8 = false;
		leave_if_draining(s);
		return;
	}
	s->state = SMTP_SERVER_STATE_MAIL;
	s->mails++;
	s->idle_commands = 0;
}

static void answer_rcpt(struct smtp_server *s, int code)
{
	if (code >= 400) {
		s->refused_all = s->recipients == 0;
		return;
	}
	s->recipients++;
	s->refused_all = false;
	s->state = SMTP_SERVER_STATE_RCPT;
}

void smtp_server_reply(struct smtp_server *s, int code, const char *enhanced, const char *text)
{
	assert(s->is_waiting || s->is_closing);
	if (!s->is_waiting)
		return;
	s->is_waiting = false;
	if (code == 421 || code == 521) {
		smtp_server_end(s, code, enhanced, text);
		return;
	}
	if (s->waiting == SMTP_SERVER_BEGIN) {
		smtp_server_content_refused(s, code, enhanced, text);
		return;
	}
	smtp_server_say(s, code, enhanced, text);
	if (s->waiting == SMTP_SERVER_MAIL)
		answer_mail(s, code);
	else if (s->waiting == SMTP_SERVER_RCPT)
		answer_rcpt(s, code);
	else if (s->waiting == SMTP_SERVER_END)
		smtp_server_content_ended(s, code);
}

void smtp_server_go(struct smtp_server *s)
{
	assert(s->is_closing || (s->is_waiting && s->waiting == SMTP_SERVER_BEGIN));
	if (!s->is_waiting)
		return;
	s->is_waiting = false;
	smtp_server_content_begin(s);
}

void smtp_server_refuse(struct smtp_server *s, const struct smtp_fault *fault)
{
	assert(fault->code >= 400);
	if (s->fault.code == 0)
		s->fault = *fault;
}

void smtp_server_tls_up(struct smtp_server *s)
{
	assert(s->is_waiting && s->waiting == SMTP_SERVER_STARTTLS);
	s->is_waiting = false;
	s->is_tls = true;
	s->state = SMTP_SERVER_STATE_HELLO;
	buf_free(&s->line);
	leave_if_draining(s);
}

static bool chunk_is_complete(const struct smtp_server *s)
{
	return s->mode == SMTP_SERVER_MODE_CHUNK && s->chunk_left == 0;
}

/* ---- input ---------------------------------------------------------------------------------- */

enum line_result { LINE_NONE, LINE_COMPLETE, LINE_TOO_LONG, LINE_BARE };

static enum line_result finish_line(struct smtp_server *s, struct str line, struct str *ret)
{
	bool too_long = s->line_too_long;
	size_t end = line.n;

	s->line_too_long = false;
	if (end > 0 && line.p[end - 1] == '\r')
		end--;
	else if (s->config->bare_newline == MODEL_BARE_REJECT)
		return LINE_BARE;
	*ret = str_part(line, 0, end);
	if (s->config->bare_newline == MODEL_BARE_REJECT && str_find(*ret, '\r', 0) < end)
		return LINE_BARE;
	return too_long || end > SMTP_SERVER_LINE_MAX - 2 ? LINE_TOO_LONG : LINE_COMPLETE;
}

/* Keep the beginning of a line; of one that is too long only its last byte. */
static void keep_part(struct smtp_server *s, struct str part)
{
	if (part.n == 0)
		return;
	if (part.n > buf_room(&s->line)) {
		s->line_too_long = true;
		part = str_part(part, part.n - 1, part.n);
		buf_clear(&s->line);
	}
	if (s->line_too_long) {
		buf_clear(&s->line);
		part = str_part(part, part.n - 1, part.n);
	}
	buf_put(&s->line, part);
}

/* A line is parsed where it lies; only one that comes in parts is copied together. */
static enum line_result take_line(struct smtp_server *s, struct str *input, struct str *ret)
{
	size_t lf = str_find(*input, '\n', 0);
	struct str part = str_part(*input, 0, lf);
	bool is_whole = lf < input->n;

	*input = str_part(*input, lf + (is_whole ? 1 : 0), input->n);
	if (is_whole && buf_length(&s->line) == 0)
		return finish_line(s, part, ret);
	keep_part(s, part);
	s->line_done = is_whole;
	return is_whole ? finish_line(s, buf_str(&s->line), ret) : LINE_NONE;
}

static bool next_line(struct smtp_server *s, struct str *input, struct smtp_server_action *ret)
{
	struct str line;

	switch (take_line(s, input, &line)) {
	case LINE_NONE:
		return false;
	case LINE_BARE:
		return smtp_server_close(s, bare_newline, ret);
	case LINE_TOO_LONG:
		smtp_server_say(s, 500, "5.5.2", "Line too long");
		return false;
	case LINE_COMPLETE:
		break;
	}
	if (s->errors >= s->config->errors_max)
		return smtp_server_close(
			s, SMTP_SERVER_FAULT(421, "4.7.0", "Too many errors, closing"), ret);
	s->has_more = input->n > 0;
	return smtp_server_command(s, line, ret);
}

/* RFC 5321 4.3.1: the client waits for the greeting. */
static bool next_early(struct smtp_server *s, struct str *input, struct smtp_server_action *ret)
{
	if (input->n == 0)
		return false;
	s->is_early = true;
	if (!s->config->refuses_early)
		return false;
	return smtp_server_close(
		s, SMTP_SERVER_FAULT(554, "5.5.1", "Spoke before the greeting"), ret);
}

bool smtp_server_next(struct smtp_server *s, struct str *input, struct smtp_server_action *ret)
{
	bool has_action = false;

	*ret = (struct smtp_server_action){0};
	while (!has_action) {
		if (s->is_closing) {
			*input = str_part(*input, input->n, input->n);
			has_action = !s->close_told;
			s->close_told = true;
			ret->type = SMTP_SERVER_CLOSE;
			return has_action;
		}
		if (s->is_waiting || buf_length(&s->out) > SMTP_SERVER_OUTPUT_HIGH)
			return false;
		if (!s->is_greeted)
			return next_early(s, input, ret);
		/* A partial line that was handed out as slices in the last action. */
		if (s->mode == SMTP_SERVER_MODE_LINES && s->line_done) {
			buf_free(&s->line);
			s->line_done = false;
		}
		if (input->n == 0 && !chunk_is_complete(s))
			return false;
		if (s->mode == SMTP_SERVER_MODE_LINES)
			has_action = next_line(s, input, ret);
		else
			has_action = smtp_server_content(s, input, ret);
	}
	return true;
}

/* ---- facts ---------------------------------------------------------------------------------- */

enum smtp_server_wait smtp_server_waits_for(const struct smtp_server *s)
{
	if (s->is_closing)
		return SMTP_SERVER_WAIT_CLOSE;
	if (s->is_waiting)
		return s->waiting == SMTP_SERVER_STARTTLS ? SMTP_SERVER_WAIT_TLS
							  : SMTP_SERVER_WAIT_ANSWER;
	return s->mode == SMTP_SERVER_MODE_LINES ? SMTP_SERVER_WAIT_COMMAND
						 : SMTP_SERVER_WAIT_CONTENT;
}

bool smtp_server_is_eight_bit(const struct smtp_server *s)
{
	return s->is_eight_bit;
}

bool smtp_server_was_early(const struct smtp_server *s)
{
	return s->is_early;
}

uint64_t smtp_server_errors(const struct smtp_server *s)
{
	return s->errors;
}

uint64_t smtp_server_messages(const struct smtp_server *s)
{
	return s->messages;
}
