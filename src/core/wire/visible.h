/* What those who manage one organisation may see of a message's events, when others have to do with
 * the message too. */
#ifndef SEALPOST_CORE_WIRE_VISIBLE_H
#define SEALPOST_CORE_WIRE_VISIBLE_H

#include "core/wire/wire.h"

/*
 * Leaves in EVENTS, in their order, what ORGANISATIONS may see, and returns how many: their own
 * events as they are; and of others' events about a recipient that has one of theirs, that it
 * happened: without organisation, connector, words and receipt.
 */
size_t wire_visible_events(
	const struct record_texts *organisations, struct wire_event *events, size_t count);

bool wire_visible_is_among(const struct record_texts *texts, const char *text);

#endif
