#include "port/tls/context.h"
#include "port/tls/facts.h"
#include "port/tls/groups.h"

#include <stdlib.h>

static const char *group_of(SSL *ssl, struct arena *arena)
{
	int nid = (int)SSL_get_negotiated_group(ssl);
	const char *name = tls_group_of_number(nid);

	if (name != NULL || nid == 0)
		return name;
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
	name = SSL_get0_group_name(ssl);
	if (name != NULL)
		return tls_group_of_library(name) != NULL ? tls_group_of_library(name)
							  : arena_text(arena, name);
#endif
	return arena_format(arena, "0x%04x", (unsigned)nid & 0xffff);
}

/* Text of a stranger: printable ASCII or question marks. */
static const char *printable(const char *text, struct arena *arena)
{
	char *copy;

	if (text == NULL)
		return NULL;
	copy = arena_text(arena, text);
	for (char *p = copy; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			*p = '?';
	}
	return copy;
}

/* What the session was marked with when it was made, by on_ticket_made() or on_session(). */
static const char *certificate_of_session(const struct tls_session *session, struct arena *arena)
{
	void *data = NULL;
	size_t length = 0;

	if (SSL_SESSION_get0_ticket_appdata(SSL_get_session(session->ssl), &data, &length) != 1 ||
		length == 0)
		return NULL;
	return arena_text_of(arena, str_make(data, length));
}

static const char *server_certificate(const struct tls_session *session)
{
	const X509 *leaf = SSL_get_certificate(session->ssl);

	for (size_t i = 0; i < session->tls->identity_count; i++) {
		if (session->tls->identities[i].leaf == leaf)
			return session->tls->identities[i].name;
	}
	return NULL;
}

/* A client has presented its certificate if it was asked and has signed the handshake. */
const char *tls_client_certificate(const struct tls_session *session)
{
	const struct tls_slot *slot = session->slot;
	const struct tls_identity *identity = slot->ecdsa != NULL ? slot->ecdsa : slot->rsa;
	int signature;

	if (identity == NULL || !session->certificate_asked ||
		SSL_get_signature_nid(session->ssl, &signature) != 1)
		return NULL;
	return identity->name;
}

static const char *own_certificate(const struct tls_session *session, struct arena *arena)
{
	/* A resumed session stands for what was presented in the first one. */
	if (SSL_session_reused(session->ssl))
		return certificate_of_session(session, arena);
	return arena_text(arena,
		session->is_server ? server_certificate(session) : tls_client_certificate(session));
}

STACK_OF(X509) * tls_peer_stack(const struct tls_session *session)
{
	X509 *leaf = SSL_get0_peer_certificate(session->ssl);
	STACK_OF(X509) *rest = SSL_get_peer_cert_chain(session->ssl);
	STACK_OF(X509) * stack;

	if (leaf == NULL)
		return NULL;
	stack = sk_X509_new_null();
	if (stack == NULL || X509_add_cert(stack, leaf, X509_ADD_FLAG_UP_REF) != 1)
		abort();
	for (int i = 0; rest != NULL && i < sk_X509_num(rest); i++) {
		X509 *certificate = sk_X509_value(rest, i);

		/* Clients have the leaf in the chain, servers do not. */
		if (certificate == leaf || sk_X509_num(stack) >= TLS_CHAIN_MAX)
			continue;
		if (X509_add_cert(stack, certificate, X509_ADD_FLAG_UP_REF) != 1)
			abort();
	}
	return stack;
}

static void describe_chain(
	const struct tls_session *session, struct arena *arena, struct receipt *receipt)
{
	STACK_OF(X509) * stack CLEANUP(tls_stack_free) = tls_peer_stack(session);

	receipt->chain.count = stack != NULL ? (size_t)sk_X509_num(stack) : 0;
	receipt->chain.items =
		arena_array(arena, receipt->chain.count + 1, sizeof(*receipt->chain.items));
	for (size_t i = 0; i < receipt->chain.count; i++)
		tls_facts_of(sk_X509_value(stack, (int)i), arena, &receipt->chain.items[i]);
}

void tls_describe(const struct tls_session *session, struct arena *arena, struct receipt *receipt)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(session->ssl);

	receipt->version = arena_text(arena, SSL_get_version(session->ssl));
	receipt->cipher =
		cipher != NULL ? arena_text(arena, SSL_CIPHER_standard_name(cipher)) : NULL;
	receipt->group = group_of(session->ssl, arena);
	receipt->resumed = SSL_session_reused(session->ssl) == 1;
	receipt->server_name =
		printable(SSL_get_servername(session->ssl, TLSEXT_NAMETYPE_host_name), arena);
	receipt->own_certificate = own_certificate(session, arena);
	receipt->handshake_ms = session->handshake_ms;
	describe_chain(session, arena, receipt);
}

bool tls_certificate_asked(const struct tls_session *session)
{
	return session->certificate_asked;
}
