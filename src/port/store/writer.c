/*
 * The writer thread: takes everything that waits, runs it in one transaction, syncs, answers.
 *
 * There is no artificial delay: while one group is being synced the next one gathers, so a slow
 * disk makes larger groups by itself.  A group that fails for want of space is taken apart: what
 * only adds is turned away, the rest is tried one by one, since most of it makes room.  A group
 * that fails otherwise breaks the store; nothing is ever written again over pages whose sync
 * failed.
 */
#include "port/store/work.h"

#include <stdio.h>
#include <time.h>

static void group_init(struct store_group *group)
{
	*group = (struct store_group){0};
	group->events_end = &group->events;
}

/* Events were lent to the group by the works that own them; see change.c. */
static size_t count_events(const struct store_group *group)
{
	const struct store_event *event;
	size_t n = 0;

	for (event = group->events; event != NULL; event = event->next)
		n++;
	return n;
}

static void note_broken(struct store *store, enum err e, const char *what)
{
	pthread_mutex_lock(&store->lock);
	if (store->broken == ERR_OK) {
		store->broken = e;
		snprintf(store->broken_text, sizeof(store->broken_text), "queue: %s: %s", what,
			err_text(e));
	}
	pthread_mutex_unlock(&store->lock);
}

static enum err broken(struct store *store)
{
	enum err e;

	pthread_mutex_lock(&store->lock);
	e = store->broken;
	pthread_mutex_unlock(&store->lock);
	return e;
}

/* A failure of one call that leaves the transaction whole. */
static bool is_harmless(enum err e)
{
	return e == ERR_OK || e == ERR_AGAIN || e == ERR_EXISTS || e == ERR_UNKNOWN ||
	       e == ERR_UNSUPPORTED || e == ERR_UNAVAILABLE;
}

/* The trace has got these: forget them here, a bounded number at a time. */
static enum err forget_events(struct store *store)
{
	int64_t applied = store_trace_applied(store->trace);
	int64_t upto = store->forgotten + STORE_FORGET_STEP;
	enum err e;

	if (applied <= store->forgotten || store->is_tight)
		return ERR_OK;
	upto = upto < applied ? upto : applied;
	e = store->engine.ops->acknowledge(store->engine.self, upto);
	if (e == ERR_OK)
		store->forgotten = upto;
	return e;
}

static int64_t ticks_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void note_commit(struct store *store, int64_t us)
{
	pthread_mutex_lock(&store->lock);
	metrics_observe(&store->commits, us);
	pthread_mutex_unlock(&store->lock);
}

/* Run the works from FIRST up to (not with) END, and commit. */
static enum err run_group(struct store *store, struct store_work *first, struct store_work *end,
	struct store_group *group)
{
	const struct store_engine_ops *ops = store->engine.ops;
	int64_t forgotten = store->forgotten, began = ticks_us();
	struct store_work *work;
	enum err e = ops->begin(store->engine.self);

	group_init(group);
	if (e != ERR_OK)
		return e;
	for (work = first; e == ERR_OK && work != end; work = work->next) {
		arena_clear(work->found);
		work->result = work->run(work, group);
		if (!is_harmless(work->result))
			e = work->result;
	}
	for (work = first; e == ERR_OK && work != end; work = work->next) {
		if (work->sync != NULL && work->result == ERR_OK)
			e = work->sync(work);
	}
	if (e == ERR_OK)
		e = forget_events(store);
	if (e == ERR_OK)
		e = ops->commit(store->engine.self);
	if (e == ERR_OK) {
		note_commit(store, ticks_us() - began);
		return ERR_OK;
	}
	ops->rollback(store->engine.self);
	store->forgotten = forgotten;
	return e;
}

static void hand_over(struct store *store, struct store_group *group)
{
	size_t count = count_events(group);
	struct store_event *event;

	if (count == 0)
		return;
	/* Behind, or too much under way: the outbox has them. */
	if (store->behind ||
		store_trace_waiting(store->trace) + (int64_t)count > STORE_EVENTS_AHEAD) {
		store->behind = true;
		store_event_free_all(group->events);
		return;
	}
	for (event = group->events; event != NULL; event = event->next)
		store->handed = event->sequence;
	store_trace_feed(store->trace, group->events, count);
}

static void group_done(struct store *store, struct store_work *first, struct store_work *end,
	struct store_group *group)
{
	struct store_work *work;

	atomic_fetch_add(&store->groups, 1);
	atomic_fetch_add(&store->messages, group->messages);
	atomic_fetch_add(&store->recipients, group->recipients);
	for (work = first; work != end; work = work->next) {
		if (work->committed != NULL &&
			(work->result == ERR_OK || work->result == ERR_AGAIN))
			work->committed(work);
	}
	hand_over(store, group);
}

