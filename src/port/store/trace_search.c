/*
 * Searching.  Each condition that the index answers is a list of places (moment, message), newest
 * first; mail that all lists have is found by moving from list to list, each time to the newest
 * place that is not behind the others.  So a rare condition makes a frequent one cheap.  A question
 * works a few milliseconds at a time, and is answered with what it has found when that has taken
 * long: the cursor goes on from there.
 */
#include "port/store/trace_inside.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A candidate. */
struct place {
	int64_t at, key;
};

static void want(struct store_trace_finding *f, enum store_term kind, enum store_term other,
	const char *value)
{
	const char **values = arena_array(f->arena, 1, sizeof(*values));

	values[0] = value;
	f->wanted[f->wanted_count++] = (struct store_trace_wanted){kind, other, values, 1};
}

static const char *fold(struct store_trace_finding *f, const char *text)
{
	return store_trace_fold(f->arena, str_of(text));
}

static void want_address(
	struct store_trace_finding *f, const char *address, bool sender, bool recipient)
{
	struct str s = str_of(address);
	bool domain = s.n > 1 && s.p[0] == '@';
	enum store_term from = domain ? STORE_TERM_SENDER_DOMAIN : STORE_TERM_SENDER;
	enum store_term to = domain ? STORE_TERM_RECIPIENT_DOMAIN : STORE_TERM_RECIPIENT;

	if (address != NULL)
		want(f, sender ? from : to, sender && recipient ? to : STORE_TERM_NONE,
			store_trace_fold(f->arena, domain ? str_part(s, 1, s.n) : s));
}

/* Mail of one of the organisations asked for. */
static void want_organisations(struct store_trace_finding *f, const struct record_texts *all)
{
	const char **values;

	if (all == NULL)
		return;
	values = arena_array(f->arena, all->count + 1, sizeof(*values));
	for (size_t i = 0; i < all->count; i++)
		values[i] = fold(f, all->items[i]);
	f->wanted[f->wanted_count++] = (struct store_trace_wanted){
		STORE_TERM_ORGANISATION, STORE_TERM_NONE, values, all->count};
}

/* Those that name the fewest come first. */
static void state_terms(struct store_trace_finding *f)
{
	const struct store_trace_query *q = f->query;

	if (q->message_id != NULL)
		want(f, STORE_TERM_MESSAGE_ID, STORE_TERM_NONE,
			store_trace_fold_id(f->arena, q->message_id));
	want_address(f, q->recipient, false, true);
	want_address(f, q->sender, true, false);
	want_address(f, q->address, true, true);
	if (q->host != NULL)
		want(f, STORE_TERM_HOST, STORE_TERM_NONE, fold(f, q->host));
	if (q->connector != NULL)
		want(f, STORE_TERM_CONNECTOR, STORE_TERM_NONE, fold(f, q->connector));
	if (q->outcome != NULL && f->is_indexed && store_trace_is_indexed_kind(q->outcome))
		want(f, STORE_TERM_OUTCOME, STORE_TERM_NONE, fold(f, q->outcome));
	if (q->tls != NULL)
		want(f, STORE_TERM_TLS, STORE_TERM_NONE, fold(f, q->tls));
	want_organisations(f, q->organisations);
}

static bool parse_number(struct str s, int64_t *ret)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t value;

	if (negative)
		s = str_part(s, 1, s.n);
	if (!str_to_u64(s, &value) || value > INT64_MAX)
		return false;
	*ret = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

/* The place before another. */
static void move_behind(struct store_trace_finding *f, const struct place *place)
{
	f->at = place->at;
	f->key = place->key;
	if (f->key > INT64_MIN)
		f->key--;
}

enum err store_trace_find_new(const struct store_trace_query *query, bool is_indexed,
	struct arena *arena, struct store_trace_finding **ret)
{
	struct store_trace_finding *f = arena_alloc(arena, sizeof(*f));
	struct str rest = str_of(query->after);
	struct str at = str_cut(&rest, ':');
	struct place after;

	*f = (struct store_trace_finding){.query = query,
		.arena = arena,
		.is_indexed = is_indexed,
		.at = query->until_ms != 0 ? query->until_ms : INT64_MAX,
		.key = INT64_MAX};
	if (query->after != NULL) {
		if (!parse_number(at, &after.at) || !parse_number(rest, &after.key))
			return ERR_SYNTAX;
		move_behind(f, &after);
	}
	state_terms(f);
	f->items = arena_array(arena, query->limit, sizeof(*f->items));
	*ret = f;
	return ERR_OK;
}

/* ---- places -----------------------------------------------------------------------------------
 */

static enum err read_place(sqlite3_stmt *s, struct place *best, bool *ret_found)
{
	struct place place;
	bool row = false;
	enum err e = store_db_step(s, &row);

	if (e == ERR_OK && row) {
		place = (struct place){sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1)};
		if (!*ret_found || place.at > best->at ||
			(place.at == best->at && place.key > best->key))
			*best = place;
		*ret_found = true;
	}
	sqlite3_reset(s);
	return e;
}

static enum err seek_term(struct store_db *db, enum store_term kind, const char *value,
	const struct place *bound, struct place *best, bool *ret_found)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_SEEK_TERM);

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int(s, 1, (int)kind);
	store_db_bind_text(s, 2, value);
	sqlite3_bind_int64(s, 3, bound->at);
	sqlite3_bind_int64(s, 4, bound->key);
	return read_place(s, best, ret_found);
}

