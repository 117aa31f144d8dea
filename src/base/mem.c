#include "base/mem.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Many arenas stay small, and live long: blocks double up to the usual size. */
enum { FIRST_SIZE = 992, BLOCK_SIZE = 4096 };

static void *or_die(void *p)
{
	if (p == NULL) {
		fputs("sealpost: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *mem_new(size_t size)
{
	return or_die(calloc(1, size > 0 ? size : 1));
}

void *mem_resize(void *p, size_t count, size_t size)
{
	return or_die(reallocarray(p, count > 0 ? count : 1, size));
}

char *mem_text(const char *text)
{
	return text != NULL ? mem_text_of(str_of(text)) : NULL;
}

char *mem_text_of(struct str s)
{
	char *copy = mem_new(s.n + 1);

	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	return copy;
}

struct block {
	struct block *next;
	size_t size; /* of data */
	size_t used;
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct block *blocks; /* newest first */
	size_t used;
	size_t held;
};

static struct block *block_new(size_t size)
{
	struct block *b = or_die(malloc(sizeof(*b) + size));

	b->next = NULL;
	b->size = size;
	b->used = 0;
	return b;
}

struct arena *arena_new(void)
{
	return mem_new(sizeof(struct arena));
}

static void free_blocks(struct block *b)
{
	while (b != NULL) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

void arena_free(struct arena **arena)
{
	if (arena == NULL || *arena == NULL)
		return;
	free_blocks((*arena)->blocks);
	free(*arena);
	*arena = NULL;
}

void arena_clear(struct arena *arena)
{
	struct block *keep = NULL;

	if (arena->blocks != NULL && arena->blocks->size <= BLOCK_SIZE) {
		keep = arena->blocks;
		arena->blocks = keep->next;
		keep->next = NULL;
		keep->used = 0;
	}
	free_blocks(arena->blocks);
	arena->blocks = keep;
	arena->used = 0;
	arena->held = keep != NULL ? sizeof(*keep) + keep->size : 0;
}

static struct block *extend(struct arena *arena, size_t room)
{
	struct block *b = arena->blocks;
	size_t size = b == NULL ? FIRST_SIZE : b->size * 2;

	if (size > BLOCK_SIZE)
		size = BLOCK_SIZE;
	b = block_new(room > size ? room : size);
	b->next = arena->blocks;
	arena->blocks = b;
	arena->held += sizeof(*b) + b->size;
	return b;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t room = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct block *b = arena->blocks;
	void *p;

	assert(room >= size);
	if (b == NULL || b->size - b->used < room)
		b = extend(arena, room);
	p = b->data + b->used;
	b->used += room;
	arena->used += room;
	return memset(p, 0, room);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		or_die(NULL);
	return arena_alloc(arena, total);
}

struct str arena_copy(struct arena *arena, struct str s)
{
	char *copy = arena_alloc(arena, s.n + 1);

	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	return str_make(copy, s.n);
}

char *arena_text(struct arena *arena, const char *text)
{
	return text != NULL ? arena_text_of(arena, str_of(text)) : NULL;
}

char *arena_text_of(struct arena *arena, struct str s)
{
	char *copy = arena_alloc(arena, s.n + 1);

	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	return copy;
}

char *arena_format(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	char *text;
	int n;

	va_start(arguments, format);
	n = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	assert(n >= 0);
	text = arena_alloc(arena, (size_t)n + 1);
	va_start(arguments, format);
	vsnprintf(text, (size_t)n + 1, format, arguments);
	va_end(arguments);
	return text;
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}

size_t arena_held(const struct arena *arena)
{
	return sizeof(*arena) + arena->held;
}
