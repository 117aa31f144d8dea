#include "process/keys/keys.h"
#include "port/log/log.h"
#include "port/runtime/peers.h"
#include "port/tls/keypair.h"
#include "process/keys/workers.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECRET_MAX = 4096 /* bytes of a file with a secret */ };

struct keys {
	struct runtime *runtime;
	struct keys_ring *ring;
	struct keys_token *token;     /* NULL: there is none */
	char *module;		      /* what token is */
	struct keys_workers *workers; /* NULL: no token, or not started yet */
	struct runtime_peers peers;
	int64_t signed_count;
};

/* ---- signing ----------------------------------------------------------------------------------
 */

static void answer(struct keys *keys, struct runtime_peer *peer, int64_t tag, enum err error,
	struct str signature)
{
	const struct wire_signed record = {.tag = tag, .error = error, .signature = signature};

	if (error == ERR_OK)
		keys->signed_count++;
	else
		runtime_peer_complain(peer, err_text(error));
	runtime_peer_send(peer, WIRE_SIGNED, &record);
}

static void on_signed(void *owner, struct keys_job *job)
{
	struct keys *keys = owner;

	/* Sessions with a token end with it, and are made at the start of this process.  Who asked,
	 * asks the next one again. */
	if (job->error == ERR_UNAVAILABLE)
		runtime_fail(keys->runtime, "keys.token_lost",
			"the token, or the session with it, is gone");
	if (job->peer != NULL)
		answer(keys, job->peer, job->tag, job->error,
			str_make(job->signature, job->length));
}

/* The token answers later. */
static enum err hand_on(
	struct keys *keys, struct runtime_peer *peer, int64_t tag, const struct keys_order *order)
{
	struct keys_job *job;
	enum err e;

	if (keys->workers == NULL)
		return ERR_UNAVAILABLE;
	job = mem_new(sizeof(*job));
	job->order = *order;
	job->peer = peer;
	job->tag = tag;
	e = keys_workers_put(keys->workers, job);
	if (e != ERR_OK)
		free(job);
	return e;
}

static void on_message(
	void *owner, struct runtime_peer *peer, enum wire_type type, const void *record)
{
	struct keys *keys = owner;
	const struct wire_sign *request = record;
	unsigned char signature[KEYS_SIGNATURE_MAX];
	struct keys_order order;
	size_t length = 0;
	enum err e;

	if (type != WIRE_SIGN) {
		runtime_peer_complain(peer, "a message that is not for this process");
		runtime_peer_drop(peer);
		return;
	}
	e = keys_ring_order(keys->ring, request, &order);
	if (e == ERR_OK && order.is_in_token) {
		e = hand_on(keys, peer, request->tag, &order);
		if (e == ERR_OK)
			return;
		keys_order_clear(&order);
	} else if (e == ERR_OK) {
		e = keys_order_sign(&order, signature, &length);
		keys_order_clear(&order);
	}
	answer(keys, peer, request->tag, e, str_make(signature, length));
}

static void on_forget(void *owner, struct runtime_peer *peer)
{
	struct keys *keys = owner;

	if (keys->workers != NULL)
		keys_workers_forget(keys->workers, peer);
}

static const struct runtime_peers_handlers handlers = {
	.message = on_message, .forget = on_forget, .complaint = "keys.refused"};

static void *create(struct runtime *runtime)
{
	struct keys *keys = mem_new(sizeof(*keys));

	keys->runtime = runtime;
	runtime_peers_init(&keys->peers, RUNTIME_KEYS, runtime_base(runtime), &handlers, keys);
	keys_ring_prepare();
	return keys;
}

/* ---- settings ---------------------------------------------------------------------------------
 */

/* The first line of a file, in secure memory of SECRET_MAX bytes at TEXT. */
static enum err read_secret(
	int fd, const char *what, char *text, struct str *ret, struct err_info *info)
{
	struct err_info why = {.text = ""};
	size_t length = 0;
	ssize_t count = 0;

	if (fd < 0)
		return ERR_OK;
	while (length < SECRET_MAX &&
		((count = pread(fd, text + length, SECRET_MAX - length, (off_t)length)) > 0 ||
			(count < 0 && errno == EINTR)))
		length += count > 0 ? (size_t)count : 0;
	if (count < 0)
		return err_set(info, err_from_errno(errno), "%s: %s", what, strerror(errno));
	if (tls_keypair_passphrase(str_make(text, length), ret, &why) != ERR_OK)
		return err_set(info, why.code, "%s: %s", what, why.text);
	return ERR_OK;
}

