/*
 * Whether everything is there that certificates need: endpoints that can be reached, roots that are
 * trusted; and what TLS is offered to whom.
 *
 * A check of endpoints collects chains: own ones, those given, those that hosts present when they
 * are looked at (WIRE_SURVEY), those that partners have presented of late.  Then it has each
 * address that stands in them tried out by `lookup` (WIRE_ENDPOINT_ASK): that is the process that
 * will have to fetch it.  A few at a time; each answer is a line of the reply, as it comes.
 */
#ifndef SEALPOST_PROCESS_ADMIN_CHECK_H
#define SEALPOST_PROCESS_ADMIN_CHECK_H

#include "core/cert/endpoints.h"
#include "port/tls/path.h"
#include "process/admin/call.h"

enum {
	ADMIN_CHECK_CHAINS = 2000,    /* in one check */
	ADMIN_CHECK_ENDPOINTS = 2000, /* different ones */
	ADMIN_CHECK_HOSTS = 500,      /* that are looked at */
	ADMIN_CHECK_SURVEYS = 4,      /* under way at once */
	ADMIN_CHECK_FETCHES = 8,
	ADMIN_CHECK_PAGES = 40, /* of partners' chains */
	ADMIN_CHECK_S = 360,	/* then what is left is told as not done */
};

/* A host to look at. */
struct admin_check_host {
	struct wire_survey wire;
	struct admin_deliver *deliver; /* NULL: not asked, or it is over */
	bool is_begun;
};

/* An address to try out. */
struct admin_check_endpoint {
	struct wire_endpoint_ask wire;
	const char *subject;	  /* of the certificate that names it; NULL: given as such */
	struct record_texts used; /* the chains it stands in */
	bool is_begun, is_over;
};

/* One check; everything in the call's arena but the stores. */
struct admin_check {
	struct tls_store **stores; /* the system's, then those of connectors and organisations */
	size_t store_count;
	size_t chains;
	struct admin_check_host *hosts;
	size_t host_count, host_at, hosts_running;
	struct admin_check_endpoint *endpoints;
	size_t endpoint_count, endpoint_at, endpoints_running;
	struct cert_places places; /* to be allowed by a firewall */
	size_t failed, good, pages;
	bool wants_chains, only_connectors, is_collected, is_cut;
};

/* ---- what is collected (check.c) ------------------------------------------------------------- */

struct admin_check *admin_check_new(struct admin_call *call);
/* With the call: stops what is under way. */
void admin_check_clear(struct admin_call *call);
/* A chain that stands for NAME; false: it cannot be read, and INFO says why. */
bool admin_check_add_chain(
	struct admin_call *call, const char *name, struct str pem, struct err_info *info);
/* An address as such; CERTIFICATE and ISSUER may be empty. */
void admin_check_add_url(
	struct admin_call *call, const char *name, const struct wire_endpoint_ask *ask);
/* "host", "host:port", "smtps://host", "https://host:port"; false: it is none. */
bool admin_check_add_host(struct admin_call *call, const char *text);
/* The hosts to which the connectors send mail. */
void admin_check_add_connectors(struct admin_call *call);
void admin_check_add_own(struct admin_call *call);
/* The trust store by which the peers of a connector are judged; an index into stores, 0 the
 * system's.  CONNECTOR may be NULL. */
size_t admin_check_store_of(
	const struct admin_call *call, const char *organisation, const char *connector);

/* ---- the channels ---------------------------------------------------------------------------- */

void admin_check_surveyed(struct admin *admin, const struct wire_surveyed *surveyed);
void admin_check_deliver_gone(struct admin *admin, const struct admin_deliver *deliver);
void admin_check_lookup_came(struct admin *admin, int fd);

/* ---- handlers -------------------------------------------------------------------------------- */

void admin_check_endpoints(struct admin_call *call);
void admin_get_tls(struct admin_call *call);
void admin_check_roots(struct admin_call *call);

#endif
