/* The conformance suite: the same cases on every backend. */
#include "port/store/testing.h"

#include <fcntl.h>
#include <sys/stat.h>

/* ---- what was found, copied out of the completions ------------------------------------------- */

struct found {
	struct testing *t;
	bool finished;
	enum err result;
	bool more;
	int64_t next;
	size_t count;
	struct store_due_entry due[64];
	char routes[64][64];
	int64_t ids[64];
	size_t recipients[64];
	struct store_recipient first; /* numbers of the first recipient of the first message */
	char text[512];
	int64_t messages, acted, held;
	int64_t numbers[8];
};

static void on_due(
	void *context, enum err e, const struct store_due_entry *entries, size_t count, bool more)
{
	struct found *f = context;
	size_t i;

	f->result = e;
	f->more = more;
	f->count = count;
	for (i = 0; i < count && i < 64; i++) {
		f->due[i] = entries[i];
		snprintf(f->routes[i], sizeof(f->routes[i]), "%s", entries[i].route);
	}
	f->finished = true;
}

static void on_messages(
	void *context, enum err e, const struct store_message *messages, size_t count, int64_t next)
{
	struct found *f = context;
	size_t i;

	f->result = e;
	f->count = count;
	f->next = next;
	for (i = 0; i < count && i < 64; i++) {
		f->ids[i] = messages[i].wire.id;
		f->recipients[i] = messages[i].recipients.count;
	}
	if (count > 0) {
		const struct store_message *m = &messages[0];
		const struct store_recipient *r = &m->recipients.items[0];

		f->first = *r;
		snprintf(f->text, sizeof(f->text), "%s|%s|%s|%s|%s|%s|%s|%s", m->wire.sender,
			m->wire.subject, m->wire.message_id,
			m->wire.receipt.version != NULL ? m->wire.receipt.version : "-",
			r->wire.address, r->route, r->token != NULL ? r->token : "-",
			r->text != NULL ? r->text : "-");
	}
	f->finished = true;
}

static void on_body(void *context, enum err e, struct str bytes)
{
	struct found *f = context;

	f->result = e;
	f->count = bytes.n;
	f->more = bytes.n > 0 && bytes.p[0] == bytes.p[bytes.n - 1];
	f->text[0] = bytes.n > 0 ? bytes.p[0] : '\0';
	f->finished = true;
}

static void on_acted(void *context, enum err e, const struct store_acted *acted)
{
	struct found *f = context;

	f->result = e;
	f->messages = acted->messages;
	f->acted = acted->recipients;
	f->count += acted->count;
	f->finished = acted->final;
}

static struct found *find(struct found *f, struct testing *t)
{
	*f = (struct found){.t = t};
	return f;
}

static void get_due(struct found *f, struct testing *t, int64_t until,
	const struct store_due_entry *after, size_t limit)
{
	store_due(t->store, until, after, limit, on_due, find(f, t));
	testing_wait(t, &f->finished);
	assert_int_equal(f->result, ERR_OK);
}

static void load_one(struct found *f, struct testing *t, int64_t id)
{
	store_load(t->store, &id, 1, on_messages, find(f, t));
	testing_wait(t, &f->finished);
	assert_int_equal(f->result, ERR_OK);
}

static enum err read_body(
	struct found *f, struct testing *t, int64_t id, int64_t offset, size_t length)
{
	store_body_read(t->store, id, offset, length, on_body, find(f, t));
	testing_wait(t, &f->finished);
	return f->result;
}

static void act(
	struct found *f, struct testing *t, enum store_action action, struct store_filter filter)
{
	struct store_act a = {.action = action,
		.filter = filter,
		.now_ms = 777,
		.text = "by root",
		.route = "mx:other.example"};

	store_act(t->store, &a, on_acted, find(f, t));
	testing_wait(t, &f->finished);
	assert_int_equal(f->result, ERR_OK);
}

/* ---- cases -------------------------------------------------------------------------------------
 */

