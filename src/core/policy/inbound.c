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
 *   conditions are met, then the name.
 * - A connector in report mode loosens nothing: where others cover the sender too, the first of
 *   these judges, and the one in report mode only says what it would have refused.
 * - Mail of one organisation for another of this installation is judged by the other's partner
 *   connectors with the hop inside as the channel: it is encrypted as far as anybody could ask, but
 *   proves a certificate or an address only to who trusts that organisation.  Where a connector of
 *   the sender's takes it out of the installation nothing is handed over.
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

const struct policy_trust *policy_inbound_trust(
	const struct policy_peer *peer, const struct policy_entry *entry)
{
	for (size_t i = 0; i < peer->trust_count; i++) {
		if (policy_profile_equal(peer->trust[i].profile, entry->profile))
			return &peer->trust[i];
	}
	return NULL;
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

const struct model_domain *policy_accepted_for(
	const struct policy_snapshot *s, const char *name, const char *organisation)
{
	const struct model_domain *d = policy_accepted(s, name);

	return d != NULL && strcmp(d->organisation, organisation) == 0 ? d : NULL;
}

static bool holds(const struct record_texts *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

bool policy_inbound_is_associated(
	const struct policy_entry *entry, const struct model_domain *domain)
{
	const struct record_texts *list = &entry->model->inbound->associated_accepted_domains;

	return list->count == 0 || holds(list, domain->name);
}

enum policy_outcome policy_inbound_fits(
	const struct policy_entry *entry, const struct policy_peer *peer, bool with_certificate)
{
	const struct model_connector *c = entry->model;
	const char *pin = peer->certificate != NULL ? peer->certificate->spki_sha256 : NULL;

	if (c->minimum_version == MODEL_TLS_13 &&
		(peer->tls_version == NULL || strcmp(peer->tls_version, "TLSv1.3") != 0))
		return POLICY_VERSION_TOO_OLD;
	if (c->groups.count > 0 && (peer->group == NULL || !holds(&c->groups, peer->group)))
		return POLICY_GROUP;
	if (with_certificate && c->inbound->pins.count > 0 &&
		(pin == NULL || !holds(&c->inbound->pins, pin)))
		return POLICY_PIN;
	return POLICY_OK;
}

bool policy_inbound_wants_certificate(const struct model_inbound *in)
{
	return in->restrict_to_certificate || (in->require_tls && in->certificate_name != NULL);
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static void refuse(
	const struct policy_attribution *a, enum policy_outcome outcome, const char *text)
{
	a->ret->accepted = false;
	a->ret->outcome = outcome;
	a->ret->text = text;
	a->ret->would = (struct policy_would){.outcome = POLICY_OK};
}

static const char *domain_or_literal(const struct policy_mailbox *m, struct arena *arena)
{
	return m->domain != NULL ? m->domain : arena_format(arena, "[%.*s]", STR_ARGS(m->literal));
}

/* Mail of the organisation's own server, for this organisation or for whom it likes. */
static void originating(struct policy_attribution *a, bool by_certificate)
{
	struct policy_inbound *ret = a->ret;
	const struct model_inbound *in =
		policy_connector(a->s, ret->organisation, ret->connector)->inbound;

	/* In clear, where its connector asks for TLS. */
	if (ret->required > MODEL_LEVEL_NONE && !a->peer->is_tls) {
		refuse(a, POLICY_TLS_REQUIRED,
			arena_format(a->arena,
				"Must issue a STARTTLS command first: connector %s/%s requires TLS",
				ret->organisation, ret->connector));
		ret->reply = policy_outcome_row(POLICY_TLS_REQUIRED)->text;
		return;
	}
	ret->originating = true;
	ret->accepted = true;
	ret->promotes_headers = by_certificate && in->cross_premises_headers;
	ret->is_internal =
		ret->promotes_headers ||
		(in->treat_as_internal && a->sender.domain != NULL &&
			policy_accepted_for(a->s, a->sender.domain, ret->organisation) != NULL);
}

/* The recipient's organisation takes mail from strangers, but for its own domains perhaps. */
static bool is_direct_send(struct policy_attribution *a)
{
	if (!a->own->reject_direct_send || a->sender.domain == NULL ||
		policy_accepted_for(a->s, a->sender.domain, a->own->name) == NULL)
		return false;
	a->ret->receiver_connector = NULL;
	refuse(a, POLICY_DIRECT_SEND,
		arena_format(a->arena,
			"Direct send is not allowed: sender domain %s is accepted here, and no "
			"connector matches",
			a->sender.domain));
	policy_inbound_consider(a, "reject_direct_send", true,
		arena_format(a->arena, "sender domain %s is an accepted domain of organisation %s",
			a->sender.domain, a->own->name));
	return true;
}

static void anonymous(struct policy_attribution *a)
{
	a->ret->accepted = true;
	a->ret->text = arena_format(a->arena,
		"Incoming for organisation %s, anonymous: no connector covers the sender",
		a->own->name);
	if (!is_direct_send(a))
		policy_inbound_consider(
			a, "default", true, "no connector covers the sender: anonymous mail");
}

/* A connector of the sender's own takes it out of the installation: the other organisation judges
 * it when it comes in again.  What a rule looks for in header and size is not known yet. */
static bool leaves(const struct policy_attribution *a, struct str sender, struct str recipient)
{
	struct policy_mail mail = {.organisation = a->ret->organisation,
		.connector = a->ret->connector,
		.sender = arena_text_of(a->arena, sender)};
	struct policy_outbound way;

	policy_outbound(a->s, &mail, recipient, a->arena, &way);
	if (way.connector == NULL || strcmp(way.organisation, a->ret->organisation) != 0)
		return false;
	policy_inbound_consider(a, arena_format(a->arena, "domain %s", a->domain->name), false,
		arena_format(a->arena,
			"accepted for organisation %s, but the mail leaves by connector %s/%s",
			a->own->name, way.organisation, way.connector));
	return true;
}

/* Mail of one organisation, proven, for another of this installation. */
static void hand_over(struct policy_attribution *a)
{
	struct policy_inbound *ret = a->ret;
	bool is_enforced;

	a->inside = ret->organisation;
	ret->receiver = a->own->name;
	/* Header fields of one organisation mean nothing to another. */
	ret->is_internal = false;
	ret->promotes_headers = false;
	policy_inbound_consider(a, arena_format(a->arena, "domain %s", a->domain->name), true,
		arena_format(a->arena,
			"recipient domain %s is accepted for organisation %s: handed over inside "
			"this installation",
			a->recipient.domain, a->own->name));
	/* A connector in report mode is no leave to send directly. */
	if (!policy_inbound_by_partner(a, &is_enforced) || !is_enforced)
		is_direct_send(a);
	if (ret->accepted)
		/* Whose it is now stands in receiver, and is not for the sender's eyes. */
		ret->text = arena_format(
			a->arena, "%s; for another organisation of this installation", ret->text);
	else
		ret->originating = false;
}

bool policy_inbound_takes(const struct policy_snapshot *snapshot, const struct policy_mail *mail,
	const struct policy_mailbox *recipient, struct arena *arena, struct policy_inbound *ret)
{
	static const struct policy_peer nobody;
	struct str sender = str_of(mail->sender);
	struct policy_attribution a = {.s = snapshot,
		.peer = &nobody,
		.arena = arena,
		.ret = ret,
		.recipient = *recipient,
		.domain = policy_accepted(snapshot, recipient->domain)};

	*ret = (struct policy_inbound){.accepted = true,
		.outcome = POLICY_OK,
		.organisation = mail->organisation,
		.connector = mail->connector,
		.originating = true};
	if (sender.n > 0 && !policy_parse_mailbox(sender, arena, &a.sender)) {
		refuse(&a, POLICY_BAD_SENDER, "The sender's address is not valid");
		return false;
	}
	a.own = a.domain != NULL ? policy_organisation(snapshot, a.domain->organisation) : NULL;
	if (a.own != NULL)
		hand_over(&a);
	return ret->accepted;
}

/* The on-premises connector that came nearest, for the administrator of a client that expected to
 * be known; "" where none matched at all. */
static const char *nearest(const struct policy_attribution *a)
{
	const struct policy_candidates *c = &a->ret->considered;

	return c->count > 0
		       ? arena_format(a->arena, " (%s: %s)", c->items[0].subject, c->items[0].why)
		       : "";
}

/* What the client showed of itself: the only hint that may be given to it. */
static const char *shown(const struct policy_attribution *a)
{
	if (!a->peer->is_tls)
		return "not over TLS";
	if (a->peer->certificate == NULL)
		return "no client certificate presented";
	return arena_format(a->arena,
		"client certificate presented: %s; its chain by the system's "
		"roots: %s",
		policy_join(&a->peer->certificate->names, a->arena),
		policy_inbound_verdict(a->ret->verdict));
}

static void deny_relay(struct policy_attribution *a)
{
	const char *where = domain_or_literal(&a->recipient, a->arena);
	const char *hint = nearest(a);

	policy_inbound_consider(a, arena_format(a->arena, "domain %s", where), false,
		"no accepted domain of any organisation");
	if (a->is_ambiguous)
		refuse(a, POLICY_AMBIGUOUS,
			arena_format(a->arena,
				"Relay access denied for %s: on-premises connectors of more than "
				"one "
				"organisation match the client",
				where));
	else
		refuse(a, POLICY_RELAY_DENIED,
			arena_format(a->arena,
				"Relay access denied: %s is not accepted here, and the client is "
				"no "
				"organisation's own server%s",
				where, hint));
	a->ret->reply = arena_format(a->arena, "%s: %s is not accepted here (%s)",
		policy_outcome_row(a->ret->outcome)->told, where, shown(a));
}

static void incoming(struct policy_attribution *a)
{
	bool is_enforced;

	if (a->own == NULL) {
		deny_relay(a);
		return;
	}
	a->ret->organisation = a->own->name;
	policy_inbound_consider(a, arena_format(a->arena, "domain %s", a->domain->name), true,
		arena_format(a->arena, "recipient domain %s is accepted for organisation %s",
			a->recipient.domain, a->own->name));
	if (!policy_inbound_by_partner(a, &is_enforced))
		anonymous(a);
	else if (!is_enforced && is_direct_send(a))
		a->ret->connector = NULL;
}

/* The verdict against the system's roots, where no connector says otherwise. */
static int system_verdict(const struct policy_peer *peer)
{
	static const struct policy_entry system = {.profile = &policy_profile_system};
	const struct policy_trust *trust = policy_inbound_trust(peer, &system);

	if (!peer->is_tls || peer->certificate == NULL)
		return CERT_NONE;
	return trust != NULL ? trust->verdict : CERT_INVALID;
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
	a.domain = policy_accepted(snapshot, a.recipient.domain);
	a.own = a.domain != NULL ? policy_organisation(snapshot, a.domain->organisation) : NULL;
	if (policy_inbound_by_certificate(&a))
		originating(&a, true);
	else if (policy_inbound_by_address(&a))
		originating(&a, false);
	else
		incoming(&a);
	if (ret->originating && a.own != NULL && strcmp(a.own->name, ret->organisation) != 0 &&
		!leaves(&a, sender, recipient))
		hand_over(&a);
}

int policy_inbound_reply(const struct policy_inbound *answer, const char **ret_enhanced)
{
	return policy_outcome_reply_in(answer->outcome, answer->is_temporary, ret_enhanced);
}
