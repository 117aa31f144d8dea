#include "core/wire/visible.h"
#include "port/store/trace_inside.h"
#include "port/store/work.h"

#include <stdlib.h>

enum { SHOWN_RECIPIENTS = 20, TERMS = 7 };

/* A condition that the terms can answer: the value under either kind. */
struct wanted {
	enum store_term kind, other;
	const char *value;
};

struct search {
	struct store_db *db;
	struct arena *arena;
	const struct store_trace_query *query;
	struct wanted wanted[TERMS];
	size_t wanted_count;
	int64_t at, key; /* behind these, newest first */
	/* results */
	struct store_trace_item *items;
	size_t count;
	int64_t looked;
};

/* A candidate. */
struct place {
	int64_t at, key;
};

static void want(struct search *search, struct wanted wanted)
{
	if (wanted.value != NULL)
		search->wanted[search->wanted_count++] = wanted;
}

static void want_address(struct search *search, const char *address, bool sender, bool recipient)
{
	struct str s = str_of(address);
	bool domain = s.n > 1 && s.p[0] == '@';
	enum store_term from = domain ? STORE_TERM_SENDER_DOMAIN : STORE_TERM_SENDER;
	enum store_term to = domain ? STORE_TERM_RECIPIENT_DOMAIN : STORE_TERM_RECIPIENT;

	if (address == NULL)
		return;
	want(search,
		(struct wanted){
			.kind = sender ? from : to,
			.other = sender && recipient ? to : STORE_TERM_NONE,
			.value = store_trace_fold(search->arena, domain ? str_part(s, 1, s.n) : s),
		});
}

