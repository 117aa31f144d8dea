/*
 * What partners make of our certificates: which versions they refuse now (queue.db, so that every
 * process knows it again after a restart), and how often each version was accepted and refused
 * (trace.db, counted from receipts and from events of kind "certificate-refused").
 */
#ifndef SEALPOST_PORT_STORE_ACCEPTANCE_H
#define SEALPOST_PORT_STORE_ACCEPTANCE_H

#include "port/store/store.h"

enum { STORE_ACCEPTANCES = 20000 /* rows kept, and a few more; those not seen for longest go */ };

/* One row for a partner, certificate, version and direction, replaced or added; organisation and
 * sha256 are not kept. */
void store_refusal_put(
	struct store *store, const struct wire_refused *refused, store_done *done, void *context);
/* Only partner, certificate, version and direction are looked at. */
void store_refusal_remove(
	struct store *store, const struct wire_refused *refused, store_done *done, void *context);
typedef void store_refusals_done(
	void *context, enum err e, const struct wire_refused *refusals, size_t count);
/* Oldest first. */
void store_refusals(struct store *store, store_refusals_done *done, void *context);

/* Counted once for each message that passed, and for each handshake that was refused. */
struct store_acceptance {
	const char *certificate, *version, *sha256;
	const char *partner;	  /* as in struct wire_refused */
	int direction;		  /* enum receipt_direction */
	const char *organisation; /* of the partner's connector; NULL: none */
	int64_t accepted, refused;
	int64_t first_ms, last_ms;
	int64_t last_refused_ms; /* 0: never */
	const char *reason;	 /* of the last refusal; NULL */
};
typedef void store_acceptances_done(
	void *context, enum err e, const struct store_acceptance *rows, size_t count);
struct store_acceptance_query {
	const char *certificate;
	const char *organisation; /* NULL: of all */
	/* The last one had: organisation (whether there is one), partner, direction, version and
	 * sha256 are looked at.  NULL: from the beginning. */
	const struct store_acceptance *after;
	size_t limit; /* 0, and at most: STORE_MAX_LIST */
};
/* Partners with a connector come first; in the order of partner, direction, version, sha256. */
void store_acceptances(struct store *store, const struct store_acceptance_query *query,
	store_acceptances_done *done, void *context);

#endif
