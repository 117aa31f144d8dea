/* Numbers and blocks as bytes, little endian: the alphabet of everything that crosses a process
 * boundary or stands in a file of ours. */
#ifndef SEALPOST_BASE_WIREBYTES_H
#define SEALPOST_BASE_WIREBYTES_H

#include "base/buf.h"

/* Puts fail as buf_put(). */
void wirebytes_put_u32(struct buf *out, uint32_t value);
void wirebytes_put_u64(struct buf *out, uint64_t value);
/* 4 bytes length, then the bytes. */
void wirebytes_put_block(struct buf *out, struct str bytes);

/* Take from the front of *IN; false (and *IN unchanged) when too little is there. */
bool wirebytes_get_u32(struct str *in, uint32_t *ret);
bool wirebytes_get_u64(struct str *in, void *ret_u64);
/* A slice into *IN. */
bool wirebytes_get_block(struct str *in, struct str *ret);

#endif
