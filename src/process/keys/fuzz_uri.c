/* Input: a pkcs11: URI. */
#include "process/keys/uri.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_text_of(str_make(data, size));
	struct arena *arena = arena_new();
	struct err_info info = {.text = ""};
	struct keys_uri uri;

	if (keys_uri_parse(text, arena, &uri, &info) == ERR_OK && uri.object == NULL &&
		uri.id.n == 0)
		__builtin_trap();
	arena_free(&arena);
	free(text);
	return 0;
}
