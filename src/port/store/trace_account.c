/* What is asked of the accounts beside the mail: readiness of connectors, alarms, tests. */
#include "port/store/trace_inside.h"
#include "port/store/work.h"

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

/* ---- readiness ---------------------------------------------------------------------------------
 */

struct readiness {
	struct store_trace_job job;
	store_readiness_done *done;
	const char *organisation, *connector;
	int64_t day;
	struct store_readiness found;
};

static sqlite3_stmt *of_connector(
	struct store_db *db, const struct readiness *r, enum store_trace_sql which)
{
	sqlite3_stmt *s = store_trace_statement(db, which);

	if (s == NULL)
		return NULL;
	store_db_bind_text(s, 1, r->organisation);
	store_db_bind_text(s, 2, r->connector);
	sqlite3_bind_int64(s, 3, r->day);
	return s;
}

static enum err read_totals(struct store_db *db, struct readiness *r)
{
	sqlite3_stmt *s = of_connector(db, r, STORE_TRACE_COUNT_TOTALS);
	struct store_readiness *found = &r->found;
	bool row;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		int direction = sqlite3_column_int(s, 0), tally = sqlite3_column_int(s, 1);
		int64_t first = sqlite3_column_int64(s, 4);

		if (direction < 0 || direction > 1 || tally < 0 || tally >= STORE_TALLY_MAX)
			continue;
		found->totals[direction][tally] = sqlite3_column_int64(s, 2);
		found->hosts[direction][tally] = sqlite3_column_int64(s, 3);
		if (found->first_ms[direction] == 0 || first < found->first_ms[direction])
			found->first_ms[direction] = first;
	}
	return e;
}

static enum err run_readiness(struct store_db *db, struct store_trace_job *job)
{
	struct readiness *r = (struct readiness *)job;
	struct store_readiness_row *rows = arena_array(job->arena, STORE_MAX_LIST, sizeof(*rows));
	enum err e = read_totals(db, r);
	sqlite3_stmt *s;
	bool row;

	if (e != ERR_OK)
		return e;
	s = of_connector(db, r, STORE_TRACE_COUNT_LIST);
	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 4, STORE_MAX_LIST);
	while ((e = store_db_step(s, &row)) == ERR_OK && row)
		rows[r->found.count++] = (struct store_readiness_row){
			.direction = sqlite3_column_int(s, 0),
			.tally = sqlite3_column_int(s, 1),
			.token = store_db_text_copy(s, 2, job->arena),
			.host = store_db_text_copy(s, 3, job->arena),
			.name = store_db_text_copy(s, 4, job->arena),
			.count = sqlite3_column_int64(s, 5),
			.first_ms = sqlite3_column_int64(s, 6),
			.last_ms = sqlite3_column_int64(s, 7),
			.sample = sqlite3_column_int64(s, 8),
		};
	r->found.rows = rows;
	return e;
}

static void tell_readiness(struct store_trace_job *job, enum err e)
{
	const struct readiness *r = (const struct readiness *)job;

	r->done(job->context, e, e == ERR_OK ? &r->found : NULL);
}

void store_readiness(struct store *store, const char *organisation, const char *connector,
	int64_t since_ms, store_readiness_done *done, void *context)
{
	struct readiness *r = store_trace_job_new(sizeof(*r));

	r->job.run = run_readiness;
	r->job.tell = tell_readiness;
	r->job.context = context;
	r->done = done;
	r->organisation = arena_text(r->job.arena, organisation);
	r->connector = arena_text(r->job.arena, connector);
	r->day = since_ms / day_ms;
	store_trace_submit(store->trace, &r->job);
}

size_t store_trace_limit(size_t limit)
{
	return limit == 0 || limit > STORE_MAX_LIST ? STORE_MAX_LIST : limit;
}

/* ---- alarms ------------------------------------------------------------------------------------
 */

static enum err run_alarm(
	struct store_db *db, const struct wire_event *event, enum store_trace_sql which)
{
	sqlite3_stmt *s = store_trace_statement(db, which);

