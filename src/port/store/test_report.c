/* Reports: what is counted of events, how it is bounded, folded and forgotten; and what older
 * databases know. */
#include "port/store/report.h"

#include "port/store/testing.h"
#include "port/store/trace_inside.h"

#include <string.h>

static const int64_t hour = INT64_C(3600) * 1000, day = INT64_C(24) * 3600 * 1000;
static const int64_t start = INT64_C(20000) * 24 * 3600 * 1000;

struct reported {
	bool finished, crowded;
	enum err result;
	size_t count;
	struct store_report_row first;
	int64_t recipients, messages, bytes;
	char text[8192];
};

static void on_report(
	void *context, enum err e, const struct store_report_row *rows, size_t count, bool crowded)
{
	struct reported *r = context;
	size_t n = 0;

	r->result = e;
	r->count = count;
	r->crowded = crowded;
	for (size_t i = 0; i < count; i++) {
		const struct store_report_row *row = &rows[i];
		const char *texts[] = {row->organisation, row->connector, row->kind, row->token,
			row->level, row->version, row->cipher, row->group, row->domain, row->host};

		r->recipients += row->recipients;
		r->messages += row->messages;
		r->bytes += row->bytes;
		n += (size_t)snprintf(r->text + n, sizeof(r->text) - n, "%lld%s",
			(long long)((row->at_ms - start) / hour),
			row->direction == RECEIPT_OUT ? " out" : " in");
		for (size_t k = 0; k < ARRAY_LENGTH(texts) && n < sizeof(r->text); k++)
			if (texts[k] != NULL && texts[k][0] != '\0')
				n += (size_t)snprintf(
					r->text + n, sizeof(r->text) - n, " %s", texts[k]);
		if (n < sizeof(r->text))
			n += (size_t)snprintf(r->text + n, sizeof(r->text) - n, "=%lld/%lld\n",
				(long long)row->recipients, (long long)row->messages);
		n = n < sizeof(r->text) ? n : sizeof(r->text) - 1;
	}
	r->finished = true;
}

static struct reported report(struct testing *t, struct store_report_query query)
{
	struct reported r = {0};

	query.since_ms = query.since_ms != 0 ? query.since_ms : start;
	query.until_ms = query.until_ms != 0 ? query.until_ms : start + 10 * day;
	store_report(t->store, &query, on_report, &r);
	testing_wait(t, &r.finished);
	assert_int_equal(r.result, ERR_OK);
	return r;
}

static void tell(struct testing *t, struct wire_event event)
{
	struct store_change change = {.events = &event, .event_count = 1};

	store_apply(t->store, &change, testing_done, t);
	assert_int_equal(testing_finish(t), ERR_OK);
}

static struct wire_event event_of(int64_t message, int64_t at_ms, const char *kind,
	const char *recipient, struct receipt *receipt)
{
	return (struct wire_event){.message = message,
		.at_ms = at_ms,
		.kind = kind,
		.sender = "s@Sender.example",
		.recipient = recipient,
		.organisation = "contoso",
		.connector = "partner",
		.token = "ok",
		.size = 100,
		.receipt = receipt};
}

/* One message for two recipients, forced in; one out without TLS, one out verified; one refused. */
static void add_history(struct testing *t)
{
	struct receipt forced = {.peer_address = "192.0.2.1",
		.host = "helo.example",
		.attempt = RECEIPT_ATTEMPT_FULL,
		.required = MODEL_LEVEL_NAME,
		.got = MODEL_LEVEL_NAME,
		.version = "TLSv1.3",
		.cipher = "TLS_AES_256_GCM_SHA384",
		.group = "x25519"};
	struct receipt clear = {.direction = RECEIPT_OUT,
		.peer_address = "192.0.2.2",
		.host = "MX.clear.example",
		.attempt = RECEIPT_ATTEMPT_CLEAR};
	struct receipt verified = {.direction = RECEIPT_OUT,
		.peer_address = "192.0.2.3",
		.host = "mx.good.example",
		.attempt = RECEIPT_ATTEMPT_FULL,
		.got = MODEL_LEVEL_CHAIN,
		.version = "TLSv1.2",
		.cipher = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
		.group = "secp256r1"};
	struct wire_event refused =
		event_of(0, start + hour + 7, "refused", "x@ours.example", NULL);
	struct wire_event other =
		event_of(2, start + hour + 3, "received", "z@other.example", NULL);

	refused.token = "tls-required";
	other.organisation = "other";
	other.connector = NULL;
	tell(t, event_of(1, start + 1, "received", "a@ours.example", &forced));
	tell(t, event_of(1, start + 1, "received", "b@ours.example", NULL));
	tell(t, event_of(1, start + 2, "delivered", "a@Clear.example", &clear));
	tell(t, event_of(1, start + hour + 2, "delivered", "b@good.example", &verified));
	tell(t, refused);
	tell(t, other);
}

