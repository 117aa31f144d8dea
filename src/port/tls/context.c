#include "port/tls/context.h"

#include <stdlib.h>

/* ---- contexts ---------------------------------------------------------------------------------
 */

static enum err load_identities(struct tls_context *context,
	const struct tls_context_options *options, struct err_info *info)
{
	enum err e;

	if (options->identity_count > TLS_IDENTITIES_MAX)
		return err_set(info, ERR_TOO_MANY, "more than %d certificates", TLS_IDENTITIES_MAX);
	context->identities = mem_new((options->identity_count + 1) * sizeof(*context->identities));
	context->offers = mem_new((options->identity_count + 1) * sizeof(*context->offers));
	context->slots = mem_new((options->identity_count + 1) * sizeof(struct tls_slot *));
	for (size_t i = 0; i < options->identity_count; i++) {
		const struct tls_identity_source *source = &options->identities[i];
		struct tls_identity *identity = &context->identities[i];

		context->identity_count++;
		e = tls_identity_load(source, context, identity, info);
		if (e != ERR_OK)
			return e;
		context->offers[i] = (struct cert_offer){.certificate = identity->name,
			.version = identity->version,
			.state = identity->version != NULL ? source->state : CERT_CURRENT,
			.is_rsa = identity->is_rsa,
			.names = identity->facts.names};
	}
	e = tls_slots_check(context, info);
	return e != ERR_OK ? e
			   : cert_directory_new(context->offers, context->identity_count,
				     &context->directory, info);
}

static struct tls_context *new_context(struct tls_signer *signer, bool is_server)
{
	struct tls_context *context = mem_new(sizeof(*context));

	context->references = 1;
	context->is_server = is_server;
	context->signer = tls_signer_ref(signer);
	context->arena = arena_new();
	return context;
}

enum err tls_server_context_new(struct tls_signer *signer,
	const struct tls_context_options *options, struct tls_context **ret, struct err_info *info)
{
	struct tls_context *context CLEANUP(tls_context_free) = NULL;
	enum err e;

	if (options->identity_count == 0)
		return err_set(info, ERR_UNKNOWN, "there is no certificate to present");
	context = new_context(signer, true);
	context->staples = options->staples;
	context->protocol = options->protocol;
	context->is_for_anybody = options->is_for_anybody;
	if (options->ticket_key != NULL) {
		context->tickets = true;
		memcpy(context->ticket_key, options->ticket_key, TLS_TICKET_KEY);
	}
	e = load_identities(context, options, info);
	if (e != ERR_OK)
		return e;
	*ret = context;
	context = NULL;
	return ERR_OK;
}

enum err tls_client_context_new(struct tls_signer *signer,
	const struct tls_context_options *options, struct tls_context **ret, struct err_info *info)
{
	struct tls_context *context CLEANUP(tls_context_free) = new_context(signer, false);
	enum err e;

	if (options->cached_sessions > 0)
		context->cache = tls_cache_new(options->cached_sessions);
	e = load_identities(context, options, info);
	if (e != ERR_OK)
		return e;
	*ret = context;
	context = NULL;
	return ERR_OK;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
	context->references++;
	return context;
}

void tls_context_free(struct tls_context **context)
{
	struct tls_context *c = *context;

	*context = NULL;
	if (c == NULL || --c->references > 0)
		return;
	tls_cache_free(&c->cache);
	tls_slots_free(&c->bare);
	cert_directory_free(&c->directory);
	for (size_t i = 0; i < c->identity_count; i++) {
		tls_slots_free(&c->slots[i]);
		tls_identity_clear(&c->identities[i]);
	}
	free(c->slots);
	free(c->offers);
	free(c->identities);
	arena_free(&c->arena);
	OPENSSL_cleanse(c->ticket_key, sizeof(c->ticket_key));
	tls_signer_free(&c->signer);
	free(c);
}

void tls_context_forget(struct tls_context *context, const char *cache_key)
{
	if (context->cache != NULL)
		tls_cache_forget(context->cache, cache_key);
}
