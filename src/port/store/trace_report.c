/* Reports, made from the roll-ups a day after the other, with others' turns between. */
#include "port/store/report.h"

#include "base/map.h"
#include "port/store/trace_inside.h"
#include "port/store/work.h"

#include <stdlib.h>

static const int64_t hour_ms = INT64_C(3600) * 1000;
static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

struct report {
	struct store_trace_job job;
	store_report_done *done;
	struct store_report_query query;
	const char *organisations; /* JSON; NULL: all */
	int64_t day;		   /* the next one */
	struct store_trace_days days;
	struct map *seen; /* rows by what they tell apart; freed when it ends */
	struct store_report_row *rows;
	size_t count;
	bool crowded;
};

enum { TEXTS = 9 };
static void texts_of(struct store_report_row *row, const char **ret[TEXTS])
{
	const char **all[TEXTS] = {&row->organisation, &row->connector, &row->kind, &row->token,
		&row->level, &row->version, &row->cipher, &row->group, &row->domain};

	memcpy(ret, all, sizeof(all));
}

/* Moment, direction, and all texts with their ends; in the arena. */
static struct str key_of(struct store_report_row *row, struct arena *arena)
{
	const char **texts[TEXTS];
	size_t lengths[TEXTS], length = sizeof(row->at_ms) + sizeof(row->direction);
	char *key, *to;

	texts_of(row, texts);
	for (size_t i = 0; i < TEXTS; i++)
		length += lengths[i] = strlen(*texts[i]) + 1;
	key = to = arena_array(arena, length, 1);
	to = mempcpy(to, &row->at_ms, sizeof(row->at_ms));
	to = mempcpy(to, &row->direction, sizeof(row->direction));
	for (size_t i = 0; i < TEXTS; i++)
		to = mempcpy(to, *texts[i], lengths[i]);
	return str_make(key, length);
}

static void make_crowd(struct report *r, struct store_report_row *row)
{
	const char **texts[] = {&row->connector, &row->token, &row->version, &row->cipher,
		&row->group, &row->domain};

	r->crowded = true;
	row->at_ms = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		if (*texts[i][0] != '\0')
			*texts[i] = "*";
}

static void join(struct store_report_row *to, const struct store_report_row *more)
{
	to->recipients += more->recipients;
	to->messages += more->messages;
	to->bytes += more->bytes;
	if (to->first_ms == 0 || more->first_ms < to->first_ms)
		to->first_ms = more->first_ms;
	if (more->last_ms < to->last_ms || more->host == NULL)
		return;
	to->last_ms = more->last_ms;
	to->host = more->host;
	to->sample = more->sample;
}

static void add(struct report *r, struct store_report_row *row, struct arena *arena)
{
	const char **texts[TEXTS];
	struct str key = key_of(row, arena);
	struct store_report_row *known = map_get(r->seen, key);

	if (known == NULL && r->count >= STORE_REPORT_ROWS) {
		make_crowd(r, row);
		key = key_of(row, arena);
		known = map_get(r->seen, key);
	}
	row->host = arena_text(r->job.arena, row->host);
	if (known != NULL) {
		join(known, row);
		return;
	}
	/* Beyond twice as many nothing is told apart any more but the direction. */
	if (r->count >= 2 * (size_t)STORE_REPORT_ROWS) {
		join(&r->rows[r->count - 1], row);
		return;
	}
	texts_of(row, texts);
	for (size_t i = 0; i < TEXTS; i++)
		*texts[i] = arena_text(r->job.arena, *texts[i]);
	r->rows[r->count] = *row;
	map_set(r->seen, key, &r->rows[r->count++]);
}

static sqlite3_stmt *statement_of(
	struct store_db *db, const struct report *r, enum store_trace_sql which)
{
	sqlite3_stmt *s = store_trace_statement(db, which);

	if (s == NULL)
		return NULL;
	store_db_bind_text(s, 6, r->query.organisation);
	if (which == STORE_TRACE_REPORT)
		store_db_bind_text(s, 7, r->query.connector);
	sqlite3_bind_int(s, 8, r->query.direction);
	store_db_bind_text(s, 10, r->organisations);
	return s;
}

/* The moment a row of that hour or day stands under. */
static int64_t step_of(const struct report *r, int64_t at_ms)
{
	if (r->query.step == STORE_STEP_HOUR)
		return at_ms;
	return r->query.step == STORE_STEP_DAY ? at_ms - at_ms % day_ms : 0;
}

static enum err read_span(struct store_db *db, struct report *r, int span, int64_t from, int64_t to)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	sqlite3_stmt *s = statement_of(db, r, STORE_TRACE_REPORT);
	bool row;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int(s, 1, span);
	sqlite3_bind_int64(s, 2, from);
	sqlite3_bind_int64(s, 3, to);
	sqlite3_bind_int64(s, 4, r->query.by);
	sqlite3_bind_int(s, 5, r->query.step != STORE_STEP_HOUR);
	sqlite3_bind_int(s, 9, r->query.of);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		struct store_report_row found = {
			.at_ms = step_of(r, r->query.step == STORE_STEP_HOUR
						    ? sqlite3_column_int64(s, 0)
						    : from),
			.direction = sqlite3_column_int(s, 1),
			.organisation = store_db_text(s, 2),
			.connector = store_db_text(s, 3),
			.kind = store_db_text(s, 4),
			.token = store_db_text(s, 5),
			.level = store_db_text(s, 6),
			.version = store_db_text(s, 7),
			.cipher = store_db_text(s, 8),
			.group = store_db_text(s, 9),
			.domain = "",
			.recipients = sqlite3_column_int64(s, 10),
			.messages = sqlite3_column_int64(s, 11),
			.bytes = sqlite3_column_int64(s, 12),
		};

		add(r, &found, arena);
	}
	return e;
}

