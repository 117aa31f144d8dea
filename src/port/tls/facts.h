/* Certificates of OpenSSL as facts, and the lists of them that the port handles. */
#ifndef SEALPOST_PORT_TLS_FACTS_H
#define SEALPOST_PORT_TLS_FACTS_H

#include "port/tls/tls.h"

#include <openssl/x509.h>

enum {
	TLS_CHAIN_MAX = 16,	 /* certificates of one chain that are looked at */
	TLS_PEM_MAX = 4096,	 /* certificates in one PEM text */
	TLS_NAMES_MAX = 5000,	 /* names of one certificate */
	TLS_NAME_TEXT_MAX = 1024 /* bytes of subject or issuer */
};

/* Everything in FACTS lives in the arena. */
void tls_facts_of(X509 *certificate, struct arena *arena, struct cert_facts *ret);

/* All certificates of a PEM text, in order; other PEM blocks are skipped.  Free with
 * tls_stack_free(). */
enum err tls_stack_of_pem(struct str pem, size_t max, STACK_OF(X509) * *ret, struct err_info *info);
void tls_stack_free(STACK_OF(X509) * *stack);

/* What the peer of a connection presented, leaf first, at most TLS_CHAIN_MAX; NULL if nothing.
 * Free with tls_stack_free(). */
STACK_OF(X509) * tls_peer_stack(const struct tls_session *session) MUST_USE;

/* Did ISSUER sign SUBJECT, by name and by signature?  Dates are not looked at. */
bool tls_is_issuer(X509 *issuer, X509 *subject);
/* The first of STACK (NULL: none) that did; not a new reference. */
X509 *tls_find_issuer(const STACK_OF(X509) * stack, X509 *subject);
bool tls_holds(const STACK_OF(X509) * stack, const X509 *wanted);
/* One certificate as PEM, in the arena. */
const char *tls_pem_of(X509 *certificate, struct arena *arena);

/* The first error of OpenSSL's queue in words, never NULL; empties the queue. */
const char *tls_library_words(char *to, size_t size);

#endif
