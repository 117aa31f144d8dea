#include "port/tls/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

void tls_pem_free_bio(BIO **bio)
{
	BIO_free(*bio);
}

void tls_pem_free_certificate(X509 **certificate)
{
	X509_free(*certificate);
}

void tls_pem_free_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

enum err tls_pem_error(struct err_info *info, enum err code, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return reason != NULL ? err_set(info, code, "%s: %s", what, reason)
			      : err_set(info, code, "%s", what);
}

struct answer {
	struct str passphrase;
	bool asked;
};

static int on_question(char *to, int size, int is_writing, void *context)
{
	struct answer *answer = context;

	(void)is_writing;
	answer->asked = true;
	if (answer->passphrase.n == 0 || size < 0 || answer->passphrase.n > (size_t)size)
		return -1;
	memcpy(to, answer->passphrase.p, answer->passphrase.n);
	return (int)answer->passphrase.n;
}

BIO *tls_pem_bio(struct str pem)
{
	return pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.n > 0 ? pem.p : "", (int)pem.n) : NULL;
}

X509 *tls_pem_next(BIO *bio)
{
	struct answer answer = {.asked = false};

	return bio != NULL ? PEM_read_bio_X509(bio, NULL, on_question, &answer) : NULL;
}

X509 *tls_pem_certificate(struct str pem)
{
	BIO *bio CLEANUP(tls_pem_free_bio) = tls_pem_bio(pem);
	X509 *certificate = tls_pem_next(bio);

	if (certificate != NULL)
		ERR_clear_error();
	return certificate;
}

enum err tls_pem_key(
	struct str pem, struct str passphrase, EVP_PKEY **ret_key, struct err_info *info)
{
	struct answer answer = {.passphrase = passphrase};
	BIO *bio CLEANUP(tls_pem_free_bio) = tls_pem_bio(pem);
	EVP_PKEY *key =
		bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, on_question, &answer) : NULL;

	ERR_clear_error();
	if (key != NULL) {
		*ret_key = key;
		return ERR_OK;
	}
	if (answer.asked && passphrase.n == 0)
		return err_set(info, ERR_REFUSED,
			"the private key is encrypted, and no passphrase is known for it");
	if (answer.asked)
		return err_set(info, ERR_REFUSED,
			"the private key is encrypted, and the passphrase does not open it");
	return err_set(info, ERR_SYNTAX, "no private key in PEM is there");
}

enum err tls_pem_take(BIO *from, struct buf *ret, struct err_info *info)
{
	char *bytes;
	long n = BIO_get_mem_data(from, &bytes);

	return buf_put(ret, str_make(bytes, n > 0 ? (size_t)n : 0)) == ERR_OK
		       ? ERR_OK
		       : err_set(info, ERR_TOO_LONG, "more than the limit of %zu bytes", ret->max);
}

enum err tls_pem_put_certificate(X509 *certificate, struct buf *ret, struct err_info *info)
{
	BIO *bio CLEANUP(tls_pem_free_bio) = BIO_new(BIO_s_mem());

	if (bio == NULL || PEM_write_bio_X509(bio, certificate) != 1)
		return tls_pem_error(info, ERR_INTERNAL, "the certificate cannot be written");
	return tls_pem_take(bio, ret, info);
}

enum err tls_pem_put_key(const EVP_PKEY *key, struct buf *ret, struct err_info *info)
{
	BIO *bio CLEANUP(tls_pem_free_bio) = BIO_new(BIO_s_secmem());

	if (bio == NULL || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return tls_pem_error(info, ERR_INTERNAL, "the key cannot be written");
	return tls_pem_take(bio, ret, info);
}
