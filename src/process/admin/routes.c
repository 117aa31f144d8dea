/* The routes of all tables: the whole management API. */
#include "process/admin/routes.h"

#include <string.h>

const char *const admin_who_names[] = {"", "installation", "organisation", "anyone", NULL};
const char *const admin_access_names[] = {
	"", "reads", "asks", "changes", "audits", "own", "open", NULL};
const char *const admin_via_names[] = {"socket", "token", "session", NULL};

static const struct admin_route_table *const tables[] = {
	&admin_routes_operation,
	&admin_routes_session,
	&admin_routes_config,
	&admin_routes_mail,
	&admin_routes_report,
	&admin_routes_certificates,
	&admin_routes_account,
};

const struct admin_route *admin_route_next(size_t *position)
{
	size_t skip = *position;

	for (size_t t = 0; t < ARRAY_LENGTH(tables); skip -= tables[t++]->count)
		if (skip < tables[t]->count) {
			++*position;
			return &tables[t]->rows[skip];
		}
	return NULL;
}

enum admin_access admin_route_access(const struct admin_route *route)
{
	if (route->access != ADMIN_ACCESS_BY_METHOD)
		return route->access;
	return route->method == EVHTTP_REQ_GET ? ADMIN_READS : ADMIN_CHANGES;
}

/* A segment, decoded. NULL when malformed, empty, or hiding a NUL. */
static const char *decode(struct str segment, struct arena *arena)
{
	char *text = arena_text_of(arena, segment);
	size_t n = 0;
	char *plain;
	const char *ret = NULL;

	plain = evhttp_uridecode(text, 0, &n);
	if (plain != NULL && n > 0 && strlen(plain) == n && str_is_utf8(str_make(plain, n)))
		ret = arena_text(arena, plain);
	free(plain);
	return ret;
}

static bool match(const char *pattern, const char *path, struct arena *arena,
	const char *ret_segments[ADMIN_MAX_SEGMENTS], size_t *ret_count)
{
	struct str want = str_of(pattern), have = str_of(path);
	size_t count = 0, bytes = 0;

	*ret_count = 0;
	if (strcmp(pattern, "/") == 0 || strcmp(path, "/") == 0)
		return strcmp(pattern, path) == 0;
	if (have.n > 0 && have.p[have.n - 1] == '/')
		return false;
	while (want.n > 0 && have.n > 0) {
		struct str w = str_cut(&want, '/');
		struct str h = str_cut(&have, '/');

		if (w.n > 0 && w.p[0] == '{') {
			if (h.n == 0 || count == ADMIN_MAX_SEGMENTS)
				return false;
			ret_segments[count] = decode(h, arena);
			if (ret_segments[count] == NULL)
				return false;
			bytes += strlen(ret_segments[count++]);
		} else if (!str_equal(w, h)) {
			return false;
		}
	}
	*ret_count = count;
	return want.n == 0 && have.n == 0 && bytes <= ADMIN_MAX_NAMES;
}

enum admin_match admin_match_route(enum evhttp_cmd_type method, const char *path,
	struct arena *arena, const struct admin_route **ret_route,
	const char *ret_segments[ADMIN_MAX_SEGMENTS], size_t *ret_count)
{
	enum admin_match result = ADMIN_NO_PATH;
	const struct admin_route *route;
	size_t position = 0;

	if (method == EVHTTP_REQ_HEAD) /* as GET, without the content (answer.c) */
		method = EVHTTP_REQ_GET;
	while ((route = admin_route_next(&position)) != NULL) {
		if (!match(route->pattern, path, arena, ret_segments, ret_count))
			continue;
		if (route->method == method) {
			*ret_route = route;
			return ADMIN_FOUND;
		}
		result = ADMIN_NO_METHOD;
	}
	return result;
}

const struct admin_shape *admin_shape_find(const char *name)
{
	for (size_t t = 0; t < ARRAY_LENGTH(tables); t++)
		for (size_t i = 0; i < tables[t]->shape_count; i++)
			if (strcmp(tables[t]->shapes[i].name, name) == 0)
				return &tables[t]->shapes[i];
	return NULL;
}

const char *admin_method_name(enum evhttp_cmd_type method)
{
	switch (method) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_PATCH:
		return "PATCH";
	default:
		return "DELETE";
	}
}

void admin_get_routes(struct admin_call *call)
{
	json_t *items = json_array();
	const struct admin_route *route;
	size_t position = 0;

	while ((route = admin_route_next(&position)) != NULL)
		json_array_append_new(
			items, json_pack("{s:s,s:s,s:s,s:s,s:s}", "method",
				       admin_method_name(route->method), "path", route->pattern,
				       "doc", route->doc, "who", admin_who_names[route->who],
				       "access", admin_access_names[admin_route_access(route)]));
	admin_reply(call, 200, json_pack("{s:o}", "items", items), NULL);
}