static void events_are_counted(struct testing *t)
{
	struct reported r;

	add_history(t);
	r = report(t, (struct store_report_query){.of = STORE_REPORT_HOPS,
			      .by = STORE_BY_VERSION | STORE_BY_CIPHER | STORE_BY_GROUP,
			      .step = STORE_STEP_DAY,
			      .direction = -1});
	assert_string_equal(r.text,
		"0 in TLSv1.3 TLS_AES_256_GCM_SHA384 x25519=2/1\n"
		"0 out=1/1\n"
		"0 out TLSv1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 secp256r1=1/0\n");
	r = report(t, (struct store_report_query){.of = STORE_REPORT_HOPS,
			      .by = STORE_BY_LEVEL | STORE_BY_CONNECTOR,
			      .step = STORE_STEP_HOUR,
			      .direction = -1});
	assert_string_equal(r.text, "0 in partner forced=2/1\n0 out partner clear=1/1\n"
				    "1 out partner verified=1/0\n");
	r = report(t, (struct store_report_query){.of = STORE_REPORT_EVENTS,
			      .by = STORE_BY_KIND | STORE_BY_TOKEN,
			      .step = STORE_STEP_TOTAL,
			      .direction = RECEIPT_IN});
	assert_int_equal(r.count, 2);
	assert_int_equal(r.recipients, 4);
	assert_non_null(strstr(r.text, " in refused tls-required=1/1\n"));
	/* Of a message the bytes count once for an organisation and connector. */
	r = report(t, (struct store_report_query){.of = STORE_REPORT_PASSED,
			      .step = STORE_STEP_TOTAL,
			      .direction = RECEIPT_IN});
	assert_int_equal(r.messages, 2);
	assert_int_equal(r.bytes, 200);
}

static void others_are_left_out(struct testing *t)
{
	static const char *items[] = {"other", "third"};
	static const struct record_texts others = {items, 2}, none = {items, 0};
	struct store_report_query query = {
		.of = STORE_REPORT_EVENTS, .by = STORE_BY_ORGANISATION, .step = 2, .direction = -1};

	add_history(t);
	assert_int_equal(report(t, query).recipients, 6);
	query.organisations = &others;
	assert_int_equal(report(t, query).recipients, 1);
	query.organisations = &none;
	assert_int_equal(report(t, query).count, 0);
	query.organisations = NULL;
	query.organisation = "contoso";
	assert_int_equal(report(t, query).recipients, 5);
	query.connector = "nobody";
	assert_int_equal(report(t, query).count, 0);
	query = (struct store_report_query){.of = STORE_REPORT_CLEAR,
		.by = STORE_BY_DOMAIN,
		.step = STORE_STEP_TOTAL,
		.direction = -1,
		.organisations = &others};
	assert_int_equal(report(t, query).count, 0);
	query.organisations = NULL;
	assert_int_equal(report(t, query).count, 1);
}

static void what_was_clear_is_named(struct testing *t)
{
	struct store_report_query query = {.of = STORE_REPORT_CLEAR,
		.by = STORE_BY_DOMAIN | STORE_BY_ORGANISATION,
		.step = STORE_STEP_DAY,
		.direction = -1};
	struct receipt clear = {.peer_address = "192.0.2.9", .attempt = RECEIPT_ATTEMPT_CLEAR};
	struct wire_event bounce = event_of(9, start + day, "received", "a@ours.example", &clear);

	add_history(t);
	bounce.sender = NULL;
	tell(t, bounce);
	assert_string_equal(report(t, query).text,
		"0 out contoso clear.example MX.clear.example=1/0\n24 in "
		"contoso <> 192.0.2.9=1/0\n");
}

/* Strangers choose names and what they offer; more than the limits count together. */
static void rows_are_bounded(struct testing *t)
{
	enum { MANY = STORE_TRACE_HOUR_ROWS + 300, CHUNK = 230 };
	struct receipt receipt = {.peer_address = "192.0.2.9", .attempt = RECEIPT_ATTEMPT_CLEAR};
	struct wire_event events[CHUNK];
	struct store_change change = {.events = events, .event_count = CHUNK};
	char names[CHUNK][32], senders[CHUNK][48];
	struct reported r;

	for (int i = 0; i < MANY; i++) {
		int k = i % CHUNK;

		snprintf(names[k], sizeof(names[k]), "c%d", i);
		snprintf(senders[k], sizeof(senders[k]), "x@d%d.example", i);
		events[k] = event_of(1000 + i, start + i, "received", "a@ours.example", &receipt);
		events[k].connector = names[k];
		events[k].sender = senders[k];
		if (k + 1 < CHUNK)
			continue;
		store_apply(t->store, &change, testing_done, t);
		assert_int_equal(testing_finish(t), ERR_OK);
	}
	testing_catch_up(t);
	r = report(t, (struct store_report_query){.of = STORE_REPORT_HOPS,
			      .by = STORE_BY_CONNECTOR | STORE_BY_LEVEL | STORE_BY_ORGANISATION,
			      .step = STORE_STEP_TOTAL,
			      .direction = -1});
	assert_int_equal(r.count, STORE_TRACE_HOUR_ROWS + 1);
	assert_int_equal(r.recipients, MANY);
	assert_non_null(strstr(r.text, " in contoso * clear=300/300\n"));
	r = report(t, (struct store_report_query){.of = STORE_REPORT_CLEAR,
			      .by = STORE_BY_DOMAIN,
			      .step = STORE_STEP_TOTAL,
			      .direction = -1});
	assert_int_equal(r.count, STORE_TRACE_CLEAR_DOMAINS + 1);
	assert_int_equal(r.recipients, MANY);
}

