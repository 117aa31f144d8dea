/*
 * The certificate sheet: what a partner must know of our certificates before they change, for each
 * the living versions with their dates, the root to trust, the places that whoever validates must
 * reach, and TLSA records.
 *
 * Its JSON form carries a version in "sealpost-certificates"; text, Markdown and HTML are for
 * people.  Everything in it is public: it is served to everybody where the node file says so.
 */
#ifndef SEALPOST_CORE_CERT_SHEET_H
#define SEALPOST_CORE_CERT_SHEET_H

#include "core/cert/endpoints.h"
#include "core/cert/facts.h"
#include "core/cert/life.h"
#include "core/page/page.h"

enum {
	CERT_SHEET_VERSION = 1,
	CERT_SHEET_MAX = 1000, /* certificates, and leaves of each */
	CERT_SHEET_STEPS_MAX = 16,
	CERT_SHEET_HOSTS_MAX = 10, /* that TLSA records are written for */
};

/* One certificate on the way from a leaf to its root. */
struct cert_sheet_step {
	const char *subject, *issuer;
	const char *sha256, *spki_sha256; /* hex */
	int64_t not_after_ms;
	bool is_presented; /* stands in the chain that is sent; else the other side must have it */
	RECORD_LIST_OF(struct cert_endpoint) endpoints;
	const char *pem;
};

/* The last step, where it is its own issuer. */
struct cert_sheet_root {
	const char *subject;
	const char *sha256;
	int64_t not_after_ms;
	bool is_public; /* the system's trust store has it */
};

/* One version, or one of the two certificates of a version. */
struct cert_sheet_leaf {
	const char *version; /* NULL: it has none, and is simply current */
	int state;	     /* enum cert_state; never retired */
	int64_t since_ms;    /* in that state; 0: not known */
	/* Planned; 0: not fixed.  NEXT: when it becomes current.  CURRENT: when the next one takes
	 * its place.  DEPRECATED: when it is retired. */
	int64_t changes_ms;
	int64_t trial_ms; /* NEXT: from when on some are shown it; 0: nobody is before that */
	struct cert_facts facts;
	struct cert_sheet_root *root;		     /* NULL: not known here */
	RECORD_LIST_OF(struct cert_sheet_step) path; /* leaf first */
	struct record_texts places;		     /* "host:port" of all its endpoints */
	struct record_texts tlsa; /* lines of a zone file; empty: no server presents it */
};

struct cert_sheet_certificate {
	const char *name;
	bool is_server;				       /* presented to who brings mail */
	bool is_client;				       /* presented to who is brought mail */
	RECORD_LIST_OF(struct cert_sheet_leaf) leaves; /* current, next, deprecated */
};

struct cert_sheet {
	int64_t version;
	int64_t made_ms;
	const char *host;
	RECORD_LIST_OF(struct cert_sheet_certificate) certificates;
};

extern const struct record_desc cert_sheet_desc;

/* State and dates of the version ID (NULL: none) of LIFE (NULL: it has no versions). */
void cert_sheet_date(
	struct cert_sheet_leaf *leaf, const struct cert_life *life, const char *id, int state);

/* Where a TLSA record stands: port and host. */
struct cert_sheet_host {
	int64_t port;
	const char *name;
};
/* Write the leaf's TLSA records from its facts and path: 3 1 1 for the key of the leaf, 2 1 1 for
 * that of its issuer where the issuer is presented (RFC 7671 5.2: without that nobody finds it). */
void cert_sheet_tlsa(struct cert_sheet_leaf *leaf, const struct cert_sheet_host *hosts,
	size_t count, struct arena *arena);
/* Collect the places of all endpoints on the path, each once, in order. */
void cert_sheet_places(struct cert_sheet_leaf *leaf, struct arena *arena);

/* As page_format(). */
enum err cert_sheet_format(
	const struct cert_sheet *sheet, enum page_format format, struct buf *out);
/* New reference. */
json_t *cert_sheet_json(const struct cert_sheet *sheet);

#endif
