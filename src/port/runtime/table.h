/*
 * The process table: which processes there are, whom each may talk to, and what each may touch.
 * The supervisor starts by it, the runtime sandboxes by it, docs/architecture.md is checked against
 * it.
 */
#ifndef SEALPOST_PORT_RUNTIME_TABLE_H
#define SEALPOST_PORT_RUNTIME_TABLE_H

#include <stdbool.h>

enum runtime_role {
	RUNTIME_SUPERVISE,
	RUNTIME_KEYS,
	RUNTIME_LOOKUP,
	RUNTIME_SPOOL,
	RUNTIME_RECEIVE,
	RUNTIME_DELIVER,
	RUNTIME_ADMIN,
	RUNTIME_WEB,
	RUNTIME_ROLE_MAX,
};

enum runtime_needs {
	RUNTIME_NEEDS_KEYS = 1 << 0,	     /* private keys, as open files */
	RUNTIME_NEEDS_CERTIFICATES = 1 << 1, /* public chains */
	RUNTIME_NEEDS_ROOTS = 1 << 2,	     /* the system's trust store */
	RUNTIME_NEEDS_LISTENERS = 1 << 3,    /* listening sockets; may accept() */
	RUNTIME_NEEDS_CONNECT = 1 << 4,	     /* may open connections to the network */
	RUNTIME_NEEDS_DATA = 1 << 5,	     /* may read and write the data directory */
	RUNTIME_NEEDS_MAILDIRS = 1 << 6,     /* may write below the Maildir patterns of the node */
	RUNTIME_NEEDS_SOCKETS = 1 << 7,	     /* admin.sock and web.sock, as listening descriptors */
	RUNTIME_NEEDS_THREADS = 1 << 8,
	RUNTIME_NEEDS_RELAY = 1 << 9, /* may connect to Unix sockets: it is told of RUN/web.sock */
	RUNTIME_NEEDS_SECRET = 1 << 10,	 /* the key that requests to the webhook are signed with */
	RUNTIME_NEEDS_CACHE = 1 << 11,	 /* may read and write DATA/lookup */
	RUNTIME_NEEDS_TICKETS = 1 << 12, /* the key of session tickets */
};

/* What one process alone may know: the supervisor opens the file and hands the descriptor on; it
 * never reads it. */
enum runtime_secret {
	RUNTIME_SECRET_PASSPHRASE, /* of encrypted private keys */
	RUNTIME_SECRET_PIN,	   /* of the PKCS#11 token */
	RUNTIME_SECRET_MAX,
};

/* Ports that are not for mail: each is a listening socket of the one process whose row says so,
 * which may accept(). */
enum runtime_door {
	RUNTIME_DOOR_PUBLISH, /* publish.listen */
	RUNTIME_DOOR_HTTPS,   /* admin.listen */
	RUNTIME_DOOR_METRICS, /* metrics.listen */
	RUNTIME_DOOR_MAX,
};

struct runtime_row {
	const char *name;
	unsigned needs;	      /* enum runtime_needs */
	unsigned secrets;     /* bits 1 << enum runtime_secret */
	unsigned doors;	      /* bits 1 << enum runtime_door */
	unsigned peers;	      /* bits 1 << enum runtime_role: whom it has channels to */
	unsigned user_offset; /* default uid is 64200 + this */
	const char *may;      /* one line for people */
	const char *may_not;
};

extern const struct runtime_row runtime_table[RUNTIME_ROLE_MAX];

#endif
