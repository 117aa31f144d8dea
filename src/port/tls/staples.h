/* Inside of the OCSP responses on own certificates. */
#ifndef SEALPOST_PORT_TLS_STAPLES_H
#define SEALPOST_PORT_TLS_STAPLES_H

#include "port/tls/tls.h"

#include <openssl/ssl.h>

/* Let servers of this context send what STAPLES (NULL: nothing) holds on the certificate that they
 * present. */
void tls_staples_use(SSL_CTX *ssl, struct tls_staples *staples);

#endif
