/* The description table of a rule. */
#include "core/model/checks.h"

static const char *const directions[] = {"any", "incoming", "outgoing", "internal", NULL};
static const char *const actions[] = {"pass", "hold", "refuse", NULL};

enum { MAX_COMMENT = 1000, MAX_PATTERNS = 1000, MAX_HEADER = 200 };

#define F(member, k, ...) RECORD_FIELD(struct model_rule, member, k, __VA_ARGS__)
static const struct record_field rule_fields[] = {
	F(name, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY, .check = model_check_name,
		.doc = "Key of the rule within its organisation."),
	F(organisation, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY,
		.check = model_check_name, .doc = "The organisation that it belongs to."),
	F(enabled, RECORD_BOOL, .preset = "true", .doc = "false: as if it were not there."),
	F(comment, RECORD_TEXT, .max = MAX_COMMENT, .doc = "Free text."),
	F(mode, RECORD_ENUM, .names = model_mode_names, .preset = "enforce",
		.doc = "report: change nothing, count what would have been refused or waited."),
	F(direction, RECORD_ENUM, .names = directions, .preset = "any",
		.doc = "incoming: from outside or another organisation; outgoing: its own, to "
		       "others; internal: its own, to its own; any."),
	F(senders, RECORD_TEXTS, .max = MAX_PATTERNS, .check = model_check_sender_pattern,
		.normal = model_normal_pattern,
		.doc = "Senders in MAIL FROM: address, domain, *.domain, *, or <> for the null "
		       "sender; empty: all."),
	F(recipients, RECORD_TEXTS, .max = MAX_PATTERNS, .check = model_check_recipient_pattern,
		.normal = model_normal_pattern,
		.doc = "Recipients: address, domain, *.domain or *; empty: all."),
	F(header, RECORD_TEXT, .max = MAX_HEADER, .check = model_check_header,
		.doc = "Name of a header field that the message must have."),
	F(header_contains, RECORD_TEXT, .max = MAX_HEADER,
		.doc = "Text within that field's value; case does not matter."),
	F(larger_than, RECORD_SIZE, .min = 0, .preset = "0",
		.doc = "Only messages of more bytes; 0: of any size."),
	F(require_tls, RECORD_ENUM, .names = model_level_names, .preset = "none",
		.doc = "What the way must prove at least: none, encrypt, chain or name."),
	F(connector, RECORD_TEXT, .check = model_check_name,
		.doc = "Outbound connector of the same organisation by which the mail goes."),
	F(action, RECORD_ENUM, .names = actions, .preset = "pass",
		.doc = "pass; hold: keep in the queue until released; refuse."),
	F(text, RECORD_TEXT, .max = MAX_HEADER, .check = model_check_reply_text,
		.doc = "With refuse: what the sender is told."),
};
#undef F

static enum err check_rule(const void *object, struct err_info *info)
{
	const struct model_rule *r = object;

	if (r->header_contains != NULL && r->header == NULL)
		return err_set(
			info, ERR_CONFLICT, "header: is missing, and header_contains is set");
	if (r->text != NULL && r->action != MODEL_RULE_REFUSE)
		return err_set(info, ERR_CONFLICT, "text: has no effect unless action is refuse");
	if (r->action == MODEL_RULE_REFUSE &&
		(r->require_tls != MODEL_LEVEL_NONE || r->connector != NULL))
		return err_set(info, ERR_CONFLICT, "%s: has no effect while action is refuse",
			r->connector != NULL ? "connector" : "require_tls");
	if (r->action == MODEL_RULE_PASS && r->require_tls == MODEL_LEVEL_NONE &&
		r->connector == NULL)
		return err_set(info, ERR_SYNTAX,
			"action: the rule asks for nothing: set require_tls, connector, or action "
			"hold or refuse");
	return ERR_OK;
}

const struct record_desc model_rule_desc = RECORD_DESC(struct model_rule, "rule", rule_fields,
	.doc = "What is asked of some of an organisation's mail.", .check = check_rule);
