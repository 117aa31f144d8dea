/* Input: one certificate in DER, whose endpoints are read. */
#include "port/tls/facts.h"
#include "port/tls/path.h"

#include <openssl/err.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *p = data;
	X509 *certificate = d2i_X509(NULL, &p, (long)size);
	struct tls_path path;
	struct arena *arena;

	ERR_clear_error();
	if (certificate == NULL)
		return 0;
	arena = arena_new();
	if (tls_path_of_pem(str_of(tls_pem_of(certificate, arena)), NULL, 0, arena, &path, NULL) !=
			ERR_OK ||
		path.count != 1 || path.steps[0].endpoint_count > CERT_ENDPOINTS_MAX)
		abort();
	for (size_t i = 0; i < path.steps[0].endpoint_count; i++) {
		const char *url = path.steps[0].endpoints[i].url;
		const char *place = cert_endpoint_place(url, arena);

		if (!str_is_ascii(str_of(url)) || strlen(url) > CERT_URL_MAX ||
			(place != NULL && strchr(place, ':') == NULL))
			abort();
	}
	arena_free(&arena);
	X509_free(certificate);
	return 0;
}
