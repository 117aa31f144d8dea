/* Accounts beside the mail: counts of connectors, alarms, tests. */
#include "port/store/testing.h"

#include <sqlite3.h>

enum { DAY = 24 * 3600 * 1000 };

struct answer {
	bool finished;
	enum err result;
	struct store_readiness found;
	size_t count;
	int64_t id;
	char text[2048];
};

static void on_readiness(void *context, enum err e, const struct store_readiness *found)
{
	struct answer *a = context;
	size_t n = 0;

	a->result = e;
	a->finished = true;
	if (e != ERR_OK)
		return;
	a->found = *found;
	for (size_t i = 0; i < found->count; i++)
		n += (size_t)snprintf(a->text + n, sizeof(a->text) - n,
			"%s:%d:%s@%s(%s)=%lld#%lld ",
			found->rows[i].direction == RECEIPT_IN ? "in" : "out", found->rows[i].tally,
			found->rows[i].token, found->rows[i].host,
			found->rows[i].name != NULL ? found->rows[i].name : "",
			(long long)found->rows[i].count, (long long)found->rows[i].sample);
}

static void on_alarms(void *context, enum err e, const struct store_alarm *alarms, size_t count)
{
	struct answer *a = context;
	size_t n = 0;

	a->result = e;
	a->count = count;
	a->finished = true;
	a->id = count > 0 ? alarms[0].id : 0;
	for (size_t i = 0; i < count; i++)
		n += (size_t)snprintf(a->text + n, sizeof(a->text) - n,
			"%s/%s/%s:%lld-%lld*%lld%s%s%s ", alarms[i].kind, alarms[i].organisation,
			alarms[i].subject, (long long)alarms[i].first_ms,
			(long long)alarms[i].last_ms, (long long)alarms[i].count,
			alarms[i].over_ms != 0 ? " over" : "",
			alarms[i].acknowledged_ms != 0 ? " by " : "",
			alarms[i].acknowledged_by != NULL ? alarms[i].acknowledged_by : "");
}

static void on_tests(void *context, enum err e, const struct store_test *tests, size_t count)
{
	struct answer *a = context;
	size_t n = 0;

	a->result = e;
	a->count = count;
	a->finished = true;
	for (size_t i = 0; i < count && i < 4; i++)
		n += (size_t)snprintf(a->text + n, sizeof(a->text) - n, "%lld %s %s %s; ",
			(long long)tests[i].at_ms, tests[i].actor, tests[i].ok ? "ok" : "failed",
			tests[i].summary != NULL ? tests[i].summary : tests[i].connector);
}

static void ask_readiness(struct testing *t, struct answer *a, int64_t since)
{
	*a = (struct answer){0};
	store_readiness(t->store, "contoso", "fabrikam", since, on_readiness, a);
	testing_wait(t, &a->finished);
	assert_int_equal(a->result, ERR_OK);
}

static void ask_alarms(struct testing *t, struct answer *a, const char *organisation, bool all)
{
	*a = (struct answer){0};
	store_alarms(t->store,
		&(struct store_alarm_query){.organisation = organisation, .all = all}, on_alarms,
		a);
	testing_wait(t, &a->finished);
	assert_int_equal(a->result, ERR_OK);
}

