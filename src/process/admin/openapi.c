/* The document of the management API, made of the tables of routes, shapes and records. */
#include "process/admin/openapi.h"

#include "core/shape/shape.h"
#include "process/admin/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A document in the making. */
struct making {
	struct admin_schemas schemas;
	struct arena *arena;
	json_t *paths;
	struct err_info *info;
};

/* ---- words about paths ----------------------------------------------------------------------- */

static const struct {
	const char *name, *doc;
	const char *const *values; /* NULL: any */
} segment_rows[] = {
	{"key", "Key of the object: its name, or the address of a recipient.", NULL},
	{"organisation", "Name of the organisation.", NULL},
	{"name", "Name, within its organisation where there is one.", NULL},
	{"id", "As lists and answers tell it.", NULL},
	{"action", "What to do.", admin_queue_actions},
	{"domain", "A domain.", NULL},
	{"host", "Host and port, as the list tells them.", NULL},
	{"token", "Token of the challenge.", NULL},
};

static size_t segment_of(struct str name)
{
	size_t i = 0;

	while (i < ARRAY_LENGTH(segment_rows) && !str_is(name, segment_rows[i].name))
		i++;
	return i;
}

/* "getConnectorsOrganisationName" */
static const char *id_of(struct making *m, const char *method, const char *path)
{
	const char *id = method;
	struct str rest = str_of(path);

	while (rest.n > 0) {
		struct str part = str_cut(&rest, '/');
		char *word = arena_text_of(m->arena, part);
		size_t to = 0;
		bool is_upper = true;

		if (part.n == 0 || str_is(part, "v1"))
			continue;
		for (size_t i = 0; i < part.n; i++) {
			char c = part.p[i];
			bool is_letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

			if (is_letter)
				word[to++] = (char)(is_upper && c >= 'a' ? c - ('a' - 'A') : c);
			is_upper = !is_letter;
		}
		word[to] = '\0';
		id = arena_format(m->arena, "%s%s", id, word);
	}
	if (id == method)
		id = arena_format(m->arena, "%s%s", method, strlen(path) > 1 ? "Routes" : "Page");
	return id;
}

/* The first word of the path: what it is about. */
static const char *tag_of(struct making *m, const char *path)
{
	struct str rest = str_of(path), part = {0};

	while (rest.n > 0 && (part.n == 0 || str_is(part, "v1")))
		part = str_cut(&rest, '/');
	return part.n == 0 || str_is(part, "v1") ? "api" : arena_text_of(m->arena, part);
}

/* ---- parameters ------------------------------------------------------------------------------ */

static json_t *parameter(const char *in, const char *name, bool is_required, json_t *schema)
{
	json_t *doc = json_object_get(schema, "description");
	json_t *json = json_pack("{s:s,s:s,s:b,s:O}", "name", name, "in", in, "required",
		is_required, "schema", schema);

	if (doc != NULL) {
		json_object_set(json, "description", doc);
		json_object_del(schema, "description");
	}
	json_decref(schema);
	return json;
}

static void add_segments(struct making *m, const char *path, json_t *to)
{
	struct str rest = str_of(path);

	while (rest.n > 0) {
		struct str part = str_cut(&rest, '/');
		struct str name = str_part(part, 1, part.n - (part.n > 0));
		size_t row = segment_of(name);
		json_t *schema = json_pack("{s:s,s:i}", "type", "string", "minLength", 1);

		if (part.n == 0 || part.p[0] != '{') {
			json_decref(schema);
			continue;
		}
		if (row < ARRAY_LENGTH(segment_rows))
			json_object_set_new(
				schema, "description", json_string(segment_rows[row].doc));
		json_array_append_new(
			to, parameter("path", arena_text_of(m->arena, name), true, schema));
	}
}

static bool is_among(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (strcmp(json_string_value(item), text) == 0)
			return true;
	return false;
}

static bool add_query(struct making *m, const char *shape, json_t *to)
{
	json_t *schema = admin_schemas_make(&m->schemas, shape), *member;
	const char *name;

	if (schema == NULL)
		return false;
	json_object_foreach (json_object_get(schema, "properties"), name, member)
		json_array_append_new(
			to, parameter("query", name,
				    is_among(json_object_get(schema, "required"), name),
				    json_incref(member)));
	json_decref(schema);
	return true;
}

static void add_if_match(json_t *to)
{
	json_array_append_new(to, json_pack("{s:s}", "$ref", "#/components/parameters/if-match"));
}

/* ---- requests and answers -------------------------------------------------------------------- */

static bool add_request(struct making *m, const char *shape, json_t *operation)
{
	json_t *schema = admin_schemas_make(&m->schemas, shape);

	if (schema == NULL)
		return false;
	json_object_set_new(operation, "requestBody",
		json_pack("{s:{s:{s:o}}}", "content", "application/json", "schema", schema));
	return true;
}

static bool is_json(struct str type)
{
	return str_is(type, "application/json") || str_is(type, "application/x-ndjson") ||
	       str_is(type, "text/event-stream");
}

