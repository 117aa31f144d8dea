#include "process/keys/token.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>

/* Its header speaks of two types that OpenSSL hides from who asks for no deprecated ones. */
typedef struct rsa_meth_st RSA_METHOD;
typedef struct ec_key_method_st EC_KEY_METHOD;
#include <libp11.h>

struct keys_token {
	PKCS11_CTX *context;
	PKCS11_SLOT *slots;
	unsigned count;
};

enum err keys_token_new(const char *module, struct keys_token **ret, struct err_info *info)
{
	struct keys_token *token = mem_new(sizeof(*token));
	const char *reason;

	token->context = PKCS11_CTX_new();
	if (token->context == NULL)
		abort();
	if (PKCS11_CTX_load(token->context, module) == 0) {
		*ret = token;
		return ERR_OK;
	}
	reason = ERR_reason_error_string(ERR_peek_last_error());
	err_set(info, ERR_UNAVAILABLE, "keys.pkcs11_module: %s: %s", module,
		reason != NULL ? reason : "cannot be loaded");
	ERR_clear_error();
	PKCS11_CTX_free(token->context);
	free(token);
	return ERR_UNAVAILABLE;
}

void keys_token_free(struct keys_token **token)
{
	struct keys_token *t = *token;

	*token = NULL;
	if (t == NULL)
		return;
	if (t->slots != NULL)
		PKCS11_release_all_slots(t->context, t->slots, t->count);
	PKCS11_CTX_unload(t->context);
	PKCS11_CTX_free(t->context);
	free(t);
}

/* PKCS #11 v2.40, CK_RV. */
bool keys_token_is_lost(void)
{
	static const int lost[] = {
		0x30,  /* device error */
		0x31,  /* device memory */
		0x32,  /* device removed */
		0x82,  /* object handle invalid */
		0xb0,  /* session closed */
		0xb3,  /* session handle invalid */
		0xe0,  /* token not present */
		0x101, /* user not logged in */
		0x190, /* not initialised */
	};
	unsigned long error = ERR_peek_last_error();

	if (ERR_GET_LIB(error) != ERR_get_CKR_code())
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(lost); i++)
		if (ERR_GET_REASON(error) == lost[i])
			return true;
	return false;
}

static enum err module_failed(struct err_info *info, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return err_set(info, ERR_UNAVAILABLE, "the PKCS#11 module failed: %s: %s", what,
		reason != NULL ? reason : "no reason given");
}

/* ---- tokens -----------------------------------------------------------------------------------
 */

/* Tokens pad their texts with blanks. */
static bool is_same(const char *wanted, const char *found)
{
	size_t n = found != NULL ? strlen(found) : 0;

	while (n > 0 && found[n - 1] == ' ')
		n--;
	return wanted == NULL || str_equal(str_of(wanted), str_make(found, n));
}

static bool is_token(const PKCS11_TOKEN *token, const struct keys_uri *uri)
{
	return token != NULL && token->initialized && is_same(uri->token, token->label) &&
	       is_same(uri->manufacturer, token->manufacturer) &&
	       is_same(uri->model, token->model) && is_same(uri->serial, token->serialnr);
}

static enum err enter(const PKCS11_TOKEN *token, const char *pin, struct err_info *info)
{
	switch (PKCS11_login(token->slot, 0, pin)) {
	case 0:
		return ERR_OK;
	default:
		module_failed(info, "login");
		return err_set(info, ERR_REFUSED,
			"the token \"%s\" does not let us in: its PIN (keys.pkcs11_pin) is wrong, "
			"or it takes none now",
			token->label);
	}
}

static enum err log_in(const PKCS11_TOKEN *token, struct str pin, struct err_info *info)
{
	char text[KEYS_PIN_MAX + 1];
	int inside = 0;
	enum err e;

