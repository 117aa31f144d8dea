#include "port/secret/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG2_N = 15, R = 8, P = 1, SALT = 16, HASH = 32 };

void secret_random(void *ret, size_t size)
{
	if (size > INT32_MAX || RAND_bytes(ret, (int)size) != 1)
		abort();
}

bool secret_equal(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

void secret_forget(void *p, size_t size)
{
	OPENSSL_cleanse(p, size);
}

void secret_sha256(struct str bytes, char ret[ACCOUNT_AUDIT_HASH])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (EVP_Digest(bytes.n > 0 ? bytes.p : "", bytes.n, digest, &size, EVP_sha256(), NULL) !=
			1 ||
		size * 2 + 1 != ACCOUNT_AUDIT_HASH)
		abort();
	for (unsigned i = 0; i < size; i++)
		snprintf(ret + (size_t)i * 2, 3, "%02x", digest[i]);
}

void secret_hmac_sha1(struct str key, struct str message, unsigned char ret[20])
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (key.n > INT32_MAX ||
		HMAC(EVP_sha1(), key.n > 0 ? key.p : "", (int)key.n,
			(const unsigned char *)(message.n > 0 ? message.p : ""), message.n, mac,
			&size) == NULL ||
		size != 20)
		abort();
	memcpy(ret, mac, 20);
	OPENSSL_cleanse(mac, sizeof(mac));
}

/* ---- passwords --------------------------------------------------------------------------------
 */

/* Fills RET with h->hash_size bytes. */
static enum err derive(const char *password, const struct account_hash *h, unsigned char *ret)
{
	uint64_t memory = ((uint64_t)128 << h->log2_n) * h->r;

	/* The limit counts a little more than the big table. */
	return EVP_PBE_scrypt(password, strlen(password), h->salt, h->salt_size,
		       (uint64_t)1 << h->log2_n, h->r, h->p, memory + 1024 * 1024, ret,
		       h->hash_size) == 1
		       ? ERR_OK
		       : ERR_FULL;
}

enum err secret_password_make(const char *password, char ret[ACCOUNT_HASH_TEXT])
{
	struct account_hash h = {
		.log2_n = LOG2_N, .r = R, .p = P, .salt_size = SALT, .hash_size = HASH};
	enum err e;

	secret_random(h.salt, h.salt_size);
	e = derive(password, &h, h.hash);
	if (e == ERR_OK)
		account_hash_format(&h, ret);
	OPENSSL_cleanse(&h, sizeof(h));
	return e;
}

bool secret_password_verify(const char *password, const char *hash)
{
	struct account_hash h = {
		.log2_n = LOG2_N, .r = R, .p = P, .salt_size = SALT, .hash_size = HASH};
	unsigned char found[ACCOUNT_MAX_HASH];
	bool is_known = hash != NULL && account_hash_parse(str_of(hash), &h);
	bool is_it = derive(password, &h, found) == ERR_OK &&
		     CRYPTO_memcmp(found, h.hash, h.hash_size) == 0 && is_known;

	OPENSSL_cleanse(found, sizeof(found));
	OPENSSL_cleanse(&h, sizeof(h));
	return is_it;
}

/* ---- tokens -----------------------------------------------------------------------------------
 */

void secret_token_make(struct secret_token *ret)
{
	unsigned char bytes[42];
	char id[ACCOUNT_TOKEN_ID + 1], secret[ACCOUNT_TOKEN_SECRET + 1];

	secret_random(bytes, sizeof(bytes));
	account_base32_format(bytes, 10, id);
	account_base32_format(bytes + 10, 32, secret);
	str_lower_in_place(id, strlen(id));
	str_lower_in_place(secret, strlen(secret));
	snprintf(ret->text, sizeof(ret->text), "sp_%s_%s", id, secret);
	memcpy(ret->id, id, sizeof(id));
	secret_sha256(str_of(secret), ret->hash);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(secret, sizeof(secret));
}

bool secret_token_verify(struct str secret, const char *hash)
{
	char found[ACCOUNT_AUDIT_HASH];

	secret_sha256(secret, found);
	return secret_equal(str_of(found), str_of(hash));
}

/* ---- one-time codes ---------------------------------------------------------------------------
 */

void secret_totp_make(char ret[SECRET_TOTP_TEXT])
{
	unsigned char key[ACCOUNT_TOTP_KEY];

	secret_random(key, sizeof(key));
	account_base32_format(key, sizeof(key), ret);
	OPENSSL_cleanse(key, sizeof(key));
}

bool secret_totp_verify(
	const char *base32, struct str code, int64_t now_ms, int64_t last_step, int64_t *ret_step)
{
	unsigned char key[64];
	size_t size = 0;
	bool is_it = account_base32_parse(str_of(base32), key, sizeof(key), &size) && size > 0 &&
		     account_totp_check(str_make(key, size), code, now_ms, last_step,
			     secret_hmac_sha1, ret_step);

	OPENSSL_cleanse(key, sizeof(key));
	return is_it;
}