/* Of JSON, and of streams of it, the shape is known. */
static json_t *content_of(struct making *m, const struct admin_route *route)
{
	struct str rest = str_of(route->types != NULL ? route->types : "application/json");
	json_t *content = json_object();

	while (rest.n > 0) {
		struct str type = str_cut(&rest, ' ');
		json_t *schema = is_json(type) && route->response != NULL
					 ? admin_schemas_make(&m->schemas, route->response)
					 : json_pack("{s:s}", "type", "string");

		if (schema == NULL) {
			json_decref(content);
			return NULL;
		}
		json_object_set_new(content, arena_text_of(m->arena, type),
			json_pack("{s:o}", "schema", schema));
	}
	return content;
}

static bool is_stream(const struct admin_route *route)
{
	return route->types != NULL && strstr(route->types, "application/x-ndjson") != NULL;
}

/* The event of a stream has the name of the shape of its data. */
static bool add_events(struct making *m, const struct admin_route *route, json_t *operation)
{
	json_t *schema;

	if (route->types == NULL || strcmp(route->types, "text/event-stream") != 0)
		return true;
	schema = admin_schemas_make(&m->schemas, route->response);
	if (schema != NULL)
		json_object_set_new(operation, "x-sealpost-events",
			json_pack("{s:o}", route->response, schema));
	return schema != NULL;
}

static bool add_success(struct making *m, const struct admin_route *route, json_t *responses)
{
	int status = route->status != 0 ? route->status : 200;
	json_t *answer = json_pack("{s:s}", "description",
		is_stream(route) ? "One JSON object a line, as the work goes on." : "Done.");
	json_t *content;

	if (route->has_etag && route->method != EVHTTP_REQ_DELETE)
		json_object_set_new(answer, "headers",
			json_pack("{s:{s:s}}", "ETag", "$ref", "#/components/headers/etag"));
	json_object_set_new(responses, arena_format(m->arena, "%d", status), answer);
	if (status == 204)
		return true;
	content = content_of(m, route);
	if (content != NULL)
		json_object_set_new(answer, "content", content);
	return content != NULL;
}

static void add_problems(const struct admin_route *route, json_t *responses)
{
	bool is_open = admin_route_access(route) == ADMIN_OPEN;
	bool has_path = strchr(route->pattern, '{') != NULL;
	bool changes = route->has_etag && route->method != EVHTTP_REQ_GET;
	const struct {
		const char *status;
		bool applies;
	} rows[] = {{"400", true}, {"401", !is_open}, {"403", !is_open}, {"404", has_path},
		{"409", route->method != EVHTTP_REQ_GET}, {"412", changes},
		{"413", route->request != NULL}, {"415", route->request != NULL}, {"422", true},
		{"429", true}, {"500", true}, {"503", true}};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (rows[i].applies)
			json_object_set_new(responses, rows[i].status,
				json_pack("{s:s}", "$ref", "#/components/responses/problem"));
}

/* ---- who may --------------------------------------------------------------------------------- */

/* As the gate has it. */
static json_t *roles_of(const struct admin_route *route)
{
	enum admin_access access = admin_route_access(route);
	json_t *roles = json_array();

	for (int role = 0; account_role_names[role] != NULL && access != ADMIN_OPEN; role++)
		if (admin_role_may((enum account_role)role, access) &&
			(role != ACCOUNT_ORGANISATION_ADMIN || route->who != ADMIN_INSTALLATION))
			json_array_append_new(roles, json_string(account_role_names[role]));
	return roles;
}

static json_t *security_of(const struct admin_route *route)
{
	if (admin_route_access(route) == ADMIN_OPEN)
		return json_array();
	if (route->method == EVHTTP_REQ_GET)
		return json_pack("[{s:[]},{s:[]}]", "token", "session");
	return json_pack("[{s:[]},{s:[],s:[]}]", "token", "session", "csrf");
}

/* ---- operations ------------------------------------------------------------------------------ */

/* The document names it in small letters. */
static const char *method_of(struct making *m, const struct admin_route *route)
{
	char *name = arena_text(m->arena, admin_method_name(route->method));

	str_lower_in_place(name, strlen(name));
	return name;
}

static bool add_operation(struct making *m, const struct admin_route *route, const char *path)
{
	const char *method = method_of(m, route);
	json_t *parameters = json_array(), *responses = json_object();
	json_t *item = json_object_get(m->paths, path);
	json_t *operation = json_pack("{s:s,s:[s],s:s,s:o,s:o,s:s,s:s,s:o,s:o}", "operationId",
		id_of(m, method, path), "tags", tag_of(m, path), "summary", route->doc,
		"parameters", parameters, "responses", responses, "x-sealpost-who",
		admin_who_names[route->who], "x-sealpost-access",
		admin_access_names[admin_route_access(route)], "x-sealpost-roles", roles_of(route),
		"security", security_of(route));

	if (item == NULL) {
		item = json_object();
		json_object_set_new(m->paths, path, item);
	}
	json_object_set_new(item, method, operation);
	add_segments(m, path, parameters);
	if (route->has_etag && route->method != EVHTTP_REQ_GET)
		add_if_match(parameters);
	add_problems(route, responses);
	if ((route->query == NULL || add_query(m, route->query, parameters)) &&
		(route->request == NULL || add_request(m, route->request, operation)) &&
		add_events(m, route, operation) && add_success(m, route, responses))
		return true;
	err_set(m->info, ERR_SYNTAX, "%s %s: %s", method, route->pattern, m->schemas.info.text);
	return false;
}

