#include "core/cert/step.h"

#include "base/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { DAY = MOMENT_DAY_MS };
static const int64_t year = (int64_t)365 * DAY;

struct world {
	struct arena *arena;
	struct cert_life life;
	int64_t now;
	struct err_info info;
};

static int setup(void **state)
{
	struct world *w = mem_new(sizeof(*w));

	w->arena = arena_new();
	w->now = 1000 * (int64_t)DAY;
	record_init(&cert_life_desc, &w->life, w->arena);
	w->life.name = "mx";
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	arena_free(&w->arena);
	free(w);
	return 0;
}

static enum err add_valid(struct world *w, int64_t from, int64_t to, bool replaces)
{
	const struct cert_arrival arrival = {
		.not_before_ms = from, .not_after_ms = to, .replaces_next = replaces};

	return cert_step_add(&w->life, &arrival, w->now, w->arena, &w->life, &w->info);
}

static void add(struct world *w)
{
	assert_int_equal(add_valid(w, w->now - DAY, w->now + year, false), ERR_OK);
}

static enum err take(struct world *w, enum cert_action action, int64_t at, int64_t share)
{
	const struct cert_step step = {.action = action, .at_ms = at, .share = share};

	return cert_step_take(&w->life, &step, w->now, w->arena, &w->life, &w->info);
}

static const char *id_in(const struct world *w, enum cert_state state)
{
	const struct cert_version *version = cert_life_in(&w->life, state);

	return version != NULL ? version->id : "-";
}

static void expect(
	const struct world *w, const char *next, const char *current, const char *deprecated)
{
	struct err_info info = {.text = ""};

	assert_string_equal(id_in(w, CERT_NEXT), next);
	assert_string_equal(id_in(w, CERT_CURRENT), current);
	assert_string_equal(id_in(w, CERT_DEPRECATED), deprecated);
	if (cert_step_check(&w->life, &info) != ERR_OK)
		fail_msg("%s", info.text);
}

static void test_whole_rollover(void **state)
{
	struct world *w = *state;

	add(w);
	expect(w, "-", "1", "-");
	assert_int_equal(w->life.versions.items[0].current_ms, w->now);
	w->now += 300 * (int64_t)DAY;
	add(w);
	expect(w, "2", "1", "-");
	assert_int_equal(take(w, CERT_START, 0, 10), ERR_OK);
	assert_true(w->life.plan.is_trial);
	assert_int_equal(w->life.plan.share, 10);
	assert_int_equal(take(w, CERT_ADVANCE, 0, 0), ERR_OK);
	expect(w, "-", "2", "1");
	assert_false(w->life.plan.is_trial);
	assert_int_equal(take(w, CERT_RETIRE, w->now + 7 * DAY, 0), ERR_OK);
	expect(w, "-", "2", "1");
	w->now += 7 * DAY;
	assert_int_equal(take(w, CERT_RETIRE, 0, 0), ERR_OK);
	expect(w, "-", "2", "-");
	assert_int_equal(w->life.versions.items[0].retired_ms, w->now);
	assert_int_equal(w->life.plan.retire_ms, 0);
}

static void test_back(void **state)
{
	struct world *w = *state;

	add(w);
	assert_int_equal(take(w, CERT_BACK, 0, 0), ERR_CONFLICT);
	add(w);
	assert_int_equal(take(w, CERT_ADVANCE, 0, 0), ERR_OK);
	assert_int_equal(take(w, CERT_BACK, 0, 0), ERR_OK);
	expect(w, "2", "1", "-");
	assert_int_equal(take(w, CERT_ADVANCE, 0, 0), ERR_OK);
	add(w);
	assert_int_equal(take(w, CERT_BACK, 0, 0), ERR_CONFLICT); /* 3 is next already */
	assert_int_equal(take(w, CERT_DROP, 0, 0), ERR_OK);
	expect(w, "-", "2", "1");
	assert_int_equal(take(w, CERT_BACK, 0, 0), ERR_OK);
	expect(w, "2", "1", "-");
	add_valid(w, w->now - DAY, w->now + year, true);
	expect(w, "4", "1", "-"); /* ids are never used twice */
}

