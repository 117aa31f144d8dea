/*
 * Revocation lists (RFC 5280 5), read without building an object for each entry: large lists have a
 * million of them.  What the list says of itself is read by OpenSSL, entry after entry by entry.c.
 *
 *   CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signatureValue BIT STRING }
 *   TBSCertList ::= SEQUENCE { version INTEGER (v2) OPTIONAL, signature, issuer, thisUpdate,
 *       nextUpdate OPTIONAL, revokedCertificates SEQUENCE OF ... OPTIONAL, [0] crlExtensions }
 */
#include "port/revocation/inside.h"
#include "port/tls/facts.h"

#include <limits.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

/* The pieces of a list; slices into its bytes. */
struct pieces {
	struct str tbs;		     /* with header */
	struct str algorithm, inner; /* signatureAlgorithm and the one inside; with header */
	struct str signature;	     /* content of the BIT STRING */
	struct str issuer;	     /* with header */
	struct str extensions;	     /* inside [0]; empty: none */
};

/* DER, or PEM decoded; NULL: PEM that cannot be read.  free() it. */
static char *bytes_of(struct str given, size_t *ret_length)
{
	char *name = NULL, *header = NULL, *copy = NULL;
	unsigned char *data = NULL;
	long length = 0;
	BIO *bio;

	if (given.n < 11 || memcmp(given.p, "-----BEGIN ", 11) != 0 || given.n > INT_MAX) {
		copy = mem_resize(NULL, given.n + 1, 1);
		memcpy(copy, given.n > 0 ? given.p : "", given.n);
		*ret_length = given.n;
		return copy;
	}
	bio = BIO_new_mem_buf(given.p, (int)given.n);
	if (bio != NULL && PEM_read_bio(bio, &name, &header, &data, &length) == 1) {
		copy = mem_resize(NULL, (size_t)length + 1, 1);
		memcpy(copy, data, (size_t)length);
		*ret_length = (size_t)length;
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(data);
	BIO_free(bio);
	ERR_clear_error();
	return copy;
}

static bool take_times(struct str *tbs, struct revocation_list *list)
{
	struct str content, rest;
	unsigned char tag;

	if (!revocation_der_take(tbs, &tag, &content, NULL) || !revocation_der_is_time(tag) ||
		!revocation_der_time(tag, content, &list->this_ms))
		return false;
	rest = *tbs;
	if (!revocation_der_take(&rest, &tag, &content, NULL) || !revocation_der_is_time(tag))
		return true;
	*tbs = rest;
	return revocation_der_time(tag, content, &list->next_ms);
}

static bool take_tbs(struct str tbs, struct revocation_list *list, struct pieces *p)
{
	struct str content;
	unsigned char tag;

	revocation_der_expect(&tbs, REVOCATION_DER_INTEGER, &content);
	if (!revocation_der_take(&tbs, &tag, &content, &p->inner) ||
		tag != REVOCATION_DER_SEQUENCE ||
		!revocation_der_take(&tbs, &tag, &content, &p->issuer) ||
		tag != REVOCATION_DER_SEQUENCE || !take_times(&tbs, list))
		return false;
	list->entries = str_of(NULL);
	revocation_der_expect(&tbs, REVOCATION_DER_SEQUENCE, &list->entries);
	p->extensions = str_of(NULL);
	revocation_der_expect(&tbs, REVOCATION_DER_EXTENSIONS, &p->extensions);
	return tbs.n == 0;
}

static bool take_apart(struct revocation_list *list, struct pieces *p)
{
	struct str all = str_make(list->bytes, list->length), outer, tbs, content;
	unsigned char tag;

	if (!revocation_der_expect(&all, REVOCATION_DER_SEQUENCE, &outer) || all.n > 0 ||
		!revocation_der_take(&outer, &tag, &tbs, &p->tbs) ||
		tag != REVOCATION_DER_SEQUENCE ||
		!revocation_der_take(&outer, &tag, &content, &p->algorithm) ||
		tag != REVOCATION_DER_SEQUENCE ||
		!revocation_der_expect(&outer, REVOCATION_DER_BITS, &p->signature) || outer.n > 0 ||
		p->signature.n < 2 || p->signature.p[0] != '\0')
		return false;
	return take_tbs(tbs, list, p) && str_equal(p->algorithm, p->inner);
}

/* ---- what it says of itself ------------------------------------------------------------------ */

static bool take_name(struct revocation_list *list, struct str der)
{
	const unsigned char *p = (const unsigned char *)der.p;

	list->issuer = d2i_X509_NAME(NULL, &p, (long)der.n);
	return list->issuer != NULL;
}

/* One extension of the list.  False: such a list is not used. */
static bool take_extension(
	struct revocation_list *list, X509_EXTENSION *extension, struct revocation_finding *f)
{
	char name[80];

	switch (OBJ_obj2nid(X509_EXTENSION_get_object(extension))) {
	case NID_delta_crl:
		revocation_unknown(f, "delta",
			"the list holds only changes since another one "
			"(delta): such lists are not used");
		return false;
	case NID_issuing_distribution_point:
		if (list->scope == NULL)
			list->scope = X509V3_EXT_d2i(extension);
		if (list->scope != NULL)
			return true;
		revocation_unknown(f, "malformed", "its scope cannot be read");
		return false;
	case NID_crl_number:
	case NID_authority_key_identifier:
		return true;
	default:
		break;
	}
	if (X509_EXTENSION_get_critical(extension) == 0)
		return true;
	OBJ_obj2txt(name, sizeof(name), X509_EXTENSION_get_object(extension), 0);
	revocation_unknown(f, "malformed",
		"the list has an extension that must be understood and is not: %s", name);
	return false;
}

static bool take_extensions(
	struct revocation_list *list, struct str der, struct revocation_finding *f)
{
	const unsigned char *p = (const unsigned char *)der.p;
	STACK_OF(X509_EXTENSION) *all = NULL;
	bool fine = true;

	if (der.n == 0)
		return true;
	all = d2i_X509_EXTENSIONS(NULL, &p, (long)der.n);
	if (all == NULL) {
		revocation_unknown(f, "malformed", "its extensions cannot be read");
		return false;
	}
	for (int i = 0; i < sk_X509_EXTENSION_num(all) && fine; i++)
		fine = take_extension(list, sk_X509_EXTENSION_value(all, i), f);
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	if (fine && list->scope != NULL && list->scope->indirectCRL > 0) {
		revocation_unknown(f, "indirect",
			"the list speaks for other issuers, too "
			"(indirect): such lists are not used");
		return false;
	}
	return fine;
}

/* Read them all once, so that a search later cannot meet what is malformed. */
static bool count_entries(struct revocation_list *list, struct revocation_finding *f)
{
	struct str rest = list->entries;
	struct revocation_entry entry;

	while (rest.n > 0) {
		if (!revocation_entry_take(&rest, &entry)) {
			revocation_unknown(f, "malformed", "entry %lld of the list is malformed",
				(long long)list->count + 1);
			return false;
		}
		if (entry.is_indirect || entry.has_unknown) {
			revocation_unknown(f, entry.is_indirect ? "indirect" : "malformed",
				"entry %lld of the list has an extension that must be understood "
				"and is not",
				(long long)list->count + 1);
			return false;
		}
		list->count++;
	}
	return true;
}

/* ---- signature ------------------------------------------------------------------------------- */

static bool is_broken(const X509_ALGOR *algorithm)
{
	int hash = NID_undef;

	if (OBJ_find_sigid_algs(OBJ_obj2nid(algorithm->algorithm), &hash, NULL) != 1)
		return false;
	return hash == NID_md2 || hash == NID_md4 || hash == NID_md5;
}

static bool is_signed_by(const struct pieces *pieces, EVP_PKEY *key)
{
	const unsigned char *p = (const unsigned char *)pieces->tbs.p;
	const unsigned char *q = (const unsigned char *)pieces->algorithm.p;
	ASN1_TYPE *tbs = d2i_ASN1_TYPE(NULL, &p, (long)pieces->tbs.n);
	X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &q, (long)pieces->algorithm.n);
	ASN1_BIT_STRING *signature = ASN1_BIT_STRING_new();
	bool fine = false;

	if (signature == NULL)
		abort();
	ASN1_STRING_set(signature, pieces->signature.p + 1, (int)pieces->signature.n - 1);
	signature->flags |= ASN1_STRING_FLAG_BITS_LEFT; /* none is unused */
	if (tbs != NULL && algorithm != NULL && key != NULL && !is_broken(algorithm))
		fine = ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY), algorithm, signature, tbs, key) ==
		       1;
	ASN1_TYPE_free(tbs);
	X509_ALGOR_free(algorithm);
	ASN1_BIT_STRING_free(signature);
	ERR_clear_error();
	return fine;
}

