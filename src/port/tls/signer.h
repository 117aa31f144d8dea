/*
 * Signatures by another process, as OpenSSL sees them: keys whose private half is elsewhere.
 *
 * OpenSSL's handshake runs as an ASYNC job.  When it needs a signature the provider (provider.c)
 * files a request here and pauses the job; the loop goes on.  The answer (or the deadline) wakes
 * the session through the job's wait context, the session calls the handshake again, and that
 * resumes the job where it paused.  Requests are filed on the job's small stack and sent later from
 * the ordinary one, by tls_signer_flush().
 *
 * A job costs tens of kilobytes as long as the process lives: there are at most TLS_JOBS_MAX, and
 * handshakes beyond that wait for one (session.c).
 */
#ifndef SEALPOST_PORT_TLS_SIGNER_H
#define SEALPOST_PORT_TLS_SIGNER_H

#include "port/tls/tls.h"

#include <openssl/async.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

enum {
	TLS_KEY_ID = 32,	     /* SHA-256 of the SubjectPublicKeyInfo */
	TLS_SIGNATURE_MAX = 2048,    /* RSA 16384 */
	TLS_DIGEST_MAX = 64,	     /* SHA-512 */
	TLS_SIGN_TIMEOUT_MS = 10000, /* from request to answer */
	TLS_SIGN_PENDING_MAX = 20000,
	TLS_JOBS_MAX = 128,
};

/* The library context in which the provider is loaded, for SSL_CTX_new_ex(); and the property query
 * that makes all but our keys go to the default provider. */
OSSL_LIB_CTX *tls_signer_library(const struct tls_signer *signer);
#define TLS_SIGNER_PROPERTIES "?provider!=sealpost"

struct tls_signer *tls_signer_ref(struct tls_signer *signer) MUST_USE;
/* For tests: another deadline. */
void tls_signer_set_timeout(struct tls_signer *signer, int64_t ms);
/* Send what has been filed. */
void tls_signer_flush(struct tls_signer *signer);
/* End the request whose waiter is ARGUMENT (of its wait context), as failed and without a call. */
void tls_signer_cancel(struct tls_signer *signer, const void *argument);

/* A handle for the private key that belongs to CERTIFICATE; NULL if its type is not RSA or EC. */
EVP_PKEY *tls_signer_key(struct tls_signer *signer, X509 *certificate) MUST_USE;

/* For the provider: one signature. Pauses the job that runs; false when there is none, or when no
 * signature came. *length is the room in TO at first. */
struct tls_sign_order {
	unsigned char key[TLS_KEY_ID];
	const char *scheme; /* static, as in struct wire_sign */
	const char *digest; /* static */
	unsigned char data[TLS_DIGEST_MAX];
	size_t data_length;
};
bool tls_signer_sign(struct tls_signer *signer, const struct tls_sign_order *order,
	unsigned char *to, size_t *length);

/* provider.c: load it and the default one into LIBRARY (unload them before the library is freed),
 * and make a key handle in it. */
enum { TLS_PROVIDERS = 2 };
bool tls_provider_add(OSSL_LIB_CTX *library, OSSL_PROVIDER *ret[TLS_PROVIDERS]);
EVP_PKEY *tls_provider_key(OSSL_LIB_CTX *library, struct tls_signer *signer,
	const unsigned char id[TLS_KEY_ID], EVP_PKEY *public_key) MUST_USE;

#endif
