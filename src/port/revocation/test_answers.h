/* Revocation lists and OCSP responses for tests, right ones and wrong ones; free() what is given.
 */
#ifndef SEALPOST_PORT_REVOCATION_TEST_ANSWERS_H
#define SEALPOST_PORT_REVOCATION_TEST_ANSWERS_H

#include "base/str.h"
#include "port/tls/test_certs.h"

struct test_list_options {
	const struct test_cert *issuer; /* whose name it bears */
	const struct test_cert *signer; /* NULL: the issuer */
	const struct test_cert *revoked;
	int reason;	   /* 0: not told */
	size_t filling;	   /* other entries */
	int64_t from_s;	   /* seconds from now */
	int64_t until_s;   /* the same; 0: not told */
	const char *scope; /* issuingDistributionPoint in OpenSSL's syntax; NULL: none */
	bool is_delta;
	bool has_unknown;      /* a critical extension that nobody knows */
	bool has_other_issuer; /* an entry with certificateIssuer */
};
struct str test_list_make(const struct test_list_options *options);

struct test_ocsp_options {
	const struct test_cert *certificate, *issuer;
	const struct test_cert *signer; /* NULL: the issuer */
	int status;			/* V_OCSP_CERTSTATUS_... */
	int64_t from_s, until_s;	/* seconds from now; until 0: not told */
	int reply;			/* OCSP_RESPONSE_STATUS_...; not 0: nothing else is in it */
	bool is_sha256;			/* of the certificate's id */
};
struct str test_ocsp_make(const struct test_ocsp_options *options);

#endif
