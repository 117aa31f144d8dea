/* The conformance suite, continued: listings, bulk actions, summaries. */
#include "port/store/testing.h"

static const char *contoso_items[] = {"contoso"}, *both_items[] = {"other", "contoso"},
		  *other_items[] = {"other"};
static const struct record_texts contoso = {contoso_items, 1}, both = {both_items, 2},
				 other = {other_items, 1};

struct list_row {
	const char *name;
	struct store_filter filter;
	size_t messages;
};
static const struct list_row list_rows[] = {
	{"all", {.state = STORE_ANY_STATE}, 6},
	{"id", {.id = 3, .state = STORE_ANY_STATE}, 1},
	{"no such id", {.id = 33, .state = STORE_ANY_STATE}, 0},
	{"route", {.route = "mx:c.example", .state = STORE_ANY_STATE}, 3},
	{"domain", {.domain = "C.example", .state = STORE_ANY_STATE}, 3},
	{"sender", {.sender = "alice@fabrikam.EXAMPLE", .state = STORE_ANY_STATE}, 5},
	{"null sender", {.sender = "", .state = STORE_ANY_STATE}, 1},
	{"sender domain", {.sender = "@fabrikam.example", .state = STORE_ANY_STATE}, 5},
	{"recipient", {.recipient = "A1@c.example", .state = STORE_ANY_STATE}, 3},
	{"recipient and route",
		{.recipient = "a1@c.example", .route = "mx:b.example", .state = STORE_ANY_STATE},
		0},
	{"connector", {.connector = "contoso/fabrikam", .state = STORE_ANY_STATE}, 6},
	{"connector by name", {.connector = "Fabrikam", .state = STORE_ANY_STATE}, 6},
	{"other connector", {.connector = "contoso/other", .state = STORE_ANY_STATE}, 0},
	{"organisation", {.organisations = &contoso, .state = STORE_ANY_STATE}, 6},
	{"one of two organisations", {.organisations = &both, .state = STORE_ANY_STATE}, 6},
	{"another organisation", {.organisations = &other, .state = STORE_ANY_STATE}, 0},
	{"held", {.state = STORE_HELD}, 0},
	{"waiting", {.state = STORE_WAITING}, 6},
};

static void add_six(struct testing *t)
{
	int64_t id;

	for (id = 1; id <= 6; id++) {
		struct testing_message m = *MAIL(id, 2, 10, 100 * id);

		m.domain = id % 2 == 0 ? "c.example" : "b.example";
		m.route = id % 2 == 0 ? "mx:c.example" : "mx:b.example";
		m.sender = id == 6 ? "" : NULL;
		assert_int_equal(testing_add(t, &m), ERR_OK);
	}
}

static void listings_filter(struct testing *t)
{
	struct found f;
	size_t i;

	add_six(t);
	for (i = 0; i < ARRAY_LENGTH(list_rows); i++) {
		store_list(t->store, &list_rows[i].filter, 0, 0, on_messages, find(&f, t));
		testing_wait(t, &f.finished);
		assert_int_equal(f.result, ERR_OK);
		if (f.count != list_rows[i].messages)
			fail_msg("%s: %zu instead of %zu", list_rows[i].name, f.count,
				list_rows[i].messages);
		assert_int_equal(f.next, 0);
	}
	/* Only the recipients that match. */
	store_list(t->store, &list_rows[8].filter, 0, 0, on_messages, find(&f, t));
	testing_wait(t, &f.finished);
	assert_int_equal(f.recipients[0], 1);
}

static void listings_go_on_at_a_cursor(struct testing *t)
{
	struct store_filter all = {.state = STORE_ANY_STATE};
	int64_t seen = 0, next = 0;
	struct found f;

	add_six(t);
	do {
		store_list(t->store, &all, next, 4, on_messages, find(&f, t));
		testing_wait(t, &f.finished);
		assert_true(f.count > 0 && f.ids[0] == seen + 1);
		seen = f.ids[f.count - 1];
		next = f.next;
	} while (next != 0);
	assert_int_equal(seen, 6);
}

static void actions_change_what_matches(struct testing *t)
{
	struct store_filter route = {.route = "mx:c.example", .state = STORE_ANY_STATE};
	struct store_filter all = {.state = STORE_ANY_STATE};
	struct store_update defer = {.message = 2, .number = 0, .due_ms = 5000, .attempts = 1};
	struct store_counts counts;
	struct found f;

	add_six(t);
	act(&f, t, STORE_HOLD, route);
	assert_int_equal(f.messages, 3);
	assert_int_equal(f.acted, 6);
	assert_int_equal(f.count, 6);
	get_due(&f, t, 10000, NULL, 60);
	assert_int_equal(f.count, 6);
	/* An outcome that comes in later leaves held what is held. */
	assert_int_equal(testing_update(t, &defer, 1), ERR_OK);
	get_due(&f, t, 10000, NULL, 60);
	assert_int_equal(f.count, 6);
	act(&f, t, STORE_RETRY, all);
	assert_int_equal(f.acted, 6);
	act(&f, t, STORE_RELEASE, all);
	assert_int_equal(f.acted, 6);
	get_due(&f, t, 777, NULL, 60);
	assert_int_equal(f.count, 12);
	act(&f, t, STORE_ROUTE, route);
	assert_int_equal(f.acted, 6);
	load_one(&f, t, 2);
	assert_non_null(strstr(f.text, "|mx:other.example|"));
	act(&f, t, STORE_DELETE,
		(struct store_filter){.domain = "b.example", .state = STORE_ANY_STATE});
	assert_int_equal(f.messages, 3);
	store_counts(t->store, &counts);
	assert_int_equal(counts.messages, 3);
	assert_int_equal(counts.recipients, 6);
}

