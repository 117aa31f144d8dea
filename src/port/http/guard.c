/* Which addresses nothing is fetched from. */
#include "port/http/inside.h"

#include <arpa/inet.h>

static const struct {
	const char *prefix, *why;
} forbidden[] = {
	{"0.0.0.0/8", "unspecified"},
	{"10.0.0.0/8", "private"},
	{"100.64.0.0/10", "shared by a provider's customers"},
	{"127.0.0.0/8", "loopback"},
	{"169.254.0.0/16", "link-local"},
	{"172.16.0.0/12", "private"},
	{"192.0.0.0/24", "reserved"},
	{"192.168.0.0/16", "private"},
	{"198.18.0.0/15", "for benchmarks"},
	{"224.0.0.0/4", "multicast"},
	{"240.0.0.0/4", "reserved"},
	{"::ffff:0:0/96", NULL}, /* IPv4, seen above */
	{"::1", "loopback"},
	{"::/96", "unspecified"},
	{"64:ff9b:1::/48", "private"},
	{"100::/64", "discarded"},
	{"2001::/32", "a tunnel"},
	{"fc00::/7", "private"},
	{"fe80::/10", "link-local"},
	{"fec0::/10", "private"},
	{"ff00::/8", "multicast"},
};

/* Where an IPv4 address stands inside others: 6to4, NAT64 (RFC 6052 2.1). */
static const struct {
	const char *prefix;
	unsigned at;
} carriers[] = {{"2002::/16", 2}, {"64:ff9b::/96", 12}};

static bool contains(const char *prefix, const struct model_prefix *address)
{
	struct model_prefix p;

	return model_parse_prefix(str_of(prefix), &p) && model_prefix_contains(&p, address);
}

bool http_prefix_of(const void *bytes, size_t size, struct model_prefix *ret)
{
	*ret = (struct model_prefix){.bits = 128};
	if (size == 4) {
		ret->bytes[10] = ret->bytes[11] = 0xff;
		memcpy(ret->bytes + 12, bytes, 4);
	} else if (size == 16) {
		memcpy(ret->bytes, bytes, 16);
	} else {
		return false;
	}
	return true;
}

void http_prefix_text(const struct model_prefix *address, char ret[64])
{
	bool is_v4 = contains("::ffff:0:0/96", address);

	inet_ntop(
		is_v4 ? AF_INET : AF_INET6, is_v4 ? address->bytes + 12 : address->bytes, ret, 64);
}

const char *http_forbidden(
	const struct model_prefix *address, const struct model_prefix *allowed, size_t count)
{
	struct model_prefix inner;

	for (size_t i = 0; i < count; i++) {
		if (model_prefix_contains(&allowed[i], address))
			return NULL;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(carriers); i++) {
		if (contains(carriers[i].prefix, address) &&
			http_prefix_of(address->bytes + carriers[i].at, 4, &inner))
			return http_forbidden(&inner, allowed, count);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(forbidden); i++) {
		if (contains(forbidden[i].prefix, address))
			return forbidden[i].why;
	}
	return NULL;
}
