/* DATA and BDAT: how content comes in (RFC 5321 4.1.1.4, RFC 3030). */
#include "core/smtp/server_internal.h"

enum { ALREADY_SAID = -1 }; /* fault.code: the reply is written, the chunk is still to be skipped */

static const struct smtp_fault no_recipients = {554, "5.5.1", "No valid recipients"};
static const struct smtp_fault no_transaction = {503, "5.5.1", "Give MAIL and RCPT first"};

bool smtp_server_data(struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	if (argument.n > 0) {
		smtp_server_say(s, 501, "5.5.4", "Syntax: DATA");
		return false;
	}
	if (s->state != SMTP_SERVER_STATE_RCPT) {
		smtp_server_say_fault(s, s->refused_all ? no_recipients : no_transaction);
		return false;
	}
	s->is_binary_begin = false;
	return smtp_server_ask(s, SMTP_SERVER_BEGIN, ret);
}

bool smtp_server_bdat(struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	if (!smtp_params_parse_bdat(argument, &s->chunk_size, &s->is_last_chunk))
		/* Where the next command begins cannot be known. */
		return smtp_server_close(s,
			SMTP_SERVER_FAULT(521, "5.5.4", "Syntax: BDAT size [LAST]; closing"), ret);
	s->chunk_left = s->chunk_size;
	s->mode = SMTP_SERVER_MODE_CHUNK;
	if (s->state == SMTP_SERVER_STATE_BDAT)
		return false;
	if (s->state != SMTP_SERVER_STATE_RCPT) {
		/* RFC 3030 4.2: the client may have sent the chunk already. */
		s->fault = s->refused_all ? no_recipients : no_transaction;
		return false;
	}
	s->is_binary_begin = true;
	return smtp_server_ask(s, SMTP_SERVER_BEGIN, ret);
}

void smtp_server_content_begin(struct smtp_server *s)
{
	s->content = (struct smtp_content){
		.dots = !s->is_binary_begin,
		.normalises = s->config->bare_newline == MODEL_BARE_NORMALISE,
	};
	s->content_size = 0;
	s->is_eight_bit = false;
	if (s->is_binary_begin) {
		s->state = SMTP_SERVER_STATE_BDAT;
		return;
	}
	s->mode = SMTP_SERVER_MODE_DATA;
	buf_put_text(&s->out, "354 End data with <CR><LF>.<CR><LF>\r\n");
}

void smtp_server_content_refused(
	struct smtp_server *s, int code, const char *enhanced, const char *text)
{
	smtp_server_say(s, code, enhanced, text);
	smtp_server_over(s);
	if (s->mode == SMTP_SERVER_MODE_CHUNK)
		s->fault.code = ALREADY_SAID;
}

void smtp_server_content_ended(struct smtp_server *s, int code)
{
	if (code < 400)
		s->messages++;
	smtp_server_over(s);
}

static bool has_eight_bit(struct str s)
{
	unsigned char all = 0;

	for (size_t i = 0; i < s.n; i++)
		all |= (unsigned char)s.p[i];
	return all >= 0x80;
}

/* The content cannot be taken: the caller forgets it now, the client is told at its end. */
static bool give_up(struct smtp_server *s, struct smtp_fault fault, struct smtp_server_action *ret)
{
	s->fault = fault;
	*ret = (struct smtp_server_action){.type = SMTP_SERVER_RESET, .fault = fault};
	return true;
}

static bool take_slice(struct smtp_server *s, struct str data, struct smtp_server_action *ret)
{
	uint64_t left = s->config->message_max - s->content_size;
	size_t fits = left < data.n ? (size_t)left : data.n;

	if (s->fault.code != 0)
		return false;
	/* Which of the two is found first must not depend on how the bytes were cut.
	 * RFC 5321 2.4, RFC 6152 3: no NUL in text lines, and BINARYMIME is not offered. */
	if (memchr(data.p, '\0', fits) != NULL)
		return give_up(
			s, SMTP_SERVER_FAULT(550, "5.6.0", "NUL is not allowed in a message"), ret);
	if (fits < data.n)
		return give_up(s,
			SMTP_SERVER_FAULT(552, "5.3.4", "Message is larger than the limit"), ret);
	s->content_size += data.n;
	if (!s->is_eight_bit)
		s->is_eight_bit = has_eight_bit(data);
	ret->type = SMTP_SERVER_CONTENT;
	ret->data = data;
	return true;
}

