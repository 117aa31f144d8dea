/* The inside of the backend that keeps nothing: memory.c, memory_facts.c, memory_access.c. */
#ifndef SEALPOST_PORT_STORE_MEMORY_H
#define SEALPOST_PORT_STORE_MEMORY_H

#include "port/store/engine.h"

struct store_memory_message {
	struct arena *arena;
	struct store_add add; /* recipients in the order of their numbers */
};

struct store_memory {
	struct store_memory_message **messages; /* in the order of their ids */
	size_t count, size;
	struct store_event *events, **events_end;
	struct arena *config_arena;
	struct store_config_row *rows;
	size_t row_count;
	int64_t generation;
	struct wire_host *hosts; /* texts are allocated one by one */
	size_t host_count;
	struct store_memory_protection {
		struct arena *arena;
		struct store_protection wire;
	} * protections; /* in their order */
	size_t protection_count;
	struct store_memory_refusal {
		struct arena *arena;
		struct wire_refused wire;
	} * refusals; /* oldest first */
	size_t refusal_count;
	struct store_access_row *access; /* in the order of kind and key; texts allocated one by one
					  */
	size_t access_count;
	struct arena *audit_arena;
	struct account_entry *audit;
	size_t audit_count;
};

enum err store_memory_refusal_put(void *self, const struct wire_refused *refused);
enum err store_memory_refusal_remove(void *self, const struct wire_refused *refused);
enum err store_memory_refusals(
	void *self, struct arena *arena, struct wire_refused **ret, size_t *ret_count);
enum err store_memory_access_put(void *self, const struct store_access_row *row);
enum err store_memory_access_rows(
	void *self, struct arena *arena, struct store_access_row **ret, size_t *ret_count);
enum err store_memory_audit_end(void *self, struct store_audit_end *ret);
enum err store_memory_audit_add(void *self, const struct account_entry *entry);
enum err store_memory_audit_list(void *self, const struct store_audit_query *query, int64_t from,
	struct arena *arena, struct account_entry **ret, size_t *ret_count);
enum err store_memory_audit_after(void *self, int64_t after, size_t limit, struct arena *arena,
	struct account_entry **ret, size_t *ret_count);
void store_memory_access_free(struct store_memory *memory);
enum err store_memory_host_put(void *self, const struct wire_host *host);
enum err store_memory_host_remove(void *self, const char *name);
enum err store_memory_hosts(
	void *self, struct arena *arena, struct wire_host **ret, size_t *ret_count);
enum err store_memory_protection_put(void *self, const struct store_protection *protection);
enum err store_memory_protection_remove(void *self, const struct store_protection *protection);
enum err store_memory_protections(
	void *self, struct arena *arena, struct store_protection **ret, size_t *ret_count);
enum err store_memory_owners(
	void *self, struct arena *arena, struct store_owner **ret, size_t *ret_count);

#endif
