#include "core/model/model.h"

#include <arpa/inet.h>
#include <idn2.h>

enum { MAX_NAME = 253, MAX_LABEL = 63, MAX_PATH = 1024 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_label(struct str label)
{
	if (label.n == 0 || label.n > MAX_LABEL || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!is_digit(label.p[i]) && label.p[i] != '-' &&
			(str_lower(label.p[i]) < 'a' || str_lower(label.p[i]) > 'z'))
			return false;
	return true;
}

/* Letters, digits and hyphens (RFC 5321 2.3.5); the last label is not a number, so that an IPv4
 * address is never taken for a name. */
static bool is_host_name(struct str name)
{
	bool is_number = true;
	struct str label = {NULL, 0};

	if (name.n == 0 || name.n > MAX_NAME || name.p[name.n - 1] == '.')
		return false;
	while (name.n > 0) {
		label = str_cut(&name, '.');
		if (!is_label(label))
			return false;
	}
	for (size_t i = 0; i < label.n; i++)
		is_number = is_number && is_digit(label.p[i]);
	return !is_number;
}

static const char *from_unicode(struct str name, struct arena *arena)
{
	char *text = arena_text_of(arena, name);
	uint8_t *ascii = NULL;
	const char *result = NULL;

	if (name.n > MAX_NAME * 4 || !str_is_utf8(name) || str_find(name, '\0', 0) < name.n)
		return NULL;
	if (idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) ==
			IDN2_OK &&
		is_host_name(str_of((char *)ascii)))
		result = arena_text(arena, (char *)ascii);
	idn2_free(ascii);
	return result;
}

const char *model_domain_name(struct str text, bool wildcard, struct arena *arena)
{
	bool has_star = text.n > 2 && text.p[0] == '*' && text.p[1] == '.';
	struct str name = has_star ? str_part(text, 2, text.n) : text;
	const char *ascii;
	char *lower;

	if (has_star && !wildcard)
		return NULL;
	if (!str_is_ascii(name)) {
		ascii = from_unicode(name, arena);
		return ascii != NULL && has_star ? arena_format(arena, "*.%s", ascii) : ascii;
	}
	if (!is_host_name(name))
		return NULL;
	lower = arena_text_of(arena, text);
	str_lower_in_place(lower, text.n);
	return lower;
}

bool model_parse_prefix(struct str text, struct model_prefix *ret)
{
	struct model_prefix p = {.bits = 128};
	struct str bits = text;
	struct str address = str_cut(&bits, '/');
	bool has_bits = address.n < text.n;
	unsigned char v4[4];
	unsigned offset = 0;
	uint64_t value = 0;
	char buffer[64];

	if (address.n >= sizeof(buffer) || address.n == 0 || memchr(address.p, '\0', address.n))
		return false;
	memcpy(buffer, address.p, address.n);
	buffer[address.n] = '\0';
	if (inet_pton(AF_INET, buffer, v4) == 1) {
		offset = 96;
		p.bytes[10] = p.bytes[11] = 0xff;
		memcpy(p.bytes + 12, v4, sizeof(v4));
	} else if (inet_pton(AF_INET6, buffer, p.bytes) != 1) {
		return false;
	}
	if (has_bits) {
		if (bits.n > 3 || !str_to_u64(bits, &value) || value > 128 - offset)
			return false;
		p.bits = offset + (unsigned)value;
	}
	for (unsigned i = p.bits; i < 128; i++)
		p.bytes[i / 8] &= (unsigned char)~(0x80U >> (i % 8));
	*ret = p;
	return true;
}

