/* What is offered to peers and accepted of them, in order, as the library has it. */
#ifndef SEALPOST_PORT_TLS_OFFER_H
#define SEALPOST_PORT_TLS_OFFER_H

#include "port/tls/tls.h"

struct tls_offer_question {
	bool is_server;
	struct record_texts keys; /* of the own certificates, as in struct cert_facts.key */
	/* What narrows it: version, groups, the smaller ClientHello; the rest is not looked at.  Of
	 * a server: what is demanded of its clients. */
	struct tls_client_options narrow;
};

struct tls_offer_suite {
	const char *name;    /* IANA's */
	const char *library; /* OpenSSL's */
	const char *version; /* "TLSv1.3", or "TLSv1.2" */
	bool is_forward_secret;
};

struct tls_offer {
	struct record_texts versions; /* newest first */
	struct tls_offer_suite *suites;
	size_t suite_count;
	struct record_texts groups;	/* names as in receipts */
	struct record_texts signatures; /* accepted of the other side; names of RFC 8446 4.2.3 */
	struct record_texts own_signatures; /* with which this side proves its own certificates */
	int security_level;		    /* of the library */
	const char *library;		    /* "OpenSSL 3.0.15 3 Sep 2024" */
};

/* Everything lives in the arena. */
void tls_offer_of(
	const struct tls_offer_question *question, struct arena *arena, struct tls_offer *ret);

#endif
