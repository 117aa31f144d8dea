/*
 * Who is this mail from, and may it pass?
 *
 * Order, as the real service publishes it:
 *   1. a client certificate, over all organisations' on-premises connectors: name, chain, and the
 *      name's domain accepted for that organisation;
 *   2. else the address, over all on-premises connectors, with MAIL FROM at an accepted domain;
 *   3. else the organisation of the recipient's domain;
 *   4. in it, the partner connector that covers MAIL FROM;
 *   5. else anonymous, unless the organisation refuses its own domains from strangers.
 *
 * Decided here, where the real service says nothing or contradicts itself:
 * - An on-premises connector with certificate and addresses asks for both.
 * - An exact name beats the wildcard of the same parent, whoever it belongs to.  Anything else that
 *   leads to two organisations is ambiguous, and grants nothing.
 * - A partner's certificate_name counts with require_tls or restrict_to_certificate: either
 *   announces that the name matters (the real service compares it with RequireTls alone, too).
 * - Among partner connectors that cover a sender, those that restrict to certificate or addresses
 *   come before those that do not, then the more specific pattern; among equals one whose
 * conditions are met, then the name.
 */
#include "core/policy/inbound.h"

#include <arpa/inet.h>

void policy_inbound_consider(
	const struct policy_attribution *a, const char *subject, bool applies, const char *why)
{
	policy_consider(&a->ret->considered, a->arena, subject, applies, why);
}

