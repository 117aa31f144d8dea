/*
 * The rules of attribution, restated for tests: a plain reading of the documentation, from the
 * first connector to the last, without any index, and sharing no code with what it is compared to.
 * Names and addresses must be plain: lower case, ASCII, no literals.
 */
#ifndef SEALPOST_CORE_POLICY_RESTATED_H
#define SEALPOST_CORE_POLICY_RESTATED_H

#include "core/policy/policy.h"

/* What struct policy_inbound must say; names are the configuration's own, NULL: none. */
struct restated {
	bool accepted, originating, is_internal, promotes_headers, is_temporary;
	enum policy_outcome outcome;
	const char *organisation, *connector, *receiver, *receiver_connector;
	int required;
	enum policy_outcome would;
	const char *would_organisation, *would_connector;
};

/* ADDRESS is the client's as text, NULL: unknown.  SENDER and RECIPIENT are domains, SENDER NULL
 * for the null sender. */
void restated_attribute(const struct model_config *config, const struct policy_peer *peer,
	const char *address, const char *sender, const char *recipient, struct restated *ret);

#endif
