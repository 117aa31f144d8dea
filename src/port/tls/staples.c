/* OCSP responses on own certificates, by the SHA-256 of the certificate. */
#include "port/tls/staples.h"

#include "base/map.h"
#include "port/tls/facts.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdlib.h>
#include <time.h>

struct tls_staples {
	struct map *known; /* digest -> struct staple */
};

struct staple {
	struct buf response;
	int64_t until_s; /* its nextUpdate */
};

enum { RESPONSE_MAX = 64 * 1024 };

/* Never more than a day by a response that does not say until when it holds. */
enum { UNTIL_S = 24 * 3600 };

struct tls_staples *tls_staples_new(void)
{
	struct tls_staples *staples = mem_new(sizeof(*staples));

	staples->known = map_new(0); /* keys are of our own certificates */
	return staples;
}

static void forget(struct tls_staples *staples, struct str key)
{
	struct staple *staple = map_remove(staples->known, key);

	if (staple == NULL)
		return;
	buf_free(&staple->response);
	free(staple);
}

void tls_staples_free(struct tls_staples **staples)
{
	size_t position = 0;
	void *value;

	if (*staples == NULL)
		return;
	while (map_next((*staples)->known, &position, NULL, &value)) {
		struct staple *staple = value;

		buf_free(&staple->response);
		free(staple);
	}
	map_free(&(*staples)->known);
	free(*staples);
	*staples = NULL;
}

static struct str key_of(const X509 *leaf, unsigned char digest[32])
{
	unsigned length = 32;

	if (X509_digest(leaf, EVP_sha256(), digest, &length) != 1)
		abort();
	return str_make(digest, length);
}

static int64_t seconds(const ASN1_GENERALIZEDTIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* Until when the response holds; 0: it is none, or says nothing. */
static int64_t end_of(struct str response, int64_t now_s)
{
	const unsigned char *at = (const unsigned char *)response.p;
	OCSP_RESPONSE *outer = d2i_OCSP_RESPONSE(NULL, &at, (long)response.n);
	OCSP_BASICRESP *inner =
		outer != NULL && OCSP_response_status(outer) == OCSP_RESPONSE_STATUS_SUCCESSFUL
			? OCSP_response_get1_basic(outer)
			: NULL;
	int64_t end = inner != NULL && OCSP_resp_count(inner) > 0 ? now_s + UNTIL_S : 0;

	for (int i = 0; inner != NULL && i < OCSP_resp_count(inner); i++) {
		ASN1_GENERALIZEDTIME *next = NULL;

		(void)OCSP_single_get0_status(OCSP_resp_get0(inner, i), NULL, NULL, NULL, &next);
		if (next != NULL && (i == 0 || seconds(next) < end))
			end = seconds(next);
	}
	OCSP_BASICRESP_free(inner);
	OCSP_RESPONSE_free(outer);
	ERR_clear_error();
	return end;
}

enum err tls_staples_set(
	struct tls_staples *staples, struct str chain, struct str response, struct err_info *info)
{
	STACK_OF(X509) * stack CLEANUP(tls_stack_free) = NULL;
	unsigned char digest[32];
	struct staple *staple;
	int64_t end = 0;
	enum err e = tls_stack_of_pem(chain, TLS_CHAIN_MAX, &stack, info);
	struct str key;

	if (e != ERR_OK)
		return e;
	key = key_of(sk_X509_value(stack, 0), digest);
	if (response.n > 0 && response.n <= RESPONSE_MAX)
		end = end_of(response, (int64_t)time(NULL));
	if (response.n > 0 && end == 0)
		return err_set(info, ERR_SYNTAX,
			"expected an OCSP response of at most %d bytes with an answer in it",
			(int)RESPONSE_MAX);
	forget(staples, key);
	if (response.n == 0)
		return ERR_OK;
	staple = mem_new(sizeof(*staple));
	buf_init(&staple->response, RESPONSE_MAX);
	buf_put(&staple->response, response);
	staple->until_s = end;
	map_set(staples->known, key, staple);
	return ERR_OK;
}

/* RFC 6066 8: called when the client has asked and the certificate is chosen. */
static int on_status_asked(SSL *ssl, void *argument)
{
	const struct tls_staples *staples = argument;
	const X509 *leaf = SSL_get_certificate(ssl);
	unsigned char digest[32], *copy;
	struct staple *staple;
	struct str response;

	if (leaf == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	staple = map_get(staples->known, key_of(leaf, digest));
	if (staple == NULL || staple->until_s <= (int64_t)time(NULL))
		return SSL_TLSEXT_ERR_NOACK;
	response = buf_str(&staple->response);
	copy = OPENSSL_memdup(response.p, response.n);
	if (copy == NULL)
		abort();
	/* Owned by the session from here on. */
	(void)SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)response.n);
	return SSL_TLSEXT_ERR_OK;
}

void tls_staples_use(SSL_CTX *ssl, struct tls_staples *staples)
{
	if (staples == NULL)
		return;
	(void)SSL_CTX_set_tlsext_status_cb(ssl, on_status_asked);
	(void)SSL_CTX_set_tlsext_status_arg(ssl, staples);
}
