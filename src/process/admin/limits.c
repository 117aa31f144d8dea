#include "process/admin/limits.h"

#include "base/map.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

struct entry {
	struct entry *newer, *older; /* by when they tried last */
	char key[ADMIN_LIMITS_MAX_KEY];
	unsigned failures;
	int64_t tried_ms, until_ms;
};

struct admin_limits {
	struct admin_limits_rule rule;
	struct map *entries;
	struct entry *newest, *oldest;
};

struct admin_limits *admin_limits_new(const struct admin_limits_rule *rule, uint64_t seed)
{
	struct admin_limits *limits = mem_new(sizeof(*limits));

	limits->rule = *rule;
	limits->entries = map_new(seed);
	return limits;
}

static void unlink_entry(struct admin_limits *limits, struct entry *entry)
{
	if (entry->newer != NULL)
		entry->newer->older = entry->older;
	else
		limits->newest = entry->older;
	if (entry->older != NULL)
		entry->older->newer = entry->newer;
	else
		limits->oldest = entry->newer;
	entry->newer = entry->older = NULL;
}

static void put_first(struct admin_limits *limits, struct entry *entry)
{
	entry->older = limits->newest;
	if (limits->newest != NULL)
		limits->newest->newer = entry;
	limits->newest = entry;
	if (limits->oldest == NULL)
		limits->oldest = entry;
}

static void drop(struct admin_limits *limits, struct entry *entry)
{
	unlink_entry(limits, entry);
	map_remove(limits->entries, str_of(entry->key));
	free(entry);
}

void admin_limits_free(struct admin_limits **limits)
{
	struct admin_limits *l = *limits;
	struct entry *older;

	*limits = NULL;
	if (l == NULL)
		return;
	for (struct entry *entry = l->newest; entry != NULL; entry = older) {
		older = entry->older;
		drop(l, entry);
	}
	map_free(&l->entries);
	free(l);
}

/* What is too long shares its beginning with others. */
static struct str cut(struct str key)
{
	return str_part(key, 0, ADMIN_LIMITS_MAX_KEY - 1);
}

static struct entry *entry_of(struct admin_limits *limits, struct str key)
{
	struct entry *entry = map_get(limits->entries, key);

	if (entry != NULL) {
		unlink_entry(limits, entry);
	} else {
		if (map_count(limits->entries) >= ADMIN_LIMITS_MAX)
			drop(limits, limits->oldest);
		entry = mem_new(sizeof(*entry));
		snprintf(entry->key, sizeof(entry->key), "%.*s", STR_ARGS(key));
		map_set(limits->entries, str_of(entry->key), entry);
	}
	put_first(limits, entry);
	return entry;
}

static int64_t wait_of(const struct admin_limits_rule *rule, unsigned failures)
{
	int64_t wait = rule->first_ms;

	if (failures < rule->free)
		return 0;
	for (unsigned i = rule->free; i < failures && wait < rule->longest_ms; i++)
		wait *= 2;
	return wait < rule->longest_ms ? wait : rule->longest_ms;
}

int64_t admin_limits_try(struct admin_limits *limits, struct str key, int64_t now_ms)
{
	struct entry *entry = entry_of(limits, cut(key));

	if (entry->tried_ms != 0 && now_ms - entry->tried_ms > limits->rule.forget_ms)
		entry->failures = 0;
	if (entry->failures > 0 && now_ms < entry->until_ms)
		return entry->until_ms - now_ms;
	entry->failures++;
	entry->tried_ms = now_ms;
	entry->until_ms = now_ms + wait_of(&limits->rule, entry->failures);
	return 0;
}

void admin_limits_forgive(struct admin_limits *limits, struct str key)
{
	struct entry *entry = map_get(limits->entries, cut(key));

	if (entry == NULL)
		return;
	if (entry->failures > 0)
		entry->failures--;
	if (entry->failures == 0)
		drop(limits, entry);
	else
		entry->until_ms = entry->tried_ms;
}

void admin_limits_clear(struct admin_limits *limits, struct str key)
{
	struct entry *entry = map_get(limits->entries, cut(key));

	if (entry != NULL)
		drop(limits, entry);
}

size_t admin_limits_count(const struct admin_limits *limits)
{
	return map_count(limits->entries);
}

void admin_limits_network(const char *address, char *ret, size_t size)
{
	struct in6_addr v6;

	if (address == NULL || inet_pton(AF_INET6, address, &v6) != 1) {
		snprintf(ret, size, "%s", address != NULL ? address : "");
	} else if (IN6_IS_ADDR_V4MAPPED(&v6)) {
		snprintf(ret, size, "%u.%u.%u.%u", v6.s6_addr[12], v6.s6_addr[13], v6.s6_addr[14],
			v6.s6_addr[15]);
	} else {
		memset(&v6.s6_addr[8], 0, 8);
		inet_ntop(AF_INET6, &v6, ret, (socklen_t)size);
	}
}