	if (s == NULL)
		return store_trace_error(db);
	if (which != STORE_TRACE_ALARM_ENDS)
		sqlite3_bind_int64(s, 1, event->at_ms);
	if (which != STORE_TRACE_ALARM_OVER && which != STORE_TRACE_ALARM_ENDS)
		store_db_bind_text(s, 2, event->text);
	store_db_bind_text(s, 3, event->token != NULL ? event->token : "");
	store_db_bind_text(s, 4, event->sender != NULL ? event->sender : "");
	store_db_bind_text(s, 5, event->organisation);
	return store_db_run(s);
}

static enum err run_simple(struct store_db *db, enum store_trace_sql which)
{
	sqlite3_stmt *s = store_trace_statement(db, which);

	return s != NULL ? store_db_run(s) : store_trace_error(db);
}

/* Strangers can raise alarms: their number is bounded.  ID: of the one that was just raised. */
static enum err trim_alarms(struct store_db *db, int64_t id)
{
	sqlite3_stmt *s;
	enum err e;

	if (id % STORE_TRACE_ALARMS_EVERY != 0)
		return ERR_OK;
	s = store_trace_statement(db, STORE_TRACE_ALARM_TRIM);
	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, STORE_TRACE_ALARMS);
	e = store_db_run(s);
	return e == ERR_OK ? run_simple(db, STORE_TRACE_ALARM_NEWS_FORGET) : e;
}

enum err store_trace_alarm(struct store_db *db, const struct wire_event *event, bool *ret_is_alarm)
{
	int64_t id;
	enum err e;

	*ret_is_alarm = event->kind != NULL && strncmp(event->kind, "alarm", 5) == 0;
	if (!*ret_is_alarm)
		return ERR_OK;
	if (strcmp(event->kind, "alarm-over") == 0) {
		e = run_alarm(db, event, STORE_TRACE_ALARM_ENDS);
		return e == ERR_OK ? run_alarm(db, event, STORE_TRACE_ALARM_OVER) : e;
	}
	e = run_alarm(db, event, STORE_TRACE_ALARM_MORE);
	if (e != ERR_OK || sqlite3_changes(db->db) > 0)
		return e;
	e = run_alarm(db, event, STORE_TRACE_ALARM_FIRST);
	id = sqlite3_last_insert_rowid(db->db);
	if (e == ERR_OK)
		e = run_simple(db, STORE_TRACE_ALARM_BEGINS);
	return e == ERR_OK ? trim_alarms(db, id) : e;
}

struct alarms {
	struct store_trace_job job;
	store_alarms_done *listed;
	store_done *done;
	struct store_alarm_query query;
	const char *organisation, *by;
	int64_t id, at_ms;
	struct store_alarm *items;
	size_t count;
};

void store_trace_read_alarm(sqlite3_stmt *s, struct arena *arena, struct store_alarm *to)
{
	*to = (struct store_alarm){
		.id = sqlite3_column_int64(s, 0),
		.kind = store_db_text_copy(s, 1, arena),
		.organisation = store_db_text_copy(s, 2, arena),
		.subject = store_db_text_copy(s, 3, arena),
		.text = store_db_text_copy(s, 4, arena),
		.first_ms = sqlite3_column_int64(s, 5),
		.last_ms = sqlite3_column_int64(s, 6),
		.count = sqlite3_column_int64(s, 7),
		.over_ms = sqlite3_column_int64(s, 8),
		.acknowledged_ms = sqlite3_column_int64(s, 9),
		.acknowledged_by = store_db_text_copy(s, 10, arena),
	};
}

static enum err run_alarms(struct store_db *db, struct store_trace_job *job)
{
	struct alarms *a = (struct alarms *)job;
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ALARM_LIST);
	struct arena *arena = job->arena;
	bool row;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	store_db_bind_text(s, 1, a->query.organisation);
	sqlite3_bind_int(s, 2, a->query.all);
	sqlite3_bind_int64(s, 3, (int64_t)a->query.limit);
	sqlite3_bind_int64(s, 4, a->query.before);
	a->items = arena_array(arena, a->query.limit, sizeof(*a->items));
	while ((e = store_db_step(s, &row)) == ERR_OK && row)
		store_trace_read_alarm(s, arena, &a->items[a->count++]);
	return e;
}