/* What must not be, with the reason that is told. */
static void test_refusals(void **state)
{
	struct world *w = *state;
	const char *bad = "no-organisation";
	struct cert_step step = {.action = CERT_START, .connectors = {&bad, 1}};

	assert_int_equal(take(w, CERT_ADVANCE, 0, 0), ERR_CONFLICT);
	add(w);
	assert_int_equal(take(w, CERT_ADVANCE, 0, 0), ERR_CONFLICT);
	assert_int_equal(take(w, CERT_START, 0, 5), ERR_CONFLICT);
	assert_int_equal(take(w, CERT_RETIRE, 0, 0), ERR_CONFLICT);
	assert_int_equal(add_valid(w, w->now + DAY, w->now + year, false), ERR_OK);
	assert_int_equal(add_valid(w, w->now + DAY, w->now + year, false), ERR_EXISTS);
	assert_int_equal(take(w, CERT_START, 0, 0), ERR_RANGE);
	assert_int_equal(take(w, CERT_START, 0, 5), ERR_RANGE); /* not valid yet */
	assert_int_equal(take(w, CERT_ADVANCE, 0, 0), ERR_RANGE);
	expect(w, "2", "1", "-");
	step.at_ms = w->now + 2 * DAY;
	assert_int_equal(
		cert_step_take(&w->life, &step, w->now, w->arena, &w->life, &w->info), ERR_SYNTAX);
	assert_int_equal(take(w, CERT_START, w->now + 10 * DAY, 5), ERR_OK);
	assert_int_equal(take(w, CERT_ADVANCE, w->now + 9 * DAY, 0), ERR_RANGE);
	assert_int_equal(take(w, CERT_ADVANCE, w->now + year, 0), ERR_RANGE); /* a gap */
	assert_int_equal(take(w, CERT_RETIRE, w->now + 20 * DAY, 0), ERR_OK);
	assert_int_equal(take(w, CERT_ADVANCE, w->now + 20 * DAY, 0), ERR_RANGE);
	assert_int_equal(take(w, CERT_ADVANCE, w->now + 15 * DAY, 0), ERR_OK);
	assert_int_equal(take(w, CERT_RETIRE, w->now + 14 * DAY, 0), ERR_RANGE);
	assert_int_equal(take(w, CERT_CANCEL, 0, 0), ERR_OK);
	assert_int_equal(w->life.plan.advance_ms + w->life.plan.retire_ms + w->life.plan.share, 0);
}

static bool due(struct world *w, enum cert_action *ret)
{
	struct cert_step step;

	if (!cert_step_due(&w->life, w->now, &step, &w->info))
		return false;
	*ret = (enum cert_action)step.action;
	assert_int_equal(cert_step_take(&w->life, &step, w->now, w->arena, &w->life, NULL), ERR_OK);
	return true;
}

static void test_by_date(void **state)
{
	struct world *w = *state;
	enum cert_action action;

	add(w);
	add(w);
	assert_int_equal(take(w, CERT_START, w->now + 2 * DAY, 5), ERR_OK);
	assert_int_equal(take(w, CERT_ADVANCE, w->now + 4 * DAY, 0), ERR_OK);
	assert_int_equal(take(w, CERT_RETIRE, w->now + 6 * DAY, 0), ERR_OK);
	assert_false(w->life.plan.is_trial);
	assert_false(due(w, &action));
	assert_int_equal(cert_step_next_due(&w->life, w->now), w->now + 2 * DAY);
	w->now += 2 * DAY;
	assert_true(due(w, &action));
	assert_int_equal(action, CERT_START);
	assert_true(w->life.plan.is_trial);
	assert_int_equal(w->life.plan.share, 5);
	assert_false(due(w, &action));
	/* The machine was off for a week. */
	w->now += 7 * DAY;
	assert_true(due(w, &action));
	assert_int_equal(action, CERT_ADVANCE);
	expect(w, "-", "2", "1");
	assert_int_equal(cert_life_in(&w->life, CERT_DEPRECATED)->deprecated_ms, w->now);
}

/* A current version that has ended gives way; one that cannot be taken yet is said, and waited
 * for. */
