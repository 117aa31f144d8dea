/* Events of the trace for who is told of them: the place, and what is behind it. */
#include "port/store/alert.h"
#include "port/store/trace_inside.h"
#include "port/store/work.h"

#define WANTED	    " WHERE e.sequence > ?1 AND e.sequence <= ?2 AND instr(?3, ' ' || e.kind || ' ') > 0"
#define VALUE(name) "(SELECT value FROM setting WHERE setting.name = '" name "')"

struct news {
	struct store_trace_job job;
	const char *kinds; /* each between blanks */
	int64_t place, applied;
	struct store_news_item *items;
	struct store_news news;
	store_news_done *listed;
	store_done *done;
};

static void finish(sqlite3_stmt **s)
{
	sqlite3_finalize(*s);
	*s = NULL;
}

/* They are few and far between: not among the prepared ones.  NULL when it cannot be prepared. */
static sqlite3_stmt *prepare(struct store_db *db, const char *sql)
{
	sqlite3_stmt *s = NULL;

	return sqlite3_prepare_v2(db->db, sql, -1, &s, NULL) == SQLITE_OK ? s : NULL;
}

static sqlite3_stmt *prepare_wanted(struct store_db *db, const char *sql, const struct news *n)
{
	sqlite3_stmt *s = prepare(db, sql);

	if (s == NULL)
		return NULL;
	sqlite3_bind_int64(s, 1, n->place);
	sqlite3_bind_int64(s, 2, n->applied);
	store_db_bind_text(s, 3, n->kinds);
	return s;
}

static enum err write_place(struct store_db *db, int64_t place, int64_t skipped)
{
	sqlite3_stmt *s CLEANUP(finish) =
		prepare(db, "INSERT INTO setting VALUES('told-events', ?1), ('skipped-events', ?2)"
			    " ON CONFLICT(name) DO UPDATE SET value = excluded.value");

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 1, place);
	sqlite3_bind_int64(s, 2, skipped);
	return store_db_run(s);
}

/* Where there is none yet it is behind the newest event. */
static enum err read_place(struct store_db *db, struct news *n)
{
	sqlite3_stmt *s CLEANUP(finish) = prepare(db,
		"SELECT " VALUE("told-events") ", " VALUE("skipped-events") ", " VALUE("applied"));
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	e = store_db_step(s, &row);
	if (e != ERR_OK || !row)
		return e;
	n->applied = sqlite3_column_int64(s, 2);
	n->news.skipped = sqlite3_column_int64(s, 1);
	n->place = sqlite3_column_int64(s, 0);
	if (sqlite3_column_type(s, 0) != SQLITE_NULL)
		return ERR_OK;
	sqlite3_reset(s);
	n->place = n->applied;
	return write_place(db, n->place, 0);
}

static void read_item(sqlite3_stmt *s, struct arena *arena, struct store_news_item *to)
{
	int64_t key = sqlite3_column_int64(s, 1);

	to->sequence = sqlite3_column_int64(s, 0);
	to->event = (struct wire_event){
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
		.would_token = store_db_text_copy(s, 13, arena),
		.would_text = store_db_text_copy(s, 14, arena),
		.would_by = store_db_text_copy(s, 15, arena),
	};
}

static enum err read_items(struct store_db *db, struct news *n)
{
	sqlite3_stmt *s CLEANUP(finish) = prepare_wanted(db,
		"SELECT e.sequence, e.key, e.at, e.kind, coalesce(e.sender, m.sender), e.recipient,"
		" e.organisation, e.connector, e.token, e.enhanced, e.text,"
		" coalesce(e.message_id, m.message_id), max(e.size, coalesce(m.size, 0)),"
		" e.would_token, e.would_text, e.would_by"
		" FROM event AS e LEFT JOIN mail AS m ON m.key = e.key" WANTED
		" ORDER BY e.sequence LIMIT ?4",
		n);
	bool row = false;
	enum err e = ERR_OK;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 4, STORE_NEWS);
	n->news.count = 0;
	while (n->news.count < STORE_NEWS && (e = store_db_step(s, &row)) == ERR_OK && row)
		read_item(s, n->job.arena, &n->items[n->news.count++]);
	return e;
}

