#include "port/issue/inside.h"

#include "core/cert/step.h"
#include "port/tls/keypair.h"

#include <string.h>

/* ---- keys -------------------------------------------------------------------------------------
 */

/* A key, as text in the arena: it is not swept away before the process ends, and that is soon. */
static struct str keep(const struct issue_place *place, struct buf *key)
{
	struct str kept = arena_copy(place->arena, buf_str(key));

	tls_keypair_forget(key);
	return kept;
}

enum err issue_seal(const struct issue_place *place, struct issue_pair *pair, struct str open,
	struct err_info *info)
{
	struct err_info why = {0};
	struct buf key;

	pair->key = open;
	if (!place->has_passphrase)
		return ERR_OK;
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	if (tls_keypair_seal(open, place->passphrase, &key, &why) != ERR_OK) {
		tls_keypair_forget(&key);
		return err_set(info, why.code, "the key: %s", why.text);
	}
	pair->key = keep(place, &key);
	return ERR_OK;
}

enum err issue_requested(const struct issue_place *place, const struct issue_order *order,
	struct issue_pair *ret, struct err_info *info)
{
	*ret = (struct issue_pair){.chain_name = "chain", .is_requested = true};
	ret->chain = str_of(order->chain);
	return vault_request_key(place->data, order->name, place->arena, &ret->key, info);
}

/* ---- the other kind ---------------------------------------------------------------------------
 */

static enum err read_stored(const struct issue_place *place, const struct issue_order *order,
	const struct vault_pair *stored, struct issue_pair *ret, struct err_info *info)
{
	enum err e = vault_read_file(stored->chain, place->arena, &ret->chain, info);

	ret->chain_name = stored->chain;
	ret->key_name = stored->key != NULL ? stored->key : stored->key_uri;
	ret->is_in_token = stored->key == NULL;
	ret->is_rsa = strcmp(stored->kind, "rsa") == 0;
	if (e == ERR_OK && ret->is_in_token)
		ret->key = str_of(stored->key_uri);
	else if (e == ERR_OK)
		e = vault_read_file(stored->key, place->arena, &ret->key, info);
	return e == ERR_OK ? issue_look(place, order, ret, info) : e;
}

enum err issue_keep_other(const struct issue_place *place, const struct issue_order *order,
	struct issue_pair pairs[VAULT_PAIRS], struct err_info *info)
{
	struct vault_pair stored[VAULT_PAIRS];
	const struct cert_version *version = NULL;
	struct err_info why = {0};
	struct cert_life life;
	const char *other = pairs[0].is_rsa ? "ecdsa" : "rsa";
	size_t known = 0;
	enum err e = vault_find(place->data, order->name, place->arena, &life, &why);

	if (e != ERR_OK)
		return err_set(info, e == ERR_UNKNOWN ? ERR_CONFLICT : e, "beside: %s", why.text);
	version = cert_life_in(&life, CERT_NEXT);
	if (version == NULL)
		version = cert_life_in(&life, CERT_CURRENT);
	if (version != NULL)
		known = vault_pairs(place->data, order->name, version->id, place->arena, stored);
	for (size_t i = 0; i < known; i++)
		if (strcmp(stored[i].kind, other) == 0)
			return read_stored(place, order, &stored[i], &pairs[1], info);
	return err_set(info, ERR_CONFLICT,
		"beside: expected a certificate with a key of the other kind (%s) in version %s; "
		"it has none",
		pairs[0].is_rsa ? "ECDSA" : "RSA", version != NULL ? version->id : "");
}

/* ---- a version --------------------------------------------------------------------------------
 */

