/* The hosts of a route, in the order in which they are to be tried.  Pure. */
#ifndef SEALPOST_PROCESS_DELIVER_TARGETS_H
#define SEALPOST_PROCESS_DELIVER_TARGETS_H

#include "base/mem.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
	DELIVER_MAX_HOSTS = 20,	    /* of one route */
	DELIVER_MAX_ADDRESSES = 10, /* of one host */
};

struct deliver_mx {
	uint16_t preference;
	char host[256];
};

/*
 * RFC 5321 5.1: by preference, equals in random order (SEED); what is not preferred over ourselves
 * (OWN) is dropped.  Returns how many are left; *ret_is_loop: none, because all lead to ourselves.
 */
size_t deliver_targets_sort(
	struct deliver_mx *mx, size_t count, const char *own, uint64_t seed, bool *ret_is_loop);

/* RFC 7505: a single MX of "." says that the domain takes no mail. */
bool deliver_targets_is_null_mx(const struct deliver_mx *mx, size_t count);

/* Same host name, case and a final dot aside. */
bool deliver_targets_same_host(const char *a, const char *b);

struct deliver_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
	} to;
	socklen_t size;
	char text[128]; /* "192.0.2.1", "2001:db8::1", "unix:/path" */
	uint16_t port;	/* 0: Unix */
};

/* rdata of A (4 bytes) or AAAA (16 bytes); false otherwise. */
bool deliver_targets_address(struct str rdata, uint16_t port, struct deliver_address *ret);
/* "192.0.2.1", "2001:db8::1", "IPv6:2001:db8::1"; false when it is a name. */
bool deliver_targets_literal(struct str text, uint16_t port, struct deliver_address *ret);
bool deliver_targets_unix(const char *path, struct deliver_address *ret);

/* One list out of both families, taking turns, IPv6 first; at most DELIVER_MAX_ADDRESSES. */
size_t deliver_targets_alternate(const struct deliver_address *v6, size_t v6_count,
	const struct deliver_address *v4, size_t v4_count, struct deliver_address *ret);

#endif
