/* The private keys of one generation of settings, by the SHA-256 of their SubjectPublicKeyInfo. */
#ifndef SEALPOST_PROCESS_KEYS_RING_H
#define SEALPOST_PROCESS_KEYS_RING_H

#include "port/runtime/runtime.h"

enum {
	KEYS_FILE_MAX = 64 * 1024,  /* bytes of a key file */
	KEYS_SIGNATURE_MAX = 2048,  /* RSA 16384 */
	KEYS_SECURE_HEAP = 1 << 20, /* bytes of memory that is never swapped or dumped */
};

struct keys_ring;

/* Once per process, before the first ring: memory for keys that is neither swapped nor dumped, as
 * far as the system allows. */
void keys_ring_prepare(void);

/* Read every key and hold it against its chain.  INFO names the certificate and what is wrong; it
 * never holds anything of a key.  Descriptors stay the caller's. */
enum err keys_ring_new(const struct runtime_certificate *certificates, size_t count,
	struct keys_ring **ret, struct err_info *info);
void keys_ring_free(struct keys_ring **ring);
size_t keys_ring_count(const struct keys_ring *ring);

/* ERR_UNKNOWN: no such key; ERR_RANGE: the request is not one that TLS makes (scheme, digest and
 * its length, kind of key); ERR_INTERNAL: the library failed. */
enum err keys_ring_sign(const struct keys_ring *ring, const struct wire_sign *request,
	unsigned char to[KEYS_SIGNATURE_MAX], size_t *ret_length);

#endif
