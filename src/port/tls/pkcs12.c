/*
 * A file is a list of "safes", each plain or encrypted; a safe is a list of "bags": a key, an
 * encrypted key, a certificate, or what is of no use here (RFC 7292 4).  The whole is under a MAC
 * whose key comes from the passphrase, too.
 *
 * The library's own PKCS12_parse() is not used: it lets the file say for how long a processor is
 * busy with the passphrase, and tells a wrong one from a cipher that is gone by no clear sign.
 */
#include "port/tls/pkcs12.h"

#include "base/compiler.h"
#include "port/tls/pem.h"

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <string.h>

struct reading {
	const char *passphrase; /* NUL-terminated; NULL: without (not the same as an empty one) */
	int length;
	EVP_PKEY *keys[TLS_PKCS12_CERTIFICATES_MAX];
	X509 *certificates[TLS_PKCS12_CERTIFICATES_MAX];
	size_t key_count, certificate_count;
	struct err_info *info;
};

bool tls_pkcs12_is(struct str bytes)
{
	/* A SEQUENCE, then the INTEGER 3 (RFC 7292 4). */
	size_t length = bytes.n < 16 ? bytes.n : 16;

	return length > 4 && bytes.p[0] == 0x30 &&
	       memmem(bytes.p, length, "\x02\x01\x03", 3) != NULL;
}

/* ---- errors -----------------------------------------------------------------------------------
 */

static enum err cannot_open(struct reading *r)
{
	bool is_old = false;
	unsigned long error;

	while ((error = ERR_get_error()) != 0)
		is_old = is_old || ERR_GET_REASON(error) == ERR_R_UNSUPPORTED ||
			 (ERR_GET_LIB(error) == ERR_LIB_EVP &&
				 (ERR_GET_REASON(error) == EVP_R_UNKNOWN_PBE_ALGORITHM ||
					 ERR_GET_REASON(error) == EVP_R_UNSUPPORTED_CIPHER ||
					 ERR_GET_REASON(error) == EVP_R_UNSUPPORTED_PRF));
	if (is_old)
		return err_set(r->info, ERR_UNSUPPORTED,
			"the file is encrypted in a way that is not supported (most likely RC2 "
			"with 40 bits); export it again with AES, or change it by `openssl pkcs12 "
			"-legacy -in OLD -nodes | openssl pkcs12 -export -out NEW`");
	return err_set(r->info, ERR_REFUSED,
		r->passphrase == NULL || r->passphrase[0] == '\0'
			? "the file is protected by a passphrase, and none was given"
			: "the passphrase does not open the file");
}

static enum err is_damaged(struct reading *r, const char *where)
{
	ERR_clear_error();
	return err_set(r->info, ERR_SYNTAX, "the PKCS #12 file is damaged: %s", where);
}

/* ---- how much work it asks for ----------------------------------------------------------------
 */

static bool is_little(const ASN1_INTEGER *iterations)
{
	int64_t value;

	if (iterations == NULL)
		return true;
	if (ASN1_INTEGER_get_int64(&value, iterations) != 1) {
		ERR_clear_error();
		return false;
	}
	return value >= 0 && value <= TLS_PKCS12_ITERATIONS_MAX;
}

static bool is_pbkdf2_little(const X509_ALGOR *function)
{
	PBKDF2PARAM *parameters;
	bool is_fine;

	/* Scrypt is bounded by the library itself. */
	if (function == NULL || OBJ_obj2nid(function->algorithm) != NID_id_pbkdf2)
		return true;
	parameters = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), function->parameter);
	is_fine = parameters == NULL || is_little(parameters->iter);
	PBKDF2PARAM_free(parameters);
	return is_fine;
}

/* What cannot be read here cannot be read by the library either, which then says so. */
static enum err check_work(struct reading *r, const X509_ALGOR *algorithm)
{
	bool is_fine = true;

	if (algorithm == NULL)
		return is_damaged(r, "it does not say how it is encrypted");
	if (OBJ_obj2nid(algorithm->algorithm) == NID_pbes2) {
		PBE2PARAM *parameters =
			ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);

		is_fine = parameters == NULL || is_pbkdf2_little(parameters->keyfunc);
		PBE2PARAM_free(parameters);
	} else {
		PBEPARAM *parameters =
			ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter);

		is_fine = parameters == NULL || is_little(parameters->iter);
		PBEPARAM_free(parameters);
	}
	ERR_clear_error();
	return is_fine ? ERR_OK
		       : err_set(r->info, ERR_RANGE,
				 "the PKCS #12 file asks for more than %d rounds over the "
				 "passphrase; export it again with fewer",
				 TLS_PKCS12_ITERATIONS_MAX);
}

