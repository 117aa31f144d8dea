/* An OCSP response for stapling: whatever comes, it is one or it is refused. */
#include "port/tls/tls.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any certificate will do: a response is kept for it, not read against it. */
static const char own[] = "-----BEGIN CERTIFICATE-----\n"
			  "MIIBbTCCAROgAwIBAgIUL9I2DRSoI6U8GmJCTKWBjcwRNT4wCgYIKoZIzj0EAwIw\n"
			  "DDEKMAgGA1UEAwwBeDAeFw0yNjExMjIwNTA2NTBaFw0zNjExMTkwNTA2NTBaMAwx\n"
			  "CjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARZ4dPlHbp2jfPm\n"
			  "2mdqwxhp/hHxtjwjN3juPRvCWvHaRoIed8gedcPsardFp0SY7l9TQ/O5RP2rn/Tn\n"
			  "k8u0gGnGo1MwUTAdBgNVHQ4EFgQUjGiXqhlODBwWgWet4GcDEKij7lkwHwYDVR0j\n"
			  "BBgwFoAUjGiXqhlODBwWgWet4GcDEKij7lkwDwYDVR0TAQH/BAUwAwEB/zAKBggq\n"
			  "hkjOPQQDAgNIADBFAiEA2VXvqEoqgfMAxWk3WF1MrGTASQFlGmz5KrMluZ4l8I4C\n"
			  "IFJLGHhTY4MMbm25/J7OJ0AKaTXbLRxkU1z5AvjuZSLD\n"
			  "-----END CERTIFICATE-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_staples *staples = tls_staples_new();
	struct err_info info;

	(void)tls_staples_set(staples, str_of(own), str_make(data, size), &info);
	(void)tls_staples_set(staples, str_of(own), (struct str){0}, &info);
	tls_staples_free(&staples);
	return 0;
}
