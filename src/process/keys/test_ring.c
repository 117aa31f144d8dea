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

static struct keys_ring *full_ring(void)
{
	struct runtime_certificate certificates[] = {
		{.name = "ec", .chain = str_of(ec.pem), .key_fd = key_file(ec.key, NULL)},
		{.name = "rsa", .chain = str_of(rsa.pem), .key_fd = key_file(rsa.key, NULL)},
		{.name = "rsa again", .chain = str_of(rsa.pem), .key_fd = key_file(rsa.key, NULL)},
	};
	struct keys_ring *ring = NULL;
	struct err_info info = {.text = ""};

	if (keys_ring_new(certificates, 3, &ring, &info) != ERR_OK)
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
		got = keys_ring_sign(ring, &request, signature, &length);
		if (got != row->want)
			fail_msg("%s: %s", row->name, err_token(got));
		if (got == ERR_OK && !verifies(row, signature, length, data))
			fail_msg("%s: the signature is wrong", row->name);
		request.key.n = 31;
		assert_int_not_equal(keys_ring_sign(ring, &request, signature, &length), ERR_OK);
	}
	keys_ring_free(&ring);
}

static void refuses(const char *chain, int fd, enum err want, const char *words)
{
	struct runtime_certificate certificate = {
		.name = "mx", .chain = str_of(chain), .key_fd = fd};
	struct keys_ring *ring = NULL;
	struct err_info info = {.text = ""};
	enum err got = keys_ring_new(&certificate, 1, &ring, &info);

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
	refuses(ec.pem, key_file(ec.key, "secret"), ERR_UNSUPPORTED, "encrypted");
	refuses(ec.pem, file_with("rubbish"), ERR_SYNTAX, "no private key");
	refuses(ec.pem, file_with(""), ERR_SYNTAX, "no private key");
	refuses(ec.pem, file_with(ec.pem), ERR_SYNTAX, "no private key");
	refuses(ec.pem, file_with(long_text), ERR_TOO_LONG, "cannot be read");
	refuses(ec.pem, -1, ERR_UNKNOWN, "no key file");
	free(long_text);
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
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
