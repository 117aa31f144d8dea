#include "process/admin/gate.h"

#include "port/secret/secret.h"
#include "process/admin/headers.h"
#include "process/admin/openapi.h"

#include <event2/buffer.h>
#include <string.h>

/* ---- what roles may -------------------------------------------------------------------------- */

bool admin_role_may(enum account_role role, enum admin_access access)
{
	bool is_admin = role == ACCOUNT_INSTALLATION_ADMIN || role == ACCOUNT_ORGANISATION_ADMIN;

	switch (access) {
	case ADMIN_READS:
	case ADMIN_ASKS:
	case ADMIN_OWN:
	case ADMIN_OPEN:
		return true;
	case ADMIN_AUDITS: /* organisations' administrators see their own entries */
		return is_admin || role == ACCOUNT_AUDITOR;
	case ADMIN_CHANGES:
		return is_admin;
	default:
		return false;
	}
}

enum admin_access admin_call_access(const struct admin_call *call)
{
	if (call->route->handle == admin_test_connector &&
		json_is_true(json_object_get(call->body, "send")))
		return ADMIN_CHANGES; /* mail is sent in earnest */
	return admin_route_access(call->route);
}

/* False: answered. */
static bool role_passes(struct admin_call *call)
{
	enum admin_access access = admin_call_access(call);

	if (access == ADMIN_OPEN || (call->is_known && admin_role_may(call->role, access)))
		return true;
	if (!call->is_known) {
		admin_header(call, "WWW-Authenticate", "Bearer");
		admin_problem(call, 401,
			"nobody is logged in: log in, or send a token as \"Authorization: Bearer "
			"...\"");
		return false;
	}
	admin_problem(call, 403,
		access == ADMIN_AUDITS ? "the role %s does not read the audit log"
				       : "the role %s reads, and changes nothing",
		account_role_names[call->role]);
	return false;
}

/* ---- is it our own page that asks ------------------------------------------------------------ */

static const char *header(const struct admin_call *call, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(call->request), name);
}

/* Pages of others can make a browser send requests, but cannot read our token, and say where they
 * are from.  False: answered. */
static bool is_from_own_page(struct admin_call *call)
{
	const char *origin = header(call, "Origin");
	const char *csrf = header(call, "X-Sealpost-CSRF");

	if (origin != NULL && !admin_headers_same_origin(origin, header(call, "Host"))) {
		admin_problem_at(call, 403, "origin", NULL,
			"this request comes from a page of another site");
		return false;
	}
	if (call->is_known && call->via == ADMIN_VIA_SESSION &&
		(csrf == NULL || !secret_equal(str_of(csrf), str_of(call->csrf)))) {
		admin_problem_at(call, 403, "csrf", NULL,
			"X-Sealpost-CSRF: expected what GET /v1/session says as \"csrf\"");
		return false;
	}
	return true;
}

/* Forms of other sites cannot send JSON.  Who the kernel knows is no browser, and may leave it out.
 * False: answered. */
static bool is_json(struct admin_call *call)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(call->request);
	const char *type = header(call, "Content-Type");
	bool may_be_silent = call->is_known && call->via == ADMIN_VIA_SOCKET;

	if (evbuffer_get_length(input) == 0 || (type == NULL && may_be_silent) ||
		admin_headers_is_json(type))
		return true;
	admin_problem(call, 415, "Content-Type: expected application/json");
	return false;
}

bool admin_pass(struct admin_call *call)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(call->request);
	bool reads = method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD;

	return role_passes(call) && (reads || is_from_own_page(call)) && is_json(call);
}

/* ---- private keys ---------------------------------------------------------------------------- */

/* The place of the first text below JSON that has one in it; NULL: none. */
static const char *key_within(struct admin_call *call, const json_t *json, const char *place)
{
	const char *text = json_string_value(json), *found = NULL, *name;
	json_t *item;
	size_t i;

	if (text != NULL)
		return strstr(text, "PRIVATE KEY-----") != NULL ? place : NULL;
	json_object_foreach ((json_t *)json, name, item) {
		found = key_within(call, item,
			arena_format(
				call->arena, "%s%s%s", place, place[0] != '\0' ? "." : "", name));
		if (found != NULL)
			return found;
	}
	json_array_foreach (json, i, item) {
		found = key_within(call, item, arena_format(call->arena, "%s[%zu]", place, i));
		if (found != NULL)
			return found;
	}
	return NULL;
}

