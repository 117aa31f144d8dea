/* The description tables of a connector and its halves. */
#include "core/model/checks.h"

const char *const model_mode_names[] = {"enforce", "report", NULL};
const char *const model_version_names[] = {"1.2", "1.3", NULL};
static const char *const connector_types[] = {"partner", "on-premises", NULL};
static const char *const revocations[] = {"prefer", "require", "off", NULL};
static const char *const usages[] = {"client", "client-or-server", "any", NULL};
static const char *const in_unmet[] = {"refuse", "defer", NULL};
static const char *const out_unmet[] = {"wait", "return", NULL};
static const char *const danes[] = {"opportunistic", "mandatory", "none", NULL};
static const char *const mta_stses[] = {"opportunistic", "none", NULL};

enum { MAX_COMMENT = 1000, MAX_PATTERNS = 1000 };

#define F(member, k, ...) RECORD_FIELD(struct model_inbound, member, k, __VA_ARGS__)
static const struct record_field inbound_fields[] = {
	F(sender_domains, RECORD_TEXTS, .max = MAX_PATTERNS, .check = model_check_pattern,
		.normal = model_normal_name,
		.doc = "Partner: domains in MAIL FROM that this connector covers; *.x: all "
		       "subdomains of x, but not x; *: every sender."),
	F(require_tls, RECORD_BOOL, .preset = "true",
		.doc = "Refuse mail that this connector covers when it comes without TLS."),
	F(certificate_name, RECORD_TEXT, .check = model_check_certificate_name,
		.normal = model_normal_name,
		.doc = "Name that the client certificate must carry; *.x covers one label."),
	F(restrict_to_certificate, RECORD_BOOL, .preset = "false",
		.doc = "Partner: mail from sender_domains only with that certificate."),
	F(restrict_to_addresses, RECORD_BOOL, .preset = "false",
		.doc = "Partner: mail from sender_domains only from addresses."),
	F(addresses, RECORD_TEXTS, .max = MAX_PATTERNS, .check = model_check_prefix,
		.doc = "IPv4 and IPv6 addresses and prefixes of the sending servers."),
	F(associated_accepted_domains, RECORD_TEXTS, .max = MAX_PATTERNS,
		.check = model_check_domain, .normal = model_normal_name,
		.doc = "Only these accepted domains of the organisation; empty: all; on-premises: "
		       "the domain that the certificate or MAIL FROM must be at; partner: the "
		       "recipient's."),
	F(cross_premises_headers, RECORD_BOOL, .preset = "false",
		.doc = "On-premises, known by certificate: its cross-premises headers become "
		       "headers of this organisation."),
	F(treat_as_internal, RECORD_BOOL, .preset = "false",
		.doc = "On-premises, without cross_premises_headers: mail from an accepted domain "
		       "counts as internal."),
	F(trusted_organisations, RECORD_TEXTS, .max = 1000, .check = model_check_name,
		.doc = "Partner: organisations of this installation whose mail meets this "
		       "connector's conditions."),
	F(pins, RECORD_TEXTS, .max = 32, .check = model_check_pin, .normal = model_normal_pin,
		.doc = "SHA-256 of the public key (SubjectPublicKeyInfo) that the client "
		       "certificate must have, hex; any of them will do."),
	F(usage, RECORD_ENUM, .names = usages, .preset = "client",
		.doc = "Extended key usage of the client certificate: client, client-or-server "
		       "(public CAs stop issuing clientAuth), any."),
	F(mode, RECORD_ENUM, .names = model_mode_names, .preset = "enforce",
		.doc = "report: refuse nothing, count what would be refused."),
	F(when_unmet, RECORD_ENUM, .names = in_unmet, .preset = "refuse",
		.doc = "refuse: for good (5yz); defer: the sender tries again (4yz)."),
};
#undef F

const struct record_desc model_inbound_desc = RECORD_DESC(struct model_inbound, "inbound connector",
	inbound_fields, .doc = "What mail that comes in must prove.");

