#include "process/keys/keys.h"
#include "port/log/log.h"
#include "process/keys/ring.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

struct peer {
	LIST_ENTRY(peer) links;
	struct keys *keys;
	enum runtime_role role;
	unsigned index;
	struct ipc *ipc;
	bool has_complained; /* one line per channel is enough */
};

struct keys {
	struct runtime *runtime;
	struct keys_ring *ring;
	LIST_HEAD(peers, peer) peers;
	int64_t signed_count, refused_count;
};

static void drop_peer(struct peer *peer)
{
	LIST_REMOVE(peer, links);
	ipc_free(&peer->ipc);
	free(peer);
}

static void on_closed(void *context, struct ipc *ipc)
{
	(void)ipc;
	drop_peer(context);
}

static void complain(struct peer *peer, const char *reason)
{
	peer->keys->refused_count++;
	if (peer->has_complained)
		return;
	peer->has_complained = true;
	log_event(LOG_WARNING_LEVEL, "keys.refused",
		LOG_TEXT("peer", runtime_table[peer->role].name), LOG_NUMBER("index", peer->index),
		LOG_TEXT("reason", reason));
}

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct peer *peer = context;
	const struct wire_sign *request = record;
	struct wire_signed answer = {0};
	unsigned char signature[KEYS_SIGNATURE_MAX];
	size_t length = 0;

	if (type != WIRE_SIGN) {
		complain(peer, "a message that is not for this process");
		drop_peer(peer);
		return;
	}
	answer.tag = request->tag;
	answer.error = keys_ring_sign(peer->keys->ring, request, signature, &length);
	if (answer.error == ERR_OK)
		peer->keys->signed_count++;
	else
		complain(peer, err_text((enum err)answer.error));
	answer.signature = str_make(signature, length);
	/* Who asks and never reads would fill our memory. */
	if (!ipc_send(ipc, WIRE_SIGNED, &answer)) {
		complain(peer, "answers are not read");
		drop_peer(peer);
	}
}

static const struct ipc_handlers handlers = {.message = on_message, .closed = on_closed};

static void *create(struct runtime *runtime)
{
	struct keys *keys = mem_new(sizeof(*keys));

	keys->runtime = runtime;
	LIST_INIT(&keys->peers);
	keys_ring_prepare();
	return keys;
}

static enum err apply(void *self, const struct runtime_settings *settings, struct err_info *info)
{
	struct keys *keys = self;
	struct keys_ring *ring = NULL;
	enum err e;

	e = keys_ring_new(settings->certificates, settings->certificate_count, &ring, info);
	if (e != ERR_OK)
		return e;
	keys_ring_free(&keys->ring);
	keys->ring = ring;
	log_event(LOG_INFO_LEVEL, "keys.loaded",
		LOG_NUMBER("certificates", (int64_t)settings->certificate_count),
		LOG_NUMBER("keys", (int64_t)keys_ring_count(ring)));
	return ERR_OK;
}

static void add_peer(void *self, enum runtime_role role, unsigned index, int fd)
{
	struct keys *keys = self;
	struct peer *peer, *next;

	if ((runtime_table[RUNTIME_KEYS].peers & (1u << role)) == 0) {
		close(fd);
		return;
	}
	for (peer = LIST_FIRST(&keys->peers); peer != NULL; peer = next) {
		next = LIST_NEXT(peer, links);
		if (peer->role == role && peer->index == index)
			drop_peer(peer);
	}
	peer = mem_new(sizeof(*peer));
	peer->keys = keys;
	peer->role = role;
	peer->index = index;
	LIST_INSERT_HEAD(&keys->peers, peer, links);
	peer->ipc = ipc_new(runtime_base(keys->runtime), fd, &handlers, peer);
}

static void start(void *self)
{
	(void)self;
}

/* Handshakes under way still need signatures; there is nothing of our own to wait for. */
static void drain(void *self)
{
	struct keys *keys = self;

	runtime_drained(keys->runtime);
}

static json_t *stats(void *self)
{
	const struct keys *keys = self;

	return json_pack("{s:I, s:I, s:I}", "keys", (json_int_t)keys_ring_count(keys->ring),
		"signatures", (json_int_t)keys->signed_count, "refused",
		(json_int_t)keys->refused_count);
}

static void destroy(void *self)
{
	struct keys *keys = self;
	struct peer *peer, *next;

	for (peer = LIST_FIRST(&keys->peers); peer != NULL; peer = next) {
		next = LIST_NEXT(peer, links);
		drop_peer(peer);
	}
	keys_ring_free(&keys->ring);
	free(keys);
}

const struct runtime_process keys_process = {
	.role = RUNTIME_KEYS,
	.create = create,
	.apply = apply,
	.peer = add_peer,
	.start = start,
	.drain = drain,
	.stats = stats,
	.destroy = destroy,
};
