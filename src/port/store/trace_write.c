/* Events on their way into the trace, and old ones on their way out. */
#include "port/store/trace_inside.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum err store_trace_error(struct store_db *db)
{
	enum err e = store_db_error(sqlite3_extended_errcode(db->db));

	return e == ERR_OK ? ERR_INTERNAL : e;
}

enum err store_trace_run(struct store_db *db, enum store_trace_sql which)
{
	sqlite3_stmt *s = store_trace_statement(db, which);

	return s != NULL ? store_db_run(s) : store_trace_error(db);
}

int64_t store_trace_ticks_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- applying ----------------------------------------------------------------------------------
 */

static enum err add_event(struct store_db *db, const struct store_event *event, int64_t key)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ADD_EVENT);
	const struct wire_event *w = &event->wire;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, event->sequence);
	sqlite3_bind_int64(s, 2, key);
	sqlite3_bind_int64(s, 3, w->at_ms);
	store_db_bind_text(s, 4, w->kind);
	store_db_bind_text(s, 5, w->sender);
	store_db_bind_text(s, 6, w->recipient);
	store_db_bind_text(s, 7, w->organisation);
	store_db_bind_text(s, 8, w->connector);
	store_db_bind_text(s, 9, w->token);
	store_db_bind_text(s, 10, w->enhanced);
	store_db_bind_text(s, 11, w->text);
	store_db_bind_text(s, 12, w->message_id);
	sqlite3_bind_int64(s, 13, w->size);
	store_db_bind_text(s, 14, event->receipt);
	store_db_bind_text(s, 15, w->would_token);
	store_db_bind_text(s, 16, w->would_text);
	store_db_bind_text(s, 17, w->would_by);
	return store_db_run(s);
}

/* The row of an event's mail. */
struct mail {
	int64_t at, size;
	bool is_first; /* it was made by this event */
};

static enum err add_mail(
	struct store_db *db, const struct store_event *event, int64_t key, struct mail *ret)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ADD_MAIL);
	const struct wire_event *w = &event->wire;
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, key);
	sqlite3_bind_int64(s, 2, w->at_ms);
	store_db_bind_text(s, 3, w->sender);
	store_db_bind_text(s, 4, w->message_id);
	store_db_bind_text(s, 5, event->subject);
	store_db_bind_text(s, 6, event->recipients);
	sqlite3_bind_int64(s, 7, w->size);
	sqlite3_bind_int64(s, 8, event->sequence);
	/* What would have been is not what became of it. */
	sqlite3_bind_int(s, 9, w->kind != NULL && strcmp(w->kind, "would-refuse") == 0);
	e = store_db_step(s, &row);
	if (e == ERR_OK && row) {
		ret->at = sqlite3_column_int64(s, 0);
		ret->is_first = sqlite3_column_int64(s, 1) == event->sequence;
		ret->size = sqlite3_column_int64(s, 2);
		e = store_db_step(s, &row);
	}
	sqlite3_reset(s);
	return e;
}

static enum err count_one(struct store_db *db, const struct store_event *event,
	struct store_trace_counting *counting, struct store_trace_terms *terms, int64_t size)
{
	const struct store_trace_hop *hop;
	enum err e = store_trace_hop_of(db, event, terms->key, counting, &hop);

	if (e == ERR_OK)
		e = store_trace_count(db, event, terms->key, hop);
	if (e == ERR_OK)
		e = store_trace_roll(db, event, terms->key, size, counting);
	if (e == ERR_OK && event->receipt != NULL)
		store_trace_terms_event(terms, event->wire.kind, hop);
	else if (e == ERR_OK)
		store_trace_terms_event(terms, event->wire.kind, &(struct store_trace_hop){0});
	return e;
}

static enum err apply_one(struct store_db *db, const struct store_event *event,
	struct store_trace_counting *counting, struct arena *arena)
{
	const struct wire_event *w = &event->wire;
	int64_t key = w->message != 0 ? w->message : -event->sequence;
	bool is_alarm = false, is_refusal = false;
	struct store_trace_terms terms = {.db = db,
		.arena = arena,
		.what = STORE_TRACE_ADD_TERM,
		.key = key,
		.known = counting->terms};
	struct mail mail = {0};
	enum err e = store_trace_alarm(db, w, &is_alarm);

	if (e != ERR_OK || is_alarm)
		return e;
	e = store_trace_acceptance(db, event, arena, &is_refusal);
	if (e != ERR_OK || is_refusal)
		return e;
	e = add_mail(db, event, key, &mail);
	if (e == ERR_OK)
		e = add_event(db, event, key);
	terms.at = mail.at;
	if (e == ERR_OK)
		e = count_one(db, event, counting, &terms, mail.size);
	if (e != ERR_OK)
		return e;
	if (mail.is_first)
		store_trace_terms_mail(&terms, w->sender, w->message_id);
	store_trace_terms_recipients(&terms, w->recipient, event->recipients);
	store_trace_terms_connector(&terms, w->organisation, w->connector);
	return terms.failed;
}

