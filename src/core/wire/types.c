/* The description of every struct that crosses a process boundary, and the table of types. */
#include "core/wire/describe.h"

const char *const wire_body_names[] = {"7bit", "8bitmime", "binarymime", NULL};
const char *const wire_ret_names[] = {"none", "full", "headers", NULL};
const char *const wire_result_names[] = {
	"delivered", "relayed", "deferred", "failed", "not-tried", "under-way", NULL};
const char *const wire_dns_status_names[] = {"secure", "insecure", "bogus", "failed", NULL};
const char *const wire_probe_result_names[] = {"ok", "failed", "skipped", "note", NULL};

static const struct record_field recipient_fields[] = {
	FIELD(wire_recipient, number, INT),
	FIELD(wire_recipient, address, TEXT),
	FIELD(wire_recipient, original, TEXT),
	FIELD(wire_recipient, notify, INT),
	FIELD(wire_recipient, organisation, TEXT),
	FIELD(wire_recipient, connector, TEXT),
	FIELD(wire_recipient, originating, BOOL),
	FIELD(wire_recipient, receiver, TEXT),
	FIELD(wire_recipient, receiver_connector, TEXT),
	FIELD(wire_recipient, would_token, TEXT),
	FIELD(wire_recipient, would_text, TEXT),
	FIELD(wire_recipient, would_by, TEXT),
};
const struct record_desc wire_recipient_desc = DESC(wire_recipient, "recipient", recipient_fields);

static const struct record_field recipient_outcome_fields[] = {
	FIELD(wire_recipient_outcome, number, INT),
	RECORD_FIELD(
		struct wire_recipient_outcome, result, RECORD_ENUM, .names = wire_result_names),
	FIELD(wire_recipient_outcome, token, TEXT),
	FIELD(wire_recipient_outcome, enhanced, TEXT),
	FIELD(wire_recipient_outcome, text, TEXT),
	FIELD(wire_recipient_outcome, host, TEXT),
	FIELD(wire_recipient_outcome, receipt, INT),
	FIELD(wire_recipient_outcome, passed_on, BOOL),
};
static const struct record_desc wire_recipient_outcome_desc =
	DESC(wire_recipient_outcome, "recipient-outcome", recipient_outcome_fields);

static const struct record_field dns_record_fields[] = {
	FIELD(wire_dns_record, rdata, BYTES),
};
static const struct record_desc wire_dns_record_desc =
	DESC(wire_dns_record, "dns-record", dns_record_fields);

static const struct record_field id_fields[] = {
	FIELD(wire_id, id, INT),
};
static const struct record_desc wire_id_desc = DESC(wire_id, "id", id_fields);

static const struct record_field config_mark_fields[] = {
	FIELD(wire_config_mark, generation, INT),
};
static const struct record_desc wire_config_mark_desc =
	DESC(wire_config_mark, "config-mark", config_mark_fields);

static const struct record_field config_object_fields[] = {
	FIELD(wire_config_object, kind, INT),
	FIELD(wire_config_object, data, BYTES),
};
static const struct record_desc wire_config_object_desc =
	DESC(wire_config_object, "config-object", config_object_fields);

static const struct record_field data_fields[] = {
	FIELD(wire_data, id, INT),
	FIELD(wire_data, data, BYTES),
};
static const struct record_desc wire_data_desc = DESC(wire_data, "data", data_fields);

static const struct record_field credit_fields[] = {
	FIELD(wire_credit, id, INT),
	FIELD(wire_credit, amount, INT),
};
static const struct record_desc wire_credit_desc = DESC(wire_credit, "credit", credit_fields);

