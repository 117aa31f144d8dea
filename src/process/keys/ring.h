/* The private keys of one generation of settings, by the SHA-256 of their SubjectPublicKeyInfo. */
#ifndef SEALPOST_PROCESS_KEYS_RING_H
#define SEALPOST_PROCESS_KEYS_RING_H

#include "port/runtime/runtime.h"
#include "process/keys/token.h"

enum {
	KEYS_FILE_MAX = 64 * 1024,  /* bytes of a key file */
	KEYS_SIGNATURE_MAX = 2048,  /* RSA 16384 */
	KEYS_SECURE_HEAP = 1 << 20, /* bytes of memory that is never swapped or dumped */
	KEYS_DATA_MAX = 64,	    /* bytes that are signed: a digest */
};

struct keys_ring;

/* Once per process, before the first ring: memory for keys that is neither swapped nor dumped, as
 * far as the system allows. */
void keys_ring_prepare(void);

struct keys_ring_source {
	const struct runtime_certificate *certificates;
	size_t count;
	struct str passphrase;	    /* of encrypted keys; empty: there is none */
	struct keys_token *token;   /* NULL: there is none */
	struct str pin;		    /* of the token; empty: there is none */
	struct keys_ring *previous; /* may be NULL; spares opening again what has not changed */
};

/* Read every key and hold it against its chain; one in a token must make a signature that the
 * chain's first certificate verifies.  INFO names the certificate and what is wrong; it never holds
 * anything of a key.  Descriptors stay the caller's. */
enum err keys_ring_new(
	const struct keys_ring_source *source, struct keys_ring **ret, struct err_info *info);
void keys_ring_free(struct keys_ring **ring);
size_t keys_ring_count(const struct keys_ring *ring);
/* How many of them are in a token. */
size_t keys_ring_token_count(const struct keys_ring *ring);

/* A signature to be made.  It holds its key, also when the ring is gone. */
struct keys_order {
	EVP_PKEY *key;
	const struct keys_scheme *scheme;
	const struct keys_digest *digest;
	unsigned char data[KEYS_DATA_MAX];
	size_t length;
	bool is_in_token; /* takes the time that the token takes: not on the loop */
};

/* ERR_UNKNOWN: no such key; ERR_RANGE: the request is not one that TLS makes (scheme, digest and
 * its length, kind of key). */
enum err keys_ring_order(
	const struct keys_ring *ring, const struct wire_sign *request, struct keys_order *ret);
/* From any thread.  ERR_UNAVAILABLE: the token, or our session with it, is gone for this process;
 * ERR_INTERNAL: the library, or the token, failed. */
enum err keys_order_sign(
	const struct keys_order *order, unsigned char to[KEYS_SIGNATURE_MAX], size_t *ret_length);
void keys_order_clear(struct keys_order *order);

#endif
