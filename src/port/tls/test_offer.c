#include "port/tls/offer.h"

#include "port/tls/context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

/* What a ClientHello really holds. */
struct hello {
	unsigned char suites[64], groups[64], signatures[128];
	size_t suites_size, groups_size, signatures_size;
};

static size_t take_extension(SSL *ssl, unsigned type, unsigned char *to, size_t size)
{
	const unsigned char *data;
	size_t n;

	assert_int_equal(SSL_client_hello_get0_ext(ssl, type, &data, &n), 1);
	assert_true(n >= 2 && n - 2 <= size);
	memcpy(to, data + 2, n - 2); /* behind the length of the list */
	return n - 2;
}

static int on_hello(SSL *ssl, int *alert, void *argument)
{
	struct hello *hello = argument;
	const unsigned char *suites;

	(void)alert;
	hello->suites_size = SSL_client_hello_get0_ciphers(ssl, &suites);
	assert_true(hello->suites_size <= sizeof(hello->suites));
	memcpy(hello->suites, suites, hello->suites_size);
	hello->groups_size = take_extension(
		ssl, TLSEXT_TYPE_supported_groups, hello->groups, sizeof(hello->groups));
	hello->signatures_size = take_extension(ssl, TLSEXT_TYPE_signature_algorithms,
		hello->signatures, sizeof(hello->signatures));
	return SSL_CLIENT_HELLO_ERROR;
}

static void say_hello(const struct tls_client_options *options, struct hello *ret)
{
	SSL_CTX *near = SSL_CTX_new(TLS_method()), *far = SSL_CTX_new(TLS_server_method());
	SSL *client, *server;
	BIO *a, *b;

	assert_int_equal(BIO_new_bio_pair(&a, 16384, &b, 16384), 1);
	tls_offer_set(near);
	SSL_CTX_set_client_hello_cb(far, on_hello, ret);
	client = SSL_new(near);
	server = SSL_new(far);
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
	tls_offer_narrow(client, options);
	assert_int_not_equal(SSL_connect(client), 1);
	assert_int_not_equal(SSL_accept(server), 1);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(near);
	SSL_CTX_free(far);
}

static unsigned number_of_suite(const char *library)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	SSL *ssl;
	unsigned number = 0;
	STACK_OF(SSL_CIPHER) * all;

	tls_offer_set(context);
	ssl = SSL_new(context);
	all = SSL_get_ciphers(ssl);
	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++)
		if (strcmp(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i)), library) == 0)
			number = SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(all, i));
	SSL_free(ssl);
	SSL_CTX_free(context);
	return number;
}

/* RFC 8446 4.2.7, 4.2.3. */
static unsigned number_of_name(const char *name)
{
	static const struct {
		const char *name;
		unsigned number;
	} rows[] = {{"x25519mlkem768", 0x11ec}, {"x25519", 29}, {"secp256r1", 23},
		{"secp384r1", 24}, {"secp521r1", 25}, {"ecdsa_secp256r1_sha256", 0x0403},
		{"ecdsa_secp384r1_sha384", 0x0503}, {"ecdsa_secp521r1_sha512", 0x0603},
		{"ed25519", 0x0807}, {"ed448", 0x0808}, {"rsa_pss_rsae_sha256", 0x0804},
		{"rsa_pss_rsae_sha384", 0x0805}, {"rsa_pss_rsae_sha512", 0x0806},
		{"rsa_pss_pss_sha256", 0x0809}, {"rsa_pss_pss_sha384", 0x080a},
		{"rsa_pss_pss_sha512", 0x080b}, {"rsa_pkcs1_sha256", 0x0401},
		{"rsa_pkcs1_sha384", 0x0501}, {"rsa_pkcs1_sha512", 0x0601}};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].number;
	fail_msg("%s is not in this table", name);
	return 0;
}

static void expect_numbers(
	const struct record_texts *names, const unsigned char *numbers, size_t size)
{
	assert_int_equal(names->count * 2, size);
	for (size_t i = 0; i < names->count; i++)
		assert_int_equal(
			number_of_name(names->items[i]), numbers[2 * i] << 8 | numbers[2 * i + 1]);
}

