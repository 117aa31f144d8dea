/*
 * Which version of our certificate a peer is shown, and why.  Deterministic: the same life, peer,
 * memory and moment give the same version, in every process.
 *
 * Wanted is the current version; in a trial the next one for the connectors that the plan names and
 * for its share of the peers.  A version that is not valid now is only shown when no living one is.
 * A peer that is known to refuse the version it should see is shown another living one: the
 * current, then the deprecated, then, in a trial, the next.  When it refuses all of them it is
 * shown the wanted one.  A retired version is never shown.
 */
#ifndef SEALPOST_CORE_CERT_CHOOSE_H
#define SEALPOST_CORE_CERT_CHOOSE_H

#include "core/cert/life.h"

enum {
	CERT_REFUSAL_MS = 24 * 3600 * 1000, /* a refusal counts that long; then it is tried anew */
};

struct cert_choose_facts {
	const struct cert_life *life;
	const char *peer;      /* address or host: whom a share of the connections is made of */
	const char *connector; /* "organisation/name"; NULL: not known, or none */
	int64_t now_ms;
	/* Is that version known to be refused at NOW_MS?  NULL: none is. */
	bool (*is_refused)(void *context, const char *certificate, const char *version);
	void *context;
};

enum cert_choose_reason {
	CERT_CHOSEN_CURRENT,
	CERT_CHOSEN_CONNECTOR, /* the trial names its connector */
	CERT_CHOSEN_SHARE,     /* it belongs to the trial's share */
	CERT_CHOSEN_VALID,     /* the wanted one is not valid now */
	CERT_CHOSEN_REFUSED,   /* it refuses the wanted one */
};
extern const char *const cert_choose_reason_names[]; /* "current", "trial-connector", ... */

struct cert_choice {
	const struct cert_version *version; /* NULL: the life has no living version */
	const struct cert_version *wanted;  /* the same, but for the last two reasons */
	int reason;			    /* enum cert_choose_reason */
	int percentile;			    /* 0..99: shares above it have the peer in them */
};

struct cert_choice cert_choose(const struct cert_choose_facts *facts);
/* The same for a person: "version 3 (next): the trial names connector contoso/fabrikam". */
const char *cert_choose_words(const struct cert_choice *choice,
	const struct cert_choose_facts *facts, struct arena *arena);

#endif