/* ---- bags -------------------------------------------------------------------------------------
 */

static enum err add_key(struct reading *r, const PKCS8_PRIV_KEY_INFO *plain)
{
	EVP_PKEY *key = EVP_PKCS82PKEY(plain);

	if (key == NULL)
		return is_damaged(r, "a private key in it cannot be read");
	if (r->key_count == ARRAY_LENGTH(r->keys)) {
		EVP_PKEY_free(key);
		return err_set(r->info, ERR_TOO_MANY, "more than %d private keys in the file",
			TLS_PKCS12_CERTIFICATES_MAX);
	}
	r->keys[r->key_count++] = key;
	return ERR_OK;
}

static enum err add_sealed_key(struct reading *r, const PKCS12_SAFEBAG *bag)
{
	const X509_SIG *sealed = PKCS12_SAFEBAG_get0_pkcs8(bag);
	const X509_ALGOR *algorithm = NULL;
	PKCS8_PRIV_KEY_INFO *plain;
	enum err e;

	if (sealed == NULL)
		return is_damaged(r, "a bag is empty");
	X509_SIG_get0(sealed, &algorithm, NULL);
	e = check_work(r, algorithm);
	if (e != ERR_OK)
		return e;
	plain = PKCS12_decrypt_skey(bag, r->passphrase, r->length);
	if (plain == NULL)
		return cannot_open(r);
	e = add_key(r, plain);
	PKCS8_PRIV_KEY_INFO_free(plain);
	return e;
}

static enum err add_certificate(struct reading *r, const PKCS12_SAFEBAG *bag)
{
	X509 *certificate;

	if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
		return ERR_OK;
	certificate = PKCS12_SAFEBAG_get1_cert(bag);
	if (certificate == NULL)
		return is_damaged(r, "a certificate in it cannot be read");
	if (r->certificate_count == ARRAY_LENGTH(r->certificates)) {
		X509_free(certificate);
		return err_set(r->info, ERR_TOO_MANY, "more than %d certificates in the file",
			TLS_PKCS12_CERTIFICATES_MAX);
	}
	r->certificates[r->certificate_count++] = certificate;
	return ERR_OK;
}

/* Safes within safes are allowed, and written by nobody. */
static enum err add_bag(struct reading *r, const PKCS12_SAFEBAG *bag)
{
	switch (PKCS12_SAFEBAG_get_nid(bag)) {
	case NID_keyBag:
		return add_key(r, PKCS12_SAFEBAG_get0_p8inf(bag));
	case NID_pkcs8ShroudedKeyBag:
		return add_sealed_key(r, bag);
	case NID_certBag:
		return add_certificate(r, bag);
	default:
		return ERR_OK;
	}
}

/* ---- safes ------------------------------------------------------------------------------------
 */

static void free_bags(STACK_OF(PKCS12_SAFEBAG) * *bags)
{
	sk_PKCS12_SAFEBAG_pop_free(*bags, PKCS12_SAFEBAG_free);
}

static void free_safes(STACK_OF(PKCS7) * *safes)
{
	sk_PKCS7_pop_free(*safes, PKCS7_free);
}

static enum err open_safe(struct reading *r, PKCS7 *safe, STACK_OF(PKCS12_SAFEBAG) * *ret)
{
	enum err e;

	if (PKCS7_type_is_data(safe)) {
		*ret = PKCS12_unpack_p7data(safe);
		return *ret != NULL ? ERR_OK : is_damaged(r, "what it holds cannot be read");
	}
	if (!PKCS7_type_is_encrypted(safe))
		return ERR_OK; /* by public key: not for us */
	if (safe->d.encrypted == NULL || safe->d.encrypted->enc_data == NULL)
		return is_damaged(r, "what is encrypted is empty");
	e = check_work(r, safe->d.encrypted->enc_data->algorithm);
	if (e != ERR_OK)
		return e;
	*ret = PKCS12_unpack_p7encdata(safe, r->passphrase, r->length);
	return *ret != NULL ? ERR_OK : cannot_open(r);
}

static enum err read_safes(struct reading *r, PKCS12 *file)
{
	STACK_OF(PKCS7) * safes CLEANUP(free_safes) = PKCS12_unpack_authsafes(file);
	enum err e = ERR_OK;

	if (safes == NULL)
		return is_damaged(r, "it holds nothing that can be read");
	for (int i = 0; i < sk_PKCS7_num(safes) && e == ERR_OK; i++) {
		STACK_OF(PKCS12_SAFEBAG) * bags CLEANUP(free_bags) = NULL;

		e = open_safe(r, sk_PKCS7_value(safes, i), &bags);
		for (int j = 0; j < sk_PKCS12_SAFEBAG_num(bags) && e == ERR_OK; j++)
			e = add_bag(r, sk_PKCS12_SAFEBAG_value(bags, j));
	}
	return e;
}