static void a_message_is_there_as_accepted(struct testing *t)
{
	struct found f;
	struct store_counts counts;

	assert_int_equal(testing_add(t, MAIL(5, 2, 3000, 100)), ERR_OK);
	load_one(&f, t, 5);
	assert_int_equal(f.count, 1);
	assert_int_equal(f.recipients[0], 2);
	assert_string_equal(f.text, "Alice@Fabrikam.example|A subject|<One@fabrikam.example>|"
				    "TLSv1.3|a0@b.example|mx:b.example|-|-");
	assert_int_equal(f.first.due_ms, 100);
	assert_int_equal(f.first.state, STORE_WAITING);
	store_counts(t->store, &counts);
	assert_int_equal(counts.messages, 1);
	assert_int_equal(counts.recipients, 2);
	load_one(&f, t, 6);
	assert_int_equal(f.count, 0);
}

static void an_id_is_taken_once(struct testing *t)
{
	struct found f;

	assert_int_equal(testing_add(t, MAIL(5, 1, 10, 100)), ERR_OK);
	assert_int_equal(testing_add(t, MAIL(5, 2, 99, 100)), ERR_EXISTS);
	assert_int_equal(read_body(&f, t, 5, 0, 1000), ERR_OK);
	assert_int_equal(f.count, 10);
}

static void bodies_are_read_in_parts(struct testing *t)
{
	static const size_t sizes[] = {
		0, 1, 1000, STORE_BODY_IN_ROW, STORE_BODY_IN_ROW + 1, 300000};
	struct found f;
	size_t i;
	int round;

	for (i = 0; i < ARRAY_LENGTH(sizes); i++)
		assert_int_equal(testing_add(t, MAIL(10 + (int64_t)i, 1, sizes[i], 1)), ERR_OK);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_LENGTH(sizes); i++) {
			int64_t id = 10 + (int64_t)i;

			assert_int_equal(read_body(&f, t, id, 0, STORE_MAX_READ), ERR_OK);
			assert_int_equal(f.count, sizes[i]);
			if (sizes[i] > 0)
				assert_int_equal(f.text[0], 'a' + id % 26);
			assert_int_equal(read_body(&f, t, id, (int64_t)sizes[i] - 1, 100), ERR_OK);
			assert_int_equal(f.count, sizes[i] > 0 ? 1 : 0);
			assert_int_equal(read_body(&f, t, id, (int64_t)sizes[i] + 5, 100), ERR_OK);
			assert_int_equal(f.count, 0);
		}
		/* Once from memory, once from where they stand. */
		if (t->directory[0] != '\0')
			testing_reopen(t);
	}
	assert_int_equal(read_body(&f, t, 99, 0, 10), ERR_UNKNOWN);
}

static void due_comes_in_order_and_in_pages(struct testing *t)
{
	struct found f;
	struct store_due_entry last;

	assert_int_equal(testing_add(t, MAIL(3, 2, 10, 100)), ERR_OK);
	assert_int_equal(testing_add(t, MAIL(2, 1, 10, 300)), ERR_OK);
	assert_int_equal(testing_add(t, MAIL(1, 1, 10, 100)), ERR_OK);
	assert_int_equal(testing_add(t, MAIL(4, 1, 10, 900)), ERR_OK);
	get_due(&f, t, 500, NULL, 2);
	assert_int_equal(f.count, 2);
	assert_true(f.more);
	assert_int_equal(f.due[0].message, 1);
	assert_int_equal(f.due[0].received_ms, 1);
	assert_int_equal(f.due[1].message, 3);
	assert_int_equal(f.due[1].number, 0);
	assert_string_equal(f.routes[1], "mx:b.example");
	last = f.due[1];
	get_due(&f, t, 500, &last, 10);
	assert_int_equal(f.count, 2);
	assert_false(f.more);
	assert_int_equal(f.due[0].message, 3);
	assert_int_equal(f.due[0].number, 1);
	assert_int_equal(f.due[1].message, 2);
	get_due(&f, t, 50, NULL, 10);
	assert_int_equal(f.count, 0);
}

