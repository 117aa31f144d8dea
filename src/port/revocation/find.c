/* What a list says of one certificate: does it speak for it (RFC 5280 6.3.3), and is it in it. */
#include "port/revocation/inside.h"

#include <openssl/err.h>
#include <stdlib.h>

static const char *const reasons[] = {"unspecified", "its key was compromised",
	"its CA was compromised", "the affiliation has changed", "superseded",
	"cessation of operation", "on hold", NULL, "removed from the list",
	"a privilege was withdrawn", "its attribute authority was compromised"};

const char *revocation_reason_words(int reason)
{
	return reason > 0 && (size_t)reason < ARRAY_LENGTH(reasons) ? reasons[reason] : NULL;
}

/* ---- scope ----------------------------------------------------------------------------------- */

static bool share_name(const GENERAL_NAMES *a, const GENERAL_NAMES *b)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(a); i++) {
		for (int k = 0; k < sk_GENERAL_NAME_num(b); k++) {
			if (GENERAL_NAME_cmp(
				    sk_GENERAL_NAME_value(a, i), sk_GENERAL_NAME_value(b, k)) == 0)
				return true;
		}
	}
	return false;
}

static bool has_directory_name(const GENERAL_NAMES *names, const X509_NAME *wanted)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DIRNAME && X509_NAME_cmp(name->d.directoryName, wanted) == 0)
			return true;
	}
	return false;
}

/* Two names of a distribution point, either of which may be written relative to the issuer. */
static bool same_point(DIST_POINT_NAME *a, DIST_POINT_NAME *b, const X509_NAME *issuer)
{
	X509_NAME *base = (X509_NAME *)issuer; /* only read */

	if (a->type == 0 && b->type == 0)
		return share_name(a->name.fullname, b->name.fullname);
	if (a->type == 1 && a->dpname == NULL && DIST_POINT_set_dpname(a, base) != 1)
		return false;
	if (b->type == 1 && b->dpname == NULL && DIST_POINT_set_dpname(b, base) != 1)
		return false;
	if (a->type == 1 && b->type == 1)
		return a->dpname != NULL && b->dpname != NULL &&
		       X509_NAME_cmp(a->dpname, b->dpname) == 0;
	return a->type == 1 ? a->dpname != NULL && has_directory_name(b->name.fullname, a->dpname)
			    : b->dpname != NULL && has_directory_name(a->name.fullname, b->dpname);
}

static bool is_named(const struct revocation_list *list, X509 *certificate, unsigned point)
{
	CRL_DIST_POINTS *points =
		X509_get_ext_d2i(certificate, NID_crl_distribution_points, NULL, NULL);
	DIST_POINT *one = (int)point < sk_DIST_POINT_num(points)
				  ? sk_DIST_POINT_value(points, (int)point)
				  : NULL;
	bool fine = one != NULL && one->distpoint != NULL &&
		    same_point(list->scope->distpoint, one->distpoint, list->issuer);

	CRL_DIST_POINTS_free(points);
	ERR_clear_error();
	return fine;
}

/* Does the list speak for the certificate? */
static bool is_in_scope(const struct revocation_list *list, const struct revocation_pair *pair,
	unsigned point, struct revocation_finding *f)
{
	const ISSUING_DIST_POINT *scope = list->scope;
	bool is_ca = revocation_pair_is_ca(pair);

	if (scope == NULL)
		return true;
	if (scope->onlyattr > 0 || (scope->onlyuser > 0 && is_ca) ||
		(scope->onlyCA > 0 && !is_ca)) {
		revocation_unknown(f, "scope",
			"the list is for %s only, and so not for this "
			"certificate",
			scope->onlyattr > 0 ? "attribute certificates"
			: scope->onlyCA > 0 ? "certificates of authorities"
					    : "certificates of users");
		return false;
	}
	if (scope->distpoint != NULL && !is_named(list, pair->certificate, point)) {
		revocation_unknown(f, "scope",
			"the list is another part of the issuer's lists than the one that the "
			"certificate names");
		return false;
	}
	return true;
}

static bool is_partial(
	const struct revocation_list *list, const struct revocation_pair *pair, unsigned point)
{
	CRL_DIST_POINTS *points =
		X509_get_ext_d2i(pair->certificate, NID_crl_distribution_points, NULL, NULL);
	bool partial = list->scope != NULL && list->scope->onlysomereasons != NULL;

	if ((int)point < sk_DIST_POINT_num(points))
		partial = partial || sk_DIST_POINT_value(points, (int)point)->reasons != NULL;
	CRL_DIST_POINTS_free(points);
	ERR_clear_error();
	return partial;
}

/* ---- entries --------------------------------------------------------------------------------- */

static bool find_entry(
	const struct revocation_list *list, const X509 *certificate, struct revocation_entry *ret)
{
	unsigned char *der = NULL;
	int n = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &der);
	struct str whole = str_make(der, n > 0 ? (size_t)n : 0), serial, rest = list->entries;
	bool found = false;

	if (!revocation_der_expect(&whole, REVOCATION_DER_INTEGER, &serial))
		abort();
	while (!found && revocation_entry_take(&rest, ret))
		found = revocation_der_same_integer(ret->serial, serial);
	OPENSSL_free(der);
	return found;
}

enum { REASON_REMOVED = 8 };

void revocation_list_find(const struct revocation_list *list, const struct revocation_pair *pair,
	unsigned point, int64_t now_ms, struct revocation_finding *ret)
{
	struct revocation_entry entry;
	char text[MOMENT_TEXT_SIZE];
	const char *why;

	*ret = (struct revocation_finding){.status = WIRE_REVOCATION_UNKNOWN,
		.this_ms = list->this_ms,
		.next_ms = list->next_ms,
		.entries = list->count};
	if (!revocation_in_force(ret, now_ms, "list") || !is_in_scope(list, pair, point, ret))
		return;
	if (find_entry(list, pair->certificate, &entry) && entry.reason != REASON_REMOVED) {
		why = revocation_reason_words(entry.reason);
		moment_format_rfc3339(entry.at_ms, text);
		revocation_unknown(ret, "revoked", "revoked at %s%s%s", text,
			why != NULL ? ": " : "", why != NULL ? why : "");
		ret->status = WIRE_REVOCATION_REVOKED;
		ret->at_ms = entry.at_ms;
	} else if (is_partial(list, pair, point)) {
		revocation_unknown(ret, "scope",
			"the list names those revoked for some reasons only; the certificate is "
			"not among them");
	} else {
		ret->status = WIRE_REVOCATION_GOOD;
	}
}