static void tell_alarms(struct store_trace_job *job, enum err e)
{
	const struct alarms *a = (const struct alarms *)job;

	a->listed(job->context, e, e == ERR_OK ? a->items : NULL, e == ERR_OK ? a->count : 0);
}

void store_alarms(struct store *store, const struct store_alarm_query *query,
	store_alarms_done *done, void *context)
{
	struct alarms *a = store_trace_job_new(sizeof(*a));

	a->job.run = run_alarms;
	a->job.tell = tell_alarms;
	a->job.context = context;
	a->listed = done;
	a->query = *query;
	a->query.organisation = arena_text(a->job.arena, query->organisation);
	a->query.limit = store_trace_limit(query->limit);
	store_trace_submit(store->trace, &a->job);
}

static enum err run_acknowledge(struct store_db *db, struct store_trace_job *job)
{
	const struct alarms *a = (const struct alarms *)job;
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ALARM_ACKNOWLEDGE);
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, a->at_ms);
	store_db_bind_text(s, 2, a->by);
	sqlite3_bind_int64(s, 3, a->id);
	store_db_bind_text(s, 4, a->organisation);
	e = store_db_run(s);
	return e == ERR_OK && sqlite3_changes(db->db) == 0 ? ERR_UNKNOWN : e;
}

static void tell_done(struct store_trace_job *job, enum err e)
{
	const struct alarms *a = (const struct alarms *)job;

	if (a->done != NULL)
		a->done(job->context, e);
}

void store_alarm_acknowledge(struct store *store, const struct store_acknowledgement *from,
	store_done *done, void *context)
{
	struct alarms *a = store_trace_job_new(sizeof(*a));

	a->job.run = run_acknowledge;
	a->job.tell = tell_done;
	a->job.context = context;
	a->done = done;
	a->id = from->id;
	a->at_ms = from->at_ms;
	a->by = arena_text(a->job.arena, from->by);
	a->organisation = arena_text(a->job.arena, from->organisation);
	store_trace_submit(store->trace, &a->job);
}

/* ---- tests -------------------------------------------------------------------------------------
 */

struct tests {
	struct store_trace_job job;
	store_tests_done *listed;
	store_done *done;
	struct store_test test;
	enum store_trace_sql which; /* how they are listed */
	const char *organisations;  /* JSON; NULL: all */
	int64_t before;
	size_t limit, count;
	struct store_test *items;
};

static enum err trim_tests(struct store_db *db, const struct store_test *test)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_TEST_TRIM);

	if (s == NULL)
		return store_trace_error(db);
	store_db_bind_text(s, 1, test->organisation);
	store_db_bind_text(s, 2, test->connector);
	sqlite3_bind_int64(s, 3, STORE_TRACE_TESTS);
	return store_db_run(s);
}

static enum err run_test_put(struct store_db *db, struct store_trace_job *job)
{
	const struct store_test *test = &((struct tests *)job)->test;
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_TEST_ADD);
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, test->at_ms);
	store_db_bind_text(s, 2, test->organisation);
	store_db_bind_text(s, 3, test->connector);
	sqlite3_bind_int(s, 4, test->direction);
	store_db_bind_text(s, 5, test->actor);
	sqlite3_bind_int(s, 6, test->ok);
	store_db_bind_text(s, 7, test->summary);
	e = store_db_run(s);
	return e == ERR_OK ? trim_tests(db, test) : e;
}

static void tell_test_put(struct store_trace_job *job, enum err e)
{
	const struct tests *t = (const struct tests *)job;

	if (t->done != NULL)
		t->done(job->context, e);
}

static void own_test(struct store_test *test, struct arena *arena)
{
	test->organisation = arena_text(arena, test->organisation);
	test->connector = arena_text(arena, test->connector);
	test->actor = arena_text(arena, test->actor);
	test->summary = arena_text(arena, test->summary != NULL ? test->summary : "{}");
}

void store_test_put(
	struct store *store, const struct store_test *test, store_done *done, void *context)
{
	struct tests *t = store_trace_job_new(sizeof(*t));

