/* Which handler a request reaches, and what errors become. */
#include "port/tls/test_certs.h"
#include "process/admin/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
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
		{"nothing", EVHTTP_REQ_GET, "/", ADMIN_NO_PATH, NULL, NULL, NULL},
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
	(void)state;
	for (size_t i = 0; i < admin_route_count; i++) {
		assert_non_null(admin_routes[i].handle);
		assert_non_null(admin_routes[i].doc);
		for (size_t j = i + 1; j < admin_route_count; j++)
			assert_false(admin_routes[i].method == admin_routes[j].method &&
				     strcmp(admin_routes[i].pattern, admin_routes[j].pattern) == 0);
	}
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
		cmocka_unit_test(test_errors_become_statuses),
		cmocka_unit_test(test_who_may),
		cmocka_unit_test(test_trust_anchors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
