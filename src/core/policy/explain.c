#include "core/policy/explain.h"

#include "core/policy/snapshot.h"

#include <assert.h>

const char *const policy_outcome_names[] = {
#define POLICY_OUTCOME_NAME(code, token, ...) token,
	POLICY_OUTCOME_TABLE(POLICY_OUTCOME_NAME)
#undef POLICY_OUTCOME_NAME
		NULL,
};
const char *const policy_route_names[] = {
	"refuse", "maildir", "lmtp", "hosts", "mx", "literal", NULL};

static const struct record_field candidate_fields[] = {
	RECORD_FIELD(struct policy_candidate, subject, RECORD_TEXT, .doc = "What was considered."),
	RECORD_FIELD(struct policy_candidate, applies, RECORD_BOOL, .doc = "Whether it applies."),
	RECORD_FIELD(struct policy_candidate, why, RECORD_TEXT, .doc = "Why, or why not."),
};
static const struct record_desc candidate_desc = RECORD_DESC(
	struct policy_candidate, "candidate", candidate_fields, .doc = "What was considered.");

static_assert(sizeof(enum policy_outcome) == sizeof(int), "outcome as an enum field");
static_assert(sizeof(enum policy_route_type) == sizeof(int), "route as an enum field");

#define F(member, k, ...) RECORD_FIELD(struct policy_would, member, k, __VA_ARGS__)
static const struct record_field would_fields[] = {
	F(outcome, RECORD_ENUM, .names = policy_outcome_names, .doc = "ok: nothing; or why."),
	F(text, RECORD_TEXT, .doc = "The same in words."),
	F(by, RECORD_TEXT, .doc = "Who would have refused."),
};
#undef F
static const struct record_desc would_desc = RECORD_DESC(struct policy_would, "would", would_fields,
	.doc = "What a restriction in report mode would have refused.");

#define F(member, k, ...) RECORD_FIELD(struct policy_inbound, member, k, __VA_ARGS__)
static const struct record_field inbound_fields[] = {
	F(accepted, RECORD_BOOL, .doc = "Whether the recipient is accepted."),
	F(outcome, RECORD_ENUM, .names = policy_outcome_names, .doc = "ok, or why not."),
	F(text, RECORD_TEXT, .doc = "The same in words."),
	{.name = "told",
		.kind = RECORD_TEXT,
		.offset = offsetof(struct policy_inbound, reply),
		.doc = "What the client is told; absent: the text."},
	F(is_temporary, RECORD_BOOL, .doc = "Refused for now only (4yz)."),
	F(organisation, RECORD_TEXT, .doc = "Whose mail it is."),
	F(connector, RECORD_TEXT, .doc = "Inbound connector; absent: anonymous."),
	F(originating, RECORD_BOOL, .doc = "From the organisation's own server: may relay."),
	F(is_internal, RECORD_BOOL, .doc = "Of the organisation itself, proven or treated so."),
	F(promotes_headers, RECORD_BOOL,
		.doc = "Its cross-premises headers become the organisation's."),
	F(receiver, RECORD_TEXT,
		.doc = "The recipient's organisation, when another one of this installation."),
	F(receiver_connector, RECORD_TEXT, .doc = "Its partner connector that judged the mail."),
	F(would, RECORD_INLINE, .sub = &would_desc,
		.doc = "What a restriction in report mode would have refused."),
	F(required, RECORD_ENUM, .names = model_level_names, .doc = "Level asked of the client."),
	F(required_by, RECORD_TEXTS, .doc = "Who asked for it."),
	F(name_expected, RECORD_TEXT, .doc = "Name asked of the client certificate."),
	F(name_matched, RECORD_TEXT, .doc = "Name on it that matched."),
	F(anchors, RECORD_TEXT, .doc = "Trust anchors that counted."),
	F(verdict, RECORD_ENUM, .names = cert_verdict_names, .doc = "Verdict on the chain."),
	F(considered, RECORD_LIST, .sub = &candidate_desc, .doc = "Everything considered."),
};
#undef F
const struct record_desc policy_inbound_desc = RECORD_DESC(struct policy_inbound,
	"inbound decision", inbound_fields, .doc = "Who mail is from, and may it pass.");

#define F(member, k, ...) RECORD_FIELD(struct policy_demand, member, k, __VA_ARGS__)
static const struct record_field demand_fields[] = {
	F(required, RECORD_ENUM, .names = model_level_names, .doc = "Level."),
	F(required_by, RECORD_TEXTS, .doc = "Who asks for it."),
	F(names, RECORD_TEXTS,
		.doc = "Names of which the certificate must carry one; empty: the host's."),
	F(pins, RECORD_TEXTS, .doc = "Public keys of which the server must have one."),
	F(groups, RECORD_TEXTS, .doc = "Key exchange groups that will do; empty: any."),
	F(minimum_version, RECORD_ENUM, .names = model_version_names, .preset = "1.2",
		.doc = "TLS version at least."),
};
#undef F
static const struct record_desc demand_desc = RECORD_DESC(
	struct policy_demand, "demand", demand_fields, .doc = "What is asked in report mode.");

