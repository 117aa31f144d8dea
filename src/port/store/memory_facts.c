/* What the backend that keeps nothing knows of hosts, protection and organisations. */
#include "port/store/memory.h"

#include <stdlib.h>

enum err store_memory_host_remove(void *self, const char *name)
{
	struct store_memory *memory = self;
	size_t i;

	for (i = 0; i < memory->host_count; i++) {
		if (strcmp(memory->hosts[i].host, name) != 0)
			continue;
		free((char *)memory->hosts[i].host);
		free((char *)memory->hosts[i].reason);
		memory->host_count--;
		memmove(&memory->hosts[i], &memory->hosts[i + 1],
			(memory->host_count - i) * sizeof(*memory->hosts));
		break;
	}
	return ERR_OK;
}

enum err store_memory_host_put(void *self, const struct wire_host *host)
{
	struct store_memory *memory = self;
	size_t i;

	store_memory_host_remove(self, host->host);
	memory->hosts = mem_resize(memory->hosts, memory->host_count + 1, sizeof(*memory->hosts));
	for (i = memory->host_count; i > 0 && strcmp(memory->hosts[i - 1].host, host->host) > 0;
		i--)
		memory->hosts[i] = memory->hosts[i - 1];
	memory->hosts[i] = *host;
	memory->hosts[i].host = mem_text(host->host);
	memory->hosts[i].reason = mem_text(host->reason);
	memory->host_count++;
	return ERR_OK;
}

enum err store_memory_hosts(
	void *self, struct arena *arena, struct wire_host **ret, size_t *ret_count)
{
	const struct store_memory *memory = self;
	size_t i;

	*ret_count = memory->host_count;
	*ret = arena_array(arena, memory->host_count, sizeof(**ret));
	for (i = 0; i < memory->host_count; i++) {
		(*ret)[i] = memory->hosts[i];
		(*ret)[i].host = arena_text(arena, memory->hosts[i].host);
		(*ret)[i].reason = arena_text(arena, memory->hosts[i].reason);
	}
	return ERR_OK;
}

static void count_owner(
	struct arena *arena, struct str name, struct store_owner *owners, size_t *count)
{
	size_t i = 0;

	while (i < *count && !str_is(name, owners[i].name))
		i++;
	if (i == *count)
		owners[(*count)++] = (struct store_owner){.name = arena_text_of(arena, name)};
	owners[i].messages++;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct store_owner *)a)->name, ((const struct store_owner *)b)->name);
}

enum err store_memory_owners(
	void *self, struct arena *arena, struct store_owner **ret, size_t *ret_count)
{
	const struct store_memory *memory = self;
	size_t most = 1, count = 0, i;

	for (i = 0; i < memory->count; i++)
		most += memory->messages[i]->add.count;
	*ret = arena_array(arena, most * 2, sizeof(**ret));
	for (i = 0; i < memory->count; i++) {
		struct str rest = str_of(memory->messages[i]->add.owners);

		while (rest.n > 0 && count < most * 2)
			count_owner(arena, str_cut(&rest, ','), *ret, &count);
	}
	if (count > 0)
		qsort(*ret, count, sizeof(**ret), by_name);
	*ret_count = count;
	return ERR_OK;
}

/* ---- protection --------------------------------------------------------------------------------
 */

static int by_place(const struct store_protection *a, const struct store_protection *b)
{
	int order = (a->direction > b->direction) - (a->direction < b->direction);

	if (order == 0)
		order = strcmp(a->domain, b->domain);
	return order != 0 ? order : strcmp(a->network, b->network);
}

enum err store_memory_protection_remove(void *self, const struct store_protection *p)
{
	struct store_memory *memory = self;
	size_t i = 0;

	while (i < memory->protection_count && by_place(&memory->protections[i].wire, p) != 0)
		i++;
	if (i == memory->protection_count)
		return ERR_OK;
	arena_free(&memory->protections[i].arena);
	memory->protection_count--;
	memmove(&memory->protections[i], &memory->protections[i + 1],
		(memory->protection_count - i) * sizeof(*memory->protections));
	return ERR_OK;
}

enum err store_memory_protection_put(void *self, const struct store_protection *p)
{
	struct store_memory *memory = self;
	struct store_memory_protection new = {.arena = arena_new(), .wire = *p};
	size_t i;

	store_protection_own(new.arena, &new.wire);
	store_memory_protection_remove(self, p);
	memory->protections = mem_resize(
		memory->protections, memory->protection_count + 1, sizeof(*memory->protections));
	for (i = memory->protection_count;
		i > 0 && by_place(&memory->protections[i - 1].wire, p) > 0; i--)
		memory->protections[i] = memory->protections[i - 1];
	memory->protections[i] = new;
	memory->protection_count++;
	return ERR_OK;
}

enum err store_memory_protections(
	void *self, struct arena *arena, struct store_protection **ret, size_t *ret_count)
{
	const struct store_memory *memory = self;
	size_t i;

	*ret_count = memory->protection_count;
	*ret = arena_array(arena, memory->protection_count, sizeof(**ret));
	for (i = 0; i < memory->protection_count; i++) {
		(*ret)[i] = memory->protections[i].wire;
		store_protection_own(arena, &(*ret)[i]);
	}
	return ERR_OK;
}

enum err store_memory_refusal_remove(void *self, const struct wire_refused *refused)
{
	struct store_memory *memory = self;

	for (size_t i = 0; i < memory->refusal_count; i++) {
		const struct wire_refused *known = &memory->refusals[i].wire;

		if (known->direction != refused->direction ||
			strcmp(known->partner, refused->partner) != 0 ||
			strcmp(known->certificate, refused->certificate) != 0 ||
			strcmp(known->version, refused->version) != 0)
			continue;
		arena_free(&memory->refusals[i].arena);
		memory->refusal_count--;
		memmove(&memory->refusals[i], &memory->refusals[i + 1],
			(memory->refusal_count - i) * sizeof(*memory->refusals));
		break;
	}
	return ERR_OK;
}

enum err store_memory_refusal_put(void *self, const struct wire_refused *refused)
{
	struct store_memory *memory = self;
	struct store_memory_refusal *to;
	size_t i;

	store_memory_refusal_remove(self, refused);
	memory->refusals =
		mem_resize(memory->refusals, memory->refusal_count + 1, sizeof(*memory->refusals));
	for (i = memory->refusal_count;
		i > 0 && memory->refusals[i - 1].wire.at_ms > refused->at_ms; i--)
		memory->refusals[i] = memory->refusals[i - 1];
	to = &memory->refusals[i];
	to->arena = arena_new();
	record_copy(&wire_refused_desc, refused, to->arena, &to->wire);
	memory->refusal_count++;
	return ERR_OK;
}

enum err store_memory_refusals(
	void *self, struct arena *arena, struct wire_refused **ret, size_t *ret_count)
{
	const struct store_memory *memory = self;

	*ret_count = memory->refusal_count;
	*ret = arena_array(arena, memory->refusal_count + 1, sizeof(**ret));
	for (size_t i = 0; i < memory->refusal_count; i++)
		record_copy(&wire_refused_desc, &memory->refusals[i].wire, arena, &(*ret)[i]);
	return ERR_OK;
}
