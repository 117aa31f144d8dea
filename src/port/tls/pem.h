/* Internal to port/tls and to whoever has keys: PEM from and to memory, and what frees it.  A key
 * with a passphrase is never asked for at a terminal. */
#ifndef SEALPOST_PORT_TLS_PEM_H
#define SEALPOST_PORT_TLS_PEM_H

#include "base/buf.h"
#include "base/err.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* Cleanup handlers; NULL is fine. */
void tls_pem_free_bio(BIO **bio);
void tls_pem_free_certificate(X509 **certificate);
void tls_pem_free_key(EVP_PKEY **key);

/* CODE, with WHAT and the library's reason, whose list of errors is emptied. */
enum err tls_pem_error(struct err_info *info, enum err code, const char *what);

/* To read from PEM, which must live as long.  NULL: it is too long. */
BIO *tls_pem_bio(struct str pem) MUST_USE;
/* The next certificate; NULL: there is none. */
X509 *tls_pem_next(BIO *bio) MUST_USE;
/* The first certificate; NULL: there is none. */
X509 *tls_pem_certificate(struct str pem) MUST_USE;

/* The private key, opened with PASSPHRASE (empty: none) if it is encrypted.  ERR_REFUSED: it is,
 * and the passphrase is missing or wrong; ERR_SYNTAX: no key. */
enum err tls_pem_key(
	struct str pem, struct str passphrase, EVP_PKEY **ret_key, struct err_info *info);

/* Append to RET. */
enum err tls_pem_put_certificate(X509 *certificate, struct buf *ret, struct err_info *info);
enum err tls_pem_put_key(const EVP_PKEY *key, struct buf *ret, struct err_info *info);
/* Append what the memory BIO holds. */
enum err tls_pem_take(BIO *from, struct buf *ret, struct err_info *info);

#endif
