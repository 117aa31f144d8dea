#include "port/store/sqlite.h"

enum err store_sqlite_known(void *self, int64_t message, bool *ret_in_file)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_KNOWN);
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, message);
	e = store_db_step(s, &row);
	if (e == ERR_OK && row)
		*ret_in_file = sqlite3_column_int(s, 0) != 0;
	sqlite3_reset(s);
	return e == ERR_OK && !row ? ERR_UNKNOWN : e;
}

enum err store_sqlite_due(void *self, int64_t until_ms, const struct store_due_entry *after,
	size_t limit, struct arena *arena, struct store_due_entry *ret, size_t *ret_count)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_DUE);
	const struct store_due_entry start = {
		.due_ms = INT64_MIN, .message = INT64_MIN, .number = INT64_MIN};
	size_t n = 0;
	bool row;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	if (after == NULL)
		after = &start;
	sqlite3_bind_int64(s, 1, until_ms);
	sqlite3_bind_int64(s, 2, after->due_ms);
	sqlite3_bind_int64(s, 3, after->message);
	sqlite3_bind_int64(s, 4, after->number);
	sqlite3_bind_int64(s, 5, (int64_t)limit);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		struct store_due_entry *entry = &ret[n++];

		entry->due_ms = sqlite3_column_int64(s, 0);
		entry->message = sqlite3_column_int64(s, 1);
		entry->number = sqlite3_column_int64(s, 2);
		entry->attempts = sqlite3_column_int64(s, 3);
		entry->route = store_db_text_copy(s, 4, arena);
	}
	*ret_count = n;
	return e;
}

/* The columns of RECIPIENT (sqlite.c); texts live until the next step. */
static void read_recipient(sqlite3_stmt *s, struct store_recipient *r)
{
	*r = (struct store_recipient){
		.wire.number = sqlite3_column_int64(s, 0),
		.state = sqlite3_column_int(s, 1),
		.due_ms = sqlite3_column_int64(s, 2),
		.attempts = sqlite3_column_int64(s, 3),
		.route = store_db_text(s, 4),
		.wire.address = store_db_text(s, 5),
		.wire.original = store_db_text(s, 6),
		.wire.notify = sqlite3_column_int64(s, 7),
		.wire.organisation = store_db_text(s, 8),
		.wire.connector = store_db_text(s, 9),
		.wire.originating = sqlite3_column_int(s, 10) != 0,
		.delay_noticed = sqlite3_column_int(s, 11) != 0,
		.last_ms = sqlite3_column_int64(s, 12),
		.token = store_db_text(s, 13),
		.enhanced = store_db_text(s, 14),
		.text = store_db_text(s, 15),
		.host = store_db_text(s, 16),
		.wire.receiver = store_db_text(s, 17),
		.wire.receiver_connector = store_db_text(s, 18),
		.wire.would_token = store_db_text(s, 19),
		.wire.would_text = store_db_text(s, 20),
		.wire.would_by = store_db_text(s, 21),
	};
}

static void read_message(sqlite3_stmt *s, struct arena *arena, struct wire_message *m)
{
	m->received_ms = sqlite3_column_int64(s, 0);
	m->sender = store_db_text_copy(s, 1, arena);
	m->envelope_id = store_db_text_copy(s, 2, arena);
	m->ret = sqlite3_column_int(s, 3);
	m->body = sqlite3_column_int(s, 4);
	m->smtputf8 = sqlite3_column_int(s, 5) != 0;
	m->size = sqlite3_column_int64(s, 6);
	m->hops = sqlite3_column_int64(s, 7);
	m->message_id = store_db_text_copy(s, 8, arena);
	m->subject = store_db_text_copy(s, 9, arena);
	m->helo = store_db_text_copy(s, 10, arena);
	m->labels = store_labels_read(store_db_text(s, 12), arena);
	m->via = store_db_text_copy(s, 13, arena);
	if (!store_receipt_read(store_db_text(s, 11), arena, &m->receipt))
		m->receipt = (struct receipt){0};
}

