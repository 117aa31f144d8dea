/*
 * Keys in a token behind a PKCS#11 module (a smart card, an HSM, SoftHSM).  The private key never
 * leaves it: what is handed out is a handle whose signatures the token makes.
 *
 * The module is loaded once, before the sandbox closes, and stays: another module, or another path
 * for it, needs a restart.
 */
#ifndef SEALPOST_PROCESS_KEYS_TOKEN_H
#define SEALPOST_PROCESS_KEYS_TOKEN_H

#include "process/keys/uri.h"

#include <openssl/x509.h>

enum {
	KEYS_PIN_MAX = 255,	/* bytes */
	KEYS_TOKEN_KEYS = 1000, /* private keys in one token that are looked at */
};

struct keys_token;

/* Load MODULE, the path of a shared object. */
enum err keys_token_new(const char *module, struct keys_token **ret, struct err_info *info);
/* Every handle must be freed before. */
void keys_token_free(struct keys_token **token);

/* The private key that URI names and that belongs to CERTIFICATE.  Logs in with PIN (empty: there
 * is none) where the token asks for it, but never when one more wrong PIN could lock it.
 * ERR_UNKNOWN: no such token or key; ERR_REFUSED: the PIN; ERR_CERTIFICATE: another key;
 * ERR_UNAVAILABLE: the module failed.  Not while another thread signs with a key of it. */
enum err keys_token_find(struct keys_token *token, const struct keys_uri *uri, struct str pin,
	const X509 *certificate, EVP_PKEY **ret, struct err_info *info);

/* Does the library's newest error say that the token, or our session with it, is gone? Only a new
 * process gets another. */
bool keys_token_is_lost(void);

#endif
