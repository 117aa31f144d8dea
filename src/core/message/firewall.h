/*
 * The header firewall: which of an organisation's own header fields pass a border, and under what
 * name.  Two families of names are known, each in two forms:
 *
 *     X-Sealpost-Organization-...       X-Sealpost-CrossPremises-...
 *     X-MS-Exchange-Organization-...    X-MS-Exchange-CrossPremises-...
 *
 * The first form is used within an organisation, and believed there; the second one on the way
 * between two servers of one organisation that have proven themselves to each other.
 *
 *     mode      ...Organization-...     ...CrossPremises-...    used
 *     KEEP      stays                   stays                   toward a mailbox
 *     STRIP     dropped                 dropped                 from and to everybody else
 *     PROMOTE   dropped                 becomes Organization    from a proven server of its own
 *     CROSS     becomes CrossPremises   dropped                 to a proven server of its own
 *
 * So nothing that came from outside under the first form is ever believed, whoever sent it: when
 * fields are promoted every incoming one of the first form goes, whether or not one of the same
 * name follows, because a filter that streams cannot know.  The fields that the receiving server
 * states itself (see struct message_stamps) are not promoted either: there is one of each.
 *
 * It filters a message that comes in pieces, cut anywhere; the result does not depend on the cuts,
 * and memory is bounded: values stream through.  Folded fields go or stay as a whole.  All that is
 * not one of these fields passes byte for byte; so does the body.  Names compare without case.  The
 * header ends with an empty line between true CR LF pairs; a CR or LF that stands alone begins a
 * line for the purpose of finding names, but never ends the header: whatever line breaks the next
 * reader believes in, it finds no such field that was not filtered.  A message that begins with a
 * blank would continue the field in front of it: it gets an empty line, as a body (not with KEEP).
 *
 * A promoted field gets one byte shorter, a crossed one longer; only what was made here or was
 * promoted is ever crossed, so lines stay within the limit of RFC 5322 2.1.1.
 */
#ifndef SEALPOST_CORE_MESSAGE_FIREWALL_H
#define SEALPOST_CORE_MESSAGE_FIREWALL_H

#include "base/buf.h"

enum message_firewall_mode {
	MESSAGE_FIREWALL_KEEP,
	MESSAGE_FIREWALL_STRIP,
	MESSAGE_FIREWALL_PROMOTE,
	MESSAGE_FIREWALL_CROSS,
};

enum {
	MESSAGE_FIREWALL_NAME_MAX = 48, /* what must be seen of a name to know it */
	MESSAGE_STAMPS_MAX = 1024,
};

struct message_firewall {
	enum message_firewall_mode mode;
	bool is_body; /* the header is over: what is fed passes as it is */
	/* within */
	unsigned char state;
	bool has_begun, is_dropped, has_cr;
	bool is_true_break;		      /* the last line that passed ended with CR LF */
	bool is_empty;			      /* the line that a CR just ended */
	char name[MESSAGE_FIREWALL_NAME_MAX]; /* held back until it is known */
	size_t name_length;
};

/* At the start of a message.  Nothing to free. */
void message_firewall_init(struct message_firewall *firewall, enum message_firewall_mode mode);

/* The most that feeding N bytes adds. */
#define MESSAGE_FIREWALL_GROWTH(n) ((n) + (n) / 16 + 2 * MESSAGE_FIREWALL_NAME_MAX)

/* Append to OUT what passes of BYTES.  Fails as buf_put(), never with the room told above. */
enum err message_firewall_feed(
	struct message_firewall *firewall, struct str bytes, struct buf *out);
/* The message is over: append what was held back. */
enum err message_firewall_end(struct message_firewall *firewall, struct buf *out);

/* What the receiving server states of a message, as fields of the first form:
 *
 *     X-Sealpost-Organization-Directionality: originating
 *     X-Sealpost-Organization-AuthAs: internal
 *     X-Sealpost-Organization-AuthSource: mx.contoso.example
 */
struct message_stamps {
	bool originating;   /* else "incoming" */
	const char *as;	    /* "internal", "partner", "anonymous" */
	const char *source; /* own host name */
};
enum err message_stamps_format(const struct message_stamps *stamps, struct buf *out);

#endif
