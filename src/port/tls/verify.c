/*
 * Chains against trust anchors, after the handshake.  Every fault is collected, and the verdict is
 * the gravest: an expired certificate of an unknown root is of an unknown root.  The order makes
 * CERT_PURPOSE mean that nothing else is wrong.  Revocation is looked at in a second walk, so that
 * what is not known of it cannot hide another fault.
 */
#include "core/model/model.h"
#include "port/tls/anchors.h"
#include "port/tls/facts.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

/* Gravest first. */
static const enum cert_verdict gravity[] = {CERT_REVOKED, CERT_INVALID, CERT_UNTRUSTED_ROOT,
	CERT_MISSING_INTERMEDIATE, CERT_SELF_SIGNED, CERT_EXPIRED, CERT_NOT_YET_VALID, CERT_WEAK,
	CERT_PURPOSE, CERT_REVOCATION_UNKNOWN};

/* Certificates of a chain as built: what was presented, and the anchor. */
enum { BUILT_MAX = TLS_OPEN_MAX };
_Static_assert((int)TLS_OPEN_MAX == (int)TLS_CHAIN_MAX + 2, "leaf, issuers, anchor");

struct faults {
	bool found[CERT_VERDICT_MAX];
	bool not_listed[BUILT_MAX]; /* by depth: no list says anything of it */
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
	case X509_V_ERR_CERT_REVOKED:
		return CERT_REVOKED;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
		return CERT_REVOCATION_UNKNOWN;
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
	/* The anchor is trusted because it is one: nobody's list is asked about it. */
	if (verdict == CERT_REVOCATION_UNKNOWN &&
		X509_STORE_CTX_get_error_depth(context) >=
			sk_X509_num(X509_STORE_CTX_get0_chain(context)) - 1)
		return 1;
	if (verdict == CERT_REVOCATION_UNKNOWN &&
		X509_STORE_CTX_get_error_depth(context) < BUILT_MAX)
		faults->not_listed[X509_STORE_CTX_get_error_depth(context)] = true;
	if (!faults->found[verdict]) {
		faults->found[verdict] = true;
		faults->error[verdict] = error;
		faults->depth[verdict] = X509_STORE_CTX_get_error_depth(context);
	}
	/* Go on, to know all; but a chain that could not be built cannot be walked. */
	return verdict != CERT_INVALID;
}

static void set_parameters(X509_STORE_CTX *context, const struct tls_verification *how,
	bool looks_at_crls, struct faults *faults)
{
	static const int purposes[] = {[TLS_PURPOSE_SERVER] = X509_PURPOSE_SSL_SERVER,
		[TLS_PURPOSE_CLIENT] = X509_PURPOSE_SSL_CLIENT,
		[TLS_PURPOSE_ANY] = X509_PURPOSE_ANY};
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
	int64_t now_ms = how->now_ms;

	X509_STORE_CTX_set_purpose(context, purposes[how->purpose]);
	if (looks_at_crls)
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK |
							   X509_V_FLAG_CRL_CHECK_ALL |
							   X509_V_FLAG_EXTENDED_CRL_SUPPORT);
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

/* The chain as it was built, all of it. */
static void keep_chain(X509_STORE_CTX *context, struct arena *arena, struct tls_open *open)
{
	STACK_OF(X509) *built = X509_STORE_CTX_get0_chain(context);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long length;

	for (int i = 0; bio != NULL && built != NULL && i < sk_X509_num(built); i++)
		if (PEM_write_bio_X509(bio, sk_X509_value(built, i)) != 1)
			abort();
	if (bio == NULL)
		abort();
	length = BIO_get_mem_data(bio, &text);
	open->chain = str_of(arena_text_of(arena, str_make(text, (size_t)length)));
	open->count = built != NULL && sk_X509_num(built) > 0 ? (size_t)sk_X509_num(built) - 1 : 0;
	BIO_free(bio);
}

/* One walk. */
struct walk {
	const struct tls_verification *how;
	struct arena *arena;
	bool looks_at_crls;
	struct faults faults;
	struct tls_open *open; /* gets the chain; NULL: not wanted */
};

static enum cert_verdict once(STACK_OF(X509) * chain, struct walk *walk, const char **ret_detail)
{
	const struct tls_verification *how = walk->how;
	struct faults *faults = &walk->faults;
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	enum cert_verdict verdict;

	if (context == NULL || X509_STORE_CTX_init(context, how->anchors->store,
				       sk_X509_value(chain, 0), chain) != 1)
		abort();
	*faults = (struct faults){0};
	set_parameters(context, how, walk->looks_at_crls, faults);
	verdict = run(context, faults, walk->arena, ret_detail);
	if (verdict == CERT_TRUSTED && walk->open != NULL)
		keep_chain(context, walk->arena, walk->open);
	X509_STORE_CTX_free(context);
	ERR_clear_error();
	return verdict;
}

