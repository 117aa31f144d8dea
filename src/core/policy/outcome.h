/*
 * Policy outcomes: one table gives each its stable token, SMTP reply code, enhanced status code
 * (RFC 3463, 7372), RFC 8460 result type, and what to tell a person.
 */
#ifndef SEALPOST_CORE_POLICY_OUTCOME_H
#define SEALPOST_CORE_POLICY_OUTCOME_H

/*      code                        token                      reply  enhanced   RFC 8460 result
 * text / what to do */
#define POLICY_OUTCOME_TABLE(X)                                                                    \
	X(POLICY_OK, "ok", 250, "2.0.0", NULL, "Allowed", "")                                      \
	X(POLICY_NO_STARTTLS, "no-starttls", 450, "4.7.10", "starttls-not-supported",              \
		"The next hop does not offer STARTTLS, and TLS is required",                       \
		"The partner must offer STARTTLS, or nothing may strip it on the way")             \
	X(POLICY_STARTTLS_REFUSED, "starttls-refused", 450, "4.7.10", "starttls-not-supported",    \
		"The next hop refused STARTTLS, and TLS is required",                              \
		"The partner must repair TLS on its server")                                       \
	X(POLICY_HANDSHAKE_FAILED, "handshake-failed", 450, "4.7.10", "validation-failure",        \
		"The TLS handshake with the next hop failed, and TLS is required",                 \
		"See the TLS error; compare versions and cipher suites")                           \
	X(POLICY_VERSION_TOO_OLD, "version-too-old", 450, "4.7.10", "validation-failure",          \
		"The peer offers no TLS version of at least 1.2",                                  \
		"The partner must enable TLS 1.2 or 1.3")                                          \
	X(POLICY_NO_CERTIFICATE, "no-certificate", 450, "4.7.5", "validation-failure",             \
		"The server presented no certificate", "The partner must install a certificate")   \
	X(POLICY_UNTRUSTED_ROOT, "untrusted-root", 450, "4.7.5", "certificate-not-trusted",        \
		"The certificate chain ends at a root that is not trusted here",                   \
		"Install the root as the connector's trust anchor, or use a trusted one")          \
	X(POLICY_MISSING_INTERMEDIATE, "missing-intermediate", 450, "4.7.5",                       \
		"certificate-not-trusted", "The peer did not send its intermediate certificates",  \
		"The partner must send the whole chain")                                           \
	X(POLICY_SELF_SIGNED, "self-signed", 450, "4.7.5", "certificate-not-trusted",              \
		"The certificate is self-signed",                                                  \
		"Use a certificate of a trusted CA, or make this one a trust anchor of the "       \
		"connector")                                                                       \
	X(POLICY_EXPIRED, "expired", 450, "4.7.5", "certificate-expired",                          \
		"The certificate has expired", "The owner must renew it")                          \
	X(POLICY_NOT_YET_VALID, "not-yet-valid", 450, "4.7.5", "validation-failure",               \
		"The certificate is not valid yet", "Check both clocks")                           \
	X(POLICY_REVOKED, "revoked", 450, "4.7.5", "validation-failure",                           \
		"The certificate is revoked", "The owner must replace it")                         \
	X(POLICY_REVOCATION_UNKNOWN, "revocation-unknown", 450, "4.7.5", "validation-failure",     \
		"Whether the certificate is revoked could not be found out",                       \
		"Check that the CA's endpoints can be reached")                                    \
	X(POLICY_PURPOSE, "purpose", 450, "4.7.5", "validation-failure",                           \
		"The certificate's extended key usage forbids this use",                           \
		"Use a certificate for TLS client or server authentication")                       \
	X(POLICY_WEAK, "weak-certificate", 450, "4.7.5", "validation-failure",                     \
		"The certificate's key or signature is too weak",                                  \
		"Use RSA of 2048 bits or ECDSA, signed with SHA-256")                              \
	X(POLICY_INVALID, "invalid-certificate", 450, "4.7.5", "validation-failure",               \
		"The certificate chain is not valid", "See the detail")                            \
	X(POLICY_NAME_MISMATCH, "name-mismatch", 450, "4.7.5", "certificate-host-mismatch",        \
		"The certificate does not carry the name that is required",                        \
		"Compare the names expected and presented")                                        \
	X(POLICY_PIN, "pin-mismatch", 450, "4.7.5", "validation-failure",                          \
		"The certificate's public key is none of those that are pinned",                   \
		"If the partner has changed its key, confirm the new one with it and pin it")      \
	X(POLICY_GROUP, "group-not-allowed", 450, "4.7.10", "validation-failure",                  \
		"The key exchange used a group that the connector does not allow",                 \
		"Compare the groups of both sides")                                                \
	X(POLICY_DOWNGRADE, "downgrade", 450, "4.7.10", "starttls-not-supported",                  \
		"The destination has had TLS before and offers none now",                          \
		"Ask the partner, or wait until the grace time is over")                           \
	X(POLICY_TLS_REQUIRED, "tls-required", 530, "5.7.0", NULL,                                 \
		"Must issue a STARTTLS command first", "The sender must use TLS")                  \
	X(POLICY_NO_CLIENT_CERTIFICATE, "no-client-certificate", 550, "5.7.51", NULL,              \
		"A connector for this mail requires a client certificate, and none was presented", \
		"The sender must present its certificate")                                         \
	X(POLICY_CLIENT_NAME, "client-name", 550, "5.7.51", NULL,                                  \
		"A connector for this mail requires another name on the client certificate",       \
		"Compare the names expected and presented")                                        \
	X(POLICY_CLIENT_CHAIN, "client-chain", 550, "5.7.51", NULL,                                \
		"A connector for this mail requires a client certificate with a trusted chain",    \
		"See the verdict on the chain")                                                    \
	X(POLICY_ADDRESS, "address-not-allowed", 550, "5.7.51", NULL,                              \
		"A connector for this mail does not allow the address it comes from",              \
		"Send from an allowed address, or add this one")                                   \
	X(POLICY_RELAY_DENIED, "relay-denied", 550, "5.7.64", NULL,                                \
		"Relay access denied: the recipient's domain is not accepted here, and the "       \
		"sender is no organisation's own server",                                          \
		"An on-premises connector must match the client's certificate or address")         \
	X(POLICY_AMBIGUOUS, "ambiguous", 550, "5.7.64", NULL,                                      \
		"Relay access denied: more than one organisation matches",                         \
		"Use a certificate that belongs to one organisation")                              \
	X(POLICY_DIRECT_SEND, "direct-send", 550, "5.7.68", NULL,                                  \
		"Direct send is not allowed: the sender's domain is accepted here, and no "        \
		"connector matches",                                                               \
		"Send through the organisation's own server")                                      \
	X(POLICY_UNKNOWN_RECIPIENT, "unknown-recipient", 550, "5.1.1", NULL,                       \
		"There is no such recipient here", "Correct the address, or add the recipient")    \
	X(POLICY_LOOP, "loop", 554, "5.4.6", NULL, "The mail would go back to where it came from", \
		"Both sides hold the recipient to live on the other: say where it lives")          \
	X(POLICY_RULE, "refused-by-rule", 550, "5.7.1", NULL, "A rule refuses this mail",          \
		"See the rule")                                                                    \
	X(POLICY_TOO_LARGE, "too-large-for-organisation", 552, "5.3.4", NULL,                      \
		"The message is larger than the organisation takes", "Send a smaller message")     \
	X(POLICY_NO_ROUTE, "no-route", 550, "5.4.4", NULL,                                         \
		"No way to deliver to this domain is configured",                                  \
		"Give the domain a delivery, or an outbound connector")                            \
	X(POLICY_NO_ORGANISATION, "no-organisation", 450, "4.3.5", NULL,                           \
		"The organisation that sent this is no longer configured",                         \
		"Configure the organisation again, or return the mail")                            \
	X(POLICY_BAD_ADDRESS, "bad-address", 553, "5.1.3", NULL, "The address is not valid",       \
		"Correct the address")                                                             \
	X(POLICY_BAD_SENDER, "bad-sender", 553, "5.1.7", NULL,                                     \
		"The sender's address is not valid", "Correct the sender's address")

#define POLICY_OUTCOME_ENUM(code, token, reply, enhanced, result, text, remedy) code,
enum policy_outcome { POLICY_OUTCOME_TABLE(POLICY_OUTCOME_ENUM) POLICY_OUTCOME_MAX };
#undef POLICY_OUTCOME_ENUM

struct policy_outcome_row {
	const char *token; /* stable: logs, metrics, JSON */
	int reply; /* SMTP reply code: given to a client, or kept for a deferred recipient */
	const char *enhanced; /* RFC 3463 */
	const char *result;   /* RFC 8460 4.3; NULL where it has none */
	const char *text;     /* one sentence */
	const char *remedy;   /* what to do */
};

/* Never NULL: an unknown outcome reads as POLICY_INVALID. */
const struct policy_outcome_row *policy_outcome_row(enum policy_outcome outcome);
/* The outcome for a verdict on a chain. CERT_TRUSTED gives POLICY_OK. */
enum policy_outcome policy_outcome_of_verdict(int verdict);

#endif
