/*
 * One SSL_CTX for each combination of an ECDSA and an RSA certificate that stand side by side:
 * OpenSSL chooses between the two by what the peer can verify.  Made when it is first needed.
 */
#include "port/tls/context.h"
#include "port/tls/facts.h"
#include "port/tls/staples.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- callbacks of OpenSSL ---------------------------------------------------------------------
 */

/* Certificates are facts for policy: none is refused here.  Who shows one gets no ticket, so that
 * it is shown, and proven, every time. */
static int accept_certificate(X509_STORE_CTX *store, void *argument)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

	(void)argument;
	if (ssl != NULL && SSL_is_server(ssl))
		SSL_set_num_tickets(ssl, 0);
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

/* The session remembers what it began with: for the receipts of resumed ones, and so that it is not
 * resumed when something else is to be shown. */
static int on_ticket_made(SSL *ssl, void *argument)
{
	(void)argument;
	if (!SSL_session_reused(ssl))
		tls_mark(SSL_get_session(ssl), tls_own_identity(SSL_get_app_data(ssl)));
	return 1;
}

/* Is what the session began with what this client is to be shown now? */
static bool is_still_shown(const struct tls_session *session, SSL_SESSION *known)
{
	const struct tls_context *context = session->tls;
	struct tls_mark mark;
	struct cert_pair pair;

	if (!tls_mark_read(known, &mark))
		return false;
	pair = cert_directory_version(context->directory, mark.certificate,
		session->choose != NULL ? session->choose(session->context, mark.certificate)
					: NULL);
	return tls_identity_has(tls_identity_of(context, pair.ecdsa), mark.sha256) ||
	       tls_identity_has(tls_identity_of(context, pair.rsa), mark.sha256);
}