static const char *const headers_names[] = {"strip", "keep", "cross", NULL};

#define F(member, k, ...) RECORD_FIELD(struct policy_outbound, member, k, __VA_ARGS__)
static const struct record_field outbound_fields[] = {
	F(type, RECORD_ENUM, .names = policy_route_names, .doc = "How it is delivered."),
	F(outcome, RECORD_ENUM, .names = policy_outcome_names, .doc = "ok, or why refused."),
	F(text, RECORD_TEXT, .doc = "The same in words."),
	{.name = "told",
		.kind = RECORD_TEXT,
		.offset = offsetof(struct policy_outbound, reply),
		.doc = "Refused: what the client is told."},
	F(refused_by, RECORD_TEXT, .doc = "The rule that refuses."),
	F(key, RECORD_TEXT, .doc = "Recipients with the same key go together."),
	F(domain, RECORD_TEXT, .doc = "The recipient's domain."),
	F(path, RECORD_TEXT, .doc = "Maildir."),
	F(hosts, RECORD_TEXTS, .doc = "Next hops in order."),
	F(organisation, RECORD_TEXT, .doc = "Whose connectors were asked."),
	F(connector, RECORD_TEXT, .doc = "Outbound connector; absent: default routing."),
	F(required, RECORD_ENUM, .names = model_level_names, .doc = "What the hop must prove."),
	F(required_by, RECORD_TEXTS, .doc = "Who asked for it."),
	F(names, RECORD_TEXTS,
		.doc = "Names of which the certificate must carry one; empty: the host's."),
	F(names_why, RECORD_TEXT, .doc = "Where these names come from."),
	F(pins, RECORD_TEXTS, .doc = "Public keys of which the server must have one."),
	F(groups, RECORD_TEXTS, .doc = "Key exchange groups that will do; empty: any."),
	F(minimum_version, RECORD_ENUM, .names = model_version_names, .preset = "1.2",
		.doc = "TLS version at least."),
	F(anchors, RECORD_TEXT, .doc = "Trust anchors that count."),
	F(certificate, RECORD_TEXT, .doc = "Own certificate to present."),
	F(returns_when_unmet, RECORD_BOOL, .preset = "false",
		.doc = "Mail goes back at once when that is not met."),
	F(reported, RECORD_INLINE, .sub = &demand_desc, .doc = "What is asked in report mode."),
	F(would, RECORD_INLINE, .sub = &would_desc,
		.doc = "What rules in report mode would have done."),
	F(hold, RECORD_BOOL, .preset = "false", .doc = "A rule keeps it in the queue."),
	F(hold_by, RECORD_TEXT, .doc = "That rule."),
	F(headers, RECORD_ENUM, .names = headers_names, .preset = "strip",
		.doc = "The organisation's own header fields: strip, keep, or cross: as "
		       "cross-premises headers."),
	F(watches_downgrade, RECORD_BOOL, .preset = "false",
		.doc = "Nothing forces TLS: less than before raises an alarm."),
	F(downgrade_grace_ms, RECORD_DURATION, .preset = "0s",
		.doc = "Then it waits so long before it goes in clear."),
	F(considered, RECORD_LIST, .sub = &candidate_desc, .doc = "Everything considered."),
};
#undef F
const struct record_desc policy_outbound_desc =
	RECORD_DESC(struct policy_outbound, "outbound decision", outbound_fields,
		.doc = "Where mail goes, and what the way must prove.");

#define F(member, k, ...) RECORD_FIELD(struct policy_check, member, k, __VA_ARGS__)
static const struct record_field check_fields[] = {
	F(may_send, RECORD_BOOL, .doc = "Whether the message may go over this connection."),
	F(outcome, RECORD_ENUM, .names = policy_outcome_names, .doc = "ok, or why not."),
	F(text, RECORD_TEXT, .doc = "The same in words."),
	F(got, RECORD_ENUM, .names = model_level_names, .doc = "Level reached."),
	F(name_expected, RECORD_TEXT, .doc = "Names asked of the certificate."),
	F(name_matched, RECORD_TEXT, .doc = "Name on it that matched."),
	F(would, RECORD_INLINE, .sub = &would_desc,
		.doc = "What is asked in report mode and was not met."),
};
#undef F
const struct record_desc policy_check_desc = RECORD_DESC(struct policy_check, "check of a hop",
	check_fields, .doc = "May mail go over this connection.");

