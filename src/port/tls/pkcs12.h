/* Key and chain out of a PKCS #12 file (RFC 7292), as Windows, Java and `openssl pkcs12 -export`
 * write them. */
#ifndef SEALPOST_PORT_TLS_PKCS12_H
#define SEALPOST_PORT_TLS_PKCS12_H

#include "base/buf.h"
#include "base/err.h"

enum {
	TLS_PKCS12_MAX = 1024 * 1024,	     /* bytes of the file */
	TLS_PKCS12_ITERATIONS_MAX = 5000000, /* of the derivation of a key from the passphrase */
	TLS_PKCS12_CERTIFICATES_MAX = 50,
};

/* Does that look like a PKCS #12 file, not like PEM? */
bool tls_pkcs12_is(struct str bytes);

/* The private key, its certificate and the others of the file (leaf first, the others in the order
 * of the file), both in PEM, the key not encrypted: tls_keypair_forget() it.
 * ERR_REFUSED: the passphrase is wrong; ERR_UNSUPPORTED: encrypted in a way that the library has no
 * more; ERR_SYNTAX: damaged; ERR_CERTIFICATE: no key, or no certificate that belongs to it;
 * ERR_RANGE, ERR_TOO_MANY: limits.  INFO says what to do. */
enum err tls_pkcs12_read(struct str bytes, struct str passphrase, struct buf *ret_chain,
	struct buf *ret_key, struct err_info *info);

#endif
