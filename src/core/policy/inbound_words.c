/* The words of a connector's refusal: all of it for the account, for the client what it presented
 * and what is asked of it. */
#include "core/policy/inbound.h"

static const char *version_of(const struct policy_peer *peer)
{
	return peer->tls_version != NULL ? peer->tls_version : "no TLS";
}

static const char *sender_of(const struct policy_attribution *a)
{
	return a->sender.domain != NULL ? a->sender.domain : "this sender";
}

static const char *expected_name(const struct policy_entry *entry)
{
	const char *name = entry->model->inbound->certificate_name;

	return name != NULL ? name : "(not set)";
}

static const char *presented(const struct policy_attribution *a)
{
	return a->peer->certificate != NULL ? policy_join(&a->peer->certificate->names, a->arena)
					    : "none";
}

static const char *text_or(const char *text, const char *instead)
{
	return text != NULL ? text : instead;
}

/* The chain was not good enough. */
static const char *chain_words(const struct policy_attribution *a, const struct policy_entry *entry)
{
	const struct policy_trust *trust = policy_inbound_trust(a->peer, entry);
	const struct cert_facts *leaf = a->peer->certificate;
	const char *detail = trust != NULL ? trust->detail : "the chain was not verified";

	return arena_format(a->arena,
		"%s requires a client certificate with a trusted chain: %s%s%s (subject %s, "
		"anchors: %s)",
		entry->subject,
		policy_inbound_verdict(trust != NULL ? trust->verdict : CERT_INVALID),
		detail != NULL ? ", " : "", text_or(detail, ""),
		text_or(leaf != NULL ? leaf->subject : NULL, "unknown"), entry->trust_label);
}

/* Mail of another organisation of this installation proves nothing to who does not trust it. */
static const char *inside_words(const struct policy_attribution *a,
	const struct policy_entry *entry, enum policy_outcome outcome)
{
	return arena_format(a->arena,
		"%s asks for %s, which mail handed over inside this installation cannot show: add "
		"%s to its trusted_organisations",
		entry->subject,
		outcome == POLICY_ADDRESS
			? "certain addresses"
			: arena_format(a->arena, "a client certificate with name %s",
				  expected_name(entry)),
		a->inside);
}

const char *policy_inbound_words(const struct policy_attribution *a,
	const struct policy_entry *entry, enum policy_outcome outcome)
{
	struct arena *arena = a->arena;
	const struct cert_facts *leaf = a->peer->certificate;

	if (a->inside != NULL)
		return inside_words(a, entry, outcome);
	switch (outcome) {
	case POLICY_ADDRESS:
		return arena_format(arena, "%s does not allow mail from %s to come from address %s",
			entry->subject, sender_of(a), policy_inbound_address(a->peer, arena));
	case POLICY_TLS_REQUIRED:
		return arena_format(arena, "Must issue a STARTTLS command first: %s requires TLS",
			entry->subject);
	case POLICY_VERSION_TOO_OLD:
		return arena_format(arena, "%s requires TLS %s or newer, and the client uses %s",
			entry->subject, model_version_names[entry->model->minimum_version],
			version_of(a->peer));
	case POLICY_GROUP:
		return arena_format(arena, "%s allows the key exchange groups %s, and %s was used",
			entry->subject, policy_join(&entry->model->groups, arena),
			text_or(a->peer->group, "an unknown one"));
	case POLICY_NO_CLIENT_CERTIFICATE:
		return arena_format(arena,
			"%s requires a client certificate with name %s, and none was presented",
			entry->subject, expected_name(entry));
	case POLICY_CLIENT_NAME:
		return arena_format(arena,
			"%s requires another name on the client certificate: expected %s, "
			"presented %s",
			entry->subject, expected_name(entry), presented(a));
	case POLICY_PIN:
		return arena_format(arena,
			"%s pins other public keys than that of the client certificate: expected "
			"%s, presented %s",
			entry->subject, policy_join(&entry->model->inbound->pins, arena),
			text_or(leaf != NULL ? leaf->spki_sha256 : NULL, "none"));
	default:
		return chain_words(a, entry);
	}
}

const char *policy_inbound_told(const struct policy_attribution *a,
	const struct policy_entry *entry, enum policy_outcome outcome)
{
	const struct policy_outcome_row *row = policy_outcome_row(outcome);
	const char *told = row->told != NULL ? row->told : row->text;
	const struct cert_facts *leaf = a->peer->certificate;
	struct arena *arena = a->arena;

	if (a->inside != NULL)
		return "The recipient's organisation takes mail of this sender from elsewhere "
		       "only, "
		       "unless it trusts the sender's organisation";
	switch (outcome) {
	case POLICY_ADDRESS:
		return arena_format(arena, "Mail from %s is not accepted from address %s",
			sender_of(a), policy_inbound_address(a->peer, arena));
	case POLICY_TLS_REQUIRED:
		return told;
	case POLICY_VERSION_TOO_OLD:
		return arena_format(arena, "%s: %s was used, TLS %s is asked for", told,
			version_of(a->peer), model_version_names[entry->model->minimum_version]);
	case POLICY_GROUP:
		return arena_format(
			arena, "%s: %s", told, text_or(a->peer->group, "an unknown one"));
	case POLICY_NO_CLIENT_CERTIFICATE:
		return arena_format(arena, "%s: expected name %s", told, expected_name(entry));
	case POLICY_CLIENT_NAME:
		return arena_format(arena, "%s: expected %s, presented %s", told,
			expected_name(entry), presented(a));
	case POLICY_PIN:
		return arena_format(arena, "%s: presented SHA-256 %s", told,
			text_or(leaf != NULL ? leaf->spki_sha256 : NULL, "none"));
	default:
		return arena_format(arena, "%s (subject %s, issuer %s)", told,
			text_or(leaf != NULL ? leaf->subject : NULL, "unknown"),
			text_or(leaf != NULL ? leaf->issuer : NULL, "unknown"));
	}
}