enum err store_sqlite_load(
	void *self, int64_t message, struct arena *arena, struct store_message *ret)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_LOAD_MESSAGE);
	size_t size = 4;
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	*ret = (struct store_message){0};
	ret->wire.id = message;
	sqlite3_bind_int64(s, 1, message);
	e = store_db_step(s, &row);
	if (e != ERR_OK || !row)
		return e == ERR_OK ? ERR_UNKNOWN : e;
	read_message(s, arena, &ret->wire);
	sqlite3_reset(s);
	s = store_sqlite_statement(self, STORE_SQL_LOAD_RECIPIENTS);
	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, message);
	ret->recipients.items = arena_array(arena, size, sizeof(*ret->recipients.items));
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		if (ret->recipients.count == size) {
			struct store_recipient *more = arena_array(arena, size * 4, sizeof(*more));

			memcpy(more, ret->recipients.items, size * sizeof(*more));
			ret->recipients.items = more;
			size *= 4;
		}
		read_recipient(s, &ret->recipients.items[ret->recipients.count]);
		store_recipient_own(arena, &ret->recipients.items[ret->recipients.count]);
		ret->recipients.count++;
	}
	return e;
}

enum err store_sqlite_content(void *self, int64_t message, int64_t offset, size_t length,
	struct arena *arena, struct str *ret)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_CONTENT);
	bool row = false, in_file = false;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, message);
	sqlite3_bind_int64(s, 2, offset + 1);
	sqlite3_bind_int64(s, 3, (int64_t)length);
	e = store_db_step(s, &row);
	if (e != ERR_OK || !row)
		return e == ERR_OK ? ERR_UNKNOWN : e;
	in_file = sqlite3_column_int(s, 0) != 0;
	if (!in_file) {
		const void *p = sqlite3_column_blob(s, 1);

		*ret = arena_copy(
			arena, str_make(p != NULL ? p : "", (size_t)sqlite3_column_bytes(s, 1)));
	}
	sqlite3_reset(s);
	return in_file ? ERR_UNSUPPORTED : ERR_OK;
}

enum err store_sqlite_scan(void *self, const struct store_scan *scan, store_scan_visit *visit,
	void *context, bool *ret_more)
{
	enum store_sql which = scan->id != 0	     ? STORE_SQL_SCAN_ID
			       : scan->route != NULL ? STORE_SQL_SCAN_ROUTE
						     : STORE_SQL_SCAN_ALL;
	sqlite3_stmt *s = store_sqlite_statement(self, which);
	size_t n = 0;
	bool row = false, go_on = true;
	enum err e = ERR_OK;

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, scan->message);
	sqlite3_bind_int64(s, 2, scan->number);
	sqlite3_bind_int64(s, 3, (int64_t)scan->limit);
	if (which == STORE_SQL_SCAN_ID)
		sqlite3_bind_int64(s, 4, scan->id);
	else if (which == STORE_SQL_SCAN_ROUTE)
		store_db_bind_text(s, 4, scan->route);
	while (go_on && (e = store_db_step(s, &row)) == ERR_OK && row) {
		struct store_scan_row found;

		read_recipient(s, &found.recipient);
		found.message = sqlite3_column_int64(s, 22);
		found.received_ms = sqlite3_column_int64(s, 23);
		found.sender = store_db_text(s, 24);
		go_on = visit(context, &found);
		n++;
	}
	sqlite3_reset(s);
	*ret_more = !go_on || n == scan->limit;
	return e;
}

static enum err count(struct store_sqlite *self, enum store_sql which, int64_t *ret)
{
	sqlite3_stmt *s = store_sqlite_statement(self, which);
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	e = store_db_step(s, &row);
	*ret = e == ERR_OK && row ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_reset(s);
	return e;
}

enum err store_sqlite_count(void *self, int64_t *ret_messages, int64_t *ret_recipients)
{
	enum err e = count(self, STORE_SQL_COUNT_MESSAGES, ret_messages);

	return e == ERR_OK ? count(self, STORE_SQL_COUNT_RECIPIENTS, ret_recipients) : e;
}
