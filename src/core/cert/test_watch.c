/* What changes between chains, and what ends soon. */
#include "core/cert/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DAY INT64_C(86400000)
#define NOW (INT64_C(20000) * DAY)

static const char *name_list[] = {"mx.fabrikam.example", "mx2.fabrikam.example"};
static const char *turned_list[] = {"mx2.fabrikam.example", "mx.fabrikam.example"};
static const char *other_list[] = {"mail.fabrikam.example"};

#define LEAF_OF(issued_by, digest, key_digest, list, count, to)                                    \
	{                                                                                          \
		.subject = "CN=mx", .issuer = (issued_by), .sha256 = (digest),                     \
		.spki_sha256 = (key_digest), .not_before_ms = NOW - DAY,                           \
		.not_after_ms = NOW + (to)*DAY, .key = "RSA 2048", .names = {                      \
			(list),                                                                    \
			(count)                                                                    \
		}                                                                                  \
	}
#define LEAF LEAF_OF("CN=CA 1", "aa", "11", name_list, 2, 30)

static const struct {
	const char *name;
	struct cert_facts leaf;
	const char *root_sha256;
	unsigned want;
	const char *words;
} changes[] = {
	{"the same", LEAF, "r1", 0, ""},
	{"names in another order", LEAF_OF("CN=CA 1", "aa", "11", turned_list, 2, 30), "r1", 0, ""},
	{"root not known", LEAF, NULL, 0, ""},
	{"another issuer", LEAF_OF("CN=CA 2", "aa", "11", name_list, 2, 30), "r1",
		CERT_WATCH_ISSUER, "issuer was CN=CA 1, is CN=CA 2"},
	{"another root", LEAF, "r2", CERT_WATCH_ROOT, "root was CN=R, is CN=R"},
	{"another key", LEAF_OF("CN=CA 1", "aa", "22", name_list, 2, 30), "r1", CERT_WATCH_KEY,
		"another key (RSA 2048)"},
	{"other names", LEAF_OF("CN=CA 1", "aa", "11", other_list, 1, 30), "r1", CERT_WATCH_NAMES,
		"names were mx.fabrikam.example, mx2.fabrikam.example, are mail.fabrikam.example"},
	{"one name less", LEAF_OF("CN=CA 1", "aa", "11", name_list, 1, 30), "r1", CERT_WATCH_NAMES,
		"names were mx.fabrikam.example, mx2.fabrikam.example, are mx.fabrikam.example"},
	{"renewed", LEAF_OF("CN=CA 1", "aa", "11", name_list, 2, 90), "r1", CERT_WATCH_VALIDITY,
		"valid from 2024-10-03 to 2025-01-02 (before: to 2024-11-03)"},
	{"re-issued as it was", LEAF_OF("CN=CA 1", "bb", "11", name_list, 2, 30), "r1",
		CERT_WATCH_PATH, "the same certificate with others beside it"},
	{"all of it", LEAF_OF("CN=CA 2", "aa", "22", other_list, 1, 90), "r2",
		CERT_WATCH_ISSUER | CERT_WATCH_ROOT | CERT_WATCH_KEY | CERT_WATCH_NAMES |
			CERT_WATCH_VALIDITY,
		NULL},
};

static void test_changes(void **state)
{
	static const struct cert_facts leaf = LEAF;
	struct cert_watch_chain before = {&leaf, 1, "CN=R", "r1"};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		struct cert_watch_chain after = {
			&changes[i].leaf, 1, "CN=R", changes[i].root_sha256};
		unsigned got = cert_watch_compare(&before, &after);
		const char *words = cert_watch_words(got, &before, &after, arena);

		if (got != changes[i].want)
			fail_msg("%s: %u", changes[i].name, got);
		if (changes[i].words != NULL)
			assert_string_equal(words, changes[i].words);
	}
	arena_free(&arena);
}

static void test_chains(void **state)
{
	struct cert_facts chain[] = {LEAF, {.sha256 = "cc", .not_after_ms = NOW + 5 * DAY},
		{.sha256 = "dd", .not_after_ms = NOW + DAY, .is_self_signed = true}};
	struct cert_watch_chain long_one = {chain, 3, NULL, NULL}, alone = {chain, 1, NULL, NULL};
	struct cert_watch_chain none = {NULL, 0, NULL, NULL};

	(void)state;
	assert_int_equal(cert_watch_compare(&long_one, &alone), CERT_WATCH_PATH);
	assert_int_equal(cert_watch_compare(&none, &alone), CERT_WATCH_PATH);
	assert_int_equal(cert_watch_compare(&none, &none), 0);
	/* The intermediate ends first; the root that came along does not count. */
	assert_true(cert_watch_end(chain, 3) == NOW + 5 * DAY);
	assert_true(cert_watch_end(chain, 1) == NOW + 30 * DAY);
	assert_true(cert_watch_end(NULL, 0) == 0);
	/* A leaf of its own counts. */
	chain[0].is_self_signed = true;
	assert_true(cert_watch_end(chain, 1) == NOW + 30 * DAY);
}

