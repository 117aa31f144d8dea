/*
 * Roll-ups: what reports are made of.  Each event counts in the transaction that adds it.
 *
 * A row stands for one hour, direction, organisation, connector and kind of event; where mail has
 * passed over the network also for the level of protection and for TLS version, suite and group;
 * else for the token.  Its numbers: recipients (events), messages (the first event of that kind for
 * a message, organisation and connector) and their bytes.  When an hour has too many rows, the rest
 * counts as connector, token and TLS "*"; so the shares of the levels stay exact.
 */
#include "port/store/trace_inside.h"

#include <string.h>

static const int64_t hour_ms = INT64_C(3600) * 1000;
static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

/* The key of a row. */
struct place {
	int span, direction;
	int64_t at;
	const char *organisation, *connector, *kind, *token, *level, *version, *cipher, *group;
	int64_t messages, bytes;
};

static const char *known(const char *text)
{
	return text != NULL ? text : "";
}

static bool has_passed(const char *kind)
{
	return strcmp(kind, "received") == 0 || strcmp(kind, "delivered") == 0 ||
	       strcmp(kind, "relayed") == 0 || strcmp(kind, "handed-over") == 0;
}

static const char *level_of(const struct store_trace_hop *hop)
{
	if (!hop->is_there || hop->is_local)
		return "local";
	if (hop->version == NULL)
		return "clear";
	if (hop->is_required)
		return "forced";
	return hop->is_verified ? "verified" : "encrypted";
}

static struct place place_of(const struct store_event *event, const struct store_trace_hop *hop)
{
	const struct wire_event *w = &event->wire;
	struct place place = {.at = w->at_ms - w->at_ms % hour_ms,
		.direction = hop->is_out || store_trace_is_out(w->kind) ? RECEIPT_OUT : RECEIPT_IN,
		.organisation = known(w->organisation),
		.connector = known(w->connector),
		.kind = known(w->kind),
		.token = "",
		.level = "",
		.version = "",
		.cipher = "",
		.group = ""};

	if (!has_passed(place.kind)) {
		place.token = known(w->token);
		return place;
	}
	place.level = level_of(hop);
	place.version = known(hop->version);
	place.cipher = known(hop->cipher);
	place.group = known(hop->group);
	return place;
}

/* Is it the first event of its kind, of its message? */
static enum err is_message(
	struct store_db *db, const struct store_event *event, int64_t key, bool *ret)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ROLLED);
	const struct wire_event *w = &event->wire;
	bool row = false;
	enum err e;

	*ret = true;
	if (w->message == 0)
		return ERR_OK;
	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, key);
	sqlite3_bind_int64(s, 2, event->sequence);
	store_db_bind_text(s, 3, w->kind);
	store_db_bind_text(s, 4, w->organisation);
	store_db_bind_text(s, 5, w->connector);
	e = store_db_step(s, &row);
	sqlite3_reset(s);
	*ret = !row;
	return e;
}

static enum err run(struct store_db *db, const struct place *place, enum store_trace_sql which)
{
	sqlite3_stmt *s = store_trace_statement(db, which);
	const char *texts[] = {place->organisation, place->connector, place->kind, place->token,
		place->level, place->version, place->cipher, place->group};

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int(s, 1, place->span);
	sqlite3_bind_int64(s, 2, place->at);
	sqlite3_bind_int(s, 3, place->direction);
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		store_db_bind_text(s, 4 + (int)i, texts[i]);
	sqlite3_bind_int64(s, 12, place->messages);
	sqlite3_bind_int64(s, 13, place->bytes);
	return store_db_run(s);
}

static const char *crowd(const char *text)
{
	return text[0] != '\0' ? "*" : "";
}

/* Beyond a limit all are one. */
static void make_crowd(struct place *place, bool is_much_more)
{
	if (is_much_more)
		place->organisation = "*";
	place->connector = "*";
	place->token = crowd(place->token);
	place->version = crowd(place->version);
	place->cipher = crowd(place->cipher);
	place->group = crowd(place->group);
}

/* *rows: how many PLACE has, -1: not counted yet; MOST: may be told apart. */
static enum err add_row(struct store_db *db, struct place *place, int64_t most, int64_t *rows)
{
	enum err e = run(db, place, STORE_TRACE_ROLL_MORE);