/* The first is the one that drives the search: those that name the fewest come first. */
static void state_terms(struct search *search)
{
	const struct store_trace_query *q = search->query;

	if (q->message_id != NULL)
		want(search, (struct wanted){STORE_TERM_MESSAGE_ID, STORE_TERM_NONE,
				     store_trace_fold_id(search->arena, q->message_id)});
	want_address(search, q->recipient, false, true);
	want_address(search, q->sender, true, false);
	want_address(search, q->address, true, true);
	if (q->connector != NULL)
		want(search, (struct wanted){STORE_TERM_CONNECTOR, STORE_TERM_NONE,
				     store_trace_fold(search->arena, str_of(q->connector))});
	/* Of several each candidate is asked. */
	if (q->organisations != NULL && q->organisations->count == 1)
		want(search, (struct wanted){STORE_TERM_ORGANISATION, STORE_TERM_NONE,
				     store_trace_fold(
					     search->arena, str_of(q->organisations->items[0]))});
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

static enum err parse_cursor(struct search *search)
{
	struct str rest = str_of(search->query->after);
	struct str at = str_cut(&rest, ':');

	search->at = search->query->until_ms != 0 ? search->query->until_ms : INT64_MAX;
	search->key = INT64_MAX;
	if (search->query->after == NULL)
		return ERR_OK;
	if (!parse_number(at, &search->at) || !parse_number(rest, &search->key))
		return ERR_SYNTAX;
	return ERR_OK;
}

/* ---- one candidate -----------------------------------------------------------------------------
 */

static enum err has_row(sqlite3_stmt *s, bool *ret)
{
	enum err e = store_db_step(s, ret);

	sqlite3_reset(s);
	return e;
}

static enum err has_term(
	struct search *search, const struct wanted *wanted, const struct place *place, bool *ret)
{
	sqlite3_stmt *s = store_trace_statement(search->db, STORE_TRACE_HAS_TERM);

	if (s == NULL)
		return store_trace_error(search->db);
	sqlite3_bind_int(s, 1, (int)wanted->kind);
	sqlite3_bind_int(s, 2, (int)wanted->other);
	store_db_bind_text(s, 3, wanted->value);
	sqlite3_bind_int64(s, 4, place->at);
	sqlite3_bind_int64(s, 5, place->key);
	return has_row(s, ret);
}

static enum err has_kind(struct search *search, const struct place *place, bool *ret)
{
	sqlite3_stmt *s = store_trace_statement(search->db, STORE_TRACE_HAS_KIND);

	if (s == NULL)
		return store_trace_error(search->db);
	sqlite3_bind_int64(s, 1, place->key);
	store_db_bind_text(s, 2, search->query->outcome);
	return has_row(s, ret);
}

/* Mail of one of the organisations asked for? */
static enum err is_theirs(struct search *search, const struct place *place, bool *ret)
{
	const struct record_texts *all = search->query->organisations;
	enum err e = ERR_OK;

	*ret = all == NULL;
	for (size_t i = 0; e == ERR_OK && !*ret && i < all->count; i++) {
		struct wanted wanted = {STORE_TERM_ORGANISATION, STORE_TERM_NONE,
			store_trace_fold(search->arena, str_of(all->items[i]))};

		e = has_term(search, &wanted, place, ret);
	}
	return e;
}

static enum err matches(struct search *search, const struct place *place, bool *ret)
{
	enum err e = ERR_OK;
	size_t i;

	*ret = (search->query->since_ms == 0 || place->at >= search->query->since_ms) &&
	       (search->query->until_ms == 0 || place->at <= search->query->until_ms);
	for (i = 0; e == ERR_OK && *ret && i < search->wanted_count; i++)
		e = has_term(search, &search->wanted[i], place, ret);
	if (e == ERR_OK && *ret && search->query->outcome != NULL)
		e = has_kind(search, place, ret);
	if (e == ERR_OK && *ret)
		e = is_theirs(search, place, ret);
	return e;
}

/* The columns of EVENT (trace_write.c). */
static void read_event(sqlite3_stmt *s, struct arena *arena, struct wire_event *w)
{
	int64_t key = sqlite3_column_int64(s, 1);
	struct receipt receipt;

	*w = (struct wire_event){
		.message = key > 0 ? key : 0,
		.at_ms = sqlite3_column_int64(s, 2),
		.kind = store_db_text_copy(s, 3, arena),
		.sender = store_db_text_copy(s, 4, arena),
		.recipient = store_db_text_copy(s, 5, arena),
		.organisation = store_db_text_copy(s, 6, arena),
		.connector = store_db_text_copy(s, 7, arena),
		.token = store_db_text_copy(s, 8, arena),
		.enhanced = store_db_text_copy(s, 9, arena),
		.text = store_db_text_copy(s, 10, arena),
		.message_id = store_db_text_copy(s, 11, arena),
		.size = sqlite3_column_int64(s, 12),
		.would_token = store_db_text_copy(s, 14, arena),
		.would_text = store_db_text_copy(s, 15, arena),
		.would_by = store_db_text_copy(s, 16, arena),
	};
	if (store_receipt_read(store_db_text(s, 13), arena, &receipt)) {
		w->receipt = arena_alloc(arena, sizeof(receipt));
		*w->receipt = receipt;
	}
}

static void read_recipients(struct store_trace_item *item, const char *joined, struct arena *arena)
{
	struct str rest = str_of(joined);

	item->recipients.items =
		arena_array(arena, SHOWN_RECIPIENTS, sizeof(*item->recipients.items));
	while (rest.n > 0 && item->recipients.count < SHOWN_RECIPIENTS)
		item->recipients.items[item->recipients.count++] =
			arena_text_of(arena, str_cut(&rest, '\n'));
}

/* *ret_found false: there is no such mail. */
static enum err read_item(struct store_db *db, int64_t key, struct arena *arena,
	struct store_trace_item *item, bool *ret_found)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_MAIL);
	int64_t last;
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, key);
	e = store_db_step(s, &row);
	*ret_found = row;
	if (e != ERR_OK || !row)
		return e;
	*item = (struct store_trace_item){
		.id = key > 0 ? key : 0,
		.at_ms = sqlite3_column_int64(s, 0),
		.sender = store_db_text_copy(s, 1, arena),
		.message_id = store_db_text_copy(s, 2, arena),
		.subject = store_db_text_copy(s, 3, arena),
		.size = sqlite3_column_int64(s, 5),
	};
	read_recipients(item, store_db_text(s, 4), arena);
	last = sqlite3_column_int64(s, 6);
	sqlite3_reset(s);
	s = store_trace_statement(db, STORE_TRACE_EVENT);
	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, last);
	e = store_db_step(s, &row);
	if (e == ERR_OK && row)
		read_event(s, arena, &item->last);
	sqlite3_reset(s);
	if (item->recipients.count == 0 && item->last.recipient != NULL)
		item->recipients.items[item->recipients.count++] = item->last.recipient;
	return e;
}

