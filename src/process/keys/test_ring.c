#include "process/keys/ring.h"
#include "port/tls/test_certs.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

static struct test_cert ec, rsa, stranger;

static int file_with(const char *text)
{
	int fd = memfd_create("key", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

static int key_file(EVP_PKEY *key, const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long length;
	int fd;

	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key,
				 passphrase != NULL ? EVP_aes_128_cbc() : NULL, passphrase,
				 passphrase != NULL ? (int)strlen(passphrase) : 0, NULL, NULL),
		1);
	length = BIO_get_mem_data(bio, &data);
	text = mem_text_of(str_make(data, (size_t)length));
	fd = file_with(text);
	free(text);
	BIO_free(bio);
	return fd;
}

static void id_of(EVP_PKEY *key, unsigned char ret[32])
{
	unsigned char *der = NULL;
	int length = i2d_PUBKEY(key, &der);

	assert_int_equal(EVP_Digest(der, (size_t)length, ret, NULL, EVP_sha256(), NULL), 1);
	OPENSSL_free(der);
}

static enum err make_ring(const struct runtime_certificate *certificates, size_t count,
	const char *passphrase, struct keys_ring **ret, struct err_info *info)
{
	return keys_ring_new(&(struct keys_ring_source){.certificates = certificates,
				     .count = count,
				     .passphrase = str_of(passphrase)},
		ret, info);
}

static enum err sign(const struct keys_ring *ring, const struct wire_sign *request,
	unsigned char to[KEYS_SIGNATURE_MAX], size_t *ret_length)
{
	struct keys_order order;
	enum err e = keys_ring_order(ring, request, &order);

	if (e != ERR_OK)
		return e;
	e = keys_order_sign(&order, to, ret_length);
	keys_order_clear(&order);
	return e;
}

static struct keys_ring *full_ring(void)
{
	struct runtime_certificate certificates[] = {
		{.name = "ec", .chain = str_of(ec.pem), .key_fd = key_file(ec.key, NULL)},
		{.name = "rsa", .chain = str_of(rsa.pem), .key_fd = key_file(rsa.key, NULL)},
		{.name = "rsa again", .chain = str_of(rsa.pem), .key_fd = key_file(rsa.key, NULL)},
	};
	struct keys_ring *ring = NULL;
	struct err_info info = {.text = ""};

	if (make_ring(certificates, 3, NULL, &ring, &info) != ERR_OK)
		fail_msg("%s", info.text);
	for (size_t i = 0; i < 3; i++)
		close(certificates[i].key_fd);
	assert_int_equal(keys_ring_count(ring), 2);
	return ring;
}

struct sign_row {
	const char *name;
	const struct test_cert *cert;
	const char *scheme, *digest;
	size_t length;
	enum err want;
};

static const struct sign_row sign_rows[] = {
	{"ECDSA", &ec, "ecdsa", "SHA256", 32, ERR_OK},
	{"ECDSA, longer digest", &ec, "ecdsa", "SHA384", 48, ERR_OK},
	{"RSA PKCS #1", &rsa, "rsa-pkcs1", "SHA256", 32, ERR_OK},
	{"RSA PSS", &rsa, "rsa-pss", "SHA256", 32, ERR_OK},
	{"RSA PSS, SHA-512", &rsa, "rsa-pss", "SHA512", 64, ERR_OK},
	{"unknown key", &stranger, "ecdsa", "SHA256", 32, ERR_UNKNOWN},
	{"scheme of another key", &rsa, "ecdsa", "SHA256", 32, ERR_RANGE},
	{"scheme of another key, RSA", &ec, "rsa-pss", "SHA256", 32, ERR_RANGE},
	{"unknown scheme", &rsa, "rsa-raw", "SHA256", 32, ERR_RANGE},
	{"no scheme", &rsa, NULL, "SHA256", 32, ERR_RANGE},
	{"SHA-1", &rsa, "rsa-pkcs1", "SHA1", 20, ERR_RANGE},
	{"no digest", &rsa, "rsa-pkcs1", NULL, 32, ERR_RANGE},
	{"too short", &ec, "ecdsa", "SHA256", 31, ERR_RANGE},
	{"too long", &ec, "ecdsa", "SHA256", 33, ERR_RANGE},
	{"empty", &ec, "ecdsa", "SHA256", 0, ERR_RANGE},
};

static bool verifies(const struct sign_row *row, const unsigned char *signature, size_t length,
	const unsigned char *data)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(row->cert->key, NULL);
	bool ok;

	assert_int_equal(EVP_PKEY_verify_init(context), 1);
	if (strcmp(row->scheme, "rsa-pss") == 0) {
		EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST);
	}
	EVP_PKEY_CTX_set_signature_md(context, EVP_get_digestbyname(row->digest));
	ok = EVP_PKEY_verify(context, signature, length, data, row->length) == 1;
	EVP_PKEY_CTX_free(context);
	return ok;
}

static void signs_what_it_may(void **state)
{
	struct keys_ring *ring = full_ring();
	unsigned char signature[KEYS_SIGNATURE_MAX], id[32], data[64];

	(void)state;
	memset(data, 7, sizeof(data));
	for (size_t i = 0; i < ARRAY_LENGTH(sign_rows); i++) {
		const struct sign_row *row = &sign_rows[i];
		struct wire_sign request = {.scheme = row->scheme,
			.digest = row->digest,
			.key = str_make(id, 32),
			.data = str_make(data, row->length)};
		size_t length = 0;
		enum err got;

		id_of(row->cert->key, id);
		got = sign(ring, &request, signature, &length);
		if (got != row->want)
			fail_msg("%s: %s", row->name, err_token(got));
		if (got == ERR_OK && !verifies(row, signature, length, data))
			fail_msg("%s: the signature is wrong", row->name);
		request.key.n = 31;
		assert_int_not_equal(sign(ring, &request, signature, &length), ERR_OK);
	}
	keys_ring_free(&ring);
}

