/* Which handler a request reaches, and what errors become. */
#include "port/tls/test_certs.h"
#include "process/admin/openapi.h"
#include "process/admin/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <cmocka.h>
#include <stdlib.h>

static void test_routes(void **state)
{
	static const struct {
		const char *name;
		enum evhttp_cmd_type method;
		const char *path;
		enum admin_match want;
		const char *pattern;
		const char *first, *second;
	} rows[] = {
		{"plain", EVHTTP_REQ_GET, "/v1/status", ADMIN_FOUND, "/v1/status", NULL, NULL},
		{"fixed before variable", EVHTTP_REQ_GET, "/v1/queue/summary", ADMIN_FOUND,
			"/v1/queue/summary", NULL, NULL},
		{"variable", EVHTTP_REQ_GET, "/v1/queue/0FZ", ADMIN_FOUND, "/v1/queue/{id}", "0FZ",
			NULL},
		{"by method", EVHTTP_REQ_POST, "/v1/queue/hold", ADMIN_FOUND, "/v1/queue/{action}",
			"hold", NULL},
		{"two parts", EVHTTP_REQ_PATCH, "/v1/connectors/a/b", ADMIN_FOUND,
			"/v1/connectors/{organisation}/{name}", "a", "b"},
		{"decoded", EVHTTP_REQ_DELETE, "/v1/hosts/mx.x%3A25", ADMIN_FOUND,
			"/v1/hosts/{host}", "mx.x:25", NULL},
		{"a slash inside", EVHTTP_REQ_GET, "/v1/domains/a%2Fb", ADMIN_FOUND,
			"/v1/domains/{key}", "a/b", NULL},
		{"wrong method", EVHTTP_REQ_DELETE, "/v1/status", ADMIN_NO_METHOD, NULL, NULL,
			NULL},
		{"the root", EVHTTP_REQ_GET, "/", ADMIN_FOUND, "/", NULL, NULL},
		{"the head of it", EVHTTP_REQ_HEAD, "/", ADMIN_FOUND, "/", NULL, NULL},
		{"a file", EVHTTP_REQ_GET, "/assets/main-1.js", ADMIN_FOUND, "/assets/{name}",
			"main-1.js", NULL},
		{"empty", EVHTTP_REQ_GET, "", ADMIN_NO_PATH, NULL, NULL, NULL},
		{"too deep", EVHTTP_REQ_GET, "/v1/status/x", ADMIN_NO_PATH, NULL, NULL, NULL},
		{"too short", EVHTTP_REQ_GET, "/v1/connectors/a", ADMIN_NO_PATH, NULL, NULL, NULL},
		{"empty part", EVHTTP_REQ_GET, "/v1/trace/", ADMIN_NO_PATH, NULL, NULL, NULL},
		{"hidden NUL", EVHTTP_REQ_GET, "/v1/trace/a%00b", ADMIN_NO_PATH, NULL, NULL, NULL},
		{"not UTF-8", EVHTTP_REQ_GET, "/v1/trace/%ff", ADMIN_NO_PATH, NULL, NULL, NULL},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct admin_route *route = NULL;
		const char *segments[ADMIN_MAX_SEGMENTS] = {NULL};
		size_t count = 0;

		print_message("# %s\n", rows[i].name);
		assert_int_equal(admin_match_route(rows[i].method, rows[i].path, arena, &route,
					 segments, &count),
			rows[i].want);
		if (rows[i].pattern == NULL)
			continue;
		assert_string_equal(route->pattern, rows[i].pattern);
		assert_int_equal(count, (rows[i].first != NULL) + (rows[i].second != NULL));
		if (rows[i].first != NULL)
			assert_string_equal(segments[0], rows[i].first);
		if (rows[i].second != NULL)
			assert_string_equal(segments[1], rows[i].second);
	}
	arena_free(&arena);
}

static void test_every_route_has_a_handler(void **state)
{
	const struct admin_route *route, *other;
	size_t position = 0, rest;

	(void)state;
	while ((route = admin_route_next(&position)) != NULL) {
		assert_non_null(route->handle);
		assert_non_null(route->doc);
		assert_int_not_equal(route->who, ADMIN_NOT_SAID);
		assert_int_not_equal(admin_route_access(route), ADMIN_ACCESS_BY_METHOD);
		for (rest = position; (other = admin_route_next(&rest)) != NULL;)
			assert_false(route->method == other->method &&
				     strcmp(route->pattern, other->pattern) == 0);
	}
	assert_true(position > 50);
}

