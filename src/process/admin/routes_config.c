/* Routes of the configuration, and of what it would do. */
#include "process/admin/routes.h"

#define OBJECT_ROUTES(plural, pattern_key, kind, reads, writes)                                    \
	{.method = EVHTTP_REQ_GET,                                                                 \
		.pattern = "/v1/" plural,                                                          \
		.doc = "List them: organisation, domain (recipients); after, limit.",              \
		.who = reads,                                                                      \
		.handle = admin_list_objects,                                                      \
		.argument = kind},                                                                 \
		{.method = EVHTTP_REQ_POST,                                                        \
			.pattern = "/v1/" plural,                                                  \
			.doc = "Add one.",                                                         \
			.who = writes,                                                             \
			.handle = admin_add_object,                                                \
			.argument = kind},                                                         \
		{.method = EVHTTP_REQ_GET,                                                         \
			.pattern = "/v1/" plural pattern_key,                                      \
			.doc = "One of them.",                                                     \
			.who = reads,                                                              \
			.handle = admin_get_object,                                                \
			.argument = kind},                                                         \
		{.method = EVHTTP_REQ_PUT,                                                         \
			.pattern = "/v1/" plural pattern_key,                                      \
			.doc = "Replace one, or add it.",                                          \
			.who = writes,                                                             \
			.handle = admin_put_object,                                                \
			.argument = kind},                                                         \
		{.method = EVHTTP_REQ_PATCH,                                                       \
			.pattern = "/v1/" plural pattern_key,                                      \
			.doc = "Change the properties given; null resets one.",                    \
			.who = writes,                                                             \
			.handle = admin_patch_object,                                              \
			.argument = kind},                                                         \
	{                                                                                          \
		.method = EVHTTP_REQ_DELETE, .pattern = "/v1/" plural pattern_key,                 \
		.doc = "Remove one.", .who = writes, .handle = admin_delete_object,                \
		.argument = kind                                                                   \
	}

static const struct admin_route rows[] = {
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/config",
		.doc = "The configuration; its generation is the ETag.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_config},
	{.method = EVHTTP_REQ_PUT,
		.pattern = "/v1/config",
		.doc = "Replace the configuration. If-Match: only that generation; dry_run=1: only "
		       "check.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_put_config},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/changes",
		.doc = "{changes: [{kind, op: add, put, patch or remove, key, object}]}: change "
		       "many "
		       "objects, all or none; If-Match; dry_run=1: only check, with what lint "
		       "says.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_change_objects},
	OBJECT_ROUTES("organisations", "/{key}", MODEL_ORGANISATION, ADMIN_ORGANISATION,
		ADMIN_INSTALLATION),
	OBJECT_ROUTES("domains", "/{key}", MODEL_DOMAIN, ADMIN_ORGANISATION, ADMIN_INSTALLATION),
	OBJECT_ROUTES("connectors", "/{organisation}/{name}", MODEL_CONNECTOR, ADMIN_ORGANISATION,
		ADMIN_ORGANISATION),
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/connectors/{organisation}/{name}/test",
		.doc = "{to?, from?, send?}, or {direction: inbound, from?, to?, ip?, cert_pem?, "
		       "tls?}: "
		       "try it "
		       "out, one JSON object a line as each step ends.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_test_connector,
		.access = ADMIN_ASKS},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/connectors/{organisation}/{name}/test",
		.doc = "What came of its tests, the newest first; limit.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_tests},
	OBJECT_ROUTES(
		"recipients", "/{key}", MODEL_RECIPIENT, ADMIN_ORGANISATION, ADMIN_ORGANISATION),
	OBJECT_ROUTES("rules", "/{organisation}/{name}", MODEL_RULE, ADMIN_ORGANISATION,
		ADMIN_ORGANISATION),
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/explain",
		.doc = "{from, to, ip?, cert_pem?, tls?}: what would happen, and why.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_explain,
		.access = ADMIN_ASKS},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/lint",
		.doc = "What is doubtful in the configuration.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_lint},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/partner-kit",
		.doc = "What a partner needs to force TLS: organisation, connector, address, "
		       "format "
		       "(json, "
		       "text, html).",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_partner_kit},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/partner-kit/import",
		.doc = "{kit, organisation?, name?}: the connector that a partner's kit would "
		       "become, as a change for /v1/changes, with the reason of each choice.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_import_partner_kit,
		.access = ADMIN_ASKS},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/connectors/{organisation}/{name}/readiness",
		.doc = "What it took and would have refused: days.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_readiness},
};

const struct admin_route_table admin_routes_config = {.rows = rows, .count = ARRAY_LENGTH(rows)};
