/*
 * The content of a message as it comes in: in DATA with dots stuffed and ended by CR LF "." CR LF
 * (RFC 5321 4.5.2), in BDAT as it is.  Lines end with CR LF and nothing else; a CR or LF that
 * stands alone is either reported, or becomes CR LF.  Only the true sequence ends DATA, in both
 * cases: a server behind this one must never find an end that this one did not see.
 *
 * Nothing is buffered: what comes out are slices of the input, or of constants.
 */
#ifndef SEALPOST_CORE_SMTP_CONTENT_H
#define SEALPOST_CORE_SMTP_CONTENT_H

#include "base/str.h"

enum smtp_content_state {
	SMTP_CONTENT_LINE,   /* at the start of a line, behind CR LF */
	SMTP_CONTENT_DOT,    /* a dot stood there; it is held back */
	SMTP_CONTENT_DOT_CR, /* dot and CR are held back */
	SMTP_CONTENT_TEXT,   /* within a line */
	SMTP_CONTENT_CR,     /* a CR is held back */
};

struct smtp_content {
	enum smtp_content_state state;
	bool dots;	 /* DATA: dots are stuffed, and one of them ends it */
	bool normalises; /* else a bare CR or LF is SMTP_CONTENT_BARE */
};

enum smtp_content_result {
	SMTP_CONTENT_NEED,  /* all input is taken */
	SMTP_CONTENT_SLICE, /* *ret holds bytes */
	SMTP_CONTENT_END,   /* the end of DATA was seen; *in stands behind it */
	SMTP_CONTENT_BARE,  /* a bare CR or LF */
};

enum smtp_content_result smtp_content_next(
	struct smtp_content *content, struct str *in, struct str *ret);

#endif
