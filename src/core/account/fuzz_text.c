/* Input: the text of a password's hash, a token, base32, a password: what reads one, reads it again
 * from what it would write. */
#include "core/account/account.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_base(struct str input)
{
	unsigned char bytes[64], again[64];
	char text[128];
	size_t n, m;

	if (account_base32_parse(input, bytes, sizeof(bytes), &n)) {
		account_base32_format(bytes, n, text);
		if (!account_base32_parse(str_of(text), again, sizeof(again), &m) || m != n ||
			memcmp(bytes, again, n) != 0)
			abort();
	}
	if (account_base64_parse(input, bytes, sizeof(bytes), &n)) {
		account_base64_format(bytes, n, text);
		if (!str_is(input, text))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_make(data, size), id, secret;
	char *text = mem_text_of(input);
	char written[ACCOUNT_HASH_TEXT];
	struct account_hash hash;
	struct err_info info;

	if (account_hash_parse(input, &hash)) {
		account_hash_format(&hash, written);
		if (!str_is(input, written))
			abort();
	}
	if (account_token_parse(input, &id, &secret) && id.n + secret.n + 4 != size)
		abort();
	try_base(input);
	(void)account_check_name(text, &info);
	(void)account_check_password(text, "name", &info);
	free(text);
	return 0;
}