static void outcomes_change_and_remove(struct testing *t)
{
	struct found f;
	struct store_counts counts;
	struct store_update defer = {.message = 7,
		.number = 0,
		.due_ms = 5000,
		.attempts = 1,
		.last_ms = 400,
		.token = "connect",
		.text = "no answer"};
	struct store_update again = {.message = 7, .number = 0, .due_ms = 6000, .attempts = 2};
	struct store_update both[2] = {{.message = 7, .number = 1, .remove = true},
		{.message = 7, .number = 0, .remove = true}};
	struct store_update missing = {.message = 70, .number = 1, .remove = true};

	assert_int_equal(testing_add(t, MAIL(7, 2, 100000, 100)), ERR_OK);
	assert_int_equal(testing_update(t, &defer, 1), ERR_OK);
	assert_int_equal(testing_update(t, &again, 1), ERR_OK);
	assert_int_equal(testing_update(t, &missing, 1), ERR_OK);
	load_one(&f, t, 7);
	assert_int_equal(f.first.due_ms, 6000);
	assert_int_equal(f.first.attempts, 2);
	assert_non_null(strstr(f.text, "|connect|no answer"));
	assert_int_equal(testing_update(t, both, 1), ERR_OK);
	load_one(&f, t, 7);
	assert_int_equal(f.recipients[0], 1);
	assert_int_equal(testing_update(t, both, 2), ERR_OK);
	load_one(&f, t, 7);
	assert_int_equal(f.count, 0);
	assert_int_equal(read_body(&f, t, 7, 0, 10), ERR_UNKNOWN);
	store_counts(t->store, &counts);
	assert_int_equal(counts.messages, 0);
	assert_int_equal(counts.recipients, 0);
	assert_int_equal(counts.cached, 0);
}

