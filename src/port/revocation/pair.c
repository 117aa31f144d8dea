#include "port/revocation/inside.h"
#include "port/tls/facts.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/tls1.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void revocation_unknown(struct revocation_finding *f, const char *token, const char *format, ...)
{
	va_list arguments;

	f->status = WIRE_REVOCATION_UNKNOWN;
	f->token = token;
	va_start(arguments, format);
	vsnprintf(f->text, sizeof(f->text), format, arguments);
	va_end(arguments);
}

int64_t revocation_moment(const ASN1_TIME *time)
{
	struct tm tm;

	return time != NULL && ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

bool revocation_in_force(struct revocation_finding *f, int64_t now_ms, const char *what)
{
	char text[MOMENT_TEXT_SIZE];

	if (f->this_ms > now_ms + REVOCATION_SKEW_MS) {
		moment_format_rfc3339(f->this_ms, text);
		revocation_unknown(f, "early", "the %s is dated %s, in the future", what, text);
		return false;
	}
	if (f->next_ms != 0 && f->next_ms < now_ms) {
		moment_format_rfc3339(f->next_ms, text);
		revocation_unknown(f, "stale", "the %s is out of date: the next one was due at %s",
			what, text);
		return false;
	}
	return true;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static struct revocation_pair *pair_of(X509 *certificate, X509 *issuer)
{
	struct revocation_pair *pair = mem_new(sizeof(*pair));

	pair->holders = 1;
	pair->certificate = certificate;
	pair->issuer = issuer;
	if (certificate != NULL)
		X509_up_ref(certificate);
	if (issuer != NULL)
		X509_up_ref(issuer);
	return pair;
}

static bool is_issued(X509 *certificate, X509 *issuer)
{
	bool fine = X509_check_issued(issuer, certificate) == X509_V_OK &&
		    X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;

	ERR_clear_error();
	return fine;
}

enum err revocation_pair_new(struct str certificate, struct str issuer,
	struct revocation_pair **ret, struct err_info *info)
{
	STACK_OF(X509) * first CLEANUP(tls_stack_free) = NULL;
	STACK_OF(X509) * second CLEANUP(tls_stack_free) = NULL;
	X509 *subject = NULL, *signer = NULL;
	enum err e = ERR_OK;

	if (certificate.n > 0)
		e = tls_stack_of_pem(certificate, REVOCATION_CHAIN_MAX, &first, info);
	if (e == ERR_OK && issuer.n > 0)
		e = tls_stack_of_pem(issuer, REVOCATION_CHAIN_MAX, &second, info);
	if (e != ERR_OK)
		return e;
	subject = first != NULL ? sk_X509_value(first, 0) : NULL;
	signer = second != NULL ? sk_X509_value(second, 0) : NULL;
	if (subject != NULL && signer != NULL && !is_issued(subject, signer))
		return err_set(info, ERR_CERTIFICATE,
			"the certificate given as issuer has not signed the other");
	*ret = pair_of(subject, signer);
	return ERR_OK;
}

enum err revocation_pairs_of_chain(struct str chain,
	struct revocation_pair *ret[REVOCATION_CHAIN_MAX], size_t *ret_count, struct err_info *info)
{
	STACK_OF(X509) * stack CLEANUP(tls_stack_free) = NULL;
	enum err e = tls_stack_of_pem(chain, REVOCATION_CHAIN_MAX, &stack, info);
	size_t count;

	if (e != ERR_OK)
		return e;
	count = (size_t)sk_X509_num(stack) - 1;
	for (size_t i = 0; i < count; i++) {
		if (!is_issued(sk_X509_value(stack, (int)i), sk_X509_value(stack, (int)i + 1)))
			return err_set(info, ERR_CERTIFICATE,
				"certificate %zu of the chain was not signed by the next one",
				i + 1);
	}
	for (size_t i = 0; i < count; i++)
		ret[i] = pair_of(sk_X509_value(stack, (int)i), sk_X509_value(stack, (int)i + 1));
	*ret_count = count;
	return ERR_OK;
}

struct revocation_pair *revocation_pair_ref(struct revocation_pair *pair)
{
	pair->holders++;
	return pair;
}

void revocation_pair_free(struct revocation_pair **pair)
{
	struct revocation_pair *p = *pair;

	*pair = NULL;
	if (p == NULL || --p->holders > 0)
		return;
	X509_free(p->certificate);
	X509_free(p->issuer);
	free(p);
}

bool revocation_pair_is_ca(const struct revocation_pair *pair)
{
	return pair->certificate != NULL && X509_check_ca(pair->certificate) > 0;
}

bool revocation_pair_must_staple(const struct revocation_pair *pair)
{
	TLS_FEATURE *features = pair->certificate != NULL ? X509_get_ext_d2i(pair->certificate,
								    NID_tlsfeature, NULL, NULL)
							  : NULL;
	bool found = false;

	for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
		found = found || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) ==
					 TLSEXT_TYPE_status_request;
	TLS_FEATURE_free(features);
	ERR_clear_error();
	return found;
}

static void digest_block(EVP_MD_CTX *md, const unsigned char *p, size_t n)
{
	unsigned char length[8];

	for (int i = 0; i < 8; i++)
		length[i] = (unsigned char)((uint64_t)n >> (8 * i));
	if (EVP_DigestUpdate(md, length, sizeof(length)) != 1 || EVP_DigestUpdate(md, p, n) != 1)
		abort();
}

void revocation_pair_key(const struct revocation_pair *pair, int kind, const char *url,
	unsigned char ret[REVOCATION_KEY])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char *der = NULL, what = (unsigned char)kind;
	const ASN1_INTEGER *serial;
	int n;

	if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		abort();
	digest_block(md, &what, 1);
	digest_block(md, (const unsigned char *)url, strlen(url));
	n = i2d_X509(pair->issuer, &der);
	digest_block(md, der, n > 0 ? (size_t)n : 0);
	OPENSSL_free(der);
	if (kind == WIRE_ENDPOINT_OCSP && pair->certificate != NULL) {
		serial = X509_get0_serialNumber(pair->certificate);
		digest_block(md, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
	}
	if (EVP_DigestFinal_ex(md, ret, NULL) != 1)
		abort();
	EVP_MD_CTX_free(md);
}

/* ---- places ---------------------------------------------------------------------------------- */

struct places {
	struct arena *arena;
	struct revocation_place *items;
	size_t count;
};

static void add_place(struct places *p, struct revocation_place place, const ASN1_STRING *url)
{
	struct str text;

	if (p->count >= REVOCATION_PLACES_MAX)
		return;
	if (url != NULL) {
		text = str_make(ASN1_STRING_get0_data(url), (size_t)ASN1_STRING_length(url));
		if (text.n == 0 || text.n > REVOCATION_URL_MAX)
			return;
		for (size_t i = 0; i < text.n; i++) {
			if (text.p[i] <= ' ' || text.p[i] > '~')
				return;
		}
		place.url = arena_text_of(p->arena, text);
	}
	p->items[p->count++] = place;
}

static void add_point(struct places *p, const DIST_POINT *point, unsigned number)
{
	struct revocation_place place = {.kind = WIRE_ENDPOINT_CRL,
		.point = number,
		.is_indirect = point->CRLissuer != NULL,
		.is_partial = point->reasons != NULL};
	const GENERAL_NAMES *names = NULL;

	if (point->distpoint != NULL && point->distpoint->type == 0)
		names = point->distpoint->name.fullname;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_URI)
			add_place(p, place, name->d.uniformResourceIdentifier);
	}
}

