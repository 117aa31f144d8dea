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
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/backups",
		.doc = "Begin to copy the databases; one at a time.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_begin_backup,
		.request = "{trace?: bool}",
		.response = "backup"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/backups/{name}",
		.doc = "How far it is, and where the copies lie.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_backup,
		.response = "backup"},
	{.method = EVHTTP_REQ_DELETE,
		.pattern = "/v1/backups/{name}",
		.doc = "Remove the copies, or give up copying.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_remove_backup,
		.response = "{}"},
};

static const struct admin_shape shapes[] = {
	{"backup",
		"{name: text, state: runs|done|failed, directory: text, began: moment, ended: "
		"moment|null, queue: backup-part, trace: backup-part, generation: int}",
		"Copies of the databases."},
	{"backup-part",
		"{state: waits|runs|done|failed|not-asked, bytes: int, left: int, reason: "
		"text|null}",
		"The copy of one of them."},
};

const struct admin_route_table admin_routes_operation = {.rows = rows,
	.count = ARRAY_LENGTH(rows),
	.shapes = shapes,
	.shape_count = ARRAY_LENGTH(shapes)};
