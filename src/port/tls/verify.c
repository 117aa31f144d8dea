/*
 * Chains against trust anchors, after the handshake.  Every fault is collected, and the verdict is
 * the gravest: an expired certificate of an unknown root is of an unknown root.  The order makes
 * CERT_PURPOSE mean that nothing else is wrong.
 */
#include "port/tls/facts.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

struct tls_anchors {
	X509_STORE *store;
};

enum err tls_anchors_new(struct str pem, struct tls_anchors **ret, struct err_info *info)
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
	*ret = anchors;
	return ERR_OK;
}

void tls_anchors_free(struct tls_anchors **anchors)
{
	if (*anchors == NULL)
		return;
	X509_STORE_free((*anchors)->store);
	free(*anchors);
	*anchors = NULL;
}

/* Gravest first. */
static const enum cert_verdict gravity[] = {CERT_INVALID, CERT_UNTRUSTED_ROOT,
	CERT_MISSING_INTERMEDIATE, CERT_SELF_SIGNED, CERT_EXPIRED, CERT_NOT_YET_VALID, CERT_WEAK,
	CERT_PURPOSE};

struct faults {
	bool found[CERT_VERDICT_MAX];
	int error[CERT_VERDICT_MAX];
	int depth[CERT_VERDICT_MAX];
};

/* The issuer of the topmost certificate is nowhere.  If that is the leaf, the peer has forgotten
 * to send the intermediate; if not, the chain ends at a stranger. */
static enum cert_verdict verdict_incomplete(X509_STORE_CTX *context)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);

	return sk_X509_num(chain) <= 1 ? CERT_MISSING_INTERMEDIATE : CERT_UNTRUSTED_ROOT;
}

static enum cert_verdict verdict_of(int error, X509_STORE_CTX *context)
{
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return verdict_incomplete(context);
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		return CERT_UNTRUSTED_ROOT;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return CERT_SELF_SIGNED;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return CERT_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return CERT_NOT_YET_VALID;
	case X509_V_ERR_INVALID_PURPOSE:
		return CERT_PURPOSE;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return CERT_WEAK;
	default:
		return CERT_INVALID;
	}
}

static int collect(int ok, X509_STORE_CTX *context)
{
	struct faults *faults = X509_STORE_CTX_get_app_data(context);
	enum cert_verdict verdict;
	int error;

	if (ok)
		return 1;
	error = X509_STORE_CTX_get_error(context);
	verdict = verdict_of(error, context);
	if (!faults->found[verdict]) {
		faults->found[verdict] = true;
		faults->error[verdict] = error;
		faults->depth[verdict] = X509_STORE_CTX_get_error_depth(context);
	}
	/* Go on, to know all; but a chain that could not be built cannot be walked. */
	return verdict != CERT_INVALID;
}

static void set_parameters(
	X509_STORE_CTX *context, enum tls_purpose purpose, int64_t now_ms, struct faults *faults)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);

	X509_STORE_CTX_set_purpose(context,
		purpose == TLS_PURPOSE_SERVER ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT);
	/* An anchor may be an intermediate or the leaf itself. */
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
	X509_VERIFY_PARAM_set_auth_level(param, 2);
	X509_VERIFY_PARAM_set_depth(param, TLS_CHAIN_MAX);
	X509_VERIFY_PARAM_set_time(param, (time_t)(now_ms / 1000));
	X509_STORE_CTX_set_app_data(context, faults);
	X509_STORE_CTX_set_verify_cb(context, collect);
}

static enum cert_verdict gravest(
	const struct faults *faults, struct arena *arena, const char **ret_detail)
{
	for (size_t i = 0; i < ARRAY_LENGTH(gravity); i++) {
		enum cert_verdict verdict = gravity[i];

		if (!faults->found[verdict])
			continue;
		*ret_detail = arena_format(arena, "%s (certificate %d of the chain)",
			X509_verify_cert_error_string(faults->error[verdict]),
			faults->depth[verdict] + 1);
		return verdict;
	}
	*ret_detail = NULL;
	return CERT_TRUSTED;
}

static enum cert_verdict run(X509_STORE_CTX *context, struct faults *faults, struct arena *arena,
	const char **ret_detail)
{
	enum cert_verdict verdict;
	int result;

	result = X509_verify_cert(context);
	verdict = gravest(faults, arena, ret_detail);
	if (verdict == CERT_TRUSTED && result != 1) {
		*ret_detail = arena_text(
			arena, X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
		return CERT_INVALID;
	}
	return verdict;
}

struct question {
	STACK_OF(X509) * chain;
	const struct tls_anchors *anchors;
	enum tls_purpose purpose;
	int64_t now_ms;
};

static enum cert_verdict verify(
	const struct question *question, struct arena *arena, const char **ret_detail)
{
	struct faults faults = {0};
	X509_STORE_CTX *context;
	enum cert_verdict verdict;
	const char *detail = NULL;

	if (question->chain == NULL || sk_X509_num(question->chain) == 0) {
		if (ret_detail != NULL)
			*ret_detail = NULL;
		return CERT_NONE;
	}
	context = X509_STORE_CTX_new();
	if (context == NULL || X509_STORE_CTX_init(context, question->anchors->store,
				       sk_X509_value(question->chain, 0), question->chain) != 1)
		abort();
	set_parameters(context, question->purpose, question->now_ms, &faults);
	verdict = run(context, &faults, arena, &detail);
	X509_STORE_CTX_free(context);
	ERR_clear_error();
	if (ret_detail != NULL)
		*ret_detail = detail;
	return verdict;
}

enum cert_verdict tls_verify(const struct tls_session *session, const struct tls_anchors *anchors,
	enum tls_purpose purpose, int64_t now_ms, struct arena *arena, const char **ret_detail)
{
	STACK_OF(X509) * chain CLEANUP(tls_stack_free) = tls_peer_stack(session);
	struct question question = {chain, anchors, purpose, now_ms};

	return verify(&question, arena, ret_detail);
}

enum cert_verdict tls_verify_pem(struct str chain, const struct tls_anchors *anchors,
	enum tls_purpose purpose, int64_t now_ms, struct arena *arena, const char **ret_detail)
{
	STACK_OF(X509) * stack CLEANUP(tls_stack_free) = NULL;
	struct question question = {NULL, anchors, purpose, now_ms};
	struct err_info info = {.text = ""};
	enum err e;

	e = tls_stack_of_pem(chain, TLS_CHAIN_MAX, &stack, &info);
	if (e != ERR_OK) {
		if (ret_detail != NULL)
			*ret_detail = arena_text(arena, info.text);
		return CERT_INVALID;
	}
	question.chain = stack;
	return verify(&question, arena, ret_detail);
}
