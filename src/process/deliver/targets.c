#include "process/deliver/targets.h"

#include <arpa/inet.h>
#include <stdio.h>

/* splitmix64: only to spread load among equals. */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

bool deliver_targets_same_host(const char *a, const char *b)
{
	struct str x = str_of(a), y = str_of(b);

	if (x.n > 0 && x.p[x.n - 1] == '.')
		x.n--;
	if (y.n > 0 && y.p[y.n - 1] == '.')
		y.n--;
	return x.n > 0 && str_equal_nocase(x, y);
}

static void swap(struct deliver_mx *a, struct deliver_mx *b)
{
	struct deliver_mx t = *a;

	*a = *b;
	*b = t;
}

size_t deliver_targets_sort(
	struct deliver_mx *mx, size_t count, const char *own, uint64_t seed, bool *ret_is_loop)
{
	unsigned limit = UINT16_MAX + 1u;
	size_t left = 0;

	for (size_t i = count; i > 1; i--)
		swap(&mx[i - 1], &mx[next_random(&seed) % i]);
	/* Stable, and there are few. */
	for (size_t i = 1; i < count; i++)
		for (size_t j = i; j > 0 && mx[j - 1].preference > mx[j].preference; j--)
			swap(&mx[j - 1], &mx[j]);
	for (size_t i = 0; i < count; i++)
		if (deliver_targets_same_host(mx[i].host, own) && mx[i].preference < limit)
			limit = mx[i].preference;
	while (left < count && left < DELIVER_MAX_HOSTS && mx[left].preference < limit)
		left++;
	*ret_is_loop = count > 0 && left == 0;
	return left;
}

bool deliver_targets_is_null_mx(const struct deliver_mx *mx, size_t count)
{
	return count == 1 && (mx[0].host[0] == '\0' || str_is(str_of(mx[0].host), "."));
}

bool deliver_targets_address(struct str rdata, uint16_t port, struct deliver_address *ret)
{
	*ret = (struct deliver_address){.port = port};
	if (rdata.n == 4) {
		ret->to.v4.sin_family = AF_INET;
		ret->to.v4.sin_port = htons(port);
		memcpy(&ret->to.v4.sin_addr, rdata.p, 4);
		ret->size = sizeof(ret->to.v4);
		inet_ntop(AF_INET, rdata.p, ret->text, sizeof(ret->text));
		return true;
	}
	if (rdata.n == 16) {
		ret->to.v6.sin6_family = AF_INET6;
		ret->to.v6.sin6_port = htons(port);
		memcpy(&ret->to.v6.sin6_addr, rdata.p, 16);
		ret->size = sizeof(ret->to.v6);
		inet_ntop(AF_INET6, rdata.p, ret->text, sizeof(ret->text));
		return true;
	}
	return false;
}

bool deliver_targets_literal(struct str text, uint16_t port, struct deliver_address *ret)
{
	char host[64];
	unsigned char bytes[16];
	static const struct str prefix = STR("IPv6:");

	if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
		text = str_part(text, 1, text.n - 1);
	if (str_starts_nocase(text, prefix))
		text = str_part(text, prefix.n, text.n);
	if (text.n == 0 || text.n >= sizeof(host))
		return false;
	memcpy(host, text.p, text.n);
	host[text.n] = '\0';
	if (inet_pton(AF_INET, host, bytes) == 1)
		return deliver_targets_address(str_make(bytes, 4), port, ret);
	if (inet_pton(AF_INET6, host, bytes) == 1)
		return deliver_targets_address(str_make(bytes, 16), port, ret);
	return false;
}

bool deliver_targets_unix(const char *path, struct deliver_address *ret)
{
	*ret = (struct deliver_address){.size = sizeof(ret->to.local)};
	if (path[0] == '\0' || strlen(path) >= sizeof(ret->to.local.sun_path))
		return false;
	ret->to.local.sun_family = AF_UNIX;
	memcpy(ret->to.local.sun_path, path, strlen(path) + 1);
	snprintf(ret->text, sizeof(ret->text), "unix:%s", path);
	return true;
}

size_t deliver_targets_alternate(const struct deliver_address *v6, size_t v6_count,
	const struct deliver_address *v4, size_t v4_count, struct deliver_address *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < v6_count || i < v4_count; i++) {
		if (i < v6_count && n < DELIVER_MAX_ADDRESSES)
			ret[n++] = v6[i];
		if (i < v4_count && n < DELIVER_MAX_ADDRESSES)
			ret[n++] = v4[i];
	}
	return n;
}
