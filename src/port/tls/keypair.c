#include "port/tls/keypair.h"

#include "base/mem.h"
#include "port/tls/pem.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

const char *const tls_keypair_kind_names[] = {
	"ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096", NULL};

bool tls_keypair_kind_is_rsa(enum tls_keypair_kind kind)
{
	return kind >= TLS_KEYPAIR_RSA_2048;
}

static EVP_PKEY *make_key(enum tls_keypair_kind kind)
{
	switch (kind) {
	case TLS_KEYPAIR_ECDSA_P256:
		return EVP_EC_gen("P-256");
	case TLS_KEYPAIR_ECDSA_P384:
		return EVP_EC_gen("P-384");
	case TLS_KEYPAIR_RSA_2048:
		return EVP_RSA_gen(2048);
	case TLS_KEYPAIR_RSA_3072:
		return EVP_RSA_gen(3072);
	case TLS_KEYPAIR_RSA_4096:
		return EVP_RSA_gen(4096);
	case TLS_KEYPAIR_KINDS:
		break;
	}
	return NULL;
}

enum err tls_keypair_check(struct str chain, struct str key, struct err_info *info)
{
	X509 *leaf CLEANUP(tls_pem_free_certificate) = tls_pem_certificate(chain);
	EVP_PKEY *private CLEANUP(tls_pem_free_key) = NULL;
	enum err e;

	if (leaf == NULL)
		return tls_pem_error(info, ERR_CERTIFICATE, "the chain holds no certificate");
	e = tls_pem_key(key, str_of(NULL), &private, info);
	if (e != ERR_OK)
		return e;
	if (X509_check_private_key(leaf, private) != 1) {
		ERR_clear_error();
		return err_set(info, ERR_CERTIFICATE,
			"the key does not belong to the first certificate of the chain");
	}
	return ERR_OK;
}

enum err tls_keypair_is_rsa(struct str chain, bool *ret_rsa, struct err_info *info)
{
	X509 *leaf CLEANUP(tls_pem_free_certificate) = tls_pem_certificate(chain);
	const EVP_PKEY *key;

