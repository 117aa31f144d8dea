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
	const struct model_domain *domain;    /* accepted domain of the recipient; NULL: none */
	const struct model_organisation *own; /* the recipient's organisation; NULL: none */
	/* The organisation that hands the mail over inside this installation; NULL: the mail is
	 * judged by the connection it came over. */
	const char *inside;
	bool is_ambiguous;
};

void policy_inbound_consider(
	const struct policy_attribution *a, const char *subject, bool applies, const char *why);
/* As text; "unknown" where there is none. */
const char *policy_inbound_address(const struct policy_peer *peer, struct arena *arena);
/* The verdict stated for a connector's profile; NULL: none was stated. */
const struct policy_trust *policy_inbound_trust(
	const struct policy_peer *peer, const struct policy_entry *entry);
const char *policy_inbound_verdict(int verdict);
bool policy_inbound_contains(const struct policy_entry *entry, const struct policy_peer *peer);
/* Order by name. */
bool policy_inbound_is_lower(const struct policy_entry *a, const struct policy_entry *b);
/* The accepted domain of ORGANISATION that covers NAME; NULL: none. */
const struct model_domain *policy_accepted_for(
	const struct policy_snapshot *s, const char *name, const char *organisation);
/* Is DOMAIN one of those that the connector is limited to? */
bool policy_inbound_is_associated(
	const struct policy_entry *entry, const struct model_domain *domain);
/* What the connection must be like besides the certificate's name and chain: POLICY_OK, or
 * POLICY_VERSION_TOO_OLD, POLICY_GROUP, POLICY_PIN (only where a certificate is there). */
enum policy_outcome policy_inbound_fits(
	const struct policy_entry *entry, const struct policy_peer *peer, bool with_certificate);
/* Does the connector ask for a certificate at all? */
bool policy_inbound_wants_certificate(const struct model_inbound *in);

/* What a connector's refusal is called: for the account, and for the client, who hears neither of
 * our connectors nor of other organisations. */
const char *policy_inbound_words(const struct policy_attribution *a,
	const struct policy_entry *entry, enum policy_outcome outcome);
const char *policy_inbound_told(const struct policy_attribution *a,
	const struct policy_entry *entry, enum policy_outcome outcome);

/* The phases: true when one has settled organisation and connector in a->ret. */
bool policy_inbound_by_certificate(struct policy_attribution *a);
bool policy_inbound_by_address(struct policy_attribution *a);
/* Here *ret_enforced says whether more than connectors in report mode did. */
bool policy_inbound_by_partner(struct policy_attribution *a, bool *ret_enforced);

/* Does the organisation of RECIPIENT take MAIL, which another organisation's own server brought,
 * when it is handed over inside this installation?  *ret says why not. */
bool policy_inbound_takes(const struct policy_snapshot *snapshot, const struct policy_mail *mail,
	const struct policy_mailbox *recipient, struct arena *arena, struct policy_inbound *ret);

#endif
