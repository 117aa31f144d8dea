/* The trace: what reaches it, what is found, what is forgotten. */
#include "port/store/alert.h"
#include "port/store/testing.h"

struct traced {
	bool finished;
	enum err result;
	size_t count;
	int64_t ids[64];
	char next[64];
	char text[1024];
};

static void on_items(void *context, enum err e, const struct store_trace_item *items, size_t count,
	const char *next)
{
	struct traced *found = context;
	size_t i;

	found->result = e;
	found->count = count;
	snprintf(found->next, sizeof(found->next), "%s", next != NULL ? next : "");
	for (i = 0; i < count && i < 64; i++)
		found->ids[i] = items[i].id;
	if (count > 0)
		snprintf(found->text, sizeof(found->text), "%s|%s|%s|%zu|%s|%s|%s|%s",
			items[0].sender, items[0].message_id, items[0].subject,
			items[0].recipients.count,
			items[0].recipients.count > 0 ? items[0].recipients.items[0] : "-",
			items[0].last.kind, items[0].last.text != NULL ? items[0].last.text : "-",
			items[0].last.receipt != NULL && items[0].last.receipt->cipher != NULL
				? items[0].last.receipt->cipher
				: "-");
	found->finished = true;
}

static void on_events(void *context, enum err e, const struct store_trace_item *item,
	const struct wire_event *events, size_t count)
{
	struct traced *found = context;
	size_t i, n = 0;

	(void)item;
	found->result = e;
	found->count = count;
	for (i = 0; i < count && n < sizeof(found->text); i++)
		n += (size_t)snprintf(found->text + n, sizeof(found->text) - n, "%s:%s%s ",
			events[i].kind, events[i].recipient != NULL ? events[i].recipient : "",
			events[i].receipt != NULL ? "+" : "");
	found->finished = true;
}

static void search(struct testing *t, struct traced *found, struct store_trace_query query)
{
	*found = (struct traced){0};
	store_trace_search(t->store, &query, on_items, found);
	testing_wait(t, &found->finished);
	assert_int_equal(found->result, ERR_OK);
}

static enum err show(struct testing *t, struct traced *found, int64_t message)
{
	*found = (struct traced){0};
	store_trace_show(t->store, message, on_events, found);
	testing_wait(t, &found->finished);
	return found->result;
}

