/* From a route to its hosts, and from a connection to the facts that policy judges: what tasks and
 * probes share. */
#ifndef SEALPOST_PROCESS_DELIVER_WAY_H
#define SEALPOST_PROCESS_DELIVER_WAY_H

#include "process/deliver/inside.h"

struct deliver_target {
	const char *host; /* name, address, or path of a socket */
	uint16_t port;
	bool is_unix;
};

/* The hosts that a route names; what cannot be read as one is left out.  Returns how many. */
size_t deliver_way_named(const struct deliver *self, const struct policy_outbound *route,
	struct arena *arena, struct deliver_target targets[DELIVER_MAX_HOSTS]);
/* The hosts of an MX answer in the order in which they are tried; *ret_is_loop: all lead here. */
size_t deliver_way_mx(const struct deliver *self, const struct deliver_resolve_answer *answer,
	struct arena *arena, struct deliver_target targets[DELIVER_MAX_HOSTS], bool *ret_is_loop);

/* Options of a connection for a route; key, cache key and attempt are left to the caller. */
struct deliver_link_options deliver_way_options(const struct deliver *self,
	const struct policy_outbound *route, const struct deliver_target *target,
	const struct deliver_address *address);

/* Facts for policy about a connection as it stands; HOST is the name that was connected to. */
void deliver_way_hop(struct deliver *self, const struct policy_outbound *route,
	struct deliver_link *link, const char *host, struct arena *arena, struct policy_hop *ret);

#endif
