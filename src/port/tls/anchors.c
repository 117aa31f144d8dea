/* Trust anchors and the lists beside them: parsed from PEM, and kept by profile. */
#include "port/tls/anchors.h"

#include "base/map.h"
#include "core/policy/policy.h"
#include "port/tls/facts.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

enum { CRLS_MAX = 1000 };

/* The reader stopped because there is no other list, not because it could not read one. */
static bool is_at_end(void)
{
	unsigned long error = ERR_peek_last_error();

	return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/* Revocation lists, PEM one after the other. */
static enum err add_crls(struct tls_anchors *anchors, struct str pem, struct err_info *info)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)(pem.n < INT_MAX ? pem.n : INT_MAX));
	enum err e = ERR_OK;
	bool ended = false;

	if (bio == NULL)
		abort();
	ERR_clear_error();
	for (int n = 0; n <= CRLS_MAX; n++) {
		X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);

		if (crl == NULL) {
			ended = true;
			break;
		}
		X509_STORE_add_crl(anchors->store, crl);
		X509_CRL_free(crl);
		anchors->has_crls = true;
	}
	if (!anchors->has_crls || !ended || !is_at_end())
		e = err_set(info, ERR_SYNTAX, "revocation list %s is malformed",
			anchors->has_crls ? "behind the last readable one" : "1");
	BIO_free(bio);
	ERR_clear_error();
	return e;
}

enum err tls_check_crls(struct str crls, struct err_info *info)
{
	struct tls_anchors *anchors CLEANUP(tls_anchors_free) = mem_new(sizeof(*anchors));

	anchors->store = X509_STORE_new();
	if (anchors->store == NULL)
		abort();
	return add_crls(anchors, crls, info);
}

enum err tls_anchors_new(
	struct str pem, struct str crls, struct tls_anchors **ret, struct err_info *info)
{
	STACK_OF(X509) * stack CLEANUP(tls_stack_free) = NULL;
	struct tls_anchors *anchors;
	enum err e;

	e = tls_stack_of_pem(pem, TLS_PEM_MAX, &stack, info);
	if (e != ERR_OK)
		return e;
	anchors = mem_new(sizeof(*anchors));
	anchors->store = X509_STORE_new();
	if (anchors->store == NULL)
		abort();
	for (int i = 0; i < sk_X509_num(stack); i++) {
		if (X509_STORE_add_cert(anchors->store, sk_X509_value(stack, i)) != 1)
			abort();
	}
	if (crls.n > 0)
		e = add_crls(anchors, crls, info);
	if (e == ERR_OK)
		*ret = anchors;
	else
		tls_anchors_free(&anchors);
	return e;
}

void tls_anchors_free(struct tls_anchors **anchors)
{
	if (*anchors == NULL)
		return;
	X509_STORE_free((*anchors)->store);
	free(*anchors);
	*anchors = NULL;
}

/* ---- those of profiles ------------------------------------------------------------------------
 */

struct tls_trust {
	struct str roots;
	struct map *known; /* texts of a profile -> struct known */
};

struct known {
	struct tls_anchors *anchors; /* NULL: unusable */
};

struct tls_trust *tls_trust_new(void)
{
	struct tls_trust *trust = mem_new(sizeof(*trust));

	trust->known = map_new(0); /* keys come from the administrator */
	return trust;
}

void tls_trust_forget(struct tls_trust *trust)
{
	size_t position = 0;
	void *value;

	while (map_next(trust->known, &position, NULL, &value)) {
		struct known *known = value;

		tls_anchors_free(&known->anchors);
		free(known);
	}
	map_free(&trust->known);
	trust->known = map_new(0);
}

void tls_trust_set_roots(struct tls_trust *trust, struct str roots)
{
	tls_trust_forget(trust);
	free((char *)trust->roots.p);
	trust->roots = str_make(mem_text_of(roots), roots.n);
}

struct str tls_trust_roots(const struct tls_trust *trust)
{
	return trust->roots;
}

void tls_trust_free(struct tls_trust **trust)
{
	if (*trust == NULL)
		return;
	tls_trust_forget(*trust);
	map_free(&(*trust)->known);
	free((char *)(*trust)->roots.p);
	free(*trust);
	*trust = NULL;
}

const struct tls_anchors *tls_trust_of(
	struct tls_trust *trust, const struct policy_profile *profile, struct err_info *info)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct str pem = profile->anchors != NULL ? str_of(profile->anchors) : trust->roots;
	struct str key = str_of(arena_format(arena, "%s\n%s",
		profile->anchors != NULL ? profile->anchors : "system",
		profile->crls != NULL ? profile->crls : ""));
	struct known *known = map_get(trust->known, key);

	if (known == NULL) {
		known = mem_new(sizeof(*known));
		if (tls_anchors_new(pem, str_of(profile->crls), &known->anchors, info) != ERR_OK)
			known->anchors = NULL;
		map_set(trust->known, key, known);
	}
	return known->anchors;
}
