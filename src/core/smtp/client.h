/*
 * The client's side of an SMTP or LMTP session, without I/O: bytes that arrived go in, bytes to be
 * sent and events come out.  The delivering process, the load generator, the tests and the fuzzer
 * drive the same machine.
 *
 *     connected ──greeting──► hello ──EHLO──► ready ◄──────────────┐
 *                               ▲              │ │                 │
 *                  handshake ───┘◄──STARTTLS───┘ └─MAIL..end of data┘      any ──► lost
 *
 * After each call look at smtp_client_next() until SMTP_CLIENT_NOTHING, send what
 * smtp_client_output() shows, give content while smtp_client_wants() asks for it, and keep the time
 * that smtp_client_timeout_ms() states.
 *
 * The machine never decides whether a transaction may begin on a connection: its owner does.
 */
#ifndef SEALPOST_CORE_SMTP_CLIENT_H
#define SEALPOST_CORE_SMTP_CLIENT_H

#include "base/mem.h"
#include "core/smtp/reply.h"

struct smtp_client;

enum {
	SMTP_CLIENT_MAX_RECIPIENTS = 10000, /* of one transaction */
	SMTP_CLIENT_PIECE = 64 * 1024,	    /* content given at once, at most */
};

enum smtp_client_event {
	SMTP_CLIENT_NOTHING,
	SMTP_CLIENT_READY,	      /* EHLO was answered: start TLS, begin, or quit */
	SMTP_CLIENT_STARTTLS,	      /* shake hands on the socket now, then _secured() */
	SMTP_CLIENT_STARTTLS_REFUSED, /* the session goes on in clear; see smtp_client_failure() */
	SMTP_CLIENT_CONTENT,	      /* the server takes content: see smtp_client_wants() */
	SMTP_CLIENT_DONE,	      /* every recipient has its outcome */
	SMTP_CLIENT_LOST,	      /* the connection is of no more use: see _failure() */
	SMTP_CLIENT_BYE,	      /* QUIT was answered: close */
};

struct smtp_client_options {
	const char *hello; /* our name in EHLO */
	bool lmtp;
	bool is_secured; /* TLS from the first byte */
	bool allow_helo; /* a server that refuses EHLO may be greeted with HELO */
	bool no_chunking;
	bool no_pipelining;
};

/* What the server's last EHLO reply offered. */
struct smtp_client_offers {
	bool esmtp; /* EHLO or LHLO was understood */
	bool starttls;
	bool pipelining;
	bool chunking;
	bool binarymime;
	bool mime8bit;
	bool smtputf8;
	bool dsn;
	bool size;
	int64_t size_limit; /* 0: none stated */
	char greeted[256];  /* name in the greeting, "" for none */
	char name[256];	    /* name in the EHLO reply */
};

enum smtp_client_body { SMTP_CLIENT_7BIT, SMTP_CLIENT_8BITMIME, SMTP_CLIENT_BINARYMIME };
enum smtp_client_ret { SMTP_CLIENT_RET_NONE, SMTP_CLIENT_RET_FULL, SMTP_CLIENT_RET_HEADERS };
enum smtp_client_notify { /* bits; 0: not given */
	SMTP_CLIENT_NEVER = 1,
	SMTP_CLIENT_SUCCESS = 2,
	SMTP_CLIENT_FAILURE = 4,
	SMTP_CLIENT_DELAY = 8,
};

struct smtp_client_recipient {
	const char *address;  /* without brackets */
	const char *original; /* ORCPT as xtext with its type; NULL */
	unsigned notify;
};

/* Belongs to the caller and stays unchanged until SMTP_CLIENT_DONE. */
struct smtp_client_transaction {
	const char *sender;	 /* without brackets; "" for <> */
	const char *envelope_id; /* ENVID as xtext; NULL */
	enum smtp_client_ret ret;
	enum smtp_client_body body;
	bool smtputf8;
	int64_t size;  /* of the content; 0: unknown */
	bool is_trial; /* ends behind the answers to RCPT, by RSET; nothing is sent */
	const struct smtp_client_recipient *recipients;
	size_t count;
};

