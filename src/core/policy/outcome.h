/*
 * Policy outcomes: one table gives each its stable token, the SMTP replies and enhanced status
 * codes (RFC 3463, 7372) of both directions, RFC 8460 result type, who can mend it, and what to
 * tell whom. docs/outcomes.md is made from it.
 */
#ifndef SEALPOST_CORE_POLICY_OUTCOME_H
#define SEALPOST_CORE_POLICY_OUTCOME_H

#include <stdbool.h>

/* Where an outcome occurs: on mail that comes in, on mail that goes out. */
enum policy_way { POLICY_WAY_IN, POLICY_WAY_OUT, POLICY_WAY_BOTH };

/* Who can mend it. */
enum policy_party {
	POLICY_PARTY_PARTNER, /* the administrators of the other side */
	POLICY_PARTY_HERE,    /* our own */
	POLICY_PARTY_SENDER,  /* the person who sent the message */
	POLICY_PARTY_BOTH,    /* either side, or both together */
};
extern const char *const policy_party_names[]; /* "partner", "here", "sender", "both" */

/* Columns: code, token, way; reply and enhanced code outbound (of a recipient that waits or fails);
 * reply and the detail of the enhanced code inbound; RFC 8460 result; who can mend it; what
 * happened; what to do; what may be told to a client in place of what happened (NULL: that itself).
 */
