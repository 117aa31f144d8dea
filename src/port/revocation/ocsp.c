/* OCSP (RFC 6960): the question, and what a response says. */
#include "port/revocation/inside.h"
#include "port/tls/facts.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>

/* Responses that do not say until when they count were made on the spot. */
enum { WITHOUT_NEXT_MS = 3600 * 1000 };

struct str revocation_ocsp_ask(const struct revocation_pair *pair, struct arena *arena)
{
	OCSP_REQUEST *request = OCSP_REQUEST_new();
	/* SHA-1 only names the issuer here; many responders know no other (RFC 5019 2.1.1). */
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), pair->certificate, pair->issuer);
	unsigned char *der = NULL;
	struct str copy;
	int n;

	if (request == NULL || id == NULL || OCSP_request_add0_id(request, id) == NULL)
		abort();
	n = i2d_OCSP_REQUEST(request, &der);
	copy = arena_copy(arena, str_make(der, n > 0 ? (size_t)n : 0));
	OPENSSL_free(der);
	OCSP_REQUEST_free(request);
	return copy;
}

/* ---- signature ------------------------------------------------------------------------------- */

/* RFC 6960 4.2.2.2: signed by the issuer, or by a signer that it has appointed. */
static bool is_believed(
	OCSP_BASICRESP *basic, X509 *issuer, int64_t now_ms, struct revocation_finding *f)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	char words[200];
	bool fine;

	if (others == NULL || store == NULL || X509_STORE_add_cert(store, issuer) != 1 ||
		sk_X509_push(others, issuer) == 0)
		abort();
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), (time_t)(now_ms / 1000));
	ERR_clear_error();
	fine = OCSP_basic_verify(basic, others, store, 0) == 1;
	if (!fine)
		revocation_unknown(f, "signature",
			"the response is not signed by the issuer of the certificate, nor by a "
			"signer that it has appointed: %s",
			tls_library_words(words, sizeof(words)));
	ERR_clear_error();
	X509_STORE_free(store);
	sk_X509_free(others);
	return fine;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static OCSP_SINGLERESP *single_for(OCSP_BASICRESP *basic, const struct revocation_pair *pair)
{
	for (int i = 0; i < OCSP_resp_count(basic); i++) {
		OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
		OCSP_CERTID *theirs = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single);
		ASN1_OBJECT *hash = NULL;
		const EVP_MD *md;
		OCSP_CERTID *ours;
		bool same;

		OCSP_id_get0_info(NULL, &hash, NULL, NULL, theirs);
		md = EVP_get_digestbyobj(hash);
		ours = md != NULL ? OCSP_cert_to_id(md, pair->certificate, pair->issuer) : NULL;
		same = ours != NULL && OCSP_id_cmp(ours, theirs) == 0;
		OCSP_CERTID_free(ours);
		if (same)
			return single;
	}
	return NULL;
}

static void take_single(OCSP_SINGLERESP *single, int64_t now_ms, struct revocation_finding *f)
{
	ASN1_GENERALIZEDTIME *at = NULL, *from = NULL, *next = NULL;
	char text[MOMENT_TEXT_SIZE];
	int reason = -1, status = OCSP_single_get0_status(single, &reason, &at, &from, &next);
	const char *why = revocation_reason_words(reason);

	f->this_ms = revocation_moment(from);
	f->next_ms = revocation_moment(next);
	if (f->this_ms == 0) {
		revocation_unknown(f, "malformed", "the date of the response cannot be read");
		return;
	}
	if (next == NULL)
		f->next_ms = f->this_ms + WITHOUT_NEXT_MS;
	if (!revocation_in_force(f, now_ms, "response"))
		return;
	if (status == V_OCSP_CERTSTATUS_GOOD) {
		f->status = WIRE_REVOCATION_GOOD;
	} else if (status == V_OCSP_CERTSTATUS_REVOKED) {
		f->at_ms = revocation_moment(at);
		moment_format_rfc3339(f->at_ms, text);
		revocation_unknown(f, "revoked", "revoked at %s%s%s", text, why != NULL ? ": " : "",
			why != NULL ? why : "");
		f->status = WIRE_REVOCATION_REVOKED;
	} else {
		revocation_unknown(f, "unknown", "the responder does not know the certificate");
	}
}

static void take_basic(OCSP_BASICRESP *basic, const struct revocation_pair *pair, int64_t now_ms,
	struct revocation_finding *f)
{
	OCSP_SINGLERESP *single;

	if (pair->issuer == NULL) {
		f->entries = OCSP_resp_count(basic);
		return;
	}
	if (!is_believed(basic, pair->issuer, now_ms, f))
		return;
	single = pair->certificate != NULL ? single_for(basic, pair) : NULL;
	if (single == NULL)
		revocation_unknown(f, "scope", "the response is about another certificate");
	else
		take_single(single, now_ms, f);
}

void revocation_ocsp_read(const struct revocation_pair *pair, struct str response, int64_t now_ms,
	struct revocation_finding *ret)
{
	const unsigned char *p = (const unsigned char *)response.p;
	OCSP_RESPONSE *parsed = NULL;
	OCSP_BASICRESP *basic = NULL;
	int status;

	*ret = (struct revocation_finding){.status = WIRE_REVOCATION_UNKNOWN};
	ERR_clear_error();
	if (response.n > 0 && response.n <= REVOCATION_OCSP_MAX)
		parsed = d2i_OCSP_RESPONSE(NULL, &p, (long)response.n);
	status = parsed != NULL ? OCSP_response_status(parsed) : -1;
	if (status == OCSP_RESPONSE_STATUS_SUCCESSFUL &&
		p == (const unsigned char *)response.p + response.n)
		basic = OCSP_response_get1_basic(parsed);
	if (parsed != NULL && status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
		revocation_unknown(ret, "responder", "the responder gives no answer: %s",
			OCSP_response_status_str(status));
	else if (basic == NULL)
		revocation_unknown(ret, "malformed",
			response.n > 0 ? "this is no OCSP response" : "the answer is empty");
	else
		take_basic(basic, pair, now_ms, ret);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(parsed);
	ERR_clear_error();
}
