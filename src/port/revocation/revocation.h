/*
 * What revocation lists (RFC 5280 5) and OCSP responses (RFC 6960) say of a certificate.  Bytes are
 * given; nothing here fetches, waits or reads a clock.  Only what the certificate's issuer has
 * signed, itself or by an OCSP signer that it has appointed, is believed.
 *
 * Lists of changes (delta) and lists that speak for other issuers (indirect) are not used: they are
 * told from others and named.
 */
#ifndef SEALPOST_PORT_REVOCATION_REVOCATION_H
#define SEALPOST_PORT_REVOCATION_REVOCATION_H

#include "base/mem.h"
#include "core/wire/wire.h"

enum {
	REVOCATION_CHAIN_MAX = 16,    /* certificates of one chain */
	REVOCATION_PLACES_MAX = 32,   /* addresses in one certificate that are looked at */
	REVOCATION_URL_MAX = 2048,    /* bytes of one address; longer ones are passed over */
	REVOCATION_KEY = 32,	      /* bytes of revocation_pair_key() */
	REVOCATION_OCSP_MAX = 262144, /* bytes of an OCSP response */
	/* Clocks differ: how far in the future a date may lie. */
	REVOCATION_SKEW_MS = 5 * 60 * 1000,
};

/* A certificate and the one that issued it.  Reference counted, never changed. */
struct revocation_pair;

/* CERTIFICATE and ISSUER are PEM, the first certificate of each counts.  ERR_SYNTAX when one cannot
 * be read, ERR_CERTIFICATE when ISSUER has not signed CERTIFICATE.  CERTIFICATE may be empty (there
 * is only an issuer), ISSUER may be. */
enum err revocation_pair_new(struct str certificate, struct str issuer,
	struct revocation_pair **ret, struct err_info *info);
/* Of a chain in PEM, leaf first, anchor last: one pair for each certificate but the last. */
enum err revocation_pairs_of_chain(struct str chain,
	struct revocation_pair *ret[REVOCATION_CHAIN_MAX], size_t *ret_count,
	struct err_info *info);
struct revocation_pair *revocation_pair_ref(struct revocation_pair *pair) MUST_USE;
void revocation_pair_free(struct revocation_pair **pair);
/* Is the certificate a CA's? */
bool revocation_pair_is_ca(const struct revocation_pair *pair);
/* Has the certificate asked for a stapled response (RFC 7633)? */
bool revocation_pair_must_staple(const struct revocation_pair *pair);

struct revocation_place {
	int kind;	  /* enum wire_endpoint_kind */
	const char *url;  /* printable ASCII; any scheme */
	unsigned point;	  /* crl: number of the distribution point; several places of one point are
			     the same list */
	bool is_indirect; /* crl: that of another issuer (cRLIssuer) */
	bool is_partial;  /* crl: for some reasons only */
};
/* Where the certificate sends those who validate it, in its order; in the arena. */
size_t revocation_places(
	const struct revocation_pair *pair, struct arena *arena, struct revocation_place **ret);

/* Names what URL gives for this pair: a list for all certificates of an issuer, an OCSP response
 * for one certificate.  Two issuers never share a name. */
void revocation_pair_key(const struct revocation_pair *pair, int kind, const char *url,
	unsigned char ret[REVOCATION_KEY]);

/* What was found. */
struct revocation_finding {
	int status;	   /* enum wire_revocation_status */
	const char *token; /* NULL when good, or when a list is fine; else a word as in struct
			      wire_revocation: "revoked", "unknown", "malformed", "signature",
			      "stale", "early", "delta", "indirect", "scope", "responder"; static */
	char text[300];	   /* for a person */
	int64_t at_ms;	   /* of revocation; 0 */
	int64_t this_ms, next_ms; /* 0: not told */
	int64_t entries;	  /* of a list */
};

/* ---- OCSP --------------------------------------------------------------------------------- */

/* The question (DER, in the arena), for POST as application/ocsp-request.  Without a nonce: most
 * responders give answers that were made before (RFC 6960 4.4.1, RFC 9654). */
struct str revocation_ocsp_ask(const struct revocation_pair *pair, struct arena *arena);
/* RESPONSE is DER. */
void revocation_ocsp_read(const struct revocation_pair *pair, struct str response, int64_t now_ms,
	struct revocation_finding *ret);

/* ---- lists -------------------------------------------------------------------------------- */

/* A list that its issuer has signed. */
struct revocation_list;

/* BYTES (DER; PEM will do) are copied.  The issuer of PAIR must have signed them; the certificate
 * in it is not looked at.  NULL when the list cannot be used; *ret says why, and what it is.  A
 * PAIR without an issuer: signatures are not verified. */
struct revocation_list *revocation_list_new(struct str bytes, const struct revocation_pair *pair,
	int64_t now_ms, struct revocation_finding *ret);
void revocation_list_free(struct revocation_list **list);
/* The DER form. */
struct str revocation_list_bytes(const struct revocation_list *list);
/* What it says of the certificate in PAIR, which names it in distribution point POINT
 * (RFC 5280 6.3.3).  The list was found to be in force at NOW_MS or is stale. */
void revocation_list_find(const struct revocation_list *list, const struct revocation_pair *pair,
	unsigned point, int64_t now_ms, struct revocation_finding *ret);

/* ---- issuers ------------------------------------------------------------------------------ */

/* Does BYTES (a certificate in DER or PEM, or a PKCS #7 bag of them, RFC 5280 4.2.2.1) hold the
 * issuer of the certificate in PAIR? */
void revocation_issuer_read(const struct revocation_pair *pair, struct str bytes, int64_t now_ms,
	struct revocation_finding *ret);

#endif