/* ---- searching ----------------------------------------------------------------------------------
 */

static sqlite3_stmt *driver(struct search *search, size_t limit)
{
	const struct wanted *first = search->wanted_count > 0 ? &search->wanted[0] : NULL;
	sqlite3_stmt *s;

	if (search->query->id != 0) {
		s = store_trace_statement(search->db, STORE_TRACE_FIND_KEY);
		if (s != NULL)
			sqlite3_bind_int64(s, 1, search->query->id);
		return s;
	}
	s = store_trace_statement(
		search->db, first != NULL ? STORE_TRACE_FIND_TERM : STORE_TRACE_FIND_ANY);
	if (s == NULL)
		return NULL;
	sqlite3_bind_int(s, 1, first != NULL ? (int)first->kind : 0);
	sqlite3_bind_int(s, 2, first != NULL ? (int)first->other : 0);
	sqlite3_bind_int64(s, 3, search->query->since_ms);
	sqlite3_bind_int64(s, 4, search->at);
	sqlite3_bind_int64(s, 5, search->key);
	sqlite3_bind_int64(s, 6, (int64_t)limit);
	if (first != NULL)
		store_db_bind_text(s, 7, first->value);
	return s;
}

static enum err read_places(
	struct search *search, struct place *places, size_t limit, size_t *ret_count)
{
	sqlite3_stmt *s = driver(search, limit);
	size_t n = 0;
	bool row;
	enum err e = ERR_OK;

	if (s == NULL)
		return store_trace_error(search->db);
	while (n < limit && (e = store_db_step(s, &row)) == ERR_OK && row) {
		places[n].at = sqlite3_column_int64(s, 0);
		places[n++].key = sqlite3_column_int64(s, 1);
	}
	sqlite3_reset(s);
	*ret_count = n;
	return e;
}

static enum err read_events(struct store_db *db, int64_t key, struct arena *arena,
	struct wire_event **ret, size_t *ret_count)
{
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_EVENTS);
	struct wire_event *events;
	size_t n = 0;
	bool row = false;
	enum err e = ERR_OK;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, key);
	sqlite3_bind_int64(s, 2, STORE_MAX_LIST);
	events = arena_array(arena, STORE_MAX_LIST, sizeof(*events));
	while (n < STORE_MAX_LIST && (e = store_db_step(s, &row)) == ERR_OK && row)
		read_event(s, arena, &events[n++]);
	sqlite3_reset(s);
	*ret = events;
	*ret_count = n;
	return e;
}

static bool is_folded(struct arena *arena, struct str text, struct str asked)
{
	return strcmp(store_trace_fold(arena, text), store_trace_fold(arena, asked)) == 0;
}

/* ADDRESS is ASKED, or at "@domain". */
static bool is_address(struct arena *arena, const char *address, const char *asked)
{
	struct str s = str_of(address), q = str_of(asked);

	if (address == NULL)
		return false;
	if (q.n > 1 && q.p[0] == '@')
		return is_folded(
			arena, str_part(s, str_find_last(s, '@') + 1, s.n), str_part(q, 1, q.n));
	return is_folded(arena, s, q);
}

static bool is_connector(struct arena *arena, const struct wire_event *e, const char *asked)
{
	return e->connector != NULL &&
	       (is_folded(arena, str_of(e->connector), str_of(asked)) ||
		       is_folded(arena,
			       str_of(arena_format(arena, "%s/%s",
				       e->organisation != NULL ? e->organisation : "",
				       e->connector)),
			       str_of(asked)));
}

/* Is what was asked for among what may be seen?  That a question finds something tells, too.  An
 * event without a recipient is about all of them. */
