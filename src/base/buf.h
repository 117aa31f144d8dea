/*
 * A growing buffer of bytes with a maximum from birth.  Bytes are added at the end and taken from
 * the front.  Adding beyond the maximum fails and adds nothing; the failure sticks until
 * buf_clear(), so that a series of puts needs one check at its end.
 */
#ifndef SEALPOST_BASE_BUF_H
#define SEALPOST_BASE_BUF_H

#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"

struct buf {
	char *p;     /* start of memory */
	size_t from; /* first byte that counts */
	size_t to;   /* behind the last byte that counts */
	size_t size; /* of memory */
	size_t max;  /* limit for to - from */
	bool failed; /* a put did not fit */
};

void buf_init(struct buf *b, size_t max);
/* Release the memory; the buffer is empty and usable again with the same maximum. */
void buf_free(struct buf *b);
/* Empty, memory kept, failure forgotten. */
void buf_clear(struct buf *b);

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->p != NULL ? b->p + b->from : "", b->to - b->from};
}

static inline size_t buf_length(const struct buf *b)
{
	return b->to - b->from;
}

/* Bytes that still fit. */
static inline size_t buf_room(const struct buf *b)
{
	return b->max - (b->to - b->from);
}

/* ERR_TOO_LONG beyond the maximum. */
enum err buf_put(struct buf *b, struct str s);
enum err buf_put_text(struct buf *b, const char *text);
enum err buf_put_byte(struct buf *b, char c);
enum err buf_format(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
/* Room for N bytes at the end; NULL beyond the maximum.  Then buf_added(b, how many were written).
 */
char *buf_reserve(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);
/* Forget the first N bytes (N <= length). */
void buf_take(struct buf *b, size_t n);
/* NUL behind the content (does not count) and the start of it; never NULL. */
const char *buf_text(struct buf *b);

#endif
