#include "core/smtp/reply.h"

#include <stdio.h>

void smtp_reply_init(struct smtp_reply_reader *reader)
{
	*reader = (struct smtp_reply_reader){0};
	buf_init(&reader->line, SMTP_REPLY_MAX_LINE);
	buf_init(&reader->text, SMTP_REPLY_MAX_TEXT);
}

void smtp_reply_clear(struct smtp_reply_reader *reader)
{
	buf_clear(&reader->line);
	buf_clear(&reader->text);
	reader->lines = 0;
	reader->code = 0;
	reader->complete = false;
}

void smtp_reply_free(struct smtp_reply_reader *reader)
{
	buf_free(&reader->line);
	buf_free(&reader->text);
}

bool smtp_reply_begun(const struct smtp_reply_reader *reader)
{
	return buf_length(&reader->line) > 0 || (reader->lines > 0 && !reader->complete);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 5321 4.2 gives the second digit 0..5, but "571" and its like are out there, and a client
 * decides by the first digit. */
static bool parse_code(struct str line, int *ret)
{
	if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5')
		return false;
	if (!is_digit(line.p[1]) || !is_digit(line.p[2]))
		return false;
	*ret = (line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 + (line.p[2] - '0');
	return true;
}

/* Make a text fit to be shown: it goes into logs, bounces and JSON. */
static void make_harmless(char *p, size_t n)
{
	bool utf8 = str_is_utf8(str_make(p, n));

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '\t')
			p[i] = ' ';
		else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8))
			p[i] = '?';
	}
}

static enum err add_text(struct smtp_reply_reader *reader, struct str text)
{
	if (reader->lines > 0 && buf_put_byte(&reader->text, '\n') != ERR_OK)
		return ERR_TOO_LONG;
	char *to = buf_reserve(&reader->text, text.n);
	if (to == NULL)
		return ERR_TOO_LONG;
	if (text.n > 0) {
		memcpy(to, text.p, text.n);
		make_harmless(to, text.n);
	}
	buf_added(&reader->text, text.n);
	return ERR_OK;
}

/* One line without its CRLF.  ERR_AGAIN: more lines follow. */
static enum err take_line(struct smtp_reply_reader *reader, struct str line)
{
	int code;
	enum err e;

	if (!parse_code(line, &code))
		return ERR_SYNTAX;
	if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')
		return ERR_SYNTAX;
	if (reader->lines > 0 && code != reader->code)
		return ERR_SYNTAX;
	if (reader->lines >= SMTP_REPLY_MAX_LINES)
		return ERR_TOO_MANY;
	e = add_text(reader, str_part(line, 4, line.n));
	if (e != ERR_OK)
		return e;
	reader->code = code;
	reader->lines++;
	return line.n > 3 && line.p[3] == '-' ? ERR_AGAIN : ERR_OK;
}

bool smtp_reply_take_enhanced(struct str *text, int code, char ret[SMTP_REPLY_ENHANCED])
{
	struct str t = *text;
	size_t at = 0;

	if (t.n < 5 || t.p[0] != (char)('0' + code / 100) || t.p[0] == '3')
		return false;
	at = 1;
	for (int part = 0; part < 2; part++) {
		size_t digits = 0;

		if (at >= t.n || t.p[at] != '.')
			return false;
		at++;
		while (at < t.n && is_digit(t.p[at]) && digits < 4) {
			at++;
			digits++;
		}
		if (digits < 1 || digits > 3)
			return false;
	}
	if (at < t.n && t.p[at] != ' ' && t.p[at] != '\n')
		return false;
	memcpy(ret, t.p, at);
	ret[at] = '\0';
	*text = str_trim(str_part(t, at, t.n));
	return true;
}

static void complete(struct smtp_reply_reader *reader, struct smtp_reply *ret)
{
	struct str text = buf_str(&reader->text);

	*ret = (struct smtp_reply){.code = reader->code, .text = text};
	smtp_reply_take_enhanced(&text, reader->code, ret->enhanced);
	reader->complete = true;
}

enum err smtp_reply_feed(struct smtp_reply_reader *reader, struct str *in, struct smtp_reply *ret)
{
	if (reader->complete)
		smtp_reply_clear(reader);
	while (in->n > 0) {
		size_t end = str_find(*in, '\n', 0);
		bool whole = end < in->n;
		size_t take = whole ? end + 1 : in->n;
		struct str line;
		enum err e;

		if (buf_put(&reader->line, str_part(*in, 0, take)) != ERR_OK)
			return ERR_TOO_LONG;
		*in = str_part(*in, take, in->n);
		if (!whole)
			break;
		line = buf_str(&reader->line);
		if (line.n < 2 || line.p[line.n - 2] != '\r')
			return ERR_SYNTAX;
		e = take_line(reader, str_part(line, 0, line.n - 2));
		buf_clear(&reader->line);
		if (e == ERR_OK)
			complete(reader, ret);
		if (e != ERR_AGAIN)
			return e;
	}
	return ERR_AGAIN;
}

void smtp_reply_show(const struct smtp_reply *reply, char ret[SMTP_REPLY_SHOWN + 1])
{
	size_t at = (size_t)snprintf(ret, SMTP_REPLY_SHOWN + 1, "%03d", reply->code % 1000);

	if (reply->text.n > 0)
		ret[at++] = ' ';
	for (size_t i = 0; i < reply->text.n; i++) {
		const char *piece = reply->text.p + i;
		size_t n = 1;

		if (*piece == '\n') {
			piece = " / ";
			n = 3;
		}
		if (at + n > SMTP_REPLY_SHOWN) {
			/* Not in the middle of a UTF-8 sequence. */
			while (at > 0 && i < reply->text.n && (reply->text.p[i] & 0xc0) == 0x80) {
				i--;
				at--;
			}
			break;
		}
		memcpy(ret + at, piece, n);
		at += n;
	}
	ret[at] = '\0';
}
