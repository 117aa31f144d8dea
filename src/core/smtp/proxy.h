/*
 * PROXY protocol version 2: the header by which a load balancer states whose connection it passes
 * on.
 *
 *     12 bytes  signature  0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a
 *      1 byte   version 2 in the upper half, command in the lower (0 LOCAL, 1 PROXY)
 *      1 byte   family (1 IPv4, 2 IPv6, 3 Unix) and transport (1 stream)
 *      2 bytes  length of the rest, network order
 *     addresses (source, destination), ports, then TLVs, which are read over
 */
#ifndef SEALPOST_CORE_SMTP_PROXY_H
#define SEALPOST_CORE_SMTP_PROXY_H

#include "base/err.h"
#include "base/str.h"

enum { SMTP_PROXY_HEADER = 16, SMTP_PROXY_MAX = 16 + 4096 };

struct smtp_proxy {
	bool has_address;	   /* false: LOCAL, or a family that has none */
	unsigned char address[16]; /* of the client; IPv4 as ::ffff:a.b.c.d */
	uint16_t port;
};

/* Read a header from the front of *IN and take it.  ERR_AGAIN: more bytes are needed;
 * ERR_SYNTAX: this is none; ERR_TOO_LONG. */
enum err smtp_proxy_parse(struct str *in, struct smtp_proxy *ret);

#endif