static const struct record_field message_fields[] = {
	FIELD(wire_message, id, INT),
	MOMENT(wire_message, received),
	FIELD(wire_message, sender, TEXT),
	FIELD(wire_message, envelope_id, TEXT),
	RECORD_FIELD(struct wire_message, ret, RECORD_ENUM, .names = wire_ret_names),
	RECORD_FIELD(struct wire_message, body, RECORD_ENUM, .names = wire_body_names),
	FIELD(wire_message, smtputf8, BOOL),
	FIELD(wire_message, size, INT),
	FIELD(wire_message, hops, INT),
	FIELD(wire_message, message_id, TEXT),
	FIELD(wire_message, subject, TEXT),
	FIELD(wire_message, helo, TEXT),
	FIELD(wire_message, labels, TEXTS),
	FIELD(wire_message, via, TEXT),
	RECORD_FIELD(struct wire_message, recipients, RECORD_LIST, .sub = &wire_recipient_desc),
	RECORD_FIELD(struct wire_message, receipt, RECORD_INLINE, .sub = &receipt_desc),
};
const struct record_desc wire_message_desc = DESC(wire_message, "message", message_fields);

static const struct record_field done_fields[] = {
	FIELD(wire_done, id, INT),
	FIELD(wire_done, error, INT),
	FIELD(wire_done, text, TEXT),
};
static const struct record_desc wire_done_desc = DESC(wire_done, "done", done_fields);

static const struct record_field intake_fields[] = {
	FIELD(wire_intake, open, BOOL),
	FIELD(wire_intake, reason, TEXT),
};
static const struct record_desc wire_intake_desc = DESC(wire_intake, "intake", intake_fields);

static const struct record_field job_fields[] = {
	FIELD(wire_job, id, INT),
	FIELD(wire_job, message, INT),
	MOMENT(wire_job, received),
	FIELD(wire_job, sender, TEXT),
	FIELD(wire_job, envelope_id, TEXT),
	RECORD_FIELD(struct wire_job, ret, RECORD_ENUM, .names = wire_ret_names),
	RECORD_FIELD(struct wire_job, body, RECORD_ENUM, .names = wire_body_names),
	FIELD(wire_job, smtputf8, BOOL),
	FIELD(wire_job, size, INT),
	FIELD(wire_job, organisation, TEXT),
	FIELD(wire_job, route, TEXT),
	FIELD(wire_job, attempts, INT),
	FIELD(wire_job, labels, TEXTS),
	FIELD(wire_job, via, TEXT),
	FIELD(wire_job, best, INT),
	MOMENT(wire_job, fallen),
	RECORD_FIELD(struct wire_job, recipients, RECORD_LIST, .sub = &wire_recipient_desc),
};
static const struct record_desc wire_job_desc = DESC(wire_job, "job", job_fields);

static const struct record_field body_get_fields[] = {
	FIELD(wire_body_get, job, INT),
	FIELD(wire_body_get, offset, INT),
	FIELD(wire_body_get, length, INT),
};
static const struct record_desc wire_body_get_desc =
	DESC(wire_body_get, "body-get", body_get_fields);

static const struct record_field body_fields[] = {
	FIELD(wire_body, job, INT),
	FIELD(wire_body, offset, INT),
	FIELD(wire_body, data, BYTES),
	FIELD(wire_body, error, INT),
};
static const struct record_desc wire_body_desc = DESC(wire_body, "body", body_fields);

static const struct record_field outcome_fields[] = {
	FIELD(wire_outcome, job, INT),
	FIELD(wire_outcome, message, INT),
	RECORD_FIELD(
		struct wire_outcome, recipients, RECORD_LIST, .sub = &wire_recipient_outcome_desc),
	RECORD_FIELD(struct wire_outcome, receipts, RECORD_LIST, .sub = &receipt_desc),
	FIELD(wire_outcome, host_dead, BOOL),
};
const struct record_desc wire_outcome_desc = DESC(wire_outcome, "outcome", outcome_fields);

static const struct record_field host_fields[] = {
	FIELD(wire_host, host, TEXT),
	RECORD_FIELD(struct wire_host, attempt, RECORD_ENUM, .names = receipt_attempt_names),
	MOMENT(wire_host, until),
	FIELD(wire_host, reason, TEXT),
};
const struct record_desc wire_host_desc = DESC(wire_host, "host", host_fields);

