/*
 * What this process remembers of hosts: with how much TLS to begin (the ladder; shared by all
 * delivering processes through the spool), and which addresses did not answer a moment ago.
 */
#ifndef SEALPOST_PROCESS_DELIVER_MEMORY_H
#define SEALPOST_PROCESS_DELIVER_MEMORY_H

#include "core/wire/wire.h"

struct deliver_memory;

enum { DELIVER_MEMORY_MAX = 4096, DELIVER_DEAD_MS = 5000 };

struct deliver_memory *deliver_memory_new(void) MUST_USE;
void deliver_memory_free(struct deliver_memory **memory);

/* HOST is "mx.example:25".  Until a time in the past: forget it. */
void deliver_memory_set(struct deliver_memory *memory, const struct wire_host *host);
/* RECEIPT_ATTEMPT_FULL unless something else is remembered and still holds. */
int deliver_memory_attempt(const struct deliver_memory *memory, const char *host, int64_t now_ms);

/* ADDRESS is "192.0.2.1:25"; TICKS_MS a clock that never goes back. */
void deliver_memory_died(struct deliver_memory *memory, const char *address, int64_t ticks_ms);
void deliver_memory_lives(struct deliver_memory *memory, const char *address);
bool deliver_memory_is_dead(
	const struct deliver_memory *memory, const char *address, int64_t ticks_ms);

#endif
