/*
 * What is offered to peers and accepted of them: one place from which every connection, the listing
 * for administrators and the documentation have it.
 */
#include "port/tls/offer.h"

#include "port/tls/context.h"
#include "port/tls/groups.h"

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

/* What fits into one packet, and what every middlebox has seen a thousand times. */
static const char reduced_13[] = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
static const char reduced_12[] = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
				 "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
static const char reduced_groups[] = "X25519:P-256";
static const char reduced_signatures[] =
	"ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:rsa_pss_rsae_sha256:"
	"rsa_pkcs1_sha256:rsa_pkcs1_sha384";

enum { SECURITY_LEVEL = 2 };

/* ---- setting --------------------------------------------------------------------------------- */

void tls_offer_set(SSL_CTX *ssl)
{
	/* These fail only where the library lacks what the build requires. */
	if (SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_ciphersuites(ssl, tls_suites_13) != 1 ||
		SSL_CTX_set_cipher_list(ssl, tls_suites_12) != 1 ||
		SSL_CTX_set1_groups_list(ssl, tls_groups) != 1 ||
		SSL_CTX_set1_sigalgs_list(ssl, tls_signatures) != 1)
		abort();
	SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
}

static void reduce(SSL *ssl)
{
	if (SSL_set_ciphersuites(ssl, reduced_13) != 1 ||
		SSL_set_cipher_list(ssl, reduced_12) != 1 ||
		SSL_set1_groups_list(ssl, reduced_groups) != 1 ||
		SSL_set1_sigalgs_list(ssl, reduced_signatures) != 1)
		abort();
	SSL_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_ENCRYPT_THEN_MAC);
}

/* What is demanded and known here; where nothing is left of it the offer stays as it is, and policy
 * refuses what comes of it. */
static void list_groups(const struct tls_client_options *options, char ret[TLS_GROUPS_TEXT])
{
	const char *own = options->reduced_hello ? reduced_groups : tls_groups;
	bool any = false;

	if (options->groups_first) {
		tls_groups_first(&options->groups, own, ret);
		return;
	}
	if (options->reduced_hello)
		any = tls_groups_list(&options->groups, own, ret);
	if (!any && !tls_groups_list(&options->groups, tls_groups, ret))
		tls_groups_first(&options->groups, own, ret);
}

void tls_offer_narrow(SSL *ssl, const struct tls_client_options *options)
{
	char list[TLS_GROUPS_TEXT];

	if (options->reduced_hello)
		reduce(ssl);
	if (options->minimum_version == MODEL_TLS_13)
		(void)SSL_set_min_proto_version(ssl, TLS1_3_VERSION);
	if (options->groups.count == 0)
		return;
	list_groups(options, list);
	(void)SSL_set1_groups_list(ssl, list);
}

/* ---- telling --------------------------------------------------------------------------------- */

static void add(struct record_texts *list, const char *text)
{
	list->items[list->count++] = text;
}

static struct record_texts split(const char *text, struct arena *arena)
{
	struct record_texts list = {.items = arena_array(arena, strlen(text) + 1, sizeof(char *))};

	for (struct str rest = str_of(text); rest.n > 0;)
		add(&list, arena_text_of(arena, str_cut(&rest, ':')));
	return list;
}

static struct record_texts groups_of(const struct tls_client_options *options, struct arena *arena)
{
	struct record_texts list;
	char text[TLS_GROUPS_TEXT];

	list_groups(options, text);
	list = split(text, arena);
	for (size_t i = 0; i < list.count; i++)
		list.items[i] = tls_group_of_library(list.items[i]);
	return list;
}

/* Can a key of that kind ("ECDSA P-256", "RSA 2048", "RSA-PSS 3072") make such signatures? */
static bool makes(const char *key, const char *scheme)
{
	static const char *const rows[][2] = {{"ECDSA P-256", "ecdsa_secp256r1_"},
		{"ECDSA P-384", "ecdsa_secp384r1_"}, {"ECDSA P-521", "ecdsa_secp521r1_"},
		{"RSA ", "rsa_pss_rsae_"}, {"RSA ", "rsa_pkcs1_"}, {"RSA-PSS ", "rsa_pss_pss_"}};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (strncmp(key, rows[i][0], strlen(rows[i][0])) == 0 &&
			strncmp(scheme, rows[i][1], strlen(rows[i][1])) == 0)
			return true;
	return false;
}

