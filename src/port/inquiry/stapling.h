/*
 * OCSP responses on the certificates that a server presents: asked of the lookup process, which
 * keeps them fresh, put into a struct tls_staples, and asked for again when lookup says so.
 */
#ifndef SEALPOST_PORT_INQUIRY_STAPLING_H
#define SEALPOST_PORT_INQUIRY_STAPLING_H

#include "port/inquiry/inquiry.h"
#include "port/tls/tls.h"

struct tls_store;

struct inquiry_stapling;

/* What came of it, for the log: SIZE of the response on CERTIFICATE (a name); 0: there is none, and
 * WHY says why. */
typedef void inquiry_stapling_told(const char *certificate, size_t size, const char *why);

/* INQUIRY and STAPLES are the caller's, and outlive it. */
struct inquiry_stapling *inquiry_stapling_new(struct event_base *base, struct inquiry *inquiry,
	struct tls_staples *staples, inquiry_stapling_told *told) MUST_USE;
void inquiry_stapling_free(struct inquiry_stapling **stapling);
/* Ask for no certificate any more. */
void inquiry_stapling_clear(struct inquiry_stapling *stapling);
/* Ask for this one from now on, where its leaf names a responder and its issuer is known.  CHAIN:
 * PEM; both are copied. */
void inquiry_stapling_add(struct inquiry_stapling *stapling, const char *name, struct str chain,
	const struct tls_store *roots);
/* Ask for all of them now: there is a (new) lookup process. */
void inquiry_stapling_ask(struct inquiry_stapling *stapling);

#endif