/* The row of the same path with that method; NULL: none. */
static const struct admin_route *of_same_path(
	const struct admin_route *route, enum evhttp_cmd_type method)
{
	const struct admin_route *other;
	size_t position = 0;

	while ((other = admin_route_next(&position)) != NULL)
		if (other->method == method && strcmp(other->pattern, route->pattern) == 0)
			return other;
	return NULL;
}

/* What can be read with an ETag is changed and removed with If-Match; what is changed or removed
 * can be read with an ETag, but for what nobody could have changed meanwhile. */
static void test_changes_honour_if_match(void **state)
{
	static const char *const without[] = {"/v1/session", "/v1/session/totp", "/v1/hosts/{host}",
		"/v1/protection/{domain}", "/v1/acme-challenges/{token}", "/v1/backups/{name}",
		"/v1/certificates/{name}/request"};
	const struct admin_route *route, *shown;
	size_t position = 0, found = 0;

	(void)state;
	while ((route = admin_route_next(&position)) != NULL) {
		bool is_listed = false;

		if (route->method != EVHTTP_REQ_PUT && route->method != EVHTTP_REQ_PATCH &&
			route->method != EVHTTP_REQ_DELETE)
			continue;
		for (size_t i = 0; i < ARRAY_LENGTH(without); i++)
			is_listed = is_listed || strcmp(without[i], route->pattern) == 0;
		shown = of_same_path(route, EVHTTP_REQ_GET);
		if (shown != NULL && shown->has_etag && !route->has_etag)
			fail_msg("%s %s: .has_etag, as its GET", admin_method_name(route->method),
				route->pattern);
		if (is_listed == (shown != NULL && shown->has_etag))
			fail_msg("%s %s: no GET with .has_etag", admin_method_name(route->method),
				route->pattern);
		found += route->has_etag;
	}
	assert_true(found >= 15);
}

/* A listing is one in all that it says, and nothing else is. */
static void test_listings_have_pages(void **state)
{
	const struct admin_route *route;
	size_t position = 0, count = 0;

	(void)state;
	while ((route = admin_route_next(&position)) != NULL) {
		bool answers = route->method == EVHTTP_REQ_GET && route->response != NULL &&
			       strstr(route->response, " items: [") != NULL;

		answers = answers || (route->method == EVHTTP_REQ_GET && route->response != NULL &&
					     strncmp(route->response, "{items: [", 9) == 0);
		if (answers != route->pages)
			fail_msg("%s: .pages, and items in .response", route->pattern);
		if (!route->pages) {
			assert_true(
				route->query == NULL || strstr(route->query, "limit?:") == NULL);
			assert_null(route->page_key);
			continue;
		}
		count++;
		if (route->query == NULL || strstr(route->query, ADMIN_PAGE) == NULL)
			fail_msg("%s: .query without ADMIN_PAGE", route->pattern);
		if (strstr(route->response, "next: text|null") == NULL)
			fail_msg("%s: .response without next", route->pattern);
		assert_true(route->page_key != NULL || !route->page_sorted);
	}
	assert_true(count > 20);
}

/* Every row tells what it takes and answers, and what it tells can be read. */
static void test_every_route_is_described(void **state)
{
	struct err_info info = {.text = ""};
	const struct admin_route *route;
	size_t position = 0;
	json_t *document;

	(void)state;
	while ((route = admin_route_next(&position)) != NULL) {
		bool is_said =
			route->response != NULL || route->types != NULL || route->status == 204;

		if (!is_said)
			fail_msg("%s has neither .response nor .types (see routes.h)",
				route->pattern);
	}
	document = admin_openapi("1", &info);
	if (document == NULL)
		fail_msg("%s", info.text);
	json_decref(document);
}

static void collect_ids(const json_t *document, json_t *ids)
{
	const char *path, *method;
	json_t *item, *operation;

	json_object_foreach (json_object_get(document, "paths"), path, item)
		json_object_foreach (item, method, operation) {
			const char *id =
				json_string_value(json_object_get(operation, "operationId"));

			if (json_object_get(ids, id) != NULL)
				fail_msg("%s %s: %s stands twice", method, path, id);
			json_object_set_new(ids, id, json_true());
		}
}

