/*
 * Hours and days of roll-ups.
 *
 * When an hour is over its rows are added to its day, so that a report over months reads days; they
 * stay beside it until they are old.  Two moments tell what a report has to read: hours before
 * UNTIL are in their days, and hours before HOURS_FROM are nowhere else (their rows, where there
 * still are any, do not count).
 */
#include "port/store/trace_inside.h"

static const int64_t hour_ms = INT64_C(3600) * 1000;
static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

enum err store_trace_days_read(struct store_db *db, struct store_trace_days *ret)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_DAYS);
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	e = store_db_step(s, &row);
	if (e == ERR_OK && row)
		*ret = (struct store_trace_days){.is_known = true,
			.until = sqlite3_column_int64(s, 0),
			.hours_from = sqlite3_column_int64(s, 1)};
	sqlite3_reset(s);
	return e;
}

static enum err set_days(struct store_db *db, int64_t until, int64_t hours_from)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_SET_DAYS);

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, until);
	sqlite3_bind_int64(s, 2, hours_from);
	return store_db_run(s);
}

enum err store_trace_roll_rows(
	struct store_db *db, int span, int64_t at, int64_t most, int64_t *ret_rows)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ROLL_ROWS);
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int(s, 1, span);
	sqlite3_bind_int64(s, 2, at);
	sqlite3_bind_int64(s, 3, most);
	e = store_db_step(s, &row);
	if (e == ERR_OK && row)
		*ret_rows = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return e;
}

/* The first hour from FROM_MS on, and before BEFORE_MS, that has rows. */
static enum err first_hour(
	struct store_db *db, int64_t from_ms, int64_t before_ms, int64_t *ret_at, bool *ret_any)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ROLL_OLDEST);
	enum err e;

	*ret_any = false;
	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, before_ms);
	sqlite3_bind_int64(s, 2, from_ms);
	e = store_db_step(s, ret_any);
	if (e == ERR_OK && *ret_any)
		*ret_at = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return e;
}

static enum err fold_hour(struct store_db *db, int64_t at)
{
	sqlite3_stmt *s;
	int64_t rows = 0;
	enum err e = store_trace_roll_rows(db, 1, at - at % day_ms, STORE_TRACE_FOLDED_ROWS, &rows);

	if (e != ERR_OK)
		return e;
	s = store_trace_statement(
		db, rows < STORE_TRACE_FOLDED_ROWS ? STORE_TRACE_FOLD : STORE_TRACE_FOLD_CROWD);
	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, at);
	sqlite3_bind_int64(s, 2, at - at % day_ms);
	e = store_db_run(s);
	return e == ERR_OK ? set_days(db, at + hour_ms, 0) : e;
}

static enum err forget(
	struct store_db *db, enum store_trace_sql which, int64_t before, int span, bool *ret_more)
{
	sqlite3_stmt *s = store_trace_statement(db, which);
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, before);
	sqlite3_bind_int64(s, 2, STORE_TRACE_FORGET_ROWS);
	if (which == STORE_TRACE_ROLL_FORGET)
		sqlite3_bind_int(s, 3, span);
	e = store_db_run(s);
	*ret_more = *ret_more || sqlite3_changes(db->db) == STORE_TRACE_FORGET_ROWS;
	return e;
}

/* What is older than reports are kept. */
static enum err forget_old(struct store_db *db, int64_t before_ms, bool *ret_more)
{
	enum err e = forget(db, STORE_TRACE_ROLL_FORGET, before_ms, 0, ret_more);

	if (e == ERR_OK)
		e = forget(
			db, STORE_TRACE_ROLL_FORGET, before_ms - before_ms % day_ms, 1, ret_more);
	if (e == ERR_OK)
		e = forget(db, STORE_TRACE_CLEAR_FORGET, before_ms / day_ms, 0, ret_more);
	return e;
}

static enum err fold_or_forget(
	struct store_db *db, const struct store_report_ages *ages, bool *ret_more)
{
	int64_t hours_from = ages->hours_ms - ages->hours_ms % day_ms;
	int64_t until = ages->days_ms - ages->days_ms % hour_ms, at = 0;
	struct store_trace_days days = {0};
	enum err e = store_trace_days_read(db, &days);

	*ret_more = false;
	until = until > hours_from ? until : hours_from;
	if (e == ERR_OK)
		e = forget_old(db, ages->before_ms, ret_more);
	if (e != ERR_OK || *ret_more)
		return e;
	e = first_hour(db, days.until, until, &at, ret_more);
	if (e == ERR_OK && *ret_more)
		return fold_hour(db, at);
	if (e == ERR_OK && (until > days.until || hours_from > days.hours_from))
		e = set_days(db, until, hours_from);
	return e == ERR_OK ? forget(db, STORE_TRACE_ROLL_FORGET, hours_from, 0, ret_more) : e;
}

enum err store_trace_fold_step(
	struct store_db *db, const struct store_report_ages *ages, bool *ret_more)
{
	enum err e = store_trace_run(db, STORE_TRACE_BEGIN);

	if (e == ERR_OK)
		e = fold_or_forget(db, ages, ret_more);
	if (e == ERR_OK)
		e = store_trace_run(db, STORE_TRACE_COMMIT);
	if (e != ERR_OK)
		store_trace_roll_back(db);
	return e;
}
