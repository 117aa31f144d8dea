/*
 * The life of our own certificates.
 *
 * A certificate is a name, by which listeners, organisations and connectors refer to it, and
 * versions: what was issued for it, one after the other.  One version may hold an ECDSA and an RSA
 * certificate side by side.
 *
 *             add              advance                advance of the one after it       retire
 *   (nothing) ---> CERT_NEXT ---------> CERT_CURRENT ---------------------> CERT_DEPRECATED --->
 * CERT_RETIRED ^                    |    ^                              |
 *                     +------- back -------+    +------------- back -----------+
 *
 * The first version of a name is current at once.  At any time there is exactly one current
 * version, at most one next and at most one deprecated.  From the start of a trial, chosen
 * connectors and a share of the connections are shown the next version; whoever is known to refuse
 * the version that he should see is shown the other living one.  A retired version has lost its
 * key and stays as a record.
 *
 * Everything here is pure: it takes a life and a moment, and gives another life.
 */
#ifndef SEALPOST_CORE_CERT_LIFE_H
#define SEALPOST_CORE_CERT_LIFE_H

#include "core/record/record.h"

enum {
	CERT_VERSIONS_MAX = 100, /* of one name; the oldest retired ones are forgotten */
	CERT_LIFE_BYTES = 256 * 1024,
};

enum cert_state { CERT_NEXT, CERT_CURRENT, CERT_DEPRECATED, CERT_RETIRED };
extern const char *const cert_state_names[]; /* "next", "current", "deprecated", "retired" */

struct cert_version {
	const char *id; /* "1", "2", ...: never used twice for a name */
	int state;	/* enum cert_state */
	/* When it came, and when it got into each state the last time; 0: it was never there. */
	int64_t added_ms, current_ms, deprecated_ms, retired_ms;
	/* The shortest of its certificates. */
	int64_t not_before_ms, not_after_ms;
	struct record_texts sha256; /* fingerprints of its leaves, hex */
};

/* What is to happen when; 0: by hand only. */
struct cert_plan {
	int64_t start_ms;   /* the trial of next begins */
	int64_t advance_ms; /* next becomes current */
	int64_t retire_ms;  /* deprecated is retired */
	bool is_forced;	    /* advance_ms holds though partners' checks do not pass */
	/* The trial. */
	bool is_trial;
	int64_t share;			/* per cent of the connections, 0..100 */
	struct record_texts connectors; /* "organisation/name": all of their connections */
};

struct cert_life {
	const char *name;
	RECORD_LIST_OF(struct cert_version) versions; /* oldest first */
	struct cert_plan plan;
};

extern const struct record_desc cert_version_desc, cert_plan_desc, cert_life_desc;

/* The life of that certificate among LIVES; NULL: it is not there. */
const struct cert_life *cert_life_of(
	const struct cert_life *lives, size_t count, const char *certificate);
/* Copies of those among LIVES that have more than one living version: only there is a choice. */
size_t cert_lives_with_choice(const struct cert_life *lives, size_t count, struct arena *arena,
	const struct cert_life **ret);
/* Is VERSION of that certificate alive, and another one beside it? */
bool cert_life_has_other(
	const struct cert_life *lives, size_t count, const char *certificate, const char *version);
/* The version in that state; NULL: none. */
const struct cert_version *cert_life_in(const struct cert_life *life, enum cert_state state);

#endif