static bool is_seen(const struct store_trace_query *q, struct arena *arena,
	const struct wire_event *events, size_t count)
{
	bool recipient = q->recipient == NULL, address = q->address == NULL;
	bool connector = q->connector == NULL, outcome = q->outcome == NULL;

	for (size_t i = 0; i < count; i++) {
		const struct wire_event *e = &events[i];
		bool is_for_all = e->recipient == NULL;

		recipient =
			recipient || is_for_all || is_address(arena, e->recipient, q->recipient);
		address = address || is_for_all || is_address(arena, e->recipient, q->address) ||
			  is_address(arena, e->sender, q->address);
		connector = connector || is_connector(arena, e, q->connector);
		outcome = outcome || strcmp(e->kind, q->outcome) == 0;
	}
	return recipient && address && connector && outcome;
}

/* Take out of an item what others may not see: recipients, and the last event.  *ret_seen: what was
 * asked for is left. */
static enum err limit_item(
	struct search *search, int64_t key, struct store_trace_item *item, bool *ret_seen)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct wire_event *events;
	size_t count;
	enum err e = read_events(search->db, key, arena, &events, &count);

	if (e != ERR_OK)
		return e;
	count = wire_visible_events(search->query->organisations, events, count);
	*ret_seen = is_seen(search->query, arena, events, count);
	item->recipients.count = 0;
	memset(&item->last, 0, sizeof(item->last));
	for (size_t i = 0; i < count; i++)
		if (events[i].recipient != NULL && item->recipients.count < SHOWN_RECIPIENTS &&
			!wire_visible_is_among(&item->recipients, events[i].recipient))
			item->recipients.items[item->recipients.count++] =
				arena_text(search->arena, events[i].recipient);
	if (count > 0)
		record_copy(&wire_event_desc, &events[count - 1], search->arena, &item->last);
	return ERR_OK;
}

/* Look at the candidates until there is one more than wanted.  *ret_taken: how many were passed. */
static enum err look_at(struct search *search, const struct place *places, size_t count)
{
	enum err e = ERR_OK;
	size_t i;

	for (i = 0; e == ERR_OK && i < count && search->count < search->query->limit; i++) {
		bool found = false;

		search->at = places[i].at;
		search->key = places[i].key;
		search->looked++;
		e = matches(search, &places[i], &found);
		if (e == ERR_OK && found)
			e = read_item(search->db, places[i].key, search->arena,
				&search->items[search->count], &found);
		if (e == ERR_OK && found && search->query->organisations != NULL)
			e = limit_item(
				search, places[i].key, &search->items[search->count], &found);
		search->count += e == ERR_OK && found;
	}
	return e;
}

enum err store_trace_find(struct store_db *db, const struct store_trace_query *query,
	struct arena *arena, struct store_trace_item **ret, size_t *ret_count,
	const char **ret_next)
{
	enum { CHUNK = 500 };
	struct search search = {.db = db, .arena = arena, .query = query};
	struct place places[CHUNK] = {0};
	size_t count = CHUNK;
	enum err e = parse_cursor(&search);

	state_terms(&search);
	search.items = arena_array(arena, query->limit, sizeof(*search.items));
	while (e == ERR_OK && count == CHUNK && search.count < query->limit &&
		search.looked < STORE_TRACE_LOOK) {
		e = read_places(&search, places, CHUNK, &count);
		if (e == ERR_OK)
			e = look_at(&search, places, count);
	}
	if (e != ERR_OK)
		return e;
	*ret = search.items;
	*ret_count = search.count;
	*ret_next = NULL;
	if (query->id == 0 && (count == CHUNK || search.count == query->limit))
		*ret_next = arena_format(
			arena, "%lld:%lld", (long long)search.at, (long long)search.key);
	return ERR_OK;
}

enum err store_trace_events(struct store_db *db, int64_t message, struct arena *arena,
	struct store_trace_item *ret_item, struct wire_event **ret, size_t *ret_count)
{
	bool row = false;
	enum err e = read_item(db, message, arena, ret_item, &row);

	if (e != ERR_OK || !row)
		return e == ERR_OK ? ERR_UNKNOWN : e;
	return read_events(db, message, arena, ret, ret_count);
}
