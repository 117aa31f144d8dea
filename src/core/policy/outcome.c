#include "core/policy/outcome.h"

#include "core/cert/facts.h"

#include <stddef.h>

const char *const policy_party_names[] = {"partner", "here", "sender", "both", NULL};

static const struct policy_outcome_row rows[POLICY_OUTCOME_MAX] = {
#define POLICY_OUTCOME_ROW(                                                                        \
	code, token, way, reply, enhanced, reply_in, detail, result, who, text, remedy, told)      \
	[code] = {token, way, reply, enhanced, reply_in, "5" detail, "4" detail, result, who,      \
		text, remedy, told},
	POLICY_OUTCOME_TABLE(POLICY_OUTCOME_ROW)
#undef POLICY_OUTCOME_ROW
};

static const enum policy_outcome of_verdict[CERT_VERDICT_MAX] = {
	[CERT_NONE] = POLICY_NO_CERTIFICATE,
	[CERT_TRUSTED] = POLICY_OK,
	[CERT_UNTRUSTED_ROOT] = POLICY_UNTRUSTED_ROOT,
	[CERT_MISSING_INTERMEDIATE] = POLICY_MISSING_INTERMEDIATE,
	[CERT_SELF_SIGNED] = POLICY_SELF_SIGNED,
	[CERT_EXPIRED] = POLICY_EXPIRED,
	[CERT_NOT_YET_VALID] = POLICY_NOT_YET_VALID,
	[CERT_REVOKED] = POLICY_REVOKED,
	[CERT_REVOCATION_UNKNOWN] = POLICY_REVOCATION_UNKNOWN,
	[CERT_PURPOSE] = POLICY_PURPOSE,
	[CERT_WEAK] = POLICY_WEAK,
	[CERT_INVALID] = POLICY_INVALID,
};

const struct policy_outcome_row *policy_outcome_row(enum policy_outcome outcome)
{
	return &rows[(unsigned)outcome < POLICY_OUTCOME_MAX ? outcome : POLICY_INVALID];
}

int policy_outcome_reply_in(enum policy_outcome outcome, bool temporary, const char **ret_enhanced)
{
	const struct policy_outcome_row *row = policy_outcome_row(outcome);

	if (row->reply_in < 400) {
		*ret_enhanced = row->enhanced;
		return row->reply_in;
	}
	/* RFC 5321 4.2.2: 450 is the one for reasons of policy that may pass. */
	if (temporary || row->reply_in < 500) {
		*ret_enhanced = row->deferred_in;
		return 450;
	}
	*ret_enhanced = row->enhanced_in;
	return row->reply_in;
}

enum policy_outcome policy_outcome_of_verdict(int verdict)
{
	return verdict >= 0 && verdict < CERT_VERDICT_MAX ? of_verdict[verdict] : POLICY_INVALID;
}
