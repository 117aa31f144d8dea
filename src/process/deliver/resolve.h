/* Names to hosts and addresses, with the classes of failure that delivery needs. */
#ifndef SEALPOST_PROCESS_DELIVER_RESOLVE_H
#define SEALPOST_PROCESS_DELIVER_RESOLVE_H

#include "port/dns/dns.h"
#include "process/deliver/targets.h"

enum deliver_resolve_status {
	DELIVER_RESOLVE_OK,
	DELIVER_RESOLVE_NONE,	  /* the name exists, records of this type do not */
	DELIVER_RESOLVE_NXDOMAIN, /* the name does not exist */
	DELIVER_RESOLVE_LATER,	  /* no answer, or one that cannot be trusted */
};

enum { DELIVER_RESOLVE_MX = 64 }; /* MX records looked at */

struct deliver_resolve_answer {
	enum deliver_resolve_status status;
	char why[256]; /* LATER: words */
	struct deliver_mx mx[DELIVER_RESOLVE_MX];
	size_t mx_count;
	struct deliver_address addresses[DELIVER_MAX_ADDRESSES];
	size_t address_count;
};

struct deliver_resolve;

/* Called once, from the loop; ANSWER lives until it returns; the question is freed by then. */
typedef void deliver_resolve_done(void *context, const struct deliver_resolve_answer *answer);

struct deliver_resolve *deliver_resolve_mx(
	struct dns *dns, const char *domain, deliver_resolve_done *done, void *context);
/* AAAA and A together. LATER only if neither gave addresses and one of them failed. */
struct deliver_resolve *deliver_resolve_host(struct dns *dns, const char *host, uint16_t port,
	deliver_resolve_done *done, void *context);
/* NULL is fine; leaves NULL.  Nothing is called afterwards. */
void deliver_resolve_cancel(struct deliver_resolve **resolve);

#endif
