/* Users, tokens and the audit log in the backend that keeps nothing. */
#include "port/store/access_inside.h"
#include "port/store/memory.h"

#include <stdlib.h>

static int by_place(const struct store_access_row *a, const struct store_access_row *b)
{
	return a->kind != b->kind ? (a->kind > b->kind) - (a->kind < b->kind)
				  : strcmp(a->key, b->key);
}

static void free_row(struct store_access_row *row)
{
	free((char *)row->key);
	free((char *)row->json);
}

enum err store_memory_access_put(void *self, const struct store_access_row *row)
{
	struct store_memory *memory = self;
	size_t i = 0;

	while (i < memory->access_count && by_place(&memory->access[i], row) < 0)
		i++;
	if (i < memory->access_count && by_place(&memory->access[i], row) == 0) {
		free_row(&memory->access[i]);
		memory->access_count--;
		memmove(&memory->access[i], &memory->access[i + 1],
			(memory->access_count - i) * sizeof(*memory->access));
	}
	if (row->json == NULL)
		return ERR_OK;
	memory->access =
		mem_resize(memory->access, memory->access_count + 1, sizeof(*memory->access));
	memmove(&memory->access[i + 1], &memory->access[i],
		(memory->access_count - i) * sizeof(*memory->access));
	memory->access[i] =
		(struct store_access_row){row->kind, mem_text(row->key), mem_text(row->json)};
	memory->access_count++;
	return ERR_OK;
}

enum err store_memory_access_rows(
	void *self, struct arena *arena, struct store_access_row **ret, size_t *ret_count)
{
	const struct store_memory *memory = self;

	*ret_count = memory->access_count;
	*ret = arena_array(arena, memory->access_count, sizeof(**ret));
	for (size_t i = 0; i < memory->access_count; i++)
		(*ret)[i] = (struct store_access_row){memory->access[i].kind,
			arena_text(arena, memory->access[i].key),
			arena_text(arena, memory->access[i].json)};
	return ERR_OK;
}

enum err store_memory_audit_end(void *self, struct store_audit_end *ret)
{
	const struct store_memory *memory = self;

	*ret = (struct store_audit_end){0};
	if (memory->audit_count == 0)
		return ERR_OK;
	ret->id = ret->last = memory->audit[memory->audit_count - 1].id;
	snprintf(ret->hash, sizeof(ret->hash), "%s", memory->audit[memory->audit_count - 1].hash);
	return ERR_OK;
}

enum err store_memory_audit_add(void *self, const struct account_entry *entry)
{
	struct store_memory *memory = self;

	if (memory->audit_arena == NULL)
		memory->audit_arena = arena_new();
	memory->audit = mem_resize(memory->audit, memory->audit_count + 1, sizeof(*memory->audit));
	memory->audit[memory->audit_count] = *entry;
	account_entry_own(&memory->audit[memory->audit_count++], memory->audit_arena);
	return ERR_OK;
}

enum err store_memory_audit_list(void *self, const struct store_audit_query *query, int64_t from,
	struct arena *arena, struct account_entry **ret, size_t *ret_count)
{
	const struct store_memory *memory = self;
	size_t n = 0;

	*ret = arena_array(arena, query->limit, sizeof(**ret));
	for (size_t i = memory->audit_count; i-- > 0 && n < query->limit;) {
		const struct account_entry *entry = &memory->audit[i];

		if (entry->id < from || entry->id >= query->before ||
			!store_audit_matches(query, entry))
			continue;
		(*ret)[n] = *entry;
		account_entry_own(&(*ret)[n++], arena);
	}
	*ret_count = n;
	return ERR_OK;
}

enum err store_memory_audit_after(void *self, int64_t after, size_t limit, struct arena *arena,
	struct account_entry **ret, size_t *ret_count)
{
	const struct store_memory *memory = self;
	size_t n = 0;

	*ret = arena_array(arena, limit, sizeof(**ret));
	for (size_t i = 0; i < memory->audit_count && n < limit; i++) {
		if (memory->audit[i].id <= after)
			continue;
		(*ret)[n] = memory->audit[i];
		account_entry_own(&(*ret)[n++], arena);
	}
	*ret_count = n;
	return ERR_OK;
}

void store_memory_access_free(struct store_memory *memory)
{
	for (size_t i = 0; i < memory->access_count; i++)
		free_row(&memory->access[i]);
	free(memory->access);
	free(memory->audit);
	arena_free(&memory->audit_arena);
}