/* The lists given have the word, as far as they go; for the rest OPEN says what to ask. */
static enum cert_verdict look_at_lists(STACK_OF(X509) * chain, struct walk *walk,
	enum cert_verdict verdict, const char **ret_detail)
{
	struct tls_open *open = walk->open;
	const char *detail = NULL;
	bool is_prefer = walk->how->revocation == TLS_REVOCATION_PREFER;
	enum cert_verdict revocation;

	if (is_prefer && !walk->how->anchors->has_crls)
		return verdict;
	walk->looks_at_crls = true;
	walk->open = NULL;
	/* "Revoked" is told whatever else is wrong; that nothing is known of it only if that is
	 * all. */
	revocation = once(chain, walk, &detail);
	for (size_t i = 0; open != NULL && i < open->count && walk->how->anchors->has_crls; i++)
		open->is_listed[i] = revocation != CERT_INVALID && !walk->faults.not_listed[i];
	if (revocation != CERT_REVOKED &&
		(verdict != CERT_TRUSTED || revocation == CERT_TRUSTED ||
			(revocation == CERT_REVOCATION_UNKNOWN && is_prefer)))
		return verdict;
	*ret_detail = detail;
	return revocation;
}

/* Is there a certificate of which no list says anything? */
static bool is_open(const struct tls_open *open)
{
	for (size_t i = 0; i < open->count; i++)
		if (!open->is_listed[i])
			return true;
	return false;
}

static enum cert_verdict verify(STACK_OF(X509) * chain, struct tls_verification how,
	struct arena *arena, const char **ret_detail, struct tls_open *ret_open)
{
	struct tls_open open = {.count = 0};
	struct walk walk = {.how = &how, .arena = arena, .open = ret_open != NULL ? &open : NULL};
	bool either = how.purpose == TLS_PURPOSE_EITHER;
	const char *ignored;
	enum cert_verdict verdict;

	if (ret_detail == NULL)
		ret_detail = &ignored;
	*ret_detail = NULL;
	if (chain == NULL || sk_X509_num(chain) == 0)
		return CERT_NONE;
	if (either)
		how.purpose = TLS_PURPOSE_CLIENT;
	verdict = once(chain, &walk, ret_detail);
	if (either && verdict == CERT_PURPOSE) {
		how.purpose = TLS_PURPOSE_SERVER;
		verdict = once(chain, &walk, ret_detail);
	}
	if (how.revocation == TLS_REVOCATION_OFF)
		return verdict;
	verdict = look_at_lists(chain, &walk, verdict, ret_detail);
	if (ret_open != NULL && (verdict == CERT_TRUSTED || verdict == CERT_REVOCATION_UNKNOWN) &&
		is_open(&open))
		*ret_open = open;
	return verdict;
}

enum tls_purpose tls_client_purpose(int usage)
{
	return usage == MODEL_USAGE_ANY		       ? TLS_PURPOSE_ANY
	       : usage == MODEL_USAGE_CLIENT_OR_SERVER ? TLS_PURPOSE_EITHER
						       : TLS_PURPOSE_CLIENT;
}

enum tls_revocation tls_revocation_of(int revocation)
{
	return revocation == MODEL_REVOCATION_OFF	? TLS_REVOCATION_OFF
	       : revocation == MODEL_REVOCATION_REQUIRE ? TLS_REVOCATION_REQUIRE
							: TLS_REVOCATION_PREFER;
}

enum cert_verdict tls_verify(const struct tls_session *session, const struct tls_verification *how,
	struct arena *arena, const char **ret_detail, struct tls_open *ret_open)
{
	STACK_OF(X509) * chain CLEANUP(tls_stack_free) = tls_peer_stack(session);

	if (ret_open != NULL)
		*ret_open = (struct tls_open){.count = 0};
	return verify(chain, *how, arena, ret_detail, ret_open);
}

enum cert_verdict tls_verify_pem(struct str chain, const struct tls_verification *how,
	struct arena *arena, const char **ret_detail, struct tls_open *ret_open)
{
	STACK_OF(X509) * stack CLEANUP(tls_stack_free) = NULL;
	struct err_info info = {.text = ""};

	if (ret_open != NULL)
		*ret_open = (struct tls_open){.count = 0};
	if (tls_stack_of_pem(chain, TLS_CHAIN_MAX, &stack, &info) != ERR_OK) {
		if (ret_detail != NULL)
			*ret_detail = arena_text(arena, info.text);
		return CERT_INVALID;
	}
	return verify(stack, *how, arena, ret_detail, ret_open);
}
