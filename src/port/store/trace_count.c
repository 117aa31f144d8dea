/*
 * Counts of connectors by day.  An event is counted in the transaction that adds it, so that the
 * counts are as complete and as little doubled as the trace itself.
 */
#include "port/store/trace_inside.h"

#include <string.h>

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

static bool is_one_of(const char *text, const char *const *list)
{
	for (; text != NULL && *list != NULL; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

/* A refusal for want of what a connector asks: RFC 3463 3.8 (security), unless it was said by the
 * other side, or by something that is no connector's requirement. */
static bool is_requirement(const struct wire_event *w)
{
	static const char *const others[] = {"smtp", "refused-by-rule", "relay-denied", "ambiguous",
		"direct-send", "downgrade", "held-by-rule", NULL};
	struct str enhanced = str_of(w->enhanced);

	return w->token != NULL && enhanced.n > 4 && enhanced.p[1] == '.' && enhanced.p[2] == '7' &&
	       enhanced.p[3] == '.' && !is_one_of(w->token, others);
}

/* The connector named would have refused it: then it did not comply. */
static bool is_reported(const struct wire_event *w)
{
	return w->would_token != NULL && w->would_by != NULL &&
	       strstr(w->would_by, "connector ") != NULL;
}

/* False: it is not counted. */
static bool tally_of(const struct wire_event *w, enum store_tally *ret)
{
	static const char *const complied[] = {
		"received", "handed-over", "delivered", "relayed", NULL};
	static const char *const refused[] = {"refused", "deferred", "failed", "expired", NULL};

	if (w->organisation == NULL || w->connector == NULL || w->kind == NULL)
		return false;
	if (strcmp(w->kind, "would-refuse") == 0) {
		*ret = STORE_TALLY_WOULD;
		return is_reported(w);
	}
	if (is_one_of(w->kind, complied)) {
		*ret = STORE_TALLY_OK;
		return !is_reported(w);
	}
	*ret = STORE_TALLY_REFUSED;
	return is_one_of(w->kind, refused) && is_requirement(w);
}

/* The same message was counted for the same thing already. */
static enum err was_counted(struct store_db *db, const struct store_event *event, int64_t key,
	enum store_tally tally, bool *ret)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_COUNTED);
	const struct wire_event *w = &event->wire;
	enum err e;

	*ret = false;
	if (w->message == 0)
		return ERR_OK;
	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, key);
	sqlite3_bind_int64(s, 2, event->sequence);
	/* Put off, then given up for the same reason is one refusal. */
	store_db_bind_text(s, 3, tally != STORE_TALLY_REFUSED ? w->kind : NULL);
	store_db_bind_text(s, 4, w->organisation);
	store_db_bind_text(s, 5, w->connector);
	store_db_bind_text(s, 6, w->token);
	store_db_bind_text(s, 7, w->would_token);
	e = store_db_step(s, ret);
	sqlite3_reset(s);
	return e;
}

/* A place in connector_day. */
struct place {
	const struct wire_event *event;
	enum store_tally tally;
	int direction;
	int64_t day;
	const char *host, *name;
};

static sqlite3_stmt *statement_of(
	struct store_db *db, const struct place *place, enum store_trace_sql which)
{
	sqlite3_stmt *s = store_trace_statement(db, which);
	const struct wire_event *w = place->event;
	const char *token = place->tally == STORE_TALLY_OK	? "ok"
			    : place->tally == STORE_TALLY_WOULD ? w->would_token
								: w->token;

	if (s == NULL)
		return NULL;
	store_db_bind_text(s, 1, w->organisation);
	store_db_bind_text(s, 2, w->connector);
	sqlite3_bind_int(s, 3, place->direction);
	sqlite3_bind_int64(s, 4, place->day);
	sqlite3_bind_int(s, 5, (int)place->tally);
	store_db_bind_text(s, 6, token);
	store_db_bind_text(s, 7, place->host);
	sqlite3_bind_int64(s, 8, w->at_ms);
	store_db_bind_text(s, 9, place->name);
	sqlite3_bind_int64(s, 10, w->message);
	return s;
}

static enum err is_crowded(struct store_db *db, const struct place *place, bool *ret)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_COUNT_ROWS);
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	store_db_bind_text(s, 1, place->event->organisation);
	store_db_bind_text(s, 2, place->event->connector);
	sqlite3_bind_int(s, 3, place->direction);
	sqlite3_bind_int64(s, 4, place->day);
	sqlite3_bind_int64(s, 5, STORE_TRACE_DAY_ROWS);
	e = store_db_step(s, &row);
	*ret = e == ERR_OK && row && sqlite3_column_int64(s, 0) >= STORE_TRACE_DAY_ROWS;
	sqlite3_reset(s);
	return e;
}

/* Strangers choose hosts: beyond a limit all are one. */
static enum err add(struct store_db *db, struct place *place)
{
	sqlite3_stmt *s = statement_of(db, place, STORE_TRACE_COUNT_MORE);
	bool crowded = false;
	enum err e = s != NULL ? store_db_run(s) : store_trace_error(db);

	if (e != ERR_OK || sqlite3_changes(db->db) > 0)
		return e;
	e = is_crowded(db, place, &crowded);
	if (e != ERR_OK)
		return e;
	if (crowded) {
		place->host = "*";
		place->name = NULL;
	}
	s = statement_of(db, place, STORE_TRACE_COUNT_FIRST);
	return s != NULL ? store_db_run(s) : store_trace_error(db);
}

enum err store_trace_count(struct store_db *db, const struct store_event *event, int64_t key,
	const struct store_trace_hop *hop)
{
	struct place place = {.event = &event->wire, .day = event->wire.at_ms / day_ms};
	bool counted = false;
	bool is_outbound = hop->is_out || store_trace_is_out(event->wire.kind);
	enum err e;

	if (!tally_of(&event->wire, &place.tally))
		return ERR_OK;
	e = was_counted(db, event, key, place.tally, &counted);
	if (e != ERR_OK || counted)
		return e;
	place.direction = is_outbound ? RECEIPT_OUT : RECEIPT_IN;
	place.host = is_outbound || hop->address == NULL ? hop->host : hop->address;
	place.name = is_outbound ? NULL : hop->host;
	if (place.host == NULL)
		place.host = "";
	return add(db, &place);
}
