/* Input: the name of a cookie, a line feed, and a header of any kind. */
#include "base/mem.h"
#include "process/admin/headers.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lies_in(struct str part, const char *whole)
{
	if (part.n > 0 && (part.p < whole || part.p + part.n > whole + strlen(whole)))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = str_make(data, size);
	char *name = mem_text_of(str_cut(&all, '\n'));
	char *header = mem_text_of(all);

	lies_in(admin_headers_cookie(header, name), header);
	lies_in(admin_headers_bearer(header), header);
	if (admin_headers_same_origin(header, name) && name[0] == '\0')
		__builtin_trap();
	admin_headers_is_json(header);
	admin_headers_gzip(header);
	free(header);
	free(name);
	return 0;
}
