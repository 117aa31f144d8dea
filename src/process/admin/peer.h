/*
 * Inside process/admin: connections that the web process passes on (RUN/web.sock).
 *
 * The first request of each is the web process's own, and says who is at the other end:
 *
 *     POST /-/peer    X-Peer: 192.0.2.1    X-Tls: TLSv1.3    -> 204
 *
 * All that follow are that one's.  A connection that begins with anything else is closed.  On
 * admin.sock there is nothing of this.
 */
#ifndef SEALPOST_PROCESS_ADMIN_PEER_H
#define SEALPOST_PROCESS_ADMIN_PEER_H

#include "process/admin/call.h"

enum { ADMIN_PEERS_MAX = 600 }; /* connections at once; the web process allows itself fewer */

struct admin_peer {
	char address[64]; /* IPv4 or IPv6, as text */
	char tls[16];	  /* "TLSv1.3" */
};

/* Who is at the other end; NULL: this connection came by admin.sock.  Good until the connection
 * ends. */
const struct admin_peer *admin_peer_of(const struct evhttp_connection *connection);

/* evhttp's callback for every request on web.sock. */
void admin_peer_on_request(struct evhttp_request *request, void *admin);

/* Nobody waits for the end of CONNECTION any more: in place of evhttp_connection_set_closecb() with
 * NULL, which would take from this file what it has to know. */
void admin_peer_watch(struct evhttp_connection *connection);
/* For who has set a callback of his own: CONNECTION ends. */
void admin_peer_gone(const struct evhttp_connection *connection);

#endif