enum smtp_client_result {
	SMTP_CLIENT_PENDING,
	SMTP_CLIENT_ACCEPTED,
	SMTP_CLIENT_TEMPORARY,
	SMTP_CLIENT_PERMANENT,
	SMTP_CLIENT_NO_VERDICT, /* the connection was lost first; another host may be asked */
};

struct smtp_client_outcome {
	enum smtp_client_result result;
	int code;			    /* SMTP reply; 0: none, these are our words */
	char enhanced[SMTP_REPLY_ENHANCED]; /* always set once not pending */
	const char *text;		    /* "550 5.1.1 No such user", at most SMTP_REPLY_SHOWN */
	const char *stage;		    /* static: "MAIL", "RCPT", "end of data", ... */
	bool too_many; /* refused only because of the number: worth another transaction */
};

struct smtp_client_failure {
	enum err error;
	int code;			    /* SMTP reply; 0: none */
	char enhanced[SMTP_REPLY_ENHANCED]; /* of the reply; "" for none */
	const char *stage;		    /* static: what was awaited */
	char text[SMTP_REPLY_SHOWN + 1];    /* the reply, or what happened */
};

struct smtp_client *smtp_client_new(const struct smtp_client_options *options) MUST_USE;
/* NULL is fine; leaves NULL. */
void smtp_client_free(struct smtp_client **client);

/* ---- bytes ----------------------------------------------------------------------------------- */

/* All of BYTES is taken. */
void smtp_client_feed(struct smtp_client *client, struct str bytes);
/* The peer closed the connection. */
void smtp_client_closed(struct smtp_client *client);
/* The connection failed otherwise, or the time was up. */
void smtp_client_fail(struct smtp_client *client, enum err error, const char *text);
/* What waits to be sent; then tell how much was. */
struct str smtp_client_output(const struct smtp_client *client);
void smtp_client_sent(struct smtp_client *client, size_t n);
/* How long the peer may keep us waiting, counted from the last byte that went either way
 * (RFC 5321 4.5.3.2); 0: nothing is awaited. */
int64_t smtp_client_timeout_ms(const struct smtp_client *client);
/* Static text for what is awaited: "greeting", "MAIL", "end of data", "nothing", ... */
const char *smtp_client_stage(const struct smtp_client *client);

/* ---- events and the session ------------------------------------------------------------------ */

enum smtp_client_event smtp_client_next(struct smtp_client *client);
const struct smtp_client_offers *smtp_client_offers(const struct smtp_client *client);
/* Valid after LOST and STARTTLS_REFUSED. */
const struct smtp_client_failure *smtp_client_failure(const struct smtp_client *client);
/* Ready for the next step: nothing is under way and the connection stands. */
bool smtp_client_is_idle(const struct smtp_client *client);

/* When idle.  The rest of what came with the server's consent is thrown away (RFC 3207 6). */
void smtp_client_starttls(struct smtp_client *client);
/* The handshake succeeded: all that was known is forgotten and EHLO is said again. */
void smtp_client_secured(struct smtp_client *client);
/* Bytes in clear text that were thrown away behind the consent to STARTTLS. */
size_t smtp_client_discarded(const struct smtp_client *client);
/* When idle; otherwise the connection is simply given up. BYE follows. */
void smtp_client_quit(struct smtp_client *client);

/* ---- transactions ---------------------------------------------------------------------------- */

/* ERR_BUSY when not idle; ERR_TOO_MANY recipients, ERR_RANGE without any. */
enum err smtp_client_begin(
	struct smtp_client *client, const struct smtp_client_transaction *transaction);
/* How many bytes of content may be given now; 0: none, ask again later. */
size_t smtp_client_wants(const struct smtp_client *client);
/* At most that many.  LAST with the last piece, which may be empty.  Where DATA is used a line end
 * that is not CRLF becomes CRLF: nothing in the content can end the message early. */
void smtp_client_give(struct smtp_client *client, struct str bytes, bool last);
/* Has the end of the content been sent, so that the server may have taken the message? */
bool smtp_client_is_past_end(const struct smtp_client *client);
/* Of recipient I of the last transaction; until the next begin. */
const struct smtp_client_outcome *smtp_client_outcome(const struct smtp_client *client, size_t i);

#endif
