#include "port/tls/mac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

void tls_mac_sha256(struct str key, struct str message, char ret[TLS_MAC_TEXT])
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	/* An empty key has to have an address. */
	if (key.n > INT32_MAX ||
		HMAC(EVP_sha256(), key.n > 0 ? key.p : "", (int)key.n,
			(const unsigned char *)(message.n > 0 ? message.p : ""), message.n, mac,
			&size) == NULL ||
		size * 2 + 1 != TLS_MAC_TEXT)
		abort();
	for (unsigned i = 0; i < size; i++)
		snprintf(ret + (size_t)i * 2, 3, "%02x", mac[i]);
	OPENSSL_cleanse(mac, sizeof(mac));
}
