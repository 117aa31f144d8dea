/*
 * The fields of a message's header, one by one and unfolded (RFC 5322 2.2.3), found while the
 * content streams by.  Memory is bounded: names longer than a line may be are none, values are cut.
 */
#ifndef SEALPOST_CORE_MESSAGE_FIELDS_H
#define SEALPOST_CORE_MESSAGE_FIELDS_H

#include "base/buf.h"

enum {
	MESSAGE_FIELD_NAME_MAX = 998,	/* RFC 5322 2.1.1 */
	MESSAGE_FIELD_VALUE_MAX = 8192, /* bytes; a longer value is cut */
};

struct message_fields {
	/* NAME and VALUE, without blanks around, live until it returns. */
	void (*on_field)(void *context, struct str name, struct str value);
	void *context;
	bool is_body; /* the header is over */
	/* within */
	unsigned char state;
	struct buf name, value;
};

void message_fields_init(struct message_fields *fields,
	void (*on_field)(void *context, struct str name, struct str value), void *context);
void message_fields_clear(struct message_fields *fields);

void message_fields_feed(struct message_fields *fields, struct str bytes);
/* The message is over: tell the last field, should it have no body. */
void message_fields_end(struct message_fields *fields);

#endif
