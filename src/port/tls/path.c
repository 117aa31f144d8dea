#include "port/tls/path.h"

#include "port/tls/facts.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct tls_store {
	STACK_OF(X509) * all; /* NULL: empty */
};

struct tls_store *tls_store_new(struct str pem)
{
	struct tls_store *store = mem_new(sizeof(*store));

	if (pem.n > 0 && tls_stack_of_pem(pem, TLS_PEM_MAX, &store->all, NULL) != ERR_OK)
		store->all = NULL;
	return store;
}

void tls_store_free(struct tls_store **store)
{
	if (*store == NULL)
		return;
	tls_stack_free(&(*store)->all);
	free(*store);
	*store = NULL;
}

static int count_of(const struct tls_store *store)
{
	return store->all != NULL ? sk_X509_num(store->all) : 0;
}

size_t tls_store_facts(const struct tls_store *store, struct arena *arena, struct cert_facts **ret)
{
	size_t count = (size_t)count_of(store);

	*ret = arena_array(arena, count + 1, sizeof(**ret));
	for (size_t i = 0; i < count; i++)
		tls_facts_of(sk_X509_value(store->all, (int)i), arena, &(*ret)[i]);
	return count;
}

bool tls_store_holds(const struct tls_store *store, struct str pem)
{
	STACK_OF(X509) * wanted CLEANUP(tls_stack_free) = NULL;

	return tls_stack_of_pem(pem, 1, &wanted, NULL) == ERR_OK &&
	       tls_holds(store->all, sk_X509_value(wanted, 0));
}

/* ---- endpoints ------------------------------------------------------------------------------- */

struct found {
	struct arena *arena;
	struct cert_endpoint *items;
	size_t count;
};

/* Whatever is no printable ASCII is no address (RFC 3986 2), and would go to a terminal. */
static void add(struct found *found, enum cert_endpoint_kind kind, const GENERAL_NAME *name)
{
	const ASN1_IA5STRING *text;
	struct str url;

	if (name == NULL || name->type != GEN_URI || found->count == CERT_ENDPOINTS_MAX)
		return;
	text = name->d.uniformResourceIdentifier;
	url = str_make(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
	if (url.n == 0 || url.n > CERT_URL_MAX)
		return;
	for (size_t i = 0; i < url.n; i++)
		if (url.p[i] <= ' ' || url.p[i] > '~')
			return;
	for (size_t i = 0; i < found->count; i++)
		if (found->items[i].kind == (int)kind && str_is(url, found->items[i].url))
			return;
	found->items[found->count++] =
		(struct cert_endpoint){.kind = (int)kind, .url = arena_text_of(found->arena, url)};
}

/* RFC 5280 4.2.1.13.  A name relative to the issuer is a place in a directory, and no address. */
static void add_lists(struct found *found, X509 *certificate)
{
	CRL_DIST_POINTS *points =
		X509_get_ext_d2i(certificate, NID_crl_distribution_points, NULL, NULL);

	for (int i = 0; points != NULL && i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT *point = sk_DIST_POINT_value(points, i);
		const GENERAL_NAMES *names = point->distpoint != NULL && point->distpoint->type == 0
						     ? point->distpoint->name.fullname
						     : NULL;

		for (int k = 0; names != NULL && k < sk_GENERAL_NAME_num(names); k++)
			add(found, CERT_ENDPOINT_CRL, sk_GENERAL_NAME_value(names, k));
	}
	CRL_DIST_POINTS_free(points);
}

/* RFC 5280 4.2.2.1. */
static void add_access(struct found *found, X509 *certificate)
{
	AUTHORITY_INFO_ACCESS *all = X509_get_ext_d2i(certificate, NID_info_access, NULL, NULL);

	for (int i = 0; all != NULL && i < sk_ACCESS_DESCRIPTION_num(all); i++) {
		const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(all, i);

		if (OBJ_obj2nid(one->method) == NID_ad_OCSP)
			add(found, CERT_ENDPOINT_OCSP, one->location);
		else if (OBJ_obj2nid(one->method) == NID_ad_ca_issuers)
			add(found, CERT_ENDPOINT_ISSUER, one->location);
	}
	AUTHORITY_INFO_ACCESS_free(all);
}

/* ---- the way up ------------------------------------------------------------------------------ */

static void add_step(struct tls_path *path, X509 *certificate, bool is_root, struct arena *arena)
{
	struct tls_path_step *step = &path->steps[path->count++];
	struct found found = {.arena = arena};

	*step = (struct tls_path_step){.pem = str_of(tls_pem_of(certificate, arena))};
	tls_facts_of(certificate, arena, &step->facts);
	if (is_root)
		return;
	found.items = arena_array(arena, CERT_ENDPOINTS_MAX, sizeof(*found.items));
	add_lists(&found, certificate);
	add_access(&found, certificate);
	ERR_clear_error();
	step->endpoints = found.items;
	step->endpoint_count = found.count;
}

static X509 *issuer_in(const STACK_OF(X509) * given, const struct tls_store *const *stores,
	size_t count, X509 *subject)
{
	X509 *issuer = tls_find_issuer(given, subject);

	for (size_t i = 0; issuer == NULL && i < count; i++)
		issuer = tls_find_issuer(stores[i]->all, subject);
	return issuer;
}

static int holder_of(const struct tls_store *const *stores, size_t count, const X509 *certificate)
{
	for (size_t i = 0; i < count; i++)
		if (tls_holds(stores[i]->all, certificate))
			return (int)i;
	return -1;
}

enum err tls_path_of_pem(struct str chain, const struct tls_store *const *stores, size_t count,
	struct arena *arena, struct tls_path *ret, struct err_info *info)
{
	STACK_OF(X509) * given CLEANUP(tls_stack_free) = NULL;
	enum err e = tls_stack_of_pem(chain, TLS_CHAIN_MAX, &given, info);
	X509 *at;

	if (e != ERR_OK)
		return e;
	*ret = (struct tls_path){.store = -1};
	at = sk_X509_value(given, 0);
	while (at != NULL && ret->count < TLS_PATH_MAX) {
		ret->is_complete = tls_is_issuer(at, at);
		add_step(ret, at, ret->is_complete, arena);
		ret->steps[ret->count - 1].is_presented = tls_holds(given, at);
		ret->store = holder_of(stores, count, at);
		at = ret->is_complete ? NULL : issuer_in(given, stores, count, at);
	}
	return ERR_OK;
}
