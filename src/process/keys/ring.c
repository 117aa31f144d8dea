#include "process/keys/ring.h"
#include "base/map.h"
#include "port/tls/keypair.h"
#include "port/tls/pem.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEY_ID = 32, SEAL_ID = 32 };

struct entry {
	EVP_PKEY *key;
	bool is_in_token;
	bool is_sealed;
	unsigned char seal[SEAL_ID]; /* of an encrypted key: which file, with which passphrase */
};

struct keys_ring {
	struct map *entries; /* KEY_ID bytes -> struct entry */
	size_t token_count;
};

static void free_entry(struct entry **entry)
{
	if (*entry != NULL)
		EVP_PKEY_free((*entry)->key);
	free(*entry);
	*entry = NULL;
}

void keys_ring_prepare(void)
{
	/* The library reads its configuration when first used; later there are no files. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
	/* Refused only where locking is; the keys are then in ordinary memory of a process that
	 * cannot be dumped. */
	(void)CRYPTO_secure_malloc_init(KEYS_SECURE_HEAP, 32);
	ERR_clear_error();
}

/* ---- signing --------------------------------------------------------------------------------- */

struct keys_scheme {
	const char *name;
	const char *key;
	int padding; /* 0: none */
};

static const struct keys_scheme schemes[] = {
	{"ecdsa", "EC", 0},
	{"rsa-pkcs1", "RSA", RSA_PKCS1_PADDING},
	{"rsa-pss", "RSA", RSA_PKCS1_PSS_PADDING},
};

struct keys_digest {
	const char *name;
	size_t length;
	const EVP_MD *(*get)(void);
};

static const struct keys_digest digests[] = {
	{"SHA256", 32, EVP_sha256},
	{"SHA384", 48, EVP_sha384},
	{"SHA512", 64, EVP_sha512},
};

static const struct keys_scheme *find_scheme(const char *name)
{
	for (size_t i = 0; name != NULL && i < ARRAY_LENGTH(schemes); i++) {
		if (strcmp(schemes[i].name, name) == 0)
			return &schemes[i];
	}
	return NULL;
}

static const struct keys_digest *find_digest(const char *name)
{
	for (size_t i = 0; name != NULL && i < ARRAY_LENGTH(digests); i++) {
		if (strcmp(digests[i].name, name) == 0)
			return &digests[i];
	}
	return NULL;
}

static bool set_up(EVP_PKEY_CTX *context, const struct keys_order *order)
{
	if (order->scheme->padding != 0 &&
		EVP_PKEY_CTX_set_rsa_padding(context, order->scheme->padding) != 1)
		return false;
	if (order->scheme->padding == RSA_PKCS1_PSS_PADDING &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) != 1)
		return false;
	return EVP_PKEY_CTX_set_signature_md(context, order->digest->get()) == 1;
}

enum err keys_ring_order(
	const struct keys_ring *ring, const struct wire_sign *request, struct keys_order *ret)
{
	const struct keys_scheme *scheme = find_scheme(request->scheme);
	const struct keys_digest *digest = find_digest(request->digest);
	const struct entry *entry;

	if (scheme == NULL || digest == NULL || request->data.n != digest->length ||
		request->key.n != KEY_ID)
		return ERR_RANGE;
	entry = map_get(ring->entries, request->key);
	if (entry == NULL)
		return ERR_UNKNOWN;
	if (!EVP_PKEY_is_a(entry->key, scheme->key))
		return ERR_RANGE;
	*ret = (struct keys_order){.key = entry->key,
		.scheme = scheme,
		.digest = digest,
		.length = digest->length,
		.is_in_token = entry->is_in_token};
	memcpy(ret->data, request->data.p, digest->length);
	EVP_PKEY_up_ref(ret->key);
	return ERR_OK;
}

enum err keys_order_sign(
	const struct keys_order *order, unsigned char to[KEYS_SIGNATURE_MAX], size_t *ret_length)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(order->key, NULL);
	size_t length = KEYS_SIGNATURE_MAX;
	bool ok = context != NULL && EVP_PKEY_sign_init(context) == 1 && set_up(context, order) &&
		  EVP_PKEY_sign(context, to, &length, order->data, order->length) == 1;
	bool is_lost = !ok && order->is_in_token && keys_token_is_lost();

	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	if (!ok)
		return is_lost ? ERR_UNAVAILABLE : ERR_INTERNAL;
	*ret_length = length;
	return ERR_OK;
}

