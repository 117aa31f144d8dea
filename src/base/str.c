#include "base/str.h"

#include <assert.h>

bool str_equal(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

char str_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

void str_lower_in_place(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = str_lower(p[i]);
}

bool str_equal_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	assert(a.n == 0 || (a.p != NULL && b.p != NULL));
	for (size_t i = 0; i < a.n; i++)
		if (str_lower(a.p[i]) != str_lower(b.p[i]))
			return false;
	return true;
}

bool str_is(struct str a, const char *text)
{
	return str_equal(a, str_of(text));
}

bool str_is_nocase(struct str a, const char *text)
{
	return str_equal_nocase(a, str_of(text));
}

bool str_starts_nocase(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_equal_nocase(str_part(s, 0, prefix.n), prefix);
}

bool str_ends_nocase(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_equal_nocase(str_part(s, s.n - suffix.n, s.n), suffix);
}

int str_compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (order != 0)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

size_t str_find(struct str s, char byte, size_t from)
{
	const char *hit;

	if (from >= s.n)
		return s.n;
	hit = memchr(s.p + from, byte, s.n - from);
	return hit != NULL ? (size_t)(hit - s.p) : s.n;
}

size_t str_find_last(struct str s, char byte)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == byte)
			return i - 1;
	return s.n;
}

struct str str_part(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return (struct str){s.p != NULL ? s.p + from : NULL, to - from};
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_part(s, 1, s.n);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

struct str str_cut(struct str *s, char separator)
{
	size_t at = str_find(*s, separator, 0);
	struct str head = str_part(*s, 0, at);

	*s = str_part(*s, at < s->n ? at + 1 : at, s->n);
	return head;
}

bool str_to_u64(struct str s, uint64_t *ret)
{
	uint64_t value = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

bool str_is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

/* Length of the well-formed sequence at P (N bytes left); 0 when malformed.  RFC 3629 4. */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
	size_t length = p[0] < 0x80   ? 1
			: p[0] < 0xC2 ? 0
			: p[0] < 0xE0 ? 2
			: p[0] < 0xF0 ? 3
			: p[0] < 0xF5 ? 4
				      : 0;

	if (length == 0 || length > n)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
		(p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
		return 0;
	return length;
}

bool str_is_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	for (size_t i = 0; i < s.n;) {
		size_t length = utf8_sequence(p + i, s.n - i);

		if (length == 0)
			return false;
		i += length;
	}
	return true;
}
