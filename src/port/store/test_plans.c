/* Questions of the trace, its retention and its reports are answered by an index, whatever their
 * number: SQLite is asked how it would go about it. */
#include "port/store/trace_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	enum store_trace_sql which;
	const char *plan; /* each line of it begins with a word and a table */
} rows[] = {
	{STORE_TRACE_SEEK_TERM,
		"SEARCH term USING PRIMARY KEY (kind=? AND value=? AND (at,key)<(?,?))"},
	{STORE_TRACE_SEEK_MAIL, "SEARCH mail USING COVERING INDEX mail_at (at<?)"},
	{STORE_TRACE_FIND_KEY, "SEARCH mail USING INTEGER PRIMARY KEY (rowid=?)"},
	{STORE_TRACE_MAIL, "SEARCH mail USING INTEGER PRIMARY KEY (rowid=?)"},
	{STORE_TRACE_EVENT, "SEARCH event USING INTEGER PRIMARY KEY (rowid=?)"},
	{STORE_TRACE_HAS_KIND, "SEARCH event USING INDEX event_key (key=?)"},
	{STORE_TRACE_RECEIPT, "SEARCH event USING INDEX event_key (key=?)"},
	{STORE_TRACE_ROLLED, "SEARCH event USING INDEX event_key (key=? AND sequence<?)"},
	{STORE_TRACE_OLD, "SEARCH mail USING INDEX mail_at (at<?)"},
	{STORE_TRACE_OLD_EVENTS, "SEARCH event USING INDEX event_key (key=?)"},
	{STORE_TRACE_REMOVE_TERM,
		"SEARCH term USING PRIMARY KEY (kind=? AND value=? AND at=? AND key=?)"},
	{STORE_TRACE_REMOVE_EVENTS, "INDEX event_key (key=?)"},
	{STORE_TRACE_BACK, "SEARCH event USING INTEGER PRIMARY KEY (rowid<?)"},
	{STORE_TRACE_REPORT, "SEARCH rollup USING PRIMARY KEY (span=? AND at>? AND at<?)"},
	{STORE_TRACE_REPORT_CLEAR, "SEARCH clear_domain USING PRIMARY KEY (day=?)"},
	{STORE_TRACE_ROLL_MORE, "SEARCH rollup USING PRIMARY KEY (span=? AND at=?"},
	{STORE_TRACE_ROLL_ROWS, "SEARCH rollup USING PRIMARY KEY (span=? AND at=?)"},
	{STORE_TRACE_ROLL_OLDEST, "SEARCH rollup USING PRIMARY KEY (span=? AND at>? AND at<?)"},
	{STORE_TRACE_FOLD, "SEARCH rollup USING PRIMARY KEY (span=? AND at=?)"},
	{STORE_TRACE_FOLD_CROWD, "SEARCH rollup USING PRIMARY KEY (span=? AND at=?)"},
	{STORE_TRACE_ROLL_FORGET, "SEARCH rollup USING PRIMARY KEY (span=? AND at<?)"},
	{STORE_TRACE_CLEAR_ROWS,
		"SEARCH clear_domain USING PRIMARY KEY (day=? AND direction=? AND organisation=?)"},
	{STORE_TRACE_CLEAR_FORGET, "SEARCH clear_domain USING PRIMARY KEY (day<?)"},
};

/* The lines of a plan that touch a table, joined. */
static void explain(struct store_db *db, const char *sql, char *to, size_t size)
{
	char *text = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *s = NULL;
	size_t n = 0;

	assert_int_equal(sqlite3_prepare_v2(db->db, text, -1, &s, NULL), SQLITE_OK);
	to[0] = '\0';
	while (sqlite3_step(s) == SQLITE_ROW && n < size)
		n += (size_t)snprintf(
			to + n, size - n, "%s\n", (const char *)sqlite3_column_text(s, 3));
	sqlite3_finalize(s);
	sqlite3_free(text);
}

static void plans_use_the_index(void **state)
{
	struct store_db db = {0};
	struct err_info info = {0};
	char plan[4096];

	(void)state;
	assert_int_equal(store_db_open(&db, &store_trace_settings, &info), ERR_OK);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		explain(&db, store_trace_sql[rows[i].which], plan, sizeof(plan));
		if (strstr(plan, rows[i].plan) == NULL || strstr(plan, "SCAN mail") != NULL ||
			strstr(plan, "SCAN event") != NULL || strstr(plan, "SCAN term") != NULL ||
			strstr(plan, "SCAN rollup") != NULL ||
			strstr(plan, "SCAN clear_domain") != NULL)
			fail_msg("%s\nexpected: %s\nfound: %s", store_trace_sql[rows[i].which],
				rows[i].plan, plan);
	}
	store_db_close(&db);
}

/* Nothing of a search may have to be sorted: it would read all before the first. */
static void searches_are_in_order(void **state)
{
	static const enum store_trace_sql ordered[] = {STORE_TRACE_SEEK_TERM, STORE_TRACE_SEEK_MAIL,
		STORE_TRACE_OLD, STORE_TRACE_BACK, STORE_TRACE_ROLL_OLDEST};
	struct store_db db = {0};
	struct err_info info = {0};
	char plan[4096];

	(void)state;
	assert_int_equal(store_db_open(&db, &store_trace_settings, &info), ERR_OK);
	for (size_t i = 0; i < ARRAY_LENGTH(ordered); i++) {
		explain(&db, store_trace_sql[ordered[i]], plan, sizeof(plan));
		assert_null(strstr(plan, "TEMP B-TREE"));
	}
	store_db_close(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_use_the_index),
		cmocka_unit_test(searches_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
