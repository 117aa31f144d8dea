/* Who was told of which alarms: that they began, and that they are over. */
#include "port/store/alert.h"
#include "port/store/testing.h"

#include <sqlite3.h>

struct answer {
	bool finished;
	enum err result;
	size_t count;
	int64_t id;
	char text[2048];
};

static void tell(struct testing *t, const struct wire_event *events, size_t count)
{
	struct store_change change = {.events = events, .event_count = count};

	store_apply(t->store, &change, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
}

#define ALARM(at, what, about)                                                                     \
	(&(struct wire_event){.at_ms = (at),                                                       \
		.kind = (what),                                                                    \
		.token = "downgrade",                                                              \
		.organisation = "contoso",                                                         \
		.sender = (about),                                                                 \
		.text = "had TLS"})

/* "number:subject" of what is told, "over" behind ends; *ID: the last number. */
static void on_news(void *context, enum err e, const struct store_alarm *alarms, size_t count)
{
	struct answer *a = context;
	size_t n = 0;

	a->result = e;
	a->count = count;
	a->finished = true;
	for (size_t i = 0; i < count; i++) {
		a->id = alarms[i].number;
		if (n < sizeof(a->text) - 100)
			n += (size_t)snprintf(a->text + n, sizeof(a->text) - n, "%lld:%s%s ",
				(long long)alarms[i].number, alarms[i].subject,
				alarms[i].is_end ? " over" : "");
	}
}

static const char *news(struct testing *t, struct answer *a, enum store_alert_way way)
{
	*a = (struct answer){0};
	store_alert_next(t->store, way, 0, on_news, a);
	testing_wait(t, &a->finished);
	assert_int_equal(a->result, ERR_OK);
	return a->text;
}

/* Beginnings and ends in one row, in the order in which they happened; each way has its own place
 * in it. */
static void beginnings_and_ends_are_told(struct testing *t)
{
	struct answer a;

	tell(t, ALARM(5, "alarm-over", "never.example"), 1);
	tell(t, ALARM(10, "alarm", "b.example"), 1);
	tell(t, ALARM(20, "alarm", "b.example"), 1); /* goes on: that is no news */
	tell(t, ALARM(30, "alarm", "c.example"), 1);
	tell(t, ALARM(40, "alarm-over", "b.example"), 1);
	tell(t, ALARM(41, "alarm-over", "b.example"), 1); /* it was over */
	tell(t, ALARM(45, "alarm", "b.example"), 1);
	assert_string_equal(news(t, &a, STORE_ALERT_WEBHOOK),
		"1:b.example 2:c.example 3:b.example over 4:b.example ");
	store_alert_told(t->store, STORE_ALERT_WEBHOOK, 2, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	tell(t, ALARM(50, "alarm-over", "c.example"), 1);
	if (t->directory[0] != '\0')
		testing_reopen(t);
	assert_string_equal(
		news(t, &a, STORE_ALERT_WEBHOOK), "3:b.example over 4:b.example 5:c.example over ");
	assert_string_equal(news(t, &a, STORE_ALERT_MAIL),
		"1:b.example 2:c.example 3:b.example over 4:b.example 5:c.example over ");
	/* Of what is forgotten nothing is told; numbers only grow. */
	store_trace_expire(t->store, 1000, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
	assert_string_equal(news(t, &a, STORE_ALERT_MAIL), "4:b.example ");
	tell(t, ALARM(60, "alarm-over", "b.example"), 1);
	assert_string_equal(news(t, &a, STORE_ALERT_MAIL), "4:b.example 6:b.example over ");
}

static const struct testing_case cases[] = {
	CASE(beginnings_and_ends_are_told),
};

static void in_memory(void **state)
{
	(void)state;
	testing_run(cases, ARRAY_LENGTH(cases), false);
}

static void on_disk(void **state)
{
	(void)state;
	testing_run(cases, ARRAY_LENGTH(cases), true);
}

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

/* A server before told of beginnings alone: each way goes on behind what it has told, and what was
 * over by then is told to nobody. */
static void places_are_taken_over(void **state)
{
	struct testing t;
	struct answer a;

	(void)state;
	testing_begin(&t, true);
	tell(&t, ALARM(10, "alarm", "b.example"), 1);
	tell(&t, ALARM(20, "alarm", "c.example"), 1);
	tell(&t, ALARM(30, "alarm-over", "b.example"), 1);
	tell(&t, ALARM(40, "alarm", "d.example"), 1);
	store_alert_told(t.store, STORE_ALERT_WEBHOOK, 2, testing_done, &t);
	assert_int_equal(testing_finish(&t), ERR_OK);
	store_close(&t.store);
	run_sql(&t, "trace.db", "DROP TABLE alarm_news; PRAGMA user_version = 6");
	testing_open(&t);
	assert_string_equal(news(&t, &a, STORE_ALERT_WEBHOOK), "3:d.example ");
	tell(&t, ALARM(50, "alarm-over", "c.example"), 1);
	assert_string_equal(news(&t, &a, STORE_ALERT_WEBHOOK), "3:d.example 4:c.example over ");
	testing_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_memory),
		cmocka_unit_test(on_disk),
		cmocka_unit_test(places_are_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
