/*
 * Making and checking pairs of certificate and key, for the command line and the first start.  The
 * only place besides the keys process that sees a private key: whoever has a buffer with one calls
 * tls_keypair_forget() for it, and is a process that ends soon.
 */
#ifndef SEALPOST_PORT_TLS_KEYPAIR_H
#define SEALPOST_PORT_TLS_KEYPAIR_H

#include "base/buf.h"
#include "base/err.h"

enum {
	TLS_KEYPAIR_PEM_MAX = 64 * 1024, /* room for any key, or request, in PEM */
	TLS_SEAL_ITERATIONS = 100000,	 /* rounds over a passphrase, PBKDF2 */
	TLS_PASSPHRASE_MAX = 1000,	 /* bytes; of what OpenSSL takes, 1024 */
};

enum tls_keypair_kind {
	TLS_KEYPAIR_ECDSA_P256,
	TLS_KEYPAIR_ECDSA_P384,
	TLS_KEYPAIR_RSA_2048,
	TLS_KEYPAIR_RSA_3072,
	TLS_KEYPAIR_RSA_4096,
	TLS_KEYPAIR_KINDS,
};
/* "ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096", NULL. */
extern const char *const tls_keypair_kind_names[];

/* Is it "rsa" (true), or "ecdsa" (false), of that kind? */
bool tls_keypair_kind_is_rsa(enum tls_keypair_kind kind);

/* Does the PEM key (not encrypted) belong to the first certificate of the PEM chain? INFO says why
 * not. */
enum err tls_keypair_check(struct str chain, struct str key, struct err_info *info);

/* RSA (true) or ECDSA (false): the key of the first certificate of the PEM chain; ERR_UNSUPPORTED
 * for any other. */
enum err tls_keypair_is_rsa(struct str chain, bool *ret_rsa, struct err_info *info);

/* What a new key is made for.  NAMES are A-labels; the first is the subject's common name. */
struct tls_keypair_request {
	const char *const *names;
	size_t count;
	enum tls_keypair_kind kind;
	/* Of the subject; NULL: none.  The country has two letters. */
	const char *organisation, *unit, *country;
	/* Of a self-signed certificate. */
	int64_t now_ms;
	int64_t days;
};

/* A key, and a self-signed certificate for the names, for servers and clients, from an hour before
 * NOW for DAYS.  In PEM, the key is not encrypted. */
enum err tls_keypair_self_signed(const struct tls_keypair_request *request, struct buf *ret_chain,
	struct buf *ret_key, struct err_info *info);

/* A key, and a request for a certificate (PKCS #10, RFC 2986) for the names, for servers and
 * clients.  In PEM, the key is not encrypted. */
enum err tls_keypair_signing_request(const struct tls_keypair_request *request,
	struct buf *ret_request, struct buf *ret_key, struct err_info *info);

/* Is the PEM text an encrypted private key? */
bool tls_keypair_is_sealed(struct str key);

/* The key encrypted with PASSPHRASE, as PKCS #8 (RFC 5958: PBKDF2 with SHA-256, AES-256). */
enum err tls_keypair_seal(
	struct str key, struct str passphrase, struct buf *ret_sealed, struct err_info *info);

/* The key without encryption; one that is not encrypted is copied.  INFO tells a wrong passphrase
 * from what is no key. */
enum err tls_keypair_open(
	struct str key, struct str passphrase, struct buf *ret_key, struct err_info *info);

/* The passphrase that a file holds: its first line, without the end of it.  ERR_SYNTAX: none, with
 * a NUL in it, or too long. */
enum err tls_keypair_passphrase(struct str file, struct str *ret, struct err_info *info);

/* Overwrite and free. */
void tls_keypair_forget(struct buf *key);

#endif
