/* Input: an OCSP response, and an issuer's certificate; nobody has signed either. */
#include "port/revocation/revocation.h"
#include "port/tls/test_certs.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct revocation_pair *make_pair(void)
{
	struct test_cert_options options = {.common_name = "issuer", .is_ca = true};
	struct test_cert issuer = test_cert_make(&options), leaf;
	struct revocation_pair *pair = NULL;

	options = (struct test_cert_options){.common_name = "leaf", .issuer = &issuer};
	leaf = test_cert_make(&options);
	if (revocation_pair_new(str_of(leaf.pem), str_of(issuer.pem), &pair, NULL) != ERR_OK)
		abort();
	test_cert_clear(&issuer);
	test_cert_clear(&leaf);
	return pair;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct revocation_pair *pair;
	const int64_t now_ms = 1700000000000;
	struct revocation_finding found;

	if (pair == NULL)
		pair = make_pair();
	revocation_ocsp_read(pair, str_make(data, size), now_ms, &found);
	if (found.status != WIRE_REVOCATION_UNKNOWN || found.token == NULL)
		abort();
	revocation_issuer_read(pair, str_make(data, size), now_ms, &found);
	if (found.status != WIRE_REVOCATION_UNKNOWN || found.token == NULL)
		abort();
	return 0;
}