static int64_t mark_items[] = {30 * DAY, 14 * DAY, DAY};
static const struct record_numbers marks = {mark_items, 3};

static void test_marks(void **state)
{
	static const struct {
		int64_t rest, want;
	} rows[] = {
		{31 * DAY, CERT_WATCH_NOTHING},
		{30 * DAY, 30 * DAY},
		{14 * DAY + 1, 30 * DAY},
		{14 * DAY, 14 * DAY},
		{2 * DAY, 14 * DAY},
		{1, DAY},
		{0, 0},
		{-DAY, 0},
	};
	static const struct record_numbers none = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		assert_true(cert_watch_mark(&marks, NOW + rows[i].rest, NOW) == rows[i].want);
	assert_true(cert_watch_mark(&none, NOW + 1, NOW) == CERT_WATCH_NOTHING);
	assert_true(cert_watch_mark(&none, NOW - 1, NOW) == 0);
}

#define VERSION(number, which, from, to)                                                           \
	{                                                                                          \
		.id = (number), .state = (which), .not_before_ms = NOW + (from)*DAY,               \
		.not_after_ms = NOW + (to)*DAY                                                     \
	}

static const struct {
	const char *name;
	struct cert_version versions[3];
	size_t count;
	struct cert_plan plan;
	const char *want; /* "kind:version:days of the mark ..." */
} lives[] = {
	{"far from its end", {VERSION("1", CERT_CURRENT, -1, 60)}, 1, {0}, ""},
	{"near its end", {VERSION("1", CERT_CURRENT, -1, 10)}, 1, {0}, "expires:1:14 "},
	{"over", {VERSION("1", CERT_CURRENT, -9, -1)}, 1, {0}, "expires:1:0 "},
	{"the next one is there but not planned",
		{VERSION("1", CERT_CURRENT, -1, 10), VERSION("2", CERT_NEXT, -1, 90)}, 2, {0},
		"expires:1:14 "},
	{"the next one comes in time",
		{VERSION("1", CERT_CURRENT, -1, 10), VERSION("2", CERT_NEXT, -1, 90)}, 2,
		{.advance_ms = NOW + 5 * DAY}, ""},
	{"planned, and it is over all the same",
		{VERSION("1", CERT_CURRENT, -9, -1), VERSION("2", CERT_NEXT, -1, 90)}, 2,
		{.advance_ms = NOW - 5 * DAY}, "expires:1:0 gap:2:0 "},
	{"the next one comes too late",
		{VERSION("1", CERT_CURRENT, -1, 10), VERSION("2", CERT_NEXT, -1, 90)}, 2,
		{.advance_ms = NOW + 11 * DAY}, "expires:1:14 gap:2:0 "},
	{"the next one is not valid yet then",
		{VERSION("1", CERT_CURRENT, -1, 60), VERSION("2", CERT_NEXT, 20, 90)}, 2,
		{.advance_ms = NOW + 11 * DAY}, "gap:2:0 "},
	{"a hole between them",
		{VERSION("1", CERT_CURRENT, -1, 60), VERSION("2", CERT_NEXT, 61, 90)}, 2, {0},
		"gap:2:0 "},
	{"the deprecated one ends",
		{VERSION("1", CERT_DEPRECATED, -9, 10), VERSION("2", CERT_CURRENT, -1, 90)}, 2, {0},
		"expires:1:14 "},
	{"the deprecated one is retired before",
		{VERSION("1", CERT_DEPRECATED, -9, 10), VERSION("2", CERT_CURRENT, -1, 90)}, 2,
		{.retire_ms = NOW + 9 * DAY}, ""},
	{"a retired one may end",
		{VERSION("1", CERT_RETIRED, -9, 1), VERSION("2", CERT_CURRENT, -1, 90)}, 2, {0},
		""},
	{"the next one ends before it is of use",
		{VERSION("1", CERT_CURRENT, -1, 60), VERSION("2", CERT_NEXT, -1, 12)}, 2, {0},
		"expires:2:14 "},
};

static void test_lives(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(lives); i++) {
		struct cert_life life = {.name = "mx",
			.versions = {(struct cert_version *)lives[i].versions, lives[i].count},
			.plan = lives[i].plan};
		struct cert_watch_finding found[CERT_WATCH_FINDINGS];
		size_t count = cert_watch_life(&life, &marks, NOW, arena, found);
		const char *got = "";

		for (size_t n = 0; n < count; n++) {
			got = arena_format(arena, "%s%s:%s:%d ", got,
				found[n].kind == CERT_WATCH_GAP ? "gap" : "expires",
				found[n].version, (int)(found[n].mark / DAY));
			assert_non_null(strstr(found[n].text, "certificate mx"));
		}
		if (strcmp(got, lives[i].want) != 0)
			fail_msg("%s: %s", lives[i].name, got);
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
