/* The trace's thread, and the way of events and questions to it. */
#include "port/store/trace_inside.h"
#include "port/store/work.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
	GATHER_MS = 50, /* events come in clusters: one transaction for each cluster */
	RETRY_MS = 1000 /* when there was no space */
};

/* A question on its way to the thread and back. */
struct ask {
	struct ask *next;
	struct arena *arena;
	enum { SEARCH, SHOW, EXPIRE, JOB } kind;
	enum err result;
	void *context;
	int64_t due_ms; /* when events that came before it have had their turn */
	struct store_trace_query query;
	struct store_trace_finding *finding; /* NULL: not begun */
	int64_t number;			     /* message, or moment */
	store_trace_done *search_done;
	store_events_done *show_done;
	store_done *expire_done;
	size_t count;
	struct store_trace_item item;
	struct wire_event *events;
	struct store_trace_job *job;
};

struct store_trace {
	struct store_db db;
	const struct store_trace_handlers *handlers;
	void *context;
	/* thread only */
	int64_t applied;
	int64_t unindexed; /* events of an older schema up to this one are to be counted; 0: none */
	int64_t back_ms;   /* when some were last */
	int64_t behind_ms; /* when something that nobody waits for was done last */
	atomic_llong applied_seen, waiting;
	atomic_llong due_ms; /* when asks want to be answered; INT64_MAX: there are none */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* under the lock */
	struct store_event *events, **events_end;
	struct ask *asks, **asks_end;
	struct ask *answers, **answers_end;
	bool stop, stopped, broken;
};

static void *thread_main(void *context);

/* 0: there is none. */
static enum err read_number(struct store_db *db, enum store_trace_sql which, int64_t *ret)
{
	sqlite3_stmt *s = store_trace_statement(db, which);
	bool row = false;
	enum err e = s != NULL ? store_db_step(s, &row) : ERR_CORRUPT;

	if (e == ERR_OK && row)
		*ret = sqlite3_column_int64(s, 0);
	if (s != NULL)
		sqlite3_reset(s);
	return e;
}

enum err store_trace_open(const char *path, const struct store_trace_handlers *handlers,
	void *context, struct store_trace **ret, struct err_info *info)
{
	struct store_trace *trace CLEANUP(store_trace_close) = mem_new(sizeof(*trace));
	struct store_db_settings settings = store_trace_settings;
	enum err e;

	trace->handlers = handlers;
	trace->context = context;
	atomic_store(&trace->due_ms, INT64_MAX);
	trace->events_end = &trace->events;
	trace->asks_end = &trace->asks;
	trace->answers_end = &trace->answers;
	pthread_mutex_init(&trace->lock, NULL);
	pthread_cond_init(&trace->wake, NULL);
	settings.path = path;
	e = store_db_open(&trace->db, &settings, info);
	if (e != ERR_OK)
		return e;
	if (read_number(&trace->db, STORE_TRACE_APPLIED, &trace->applied) != ERR_OK ||
		read_number(&trace->db, STORE_TRACE_UNINDEXED, &trace->unindexed) != ERR_OK)
		return err_set(info, ERR_CORRUPT, "trace: cannot be read");
	atomic_store(&trace->applied_seen, trace->applied);
	if (pthread_create(&trace->thread, NULL, thread_main, trace) != 0)
		return err_set(info, ERR_BUSY, "no thread for the trace");
	trace->has_thread = true;
	*ret = trace;
	trace = NULL;
	return ERR_OK;
}

void store_trace_stop(struct store_trace *trace)
{
	if (!trace->has_thread)
		return;
	pthread_mutex_lock(&trace->lock);
	trace->stop = true;
	pthread_cond_signal(&trace->wake);
	pthread_mutex_unlock(&trace->lock);
	pthread_join(trace->thread, NULL);
	trace->has_thread = false;
	trace->stopped = true;
}

void store_trace_close(struct store_trace **trace)
{
	struct store_trace *t = *trace;

	if (t == NULL)
		return;
	*trace = NULL;
	store_trace_stop(t);
	store_event_free_all(t->events);
	if (t->db.db != NULL)
		store_db_close(&t->db);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->wake);
	free(t);
}

