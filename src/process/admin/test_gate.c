/* What roles may, and that no change goes unnoted. */
#include "process/admin/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_roles(void **state)
{
	/* rows: reader, auditor, organisation-admin, installation-admin */
	static const struct {
		enum admin_access access;
		bool may[4];
	} rows[] = {
		{ADMIN_READS, {true, true, true, true}},
		{ADMIN_ASKS, {true, true, true, true}},
		{ADMIN_CHANGES, {false, false, true, true}},
		{ADMIN_AUDITS, {false, true, true, true}},
		{ADMIN_OWN, {true, true, true, true}},
		{ADMIN_OPEN, {true, true, true, true}},
		{ADMIN_ACCESS_BY_METHOD, {false, false, false, false}},
	};

	(void)state;
	assert_string_equal(account_role_names[0], "reader");
	assert_string_equal(account_role_names[1], "auditor");
	assert_string_equal(account_role_names[2], "organisation-admin");
	assert_string_equal(account_role_names[3], "installation-admin");
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		for (int role = 0; role < 4; role++) {
			print_message("# %s: %s\n", account_role_names[role],
				admin_access_names[rows[i].access]);
			assert_int_equal(admin_role_may((enum account_role)role, rows[i].access),
				rows[i].may[role]);
		}
}

/* Every route that changes something says who notes it in the audit log, and no other does. */
static void test_every_change_is_noted(void **state)
{
	const struct admin_route *route;
	size_t position = 0, here = 0, spool = 0;

	(void)state;
	while ((route = admin_route_next(&position)) != NULL) {
		bool changes = route->method != EVHTTP_REQ_GET &&
			       admin_route_access(route) == ADMIN_CHANGES;

		print_message("# %d %s\n", (int)route->method, route->pattern);
		if (route->method == EVHTTP_REQ_GET)
			assert_null(route->audit);
		if (changes)
			assert_non_null(route->audit);
		/* One more that only changes something with a certain body. */
		if (!changes && route->handle != admin_test_connector)
			assert_null(route->audit);
		if (route->audit == NULL)
			continue;
		if (strcmp(route->audit, ADMIN_BY_SPOOL) == 0) {
			spool++;
		} else {
			const char *star = strchr(route->audit, '*');

			here++;
			assert_non_null(strchr(route->audit, '.'));
			if (star != NULL)
				assert_non_null(strchr(route->pattern, '{'));
		}
	}
	assert_true(here > 10);
	assert_true(spool > 20);
}

static void test_a_test_that_sends_is_a_change(void **state)
{
	struct arena *arena = arena_new();
	struct admin_call call = {.arena = arena};

	(void)state;
	assert_int_equal(admin_match_route(EVHTTP_REQ_POST, "/v1/connectors/a/b/test", arena,
				 &call.route, call.segments, &call.segment_count),
		ADMIN_FOUND);
	assert_int_equal(admin_call_access(&call), ADMIN_ASKS);
	call.body = json_pack("{s:b}", "send", false);
	assert_int_equal(admin_call_access(&call), ADMIN_ASKS);
	json_object_set_new(call.body, "send", json_true());
	assert_int_equal(admin_call_access(&call), ADMIN_CHANGES);
	json_decref(call.body);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_every_change_is_noted),
		cmocka_unit_test(test_a_test_that_sends_is_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
