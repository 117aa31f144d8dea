/*
 * Memory that cannot fail: out of memory ends the process.  That is safe because nothing is
 * acknowledged to a client before it is on disk.
 */
#ifndef SEALPOST_BASE_MEM_H
#define SEALPOST_BASE_MEM_H

#include "base/compiler.h"
#include "base/str.h"

/* Zeroed memory; free with free(). */
void *mem_new(size_t size) MUST_USE;
/* As reallocarray(); the new part is not zeroed. */
void *mem_resize(void *p, size_t count, size_t size) MUST_USE;
/* NUL-terminated copy; NULL gives NULL. */
char *mem_text(const char *text) MUST_USE;
/* NUL-terminated copy of a slice. */
char *mem_text_of(struct str s) MUST_USE;

/*
 * An arena: memory that is released all at once.  Parsed values live in the arena of the session,
 * transaction or request they belong to.
 */
struct arena;

struct arena *arena_new(void) MUST_USE;
/* NULL and pointer to NULL are fine; leaves NULL.  */
void arena_free(struct arena **arena);
/* Forget everything, keep one block for reuse. */
void arena_clear(struct arena *arena);
/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size) MUST_USE;
void *arena_array(struct arena *arena, size_t count, size_t size) MUST_USE;
/* Copy of the bytes, with a NUL behind them that does not count. */
struct str arena_copy(struct arena *arena, struct str s) MUST_USE;
/* NUL-terminated copy; NULL gives NULL. */
char *arena_text(struct arena *arena, const char *text) MUST_USE;
char *arena_text_of(struct arena *arena, struct str s) MUST_USE;
char *arena_format(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
/* Bytes handed out since new or clear. */
size_t arena_used(const struct arena *arena);
/* Bytes it takes from the system. */
size_t arena_held(const struct arena *arena);

#endif
