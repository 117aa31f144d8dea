/*
 * Inside process/admin: the tables of routes, one a subject (routes_*.c).
 *
 * A row tells what the route takes and answers, in the notation of core/shape/shape.h.  From that
 * comes the document of the API (GET /v1/openapi.json), and what does not fit is refused before a
 * handler sees it: query parameters that the row does not name, values of another type, members of
 * the body that it does not know.  A unit test fails for a row without a description, and the
 * system's tests hold every answer to it.
 *
 *     {.method = EVHTTP_REQ_GET,
 *         .pattern = "/v1/tokens",
 *         .doc = "Tokens.",
 *         .who = ADMIN_INSTALLATION,
 *         .handle = admin_get_tokens,
 *         .pages = true,
 *         .query = "{" ADMIN_PAGE "}",
 *         .response = "{items: [token], next: text|null}"},
 *     {.method = EVHTTP_REQ_POST, ...
 *         .request = "{label: text..100, role: role, organisations?: [text], expires?: moment}",
 *         .response = "{id: text, token: text (told once)}",
 *         .status = 201},
 *
 * What several rows say, or what is long, stands once in the table of shapes beside them ("token",
 * "role").  Records need none: "connector" is what is answered, "connector-input" what may be sent,
 * "connector-patch" the same with nothing required; the records are listed in openapi_records.c.
 * An answer that is no JSON has .types alone ("text/html"); one in several forms has all of them
 * ("application/json text/csv"), and .response is what JSON looks like.
 */
#ifndef SEALPOST_PROCESS_ADMIN_ROUTES_H
#define SEALPOST_PROCESS_ADMIN_ROUTES_H

#include "process/admin/call.h"

/* In the query of every listing (page.h). */
#define ADMIN_PAGE                                                                                 \
	"cursor?: text..2500 (\"next\" of the page before), limit?: 1..1000 (100 if not given)"

/* What is named in descriptions of routes. */
struct admin_shape {
	const char *name;  /* "queue-message" */
	const char *shape; /* "{id: text, ...}" */
	const char *doc;
};

struct admin_route_table {
	const struct admin_route *rows;
	size_t count;
	const struct admin_shape *shapes;
	size_t shape_count;
};

extern const struct admin_route_table admin_routes_operation;
extern const struct admin_route_table admin_routes_session;
extern const struct admin_route_table admin_routes_config;
extern const struct admin_route_table admin_routes_mail;
extern const struct admin_route_table admin_routes_report;
extern const struct admin_route_table admin_routes_certificates;
extern const struct admin_route_table admin_routes_account;

/* What stands under that name in the tables; NULL: nothing. */
const struct admin_shape *admin_shape_find(const char *name);
/* "GET" */
const char *admin_method_name(enum evhttp_cmd_type method);

#endif