#define POLICY_OUTCOME_TABLE(X)                                                                    \
	X(POLICY_OK, "ok", POLICY_WAY_BOTH, 250, "2.0.0", 250, ".0.0", NULL, POLICY_PARTY_PARTNER, \
		"Allowed", "", NULL)                                                               \
	X(POLICY_NO_STARTTLS, "no-starttls", POLICY_WAY_OUT, 450, "4.7.10", 550, ".7.10",          \
		"starttls-not-supported", POLICY_PARTY_PARTNER,                                    \
		"The next hop does not offer STARTTLS, and TLS is required",                       \
		"The partner must offer STARTTLS, or nothing may strip it on the way", NULL)       \
	X(POLICY_STARTTLS_REFUSED, "starttls-refused", POLICY_WAY_OUT, 450, "4.7.10", 550,         \
		".7.10", "starttls-not-supported", POLICY_PARTY_PARTNER,                           \
		"The next hop refused STARTTLS, and TLS is required",                              \
		"The partner must repair TLS on its server", NULL)                                 \
	X(POLICY_HANDSHAKE_FAILED, "handshake-failed", POLICY_WAY_OUT, 450, "4.7.10", 550,         \
		".7.10", "validation-failure", POLICY_PARTY_BOTH,                                  \
		"The TLS handshake with the next hop failed, and TLS is required",                 \
		"See the TLS error; compare versions, cipher suites and groups", NULL)             \
	X(POLICY_VERSION_TOO_OLD, "version-too-old", POLICY_WAY_BOTH, 450, "4.7.10", 550, ".7.51", \
		"validation-failure", POLICY_PARTY_PARTNER,                                        \
		"The peer does not use the TLS version that is required",                          \
		"The partner must enable the TLS version that the connector asks for, 1.2 or 1.3", \
		"The TLS version is older than what is required of this sender")                   \
	X(POLICY_NO_CERTIFICATE, "no-certificate", POLICY_WAY_OUT, 450, "4.7.5", 550, ".7.51",     \
		"validation-failure", POLICY_PARTY_PARTNER, "The server presented no certificate", \
		"The partner must install a certificate", NULL)                                    \
	X(POLICY_UNTRUSTED_ROOT, "untrusted-root", POLICY_WAY_BOTH, 450, "4.7.5", 550, ".7.51",    \
		"certificate-not-trusted", POLICY_PARTY_BOTH,                                      \
		"The certificate chain ends at a root that is not trusted here",                   \
		"Install the root as the connector's trust anchor, or use a trusted one",          \
		"The chain of the client certificate is not trusted here: it ends at an unknown "  \
		"root")                                                                            \
	X(POLICY_MISSING_INTERMEDIATE, "missing-intermediate", POLICY_WAY_BOTH, 450, "4.7.5", 550, \
		".7.51", "certificate-not-trusted", POLICY_PARTY_BOTH,                             \
		"The peer sent only its leaf certificate: what is between it and a root that is "  \
		"trusted here is missing",                                                         \
		"The partner must send the whole chain; if a root signed the leaf itself, make "   \
		"that root the connector's trust anchor",                                          \
		"The chain of the client certificate is not trusted here: intermediate "           \
		"certificates were not sent")                                                      \
	X(POLICY_SELF_SIGNED, "self-signed", POLICY_WAY_BOTH, 450, "4.7.5", 550, ".7.51",          \
		"certificate-not-trusted", POLICY_PARTY_BOTH, "The certificate is self-signed",    \
		"Use a certificate of a trusted CA, or make this one a trust anchor of the "       \
		"connector",                                                                       \
		"The chain of the client certificate is not trusted here: it is self-signed")      \
	X(POLICY_EXPIRED, "expired", POLICY_WAY_BOTH, 450, "4.7.5", 550, ".7.51",                  \
		"certificate-expired", POLICY_PARTY_PARTNER, "The certificate has expired",        \
		"The owner must renew it", "The client certificate has expired")                   \
	X(POLICY_NOT_YET_VALID, "not-yet-valid", POLICY_WAY_BOTH, 450, "4.7.5", 550, ".7.51",      \
		"validation-failure", POLICY_PARTY_BOTH, "The certificate is not valid yet",       \
		"Check both clocks", "The client certificate is not valid yet")                    \
	X(POLICY_REVOKED, "revoked", POLICY_WAY_BOTH, 450, "4.7.5", 550, ".7.51",                  \
		"validation-failure", POLICY_PARTY_PARTNER, "The certificate is revoked",          \
		"The owner must replace it", "The client certificate is revoked")                  \
	X(POLICY_REVOCATION_UNKNOWN, "revocation-unknown", POLICY_WAY_BOTH, 450, "4.7.5", 550,     \
		".7.51", "validation-failure", POLICY_PARTY_HERE,                                  \
		"Whether the certificate is revoked could not be found out",                       \
		"See sealpost check endpoints, give the connector a current list, or set its "     \
		"revocation to prefer",                                                            \
		"Whether the client certificate is revoked is not known here")                     \
	X(POLICY_PURPOSE, "purpose", POLICY_WAY_BOTH, 450, "4.7.5", 550, ".7.51",                  \
		"validation-failure", POLICY_PARTY_BOTH,                                           \
		"The certificate's extended key usage forbids this use",                           \
		"Use a certificate for TLS client or server authentication; of a client, see "     \
		"also usage of the connector",                                                     \
		"The extended key usage of the client certificate does not allow client "          \
		"authentication")                                                                  \
	X(POLICY_WEAK, "weak-certificate", POLICY_WAY_BOTH, 450, "4.7.5", 550, ".7.51",            \
		"validation-failure", POLICY_PARTY_PARTNER,                                        \
		"The certificate's key or signature is too weak",                                  \
		"Use RSA of 2048 bits or ECDSA, signed with SHA-256",                              \
		"Key or signature of the client certificate is too weak")                          \
	X(POLICY_INVALID, "invalid-certificate", POLICY_WAY_BOTH, 450, "4.7.5", 550, ".7.51",      \
		"validation-failure", POLICY_PARTY_PARTNER, "The certificate chain is not valid",  \
		"See the detail", "The chain of the client certificate is not valid")              \
	X(POLICY_NAME_MISMATCH, "name-mismatch", POLICY_WAY_OUT, 450, "4.7.5", 550, ".7.51",       \
		"certificate-host-mismatch", POLICY_PARTY_BOTH,                                    \
		"The certificate does not carry the name that is required",                        \
		"Compare the names expected and presented", NULL)                                  \
	X(POLICY_PIN, "pin-mismatch", POLICY_WAY_BOTH, 450, "4.7.5", 550, ".7.51",                 \
		"validation-failure", POLICY_PARTY_BOTH,                                           \
		"The certificate's public key is none of those that are pinned",                   \
		"If the partner has changed its key, confirm the new one with it and pin it",      \
		"The public key of the client certificate is not the one agreed on")               \
	X(POLICY_GROUP, "group-not-allowed", POLICY_WAY_BOTH, 450, "4.7.10", 550, ".7.51",         \
		"validation-failure", POLICY_PARTY_BOTH,                                           \
		"The key exchange used a group that the connector does not allow",                 \
		"Compare the groups of both sides",                                                \
		"The key exchange used a group that is not allowed for this sender")               \
	X(POLICY_DOWNGRADE, "downgrade", POLICY_WAY_OUT, 450, "4.7.10", 550, ".7.10",              \
		"starttls-not-supported", POLICY_PARTY_PARTNER,                                    \
		"The destination has had TLS before and offers none now",                          \
		"Ask the partner, or wait until the grace time is over", NULL)                     \
	X(POLICY_TLS_REQUIRED, "tls-required", POLICY_WAY_IN, 530, "5.7.0", 530, ".7.0", NULL,     \
		POLICY_PARTY_PARTNER, "Must issue a STARTTLS command first",                       \
		"The sending server must use TLS", NULL)                                           \
	X(POLICY_NO_CLIENT_CERTIFICATE, "no-client-certificate", POLICY_WAY_IN, 550, "5.7.51",     \
		550, ".7.51", NULL, POLICY_PARTY_PARTNER,                                          \
		"A connector for this mail requires a client certificate, and none was presented", \
		"The sending server must present its certificate",                                 \
		"Mail of this sender requires a client certificate, and none was presented")       \
	X(POLICY_CLIENT_NAME, "client-name", POLICY_WAY_IN, 550, "5.7.51", 550, ".7.51", NULL,     \
		POLICY_PARTY_BOTH,                                                                 \
		"A connector for this mail requires another name on the client certificate",       \
		"Compare the names expected and presented",                                        \
		"Mail of this sender requires another name on the client certificate")             \
	X(POLICY_ADDRESS, "address-not-allowed", POLICY_WAY_IN, 550, "5.7.51", 550, ".7.51", NULL, \
		POLICY_PARTY_BOTH,                                                                 \
		"A connector for this mail does not allow the address it comes from",              \
		"Send from an allowed address, or add this one",                                   \
		"Mail of this sender is not accepted from this address")                           \
	X(POLICY_RELAY_DENIED, "relay-denied", POLICY_WAY_IN, 550, "5.7.64", 550, ".7.64", NULL,   \
		POLICY_PARTY_BOTH,                                                                 \
		"Relay access denied: the recipient's domain is not accepted here, and the "       \
		"sender is no organisation's own server",                                          \
		"An on-premises connector must match the client's certificate or address",         \
		"Relay access denied")                                                             \
	X(POLICY_AMBIGUOUS, "ambiguous", POLICY_WAY_IN, 550, "5.7.64", 550, ".7.64", NULL,         \
		POLICY_PARTY_BOTH, "Relay access denied: more than one organisation matches",      \
		"Use a certificate that belongs to one organisation",                              \
		"Relay access denied: the client cannot be told apart from others")                \
	X(POLICY_DIRECT_SEND, "direct-send", POLICY_WAY_IN, 550, "5.7.68", 550, ".7.68", NULL,     \
		POLICY_PARTY_BOTH,                                                                 \
		"Direct send is not allowed: the sender's domain is accepted here, and no "        \
		"connector matches",                                                               \
		"Send through the organisation's own server, or give the sending server a "        \
		"connector",                                                                       \
		NULL)                                                                              \
	X(POLICY_UNKNOWN_RECIPIENT, "unknown-recipient", POLICY_WAY_BOTH, 550, "5.1.1", 550,       \
		".1.1", NULL, POLICY_PARTY_SENDER, "There is no such recipient here",              \
		"Correct the address, or add the recipient", NULL)                                 \
	X(POLICY_LOOP, "loop", POLICY_WAY_BOTH, 554, "5.4.6", 554, ".4.6", NULL,                   \
		POLICY_PARTY_BOTH, "The mail would go back to where it came from",                 \
		"Both sides hold the recipient to live on the other: say where it lives", NULL)    \
	X(POLICY_RULE, "refused-by-rule", POLICY_WAY_BOTH, 550, "5.7.1", 550, ".7.1", NULL,        \
		POLICY_PARTY_HERE, "A rule refuses this mail", "See the rule", NULL)               \
	X(POLICY_TOO_LARGE, "too-large-for-organisation", POLICY_WAY_BOTH, 552, "5.3.4", 552,      \
		".3.4", NULL, POLICY_PARTY_SENDER,                                                 \
		"The message is larger than the organisation takes", "Send a smaller message",     \
		NULL)                                                                              \
	X(POLICY_NO_ROUTE, "no-route", POLICY_WAY_BOTH, 550, "5.4.4", 550, ".4.4", NULL,           \
		POLICY_PARTY_HERE, "No way to deliver to this domain is configured",               \
		"Give the domain a delivery, or an outbound connector", NULL)                      \
	X(POLICY_NO_ORGANISATION, "no-organisation", POLICY_WAY_BOTH, 450, "4.3.5", 450, ".3.5",   \
		NULL, POLICY_PARTY_HERE,                                                           \
		"The organisation that sent this is no longer configured",                         \
		"Configure the organisation again, or return the mail", NULL)                      \
	X(POLICY_BAD_ADDRESS, "bad-address", POLICY_WAY_BOTH, 553, "5.1.3", 553, ".1.3", NULL,     \
		POLICY_PARTY_SENDER, "The address is not valid", "Correct the address", NULL)      \
	X(POLICY_BAD_SENDER, "bad-sender", POLICY_WAY_BOTH, 553, "5.1.7", 553, ".1.7", NULL,       \
		POLICY_PARTY_SENDER, "The sender's address is not valid",                          \
		"Correct the sender's address", NULL)

