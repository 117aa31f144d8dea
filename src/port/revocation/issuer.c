/* Certificates of issuers, as certificates say where to get them. */
#include "port/revocation/inside.h"
#include "port/tls/facts.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <stdlib.h>

enum { BAG_MAX = 64 };

static STACK_OF(X509) * of_bag(struct str bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	PKCS7 *bag = d2i_PKCS7(NULL, &p, (long)bytes.n);
	STACK_OF(X509) *found = NULL;

	if (bag != NULL && PKCS7_type_is_signed(bag) && bag->d.sign != NULL &&
		bag->d.sign->cert != NULL)
		found = X509_chain_up_ref(bag->d.sign->cert);
	PKCS7_free(bag);
	return found;
}

static STACK_OF(X509) * certificates_of(struct str bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	STACK_OF(X509) *stack = NULL;
	X509 *one = NULL;

	if (bytes.n > 11 && memcmp(bytes.p, "-----BEGIN ", 11) == 0) {
		tls_stack_of_pem(bytes, BAG_MAX, &stack, NULL);
		return stack;
	}
	if (bytes.n == 0 || bytes.n > INT_MAX)
		return NULL;
	one = d2i_X509(NULL, &p, (long)bytes.n);
	if (one == NULL)
		return of_bag(bytes);
	stack = sk_X509_new_null();
	if (stack == NULL || sk_X509_push(stack, one) == 0)
		abort();
	return stack;
}

static bool has_signed(X509 *issuer, const struct revocation_pair *pair)
{
	if (pair->certificate == NULL)
		return true;
	return X509_check_issued(issuer, pair->certificate) == X509_V_OK &&
	       X509_verify(pair->certificate, X509_get0_pubkey(issuer)) == 1;
}

void revocation_issuer_read(const struct revocation_pair *pair, struct str bytes, int64_t now_ms,
	struct revocation_finding *ret)
{
	STACK_OF(X509) * stack CLEANUP(tls_stack_free) = NULL;
	X509 *found = NULL;

	*ret = (struct revocation_finding){.status = WIRE_REVOCATION_UNKNOWN};
	ERR_clear_error();
	stack = certificates_of(bytes);
	for (int i = 0; i < sk_X509_num(stack) && i < BAG_MAX && found == NULL; i++) {
		if (has_signed(sk_X509_value(stack, i), pair))
			found = sk_X509_value(stack, i);
	}
	ERR_clear_error();
	if (sk_X509_num(stack) <= 0) {
		revocation_unknown(ret, "malformed",
			bytes.n > 0 ? "this is no certificate" : "the answer is empty");
	} else if (found == NULL) {
		revocation_unknown(ret, "signature",
			"the certificate there is not the one that has signed this one");
	} else {
		ret->entries = sk_X509_num(stack);
		ret->this_ms = revocation_moment(X509_get0_notBefore(found));
		ret->next_ms = revocation_moment(X509_get0_notAfter(found));
		if (revocation_in_force(ret, now_ms, "certificate"))
			ret->status = WIRE_REVOCATION_GOOD;
	}
}
