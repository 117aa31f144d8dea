/*
 * Replies of an SMTP or LMTP server (RFC 5321 4.2), read as the bytes come in.
 *
 * Strict in form: three digits, a hyphen or a blank or the end, CRLF, the same code on every line.
 * Where what follows is shown to people it is made harmless: control characters become "?", and
 * text that is not UTF-8 loses its 8-bit bytes.
 */
#ifndef SEALPOST_CORE_SMTP_REPLY_H
#define SEALPOST_CORE_SMTP_REPLY_H

#include "base/buf.h"
#include "base/err.h"

enum {
	SMTP_REPLY_MAX_LINE = 2048,  /* RFC 5321 4.5.3.1.5 says 512; some servers say more */
	SMTP_REPLY_MAX_LINES = 256,  /* of one reply */
	SMTP_REPLY_MAX_TEXT = 16384, /* of one reply, without codes */
	SMTP_REPLY_ENHANCED = 12,    /* "5.123.123" and its NUL */
	SMTP_REPLY_SHOWN = 512,	     /* bytes of smtp_reply_show() at most */
};

/* A complete reply.  The text belongs to the reader and lives until its next feed. */
struct smtp_reply {
	int code;			    /* 200..599 */
	char enhanced[SMTP_REPLY_ENHANCED]; /* "5.7.1" (RFC 2034), "" when the text has none */
	struct str text;		    /* lines without code, joined by "\n", harmless */
};

struct smtp_reply_reader {
	struct buf line;
	struct buf text;
	size_t lines;
	int code;
	bool complete; /* the text is that of a reply that was handed out */
};

void smtp_reply_init(struct smtp_reply_reader *reader);
void smtp_reply_clear(struct smtp_reply_reader *reader);
void smtp_reply_free(struct smtp_reply_reader *reader);

/*
 * Take bytes from the front of *IN up to the end of one reply.  ERR_OK: *ret is it.  ERR_AGAIN:
 * all of *IN was taken and more is needed.  ERR_SYNTAX, ERR_TOO_LONG, ERR_TOO_MANY: this is not an
 * SMTP reply; the connection is of no further use.
 */
enum err smtp_reply_feed(struct smtp_reply_reader *reader, struct str *in, struct smtp_reply *ret);

/* Is the reader in the middle of a reply? */
bool smtp_reply_begun(const struct smtp_reply_reader *reader);

/* Take "5.7.1" off the front of TEXT if it is an enhanced status code of the class of CODE; false
 * and TEXT unchanged otherwise. */
bool smtp_reply_take_enhanced(struct str *text, int code, char ret[SMTP_REPLY_ENHANCED]);

/* "550 5.7.1 No" on one line ("\n" becomes " / "), cut at a character's end. */
void smtp_reply_show(const struct smtp_reply *reply, char ret[SMTP_REPLY_SHOWN + 1]);

#endif
