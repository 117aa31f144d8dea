/* Internal to port/dns: what every backend is made of. */
#ifndef SEALPOST_PORT_DNS_BACKEND_H
#define SEALPOST_PORT_DNS_BACKEND_H

#include "port/dns/dns.h"

#include <sys/queue.h>

struct dns_backend {
	/* Begin: sooner or later dns_answer() or dns_fail(), from the loop. */
	void (*ask)(struct dns *dns, struct dns_query *query);
	/* The query is about to be freed. */
	void (*cancel)(struct dns *dns, struct dns_query *query);
	void (*free)(struct dns *dns);
};

/* First member of every backend's struct. */
struct dns {
	const struct dns_backend *backend;
	struct event_base *base;
	LIST_HEAD(dns_queries, dns_query) queries;
};

struct dns_query {
	LIST_ENTRY(dns_query) links;
	struct dns *dns;
	char *name;
	int type;
	dns_done *done;
	void *context;
	struct event *later; /* tells the outcome from the loop; or the time is up */
	const char *why;     /* static; of the failure to be told */
	int64_t tag;	     /* the backend's own */
	void *own;	     /* the backend's own */
};

void dns_init(struct dns *dns, const struct dns_backend *backend, struct event_base *base);
/* Hand out the answer and free the query; whoever is told may cancel and ask others. */
void dns_answer(struct dns_query *query, const struct wire_dns_answer *answer);
/* The same with WIRE_DNS_FAILED, from the next turn of the loop.  WHY is static. */
void dns_fail_later(struct dns_query *query, const char *why);
/* The same when TIMEOUT_MS have passed without an answer. */
void dns_fail_after(struct dns_query *query, int64_t timeout_ms, const char *why);

#endif