/* The module is loaded once: the sandbox lets no code in later. */
static enum err load_module(struct keys *keys, const struct model_node *node, struct err_info *info)
{
	const char *module = node->keys.pkcs11_module;
	enum err e;

	if (keys->token != NULL) {
		if (module == NULL || strcmp(module, keys->module) != 0)
			log_event(LOG_WARNING_LEVEL, "reload.needs_restart",
				LOG_TEXT("setting", "keys.pkcs11_module"));
		return ERR_OK;
	}
	if (module == NULL || keys->ring != NULL)
		return ERR_OK; /* the ring says so where it is missed */
	e = keys_token_new(module, &keys->token, info);
	if (e == ERR_OK)
		keys->module = mem_text(module);
	return e;
}

static enum err make_ring(struct keys *keys, const struct runtime_settings *settings,
	char *secrets[RUNTIME_SECRET_MAX], struct keys_ring **ret, struct err_info *info)
{
	struct keys_ring_source source = {.certificates = settings->certificates,
		.count = settings->certificate_count,
		.token = keys->token,
		.previous = keys->ring};
	enum err e = read_secret(settings->secret_fds[RUNTIME_SECRET_PASSPHRASE], "keys.passphrase",
		secrets[RUNTIME_SECRET_PASSPHRASE], &source.passphrase, info);

	if (e == ERR_OK)
		e = read_secret(settings->secret_fds[RUNTIME_SECRET_PIN], "keys.pkcs11_pin",
			secrets[RUNTIME_SECRET_PIN], &source.pin, info);
	if (e != ERR_OK)
		return e;
	e = keys_workers_pause(keys->workers);
	if (e == ERR_OK)
		e = keys_ring_new(&source, ret, info);
	else
		err_set(info, e, "the token has not answered for %d s: try again", KEYS_PAUSE_S);
	keys_workers_resume(keys->workers);
	return e;
}

static enum err apply(void *self, const struct runtime_settings *settings, struct err_info *info)
{
	struct keys *keys = self;
	struct keys_ring *ring = NULL;
	char *secrets[RUNTIME_SECRET_MAX];
	bool has_memory = true;
	enum err e = load_module(keys, settings->node, info);

	for (size_t i = 0; i < RUNTIME_SECRET_MAX; i++) {
		secrets[i] = OPENSSL_secure_zalloc(SECRET_MAX);
		has_memory = has_memory && secrets[i] != NULL;
	}
	if (e == ERR_OK && !has_memory)
		e = err_set(info, ERR_FULL, "no secure memory is left");
	if (e == ERR_OK)
		e = make_ring(keys, settings, secrets, &ring, info);
	for (size_t i = 0; i < RUNTIME_SECRET_MAX; i++)
		OPENSSL_secure_clear_free(secrets[i], SECRET_MAX);
	if (e != ERR_OK)
		return e;
	keys_ring_free(&keys->ring);
	keys->ring = ring;
	log_event(LOG_INFO_LEVEL, "keys.loaded",
		LOG_NUMBER("certificates", (int64_t)settings->certificate_count),
		LOG_NUMBER("keys", (int64_t)keys_ring_count(ring)),
		LOG_NUMBER("in_token", (int64_t)keys_ring_token_count(ring)));
	return ERR_OK;
}

static void add_peer(void *self, enum runtime_role role, unsigned index, int fd)
{
	struct keys *keys = self;

	runtime_peers_add(&keys->peers, role, index, fd);
}

static void start(void *self)
{
	struct keys *keys = self;
	struct err_info info = {.text = ""};

	if (keys->token != NULL && keys_workers_new(runtime_base(keys->runtime), on_signed, keys,
					   &keys->workers, &info) != ERR_OK)
		runtime_fail(keys->runtime, "keys.no_threads", info.text);
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

	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "keys",
		(json_int_t)keys_ring_count(keys->ring), "in_token",
		(json_int_t)keys_ring_token_count(keys->ring), "signing",
		(json_int_t)(keys->workers != NULL ? keys_workers_count(keys->workers) : 0),
		"signatures", (json_int_t)keys->signed_count, "refused",
		(json_int_t)keys->peers.complaints);
}

static void destroy(void *self)
{
	struct keys *keys = self;

	runtime_peers_clear(&keys->peers);
	keys_workers_free(&keys->workers);
	keys_ring_free(&keys->ring);
	keys_token_free(&keys->token);
	free(keys->module);
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