#define POLICY_OUTCOME_ENUM(code, ...) code,
enum policy_outcome { POLICY_OUTCOME_TABLE(POLICY_OUTCOME_ENUM) POLICY_OUTCOME_MAX };
#undef POLICY_OUTCOME_ENUM

struct policy_outcome_row {
	const char *token; /* stable: logs, metrics, JSON */
	enum policy_way way;
	int reply; /* outbound: SMTP reply code kept for a recipient that waits or fails */
	const char *enhanced; /* RFC 3463 */
	int reply_in;	      /* inbound: SMTP reply code given to the client */
	const char *enhanced_in;
	const char *deferred_in; /* enhanced code in place of it when the client shall try again */
	const char *result;	 /* RFC 8460 4.3; NULL where it has none */
	enum policy_party who;
	const char *text;   /* what happened: one sentence */
	const char *remedy; /* what to do */
	const char *told;   /* the same as far as a client may know it; NULL: TEXT */
};

/* Never NULL: an unknown outcome reads as POLICY_INVALID. */
const struct policy_outcome_row *policy_outcome_row(enum policy_outcome outcome);
/* SMTP reply code of a refusal at reception; TEMPORARY: 4yz with the same detail. */
int policy_outcome_reply_in(enum policy_outcome outcome, bool temporary, const char **ret_enhanced);
/* The outcome for a verdict on a chain. CERT_TRUSTED gives POLICY_OK. */
enum policy_outcome policy_outcome_of_verdict(int verdict);

#endif
