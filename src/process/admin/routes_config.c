/* Routes of the configuration, and of what it would do. */
#include "process/admin/routes.h"

#define DRY_RUN "{dry_run?: boolean (only say what would change)}"
#define OBJECT_ROUTES(plural, pattern_key, kind, reads, writes, filters, shown, sent, patched)     \
	{.method = EVHTTP_REQ_GET,                                                                 \
		.pattern = "/v1/" plural,                                                          \
		.doc = "List them.",                                                               \
		.who = reads,                                                                      \
		.handle = admin_list_objects,                                                      \
		.argument = kind,                                                                  \
		.pages = true,                                                                     \
		.query = "{" filters ADMIN_PAGE "}",                                               \
		.response = "{items: [" shown "], next: text|null}",                               \
		.has_etag = true},                                                                 \
		{.method = EVHTTP_REQ_POST,                                                        \
			.pattern = "/v1/" plural,                                                  \
			.doc = "Add one.",                                                         \
			.who = writes,                                                             \
			.handle = admin_add_object,                                                \
			.audit = ADMIN_BY_SPOOL,                                                   \
			.argument = kind,                                                          \
			.query = DRY_RUN,                                                          \
			.request = sent,                                                           \
			.response = "change-result",                                               \
			.has_etag = true},                                                         \
		{.method = EVHTTP_REQ_GET,                                                         \
			.pattern = "/v1/" plural pattern_key,                                      \
			.doc = "One of them.",                                                     \
			.who = reads,                                                              \
			.handle = admin_get_object,                                                \
			.argument = kind,                                                          \
			.response = shown,                                                         \
			.has_etag = true},                                                         \
		{.method = EVHTTP_REQ_PUT,                                                         \
			.pattern = "/v1/" plural pattern_key,                                      \
			.doc = "Replace one, or add it.",                                          \
			.who = writes,                                                             \
			.handle = admin_put_object,                                                \
			.audit = ADMIN_BY_SPOOL,                                                   \
			.argument = kind,                                                          \
			.query = DRY_RUN,                                                          \
			.request = sent,                                                           \
			.response = "change-result",                                               \
			.has_etag = true},                                                         \
		{.method = EVHTTP_REQ_PATCH,                                                       \
			.pattern = "/v1/" plural pattern_key,                                      \
			.doc = "Change the properties given; null resets one.",                    \
			.who = writes,                                                             \
			.handle = admin_patch_object,                                              \
			.audit = ADMIN_BY_SPOOL,                                                   \
			.argument = kind,                                                          \
			.query = DRY_RUN,                                                          \
			.request = patched,                                                        \
			.response = "change-result",                                               \
			.has_etag = true},                                                         \
	{                                                                                          \
		.method = EVHTTP_REQ_DELETE, .pattern = "/v1/" plural pattern_key,                 \
		.doc = "Remove one.", .who = writes, .handle = admin_delete_object,                \
		.audit = ADMIN_BY_SPOOL, .argument = kind, .query = DRY_RUN,                       \
		.response = "change-result", .has_etag = true                                      \
	}