	if (leaf == NULL)
		return tls_pem_error(info, ERR_CERTIFICATE, "the chain holds no certificate");
	key = X509_get0_pubkey(leaf);
	if (key == NULL || !(EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC")))
		return tls_pem_error(
			info, ERR_UNSUPPORTED, "its key is neither of RSA nor of ECDSA");
	*ret_rsa = EVP_PKEY_is_a(key, "RSA");
	return ERR_OK;
}

/* ---- what stands in certificates and requests ------------------------------------------------ */

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

static bool add_entry(X509_NAME *subject, const char *field, const char *value, int length)
{
	return value == NULL || X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
					(const unsigned char *)value, length, -1, 0) == 1;
}

static bool set_subject(X509_NAME *subject, const struct tls_keypair_request *request)
{
	const char *name = request->names[0];

	/* A common name has at most 64 characters; the names that count are in the extension. */
	return add_entry(subject, "C", request->country, -1) &&
	       add_entry(subject, "O", request->organisation, -1) &&
	       add_entry(subject, "OU", request->unit, -1) &&
	       add_entry(subject, "CN", name, strlen(name) > 64 ? 64 : -1);
}

/* X509 is NULL for a request. */
static bool add_extension(X509 *x509, STACK_OF(X509_EXTENSION) * *to, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool added;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	added = extension != NULL && X509v3_add_ext(to, extension, -1) != NULL;
	X509_EXTENSION_free(extension);
	return added;
}

static void free_extensions(STACK_OF(X509_EXTENSION) * *extensions)
{
	sk_X509_EXTENSION_pop_free(*extensions, X509_EXTENSION_free);
}

static STACK_OF(X509_EXTENSION) *
	make_extensions(X509 *x509, const struct tls_keypair_request *request)
{
	STACK_OF(X509_EXTENSION) *list = NULL;
	/* Only a key of RSA ever encrypts another, and none does since TLS 1.3. */
	const char *usage = "critical,digitalSignature";
	struct buf names;
	bool made;

	buf_init(&names, 65536);
	for (size_t i = 0; i < request->count; i++)
		buf_format(&names, "%sDNS:%s", i > 0 ? "," : "", request->names[i]);
	made = !names.failed &&
	       add_extension(x509, &list, NID_subject_alt_name, buf_text(&names)) &&
	       add_extension(x509, &list, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(x509, &list, NID_key_usage, usage) &&
	       add_extension(x509, &list, NID_ext_key_usage, "serverAuth,clientAuth");
	buf_free(&names);
	if (!made)
		free_extensions(&list);
	return made ? list : NULL;
}

static bool fill(X509 *x509, EVP_PKEY *key, const struct tls_keypair_request *request)
{
	time_t now = (time_t)(request->now_ms / 1000);
	STACK_OF(X509_EXTENSION) * extensions CLEANUP(free_extensions) =
		make_extensions(x509, request);
	X509_NAME *subject = X509_get_subject_name(x509);

	for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++)
		if (X509_add_ext(x509, sk_X509_EXTENSION_value(extensions, i), -1) != 1)
			return false;
	return extensions != NULL && X509_set_version(x509, X509_VERSION_3) == 1 &&
	       set_serial(x509) && set_subject(subject, request) &&
	       X509_set_issuer_name(x509, subject) == 1 &&
	       ASN1_TIME_adj(X509_getm_notBefore(x509), now, 0, -3600) != NULL &&
	       ASN1_TIME_adj(X509_getm_notAfter(x509), now, (int)request->days, 0) != NULL &&
	       X509_set_pubkey(x509, key) == 1 && X509_sign(x509, key, EVP_sha256()) > 0;
}

static bool fill_request(X509_REQ *to, EVP_PKEY *key, const struct tls_keypair_request *request)
{
	STACK_OF(X509_EXTENSION) * extensions CLEANUP(free_extensions) =
		make_extensions(NULL, request);

	return extensions != NULL && X509_REQ_set_version(to, X509_REQ_VERSION_1) == 1 &&
	       set_subject(X509_REQ_get_subject_name(to), request) &&
	       X509_REQ_add_extensions(to, extensions) == 1 && X509_REQ_set_pubkey(to, key) == 1 &&
	       X509_REQ_sign(to, key, EVP_sha256()) > 0;
}

/* ---- making them ------------------------------------------------------------------------------
 */

static enum err check_request(const struct tls_keypair_request *request, struct err_info *info)
{
	if (request->count == 0)
		return err_set(info, ERR_RANGE, "a certificate needs a name");
	if (request->kind >= TLS_KEYPAIR_KINDS)
		return err_set(info, ERR_RANGE, "there is no such kind of key");
	if (request->country != NULL && strlen(request->country) != 2)
		return err_set(info, ERR_RANGE,
			"a country is named by its two letters (ISO 3166), found \"%s\"",
			request->country);
	return ERR_OK;
}

enum err tls_keypair_self_signed(const struct tls_keypair_request *request, struct buf *ret_chain,
	struct buf *ret_key, struct err_info *info)
{
	EVP_PKEY *key CLEANUP(tls_pem_free_key) = NULL;
	X509 *x509 CLEANUP(tls_pem_free_certificate) = X509_new();
	enum err e = check_request(request, info);

	if (e != ERR_OK)
		return e;
	key = make_key(request->kind);
	if (key == NULL || x509 == NULL || !fill(x509, key, request))
		return tls_pem_error(info, ERR_INTERNAL, "no certificate could be made");
	e = tls_pem_put_certificate(x509, ret_chain, info);
	return e == ERR_OK ? tls_pem_put_key(key, ret_key, info) : e;
}

static void free_request(X509_REQ **request)
{
	X509_REQ_free(*request);
}

enum err tls_keypair_signing_request(const struct tls_keypair_request *request,
	struct buf *ret_request, struct buf *ret_key, struct err_info *info)
{
	EVP_PKEY *key CLEANUP(tls_pem_free_key) = NULL;
	X509_REQ *made CLEANUP(free_request) = X509_REQ_new();
	BIO *bio CLEANUP(tls_pem_free_bio) = BIO_new(BIO_s_mem());
	enum err e = check_request(request, info);