static void on_summary(
	void *context, enum err e, const struct store_route_summary *routes, size_t count)
{
	struct found *f = context;

	f->result = e;
	f->count = count;
	f->acted = count > 0 ? routes[0].recipients : 0;
	if (count == 2) {
		snprintf(f->text, sizeof(f->text), "%s %s", routes[0].route, routes[1].token);
		f->numbers[0] = routes[0].messages;
		f->numbers[1] = routes[0].recipients;
		f->numbers[2] = routes[1].held;
		f->numbers[3] = routes[1].oldest_ms;
		f->numbers[4] = routes[0].next_ms;
		f->numbers[5] = routes[1].next_ms;
		f->numbers[6] = routes[1].attempts;
	}
	f->finished = true;
}

static void the_summary_counts_by_route(struct testing *t)
{
	struct store_filter one = {.id = 4, .state = STORE_ANY_STATE};
	struct store_update defer = {.message = 2,
		.number = 1,
		.due_ms = 5000,
		.attempts = 3,
		.last_ms = 9,
		.token = "connect",
		.text = "x"};
	struct found f;

	add_six(t);
	assert_int_equal(testing_update(t, &defer, 1), ERR_OK);
	act(&f, t, STORE_HOLD, one);
	store_summary(t->store, NULL, on_summary, find(&f, t));
	testing_wait(t, &f.finished);
	assert_int_equal(f.count, 2);
	assert_string_equal(f.text, "mx:b.example connect");
	assert_int_equal(f.numbers[0], 3);
	assert_int_equal(f.numbers[1], 6);
	assert_int_equal(f.numbers[2], 2);
	assert_int_equal(f.numbers[3], 2);
	assert_int_equal(f.numbers[4], 100);
	assert_int_equal(f.numbers[5], 200);
	assert_int_equal(f.numbers[6], 3);
}

/* Many more rows than one step looks at, with commits between the steps. */
static void long_calls_go_in_steps(struct testing *t)
{
	enum { MESSAGES = 2500 };
	struct store_filter all = {.state = STORE_ANY_STATE};
	struct store_filter rare = {.sender = "rare@b.example", .state = STORE_ANY_STATE};
	struct testing last = {0};
	struct store_counts counts;
	struct found f, deleted;
	struct store_act a = {.action = STORE_DELETE, .filter = all, .now_ms = 1};
	struct testing_message between;
	int64_t id;

	for (id = 1; id <= MESSAGES; id++) {
		struct testing_message m = *MAIL(id, TESTING_RECIPIENTS, 10, id);

		m.route = id % 2 == 0 ? "mx:even" : "mx:odd";
		m.sender = id == MESSAGES ? "rare@b.example" : NULL;
		testing_add_async(t, &m, testing_done, &last);
		last.finished = last.finished && id == MESSAGES;
	}
	testing_wait(t, &last.finished);
	store_list(t->store, &rare, 0, 10, on_messages, find(&f, t));
	testing_wait(t, &f.finished);
	assert_int_equal(f.count, 1);
	store_summary(t->store, NULL, on_summary, find(&f, t));
	between = *MAIL(MESSAGES + 1, 1, 10, 1);
	between.route = "mx:zero";
	assert_int_equal(testing_add(t, &between), ERR_OK);
	testing_wait(t, &f.finished);
	assert_int_equal(f.acted, MESSAGES / 2 * TESTING_RECIPIENTS);
	act(&f, t, STORE_HOLD, (struct store_filter){.route = "mx:even", .state = STORE_WAITING});
	assert_int_equal(f.messages, MESSAGES / 2);
	store_act(t->store, &a, on_acted, find(&deleted, t));
	store_summary(t->store, NULL, on_summary, find(&f, t));
	testing_wait(t, &f.finished);
	testing_wait(t, &deleted.finished);
	assert_int_equal(deleted.messages, MESSAGES + 1);
	assert_int_equal(deleted.count, MESSAGES * TESTING_RECIPIENTS + 1);
	store_counts(t->store, &counts);
	assert_int_equal(counts.messages, 0);
	assert_int_equal(counts.recipients, 0);
}

static const struct testing_case cases[] = {
	CASE(listings_filter),
	CASE(listings_go_on_at_a_cursor),
	CASE(actions_change_what_matches),
	CASE(the_summary_counts_by_route),
	CASE(long_calls_go_in_steps),
};
TESTING_BOTH(cases)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_memory),
		cmocka_unit_test(on_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
