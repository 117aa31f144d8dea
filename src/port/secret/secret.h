/* Secrets: random bytes, hashes of passwords and tokens, one-time codes.  The text forms stand in
 * core/account. */
#ifndef SEALPOST_PORT_SECRET_SECRET_H
#define SEALPOST_PORT_SECRET_SECRET_H

#include "core/account/account.h"
#include "core/account/audit.h"

/* From the system's generator; ends the process when that fails. */
void secret_random(void *ret, size_t size);
/* Equal length and bytes, in a time that does not depend on where they differ. */
bool secret_equal(struct str a, struct str b);
/* Overwrite, so that the compiler leaves it in. */
void secret_forget(void *p, size_t size);
/* Lower case hex. */
void secret_sha256(struct str bytes, char ret[ACCOUNT_AUDIT_HASH]);
void secret_hmac_sha1(struct str key, struct str message, unsigned char ret[20]);

/* A new hash of a password: scrypt, N = 2^15, r = 8, p = 1, 16 bytes of salt, 32 of hash.  Takes 32
 * MiB and some 50 to 100 ms.  ERR_FULL: no memory. */
enum err secret_password_make(const char *password, char ret[ACCOUNT_HASH_TEXT]);
/* Is it the password of that hash?  HASH NULL: of nobody, and it takes as long as with a hash that
 * secret_password_make() has made. */
bool secret_password_verify(const char *password, const char *hash);

/* A new token: what its owner gets once, its id, and the hash that is kept. */
struct secret_token {
	char text[ACCOUNT_TOKEN_TEXT];
	char id[ACCOUNT_TOKEN_ID + 1];
	char hash[ACCOUNT_AUDIT_HASH];
};
void secret_token_make(struct secret_token *ret);
/* Is SECRET (account_token_parse()) that of the hash? */
bool secret_token_verify(struct str secret, const char *hash);

/* A new key for one-time codes in base32. */
enum { SECRET_TOTP_TEXT = 33 };
void secret_totp_make(char ret[SECRET_TOTP_TEXT]);
/* account_totp_check() with a key in base32; false where that is malformed. */
bool secret_totp_verify(
	const char *base32, struct str code, int64_t now_ms, int64_t last_step, int64_t *ret_step);

#endif
