/* The description tables of the kit, and its JSON form. */
#include "core/partner/kit.h"

#include "core/cert/names.h"

enum { MAX_NAMES = 1000, MAX_LIST = 32, MAX_LINE = 1024, MAX_PEM = 65536 };

/* ---- checks of single texts ------------------------------------------------------------------ */

static bool is_name(const char *text, bool wildcard)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();

	return model_domain_name(str_of(text), wildcard, arena) != NULL;
}

static enum err check_host(const char *text, struct err_info *info)
{
	if (is_name(text, false))
		return ERR_OK;
	return err_set(info, ERR_SYNTAX, "expected a host name, found \"%.80s\"", text);
}

static enum err check_pattern(const char *text, struct err_info *info)
{
	if (is_name(text, true))
		return ERR_OK;
	return err_set(info, ERR_SYNTAX,
		"expected a domain name, or \"*.\" and one, found \"%.80s\"", text);
}

static enum err check_address(const char *text, struct err_info *info)
{
	struct model_prefix prefix;

	if (model_parse_prefix(str_of(text), &prefix))
		return ERR_OK;
	return err_set(info, ERR_SYNTAX, "expected an address or a prefix, found \"%.80s\"", text);
}

static bool is_hex(const char *text, size_t length)
{
	size_t n = 0;

	for (; text[n] != '\0'; n++)
		if (strchr("0123456789abcdef", text[n]) == NULL)
			return false;
	return n == length;
}

static enum err check_sha256(const char *text, struct err_info *info)
{
	if (is_hex(text, 64))
		return ERR_OK;
	return err_set(info, ERR_SYNTAX,
		"expected 64 hexadecimal digits in lower case, found \"%.80s\"", text);
}

/* The model's own checks, by way of a connector's rows. */
static enum err check_organisation(const char *text, struct err_info *info)
{
	return record_find(&model_connector_desc, "organisation", NULL)->check(text, info);
}

static enum err check_pem(const char *text, struct err_info *info)
{
	return record_find(&model_connector_desc, "trust", NULL)->check(text, info);
}

/* ---- the tables ------------------------------------------------------------------------------ */

#define F(member, k, ...) RECORD_FIELD(struct partner_listener, member, k, __VA_ARGS__)
static const struct record_field listener_fields[] = {
	F(address, RECORD_TEXT, .check = check_address,
		.doc = "Address; absent: those of the host name."),
	F(port, RECORD_INT, .flags = RECORD_REQUIRED, .min = 1, .max = 65535, .preset = "25",
		.doc = "Port."),
	{.name = "implicit",
		.kind = RECORD_BOOL,
		.offset = offsetof(struct partner_listener, is_implicit),
		.preset = "false",
		.doc = "TLS from the first byte; else by STARTTLS."},
};
#undef F
static const struct record_desc listener_desc = RECORD_DESC(struct partner_listener, "listener",
	listener_fields, .doc = "Where the maker receives mail.");

#define F(member, k, ...) RECORD_FIELD(struct partner_certificate, member, k, __VA_ARGS__)
static const struct record_field certificate_fields[] = {
	F(tls_name, RECORD_TEXT, .check = check_pattern, .doc = "The name to ask for."),
	F(names, RECORD_TEXTS, .max = MAX_NAMES, .doc = "All its DNS names."),
	F(subject, RECORD_TEXT, .max = MAX_LINE, .doc = "Subject."),
	F(issuer, RECORD_TEXT, .max = MAX_LINE, .doc = "Issuer."),
	F(root, RECORD_TEXT, .max = MAX_LINE, .doc = "Subject of the root that it leads up to."),
	{.name = "not_before",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct partner_certificate, not_before_ms),
		.doc = "Start of validity."},
	{.name = "not_after",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct partner_certificate, not_after_ms),
		.doc = "End of validity."},
	F(sha256, RECORD_TEXT, .check = check_sha256,
		.doc = "SHA-256 fingerprint of the certificate, hexadecimal."),
	F(spki_sha256, RECORD_TEXT, .check = check_sha256,
		.doc = "SHA-256 of its public key (SubjectPublicKeyInfo), hexadecimal."),
	F(key, RECORD_TEXT, .max = 100, .doc = "Kind and size of the key."),
	F(allows_client, RECORD_BOOL, .preset = "false",
		.doc = "Whether its extended key usage lets a client use it."),
	F(state, RECORD_ENUM, .names = cert_state_names, .preset = "current",
		.doc = "next, current or deprecated."),
	{.name = "changes",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct partner_certificate, changes_ms),
		.doc = "When a next one becomes current, or a deprecated one ends; absent: no day "
		       "is fixed."},
};
#undef F
static const struct record_desc certificate_desc = RECORD_DESC(struct partner_certificate,
	"certificate", certificate_fields, .doc = "A certificate that the maker presents.");

