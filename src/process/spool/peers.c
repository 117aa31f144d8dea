#include "port/log/log.h"
#include "process/spool/state.h"

#include <stdlib.h>
#include <unistd.h>

static void on_ready(struct spool_peer *peer, const struct wire_credit *credit)
{
	peer->slots = credit->amount < 0		 ? 0
		      : credit->amount > SPOOL_SLOTS_MAX ? SPOOL_SLOTS_MAX
							 : credit->amount;
	peer->reported = true;
	spool_wake(peer->spool);
}

static void on_receive(struct spool_peer *peer, enum wire_type type, const void *record)
{
	if (type == WIRE_ACCEPT_DATA)
		spool_intake_data(peer, record);
	else if (type == WIRE_ACCEPT_COMMIT)
		spool_intake_commit(peer, record);
	else if (type == WIRE_ACCEPT_ABORT)
		spool_intake_abort(peer, ((const struct wire_id *)record)->id);
	else if (type == WIRE_EVENT)
		spool_intake_event(peer->spool, record);
	else if (type == WIRE_REFUSED)
		spool_refusal_learn(peer, record);
	else if (type == WIRE_LEFT)
		spool_refusal_left(peer, record);
	else if (type == WIRE_CHAIN)
		spool_chain_seen(peer->spool, record);
}

static void on_deliver(struct spool_peer *peer, enum wire_type type, const void *record)
{
	if (type == WIRE_READY)
		on_ready(peer, record);
	else if (type == WIRE_BODY_GET)
		spool_job_body(peer, record);
	else if (type == WIRE_OUTCOME)
		spool_job_outcome(peer, record);
	else if (type == WIRE_HOST)
		spool_host_learn(peer, record);
	else if (type == WIRE_REFUSED)
		spool_refusal_learn(peer, record);
	else if (type == WIRE_CHAIN)
		spool_chain_seen(peer->spool, record);
}

/* A type that this peer has no business with is passed over: it can do no harm. */
static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct spool_peer *peer = context;

	(void)ipc;
	if (peer->role == RUNTIME_RECEIVE)
		on_receive(peer, type, record);
	else if (peer->role == RUNTIME_DELIVER)
		on_deliver(peer, type, record);
	else if (peer->role == RUNTIME_LOOKUP && type == WIRE_POSTED)
		spool_webhook_posted(peer->spool, record);
	else if (peer->role == RUNTIME_ADMIN && type == WIRE_MANAGE)
		spool_manage(peer, record);
}

static void on_closed(void *context, struct ipc *ipc)
{
	struct spool_peer *peer = context;

	(void)ipc;
	log_event(LOG_INFO_LEVEL, "spool.peer-gone",
		LOG_TEXT("role", runtime_table[peer->role].name), LOG_NUMBER("index", peer->index));
	spool_peer_remove(peer);
}

static const struct ipc_handlers handlers = {.message = on_message, .closed = on_closed};

struct spool_peer *spool_peer_add(
	struct spool *spool, enum runtime_role role, unsigned index, int fd)
{
	struct spool_peer *peer = spool->peers, *next;

	/* An older channel to the same process is dead. */
	for (; peer != NULL; peer = next) {
		next = peer->next;
		if (peer->role == role && peer->index == index)
			spool_peer_remove(peer);
	}
	peer = mem_new(sizeof(*peer));
	peer->spool = spool;
	peer->role = role;
	peer->index = index;
	peer->serial = ++spool->serial;
	if (role == RUNTIME_RECEIVE)
		peer->intakes = map_new(0);
	peer->fd = fd;
	peer->next = spool->peers;
	spool->peers = peer;
	if (spool->configured)
		spool_peer_open(peer);
	return peer;
}

struct spool_peer *spool_peer_find(struct spool *spool, int64_t serial)
{
	struct spool_peer *peer = spool->peers;

	while (peer != NULL && peer->serial != serial)
		peer = peer->next;
	return peer;
}

void spool_peer_remove(struct spool_peer *peer)
{
	struct spool_peer **place = &peer->spool->peers;

	while (*place != peer)
		place = &(*place)->next;
	*place = peer->next;
	if (peer->intakes != NULL)
		spool_intake_abort_all(peer);
	map_free(&peer->intakes);
	if (peer->role == RUNTIME_DELIVER) {
		spool_jobs_lost(peer);
		spool_orphans_lost(peer);
	}
	if (peer->role == RUNTIME_LOOKUP)
		spool_webhook_lost(peer->spool);
	if (peer->ipc == NULL)
		close(peer->fd);
	ipc_free(&peer->ipc);
	free(peer);
}

void spool_broadcast(
	struct spool *spool, enum runtime_role role, enum wire_type type, const void *record)
{
	for (struct spool_peer *peer = spool->peers; peer != NULL; peer = peer->next)
		if (peer->role == role && peer->ipc != NULL)
			ipc_send(peer->ipc, type, record);
}

void spool_peer_open(struct spool_peer *peer)
{
	struct wire_intake intake = {
		.open = peer->spool->intake_open, .reason = peer->spool->intake_reason};

	peer->ipc = ipc_new(peer->spool->base, peer->fd, &handlers, peer);
	spool_config_send(peer);
	if (peer->role == RUNTIME_RECEIVE)
		ipc_send(peer->ipc, WIRE_INTAKE, &intake);
	if (peer->role == RUNTIME_DELIVER)
		spool_hosts_send(peer);
	spool_refusals_send(peer);
}