static enum err set_applied(struct store_db *db, int64_t applied)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_SET_APPLIED);

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, applied);
	return store_db_run(s);
}

void store_trace_roll_back(struct store_db *db)
{
	size_t i;

	for (i = 0; i < db->count; i++) {
		if (db->statements[i] != NULL)
			sqlite3_reset(db->statements[i]);
	}
	if (!sqlite3_get_autocommit(db->db))
		store_trace_run(db, STORE_TRACE_ROLLBACK);
}

enum err store_trace_apply(struct store_db *db, const struct store_event *events, size_t most,
	const atomic_llong *due_ms, int64_t *applied)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct arena *hops CLEANUP(arena_free) = arena_new();
	struct store_trace_counting counting = {.arena = hops};
	int64_t upto = *applied;
	size_t count = 0;
	enum err e = store_trace_run(db, STORE_TRACE_BEGIN);

	counting.terms = mem_new(STORE_TRACE_TERMS * sizeof(*counting.terms));

	for (; e == ERR_OK && events != NULL && count < most; events = events->next) {
		if (due_ms != NULL && count >= STORE_TRACE_BATCH_LEAST &&
			store_trace_ticks_ms() >= atomic_load(due_ms))
			break;
		count++;
		if (events->sequence <= upto)
			continue;
		arena_clear(arena);
		e = apply_one(db, events, &counting, arena);
		upto = events->sequence;
	}
	if (e == ERR_OK)
		e = set_applied(db, upto);
	if (e == ERR_OK)
		e = store_trace_run(db, STORE_TRACE_COMMIT);
	free(counting.terms);
	if (e != ERR_OK) {
		store_trace_roll_back(db);
		return e;
	}
	*applied = upto;
	return ERR_OK;
}

/* ---- retention ---------------------------------------------------------------------------------
 */

static enum err remove_key(struct store_db *db, enum store_trace_sql which, int64_t key)
{
	sqlite3_stmt *s = store_trace_statement(db, which);

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, key);
	return store_db_run(s);
}

/* The terms are found from what they were made of. */
static enum err remove_terms(struct store_trace_terms *terms)
{
	sqlite3_stmt *s = store_trace_statement(terms->db, STORE_TRACE_OLD_EVENTS);
	struct store_trace_hop hop;
	bool row;
	enum err e;

	if (s == NULL)
		return store_trace_error(terms->db);
	sqlite3_bind_int64(s, 1, terms->key);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		store_trace_terms_recipients(terms, store_db_text(s, 0), NULL);
		store_trace_terms_connector(terms, store_db_text(s, 1), store_db_text(s, 2));
		store_trace_hop_read(store_db_text(s, 4), terms->arena, &hop);
		store_trace_terms_event(terms, store_db_text(s, 3), &hop);
	}
	return e != ERR_OK ? e : terms->failed;
}

static enum err expire_some(struct store_db *db, int64_t before_ms, bool *ret_more)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_OLD);
	struct store_trace_terms terms[STORE_TRACE_EXPIRE_STEP];
	int64_t begun = store_trace_ticks_ms();
	size_t n = 0, i;
	bool row;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, before_ms);
	sqlite3_bind_int64(s, 2, STORE_TRACE_EXPIRE_STEP);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		terms[n] = (struct store_trace_terms){.db = db,
			.arena = arena,
			.what = STORE_TRACE_REMOVE_TERM,
			.key = sqlite3_column_int64(s, 0),
			.at = sqlite3_column_int64(s, 1)};
		store_trace_terms_mail(&terms[n], store_db_text(s, 2), store_db_text(s, 3));
		store_trace_terms_recipients(&terms[n], NULL, store_db_text(s, 4));
		n++;
	}
	*ret_more = n == STORE_TRACE_EXPIRE_STEP;
	for (i = 0; e == ERR_OK && i < n; i++) {
		if (i > 0 && store_trace_ticks_ms() - begun >= STORE_TRACE_STEP_MS) {
			*ret_more = true;
			break;
		}
		e = remove_terms(&terms[i]);
		if (e == ERR_OK)
			e = remove_key(db, STORE_TRACE_REMOVE_EVENTS, terms[i].key);
		if (e == ERR_OK)
			e = remove_key(db, STORE_TRACE_REMOVE_MAIL, terms[i].key);
	}
	return e;
}

enum err store_trace_expire_step(struct store_db *db, int64_t before_ms, bool *ret_more)
{
	bool more = false;
	enum err e = store_trace_run(db, STORE_TRACE_BEGIN);

	if (e == ERR_OK)
		e = expire_some(db, before_ms, &more);
	if (e == ERR_OK && !more)
		e = store_trace_forget_accounts(db, before_ms);
	if (e == ERR_OK)
		e = store_trace_run(db, STORE_TRACE_COMMIT);
	if (e != ERR_OK) {
		store_trace_roll_back(db);
		return e;
	}
	*ret_more = more;
	return ERR_OK;
}