static enum err expire(struct testing *t, int64_t days_ms, int64_t hours_ms, int64_t before_ms)
{
	struct store_report_ages ages = {days_ms, hours_ms, before_ms};

	store_report_expire(t->store, &ages, testing_done, t);
	return testing_finish(t);
}

static void hours_become_days_and_are_forgotten(struct testing *t)
{
	struct store_report_query query = {.of = STORE_REPORT_EVENTS,
		.by = STORE_BY_KIND | STORE_BY_LEVEL,
		.step = STORE_STEP_HOUR,
		.direction = RECEIPT_OUT};
	struct reported r;

	add_history(t);
	tell(t, event_of(7, start + day, "delivered", "b@good.example", NULL));
	assert_string_equal(report(t, query).text,
		"0 out delivered clear=1/1\n1 out delivered verified=1/0\n"
		"24 out delivered local=1/1\n");
	assert_int_equal(expire(t, start + day, start + day, start), ERR_OK);
	r = report(t, query);
	assert_int_equal(r.recipients, 3);
	assert_non_null(strstr(r.text, "0 out delivered verified=1/0\n"));
	assert_non_null(strstr(r.text, "24 out delivered local=1/1\n"));
	/* Once more changes nothing; what comes late is added. */
	tell(t, event_of(8, start + 5, "delivered", "b@good.example", NULL));
	assert_int_equal(expire(t, start + day, start + day, start), ERR_OK);
	assert_int_equal(report(t, query).recipients, 4);
	assert_int_equal(expire(t, start + day, start + day, start + day), ERR_OK);
	r = report(t, query);
	assert_string_equal(r.text, "24 out delivered local=1/1\n");
	query.of = STORE_REPORT_CLEAR;
	assert_int_equal(report(t, query).count, 0);
}

/* Whatever has been added to days, and however late events come, nothing counts twice or not at
 * all. */
static void days_and_hours_agree(struct testing *t)
{
	enum { DAYS = 4, HOURS = DAYS * 24, ROUNDS = 60 };
	int64_t counts[HOURS] = {0}, until = 0, hours_from = 0, message = 100;
	uint32_t chance = 7;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t expected = 0, from, to;
		struct store_report_query query = {.of = STORE_REPORT_EVENTS, .direction = -1};

		for (int i = 0; i < 3; i++) {
			chance = chance * 1664525 + 1013904223;
			tell(t, event_of(message++, start + chance / 256 % HOURS * hour + 5,
					"received", "a@ours.example", NULL));
			counts[chance / 256 % HOURS]++;
		}
		chance = chance * 1664525 + 1013904223;
		if (chance / 65536 % 4 == 0) {
			until += chance / 256 % 20;
			hours_from = until > 30 ? (until - 30) / 24 * 24 : 0;
			assert_int_equal(
				expire(t, start + until * hour, start + hours_from * hour, start),
				ERR_OK);
		}
		from = chance / 1024 % HOURS;
		to = from + 1 + chance / 4096 % (HOURS - from);
		query.step = (int)(chance / 512 % 3);
		if (query.step == STORE_STEP_DAY || from < hours_from)
			from -= from % 24;
		if (query.step == STORE_STEP_DAY || to < hours_from)
			to = (to + 23) / 24 * 24;
		for (int64_t i = from; i < to; i++)
			expected += counts[i];
		query.since_ms = start + from * hour;
		query.until_ms = start + to * hour;
		assert_int_equal(report(t, query).recipients, expected);
	}
	assert_true(hours_from > 0);
}

static const struct testing_case cases[] = {
	CASE(events_are_counted),
	CASE(others_are_left_out),
	CASE(what_was_clear_is_named),
	CASE(rows_are_bounded),
	CASE(hours_become_days_and_are_forgotten),
	CASE(days_and_hours_agree),
};
TESTING_BOTH(cases)