static const struct record_field event_fields[] = {
	FIELD(wire_event, message, INT),
	MOMENT(wire_event, at),
	FIELD(wire_event, kind, TEXT),
	FIELD(wire_event, sender, TEXT),
	FIELD(wire_event, recipient, TEXT),
	FIELD(wire_event, organisation, TEXT),
	FIELD(wire_event, connector, TEXT),
	FIELD(wire_event, token, TEXT),
	FIELD(wire_event, enhanced, TEXT),
	FIELD(wire_event, text, TEXT),
	FIELD(wire_event, would_token, TEXT),
	FIELD(wire_event, would_text, TEXT),
	FIELD(wire_event, would_by, TEXT),
	FIELD(wire_event, message_id, TEXT),
	FIELD(wire_event, size, INT),
	RECORD_FIELD(struct wire_event, receipt, RECORD_OPTIONAL, .sub = &receipt_desc),
};
const struct record_desc wire_event_desc = DESC(wire_event, "event", event_fields);

static const struct record_field sign_fields[] = {
	FIELD(wire_sign, tag, INT),
	FIELD(wire_sign, key, BYTES),
	FIELD(wire_sign, scheme, TEXT),
	FIELD(wire_sign, digest, TEXT),
	FIELD(wire_sign, data, BYTES),
};
static const struct record_desc wire_sign_desc = DESC(wire_sign, "sign", sign_fields);

static const struct record_field signed_fields[] = {
	FIELD(wire_signed, tag, INT),
	FIELD(wire_signed, error, INT),
	FIELD(wire_signed, signature, BYTES),
};
static const struct record_desc wire_signed_desc = DESC(wire_signed, "signed", signed_fields);

static const struct record_field dns_ask_fields[] = {
	FIELD(wire_dns_ask, tag, INT),
	FIELD(wire_dns_ask, name, TEXT),
	FIELD(wire_dns_ask, type, INT),
};
static const struct record_desc wire_dns_ask_desc = DESC(wire_dns_ask, "dns-ask", dns_ask_fields);

static const struct record_field dns_answer_fields[] = {
	FIELD(wire_dns_answer, tag, INT),
	RECORD_FIELD(struct wire_dns_answer, status, RECORD_ENUM, .names = wire_dns_status_names),
	FIELD(wire_dns_answer, nxdomain, BOOL),
	FIELD(wire_dns_answer, canonical, TEXT),
	FIELD(wire_dns_answer, ttl_s, INT),
	FIELD(wire_dns_answer, why, TEXT),
	RECORD_FIELD(struct wire_dns_answer, records, RECORD_LIST, .sub = &wire_dns_record_desc),
};
static const struct record_desc wire_dns_answer_desc =
	DESC(wire_dns_answer, "dns-answer", dns_answer_fields);

static const struct record_field manage_fields[] = {
	FIELD(wire_manage, tag, INT),
	FIELD(wire_manage, verb, TEXT),
	FIELD(wire_manage, actor, TEXT),
	FIELD(wire_manage, arguments, BYTES),
};
static const struct record_desc wire_manage_desc = DESC(wire_manage, "manage", manage_fields);

static const struct record_field managed_fields[] = {
	FIELD(wire_managed, tag, INT),
	FIELD(wire_managed, error, INT),
	FIELD(wire_managed, result, BYTES),
};
static const struct record_desc wire_managed_desc = DESC(wire_managed, "managed", managed_fields);

static const struct record_field probe_fields[] = {
	FIELD(wire_probe, tag, INT),
	FIELD(wire_probe, organisation, TEXT),
	FIELD(wire_probe, connector, TEXT),
	FIELD(wire_probe, sender, TEXT),
	FIELD(wire_probe, recipient, TEXT),
};
static const struct record_desc wire_probe_desc = DESC(wire_probe, "probe", probe_fields);