void store_trace_feed(struct store_trace *trace, struct store_event *events, size_t count)
{
	struct store_event *last = events;

	if (events == NULL)
		return;
	while (last->next != NULL)
		last = last->next;
	atomic_fetch_add(&trace->waiting, (long long)count);
	pthread_mutex_lock(&trace->lock);
	/* Only the first of a cluster wakes the thread. */
	if (trace->events == NULL || atomic_load(&trace->waiting) >= STORE_TRACE_BATCH)
		pthread_cond_signal(&trace->wake);
	*trace->events_end = events;
	trace->events_end = &last->next;
	pthread_mutex_unlock(&trace->lock);
}

int64_t store_trace_applied(struct store_trace *trace)
{
	return atomic_load(&trace->applied_seen);
}

int64_t store_trace_waiting(struct store_trace *trace)
{
	return atomic_load(&trace->waiting);
}

/* ---- the thread -------------------------------------------------------------------------------
 */

/* Under the lock; returns early when signalled. */
static void wait_ms(struct store_trace *trace, int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&trace->wake, &trace->lock, &until);
}

/* Free the events of LIST up to a sequence. */
static void drop(struct store_trace *trace, struct store_event **list, int64_t upto)
{
	while (*list != NULL && (*list)->sequence <= upto) {
		struct store_event *first = *list;

		*list = first->next;
		first->next = NULL;
		store_event_free_all(first);
		atomic_fetch_sub(&trace->waiting, 1);
	}
}

static void fail(struct store_trace *trace, enum err e)
{
	trace->broken = true;
	trace->handlers->broken(trace->context, e, err_text(e));
}

/* Apply what was taken, or some of it where a question waits.  Without space the events stay where
 * they are, in the queue's database as well, and are tried again later; false then. */
static bool apply(struct store_trace *trace, struct store_event **list)
{
	while (*list != NULL && !trace->broken) {
		enum err e = store_trace_apply(
			&trace->db, *list, STORE_TRACE_BATCH, &trace->due_ms, &trace->applied);

		if (e == ERR_FULL)
			return false;
		if (e != ERR_OK) {
			fail(trace, e);
			break;
		}
		atomic_store(&trace->applied_seen, trace->applied);
		drop(trace, list, trace->applied);
		if (store_trace_ticks_ms() >= atomic_load(&trace->due_ms))
			return true;
	}
	if (trace->broken)
		drop(trace, list, INT64_MAX);
	return true;
}

static enum err search(struct store_trace *trace, struct ask *ask, bool *ret_more)
{
	enum err e = ERR_OK;

	if (ask->finding == NULL)
		e = store_trace_find_new(
			&ask->query, trace->unindexed == 0, ask->arena, &ask->finding);
	return e == ERR_OK ? store_trace_find_step(&trace->db, ask->finding, ret_more) : e;
}

/* False: it was one step of several. */
static bool do_ask(struct store_trace *trace, struct ask *ask)
{
	bool more = false;

	switch (ask->kind) {
	case SEARCH:
		ask->result = search(trace, ask, &more);
		break;
	case SHOW:
		ask->result = store_trace_events(
			&trace->db, ask->number, ask->arena, &ask->item, &ask->events, &ask->count);
		break;
	case EXPIRE:
		ask->result = store_trace_expire_step(&trace->db, ask->number, &more);
		break;
	case JOB:
		ask->job->more = false;
		ask->result = ask->job->run(&trace->db, ask->job);
		more = ask->result == ERR_OK && ask->job->more;
		break;
	}
	if (ask->result == ERR_IO || ask->result == ERR_CORRUPT)
		fail(trace, ask->result);
	return !more;
}

static void answer(struct store_trace *trace, struct ask *ask)
{
	ask->next = NULL;
	pthread_mutex_lock(&trace->lock);
	*trace->answers_end = ask;
	trace->answers_end = &ask->next;
	pthread_mutex_unlock(&trace->lock);
	trace->handlers->wake(trace->context);
}

static void put_back(struct store_trace *trace, struct ask *ask, int patience_ms)
{
	ask->due_ms = store_trace_ticks_ms() + patience_ms;
	ask->next = NULL;
	pthread_mutex_lock(&trace->lock);
	if (ask->due_ms < atomic_load(&trace->due_ms))
		atomic_store(&trace->due_ms, ask->due_ms);
	*trace->asks_end = ask;
	trace->asks_end = &ask->next;
	pthread_mutex_unlock(&trace->lock);
}

