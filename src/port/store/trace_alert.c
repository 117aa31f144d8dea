/* Who was told of which alarms. */
#include "port/store/alert.h"
#include "port/store/trace_inside.h"
#include "port/store/work.h"

enum { KINDS = 4 };

static const char *const ways[STORE_ALERT_MAX] = {[STORE_ALERT_LOG] = "told-log",
	[STORE_ALERT_MAIL] = "told-mail",
	[STORE_ALERT_WEBHOOK] = "told-webhook"};

struct alerts {
	struct store_trace_job job;
	enum store_alert_way way;
	const char *kinds[KINDS];
	int64_t number;
	store_alarms_done *listed;
	store_done *done;
	struct store_alarm *items;
	size_t limit, count;
};

/* IS_NEWS: a number and an end stand behind the columns of the alarm. */
static enum err read_alarms(struct alerts *a, sqlite3_stmt *s, bool is_news)
{
	struct arena *arena = a->job.arena;
	bool row = false;
	enum err e = ERR_OK;

	a->items = arena_array(arena, a->limit, sizeof(*a->items));
	while (a->count < a->limit && (e = store_db_step(s, &row)) == ERR_OK && row) {
		store_trace_read_alarm(s, arena, &a->items[a->count]);
		if (is_news) {
			a->items[a->count].number =
				sqlite3_column_int64(s, STORE_TRACE_ALARM_COLUMNS);
			a->items[a->count].is_end =
				sqlite3_column_int(s, STORE_TRACE_ALARM_COLUMNS + 1) != 0;
		}
		a->count++;
	}
	sqlite3_reset(s);
	return e;
}

static enum err run_next(struct store_db *db, struct store_trace_job *job)
{
	struct alerts *a = (struct alerts *)job;
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ALERT_NEXT);

	if (s == NULL)
		return store_trace_error(db);
	store_db_bind_text(s, 1, ways[a->way]);
	sqlite3_bind_int64(s, 2, (int64_t)a->limit);
	return read_alarms(a, s, true);
}

static enum err run_told(struct store_db *db, struct store_trace_job *job)
{
	struct alerts *a = (struct alerts *)job;
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ALERT_TOLD);

	if (s == NULL)
		return store_trace_error(db);
	store_db_bind_text(s, 1, ways[a->way]);
	sqlite3_bind_int64(s, 2, a->number);
	return store_db_run(s);
}

static enum err run_open(struct store_db *db, struct store_trace_job *job)
{
	struct alerts *a = (struct alerts *)job;
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ALERT_OPEN);

	if (s == NULL)
		return store_trace_error(db);
	for (int i = 0; i < KINDS; i++)
		store_db_bind_text(s, i + 1, a->kinds[i]);
	return read_alarms(a, s, false);
}

static void tell_alarms(struct store_trace_job *job, enum err e)
{
	const struct alerts *a = (const struct alerts *)job;

	a->listed(job->context, e, e == ERR_OK ? a->items : NULL, e == ERR_OK ? a->count : 0);
}

static void tell_done(struct store_trace_job *job, enum err e)
{
	const struct alerts *a = (const struct alerts *)job;

	if (a->done != NULL)
		a->done(job->context, e);
}

static struct alerts *alerts_new(
	enum err (*run)(struct store_db *, struct store_trace_job *), void *context)
{
	struct alerts *a = store_trace_job_new(sizeof(*a));

	a->job.run = run;
	a->job.tell = tell_alarms;
	a->job.context = context;
	a->limit = STORE_MAX_LIST;
	return a;
}

void store_alert_next(struct store *store, enum store_alert_way way, size_t limit,
	store_alarms_done *done, void *context)
{
	struct alerts *a = alerts_new(run_next, context);

	a->way = way;
	a->listed = done;
	if (limit > 0 && limit < STORE_MAX_LIST)
		a->limit = limit;
	store_trace_submit(store->trace, &a->job);
}

void store_alert_told(struct store *store, enum store_alert_way way, int64_t number,
	store_done *done, void *context)
{
	struct alerts *a = alerts_new(run_told, context);

	a->job.tell = tell_done;
	a->way = way;
	a->number = number;
	a->done = done;
	store_trace_submit(store->trace, &a->job);
}

void store_alert_open(
	struct store *store, const char *const *kinds, store_alarms_done *done, void *context)
{
	struct alerts *a = alerts_new(run_open, context);

	for (int i = 0; i < KINDS && kinds[i] != NULL; i++)
		a->kinds[i] = arena_text(a->job.arena, kinds[i]);
	a->listed = done;
	store_trace_submit(store->trace, &a->job);
}

/* ---- how many ----------------------------------------------------------------------------------
 */

struct counting {
	struct store_trace_job job;
	struct store_alert_count *items;
	size_t count;
	store_alert_counts_done *done;
};

static enum err run_counts(struct store_db *db, struct store_trace_job *job)
{
	struct counting *c = (struct counting *)job;
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ALERT_COUNTS);
	bool row = false;
	enum err e = ERR_OK;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, STORE_ALERT_COUNTS);
	c->items = arena_array(job->arena, STORE_ALERT_COUNTS, sizeof(*c->items));
	while (c->count < STORE_ALERT_COUNTS && (e = store_db_step(s, &row)) == ERR_OK && row)
		c->items[c->count++] = (struct store_alert_count){
			.kind = arena_text(job->arena, store_db_text(s, 0)),
			.is_acknowledged = sqlite3_column_int(s, 1) != 0,
			.count = sqlite3_column_int64(s, 2)};
	sqlite3_reset(s);
	return e;
}

static void tell_counts(struct store_trace_job *job, enum err e)
{
	const struct counting *c = (const struct counting *)job;

	c->done(job->context, e, e == ERR_OK ? c->items : NULL, e == ERR_OK ? c->count : 0);
}

void store_alert_counts(struct store *store, store_alert_counts_done *done, void *context)
{
	struct counting *c = store_trace_job_new(sizeof(*c));

	c->job.run = run_counts;
	c->job.tell = tell_counts;
	c->job.context = context;
	c->done = done;
	store_trace_submit(store->trace, &c->job);
}
