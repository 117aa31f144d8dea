#include "process/keys/ring.h"
#include "base/map.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEY_ID = 32 };

struct keys_ring {
	struct map *keys; /* KEY_ID bytes -> EVP_PKEY */
};

void keys_ring_prepare(void)
{
	/* The library reads its configuration when first used; later there are no files. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
	/* Refused only where locking is; the keys are then in ordinary memory of a process that
	 * cannot be dumped. */
	(void)CRYPTO_secure_malloc_init(KEYS_SECURE_HEAP, 32);
	ERR_clear_error();
}

/* ---- loading --------------------------------------------------------------------------------- */

/* Keys with a passphrase cannot be opened without a person. */
static int no_passphrase(char *to, int size, int is_writing, void *context)
{
	bool *asked = context;

	(void)to;
	(void)size;
	(void)is_writing;
	*asked = true;
	return -1;
}

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

static enum err parse_key(const char *name, struct str pem, EVP_PKEY **ret, struct err_info *info)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	bool asked = false;
	EVP_PKEY *key;

	if (bio == NULL)
		abort();
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
	BIO_free(bio);
	ERR_clear_error();
	if (key != NULL) {
		*ret = key;
		return ERR_OK;
	}
	if (asked)
		return err_set(info, ERR_UNSUPPORTED,
			"certificate %s: its private key is encrypted; store it without passphrase",
			name);
	return err_set(
		info, ERR_SYNTAX, "certificate %s: its key file holds no private key in PEM", name);
}

static enum err load_key(
	const struct runtime_certificate *certificate, EVP_PKEY **ret, struct err_info *info)
{
	const char *name = certificate->name;
	size_t length = 0;
	char *text;
	enum err e;

	if (certificate->key_fd < 0)
		return err_set(info, ERR_UNKNOWN, "certificate %s: there is no key file", name);
	text = OPENSSL_secure_malloc(KEYS_FILE_MAX);
	if (text == NULL)
		return err_set(info, ERR_FULL, "certificate %s: no secure memory is left", name);
	e = read_file(certificate->key_fd, text, &length);
	if (e != ERR_OK)
		err_set(info, e, "certificate %s: its key file cannot be read: %s", name,
			err_text(e));
	else
		e = parse_key(name, str_make(text, length), ret, info);
	OPENSSL_secure_clear_free(text, KEYS_FILE_MAX);
	return e;
}

static X509 *leaf_of(struct str chain)
{
	BIO *bio;
	X509 *leaf;

	if (chain.n == 0 || chain.n > 16 * 1024 * 1024)
		return NULL;
	bio = BIO_new_mem_buf(chain.p, (int)chain.n);
	if (bio == NULL)
		abort();
	leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return leaf;
}

