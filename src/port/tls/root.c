/* The roots that own chains lead up to. */
#include "port/tls/facts.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

bool tls_is_issuer(X509 *issuer, X509 *subject)
{
	bool fine = X509_check_issued(issuer, subject) == X509_V_OK &&
		    X509_verify(subject, X509_get0_pubkey(issuer)) == 1;

	ERR_clear_error();
	return fine;
}

X509 *tls_find_issuer(const STACK_OF(X509) * stack, X509 *subject)
{
	for (int i = 0; stack != NULL && i < sk_X509_num(stack); i++)
		if (tls_is_issuer(sk_X509_value(stack, i), subject))
			return sk_X509_value(stack, i);
	return NULL;
}

bool tls_holds(const STACK_OF(X509) * stack, const X509 *wanted)
{
	for (int i = 0; stack != NULL && i < sk_X509_num(stack); i++)
		if (X509_cmp(sk_X509_value(stack, i), wanted) == 0)
			return true;
	return false;
}

const char *tls_pem_of(X509 *certificate, struct arena *arena)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	long length;
	const char *text;

	if (bio == NULL || PEM_write_bio_X509(bio, certificate) != 1)
		abort();
	length = BIO_get_mem_data(bio, &data);
	text = arena_text_of(arena, str_make(data, (size_t)length));
	BIO_free(bio);
	return text;
}

struct str tls_peer_pem(const struct tls_session *session, struct arena *arena)
{
	STACK_OF(X509) * stack CLEANUP(tls_stack_free) = tls_peer_stack(session);
	const char *all = "";

	for (int i = 0; stack != NULL && i < sk_X509_num(stack); i++)
		all = arena_format(arena, "%s%s", all, tls_pem_of(sk_X509_value(stack, i), arena));
	return str_of(all);
}

/* From the leaf upwards until a certificate is its own issuer; each step once. */
static X509 *climb(const STACK_OF(X509) * chain, STACK_OF(X509) * *stores, size_t count)
{
	X509 *at = chain != NULL && sk_X509_num(chain) > 0 ? sk_X509_value(chain, 0) : NULL;

	for (int step = 0; at != NULL && step < TLS_CHAIN_MAX; step++) {
		X509 *issuer;

		if (tls_is_issuer(at, at))
			return at;
		issuer = tls_find_issuer(chain, at);
		for (size_t i = 0; issuer == NULL && i < count; i++)
			issuer = tls_find_issuer(stores[i], at);
		at = issuer;
	}
	return NULL;
}

static STACK_OF(X509) * stack_of(struct str pem)
{
	STACK_OF(X509) *stack = NULL;

	if (pem.n == 0 || tls_stack_of_pem(pem, TLS_PEM_MAX, &stack, NULL) != ERR_OK)
		return NULL;
	return stack;
}

bool tls_root_of_pem(struct str chain, const struct str *stores, size_t count, struct arena *arena,
	struct tls_root *ret)
{
	STACK_OF(X509) * given CLEANUP(tls_stack_free) = stack_of(chain);
	STACK_OF(X509) **known = mem_new((count + 1) * sizeof(STACK_OF(X509) *));
	X509 *root;

	for (size_t i = 0; i < count; i++)
		known[i] = stack_of(stores[i]);
	root = climb(given, known, count);
	if (root != NULL) {
		tls_facts_of(root, arena, &ret->facts);
		ret->pem = tls_pem_of(root, arena);
		ret->is_first = count > 0 && tls_holds(known[0], root);
	}
	for (size_t i = 0; i < count; i++)
		tls_stack_free(&known[i]);
	free(known);
	return root != NULL;
}

bool tls_is_among(struct str pem, struct str store)
{
	STACK_OF(X509) * wanted CLEANUP(tls_stack_free) = stack_of(pem);
	STACK_OF(X509) * known CLEANUP(tls_stack_free) = stack_of(store);
	bool fine = wanted != NULL && sk_X509_num(wanted) > 0;

	for (int i = 0; fine && i < sk_X509_num(wanted); i++)
		fine = tls_holds(known, sk_X509_value(wanted, i));
	return fine;
}
