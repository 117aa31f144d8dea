/* Are keys and signatures of a chain strong enough to be presented to anybody?  What is refused
 * here, sooner or later some partner refuses, too. */
#ifndef SEALPOST_PORT_TLS_STRENGTH_H
#define SEALPOST_PORT_TLS_STRENGTH_H

#include "base/err.h"
#include "base/str.h"

enum {
	TLS_STRENGTH_RSA_MIN = 2048, /* bits (NIST SP 800-131A, CA/Browser Forum 6.1.5) */
	TLS_STRENGTH_CHAIN_MAX = 20, /* certificates that are looked at */
};

/* Looks at every certificate of the PEM CHAIN: its key (RSA of 2048 bits and more with an odd
 * exponent of 3 and more; ECDSA on P-256, P-384 or P-521), and how it is signed (SHA-256 and more;
 * the signature of one that is self-signed proves nothing, and is not looked at unless it is the
 * first).  The first must also have a key that this server can use, RSA or ECDSA; those of the
 * issuers may be of another kind that is strong.
 * ERR_CERTIFICATE: INFO names the certificate, what is weak, and what to ask of the issuer. */
enum err tls_strength_check(struct str chain, struct err_info *info);

#endif
