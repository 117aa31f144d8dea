/* Routes of the server as a whole. */
#include "process/admin/routes.h"

static const struct admin_route rows[] = {
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1",
		.doc = "This table.",
		.who = ADMIN_ANYONE,
		.handle = admin_get_routes,
		.pages = true,
		.page_key = "method path",
		.query = "{" ADMIN_PAGE "}",
		.response = "{items: [{method: text, path: text, doc: text, who: text, "
			    "access: text}], next: text|null}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/openapi.json",
		.doc = "This API as an OpenAPI document (3.1).",
		.who = ADMIN_ANYONE,
		.handle = admin_get_openapi,
		.response = "{openapi: text, ...}",
		.access = ADMIN_OPEN},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/status",
		.doc = "The server, its processes, their counters.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_status,
		.response = "status"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/reload",
		.doc = "Read node file and certificates again.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_reload,
		.audit = "server.reload",
		.response = "{ok: boolean}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/backups",
		.doc = "Copies of the databases that are there or being made: one at most.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_backups,
		.pages = true,
		.page_key = "name",
		.query = "{" ADMIN_PAGE "}",
		.response = "{items: [backup], next: text|null}"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/backups",
		.doc = "Begin to copy the databases; one at a time.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_begin_backup,
		.audit = "backup.begin",
		.request = "{trace?: boolean}",
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
		.audit = "backup.remove",
		.response = "{}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/metrics",
		.doc = "What is counted, for Prometheus.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_metrics,
		.types = "text/plain",
		.access = ADMIN_READS},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/healthz",
		.doc = "Does the management answer?",
		.who = ADMIN_ANYONE,
		.handle = admin_get_health,
		.types = "text/plain",
		.access = ADMIN_OPEN},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/readyz",
		.doc = "Do all processes work, and is mail taken?  If not, 503 and why.",
		.who = ADMIN_ANYONE,
		.handle = admin_get_ready,
		.types = "text/plain",
		.access = ADMIN_OPEN},
};

static const struct admin_shape shapes[] = {
	{"problem",
		"{title: text, status: integer, detail: text, "
		"code: text (stable), errors: [{field: text (path in the "
		"body), detail: text}]}",
		"What was wrong (RFC 9457)."},
	{"resources", "{cpu_us: integer, fds: integer, ...}", "What a process uses."},
	{"process",
		"{role: text, index: integer, pid: integer|null, state: text, uptime_ms: integer, "
		"restarts: integer, memory?: integer|null (bytes), resources?: resources|null, "
		"stats: {...}|null (counters of that role)}",
		NULL},
	{"spool-status", "{messages: integer, recipients: integer, ...}",
		"The queue, and the spool's counters."},
	{"status",
		"{version: text, hostname?: text, state: text, pid: "
		"integer, uptime_ms: integer, memory?: integer|null (bytes), resources?: "
		"resources|null, node_file: text|null, data: "
		"text, run: text, listeners: [{name: text, address: text}], "
		"reload: {at: moment, ok: boolean, error?: text}|null, "
		"processes: [process], generation?: integer, spool?: "
		"spool-status}",
		NULL},
	{"backup",
		"{name: text, state: 'runs'|'done'|'failed', directory: text, began: moment, "
		"ended: "
		"moment|null, queue: backup-part, trace: backup-part, generation: integer}",
		"Copies of the databases."},
	{"backup-part",
		"{state: 'waits'|'runs'|'done'|'failed'|'not-asked', bytes: integer, left: "
		"integer, reason: "
		"text|null}",
		"The copy of one of them."},
};

const struct admin_route_table admin_routes_operation = {
	.rows = rows,
	.count = ARRAY_LENGTH(rows),
	.shapes = shapes,
	.shape_count = ARRAY_LENGTH(shapes),
};