static enum err make_life(const struct issue_place *place, const struct issue_order *order,
	const struct cert_arrival *arrival, struct issue_result *ret, struct err_info *info)
{
	const struct cert_step advance = {.action = CERT_ADVANCE};
	struct cert_life added;
	enum err e = vault_find(place->data, order->name, place->arena, &ret->before, info);
	bool is_first = e == ERR_UNKNOWN;

	if (is_first) {
		record_init(&cert_life_desc, &ret->before, place->arena);
		ret->before.name = arena_text(place->arena, order->name);
		e = ERR_OK;
	}
	if (e == ERR_OK)
		e = cert_step_add(&ret->before, arrival, place->now_ms, place->arena, &added, info);
	if (e != ERR_OK)
		return e;
	ret->version = added.versions.items[added.versions.count - 1].id;
	ret->after = added;
	if (order->advance && !is_first)
		e = cert_step_take(
			&added, &advance, place->now_ms, place->arena, &ret->after, info);
	if (e == ERR_OK && is_first && arrival->not_before_ms > place->now_ms && !order->force)
		e = err_set(info, ERR_CERTIFICATE,
			"the certificate is not valid yet, and would be presented at once: there "
			"is no other of that name (force imports it all the same)");
	return e;
}

/* The same once more: what follows would be a rollover from one to the same. */
static void note_known(const struct issue_place *place, const struct issue_result *result)
{
	const struct cert_version *made =
		&result->after.versions.items[result->after.versions.count - 1];

	for (size_t i = 0; i < result->before.versions.count; i++) {
		const struct cert_version *v = &result->before.versions.items[i];
		bool is_same = v->state != CERT_RETIRED && v->sha256.count == made->sha256.count;

		for (size_t j = 0; is_same && j < v->sha256.count; j++)
			is_same = strcmp(v->sha256.items[j], made->sha256.items[j]) == 0;
		if (is_same)
			issue_note(place, "this certificate is version %s (%s) already", v->id,
				cert_state_names[v->state]);
	}
}

enum err issue_add(const struct issue_place *place, const struct issue_order *order,
	const struct issue_pair *pairs, size_t count, struct issue_result *ret,
	struct err_info *info)
{
	struct vault_content content[VAULT_PAIRS];
	const char *sha256[VAULT_PAIRS];
	struct cert_arrival arrival = {.not_before_ms = pairs[0].not_before_ms,
		.not_after_ms = pairs[0].not_after_ms,
		.sha256 = {sha256, count},
		.replaces_next = order->replace || order->beside};
	enum err e;

	if (count == 2 && pairs[0].is_rsa == pairs[1].is_rsa)
		return err_set(info, ERR_CONFLICT,
			"a version holds one ECDSA and one RSA certificate at most; both are %s",
			pairs[0].is_rsa ? "RSA" : "ECDSA");
	for (size_t i = 0; i < count; i++) {
		content[i] = (struct vault_content){
			pairs[i].is_rsa ? "rsa" : "ecdsa", pairs[i].chain, pairs[i].key};
		sha256[i] = pairs[i].sha256;
		if (pairs[i].not_before_ms > arrival.not_before_ms)
			arrival.not_before_ms = pairs[i].not_before_ms;
		if (pairs[i].not_after_ms < arrival.not_after_ms)
			arrival.not_after_ms = pairs[i].not_after_ms;
	}
	e = make_life(place, order, &arrival, ret, info);
	if (e == ERR_OK)
		e = vault_add(place->vault, order->name, ret->version, content, count, info);
	if (e == ERR_OK)
		note_known(place, ret);
	return e;
}

/* ---- orders -----------------------------------------------------------------------------------
 */

static enum err fill(const struct issue_place *place, const struct issue_order *order,
	struct tls_keypair_request *ret, struct err_info *info)
{
	*ret = (struct tls_keypair_request){.names = order->names.items,
		.count = order->names.count,
		.kind = (enum tls_keypair_kind)order->key,
		.organisation = order->organisation,
		.unit = order->unit,
		.country = order->country,
		.now_ms = place->now_ms,
		.days = order->days};
	return order->names.count > 0
		       ? ERR_OK
		       : err_set(info, ERR_RANGE, "names: a certificate needs a name");
}

