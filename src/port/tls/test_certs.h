/* Certificates for tests, made on the spot. */
#ifndef SEALPOST_PORT_TLS_TEST_CERTS_H
#define SEALPOST_PORT_TLS_TEST_CERTS_H

#include "base/str.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

struct test_cert {
	X509 *certificate;
	EVP_PKEY *key;
	char *pem; /* of this certificate alone */
};

struct test_cert_options {
	const char *common_name;
	const char *organisation, *units[2]; /* NULL: none */
	const char *names;	  /* subjectAltName in OpenSSL's syntax, "DNS:mx.example" */
	const char *usage;	  /* extendedKeyUsage, "serverAuth,clientAuth"; NULL: none */
	const char *lists;	  /* crlDistributionPoints, "URI:http://ca.example/x.crl" */
	const char *access;	  /* authorityInfoAccess, "OCSP;URI:http://ocsp.ca.example" */
	struct test_cert *issuer; /* NULL: self-signed */
	const char *curve;	  /* NULL: P-256 */
	int rsa_bits;		  /* 0: a curve */
	bool is_ca;
	bool weak_hash;		 /* SHA-1 */
	int64_t from_s, until_s; /* since 1970; 0: a day ago, in a year */
};

struct test_cert test_cert_make(const struct test_cert_options *options);
/* A revocation list of ISSUER (PEM; free() it), of times since 1970.  REVOKED may be NULL. */
struct test_crl_options {
	const struct test_cert *issuer, *revoked;
	int64_t from_s, until_s;
};
char *test_crl_make(const struct test_crl_options *options);
void test_cert_clear(struct test_cert *cert);
/* PEM texts one after the other; free() it. */
char *test_cert_join(const char *a, const char *b);

#endif
