#include "core/cert/choose.h"
#include "core/cert/directory.h"
#include "core/cert/refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { NOW = 1000 * 1000, LATER = 2000 * 1000 };

/* ---- versions -------------------------------------------------------------------------------- */

/* What a version is like, in one letter: absent, living, expired, not yet valid. */
struct row {
	const char *name;
	char next, current, deprecated;
	bool is_trial;
	int share;
	const char *trial; /* connector */
	const char *connector;
	const char *refused; /* digits of the versions that the peer refuses */
	const char *want;
	enum cert_choose_reason reason;
};

/* Deprecated is version 1, current 2, next 3. */
static const struct row rows[] = {
	{"one version", 0, 'v', 0, false, 0, NULL, NULL, "", "2", CERT_CHOSEN_CURRENT},
	{"next without a trial", 'v', 'v', 0, false, 100, "o/c", "o/c", "", "2",
		CERT_CHOSEN_CURRENT},
	{"its connector", 'v', 'v', 0, true, 0, "o/c", "o/c", "", "3", CERT_CHOSEN_CONNECTOR},
	{"another connector", 'v', 'v', 0, true, 0, "o/c", "o/d", "", "2", CERT_CHOSEN_CURRENT},
	{"no connector", 'v', 'v', 0, true, 0, "o/c", NULL, "", "2", CERT_CHOSEN_CURRENT},
	{"a share of all", 'v', 'v', 0, true, 100, NULL, NULL, "", "3", CERT_CHOSEN_SHARE},
	{"a share of none", 'v', 'v', 0, true, 0, NULL, NULL, "", "2", CERT_CHOSEN_CURRENT},
	{"next refused", 'v', 'v', 'v', true, 100, NULL, NULL, "3", "2", CERT_CHOSEN_REFUSED},
	{"next and current refused", 'v', 'v', 'v', true, 100, NULL, NULL, "32", "1",
		CERT_CHOSEN_REFUSED},
	{"all refused", 'v', 'v', 'v', true, 100, NULL, NULL, "321", "3", CERT_CHOSEN_SHARE},
	{"current refused in the overlap", 0, 'v', 'v', false, 0, NULL, NULL, "2", "1",
		CERT_CHOSEN_REFUSED},
	{"current refused, nothing else", 0, 'v', 0, false, 0, NULL, NULL, "2", "2",
		CERT_CHOSEN_CURRENT},
	{"current refused, next only published", 'v', 'v', 0, false, 0, NULL, NULL, "2", "2",
		CERT_CHOSEN_CURRENT},
	{"current refused in the trial of another", 'v', 'v', 0, true, 0, "o/c", NULL, "2", "3",
		CERT_CHOSEN_REFUSED},
	{"current refused, deprecated expired", 0, 'v', 'e', false, 0, NULL, NULL, "2", "2",
		CERT_CHOSEN_CURRENT},
	{"deprecated refused only", 0, 'v', 'v', false, 0, NULL, NULL, "1", "2",
		CERT_CHOSEN_CURRENT},
	{"next not valid yet", 'y', 'v', 0, true, 100, NULL, NULL, "", "2", CERT_CHOSEN_VALID},
	{"current expired, next there", 'v', 'e', 'v', false, 0, NULL, NULL, "", "3",
		CERT_CHOSEN_VALID},
	{"current expired, deprecated there", 'y', 'e', 'v', false, 0, NULL, NULL, "", "1",
		CERT_CHOSEN_VALID},
	{"all expired", 'e', 'e', 'e', false, 0, NULL, NULL, "", "2", CERT_CHOSEN_CURRENT},
	{"expired, and the other refused", 0, 'e', 'v', false, 0, NULL, NULL, "1", "1",
		CERT_CHOSEN_VALID},
};

static void add(struct cert_life *life, const char *id, enum cert_state state, char kind)
{
	struct cert_version *v = &life->versions.items[life->versions.count];

	if (kind == 0)
		return;
	*v = (struct cert_version){.id = id,
		.state = (int)state,
		.not_before_ms = kind == 'y' ? LATER : 0,
		.not_after_ms = kind == 'e' ? NOW : LATER + 1};
	life->versions.count++;
}

static bool refuses(void *context, const char *certificate, const char *version)
{
	assert_string_equal(certificate, "mx");
	return strchr(context, version[0]) != NULL;
}