/* Too many wait: the place moves on, and how many it has passed is remembered with it. */
static enum err skip(struct store_db *db, struct news *n, bool *ret_skipped)
{
	sqlite3_stmt *s CLEANUP(finish) = prepare_wanted(db,
		"SELECT count(*), max(sequence) FROM (SELECT e.sequence FROM event AS e" WANTED
		" ORDER BY e.sequence DESC LIMIT -1 OFFSET ?4)",
		n);
	bool row = false;
	enum err e;

	if (s == NULL)
		return store_trace_error(db);
	sqlite3_bind_int64(s, 4, STORE_NEWS_WAIT);
	e = store_db_step(s, &row);
	if (e != ERR_OK || !row || sqlite3_column_int64(s, 0) == 0)
		return e;
	n->news.skipped += sqlite3_column_int64(s, 0);
	n->place = sqlite3_column_int64(s, 1);
	*ret_skipped = true;
	sqlite3_reset(s);
	return write_place(db, n->place, n->news.skipped);
}

static enum err run_next(struct store_db *db, struct store_trace_job *job)
{
	struct news *n = (struct news *)job;
	bool has_skipped = false;
	enum err e = read_place(db, n);

	n->items = arena_array(job->arena, STORE_NEWS, sizeof(*n->items));
	n->news.items = n->items;
	if (e == ERR_OK)
		e = read_items(db, n);
	if (e == ERR_OK && n->news.count == STORE_NEWS)
		e = skip(db, n, &has_skipped);
	if (e == ERR_OK && has_skipped)
		e = read_items(db, n);
	if (e != ERR_OK)
		return e;
	n->news.upto = n->news.count == STORE_NEWS ? n->items[STORE_NEWS - 1].sequence : n->applied;
	/* What nobody wants to know is not looked at again. */
	if (n->news.count == 0 && n->news.upto > n->place)
		e = write_place(db, n->news.upto, n->news.skipped);
	return e;
}

static enum err run_told(struct store_db *db, struct store_trace_job *job)
{
	const struct news *n = (const struct news *)job;

	return write_place(db, n->news.upto, n->news.skipped);
}

static enum err run_forget(struct store_db *db, struct store_trace_job *job)
{
	sqlite3_stmt *s CLEANUP(finish) =
		prepare(db, "DELETE FROM setting WHERE name IN ('told-events', 'skipped-events')");

	(void)job;
	return s != NULL ? store_db_run(s) : store_trace_error(db);
}

static void tell_news(struct store_trace_job *job, enum err e)
{
	const struct news *n = (const struct news *)job;

	n->listed(job->context, e, e == ERR_OK ? &n->news : NULL);
}

static void tell_done(struct store_trace_job *job, enum err e)
{
	const struct news *n = (const struct news *)job;

	if (n->done != NULL)
		n->done(job->context, e);
}

static struct news *news_new(
	enum err (*run)(struct store_db *, struct store_trace_job *), void *context)
{
	struct news *n = store_trace_job_new(sizeof(*n));

	n->job.run = run;
	n->job.tell = tell_done;
	n->job.context = context;
	return n;
}

void store_news_next(
	struct store *store, const struct record_texts *kinds, store_news_done *done, void *context)
{
	struct news *n = news_new(run_next, context);

	n->kinds = " ";
	for (size_t i = 0; i < kinds->count; i++)
		n->kinds = arena_format(n->job.arena, "%s%s ", n->kinds, kinds->items[i]);
	n->job.tell = tell_news;
	n->listed = done;
	store_trace_submit(store->trace, &n->job);
}

void store_news_told(
	struct store *store, int64_t upto, int64_t skipped, store_done *done, void *context)
{
	struct news *n = news_new(run_told, context);

	n->news.upto = upto;
	n->news.skipped = skipped;
	n->done = done;
	store_trace_submit(store->trace, &n->job);
}

void store_news_forget(struct store *store, store_done *done, void *context)
{
	struct news *n = news_new(run_forget, context);

	n->done = done;
	store_trace_submit(store->trace, &n->job);
}