static void tell(struct testing *t, struct wire_event event)
{
	struct store_change change = {.events = &event, .event_count = 1};

	store_apply(t->store, &change, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
}

/* Messages 1..6 (see test_admin.c), one delivered, one deferred, and one refusal. */
static void add_history(struct testing *t)
{
	struct receipt receipt = {.cipher = "TLS_CHACHA20_POLY1305_SHA256"};
	int64_t id;

	store_trace_subjects(t->store, true);
	for (id = 1; id <= 6; id++) {
		struct testing_message m = *MAIL(id, 2, 10, 100 * id);

		m.domain = id % 2 == 0 ? "c.example" : "b.example";
		m.sender = id == 6 ? "Bob@contoso.example" : NULL;
		assert_int_equal(testing_add(t, &m), ERR_OK);
	}
	tell(t, (struct wire_event){.message = 2,
			.at_ms = 10,
			.kind = "deferred",
			.recipient = "a0@c.example",
			.text = "later"});
	tell(t, (struct wire_event){.message = 2,
			.at_ms = 11,
			.kind = "delivered",
			.recipient = "a0@c.example",
			.text = "250 fine",
			.receipt = &receipt});
	tell(t, (struct wire_event){.message = 0,
			.at_ms = 12,
			.kind = "refused",
			.sender = "eve@fabrikam.example",
			.recipient = "a0@b.example",
			.token = "tls-required",
			.text = "5.7.1"});
}

static void an_account_is_whole_and_in_order(struct testing *t)
{
	struct traced found;

	add_history(t);
	assert_int_equal(show(t, &found, 2), ERR_OK);
	assert_string_equal(
		found.text, "received:+ deferred:a0@c.example delivered:a0@c.example+ ");
	assert_int_equal(show(t, &found, 99), ERR_UNKNOWN);
	search(t, &found, (struct store_trace_query){.id = 2});
	assert_string_equal(found.text,
		"Alice@Fabrikam.example|<One@fabrikam.example>|A subject|2|a0@c.example|"
		"delivered|250 fine|TLS_CHACHA20_POLY1305_SHA256");
}

static const char *contoso_items[] = {"contoso"}, *both_items[] = {"other", "contoso"},
		  *other_items[] = {"other"};
static const struct record_texts contoso = {contoso_items, 1}, both = {both_items, 2},
				 other = {other_items, 1};

struct search_row {
	const char *name;
	struct store_trace_query query;
	size_t count;
};
static const struct search_row search_rows[] = {
	{"all", {.limit = 0}, 7},
	{"sender", {.sender = "alice@fabrikam.example"}, 5},
	{"sender domain", {.sender = "@FABRIKAM.example"}, 6},
	{"recipient", {.recipient = "A1@b.example"}, 3},
	{"recipient, refusals too", {.recipient = "a0@b.example"}, 4},
	{"recipient domain", {.recipient = "@c.example"}, 3},
	{"address as sender", {.address = "bob@contoso.example"}, 1},
	{"address as recipient", {.address = "a1@c.example"}, 3},
	{"address domain", {.address = "@fabrikam.example"}, 6},
	{"message id", {.message_id = "one@fabrikam.example"}, 6},
	{"message id with brackets", {.message_id = "<One@fabrikam.example>"}, 6},
	{"connector", {.connector = "contoso/Fabrikam"}, 6},
	{"organisation", {.organisations = &contoso}, 6},
	{"organisation and recipient", {.organisations = &contoso, .recipient = "A1@b.example"}, 3},
	{"one of two organisations", {.organisations = &both}, 6},
	{"another organisation", {.organisations = &other}, 0},
	{"another organisation by id", {.organisations = &other, .id = 2}, 0},
	{"connector by name", {.connector = "fabrikam"}, 6},
	{"outcome", {.outcome = "deferred"}, 1},
	{"refusals", {.outcome = "refused"}, 1},
	{"since", {.since_ms = 5}, 3},
	{"until", {.until_ms = 2}, 2},
	{"sender and recipient", {.sender = "alice@fabrikam.example", .recipient = "@c.example"},
		2},
	{"nobody", {.sender = "nobody@fabrikam.example"}, 0},
	{"injection", {.sender = "' OR '1'='1"}, 0},
};

static void questions_find_what_matches(struct testing *t)
{
	struct traced found;
	size_t i;

	add_history(t);
	for (i = 0; i < ARRAY_LENGTH(search_rows); i++) {
		search(t, &found, search_rows[i].query);
		if (found.count != search_rows[i].count)
			fail_msg("%s: %zu instead of %zu", search_rows[i].name, found.count,
				search_rows[i].count);
		assert_string_equal(found.next, "");
	}
}

/* One message for recipients of two organisations: neither feels for those of the other. */
static void questions_do_not_feel_for_others(struct testing *t)
{
	static const struct search_row rows[] = {
		{"own recipient", {.organisations = &contoso, .recipient = "U@contoso.example"}, 1},
		{"own domain", {.organisations = &contoso, .recipient = "@contoso.example"}, 1},
		{"own connector", {.organisations = &contoso, .connector = "contoso/in"}, 1},
		{"own outcome", {.organisations = &contoso, .outcome = "delivered"}, 1},
		{"sender", {.organisations = &contoso, .address = "s@x.example"}, 1},
		{"other recipient", {.organisations = &contoso, .recipient = "v@other.example"}, 0},
		{"other domain", {.organisations = &contoso, .recipient = "@other.example"}, 0},
		{"other address", {.organisations = &contoso, .address = "v@other.example"}, 0},
		{"other connector", {.organisations = &contoso, .connector = "other/in"}, 0},
		{"other outcome", {.organisations = &contoso, .outcome = "deferred"}, 0},
		{"both", {.organisations = &both, .recipient = "v@other.example"}, 1},
		{"all", {.recipient = "v@other.example"}, 1},
	};
	static const struct wire_event events[] = {
		{.kind = "received",
			.organisation = "contoso",
			.connector = "in",
			.recipient = "u@contoso.example"},
		{.kind = "received",
			.organisation = "other",
			.connector = "in",
			.recipient = "v@other.example"},
		{.kind = "delivered", .organisation = "contoso", .recipient = "u@contoso.example"},
		{.kind = "deferred", .organisation = "other", .recipient = "v@other.example"},
	};
	struct traced found;

	for (size_t i = 0; i < ARRAY_LENGTH(events); i++) {
		struct wire_event event = events[i];

		event.message = 50;
		event.at_ms = (int64_t)i + 1;
		event.sender = "s@x.example";
		tell(t, event);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		search(t, &found, rows[i].query);
		if (found.count != rows[i].count)
			fail_msg(
				"%s: %zu instead of %zu", rows[i].name, found.count, rows[i].count);
	}
}

/* By what receipts say, by subjects where they are kept, and by all of it at once. */
static void connections_and_subjects_are_found(struct testing *t)
{
	static const struct search_row rows[] = {
		{"version", {.tls = "TLSv1.3"}, 2},
		{"older version", {.tls = "tlsv1.2"}, 0},
		{"clear", {.tls = "clear"}, 1},
		{"host", {.host = "MX.clear.example"}, 1},
		{"address", {.host = "192.0.2.7"}, 2},
		{"host, in vain", {.host = "clear.example"}, 0},
		{"host and version", {.host = "mx.clear.example", .tls = "TLSv1.3"}, 1},
		{"host and outcome", {.host = "mx.clear.example", .outcome = "deferred"}, 0},
		{"all",
			{.address = "u@contoso.example",
				.tls = "clear",
				.outcome = "delivered",
				.connector = "contoso/in",
				.since_ms = 1,
				.until_ms = 9},
			1},
		{"subject", {.subject = "a SUBJECT"}, 1},
		{"subject, in vain", {.subject = "another"}, 0},
		{"own", {.organisations = &contoso, .tls = "clear"}, 1},
		{"own host", {.organisations = &contoso, .host = "192.0.2.7"}, 1},
		{"other's", {.organisations = &other, .tls = "clear"}, 0},
		{"other's host", {.organisations = &other, .host = "mx.clear.example"}, 0},
	};
	struct receipt in = {.peer_address = "192.0.2.7",
		.host = "helo",
		.attempt = RECEIPT_ATTEMPT_FULL,
		.version = "TLSv1.3",
		.reason = "\"quoted\" {and [nested"};
	struct receipt out = {.direction = RECEIPT_OUT,
		.peer_address = "192.0.2.8",
		.host = "mx.clear.example",
		.attempt = RECEIPT_ATTEMPT_CLEAR};
	struct wire_event event = {.message = 50,
		.at_ms = 5,
		.kind = "received",
		.organisation = "contoso",
		.connector = "in",
		.recipient = "u@contoso.example",
		.receipt = &in};
	struct traced found;

	store_trace_subjects(t->store, true);
	assert_int_equal(testing_add(t, MAIL(1, 1, 10, 100)), ERR_OK);
	store_trace_subjects(t->store, false);
	assert_int_equal(testing_add(t, MAIL(2, 1, 10, 100)), ERR_OK);
	tell(t, event);
	event.message = 51;
	event.organisation = "other";
	tell(t, event);
	event = (struct wire_event){.message = 50,
		.at_ms = 6,
		.kind = "delivered",
		.organisation = "contoso",
		.recipient = "u@contoso.example",
		.receipt = &out};
	tell(t, event);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		search(t, &found, rows[i].query);
		if (found.count != rows[i].count)
			fail_msg(
				"%s: %zu instead of %zu", rows[i].name, found.count, rows[i].count);
	}
}