	if (e != ERR_OK)
		return e;
	key = make_key(request->kind);
	if (key == NULL || made == NULL || bio == NULL || !fill_request(made, key, request) ||
		PEM_write_bio_X509_REQ(bio, made) != 1)
		return tls_pem_error(info, ERR_INTERNAL, "no request could be made");
	e = tls_pem_take(bio, ret_request, info);
	return e == ERR_OK ? tls_pem_put_key(key, ret_key, info) : e;
}

/* ---- passphrases ------------------------------------------------------------------------------
 */

bool tls_keypair_is_sealed(struct str key)
{
	static const char *const marks[] = {
		"-----BEGIN ENCRYPTED PRIVATE KEY-----", "\nProc-Type: 4,ENCRYPTED"};

	for (size_t i = 0; i < ARRAY_LENGTH(marks); i++)
		if (key.n > 0 && memmem(key.p, key.n, marks[i], strlen(marks[i])) != NULL)
			return true;
	return false;
}

static void free_plain(PKCS8_PRIV_KEY_INFO **plain)
{
	PKCS8_PRIV_KEY_INFO_free(*plain);
}

static void free_sealed(X509_SIG **sealed)
{
	X509_SIG_free(*sealed);
}

enum err tls_keypair_seal(
	struct str key, struct str passphrase, struct buf *ret_sealed, struct err_info *info)
{
	EVP_PKEY *private CLEANUP(tls_pem_free_key) = NULL;
	PKCS8_PRIV_KEY_INFO *plain CLEANUP(free_plain) = NULL;
	X509_SIG *sealed CLEANUP(free_sealed) = NULL;
	BIO *bio CLEANUP(tls_pem_free_bio) = BIO_new(BIO_s_mem());
	enum err e;

	if (passphrase.n == 0 || passphrase.n > TLS_PASSPHRASE_MAX)
		return err_set(
			info, ERR_RANGE, "a passphrase has 1 to %d bytes", TLS_PASSPHRASE_MAX);
	e = tls_pem_key(key, str_of(NULL), &private, info);
	if (e != ERR_OK)
		return e;
	plain = EVP_PKEY2PKCS8(private);
	if (plain != NULL)
		sealed = PKCS8_encrypt(-1, EVP_aes_256_cbc(), passphrase.p, (int)passphrase.n, NULL,
			0, TLS_SEAL_ITERATIONS, plain);
	if (bio == NULL || sealed == NULL || PEM_write_bio_PKCS8(bio, sealed) != 1)
		return tls_pem_error(info, ERR_INTERNAL, "the key could not be encrypted");
	return tls_pem_take(bio, ret_sealed, info);
}

enum err tls_keypair_open(
	struct str key, struct str passphrase, struct buf *ret_key, struct err_info *info)
{
	EVP_PKEY *private CLEANUP(tls_pem_free_key) = NULL;
	enum err e = tls_pem_key(key, passphrase, &private, info);

	return e == ERR_OK ? tls_pem_put_key(private, ret_key, info) : e;
}

enum err tls_keypair_passphrase(struct str file, struct str *ret, struct err_info *info)
{
	struct str line = str_cut(&file, '\n');

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n == 0 || line.n > TLS_PASSPHRASE_MAX || str_find(line, '\0', 0) < line.n)
		return err_set(info, ERR_SYNTAX,
			"its first line is the passphrase: 1 to %d bytes, expected there",
			TLS_PASSPHRASE_MAX);
	*ret = line;
	return ERR_OK;
}

void tls_keypair_forget(struct buf *key)
{
	if (key->p != NULL)
		OPENSSL_cleanse(key->p, key->size);
	buf_free(key);
}