	if (e != ERR_OK || sqlite3_changes(db->db) > 0)
		return e;
	if (*rows < 0)
		e = store_trace_roll_rows(db, place->span, place->at, 2 * most, rows);
	if (e != ERR_OK)
		return e;
	if (*rows >= most) {
		make_crowd(place, *rows >= 2 * most);
		e = run(db, place, STORE_TRACE_ROLL_MORE);
		if (e != ERR_OK || sqlite3_changes(db->db) > 0)
			return e;
	}
	++*rows;
	return run(db, place, STORE_TRACE_ROLL_FIRST);
}

static enum err add_to_hour(
	struct store_db *db, struct place place, struct store_trace_counting *counting)
{
	int64_t hour = place.at + 1;

	if (counting->hour != hour)
		counting->rows = -1;
	counting->hour = hour;
	return add_row(db, &place, STORE_TRACE_HOUR_ROWS, &counting->rows);
}

/* What comes late finds its hour added to the day already, or gone. */
static enum err add(
	struct store_db *db, const struct place *place, struct store_trace_counting *counting)
{
	struct store_trace_days *days = &counting->days;
	int64_t rows = -1;
	struct place of_day = *place;
	enum err e = days->is_known ? ERR_OK : store_trace_days_read(db, days);

	if (e == ERR_OK && place->at < days->until) {
		of_day.span = 1;
		of_day.at -= of_day.at % day_ms;
		e = add_row(db, &of_day, STORE_TRACE_FOLDED_ROWS, &rows);
	}
	if (e == ERR_OK && (place->at >= days->hours_from || place->at >= days->until))
		e = add_to_hour(db, *place, counting);
	return e;
}

/* ---- without TLS ------------------------------------------------------------------------------
 */

static sqlite3_stmt *clear_statement(struct store_db *db, const struct store_event *event,
	const struct place *place, const char *host, enum store_trace_sql which)
{
	sqlite3_stmt *s = store_trace_statement(db, which);
	const struct wire_event *w = &event->wire;

	if (s == NULL)
		return NULL;
	sqlite3_bind_int64(s, 1, w->at_ms / day_ms);
	sqlite3_bind_int(s, 2, place->direction);
	store_db_bind_text(s, 3, place->organisation);
	if (which == STORE_TRACE_CLEAR_ROWS) {
		sqlite3_bind_int64(s, 8, STORE_TRACE_CLEAR_DOMAINS);
		return s;
	}
	store_db_bind_text(s, 4, place->connector); /* here: the domain */
	store_db_bind_text(s, 5, host);
	sqlite3_bind_int64(s, 6, w->at_ms);
	sqlite3_bind_int64(s, 7, w->message);
	return s;
}

static enum err run_clear(sqlite3_stmt *s, struct store_db *db)
{
	return s != NULL ? store_db_run(s) : store_trace_error(db);
}

static enum err add_clear(struct store_db *db, const struct store_event *event,
	const struct place *place, const struct store_trace_hop *hop)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct place of = *place;
	const char *host = hop->is_out || hop->address == NULL ? hop->host : hop->address;
	struct str address =
		str_of(of.direction == RECEIPT_OUT ? event->wire.recipient : event->wire.sender);
	size_t at = str_find_last(address, '@');
	sqlite3_stmt *s;
	bool row = false;
	enum err e;

	of.connector = at < address.n
			       ? store_trace_fold(arena, str_part(address, at + 1, address.n))
			       : "<>";
	e = run_clear(clear_statement(db, event, &of, host, STORE_TRACE_CLEAR_MORE), db);
	if (e != ERR_OK || sqlite3_changes(db->db) > 0)
		return e;
	s = clear_statement(db, event, &of, host, STORE_TRACE_CLEAR_ROWS);
	e = s != NULL ? store_db_step(s, &row) : store_trace_error(db);
	if (e != ERR_OK)
		return e;
	if (row && sqlite3_column_int64(s, 0) >= STORE_TRACE_CLEAR_DOMAINS)
		of.connector = "*";
	sqlite3_reset(s);
	return run_clear(clear_statement(db, event, &of, host, STORE_TRACE_CLEAR_FIRST), db);
}

enum err store_trace_roll(struct store_db *db, const struct store_event *event, int64_t key,
	int64_t size, struct store_trace_counting *counting)
{
	const struct store_trace_hop *hop = &counting->hop;
	struct place place = place_of(event, hop);
	bool counts = false, is_clear = strcmp(place.level, "clear") == 0;
	enum err e;

	e = is_message(db, event, key, &counts);
	if (e != ERR_OK)
		return e;
	place.messages = counts;
	place.bytes = counts ? size : 0;
	if (is_clear)
		e = add_clear(db, event, &place, hop);
	return e == ERR_OK ? add(db, &place, counting) : e;
}
