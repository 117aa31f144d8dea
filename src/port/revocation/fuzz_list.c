/* Input: a revocation list; what it says of a certificate, without its signature. */
#include "port/revocation/revocation.h"
#include "port/tls/test_certs.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct test_cert leaf, issuer;

static struct revocation_pair *pair_of(bool has_issuer)
{
	struct revocation_pair *pair = NULL;
	struct test_cert_options options = {.common_name = "issuer", .is_ca = true};

	if (leaf.certificate == NULL) {
		issuer = test_cert_make(&options);
		options = (struct test_cert_options){.common_name = "leaf",
			.issuer = &issuer,
			.lists = "URI:http://ca.example/a.crl"};
		leaf = test_cert_make(&options);
	}
	if (revocation_pair_new(str_of(leaf.pem), has_issuer ? str_of(issuer.pem) : str_of(NULL),
		    &pair, NULL) != ERR_OK)
		abort();
	return pair;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct revocation_pair *unsigned_pair, *signed_pair;
	const int64_t now_ms = 1700000000000;
	struct revocation_finding found;
	struct revocation_list *list;

	if (unsigned_pair == NULL) {
		unsigned_pair = pair_of(false);
		signed_pair = pair_of(true);
	}
	list = revocation_list_new(str_make(data, size), unsigned_pair, now_ms, &found);
	if ((list == NULL) != (found.token != NULL))
		abort();
	if (list != NULL) {
		revocation_list_find(list, unsigned_pair, 0, now_ms, &found);
		revocation_list_find(list, unsigned_pair, 7, now_ms, &found);
	}
	revocation_list_free(&list);
	/* Nobody has signed it. */
	list = revocation_list_new(str_make(data, size), signed_pair, now_ms, &found);
	if (list != NULL)
		abort();
	return 0;
}
