/*
 * The channels of a process that answers others: one for each peer, a new one in place of the old
 * when the peer was started again.
 */
#ifndef SEALPOST_PORT_RUNTIME_PEERS_H
#define SEALPOST_PORT_RUNTIME_PEERS_H

#include "port/ipc/ipc.h"
#include "port/runtime/table.h"

#include <sys/queue.h>

struct runtime_peers;

struct runtime_peer {
	LIST_ENTRY(runtime_peer) links;
	struct runtime_peers *all;
	enum runtime_role role;
	unsigned index;
	struct ipc *ipc;
	bool has_complained;
};

struct runtime_peers_handlers {
	/* As in struct ipc_handlers.  May drop PEER. */
	void (*message)(
		void *owner, struct runtime_peer *peer, enum wire_type type, const void *record);
	/* PEER is about to be forgotten; NULL: nothing depends on it. */
	void (*forget)(void *owner, struct runtime_peer *peer);
	/* PEER has hung up and is forgotten; NULL: nothing to do. */
	void (*closed)(void *owner);
	const char *complaint; /* name of the log event */
};

struct runtime_peers {
	enum runtime_role role; /* of this process: says who may be its peer */
	struct event_base *base;
	const struct runtime_peers_handlers *handlers;
	void *owner;
	int64_t complaints;
	LIST_HEAD(runtime_peer_list, runtime_peer) list;
};

/* HANDLERS must outlive PEERS. */
void runtime_peers_init(struct runtime_peers *peers, enum runtime_role role,
	struct event_base *base, const struct runtime_peers_handlers *handlers, void *owner);
/* Takes FD; closes it when ROLE is no peer of this process. */
void runtime_peers_add(struct runtime_peers *peers, enum runtime_role role, unsigned index, int fd);
void runtime_peers_clear(struct runtime_peers *peers);

/* Close the channel and free PEER. */
void runtime_peer_drop(struct runtime_peer *peer);
/* Count a complaint; one log line for each channel is enough. */
void runtime_peer_complain(struct runtime_peer *peer, const char *reason);
/* Answer.  A peer that asks and never reads would fill our memory: it is complained of and dropped,
 * and false is returned. */
bool runtime_peer_send(struct runtime_peer *peer, enum wire_type type, const void *record);

#endif
