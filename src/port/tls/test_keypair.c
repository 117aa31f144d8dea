#include "base/mem.h"
#include "port/tls/keypair.h"
#include "port/tls/pem.h"
#include "port/tls/pkcs12.h"
#include "port/tls/strength.h"
#include "port/tls/test_certs.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static const char *const names[] = {"mx.contoso.example", "mail.contoso.example"};

struct kind_row {
	enum tls_keypair_kind kind;
	const char *type;
	int bits;
};

static const struct kind_row kind_rows[] = {
	{TLS_KEYPAIR_ECDSA_P256, "EC", 256},
	{TLS_KEYPAIR_ECDSA_P384, "EC", 384},
	{TLS_KEYPAIR_RSA_2048, "RSA", 2048},
	{TLS_KEYPAIR_RSA_3072, "RSA", 3072},
};

static void makes_pairs_of_every_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(kind_rows); i++) {
		struct tls_keypair_request request = {.names = names,
			.count = 2,
			.kind = kind_rows[i].kind,
			.now_ms = 1700000000000,
			.days = 30};
		struct err_info info = {.text = ""};
		struct buf chain, key;
		X509 *made;
		bool is_rsa = i < 2;

		buf_init(&chain, TLS_KEYPAIR_PEM_MAX);
		buf_init(&key, TLS_KEYPAIR_PEM_MAX);
		if (tls_keypair_self_signed(&request, &chain, &key, &info) != ERR_OK)
			fail_msg("%s", info.text);
		assert_int_equal(tls_keypair_check(buf_str(&chain), buf_str(&key), &info), ERR_OK);
		assert_int_equal(tls_strength_check(buf_str(&chain), &info), ERR_OK);
		assert_int_equal(tls_keypair_is_rsa(buf_str(&chain), &is_rsa, &info), ERR_OK);
		assert_int_equal(is_rsa, tls_keypair_kind_is_rsa(kind_rows[i].kind));
		made = tls_pem_certificate(buf_str(&chain));
		assert_true(EVP_PKEY_is_a(X509_get0_pubkey(made), kind_rows[i].type));
		assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(made)), kind_rows[i].bits);
		assert_int_equal(X509_check_host(made, names[1], 0, 0, NULL), 1);
		X509_free(made);
		buf_free(&chain);
		tls_keypair_forget(&key);
	}
}

static X509_REQ *request_of(struct buf *pem)
{
	BIO *bio = BIO_new_mem_buf(buf_text(pem), -1);
	X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return request;
}

static void asks_for_names(void **state)
{
	const struct tls_keypair_request request = {.names = names,
		.count = 2,
		.organisation = "Contoso Ünlimited",
		.unit = "Mail",
		.country = "DE"};
	struct tls_keypair_request wrong = request;
	struct err_info info = {.text = ""};
	STACK_OF(X509_EXTENSION) * extensions;
	GENERAL_NAMES *found;
	struct buf pem, key;
	char text[200];
	X509_REQ *made;

	(void)state;
	buf_init(&pem, TLS_KEYPAIR_PEM_MAX);
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	assert_int_equal(tls_keypair_signing_request(&request, &pem, &key, &info), ERR_OK);
	made = request_of(&pem);
	assert_non_null(made);
	assert_int_equal(X509_REQ_verify(made, X509_REQ_get0_pubkey(made)), 1);
	extensions = X509_REQ_get_extensions(made);
	found = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(found), 2);
	assert_int_equal(X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(made),
				 NID_organizationName, text, sizeof(text)),
		18);
	assert_string_equal(text, "Contoso Ünlimited");
	GENERAL_NAMES_free(found);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(made);
	wrong.country = "DEU";
	assert_int_equal(tls_keypair_signing_request(&wrong, &pem, &key, &info), ERR_RANGE);
	wrong = request;
	wrong.count = 0;
	assert_int_equal(tls_keypair_signing_request(&wrong, &pem, &key, &info), ERR_RANGE);
	buf_free(&pem);
	tls_keypair_forget(&key);
}