static void add_accesses(struct places *p, X509 *certificate)
{
	AUTHORITY_INFO_ACCESS *all = X509_get_ext_d2i(certificate, NID_info_access, NULL, NULL);

	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(all); i++) {
		const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(all, i);
		int method = OBJ_obj2nid(one->method);
		struct revocation_place place = {
			.kind = method == NID_ad_OCSP ? WIRE_ENDPOINT_OCSP : WIRE_ENDPOINT_ISSUER};

		if ((method == NID_ad_OCSP || method == NID_ad_ca_issuers) &&
			one->location->type == GEN_URI)
			add_place(p, place, one->location->d.uniformResourceIdentifier);
	}
	AUTHORITY_INFO_ACCESS_free(all);
}

size_t revocation_places(
	const struct revocation_pair *pair, struct arena *arena, struct revocation_place **ret)
{
	struct places p = {.arena = arena,
		.items = arena_array(arena, REVOCATION_PLACES_MAX, sizeof(*p.items))};
	CRL_DIST_POINTS *points;

	*ret = p.items;
	if (pair->certificate == NULL)
		return 0;
	points = X509_get_ext_d2i(pair->certificate, NID_crl_distribution_points, NULL, NULL);
	for (int i = 0; i < sk_DIST_POINT_num(points); i++)
		add_point(&p, sk_DIST_POINT_value(points, i), (unsigned)i);
	CRL_DIST_POINTS_free(points);
	add_accesses(&p, pair->certificate);
	ERR_clear_error();
	return p.count;
}