/* TLS 1.2 hands out its ticket even after a client certificate; such a one is not honoured. */
static SSL_TICKET_RETURN on_ticket_read(SSL *ssl, SSL_SESSION *session,
	const unsigned char *key_name, size_t key_name_length, SSL_TICKET_STATUS status,
	void *argument)
{
	(void)key_name;
	(void)key_name_length;
	(void)argument;
	if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	if (SSL_SESSION_get0_peer(session) != NULL ||
		!is_still_shown(SSL_get_app_data(ssl), session))
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* Called in every handshake of a server, also when the client gives no name. */
static int on_server_name(SSL *ssl, int *alert, void *argument)
{
	const struct tls_session *session = SSL_get_app_data(ssl);
	struct tls_context *context = session->tls;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct cert_pair pair = cert_directory_find(
		context->directory, name != NULL ? str_of(name) : (struct str){0});
	const struct tls_slot *slot;

	(void)argument;
	pair = cert_directory_choose(context->directory, pair, session->choose, session->context);
	slot = tls_slot_get(context, pair, NULL);
	if (slot == NULL) {
		*alert = SSL_AD_INTERNAL_ERROR;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	SSL_set_SSL_CTX(ssl, slot->ssl);
	return name != NULL && pair.match != CERT_MATCH_DEFAULT ? SSL_TLSEXT_ERR_OK
								: SSL_TLSEXT_ERR_NOACK;
}

/* TLS 1.3 chooses among the keys by itself; in TLS 1.2 a client has to, by what the server can
 * verify. */
static void choose_key(SSL *ssl, const struct tls_slot *slot)
{
	int count = SSL_get_shared_sigalgs(ssl, 0, NULL, NULL, NULL, NULL, NULL);

	for (int i = 0; i < count; i++) {
		int kind = 0;

		(void)SSL_get_shared_sigalgs(ssl, i, &kind, NULL, NULL, NULL, NULL);
		if (kind == EVP_PKEY_EC) {
			(void)SSL_select_current_cert(ssl, slot->ecdsa->leaf);
			return;
		}
		if (kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS) {
			(void)SSL_select_current_cert(ssl, slot->rsa->leaf);
			return;
		}
	}
}

/* Called on a client only when the server asks for a certificate. */
static int on_certificate_asked(SSL *ssl, void *argument)
{
	struct tls_session *session = SSL_get_app_data(ssl);

	(void)argument;
	session->certificate_asked = true;
	if (SSL_version(ssl) < TLS1_3_VERSION && session->slot->ecdsa != NULL &&
		session->slot->rsa != NULL)
		choose_key(ssl, session->slot);
	return 1;
}

static int on_session(SSL *ssl, SSL_SESSION *ssl_session)
{
	struct tls_session *session = SSL_get_app_data(ssl);
	const struct tls_identity *presented = tls_client_identity(session);

	if (session->cache_key == NULL || session->tls->cache == NULL)
		return 0;
	/* For the receipts of those who resume it. */
	if (presented != NULL)
		tls_mark(ssl_session, presented);
	tls_cache_put(session->tls->cache, session->cache_key, session->slot->label, ssl_session);
	return 1;
}

/* OFFERED is a list of names, each behind its length. */
static int on_protocols(SSL *ssl, const unsigned char **ret, unsigned char *ret_length,
	const unsigned char *offered, unsigned offered_length, void *protocol)
{
	struct str rest = str_make(offered, offered_length);

	(void)ssl;
	while (rest.n > 0) {
		size_t length = (unsigned char)rest.p[0];
		struct str name = str_part(rest, 1, 1 + length);

		if (str_is(name, protocol)) {
			*ret = (const unsigned char *)name.p;
			*ret_length = (unsigned char)name.n;
			return SSL_TLSEXT_ERR_OK;
		}
		rest = str_part(rest, 1 + length, rest.n);
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* ---- SSL_CTX ----------------------------------------------------------------------------------
 */

static void set_server(const struct tls_context *context, SSL_CTX *ssl)
{
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	tls_staples_use(ssl, context->staples);
	if (context->is_for_anybody)
		SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	if (context->protocol != NULL)
		SSL_CTX_set_alpn_select_cb(ssl, on_protocols, (void *)context->protocol);
	SSL_CTX_set_tlsext_servername_callback(ssl, on_server_name);
	if (!context->tickets) {
		SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
		SSL_CTX_set_num_tickets(ssl, 0);
		return;
	}
	SSL_CTX_set_num_tickets(ssl, 1);
	SSL_CTX_set_tlsext_ticket_keys(ssl, (void *)context->ticket_key, TLS_TICKET_KEY);
	SSL_CTX_set_session_ticket_cb(ssl, on_ticket_made, on_ticket_read, NULL);
}

static void set_client(const struct tls_context *context, SSL_CTX *ssl)
{
	SSL_CTX_set_cert_cb(ssl, on_certificate_asked, NULL);
	if (context->cache == NULL) {
		SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
		return;
	}
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ssl, on_session);
}

static SSL_CTX *new_ssl(const struct tls_context *context)
{
	static const unsigned char scope[] = "sealpost";
	SSL_CTX *ssl = SSL_CTX_new_ex(
		tls_signer_library(context->signer), TLS_SIGNER_PROPERTIES, TLS_method());

	/* These fail only where the library lacks what the build requires. */
	if (ssl == NULL || SSL_CTX_set_session_id_context(ssl, scope, sizeof(scope) - 1) != 1)
		abort();
	tls_offer_set(ssl);
	SSL_CTX_set_options(ssl,
		SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ssl, accept_certificate, NULL);
	SSL_CTX_set_max_cert_list(ssl, TLS_CERTIFICATE_BYTES_MAX);
	SSL_CTX_set_timeout(ssl, TLS_SESSION_LIFE_S);
	if (context->is_server)
		set_server(context, ssl);
	else
		set_client(context, ssl);
	return ssl;
}

static enum err use_identity(
	SSL_CTX *ssl, const struct tls_identity *identity, struct err_info *info)
{
	char words[256];

	if (identity == NULL)
		return ERR_OK;
	ERR_clear_error();
	if (SSL_CTX_use_certificate(ssl, identity->leaf) != 1 ||
		SSL_CTX_set1_chain(ssl, identity->issuers) != 1 ||
		SSL_CTX_use_PrivateKey(ssl, identity->key) != 1)
		return err_set(info, ERR_CERTIFICATE, "certificate %s cannot be used: %s",
			identity->name, tls_library_words(words, sizeof(words)));
	return ERR_OK;
}

const struct tls_identity *tls_identity_of(
	const struct tls_context *context, const struct cert_offer *offer)
{
	return offer != NULL ? &context->identities[offer - context->offers] : NULL;
}

/* What the cache of sessions knows the slot by: "name", or "name version". */
static char *label_of(const struct cert_offer *offer)
{
	char label[512];

	if (offer == NULL)
		return NULL;
	snprintf(label, sizeof(label), "%s%s%s", offer->certificate,
		offer->version != NULL ? " " : "", offer->version != NULL ? offer->version : "");
	return mem_text(label);
}

const struct tls_slot *tls_slot_get(
	struct tls_context *context, struct cert_pair pair, struct err_info *info)
{
	const struct cert_offer *first = pair.ecdsa != NULL ? pair.ecdsa : pair.rsa;
	struct tls_slot **list =
		first != NULL ? &context->slots[first - context->offers] : &context->bare;
	const struct tls_identity *ecdsa = tls_identity_of(context, pair.ecdsa);
	const struct tls_identity *rsa = tls_identity_of(context, pair.rsa);
	struct tls_slot *slot;

	for (slot = *list; slot != NULL; slot = slot->next)
		if (slot->ecdsa == ecdsa && slot->rsa == rsa)
			return slot;
	slot = mem_new(sizeof(*slot));
	*slot = (struct tls_slot){
		.next = *list, .ecdsa = ecdsa, .rsa = rsa, .ssl = new_ssl(context)};
	if (use_identity(slot->ssl, ecdsa, info) != ERR_OK ||
		use_identity(slot->ssl, rsa, info) != ERR_OK) {
		SSL_CTX_free(slot->ssl);
		free(slot);
		return NULL;
	}
	slot->label = label_of(first);
	SSL_CTX_set_app_data(slot->ssl, slot);
	*list = slot;
	return slot;
}

void tls_slots_free(struct tls_slot **list)
{
	while (*list != NULL) {
		struct tls_slot *slot = *list;

		*list = slot->next;
		SSL_CTX_free(slot->ssl);
		free(slot->label);
		free(slot);
	}
}

/* Security level and key size speak here; what passes will not fail in a handshake. */
enum err tls_slots_check(const struct tls_context *context, struct err_info *info)
{
	SSL_CTX *ssl = new_ssl(context);
	enum err e = ERR_OK;

	for (size_t i = 0; i < context->identity_count && e == ERR_OK; i++)
		e = use_identity(ssl, &context->identities[i], info);
	SSL_CTX_free(ssl);
	return e;
}