static void seals_and_opens(void **state)
{
	struct test_cert cert = test_cert_make(&(struct test_cert_options){.common_name = "mx"});
	struct err_info info = {.text = ""};
	struct buf key, sealed, opened;

	(void)state;
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	buf_init(&sealed, TLS_KEYPAIR_PEM_MAX);
	buf_init(&opened, TLS_KEYPAIR_PEM_MAX);
	assert_int_equal(tls_pem_put_key(cert.key, &key, &info), ERR_OK);
	assert_false(tls_keypair_is_sealed(buf_str(&key)));
	assert_int_equal(
		tls_keypair_seal(buf_str(&key), str_of("open sesame"), &sealed, &info), ERR_OK);
	assert_true(tls_keypair_is_sealed(buf_str(&sealed)));
	assert_int_equal(
		tls_keypair_open(buf_str(&sealed), str_of("open sesame"), &opened, &info), ERR_OK);
	assert_true(str_equal(buf_str(&opened), buf_str(&key)));
	assert_int_equal(
		tls_keypair_open(buf_str(&sealed), str_of("sesame"), &opened, &info), ERR_REFUSED);
	assert_non_null(strstr(info.text, "does not open"));
	assert_int_equal(
		tls_keypair_open(buf_str(&sealed), str_of(NULL), &opened, &info), ERR_REFUSED);
	assert_non_null(strstr(info.text, "no passphrase"));
	assert_int_equal(
		tls_keypair_open(str_of(cert.pem), str_of("x"), &opened, &info), ERR_SYNTAX);
	assert_int_equal(tls_keypair_seal(buf_str(&key), str_of(""), &sealed, &info), ERR_RANGE);
	assert_int_equal(tls_keypair_check(str_of(cert.pem), buf_str(&sealed), &info), ERR_REFUSED);
	tls_keypair_forget(&key);
	tls_keypair_forget(&opened);
	buf_free(&sealed);
	test_cert_clear(&cert);
}

static void takes_the_first_line(void **state)
{
	static const struct {
		struct str file;
		const char *want; /* NULL: refused */
	} rows[] = {
		{STR("secret"), "secret"},
		{STR("secret\n"), "secret"},
		{STR("secret words \r\nsecond\n"), "secret words "},
		{STR(""), NULL},
		{STR("\nsecond"), NULL},
		{STR("a\0b\n"), NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct err_info info;
		struct str found = {0};
		enum err e = tls_keypair_passphrase(rows[i].file, &found, &info);

		assert_int_equal(e, rows[i].want != NULL ? ERR_OK : ERR_SYNTAX);
		if (rows[i].want != NULL)
			assert_true(str_is(found, rows[i].want));
	}
}

/* ---- strength ---------------------------------------------------------------------------------
 */

struct strength_row {
	const char *name;
	struct test_cert_options options;
	const char *want; /* part of the reason; NULL: strong */
};

static const struct strength_row strength_rows[] = {
	{"P-256", {.common_name = "a"}, NULL},
	{"P-384", {.common_name = "a", .curve = "P-384"}, NULL},
	{"P-224", {.common_name = "a", .curve = "P-224"}, "curve"},
	{"a curve for coins", {.common_name = "a", .curve = "secp256k1"}, "curve"},
	{"RSA 2048", {.common_name = "a", .rsa_bits = 2048}, NULL},
	{"RSA 1024", {.common_name = "a", .rsa_bits = 1024}, "shorter than 2048"},
	{"SHA-1", {.common_name = "a", .weak_hash = true}, "SHA-1"},
};

static void knows_what_is_weak(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(strength_rows); i++) {
		const struct strength_row *row = &strength_rows[i];
		struct test_cert cert = test_cert_make(&row->options);
		struct err_info info = {.text = ""};
		enum err e = tls_strength_check(str_of(cert.pem), &info);

		if (e != (row->want == NULL ? ERR_OK : ERR_CERTIFICATE) ||
			(row->want != NULL && strstr(info.text, row->want) == NULL))
			fail_msg("%s: %s", row->name, info.text);
		test_cert_clear(&cert);
	}
}