/* None has any business here, and none may get into the audit log or to another process. */
static bool is_without_keys(struct admin_call *call)
{
	const char *place = key_within(call, call->body, "");

	if (place == NULL)
		return true;
	admin_problem_at(call, 422, "private-key", place,
		"%s: there is a private key in it, which does not pass here: give the certificates "
		"alone, and think of that key as one that others have seen",
		place);
	return false;
}

/* ---- the audit log --------------------------------------------------------------------------- */

/* Whose: what the path names, else what she manages if that is one. */
static const char *organisation_of(const struct admin_call *call)
{
	if (call->route != NULL && strstr(call->route->pattern, "{organisation}") != NULL)
		return call->segments[0];
	return call->is_limited && call->organisations.count == 1 ? call->organisations.items[0]
								  : NULL;
}

static json_t *entry_of(const struct admin_call *call, const char *result)
{
	return json_pack("{s:s,s:s?,s:s?,s:O?,s:s}", "action", call->audit_action, "object",
		call->audit_object, "organisation", organisation_of(call), "after",
		call->audit_after, "result", result);
}

static void noted(struct admin_call *call, enum err e, const json_t *result)
{
	const char *detail = json_string_value(json_object_get(result, "detail"));

	if (e != ERR_OK) {
		admin_problem_at(call, 503, "audit", NULL,
			"this could not be noted in the audit log, so nothing was done: %s",
			detail != NULL ? detail : err_text(e));
		return;
	}
	call->is_audited = true;
	if (call->request != NULL) {
		call->go(call);
		return;
	}
	admin_audit_failed(call, "the client has gone before it began");
	admin_end(call);
}

void admin_audit(struct admin_call *call, const char *action, const char *object, json_t *after,
	void (*go)(struct admin_call *call))
{
	call->audit_action = action;
	call->audit_object = object;
	json_decref(call->audit_after);
	call->audit_after = after;
	call->go = go;
	admin_ask_spool(call, "audit.add", entry_of(call, "ok"), noted);
}

void admin_audit_failed(struct admin_call *call, const char *why)
{
	if (!call->is_audited)
		return;
	call->is_audited = false;
	json_decref(call->audit_after);
	call->audit_after = json_pack("{s:s}", "problem", why);
	admin_tell_spool(call, "audit.add", entry_of(call, "failed"));
}

/* "queue.*" with the first segment in place of the star; the others are the object. */
static void audit_by_route(struct admin_call *call)
{
	/* A row without a word, which a test finds, is noted by its pattern. */
	const char *action = call->route->audit != NULL ? call->route->audit : call->route->pattern;
	const char *star = strchr(action, '*'), *object = NULL;
	size_t first = 0;

	if (star != NULL && call->segment_count > 0) {
		action = arena_format(call->arena, "%.*s%s%s", (int)(star - action), action,
			call->segments[0], star + 1);
		first = 1;
	}
	for (size_t i = first; i < call->segment_count; i++)
		object = object == NULL
				 ? call->segments[i]
				 : arena_format(call->arena, "%s/%s", object, call->segments[i]);
	/* Of such a row nobody has said that its body holds no secret. */
	admin_audit(call, action, object,
		call->route->audit != NULL ? json_incref(call->body) : NULL, call->route->handle);
}

static bool is_noted_here(const struct admin_call *call)
{
	const char *word = call->route->audit;

	return call->route->method != EVHTTP_REQ_GET && admin_call_access(call) == ADMIN_CHANGES &&
	       (word == NULL || strcmp(word, ADMIN_BY_SPOOL) != 0);
}

/* Who says If-Match relies on it: what has no version is not the same as anything (RFC
 * 9110 13.1.1). False: answered. */
static bool has_version(struct admin_call *call)
{
	enum admin_access access = admin_call_access(call);
	const char *if_match = header(call, "If-Match");

	if (call->route->has_etag || call->route->method == EVHTTP_REQ_GET || if_match == NULL ||
		strcmp(if_match, "*") == 0 || (access != ADMIN_CHANGES && access != ADMIN_OWN))
		return true;
	admin_problem_at(call, 412, "changed", NULL,
		"If-Match: this has no ETag that it could be the same as; nothing was done");
	return false;
}

void admin_go_through(struct admin_call *call)
{
	/* Once more: what the body says can make a change of it. */
	if (!role_passes(call) || !admin_may(call) || !is_without_keys(call) || !admin_fits(call) ||
		!has_version(call))
		return;
	if (is_noted_here(call))
		audit_by_route(call);
	else
		call->route->handle(call);
}
