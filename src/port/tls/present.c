#include "port/tls/present.h"

#include "base/map.h"
#include "port/tls/facts.h"
#include "port/tls/path.h"

#include <openssl/evp.h>
#include <stdlib.h>

enum { MAX_NAMES = 100 /* of one certificate; the record has to fit a frame */ };

struct tls_present {
	struct map *told; /* key -> struct told */
};
struct told {
	int64_t at_ms;
};

struct tls_present *tls_present_new(void)
{
	struct tls_present *present = mem_new(sizeof(*present));

	present->told = map_new((uint64_t)(uintptr_t)present);
	return present;
}

static void forget(struct tls_present *present)
{
	size_t position = 0;
	void *value;

	while (map_next(present->told, &position, NULL, &value))
		free(value);
	map_free(&present->told);
}

void tls_present_free(struct tls_present **present)
{
	if (*present == NULL)
		return;
	forget(*present);
	free(*present);
	*present = NULL;
}

static const char *or_none(const char *text)
{
	return text != NULL ? text : "-";
}

static struct str key_of(const struct tls_present_peer *peer, struct arena *arena)
{
	const char *key = arena_format(arena, "%d %s/%s %s", peer->direction,
		or_none(peer->organisation), or_none(peer->connector),
		peer->direction == RECEIPT_IN && peer->connector == NULL ? or_none(peer->address)
									 : or_none(peer->host));

	for (size_t i = 0; i < peer->fact_count && i < TLS_CHAIN_MAX; i++)
		key = arena_format(arena, "%s %s", key, or_none(peer->facts[i].sha256));
	return str_of(key);
}

static bool is_due(
	struct tls_present *present, const struct tls_present_peer *peer, struct arena *arena)
{
	struct str key = key_of(peer, arena);
	struct told *told = map_get(present->told, key);

	/* A clock that went back must not silence it. */
	if (told != NULL && peer->now_ms >= told->at_ms &&
		peer->now_ms - told->at_ms < TLS_PRESENT_AGAIN_MS)
		return false;
	if (told == NULL) {
		if (map_count(present->told) >= TLS_PRESENT_KNOWN) {
			forget(present);
			present->told = map_new((uint64_t)peer->now_ms);
		}
		told = mem_new(sizeof(*told));
		map_set(present->told, key, told);
	}
	told->at_ms = peer->now_ms;
	return true;
}

/* SHA-256 over the DER forms, one behind the other. */
static const char *digest_of(const STACK_OF(X509) * stack, struct arena *arena)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	char *text;

	if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		abort();
	for (int i = 0; i < sk_X509_num(stack); i++) {
		unsigned char *der = NULL;
		int n = i2d_X509(sk_X509_value(stack, i), &der);

		if (n > 0 && EVP_DigestUpdate(context, der, (size_t)n) != 1)
			abort();
		OPENSSL_free(der);
	}
	if (EVP_DigestFinal_ex(context, digest, &size) != 1)
		abort();
	EVP_MD_CTX_free(context);
	text = arena_alloc(arena, (size_t)size * 2 + 1);
	for (unsigned i = 0; i < size; i++)
		snprintf(text + (size_t)i * 2, 3, "%02x", digest[i]);
	return text;
}

static struct str pem_of(const STACK_OF(X509) * stack, struct arena *arena)
{
	const char *text = "";

	for (int i = 0; i < sk_X509_num(stack); i++)
		text = arena_format(
			arena, "%s%s", text, tls_pem_of(sk_X509_value(stack, i), arena));
	return str_of(text);
}

static void find_root(const struct tls_present_peer *peer, const struct tls_trust *trust,
	struct arena *arena, struct wire_chain *ret)
{
	struct tls_store *stores[] = {
		tls_store_new(str_of(peer->anchors)), tls_store_new(tls_trust_roots(trust))};
	struct tls_path *path = arena_alloc(arena, sizeof(*path));

	if (tls_path_of_pem(ret->chain, (const struct tls_store *const *)stores,
		    ARRAY_LENGTH(stores), arena, path, NULL) == ERR_OK &&
		path->is_complete && path->count > 0) {
		const struct cert_facts *root = &path->steps[path->count - 1].facts;

		ret->root = root->subject;
		ret->root_sha256 = root->sha256;
		ret->root_not_after_ms = root->not_after_ms;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(stores); i++)
		tls_store_free(&stores[i]);
}

static void copy_facts(
	const struct tls_present_peer *peer, struct arena *arena, struct wire_chain *ret)
{
	size_t count = peer->fact_count < TLS_CHAIN_MAX ? peer->fact_count : TLS_CHAIN_MAX;

	ret->facts.items = arena_array(arena, count + 1, sizeof(*ret->facts.items));
	ret->facts.count = count;
	for (size_t i = 0; i < count; i++) {
		ret->facts.items[i] = peer->facts[i];
		if (ret->facts.items[i].names.count > MAX_NAMES)
			ret->facts.items[i].names.count = MAX_NAMES;
	}
}

bool tls_present_report(struct tls_present *present, const struct tls_session *session,
	const struct tls_present_peer *peer, const struct tls_trust *trust, struct arena *arena,
	struct wire_chain *ret)
{
	STACK_OF(X509) * stack CLEANUP(tls_stack_free) = NULL;

	if (present == NULL || session == NULL || peer->fact_count == 0 ||
		!is_due(present, peer, arena))
		return false;
	stack = tls_peer_stack(session);
	if (stack == NULL)
		return false;
	*ret = (struct wire_chain){.at_ms = peer->now_ms,
		.direction = peer->direction,
		.organisation = peer->organisation,
		.connector = peer->connector,
		.host = peer->host,
		.address = peer->address,
		.asked = peer->asked,
		.verdict = peer->verdict,
		.chain = pem_of(stack, arena),
		.sha256 = digest_of(stack, arena)};
	copy_facts(peer, arena, ret);
	if (peer->connector != NULL && trust != NULL)
		find_root(peer, trust, arena, ret);
	return true;
}