static const struct admin_route rows[] = {
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/config",
		.doc = "The configuration; its generation is the ETag.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_config,
		.response = "configuration",
		.has_etag = true},
	{.method = EVHTTP_REQ_PUT,
		.pattern = "/v1/config",
		.doc = "Replace the configuration. If-Match: only that generation; dry_run=1: only "
		       "check.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_put_config,
		.audit = ADMIN_BY_SPOOL,
		.query = "{dry_run?: boolean (only say what would change)}",
		.request = "configuration-input",
		.response = "change-result",
		.has_etag = true},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/changes",
		.doc = "{changes: [{kind, op: add, put, patch or remove, key, object}]}: change "
		       "many "
		       "objects, all or none; If-Match; dry_run=1: only check, with what lint "
		       "says.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_change_objects,
		.audit = ADMIN_BY_SPOOL,
		.query = "{dry_run?: boolean (only say what would change)}",
		.request = "{changes: [change-wish]}",
		.response = "change-result",
		.has_etag = true},
	OBJECT_ROUTES("organisations", "/{key}", MODEL_ORGANISATION, ADMIN_ORGANISATION,
		ADMIN_INSTALLATION, "organisation?: text..200, ", "organisation",
		"organisation-input", "organisation-patch"),
	OBJECT_ROUTES("domains", "/{key}", MODEL_DOMAIN, ADMIN_ORGANISATION, ADMIN_INSTALLATION,
		"organisation?: text..200, ", "domain", "domain-input", "domain-patch"),
	OBJECT_ROUTES("connectors", "/{organisation}/{name}", MODEL_CONNECTOR, ADMIN_ORGANISATION,
		ADMIN_ORGANISATION, "organisation?: text..200, ", "connector-shown",
		"connector-sent", "connector-changed"),
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/connectors/{organisation}/{name}/test",
		.doc = "{to?, from?, send?}, or {direction: inbound, from?, to?, ip?, cert_pem?, "
		       "tls?}: "
		       "try it "
		       "out, one JSON object a line as each step ends.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_test_connector,
		.audit = "connector.test",
		.request = "{direction?: 'outbound'|'inbound', to?: text..512, from?: "
			   "text..512, send?: boolean (outbound: send a message), ip?: "
			   "text..64, cert_pem?: text, cert?: text, tls?: boolean}",
		.response = "probe-step",
		.types = "application/x-ndjson",
		.access = ADMIN_ASKS},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/connectors/{organisation}/{name}/test",
		.doc = "What came of its tests, the newest first.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_tests,
		.pages = true,
		.query = "{" ADMIN_PAGE "}",
		.response = "{items: [probe], next: text|null}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/connector-tests",
		.doc = "The last test of each connector, by organisation and name.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_last_tests,
		.pages = true,
		.query = "{" ADMIN_PAGE "}",
		.response = "{items: [last-probe], next: text|null}"},
	OBJECT_ROUTES("recipients", "/{key}", MODEL_RECIPIENT, ADMIN_ORGANISATION,
		ADMIN_ORGANISATION, "organisation?: text..200, domain?: text..255, ", "recipient",
		"recipient-input", "recipient-patch"),
	OBJECT_ROUTES("rules", "/{organisation}/{name}", MODEL_RULE, ADMIN_ORGANISATION,
		ADMIN_ORGANISATION, "organisation?: text..200, ", "rule", "rule-input",
		"rule-patch"),
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/explain",
		.doc = "{from, to, ip?, cert_pem?, tls?}: what would happen, and why.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_explain,
		.request = "{from: text..512, to: text..512|[text..512], ip?: "
			   "text..64, cert_pem?: text, cert?: text, tls?: boolean "
			   "(true if not given)}",
		.response = "{generation: integer, from: text, results: [explanation]}",
		.access = ADMIN_ASKS},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/lint",
		.doc = "What is doubtful in the configuration.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_lint,
		.pages = true,
		.page_key = "severity subject token text",
		.query = "{" ADMIN_PAGE "}",
		.response = "{generation: integer, items: [finding], next: text|null}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/partner-kit",
		.doc = "What a partner needs to force TLS: organisation, connector, address, "
		       "format "
		       "(json, "
		       "text, html).",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_partner_kit,
		.query = "{organisation?: text..200, connector?: text..200 "
			 "(organisation/name), address?: text..2000 (addresses that "
			 "mail comes from, with commas between), format?: "
			 "'json'|'text'|'html'}",
		.response = "partner-kit-sparse",
		.types = "application/json text/plain text/html"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/partner-kit/import",
		.doc = "{kit, organisation?, name?}: the connector that a partner's kit would "
		       "become, as a change for /v1/changes, with the reason of each choice.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_import_partner_kit,
		.request = "{kit: {...}, organisation?: text..200, name?: text..200}",
		.response = "partner-proposal",
		.access = ADMIN_ASKS},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/connectors/{organisation}/{name}/readiness",
		.doc = "What it took and would have refused: days.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_readiness,
		.query = "{days?: 1..3660 (30 if not given)}",
		.response = "readiness"},
};