void keys_order_clear(struct keys_order *order)
{
	EVP_PKEY_free(order->key);
	order->key = NULL;
}

/* ---- trying a token ---------------------------------------------------------------------------
 */

static bool verifies(const struct keys_order *order, EVP_PKEY *public,
	const unsigned char *signature, size_t length)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(public, NULL);
	bool ok = context != NULL && EVP_PKEY_verify_init(context) == 1 && set_up(context, order) &&
		  EVP_PKEY_verify(context, signature, length, order->data, order->length) == 1;

	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	return ok;
}

/* What a token says it can do and what it does are two things, better told apart now than at the
 * first handshake. */
static enum err try_token(const struct entry *entry, EVP_PKEY *public, struct err_info *info)
{
	for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
		const struct keys_order order = {.key = entry->key,
			.scheme = &schemes[i],
			.digest = &digests[0],
			.data = "sealpost",
			.length = digests[0].length,
			.is_in_token = true};
		unsigned char signature[KEYS_SIGNATURE_MAX];
		size_t length;
		enum err e;

		if (!EVP_PKEY_is_a(entry->key, schemes[i].key))
			continue;
		e = keys_order_sign(&order, signature, &length);
		if (e != ERR_OK)
			return err_set(info, e, "the token makes no signature (%s)%s",
				schemes[i].name,
				schemes[i].padding == RSA_PKCS1_PSS_PADDING
					? "; it must allow CKM_RSA_X_509 for this key"
					: "");
		if (!verifies(&order, public, signature, length))
			return err_set(info, ERR_CERTIFICATE,
				"a signature of the token (%s) is not that of the certificate's "
				"key",
				schemes[i].name);
	}
	return ERR_OK;
}

/* ---- files ----------------------------------------------------------------------------------- */

static enum err read_file(int fd, char *to, size_t *ret_length)
{
	size_t length = 0;
	ssize_t count;

	for (;;) {
		count = pread(fd, to + length, KEYS_FILE_MAX - length, (off_t)length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_from_errno(errno);
		if (count == 0)
			break;
		length += (size_t)count;
		if (length == KEYS_FILE_MAX)
			return ERR_TOO_LONG;
	}
	*ret_length = length;
	return ERR_OK;
}

/* To open an encrypted key takes long on purpose: one that has not changed is taken over. */
static bool seal_id(struct str file, struct str passphrase, unsigned char ret[SEAL_ID])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
		  EVP_DigestUpdate(context, &passphrase.n, sizeof(passphrase.n)) == 1 &&
		  EVP_DigestUpdate(context, passphrase.p, passphrase.n) == 1 &&
		  EVP_DigestUpdate(context, file.p, file.n) == 1 &&
		  EVP_DigestFinal_ex(context, ret, NULL) == 1;

	EVP_MD_CTX_free(context);
	return ok;
}

static enum err parse_key(const struct keys_ring_source *source, struct str pem,
	const unsigned char id[KEY_ID], struct entry *to, struct err_info *info)
{
	const struct entry *before = NULL;

	to->is_sealed = tls_keypair_is_sealed(pem) && seal_id(pem, source->passphrase, to->seal);
	if (to->is_sealed && source->previous != NULL)
		before = map_get(source->previous->entries, str_make(id, KEY_ID));
	if (before != NULL && before->is_sealed &&
		CRYPTO_memcmp(before->seal, to->seal, SEAL_ID) == 0) {
		to->key = before->key;
		EVP_PKEY_up_ref(to->key);
		return ERR_OK;
	}
	return tls_pem_key(pem, source->passphrase, &to->key, info);
}

static enum err load_file(const struct keys_ring_source *source, int fd,
	const unsigned char id[KEY_ID], struct entry *to, struct err_info *info)
{
	size_t length = 0;
	char *text;
	enum err e;

	if (fd < 0)
		return err_set(info, ERR_UNKNOWN, "there is no key file");
	text = OPENSSL_secure_malloc(KEYS_FILE_MAX);
	if (text == NULL)
		return err_set(info, ERR_FULL, "no secure memory is left");
	e = read_file(fd, text, &length);
	if (e != ERR_OK)
		err_set(info, e, "its key file cannot be read: %s", err_text(e));
	else
		e = parse_key(source, str_make(text, length), id, to, info);
	OPENSSL_secure_clear_free(text, KEYS_FILE_MAX);
	if (e == ERR_REFUSED && source->passphrase.n == 0)
		return err_set(info, e,
			"its private key is encrypted; name the file with the passphrase as "
			"keys.passphrase, or store the key without");
	return e;
}