static const struct record_field probe_step_fields[] = {
	FIELD(wire_probe_step, tag, INT),
	MOMENT(wire_probe_step, at),
	FIELD(wire_probe_step, host, TEXT),
	FIELD(wire_probe_step, address, TEXT),
	FIELD(wire_probe_step, step, TEXT),
	RECORD_FIELD(struct wire_probe_step, result, RECORD_ENUM, .names = wire_probe_result_names),
	FIELD(wire_probe_step, ms, INT),
	FIELD(wire_probe_step, expected, TEXT),
	FIELD(wire_probe_step, presented, TEXT),
	FIELD(wire_probe_step, text, TEXT),
	FIELD(wire_probe_step, remedy, TEXT),
	FIELD(wire_probe_step, token, TEXT),
	FIELD(wire_probe_step, sender, TEXT),
	FIELD(wire_probe_step, recipient, TEXT),
	FIELD(wire_probe_step, is_last, BOOL),
};
const struct record_desc wire_probe_step_desc =
	DESC(wire_probe_step, "probe-step", probe_step_fields);

const struct wire_type_row wire_types[WIRE_TYPE_MAX] = {
	[WIRE_CONFIG_BEGIN] = {"config-begin", &wire_config_mark_desc},
	[WIRE_CONFIG_OBJECT] = {"config-object", &wire_config_object_desc},
	[WIRE_CONFIG_END] = {"config-end", &wire_config_mark_desc},
	[WIRE_ACCEPT_DATA] = {"accept-data", &wire_data_desc},
	[WIRE_ACCEPT_COMMIT] = {"accept-commit", &wire_message_desc},
	[WIRE_ACCEPT_ABORT] = {"accept-abort", &wire_id_desc},
	[WIRE_EVENT] = {"event", &wire_event_desc},
	[WIRE_ACCEPT_CREDIT] = {"accept-credit", &wire_credit_desc},
	[WIRE_ACCEPT_DONE] = {"accept-done", &wire_done_desc},
	[WIRE_INTAKE] = {"intake", &wire_intake_desc},
	[WIRE_JOB] = {"job", &wire_job_desc},
	[WIRE_JOB_CANCEL] = {"job-cancel", &wire_id_desc},
	[WIRE_BODY] = {"body", &wire_body_desc},
	[WIRE_READY] = {"ready", &wire_credit_desc},
	[WIRE_BODY_GET] = {"body-get", &wire_body_get_desc},
	[WIRE_OUTCOME] = {"outcome", &wire_outcome_desc},
	[WIRE_HOST] = {"host", &wire_host_desc},
	[WIRE_SIGN] = {"sign", &wire_sign_desc},
	[WIRE_SIGNED] = {"signed", &wire_signed_desc},
	[WIRE_DNS_ASK] = {"dns-ask", &wire_dns_ask_desc},
	[WIRE_DNS_ANSWER] = {"dns-answer", &wire_dns_answer_desc},
	[WIRE_MANAGE] = {"manage", &wire_manage_desc},
	[WIRE_MANAGED] = {"managed", &wire_managed_desc},
	[WIRE_PROBE] = {"probe", &wire_probe_desc},
	[WIRE_PROBE_STOP] = {"probe-stop", &wire_id_desc},
	[WIRE_PROBE_STEP] = {"probe-step", &wire_probe_step_desc},
	[WIRE_REVOCATION_ASK] = {"revocation-ask", &wire_revocation_ask_desc},
	[WIRE_REVOCATION_ANSWER] = {"revocation-answer", &wire_revocation_answer_desc},
	[WIRE_STAPLE_ASK] = {"staple-ask", &wire_staple_ask_desc},
	[WIRE_STAPLE] = {"staple", &wire_staple_desc},
	[WIRE_ENDPOINT_ASK] = {"endpoint-ask", &wire_endpoint_ask_desc},
	[WIRE_ENDPOINT_ANSWER] = {"endpoint-answer", &wire_endpoint_answer_desc},
	[WIRE_POST] = {"post", &wire_post_desc},
	[WIRE_POSTED] = {"posted", &wire_posted_desc},
	[WIRE_CHAIN] = {"chain", &wire_chain_desc},
	[WIRE_REFUSED] = {"refused", &wire_refused_desc},
	[WIRE_SURVEY] = {"survey", &wire_survey_desc},
	[WIRE_SURVEYED] = {"surveyed", &wire_surveyed_desc},
	[WIRE_LEFT] = {"left", &wire_left_desc},
};
