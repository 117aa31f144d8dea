/* Who is logged in. */
#include "process/admin/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct admin_session_terms terms = {.idle_ms = 1000, .life_ms = 5000};
static const char *organisations[] = {"a", "b"};
static const struct account_user ann = {
	.name = "ann",
	.role = ACCOUNT_READER,
	.organisations = {organisations, 2},
	.totp = "SECRET",
};
static const struct account_user bob = {.name = "bob", .role = ACCOUNT_INSTALLATION_ADMIN};

static void test_a_session(void **state)
{
	struct admin_sessions *sessions = admin_sessions_new();
	char secret[ADMIN_SESSION_SECRET], other[ADMIN_SESSION_SECRET];
	struct admin_session *s = admin_session_open(sessions, &ann, 100, secret);

	(void)state;
	assert_string_equal(s->user, "ann");
	assert_int_equal(s->role, ACCOUNT_READER);
	assert_int_equal(s->organisations.count, 2);
	assert_string_equal(s->organisations.items[1], "b");
	assert_true(s->has_totp);
	assert_int_equal(strlen(secret), ADMIN_SESSION_SECRET - 1);
	assert_string_not_equal(s->csrf, secret);
	admin_session_open(sessions, &bob, 100, other);
	assert_string_not_equal(secret, other);
	assert_ptr_equal(admin_session_find(sessions, str_of(secret), &terms, 100, true), s);
	assert_null(admin_session_find(sessions, str_of(s->digest), &terms, 100, true));
	assert_null(admin_session_find(sessions, str_of(""), &terms, 100, true));
	assert_null(
		admin_session_find(sessions, str_part(str_of(secret), 0, 51), &terms, 100, true));
	admin_session_close(sessions, s);
	assert_null(admin_session_find(sessions, str_of(secret), &terms, 100, true));
	assert_non_null(admin_session_find(sessions, str_of(other), &terms, 100, true));
	admin_sessions_free(&sessions);
	assert_null(sessions);
}

static void test_it_ends(void **state)
{
	struct admin_sessions *sessions = admin_sessions_new();
	char secret[ADMIN_SESSION_SECRET];
	uint64_t serial = admin_session_open(sessions, &ann, 0, secret)->serial;
	int64_t now = 0;

	(void)state;
	/* What counts as use keeps it for its life, and no longer. */
	for (; now < terms.life_ms; now += 900)
		assert_non_null(admin_session_find(sessions, str_of(secret), &terms, now, true));
	assert_null(admin_session_find(sessions, str_of(secret), &terms, terms.life_ms, true));
	assert_null(admin_session_by_serial(sessions, serial, &terms, terms.life_ms));
	assert_int_equal(admin_sessions_count(sessions), 0);
	/* What does not count does not keep it. */
	serial = admin_session_open(sessions, &ann, 0, secret)->serial;
	for (now = 0; now < terms.idle_ms; now += 100) {
		assert_non_null(admin_session_find(sessions, str_of(secret), &terms, now, false));
		assert_non_null(admin_session_by_serial(sessions, serial, &terms, now));
	}
	assert_null(admin_session_by_serial(sessions, serial, &terms, now));
	assert_null(admin_session_find(sessions, str_of(secret), &terms, 0, false));
	admin_sessions_free(&sessions);
}

static void test_a_user_loses_them(void **state)
{
	struct admin_sessions *sessions = admin_sessions_new();
	char one[ADMIN_SESSION_SECRET], two[ADMIN_SESSION_SECRET], bobs[ADMIN_SESSION_SECRET];
	uint64_t kept;

	(void)state;
	admin_session_open(sessions, &ann, 0, one);
	kept = admin_session_open(sessions, &ann, 0, two)->serial;
	admin_session_open(sessions, &bob, 0, bobs);
	admin_sessions_drop(sessions, "ann", kept);
	assert_null(admin_session_find(sessions, str_of(one), &terms, 0, true));
	assert_non_null(admin_session_find(sessions, str_of(two), &terms, 0, true));
	admin_sessions_drop(sessions, "ann", 0);
	assert_null(admin_session_find(sessions, str_of(two), &terms, 0, true));
	assert_non_null(admin_session_find(sessions, str_of(bobs), &terms, 0, true));
	admin_sessions_free(&sessions);
}

static void test_how_many(void **state)
{
	struct admin_sessions *sessions = admin_sessions_new();
	char first[ADMIN_SESSION_SECRET], used[ADMIN_SESSION_SECRET], next[ADMIN_SESSION_SECRET];
	char name[ACCOUNT_MAX_NAME];
	struct account_user user = {.name = name};

	(void)state;
	admin_session_open(sessions, &ann, 0, used);
	admin_session_open(sessions, &ann, 0, first);
	for (int i = 2; i < ADMIN_SESSIONS_PER_USER; i++)
		admin_session_open(sessions, &ann, 0, next);
	admin_session_find(sessions, str_of(used), &terms, 0, true);
	/* The one that was not used for longest goes. */
	admin_session_open(sessions, &ann, 0, next);
	assert_int_equal(admin_sessions_count(sessions), ADMIN_SESSIONS_PER_USER);
	assert_null(admin_session_find(sessions, str_of(first), &terms, 0, false));
	assert_non_null(admin_session_find(sessions, str_of(used), &terms, 0, false));
	for (int i = 0; i < ADMIN_SESSIONS_MAX + 10; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		admin_session_open(sessions, &user, 0, next);
	}
	assert_int_equal(admin_sessions_count(sessions), ADMIN_SESSIONS_MAX);
	assert_null(admin_session_find(sessions, str_of(used), &terms, 0, false));
	assert_non_null(admin_session_find(sessions, str_of(next), &terms, 0, false));
	admin_sessions_free(&sessions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_session),
		cmocka_unit_test(test_it_ends),
		cmocka_unit_test(test_a_user_loses_them),
		cmocka_unit_test(test_how_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