static const struct admin_shape shapes[] = {
	{"connector-shown",
		"{...connector, one_direction: 'inbound'|'outbound'|null "
		"(where TLS is forced one way only)}",
		NULL},
	{"connector-sent",
		"{...connector-input, one_direction?: "
		"'inbound'|'outbound'|null (of answers; nothing comes of "
		"it)}",
		NULL},
	{"connector-changed",
		"{...connector-patch, one_direction?: "
		"'inbound'|'outbound'|null (of answers; nothing comes of "
		"it)}",
		NULL},
	{"change-wish",
		"{kind: "
		"'organisation'|'domain'|'connector'|'recipient'|'rule', "
		"op: 'add'|'put'|'patch'|'remove', key: text..600, object?: "
		"{...}}",
		NULL},
	{"change",
		"{type: 'added'|'changed'|'removed', kind: text, key: text, "
		"fields: [{path: text, before: text|null, after: "
		"text|null}]}",
		NULL},
	{"tried-finding", "{...finding, is_new: boolean (not in what is in force)}", NULL},
	{"change-result",
		"{generation: integer, changes: [change], omitted: integer (that are not told), "
		"findings?: [tried-finding] (of a dry run: what is doubtful in what changes)}",
		NULL},
	{"partner-proposal",
		"{organisation: text, name: text, change: change-wish, roots: [{subject: "
		"text, sha256: text, is_public: boolean}], choices: [{property: text, why: "
		"text}], notes: [text]}",
		"What a partner's kit would become."},
	{"probe-step",
		"{step: text, result: result, at?: moment, host?: text, "
		"address?: text, ms?: integer, expected?: text, presented?: "
		"text, text?: text, remedy?: text, token?: text, sender?: "
		"text, recipient?: text}",
		NULL},
	{"probe",
		"{id: integer, at: moment|null, organisation: text|null, "
		"connector: text|null, direction: 'outbound'|'inbound', "
		"actor: text|null, ok: boolean, text?: text, steps?: "
		"[probe-step]}",
		"What came of a test."},
	{"last-probe",
		"{id: integer, at: moment, organisation: text, connector: text, direction: "
		"'outbound'|'inbound', actor: text|null, ok: boolean}",
		"The last test of a connector, without its steps."},
	{"explained-inbound",
		"{...inbound-decision, reply: integer, enhanced: text|null, "
		"who: text, remedy: text}",
		NULL},
	{"explained-outbound",
		"{...outbound-decision, reply: integer, enhanced: "
		"text|null, who: text, remedy: text}",
		NULL},
	{"explanation",
		"{to: text, inbound: explained-inbound, outbound?: "
		"explained-outbound, assumed_organisation?: text, note?: "
		"text}",
		NULL},
	{"readiness-reason",
		"{token: text|null, kind: 'ok'|'would-refuse'|'refused', "
		"host: text|null, name: text|null, count: integer, first: "
		"moment|null, last: moment|null, sample: text|null, "
		"meaning: text|null, remedy: text|null}",
		NULL},
	{"readiness-half",
		"{mode: 'enforce'|'report'|null, ok: integer, would_refuse: "
		"integer, refused: integer, counted_since: moment|null, "
		"reasons: [readiness-reason], verdict: text|null}",
		NULL},
	{"readiness",
		"{organisation: text, connector: text, enabled: boolean, "
		"days: integer, inbound: readiness-half, outbound: "
		"readiness-half}",
		NULL},
};

const struct admin_route_table admin_routes_config = {
	.rows = rows,
	.count = ARRAY_LENGTH(rows),
	.shapes = shapes,
	.shape_count = ARRAY_LENGTH(shapes),
};
