/* Input: a PEM text, as facts and as a chain against itself. */
#include "port/tls/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str pem = str_make(data, size);
	struct arena *arena = arena_new();
	struct tls_anchors *anchors = NULL;
	struct cert_facts *facts;
	struct err_info info;
	const char *detail;
	size_t count;

	(void)tls_facts_of_pem(pem, arena, &facts, &count, &info);
	if (tls_anchors_new(pem, (struct str){0}, &anchors, &info) == ERR_OK)
		(void)tls_verify_pem(pem,
			&(struct tls_verification){.anchors = anchors,
				.purpose = TLS_PURPOSE_CLIENT,
				.now_ms = 1700000000000},
			arena, &detail, NULL);
	tls_anchors_free(&anchors);
	arena_free(&arena);
	return 0;
}
