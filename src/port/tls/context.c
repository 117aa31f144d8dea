#include "port/tls/context.h"
#include "port/tls/facts.h"

#include <openssl/err.h>
#include <stdlib.h>

/* Named as in RFC 8446 B.4 and by OpenSSL. */
const char tls_suites_13[] = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
			     "TLS_AES_128_GCM_SHA256";

/* The order that Microsoft 365 publishes for TLS 1.2, with the ECDSA twin and ChaCha20 beside each
 * AEAD suite.  All are ECDHE: without forward secrecy nothing is spoken.  The CBC suites with SHA-1
 * are left out; whoever can do ECDHE and TLS 1.2 can do SHA-2. */
const char tls_suites_12[] = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
			     "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
			     "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
			     "ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:"
			     "ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256";

/* P-521 only so that peers with a certificate on that curve can be talked to. */
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
const char tls_groups[] = "X25519MLKEM768:X25519:P-256:P-384:P-521";
#else
const char tls_groups[] = "X25519:P-256:P-384:P-521";
#endif

const char tls_signatures[] =
	"ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519:ed448:"
	"rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
	"rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
	"rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512";

struct named {
	const struct tls_identity *ecdsa, *rsa; /* that carry this very name */
	size_t slot;
};

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

/* The session remembers which certificate it began with, for the receipts of resumed ones. */
static int on_ticket_made(SSL *ssl, void *argument)
{
	const struct tls_context *context = argument;
	const X509 *leaf = SSL_get_certificate(ssl);

	for (size_t i = 0; i < context->identity_count; i++) {
		const char *name = context->identities[i].name;

		if (context->identities[i].leaf == leaf && !SSL_session_reused(ssl))
			return SSL_SESSION_set1_ticket_appdata(
				SSL_get_session(ssl), name, strlen(name));
	}
	return 1;
}

/* TLS 1.2 hands out its ticket even after a client certificate; such a one is not honoured. */
static SSL_TICKET_RETURN on_ticket_read(SSL *ssl, SSL_SESSION *session,
	const unsigned char *key_name, size_t key_name_length, SSL_TICKET_STATUS status,
	void *argument)
{
	(void)ssl;
	(void)key_name;
	(void)key_name_length;
	(void)argument;
	if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	if (SSL_SESSION_get0_peer(session) != NULL)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* Exact name, then the wildcard above it, else the default. */
static const struct named *find_named(const struct tls_context *context, const char *server_name)
{
	struct str name = str_of(server_name);
	char text[256];
	const struct named *named;
	size_t dot;

	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n == 0 || name.n >= sizeof(text))
		return NULL;
	memcpy(text, name.p, name.n);
	str_lower_in_place(text, name.n);
	named = map_get(context->names, str_make(text, name.n));
	if (named != NULL)
		return named;
	dot = str_find(name, '.', 0);
	if (dot == 0 || dot == name.n)
		return NULL;
	text[dot - 1] = '*';
	return map_get(context->names, str_make(text + dot - 1, name.n - dot + 1));
}

