/* Inside of a set of trust anchors. */
#ifndef SEALPOST_PORT_TLS_ANCHORS_H
#define SEALPOST_PORT_TLS_ANCHORS_H

#include "port/tls/tls.h"

#include <openssl/x509_vfy.h>

struct tls_anchors {
	X509_STORE *store;
	bool has_crls;
};

#endif