static void tell(struct testing *t, const struct wire_event *events, size_t count)
{
	struct store_change change = {.events = events, .event_count = count};

	store_apply(t->store, &change, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
}

static struct receipt from_mx1 = {
	.direction = RECEIPT_IN, .host = "mx1.fabrikam.example", .peer_address = "192.0.2.1"};
static struct receipt from_mx2 = {
	.direction = RECEIPT_IN, .host = "mx2.fabrikam.example", .peer_address = "192.0.2.2"};
static struct receipt to_mx = {
	.direction = RECEIPT_OUT, .host = "mx.fabrikam.example", .peer_address = "192.0.2.9"};

#define EVENT(id, at, what, ...)                                                                   \
	{                                                                                          \
		.message = (id), .at_ms = (at), .kind = (what), .organisation = "contoso",         \
		.connector = "fabrikam", __VA_ARGS__                                               \
	}
#define WOULD                                                                                      \
	.would_token = "no-client-certificate", .would_text = "none was presented",                \
	.would_by = "connector contoso/fabrikam"

static const struct wire_event history[] = {
	/* two recipients of one message comply */
	EVENT(1, DAY, "received", .token = "ok", .receipt = &from_mx1),
	EVENT(1, DAY, "received", .token = "ok"),
	/* one of each kind: counts for both */
	EVENT(2, DAY + 5, "received", .token = "ok", .receipt = &from_mx1),
	EVENT(2, DAY + 5, "received", .token = "ok", WOULD),
	EVENT(2, DAY + 5, "would-refuse", .token = "no-client-certificate", WOULD),
	EVENT(2, DAY + 5, "would-refuse", .token = "no-client-certificate", WOULD),
	EVENT(3, 2 * DAY, "received", .token = "ok", WOULD, .receipt = &from_mx2),
	EVENT(3, 2 * DAY, "would-refuse", .token = "no-client-certificate", WOULD),
	/* a rule in report mode is no connector's */
	EVENT(4, 2 * DAY, "received", .token = "ok", .would_token = "refused-by-rule",
		.would_by = "rule contoso/records", .receipt = &from_mx2),
	EVENT(4, 2 * DAY, "would-refuse", .token = "refused-by-rule",
		.would_token = "refused-by-rule", .would_by = "rule contoso/records"),
	/* refusals: a requirement, twice; and what is none */
	EVENT(0, 3 * DAY, "refused", .token = "name-mismatch", .enhanced = "5.7.51",
		.receipt = &from_mx2),
	EVENT(0, 3 * DAY, "refused", .token = "name-mismatch", .enhanced = "5.7.51",
		.receipt = &from_mx2),
	EVENT(0, 3 * DAY, "refused", .token = "unknown-recipient", .enhanced = "5.1.1",
		.receipt = &from_mx2),
	/* on the way out: retries of one message count once, words of the next hop not at all */
	EVENT(5, 3 * DAY, "deferred", .token = "no-starttls", .enhanced = "4.7.10",
		.receipt = &to_mx),
	EVENT(5, 3 * DAY, "deferred", .token = "no-starttls", .enhanced = "4.7.10",
		.receipt = &to_mx),
	EVENT(5, 3 * DAY, "expired", .token = "no-starttls", .enhanced = "4.7.10",
		.receipt = &to_mx),
	EVENT(6, 3 * DAY, "failed", .token = "smtp", .enhanced = "5.7.1", .receipt = &to_mx),
	EVENT(7, 3 * DAY, "delivered", .token = "ok", .receipt = &to_mx),
	EVENT(7, 3 * DAY, "delivered", .token = "ok", .receipt = &to_mx),
	/* of no connector */
	{.message = 8, .at_ms = 3 * DAY, .kind = "received", .organisation = "contoso"},
};

static const char all_reasons[] = "in:2:name-mismatch@192.0.2.2(mx2.fabrikam.example)=2#0 "
				  "in:1:no-client-certificate@192.0.2.1(mx1.fabrikam.example)=1#2 "
				  "in:1:no-client-certificate@192.0.2.2(mx2.fabrikam.example)=1#3 "
				  "out:2:no-starttls@mx.fabrikam.example()=1#5 ";

static void each_message_counts_once(struct testing *t)
{
	struct answer a;

	tell(t, history, ARRAY_LENGTH(history));
	for (int round = 0; round < 2; round++) {
		ask_readiness(t, &a, 0);
		assert_string_equal(a.text, all_reasons);
		assert_int_equal(a.found.totals[RECEIPT_IN][STORE_TALLY_OK], 3);
		assert_int_equal(a.found.totals[RECEIPT_IN][STORE_TALLY_WOULD], 2);
		assert_int_equal(a.found.totals[RECEIPT_IN][STORE_TALLY_REFUSED], 2);
		assert_int_equal(a.found.hosts[RECEIPT_IN][STORE_TALLY_WOULD], 2);
		assert_int_equal(a.found.totals[RECEIPT_OUT][STORE_TALLY_OK], 1);
		assert_int_equal(a.found.totals[RECEIPT_OUT][STORE_TALLY_REFUSED], 1);
		assert_int_equal(a.found.first_ms[RECEIPT_IN], DAY);
		if (t->directory[0] != '\0')
			testing_reopen(t);
	}
}

static void days_are_asked_and_forgotten(struct testing *t)
{
	struct answer a;

	tell(t, history, ARRAY_LENGTH(history));
	ask_readiness(t, &a, 3 * (int64_t)DAY + 100);
	assert_int_equal(a.found.totals[RECEIPT_IN][STORE_TALLY_OK], 0);
	assert_int_equal(a.found.totals[RECEIPT_IN][STORE_TALLY_REFUSED], 2);
	store_trace_expire(t->store, 2 * (int64_t)DAY, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	ask_readiness(t, &a, 0);
	assert_int_equal(a.found.totals[RECEIPT_IN][STORE_TALLY_OK], 1);
	assert_int_equal(a.found.totals[RECEIPT_IN][STORE_TALLY_WOULD], 1);
}

/* Hosts that strangers choose do not fill the disk. */
static void hosts_have_a_limit(struct testing *t)
{
	enum { HOSTS = 2100 };
	struct wire_event *events = mem_resize(NULL, HOSTS, sizeof(*events));
	struct receipt *receipts = mem_resize(NULL, HOSTS, sizeof(*receipts));
	char(*names)[32] = mem_resize(NULL, HOSTS, sizeof(*names));
	struct answer a;

	for (int i = 0; i < HOSTS; i++) {
		snprintf(names[i], sizeof(names[i]), "2001:db8::%x", i);
		receipts[i] = (struct receipt){.peer_address = names[i]};
		events[i] = (struct wire_event)EVENT(
			i + 1, 7, "received", .token = "ok", .receipt = &receipts[i]);
	}
	tell(t, events, HOSTS);
	testing_catch_up(t);
	ask_readiness(t, &a, 0);
	assert_int_equal(a.found.totals[RECEIPT_IN][STORE_TALLY_OK], HOSTS);
	assert_int_equal(a.found.hosts[RECEIPT_IN][STORE_TALLY_OK], 2001);
	free(events);
	free(receipts);
	free(names);
}

#define ALARM(at, what, about)                                                                     \
	(&(struct wire_event){.at_ms = (at),                                                       \
		.kind = (what),                                                                    \
		.token = "downgrade",                                                              \
		.organisation = "contoso",                                                         \
		.sender = (about),                                                                 \
		.text = "had TLS"})

static void alarms_are_raised_once(struct testing *t)
{
	struct store_acknowledgement by = {.by = "root", .at_ms = 50, .organisation = "fabrikam"};
	struct answer a;

	tell(t, ALARM(10, "alarm", "b.example"), 1);
	tell(t, ALARM(20, "alarm", "b.example"), 1);
	tell(t, ALARM(30, "alarm", "c.example"), 1);
	tell(t, ALARM(40, "alarm-over", "b.example"), 1);
	tell(t, ALARM(45, "alarm", "b.example"), 1);
	if (t->directory[0] != '\0')
		testing_reopen(t);
	ask_alarms(t, &a, NULL, false);
	assert_string_equal(a.text, "downgrade/contoso/b.example:45-45*1 "
				    "downgrade/contoso/c.example:30-30*1 "
				    "downgrade/contoso/b.example:10-20*2 over ");
	by.id = a.id;
	store_alarm_acknowledge(t->store, &by, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_UNKNOWN);
	by.organisation = "contoso";
	store_alarm_acknowledge(t->store, &by, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	ask_alarms(t, &a, "contoso", false);
	assert_int_equal(a.count, 2);
	ask_alarms(t, &a, "fabrikam", true);
	assert_int_equal(a.count, 0);
	ask_alarms(t, &a, "contoso", true);
	assert_non_null(strstr(a.text, "b.example:45-45*1 by root"));
	/* What nobody has looked at, and goes on, is not forgotten. */
	store_trace_expire(t->store, 1000, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	ask_alarms(t, &a, NULL, true);
	assert_string_equal(a.text, "downgrade/contoso/c.example:30-30*1 ");
}

/* Of very many the open ones are kept, and the newest. */
static void alarms_are_bounded(struct testing *t)
{
	enum { MANY = 5000 + 600 };
	struct wire_event *events = mem_new(2 * MANY * sizeof(*events));
	struct store_acknowledgement by = {.by = "root", .at_ms = 50, .organisation = "contoso"};
	static const struct {
		int64_t id;
		enum err want;
	} rows[] = {{1, ERR_OK}, {2, ERR_UNKNOWN}, {200, ERR_UNKNOWN}, {MANY, ERR_OK}};

	tell(t, ALARM(10, "alarm", "open.example"), 1);
	for (int i = 0; i < MANY; i++) {
		events[2 * i] = *ALARM(20 + i, "alarm", "flaps.example");
		events[2 * i + 1] = *ALARM(20 + i, "alarm-over", "flaps.example");
	}
	tell(t, events, 2 * MANY);
	testing_catch_up(t);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		by.id = rows[i].id;
		store_alarm_acknowledge(t->store, &by, testing_done, t);
		assert_int_equal(testing_finish(t), rows[i].want);
	}
	free(events);
}

static void tests_are_kept(struct testing *t)
{
	struct store_test test = {.at_ms = 5,
		.organisation = "contoso",
		.connector = "fabrikam",
		.actor = "root",
		.summary = "{\"steps\":[]}"};
	struct answer a = {0};

	for (int i = 0; i < 2; i++) {
		test.ok = i == 1;
		test.at_ms += 5;
		store_test_put(t->store, &test, testing_done, t);
		assert_int_equal(testing_finish(t), ERR_OK);
	}
	if (t->directory[0] != '\0')
		testing_reopen(t);
	store_tests(
		t->store, &(struct store_test_query){"contoso", "fabrikam", 0, 10}, on_tests, &a);
	testing_wait(t, &a.finished);
	assert_string_equal(a.text, "15 root ok {\"steps\":[]}; 10 root failed {\"steps\":[]}; ");
	a = (struct answer){0};
	store_tests(t->store, &(struct store_test_query){"contoso", "other", 0, 10}, on_tests, &a);
	testing_wait(t, &a.finished);
	assert_int_equal(a.count, 0);
}

static void ask_last(
	struct testing *t, const struct store_last_tests_query *query, const char *want)
{
	struct answer a = {0};

	store_last_tests(t->store, query, on_tests, &a);
	testing_wait(t, &a.finished);
	assert_int_equal(a.result, ERR_OK);
	assert_string_equal(a.text, want);
}

/* One of each connector, in pages, and of some organisations only. */
static void last_tests_are_told(struct testing *t)
{
	static const char *const connectors[][2] = {{"contoso", "fabrikam"},
		{"contoso", "fabrikam"}, {"contoso", "northwind"}, {"woodgrove", "fabrikam"}};
	const char *theirs[] = {"woodgrove", "nobody"};
	const struct record_texts some = {.items = theirs, .count = 2};
	struct store_test test = {.actor = "root", .summary = "{}"};

	for (size_t i = 0; i < ARRAY_LENGTH(connectors); i++) {
		test.at_ms = (int64_t)i + 1;
		test.organisation = connectors[i][0];
		test.connector = connectors[i][1];
		store_test_put(t->store, &test, testing_done, t);
		assert_int_equal(testing_finish(t), ERR_OK);
	}
	ask_last(t, &(struct store_last_tests_query){.organisation = "", .connector = ""},
		"2 root failed fabrikam; 3 root failed northwind; 4 root failed fabrikam; ");
	ask_last(t,
		&(struct store_last_tests_query){.organisation = "", .connector = "", .limit = 1},
		"2 root failed fabrikam; ");
	ask_last(t,
		&(struct store_last_tests_query){
			.organisation = "contoso", .connector = "fabrikam", .limit = 1},
		"3 root failed northwind; ");
	ask_last(t,
		&(struct store_last_tests_query){
			.organisations = &some, .organisation = "", .connector = ""},
		"4 root failed fabrikam; ");
}

static void on_protections(
	void *context, enum err e, const struct store_protection *all, size_t count)
{
	struct answer *a = context;
	size_t n = 0;

	a->result = e;
	a->count = count;
	a->finished = true;
	for (size_t i = 0; i < count; i++)
		n += (size_t)snprintf(a->text + n, sizeof(a->text) - n,
			"%d %s %s %d@%lld %s %d@%lld %lld %s; ", all[i].direction, all[i].domain,
			all[i].network, all[i].best, (long long)all[i].best_ms, all[i].host,
			all[i].got, (long long)all[i].seen_ms, (long long)all[i].fallen_ms,
			all[i].organisation);
}

static void protection_is_remembered(struct testing *t)
{
	struct store_protection out = {.direction = RECEIPT_OUT,
		.domain = "b.example",
		.network = "",
		.best = MODEL_LEVEL_NAME,
		.best_ms = 5,
		.host = "mx.b.example",
		.got = MODEL_LEVEL_NONE,
		.seen_ms = 7,
		.fallen_ms = 6,
		.organisation = "contoso"};
	struct store_protection in = {
		.direction = RECEIPT_IN, .domain = "b.example", .network = "192.0.2.0/24"};
	struct answer a = {0};

	store_protection_put(t->store, &out, NULL, NULL);
	out.best_ms = 4;
	store_protection_put(t->store, &out, NULL, NULL);
	store_protection_put(t->store, &in, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	if (t->directory[0] != '\0')
		testing_reopen(t);
	store_protections(t->store, on_protections, &a);
	testing_wait(t, &a.finished);
	assert_string_equal(a.text, "0 b.example 192.0.2.0/24 0@0 (null) 0@0 0 (null); "
				    "1 b.example  3@4 mx.b.example 0@7 6 contoso; ");
	store_protection_remove(t->store, &out, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	a = (struct answer){0};
	store_protections(t->store, on_protections, &a);
	testing_wait(t, &a.finished);
	assert_int_equal(a.count, 1);
}

static void on_owners(void *context, enum err e, const struct store_owner *owners, size_t count)
{
	struct answer *a = context;
	size_t n = 0;

	a->result = e;
	a->finished = true;
	for (size_t i = 0; i < count; i++)
		if (owners[i].messages > 0)
			n += (size_t)snprintf(a->text + n, sizeof(a->text) - n, "%s=%lld ",
				owners[i].name, (long long)owners[i].messages);
}

static void expect_owners(struct testing *t, const char *text)
{
	struct answer a = {0};

	store_owners(t->store, on_owners, &a);
	testing_wait(t, &a.finished);
	assert_int_equal(a.result, ERR_OK);
	assert_string_equal(a.text, text);
}

static void add_owned(struct testing *t, int64_t id, const char *first, const char *second)
{
	struct store_recipient recipients[] = {
		{.wire = {.address = "a@b", .organisation = first}},
		{.wire = {.number = 1, .address = "b@b", .organisation = second}},
		{.wire = {.number = 2, .address = "c@b", .organisation = first}},
	};
	struct wire_message message = {.id = id, .sender = ""};
	struct store_new new = {.message = &message, .recipients = recipients, .count = 3};

	new.intake = store_begin(t->store, id);
	store_commit(t->store, &new, NULL, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
}

static void messages_are_counted_by_organisation(struct testing *t)
{
	struct store_update gone[] = {{.message = 1, .number = 0, .remove = true},
		{.message = 1, .number = 1, .remove = true},
		{.message = 1, .number = 2, .remove = true}};
	struct found f;

	add_owned(t, 1, "contoso", "fabrikam");
	add_owned(t, 2, "contoso", "contoso");
	add_owned(t, 3, "contoso", NULL);
	expect_owners(t, "contoso=3 fabrikam=1 ");
	if (t->directory[0] != '\0')
		testing_reopen(t);
	/* A part of it does not end it. */
	assert_int_equal(testing_update(t, gone, 2), ERR_OK);
	expect_owners(t, "contoso=3 fabrikam=1 ");
	assert_int_equal(testing_update(t, &gone[2], 1), ERR_OK);
	assert_int_equal(testing_update(t, gone, 3), ERR_OK);
	expect_owners(t, "contoso=2 ");
	act(&f, t, STORE_DELETE, (struct store_filter){.id = 2, .state = STORE_ANY_STATE});
	expect_owners(t, "contoso=1 ");
}

static const struct testing_case cases[] = {
	CASE(messages_are_counted_by_organisation),
	CASE(protection_is_remembered),
	CASE(each_message_counts_once),
	CASE(days_are_asked_and_forgotten),
	CASE(hosts_have_a_limit),
	CASE(alarms_are_raised_once),
	CASE(alarms_are_bounded),
	CASE(tests_are_kept),
	CASE(last_tests_are_told),
};
TESTING_BOTH(cases)

static void run_sql(const struct testing *t, const char *name, const char *sql)
{
	char path[256];
	char *why = NULL;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/%s", t->directory, name);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why != NULL ? why : "?");
	sqlite3_close(db);
}

/* What the version before has left is taken over: its mail, its trace, and who owns it. */
static void an_older_store_is_taken_over(void **state)
{
	struct answer a;
	struct testing t;
	struct found f;

	(void)state;
	testing_begin(&t, true);
	add_owned(&t, 1, "contoso", "fabrikam");
	add_owned(&t, 2, "contoso", NULL);
	tell(&t, history, 2);
	ask_readiness(&t, &a, 0);
	store_close(&t.store);
	run_sql(&t, "queue.db",
		"DROP TABLE owner; DROP TABLE protection; DROP TABLE refusal;"
		"DROP TABLE user; DROP TABLE token; DROP TABLE audit;"
		"DROP INDEX config_key;"
		"ALTER TABLE message DROP COLUMN labels; ALTER TABLE message DROP COLUMN via;"
		"ALTER TABLE message DROP COLUMN owners;"
		"ALTER TABLE recipient DROP COLUMN receiver;"
		"ALTER TABLE recipient DROP COLUMN receiver_connector;"
		"ALTER TABLE recipient DROP COLUMN would_token;"
		"ALTER TABLE recipient DROP COLUMN would_text;"
		"ALTER TABLE recipient DROP COLUMN would_by;"
		"ALTER TABLE event DROP COLUMN would_token;"
		"ALTER TABLE event DROP COLUMN would_text;"
		"ALTER TABLE event DROP COLUMN would_by; PRAGMA user_version = 2");
	run_sql(&t, "trace.db",
		"DROP TABLE connector_day; DROP TABLE alarm; DROP TABLE alarm_news;"
		"DROP TABLE test;"
		"DROP TABLE chain; DROP TABLE acceptance;"
		"DROP TABLE rollup; DROP TABLE clear_domain;"
		"DELETE FROM setting WHERE name LIKE 'told-%';"
		"ALTER TABLE event DROP COLUMN would_token;"
		"ALTER TABLE event DROP COLUMN would_text;"
		"ALTER TABLE event DROP COLUMN would_by; PRAGMA user_version = 1");
	testing_open(&t);
	load_one(&f, &t, 1);
	assert_int_equal(f.recipients[0], 3);
	expect_owners(&t, "contoso=2 fabrikam=1 ");
	tell(&t, &history[2], 3);
	ask_readiness(&t, &a, 0);
	assert_int_equal(a.found.totals[RECEIPT_IN][STORE_TALLY_WOULD], 1);
	testing_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_memory),
		cmocka_unit_test(on_disk),
		cmocka_unit_test(an_older_store_is_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
