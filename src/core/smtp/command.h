/* A line from an SMTP client: verb and argument.  And the faults that parsing finds. */
#ifndef SEALPOST_CORE_SMTP_COMMAND_H
#define SEALPOST_CORE_SMTP_COMMAND_H

#include "base/str.h"

/*      verb         as sent */
#define SMTP_VERB_TABLE(X)                                                                         \
	X(EHLO, "EHLO")                                                                            \
	X(HELO, "HELO")                                                                            \
	X(STARTTLS, "STARTTLS")                                                                    \
	X(MAIL, "MAIL")                                                                            \
	X(RCPT, "RCPT")                                                                            \
	X(DATA, "DATA")                                                                            \
	X(BDAT, "BDAT")                                                                            \
	X(RSET, "RSET")                                                                            \
	X(NOOP, "NOOP")                                                                            \
	X(QUIT, "QUIT")                                                                            \
	X(VRFY, "VRFY")                                                                            \
	X(EXPN, "EXPN")                                                                            \
	X(HELP, "HELP")                                                                            \
	X(AUTH, "AUTH")                                                                            \
	X(ETRN, "ETRN")                                                                            \
	X(TURN, "TURN")                                                                            \
	X(GET, "GET")                                                                              \
	X(POST, "POST")                                                                            \
	X(CONNECT, "CONNECT")

#define SMTP_VERB_ENUM(verb, text) SMTP_VERB_##verb,
enum smtp_verb { SMTP_VERB_UNKNOWN, SMTP_VERB_TABLE(SMTP_VERB_ENUM) SMTP_VERB_MAX };
#undef SMTP_VERB_ENUM

struct smtp_command {
	enum smtp_verb verb;
	struct str word;     /* the verb as sent */
	struct str argument; /* without blanks at both ends */
};

/* LINE without its CR LF.  False when it holds control characters. */
bool smtp_command_parse(struct str line, struct smtp_command *ret);

/* A reply that refuses: static text. */
struct smtp_fault {
	int code;	      /* 0: no fault */
	const char *enhanced; /* RFC 3463 */
	const char *text;
};

#endif
