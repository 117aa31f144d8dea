/*
 * The OpenSSL provider "sealpost": RSA and EC keys that consist of a public key and the id of the
 * private one, and the signatures of TLS with them.  Everything else, public operations included,
 * stays with the default provider.
 *
 * A key comes in by EVP_PKEY_fromdata() with one parameter, a pointer to a template.  OpenSSL also
 * imports ordinary public keys when it compares a certificate with such a key; those have no
 * signer.  Nothing is ever exported: that is what makes OpenSSL sign here and not elsewhere.
 */
#include "port/tls/signer.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#define PARAM_TEMPLATE "sealpost-template"

struct key {
	struct tls_signer *signer; /* not owned: contexts keep it alive; NULL: public key only */
	unsigned char id[TLS_KEY_ID];
	EVP_PKEY *public_key; /* of the default provider */
};

/* ---- keys ------------------------------------------------------------------------------------ */

static void *key_new(void *provider)
{
	(void)provider;
	return mem_new(sizeof(struct key));
}

static void key_free(void *object)
{
	struct key *key = object;

	if (key == NULL)
		return;
	EVP_PKEY_free(key->public_key);
	free(key);
}

static int key_has(const void *object, int selection)
{
	const struct key *key = object;

	if (key == NULL || key->public_key == NULL)
		return 0;
	return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || key->signer != NULL;
}

static int key_match(const void *object_a, const void *object_b, int selection)
{
	const struct key *a = object_a, *b = object_b;

	if (a->public_key == NULL || b->public_key == NULL)
		return 0;
	if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0)
		return EVP_PKEY_eq(a->public_key, b->public_key) == 1;
	return EVP_PKEY_parameters_eq(a->public_key, b->public_key) == 1;
}

static int import_public(struct key *key, const char *type, const OSSL_PARAM params[])
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	int ok;

	ok = context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
	     EVP_PKEY_fromdata(
		     context, &key->public_key, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)params) == 1;
	EVP_PKEY_CTX_free(context);
	return ok;
}

static int import(struct key *key, const char *type, const OSSL_PARAM params[])
{
	const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, PARAM_TEMPLATE);
	const struct key *template;
	const void *pointer;
	size_t size;

	if (key->public_key != NULL)
		return 0;
	if (param == NULL)
		return import_public(key, type, params);
	if (OSSL_PARAM_get_octet_ptr(param, &pointer, &size) != 1 || size != sizeof(*template))
		return 0;
	template = pointer;
	if (EVP_PKEY_up_ref(template->public_key) != 1)
		return 0;
	*key = *template;
	return 1;
}

static int rsa_import(void *key, int selection, const OSSL_PARAM params[])
{
	(void)selection;
	return import(key, "RSA", params);
}

static int ec_import(void *key, int selection, const OSSL_PARAM params[])
{
	(void)selection;
	return import(key, "EC", params);
}

static const OSSL_PARAM *import_types(int selection)
{
	static const OSSL_PARAM none[] = {OSSL_PARAM_END};

	(void)selection;
	return none;
}

static int key_get_params(void *object, OSSL_PARAM params[])
{
	const struct key *key = object;

	return key->public_key != NULL && EVP_PKEY_get_params(key->public_key, params) == 1;
}

static const OSSL_PARAM *key_gettable(void *provider)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provider;
	return list;
}

static const char *ec_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : "EC";
}

#define ENTRY(number, function)                                                                    \
	{                                                                                          \
		number, (void (*)(void))function                                                   \
	}

static const OSSL_DISPATCH rsa_keys[] = {
	ENTRY(OSSL_FUNC_KEYMGMT_NEW, key_new),
	ENTRY(OSSL_FUNC_KEYMGMT_FREE, key_free),
	ENTRY(OSSL_FUNC_KEYMGMT_HAS, key_has),
	ENTRY(OSSL_FUNC_KEYMGMT_MATCH, key_match),
	ENTRY(OSSL_FUNC_KEYMGMT_IMPORT, rsa_import),
	ENTRY(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, import_types),
	ENTRY(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),
	ENTRY(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable),
	{0, NULL},
};

