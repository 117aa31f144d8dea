#include "core/smtp/content.h"

static const struct str newline = STR("\r\n");

static enum smtp_content_result give(
	struct smtp_content *c, struct str out, enum smtp_content_state next, struct str *ret)
{
	c->state = next;
	*ret = out;
	return SMTP_CONTENT_SLICE;
}

static enum smtp_content_result bare(struct smtp_content *c, struct str *ret)
{
	/* Not the state LINE: a dot behind a newline that was none means nothing. */
	return c->normalises ? give(c, newline, SMTP_CONTENT_TEXT, ret) : SMTP_CONTENT_BARE;
}

static void skip(struct str *in)
{
	in->p++;
	in->n--;
}

/* What was held back meets the next byte. */
static enum smtp_content_result resolve(struct smtp_content *c, struct str *in, struct str *ret)
{
	char byte = in->p[0];

	if (c->state == SMTP_CONTENT_DOT) {
		if (byte == '\r') {
			skip(in);
			c->state = SMTP_CONTENT_DOT_CR;
		} else {
			/* The stuffed dot is gone. */
			c->state = SMTP_CONTENT_TEXT;
		}
		return SMTP_CONTENT_NEED;
	}
	if (byte != '\n')
		return bare(c, ret);
	skip(in);
	if (c->state == SMTP_CONTENT_DOT_CR) {
		c->state = SMTP_CONTENT_LINE;
		return SMTP_CONTENT_END;
	}
	return give(c, newline, SMTP_CONTENT_LINE, ret);
}

/* Position of the first CR or LF. */
static size_t find_break(struct str s)
{
	size_t lf = str_find(s, '\n', 0);

	/* The usual line: one CR, in front of the LF. */
	return str_find(str_part(s, 0, lf), '\r', 0);
}

/* As many whole lines as need no change, and the text up to the first byte that does. */
static size_t plain_run(struct smtp_content *c, struct str in)
{
	size_t at = 0;

	while (at < in.n) {
		if (c->state == SMTP_CONTENT_LINE && c->dots && in.p[at] == '.')
			return at;
		c->state = SMTP_CONTENT_TEXT;
		at += find_break(str_part(in, at, in.n));
		if (in.n - at < 2 || in.p[at] != '\r' || in.p[at + 1] != '\n')
			return at;
		at += 2;
		c->state = SMTP_CONTENT_LINE;
	}
	return at;
}

enum smtp_content_result smtp_content_next(struct smtp_content *c, struct str *in, struct str *ret)
{
	while (in->n > 0) {
		enum smtp_content_result result = SMTP_CONTENT_NEED;
		size_t n;

		if (c->state != SMTP_CONTENT_LINE && c->state != SMTP_CONTENT_TEXT) {
			result = resolve(c, in, ret);
			if (result != SMTP_CONTENT_NEED)
				return result;
			continue;
		}
		n = plain_run(c, *in);
		if (n > 0) {
			*ret = str_part(*in, 0, n);
			*in = str_part(*in, n, in->n);
			return SMTP_CONTENT_SLICE;
		}
		if (in->p[0] == '\n') {
			if (c->normalises)
				skip(in);
			return bare(c, ret);
		}
		c->state = in->p[0] == '.' ? SMTP_CONTENT_DOT : SMTP_CONTENT_CR;
		skip(in);
	}
	return SMTP_CONTENT_NEED;
}
