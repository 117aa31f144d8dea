/* Routes of users, tokens and the audit log. */
#include "process/admin/routes.h"
#include "process/admin/users.h"

static const struct admin_route rows[] = {
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/users",
		.doc = "Who may log in: after, limit.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_users,
		.access = ADMIN_CHANGES,
		.query = "{after?: text..64, limit?: 1..1000 (100 if not given)}",
		.response = "{items: [user], next: text|null}"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/users",
		.doc = "Add one; without a password it cannot log in before it has set one by a "
		       "link.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_add_user,
		.audit = ADMIN_BY_SPOOL,
		.request = "{name: text..64, role: role, organisations?: [text..100], "
			   "disabled?: boolean, password?: text..1024 (at least 10 characters)}",
		.response = "user",
		.status = 201,
		.has_etag = true},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/users/{name}",
		.doc = "One of them.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_user,
		.access = ADMIN_CHANGES,
		.response = "user",
		.has_etag = true},
	{.method = EVHTTP_REQ_PATCH,
		.pattern = "/v1/users/{name}",
		.doc = "Change what is given; password: null and totp: null take them away.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_patch_user,
		.audit = ADMIN_BY_SPOOL,
		.request = "{role?: role, organisations?: [text..100], disabled?: boolean, "
			   "password?: text..1024|null (at least 10 characters), totp?: null}",
		.response = "user",
		.has_etag = true},
	{.method = EVHTTP_REQ_DELETE,
		.pattern = "/v1/users/{name}",
		.doc = "Remove one.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_delete_user,
		.audit = ADMIN_BY_SPOOL,
		.response = "{}",
		.has_etag = true},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/tokens",
		.doc = "Programs that may use this API: after, limit.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_get_tokens,
		.access = ADMIN_CHANGES,
		.query = "{after?: text..64, limit?: 1..1000 (100 if not given)}",
		.response = "{items: [token], next: text|null}"},
	{.method = EVHTTP_REQ_POST,
		.pattern = "/v1/tokens",
		.doc = "Add one. Its text is told in this answer only.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_add_token,
		.audit = ADMIN_BY_SPOOL,
		.request = "{label: text..100, role: role, organisations?: [text..100], "
			   "expires?: moment|null}",
		.response = "{...token, token: text (told once)}",
		.status = 201},
	{.method = EVHTTP_REQ_DELETE,
		.pattern = "/v1/tokens/{id}",
		.doc = "Remove one.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_delete_token,
		.audit = ADMIN_BY_SPOOL,
		.response = "{}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/audit",
		.doc = "What was changed, by whom, newest first: actor, action, object, since, "
		       "until; after, limit.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_audit,
		.access = ADMIN_AUDITS,
		.query = "{actor?: text..512, action?: text..512 (connector.change, or connector), "
			 "object?: text..512, since?: moment, until?: moment, after?: text..32, "
			 "limit?: 1..1000 (100 if not given)}",
		.response = "{items: [audit-entry], next: text|null}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/audit/verify",
		.doc = "Whether all entries are there as they were written.",
		.who = ADMIN_INSTALLATION,
		.handle = admin_verify_audit,
		.access = ADMIN_AUDITS,
		.response = "{ok: boolean, entries: integer (that are as they were written), "
			    "head: text (hash of the last of them), broken_at: integer|null, "
			    "text: text|null}"},
	{.method = EVHTTP_REQ_GET,
		.pattern = "/v1/audit/{id}",
		.doc = "One entry.",
		.who = ADMIN_ORGANISATION,
		.handle = admin_get_audit_entry,
		.access = ADMIN_AUDITS,
		.response = "audit-entry"},
};

static const struct admin_shape shapes[] = {
	{"role", "'reader'|'auditor'|'organisation-admin'|'installation-admin'", NULL},
	{"user",
		"{name: text, role: role, organisations: [text], disabled: boolean, "
		"has_password: boolean, has_totp: boolean, created: moment|null, "
		"changed: moment|null}",
		"Who may log in to the admin center."},
	{"token",
		"{id: text, label: text, role: role, organisations: [text], "
		"created_by: text|null, created: moment|null, expires: moment|null}",
		"A program that may use this API."},
	{"audit-entry",
		"{id: integer, at: moment, actor: text|null, via: text|null, address: text|null, "
		"action: text|null, object: text|null, organisation: text|null, before: any, "
		"after: any, result: text|null, hash: text}",
		"What somebody changed."},
};

const struct admin_route_table admin_routes_account = {.rows = rows,
	.count = ARRAY_LENGTH(rows),
	.shapes = shapes,
	.shape_count = ARRAY_LENGTH(shapes)};