#define F(member, k, ...) RECORD_FIELD(struct partner_root, member, k, __VA_ARGS__)
static const struct record_field root_fields[] = {
	F(subject, RECORD_TEXT, .max = MAX_LINE, .doc = "Subject."),
	F(sha256, RECORD_TEXT, .check = check_sha256, .doc = "SHA-256 fingerprint, hexadecimal."),
	{.name = "not_after",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct partner_root, not_after_ms),
		.doc = "End of validity."},
	{.name = "public",
		.kind = RECORD_BOOL,
		.offset = offsetof(struct partner_root, is_public),
		.preset = "false",
		.doc = "Whether the maker's system trusts it."},
	F(pem, RECORD_TEXT, .flags = RECORD_REQUIRED, .max = MAX_PEM, .check = check_pem,
		.doc = "The certificate."),
};
#undef F
static const struct record_desc root_desc =
	RECORD_DESC(struct partner_root, "root", root_fields, .doc = "A root to trust.");

#define F(member, ...)                                                                             \
	RECORD_FIELD(struct partner_tls, member, RECORD_TEXTS, .max = MAX_LIST, __VA_ARGS__)
static const struct record_field tls_fields[] = {
	F(versions, .doc = "Versions, best first."),
	F(suites_13, .doc = "Suites of TLS 1.3, in order."),
	F(suites_12, .doc = "Suites of TLS 1.2, in order."),
	F(groups, .doc = "Key exchange groups, in order."),
	F(signatures, .doc = "Signature schemes, in order."),
};
#undef F
static const struct record_desc tls_desc =
	RECORD_DESC(struct partner_tls, "tls", tls_fields, .doc = "What the maker speaks.");

#define F(member, k, ...) RECORD_FIELD(struct partner_requirements, member, k, __VA_ARGS__)
static const struct record_field requirement_fields[] = {
	{.name = "inbound",
		.kind = RECORD_BOOL,
		.offset = offsetof(struct partner_requirements, has_inbound),
		.preset = "false",
		.doc = "Whether anything is asked of mail from the partner."},
	F(sender_domains, RECORD_TEXTS, .max = MAX_NAMES, .doc = "Senders that this is about."),
	F(require_tls, RECORD_BOOL, .preset = "false", .doc = "Their mail must come by TLS."),
	F(certificate_name, RECORD_TEXT, .check = check_pattern,
		.doc = "Name that their client certificate must carry."),
	F(restrict_to_certificate, RECORD_BOOL, .preset = "false",
		.doc = "Without that certificate their mail is refused."),
	F(addresses, RECORD_TEXTS, .max = MAX_NAMES, .check = check_address,
		.doc = "Their mail must come from one of these."),
	F(pins, RECORD_TEXTS, .max = MAX_LIST, .check = check_sha256,
		.doc = "Public keys (SHA-256) that their client certificate must have."),
	{.name = "outbound",
		.kind = RECORD_BOOL,
		.offset = offsetof(struct partner_requirements, has_outbound),
		.preset = "false",
		.doc = "Whether anything is asked of their servers."},
	F(recipient_domains, RECORD_TEXTS, .max = MAX_NAMES,
		.doc = "Recipients that this is about."),
	F(hosts, RECORD_TEXTS, .max = MAX_LIST,
		.doc = "Servers that their mail is sent to; empty: their MX hosts."),
	F(tls, RECORD_ENUM, .names = model_level_names, .preset = "none",
		.doc = "What their servers must prove: none, encrypt, chain, name."),
	F(tls_domain, RECORD_TEXT, .check = check_pattern,
		.doc = "Name that their servers' certificate must carry."),
	F(minimum_version, RECORD_ENUM, .names = model_version_names, .preset = "1.2",
		.doc = "TLS version that is asked for at least."),
	F(groups, RECORD_TEXTS, .max = MAX_LIST,
		.doc = "Key exchange groups that will do; empty: any."),
};
#undef F
static const struct record_desc requirements_desc = RECORD_DESC(struct partner_requirements,
	"requirements", requirement_fields, .doc = "What the maker's connector asks.");

