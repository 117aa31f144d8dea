/*
 * Watching certificates over time, partners' and ours: what has changed from one chain to the next,
 * and what ends soon.  Pure: moments and marks are given.
 */
#ifndef SEALPOST_CORE_CERT_WATCH_H
#define SEALPOST_CORE_CERT_WATCH_H

#include "core/cert/facts.h"
#include "core/cert/life.h"

/* ---- what has changed ---------------------------------------------------------------------------
 */

enum cert_watch_change {
	CERT_WATCH_ISSUER = 1 << 0,   /* another authority has issued the leaf */
	CERT_WATCH_ROOT = 1 << 1,     /* it leads up to another root */
	CERT_WATCH_KEY = 1 << 2,      /* the leaf has another public key */
	CERT_WATCH_NAMES = 1 << 3,    /* it is for other names */
	CERT_WATCH_VALIDITY = 1 << 4, /* it is valid at other times: it was renewed */
	CERT_WATCH_PATH = 1 << 5,     /* the leaf is the same, what comes with it is not */
};

/* A chain as a partner presented it. */
struct cert_watch_chain {
	const struct cert_facts *certificates; /* leaf first */
	size_t count;
	const char *root, *root_sha256; /* subject and fingerprint; NULL: not known */
};

/* Bits of enum cert_watch_change; 0: nothing that counts.  A root that is not known in one of them
 * is no change. */
unsigned cert_watch_compare(
	const struct cert_watch_chain *before, const struct cert_watch_chain *after);
/* "issuer was CN=A, is CN=B; another key; ..." of these bits, in ARENA. */
const char *cert_watch_words(unsigned changes, const struct cert_watch_chain *before,
	const struct cert_watch_chain *after, struct arena *arena);

/* When the first certificate of a chain ends, roots not counted; 0: there is none. */
int64_t cert_watch_end(const struct cert_facts *certificates, size_t count);

/* ---- what ends soon -----------------------------------------------------------------------------
 */

enum { CERT_WATCH_NOTHING = -1 };

/* The smallest of MARKS (ms before the end) that has been reached; 0: it is over; -1: none has. */
int64_t cert_watch_mark(const struct record_numbers *marks, int64_t not_after_ms, int64_t now_ms);
/* "ends on 2026-12-01 12:00 UTC, in 9d 3h", or "ended on ...", in ARENA. */
const char *cert_watch_when(int64_t not_after_ms, int64_t now_ms, struct arena *arena);

enum cert_watch_kind {
	CERT_WATCH_EXPIRES, /* a living version ends, and nothing planned comes before that */
	CERT_WATCH_GAP,	    /* as planned there is a time without a valid version */
};

struct cert_watch_finding {
	int kind;	     /* enum cert_watch_kind */
	const char *version; /* which one it is about */
	int64_t mark;	     /* as cert_watch_mark(); of a gap 0 */
	const char *text;    /* for a person: what, when, what to do */
};

enum { CERT_WATCH_FINDINGS = 4 }; /* of one life, at most */

/* What must be said about one certificate of ours.  Texts live in ARENA. */
size_t cert_watch_life(const struct cert_life *life, const struct record_numbers *marks,
	int64_t now_ms, struct arena *arena, struct cert_watch_finding ret[CERT_WATCH_FINDINGS]);

#endif