/* ---- tokens -----------------------------------------------------------------------------------
 */

static enum err load_token(const struct keys_ring_source *source, const char *text,
	const X509 *leaf, struct entry *to, struct err_info *info)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct err_info why = {.text = ""};
	struct keys_uri uri;
	enum err e;

	if (source->token == NULL)
		return err_set(info, ERR_UNAVAILABLE,
			"its key is in a token, and keys.pkcs11_module is not set, or was not when "
			"the server started; restart it");
	e = keys_uri_parse(text, arena, &uri, &why);
	if (e == ERR_OK)
		e = keys_token_find(source->token, &uri, source->pin, leaf, &to->key, &why);
	if (e != ERR_OK)
		return err_set(info, e, "%s: %s", text, why.text);
	to->is_in_token = true;
	e = try_token(to, X509_get0_pubkey(leaf), &why);
	return e == ERR_OK ? e : err_set(info, e, "%s: %s", text, why.text);
}

/* ---- the ring ---------------------------------------------------------------------------------
 */

static bool key_id(const X509 *leaf, unsigned char ret[KEY_ID])
{
	unsigned char *der = NULL;
	int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
	bool ok = length > 0 && EVP_Digest(der, (size_t)length, ret, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return ok;
}

static enum err check(const X509 *leaf, const struct entry *entry, struct err_info *info)
{
	const char *wrong = NULL;

	if (X509_check_private_key(leaf, entry->key) != 1)
		wrong = "its private key does not belong to it";
	else if (!EVP_PKEY_is_a(entry->key, "RSA") && !EVP_PKEY_is_a(entry->key, "EC"))
		wrong = "its key is neither RSA nor ECDSA";
	ERR_clear_error();
	return wrong == NULL ? ERR_OK : err_set(info, ERR_CERTIFICATE, "%s", wrong);
}

static enum err load(struct keys_ring *ring, const struct keys_ring_source *source,
	const struct runtime_certificate *certificate, struct err_info *info)
{
	X509 *leaf CLEANUP(tls_pem_free_certificate) = tls_pem_certificate(certificate->chain);
	struct entry *entry CLEANUP(free_entry) = mem_new(sizeof(*entry)), *old;
	unsigned char id[KEY_ID];
	enum err e;

	ERR_clear_error();
	if (leaf == NULL || !key_id(leaf, id))
		return err_set(info, ERR_CERTIFICATE,
			"its chain file begins with no certificate that can be read");
	if (certificate->key_uri != NULL)
		e = load_token(source, certificate->key_uri, leaf, entry, info);
	else
		e = load_file(source, certificate->key_fd, id, entry, info);
	if (e == ERR_OK)
		e = check(leaf, entry, info);
	if (e != ERR_OK)
		return e;
	ring->token_count += entry->is_in_token;
	/* Two certificates may have one key. */
	old = map_set(ring->entries, str_make(id, KEY_ID), entry);
	entry = NULL;
	if (old != NULL)
		ring->token_count -= old->is_in_token;
	free_entry(&old);
	return ERR_OK;
}

enum err keys_ring_new(
	const struct keys_ring_source *source, struct keys_ring **ret, struct err_info *info)
{
	struct keys_ring *ring CLEANUP(keys_ring_free) = mem_new(sizeof(*ring));

	ring->entries = map_new(0);
	for (size_t i = 0; i < source->count; i++) {
		struct err_info why = {.text = ""};
		enum err e = load(ring, source, &source->certificates[i], &why);

		if (e != ERR_OK)
			return err_set(info, e, "certificate %s: %s", source->certificates[i].name,
				why.text);
	}
	*ret = ring;
	ring = NULL;
	return ERR_OK;
}

void keys_ring_free(struct keys_ring **ring)
{
	size_t position = 0;
	void *entry;

	if (*ring == NULL)
		return;
	while (map_next((*ring)->entries, &position, NULL, &entry)) {
		struct entry *one = entry;

		free_entry(&one);
	}
	map_free(&(*ring)->entries);
	free(*ring);
	*ring = NULL;
}

size_t keys_ring_count(const struct keys_ring *ring)
{
	return map_count(ring->entries);
}

size_t keys_ring_token_count(const struct keys_ring *ring)
{
	return ring->token_count;
}
