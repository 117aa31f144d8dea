/*
 * Evidence: one message's way through this server, hop by hop, on a page that can be printed and
 * handed on.  It says what was required of each hop and by whom, what the connection had, what came
 * of it and why; nothing is worked out here that does not stand in the trace.
 */
#ifndef SEALPOST_CORE_EVIDENCE_EVIDENCE_H
#define SEALPOST_CORE_EVIDENCE_EVIDENCE_H

#include "core/page/page.h"
#include "core/wire/wire.h"

struct evidence {
	const char *server; /* host name */
	const char *version;
	const char *made_by; /* who asked; NULL: not known */
	int64_t made_ms;
	bool is_limited; /* events of others may be left out, or without their details */
	int64_t id;
	const char *sender; /* NULL or "": none */
	struct record_texts recipients;
	const char *message_id, *subject; /* NULL: not known */
	int64_t size, at_ms;
	const struct wire_event *events; /* in their order */
	size_t count;
};

/* ERR_TOO_LONG when OUT is too small. */
enum err evidence_format(const struct evidence *evidence, enum page_format format, struct buf *out);

#endif