const char *policy_inbound_address(const struct policy_peer *peer, struct arena *arena)
{
	const unsigned char *b = peer->address.bytes;
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	char text[64] = "";

	if (!peer->has_address)
		return "unknown";
	if (memcmp(b, mapped, sizeof(mapped)) == 0)
		return arena_format(arena, "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
	inet_ntop(AF_INET6, b, text, sizeof(text));
	return arena_text(arena, text);
}

/* The verdict stated for a connector's anchors; "unknown" is none that trusts. */
const struct policy_trust *policy_inbound_trust(
	const struct policy_peer *peer, const struct policy_entry *entry)
{
	static const struct policy_trust unknown = {
		.verdict = CERT_INVALID, .detail = "the chain was not verified"};

	for (size_t i = 0; i < peer->trust_count; i++) {
		if (policy_profile_equal(peer->trust[i].profile, entry->profile))
			return &peer->trust[i];
	}
	return &unknown;
}

const char *policy_inbound_verdict(int verdict)
{
	return verdict >= 0 && verdict < CERT_VERDICT_MAX ? cert_verdict_names[verdict] : "unknown";
}

bool policy_inbound_contains(const struct policy_entry *entry, const struct policy_peer *peer)
{
	for (size_t i = 0; peer->has_address && i < entry->prefix_count; i++)
		if (model_prefix_contains(&entry->prefixes[i], &peer->address))
			return true;
	return false;
}

bool policy_inbound_is_lower(const struct policy_entry *a, const struct policy_entry *b)
{
	return strcmp(a->model->name, b->model->name) < 0;
}

bool policy_accepted_for(
	const struct policy_snapshot *s, const char *name, const char *organisation)
{
	const struct model_domain *d = policy_accepted(s, name);

	return d != NULL && strcmp(d->organisation, organisation) == 0;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static void refuse(
	const struct policy_attribution *a, enum policy_outcome outcome, const char *text)
{
	a->ret->accepted = false;
	a->ret->outcome = outcome;
	a->ret->text = text;
}

static const char *domain_or_literal(const struct policy_mailbox *m, struct arena *arena)
{
	return m->domain != NULL ? m->domain : arena_format(arena, "[%.*s]", STR_ARGS(m->literal));
}

static void originating(struct policy_attribution *a)
{
	a->ret->originating = true;
	a->ret->accepted = true;
	/* The organisation's own server, in clear, where its connector asks for TLS. */
	if (a->ret->required > MODEL_LEVEL_NONE && !a->peer->is_tls) {
		a->ret->originating = false;
		refuse(a, POLICY_TLS_REQUIRED,
			arena_format(a->arena,
				"Must issue a STARTTLS command first: connector %s/%s requires TLS",
				a->ret->organisation, a->ret->connector));
	}
}

static void anonymous(struct policy_attribution *a)
{
	a->ret->accepted = true;
	a->ret->text = arena_format(a->arena,
		"Incoming for organisation %s, anonymous: no connector covers the sender",
		a->own->name);
	if (a->own->reject_direct_send && a->sender.domain != NULL &&
		policy_accepted_for(a->s, a->sender.domain, a->own->name)) {
		refuse(a, POLICY_DIRECT_SEND,
			arena_format(a->arena,
				"Direct send is not allowed: sender domain %s is accepted here, "
				"and no connector matches",
				a->sender.domain));
		policy_inbound_consider(a, "reject_direct_send", true,
			arena_format(a->arena,
				"sender domain %s is an accepted domain of organisation %s",
				a->sender.domain, a->own->name));
		return;
	}
	policy_inbound_consider(
		a, "default", true, "no connector covers the sender: anonymous mail");
}

/* The on-premises connector that came nearest, for the client that expected to be known; "" where
 * none matched at all. */
static const char *nearest(const struct policy_attribution *a)
{
	const struct policy_candidates *c = &a->ret->considered;

	return c->count > 0
		       ? arena_format(a->arena, " (%s: %s)", c->items[0].subject, c->items[0].why)
		       : "";
}

static void incoming(struct policy_attribution *a)
{
	const struct model_domain *d = policy_accepted(a->s, a->recipient.domain);
	const char *where = domain_or_literal(&a->recipient, a->arena);

	a->own = d != NULL ? policy_organisation(a->s, d->organisation) : NULL;
	if (a->own == NULL) {
		const char *hint = nearest(a);

		policy_inbound_consider(a, arena_format(a->arena, "domain %s", where), false,
			"no accepted domain of any organisation");
		if (a->is_ambiguous)
			refuse(a, POLICY_AMBIGUOUS,
				arena_format(a->arena,
					"Relay access denied for %s: on-premises connectors of "
					"more than one organisation match the client",
					where));
		else
			refuse(a, POLICY_RELAY_DENIED,
				arena_format(a->arena,
					"Relay access denied: %s is not accepted here, and the "
					"client is no organisation's own server%s",
					where, hint));
		return;
	}
	a->ret->organisation = a->own->name;
	policy_inbound_consider(a, arena_format(a->arena, "domain %s", d->name), true,
		arena_format(a->arena, "recipient domain %s is accepted for organisation %s",
			a->recipient.domain, a->own->name));
	if (!policy_inbound_by_partner(a))
		anonymous(a);
}

/* The verdict against the system's roots, where no connector says otherwise. */
static int system_verdict(const struct policy_peer *peer)
{
	static const struct model_connector none;
	static const struct policy_entry system = {
		.model = &none, .profile = &policy_profile_system};

	if (!peer->is_tls || peer->certificate == NULL)
		return CERT_NONE;
	return policy_inbound_trust(peer, &system)->verdict;
}

void policy_attribute(const struct policy_snapshot *snapshot, const struct policy_peer *peer,
	struct str sender, struct str recipient, struct arena *arena, struct policy_inbound *ret)
{
	struct policy_attribution a = {.s = snapshot, .peer = peer, .arena = arena, .ret = ret};

	*ret = (struct policy_inbound){
		.outcome = POLICY_OK, .anchors = "system", .verdict = system_verdict(peer)};
	/* A sender that cannot be read is not nobody: its connector might have refused it. */
	if (sender.n > 0 && !policy_parse_mailbox(sender, arena, &a.sender)) {
		refuse(&a, POLICY_BAD_SENDER, "The sender's address is not valid");
		policy_inbound_consider(&a, "sender", false, "not a mailbox with a domain");
		return;
	}
	if (!policy_parse_mailbox(recipient, arena, &a.recipient)) {
		refuse(&a, POLICY_BAD_ADDRESS, "The recipient's address is not valid");
		policy_inbound_consider(&a, "recipient", false, "not a mailbox with a domain");
		return;
	}
	if (policy_inbound_by_certificate(&a) || policy_inbound_by_address(&a))
		originating(&a);
	else
		incoming(&a);
}

int policy_inbound_reply(const struct policy_inbound *answer, const char **ret_enhanced)
{
	const struct policy_outcome_row *row = policy_outcome_row(answer->outcome);

	*ret_enhanced = row->enhanced;
	return row->reply;
}
