/*
 * Delivery status notifications (RFC 3461, 3464; 6533 for addresses beyond ASCII).
 *
 * A notification has three parts: words for the person who sent the message (what happened, who
 * must act, what to do), the same for programs, and the message itself or its header.
 *
 * Pure.  All times are parameters; texts from strangers are made harmless here.
 */
#ifndef SEALPOST_CORE_MESSAGE_DSN_H
#define SEALPOST_CORE_MESSAGE_DSN_H

#include "base/buf.h"

enum {
	MESSAGE_DSN_MAX_FULL = 1024 * 1024, /* larger messages come back as their header only */
	MESSAGE_DSN_MAX_HEADER = 64 * 1024, /* of the header that is given back */
	MESSAGE_DSN_MAX = 4 * 1024 * 1024,  /* a whole notification */
	MESSAGE_DSN_MAX_RECIPIENTS = 1000,  /* told about in words; all stand in the second part */
};

enum message_dsn_action {
	MESSAGE_DSN_FAILED,
	MESSAGE_DSN_DELAYED,
	MESSAGE_DSN_DELIVERED,
	MESSAGE_DSN_RELAYED,  /* to a server that sends no notifications */
	MESSAGE_DSN_EXPANDED, /* to a list */
};

struct message_dsn_recipient {
	const char *address;
	const char *original; /* ORCPT as given, "rfc822;xtext"; NULL */
	enum message_dsn_action action;
	const char *token;    /* stable reason: policy outcome, "smtp", "dns", ...; NULL */
	const char *enhanced; /* "4.7.10"; its class is adapted to the action; NULL */
	const char *text;     /* reply of the remote host, or what happened; NULL */
	const char *host;     /* remote MTA; NULL: none was reached */
	int64_t attempts;
	int64_t last_ms; /* of the last attempt; 0: none */
	bool expired;	 /* given up because its time was over: TEXT is the last of many reasons */
};

struct message_dsn {
	const char *hostname;	 /* this server: reporting MTA, From, Message-ID */
	const char *to;		 /* whom to tell: the sender, or a postmaster */
	const char *id;		 /* of the message, as people see it */
	const char *own_id;	 /* of the notification */
	const char *envelope_id; /* ENVID, xtext; NULL */
	const char *subject;	 /* of the message, as in its header; NULL */
	const char *sender;	 /* of the message; NULL: the same as TO */
	int64_t received_ms;
	int64_t now_ms;
	int64_t expires_ms; /* for delays: tried until then */
	bool utf8;	    /* the message was sent with SMTPUTF8 */
	bool full;	    /* give all content back (RET=FULL), if size and form allow */
	bool binary;	    /* content is BINARYMIME */
	struct str content; /* all of it; or at least its header, as far as it can be had */
	int64_t size;	    /* of all content */
	const struct message_dsn_recipient *recipients;
	size_t count;
};

/* What is needed to send it: BODY=8BITMIME, SMTPUTF8. */
struct message_dsn_needs {
	bool eightbit;
	bool utf8;
};

/* Append the whole notification, lines ending in CRLF.  Fails as buf_put() only; OUT should allow
 * MESSAGE_DSN_MAX. */
enum err message_dsn_format(
	const struct message_dsn *dsn, struct buf *out, struct message_dsn_needs *ret_needs);

/* Does the sender want to hear of this (RFC 3461 4.1)?  NOTIFY is enum wire_notify bits, 0 when it
 * was not given: then failures and delays.  Nothing is ever sent to the null sender. */
bool message_dsn_is_wanted(enum message_dsn_action action, int64_t notify, const char *sender);

/* Words for a reason: what happened, who must act, what to do.  Never NULL. */
struct message_dsn_words {
	const char *what;
	const char *who;
	const char *remedy;
};
struct message_dsn_words message_dsn_words(const char *token, const char *enhanced);

#endif