/* ---- an older database ------------------------------------------------------------------------
 */

struct searched {
	bool finished;
	size_t count;
};

static void on_items(void *context, enum err e, const struct store_trace_item *items, size_t count,
	const char *next)
{
	struct searched *s = context;

	(void)items;
	(void)next;
	assert_int_equal(e, ERR_OK);
	s->count = count;
	s->finished = true;
}

static size_t search(struct testing *t, struct store_trace_query query)
{
	struct searched s = {0};

	store_trace_search(t->store, &query, on_items, &s);
	testing_wait(t, &s.finished);
	return s.count;
}

static void run_sql(const struct testing *t, const char *sql)
{
	char path[256];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/trace.db", t->directory);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* Counting what was there takes a while, and mail goes on meanwhile: nothing counts twice. */
static void an_older_trace_is_counted(void **state)
{
	struct store_report_query query = {.of = STORE_REPORT_EVENTS,
		.by = STORE_BY_KIND | STORE_BY_LEVEL,
		.step = STORE_STEP_TOTAL,
		.direction = -1};
	time_t deadline = time(NULL) + 60;
	struct testing t;
	struct reported r;
	int64_t expected;

	(void)state;
	testing_begin(&t, true);
	add_history(&t);
	for (int i = 0; i < 3 * STORE_TRACE_BACK_STEP; i++)
		tell(&t, event_of(100 + i, start + i, "deferred", "q@q.example", NULL));
	testing_catch_up(&t);
	expected = report(&t, query).recipients;
	assert_int_equal(search(&t, (struct store_trace_query){.tls = "clear"}), 1);
	store_close(&t.store);
	run_sql(&t, "DROP TABLE rollup; DROP TABLE clear_domain; DELETE FROM term WHERE kind >= 8;"
		    "DROP TABLE alarm_news; PRAGMA user_version = 4");
	testing_open(&t);
	/* Found before the index is complete, too. */
	assert_int_equal(search(&t, (struct store_trace_query){.outcome = "refused"}), 1);
	tell(&t, event_of(5000, start + 9, "deferred", "q@q.example", NULL));
	do {
		r = report(&t, query);
	} while (r.recipients < expected + 1 && time(NULL) < deadline);
	assert_int_equal(r.recipients, expected + 1);
	assert_int_equal(search(&t, (struct store_trace_query){.tls = "clear"}), 1);
	assert_int_equal(search(&t, (struct store_trace_query){.outcome = "refused"}), 1);
	testing_reopen(&t);
	assert_int_equal(report(&t, query).recipients, expected + 1);
	testing_end(&t);
}

/* An older server moved hours to their day; here it has ended in the middle of the first day. */
static void days_of_an_older_trace_count_once(void **state)
{
	struct store_report_query query = {.of = STORE_REPORT_EVENTS, .direction = -1};
	struct testing t;

	(void)state;
	testing_begin(&t, true);
	for (int i = 0; i < 48; i++)
		tell(&t, event_of(100 + i, start + i * hour, "deferred", "q@q.example", NULL));
	store_close(&t.store);
	run_sql(&t, "UPDATE rollup SET span = 1, at = 20000 * 86400000 WHERE at = 20000 * 86400000;"
		    "UPDATE rollup SET recipients = recipients + (SELECT count(*) FROM rollup WHERE"
		    " span = 0 AND at < 20000 * 86400000 + 10 * 3600000) WHERE span = 1;"
		    "DELETE FROM rollup WHERE span = 0 AND at < 20000 * 86400000 + 10 * 3600000;"
		    "DELETE FROM setting WHERE name IN ('days-until', 'hours-from');"
		    "DROP TABLE alarm_news; PRAGMA user_version = 5");
	testing_open(&t);
	for (int step = STORE_STEP_HOUR; step <= STORE_STEP_TOTAL; step++) {
		query.step = step;
		assert_int_equal(report(&t, query).recipients, 48);
	}
	tell(&t, event_of(200, start + 2 * hour, "deferred", "q@q.example", NULL));
	tell(&t, event_of(201, start + 20 * hour, "deferred", "q@q.example", NULL));
	assert_int_equal(report(&t, query).recipients, 50);
	assert_int_equal(expire(&t, start + 40 * hour, start, start), ERR_OK);
	for (int step = STORE_STEP_HOUR; step <= STORE_STEP_TOTAL; step++) {
		query.step = step;
		assert_int_equal(report(&t, query).recipients, 50);
	}
	query.step = STORE_STEP_HOUR;
	assert_int_equal(report(&t, query).count, 1 + 24);
	testing_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_memory),
		cmocka_unit_test(on_disk),
		cmocka_unit_test(an_older_trace_is_counted),
		cmocka_unit_test(days_of_an_older_trace_count_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