static void test_document(void **state)
{
	struct err_info info = {.text = ""};
	json_t *document = admin_openapi("1", &info), *ids = json_object(), *one;

	(void)state;
	collect_ids(document, ids);
	assert_non_null(json_object_get(ids, "getConnectorsOrganisationName"));
	assert_non_null(json_object_get(ids, "postQueueHold"));
	json_decref(ids);
	one = json_object_get(json_object_get(document, "components"), "schemas");
	assert_non_null(json_object_get(one, "connector-input"));
	assert_non_null(json_object_get(one, "connector-inbound-input"));
	assert_non_null(json_object_get(one, "problem"));
	json_decref(document);
}

static void test_errors_become_statuses(void **state)
{
	(void)state;
	assert_int_equal(admin_status_of(ERR_UNKNOWN), 404);
	assert_int_equal(admin_status_of(ERR_SYNTAX), 422);
	assert_int_equal(admin_status_of(ERR_EXISTS), 409);
	assert_int_equal(admin_status_of(ERR_GONE), 503);
	assert_int_equal(admin_status_of(ERR_INTERNAL), 500);
	assert_int_equal(admin_status_of(ERR_CORRUPT), 500);
}

static void test_who_may(void **state)
{
	uid_t named[] = {4242};
	struct admin admin = {.administrators = named, .administrator_count = 1};

	(void)state;
	assert_true(admin_is_allowed(&admin, 0));
	assert_true(admin_is_allowed(&admin, geteuid()));
	assert_true(admin_is_allowed(&admin, 4242));
	assert_false(admin_is_allowed(&admin, 4243));
	assert_false(admin_is_allowed(&admin, (uid_t)-1));
}

/* ---- organisations' administrators ------------------------------------------------------------
 */

static const char two[] =
	"organisations:\n- {name: a, administrators: [ann, '77']}\n"
	"- {name: b, administrators: [bob, ann]}\n- {name: c, administrators: [nobody-knows]}\n"
	"domains:\n- {name: a.example, organisation: a, subdomains: true}\n"
	"- {name: b.example, organisation: b}\n";

static void read_two(struct admin *admin)
{
	static struct admin_user users[] = {{"ann", 11}, {"bob", 22}};
	struct arena *arena = arena_new();
	struct model_config config;
	struct err_info info = {.text = ""};
	json_t *json = NULL;

	assert_int_equal(model_parse_yaml(str_of(two), &json, &info), ERR_OK);
	if (record_from_json(&model_config_desc, json, "", arena, &config, &info) != ERR_OK)
		fail_msg("%s", info.text);
	json_decref(json);
	*admin = (struct admin){.users = users, .user_count = 2};
	admin->snapshot = policy_snapshot_new(&config, 1);
	arena_free(&arena);
}

static void test_whose_administrator(void **state)
{
	static const struct {
		uid_t uid;
		size_t count;
		const char *first;
	} rows[] = {{11, 2, "a"}, {22, 1, "b"}, {77, 1, "a"}, {33, 0, NULL}, {(uid_t)-1, 0, NULL}};
	struct admin admin;
	struct arena *arena = arena_new();

	(void)state;
	read_two(&admin);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct record_texts found;

		assert_int_equal(admin_organisations_of(&admin, rows[i].uid, arena, &found),
			rows[i].count > 0);
		assert_int_equal(found.count, rows[i].count);
		if (rows[i].count > 0)
			assert_string_equal(found.items[0], rows[i].first);
		assert_false(admin_is_allowed(&admin, rows[i].uid));
	}
	assert_string_equal(admin_actor(&admin, 22, arena), "bob");
	arena_free(&arena);
	policy_snapshot_free(&admin.snapshot);
}

/* A call as far as admin_may() looks at it; what is refused has ended. */
static struct admin_call *call_of(
	struct admin *admin, enum evhttp_cmd_type method, const char *path, const char *body)
{
	struct admin_call *call = mem_new(sizeof(*call));
	static const char *organisations[] = {"a"};

	call->admin = admin;
	call->arena = arena_new();
	call->is_limited = true;
	call->organisations = (struct record_texts){organisations, 1};
	TAILQ_INIT(&call->query);
	assert_int_equal(admin_match_route(method, path, call->arena, &call->route, call->segments,
				 &call->segment_count),
		ADMIN_FOUND);
	call->body = body != NULL ? json_loads(body, 0, NULL) : NULL;
	return call;
}