static bool is_behind(const struct ask *ask)
{
	return ask->kind == EXPIRE || (ask->kind == JOB && ask->job->is_behind);
}

/* Now and then it has its turn all the same. */
static bool has_to_wait(const struct store_trace *trace, const struct ask *ask, bool are_others)
{
	return is_behind(ask) && are_others &&
	       store_trace_ticks_ms() - trace->behind_ms < STORE_TRACE_BEHIND_MS;
}

static void do_one(struct store_trace *trace, struct ask *ask, bool stop)
{
	bool done = trace->broken;

	if (trace->broken)
		ask->result = ERR_IO;
	else
		done = do_ask(trace, ask);
	if (is_behind(ask))
		trace->behind_ms = store_trace_ticks_ms();
	if (done || stop)
		answer(trace, ask);
	else
		put_back(trace, ask,
			is_behind(ask) ? STORE_TRACE_BEHIND_MS : STORE_TRACE_BETWEEN_MS);
}

static void answer_all(struct store_trace *trace, struct ask *first, bool stop)
{
	bool are_others = false;

	for (const struct ask *ask = first; ask != NULL; ask = ask->next)
		are_others = are_others || !is_behind(ask);
	while (first != NULL) {
		struct ask *ask = first;

		first = ask->next;
		if (!stop && has_to_wait(trace, ask, are_others))
			put_back(trace, ask, STORE_TRACE_BEHIND_MS);
		else
			do_one(trace, ask, stop);
	}
}

/* What an older version has left uncounted, a little now and then. */
static void count_back(struct store_trace *trace)
{
	enum err e;

	if (trace->broken || trace->unindexed == 0 ||
		store_trace_ticks_ms() - trace->back_ms < STORE_TRACE_BACK_MS)
		return;
	e = store_trace_back_step(&trace->db, &trace->unindexed);
	if (e == ERR_IO || e == ERR_CORRUPT)
		fail(trace, e);
	trace->back_ms = store_trace_ticks_ms();
}

/* Under the lock: until there is something to do. */
static void wait_for_work(struct store_trace *trace)
{
	while (trace->events == NULL && trace->asks == NULL && !trace->stop) {
		if (trace->unindexed > 0 && !trace->broken) {
			wait_ms(trace, STORE_TRACE_BACK_MS);
			return;
		}
		pthread_cond_wait(&trace->wake, &trace->lock);
	}
}

/* Until there is something to do, and a little longer where nobody waits for an answer. */
static void gather(struct store_trace *trace, bool has_events, bool is_full)
{
	if (is_full && trace->asks == NULL && !trace->stop)
		wait_ms(trace, RETRY_MS);
	if (!has_events)
		wait_for_work(trace);
	if (trace->asks == NULL && !trace->stop && atomic_load(&trace->waiting) < STORE_TRACE_BATCH)
		wait_ms(trace, GATHER_MS);
}

static struct ask *take(struct store_trace *trace, struct store_event **events, bool *ret_stop)
{
	struct ask *asks = trace->asks;

	while (*events != NULL)
		events = &(*events)->next;
	*events = trace->events;
	trace->events = NULL;
	trace->events_end = &trace->events;
	trace->asks = NULL;
	trace->asks_end = &trace->asks;
	*ret_stop = trace->stop;
	return asks;
}

/* Those taken are being answered now. */
static void forget_due(struct store_trace *trace)
{
	int64_t due_ms = INT64_MAX;

	pthread_mutex_lock(&trace->lock);
	for (const struct ask *ask = trace->asks; ask != NULL; ask = ask->next)
		due_ms = ask->due_ms < due_ms ? ask->due_ms : due_ms;
	atomic_store(&trace->due_ms, due_ms);
	pthread_mutex_unlock(&trace->lock);
}

