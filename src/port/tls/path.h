/*
 * The way from a certificate up to its root, by what was presented and by trust stores: whom it
 * depends on, and where each certificate on it sends those who validate.  Nothing is judged here:
 * dates, names and revocation are tls_verify()'s.
 */
#ifndef SEALPOST_PORT_TLS_PATH_H
#define SEALPOST_PORT_TLS_PATH_H

#include "core/cert/endpoints.h"
#include "port/tls/tls.h"

enum { TLS_PATH_MAX = 16 };

/* Certificates of a PEM text, read once for many questions. */
struct tls_store;
/* What cannot be read, or nothing, is an empty store. */
struct tls_store *tls_store_new(struct str pem) MUST_USE;
void tls_store_free(struct tls_store **store);
/* Facts of all of its certificates; in the arena. */
size_t tls_store_facts(const struct tls_store *store, struct arena *arena, struct cert_facts **ret);

/* Does it hold this very certificate (PEM)? */
bool tls_store_holds(const struct tls_store *store, struct str pem);

struct tls_path_step {
	struct cert_facts facts;
	struct str pem;	   /* of this certificate alone */
	bool is_presented; /* it stood in the chain; else it came out of a store */
	const struct cert_endpoint *endpoints; /* of a certificate that is its own issuer: none */
	size_t endpoint_count;
};

struct tls_path {
	struct tls_path_step steps[TLS_PATH_MAX]; /* leaf first */
	size_t count;
	bool is_complete; /* the last one is its own issuer: the root */
	int store;	  /* the first of the stores that holds the last one; -1: none does */
};

/* CHAIN is PEM, leaf first; an issuer is looked for in it, then in STORES in their order, and must
 * have signed.  Texts live in the arena.  ERR_SYNTAX when CHAIN holds no certificate. */
enum err tls_path_of_pem(struct str chain, const struct tls_store *const *stores, size_t count,
	struct arena *arena, struct tls_path *ret, struct err_info *info);

#endif
