/* The description tables of organisations, their accepted domains and their recipients. */
#include "core/model/checks.h"

static const char *const domain_types[] = {"authoritative", "internal-relay", NULL};
static const char *const places[] = {"here", "on-premises", NULL};

enum { MAX_COMMENT = 1000, WEEK_MS = 7 * 24 * 3600 * 1000 };

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
	F(certificates, RECORD_TEXTS, .max = 100, .check = model_check_name,
		.doc = "Certificates of the node that are this organisation's own: what any "
		       "organisation lists, only those that list it may name."),
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
	F(administrators, RECORD_TEXTS, .max = 100, .check = model_check_user,
		.doc = "System users that may manage this organisation through the management "
		       "socket, and see nothing of the others."),
	F(maximum_message, RECORD_SIZE, .min = 0, .preset = "0",
		.doc = "Largest message taken for it or from it; 0: as the node says."),
	F(maximum_queued, RECORD_INT, .min = 0, .preset = "0",
		.doc = "Messages of this organisation in the queue, then 452; 0: as the node "
		       "says."),
	{.name = "downgrade_grace",
		.kind = RECORD_DURATION,
		.offset = offsetof(struct model_organisation, downgrade_grace_ms),
		.min = 0,
		.max = WEEK_MS,
		.preset = "0s",
		.doc = "How long mail that nothing forces waits before it goes in clear to a "
		       "destination that has had TLS before; 0: it goes at once, and an alarm is "
		       "raised."},
	F(trust, RECORD_TEXT, .check = model_check_pem,
		.doc = "Trust anchors as PEM for connectors without their own; absent: the "
		       "system's roots."),
	F(alerts, RECORD_TEXT, .check = model_check_mailbox,
		.doc = "Mailbox that is told of this organisation's alarms; absent: none."),
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
	F(directory, RECORD_BOOL, .preset = "false",
		.doc = "Its recipients are listed: others are refused when it is authoritative, "
		       "and passed on through a connector when it is internal-relay."),
	F(delivery, RECORD_TEXT, .check = model_check_delivery,
		.doc = "Where its mail goes: maildir:PATH with {local} and {domain}, "
		       "lmtp:unix:/PATH, lmtp:HOST:PORT, smtp:HOST:PORT; absent: through a "
		       "connector."),
};
#undef F

const struct record_desc model_domain_desc = RECORD_DESC(struct model_domain, "domain",
	domain_fields, .doc = "A domain whose mail this installation accepts.");

#define F(member, k, ...) RECORD_FIELD(struct model_recipient, member, k, __VA_ARGS__)
static const struct record_field recipient_fields[] = {
	F(address, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY, .max = 320,
		.check = model_check_mailbox, .normal = model_normal_mailbox,
		.doc = "The address; kept in lower case, its domain as A-labels."),
	F(place, RECORD_ENUM, .names = places, .preset = "here",
		.doc = "here: the domain's delivery; on-premises: the organisation's on-premises "
		       "connector."),
	F(comment, RECORD_TEXT, .max = MAX_COMMENT, .doc = "Free text."),
};
#undef F

const struct record_desc model_recipient_desc = RECORD_DESC(struct model_recipient, "recipient",
	recipient_fields, .doc = "A recipient of a domain with a directory.");
