/* One message of the trace, and what of it may be seen. */
#include "core/wire/visible.h"
#include "port/store/trace_inside.h"
#include "port/store/work.h"

#include <stdlib.h>

enum { SHOWN_RECIPIENTS = 20 };

/* The columns of EVENT (trace_sql.c). */
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

enum err store_trace_read_item(struct store_db *db, int64_t key, struct arena *arena,
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

static bool is_host(struct arena *arena, const struct receipt *r, const char *asked)
{
	struct str q = str_of(asked);

	return (r->host != NULL && is_folded(arena, str_of(r->host), q)) ||
	       (r->peer_address != NULL && is_folded(arena, str_of(r->peer_address), q));
}

static bool is_tls(struct arena *arena, const struct receipt *r, const char *asked)
{
	return is_folded(arena, str_of(r->version != NULL ? r->version : "clear"), str_of(asked));
}

/* What of a question is still to be found among the events. */
struct unseen {
	bool recipient, address, connector, outcome, host, tls;
};

static void look_for(struct unseen *un, const struct store_trace_query *q, struct arena *arena,
	const struct wire_event *e)
{
	bool is_for_all = e->recipient == NULL;
	bool has_hop = e->receipt != NULL && e->receipt->attempt != RECEIPT_ATTEMPT_LOCAL;

	un->recipient =
		un->recipient && !is_for_all && !is_address(arena, e->recipient, q->recipient);
	un->address = un->address && !is_for_all && !is_address(arena, e->recipient, q->address) &&
		      !is_address(arena, e->sender, q->address);
	un->connector = un->connector && !is_connector(arena, e, q->connector);
	un->outcome = un->outcome && strcmp(e->kind, q->outcome) != 0;
	un->host = un->host && !(has_hop && is_host(arena, e->receipt, q->host));
	un->tls = un->tls && !(has_hop && is_tls(arena, e->receipt, q->tls));
}

/* Is what was asked for among what may be seen?  That a question finds something tells, too.  An
 * event without a recipient is about all of them. */
static bool is_seen(const struct store_trace_query *q, struct arena *arena,
	const struct wire_event *events, size_t count)
{
	struct unseen un = {.recipient = q->recipient != NULL,
		.address = q->address != NULL,
		.connector = q->connector != NULL,
		.outcome = q->outcome != NULL,
		.host = q->host != NULL,
		.tls = q->tls != NULL};

	for (size_t i = 0; i < count; i++)
		look_for(&un, q, arena, &events[i]);
	return !un.recipient && !un.address && !un.connector && !un.outcome && !un.host && !un.tls;
}

enum err store_trace_limit_item(struct store_db *db, const struct store_trace_query *query,
	int64_t key, struct arena *to, struct store_trace_item *item, bool *ret_seen)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct wire_event *events;
	size_t count;
	enum err e = read_events(db, key, arena, &events, &count);

	if (e != ERR_OK)
		return e;
	count = wire_visible_events(query->organisations, events, count);
	*ret_seen = is_seen(query, arena, events, count);
	item->recipients.count = 0;
	memset(&item->last, 0, sizeof(item->last));
	for (size_t i = 0; i < count; i++)
		if (events[i].recipient != NULL && item->recipients.count < SHOWN_RECIPIENTS &&
			!wire_visible_is_among(&item->recipients, events[i].recipient))
			item->recipients.items[item->recipients.count++] =
				arena_text(to, events[i].recipient);
	if (count > 0)
		record_copy(&wire_event_desc, &events[count - 1], to, &item->last);
	return ERR_OK;
}

enum err store_trace_events(struct store_db *db, int64_t message, struct arena *arena,
	struct store_trace_item *ret_item, struct wire_event **ret, size_t *ret_count)
{
	bool row = false;
	enum err e = store_trace_read_item(db, message, arena, ret_item, &row);

	if (e != ERR_OK || !row)
		return e == ERR_OK ? ERR_UNKNOWN : e;
	return read_events(db, message, arena, ret, ret_count);
}
