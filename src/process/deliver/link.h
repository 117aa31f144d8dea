/*
 * One connection to a next hop: socket, TLS, the SMTP or LMTP session on it.
 *
 * A link makes itself ready (greeting, EHLO, STARTTLS as far as its options say) and then carries
 * transactions, begun through the gate.  It never decides what may be sent.
 */
#ifndef SEALPOST_PROCESS_DELIVER_LINK_H
#define SEALPOST_PROCESS_DELIVER_LINK_H

#include "core/report/receipt.h"
#include "core/smtp/client.h"
#include "core/wire/wire.h"
#include "port/tls/tls.h"
#include "process/deliver/targets.h"

struct deliver_link;

enum deliver_link_event {
	DELIVER_LINK_READY,	  /* may carry a transaction now */
	DELIVER_LINK_DONE,	  /* the transaction has its outcomes */
	DELIVER_LINK_UNREACHABLE, /* no connection came about; deliver_link_reason() */
	DELIVER_LINK_TLS_FAILED,  /* the handshake failed; the link is of no more use */
	DELIVER_LINK_LOST,	  /* the connection has ended; see smtp_client_failure() */
};

/* Whoever holds the link.  All calls come from the loop. */
struct deliver_link_owner {
	void (*event)(void *context, enum deliver_link_event event);
	/* Content for the transaction: at most MAX bytes, or false when none is there yet (then
	 * call deliver_link_poke() when it is). The slice lives until the next call. */
	bool (*content)(void *context, size_t max, struct str *ret_bytes, bool *ret_last);
	/* Another answer is awaited now: smtp_client_stage() says which; may be NULL.  Must not
	 * free the link. */
	void (*progress)(void *context, const char *stage);
};

struct deliver_link_options {
	struct event_base *base;
	struct tls_context *tls; /* NULL: no TLS at all */
	const char *key;	 /* for which further mail this link may be used */
	const char *host;	 /* name of the next hop */
	const char *hello;
	const char *server_name; /* SNI; NULL: none */
	const char *identity;	 /* own certificate, for this route only; NULL */
	const char *version;	 /* of it; NULL: the current one */
	const char *cache_key;
	struct deliver_address address;
	enum receipt_attempt attempt;
	int minimum_version;	    /* enum model_version; older ones are not offered */
	struct record_texts groups; /* the only ones offered; empty: all of ours */
	bool groups_first;	    /* they come first in the offer; the others stay in it */
	bool is_implicit;	    /* TLS from the first byte: no STARTTLS */
	bool lmtp;
	bool allow_helo;
	int64_t now_ms;
};

struct deliver_link *deliver_link_new(const struct deliver_link_options *options,
	const struct deliver_link_owner *owner, void *context) MUST_USE;
/* Another owner; NULL: none. */
void deliver_link_give(
	struct deliver_link *link, const struct deliver_link_owner *owner, void *context);
/* Close at once.  Safe from within an event; NULL is fine; leaves NULL. */
void deliver_link_free(struct deliver_link **link);
/* Say QUIT, wait a little for the answer, close and free; nobody owns the link any more. */
void deliver_link_quit(struct deliver_link **link);
/* Work on what has changed: content is there, a transaction was begun. */
void deliver_link_poke(struct deliver_link *link);
/* Call event(LOST) after that time without use; 0: do not. */
void deliver_link_keep(struct deliver_link *link, int64_t idle_ms);

struct smtp_client *deliver_link_client(struct deliver_link *link);
/* NULL: in clear. */
const struct tls_session *deliver_link_tls(const struct deliver_link *link);
/* Facts of the connection: at_ms, host, address, attempt, version, chain, ... */
const struct receipt *deliver_link_receipt(const struct deliver_link *link);
/* What is known of the revocation of its certificates; the owner's to fill in. */
struct deliver_link_standing {
	struct arena *arena; /* of the link's life; NULL: nothing is known */
	struct str chain;    /* PEM of what was asked */
	bool is_answered;
	struct wire_revocation_answer answer;
	const char *why;     /* there is no answer; static */
	int64_t until_ticks; /* then it is asked anew */
};
struct deliver_link_standing *deliver_link_standing(struct deliver_link *link);
const char *deliver_link_key(const struct deliver_link *link);
const struct deliver_address *deliver_link_address(const struct deliver_link *link);
/* After UNREACHABLE and TLS_FAILED: words. */
const char *deliver_link_reason(const struct deliver_link *link);
/* After UNREACHABLE: it was for want of a descriptor here, and says nothing about the host. */
bool deliver_link_is_starved(const struct deliver_link *link);
enum tls_failure_kind deliver_link_tls_failure(const struct deliver_link *link);
/* After TLS_FAILED: the server does not take our certificate; the receipt says which. */
bool deliver_link_certificate_refused(const struct deliver_link *link);
bool deliver_link_starttls_refused(const struct deliver_link *link);
bool deliver_link_starttls_offered(const struct deliver_link *link);
/* Transactions carried so far: counted by the owner. */
int64_t deliver_link_count(struct deliver_link *link, int64_t add);

#endif
