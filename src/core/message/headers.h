/*
 * What the receiving side wants to know of a message's header, found while the content streams by:
 * how many Received fields there are, and the first Message-ID and Subject.  Memory is bounded
 * whatever the header looks like; nothing of the body is looked at.
 */
#ifndef SEALPOST_CORE_MESSAGE_HEADERS_H
#define SEALPOST_CORE_MESSAGE_HEADERS_H

#include "base/str.h"

enum {
	MESSAGE_HEADERS_ID_MAX = 250,	   /* a longer Message-ID counts as none */
	MESSAGE_HEADERS_SUBJECT_MAX = 200, /* a longer Subject is cut */
};

struct message_headers {
	unsigned received; /* fields of that name */
	uint64_t bytes;	   /* of content seen */
	bool is_body;	   /* the header is over */
	/* within */
	unsigned char state;
	unsigned char field; /* which one is being captured */
	char name[16];
	size_t name_length;
	bool has_id, has_subject;
	char id[MESSAGE_HEADERS_ID_MAX + 2];
	size_t id_length;
	char subject[MESSAGE_HEADERS_SUBJECT_MAX + 1];
	size_t subject_length;
};

/* A zeroed struct is at the start of a message. */
void message_headers_feed(struct message_headers *headers, struct str bytes);

/* As they stand, unfolded, without blanks around; NULL when there is none (yet).  NUL-terminated,
 * live as long as the struct. */
const char *message_headers_id(struct message_headers *headers);
const char *message_headers_subject(struct message_headers *headers);

#endif
