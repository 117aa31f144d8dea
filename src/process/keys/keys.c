#include "process/keys/keys.h"
#include "port/log/log.h"
#include "port/runtime/peers.h"
#include "process/keys/ring.h"

#include <stdlib.h>

struct keys {
	struct runtime *runtime;
	struct keys_ring *ring;
	struct runtime_peers peers;
	int64_t signed_count;
};

static void on_message(
	void *owner, struct runtime_peer *peer, enum wire_type type, const void *record)
{
	struct keys *keys = owner;
	const struct wire_sign *request = record;
	struct wire_signed answer = {0};
	unsigned char signature[KEYS_SIGNATURE_MAX];
	size_t length = 0;

	if (type != WIRE_SIGN) {
		runtime_peer_complain(peer, "a message that is not for this process");
		runtime_peer_drop(peer);
		return;
	}
	answer.tag = request->tag;
	answer.error = keys_ring_sign(keys->ring, request, signature, &length);
	if (answer.error == ERR_OK)
		keys->signed_count++;
	else
		runtime_peer_complain(peer, err_text((enum err)answer.error));
	answer.signature = str_make(signature, length);
	runtime_peer_send(peer, WIRE_SIGNED, &answer);
}

static const struct runtime_peers_handlers handlers = {
	.message = on_message, .complaint = "keys.refused"};

static void *create(struct runtime *runtime)
{
	struct keys *keys = mem_new(sizeof(*keys));

	keys->runtime = runtime;
	runtime_peers_init(&keys->peers, RUNTIME_KEYS, runtime_base(runtime), &handlers, keys);
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

	runtime_peers_add(&keys->peers, role, index, fd);
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
		(json_int_t)keys->peers.complaints);
}

static void destroy(void *self)
{
	struct keys *keys = self;

	runtime_peers_clear(&keys->peers);
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
