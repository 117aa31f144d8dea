/*
 * The observatory's memory: every distinct chain that a partner has presented, with first and last
 * seen.  It lies beside the trace; calls are as in port/store/store.h.
 */
#ifndef SEALPOST_PORT_STORE_CHAIN_H
#define SEALPOST_PORT_STORE_CHAIN_H

#include "port/store/store.h"

enum {
	STORE_CHAIN_OF_PARTNER = 50,  /* kept of one partner and direction */
	STORE_CHAIN_ALL = 20000,      /* kept in all; those of no connector go first */
	STORE_CHAIN_HOSTS = 16,	      /* names of hosts kept of one chain */
	STORE_CHAIN_PEM = 256 * 1024, /* bytes of one chain */
	STORE_CHAIN_FACTS = 256 * 1024,
};

struct store_chain {
	int64_t id; /* given by the store */
	/* "connector organisation/name"; where there is none "host mx.example:25" or "address
	 * 192.0.2.1". */
	const char *partner;
	struct wire_chain wire; /* host: all that have presented it, separated by blanks; at_ms: as
				   last_ms; without its chain where that was not asked for */
	int64_t first_ms, last_ms;
	int64_t seen;		 /* reports of it */
	int64_t not_after_ms;	 /* when the first of its certificates ends */
	int64_t accepted_ms;	 /* 0: it is a change that nobody has accepted */
	const char *accepted_by; /* NULL: it needed nobody: the partner's first one, ... */
};

/* What is made of a chain that was not there. */
struct store_chain_judgement {
	bool is_accepted;
	const char *alarm; /* what an alarm says; NULL: none is raised */
};
/*
 * KNOWN: those of the same partner and direction, last seen first.  Called on another thread, and
 * perhaps more than once: it must depend on nothing but what it is given.  Texts go into ARENA.
 */
typedef struct store_chain_judgement store_chain_judge(const struct store_chain *chain,
	const struct store_chain *known, size_t count, struct arena *arena);
extern const char store_chain_alarm[]; /* kind of that alarm: "partner-certificate-changed" */

/*
 * It was seen: the row is made, or moved on.  What JUDGE says of a new one is in the same
 * transaction.  CHAIN's id, times and acceptance are not looked at but wire.at_ms and not_after_ms.
 * ERR_TOO_LONG: beyond the limits above.
 */
void store_chain_put(struct store *store, const struct store_chain *chain, store_chain_judge *judge,
	store_done *done, void *context);

struct store_chain_query {
	int64_t id;				  /* 0: all */
	const struct record_texts *organisations; /* only theirs; NULL: all */
	const char *organisation, *connector;	  /* NULL: all */
	int64_t since_ms;			  /* last seen then or later */
	/* Of connectors only, and only what is in use: what no later one of the same host, or of
	 * the same partner a day later, has taken the place of. */
	bool newest;
	int64_t ends_before_ms; /* with newest: only those; 0: all */
	bool with_pem;		/* else wire.chain is empty */
	int64_t after;		/* id of the last one had; 0: from the beginning */
	size_t limit;		/* 0: STORE_MAX_LIST */
};
typedef void store_chain_list_done(
	void *context, enum err e, const struct store_chain *chains, size_t count);
/* Those first seen last come first. */
void store_chain_list(struct store *store, const struct store_chain_query *query,
	store_chain_list_done *done, void *context);

/* This is how it is now: the alarm is over.  ERR_UNKNOWN: no such chain, or of another
 * organisation.  Who accepted it first stays. */
void store_chain_accept(struct store *store, const struct store_acknowledgement *acceptance,
	store_done *done, void *context);

#endif
