/* Routes of the server as a whole. */
#include "process/admin/routes.h"

static const struct admin_route rows[] = {
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1",
		.doc = "This table.",
		.who = ADMIN_ANYONE,
		.handle = admin_get_routes},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/status",
		.doc = "The server, its processes, their counters.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_status},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/reload",
		.doc = "Read node file and certificates again.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_reload},
};

const struct admin_route_table admin_routes_operation = {
	.rows = rows, .count = ARRAY_LENGTH(rows)};
