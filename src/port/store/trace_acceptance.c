/* How often partners have accepted and refused each version of our certificates. */
#include "port/store/acceptance.h"
#include "port/store/trace_inside.h"
#include "port/store/work.h"

/* ---- counting ----------------------------------------------------------------------------------
 */

static bool has_passed(const char *kind)
{
	static const char *const kinds[] = {"received", "delivered", "relayed"};

	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (kind != NULL && strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

static const char *partner_of(const struct receipt *receipt, struct arena *arena)
{
	if (receipt->connector != NULL && receipt->organisation != NULL)
		return arena_format(
			arena, "connector %s/%s", receipt->organisation, receipt->connector);
	if (receipt->direction == RECEIPT_IN)
		return receipt->peer_address != NULL
			       ? arena_format(arena, "address %s", receipt->peer_address)
			       : NULL;
	return receipt->host != NULL
		       ? arena_format(arena, "host %s:%d", receipt->host, (int)receipt->peer_port)
		       : NULL;
}

static enum err run(
	struct store_db *db, const struct store_acceptance *a, enum store_trace_sql which)
{
	sqlite3_stmt *s = store_trace_statement(db, which);

	if (s == NULL)
		return store_trace_error(db);
	store_db_bind_text(s, 1, a->certificate);
	store_db_bind_text(s, 2, a->version);
	store_db_bind_text(s, 3, a->sha256 != NULL ? a->sha256 : "");
	store_db_bind_text(s, 4, a->partner);
	sqlite3_bind_int(s, 5, a->direction);
	sqlite3_bind_int64(s, 6, a->accepted);
	sqlite3_bind_int64(s, 7, a->refused);
	sqlite3_bind_int64(s, 8, a->last_ms);
	sqlite3_bind_int64(s, 9, a->last_refused_ms);
	store_db_bind_text(s, 10, a->reason);
	if (which == STORE_TRACE_ACCEPTANCE_FIRST)
		store_db_bind_text(s, 11, a->organisation);
	return store_db_run(s);
}

/* Strangers can be counted, too: their number is bounded. */
static enum err add(struct store_db *db, const struct store_acceptance *a)
{
	enum err e = run(db, a, STORE_TRACE_ACCEPTANCE_MORE);
	sqlite3_stmt *s;

	if (e != ERR_OK || sqlite3_changes(db->db) > 0)
		return e;
	e = run(db, a, STORE_TRACE_ACCEPTANCE_FIRST);
	if (e != ERR_OK || sqlite3_total_changes(db->db) % STORE_TRACE_ACCEPTANCES_EVERY != 0)
		return e;
	s = store_trace_statement(db, STORE_TRACE_ACCEPTANCE_TRIM);
	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, STORE_ACCEPTANCES);
	return store_db_run(s);
}

enum err store_trace_acceptance(struct store_db *db, const struct store_event *event,
	struct arena *arena, bool *ret_is_refusal)
{
	const struct wire_event *w = &event->wire;
	struct receipt receipt = {0};
	struct store_acceptance a = {.last_ms = w->at_ms};

	*ret_is_refusal = w->kind != NULL && strcmp(w->kind, "certificate-refused") == 0;
	/* Most receipts speak of certificates without versions: they are not worth parsing. */
	if ((!*ret_is_refusal && !has_passed(w->kind)) || event->receipt == NULL ||
		strstr(event->receipt, "\"own_version\"") == NULL ||
		!store_receipt_read(event->receipt, arena, &receipt) ||
		receipt.own_certificate == NULL || receipt.own_version == NULL)
		return ERR_OK;
	a.certificate = receipt.own_certificate;
	a.version = receipt.own_version;
	a.sha256 = receipt.own_sha256;
	a.direction = receipt.direction;
	a.organisation = receipt.connector != NULL || *ret_is_refusal ? receipt.organisation : NULL;
	a.partner = *ret_is_refusal ? w->sender : partner_of(&receipt, arena);
	a.accepted = !*ret_is_refusal;
	a.refused = *ret_is_refusal;
	a.last_refused_ms = *ret_is_refusal ? w->at_ms : 0;
	a.reason = *ret_is_refusal ? w->text : NULL;
	return a.partner != NULL ? add(db, &a) : ERR_OK;
}

/* ---- listing -----------------------------------------------------------------------------------
 */

struct acceptances {
	struct store_trace_job job;
	store_acceptances_done *done;
	const char *certificate, *organisation;
	bool goes_on;
	struct store_acceptance after;
	struct store_acceptance *items;
	size_t limit, count;
};

static enum err run_list(struct store_db *db, struct store_trace_job *job)
{
	struct acceptances *a = (struct acceptances *)job;
	sqlite3_stmt *s = store_trace_statement(db, STORE_TRACE_ACCEPTANCE_LIST);
	struct arena *arena = job->arena;
	bool row;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	store_db_bind_text(s, 1, a->certificate);
	store_db_bind_text(s, 2, a->organisation);
	sqlite3_bind_int64(s, 3, (int64_t)a->limit);
	sqlite3_bind_int(s, 4, a->goes_on);
	sqlite3_bind_int(s, 5, a->after.organisation == NULL);
	store_db_bind_text(s, 6, a->after.partner);
	sqlite3_bind_int(s, 7, a->after.direction);
	store_db_bind_text(s, 8, a->after.version);
	store_db_bind_text(s, 9, a->after.sha256);
	a->items = arena_array(arena, a->limit, sizeof(*a->items));
	while ((e = store_db_step(s, &row)) == ERR_OK && row)
		a->items[a->count++] = (struct store_acceptance){
			.certificate = store_db_text_copy(s, 0, arena),
			.version = store_db_text_copy(s, 1, arena),
			.sha256 = store_db_text_copy(s, 2, arena),
			.partner = store_db_text_copy(s, 3, arena),
			.direction = sqlite3_column_int(s, 4),
			.organisation = store_db_text_copy(s, 5, arena),
			.accepted = sqlite3_column_int64(s, 6),
			.refused = sqlite3_column_int64(s, 7),
			.first_ms = sqlite3_column_int64(s, 8),
			.last_ms = sqlite3_column_int64(s, 9),
			.last_refused_ms = sqlite3_column_int64(s, 10),
			.reason = store_db_text_copy(s, 11, arena),
		};
	return e;
}

static void tell_list(struct store_trace_job *job, enum err e)
{
	const struct acceptances *a = (const struct acceptances *)job;

	a->done(job->context, e, e == ERR_OK ? a->items : NULL, e == ERR_OK ? a->count : 0);
}

void store_acceptances(struct store *store, const struct store_acceptance_query *query,
	store_acceptances_done *done, void *context)
{
	struct acceptances *a = store_trace_job_new(sizeof(*a));

	a->job.run = run_list;
	a->job.tell = tell_list;
	a->job.context = context;
	a->done = done;
	a->certificate = arena_text(a->job.arena, query->certificate);
	a->organisation = arena_text(a->job.arena, query->organisation);
	a->limit = store_trace_limit(query->limit);
	a->goes_on = query->after != NULL;
	if (query->after != NULL)
		a->after = (struct store_acceptance){
			.organisation = arena_text(a->job.arena, query->after->organisation),
			.partner = arena_text(a->job.arena, query->after->partner),
			.direction = query->after->direction,
			.version = arena_text(a->job.arena, query->after->version),
			.sha256 = arena_text(a->job.arena, query->after->sha256),
		};
	store_trace_submit(store->trace, &a->job);
}