#define F(member, k, ...) RECORD_FIELD(struct partner_kit, member, k, __VA_ARGS__)
static const struct record_field kit_fields[] = {
	{.name = "sealpost-partner-kit",
		.kind = RECORD_INT,
		.flags = RECORD_REQUIRED,
		.offset = offsetof(struct partner_kit, version),
		.min = 1,
		.max = PARTNER_KIT_VERSION,
		.doc = "Version of this form."},
	{.name = "made",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct partner_kit, made_ms),
		.doc = "When it was made."},
	F(organisation, RECORD_TEXT, .flags = RECORD_REQUIRED, .check = check_organisation,
		.doc = "The maker's name for itself."),
	F(domains, RECORD_TEXTS, .flags = RECORD_REQUIRED, .max = MAX_NAMES, .check = check_pattern,
		.doc = "The maker's domains; *.x: all subdomains of x."),
	F(host, RECORD_TEXT, .flags = RECORD_REQUIRED, .check = check_host,
		.doc = "Its host, as in MX records, greeting and EHLO."),
	F(listeners, RECORD_LIST, .sub = &listener_desc, .max = MAX_LIST,
		.doc = "Where it receives mail."),
	F(server_certificates, RECORD_LIST, .sub = &certificate_desc, .max = MAX_LIST,
		.doc = "What it presents to those who bring mail."),
	F(client_certificate, RECORD_OPTIONAL, .sub = &certificate_desc,
		.doc = "What it presents when it brings mail; absent: nothing."),
	F(other_server_certificates, RECORD_LIST, .sub = &certificate_desc, .max = MAX_LIST,
		.doc = "What it will present to those who bring mail, or still presents to some."),
	F(other_client_certificates, RECORD_LIST, .sub = &certificate_desc, .max = MAX_LIST,
		.doc = "What it will present when it brings mail, or still presents to some."),
	F(addresses, RECORD_TEXTS, .max = MAX_LIST, .check = check_address,
		.doc = "Addresses that its mail comes from; empty: not told."),
	F(roots, RECORD_LIST, .sub = &root_desc, .max = MAX_LIST,
		.doc = "Roots of its certificates."),
	F(tls, RECORD_INLINE, .sub = &tls_desc, .doc = "What it speaks."),
	F(requirements, RECORD_OPTIONAL, .sub = &requirements_desc,
		.doc = "What it asks of the partner that the kit is for."),
	F(notes, RECORD_TEXTS, .max = MAX_LIST, .doc = "Remarks."),
};
#undef F
const struct record_desc partner_kit_desc = RECORD_DESC(struct partner_kit, "partner kit",
	kit_fields, .doc = "What a partner must know to force TLS with its maker.");

/* ---- names and JSON -------------------------------------------------------------------------- */

const char *partner_tls_name(const struct cert_facts *facts, const char *host, struct arena *arena)
{
	const char *wildcard = NULL;

	if (cert_names_match(host, facts, NULL))
		return model_domain_name(str_of(host), false, arena);
	for (size_t i = 0; i < facts->names.count; i++) {
		struct str name = str_of(facts->names.items[i]);
		const char *plain = model_domain_name(name, false, arena);

		if (plain != NULL)
			return plain;
		if (wildcard == NULL)
			wildcard = model_domain_name(name, true, arena);
	}
	return wildcard;
}

enum err partner_kit_parse(
	struct str text, struct arena *arena, struct partner_kit *ret, struct err_info *info)
{
	json_error_t problem;
	const json_t *version;
	json_t *json;
	enum err e;

	if (text.n > PARTNER_KIT_MAX)
		return err_set(info, ERR_TOO_LONG, "is larger than %d KiB: that is no partner kit",
			PARTNER_KIT_MAX >> 10);
	json = json_loadb(text.p != NULL ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &problem);
	if (json == NULL)
		return err_set(info, ERR_SYNTAX,
			"expected the JSON form of a partner kit; line %d: %s", problem.line,
			problem.text);
	version = json_object_get(json, "sealpost-partner-kit");
	if (!json_is_integer(version))
		e = err_set(info, ERR_SYNTAX,
			"is no partner kit: expected \"sealpost-partner-kit\" with a version; ask "
			"the partner for the JSON form");
	else if (json_integer_value(version) < 1 ||
		 json_integer_value(version) > PARTNER_KIT_VERSION)
		e = err_set(info, ERR_UNSUPPORTED,
			"is a partner kit of version %" JSON_INTEGER_FORMAT
			", and this program knows version %d; update it, or ask for that version",
			json_integer_value(version), PARTNER_KIT_VERSION);
	else
		e = record_from_json(&partner_kit_desc, json, "", arena, ret, info);
	json_decref(json);
	return e;
}

json_t *partner_kit_json(const struct partner_kit *kit)
{
	return record_to_json(&partner_kit_desc, kit, RECORD_JSON_SPARSE);
}
