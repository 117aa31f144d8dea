#include "core/smtp/xtext.h"

static bool is_plain(char c)
{
	return c > ' ' && c < 0x7f && c != '+' && c != '=';
}

/* RFC 3461 4: hexchar is upper case. */
static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte at *POSITION, which is moved behind it; -1 when malformed. */
static int next_byte(struct str text, size_t *position)
{
	char c = text.p[*position];
	int high, low;

	if (is_plain(c)) {
		*position += 1;
		return (unsigned char)c;
	}
	if (c != '+' || text.n - *position < 3)
		return -1;
	high = hex_digit(text.p[*position + 1]);
	low = hex_digit(text.p[*position + 2]);
	if (high < 0 || low < 0)
		return -1;
	*position += 3;
	return high * 16 + low;
}

bool smtp_xtext_is_valid(struct str text)
{
	size_t position = 0;

	while (position < text.n)
		if (next_byte(text, &position) < 0)
			return false;
	return true;
}

enum err smtp_xtext_decode(struct str text, struct buf *out)
{
	size_t position = 0;

	if (!smtp_xtext_is_valid(text))
		return ERR_SYNTAX;
	while (position < text.n) {
		enum err e = buf_put_byte(out, (char)next_byte(text, &position));

		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err smtp_xtext_encode(struct str bytes, struct buf *out)
{
	for (size_t i = 0; i < bytes.n; i++) {
		enum err e = is_plain(bytes.p[i])
				     ? buf_put_byte(out, bytes.p[i])
				     : buf_format(out, "+%02X", (unsigned char)bytes.p[i]);

		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}