static enum err make_request(const struct issue_place *place, const struct issue_order *order,
	struct issue_result *ret, struct err_info *info)
{
	struct tls_keypair_request request;
	struct issue_pair pair = {0};
	struct buf text, key;
	enum err e = fill(place, order, &request, info);

	if (e == ERR_OK && !order->replace &&
		vault_request_find(place->data, order->name, NULL) == ERR_OK)
		e = err_set(info, ERR_EXISTS,
			"a certificate for %s was requested already: bring what the authority made "
			"of it, or have that key thrown away",
			order->name);
	if (e != ERR_OK)
		return e;
	buf_init(&text, TLS_KEYPAIR_PEM_MAX);
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	e = tls_keypair_signing_request(&request, &text, &key, info);
	if (e == ERR_OK)
		e = issue_seal(place, &pair, arena_copy(place->arena, buf_str(&key)), info);
	if (e == ERR_OK)
		e = vault_request_write(place->vault, order->name, pair.key, buf_str(&text), info);
	if (e == ERR_OK)
		ret->request = arena_text_of(place->arena, buf_str(&text));
	buf_free(&text);
	tls_keypair_forget(&key);
	return e;
}

/* Check what has come, keep what is beside it, and store both. */
static enum err bring(const struct issue_place *place, const struct issue_order *order,
	const struct issue_pair *pair, struct str open, struct issue_result *ret,
	struct err_info *info)
{
	struct issue_pair pairs[VAULT_PAIRS] = {*pair};
	enum err e = issue_check(place, order, &pairs[0], open, info);

	if (e == ERR_OK)
		e = issue_seal(place, &pairs[0], open, info);
	if (e == ERR_OK && order->beside)
		e = issue_keep_other(place, order, pairs, info);
	return e == ERR_OK ? issue_add(place, order, pairs, order->beside ? 2 : 1, ret, info) : e;
}

static enum err make_self_signed(const struct issue_place *place, const struct issue_order *order,
	struct issue_result *ret, struct err_info *info)
{
	struct issue_pair pair = {.chain_name = "the certificate"};
	struct tls_keypair_request request;
	struct buf chain, key;
	struct str open;
	enum err e = fill(place, order, &request, info);

	if (e != ERR_OK)
		return e;
	buf_init(&chain, ISSUE_PEM_MAX);
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	e = tls_keypair_self_signed(&request, &chain, &key, info);
	pair.chain = arena_copy(place->arena, buf_str(&chain));
	open = arena_copy(place->arena, buf_str(&key));
	buf_free(&chain);
	tls_keypair_forget(&key);
	return e == ERR_OK ? bring(place, order, &pair, open, ret, info) : e;
}

static enum err take_chain(const struct issue_place *place, const struct issue_order *order,
	struct issue_result *ret, struct err_info *info)
{
	struct err_info why = {0};
	struct issue_pair pair;
	struct buf open;
	enum err e;

	if (order->chain == NULL)
		return err_set(info, ERR_SYNTAX, "chain: expected certificates in PEM form");
	e = issue_requested(place, order, &pair, info);
	if (e != ERR_OK)
		return e;
	buf_init(&open, TLS_KEYPAIR_PEM_MAX);
	e = tls_keypair_open(pair.key, place->passphrase, &open, &why);
	if (e != ERR_OK)
		e = err_set(info, ERR_CORRUPT, "the key of the request: %s", why.text);
	else
		e = bring(place, order, &pair, keep(place, &open), ret, info);
	tls_keypair_forget(&open);
	return e;
}

enum err issue_run(const struct issue_place *place, const struct issue_order *order,
	struct issue_result *ret, struct err_info *info)
{
	*ret = (struct issue_result){0};
	switch ((enum issue_action)order->action) {
	case ISSUE_REQUEST:
		return make_request(place, order, ret, info);
	case ISSUE_CHAIN:
		return take_chain(place, order, ret, info);
	case ISSUE_SELF_SIGNED:
		return make_self_signed(place, order, ret, info);
	}
	return err_set(info, ERR_INTERNAL, "there is no such order");
}