/* A bounce replaces what it is about in one change. */
static void a_notice_comes_with_the_end_of_its_cause(struct testing *t)
{
	struct store_recipient to = {.wire.address = "alice@fabrikam.example", .route = "mx:f"};
	struct wire_message notice = {.id = 21, .received_ms = 21, .sender = ""};
	struct store_new new = {.message = &notice, .recipients = &to, .count = 1};
	struct store_update end = {.message = 20, .number = 0, .remove = true};
	struct wire_event event = {.message = 20, .at_ms = 3, .kind = "failed"};
	struct store_change change = {.news = &new,
		.new_count = 1,
		.updates = &end,
		.update_count = 1,
		.events = &event,
		.event_count = 1};
	struct found f;

	assert_int_equal(testing_add(t, MAIL(20, 1, 10, 100)), ERR_OK);
	new.intake = store_begin(t->store, 21);
	store_write(new.intake, (struct str)STR("Subject: Undelivered\r\n\r\n"));
	store_apply(t->store, &change, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	load_one(&f, t, 20);
	assert_int_equal(f.count, 0);
	load_one(&f, t, 21);
	assert_int_equal(f.count, 1);
	/* And when the notice cannot be added, nothing has ended. */
	assert_int_equal(testing_add(t, MAIL(22, 1, 10, 100)), ERR_OK);
	end.message = 22;
	new.intake = store_begin(t->store, 21);
	store_apply(t->store, &change, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_EXISTS);
	load_one(&f, t, 22);
	assert_int_equal(f.count, 1);
}

static void an_abandoned_message_leaves_nothing(struct testing *t)
{
	struct store_intake *intake = store_begin(t->store, 30);
	struct found f;

	testing_fill(intake, 30, 200000);
	store_abort(&intake);
	assert_null(intake);
	assert_int_equal(read_body(&f, t, 30, 0, 10), ERR_UNKNOWN);
	assert_int_equal(testing_add(t, MAIL(30, 1, 200000, 1)), ERR_OK);
}

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

static void on_config(void *context, enum err e, int64_t generation,
	const struct model_config *config, const char *text)
{
	struct found *f = context;

	(void)text;
	f->result = e;
	f->next = generation;
	f->count = config != NULL ? config->organisations.count : 99;
	if (f->count == 2)
		snprintf(f->text, sizeof(f->text), "%s %s", config->organisations.items[1].name,
			config->domains.items[0].name);
	f->finished = true;
}

static void the_configuration_is_replaced_whole(struct testing *t)
{
	struct model_organisation organisations[2];
	struct model_domain domain;
	struct arena *arena = arena_new();
	struct model_config config = {
		.organisations = {organisations, 2},
		.domains = {&domain, 1},
	};
	struct found f;

	store_config_get(t->store, on_config, find(&f, t));
	testing_wait(t, &f.finished);
	assert_int_equal(f.result, ERR_OK);
	assert_int_equal(f.next, 0);
	assert_int_equal(f.count, 0);
	record_init(&model_organisation_desc, &organisations[0], arena);
	record_init(&model_organisation_desc, &organisations[1], arena);
	record_init(&model_domain_desc, &domain, arena);
	organisations[0].name = "contoso";
	organisations[1].name = "fabrikam";
	domain.name = "contoso.example";
	domain.organisation = "contoso";
	store_config_put(t->store, 3, &config, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	if (t->directory[0] != '\0')
		testing_reopen(t);
	store_config_get(t->store, on_config, find(&f, t));
	testing_wait(t, &f.finished);
	assert_int_equal(f.result, ERR_OK);
	assert_int_equal(f.next, 3);
	assert_string_equal(f.text, "fabrikam contoso.example");
	config.organisations.count = 0;
	config.domains.count = 0;
	store_config_put(t->store, 4, &config, NULL, NULL);
	store_config_get(t->store, on_config, find(&f, t));
	testing_wait(t, &f.finished);
	assert_int_equal(f.next, 4);
	assert_int_equal(f.count, 0);
	arena_free(&arena);
}

static void on_hosts(void *context, enum err e, const struct wire_host *hosts, size_t count)
{
	struct found *f = context;

	f->result = e;
	f->count = count;
	if (count > 0)
		snprintf(f->text, sizeof(f->text), "%s %d %s", hosts[0].host, hosts[0].attempt,
			hosts[0].reason);
	f->finished = true;
}

static void hosts_are_remembered(struct testing *t)
{
	struct wire_host host = {"mx.b.example:25", RECEIPT_ATTEMPT_CLEAR, 5, "no cipher"};
	struct found f;

	store_host_put(t->store, &host, NULL, NULL);
	host.host = "mx.a.example:25";
	store_host_put(t->store, &host, NULL, NULL);
	host.attempt = RECEIPT_ATTEMPT_REDUCED;
	store_host_put(t->store, &host, NULL, NULL);
	store_host_remove(t->store, "mx.b.example:25", NULL, NULL);
	store_host_remove(t->store, "nobody", testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	store_hosts(t->store, on_hosts, find(&f, t));
	testing_wait(t, &f.finished);
	assert_int_equal(f.count, 1);
	assert_string_equal(f.text, "mx.a.example:25 2 no cipher");
}

static void closing_completes_what_was_asked(struct testing *t)
{
	int done = 0, i;
	bool finished[20] = {0};
	struct testing results[20] = {0};

	for (i = 0; i < 20; i++)
		testing_add_async(t, MAIL(100 + i, 1, 10, 1), testing_done, &results[i]);
	store_close(&t->store);
	for (i = 0; i < 20; i++)
		done += results[i].finished && results[i].result == ERR_OK;
	assert_int_equal(done, 20);
	(void)finished;
}

/* ---- both backends ------------------------------------------------------------------------------
 */

typedef void case_function(struct testing *t);
static const struct {
	const char *name;
	case_function *run;
} cases[] = {
#define CASE(f)                                                                                    \
	{                                                                                          \
#f, f                                                                              \
	}
	CASE(a_message_is_there_as_accepted),
	CASE(an_id_is_taken_once),
	CASE(bodies_are_read_in_parts),
	CASE(due_comes_in_order_and_in_pages),
	CASE(outcomes_change_and_remove),
	CASE(a_notice_comes_with_the_end_of_its_cause),
	CASE(an_abandoned_message_leaves_nothing),
	CASE(listings_filter),
	CASE(listings_go_on_at_a_cursor),
	CASE(actions_change_what_matches),
	CASE(the_summary_counts_by_route),
	CASE(the_configuration_is_replaced_whole),
	CASE(hosts_are_remembered),
	CASE(closing_completes_what_was_asked),
};

static void run_all(bool on_disk)
{
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct testing t;

		print_message("  %s\n", cases[i].name);
		testing_begin(&t, on_disk);
		cases[i].run(&t);
		assert_int_equal(t.broken, ERR_OK);
		testing_end(&t);
	}
}

static void in_memory(void **state)
{
	(void)state;
	run_all(false);
}

static void on_disk(void **state)
{
	(void)state;
	run_all(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_memory),
		cmocka_unit_test(on_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