static const struct {
	const char *name;
	enum evhttp_cmd_type method;
	const char *path, *body;
	bool may;
} may_rows[] = {
	{"table of routes", EVHTTP_REQ_GET, "/v1", NULL, true},
	{"the server", EVHTTP_REQ_GET, "/v1/status", NULL, false},
	{"all of the configuration", EVHTTP_REQ_GET, "/v1/config", NULL, false},
	{"own connector", EVHTTP_REQ_PATCH, "/v1/connectors/a/x", "{}", true},
	{"another's connector", EVHTTP_REQ_GET, "/v1/connectors/b/x", NULL, false},
	{"a connector of nobody", EVHTTP_REQ_GET, "/v1/connectors/z/x", NULL, false},
	{"add one", EVHTTP_REQ_POST, "/v1/connectors", "{\"organisation\": \"a\"}", true},
	{"add another's", EVHTTP_REQ_POST, "/v1/connectors", "{\"organisation\": \"b\"}", false},
	{"give one away", EVHTTP_REQ_PUT, "/v1/rules/a/x", "{\"organisation\": \"b\"}", false},
	{"own recipient", EVHTTP_REQ_DELETE, "/v1/recipients/u@a.example", NULL, true},
	{"recipient below", EVHTTP_REQ_DELETE, "/v1/recipients/u@x.A.example", NULL, true},
	{"another's recipient", EVHTTP_REQ_DELETE, "/v1/recipients/u@b.example", NULL, false},
	{"nobody's recipient", EVHTTP_REQ_DELETE, "/v1/recipients/u@z.example", NULL, false},
	{"add a recipient", EVHTTP_REQ_POST, "/v1/recipients", "{\"address\": \"u@a.example\"}",
		true},
	{"add another's recipient", EVHTTP_REQ_POST, "/v1/recipients",
		"{\"address\": \"u@b.example\"}", false},
	{"look at an organisation", EVHTTP_REQ_GET, "/v1/organisations/a", NULL, true},
	{"change it", EVHTTP_REQ_PATCH, "/v1/organisations/a", "{}", false},
	{"change a domain", EVHTTP_REQ_PUT, "/v1/domains/a.example", "{}", false},
	{"queue", EVHTTP_REQ_POST, "/v1/queue/retry", "{\"filter\": {\"all\": true}}", true},
	{"certificates", EVHTTP_REQ_GET, "/v1/certificates", NULL, false},
};

static void test_what_an_organisation_may(void **state)
{
	struct admin admin;

	(void)state;
	read_two(&admin);
	for (size_t i = 0; i < ARRAY_LENGTH(may_rows); i++) {
		struct admin_call *call =
			call_of(&admin, may_rows[i].method, may_rows[i].path, may_rows[i].body);
		int64_t refused = admin.refused;
		bool may = admin_may(call);

		print_message("# %s\n", may_rows[i].name);
		assert_int_equal(may, may_rows[i].may);
		assert_int_equal(admin.refused - refused, may ? 0 : 1);
		if (may) /* ends it */
			admin_reply(call, 200, json_object(), NULL);
	}
	policy_snapshot_free(&admin.snapshot);
}

