#include "port/tls/test_certs.h"
#include "base/mem.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	if (value == NULL)
		return;
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(extension != NULL && X509_add_ext(certificate, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static char *to_pem(X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long length;

	must(PEM_write_bio_X509(bio, certificate) == 1);
	length = BIO_get_mem_data(bio, &data);
	text = mem_text_of(str_make(data, (size_t)length));
	BIO_free(bio);
	return text;
}

static void name_it(X509 *certificate, const struct test_cert_options *options)
{
	const char *const parts[][2] = {{"O", options->organisation}, {"OU", options->units[0]},
		{"OU", options->units[1]}, {"CN", options->common_name}};

	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		must(parts[i][1] == NULL ||
			X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), parts[i][0],
				MBSTRING_UTF8, (const unsigned char *)parts[i][1], -1, -1, 0) == 1);
}

struct test_cert test_cert_make(const struct test_cert_options *options)
{
	static long serial = 1000;
	struct test_cert cert = {.certificate = X509_new()};
	X509 *issuer = options->issuer != NULL ? options->issuer->certificate : cert.certificate;
	time_t now = time(NULL);

	cert.key = options->rsa_bits > 0
			   ? EVP_RSA_gen((unsigned)options->rsa_bits)
			   : EVP_EC_gen(options->curve != NULL ? options->curve : "P-256");
	must(cert.key != NULL);
	X509_set_version(cert.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert.certificate), ++serial);
	ASN1_TIME_set(X509_getm_notBefore(cert.certificate),
		options->from_s != 0 ? (time_t)options->from_s : now - 86400);
	ASN1_TIME_set(X509_getm_notAfter(cert.certificate),
		options->until_s != 0 ? (time_t)options->until_s : now + 365 * 86400L);
	name_it(cert.certificate, options);
	X509_set_issuer_name(cert.certificate, X509_get_subject_name(issuer));
	X509_set_pubkey(cert.certificate, cert.key);
	extend(cert.certificate, issuer, NID_basic_constraints,
		options->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
	extend(cert.certificate, issuer, NID_subject_key_identifier, "hash");
	extend(cert.certificate, issuer, NID_subject_alt_name, options->names);
	extend(cert.certificate, issuer, NID_ext_key_usage, options->usage);
	extend(cert.certificate, issuer, NID_crl_distribution_points, options->lists);
	extend(cert.certificate, issuer, NID_info_access, options->access);
	must(X509_sign(cert.certificate, options->issuer != NULL ? options->issuer->key : cert.key,
		     options->weak_hash ? EVP_sha1() : EVP_sha256()) > 0);
	cert.pem = to_pem(cert.certificate);
	return cert;
}

static void revoke(X509_CRL *list, const struct test_cert *cert, const ASN1_TIME *at)
{
	X509_REVOKED *entry = X509_REVOKED_new();

	must(entry != NULL &&
		X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(cert->certificate)) ==
			1 &&
		X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)at) == 1 &&
		X509_CRL_add0_revoked(list, entry) == 1);
}

char *test_crl_make(const struct test_crl_options *options)
{
	X509_CRL *list = X509_CRL_new();
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)options->from_s);
	ASN1_TIME *until = ASN1_TIME_set(NULL, (time_t)options->until_s);
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;
	long length;

	must(list != NULL && from != NULL && until != NULL && bio != NULL);
	must(X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1);
	X509_CRL_set_issuer_name(list, X509_get_subject_name(options->issuer->certificate));
	X509_CRL_set1_lastUpdate(list, from);
	X509_CRL_set1_nextUpdate(list, until);
	if (options->revoked != NULL)
		revoke(list, options->revoked, from);
	must(X509_CRL_sort(list) == 1 &&
		X509_CRL_sign(list, options->issuer->key, EVP_sha256()) > 0);
	must(PEM_write_bio_X509_CRL(bio, list) == 1);
	length = BIO_get_mem_data(bio, &data);
	text = mem_text_of(str_make(data, (size_t)length));
	BIO_free(bio);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	X509_CRL_free(list);
	return text;
}

void test_cert_clear(struct test_cert *cert)
{
	X509_free(cert->certificate);
	EVP_PKEY_free(cert->key);
	free(cert->pem);
}

char *test_cert_join(const char *a, const char *b)
{
	size_t first = strlen(a), second = strlen(b);
	char *text = mem_new(first + second + 1);

	memcpy(text, a, first);
	memcpy(text + first, b, second);
	return text;
}
