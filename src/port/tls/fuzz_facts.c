/* Input: one certificate in DER. */
#include "port/tls/facts.h"

#include <openssl/err.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *p = data;
	X509 *certificate = d2i_X509(NULL, &p, (long)size);
	struct arena *arena;
	struct cert_facts facts;
	struct buf bytes;

	ERR_clear_error();
	if (certificate == NULL)
		return 0;
	arena = arena_new();
	tls_facts_of(certificate, arena, &facts);
	/* What strangers write must fit into a record, and JSON takes only UTF-8. */
	if (!str_is_utf8(str_of(facts.subject)) || !str_is_utf8(str_of(facts.issuer)) ||
		!str_is_utf8(str_of(facts.common_name)) ||
		!str_is_utf8(str_of(facts.organisation)) ||
		!str_is_utf8(str_of(facts.organisational_unit)))
		abort();
	for (size_t i = 0; i < facts.names.count; i++) {
		if (!str_is_ascii(str_of(facts.names.items[i])))
			abort();
	}
	buf_init(&bytes, 16 << 20);
	if (record_encode(&cert_facts_desc, &facts, &bytes) != ERR_OK ||
		record_decode(&cert_facts_desc, buf_str(&bytes), arena, &facts) != ERR_OK)
		abort();
	buf_free(&bytes);
	arena_free(&arena);
	X509_free(certificate);
	return 0;
}
