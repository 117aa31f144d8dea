#include "base/buf.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_free(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
	b->from = b->to = 0;
	b->failed = false;
}

/* Make room for N bytes and a NUL behind the content. */
static void grow(struct buf *b, size_t n)
{
	size_t length = buf_length(b);
	size_t want = b->size > 0 ? b->size : 256;

	if (b->size - b->to > n)
		return;
	if (b->from > 0) {
		memmove(b->p, b->p + b->from, length);
		b->from = 0;
		b->to = length;
		if (b->size - b->to > n)
			return;
	}
	while (want - length <= n)
		want *= 2;
	b->p = mem_resize(b->p, want, 1);
	b->size = want;
}

char *buf_reserve(struct buf *b, size_t n)
{
	if (b->failed || n > buf_room(b)) {
		b->failed = true;
		return NULL;
	}
	grow(b, n);
	return b->p + b->to;
}

void buf_added(struct buf *b, size_t n)
{
	assert(n <= b->size - b->to);
	b->to += n;
}

enum err buf_put(struct buf *b, struct str s)
{
	char *room = buf_reserve(b, s.n);

	if (room == NULL)
		return ERR_TOO_LONG;
	if (s.n > 0)
		memcpy(room, s.p, s.n);
	b->to += s.n;
	return ERR_OK;
}

enum err buf_put_text(struct buf *b, const char *text)
{
	return buf_put(b, str_of(text));
}

enum err buf_put_byte(struct buf *b, char c)
{
	return buf_put(b, str_make(&c, 1));
}

enum err buf_format(struct buf *b, const char *format, ...)
{
	va_list arguments;
	char *room;
	int n;

	va_start(arguments, format);
	n = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	assert(n >= 0);
	room = buf_reserve(b, (size_t)n);
	if (room == NULL)
		return ERR_TOO_LONG;
	va_start(arguments, format);
	vsnprintf(room, (size_t)n + 1, format, arguments);
	va_end(arguments);
	b->to += (size_t)n;
	return ERR_OK;
}

void buf_take(struct buf *b, size_t n)
{
	assert(n <= buf_length(b));
	b->from += n;
	if (b->from == b->to)
		b->from = b->to = 0;
}

const char *buf_text(struct buf *b)
{
	grow(b, 0);
	b->p[b->to] = '\0';
	return b->p + b->from;
}