static const OSSL_DISPATCH ec_keys[] = {
	ENTRY(OSSL_FUNC_KEYMGMT_NEW, key_new),
	ENTRY(OSSL_FUNC_KEYMGMT_FREE, key_free),
	ENTRY(OSSL_FUNC_KEYMGMT_HAS, key_has),
	ENTRY(OSSL_FUNC_KEYMGMT_MATCH, key_match),
	ENTRY(OSSL_FUNC_KEYMGMT_IMPORT, ec_import),
	ENTRY(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, import_types),
	ENTRY(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),
	ENTRY(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable),
	ENTRY(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, ec_operation),
	{0, NULL},
};

/* ---- signatures ------------------------------------------------------------------------------ */

struct signature {
	struct key *key; /* of the EVP_PKEY, which outlives this */
	bool is_rsa;
	bool is_pss;
	const char *digest;
	EVP_MD_CTX *hash;
};

static void *rsa_signature_new(void *provider, const char *properties)
{
	struct signature *signature = mem_new(sizeof(*signature));

	(void)provider;
	(void)properties;
	signature->is_rsa = true;
	return signature;
}

static void *ec_signature_new(void *provider, const char *properties)
{
	(void)provider;
	(void)properties;
	return mem_new(sizeof(struct signature));
}

static void signature_free(void *object)
{
	struct signature *signature = object;

	if (signature == NULL)
		return;
	EVP_MD_CTX_free(signature->hash);
	free(signature);
}

/* Padding and salt as TLS asks for them; anything else is refused. */
static int signature_set_params(void *object, const OSSL_PARAM params[])
{
	struct signature *signature = object;
	const OSSL_PARAM *param;
	int mode;

	if (params == NULL)
		return 1;
	param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (param != NULL) {
		if (!signature->is_rsa)
			return 0;
		if (param->data_type == OSSL_PARAM_UTF8_STRING)
			mode = strcmp(param->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0
				       ? RSA_PKCS1_PSS_PADDING
				       : 0;
		else if (OSSL_PARAM_get_int(param, &mode) != 1)
			return 0;
		if (mode != RSA_PKCS1_PSS_PADDING && mode != RSA_PKCS1_PADDING)
			return 0;
		signature->is_pss = mode == RSA_PKCS1_PSS_PADDING;
	}
	param = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
	if (param == NULL)
		return 1;
	if (param->data_type == OSSL_PARAM_UTF8_STRING)
		return strcmp(param->data, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 0;
	return OSSL_PARAM_get_int(param, &mode) == 1 && mode == RSA_PSS_SALTLEN_DIGEST;
}

static const OSSL_PARAM *signature_settable(void *object, void *provider)
{
	static const OSSL_PARAM list[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)object;
	(void)provider;
	return list;
}

static int sign_init(void *object, const char *digest, void *key, const OSSL_PARAM params[])
{
	static const char *const digests[] = {"SHA256", "SHA384", "SHA512"};
	struct signature *signature = object;
	EVP_MD *md;

	if (digest == NULL || key == NULL || ((struct key *)key)->signer == NULL)
		return 0;
	md = EVP_MD_fetch(NULL, digest, NULL);
	signature->digest = NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(digests) && md != NULL; i++) {
		if (EVP_MD_is_a(md, digests[i]))
			signature->digest = digests[i];
	}
	if (signature->hash == NULL)
		signature->hash = EVP_MD_CTX_new();
	if (signature->digest == NULL || signature->hash == NULL ||
		EVP_DigestInit_ex2(signature->hash, md, NULL) != 1) {
		EVP_MD_free(md);
		return 0;
	}
	EVP_MD_free(md);
	signature->key = key;
	signature->is_pss = false;
	return signature_set_params(signature, params);
}

static int sign_update(void *object, const unsigned char *data, size_t length)
{
	struct signature *signature = object;

	return signature->hash != NULL && EVP_DigestUpdate(signature->hash, data, length) == 1;
}

static int sign_final(void *object, unsigned char *to, size_t *length, size_t size)
{
	struct signature *signature = object;
	struct tls_sign_order order = {0};
	unsigned int count = 0;
	size_t needed;

	if (signature->key == NULL)
		return 0;
	needed = (size_t)EVP_PKEY_get_size(signature->key->public_key);
	if (to == NULL) {
		*length = needed;
		return 1;
	}
	if (size < needed || EVP_DigestFinal_ex(signature->hash, order.data, &count) != 1)
		return 0;
	order.data_length = count;
	memcpy(order.key, signature->key->id, TLS_KEY_ID);
	order.digest = signature->digest;
	order.scheme = !signature->is_rsa ? "ecdsa" : signature->is_pss ? "rsa-pss" : "rsa-pkcs1";
	*length = size;
	return tls_signer_sign(signature->key->signer, &order, to, length);
}

static int sign(void *object, unsigned char *to, size_t *length, size_t size,
	const unsigned char *data, size_t data_length)
{
	if (to == NULL)
		return sign_final(object, NULL, length, size);
	return sign_update(object, data, data_length) && sign_final(object, to, length, size);
}

static const OSSL_DISPATCH rsa_signatures[] = {
	ENTRY(OSSL_FUNC_SIGNATURE_NEWCTX, rsa_signature_new),
	ENTRY(OSSL_FUNC_SIGNATURE_FREECTX, signature_free),
	ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sign_init),
	ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, sign_update),
	ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, sign_final),
	ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign),
	ENTRY(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signature_set_params),
	ENTRY(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, signature_settable),
	{0, NULL},
};

