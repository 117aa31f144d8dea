#include "core/policy/outcome.h"

#include "core/cert/facts.h"

#include <stddef.h>

static const struct policy_outcome_row rows[POLICY_OUTCOME_MAX] = {
#define POLICY_OUTCOME_ROW(code, token, reply, enhanced, result, text, remedy)                     \
	[code] = {token, reply, enhanced, result, text, remedy},
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

enum policy_outcome policy_outcome_of_verdict(int verdict)
{
	return verdict >= 0 && verdict < CERT_VERDICT_MAX ? of_verdict[verdict] : POLICY_INVALID;
}
