/* HMAC-SHA-256 (RFC 2104), by which a receiver knows that a request comes from here. */
#ifndef SEALPOST_PORT_TLS_MAC_H
#define SEALPOST_PORT_TLS_MAC_H

#include "base/str.h"

enum { TLS_MAC_TEXT = 65 };

/* Lower case hex. */
void tls_mac_sha256(struct str key, struct str message, char ret[TLS_MAC_TEXT]);

#endif