static int on_server_name(SSL *ssl, int *alert, void *argument)
{
	const struct tls_context *context = argument;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct named *named;

	(void)alert;
	named = name != NULL ? find_named(context, name) : NULL;
	if (named == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_SSL_CTX(ssl, context->slots[named->slot].ssl);
	return SSL_TLSEXT_ERR_OK;
}

/* Called on a client only when the server asks for a certificate. */
static int on_certificate_asked(SSL *ssl, void *argument)
{
	struct tls_session *session = SSL_get_app_data(ssl);

	(void)argument;
	session->certificate_asked = true;
	return 1;
}

static int on_session(SSL *ssl, SSL_SESSION *ssl_session)
{
	struct tls_session *session = SSL_get_app_data(ssl);
	const struct tls_identity *identity;
	const char *presented = tls_client_certificate(session);

	if (session->cache_key == NULL || session->tls->cache == NULL)
		return 0;
	/* For the receipts of those who resume it. */
	if (presented != NULL)
		(void)SSL_SESSION_set1_ticket_appdata(ssl_session, presented, strlen(presented));
	identity = session->slot->ecdsa != NULL ? session->slot->ecdsa : session->slot->rsa;
	tls_cache_put(session->tls->cache, session->cache_key,
		identity != NULL ? identity->name : NULL, ssl_session);
	return 1;
}

/* ---- SSL_CTX ----------------------------------------------------------------------------------
 */

static void set_server(const struct tls_context *context, SSL_CTX *ssl)
{
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_tlsext_servername_callback(ssl, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(ssl, (void *)context);
	if (!context->tickets) {
		SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
		SSL_CTX_set_num_tickets(ssl, 0);
		return;
	}
	SSL_CTX_set_num_tickets(ssl, 1);
	SSL_CTX_set_tlsext_ticket_keys(ssl, (void *)context->ticket_key, TLS_TICKET_KEY);
	SSL_CTX_set_session_ticket_cb(ssl, on_ticket_made, on_ticket_read, (void *)context);
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
	if (ssl == NULL || SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_ciphersuites(ssl, tls_suites_13) != 1 ||
		SSL_CTX_set_cipher_list(ssl, tls_suites_12) != 1 ||
		SSL_CTX_set1_groups_list(ssl, tls_groups) != 1 ||
		SSL_CTX_set1_sigalgs_list(ssl, tls_signatures) != 1 ||
		SSL_CTX_set_session_id_context(ssl, scope, sizeof(scope) - 1) != 1)
		abort();
	SSL_CTX_set_security_level(ssl, 2);
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

/* The slot for this pair, made if need be. */
static enum err get_slot(struct tls_context *context, const struct tls_identity *ecdsa,
	const struct tls_identity *rsa, size_t *ret, struct err_info *info)
{
	struct tls_slot *slot;
	enum err e;

	for (size_t i = 0; i < context->slot_count; i++) {
		if (context->slots[i].ecdsa == ecdsa && context->slots[i].rsa == rsa) {
			*ret = i;
			return ERR_OK;
		}
	}
	context->slots =
		mem_resize(context->slots, context->slot_count + 1, sizeof(*context->slots));
	slot = &context->slots[context->slot_count];
	*slot = (struct tls_slot){ecdsa, rsa, new_ssl(context)};
	*ret = context->slot_count++;
	e = use_identity(slot->ssl, ecdsa, info);
	return e != ERR_OK ? e : use_identity(slot->ssl, rsa, info);
}

/* ---- names ------------------------------------------------------------------------------------
 */

static void add_names(struct tls_context *context, const struct tls_identity *identity)
{
	for (size_t i = 0; i < identity->facts.names.count; i++) {
		struct str name = str_of(identity->facts.names.items[i]);
		struct named *named = map_get(context->names, name);

		if (named == NULL) {
			named = arena_alloc(context->arena, sizeof(*named));
			map_set(context->names, name, named);
		}
		if (identity->is_rsa && named->rsa == NULL)
			named->rsa = identity;
		if (!identity->is_rsa && named->ecdsa == NULL)
			named->ecdsa = identity;
	}
}

/* The certificates for a name: those that carry it, completed by those of the wildcard above. */
static struct named pair_for(const struct tls_context *context, struct str name)
{
	const struct named *exact = map_get(context->names, name);
	const struct named *above = NULL;
	struct named pair = exact != NULL ? *exact : (struct named){0};
	size_t dot = str_find(name, '.', 0);
	char text[257] = "*";

	if (dot > 0 && dot < name.n && name.n - dot < sizeof(text) - 1 && name.p[0] != '*') {
		memcpy(text + 1, name.p + dot, name.n - dot);
		above = map_get(context->names, str_make(text, name.n - dot + 1));
	}
	if (above != NULL && pair.ecdsa == NULL)
		pair.ecdsa = above->ecdsa;
	if (above != NULL && pair.rsa == NULL)
		pair.rsa = above->rsa;
	return pair;
}

/* The default is the first certificate, with its twin of the other kind if its first name has one.
 */
static enum err make_default(struct tls_context *context, struct err_info *info)
{
	const struct tls_identity *first = &context->identities[0];
	struct named pair = {0};
	size_t slot;

	if (first->facts.names.count > 0)
		pair = pair_for(context, str_of(first->facts.names.items[0]));
	if (first->is_rsa)
		pair.rsa = first;
	else
		pair.ecdsa = first;
	return get_slot(context, pair.ecdsa, pair.rsa, &slot, info);
}

static enum err make_server_slots(struct tls_context *context, struct err_info *info)
{
	struct str name;
	size_t position = 0;
	void *value;
	enum err e;

	context->names = map_new(0); /* keys come from the administrator */
	for (size_t i = 0; i < context->identity_count; i++)
		add_names(context, &context->identities[i]);
	e = make_default(context, info);
	while (e == ERR_OK && map_next(context->names, &position, &name, &value)) {
		struct named pair = pair_for(context, name);

		e = get_slot(context, pair.ecdsa, pair.rsa, &((struct named *)value)->slot, info);
	}
	return e;
}

static enum err make_client_slots(struct tls_context *context, struct err_info *info)
{
	size_t slot;
	enum err e;

	e = get_slot(context, NULL, NULL, &slot, info);
	for (size_t i = 0; i < context->identity_count && e == ERR_OK; i++) {
		const struct tls_identity *identity = &context->identities[i];

		e = get_slot(context, identity->is_rsa ? NULL : identity,
			identity->is_rsa ? identity : NULL, &slot, info);
	}
	return e;
}

/* ---- contexts ---------------------------------------------------------------------------------
 */

static enum err load_identities(struct tls_context *context,
	const struct tls_context_options *options, struct err_info *info)
{
	enum err e;

	if (options->identity_count > TLS_IDENTITIES_MAX)
		return err_set(info, ERR_TOO_MANY, "more than %d certificates", TLS_IDENTITIES_MAX);
	context->identities = mem_new((options->identity_count + 1) * sizeof(*context->identities));
	for (size_t i = 0; i < options->identity_count; i++) {
		context->identity_count++;
		e = tls_identity_load(
			&options->identities[i], context, &context->identities[i], info);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static struct tls_context *new_context(struct tls_signer *signer, bool is_server)
{
	struct tls_context *context = mem_new(sizeof(*context));

	context->references = 1;
	context->is_server = is_server;
	context->signer = tls_signer_ref(signer);
	context->arena = arena_new();
	return context;
}

enum err tls_server_context_new(struct tls_signer *signer,
	const struct tls_context_options *options, struct tls_context **ret, struct err_info *info)
{
	struct tls_context *context CLEANUP(tls_context_free) = NULL;
	enum err e;

	if (options->identity_count == 0)
		return err_set(info, ERR_UNKNOWN, "there is no certificate to present");
	context = new_context(signer, true);
	if (options->ticket_key != NULL) {
		context->tickets = true;
		memcpy(context->ticket_key, options->ticket_key, TLS_TICKET_KEY);
	}
	e = load_identities(context, options, info);
	if (e == ERR_OK)
		e = make_server_slots(context, info);
	if (e != ERR_OK)
		return e;
	*ret = context;
	context = NULL;
	return ERR_OK;
}

enum err tls_client_context_new(struct tls_signer *signer,
	const struct tls_context_options *options, struct tls_context **ret, struct err_info *info)
{
	struct tls_context *context CLEANUP(tls_context_free) = new_context(signer, false);
	enum err e;

	if (options->cached_sessions > 0)
		context->cache = tls_cache_new(options->cached_sessions);
	e = load_identities(context, options, info);
	if (e == ERR_OK)
		e = make_client_slots(context, info);
	if (e != ERR_OK)
		return e;
	*ret = context;
	context = NULL;
	return ERR_OK;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
	context->references++;
	return context;
}

void tls_context_free(struct tls_context **context)
{
	struct tls_context *c = *context;

	*context = NULL;
	if (c == NULL || --c->references > 0)
		return;
	tls_cache_free(&c->cache);
	for (size_t i = 0; i < c->slot_count; i++)
		SSL_CTX_free(c->slots[i].ssl);
	free(c->slots);
	for (size_t i = 0; i < c->identity_count; i++)
		tls_identity_clear(&c->identities[i]);
	free(c->identities);
	map_free(&c->names);
	arena_free(&c->arena);
	OPENSSL_cleanse(c->ticket_key, sizeof(c->ticket_key));
	tls_signer_free(&c->signer);
	free(c);
}

void tls_context_forget(struct tls_context *context, const char *cache_key)
{
	if (context->cache != NULL)
		tls_cache_forget(context->cache, cache_key);
}

const struct tls_slot *tls_context_slot(const struct tls_context *context, const char *name)
{
	for (size_t i = 1; name != NULL && i < context->slot_count; i++) {
		const struct tls_slot *slot = &context->slots[i];
		const struct tls_identity *identity = slot->ecdsa ? slot->ecdsa : slot->rsa;

		if (strcmp(identity->name, name) == 0)
			return slot;
	}
	return &context->slots[0];
}
