/*
 * Events that were there before roll-ups and the newer terms.  They are counted and indexed a few
 * at a time while the trace has nothing else to do, last ones first; how far that has come stands
 * in the same transaction, so that none counts twice.
 */
#include "port/store/trace_inside.h"

struct mail {
	int64_t at, size;
	bool is_there;
	const char *sender;
};

static enum err find_mail(struct store_db *db, int64_t key, struct arena *arena, struct mail *ret)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_BACK_MAIL);
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, key);
	e = store_db_step(s, &ret->is_there);
	if (e == ERR_OK && ret->is_there) {
		ret->at = sqlite3_column_int64(s, 0);
		ret->size = sqlite3_column_int64(s, 1);
		ret->sender = store_db_text_copy(s, 2, arena);
	}
	sqlite3_reset(s);
	return e;
}

static enum err count_back(struct store_db *db, struct store_event *event, int64_t key,
	struct store_trace_counting *counting, struct arena *arena)
{
	struct store_trace_terms terms = {
		.db = db, .arena = arena, .what = STORE_TRACE_ADD_TERM, .key = key};
	struct mail mail = {0};
	const struct store_trace_hop *hop, none = {0};
	enum err e = find_mail(db, key, arena, &mail);

	if (e != ERR_OK || !mail.is_there)
		return e;
	if (event->wire.sender == NULL)
		event->wire.sender = mail.sender;
	terms.at = mail.at;
	e = store_trace_hop_of(db, event, key, counting, &hop);
	if (e == ERR_OK)
		e = store_trace_roll(db, event, key, mail.size, counting);
	if (e != ERR_OK)
		return e;
	store_trace_terms_event(&terms, event->wire.kind, event->receipt != NULL ? hop : &none);
	return terms.failed;
}

/* Read first: what is counted is read from the same tables. */
static enum err read_back(struct store_db *db, int64_t upto, struct arena *arena,
	struct store_event *events, int64_t *keys, size_t *ret_count)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_BACK);
	size_t n = 0;
	bool row;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, upto);
	sqlite3_bind_int64(s, 2, STORE_TRACE_BACK_STEP);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		keys[n] = sqlite3_column_int64(s, 1);
		events[n] = (struct store_event){.sequence = sqlite3_column_int64(s, 0),
			.wire = {.message = keys[n] > 0 ? keys[n] : 0,
				.at_ms = sqlite3_column_int64(s, 2),
				.kind = store_db_text_copy(s, 3, arena),
				.sender = store_db_text_copy(s, 4, arena),
				.recipient = store_db_text_copy(s, 5, arena),
				.organisation = store_db_text_copy(s, 6, arena),
				.connector = store_db_text_copy(s, 7, arena),
				.token = store_db_text_copy(s, 8, arena)},
			.receipt = store_db_text_copy(s, 9, arena)};
		n++;
	}
	*ret_count = n;
	return e;
}

static enum err set_unindexed(struct store_db *db, int64_t upto)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_SET_UNINDEXED);

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, upto);
	return store_db_run(s);
}

static enum err count_some(struct store_db *db, int64_t *upto)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct arena *hops CLEANUP(arena_free) = arena_new();
	struct store_trace_counting counting = {.arena = hops};
	struct store_event events[STORE_TRACE_BACK_STEP];
	int64_t keys[STORE_TRACE_BACK_STEP];
	size_t count = 0;
	enum err e = read_back(db, *upto, arena, events, keys, &count);

	for (size_t i = 0; e == ERR_OK && i < count; i++)
		e = count_back(db, &events[i], keys[i], &counting, arena);
	*upto = count == STORE_TRACE_BACK_STEP ? events[count - 1].sequence - 1 : 0;
	return e == ERR_OK ? set_unindexed(db, *upto) : e;
}

enum err store_trace_back_step(struct store_db *db, int64_t *unindexed)
{
	int64_t upto = *unindexed;
	enum err e = store_trace_run(db, STORE_TRACE_BEGIN);

	if (e == ERR_OK)
		e = count_some(db, &upto);
	if (e == ERR_OK)
		e = store_trace_run(db, STORE_TRACE_COMMIT);
	if (e != ERR_OK) {
		store_trace_roll_back(db);
		return e;
	}
	*unindexed = upto;
	return ERR_OK;
}
