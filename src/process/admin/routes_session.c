/* Routes of who asks, and of the admin center's files. */
#include "process/admin/routes.h"

static const struct admin_route rows[] = {
	{.method = EVHTTP_REQ_GET,
		.pattern = "/",
		.doc = "The admin center.",
		.who = ADMIN_ANYONE,
		.handle = admin_get_asset,
		.types = "text/html text/plain",
		.access = ADMIN_OPEN},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/assets/{name}",
		.doc = "A file of the admin center.",
		.who = ADMIN_ANYONE,
		.handle = admin_get_asset,
		.types = "*/*",
		.access = ADMIN_OPEN},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/session",
		.doc = "Who asks, and what she may.",
		.who = ADMIN_ANYONE,
		.handle = admin_get_session,
		.response =
			"{user: text, role: text, organisations: [text], via: text, "
			"csrf: text|null, has_totp: boolean, hostname: text|null, version: text}",
		.access = ADMIN_OWN},
};

const struct admin_route_table admin_routes_session = {.rows = rows, .count = ARRAY_LENGTH(rows)};