/* A segment that takes a few words only is told as that many paths. */
static bool add_route(struct making *m, const struct admin_route *route)
{
	const char *start = strstr(route->pattern, "{action}");
	const char *const *values = admin_queue_actions;

	if (start == NULL)
		return add_operation(m, route, route->pattern);
	for (; *values != NULL; values++)
		if (!add_operation(m, route,
			    arena_format(m->arena, "%.*s%s%s", (int)(start - route->pattern),
				    route->pattern, *values, start + strlen("{action}"))))
			return false;
	return true;
}

/* ---- components ------------------------------------------------------------------------------ */

static json_t *security_schemes(void)
{
	return json_pack("{s:{s:s,s:s,s:s},s:{s:s,s:s,s:s,s:s},s:{s:s,s:s,s:s,s:s}}", "token",
		"type", "http", "scheme", "bearer", "description",
		"A token of the API: sp_ID_SECRET, as POST /v1/tokens tells it once.", "session",
		"type", "apiKey", "in", "cookie", "name", "__Host-sealpost", "description",
		"A session that POST /v1/session began.", "csrf", "type", "apiKey", "in", "header",
		"name", "X-Sealpost-CSRF", "description",
		"With a session, for all but GET: the word \"csrf\" that GET /v1/session tells.");
}

static json_t *components_of(struct making *m)
{
	json_t *problem = json_pack("{s:s,s:{s:{s:{s:s}}}}", "description",
		"It was refused, or failed (RFC 9457).", "content", "application/problem+json",
		"schema", "$ref", "#/components/schemas/problem");
	json_t *if_match = json_pack("{s:s,s:s,s:b,s:s,s:{s:s}}", "name", "If-Match", "in",
		"header", "required", 0, "description",
		"The ETag of what is to be changed: 412 if it has changed meanwhile.", "schema",
		"type", "string");
	json_t *etag = json_pack("{s:s,s:{s:s}}", "description",
		"Of this state, for If-Match and If-None-Match.", "schema", "type", "string");

	return json_pack("{s:O,s:{s:o},s:{s:o},s:{s:o},s:o}", "schemas", m->schemas.made,
		"responses", "problem", problem, "parameters", "if-match", if_match, "headers",
		"etag", etag, "securitySchemes", security_schemes());
}

static bool add_routes(struct making *m)
{
	const struct admin_route *route;
	size_t position = 0;

	while ((route = admin_route_next(&position)) != NULL)
		if (!add_route(m, route))
			return false;
	return admin_schemas_find(&m->schemas, "problem") != NULL;
}

/* What a record refers to is made only when somebody looks for it. */
static bool add_referred(struct making *m, const json_t *schema)
{
	const char *reference = json_string_value(json_object_get(schema, "$ref"));
	const char *key;
	json_t *item;
	size_t i;

	if (reference != NULL) {
		const char *name = strrchr(reference, '/') + 1;
		bool is_new = json_object_get(m->schemas.made, name) == NULL;
		const json_t *found = admin_schemas_find(&m->schemas, name);

		return found != NULL && (!is_new || add_referred(m, found));
	}
	json_object_foreach ((json_t *)schema, key, item)
		if (!add_referred(m, item))
			return false;
	json_array_foreach (schema, i, item)
		if (!add_referred(m, item))
			return false;
	return true;
}

static bool add_all_referred(struct making *m)
{
	json_t *before = json_deep_copy(m->schemas.made);
	bool is_fine = add_referred(m, before);

	json_decref(before);
	return is_fine;
}

json_t *admin_openapi(const char *version, struct err_info *info)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct making m = {.schemas = {.made = json_object()},
		.arena = arena,
		.paths = json_object(),
		.info = info};
	json_t *document = NULL;

	if (add_routes(&m) && add_all_referred(&m))
		document = json_pack("{s:s,s:{s:s,s:s,s:s,s:{s:s,s:s}},s:[{s:s}],s:O,s:o}",
			"openapi", "3.1.0", "info", "title", "Sealpost", "version", version,
			"description", "The management API of a Sealpost mail transport.",
			"license", "name", "ISC", "identifier", "ISC", "servers", "url", "/",
			"paths", m.paths, "components", components_of(&m));
	json_decref(m.paths);
	json_decref(m.schemas.made);
	return document;
}

/* ---- GET /v1/openapi.json -------------------------------------------------------------------- */

void admin_get_openapi(struct admin_call *call)
{
	struct err_info info = {.text = ""};

	if (call->admin->openapi == NULL)
		call->admin->openapi = admin_openapi(SEALPOST_VERSION, &info);
	if (call->admin->openapi != NULL)
		admin_reply(call, 200, json_incref(call->admin->openapi), NULL);
	else
		admin_problem(call, 500, "%s", info.text);
}
