/* Internal to the notifications: parts in their own files. */
#ifndef SEALPOST_CORE_MESSAGE_DSN_INTERNAL_H
#define SEALPOST_CORE_MESSAGE_DSN_INTERNAL_H

#include "core/message/dsn.h"

enum { MESSAGE_DSN_MAX_TEXT = 2000 /* of one reply given back */ };

/* The action of the whole: failure before delay before success. */
enum message_dsn_action message_dsn_gravest(const struct message_dsn *dsn);
/* Its text is what the remote host said, not what this side found. */
bool message_dsn_is_reply(const struct message_dsn_recipient *r);
/* First part. */
void message_dsn_put_words(const struct message_dsn *dsn, struct buf *out);
/* Second part; GLOBAL: as message/global-delivery-status. */
void message_dsn_put_status(const struct message_dsn *dsn, bool global, struct buf *out);
/* TEXT on one line: controls and runs of blanks become one blank, malformed bytes "?", cut at MAX
 * bytes. ASCII: everything beyond it becomes "?". */
void message_dsn_put_clean(struct buf *out, struct str text, size_t max, bool ascii);
/* TEXT, cleaned, in lines of at most 76 columns where blanks allow (never beyond 900), each further
 * one beginning with INDENT.  COLUMN: where the first line stands. */
void message_dsn_put_wrapped(
	struct buf *out, struct str text, const char *indent, size_t column, bool ascii);

#endif
