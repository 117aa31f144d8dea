/*
 * What is known of partners that do not accept a version of a certificate of ours.  Bounded: the
 * oldest notes go first, those of strangers, who choose how many there are, before any other.
 */
#ifndef SEALPOST_CORE_CERT_REFUSALS_H
#define SEALPOST_CORE_CERT_REFUSALS_H

#include "core/cert/life.h"

enum { CERT_REFUSALS_MAX = 4096 };

struct cert_refusal {
	const char *partner; /* "connector organisation/name", "address ...", "host ...:port" */
	const char *certificate, *version;
	int direction; /* as in receipts: a version may be fine one way and not the other */
	int64_t until_ms;
};

struct cert_refusals;
/* SEED: of a table whose keys strangers choose. */
struct cert_refusals *cert_refusals_new(uint64_t seed) MUST_USE;
void cert_refusals_free(struct cert_refusals **refusals);
/* Copied; a newer note on the same takes the place of the older. */
void cert_refusals_put(struct cert_refusals *refusals, const struct cert_refusal *refusal);
/* REFUSAL says which; is it noted, and until a moment after NOW_MS? */
bool cert_refusals_has(
	const struct cert_refusals *refusals, const struct cert_refusal *refusal, int64_t now_ms);
/* Forget what is over: its time is, or its version is the only living one of its certificate, or
 * lives no more. */
void cert_refusals_prune(struct cert_refusals *refusals, const struct cert_life *lives,
	size_t count, int64_t now_ms);
size_t cert_refusals_count(const struct cert_refusals *refusals);

/* Who a peer is, as far as it is known when a version is chosen for it. */
struct cert_party {
	const struct cert_refusals *memory; /* NULL: nothing is remembered */
	const char *place;     /* "address 192.0.2.1", "host mx.example:25"; NULL: not known */
	const char *connector; /* "organisation/name"; NULL: none, or not known */
	int direction;
	int64_t now_ms;
};
/* Is a refusal noted of its place or of its connector?  To be asked by cert_choose(). */
bool cert_party_refuses(void *party, const char *certificate, const char *version);
/* By what it is remembered: the connector if there is one, else the place; NULL: by nothing. */
const char *cert_party_name(const struct cert_party *party, struct arena *arena);
/* Is PARTNER, as cert_party_name() makes it, no connector? */
bool cert_party_is_stranger(const char *partner);

#endif
