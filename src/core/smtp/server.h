/*
 * The server's side of an SMTP session, sans I/O: bytes in, actions and replies out.  Memory is
 * bounded whatever is sent: at most one partial line and SMTP_SERVER_OUTPUT_MAX bytes of replies
 * are kept, content is handed on in slices as it arrives.
 *
 * The caller owns socket, clock and decisions:
 *
 *     smtp_server_greet(s);
 *     for every batch of input, and after every answer:
 *         while (smtp_server_next(s, &input, &action))
 *             carry it out; MAIL, RCPT, BEGIN, END want an answer, now or later
 *         write smtp_server_output(s); keep what is left of input
 *
 *            EHLO          MAIL          RCPT           DATA, BDAT
 *     HELLO ------> READY ------> MAIL ------> RCPT --------------> content
 *       ^             ^                                                |
 *       | STARTTLS    +------------------ END answered ----------------+
 *
 * After an unanswered action nothing more is read: pipelined commands wait (RFC 2920).
 */
#ifndef SEALPOST_CORE_SMTP_SERVER_H
#define SEALPOST_CORE_SMTP_SERVER_H

#include "base/buf.h"
#include "core/model/model.h"
#include "core/smtp/command.h"
#include "core/smtp/params.h"

enum {
	SMTP_SERVER_LINE_MAX = 2048,	/* 512, and what the extensions add (RFC 5321 4.5.3.1.4) */
	SMTP_SERVER_OUTPUT_HIGH = 2048, /* beyond this next() waits for the caller to write */
	SMTP_SERVER_OUTPUT_MAX = 8192,
	SMTP_SERVER_REPLY_MAX = 480, /* RFC 5321 4.5.3.1.5, some room left */
	SMTP_SERVER_HELO_MAX = 255,
	SMTP_SERVER_IDLE_COMMANDS = 100, /* NOOP and the like without a message; then errors */
};

/* Shared by many sessions; must outlive them. */
struct smtp_server_config {
	const char *hostname;
	bool offers_tls;
	bool requires_tls;
	bool refuses_early; /* 554 to who speaks before the greeting; else it is only noted */
	int bare_newline;   /* enum model_bare_newline */
	uint64_t message_max;
	uint64_t recipients_max;
	uint64_t messages_max;
	uint64_t errors_max;
};

enum smtp_server_action_type {
	SMTP_SERVER_HELLO,    /* helo, is_esmtp; no answer */
	SMTP_SERVER_STARTTLS, /* write the output, do the handshake, smtp_server_tls_up() */
	SMTP_SERVER_MAIL,     /* mail; answer with smtp_server_reply() */
	SMTP_SERVER_RCPT,     /* rcpt; the same */
	SMTP_SERVER_BEGIN,    /* content wants to come: smtp_server_go(), or a reply that refuses */
	SMTP_SERVER_CONTENT,  /* data; no answer */
	SMTP_SERVER_END,      /* content is complete: answer with smtp_server_reply() */
	SMTP_SERVER_RESET,    /* the transaction is given up; fault.code is 0 or says why */
	SMTP_SERVER_CLOSE,    /* write the output and close; fault as above */
};

/* Slices live until the memory of the input changes or next() is called. */
struct smtp_server_action {
	enum smtp_server_action_type type;
	struct str helo;
	bool is_esmtp;
	struct smtp_params_mail mail;
	struct smtp_params_rcpt rcpt;
	struct str data;
	struct smtp_fault fault;
};

/* What the session waits for, to choose the timeout (RFC 5321 4.5.3.2). */
enum smtp_server_wait {
	SMTP_SERVER_WAIT_COMMAND,
	SMTP_SERVER_WAIT_CONTENT,
	SMTP_SERVER_WAIT_ANSWER, /* of the caller */
	SMTP_SERVER_WAIT_TLS,
	SMTP_SERVER_WAIT_CLOSE,
};

struct smtp_server;

/* IS_TLS: the connection began with TLS. */
struct smtp_server *smtp_server_new(const struct smtp_server_config *config, bool is_tls) MUST_USE;
void smtp_server_free(struct smtp_server **server);

void smtp_server_greet(struct smtp_server *server);
/* Take bytes from the front of *INPUT until there is something to do.  False: more input is
 * needed (then *INPUT is empty), or an answer, or room for output. */
bool smtp_server_next(
	struct smtp_server *server, struct str *input, struct smtp_server_action *ret);

/* Answer the action that waits.  TEXT may come from anywhere: it is made one line of printable
 * characters.  Codes 421 and 521 end the session.  Of a code >= 400 to END and BEGIN the
 * transaction does not recover; to MAIL and RCPT it goes on as if the command had not come. */
void smtp_server_reply(
	struct smtp_server *server, int code, const char *enhanced, const char *text);
/* Answer to BEGIN: content may come. */
void smtp_server_go(struct smtp_server *server);
/* While content flows: take and forget the rest, then refuse.  The transaction is over for the
 * caller, no RESET follows. */
void smtp_server_refuse(struct smtp_server *server, const struct smtp_fault *fault);
/* The handshake is done; all that was said before is forgotten (RFC 3207 4.2). */
void smtp_server_tls_up(struct smtp_server *server);
/* End the session at once, with this as last word. */
void smtp_server_end(struct smtp_server *server, int code, const char *enhanced, const char *text);
/* End it with 421 4.3.2 as soon as no transaction is open. */
void smtp_server_drain(struct smtp_server *server);

/* Replies to be written; take what was written with buf_take(). */
struct buf *smtp_server_output(struct smtp_server *server);
enum smtp_server_wait smtp_server_waits_for(const struct smtp_server *server);
bool smtp_server_has_transaction(const struct smtp_server *server);
/* 8-bit bytes were seen in the content that just ended. */
bool smtp_server_is_eight_bit(const struct smtp_server *server);
bool smtp_server_was_early(const struct smtp_server *server);
/* Replies >= 500 so far; messages accepted so far. */
uint64_t smtp_server_errors(const struct smtp_server *server);
uint64_t smtp_server_messages(const struct smtp_server *server);

#endif