static enum err check_mac(struct reading *r, PKCS12 *file)
{
	const X509_ALGOR *algorithm = NULL;
	const ASN1_INTEGER *iterations = NULL;

	if (!PKCS12_mac_present(file))
		return ERR_OK;
	PKCS12_get0_mac(NULL, &algorithm, NULL, &iterations, file);
	if (!is_little(iterations))
		return err_set(r->info, ERR_RANGE,
			"the PKCS #12 file asks for more than %d rounds over the passphrase; "
			"export it again with fewer",
			TLS_PKCS12_ITERATIONS_MAX);
	if (algorithm == NULL || EVP_get_digestbyobj(algorithm->algorithm) == NULL) {
		ERR_clear_error();
		return err_set(r->info, ERR_UNSUPPORTED,
			"the file is protected by a kind of MAC that is not supported; export it "
			"again with SHA-256");
	}
	if (PKCS12_verify_mac(file, r->passphrase, r->length) == 1)
		return ERR_OK;
	/* No passphrase and an empty one are two things in these files, and one for people. */
	if (r->length == 0 && PKCS12_verify_mac(file, NULL, 0) == 1) {
		r->passphrase = NULL;
		ERR_clear_error();
		return ERR_OK;
	}
	return cannot_open(r);
}

/* ---- what came of it --------------------------------------------------------------------------
 */

/* The first key that has a certificate. */
static bool find_pair(const struct reading *r, size_t *ret_key, size_t *ret_certificate)
{
	bool found = false;

	for (size_t i = 0; i < r->key_count && !found; i++) {
		for (size_t j = 0; j < r->certificate_count && !found; j++) {
			found = X509_check_private_key(r->certificates[j], r->keys[i]) == 1;
			if (found) {
				*ret_key = i;
				*ret_certificate = j;
			}
		}
	}
	ERR_clear_error();
	return found;
}

static enum err give(const struct reading *r, struct buf *ret_chain, struct buf *ret_key)
{
	size_t key, leaf;
	enum err e;

	if (r->key_count == 0)
		return err_set(r->info, ERR_CERTIFICATE,
			"the file holds no private key; export it with the key");
	if (!find_pair(r, &key, &leaf))
		return err_set(r->info, ERR_CERTIFICATE,
			"the file holds no certificate that belongs to its private key");
	e = tls_pem_put_certificate(r->certificates[leaf], ret_chain, r->info);
	for (size_t i = 0; i < r->certificate_count && e == ERR_OK; i++)
		if (i != leaf)
			e = tls_pem_put_certificate(r->certificates[i], ret_chain, r->info);
	return e == ERR_OK ? tls_pem_put_key(r->keys[key], ret_key, r->info) : e;
}

static enum err read_file(struct reading *r, struct str bytes)
{
	const unsigned char *at = (const unsigned char *)bytes.p;
	PKCS12 *file = d2i_PKCS12(NULL, &at, (long)bytes.n);
	enum err e;

	if (file == NULL)
		return is_damaged(r, "it is no such file");
	e = check_mac(r, file);
	if (e == ERR_OK)
		e = read_safes(r, file);
	PKCS12_free(file);
	return e;
}

enum err tls_pkcs12_read(struct str bytes, struct str passphrase, struct buf *ret_chain,
	struct buf *ret_key, struct err_info *info)
{
	struct reading r = {.info = info};
	char text[1024];
	enum err e;

	if (bytes.n > TLS_PKCS12_MAX)
		return err_set(info, ERR_TOO_LONG,
			"a PKCS #12 file of more than %d bytes is not read", TLS_PKCS12_MAX);
	if (passphrase.n >= sizeof(text))
		return err_set(info, ERR_TOO_LONG, "the passphrase is too long");
	if (passphrase.n > 0)
		memcpy(text, passphrase.p, passphrase.n);
	text[passphrase.n] = '\0';
	r.passphrase = text;
	r.length = (int)passphrase.n;
	e = read_file(&r, bytes);
	if (e == ERR_OK)
		e = give(&r, ret_chain, ret_key);
	OPENSSL_cleanse(text, sizeof(text));
	for (size_t i = 0; i < r.key_count; i++)
		EVP_PKEY_free(r.keys[i]);
	for (size_t i = 0; i < r.certificate_count; i++)
		X509_free(r.certificates[i]);
	ERR_clear_error();
	return e;
}
