/*
 * Is a chain revoked?  What lists given by hand say of its certificates, and what the lookup
 * process has found out about the others, put together by how strictly it is asked.
 *
 * Whoever says "revoked" is believed.  A certificate that a list given by hand knows is not
 * revoked, whatever nobody else could find out.  What remains unknown passes with "prefer", and
 * not with "require".
 */
#ifndef SEALPOST_CORE_CERT_STANDING_H
#define SEALPOST_CORE_CERT_STANDING_H

#include "core/cert/facts.h"
#include "core/wire/wire.h"

struct cert_standing_question {
	bool is_required;      /* unknown will not do */
	size_t count;	       /* of certificates below the anchor, leaf first */
	const bool *is_listed; /* COUNT of them: a list given by hand says that it is good */
	const struct wire_revocation_answer *answer; /* NULL: there is none */
	const char *why;			     /* there is none; NULL: nobody was asked */
};

struct cert_standing {
	enum cert_verdict verdict; /* CERT_TRUSTED, CERT_REVOKED or CERT_REVOCATION_UNKNOWN */
	const char *detail;	   /* why; NULL when trusted */
	/* For the receipt: "good: certificate 1 by OCSP, stapled, until ...", "revoked: ...",
	 * "unknown: ...". */
	const char *words;
};

/* Texts live in the arena. */
void cert_standing_judge(const struct cert_standing_question *question, struct arena *arena,
	struct cert_standing *ret);

#endif
