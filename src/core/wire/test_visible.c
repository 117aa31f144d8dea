/* Which events of a shared message are whose. */
#include "core/wire/visible.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct receipt receipt;

/* From outside to a recipient of A and one of B; then from A to one of B. */
static const struct wire_event shared[] = {
	{.kind = "received", .recipient = "u@a", .organisation = "a", .text = "ta"},
	{.kind = "received", .recipient = "v@b", .organisation = "b", .text = "tb"},
	{.kind = "delivered", .recipient = "v@b", .organisation = "b", .text = "db"},
	{.kind = "received", .recipient = "w@b", .organisation = "a", .connector = "own"},
	{.kind = "handed-over", .recipient = "w@b", .organisation = "b", .connector = "from-a"},
	{.kind = "delivered",
		.recipient = "w@b",
		.organisation = "b",
		.text = "secret",
		.token = "ok",
		.receipt = &receipt},
	{.kind = "noted"},
};

static const struct {
	const char *name;
	const char *organisations[2];
	const char *want; /* "kind recipient text-or-connector" of each */
} rows[] = {
	{"nobody's", {"c", NULL}, ""},
	{"those of a", {"a", NULL},
		"received u@a ta; received w@b own; handed-over w@b -; delivered w@b -; "},
	{"those of b", {"b", NULL},
		"received v@b tb; delivered v@b db; received w@b -; handed-over w@b from-a; "
		"delivered w@b secret; "},
	{"those of both", {"a", "b"},
		"received u@a ta; received v@b tb; delivered v@b db; received w@b own; "
		"handed-over w@b from-a; delivered w@b secret; "},
};

static void test_visible(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct arena *arena = arena_new();
		struct wire_event events[ARRAY_LENGTH(shared)];
		const char *got = "";
		struct record_texts organisations = {(const char **)rows[i].organisations,
			rows[i].organisations[1] != NULL ? 2 : 1};
		size_t count;

		print_message("# %s\n", rows[i].name);
		memcpy(events, shared, sizeof(events));
		count = wire_visible_events(&organisations, events, ARRAY_LENGTH(events));
		for (size_t k = 0; k < count; k++) {
			const struct wire_event *e = &events[k];

			got = arena_format(arena, "%s%s %s %s; ", got, e->kind, e->recipient,
				e->text != NULL	       ? e->text
				: e->connector != NULL ? e->connector
						       : "-");
			if (e->organisation == NULL)
				assert_null(e->receipt);
		}
		assert_string_equal(got, rows[i].want);
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_visible)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
