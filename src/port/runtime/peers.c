#include "port/runtime/peers.h"

#include "port/log/log.h"

#include <stdlib.h>
#include <unistd.h>

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct runtime_peer *peer = context;

	(void)ipc;
	peer->all->handlers->message(peer->all->owner, peer, type, record);
}

static void on_closed(void *context, struct ipc *ipc)
{
	struct runtime_peer *peer = context;
	struct runtime_peers *all = peer->all;

	(void)ipc;
	runtime_peer_drop(peer);
	if (all->handlers->closed != NULL)
		all->handlers->closed(all->owner);
}

static const struct ipc_handlers channel = {.message = on_message, .closed = on_closed};

void runtime_peers_init(struct runtime_peers *peers, enum runtime_role role,
	struct event_base *base, const struct runtime_peers_handlers *handlers, void *owner)
{
	*peers = (struct runtime_peers){
		.role = role, .base = base, .handlers = handlers, .owner = owner};
	LIST_INIT(&peers->list);
}

void runtime_peers_add(struct runtime_peers *peers, enum runtime_role role, unsigned index, int fd)
{
	struct runtime_peer *peer, *next;

	if ((runtime_table[peers->role].peers & (1u << role)) == 0) {
		close(fd);
		return;
	}
	for (peer = LIST_FIRST(&peers->list); peer != NULL; peer = next) {
		next = LIST_NEXT(peer, links);
		if (peer->role == role && peer->index == index)
			runtime_peer_drop(peer);
	}
	peer = mem_new(sizeof(*peer));
	peer->all = peers;
	peer->role = role;
	peer->index = index;
	LIST_INSERT_HEAD(&peers->list, peer, links);
	peer->ipc = ipc_new(peers->base, fd, &channel, peer);
}

void runtime_peers_clear(struct runtime_peers *peers)
{
	struct runtime_peer *peer, *next;

	for (peer = LIST_FIRST(&peers->list); peer != NULL; peer = next) {
		next = LIST_NEXT(peer, links);
		runtime_peer_drop(peer);
	}
}

void runtime_peer_drop(struct runtime_peer *peer)
{
	struct runtime_peers *all = peer->all;

	if (all->handlers->forget != NULL)
		all->handlers->forget(all->owner, peer);
	LIST_REMOVE(peer, links);
	ipc_free(&peer->ipc);
	free(peer);
}

void runtime_peer_complain(struct runtime_peer *peer, const char *reason)
{
	peer->all->complaints++;
	if (peer->has_complained)
		return;
	peer->has_complained = true;
	log_event(LOG_WARNING_LEVEL, peer->all->handlers->complaint,
		LOG_TEXT("peer", runtime_table[peer->role].name), LOG_NUMBER("index", peer->index),
		LOG_TEXT("reason", reason));
}

bool runtime_peer_send(struct runtime_peer *peer, enum wire_type type, const void *record)
{
	if (ipc_send(peer->ipc, type, record))
		return true;
	runtime_peer_complain(peer, "answers are not read");
	runtime_peer_drop(peer);
	return false;
}