static const OSSL_DISPATCH ec_signatures[] = {
	ENTRY(OSSL_FUNC_SIGNATURE_NEWCTX, ec_signature_new),
	ENTRY(OSSL_FUNC_SIGNATURE_FREECTX, signature_free),
	ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sign_init),
	ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, sign_update),
	ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, sign_final),
	ENTRY(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign),
	ENTRY(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signature_set_params),
	ENTRY(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, signature_settable),
	{0, NULL},
};

/* ---- the provider ---------------------------------------------------------------------------- */

#define PROPERTIES "provider=sealpost"

static const OSSL_ALGORITHM key_algorithms[] = {
	{"RSA:rsaEncryption", PROPERTIES, rsa_keys, NULL},
	{"EC:id-ecPublicKey", PROPERTIES, ec_keys, NULL},
	{NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM signature_algorithms[] = {
	{"RSA:rsaEncryption", PROPERTIES, rsa_signatures, NULL},
	{"ECDSA", PROPERTIES, ec_signatures, NULL},
	{NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	if (operation == OSSL_OP_KEYMGMT)
		return key_algorithms;
	if (operation == OSSL_OP_SIGNATURE)
		return signature_algorithms;
	return NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
	const OSSL_DISPATCH **out, void **provider)
{
	static const OSSL_DISPATCH functions[] = {
		ENTRY(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
		{0, NULL},
	};

	(void)in;
	*out = functions;
	*provider = (void *)handle;
	return 1;
}

bool tls_provider_add(OSSL_LIB_CTX *library, OSSL_PROVIDER *ret[TLS_PROVIDERS])
{
	if (OSSL_PROVIDER_add_builtin(library, "sealpost", provider_init) != 1)
		return false;
	ret[0] = OSSL_PROVIDER_load(library, "default");
	ret[1] = OSSL_PROVIDER_load(library, "sealpost");
	return ret[0] != NULL && ret[1] != NULL;
}

EVP_PKEY *tls_provider_key(OSSL_LIB_CTX *library, struct tls_signer *signer,
	const unsigned char id[TLS_KEY_ID], EVP_PKEY *public_key)
{
	struct key template = {.signer = signer, .public_key = public_key};
	void *pointer = &template;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_ptr(PARAM_TEMPLATE, &pointer, sizeof(template)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *context;
	EVP_PKEY *key = NULL;

	memcpy(template.id, id, TLS_KEY_ID);
	context = EVP_PKEY_CTX_new_from_name(
		library, EVP_PKEY_is_a(public_key, "RSA") ? "RSA" : "EC", PROPERTIES);
	if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
		EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}
