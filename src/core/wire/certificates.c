/* The descriptions of what is said about certificates: revocation, endpoints, partners. */
#include "core/wire/describe.h"

const char *const wire_revocation_status_names[] = {"good", "revoked", "unknown", NULL};
const char *const wire_endpoint_kind_names[] = {"crl", "ocsp", "issuer", NULL};

static const struct record_field revocation_ask_fields[] = {
	FIELD(wire_revocation_ask, tag, INT),
	FIELD(wire_revocation_ask, chain, BYTES),
	FIELD(wire_revocation_ask, stapled, BYTES),
	{.name = "wait",
		.kind = RECORD_DURATION,
		.offset = offsetof(struct wire_revocation_ask, wait_ms)},
};
const struct record_desc wire_revocation_ask_desc =
	DESC(wire_revocation_ask, "revocation-ask", revocation_ask_fields);

static const struct record_field revocation_fields[] = {
	RECORD_FIELD(
		struct wire_revocation, status, RECORD_ENUM, .names = wire_revocation_status_names),
	FIELD(wire_revocation, source, TEXT),
	FIELD(wire_revocation, kind, TEXT),
	FIELD(wire_revocation, token, TEXT),
	FIELD(wire_revocation, text, TEXT),
	MOMENT(wire_revocation, at),
	MOMENT(wire_revocation, this_update),
	MOMENT(wire_revocation, next_update),
};
const struct record_desc wire_revocation_desc =
	DESC(wire_revocation, "revocation", revocation_fields);

static const struct record_field revocation_answer_fields[] = {
	FIELD(wire_revocation_answer, tag, INT),
	RECORD_FIELD(struct wire_revocation_answer, certificates, RECORD_LIST,
		.sub = &wire_revocation_desc),
};
const struct record_desc wire_revocation_answer_desc =
	DESC(wire_revocation_answer, "revocation-answer", revocation_answer_fields);

static const struct record_field staple_ask_fields[] = {
	FIELD(wire_staple_ask, tag, INT),
	FIELD(wire_staple_ask, chain, BYTES),
};
const struct record_desc wire_staple_ask_desc =
	DESC(wire_staple_ask, "staple-ask", staple_ask_fields);

static const struct record_field staple_fields[] = {
	FIELD(wire_staple, tag, INT),
	FIELD(wire_staple, response, BYTES),
	FIELD(wire_staple, text, TEXT),
	MOMENT(wire_staple, next),
};
const struct record_desc wire_staple_desc = DESC(wire_staple, "staple", staple_fields);

static const struct record_field endpoint_ask_fields[] = {
	FIELD(wire_endpoint_ask, tag, INT),
	RECORD_FIELD(
		struct wire_endpoint_ask, kind, RECORD_ENUM, .names = wire_endpoint_kind_names),
	FIELD(wire_endpoint_ask, url, TEXT),
	FIELD(wire_endpoint_ask, certificate, BYTES),
	FIELD(wire_endpoint_ask, issuer, BYTES),
};
const struct record_desc wire_endpoint_ask_desc =
	DESC(wire_endpoint_ask, "endpoint-ask", endpoint_ask_fields);

static const struct record_field endpoint_answer_fields[] = {
	FIELD(wire_endpoint_answer, tag, INT),
	FIELD(wire_endpoint_answer, ok, BOOL),
	FIELD(wire_endpoint_answer, token, TEXT),
	FIELD(wire_endpoint_answer, text, TEXT),
	FIELD(wire_endpoint_answer, address, TEXT),
	FIELD(wire_endpoint_answer, hosts, TEXT),
	FIELD(wire_endpoint_answer, http_status, INT),
	FIELD(wire_endpoint_answer, bytes, INT),
	FIELD(wire_endpoint_answer, ms, INT),
	MOMENT(wire_endpoint_answer, this_update),
	MOMENT(wire_endpoint_answer, next_update),
	FIELD(wire_endpoint_answer, entries, INT),
};
const struct record_desc wire_endpoint_answer_desc =
	DESC(wire_endpoint_answer, "endpoint-answer", endpoint_answer_fields);

static const struct record_field header_fields[] = {
	FIELD(wire_header, name, TEXT),
	FIELD(wire_header, value, TEXT),
};
static const struct record_desc wire_header_desc = DESC(wire_header, "header", header_fields);

