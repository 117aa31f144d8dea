/*
 * The trace: a database, a thread and a connection of its own.
 *
 * Events come in the order of their sequence; the highest one applied is kept in the same
 * transaction, so that an event that comes again after a restart is passed over.
 */
#ifndef SEALPOST_PORT_STORE_TRACE_H
#define SEALPOST_PORT_STORE_TRACE_H

#include "port/store/engine.h"

struct store_db;
struct store_trace;

struct store_trace_handlers {
	/* On the trace's thread: answers wait for store_trace_answers(). */
	void (*wake)(void *context);
	/* On the trace's thread: the trace cannot go on. */
	void (*broken)(void *context, enum err e, const char *text);
};

/* PATH NULL: in memory. */
enum err store_trace_open(const char *path, const struct store_trace_handlers *handlers,
	void *context, struct store_trace **ret, struct err_info *info);
/* Apply what is there, answer what was asked; the answers wait. */
void store_trace_stop(struct store_trace *trace);
void store_trace_close(struct store_trace **trace);
/* Any thread.  Takes the list. */
void store_trace_feed(struct store_trace *trace, struct store_event *events, size_t count);
/* Any thread: the last event that is durable here; how many wait. */
int64_t store_trace_applied(struct store_trace *trace);
int64_t store_trace_waiting(struct store_trace *trace);
/* On the loop: run completions; false: there were none. */
bool store_trace_answers(struct store_trace *trace);

void store_trace_ask_search(struct store_trace *trace, const struct store_trace_query *query,
	store_trace_done *done, void *context);
void store_trace_ask_show(
	struct store_trace *trace, int64_t message, store_events_done *done, void *context);
void store_trace_ask_expire(
	struct store_trace *trace, int64_t before_ms, store_done *done, void *context);

/* A question with its answer, made by those who ask; lives in its own arena. */
struct store_trace_job {
	struct arena *arena;
	void *context;
	bool is_behind; /* nobody waits for it: others go first */
	/* On the trace's thread; sets `more` when it was one step, to be run again after others. */
	bool more;
	enum err (*run)(struct store_db *db, struct store_trace_job *job);
	/* On the loop. */
	void (*tell)(struct store_trace_job *job, enum err e);
};
void *store_trace_job_new(size_t size) MUST_USE;
/* How many items a question gets that asks for LIMIT; 0: as many as there may be. */
size_t store_trace_limit(size_t limit);
void store_trace_submit(struct store_trace *trace, struct store_trace_job *job);

#endif
