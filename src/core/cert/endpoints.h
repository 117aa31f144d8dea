/*
 * Where a certificate sends those who validate it: revocation lists (RFC 5280 4.2.1.13), OCSP
 * responders and the certificate of its issuer (RFC 5280 4.2.2.1); and what it means when one of
 * these cannot be used.
 */
#ifndef SEALPOST_CORE_CERT_ENDPOINTS_H
#define SEALPOST_CORE_CERT_ENDPOINTS_H

#include "core/record/record.h"

enum {
	CERT_ENDPOINTS_MAX = 32, /* of one certificate that are looked at */
	CERT_URL_MAX = 2048,	 /* bytes of one address */
	CERT_PLACES_MAX = 1000,	 /* in one list */
};

/* Numbered as enum wire_endpoint_kind. */
enum cert_endpoint_kind { CERT_ENDPOINT_CRL, CERT_ENDPOINT_OCSP, CERT_ENDPOINT_ISSUER };
extern const char *const cert_endpoint_names[]; /* "crl", "ocsp", "issuer" */

struct cert_endpoint {
	int kind;	 /* enum cert_endpoint_kind */
	const char *url; /* as it stands in the certificate; printable ASCII */
};
extern const struct record_desc cert_endpoint_desc;

/* What to do about an answer. */
struct cert_cause {
	const char *token; /* "timeout", ... as in struct wire_endpoint_answer; "ok" */
	const char *words; /* what it means, for a table */
	const char *remedy;
};
/* The row of a token.  One that is not in the table gets a row that says so; never NULL. */
const struct cert_cause *cert_cause_of(const char *token);
/* All rows, "ok" first. */
extern const struct cert_cause cert_causes[];
extern const size_t cert_cause_count;

/* "host:port" that an http or https address leads to, host in lower case, IPv6 in brackets; in the
 * arena.  NULL for any other scheme, and for what is no address. */
const char *cert_endpoint_place(const char *url, struct arena *arena);

/* A set of "host:port" for a firewall's table: in order, each once. */
struct cert_places {
	const char *items[CERT_PLACES_MAX];
	size_t count;
};
/* Add all lines of TEXT (NULL: none); copies live in the arena.  What does not fit is left out. */
void cert_places_add(struct cert_places *places, const char *text, struct arena *arena);

#endif