static enum err read_clear(struct store_db *db, struct report *r)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	sqlite3_stmt *s = statement_of(db, r, STORE_TRACE_REPORT_CLEAR);
	bool row;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, r->day);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		struct store_report_row found = {
			.at_ms = step_of(r, r->day * day_ms),
			.direction = sqlite3_column_int(s, 0),
			.organisation =
				r->query.by & STORE_BY_ORGANISATION ? store_db_text(s, 1) : "",
			.domain = store_db_text(s, 2),
			.host = store_db_text(s, 3),
			.connector = "",
			.kind = "",
			.token = "",
			.level = "",
			.version = "",
			.cipher = "",
			.group = "",
			.recipients = sqlite3_column_int64(s, 4),
			.first_ms = sqlite3_column_int64(s, 5),
			.last_ms = sqlite3_column_int64(s, 6),
			.sample = sqlite3_column_int64(s, 7),
		};

		add(r, &found, arena);
	}
	return e;
}

/* The day, and its hours that are not yet in it; or only hours, while they are there, where not the
 * whole day is asked for. */
static enum err read_day(struct store_db *db, struct report *r)
{
	int64_t from = r->day * day_ms, to = from + day_ms, first = from, end = to;
	int64_t since = r->query.since_ms - r->query.since_ms % hour_ms;
	enum err e;

	if (r->query.of == STORE_REPORT_CLEAR)
		return read_clear(db, r);
	if (r->query.step != STORE_STEP_DAY && since > from)
		first = since;
	if (r->query.step != STORE_STEP_DAY && r->query.until_ms < to)
		end = r->query.until_ms;
	if (from >= r->days.hours_from &&
		(r->query.step == STORE_STEP_HOUR || first > from || end < to))
		return read_span(db, r, 0, first, end);
	e = read_span(db, r, 1, from, to);
	from = r->days.until > from ? r->days.until : from;
	return e == ERR_OK && from < to ? read_span(db, r, 0, from, to) : e;
}

static int compare(const void *a, const void *b)
{
	const struct store_report_row *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return x->recipients != y->recipients ? (x->recipients > y->recipients ? -1 : 1) : 0;
}

static enum err run_report(struct store_db *db, struct store_trace_job *job)
{
	struct report *r = (struct report *)job;
	int64_t begun = store_trace_ticks_ms(), last = (r->query.until_ms - 1) / day_ms;
	enum err e = store_trace_days_read(db, &r->days);

	if (r->seen == NULL) {
		r->seen = map_new(0);
		r->rows = mem_new(2 * STORE_REPORT_ROWS * sizeof(*r->rows));
	}
	while (e == ERR_OK && r->day <= last &&
		store_trace_ticks_ms() - begun < STORE_TRACE_STEP_MS) {
		e = read_day(db, r);
		r->day++;
	}
	job->more = e == ERR_OK && r->day <= last;
	return e;
}

static void tell_report(struct store_trace_job *job, enum err e)
{
	struct report *r = (struct report *)job;
	bool ok = e == ERR_OK;

	map_free(&r->seen);
	if (ok && r->count > 1)
		qsort(r->rows, r->count, sizeof(*r->rows), compare);
	r->done(job->context, e, ok ? r->rows : NULL, ok ? r->count : 0, r->crowded);
	free(r->rows);
}

const char *store_trace_organisations(const struct record_texts *texts, struct arena *arena)
{
	json_t *list;
	const char *copy;
	char *text;

	if (texts == NULL)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < texts->count; i++)
		json_array_append_new(list, json_string(texts->items[i]));
	text = json_dumps(list, JSON_COMPACT);
	copy = arena_text(arena, text);
	free(text);
	json_decref(list);
	return copy;
}

void store_report(struct store *store, const struct store_report_query *query,
	store_report_done *done, void *context)
{
	struct report *r = store_trace_job_new(sizeof(*r));

	r->job.run = run_report;
	r->job.tell = tell_report;
	r->job.context = context;
	r->done = done;
	r->query = *query;
	r->query.organisation = arena_text(r->job.arena, query->organisation);
	r->query.connector = arena_text(r->job.arena, query->connector);
	r->query.organisations = NULL;
	r->organisations = store_trace_organisations(query->organisations, r->job.arena);
	r->day = query->since_ms / day_ms;
	store_trace_submit(store->trace, &r->job);
}

/* ---- retention --------------------------------------------------------------------------------
 */

struct folding {
	struct store_trace_job job;
	store_done *done;
	struct store_report_ages ages;
};

static enum err run_fold(struct store_db *db, struct store_trace_job *job)
{
	const struct folding *f = (const struct folding *)job;

	return store_trace_fold_step(db, &f->ages, &job->more);
}

static void tell_fold(struct store_trace_job *job, enum err e)
{
	const struct folding *f = (const struct folding *)job;

	if (f->done != NULL)
		f->done(job->context, e);
}

void store_report_expire(
	struct store *store, const struct store_report_ages *ages, store_done *done, void *context)
{
	struct folding *f = store_trace_job_new(sizeof(*f));

	f->job.run = run_fold;
	f->job.tell = tell_fold;
	f->job.is_behind = true;
	f->job.context = context;
	f->done = done;
	f->ages = *ages;
	store_trace_submit(store->trace, &f->job);
}
