/*
 * The trace field that this server puts in front of every message (RFC 5321 4.4), with the clause
 * `tls` of RFC 8314 4.3 and, in a comment, what else was proven about the client:
 *
 *     Received: from mx.fabrikam.example ([192.0.2.1])
 *         by mx.contoso.example (Sealpost) with ESMTPS id 01ARZ3NDEKTSV
 *         for <bob@contoso.example> tls TLS_AES_256_GCM_SHA384
 *         (TLSv1.3 x25519, client certificate mx.fabrikam.example: trusted);
 *         Sat, 21 Nov 2026 21:43:04 +0000
 */
#ifndef SEALPOST_CORE_MESSAGE_RECEIVED_H
#define SEALPOST_CORE_MESSAGE_RECEIVED_H

#include "core/report/receipt.h"

enum { MESSAGE_RECEIVED_MAX = 4096 };

struct message_received {
	const char *helo;      /* as given */
	const char *address;   /* "192.0.2.1", "2001:db8::1"; NULL: unknown */
	const char *hostname;  /* ours */
	bool is_esmtp;	       /* EHLO, not HELO */
	bool smtputf8;	       /* RFC 6531 4.3 */
	const char *id;	       /* of the message */
	const char *recipient; /* only where there is exactly one; else NULL */
	int64_t at_ms;
	const struct receipt *receipt; /* version NULL: clear */
};

/* Append the field.  Fails as buf_put(). */
enum err message_received_format(const struct message_received *received, struct buf *out);

/* "ESMTPS" and its like (RFC 3848, RFC 6531 4.3). */
const char *message_received_with(const struct message_received *received);

#endif