static void test_without_a_date(void **state)
{
	struct world *w = *state;
	enum cert_action action;

	assert_int_equal(add_valid(w, w->now - DAY, w->now + 10 * DAY, false), ERR_OK);
	assert_int_equal(add_valid(w, w->now + 12 * DAY, w->now + year, false), ERR_OK);
	w->now += 10 * DAY;
	assert_false(due(w, &action));
	assert_true(cert_step_next_due(&w->life, w->now) <= w->now + 2 * DAY);
	w->now += 2 * DAY;
	assert_true(due(w, &action));
	assert_int_equal(action, CERT_ADVANCE);
	assert_true(due(w, &action)); /* 1 is expired: no use to anybody */
	assert_int_equal(action, CERT_RETIRE);
	assert_false(due(w, &action));
	expect(w, "-", "2", "-");
	assert_int_equal(add_valid(w, w->now + 12 * DAY, w->now + year, false), ERR_OK);
	w->life.plan.advance_ms = w->now;
	assert_false(due(w, &action));
	assert_non_null(strstr(w->info.text, "version 3 is not valid before"));
}

/* Retired ones are forgotten, the living never. */
static void test_many(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < CERT_VERSIONS_MAX + 20; i++) {
		add(w);
		if (i > 0)
			assert_int_equal(take(w, CERT_ADVANCE, 0, 0), ERR_OK);
		w->now += DAY;
	}
	expect(w, "-", "120", "119");
	assert_int_equal(w->life.versions.count, CERT_VERSIONS_MAX);
}

/* ---- whatever the order -----------------------------------------------------------------------
 */

static uint32_t random_next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static int64_t random_days(uint32_t *seed, int from, int to)
{
	return (from + (int64_t)(random_next(seed) % (uint32_t)(to - from))) * DAY;
}

/* After a step by hand: nobody is shown what is not valid who would have been shown what is. */
static void check_current(const struct world *w, const struct cert_life *before)
{
	const struct cert_version *now = cert_life_in(&w->life, CERT_CURRENT);
	const struct cert_version *then = cert_life_in(before, CERT_CURRENT);

	if (then == NULL || strcmp(now->id, then->id) == 0)
		return;
	assert_true(now->not_before_ms <= w->now && w->now < now->not_after_ms);
}

static void random_step(struct world *w, uint32_t *seed)
{
	struct cert_life before = w->life;
	uint32_t kind = random_next(seed) % 8;
	int64_t from = w->now + random_days(seed, -20, 10), at = 0;

	if (random_next(seed) % 2 == 0)
		at = w->now + random_days(seed, -5, 60);
	if (kind < 2)
		add_valid(w, from, from + random_days(seed, 30, 200), kind == 1);
	else
		take(w, (enum cert_action)(kind - 2), at, (int64_t)(random_next(seed) % 100));
	check_current(w, &before);
}

static void due_steps(struct world *w)
{
	struct cert_life before;
	enum cert_action action;
	int rounds = 0;

	for (before = w->life; due(w, &action); before = w->life) {
		check_current(w, &before);
		assert_true(++rounds <= 4); /* it comes to rest */
	}
	assert_true(cert_step_next_due(&w->life, w->now) > w->now);
}

static void test_random_lives(void **state)
{
	struct world *w = *state;
	struct arena *keep = NULL;

	for (uint32_t run = 1; run <= 300; run++) {
		uint32_t seed = run * 7919;
		uint64_t last = 0, number;

		record_init(&cert_life_desc, &w->life, w->arena);
		w->life.name = "mx";
		for (int i = 0; i < 120; i++) {
			random_step(w, &seed);
			due_steps(w);
			if (w->life.versions.count == 0)
				continue;
			expect(w, id_in(w, CERT_NEXT), id_in(w, CERT_CURRENT),
				id_in(w, CERT_DEPRECATED));
			assert_true(str_to_u64(
				str_of(w->life.versions.items[w->life.versions.count - 1].id),
				&number));
			assert_true(number >= last);
			last = number;
			w->now += random_days(&seed, 0, 12);
		}
		keep = w->arena;
		w->arena = arena_new();
		arena_free(&keep);
	}
}