#define F(member, k, ...) RECORD_FIELD(struct model_outbound, member, k, __VA_ARGS__)
static const struct record_field outbound_fields[] = {
	F(recipient_domains, RECORD_TEXTS, .max = MAX_PATTERNS, .check = model_check_pattern,
		.normal = model_normal_name,
		.doc = "Domains whose mail goes this way; *.x: all subdomains of x, but not x; *: "
		       "everything that nothing else covers."),
	F(all_accepted_domains, RECORD_BOOL, .preset = "false",
		.doc = "On-premises: every accepted domain of the organisation."),
	F(route_all_via_on_premises, RECORD_BOOL, .preset = "false",
		.doc = "On-premises: all mail that the organisation sends from here leaves by it; "
		       "mail that came from on-premises does not."),
	F(rule_scoped, RECORD_BOOL, .preset = "false", .doc = "Used only where a rule names it."),
	F(smart_hosts, RECORD_TEXTS, .max = 32, .check = model_check_smart_host,
		.doc = "Next hops in order: host, host:port, [v6]:port; empty: the MX hosts of the "
		       "recipient's domain."),
	F(tls, RECORD_ENUM, .names = model_level_names, .preset = "encrypt",
		.doc = "What the next hop must prove: none (TLS if offered), encrypt, chain, "
		       "name."),
	F(tls_domain, RECORD_TEXT, .check = model_check_certificate_name,
		.normal = model_normal_name,
		.doc = "With tls name: the name the certificate must carry; absent: the smart "
		       "host's name, or without smart hosts the recipient's domain, because "
		       "MX records can be forged; explain tells which."),
	F(pins, RECORD_TEXTS, .max = 32, .check = model_check_pin, .normal = model_normal_pin,
		.doc = "SHA-256 of the public key (SubjectPublicKeyInfo) that the next hop's "
		       "certificate must have, hex; any of them will do."),
	F(certificate, RECORD_TEXT, .check = model_check_name,
		.doc = "Certificate of the node to present; absent: the organisation's."),
	F(cross_premises_headers, RECORD_BOOL, .preset = "false",
		.doc = "On-premises with tls name: headers of this organisation go along as "
		       "cross-premises headers."),
	F(sender_rewriting, RECORD_BOOL, .preset = "false",
		.doc = "Kept for later: has no effect yet."),
	F(dane, RECORD_ENUM, .names = danes, .preset = "opportunistic",
		.doc = "Kept for later: opportunistic or none; this version does not look at TLSA "
		       "records."),
	F(mta_sts, RECORD_ENUM, .names = mta_stses, .preset = "opportunistic",
		.doc = "Kept for later: opportunistic or none; this version does not fetch MTA-STS "
		       "policies."),
	F(mode, RECORD_ENUM, .names = model_mode_names, .preset = "enforce",
		.doc = "report: send all the same, count what would have waited."),
	F(when_unmet, RECORD_ENUM, .names = out_unmet, .preset = "wait",
		.doc = "wait: until the mail expires; return: to the sender at once."),
	F(cost, RECORD_INT, .min = 1, .max = 100, .preset = "10",
		.doc = "Lower first among connectors that match equally well."),
};
#undef F

static enum err check_outbound(const void *object, struct err_info *info)
{
	const struct model_outbound *o = object;

	if (o->tls_domain != NULL && o->tls != MODEL_LEVEL_NAME)
		return err_set(info, ERR_CONFLICT,
			"tls_domain: has no effect unless tls is name, and tls is %s",
			model_level_names[o->tls]);
	if (o->dane == MODEL_DANE_MANDATORY)
		return err_set(info, ERR_UNSUPPORTED,
			"dane: mandatory is not possible yet: this version does not look at TLSA "
			"records, and all mail would wait");
	if (o->pins.count > 0 && o->tls == MODEL_LEVEL_NONE)
		return err_set(info, ERR_CONFLICT,
			"pins: have no effect unless tls is encrypt, chain or name");
	if (o->cross_premises_headers && o->tls != MODEL_LEVEL_NAME)
		return err_set(info, ERR_CONFLICT,
			"cross_premises_headers: only with tls name: the next hop must be proven");
	if (o->rule_scoped && (o->recipient_domains.count > 0 || o->all_accepted_domains ||
				      o->route_all_via_on_premises))
		return err_set(info, ERR_CONFLICT,
			"rule_scoped: only a rule chooses the connector, so recipient_domains, "
			"all_accepted_domains and route_all_via_on_premises have no effect");
	if (o->route_all_via_on_premises && o->smart_hosts.count == 0)
		return err_set(info, ERR_CONFLICT,
			"smart_hosts: is missing: with route_all_via_on_premises the way must be "
			"named");
	if (o->recipient_domains.count == 0 && !o->all_accepted_domains && !o->rule_scoped &&
		!o->route_all_via_on_premises)
		return err_set(info, ERR_SYNTAX,
			"recipient_domains: is missing: the connector would apply to nothing");
	if (o->all_accepted_domains && o->smart_hosts.count == 0)
		return err_set(info, ERR_CONFLICT,
			"smart_hosts: is missing: with all_accepted_domains the MX hosts would "
			"lead back here");
	return ERR_OK;
}

