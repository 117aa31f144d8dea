/*
 * Mail addresses as they stand in SMTP (RFC 5321 4.1.2, RFC 6531 3.3).  Strict: what is accepted
 * here can be repeated to another server as it is.  All results are slices of the input.
 */
#ifndef SEALPOST_CORE_SMTP_ADDRESS_H
#define SEALPOST_CORE_SMTP_ADDRESS_H

#include "base/err.h"
#include "base/str.h"

enum {
	SMTP_ADDRESS_MAX_LOCAL = 64,   /* RFC 5321 4.5.3.1.1 */
	SMTP_ADDRESS_MAX_DOMAIN = 255, /* RFC 5321 4.5.3.1.2 */
	SMTP_ADDRESS_MAX = 254,	       /* RFC 5321 4.5.3.1.3, without the brackets */
	SMTP_ADDRESS_MAX_LABEL = 63,
};

struct smtp_address {
	struct str text;   /* "local@domain", "postmaster", or empty for <> */
	struct str local;  /* as given, quotes included */
	struct str domain; /* empty for <> and <postmaster>; with brackets when a literal */
	bool is_literal;
	bool is_utf8; /* holds anything beyond ASCII: needs SMTPUTF8 */
};

enum smtp_address_kind {
	SMTP_ADDRESS_REVERSE, /* "<>" is allowed */
	SMTP_ADDRESS_FORWARD, /* "<postmaster>" is allowed (RFC 5321 4.1.1.3) */
};

/* Take a path in angle brackets from the front of *IN.  A source route in front of the mailbox is
 * read over (RFC 5321 appendix C).  ERR_SYNTAX, or ERR_TOO_LONG for a part beyond its limit. */
enum err smtp_address_path(struct str *in, enum smtp_address_kind kind, struct smtp_address *ret);

/* All of TEXT is one mailbox, "local@domain". */
enum err smtp_address_parse(struct str text, struct smtp_address *ret);

/* "mx.example", labels of letters, digits, "-" and, beyond ASCII, well-formed UTF-8. */
bool smtp_address_is_domain(struct str text);
/* "[192.0.2.1]" or "[IPv6:2001:db8::1]". */
bool smtp_address_is_literal(struct str text);

#endif