static void test_json(void **state)
{
	struct world *w = *state;
	struct cert_life again;
	json_t *json;

	add(w);
	add(w);
	assert_int_equal(take(w, CERT_START, w->now + DAY, 7), ERR_OK);
	json = record_to_json(&cert_life_desc, &w->life, RECORD_JSON_SPARSE);
	assert_int_equal(
		record_from_json(&cert_life_desc, json, "", w->arena, &again, &w->info), ERR_OK);
	assert_true(record_equal(&cert_life_desc, &w->life, &again));
	json_decref(json);
	again.versions.items[1].state = CERT_CURRENT;
	assert_int_equal(cert_step_check(&again, &w->info), ERR_CORRUPT);
	again.versions.items[0].state = CERT_RETIRED;
	assert_int_equal(cert_step_check(&again, &w->info), ERR_CORRUPT); /* a plan without next */
}

static void what_breaks_a_partner_is_held(void **state)
{
	struct world *w = *state;
	const struct cert_hold fine = {.name = "mx", .version = "2", .text = ""};
	const struct cert_hold breaks = {
		.name = "mx", .version = "2", .breaks = true, .text = "connector o/c: has pinned"};
	const struct cert_step start = {.action = CERT_START};
	struct cert_step step = {.action = CERT_ADVANCE, .at_ms = w->now + DAY};
	struct err_info why;

	add(w);
	add(w);
	assert_int_equal(take(w, CERT_ADVANCE, w->now + DAY, 0), ERR_OK);
	assert_false(w->life.plan.is_forced);
	w->now += DAY;
	assert_true(cert_step_due(&w->life, w->now, &step, NULL));
	assert_false(cert_step_is_held(&w->life, &step, w->now, &fine, &why));
	assert_string_equal(why.text, "");
	assert_true(cert_step_is_held(&w->life, &step, w->now, &breaks, &why));
	assert_non_null(strstr(why.text, "connector o/c: has pinned"));
	assert_true(cert_step_is_held(&w->life, &step, w->now, NULL, &why));
	assert_string_equal(why.text, "");
	assert_false(cert_step_is_held(&w->life, &start, w->now, &breaks, &why));
	/* Expired, nobody takes the current one. */
	assert_false(cert_step_is_held(&w->life, &step, w->now + 2 * year, &breaks, &why));
	/* By force, and only for this time. */
	step = (struct cert_step){.action = CERT_ADVANCE, .at_ms = w->now + DAY, .force = true};
	assert_int_equal(
		cert_step_take(&w->life, &step, w->now, w->arena, &w->life, &w->info), ERR_OK);
	assert_true(w->life.plan.is_forced);
	assert_int_equal(cert_step_check(&w->life, &w->info), ERR_OK);
	assert_false(cert_step_is_held(&w->life, &step, w->now, &breaks, &why));
	assert_int_equal(take(w, CERT_CANCEL, 0, 0), ERR_OK);
	assert_false(w->life.plan.is_forced);
}

static void a_moment_that_is_over_is_not_now(void **state)
{
	static const enum cert_action actions[] = {
		CERT_START, CERT_ADVANCE, CERT_BACK, CERT_RETIRE, CERT_CANCEL, CERT_DROP};
	struct world *w = *state;

	add(w);
	add(w);
	for (size_t i = 0; i < ARRAY_LENGTH(actions); i++) {
		assert_int_equal(
			take(w, actions[i], w->now - CERT_STEP_GRACE_MS - 1, 50), ERR_RANGE);
		assert_memory_equal(w->info.text, "at: ", 4);
		assert_int_equal(take(w, actions[i], -1, 50), ERR_RANGE);
	}
	expect(w, "2", "1", "-");
	/* A clock that is a little behind, or a question that was on its way. */
	assert_int_equal(take(w, CERT_ADVANCE, w->now - CERT_STEP_GRACE_MS, 0), ERR_OK);
	expect(w, "-", "2", "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole_rollover, setup, teardown),
		cmocka_unit_test_setup_teardown(test_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(a_moment_that_is_over_is_not_now, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_date, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_a_date, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(what_breaks_a_partner_is_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_lives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
