/* Internal to core/policy: what the phases of attribution share. */
#ifndef SEALPOST_CORE_POLICY_INBOUND_H
#define SEALPOST_CORE_POLICY_INBOUND_H

#include "core/policy/snapshot.h"

struct policy_attribution {
	const struct policy_snapshot *s;
	const struct policy_peer *peer;
	struct arena *arena;
	struct policy_inbound *ret;
	struct policy_mailbox sender; /* nothing set: null sender */
	struct policy_mailbox recipient;
	const struct model_organisation *own; /* organisation found in phase 4 */
	bool is_ambiguous;
};

void policy_inbound_consider(
	const struct policy_attribution *a, const char *subject, bool applies, const char *why);
/* As text; "unknown" where there is none. */
const char *policy_inbound_address(const struct policy_peer *peer, struct arena *arena);
/* The verdict stated for a connector's anchors; one that does not trust where none was stated. */
const struct policy_trust *policy_inbound_trust(
	const struct policy_peer *peer, const struct policy_entry *entry);
const char *policy_inbound_verdict(int verdict);
bool policy_inbound_contains(const struct policy_entry *entry, const struct policy_peer *peer);
/* Order by name. */
bool policy_inbound_is_lower(const struct policy_entry *a, const struct policy_entry *b);
/* Is NAME at an accepted domain of ORGANISATION? */
bool policy_accepted_for(
	const struct policy_snapshot *s, const char *name, const char *organisation);

/* The phases: true when one has settled organisation and connector in a->ret. */
bool policy_inbound_by_certificate(struct policy_attribution *a);
bool policy_inbound_by_address(struct policy_attribution *a);
bool policy_inbound_by_partner(struct policy_attribution *a);

#endif
