#include "core/cert/leavers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define DAY INT64_C(86400000)

static unsigned leaves(struct cert_leavers *leavers, const char *partner, const char *version,
	bool is_known, int64_t at_ms)
{
	const struct cert_leave leave = {.partner = partner,
		.certificate = "mx",
		.version = version,
		.is_known = is_known,
		.at_ms = at_ms};

	return cert_leavers_left(leavers, &leave);
}

static void strangers_do_not_count(void **state)
{
	struct cert_leavers *leavers = cert_leavers_new(1);

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(leaves(leavers, "address 192.0.2.1", "2", false, i), 0);
	assert_int_equal(cert_leavers_count(leavers), 0);
	assert_false(cert_leavers_tries(leavers, "address 192.0.2.1"));
	assert_int_equal(cert_leavers_count(leavers), 0);
	/* A connector needs not have sent. */
	assert_int_equal(leaves(leavers, "connector o/c", "2", true, 20), 1);
	assert_int_equal(leaves(leavers, "connector o/c", "2", true, 21), CERT_LEAVES);
	cert_leavers_free(&leavers);
}

static void two_in_a_row_refuse(void **state)
{
	static const char a[] = "address 192.0.2.1", b[] = "address 192.0.2.2";
	struct cert_leavers *leavers = cert_leavers_new(1);

	(void)state;
	assert_true(cert_leavers_sent(leavers, a));
	assert_true(cert_leavers_sent(leavers, b));
	assert_false(cert_leavers_sent(leavers, a));
	assert_int_equal(leaves(leavers, a, "2", false, 1), 1);
	assert_int_equal(leaves(leavers, b, "2", false, 2), 1);
	/* Mail in between. */
	assert_true(cert_leavers_tries(leavers, a));
	assert_false(cert_leavers_tries(leavers, a));
	assert_true(cert_leavers_sent(leavers, b));
	assert_int_equal(leaves(leavers, a, "2", false, 3), 1);
	assert_int_equal(leaves(leavers, b, "2", false, 3), 1);
	/* Another version in between. */
	assert_int_equal(leaves(leavers, a, "1", false, 4), 1);
	assert_int_equal(leaves(leavers, a, "2", false, 5), 1);
	assert_int_equal(leaves(leavers, a, "2", false, 6), 2);
	/* It starts anew, and is still known. */
	assert_int_equal(leaves(leavers, a, "2", false, 7), 1);
	/* Too long ago. */
	assert_int_equal(leaves(leavers, b, "2", false, 3 + DAY), 1);
	assert_int_equal(leaves(leavers, b, "2", false, 2 + 2 * DAY), 2);
	cert_leavers_free(&leavers);
	cert_leavers_free(&leavers);
}

static void memory_is_bounded(void **state)
{
	struct cert_leavers *leavers = cert_leavers_new(1);
	char name[64];

	(void)state;
	cert_leavers_sent(leavers, "address first");
	cert_leavers_sent(leavers, "address second");
	for (int i = 0; i < CERT_LEAVERS_MAX - 2; i++) {
		snprintf(name, sizeof(name), "address %d", i);
		cert_leavers_sent(leavers, name);
	}
	assert_int_equal(cert_leavers_count(leavers), CERT_LEAVERS_MAX);
	assert_false(cert_leavers_sent(leavers, "address first")); /* heard of again */
	cert_leavers_sent(leavers, "address last");
	assert_int_equal(cert_leavers_count(leavers), CERT_LEAVERS_MAX);
	assert_int_equal(leaves(leavers, "address second", "2", false, 1), 0);
	assert_int_equal(leaves(leavers, "address first", "2", false, 1), 1);
	cert_leavers_free(&leavers);
}

/* ---- does it matter ---------------------------------------------------------------------------
 */

static bool refuses(void *context, const char *certificate, const char *version)
{
	assert_string_equal(certificate, "mx");
	return strchr(context, version[0]) != NULL;
}

struct row {
	const char *name;
	bool next, is_trial, deprecated;
	const char *refused, *shown;
	bool want;
};

/* Deprecated is version 1, current 2, next 3. */
static const struct row rows[] = {
	{"only one", false, false, false, "", "2", false},
	{"next only published", true, false, false, "", "2", false},
	{"next in a trial with it", true, true, false, "", "3", true},
	{"overlap", false, false, true, "", "2", true},
	{"overlap, another one was shown", false, false, true, "", "1", false},
	{"overlap, refused already", false, false, true, "2", "2", false},
	{"what it was shown instead", false, false, true, "2", "1", false},
	{"one more is left", true, true, true, "3", "2", true},
	{"none is left", true, true, true, "32", "1", false},
};

static void counts_while_there_is_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct row *r = &rows[i];
		struct cert_version versions[3];
		struct cert_life life = {.name = "mx", .versions = {versions, 0}};
		struct cert_choose_facts facts = {.life = &life,
			.peer = "192.0.2.1",
			.is_refused = refuses,
			.context = (void *)(uintptr_t)r->refused};

		life.plan.is_trial = r->is_trial;
		life.plan.share = 100;
		for (int state_of = CERT_NEXT; state_of <= CERT_DEPRECATED; state_of++) {
			static const char *const ids[] = {"3", "2", "1"};

			if ((state_of == CERT_NEXT && !r->next) ||
				(state_of == CERT_DEPRECATED && !r->deprecated))
				continue;
			versions[life.versions.count++] = (struct cert_version){
				.id = ids[state_of], .state = state_of, .not_after_ms = INT64_MAX};
		}
		if (cert_leave_matters(&facts, r->shown) != r->want)
			fail_msg("%s", r->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_do_not_count),
		cmocka_unit_test(two_in_a_row_refuse),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(counts_while_there_is_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
