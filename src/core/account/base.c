/* Base32 and base64 (RFC 4648 4 and 6). */
#include "core/account/account.h"

#include <string.h>

static const char alphabet32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char alphabet64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* BITS of each character; returns how many were written. */
static size_t format(
	const unsigned char *bytes, size_t size, const char *alphabet, unsigned bits, char *ret)
{
	unsigned held = 0, count = 0;
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		held = (held << 8 | bytes[i]) & 0xffff;
		for (count += 8; count >= bits; count -= bits)
			ret[n++] = alphabet[held >> (count - bits) & ((1U << bits) - 1)];
	}
	if (count > 0)
		ret[n++] = alphabet[held << (bits - count) & ((1U << bits) - 1)];
	return n;
}

/* Takes characters of BITS in; false: no room. */
struct intake {
	unsigned held, count, bits;
	unsigned char *to;
	size_t n, size;
};

static bool take(struct intake *in, unsigned value)
{
	in->held = (in->held << in->bits | value) & 0xffff;
	in->count += in->bits;
	if (in->count < 8)
		return true;
	if (in->n == in->size)
		return false;
	in->count -= 8;
	in->to[in->n++] = (unsigned char)(in->held >> in->count);
	return true;
}

/* What is left is less than a character, and zero. */
static bool is_whole(const struct intake *in)
{
	return in->count < in->bits && (in->held & ((1U << in->count) - 1)) == 0;
}

void account_base32_format(const unsigned char *bytes, size_t size, char *ret)
{
	ret[format(bytes, size, alphabet32, 5, ret)] = '\0';
}

bool account_base32_parse(struct str text, unsigned char *ret, size_t size, size_t *ret_size)
{
	struct intake in = {.bits = 5, .to = ret, .size = size};

	while (text.n > 0 && text.p[text.n - 1] == '=')
		text.n--;
	for (size_t i = 0; i < text.n; i++) {
		char c = str_lower(text.p[i]);

		if (c == ' ')
			continue;
		if (!(c >= 'a' && c <= 'z') && !(c >= '2' && c <= '7'))
			return false;
		if (!take(&in, c >= 'a' ? (unsigned)(c - 'a') : (unsigned)(c - '2') + 26))
			return false;
	}
	*ret_size = in.n;
	return is_whole(&in);
}

void account_base64_format(const unsigned char *bytes, size_t size, char *ret)
{
	size_t n = format(bytes, size, alphabet64, 6, ret);

	while (n % 4 != 0)
		ret[n++] = '=';
	ret[n] = '\0';
}

bool account_base64_parse(struct str text, unsigned char *ret, size_t size, size_t *ret_size)
{
	struct intake in = {.bits = 6, .to = ret, .size = size};
	size_t padding = 0;

	if (text.n % 4 != 0)
		return false;
	while (padding < 2 && text.n > 0 && text.p[text.n - 1] == '=') {
		text.n--;
		padding++;
	}
	for (size_t i = 0; i < text.n; i++) {
		const char *at = text.p[i] != '\0' ? strchr(alphabet64, text.p[i]) : NULL;

		if (at == NULL || !take(&in, (unsigned)(at - alphabet64)))
			return false;
	}
	*ret_size = in.n;
	return is_whole(&in);
}