/* No space: what only adds is turned away, the rest runs one by one. */
static void take_apart(struct store *store, struct store_work *first)
{
	struct store_group group;
	struct store_work *work;
	enum err e;

	store->is_tight = true;
	for (work = first; work != NULL; work = work->next) {
		if (broken(store) != ERR_OK || work->adds) {
			work->result = work->adds ? ERR_FULL : broken(store);
			continue;
		}
		e = run_group(store, work, work->next, &group);
		if (e == ERR_FULL) {
			store->engine.ops->make_room(store->engine.self);
			e = run_group(store, work, work->next, &group);
		}
		if (e == ERR_OK)
			group_done(store, work, work->next, &group);
		else
			work->result = e;
		if (e != ERR_OK && e != ERR_FULL)
			note_broken(store, e, "commit failed");
	}
	store->is_tight = false;
}

static void do_group(struct store *store, struct store_work *first)
{
	struct store_group group;
	struct store_work *work;
	enum err e = broken(store);

	if (e == ERR_OK) {
		e = run_group(store, first, NULL, &group);
		if (e == ERR_OK) {
			group_done(store, first, NULL, &group);
			return;
		}
		if (e == ERR_FULL) {
			take_apart(store, first);
			return;
		}
		note_broken(store, e, "commit failed");
	}
	for (work = first; work != NULL; work = work->next)
		work->result = e;
}

/* Feed the trace from the outbox while it is behind. */
static void catch_up(struct store *store)
{
	struct store_event *events = NULL, *event;
	size_t count = 0;
	enum err e;

	if (!store->behind || broken(store) != ERR_OK ||
		store_trace_waiting(store->trace) > STORE_EVENTS_AHEAD / 2)
		return;
	e = store->engine.ops->events(
		store->engine.self, store->handed, STORE_EVENTS_STEP, &events);
	if (e != ERR_OK) {
		note_broken(store, e, "outbox cannot be read");
		return;
	}
	for (event = events; event != NULL; event = event->next) {
		store->handed = event->sequence;
		count++;
	}
	store->behind = count == STORE_EVENTS_STEP;
	if (count > 0)
		store_trace_feed(store->trace, events, count);
}

/* Cut one group off the front of what waits; under the lock. */
static struct store_work *take_group(struct store *store)
{
	struct store_work *first = store->asked, *work = first;
	size_t bytes = 0, calls = 0;

	for (; work != NULL; work = work->next) {
		bytes += work->bytes;
		calls++;
		if (bytes >= STORE_GROUP_BYTES || calls >= STORE_GROUP_CALLS)
			break;
	}
	if (work == NULL) {
		store->asked = NULL;
		store->asked_end = &store->asked;
		return first;
	}
	store->asked = work->next;
	if (store->asked == NULL)
		store->asked_end = &store->asked;
	work->next = NULL;
	return first;
}

static void answer_group(struct store *store, struct store_work *first)
{
	struct store_work *work, *last = NULL;

	for (work = first; work != NULL; work = work->next) {
		atomic_fetch_sub(&store->pending_bytes, (long long)work->bytes);
		atomic_fetch_sub(&store->pending_calls, 1);
		last = work;
	}
	pthread_mutex_lock(&store->lock);
	if (last != NULL) {
		*store->answered_end = first;
		store->answered_end = &last->next;
	}
	pthread_mutex_unlock(&store->lock);
	store_loop_wake(store);
}

static bool should_wait(const struct store *store)
{
	return store->asked == NULL && !store->stop;
}

void *store_writer_main(void *context)
{
	struct store *store = context;
	bool stop = false;

	while (!stop) {
		struct store_work *first;

		catch_up(store);
		pthread_mutex_lock(&store->lock);
		if (store->behind && should_wait(store) && store->broken == ERR_OK) {
			struct timespec until;

			/* The trace has a backlog: look again soon. */
			clock_gettime(CLOCK_REALTIME, &until);
			until.tv_nsec += 20 * 1000 * 1000;
			until.tv_sec += until.tv_nsec / 1000000000;
			until.tv_nsec %= 1000000000;
			pthread_cond_timedwait(&store->wake, &store->lock, &until);
		} else {
			while (should_wait(store))
				pthread_cond_wait(&store->wake, &store->lock);
		}
		first = take_group(store);
		stop = store->stop && first == NULL && store->asked == NULL;
		pthread_mutex_unlock(&store->lock);
		if (first == NULL)
			continue;
		do_group(store, first);
		answer_group(store, first);
	}
	return NULL;
}
