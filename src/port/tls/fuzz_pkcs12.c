/* Input: a PKCS #12 file with the passphrase "pass". */
#include "port/tls/keypair.h"
#include "port/tls/pkcs12.h"
#include "port/tls/strength.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_make(data, size);
	struct err_info info = {.text = ""};
	struct buf chain, key;

	buf_init(&chain, TLS_PKCS12_MAX);
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	(void)tls_pkcs12_is(bytes);
	if (tls_pkcs12_read(bytes, str_of("pass"), &chain, &key, &info) == ERR_OK) {
		if (tls_keypair_check(buf_str(&chain), buf_str(&key), &info) != ERR_OK)
			__builtin_trap();
		(void)tls_strength_check(buf_str(&chain), &info);
	}
	(void)tls_strength_check(bytes, &info);
	buf_free(&chain);
	tls_keypair_forget(&key);
	return 0;
}