const struct record_desc model_outbound_desc = RECORD_DESC(struct model_outbound,
	"outbound connector", outbound_fields,
	.doc = "Where mail goes out, and what the next hop must prove.", .check = check_outbound);

#define F(member, k, ...) RECORD_FIELD(struct model_expects, member, k, __VA_ARGS__)
static const struct record_field expects_fields[] = {
	F(names, RECORD_TEXTS, .max = 32, .check = model_check_certificate_name,
		.normal = model_normal_name,
		.doc = "Names, any of which our certificate must carry."),
	F(issuer, RECORD_TEXT, .max = 500,
		.doc = "Must stand in the name of an issuer or of the root of our chain."),
	F(pins, RECORD_TEXTS, .max = 32, .check = model_check_pin, .normal = model_normal_pin,
		.doc = "SHA-256 of public keys (SubjectPublicKeyInfo), one of which must be in our "
		       "chain."),
};
#undef F
const struct record_desc model_expects_desc =
	RECORD_DESC(struct model_expects, "expectation of the partner", expects_fields,
		.doc = "What the partner is known to check in our certificate.");

#define F(member, k, ...) RECORD_FIELD(struct model_connector, member, k, __VA_ARGS__)
static const struct record_field connector_fields[] = {
	F(name, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY, .check = model_check_name,
		.doc = "Key of the connector within its organisation."),
	F(organisation, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY,
		.check = model_check_name, .doc = "The organisation that it belongs to."),
	F(type, RECORD_ENUM, .names = connector_types, .preset = "partner",
		.doc = "partner: restricts, grants nothing; on-premises: the organisation's own "
		       "server, may relay."),
	F(enabled, RECORD_BOOL, .preset = "true", .doc = "false: as if it were not there."),
	F(comment, RECORD_TEXT, .max = MAX_COMMENT, .doc = "Free text."),
	F(trust, RECORD_TEXT, .check = model_check_pem,
		.doc = "Own trust anchors as PEM, for both halves; absent: the organisation's."),
	F(crls, RECORD_TEXT, .check = model_check_crls,
		.doc = "Revocation lists as PEM, for both halves; absent: none."),
	F(revocation, RECORD_ENUM, .names = revocations, .preset = "prefer",
		.doc = "off: not looked at; prefer: a revoked certificate is refused; require: one "
		       "whose state is unknown, too."),
	F(minimum_version, RECORD_ENUM, .names = model_version_names, .preset = "1.2",
		.doc = "TLS version that both halves ask for at least: 1.2 or 1.3."),
	F(groups, RECORD_TEXTS, .max = 16, .check = model_check_group,
		.doc = "Key exchange groups that will do: x25519mlkem768, x25519, secp256r1, "
		       "secp384r1, secp521r1; empty: any offered."),
	F(inbound, RECORD_OPTIONAL, .sub = &model_inbound_desc, .doc = "Mail that comes in."),
	F(outbound, RECORD_OPTIONAL, .sub = &model_outbound_desc, .doc = "Mail that goes out."),
	F(expects, RECORD_OPTIONAL, .sub = &model_expects_desc,
		.doc = "What the partner checks in our certificate, so that a rollover does not "
		       "break it."),
};
#undef F

static enum err check_pins(const struct model_inbound *in, bool is_asked, struct err_info *info)
{
	if (in->pins.count > 0 && !is_asked)
		return err_set(info, ERR_CONFLICT,
			"inbound.pins: have no effect without a certificate_name that is asked "
			"for");
	if (in->usage != MODEL_USAGE_CLIENT && !is_asked)
		return err_set(info, ERR_CONFLICT,
			"inbound.usage: has no effect without a certificate_name that is asked "
			"for");
	return ERR_OK;
}

