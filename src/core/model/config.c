/* The description tables of the configuration: organisations, accepted domains, connectors. */
#include "core/model/checks.h"

const char *const model_level_names[] = {"none", "encrypt", "chain", "name", NULL};
static const char *const domain_types[] = {"authoritative", "internal-relay", NULL};
static const char *const connector_types[] = {"partner", "on-premises", NULL};

enum { MAX_COMMENT = 1000, MAX_PATTERNS = 1000, WEEK_MS = 7 * 24 * 3600 * 1000 };

#define F(member, k, ...) RECORD_FIELD(struct model_organisation, member, k, __VA_ARGS__)
static const struct record_field organisation_fields[] = {
	F(name, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY, .check = model_check_name,
		.doc = "Key of the organisation."),
	F(comment, RECORD_TEXT, .max = MAX_COMMENT, .doc = "Free text."),
	F(postmaster, RECORD_TEXT, .check = model_check_mailbox,
		.doc = "Receives double bounces; absent: postmaster at the first domain."),
	F(certificate, RECORD_TEXT, .check = model_check_name,
		.doc = "Certificate of the node presented to next hops unless a connector names "
		       "another; absent: none."),
	F(minimum_tls, RECORD_ENUM, .names = model_level_names, .preset = "none",
		.doc = "What every mail of this organisation that leaves requires at least: none, "
		       "encrypt or chain."),
	F(reject_direct_send, RECORD_BOOL, .preset = "false",
		.doc = "Refuse anonymous mail whose sender is at an accepted domain of this "
		       "organisation."),
	{.name = "expiry",
		.kind = RECORD_DURATION,
		.offset = offsetof(struct model_organisation, expiry_ms),
		.min = 0,
		.max = WEEK_MS,
		.preset = "0s",
		.doc = "How long its mail is tried before it is returned; 0: as the node says."},
};
#undef F

static enum err check_organisation(const void *object, struct err_info *info)
{
	const struct model_organisation *o = object;

	if (o->minimum_tls == MODEL_LEVEL_NAME)
		return err_set(info, ERR_RANGE,
			"minimum_tls: expected none, encrypt or chain, found \"name\": a name can "
			"only be asked by a connector");
	return ERR_OK;
}

const struct record_desc model_organisation_desc =
	RECORD_DESC(struct model_organisation, "organisation", organisation_fields,
		.doc = "Who shares this installation: owns accepted domains and connectors.",
		.check = check_organisation);

#define F(member, k, ...) RECORD_FIELD(struct model_domain, member, k, __VA_ARGS__)
static const struct record_field domain_fields[] = {
	F(name, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY, .check = model_check_domain,
		.normal = model_normal_name, .doc = "The accepted domain; kept as A-labels."),
	F(organisation, RECORD_TEXT, .flags = RECORD_REQUIRED, .check = model_check_name,
		.doc = "The organisation that it belongs to."),
	F(comment, RECORD_TEXT, .max = MAX_COMMENT, .doc = "Free text."),
	F(type, RECORD_ENUM, .names = domain_types, .preset = "authoritative",
		.doc = "authoritative: all its recipients live here; internal-relay: others are "
		       "passed on."),
	F(subdomains, RECORD_BOOL, .preset = "false",
		.doc = "Its subdomains at any depth are accepted too."),
	F(delivery, RECORD_TEXT, .check = model_check_delivery,
		.doc = "Where its mail goes: maildir:PATH with {local} and {domain}, "
		       "lmtp:unix:/PATH, lmtp:HOST:PORT, smtp:HOST:PORT; absent: through a "
		       "connector."),
};
#undef F

const struct record_desc model_domain_desc = RECORD_DESC(struct model_domain, "domain",
	domain_fields, .doc = "A domain whose mail this installation accepts.");

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
	F(certificate, RECORD_TEXT, .check = model_check_name,
		.doc = "Certificate of the node to present; absent: the organisation's."),
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
	if (o->recipient_domains.count == 0 && !o->all_accepted_domains)
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
		.doc = "Own trust anchors as PEM, for both halves; absent: the system's roots."),
	F(inbound, RECORD_OPTIONAL, .sub = &model_inbound_desc, .doc = "Mail that comes in."),
	F(outbound, RECORD_OPTIONAL, .sub = &model_outbound_desc, .doc = "Mail that goes out."),
};
#undef F

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
	return ERR_OK;
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
	if (e == ERR_OK && is_partner && c->outbound != NULL && c->outbound->all_accepted_domains)
		e = err_set(info, ERR_CONFLICT,
			"outbound.all_accepted_domains: only for type on-premises");
	return e;
}

const struct record_desc model_connector_desc = RECORD_DESC(struct model_connector, "connector",
	connector_fields, .doc = "A channel with a partner or with the organisation's own server.",
	.check = check_connector);

#define F(member, ...) RECORD_FIELD(struct model_config, member, RECORD_LIST, __VA_ARGS__)
static const struct record_field config_fields[] = {
	F(organisations, .sub = &model_organisation_desc, .max = 10000, .doc = "Organisations."),
	F(domains, .sub = &model_domain_desc, .max = 100000, .doc = "Accepted domains."),
	F(connectors, .sub = &model_connector_desc, .max = 100000, .doc = "Connectors."),
};
#undef F

const struct record_desc model_config_desc = RECORD_DESC(struct model_config, "configuration",
	config_fields, .doc = "Everything that is changed through the management API.");

const struct model_kind_row model_kinds[MODEL_KIND_MAX] = {
	[MODEL_ORGANISATION] = {"organisation", "organisations", &model_organisation_desc,
		offsetof(struct model_config, organisations)},
	[MODEL_DOMAIN] = {"domain", "domains", &model_domain_desc,
		offsetof(struct model_config, domains)},
	[MODEL_CONNECTOR] = {"connector", "connectors", &model_connector_desc,
		offsetof(struct model_config, connectors)},
};

const char *model_key(enum model_kind kind, const void *object, struct arena *arena)
{
	const struct model_connector *c = object;

	switch (kind) {
	case MODEL_CONNECTOR:
		return arena_format(arena, "%s/%s", c->organisation != NULL ? c->organisation : "",
			c->name != NULL ? c->name : "");
	case MODEL_DOMAIN:
		return ((const struct model_domain *)object)->name;
	default:
		return ((const struct model_organisation *)object)->name;
	}
}
