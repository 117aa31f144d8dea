#include "core/cert/facts.h"

const char *const cert_verdict_names[] = {
	[CERT_NONE] = "none",
	[CERT_TRUSTED] = "trusted",
	[CERT_UNTRUSTED_ROOT] = "untrusted-root",
	[CERT_MISSING_INTERMEDIATE] = "missing-intermediate",
	[CERT_SELF_SIGNED] = "self-signed",
	[CERT_EXPIRED] = "expired",
	[CERT_NOT_YET_VALID] = "not-yet-valid",
	[CERT_REVOKED] = "revoked",
	[CERT_REVOCATION_UNKNOWN] = "revocation-unknown",
	[CERT_PURPOSE] = "purpose",
	[CERT_WEAK] = "weak",
	[CERT_INVALID] = "invalid",
	[CERT_VERDICT_MAX] = NULL,
};

static const struct record_field fields[] = {
	RECORD_FIELD(struct cert_facts, subject, RECORD_TEXT, .doc = "Subject, as RFC 2253 text."),
	RECORD_FIELD(struct cert_facts, issuer, RECORD_TEXT, .doc = "Issuer, as RFC 2253 text."),
	RECORD_FIELD(
		struct cert_facts, common_name, RECORD_TEXT, .doc = "Common name of the subject."),
	RECORD_FIELD(struct cert_facts, organisation, RECORD_TEXT,
		.doc = "Organisation of the subject."),
	RECORD_FIELD(struct cert_facts, organisational_unit, RECORD_TEXT,
		.doc = "Organisational unit of the subject."),
	RECORD_FIELD(struct cert_facts, serial, RECORD_TEXT, .doc = "Serial number, hexadecimal."),
	RECORD_FIELD(struct cert_facts, sha256, RECORD_TEXT,
		.doc = "SHA-256 fingerprint of the certificate, hexadecimal."),
	RECORD_FIELD(struct cert_facts, spki_sha256, RECORD_TEXT,
		.doc = "SHA-256 of the public key (SubjectPublicKeyInfo), hexadecimal."),
	{
		.name = "not_before",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct cert_facts, not_before_ms),
		.doc = "Start of validity.",
	},
	{
		.name = "not_after",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct cert_facts, not_after_ms),
		.doc = "End of validity.",
	},
	RECORD_FIELD(struct cert_facts, names, RECORD_TEXTS,
		.doc = "DNS names of the subjectAltName; the common name only where there is "
		       "none."),
	RECORD_FIELD(struct cert_facts, has_san, RECORD_BOOL,
		.doc = "Whether there is a subjectAltName extension."),
	RECORD_FIELD(struct cert_facts, key, RECORD_TEXT, .doc = "Kind and size of the key."),
	RECORD_FIELD(struct cert_facts, key_bits, RECORD_INT, .doc = "Strength of the key, bits."),
	RECORD_FIELD(struct cert_facts, signature, RECORD_TEXT, .doc = "Signature algorithm."),
	RECORD_FIELD(struct cert_facts, is_ca, RECORD_BOOL, .doc = "Whether it may issue others."),
	RECORD_FIELD(struct cert_facts, is_self_signed, RECORD_BOOL,
		.doc = "Whether it is its own issuer."),
	RECORD_FIELD(struct cert_facts, has_eku, RECORD_BOOL,
		.doc = "Whether there is an extendedKeyUsage extension."),
	RECORD_FIELD(struct cert_facts, allows_client, RECORD_BOOL,
		.doc = "Whether it may be used by a client."),
	RECORD_FIELD(struct cert_facts, allows_server, RECORD_BOOL,
		.doc = "Whether it may be used by a server."),
};

const struct record_desc cert_facts_desc =
	RECORD_DESC(struct cert_facts, "certificate", fields, .doc = "Facts of one certificate.");
