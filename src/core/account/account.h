/*
 * Who may use the admin center and the management API over the network: users, tokens, and the
 * entries of the audit log; with the text forms of what they hold.  Pure: what needs cryptography
 * is given by the caller (port/secret).
 */
#ifndef SEALPOST_CORE_ACCOUNT_ACCOUNT_H
#define SEALPOST_CORE_ACCOUNT_ACCOUNT_H

#include "core/record/record.h"

enum account_role {
	ACCOUNT_READER,		    /* reads and asks; in some organisations, or all */
	ACCOUNT_AUDITOR,	    /* the same, and reads the audit log */
	ACCOUNT_ORGANISATION_ADMIN, /* changes what belongs to its organisations */
	ACCOUNT_INSTALLATION_ADMIN, /* everything */
};
extern const char *const account_role_names[];

enum {
	ACCOUNT_MAX_USERS = 1000,
	ACCOUNT_MAX_TOKENS = 1000,
	ACCOUNT_MAX_ORGANISATIONS = 100,
	ACCOUNT_MAX_NAME = 64,
	ACCOUNT_MAX_LABEL = 100,
	ACCOUNT_MIN_PASSWORD = 10,   /* characters */
	ACCOUNT_MAX_PASSWORD = 1024, /* bytes */
};

struct account_user {
	const char *name; /* lower case */
	int role;	  /* enum account_role */
	struct record_texts organisations;
	bool disabled;
	const char *password; /* text form of its hash (below); NULL: none */
	const char *totp;     /* its key in base32; NULL: none */
	int64_t totp_step;    /* the last step that was used; 0: none */
	int64_t created_ms, changed_ms;
};

struct account_token {
	const char *id;	   /* what stands between "sp_" and "_" */
	const char *label; /* what it is for */
	int role;	   /* enum account_role */
	struct record_texts organisations;
	const char *hash; /* SHA-256 of its secret, lower case hex */
	const char *created_by;
	int64_t created_ms;
	int64_t expires_ms; /* 0: never */
};

/* Their check says whether role and organisations fit: who manages organisations names some, who
 * manages the installation names none. */
extern const struct record_desc account_user_desc, account_token_desc;

/* 1 to ACCOUNT_MAX_NAME letters, digits, ".", "_", "-", "@"; a letter or digit first. */
enum err account_check_name(const char *text, struct err_info *info);
/* At least ACCOUNT_MIN_PASSWORD characters of UTF-8, at most ACCOUNT_MAX_PASSWORD bytes, no control
 * characters, not the name of its user (case does not matter). */
enum err account_check_password(const char *text, const char *user, struct err_info *info);

/* As the API shows it: no password, TOTP key or step, but has_password and has_totp; moments as
 * RFC 3339.  New reference. */
json_t *account_user_json(const struct account_user *user);
/* Without the hash.  New reference. */
json_t *account_token_json(const struct account_token *token);

/* ---- hashes of passwords (scrypt, RFC 7914) -----------------------------------------------------
 *     scrypt$LOG2N$R$P$SALT$HASH      salt and hash in base64 (RFC 4648 4) with padding
 */

enum {
	ACCOUNT_MAX_SALT = 64,
	ACCOUNT_MAX_HASH = 64,
	ACCOUNT_HASH_TEXT = 256, /* room for the text form */
};
struct account_hash {
	unsigned log2_n, r, p;
	unsigned char salt[ACCOUNT_MAX_SALT], hash[ACCOUNT_MAX_HASH];
	size_t salt_size, hash_size;
};
/* Strict: numbers without leading zeros, log2_n 10 to 20, r 1 to 32, p 1 to 16, at most 256 MiB of
 * memory, 8 to 64 bytes of salt, 16 to 64 of hash. */
bool account_hash_parse(struct str text, struct account_hash *ret);
void account_hash_format(const struct account_hash *hash, char ret[ACCOUNT_HASH_TEXT]);

/* ---- tokens -------------------------------------------------------------------------------------
 *     sp_ID_SECRET       ID: 16 letters and digits; SECRET: 32 bytes in base32, lower case
 */

enum { ACCOUNT_TOKEN_ID = 16, ACCOUNT_TOKEN_SECRET = 52, ACCOUNT_TOKEN_TEXT = 80 };
/* The parts lie in TEXT. */
bool account_token_parse(struct str text, struct str *ret_id, struct str *ret_secret);

/* ---- base32 and base64 (RFC 4648) ---------------------------------------------------------------
 */

/* Upper case, without padding; RET has room for (size * 8 + 4) / 5 + 1. */
void account_base32_format(const unsigned char *bytes, size_t size, char *ret);
/* Case, blanks between and padding at the end do not matter; SIZE: room in RET.  False: another
 * character, too long, or bits left over that are not zero. */
bool account_base32_parse(struct str text, unsigned char *ret, size_t size, size_t *ret_size);
/* With padding; RET has room for (size + 2) / 3 * 4 + 1. */
void account_base64_format(const unsigned char *bytes, size_t size, char *ret);
/* Strict: padding, and no bits left over. */
bool account_base64_parse(struct str text, unsigned char *ret, size_t size, size_t *ret_size);

/* ---- one-time codes (TOTP, RFC 6238: SHA-1, 6 digits, 30 s) -------------------------------------
 */

enum { ACCOUNT_TOTP_KEY = 20, ACCOUNT_TOTP_STEP_MS = 30 * 1000, ACCOUNT_TOTP_DIGITS = 6 };

typedef void account_hmac_sha1(struct str key, struct str message, unsigned char ret[20]);

/* The code of a step (moment / 30 s), with leading zeros. */
void account_totp_code(
	struct str key, int64_t step, account_hmac_sha1 *hmac, char ret[ACCOUNT_TOTP_DIGITS + 1]);
/* Is CODE that of the step at NOW_MS, or of the one before or behind, and later than LAST_STEP?
 * Each step is good once: keep *ret_step. */
bool account_totp_check(struct str key, struct str code, int64_t now_ms, int64_t last_step,
	account_hmac_sha1 *hmac, int64_t *ret_step);
/* "otpauth://totp/ISSUER:USER?secret=...&issuer=..." for an authenticator. */
const char *account_totp_uri(
	const char *issuer, const char *user, const char *base32, struct arena *arena);

#endif
