#include "port/store/sqlite.h"

static enum err add_message(struct store_sqlite *self, const struct store_add *add)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_ADD_MESSAGE);
	const struct wire_message *m = &add->message;

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, m->id);
	sqlite3_bind_int64(s, 2, m->received_ms);
	store_db_bind_text(s, 3, m->sender);
	store_db_bind_text(s, 4, m->envelope_id);
	sqlite3_bind_int(s, 5, m->ret);
	sqlite3_bind_int(s, 6, m->body);
	sqlite3_bind_int(s, 7, m->smtputf8);
	sqlite3_bind_int64(s, 8, m->size);
	sqlite3_bind_int64(s, 9, m->hops);
	store_db_bind_text(s, 10, m->message_id);
	store_db_bind_text(s, 11, m->subject);
	store_db_bind_text(s, 12, m->helo);
	store_db_bind_text(s, 13, add->receipt);
	sqlite3_bind_int(s, 14, add->in_file);
	store_db_bind_text(s, 15, add->labels);
	store_db_bind_text(s, 16, m->via);
	store_db_bind_text(s, 17, add->owners);
	return store_db_run(s);
}

static enum err add_body(struct store_sqlite *self, const struct store_add *add)
{
	sqlite3_stmt *s;

	if (add->in_file)
		return ERR_OK;
	s = store_sqlite_statement(self, STORE_SQL_ADD_BODY);
	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, add->message.id);
	sqlite3_bind_blob64(
		s, 2, add->content.n > 0 ? add->content.p : "", add->content.n, SQLITE_STATIC);
	return store_db_run(s);
}

static enum err add_recipient(
	struct store_sqlite *self, int64_t message, const struct store_recipient *r)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_ADD_RECIPIENT);

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, message);
	sqlite3_bind_int64(s, 2, r->wire.number);
	sqlite3_bind_int(s, 3, r->state);
	sqlite3_bind_int64(s, 4, r->due_ms);
	sqlite3_bind_int64(s, 5, r->attempts);
	store_db_bind_text(s, 6, r->route);
	store_db_bind_text(s, 7, r->wire.address);
	store_db_bind_text(s, 8, r->wire.original);
	sqlite3_bind_int64(s, 9, r->wire.notify);
	store_db_bind_text(s, 10, r->wire.organisation);
	store_db_bind_text(s, 11, r->wire.connector);
	sqlite3_bind_int(s, 12, r->wire.originating);
	sqlite3_bind_int(s, 13, r->delay_noticed);
	sqlite3_bind_int64(s, 14, r->last_ms);
	store_db_bind_text(s, 15, r->token);
	store_db_bind_text(s, 16, r->enhanced);
	store_db_bind_text(s, 17, r->text);
	store_db_bind_text(s, 18, r->host);
	store_db_bind_text(s, 19, r->wire.receiver);
	store_db_bind_text(s, 20, r->wire.receiver_connector);
	store_db_bind_text(s, 21, r->wire.would_token);
	store_db_bind_text(s, 22, r->wire.would_text);
	store_db_bind_text(s, 23, r->wire.would_by);
	return store_db_run(s);
}

/* So many messages more for each of OWNERS. */
static enum err count_owners(struct store_sqlite *self, const char *owners, int64_t by)
{
	struct str rest = str_of(owners);
	enum err e = ERR_OK;

	while (e == ERR_OK && rest.n > 0) {
		sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_OWNER_ADD);
		struct str name = str_cut(&rest, ',');

		if (s == NULL)
			return store_sqlite_error(self);
		sqlite3_bind_text(s, 1, name.p, (int)name.n, SQLITE_STATIC);
		sqlite3_bind_int64(s, 2, by);
		e = store_db_run(s);
	}
	return e;
}

static enum err count_off(struct store_sqlite *self, int64_t message)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_OWNED);
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, message);
	e = store_db_step(s, &row);
	if (e == ERR_OK && row)
		e = count_owners(self, store_db_text(s, 0), -1);
	sqlite3_reset(s);
	return e;
}

enum err store_sqlite_add(void *self, const struct store_add *add)
{
	struct store_sqlite *sqlite = self;
	enum err e = add_message(sqlite, add);
	size_t i;

	if (e == ERR_OK)
		e = add_body(sqlite, add);
	if (e == ERR_OK)
		e = count_owners(sqlite, add->owners, 1);
	for (i = 0; e == ERR_OK && i < add->count; i++)
		e = add_recipient(sqlite, add->message.id, &add->recipients[i]);
	if (e != ERR_OK)
		return e;
	sqlite->messages++;
	sqlite->recipients += (int64_t)add->count;
	return ERR_OK;
}

/* Run a statement whose only parameter is a number. */
static enum err run_number(struct store_sqlite *self, enum store_sql which, int64_t number)
{
	sqlite3_stmt *s = store_sqlite_statement(self, which);

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, number);
	return store_db_run(s);
}

static enum err remove_if_last(
	struct store_sqlite *self, int64_t message, bool *ret_gone, struct store_gone *gone)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_ANY_RECIPIENT);
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, message);
	e = store_db_step(s, &row);
	sqlite3_reset(s);
	if (e != ERR_OK || row)
		return e;
	gone->message = message;
	e = store_sqlite_known(self, message, &gone->in_file);
	if (e != ERR_OK)
		return e == ERR_UNKNOWN ? ERR_OK : e;
	if (!gone->in_file)
		e = run_number(self, STORE_SQL_REMOVE_BODY, message);
	if (e == ERR_OK)
		e = count_off(self, message);
	if (e == ERR_OK)
		e = run_number(self, STORE_SQL_REMOVE_MESSAGE, message);
	if (e != ERR_OK)
		return e;
	*ret_gone = true;
	self->messages--;
	return ERR_OK;
}