static void looks_at_the_whole_chain(void **state)
{
	struct test_cert root = test_cert_make(&(struct test_cert_options){
		.common_name = "old root", .is_ca = true, .weak_hash = true});
	struct test_cert weak = test_cert_make(&(struct test_cert_options){
		.common_name = "weak", .is_ca = true, .rsa_bits = 1024, .issuer = &root});
	struct test_cert leaf =
		test_cert_make(&(struct test_cert_options){.common_name = "leaf", .issuer = &root});
	struct err_info info = {.text = ""};
	char *fine = test_cert_join(leaf.pem, root.pem);
	char *bad = test_cert_join(leaf.pem, weak.pem);

	(void)state;
	/* The signature of a root is nobody's proof. */
	assert_int_equal(tls_strength_check(str_of(fine), &info), ERR_OK);
	assert_int_equal(tls_strength_check(str_of(bad), &info), ERR_CERTIFICATE);
	assert_non_null(strstr(info.text, "certificate 2 of the chain (/CN=weak)"));
	assert_int_equal(tls_strength_check(str_of(""), &info), ERR_CERTIFICATE);
	free(fine);
	free(bad);
	test_cert_clear(&leaf);
	test_cert_clear(&weak);
	test_cert_clear(&root);
}

/* ---- PKCS #12 ---------------------------------------------------------------------------------
 */

struct p12_options {
	const char *passphrase;
	EVP_PKEY *key;
	X509 *leaf;
	STACK_OF(X509) * others;
	int cipher;	    /* NID; 0: AES-256 */
	int mac_iterations; /* -1: no MAC */
};

static struct str p12_of(const struct p12_options *o)
{
	int cipher = o->cipher != 0 ? o->cipher : NID_aes_256_cbc;
	PKCS12 *file = PKCS12_create(o->passphrase, "mx", o->key, o->leaf, o->others, cipher,
		cipher, 1000, o->mac_iterations, 0);
	unsigned char *der = NULL;
	int length;

	assert_non_null(file);
	length = i2d_PKCS12(file, &der);
	assert_true(length > 0);
	PKCS12_free(file);
	return str_make(der, (size_t)length);
}

static struct test_cert ca, mx, stranger;

static enum err read_p12(const struct p12_options *options, const char *passphrase,
	struct buf *chain, struct buf *key, struct err_info *info)
{
	struct str file = p12_of(options);
	enum err e;

	assert_true(tls_pkcs12_is(file));
	e = tls_pkcs12_read(file, str_of(passphrase), chain, key, info);
	OPENSSL_free((void *)(uintptr_t)file.p);
	return e;
}

static void reads_what_others_export(void **state)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	const struct p12_options rows[] = {
		{"pass", mx.key, mx.certificate, others, 0, 0},
		{"pass", mx.key, mx.certificate, others, NID_pbe_WithSHA1And3_Key_TripleDES_CBC, 0},
		{"pass", mx.key, mx.certificate, others, 0, -1},
		{"", mx.key, mx.certificate, others, 0, 0},
		{NULL, mx.key, mx.certificate, others, 0, 0},
		{"päss", mx.key, mx.certificate, others, 0, 0},
	};

	(void)state;
	sk_X509_push(others, ca.certificate);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct err_info info = {.text = ""};
		struct buf chain, key;
		X509 *leaf;

		buf_init(&chain, TLS_PKCS12_MAX);
		buf_init(&key, TLS_KEYPAIR_PEM_MAX);
		if (read_p12(&rows[i], rows[i].passphrase, &chain, &key, &info) != ERR_OK)
			fail_msg("%zu: %s", i, info.text);
		leaf = tls_pem_certificate(buf_str(&chain));
		assert_int_equal(X509_cmp(leaf, mx.certificate), 0);
		X509_free(leaf);
		assert_non_null(strstr(buf_text(&chain), ca.pem));
		assert_int_equal(tls_keypair_check(buf_str(&chain), buf_str(&key), &info), ERR_OK);
		buf_free(&chain);
		tls_keypair_forget(&key);
	}
	sk_X509_free(others);
}

struct p12_row {
	const char *name;
	struct p12_options options;
	const char *passphrase;
	enum err want;
	const char *text;
};

