/*
 * The inside of the queue store: calls as pieces of work that go from the loop to the writer
 * thread and back.
 */
#ifndef SEALPOST_PORT_STORE_WORK_H
#define SEALPOST_PORT_STORE_WORK_H

#include "port/store/body.h"
#include "port/store/engine.h"
#include "port/store/trace.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	STORE_GROUP_BYTES = 8 * 1024 * 1024, /* content committed at once */
	STORE_GROUP_CALLS = 2000,
	STORE_STEP_ROWS = 2000,	    /* rows looked at in one step of a long call */
	STORE_EVENTS_AHEAD = 50000, /* events in memory on their way to the trace */
	STORE_EVENTS_STEP = 1000,
	STORE_FORGET_STEP = 8000, /* events forgotten with one group */
};

/* What a group changes beside the database; takes effect once it is committed. */
struct store_group {
	int64_t messages, recipients; /* how many more */
	struct store_event *events, **events_end;
};

/* One call.  First member of each kind of call. */
struct store_work {
	struct store_work *next;
	struct store *store;
	struct arena *arena; /* of what was asked, until the end */
	struct arena *found; /* of what was found; cleared before each run */
	enum err result;
	bool adds; /* brings content and takes none away: the first to be turned away when full */
	size_t bytes; /* of content */
	/* On the writer thread, inside a transaction; may be run again if that was rolled back. */
	enum err (*run)(struct store_work *work, struct store_group *group);
	/* On the writer thread before the transaction is committed; NULL: nothing. */
	enum err (*sync)(struct store_work *work);
	/* On the writer thread after the commit; NULL: nothing. */
	void (*committed)(struct store_work *work);
	/* On the loop.  True: run it again (it was one step); false: it has ended. */
	bool (*complete)(struct store_work *work);
	/* On the loop: release what is not in the arenas; NULL: nothing. */
	void (*clear)(struct store_work *work);
};

struct store {
	struct event_base *base;
	const struct store_handlers *handlers;
	void *context;
	struct store_facts facts;
	char *file_system, *warning, *directory;
	struct store_engine engine;
	struct store_files *files;
	struct store_cache cache;
	struct store_trace *trace;
	int64_t pending_max;
	int64_t outstanding; /* calls that have not ended; loop only */
	bool closing;	     /* loop only */
	bool keeps_subjects; /* in the trace; loop only */

	pthread_t writer;
	bool has_writer;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* under the lock */
	struct store_work *asked, **asked_end;
	struct store_work *answered, **answered_end;
	bool stop;
	enum err broken;
	char broken_text[256];
	bool broken_told;

	int wake_fd; /* the loop is woken by it */
	struct event *wake_event;

	struct metrics_histogram commits; /* under the lock */
	atomic_llong pending_bytes, pending_calls, groups, messages, recipients;
	/* writer only */
	int64_t sequence; /* last given */
	int64_t handed;	  /* last given to the trace */
	int64_t forgotten;
	bool behind;   /* the trace has to be fed from the outbox */
	bool is_tight; /* no space: only what must be done */
};

/* A call of SIZE bytes with its arenas; run and complete are to be set. */
void *store_work_new(struct store *store, size_t size) MUST_USE;
void store_work_free(struct store_work *work);
/* Hand it to the writer. */
void store_work_submit(struct store_work *work);
/* It needs no writer: complete it from the loop. */
void store_work_answer(struct store_work *work);

/* The thread. */
void *store_writer_main(void *store);
/* Completions, on the loop. */
void store_loop_wake(struct store *store);

/* Deep copies into an arena. */
void store_copy_message(
	struct arena *arena, const struct wire_message *from, struct wire_message *to);
void store_copy_recipient(
	struct arena *arena, const struct store_recipient *from, struct store_recipient *to);

struct store_match; /* a filter made ready */
const struct record_texts *store_texts_copy(const struct record_texts *texts, struct arena *arena);
struct store_match *store_match_new(struct arena *arena, const struct store_filter *filter);
bool store_match_row(const struct store_match *match, const struct store_scan_row *row);
/* The scan that finds all that may match. */
struct store_scan store_match_scan(const struct store_match *match);

#endif