/* Two frequent conditions that rarely meet: found by going from one list to the other, and a
 * question that finds nothing ends. */
static void rare_meetings_are_found(struct testing *t)
{
	enum { MANY = 2000 };
	struct wire_event events[200];
	struct store_change change = {.events = events, .event_count = 200};
	struct traced found;

	for (int i = 0; i < MANY; i++) {
		events[i % 200] = (struct wire_event){.message = 1 + i,
			.at_ms = 1 + i,
			.kind = i == 700 ? "failed" : "received",
			.sender = i % 2 == 0 || i == 701 ? "a@x.example" : "b@x.example",
			.recipient = i % 2 == 0 ? "c@y.example" : "d@y.example"};
		if (i % 200 < 199)
			continue;
		store_apply(t->store, &change, testing_done, t);
		assert_int_equal(testing_finish(t), ERR_OK);
	}
	testing_catch_up(t);
	search(t, &found,
		(struct store_trace_query){.sender = "a@x.example", .recipient = "d@y.example"});
	assert_int_equal(found.count, 1);
	assert_int_equal(found.ids[0], 702);
	search(t, &found, (struct store_trace_query){.sender = "a@x.example", .outcome = "failed"});
	assert_int_equal(found.count, 1);
	search(t, &found, (struct store_trace_query){.sender = "b@x.example", .outcome = "failed"});
	assert_int_equal(found.count, 0);
	assert_string_equal(found.next, "");
}

