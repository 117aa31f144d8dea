/* What is known about a certificate and a chain: plain facts that the TLS port states and that
 * policy, receipts, the account and the partner sheet read. */
#ifndef SEALPOST_CORE_CERT_FACTS_H
#define SEALPOST_CORE_CERT_FACTS_H

#include "core/record/record.h"

struct cert_facts {
	const char *subject; /* RFC 2253 text */
	const char *issuer;  /* RFC 2253 text */
	/* Attributes of the subject; where there are several, joined by ", ".  NULL: there is none.
	 */
	const char *common_name, *organisation, *organisational_unit;
	const char *serial;	 /* lower case hex */
	const char *sha256;	 /* fingerprint of the DER form, lower case hex, no colons */
	const char *spki_sha256; /* of the SubjectPublicKeyInfo, the same form */
	int64_t not_before_ms;
	int64_t not_after_ms;
	struct record_texts names; /* dNSName SANs (A-labels, lower case); the CN only if no SAN */
	bool has_san;		   /* any subjectAltName extension at all */
	const char *key;	   /* "ECDSA P-256", "RSA 2048" */
	int64_t key_bits;	   /* 256, 2048; 0: not known */
	const char *signature;	   /* "ecdsa-with-SHA256" */
	bool is_ca;
	bool is_self_signed;
	bool has_eku;	    /* an extendedKeyUsage extension is present */
	bool allows_client; /* it, or its absence, allows clientAuth */
	bool allows_server; /* ... serverAuth */
};

/* What came of checking a chain against one set of trust anchors.  Order is no ranking. */
enum cert_verdict {
	CERT_NONE,		   /* the peer presented no certificate */
	CERT_TRUSTED,		   /* chain, dates and revocation as far as asked are fine */
	CERT_UNTRUSTED_ROOT,	   /* ends at a root that is not among the anchors */
	CERT_MISSING_INTERMEDIATE, /* "the peer sent only its leaf": the issuer is neither sent nor
				      known */
	CERT_SELF_SIGNED,	   /* the leaf is its own issuer and is not an anchor */
	CERT_EXPIRED,
	CERT_NOT_YET_VALID,
	CERT_REVOKED,
	CERT_REVOCATION_UNKNOWN,
	CERT_PURPOSE, /* extendedKeyUsage forbids this use */
	CERT_WEAK,    /* key or signature below the floor */
	CERT_INVALID, /* anything else: bad signature, constraints, malformed */
	CERT_VERDICT_MAX,
};

extern const char *const cert_verdict_names[]; /* "none", "trusted", "untrusted-root", ... */
extern const struct record_desc cert_facts_desc;

#endif