	if (!token->loginRequired)
		return ERR_OK;
	if (PKCS11_is_logged_in(token->slot, 0, &inside) != 0)
		return module_failed(info, "is somebody logged in?");
	if (inside)
		return ERR_OK;
	if (pin.n == 0)
		return err_set(info, ERR_REFUSED,
			"the token \"%s\" asks for a PIN; name the file with it as "
			"keys.pkcs11_pin",
			token->label);
	if (pin.n > KEYS_PIN_MAX)
		return err_set(info, ERR_TOO_LONG, "the PIN has more than %d bytes", KEYS_PIN_MAX);
	/* This process is started again and again when it fails: a wrong PIN would lock it. */
	if (token->userPinCountLow || token->userPinFinalTry || token->userPinLocked)
		return err_set(info, ERR_REFUSED,
			"the PIN of the token \"%s\" was wrong before, and once more may lock it: "
			"it is not tried; log in once by the token's own tool",
			token->label);
	memcpy(text, pin.p, pin.n);
	text[pin.n] = '\0';
	e = enter(token, text, info);
	OPENSSL_cleanse(text, sizeof(text));
	return e;
}

/* ---- keys -------------------------------------------------------------------------------------
 */

static bool is_key(const PKCS11_KEY *key, const struct keys_uri *uri)
{
	return key->isPrivate && is_same(uri->object, key->label) &&
	       (uri->id.n == 0 || str_equal(uri->id, str_make(key->id, key->id_len)));
}

/* *candidates counts the keys of that name. */
static enum err search(PKCS11_TOKEN *token, const struct keys_uri *uri, const X509 *certificate,
	EVP_PKEY **ret, size_t *candidates)
{
	EVP_PKEY *public = X509_get0_pubkey(certificate);
	PKCS11_KEY *keys = NULL;
	unsigned count = 0;

	if (PKCS11_enumerate_keys(token, &keys, &count) != 0)
		return ERR_UNAVAILABLE;
	for (unsigned i = 0; i < count && i < KEYS_TOKEN_KEYS; i++) {
		EVP_PKEY *found;

		if (!is_key(&keys[i], uri))
			continue;
		(*candidates)++;
		found = PKCS11_get_private_key(&keys[i]);
		if (found != NULL && EVP_PKEY_eq(found, public) == 1) {
			*ret = found;
			return ERR_OK;
		}
		EVP_PKEY_free(found);
	}
	return ERR_UNKNOWN;
}

/* Once: libp11 0.4.12 does not survive a second look while keys of the first are in use.  Keys that
 * come into a token later are seen. */
static enum err look(struct keys_token *token)
{
	if (token->slots != NULL)
		return ERR_OK;
	return PKCS11_enumerate_slots(token->context, &token->slots, &token->count) == 0
		       ? ERR_OK
		       : ERR_UNAVAILABLE;
}

enum err keys_token_find(struct keys_token *token, const struct keys_uri *uri, struct str pin,
	const X509 *certificate, EVP_PKEY **ret, struct err_info *info)
{
	size_t tokens = 0, candidates = 0;
	enum err e = look(token);

	if (e != ERR_OK)
		return module_failed(info, "which tokens are there?");
	for (unsigned i = 0; i < token->count; i++) {
		PKCS11_TOKEN *candidate = token->slots[i].token;

		if (!is_token(candidate, uri))
			continue;
		tokens++;
		e = log_in(candidate, pin, info);
		if (e != ERR_OK)
			return e;
		e = search(candidate, uri, certificate, ret, &candidates);
		if (e == ERR_UNAVAILABLE)
			return module_failed(info, "which keys are there?");
		ERR_clear_error();
		if (e == ERR_OK)
			return ERR_OK;
	}
	if (tokens == 0)
		return err_set(info, ERR_UNKNOWN,
			"no token of that name is there (of %u slots); is it plugged in since the "
			"server started, and are keys.pkcs11_paths what the module reads?",
			token->count);
	if (candidates > 0)
		return err_set(info, ERR_CERTIFICATE,
			"the key in the token does not belong to the certificate, or its public "
			"half is not in the token");
	return err_set(info, ERR_UNKNOWN, "the token holds no private key of that name");
}
