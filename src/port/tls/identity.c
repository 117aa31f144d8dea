#include "port/tls/context.h"
#include "port/tls/facts.h"

#include <openssl/err.h>
#include <stdlib.h>

enum err tls_identity_load(const struct tls_identity_source *source, struct tls_context *context,
	struct tls_identity *to, struct err_info *info)
{
	struct err_info reason = {.text = ""};
	enum err e;

	e = tls_stack_of_pem(source->chain, TLS_CHAIN_MAX, &to->issuers, &reason);
	if (e != ERR_OK)
		return err_set(info, e, "certificate %s: %s", source->name, reason.text);
	to->name = mem_text(source->name);
	to->version = mem_text(source->version);
	to->leaf = sk_X509_shift(to->issuers);
	to->key = tls_signer_key(context->signer, to->leaf);
	if (to->key == NULL)
		return err_set(info, ERR_UNSUPPORTED,
			"certificate %s: its key is neither RSA nor ECDSA", source->name);
	to->is_rsa = EVP_PKEY_is_a(to->key, "RSA");
	tls_facts_of(to->leaf, context->arena, &to->facts);
	return ERR_OK;
}

void tls_identity_clear(struct tls_identity *identity)
{
	free(identity->name);
	free(identity->version);
	X509_free(identity->leaf);
	tls_stack_free(&identity->issuers);
	EVP_PKEY_free(identity->key);
}

bool tls_identity_has(const struct tls_identity *identity, const char *sha256)
{
	return identity != NULL && strcmp(identity->facts.sha256, sha256) == 0;
}