static const char *passphrase;

static void refuses(const char *chain, int fd, enum err want, const char *words)
{
	struct runtime_certificate certificate = {
		.name = "mx", .chain = str_of(chain), .key_fd = fd};
	struct keys_ring *ring = NULL;
	struct err_info info = {.text = ""};
	enum err got = make_ring(&certificate, 1, passphrase, &ring, &info);

	if (got != want || strstr(info.text, "certificate mx: ") == NULL ||
		strstr(info.text, words) == NULL)
		fail_msg("\"%s\" wanted, got %s: %s", words, err_token(got), info.text);
	assert_null(ring);
	if (fd >= 0)
		close(fd);
}

static void names_what_is_wrong(void **state)
{
	char *long_text = mem_new(KEYS_FILE_MAX + 2);

	(void)state;
	memset(long_text, 'x', KEYS_FILE_MAX + 1);
	refuses(ec.pem, key_file(rsa.key, NULL), ERR_CERTIFICATE, "does not belong");
	refuses(ec.pem, key_file(stranger.key, NULL), ERR_CERTIFICATE, "does not belong");
	refuses("nothing", key_file(ec.key, NULL), ERR_CERTIFICATE, "no certificate");
	refuses("", key_file(ec.key, NULL), ERR_CERTIFICATE, "no certificate");
	refuses(ec.pem, key_file(ec.key, "secret"), ERR_REFUSED, "keys.passphrase");
	passphrase = "open sesame";
	refuses(ec.pem, key_file(ec.key, "secret"), ERR_REFUSED, "does not open");
	passphrase = NULL;
	refuses(ec.pem, file_with("rubbish"), ERR_SYNTAX, "no private key");
	refuses(ec.pem, file_with(""), ERR_SYNTAX, "no private key");
	refuses(ec.pem, file_with(ec.pem), ERR_SYNTAX, "no private key");
	refuses(ec.pem, file_with(long_text), ERR_TOO_LONG, "cannot be read");
	refuses(ec.pem, -1, ERR_UNKNOWN, "no key file");
	free(long_text);
}

static void needs_a_module_for_tokens(void **state)
{
	struct runtime_certificate certificate = {
		.name = "mx", .chain = str_of(ec.pem), .key_fd = -1, .key_uri = "pkcs11:object=mx"};
	struct keys_ring *ring = NULL;
	struct err_info info = {.text = ""};

	(void)state;
	assert_int_equal(make_ring(&certificate, 1, NULL, &ring, &info), ERR_UNAVAILABLE);
	assert_non_null(strstr(info.text, "certificate mx: "));
	assert_non_null(strstr(info.text, "keys.pkcs11_module"));
}

static bool can_sign(const struct keys_ring *ring, const struct test_cert *cert)
{
	unsigned char signature[KEYS_SIGNATURE_MAX], id[32], data[32] = {0};
	size_t length = 0;

	id_of(cert->key, id);
	return sign(ring,
		       &(struct wire_sign){.scheme = "ecdsa",
			       .digest = "SHA256",
			       .key = str_make(id, 32),
			       .data = str_make(data, 32)},
		       signature, &length) == ERR_OK;
}

/* A second ring takes an encrypted key over from the first one, but only if file and passphrase are
 * the same. */
static void opens_encrypted_keys(void **state)
{
	struct runtime_certificate certificate = {
		.name = "ec", .chain = str_of(ec.pem), .key_fd = key_file(ec.key, "open sesame")};
	struct keys_ring_source source = {
		.certificates = &certificate, .count = 1, .passphrase = STR("open sesame")};
	struct keys_ring *first = NULL, *second = NULL;
	struct err_info info = {.text = ""};

	(void)state;
	assert_int_equal(keys_ring_new(&source, &first, &info), ERR_OK);
	assert_true(can_sign(first, &ec));
	source.previous = first;
	assert_int_equal(keys_ring_new(&source, &second, &info), ERR_OK);
	keys_ring_free(&first);
	assert_true(can_sign(second, &ec));
	source.previous = second;
	source.passphrase = str_of("sesame");
	assert_int_equal(keys_ring_new(&source, &first, &info), ERR_REFUSED);
	close(certificate.key_fd);
	certificate.key_fd = file_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n");
	source.passphrase = str_of("open sesame");
	assert_int_not_equal(keys_ring_new(&source, &first, &info), ERR_OK);
	close(certificate.key_fd);
	keys_ring_free(&second);
}

static int setup(void **state)
{
	struct test_cert_options options = {.common_name = "mx.example"};

	(void)state;
	keys_ring_prepare();
	ec = test_cert_make(&options);
	stranger = test_cert_make(&options);
	options.rsa_bits = 2048;
	rsa = test_cert_make(&options);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_cert_clear(&ec);
	test_cert_clear(&rsa);
	test_cert_clear(&stranger);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_what_it_may),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(needs_a_module_for_tokens),
		cmocka_unit_test(opens_encrypted_keys),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