static bool key_id(const X509 *leaf, unsigned char ret[KEY_ID])
{
	unsigned char *der = NULL;
	int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
	bool ok = length > 0 && EVP_Digest(der, (size_t)length, ret, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return ok;
}

/* Takes the key. */
static enum err add_key(struct keys_ring *ring, const struct runtime_certificate *certificate,
	EVP_PKEY *key, struct err_info *info)
{
	X509 *leaf = leaf_of(certificate->chain);
	unsigned char id[KEY_ID];
	const char *wrong = NULL;

	if (leaf == NULL)
		wrong = "its chain file begins with no certificate";
	else if (X509_check_private_key(leaf, key) != 1)
		wrong = "its private key does not belong to it";
	else if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC"))
		wrong = "its key is neither RSA nor ECDSA";
	else if (!key_id(leaf, id))
		wrong = "its public key cannot be read";
	ERR_clear_error();
	X509_free(leaf);
	if (wrong != NULL) {
		EVP_PKEY_free(key);
		return err_set(
			info, ERR_CERTIFICATE, "certificate %s: %s", certificate->name, wrong);
	}
	/* Two certificates may have one key. */
	EVP_PKEY_free(map_set(ring->keys, str_make(id, KEY_ID), key));
	return ERR_OK;
}

enum err keys_ring_new(const struct runtime_certificate *certificates, size_t count,
	struct keys_ring **ret, struct err_info *info)
{
	struct keys_ring *ring CLEANUP(keys_ring_free) = mem_new(sizeof(*ring));
	EVP_PKEY *key;
	enum err e;

	ring->keys = map_new(0);
	for (size_t i = 0; i < count; i++) {
		key = NULL;
		e = load_key(&certificates[i], &key, info);
		if (e == ERR_OK)
			e = add_key(ring, &certificates[i], key, info);
		if (e != ERR_OK)
			return e;
	}
	*ret = ring;
	ring = NULL;
	return ERR_OK;
}

void keys_ring_free(struct keys_ring **ring)
{
	size_t position = 0;
	void *key;

	if (*ring == NULL)
		return;
	while (map_next((*ring)->keys, &position, NULL, &key))
		EVP_PKEY_free(key);
	map_free(&(*ring)->keys);
	free(*ring);
	*ring = NULL;
}

size_t keys_ring_count(const struct keys_ring *ring)
{
	return map_count(ring->keys);
}

/* ---- signing --------------------------------------------------------------------------------- */

struct scheme {
	const char *name;
	const char *key;
	int padding; /* 0: none */
};

static const struct scheme schemes[] = {
	{"ecdsa", "EC", 0},
	{"rsa-pkcs1", "RSA", RSA_PKCS1_PADDING},
	{"rsa-pss", "RSA", RSA_PKCS1_PSS_PADDING},
};

struct digest {
	const char *name;
	size_t length;
	const EVP_MD *(*get)(void);
};

static const struct digest digests[] = {
	{"SHA256", 32, EVP_sha256},
	{"SHA384", 48, EVP_sha384},
	{"SHA512", 64, EVP_sha512},
};

static const struct scheme *find_scheme(const char *name)
{
	for (size_t i = 0; name != NULL && i < ARRAY_LENGTH(schemes); i++) {
		if (strcmp(schemes[i].name, name) == 0)
			return &schemes[i];
	}
	return NULL;
}

static const struct digest *find_digest(const char *name)
{
	for (size_t i = 0; name != NULL && i < ARRAY_LENGTH(digests); i++) {
		if (strcmp(digests[i].name, name) == 0)
			return &digests[i];
	}
	return NULL;
}

static bool prepare(EVP_PKEY_CTX *context, const struct scheme *scheme, const struct digest *digest)
{
	if (EVP_PKEY_sign_init(context) != 1)
		return false;
	if (scheme->padding != 0 && EVP_PKEY_CTX_set_rsa_padding(context, scheme->padding) != 1)
		return false;
	if (scheme->padding == RSA_PKCS1_PSS_PADDING &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) != 1)
		return false;
	return EVP_PKEY_CTX_set_signature_md(context, digest->get()) == 1;
}

enum err keys_ring_sign(const struct keys_ring *ring, const struct wire_sign *request,
	unsigned char to[KEYS_SIGNATURE_MAX], size_t *ret_length)
{
	const struct scheme *scheme = find_scheme(request->scheme);
	const struct digest *digest = find_digest(request->digest);
	size_t length = KEYS_SIGNATURE_MAX;
	EVP_PKEY_CTX *context;
	EVP_PKEY *key;
	bool ok;

	if (scheme == NULL || digest == NULL || request->data.n != digest->length ||
		request->key.n != KEY_ID)
		return ERR_RANGE;
	key = map_get(ring->keys, request->key);
	if (key == NULL)
		return ERR_UNKNOWN;
	if (!EVP_PKEY_is_a(key, scheme->key))
		return ERR_RANGE;
	context = EVP_PKEY_CTX_new(key, NULL);
	ok = context != NULL && prepare(context, scheme, digest) &&
	     EVP_PKEY_sign(context, to, &length, (const unsigned char *)request->data.p,
		     request->data.n) == 1;
	EVP_PKEY_CTX_free(context);
	ERR_clear_error();
	if (!ok)
		return ERR_INTERNAL;
	*ret_length = length;
	return ERR_OK;
}