bool model_prefix_contains(const struct model_prefix *prefix, const struct model_prefix *address)
{
	unsigned whole = prefix->bits / 8, rest = prefix->bits % 8;
	unsigned char mask = (unsigned char)(0xff00U >> rest);

	if (address->bits < prefix->bits || memcmp(prefix->bytes, address->bytes, whole) != 0)
		return false;
	return rest == 0 || ((prefix->bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

static bool parse_port(struct str text, uint16_t *ret)
{
	uint64_t value;

	if (text.n > 5 || !str_to_u64(text, &value) || value == 0 || value > 65535)
		return false;
	*ret = (uint16_t)value;
	return true;
}

static bool is_ipv4(struct str text)
{
	struct model_prefix p;

	return str_find(text, ':', 0) == text.n && str_find(text, '/', 0) == text.n &&
	       model_parse_prefix(text, &p);
}

static bool is_ipv6(struct str text)
{
	struct model_prefix p;

	return str_find(text, ':', 0) < text.n && str_find(text, '/', 0) == text.n &&
	       model_parse_prefix(text, &p);
}

bool model_parse_endpoint(
	struct str text, uint16_t default_port, struct str *ret_host, uint16_t *ret_port)
{
	struct str host, rest = text;
	uint16_t port = default_port;
	bool has_port;

	if (text.n > 0 && text.p[0] == '[') {
		host = str_cut(&rest, ']');
		if (host.n == text.n || !is_ipv6(str_part(host, 1, host.n)))
			return false;
		host = str_part(host, 1, host.n);
		has_port = rest.n > 0;
		if (has_port && rest.p[0] != ':')
			return false;
		rest = str_part(rest, 1, rest.n);
	} else {
		host = str_cut(&rest, ':');
		has_port = host.n < text.n;
		if (!is_host_name(host) && !is_ipv4(host))
			return false;
	}
	if (has_port ? !parse_port(rest, &port) : port == 0)
		return false;
	*ret_host = host;
	*ret_port = port;
	return true;
}

/* No ".." segment, no braces but {local} and {domain}. */
static bool is_pattern(struct str path)
{
	struct str rest = path;

	if (path.n == 0 || path.n > MAX_PATH)
		return false;
	while (rest.n > 0)
		if (str_is(str_cut(&rest, '/'), ".."))
			return false;
	for (size_t i = 0; i < path.n; i++) {
		size_t end;

		if (path.p[i] == '}' || (unsigned char)path.p[i] < ' ')
			return false;
		if (path.p[i] != '{')
			continue;
		end = str_find(path, '}', i);
		if (!str_is(str_part(path, i, end + 1), "{local}") &&
			!str_is(str_part(path, i, end + 1), "{domain}"))
			return false;
		i = end;
	}
	return true;
}

/* Cut PREFIX from the front of *TEXT. */
static bool take_prefix(struct str *text, const char *prefix)
{
	struct str p = str_of(prefix);

	if (!str_starts_nocase(*text, p))
		return false;
	*text = str_part(*text, p.n, text->n);
	return true;
}

bool model_parse_delivery(const char *text, struct model_delivery *ret)
{
	struct model_delivery d = {.type = MODEL_DELIVERY_NONE};
	struct str rest = str_of(text);

	if (text == NULL) {
		*ret = d;
		return true;
	}
	if (take_prefix(&rest, "maildir:")) {
		d.type = MODEL_DELIVERY_MAILDIR;
		d.path = rest;
		if (!is_pattern(rest))
			return false;
	} else if (take_prefix(&rest, "lmtp:unix:")) {
		d.type = MODEL_DELIVERY_LMTP_UNIX;
		d.path = rest;
		/* sun_path holds 107 characters. */
		if (rest.n < 2 || rest.n > 107 || rest.p[0] != '/')
			return false;
	} else if (take_prefix(&rest, "lmtp:")) {
		d.type = MODEL_DELIVERY_LMTP_TCP;
		if (!model_parse_endpoint(rest, 0, &d.host, &d.port))
			return false;
	} else if (take_prefix(&rest, "smtp:")) {
		d.type = MODEL_DELIVERY_SMTP;
		if (!model_parse_endpoint(rest, 25, &d.host, &d.port))
			return false;
	} else {
		return false;
	}
	*ret = d;
	return true;
}
