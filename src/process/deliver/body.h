/* The content of a message, fetched from the spool in a window: never whole in memory. */
#ifndef SEALPOST_PROCESS_DELIVER_BODY_H
#define SEALPOST_PROCESS_DELIVER_BODY_H

#include "core/wire/wire.h"

struct deliver_body;

/* How it asks for more, and how it says that something came (or failed). */
struct deliver_body_owner {
	void (*ask)(void *context, const struct wire_body_get *get);
	void (*came)(void *context);
};

struct deliver_body *deliver_body_new(
	int64_t job, int64_t size, const struct deliver_body_owner *owner, void *context) MUST_USE;
void deliver_body_free(struct deliver_body **body);
/* From the first byte, again for every attempt. */
void deliver_body_start(struct deliver_body *body);
/* False: nothing is there yet, came() will be called.  The slice lives until the next call. */
bool deliver_body_take(
	struct deliver_body *body, size_t max, struct str *ret_bytes, bool *ret_last);
/* WIRE_BODY of this job. */
void deliver_body_chunk(struct deliver_body *body, const struct wire_body *chunk);
/* ERR_OK, or why no more will come. */
enum err deliver_body_error(const struct deliver_body *body);

#endif
