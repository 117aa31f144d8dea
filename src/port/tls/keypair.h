/*
 * Making and checking pairs of certificate and key, for the command line and the first start.  The
 * only place besides the keys process that sees a private key.
 */
#ifndef SEALPOST_PORT_TLS_KEYPAIR_H
#define SEALPOST_PORT_TLS_KEYPAIR_H

#include "base/buf.h"
#include "base/err.h"

/* Does the PEM key belong to the first certificate of the PEM chain? INFO says why not. */
enum err tls_keypair_check(struct str chain, struct str key, struct err_info *info);

/* An ECDSA P-256 key and a self-signed certificate for NAMES (A-labels; the first is the subject),
 * for servers and clients, from an hour before NOW for DAYS. */
struct tls_keypair_request {
	const char *const *names;
	size_t count;
	int64_t now_ms;
	int64_t days;
};
enum err tls_keypair_self_signed(const struct tls_keypair_request *request, struct buf *ret_chain,
	struct buf *ret_key, struct err_info *info);

#endif