static bool is_from(const struct revocation_list *list, const struct pieces *pieces, X509 *issuer,
	struct revocation_finding *f)
{
	if (X509_NAME_cmp(list->issuer, X509_get_subject_name(issuer)) != 0) {
		revocation_unknown(f, "indirect",
			"the list is issued by another than the issuer "
			"of the certificate (indirect): such lists are "
			"not used");
		return false;
	}
	if ((X509_get_extension_flags(issuer) & EXFLAG_KUSAGE) != 0 &&
		(X509_get_key_usage(issuer) & X509v3_KU_CRL_SIGN) == 0) {
		revocation_unknown(f, "signature",
			"the issuer of the certificate is not to sign lists (keyUsage)");
		return false;
	}
	if (is_signed_by(pieces, X509_get0_pubkey(issuer)))
		return true;
	revocation_unknown(f, "signature",
		"the list is not signed by the issuer of the certificate whose name it bears");
	return false;
}

/* ---- whole ----------------------------------------------------------------------------------- */

static bool is_usable(struct revocation_list *list, const struct revocation_pair *pair,
	int64_t now_ms, struct revocation_finding *f)
{
	struct pieces p;

	if (list->bytes == NULL || list->length > INT_MAX || !take_apart(list, &p) ||
		!take_name(list, p.issuer)) {
		revocation_unknown(f, "malformed",
			list->length > 0 ? "this is no revocation list" : "the answer is empty");
		return false;
	}
	f->this_ms = list->this_ms;
	f->next_ms = list->next_ms;
	if (!take_extensions(list, p.extensions, f) || !count_entries(list, f))
		return false;
	f->entries = list->count;
	if (pair->issuer != NULL && !is_from(list, &p, pair->issuer, f))
		return false;
	if (list->next_ms == 0) {
		revocation_unknown(f, "malformed",
			"the list does not say until when it counts (RFC 5280 5.1.2.5)");
		return false;
	}
	return revocation_in_force(f, now_ms, "list");
}

struct revocation_list *revocation_list_new(struct str bytes, const struct revocation_pair *pair,
	int64_t now_ms, struct revocation_finding *ret)
{
	struct revocation_list *list = mem_new(sizeof(*list));

	*ret = (struct revocation_finding){.status = WIRE_REVOCATION_UNKNOWN};
	ERR_clear_error();
	list->bytes = bytes_of(bytes, &list->length);
	if (!is_usable(list, pair, now_ms, ret))
		revocation_list_free(&list);
	ERR_clear_error();
	return list;
}

void revocation_list_free(struct revocation_list **list)
{
	if (*list == NULL)
		return;
	X509_NAME_free((*list)->issuer);
	ISSUING_DIST_POINT_free((*list)->scope);
	free((*list)->bytes);
	free(*list);
	*list = NULL;
}

struct str revocation_list_bytes(const struct revocation_list *list)
{
	return str_make(list->bytes, list->length);
}