static const char *would_text(const struct policy_would *would, struct arena *arena)
{
	if (would->outcome == POLICY_OK)
		return "";
	return arena_format(arena, "%s by %s: %s", policy_outcome_row(would->outcome)->token,
		would->by != NULL ? would->by : "?", would->text != NULL ? would->text : "");
}

/* "name, pins ab12; by connector contoso/bank (name)" */
static const char *demand_text(const struct policy_demand *d, struct arena *arena)
{
	const char *text;

	if (d->required <= MODEL_LEVEL_NONE || d->required >= MODEL_LEVEL_MAX)
		return "";
	text = model_level_names[d->required];
	if (d->names.count > 0)
		text = arena_format(arena, "%s %s", text, policy_join(&d->names, arena));
	if (d->pins.count > 0)
		text = arena_format(arena, "%s, pins %s", text, policy_join(&d->pins, arena));
	if (d->groups.count > 0)
		text = arena_format(arena, "%s, groups %s", text, policy_join(&d->groups, arena));
	if (d->minimum_version > MODEL_TLS_12)
		text = arena_format(arena, "%s, at least TLS 1.3", text);
	return arena_format(arena, "%s; by %s", text, policy_join(&d->required_by, arena));
}

static const char *field_text(const struct record_field *f, const void *answer, struct arena *arena)
{
	const void *at = (const char *)answer + f->offset;
	const char *text;

	if (f->sub == &would_desc)
		return would_text(at, arena);
	if (f->sub == &demand_desc)
		return demand_text(at, arena);
	text = record_format_field(f, answer, arena);
	/* What is as usual is not worth a line. */
	return f->preset != NULL && strcmp(text, f->preset) == 0 ? "" : text;
}

/* One line a property that is set, then the candidates. */
static enum err explain(const struct record_desc *desc, const void *answer,
	const struct policy_candidates *considered, struct buf *out)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();

	for (size_t i = 0; i < desc->count; i++) {
		const char *text = field_text(&desc->fields[i], answer, arena);

		if (text[0] != '\0')
			buf_format(out, "%s: %s\n", desc->fields[i].name, text);
	}
	if (considered == NULL || considered->count == 0)
		return out->failed ? ERR_TOO_LONG : ERR_OK;
	buf_put_text(out, "considered:\n");
	for (size_t i = 0; i < considered->count; i++)
		buf_format(out, "  %c %s: %s\n", considered->items[i].applies ? '+' : '-',
			considered->items[i].subject, considered->items[i].why);
	return out->failed ? ERR_TOO_LONG : ERR_OK;
}

enum err policy_explain_inbound(const struct policy_inbound *answer, struct buf *out)
{
	return explain(&policy_inbound_desc, answer, &answer->considered, out);
}

enum err policy_explain_outbound(const struct policy_outbound *answer, struct buf *out)
{
	return explain(&policy_outbound_desc, answer, &answer->considered, out);
}

enum err policy_explain_check(const struct policy_check *answer, struct buf *out)
{
	return explain(&policy_check_desc, answer, NULL, out);
}

static json_t *with_outcome(
	json_t *json, enum policy_outcome outcome, int reply, const char *enhanced)
{
	const struct policy_outcome_row *row = policy_outcome_row(outcome);

	json_object_set_new(json, "reply", json_integer(reply));
	json_object_set_new(json, "enhanced", json_string(enhanced));
	json_object_set_new(json, "who", json_string(policy_party_names[row->who]));
	json_object_set_new(json, "remedy", json_string(row->remedy));
	return json;
}

static json_t *with_outbound(json_t *json, enum policy_outcome outcome)
{
	const struct policy_outcome_row *row = policy_outcome_row(outcome);

	return with_outcome(json, outcome, row->reply, row->enhanced);
}

json_t *policy_explain_inbound_json(const struct policy_inbound *answer)
{
	const char *enhanced;
	int reply = policy_inbound_reply(answer, &enhanced);

	return with_outcome(record_to_json(&policy_inbound_desc, answer, RECORD_JSON_FULL),
		answer->outcome, reply, enhanced);
}

json_t *policy_explain_outbound_json(const struct policy_outbound *answer)
{
	return with_outbound(
		record_to_json(&policy_outbound_desc, answer, RECORD_JSON_FULL), answer->outcome);
}

json_t *policy_explain_check_json(const struct policy_check *answer)
{
	return with_outbound(
		record_to_json(&policy_check_desc, answer, RECORD_JSON_FULL), answer->outcome);
}