/* What the row of a route does not name is refused before its handler. */
static void test_what_does_not_fit(void **state)
{
	static const struct {
		const char *name;
		enum evhttp_cmd_type method;
		const char *path, *query, *body;
		bool fits;
	} rows[] = {
		{"nothing", EVHTTP_REQ_GET, "/v1/queue", "", NULL, true},
		{"known", EVHTTP_REQ_GET, "/v1/queue", "limit=5&state=held", NULL, true},
		{"unknown", EVHTTP_REQ_GET, "/v1/queue", "colour=red", NULL, false},
		{"twice", EVHTTP_REQ_GET, "/v1/queue", "limit=5&limit=6", NULL, false},
		{"a list", EVHTTP_REQ_GET, "/v1/checks/roots", "require=a&require=b", NULL, true},
		{"no number", EVHTTP_REQ_GET, "/v1/queue", "limit=many", NULL, false},
		{"too much", EVHTTP_REQ_GET, "/v1/queue", "limit=1001", NULL, false},
		{"no word", EVHTTP_REQ_GET, "/v1/queue", "state=odd", NULL, false},
		{"no moment", EVHTTP_REQ_GET, "/v1/trace", "since=soon", NULL, false},
		{"no truth", EVHTTP_REQ_GET, "/v1/alarms", "all=perhaps", NULL, false},
		{"a body", EVHTTP_REQ_POST, "/v1/explain", "",
			"{\"from\": \"a@b\", \"to\": [\"c@d\"], \"ip\": null}", true},
		{"no such member", EVHTTP_REQ_POST, "/v1/explain", "",
			"{\"from\": \"a@b\", \"to\": \"c@d\", \"colour\": 1}", false},
		{"missing", EVHTTP_REQ_POST, "/v1/explain", "", "{\"from\": \"a@b\"}", false},
		{"another type", EVHTTP_REQ_POST, "/v1/explain", "",
			"{\"from\": 1, \"to\": \"c@d\"}", false},
		{"no object", EVHTTP_REQ_POST, "/v1/explain", "", "[]", false},
		{"of records who reads them tells", EVHTTP_REQ_PATCH, "/v1/connectors/a/b", "",
			"{\"colour\": 1, \"one_direction\": null}", true},
		{"takes none", EVHTTP_REQ_POST, "/v1/reload", "", "{\"x\": 1}", false},
		{"takes none, gets none", EVHTTP_REQ_POST, "/v1/reload", "", "{}", true},
	};
	struct admin admin;

	(void)state;
	read_two(&admin);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct admin_call *call =
			call_of(&admin, rows[i].method, rows[i].path, rows[i].body);
		bool fits;

		print_message("# %s\n", rows[i].name);
		if (rows[i].query[0] != '\0')
			assert_int_equal(evhttp_parse_query_str(rows[i].query, &call->query), 0);
		fits = admin_fits(call);
		assert_int_equal(fits, rows[i].fits);
		if (fits) /* ends it */
			admin_reply(call, 200, json_object(), NULL);
	}
	policy_snapshot_free(&admin.snapshot);
}

static void test_trust_anchors(void **state)
{
	static const char bad[] = "-----BEGIN CERTIFICATE-----\nMIIBAAAA\n"
				  "-----END CERTIFICATE-----\n";
	struct test_cert leaf = test_cert_make(
		&(struct test_cert_options){.common_name = "x", .names = "DNS:mx.example"});
	char *one_bad = test_cert_join(leaf.pem, bad);
	struct err_info info = {0};
	json_t *config;

	(void)state;
	config = json_pack("{s:[{}, {s:n}, {s:s}]}", "connectors", "trust", "trust", leaf.pem);
	assert_int_equal(admin_check_trust(config, &info), ERR_OK);
	json_decref(config);
	config = json_pack("{s:[{s:s}, {s:s}]}", "connectors", "trust", leaf.pem, "trust", one_bad);
	assert_int_equal(admin_check_trust(config, &info), ERR_SYNTAX);
	if (!str_starts_nocase(
		    str_of(info.text), str_of("connectors[1].trust: certificate 2 is malformed: ")))
		fail_msg("%s", info.text);
	json_decref(config);
	/* A list that is base64 and nothing else. */
	config = json_pack("{s:[{s:s}]}", "connectors", "crls",
		"-----BEGIN X509 CRL-----\nMIIBAAAA\n-----END X509 CRL-----\n");
	assert_int_equal(admin_check_trust(config, &info), ERR_SYNTAX);
	assert_non_null(strstr(info.text, "connectors[0].crls: revocation list 1"));
	json_decref(config);
	config = json_pack("{s:i}", "connectors", 1); /* somebody else says so */
	assert_int_equal(admin_check_trust(config, &info), ERR_OK);
	json_decref(config);
	free(one_bad);
	test_cert_clear(&leaf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_every_route_has_a_handler),
		cmocka_unit_test(test_every_route_is_described),
		cmocka_unit_test(test_listings_have_pages),
		cmocka_unit_test(test_changes_honour_if_match),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_what_does_not_fit),
		cmocka_unit_test(test_errors_become_statuses),
		cmocka_unit_test(test_who_may),
		cmocka_unit_test(test_trust_anchors),
		cmocka_unit_test(test_whose_administrator),
		cmocka_unit_test(test_what_an_organisation_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
