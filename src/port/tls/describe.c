#include "port/tls/context.h"
#include "port/tls/facts.h"
#include "port/tls/groups.h"

#include <stdio.h>
#include <stdlib.h>

const char *const tls_failure_names[] = {[TLS_FAILURE_NONE] = "none",
	[TLS_FAILURE_VERSION] = "version",
	[TLS_FAILURE_ALERT] = "alert",
	[TLS_FAILURE_PROTOCOL] = "protocol",
	[TLS_FAILURE_CLOSED] = "closed",
	[TLS_FAILURE_SIGNATURE] = "signature",
	[TLS_FAILURE_OTHER] = "other"};

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

const struct tls_identity *tls_own_identity(const struct tls_session *session)
{
	const struct tls_slot *slot = SSL_CTX_get_app_data(SSL_get_SSL_CTX(session->ssl));
	const X509 *leaf = SSL_get_certificate(session->ssl);

	if (slot == NULL || leaf == NULL)
		return NULL;
	if (slot->ecdsa != NULL && slot->ecdsa->leaf == leaf)
		return slot->ecdsa;
	return slot->rsa != NULL && slot->rsa->leaf == leaf ? slot->rsa : NULL;
}

/* A client has presented its certificate if it was asked and has signed the handshake. */
const struct tls_identity *tls_client_identity(const struct tls_session *session)
{
	int signature;

	if (!session->certificate_asked || SSL_get_signature_nid(session->ssl, &signature) != 1)
		return NULL;
	return tls_own_identity(session);
}

/* The marks of a session: three lines. */
void tls_mark(SSL_SESSION *session, const struct tls_identity *identity)
{
	char text[sizeof(struct tls_mark) + 3];
	int length;

	if (identity == NULL)
		return;
	length = snprintf(text, sizeof(text), "%s\n%s\n%s", identity->name,
		identity->version != NULL ? identity->version : "", identity->facts.sha256);
	if (length > 0 && (size_t)length < sizeof(text))
		(void)SSL_SESSION_set1_ticket_appdata(session, text, (size_t)length);
}

static void take_line(struct str *rest, char *to, size_t size)
{
	struct str line = str_cut(rest, '\n');
	size_t n = line.n < size ? line.n : 0;

	memcpy(to, line.p, n);
	to[n] = '\0';
}

bool tls_mark_read(SSL_SESSION *session, struct tls_mark *ret)
{
	void *data = NULL;
	size_t length = 0;
	struct str rest;

	if (SSL_SESSION_get0_ticket_appdata(session, &data, &length) != 1 || length == 0)
		return false;
	rest = str_make(data, length);
	take_line(&rest, ret->certificate, sizeof(ret->certificate));
	take_line(&rest, ret->version, sizeof(ret->version));
	take_line(&rest, ret->sha256, sizeof(ret->sha256));
	return ret->certificate[0] != '\0' && ret->sha256[0] != '\0';
}

static void describe_identity(
	const struct tls_identity *identity, struct arena *arena, struct receipt *receipt)
{
	receipt->own_certificate = identity != NULL ? arena_text(arena, identity->name) : NULL;
	receipt->own_version = identity != NULL ? arena_text(arena, identity->version) : NULL;
	receipt->own_sha256 = identity != NULL ? arena_text(arena, identity->facts.sha256) : NULL;
}

static void describe_own(
	const struct tls_session *session, struct arena *arena, struct receipt *receipt)
{
	struct tls_mark mark;

	if (!SSL_session_reused(session->ssl)) {
		describe_identity(session->is_server ? tls_own_identity(session)
						     : tls_client_identity(session),
			arena, receipt);
		return;
	}
	describe_identity(NULL, arena, receipt);
	/* A resumed session stands for what was presented in the first one. */
	if (!tls_mark_read(SSL_get_session(session->ssl), &mark))
		return;
	receipt->own_certificate = arena_text(arena, mark.certificate);
	receipt->own_version = mark.version[0] != '\0' ? arena_text(arena, mark.version) : NULL;
	receipt->own_sha256 = arena_text(arena, mark.sha256);
}

static bool is_about_certificate(int alert)
{
	switch (alert) {
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
		return true;
	default:
		return false;
	}
}

bool tls_is_refused(const struct tls_session *session, struct arena *arena, struct receipt *receipt)
{
	const struct tls_identity *identity =
		session->is_server ? tls_own_identity(session) : tls_client_identity(session);
	bool refused = is_about_certificate(session->alert);

	if (session->is_server)
		refused = refused || session->is_misfit;
	else
		refused = refused || session->alert == SSL_AD_HANDSHAKE_FAILURE ||
			  session->alert == SSL_AD_ACCESS_DENIED;
	if (session->state != TLS_STATE_FAILED || session->has_read || identity == NULL ||
		!refused || SSL_session_reused(session->ssl))
		return false;
	describe_identity(identity, arena, receipt);
	return true;
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
	describe_own(session, arena, receipt);
	receipt->handshake_ms = session->handshake_ms;
	describe_chain(session, arena, receipt);
}

struct str tls_stapled(const struct tls_session *session)
{
	const unsigned char *response = NULL;
	long length = SSL_get_tlsext_status_ocsp_resp(session->ssl, &response);

	if (response == NULL || length <= 0 || SSL_session_reused(session->ssl))
		return (struct str){0};
	return str_make(response, (size_t)length);
}

bool tls_certificate_asked(const struct tls_session *session)
{
	return session->certificate_asked;
}