static void chooses_versions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct row *row = &rows[i];
		struct arena *arena = arena_new();
		struct cert_version versions[4];
		const char *trial[] = {row->trial};
		struct cert_life life = {.name = "mx",
			.versions = {versions, 0},
			.plan = {.is_trial = row->is_trial,
				.share = row->share,
				.connectors = {trial, row->trial != NULL ? 1 : 0}}};
		struct cert_choose_facts facts = {.life = &life,
			.peer = "192.0.2.1",
			.connector = row->connector,
			.now_ms = NOW,
			.is_refused = refuses,
			.context = (void *)row->refused};
		struct cert_choice choice;

		add(&life, "0", CERT_RETIRED, 'v');
		add(&life, "1", CERT_DEPRECATED, row->deprecated);
		add(&life, "2", CERT_CURRENT, row->current);
		add(&life, "3", CERT_NEXT, row->next);
		choice = cert_choose(&facts);
		if (strcmp(choice.version->id, row->want) != 0 || choice.reason != (int)row->reason)
			fail_msg("%s: %s", row->name, cert_choose_words(&choice, &facts, arena));
		assert_non_null(strstr(cert_choose_words(&choice, &facts, arena), "version "));
		arena_free(&arena);
	}
}

/* Never a retired version, always a valid one if there is one, whatever the peer refuses. */
static void keeps_to_living_versions(void **state)
{
	static const char kinds[] = {0, 'v', 'e', 'y'};

	(void)state;
	for (unsigned n = 0; n < 4 * 3 * 4 * 8 * 2 * 2; n++) {
		struct cert_version versions[4];
		char refused[4] = "";
		unsigned m = n;
		char next = kinds[m % 4], current = kinds[1 + m / 4 % 3], old = kinds[m / 12 % 4];
		struct cert_life life = {.name = "mx", .versions = {versions, 0}};
		struct cert_choose_facts facts = {.life = &life,
			.peer = "x",
			.now_ms = NOW,
			.is_refused = refuses,
			.context = refused};
		bool any_valid = next == 'v' || current == 'v' || old == 'v';
		struct cert_choice choice;
		size_t k = 0;

		m /= 48;
		for (unsigned bit = 0; bit < 3; bit++)
			if ((m >> bit & 1) != 0)
				refused[k++] = (char)('1' + bit);
		life.plan.is_trial = (m >> 3 & 1) != 0;
		life.plan.share = (m >> 4 & 1) != 0 ? 100 : 0;
		add(&life, "0", CERT_RETIRED, 'v');
		add(&life, "1", CERT_DEPRECATED, old);
		add(&life, "2", CERT_CURRENT, current);
		add(&life, "3", CERT_NEXT, next);
		choice = cert_choose(&facts);
		assert_non_null(choice.version);
		assert_int_not_equal(choice.version->state, CERT_RETIRED);
		if (any_valid)
			assert_true(choice.version->not_before_ms <= NOW &&
				    NOW < choice.version->not_after_ms);
	}
}

