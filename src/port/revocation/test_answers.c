#include "port/revocation/test_answers.h"

#include "base/mem.h"

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

static void must(bool ok)
{
	if (!ok)
		abort();
}

static struct str copy_of(unsigned char *der, int length)
{
	char *copy = mem_new((size_t)length + 1);

	must(length > 0);
	memcpy(copy, der, (size_t)length);
	OPENSSL_free(der);
	return str_make(copy, (size_t)length);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void add_entry(X509_CRL *list, const ASN1_INTEGER *serial, const ASN1_TIME *at, int reason)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();

	must(entry != NULL && code != NULL &&
		X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)serial) == 1 &&
		X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)at) == 1);
	if (reason != 0)
		must(ASN1_ENUMERATED_set(code, reason) == 1 &&
			X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 0, 0) == 1);
	must(X509_CRL_add0_revoked(list, entry) == 1);
	ASN1_ENUMERATED_free(code);
}

static void add_other_issuer(X509_CRL *list, const ASN1_TIME *at)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	GENERAL_NAME *name = a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_DNS, "other.example", 0);

	must(name != NULL && sk_GENERAL_NAME_push(names, name) > 0);
	ASN1_INTEGER_set(serial, 77);
	must(X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
		X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)at) == 1 &&
		X509_REVOKED_add1_ext_i2d(entry, NID_certificate_issuer, names, 1, 0) == 1 &&
		X509_CRL_add0_revoked(list, entry) == 1);
	GENERAL_NAMES_free(names);
	ASN1_INTEGER_free(serial);
}

static void extend(X509_CRL *list, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx(&context, NULL, NULL, NULL, list, 0);
	X509V3_set_ctx_nodb(&context);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(extension != NULL && X509_CRL_add_ext(list, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static void add_unknown(X509_CRL *list)
{
	ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.99999.1", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;

	ASN1_OCTET_STRING_set(value, (const unsigned char *)"\5\0", 2);
	extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);
	must(extension != NULL && X509_CRL_add_ext(list, extension, -1) == 1);
	X509_EXTENSION_free(extension);
	ASN1_OBJECT_free(oid);
	ASN1_OCTET_STRING_free(value);
}

static void add_extensions(X509_CRL *list, const struct test_list_options *options)
{
	ASN1_INTEGER *number = ASN1_INTEGER_new();

	ASN1_INTEGER_set(number, 5);
	if (options->scope != NULL)
		extend(list, NID_issuing_distribution_point, options->scope);
	if (options->is_delta)
		must(X509_CRL_add1_ext_i2d(list, NID_delta_crl, number, 1, 0) == 1);
	must(X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, 0) == 1);
	if (options->has_unknown)
		add_unknown(list);
	ASN1_INTEGER_free(number);
}

static void fill(X509_CRL *list, size_t count, const ASN1_TIME *at)
{
	ASN1_INTEGER *serial = ASN1_INTEGER_new();

	for (size_t i = 0; i < count; i++) {
		ASN1_INTEGER_set_uint64(serial, 0x7000000000000000 + i);
		add_entry(list, serial, at, 0);
	}
	ASN1_INTEGER_free(serial);
}

struct str test_list_make(const struct test_list_options *options)
{
	const struct test_cert *signer =
		options->signer != NULL ? options->signer : options->issuer;
	X509_CRL *list = X509_CRL_new();
	ASN1_TIME *from = ASN1_TIME_set(NULL, time(NULL) + (time_t)options->from_s);
	ASN1_TIME *until = ASN1_TIME_set(NULL, time(NULL) + (time_t)options->until_s);
	unsigned char *der = NULL;
	struct str made;
	int length;

	must(list != NULL && X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1);
	X509_CRL_set_issuer_name(list, X509_get_subject_name(options->issuer->certificate));
	X509_CRL_set1_lastUpdate(list, from);
	if (options->until_s != 0)
		X509_CRL_set1_nextUpdate(list, until);
	fill(list, options->filling, from);
	if (options->revoked != NULL)
		add_entry(list, X509_get0_serialNumber(options->revoked->certificate), from,
			options->reason);
	if (options->has_other_issuer)
		add_other_issuer(list, from);
	add_extensions(list, options);
	must(X509_CRL_sign(list, signer->key, EVP_sha256()) > 0);
	length = i2d_X509_CRL(list, &der);
	made = copy_of(der, length);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	X509_CRL_free(list);
	return made;
}

/* ---- OCSP ------------------------------------------------------------------------------------ */

static OCSP_BASICRESP *basic_of(const struct test_ocsp_options *options)
{
	const struct test_cert *signer =
		options->signer != NULL ? options->signer : options->issuer;
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	ASN1_TIME *from = ASN1_GENERALIZEDTIME_set(NULL, time(NULL) + (time_t)options->from_s);
	ASN1_TIME *until = ASN1_GENERALIZEDTIME_set(NULL, time(NULL) + (time_t)options->until_s);
	OCSP_CERTID *id = OCSP_cert_to_id(options->is_sha256 ? EVP_sha256() : EVP_sha1(),
		options->certificate->certificate, options->issuer->certificate);

	must(basic != NULL && id != NULL &&
		OCSP_basic_add1_status(basic, id, options->status,
			OCSP_REVOKED_STATUS_KEYCOMPROMISE, from, from,
			options->until_s != 0 ? until : NULL) != NULL &&
		OCSP_basic_sign(basic, signer->certificate, signer->key, EVP_sha256(), NULL, 0) ==
			1);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	return basic;
}

struct str test_ocsp_make(const struct test_ocsp_options *options)
{
	OCSP_BASICRESP *basic = options->reply == 0 ? basic_of(options) : NULL;
	OCSP_RESPONSE *response = OCSP_response_create(options->reply, basic);
	unsigned char *der = NULL;
	int length = i2d_OCSP_RESPONSE(response, &der);
	struct str made = copy_of(der, length);

	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	return made;
}