static bool any_makes(const struct record_texts *keys, const char *scheme)
{
	for (size_t i = 0; i < keys->count; i++)
		if (makes(keys->items[i], scheme))
			return true;
	return false;
}

/* TLS 1.3 signs with RSA by PSS only (RFC 8446 4.2.3). */
static void list_own_signatures(
	const struct tls_offer_question *question, struct tls_offer *offer, struct arena *arena)
{
	bool only_13 = question->narrow.minimum_version == MODEL_TLS_13;

	offer->own_signatures.items =
		arena_array(arena, offer->signatures.count + 1, sizeof(char *));
	for (size_t i = 0; i < offer->signatures.count; i++) {
		const char *scheme = offer->signatures.items[i];

		if (any_makes(&question->keys, scheme) &&
			!(only_13 && strncmp(scheme, "rsa_pkcs1_", 10) == 0))
			add(&offer->own_signatures, scheme);
	}
}

/* A server without a key of that kind never chooses such a suite. */
static bool is_of_use(const struct tls_offer_question *question, const SSL_CIPHER *cipher)
{
	int authentication = SSL_CIPHER_get_auth_nid(cipher);

	if (!question->is_server || authentication == NID_auth_any)
		return true;
	return any_makes(&question->keys,
		       authentication == NID_auth_ecdsa ? "ecdsa_secp256r1_" : "rsa_pss_rsae_") ||
	       (authentication == NID_auth_ecdsa &&
		       (any_makes(&question->keys, "ecdsa_secp384r1_") ||
			       any_makes(&question->keys, "ecdsa_secp521r1_")));
}

/* In TLS 1.3 every key exchange is ephemeral: a session is never resumed without one. */
static bool is_forward_secret(const SSL_CIPHER *cipher)
{
	int exchange = SSL_CIPHER_get_kx_nid(cipher);

	return exchange == NID_kx_any || exchange == NID_kx_ecdhe || exchange == NID_kx_dhe;
}

static void list_suites(const struct tls_offer_question *question, SSL *ssl, struct arena *arena,
	struct tls_offer *offer)
{
	STACK_OF(SSL_CIPHER) *ciphers = SSL_get1_supported_ciphers(ssl);
	int count = ciphers != NULL ? sk_SSL_CIPHER_num(ciphers) : 0;

	offer->suites = arena_array(arena, (size_t)count + 1, sizeof(*offer->suites));
	for (int i = 0; i < count; i++) {
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);
		const char *name = SSL_CIPHER_standard_name(cipher);

		if (!is_of_use(question, cipher))
			continue;
		offer->suites[offer->suite_count++] = (struct tls_offer_suite){
			.name = arena_text(
				arena, name != NULL ? name : SSL_CIPHER_get_name(cipher)),
			.library = arena_text(arena, SSL_CIPHER_get_name(cipher)),
			.version =
				SSL_CIPHER_get_kx_nid(cipher) == NID_kx_any ? "TLSv1.3" : "TLSv1.2",
			.is_forward_secret = is_forward_secret(cipher)};
	}
	sk_SSL_CIPHER_free(ciphers);
}

void tls_offer_of(
	const struct tls_offer_question *question, struct arena *arena, struct tls_offer *ret)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	bool is_reduced = question->narrow.reduced_hello;
	SSL *ssl;

	if (context == NULL)
		abort();
	tls_offer_set(context);
	ssl = SSL_new(context);
	if (ssl == NULL)
		abort();
	if (question->is_server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	tls_offer_narrow(ssl, &question->narrow);
	*ret = (struct tls_offer){.versions = split(SSL_get_min_proto_version(ssl) == TLS1_3_VERSION
							    ? "TLSv1.3"
							    : "TLSv1.3:TLSv1.2",
					  arena),
		.groups = groups_of(&question->narrow, arena),
		.signatures = split(is_reduced ? reduced_signatures : tls_signatures, arena),
		.security_level = SSL_get_security_level(ssl),
		.library = OpenSSL_version(OPENSSL_VERSION)};
	list_suites(question, ssl, arena, ret);
	list_own_signatures(question, ret, arena);
	SSL_free(ssl);
	SSL_CTX_free(context);
	ERR_clear_error();
}
