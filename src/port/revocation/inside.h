/* Internal to port/revocation. */
#ifndef SEALPOST_PORT_REVOCATION_INSIDE_H
#define SEALPOST_PORT_REVOCATION_INSIDE_H

#include "base/moment.h"
#include "port/revocation/revocation.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

struct revocation_pair {
	unsigned holders;
	X509 *certificate; /* NULL: none */
	X509 *issuer;	   /* NULL: not known */
};

struct revocation_list {
	char *bytes;
	size_t length;
	X509_NAME *issuer;
	ISSUING_DIST_POINT *scope; /* NULL: everything of the issuer */
	struct str entries;	   /* content of revokedCertificates, into bytes */
	int64_t this_ms, next_ms;
	int64_t count;
};

/* ---- der.c ---- */
/* Take one element from the front of *IN: definite lengths only, low tag numbers only.  *ret_whole
 * (may be NULL) is with its header.  False, and *IN untouched, when malformed. */
bool revocation_der_take(
	struct str *in, unsigned char *ret_tag, struct str *ret_content, struct str *ret_whole);
/* The same when an element of TAG must come. */
bool revocation_der_expect(struct str *in, unsigned char tag, struct str *ret_content);
/* Content of UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 wants it: to the second, Z. */
bool revocation_der_time(unsigned char tag, struct str content, int64_t *ret_ms);
bool revocation_der_is_time(unsigned char tag);
/* The same integer, whatever zeros lead? */
bool revocation_der_same_integer(struct str a, struct str b);

enum {
	REVOCATION_DER_BOOLEAN = 0x01,
	REVOCATION_DER_INTEGER = 0x02,
	REVOCATION_DER_BITS = 0x03,
	REVOCATION_DER_OCTETS = 0x04,
	REVOCATION_DER_OID = 0x06,
	REVOCATION_DER_UTC = 0x17,
	REVOCATION_DER_GENERALIZED = 0x18,
	REVOCATION_DER_SEQUENCE = 0x30,
	REVOCATION_DER_EXTENSIONS = 0xa0, /* [0] EXPLICIT */
};

/* ---- entry.c ---- */
struct revocation_entry {
	struct str serial; /* content of the INTEGER */
	int64_t at_ms;
	int reason; /* CRLReason; -1: not told */
	/* Not to be understood by us: RFC 5280 5.3. */
	bool is_indirect, has_unknown;
};
/* The next one of a list; false when malformed or at the end. */
bool revocation_entry_take(struct str *in, struct revocation_entry *ret);

/* ---- find.c ---- */
/* "superseded"; NULL: not told. */
const char *revocation_reason_words(int reason);

/* ---- finding ---- */
void revocation_unknown(struct revocation_finding *f, const char *token, const char *format, ...)
	PRINTF_LIKE(3, 4);
/* Do the dates in F fit NOW?  Else F is "early" or "stale".  WHAT is "list" or "response". */
bool revocation_in_force(struct revocation_finding *f, int64_t now_ms, const char *what);
/* 0 when it cannot be read. */
int64_t revocation_moment(const ASN1_TIME *time);

#endif