static void *thread_main(void *context)
{
	struct store_trace *trace = context;
	struct store_event *events = NULL;
	bool stop = false, is_full = false;

	while (!stop) {
		struct ask *asks;

		pthread_mutex_lock(&trace->lock);
		gather(trace, events != NULL, is_full);
		asks = take(trace, &events, &stop);
		pthread_mutex_unlock(&trace->lock);
		do
			is_full = !apply(trace, &events);
		while (stop && !is_full && events != NULL);
		if (stop) {
			store_event_free_all(events); /* the queue still has them */
			events = NULL;
		}
		forget_due(trace);
		answer_all(trace, asks, stop);
		if (!stop)
			count_back(trace);
	}
	return NULL;
}

/* ---- on the loop -------------------------------------------------------------------------------
 */

static void tell(struct ask *ask)
{
	bool ok = ask->result == ERR_OK;

	if (ask->kind == SEARCH)
		ask->search_done(ask->context, ask->result, ok ? ask->finding->items : NULL,
			ok ? ask->finding->count : 0, ok ? ask->finding->next : NULL);
	else if (ask->kind == SHOW)
		ask->show_done(ask->context, ask->result, ok ? &ask->item : NULL,
			ok ? ask->events : NULL, ok ? ask->count : 0);
	else if (ask->kind == JOB)
		ask->job->tell(ask->job, ask->result);
	else if (ask->expire_done != NULL)
		ask->expire_done(ask->context, ask->result);
}

bool store_trace_answers(struct store_trace *trace)
{
	struct ask *ask;
	bool any;

	pthread_mutex_lock(&trace->lock);
	ask = trace->answers;
	trace->answers = NULL;
	trace->answers_end = &trace->answers;
	pthread_mutex_unlock(&trace->lock);
	any = ask != NULL;
	while (ask != NULL) {
		struct ask *next = ask->next;

		tell(ask);
		arena_free(&ask->arena);
		free(ask);
		ask = next;
	}
	return any;
}

static struct ask *ask_new(int kind, void *context, struct arena *arena)
{
	struct ask *ask = mem_new(sizeof(*ask));

	ask->kind = kind;
	ask->context = context;
	ask->arena = arena;
	return ask;
}

static void submit(struct store_trace *trace, struct ask *ask)
{
	if (trace->stopped) {
		ask->result = ERR_CLOSED;
		answer(trace, ask);
		return;
	}
	put_back(trace, ask, STORE_TRACE_PATIENCE_MS);
	pthread_mutex_lock(&trace->lock);
	pthread_cond_signal(&trace->wake);
	pthread_mutex_unlock(&trace->lock);
}

void store_trace_ask_search(struct store_trace *trace, const struct store_trace_query *query,
	store_trace_done *done, void *context)
{
	struct ask *ask = ask_new(SEARCH, context, arena_new());
	struct store_trace_query *q = &ask->query;
	const char **texts[] = {&q->address, &q->sender, &q->recipient, &q->message_id,
		&q->connector, &q->outcome, &q->host, &q->tls, &q->subject, &q->after};
	size_t i;

	*q = *query;
	if (q->organisations != NULL)
		q->organisations = store_texts_copy(q->organisations, ask->arena);
	for (i = 0; i < ARRAY_LENGTH(texts); i++)
		*texts[i] = arena_text(ask->arena, *texts[i]);
	if (q->limit == 0 || q->limit > STORE_MAX_LIST)
		q->limit = STORE_MAX_LIST;
	ask->search_done = done;
	submit(trace, ask);
}

void store_trace_ask_show(
	struct store_trace *trace, int64_t message, store_events_done *done, void *context)
{
	struct ask *ask = ask_new(SHOW, context, arena_new());

	ask->number = message;
	ask->show_done = done;
	submit(trace, ask);
}

void store_trace_ask_expire(
	struct store_trace *trace, int64_t before_ms, store_done *done, void *context)
{
	struct ask *ask = ask_new(EXPIRE, context, arena_new());

	ask->number = before_ms;
	ask->expire_done = done;
	submit(trace, ask);
}

void *store_trace_job_new(size_t size)
{
	struct arena *arena = arena_new();
	struct store_trace_job *job = arena_alloc(arena, size);

	job->arena = arena;
	return job;
}

void store_trace_submit(struct store_trace *trace, struct store_trace_job *job)
{
	struct ask *ask = ask_new(JOB, job->context, job->arena);

	ask->job = job;
	submit(trace, ask);
}
