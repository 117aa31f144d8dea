#include "port/revocation/inside.h"

#include <time.h>

bool revocation_der_take(
	struct str *in, unsigned char *ret_tag, struct str *ret_content, struct str *ret_whole)
{
	const unsigned char *p = (const unsigned char *)in->p;
	size_t length, header = 2;

	if (in->n < 2 || (p[0] & 0x1f) == 0x1f)
		return false;
	length = p[1];
	if (length >= 0x80) {
		size_t bytes = length & 0x7f;

		if (bytes == 0 || bytes > 4 || in->n < 2 + bytes)
			return false;
		length = 0;
		for (size_t i = 0; i < bytes; i++)
			length = length << 8 | p[2 + i];
		header += bytes;
	}
	if (in->n - header < length)
		return false;
	*ret_tag = p[0];
	*ret_content = str_part(*in, header, header + length);
	if (ret_whole != NULL)
		*ret_whole = str_part(*in, 0, header + length);
	*in = str_part(*in, header + length, in->n);
	return true;
}

bool revocation_der_expect(struct str *in, unsigned char tag, struct str *ret_content)
{
	struct str rest = *in, content;
	unsigned char found;

	if (!revocation_der_take(&rest, &found, &content, NULL) || found != tag)
		return false;
	*in = rest;
	*ret_content = content;
	return true;
}

bool revocation_der_is_time(unsigned char tag)
{
	return tag == REVOCATION_DER_UTC || tag == REVOCATION_DER_GENERALIZED;
}

static bool digits(struct str *in, size_t count, int *ret)
{
	int value = 0;

	if (in->n < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (in->p[i] < '0' || in->p[i] > '9')
			return false;
		value = value * 10 + (in->p[i] - '0');
	}
	*in = str_part(*in, count, in->n);
	*ret = value;
	return true;
}

bool revocation_der_time(unsigned char tag, struct str content, int64_t *ret_ms)
{
	struct tm tm = {0};
	struct str in = content;
	int year;

	if (!digits(&in, tag == REVOCATION_DER_UTC ? 2 : 4, &year) || !digits(&in, 2, &tm.tm_mon) ||
		!digits(&in, 2, &tm.tm_mday) || !digits(&in, 2, &tm.tm_hour) ||
		!digits(&in, 2, &tm.tm_min) || !digits(&in, 2, &tm.tm_sec) || !str_is(in, "Z"))
		return false;
	if (tag == REVOCATION_DER_UTC)
		year += year < 50 ? 2000 : 1900;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
		tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon--;
	*ret_ms = (int64_t)timegm(&tm) * 1000;
	return true;
}

static struct str without_zeros(struct str s)
{
	while (s.n > 1 && s.p[0] == '\0')
		s = str_part(s, 1, s.n);
	return s;
}

bool revocation_der_same_integer(struct str a, struct str b)
{
	/* A sign decides: 00ff is 255, ff is -1. */
	bool a_negative = a.n > 0 && (a.p[0] & 0x80) != 0;
	bool b_negative = b.n > 0 && (b.p[0] & 0x80) != 0;

	return a_negative == b_negative && str_equal(without_zeros(a), without_zeros(b));
}