static bool next_data(struct smtp_server *s, struct str *input, struct smtp_server_action *ret)
{
	struct str data;

	switch (smtp_content_next(&s->content, input, &data)) {
	case SMTP_CONTENT_NEED:
		return false;
	case SMTP_CONTENT_SLICE:
		return take_slice(s, data, ret);
	case SMTP_CONTENT_BARE:
		/* What the client holds for the end may not be what we hold for it: nothing
		 * that follows may be read as commands. */
		return smtp_server_close(s,
			SMTP_SERVER_FAULT(
				521, "5.5.2", "Bare CR or LF is not allowed (RFC 5321 2.3.8)"),
			ret);
	case SMTP_CONTENT_END:
		break;
	}
	s->mode = SMTP_SERVER_MODE_LINES;
	if (s->fault.code == 0)
		return smtp_server_ask(s, SMTP_SERVER_END, ret);
	smtp_server_say_fault(s, s->fault);
	smtp_server_over(s);
	return false;
}

static bool end_chunk(struct smtp_server *s, struct smtp_server_action *ret)
{
	struct smtp_fault fault = s->fault;

	if (fault.code == 0 && s->is_last_chunk && s->content.state == SMTP_CONTENT_CR) {
		static const struct str newline = STR("\r\n");

		s->content.state = SMTP_CONTENT_LINE;
		if (s->content.normalises)
			return take_slice(s, newline, ret);
		return give_up(
			s, SMTP_SERVER_FAULT(550, "5.6.0", "Bare CR or LF is not allowed"), ret);
	}
	s->mode = SMTP_SERVER_MODE_LINES;
	if (fault.code != 0) {
		s->fault = (struct smtp_fault){0};
		if (fault.code != ALREADY_SAID)
			smtp_server_say_fault(s, fault);
		if (s->state == SMTP_SERVER_STATE_BDAT)
			smtp_server_over(s);
		return false;
	}
	if (s->is_last_chunk)
		return smtp_server_ask(s, SMTP_SERVER_END, ret);
	buf_format(
		&s->out, "250 2.0.0 %llu octets received\r\n", (unsigned long long)s->chunk_size);
	return false;
}

static bool next_chunk(struct smtp_server *s, struct str *input, struct smtp_server_action *ret)
{
	size_t n = s->chunk_left < input->n ? (size_t)s->chunk_left : input->n;
	struct str part = str_part(*input, 0, n), rest = part, data;
	enum smtp_content_result result = SMTP_CONTENT_NEED;

	if (n == 0)
		return end_chunk(s, ret);
	if (s->fault.code != 0)
		rest = str_part(part, n, n);
	else
		result = smtp_content_next(&s->content, &rest, &data);
	n -= rest.n;
	*input = str_part(*input, n, input->n);
	s->chunk_left -= n;
	if (result == SMTP_CONTENT_SLICE)
		return take_slice(s, data, ret);
	if (result == SMTP_CONTENT_BARE)
		/* Where the chunk ends is beyond doubt, so the session may go on. */
		return give_up(
			s, SMTP_SERVER_FAULT(550, "5.6.0", "Bare CR or LF is not allowed"), ret);
	return false;
}

bool smtp_server_content(struct smtp_server *s, struct str *input, struct smtp_server_action *ret)
{
	return s->mode == SMTP_SERVER_MODE_DATA ? next_data(s, input, ret)
						: next_chunk(s, input, ret);
}
