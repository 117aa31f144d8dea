#include "core/smtp/address.h"

#include <arpa/inet.h>

static bool is_letter_or_digit(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 5322 3.2.3; RFC 6531 3.3 adds everything beyond ASCII. */
static bool is_atext(unsigned char c)
{
	return c >= 0x80 || is_letter_or_digit(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Length of the dot-string at the front of S; 0 when there is none. */
static size_t dot_string(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (is_atext((unsigned char)s.p[i]))
			continue;
		if (s.p[i] != '.' || i == 0 || s.p[i - 1] == '.')
			break;
	}
	if (i > 0 && s.p[i - 1] == '.')
		return 0;
	return i;
}

/* Length of the quoted string at the front of S, quotes included; 0 when it is malformed. */
static size_t quoted_string(struct str s)
{
	size_t i;

	for (i = 1; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"')
			return i > 1 ? i + 1 : 0;
		if (c == '\\') {
			if (++i == s.n)
				return 0;
			c = (unsigned char)s.p[i];
			if (c >= 0x80)
				return 0;
		}
		if (c < ' ' || c == 0x7f)
			return 0;
	}
	return 0;
}

static bool is_label(struct str label)
{
	if (label.n == 0 || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	if (str_is_ascii(label) && label.n > SMTP_ADDRESS_MAX_LABEL)
		return false;
	for (size_t i = 0; i < label.n; i++) {
		unsigned char c = (unsigned char)label.p[i];

		if (!is_letter_or_digit(c) && c != '-' && c < 0x80)
			return false;
	}
	return true;
}

bool smtp_address_is_domain(struct str text)
{
	struct str rest = text;

	if (text.n == 0 || text.n > SMTP_ADDRESS_MAX_DOMAIN || text.p[text.n - 1] == '.')
		return false;
	if (!str_is_utf8(text))
		return false;
	while (rest.n > 0)
		if (!is_label(str_cut(&rest, '.')))
			return false;
	return true;
}

bool smtp_address_is_literal(struct str text)
{
	static const struct str ipv6 = STR("IPv6:");
	char copy[INET6_ADDRSTRLEN];
	unsigned char bytes[16];
	int family = AF_INET;

	if (text.n < 2 || text.p[0] != '[' || text.p[text.n - 1] != ']')
		return false;
	text = str_part(text, 1, text.n - 1);
	if (str_starts_nocase(text, ipv6)) {
		text = str_part(text, ipv6.n, text.n);
		family = AF_INET6;
	}
	if (text.n == 0 || text.n >= sizeof(copy) || memchr(text.p, '\0', text.n) != NULL)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	return inet_pton(family, copy, bytes) == 1;
}

static enum err check_lengths(struct smtp_address *a)
{
	if (a->local.n > SMTP_ADDRESS_MAX_LOCAL || a->domain.n > SMTP_ADDRESS_MAX_DOMAIN ||
		a->text.n > SMTP_ADDRESS_MAX)
		return ERR_TOO_LONG;
	if (!str_is_utf8(a->text))
		return ERR_SYNTAX;
	a->is_utf8 = !str_is_ascii(a->text);
	return ERR_OK;
}

/* Take a mailbox from the front of *IN.  The domain reaches up to ">" or the end. */
static enum err take_mailbox(struct str *in, enum smtp_address_kind kind, struct smtp_address *ret)
{
	struct smtp_address a = {0};
	size_t local, end;
	enum err e;

	if (in->n == 0)
		return ERR_SYNTAX;
	local = in->p[0] == '"' ? quoted_string(*in) : dot_string(*in);
	if (local == 0)
		return ERR_SYNTAX;
	a.local = str_part(*in, 0, local);
	end = local;
	if (local < in->n && in->p[local] == '@') {
		end = str_find(*in, '>', local);
		a.domain = str_part(*in, local + 1, end);
		a.is_literal = smtp_address_is_literal(a.domain);
	} else if (kind != SMTP_ADDRESS_FORWARD || !str_is_nocase(a.local, "postmaster")) {
		return ERR_SYNTAX;
	}
	a.text = str_part(*in, 0, end);
	e = check_lengths(&a);
	if (e != ERR_OK)
		return e;
	if (end > local && !a.is_literal && !smtp_address_is_domain(a.domain))
		return ERR_SYNTAX;
	*in = str_part(*in, end, in->n);
	*ret = a;
	return ERR_OK;
}

/* Take "@a.example,@b.example:" from the front of *IN. */
static bool take_source_route(struct str *in)
{
	struct str rest = *in, route = str_cut(&rest, ':');

	if (route.n == in->n)
		return false;
	while (route.n > 0) {
		struct str hop = str_cut(&route, ',');

		if (hop.n < 2 || hop.p[0] != '@' ||
			!smtp_address_is_domain(str_part(hop, 1, hop.n)))
			return false;
	}
	*in = rest;
	return true;
}

enum err smtp_address_path(struct str *in, enum smtp_address_kind kind, struct smtp_address *ret)
{
	struct str rest = *in;
	enum err e;

	if (rest.n < 2 || rest.p[0] != '<')
		return ERR_SYNTAX;
	rest = str_part(rest, 1, rest.n);
	if (rest.p[0] == '>') {
		if (kind != SMTP_ADDRESS_REVERSE)
			return ERR_SYNTAX;
		*ret = (struct smtp_address){.text = str_part(rest, 0, 0)};
		*in = str_part(rest, 1, rest.n);
		return ERR_OK;
	}
	if (rest.p[0] == '@' && !take_source_route(&rest))
		return ERR_SYNTAX;
	e = take_mailbox(&rest, kind, ret);
	if (e != ERR_OK)
		return e;
	if (rest.n == 0 || rest.p[0] != '>')
		return ERR_SYNTAX;
	*in = str_part(rest, 1, rest.n);
	return ERR_OK;
}

enum err smtp_address_parse(struct str text, struct smtp_address *ret)
{
	struct smtp_address a;
	struct str rest = text;
	enum err e = take_mailbox(&rest, SMTP_ADDRESS_REVERSE, &a);

	if (e != ERR_OK)
		return e;
	if (rest.n != 0)
		return ERR_SYNTAX;
	*ret = a;
	return ERR_OK;
}