static enum err remove_recipient(struct store_sqlite *self, const struct store_update *update,
	bool *ret_applied, bool *ret_gone, struct store_gone *gone)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_REMOVE_RECIPIENT);
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, update->message);
	sqlite3_bind_int64(s, 2, update->number);
	e = store_db_run(s);
	*ret_applied = e == ERR_OK && sqlite3_changes(self->db.db) > 0;
	if (!*ret_applied)
		return e;
	self->recipients--;
	return remove_if_last(self, update->message, ret_gone, gone);
}

enum err store_sqlite_update(void *context, const struct store_update *update, bool *ret_applied,
	bool *ret_gone, struct store_gone *gone)
{
	struct store_sqlite *self = context;
	sqlite3_stmt *s;
	enum err e;

	*ret_gone = false;
	if (update->remove)
		return remove_recipient(self, update, ret_applied, ret_gone, gone);
	s = store_sqlite_statement(self, STORE_SQL_UPDATE_RECIPIENT);
	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, update->message);
	sqlite3_bind_int64(s, 2, update->number);
	sqlite3_bind_int64(s, 3, update->due_ms);
	sqlite3_bind_int64(s, 4, update->attempts);
	sqlite3_bind_int64(s, 5, update->last_ms);
	sqlite3_bind_int(s, 6, update->delay_noticed);
	store_db_bind_text(s, 7, update->route);
	store_db_bind_text(s, 8, update->token);
	store_db_bind_text(s, 9, update->enhanced);
	store_db_bind_text(s, 10, update->text);
	store_db_bind_text(s, 11, update->host);
	e = store_db_run(s);
	*ret_applied = e == ERR_OK && sqlite3_changes(self->db.db) > 0;
	return e;
}

enum err store_sqlite_edit(void *self, const struct store_scan_row *row)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_EDIT_RECIPIENT);

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, row->message);
	sqlite3_bind_int64(s, 2, row->recipient.wire.number);
	sqlite3_bind_int(s, 3, row->recipient.state);
	sqlite3_bind_int64(s, 4, row->recipient.due_ms);
	store_db_bind_text(s, 5, row->recipient.route);
	return store_db_run(s);
}

/* ---- the outbox of the trace -------------------------------------------------------------------
 */

enum err store_sqlite_event(void *self, const struct store_event *event)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_ADD_EVENT);
	const struct wire_event *w = &event->wire;

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, event->sequence);
	sqlite3_bind_int64(s, 2, w->message);
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
	store_db_bind_text(s, 15, event->subject);
	store_db_bind_text(s, 16, event->recipients);
	store_db_bind_text(s, 17, w->would_token);
	store_db_bind_text(s, 18, w->would_text);
	store_db_bind_text(s, 19, w->would_by);
	return store_db_run(s);
}

enum err store_sqlite_events(void *self, int64_t after, size_t limit, struct store_event **ret)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_EVENTS);
	struct store_event *first = NULL, **end = &first;
	bool row = true;
	enum err e = ERR_OK;

	if (s == NULL)
		return store_sqlite_error(self);
	sqlite3_bind_int64(s, 1, after);
	sqlite3_bind_int64(s, 2, (int64_t)limit);
	while ((e = store_db_step(s, &row)) == ERR_OK && row) {
		struct store_event event = {
			.sequence = sqlite3_column_int64(s, 0),
			.wire.message = sqlite3_column_int64(s, 1),
			.wire.at_ms = sqlite3_column_int64(s, 2),
			.wire.kind = store_db_text(s, 3),
			.wire.sender = store_db_text(s, 4),
			.wire.recipient = store_db_text(s, 5),
			.wire.organisation = store_db_text(s, 6),
			.wire.connector = store_db_text(s, 7),
			.wire.token = store_db_text(s, 8),
			.wire.enhanced = store_db_text(s, 9),
			.wire.text = store_db_text(s, 10),
			.wire.message_id = store_db_text(s, 11),
			.wire.size = sqlite3_column_int64(s, 12),
			.receipt = store_db_text(s, 13),
			.subject = store_db_text(s, 14),
			.recipients = store_db_text(s, 15),
			.wire.would_token = store_db_text(s, 16),
			.wire.would_text = store_db_text(s, 17),
			.wire.would_by = store_db_text(s, 18),
		};

		*end = store_event_copy(&event);
		end = &(*end)->next;
	}
	if (e != ERR_OK) {
		store_event_free_all(first);
		return e;
	}
	*ret = first;
	return ERR_OK;
}

enum err store_sqlite_acknowledge(void *self, int64_t upto)
{
	return run_number(self, STORE_SQL_FORGET_EVENTS, upto);
}

enum err store_sqlite_event_range(void *self, int64_t *ret_first, int64_t *ret_last)
{
	sqlite3_stmt *s = store_sqlite_statement(self, STORE_SQL_EVENT_RANGE);
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_sqlite_error(self);
	e = store_db_step(s, &row);
	if (e == ERR_OK && row) {
		*ret_first =
			sqlite3_column_type(s, 0) == SQLITE_NULL ? 1 : sqlite3_column_int64(s, 0);
		*ret_last = sqlite3_column_int64(s, 1);
	}
	sqlite3_reset(s);
	return e;
}