/* The same peers for the same version, and about as many as the share says. */
static void takes_a_share(void **state)
{
	struct cert_version versions[] = {{.id = "1", .state = CERT_CURRENT, .not_after_ms = LATER},
		{.id = "2", .state = CERT_NEXT, .not_after_ms = LATER}};
	struct cert_life life = {
		.name = "mx", .versions = {versions, 2}, .plan = {.is_trial = true, .share = 20}};
	size_t count = 0, both = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char peer[32];
		struct cert_choose_facts facts = {.life = &life, .peer = peer, .now_ms = NOW};
		bool first, second;

		snprintf(peer, sizeof(peer), "192.0.%d.%d", i / 200, i % 200);
		versions[1].id = "2";
		first = cert_choose(&facts).version == &versions[1];
		assert_int_equal(cert_choose(&facts).version == &versions[1], first);
		/* Who is in a small share is in a larger one. */
		life.plan.share = 40;
		assert_true(!first || cert_choose(&facts).version == &versions[1]);
		life.plan.share = 20;
		versions[1].id = "3";
		second = cert_choose(&facts).version == &versions[1];
		count += first;
		both += first && second;
	}
	assert_in_range(count, 300, 500);
	assert_in_range(both, 40, 130);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void remembers_refusals(void **state)
{
	struct cert_refusals *memory = cert_refusals_new(0);
	struct cert_refusal note = {"connector o/c", "mx", "2", 1, LATER};
	struct cert_refusal other = note;
	struct cert_version versions[] = {
		{.id = "1", .state = CERT_DEPRECATED}, {.id = "2", .state = CERT_CURRENT}};
	struct cert_life life = {.name = "mx", .versions = {versions, 2}};

	(void)state;
	assert_false(cert_refusals_has(memory, &note, NOW));
	cert_refusals_put(memory, &note);
	assert_true(cert_refusals_has(memory, &note, NOW));
	assert_false(cert_refusals_has(memory, &note, LATER));
	other.direction = 0;
	assert_false(cert_refusals_has(memory, &other, NOW));
	other = note;
	other.version = "1";
	assert_false(cert_refusals_has(memory, &other, NOW));
	/* A newer note takes its place. */
	note.until_ms = LATER + 5;
	cert_refusals_put(memory, &note);
	assert_true(cert_refusals_has(memory, &note, LATER));
	assert_int_equal(cert_refusals_count(memory), 1);
	/* It stays as long as there is another version to be shown. */
	cert_refusals_prune(memory, &life, 1, NOW);
	assert_int_equal(cert_refusals_count(memory), 1);
	versions[0].state = CERT_RETIRED;
	cert_refusals_prune(memory, &life, 1, NOW);
	assert_int_equal(cert_refusals_count(memory), 0);
	cert_refusals_put(memory, &note);
	versions[0].state = CERT_CURRENT;
	versions[1].state = CERT_RETIRED;
	cert_refusals_prune(memory, &life, 1, NOW);
	assert_int_equal(cert_refusals_count(memory), 0);
	cert_refusals_free(&memory);
}

static void forgets_the_oldest(void **state)
{
	struct cert_refusals *memory = cert_refusals_new(0);
	char partner[32];
	struct cert_refusal note = {partner, "mx", "2", 0, LATER};

	(void)state;
	for (int i = 0; i < CERT_REFUSALS_MAX + 10; i++) {
		snprintf(partner, sizeof(partner), "address %d", i);
		cert_refusals_put(memory, &note);
	}
	assert_int_equal(cert_refusals_count(memory), CERT_REFUSALS_MAX);
	snprintf(partner, sizeof(partner), "address 9");
	assert_false(cert_refusals_has(memory, &note, NOW));
	snprintf(partner, sizeof(partner), "address 10");
	assert_true(cert_refusals_has(memory, &note, NOW));
	cert_refusals_free(&memory);
}

/* Strangers without number drive out one another, and no partner. */
static void keeps_partners(void **state)
{
	struct cert_refusals *memory = cert_refusals_new(0);
	char partner[32];
	struct cert_refusal note = {"connector o/c", "mx", "2", 0, LATER}, stranger = note;

	(void)state;
	stranger.partner = partner;
	cert_refusals_put(memory, &note);
	for (int i = 0; i < CERT_REFUSALS_MAX + 10; i++) {
		snprintf(partner, sizeof(partner), "address %d", i);
		cert_refusals_put(memory, &stranger);
	}
	assert_int_equal(cert_refusals_count(memory), CERT_REFUSALS_MAX);
	assert_true(cert_refusals_has(memory, &note, NOW));
	assert_true(cert_refusals_has(memory, &stranger, NOW));
	cert_refusals_free(&memory);
}

/* ---- names ----------------------------------------------------------------------------------- */

static const char *const mx_names[] = {"mx.example", "old.example"};
static const char *const new_names[] = {"mx.example", "new.example"};
static const char *const wild_names[] = {"*.wild.example"};

static const struct cert_offer offers[] = {
	{"mx", "2", CERT_NEXT, false, {(const char **)new_names, 2}},
	{"mx", "1", CERT_CURRENT, false, {(const char **)mx_names, 2}},
	{"mx", "1", CERT_CURRENT, true, {(const char **)mx_names, 2}},
	{"wild", NULL, CERT_CURRENT, true, {(const char **)wild_names, 1}},
	{"ecdsa", NULL, CERT_CURRENT, false, {(const char **)wild_names, 1}},
};

struct name_row {
	const char *name;
	const char *version; /* that the chooser says for mx */
	const char *ecdsa, *rsa;
	enum cert_match match;
};