/* What is told is what goes over the wire, in that order. */
static void test_what_is_told_is_what_is_said(void **state)
{
	static const char *one[] = {"secp384r1"}, *none[] = {"x448"};
	const struct tls_client_options rows[] = {{.server_name = NULL}, {.reduced_hello = true},
		{.minimum_version = MODEL_TLS_13}, {.groups = {one, 1}},
		{.groups = {one, 1}, .groups_first = true}, {.groups = {none, 1}},
		{.groups = {one, 1}, .reduced_hello = true}};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct tls_offer_question question = {.narrow = rows[i]};
		struct hello hello = {.suites_size = 0};
		struct tls_offer offer;
		size_t at = 0;

		tls_offer_of(&question, arena, &offer);
		say_hello(&rows[i], &hello);
		expect_numbers(&offer.groups, hello.groups, hello.groups_size);
		expect_numbers(&offer.signatures, hello.signatures, hello.signatures_size);
		for (; at < offer.suite_count; at++)
			assert_int_equal(number_of_suite(offer.suites[at].library),
				hello.suites[2 * at] << 8 | hello.suites[2 * at + 1]);
		if (hello.suites_size > 2 * at) { /* TLS_EMPTY_RENEGOTIATION_INFO_SCSV */
			assert_int_equal(hello.suites_size, 2 * at + 2);
			assert_memory_equal(hello.suites + 2 * at, "\x00\xff", 2);
		}
		assert_int_equal(
			offer.versions.count, rows[i].minimum_version == MODEL_TLS_13 ? 1 : 2);
		assert_int_equal(offer.own_signatures.count, 0);
	}
	arena_free(&arena);
}

static const char *join(const struct record_texts *texts, struct arena *arena)
{
	const char *all = "";

	for (size_t i = 0; i < texts->count; i++)
		all = arena_format(arena, "%s%s%s", all, i > 0 ? " " : "", texts->items[i]);
	return all;
}

static void test_keys_decide_what_a_server_can(void **state)
{
	static const struct {
		const char *keys[2];
		bool has_ecdsa, has_rsa;
		const char *own;
	} rows[] = {
		{{"ECDSA P-256"}, true, false, "ecdsa_secp256r1_sha256"},
		{{"ECDSA P-384"}, true, false, "ecdsa_secp384r1_sha384"},
		{{"RSA 2048"}, false, true,
			"rsa_pss_rsae_sha256 rsa_pss_rsae_sha384 rsa_pss_rsae_sha512 "
			"rsa_pkcs1_sha256 rsa_pkcs1_sha384 rsa_pkcs1_sha512"},
		{{"ECDSA P-256", "RSA 3072"}, true, true,
			"ecdsa_secp256r1_sha256 rsa_pss_rsae_sha256 rsa_pss_rsae_sha384 "
			"rsa_pss_rsae_sha512 rsa_pkcs1_sha256 rsa_pkcs1_sha384 rsa_pkcs1_sha512"},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct tls_offer_question question = {.is_server = true,
			.keys = {(const char **)rows[i].keys, rows[i].keys[1] != NULL ? 2 : 1}};
		struct tls_offer offer;
		bool has_ecdsa = false, has_rsa = false;

		tls_offer_of(&question, arena, &offer);
		assert_string_equal(join(&offer.own_signatures, arena), rows[i].own);
		for (size_t k = 0; k < offer.suite_count; k++) {
			assert_true(offer.suites[k].is_forward_secret);
			has_ecdsa |= strstr(offer.suites[k].name, "_ECDSA_") != NULL;
			has_rsa |= strstr(offer.suites[k].name, "_RSA_") != NULL;
		}
		assert_string_equal(offer.suites[0].version, "TLSv1.3");
		assert_int_equal(has_ecdsa, rows[i].has_ecdsa);
		assert_int_equal(has_rsa, rows[i].has_rsa);
		assert_true(offer.security_level >= 2);
	}
	arena_free(&arena);
}

/* Nothing without forward secrecy is in any offer. */
static void test_forward_secrecy(void **state)
{
	struct arena *arena = arena_new();
	struct tls_offer_question question = {.narrow = {.minimum_version = MODEL_TLS_12}};
	struct tls_offer offer;

	(void)state;
	tls_offer_of(&question, arena, &offer);
	assert_true(offer.suite_count >= 8);
	for (size_t i = 0; i < offer.suite_count; i++)
		assert_true(offer.suites[i].is_forward_secret);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_told_is_what_is_said),
		cmocka_unit_test(test_keys_decide_what_a_server_can),
		cmocka_unit_test(test_forward_secrecy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