/* The newest place of a list that is at BOUND or before. */
static enum err seek(struct store_db *db, const struct store_trace_wanted *wanted,
	const struct place *bound, struct place *ret, bool *ret_found)
{
	enum err e = ERR_OK;

	*ret_found = false;
	for (size_t i = 0; e == ERR_OK && i < wanted->count; i++) {
		e = seek_term(db, wanted->kind, wanted->values[i], bound, ret, ret_found);
		if (e == ERR_OK && wanted->other != STORE_TERM_NONE)
			e = seek_term(db, wanted->other, wanted->values[i], bound, ret, ret_found);
	}
	return e;
}

/* All mail, or the one whose id is known. */
static enum err seek_mail(struct store_db *db, int64_t id, const struct place *bound,
	struct place *ret, bool *ret_found)
{
	sqlite3_stmt *s =
		store_trace_statement(db, id != 0 ? STORE_TRACE_FIND_KEY : STORE_TRACE_SEEK_MAIL);
	enum err e;

	*ret_found = false;
	if (s == NULL)
		return store_trace_error(db);
	if (id != 0) {
		sqlite3_bind_int64(s, 1, id);
	} else {
		sqlite3_bind_int64(s, 3, bound->at);
		sqlite3_bind_int64(s, 4, bound->key);
	}
	e = read_place(s, ret, ret_found);
	if (*ret_found && (ret->at > bound->at || (ret->at == bound->at && ret->key > bound->key)))
		*ret_found = false;
	return e;
}

/* Move on to the next place that all lists have.  *ret_found false with *ret_more: they differ
 * here, the search goes on at the finding's place; without: there is none. */
static enum err next_place(struct store_db *db, struct store_trace_finding *f, struct place *ret,
	bool *ret_found, bool *ret_more)
{
	struct place bound = {f->at, f->key}, place = bound;
	bool any = true;
	enum err e = ERR_OK;
	size_t i = 0;

	*ret_found = *ret_more = false;
	if (f->query->id != 0 || f->wanted_count == 0)
		e = seek_mail(db, f->query->id, &bound, &place, &any);
	else
		e = seek(db, &f->wanted[i++], &bound, &place, &any);
	*ret = place;
	for (; e == ERR_OK && any && i < f->wanted_count; i++) {
		e = seek(db, &f->wanted[i], ret, &place, &any);
		if (e == ERR_OK && any && (place.at != ret->at || place.key != ret->key)) {
			f->at = place.at;
			f->key = place.key;
			*ret_more = f->query->id == 0;
			return ERR_OK;
		}
	}
	if (e != ERR_OK || !any || ret->at < f->query->since_ms)
		return e;
	*ret_found = true;
	*ret_more = f->query->id == 0;
	move_behind(f, ret);
	return ERR_OK;
}

/* ---- what the index does not know -------------------------------------------------------------
 */

static enum err has_kind(
	struct store_db *db, const char *kind, const struct place *place, bool *ret)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_HAS_KIND);
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, place->key);
	store_db_bind_text(s, 2, kind);
	e = store_db_step(s, ret);
	sqlite3_reset(s);
	return e;
}

static bool has_subject(const char *subject, const char *asked)
{
	return asked == NULL || (subject != NULL && strcasestr(subject, asked) != NULL);
}

static enum err look_at(
	struct store_db *db, struct store_trace_finding *f, const struct place *place)
{
	const struct store_trace_query *q = f->query;
	struct store_trace_item *item = &f->items[f->count];
	bool found = true;
	enum err e = ERR_OK;

	if (q->outcome != NULL)
		e = has_kind(db, q->outcome, place, &found);
	if (e == ERR_OK && found)
		e = store_trace_read_item(db, place->key, f->arena, item, &found);
	found = found && has_subject(item->subject, q->subject);
	if (e == ERR_OK && found && q->organisations != NULL)
		e = store_trace_limit_item(db, q, place->key, f->arena, item, &found);
	f->count += e == ERR_OK && found;
	return e;
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool is_enough(const struct store_trace_finding *f)
{
	return f->count == f->query->limit || f->looked >= STORE_TRACE_LOOK ||
	       ((f->looked >= STORE_TRACE_LOOK_LEAST || f->count >= STORE_TRACE_FOUND_LEAST) &&
		       f->worked_us >= STORE_TRACE_ANSWER_MS * INT64_C(1000));
}

enum err store_trace_find_step(struct store_db *db, struct store_trace_finding *f, bool *ret_more)
{
	int64_t from = now_us(), took = 0;
	struct place place;
	bool found, more = true;
	enum err e = ERR_OK;

	while (e == ERR_OK && more && !is_enough(f) && took < STORE_TRACE_STEP_MS * INT64_C(1000)) {
		f->looked++;
		e = next_place(db, f, &place, &found, &more);
		if (e == ERR_OK && found)
			e = look_at(db, f, &place);
		took = now_us() - from;
	}
	f->worked_us += took;
	*ret_more = e == ERR_OK && more && !is_enough(f);
	/* A cursor names the place behind which to go on. */
	f->next = !more ? NULL
			: arena_format(f->arena, "%lld:%lld", (long long)f->at,
				  (long long)(f->key < INT64_MAX ? f->key + 1 : f->key));
	return e;
}
