#include "port/tls/keypair.h"

#include "base/mem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

static void free_bio(BIO **bio)
{
	BIO_free(*bio);
}

static void free_x509(X509 **x509)
{
	X509_free(*x509);
}

static void free_key(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

/* Keys with a pass phrase are refused rather than asked for. */
static int no_password(char *to, int size, int is_writing, void *context)
{
	(void)to;
	(void)size;
	(void)is_writing;
	(void)context;
	return -1;
}

static enum err library_error(struct err_info *info, enum err code, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return err_set(info, code, "%s: %s", what, reason != NULL ? reason : "malformed");
}

enum err tls_keypair_check(struct str chain, struct str key, struct err_info *info)
{
	BIO *chain_bio CLEANUP(free_bio) = BIO_new_mem_buf(chain.p, (int)chain.n);
	BIO *key_bio CLEANUP(free_bio) = BIO_new_mem_buf(key.p, (int)key.n);
	X509 *leaf CLEANUP(free_x509) = PEM_read_bio_X509(chain_bio, NULL, no_password, NULL);
	EVP_PKEY *private CLEANUP(free_key) = NULL;

	if (leaf == NULL)
		return library_error(info, ERR_CERTIFICATE, "the chain holds no certificate");
	private = PEM_read_bio_PrivateKey(key_bio, NULL, no_password, NULL);
	if (private == NULL)
		return library_error(info, ERR_CERTIFICATE,
			"the key cannot be read (it must be PEM without a pass phrase)");
	if (X509_check_private_key(leaf, private) != 1) {
		ERR_clear_error();
		return err_set(info, ERR_CERTIFICATE,
			"the key does not belong to the first certificate of the chain");
	}
	return ERR_OK;
}

static bool add_extension(X509 *x509, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool added;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	added = extension != NULL && X509_add_ext(x509, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

static bool set_serial(X509 *x509)
{
	unsigned char bytes[16];
	BIGNUM *number;
	bool set;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] &= 0x7f; /* positive */
	bytes[0] |= 0x40; /* never shorter */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	set = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
	BN_free(number);
	return set;
}

static bool set_names(X509 *x509, const struct tls_keypair_request *request)
{
	struct buf names;
	X509_NAME *subject = X509_get_subject_name(x509);
	bool set;

	buf_init(&names, 65536);
	for (size_t i = 0; i < request->count; i++)
		buf_format(&names, "%sDNS:%s", i > 0 ? "," : "", request->names[i]);
	/* A common name has at most 64 characters; the names that count are in the extension. */
	set = !names.failed &&
	      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
		      (const unsigned char *)request->names[0],
		      strlen(request->names[0]) > 64 ? 64 : -1, -1, 0) == 1 &&
	      X509_set_issuer_name(x509, subject) == 1 &&
	      add_extension(x509, NID_subject_alt_name, buf_text(&names));
	buf_free(&names);
	return set;
}

static bool fill(X509 *x509, EVP_PKEY *key, const struct tls_keypair_request *request)
{
	time_t now = (time_t)(request->now_ms / 1000);

	return X509_set_version(x509, X509_VERSION_3) == 1 && set_serial(x509) &&
	       ASN1_TIME_adj(X509_getm_notBefore(x509), now, 0, -3600) != NULL &&
	       ASN1_TIME_adj(X509_getm_notAfter(x509), now, (int)request->days, 0) != NULL &&
	       X509_set_pubkey(x509, key) == 1 && set_names(x509, request) &&
	       add_extension(x509, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(x509, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(x509, NID_ext_key_usage, "serverAuth,clientAuth") &&
	       X509_sign(x509, key, EVP_sha256()) > 0;
}

static enum err take(BIO *from, struct buf *to, struct err_info *info)
{
	char *bytes;
	long n = BIO_get_mem_data(from, &bytes);

	return buf_put(to, str_make(bytes, n > 0 ? (size_t)n : 0)) == ERR_OK
		       ? ERR_OK
		       : err_set(info, ERR_TOO_LONG, "the certificate is too large");
}

enum err tls_keypair_self_signed(const struct tls_keypair_request *request, struct buf *ret_chain,
	struct buf *ret_key, struct err_info *info)
{
	EVP_PKEY *key CLEANUP(free_key) = EVP_EC_gen("P-256");
	X509 *x509 CLEANUP(free_x509) = X509_new();
	BIO *chain_bio CLEANUP(free_bio) = BIO_new(BIO_s_mem());
	BIO *key_bio CLEANUP(free_bio) = BIO_new(BIO_s_mem());
	enum err e;

	if (request->count == 0)
		return err_set(info, ERR_RANGE, "a certificate needs a name");
	if (key == NULL || x509 == NULL || !fill(x509, key, request) ||
		PEM_write_bio_X509(chain_bio, x509) != 1 ||
		PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return library_error(info, ERR_INTERNAL, "no certificate could be made");
	e = take(chain_bio, ret_chain, info);
	return e == ERR_OK ? take(key_bio, ret_key, info) : e;
}