static void says_why_it_cannot_be_read(void **state)
{
	const struct p12_row rows[] = {
		{"wrong passphrase", {"pass", mx.key, mx.certificate, NULL, 0, 0}, "word",
			ERR_REFUSED, "does not open"},
		{"wrong passphrase, no MAC", {"pass", mx.key, mx.certificate, NULL, 0, -1}, "word",
			ERR_REFUSED, "does not open"},
		{"no passphrase", {"pass", mx.key, mx.certificate, NULL, 0, 0}, NULL, ERR_REFUSED,
			"none was given"},
		{"no key", {"pass", NULL, mx.certificate, NULL, 0, 0}, "pass", ERR_CERTIFICATE,
			"no private key"},
		{"no certificate", {"pass", mx.key, NULL, NULL, 0, 0}, "pass", ERR_CERTIFICATE,
			"no certificate that belongs"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct err_info info = {.text = ""};
		struct buf chain, key;
		enum err e;

		buf_init(&chain, TLS_PKCS12_MAX);
		buf_init(&key, TLS_KEYPAIR_PEM_MAX);
		e = read_p12(&rows[i].options, rows[i].passphrase, &chain, &key, &info);
		if (e != rows[i].want || strstr(info.text, rows[i].text) == NULL)
			fail_msg("%s: %s: %s", rows[i].name, err_token(e), info.text);
		assert_int_equal(buf_length(&key), 0);
		buf_free(&chain);
		buf_free(&key);
	}
}

static void refuses_what_is_damaged(void **state)
{
	const struct p12_options options = {"pass", mx.key, mx.certificate, NULL, 0, 0};
	struct str file = p12_of(&options);
	struct err_info info = {.text = ""};
	struct buf chain, key;

	(void)state;
	buf_init(&chain, TLS_PKCS12_MAX);
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	assert_false(tls_pkcs12_is(str_of(mx.pem)));
	assert_int_equal(
		tls_pkcs12_read(str_of(mx.pem), str_of("pass"), &chain, &key, &info), ERR_SYNTAX);
	for (size_t n = 0; n < file.n; n += 7)
		assert_int_not_equal(
			tls_pkcs12_read(str_make(file.p, n), str_of("pass"), &chain, &key, &info),
			ERR_OK);
	assert_int_equal(ERR_peek_error(), 0);
	OPENSSL_free((void *)(uintptr_t)file.p);
	buf_free(&chain);
	buf_free(&key);
}

/* The last INTEGER of the file is the number of rounds of its MAC. */
static void refuses_endless_work(void **state)
{
	static const unsigned char few[] = {2, 3, 1, 0, 0}, many[] = {2, 3, 0x7f, 0xff, 0xff};
	const struct p12_options options = {"pass", mx.key, mx.certificate, NULL, 0, 65536};
	struct str file = p12_of(&options);
	unsigned char *bytes = mem_new(file.n);
	struct err_info info = {.text = ""};
	struct buf chain, key;

	(void)state;
	buf_init(&chain, TLS_PKCS12_MAX);
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	memcpy(bytes, file.p, file.n);
	assert_memory_equal(bytes + file.n - sizeof(few), few, sizeof(few));
	memcpy(bytes + file.n - sizeof(many), many, sizeof(many));
	assert_int_equal(
		tls_pkcs12_read(str_make(bytes, file.n), str_of("pass"), &chain, &key, &info),
		ERR_RANGE);
	assert_non_null(strstr(info.text, "rounds"));
	free(bytes);
	OPENSSL_free((void *)(uintptr_t)file.p);
	buf_free(&chain);
	buf_free(&key);
}

static int make_certificates(void **state)
{
	(void)state;
	ca = test_cert_make(&(struct test_cert_options){.common_name = "ca", .is_ca = true});
	mx = test_cert_make(&(struct test_cert_options){.common_name = "mx", .issuer = &ca});
	stranger = test_cert_make(&(struct test_cert_options){.common_name = "stranger"});
	return 0;
}

static int clear_certificates(void **state)
{
	(void)state;
	test_cert_clear(&ca);
	test_cert_clear(&mx);
	test_cert_clear(&stranger);
	return 0;
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(makes_pairs_of_every_kind),
		cmocka_unit_test(asks_for_names),
		cmocka_unit_test(seals_and_opens),
		cmocka_unit_test(takes_the_first_line),
		cmocka_unit_test(knows_what_is_weak),
		cmocka_unit_test(looks_at_the_whole_chain),
		cmocka_unit_test(reads_what_others_export),
		cmocka_unit_test(says_why_it_cannot_be_read),
		cmocka_unit_test(refuses_what_is_damaged),
		cmocka_unit_test(refuses_endless_work),
	};

	return cmocka_run_group_tests(all, make_certificates, clear_certificates);
}