static void answers_go_on_at_a_cursor(struct testing *t)
{
	struct traced found;
	char next[64] = "";
	size_t total = 0;
	int64_t last = INT64_MAX;
	int pages = 0;

	add_history(t);
	do {
		search(t, &found,
			(struct store_trace_query){.address = "@fabrikam.example",
				.after = next[0] != '\0' ? next : NULL,
				.limit = 2});
		if (pages > 0 && found.count > 0)
			assert_true(found.ids[0] < last);
		if (found.count > 0)
			last = found.ids[found.count - 1] != 0 ? found.ids[found.count - 1] : last;
		total += found.count;
		snprintf(next, sizeof(next), "%s", found.next);
		assert_true(++pages < 10);
	} while (next[0] != '\0');
	assert_int_equal(total, 6);
	found = (struct traced){0};
	store_trace_search(t->store, &(struct store_trace_query){.after = "x:1"}, on_items, &found);
	testing_wait(t, &found.finished);
	assert_int_equal(found.result, ERR_SYNTAX);
}

static void old_accounts_are_forgotten(struct testing *t)
{
	struct traced found;

	add_history(t);
	store_trace_expire(t->store, 4, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	search(t, &found, (struct store_trace_query){0});
	assert_int_equal(found.count, 4);
	search(t, &found, (struct store_trace_query){.address = "@fabrikam.example"});
	assert_int_equal(found.count, 3);
	search(t, &found, (struct store_trace_query){.recipient = "@b.example"});
	assert_int_equal(found.count, 2);
	assert_int_equal(show(t, &found, 2), ERR_UNKNOWN);
}

static void actions_are_in_the_account(struct testing *t)
{
	struct store_filter one = {.id = 3, .state = STORE_ANY_STATE};
	struct traced account;
	struct found found;

	add_history(t);
	act(&found, t, STORE_HOLD, one);
	act(&found, t, STORE_RELEASE, one);
	act(&found, t, STORE_DELETE, one);
	assert_int_equal(show(t, &account, 3), ERR_OK);
	assert_string_equal(account.text,
		"received:+ held:a0@b.example held:a1@b.example released:a0@b.example "
		"released:a1@b.example deleted:a0@b.example deleted:a1@b.example ");
}

/* More events than the way to the trace holds at once, and a new start before all have arrived. */
static void nothing_is_lost_and_nothing_comes_twice(struct testing *t)
{
	enum { MESSAGES = 300, EVENTS = 200 };
	struct wire_event events[EVENTS];
	struct store_change change = {.events = events, .event_count = EVENTS};
	struct traced found;
	int64_t id;
	size_t i;

	for (id = 1; id <= MESSAGES; id++) {
		for (i = 0; i < EVENTS; i++)
			events[i] = (struct wire_event){
				.message = id, .at_ms = id, .kind = "deferred", .recipient = "x@y"};
		store_apply(t->store, &change, testing_done, t);
	}
	assert_int_equal(testing_finish(t), ERR_OK);
	if (t->directory[0] != '\0') {
		testing_reopen(t);
		testing_reopen(t);
	}
	for (id = 1; id <= MESSAGES; id += 13) {
		time_t deadline = time(NULL) + 60;

		do {
			show(t, &found, id);
		} while (found.count != EVENTS && time(NULL) < deadline);
		assert_int_equal(found.count, EVENTS);
	}
}

/* ---- who is told of events ---------------------------------------------------------------------
 */

struct told {
	bool finished;
	size_t count;
	int64_t first, last, upto, skipped;
	char text[1024]; /* kind:recipient, or sender where there is none */
};

static void on_news(void *context, enum err e, const struct store_news *news)
{
	struct told *told = context;
	size_t n = 0;

	assert_int_equal(e, ERR_OK);
	told->finished = true;
	told->count = news->count;
	told->upto = news->upto;
	told->skipped = news->skipped;
	for (size_t i = 0; i < news->count && n < sizeof(told->text); i++) {
		const struct wire_event *event = &news->items[i].event;

		assert_true(i == 0 || news->items[i].sequence > news->items[i - 1].sequence);
		n += (size_t)snprintf(told->text + n, sizeof(told->text) - n, "%s:%s:%s ",
			event->kind, event->sender, event->recipient);
	}
	if (news->count > 0) {
		told->first = news->items[0].sequence;
		told->last = news->items[news->count - 1].sequence;
	}
}

static struct told news(struct testing *t)
{
	static const char *kinds[] = {"refused", "delivered"};
	const struct record_texts wanted = {kinds, 2};
	struct told told = {0};

	store_news_next(t->store, &wanted, on_news, &told);
	testing_wait(t, &told.finished);
	return told;
}

static void tell_delivered(struct testing *t, const char *recipient)
{
	tell(t, (struct wire_event){
			.message = 2, .at_ms = 20, .kind = "delivered", .recipient = recipient});
}

static void refuse_many(struct testing *t, size_t count)
{
	enum { AT_ONCE = 200 };
	struct wire_event events[AT_ONCE];

	for (size_t i = 0; i < AT_ONCE; i++)
		events[i] = (struct wire_event){.at_ms = 30,
			.kind = "refused",
			.sender = "eve@fabrikam.example",
			.recipient = "a0@b.example"};
	for (size_t n = 0; n < count; n += AT_ONCE) {
		struct store_change change = {
			.events = events, .event_count = count - n < AT_ONCE ? count - n : AT_ONCE};

		store_apply(t->store, &change, testing_done, t);
		assert_int_equal(testing_finish(t), ERR_OK);
		testing_catch_up(t);
	}
}

static void say_told(struct testing *t, int64_t upto, int64_t skipped)
{
	store_news_told(t->store, upto, skipped, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
}

static void events_are_told_from_a_place_on(struct testing *t)
{
	struct told told;

	/* Nobody has asked before: what was is not told. */
	add_history(t);
	testing_catch_up(t);
	assert_int_equal(news(t).count, 0);
	tell_delivered(t, "a0@c.example");
	tell(t, (struct wire_event){.message = 2, .at_ms = 21, .kind = "deferred"});
	refuse_many(t, 1);
	told = news(t);
	assert_string_equal(told.text, "delivered:Alice@Fabrikam.example:a0@c.example "
				       "refused:eve@fabrikam.example:a0@b.example ");
	/* As long as nobody has said so they have not been told. */
	tell_delivered(t, "a1@c.example");
	told = news(t);
	assert_int_equal(told.count, 3);
	say_told(t, told.upto, 7);
	if (t->directory[0] != '\0')
		testing_reopen(t);
	told = news(t);
	assert_int_equal(told.count, 0);
	assert_int_equal(told.skipped, 7);
	tell_delivered(t, "a2@c.example");
	assert_string_equal(news(t).text, "delivered:Alice@Fabrikam.example:a2@c.example ");
	store_news_forget(t->store, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	told = news(t);
	assert_int_equal(told.count, 0);
	assert_int_equal(told.skipped, 0);
}

static void of_too_many_events_the_oldest_are_skipped(struct testing *t)
{
	struct told told;
	int64_t first;

	assert_int_equal(news(t).count, 0);
	refuse_many(t, STORE_NEWS_WAIT);
	told = news(t);
	first = told.first;
	assert_int_equal(told.count, STORE_NEWS);
	assert_int_equal(told.upto, told.last);
	assert_int_equal(told.last, first + STORE_NEWS - 1);
	assert_int_equal(told.skipped, 0);
	refuse_many(t, 30);
	told = news(t);
	assert_int_equal(told.skipped, 30);
	assert_int_equal(told.first, first + 30);
	/* More while it has not been told: they are counted together. */
	refuse_many(t, 5);
	told = news(t);
	assert_int_equal(told.skipped, 35);
	assert_int_equal(told.first, first + 35);
	say_told(t, told.upto, 0);
	told = news(t);
	assert_int_equal(told.skipped, 0);
	assert_int_equal(told.first, first + 35 + STORE_NEWS);
}

static const struct testing_case cases[] = {
	CASE(an_account_is_whole_and_in_order),
	CASE(questions_find_what_matches),
	CASE(questions_do_not_feel_for_others),
	CASE(connections_and_subjects_are_found),
	CASE(rare_meetings_are_found),
	CASE(answers_go_on_at_a_cursor),
	CASE(old_accounts_are_forgotten),
	CASE(actions_are_in_the_account),
	CASE(nothing_is_lost_and_nothing_comes_twice),
	CASE(events_are_told_from_a_place_on),
	CASE(of_too_many_events_the_oldest_are_skipped),
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