static enum err check_partner(const struct model_inbound *in, struct err_info *info)
{
	if (in->sender_domains.count == 0)
		return err_set(info, ERR_SYNTAX,
			"inbound.sender_domains: is missing: the connector would cover nothing");
	if (in->restrict_to_certificate && in->certificate_name == NULL)
		return err_set(info, ERR_CONFLICT,
			"inbound.certificate_name: is missing, and restrict_to_certificate is "
			"true");
	if (in->certificate_name != NULL && !in->restrict_to_certificate && !in->require_tls)
		return err_set(info, ERR_CONFLICT,
			"inbound.certificate_name: has no effect unless require_tls or "
			"restrict_to_certificate is true");
	if (in->restrict_to_addresses && in->addresses.count == 0)
		return err_set(info, ERR_CONFLICT,
			"inbound.addresses: is missing, and restrict_to_addresses is true");
	if (in->addresses.count > 0 && !in->restrict_to_addresses)
		return err_set(info, ERR_CONFLICT,
			"inbound.addresses: has no effect unless restrict_to_addresses is true");
	if (in->cross_premises_headers || in->treat_as_internal)
		return err_set(info, ERR_CONFLICT, "inbound.%s: only for type on-premises",
			in->cross_premises_headers ? "cross_premises_headers"
						   : "treat_as_internal");
	return check_pins(in, in->certificate_name != NULL, info);
}

static enum err check_on_premises(const struct model_inbound *in, struct err_info *info)
{
	if (in->certificate_name == NULL && in->addresses.count == 0)
		return err_set(info, ERR_SYNTAX,
			"inbound.certificate_name: is missing: an on-premises server is known by "
			"certificate_name or addresses");
	if (in->sender_domains.count > 0)
		return err_set(info, ERR_CONFLICT,
			"inbound.sender_domains: only for type partner: an on-premises server is "
			"known by certificate_name or addresses");
	if (in->restrict_to_certificate || in->restrict_to_addresses)
		return err_set(info, ERR_CONFLICT, "inbound.%s: only for type partner",
			in->restrict_to_certificate ? "restrict_to_certificate"
						    : "restrict_to_addresses");
	if (in->trusted_organisations.count > 0)
		return err_set(
			info, ERR_CONFLICT, "inbound.trusted_organisations: only for type partner");
	if (in->mode == MODEL_REPORT || in->when_unmet != MODEL_UNMET_REFUSE)
		return err_set(info, ERR_CONFLICT,
			"inbound.%s: only for type partner: an on-premises connector grants, it "
			"refuses nothing",
			in->mode == MODEL_REPORT ? "mode" : "when_unmet");
	if (in->cross_premises_headers && in->certificate_name == NULL)
		return err_set(info, ERR_CONFLICT,
			"inbound.cross_premises_headers: only for a server known by "
			"certificate_name");
	if (in->cross_premises_headers && in->treat_as_internal)
		return err_set(info, ERR_CONFLICT,
			"inbound.treat_as_internal: only without cross_premises_headers");
	return check_pins(in, in->certificate_name != NULL, info);
}

static enum err check_partner_out(const struct model_outbound *out, struct err_info *info)
{
	const char *what = out->all_accepted_domains	    ? "all_accepted_domains"
			   : out->route_all_via_on_premises ? "route_all_via_on_premises"
			   : out->cross_premises_headers    ? "cross_premises_headers"
			   : out->sender_rewriting	    ? "sender_rewriting"
							    : NULL;

	if (what != NULL)
		return err_set(info, ERR_CONFLICT, "outbound.%s: only for type on-premises", what);
	return ERR_OK;
}

static enum err check_connector(const void *object, struct err_info *info)
{
	const struct model_connector *c = object;
	bool is_partner = c->type == MODEL_PARTNER;
	enum err e = ERR_OK;

	if (c->inbound == NULL && c->outbound == NULL)
		return err_set(info, ERR_SYNTAX, "inbound: is missing, and so is outbound");
	if (c->inbound != NULL)
		e = is_partner ? check_partner(c->inbound, info)
			       : check_on_premises(c->inbound, info);
	if (e == ERR_OK && is_partner && c->outbound != NULL)
		e = check_partner_out(c->outbound, info);
	if (e == ERR_OK && c->revocation == MODEL_REVOCATION_OFF && c->crls != NULL)
		e = err_set(info, ERR_CONFLICT, "crls: have no effect while revocation is off");
	return e;
}

const struct record_desc model_connector_desc = RECORD_DESC(struct model_connector, "connector",
	connector_fields, .doc = "A channel with a partner or with the organisation's own server.",
	.check = check_connector);