	t->job.run = run_test_put;
	t->job.tell = tell_test_put;
	t->job.context = context;
	t->done = done;
	t->test = *test;
	own_test(&t->test, t->job.arena);
	store_trace_submit(store->trace, &t->job);
}

static enum err run_tests(struct store_db *db, struct store_trace_job *job)
{
	struct tests *t = (struct tests *)job;
	sqlite3_stmt *s = store_trace_statement(db, t->which);
	struct arena *arena = job->arena;
	bool row;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	store_db_bind_text(s, 1, t->test.organisation);
	store_db_bind_text(s, 2, t->test.connector);
	sqlite3_bind_int64(s, 3, (int64_t)t->limit);
	if (t->which == STORE_TRACE_TEST_LAST)
		store_db_bind_text(s, 4, t->organisations);
	else
		sqlite3_bind_int64(s, 4, t->before);
	t->items = arena_array(arena, t->limit, sizeof(*t->items));
	while ((e = store_db_step(s, &row)) == ERR_OK && row)
		t->items[t->count++] = (struct store_test){
			.id = sqlite3_column_int64(s, 0),
			.at_ms = sqlite3_column_int64(s, 1),
			.organisation = store_db_text_copy(s, 2, arena),
			.connector = store_db_text_copy(s, 3, arena),
			.direction = sqlite3_column_int(s, 4),
			.actor = store_db_text_copy(s, 5, arena),
			.ok = sqlite3_column_int(s, 6) != 0,
			.summary = store_db_text_copy(s, 7, arena),
		};
	return e;
}

static void tell_tests(struct store_trace_job *job, enum err e)
{
	const struct tests *t = (const struct tests *)job;

	t->listed(job->context, e, e == ERR_OK ? t->items : NULL, e == ERR_OK ? t->count : 0);
}

/* Of, or behind, that connector. */
static struct tests *tests_new(const char *organisation, const char *connector, size_t limit,
	store_tests_done *done, void *context)
{
	struct tests *t = store_trace_job_new(sizeof(*t));

	t->job.run = run_tests;
	t->job.tell = tell_tests;
	t->job.context = context;
	t->listed = done;
	t->test.organisation = arena_text(t->job.arena, organisation);
	t->test.connector = arena_text(t->job.arena, connector);
	t->limit = store_trace_limit(limit);
	return t;
}

void store_tests(struct store *store, const struct store_test_query *query, store_tests_done *done,
	void *context)
{
	struct tests *t =
		tests_new(query->organisation, query->connector, query->limit, done, context);

	t->which = STORE_TRACE_TEST_LIST;
	t->before = query->before;
	store_trace_submit(store->trace, &t->job);
}

void store_last_tests(struct store *store, const struct store_last_tests_query *query,
	store_tests_done *done, void *context)
{
	struct tests *t =
		tests_new(query->organisation, query->connector, query->limit, done, context);

	t->which = STORE_TRACE_TEST_LAST;
	t->organisations = store_trace_organisations(query->organisations, t->job.arena);
	store_trace_submit(store->trace, &t->job);
}

/* ---- retention ---------------------------------------------------------------------------------
 */

static enum err forget(struct store_db *db, enum store_trace_sql which, int64_t before)
{
	sqlite3_stmt *s = store_trace_statement(db, which);

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, before);
	return store_db_run(s);
}

enum err store_trace_forget_accounts(struct store_db *db, int64_t before_ms)
{
	enum err e = forget(db, STORE_TRACE_COUNT_FORGET, before_ms / day_ms);

	if (e == ERR_OK)
		e = forget(db, STORE_TRACE_ALARM_FORGET, before_ms);
	if (e == ERR_OK)
		e = run_simple(db, STORE_TRACE_ALARM_NEWS_FORGET);
	if (e == ERR_OK)
		e = forget(db, STORE_TRACE_CHAIN_FORGET, before_ms);
	if (e == ERR_OK)
		e = forget(db, STORE_TRACE_ACCEPTANCE_FORGET, before_ms);
	return e == ERR_OK ? forget(db, STORE_TRACE_TEST_FORGET, before_ms) : e;
}