static const struct record_field post_fields[] = {
	FIELD(wire_post, tag, INT),
	FIELD(wire_post, url, TEXT),
	FIELD(wire_post, content_type, TEXT),
	RECORD_FIELD(struct wire_post, headers, RECORD_LIST, .sub = &wire_header_desc),
	FIELD(wire_post, body, BYTES),
};
const struct record_desc wire_post_desc = DESC(wire_post, "post", post_fields);

static const struct record_field posted_fields[] = {
	FIELD(wire_posted, tag, INT),
	FIELD(wire_posted, ok, BOOL),
	FIELD(wire_posted, http_status, INT),
	FIELD(wire_posted, text, TEXT),
};
const struct record_desc wire_posted_desc = DESC(wire_posted, "posted", posted_fields);

static const struct record_field chain_fields[] = {
	MOMENT(wire_chain, at),
	RECORD_FIELD(struct wire_chain, direction, RECORD_ENUM, .names = receipt_direction_names),
	FIELD(wire_chain, organisation, TEXT),
	FIELD(wire_chain, connector, TEXT),
	FIELD(wire_chain, host, TEXT),
	FIELD(wire_chain, address, TEXT),
	FIELD(wire_chain, asked, TEXT),
	RECORD_FIELD(struct wire_chain, verdict, RECORD_ENUM, .names = cert_verdict_names),
	FIELD(wire_chain, chain, BYTES),
	RECORD_FIELD(struct wire_chain, facts, RECORD_LIST, .sub = &cert_facts_desc),
	FIELD(wire_chain, sha256, TEXT),
	FIELD(wire_chain, root, TEXT),
	FIELD(wire_chain, root_sha256, TEXT),
	MOMENT(wire_chain, root_not_after),
};
const struct record_desc wire_chain_desc = DESC(wire_chain, "chain", chain_fields);

static const struct record_field refused_fields[] = {
	FIELD(wire_refused, partner, TEXT),
	FIELD(wire_refused, organisation, TEXT),
	FIELD(wire_refused, certificate, TEXT),
	FIELD(wire_refused, version, TEXT),
	FIELD(wire_refused, sha256, TEXT),
	RECORD_FIELD(struct wire_refused, direction, RECORD_ENUM, .names = receipt_direction_names),
	MOMENT(wire_refused, at),
	MOMENT(wire_refused, until),
	FIELD(wire_refused, reason, TEXT),
};
const struct record_desc wire_refused_desc = DESC(wire_refused, "refused", refused_fields);

static const struct record_field left_fields[] = {
	FIELD(wire_left, partner, TEXT),
	FIELD(wire_left, certificate, TEXT),
	FIELD(wire_left, version, TEXT),
	FIELD(wire_left, is_known, BOOL),
	MOMENT(wire_left, at),
};
const struct record_desc wire_left_desc = DESC(wire_left, "left", left_fields);

static const struct record_field survey_fields[] = {
	FIELD(wire_survey, tag, INT),
	FIELD(wire_survey, host, TEXT),
	FIELD(wire_survey, port, INT),
	FIELD(wire_survey, is_implicit, BOOL),
};
const struct record_desc wire_survey_desc = DESC(wire_survey, "survey", survey_fields);

static const struct record_field surveyed_fields[] = {
	FIELD(wire_surveyed, tag, INT),
	FIELD(wire_surveyed, is_last, BOOL),
	FIELD(wire_surveyed, host, TEXT),
	FIELD(wire_surveyed, port, INT),
	FIELD(wire_surveyed, ok, BOOL),
	FIELD(wire_surveyed, text, TEXT),
	FIELD(wire_surveyed, address, TEXT),
	FIELD(wire_surveyed, version, TEXT),
	FIELD(wire_surveyed, cipher, TEXT),
	FIELD(wire_surveyed, group, TEXT),
	RECORD_FIELD(struct wire_surveyed, verdict, RECORD_ENUM, .names = cert_verdict_names),
	FIELD(wire_surveyed, verdict_detail, TEXT),
	FIELD(wire_surveyed, has_stapled, BOOL),
	FIELD(wire_surveyed, chain, BYTES),
};
const struct record_desc wire_surveyed_desc = DESC(wire_surveyed, "surveyed", surveyed_fields);