static const struct name_row names[] = {
	{"mx.example", NULL, "mx 1", "mx 1", CERT_MATCH_EXACT},
	{"MX.example.", NULL, "mx 1", "mx 1", CERT_MATCH_EXACT},
	{"mx.example", "1", "mx 1", "mx 1", CERT_MATCH_EXACT},
	{"mx.example", "2", "mx 2", "-", CERT_MATCH_EXACT},
	{"mx.example", "9", "mx 1", "mx 1", CERT_MATCH_EXACT}, /* no such: the current one */
	{"old.example", "2", "mx 2", "-", CERT_MATCH_EXACT},
	{"new.example", NULL, "mx 1", "mx 1", CERT_MATCH_EXACT}, /* it is mx's all the same */
	{"a.wild.example", "2", "ecdsa", "wild", CERT_MATCH_WILDCARD},
	{"a.b.wild.example", "2", "mx 2", "-", CERT_MATCH_DEFAULT},
	{"wild.example", NULL, "mx 1", "mx 1", CERT_MATCH_DEFAULT},
	{"", NULL, "mx 1", "mx 1", CERT_MATCH_DEFAULT},
	{".", "2", "mx 2", "-", CERT_MATCH_DEFAULT},
};

static const char *version_of(void *context, const char *certificate)
{
	return strcmp(certificate, "mx") == 0 ? context : NULL;
}

static const char *label(const struct cert_offer *offer, struct arena *arena)
{
	if (offer == NULL)
		return "-";
	return offer->version == NULL
		       ? offer->certificate
		       : arena_format(arena, "%s %s", offer->certificate, offer->version);
}

static void finds_who_serves_a_name(void **state)
{
	struct cert_directory *directory = NULL;
	struct arena *arena = arena_new();

	(void)state;
	assert_int_equal(
		cert_directory_new(offers, ARRAY_LENGTH(offers), &directory, NULL), ERR_OK);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		const struct name_row *row = &names[i];
		struct cert_pair pair = cert_directory_find(directory, str_of(row->name));
		const char *ecdsa, *rsa;

		assert_int_equal(pair.match, row->match);
		pair = cert_directory_choose(directory, pair, version_of, (void *)row->version);
		ecdsa = label(pair.ecdsa, arena);
		rsa = label(pair.rsa, arena);
		if (strcmp(ecdsa, row->ecdsa) != 0 || strcmp(rsa, row->rsa) != 0)
			fail_msg("%s, version %s: %s and %s", row->name,
				row->version != NULL ? row->version : "-", ecdsa, rsa);
	}
	assert_null(cert_directory_current(directory, "nobody"));
	assert_ptr_equal(cert_directory_current(directory, "mx"), &offers[1]);
	cert_directory_free(&directory);
	arena_free(&arena);
}

static void refuses_what_cannot_be(void **state)
{
	static const struct cert_offer twins[] = {
		{"mx", "1", CERT_CURRENT, false, {0}}, {"mx", "1", CERT_CURRENT, false, {0}}};
	static const struct cert_offer states[] = {
		{"mx", "1", CERT_CURRENT, false, {0}}, {"mx", "2", CERT_CURRENT, true, {0}}};
	static const struct cert_offer retired[] = {{"mx", "1", CERT_RETIRED, false, {0}}};
	struct cert_directory *directory = NULL;
	struct err_info info;

	(void)state;
	assert_int_equal(cert_directory_new(twins, 2, &directory, &info), ERR_EXISTS);
	assert_non_null(strstr(info.text, "two with ECDSA"));
	assert_int_equal(cert_directory_new(states, 2, &directory, &info), ERR_EXISTS);
	assert_non_null(strstr(info.text, "versions 1 and 2 are both current"));
	assert_int_equal(cert_directory_new(retired, 1, &directory, &info), ERR_TOO_MANY);
	assert_null(directory);
	assert_int_equal(cert_directory_new(NULL, 0, &directory, &info), ERR_OK);
	assert_null(cert_directory_find(directory, (struct str){0}).ecdsa);
	cert_directory_free(&directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chooses_versions),
		cmocka_unit_test(keeps_to_living_versions),
		cmocka_unit_test(takes_a_share),
		cmocka_unit_test(remembers_refusals),
		cmocka_unit_test(forgets_the_oldest),
		cmocka_unit_test(keeps_partners),
		cmocka_unit_test(finds_who_serves_a_name),
		cmocka_unit_test(refuses_what_cannot_be),
	};

	return cmocka_run_group_tests_name("cert-choose", tests, NULL, NULL);
}
