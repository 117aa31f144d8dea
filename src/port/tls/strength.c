#include "port/tls/strength.h"

#include "base/compiler.h"
#include "port/tls/pem.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

static void free_number(BIGNUM **number)
{
	BN_free(*number);
}

/* NIST SP 800-56B: the exponent is odd; 1 would be no encryption at all. */
static const char *weak_rsa(const EVP_PKEY *key)
{
	BIGNUM *exponent CLEANUP(free_number) = NULL;

	if (EVP_PKEY_get_bits(key) < TLS_STRENGTH_RSA_MIN)
		return "its RSA key is shorter than 2048 bits";
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1 ||
		!BN_is_odd(exponent) || BN_is_one(exponent))
		return "the exponent of its RSA key is not one";
	return NULL;
}

static const char *weak_curve(const EVP_PKEY *key)
{
	static const int good[] = {NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1};
	char name[80];
	size_t length = 0;

	if (EVP_PKEY_get_group_name(key, name, sizeof(name), &length) == 1)
		for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
			if (OBJ_txt2nid(name) == good[i])
				return NULL;
	return "its ECDSA key is on a curve other than P-256, P-384 and P-521, which most of the "
	       "world does not accept";
}

static const char *weak_key(const X509 *certificate, bool is_leaf)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);

	if (key == NULL)
		return "its public key cannot be read";
	if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS"))
		return is_leaf && EVP_PKEY_is_a(key, "RSA-PSS")
			       ? "its key is for RSA-PSS alone, which this server cannot use"
			       : weak_rsa(key);
	if (EVP_PKEY_is_a(key, "EC"))
		return weak_curve(key);
	if (is_leaf)
		return "its key is neither of RSA nor of ECDSA";
	if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
		return NULL;
	return "its key is of a kind that is not trusted any more";
}

/* SHA-1 has 63 bits against collisions, which make two certificates of one signature. */
static const char *weak_signature(X509 *certificate)
{
	int digest = NID_undef, bits = 0;
	uint32_t flags = 0;

	if (X509_get_signature_info(certificate, &digest, NULL, &bits, &flags) != 1)
		return "how it is signed is not known";
	if (digest == NID_md5 || digest == NID_md4 || digest == NID_md2)
		return "it is signed with MD5 or older";
	if (digest == NID_sha1)
		return "it is signed with SHA-1";
	return bits < 112 ? "its signature is weak" : NULL;
}

static enum err look_at(X509 *certificate, size_t number, struct err_info *info)
{
	bool is_leaf = number == 1;
	const char *weak = weak_key(certificate, is_leaf);
	char subject[200] = "";

	if (weak == NULL && (is_leaf || X509_check_issued(certificate, certificate) != X509_V_OK))
		weak = weak_signature(certificate);
	ERR_clear_error();
	if (weak == NULL)
		return ERR_OK;
	X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof(subject));
	return err_set(info, ERR_CERTIFICATE,
		"certificate %zu of the chain (%s): %s; ask the issuer for one with RSA of 2048 "
		"bits or more, or ECDSA P-256, signed with SHA-256",
		number, subject, weak);
}

enum err tls_strength_check(struct str chain, struct err_info *info)
{
	BIO *bio CLEANUP(tls_pem_free_bio) = tls_pem_bio(chain);
	enum err e = ERR_OK;
	size_t number = 0;

	while (bio != NULL && e == ERR_OK) {
		X509 *certificate CLEANUP(tls_pem_free_certificate) = tls_pem_next(bio);

		if (certificate == NULL)
			break;
		if (++number > TLS_STRENGTH_CHAIN_MAX)
			return err_set(info, ERR_TOO_MANY, "more than %d certificates in the chain",
				TLS_STRENGTH_CHAIN_MAX);
		e = look_at(certificate, number, info);
	}
	ERR_clear_error();
	if (e == ERR_OK && number == 0)
		return err_set(info, ERR_CERTIFICATE, "the chain holds no certificate");
	return e;
}
