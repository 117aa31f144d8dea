/*
 * What peers present, as the spool keeps it: once for each partner and chain, and again after an
 * hour, so that it is known when it was seen last.
 */
#ifndef SEALPOST_PORT_TLS_PRESENT_H
#define SEALPOST_PORT_TLS_PRESENT_H

#include "core/wire/wire.h"
#include "port/tls/tls.h"

enum {
	TLS_PRESENT_AGAIN_MS = 3600 * 1000,
	TLS_PRESENT_KNOWN =
		20000, /* that many are remembered; then all is forgotten, and told anew */
};

/* What was told already.  One for each process. */
struct tls_present;
struct tls_present *tls_present_new(void) MUST_USE;
void tls_present_free(struct tls_present **present);

/* Whom it is about, and when; the texts are only looked at. */
struct tls_present_peer {
	int64_t now_ms;
	int direction;			      /* enum receipt_direction */
	const char *organisation, *connector; /* NULL: none */
	const char *host, *address, *asked;   /* as in struct wire_chain */
	int verdict;			      /* enum cert_verdict */
	const struct cert_facts *facts;	      /* of the chain, as tls_describe() states them */
	size_t fact_count;
	/* Where roots are, beside the system's: PEM; may be NULL. */
	const char *anchors;
};

/*
 * False: there is no chain, or it was told within the hour.  Else *ret is the record for the spool;
 * it lives in ARENA, or as long as PEER's texts.  The root is worked out where a connector stands
 * behind it (NULL TRUST: never).
 */
bool tls_present_report(struct tls_present *present, const struct tls_session *session,
	const struct tls_present_peer *peer, const struct tls_trust *trust, struct arena *arena,
	struct wire_chain *ret);

#endif
