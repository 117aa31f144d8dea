#include "port/store/work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { DEFAULT_BYTES = 64 * 1024 * 1024 };

/* ---- work on its way ---------------------------------------------------------------------- */

void *store_work_new(struct store *store, size_t size)
{
	struct store_work *work = mem_new(size);

	work->store = store;
	work->arena = arena_new();
	work->found = arena_new();
	store->outstanding++;
	return work;
}

void store_work_free(struct store_work *work)
{
	work->store->outstanding--;
	if (work->clear != NULL)
		work->clear(work);
	arena_free(&work->arena);
	arena_free(&work->found);
	free(work);
}

static void wake_loop(struct store *store)
{
	uint64_t one = 1;

	/* The counter can only be full when the loop is about to wake anyway. */
	if (write(store->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void store_loop_wake(struct store *store)
{
	wake_loop(store);
}

void store_work_answer(struct store_work *work)
{
	struct store *store = work->store;

	work->next = NULL;
	pthread_mutex_lock(&store->lock);
	*store->answered_end = work;
	store->answered_end = &work->next;
	pthread_mutex_unlock(&store->lock);
	wake_loop(store);
}

void store_work_submit(struct store_work *work)
{
	struct store *store = work->store;

	work->next = NULL;
	work->result = ERR_OK;
	atomic_fetch_add(&store->pending_bytes, (long long)work->bytes);
	atomic_fetch_add(&store->pending_calls, 1);
	pthread_mutex_lock(&store->lock);
	*store->asked_end = work;
	store->asked_end = &work->next;
	pthread_cond_signal(&store->wake);
	pthread_mutex_unlock(&store->lock);
}

static void tell_broken(struct store *store)
{
	enum err e;

	pthread_mutex_lock(&store->lock);
	e = store->broken_told ? ERR_OK : store->broken;
	store->broken_told = e != ERR_OK || store->broken_told;
	pthread_mutex_unlock(&store->lock);
	if (e != ERR_OK && store->handlers != NULL && store->handlers->broken != NULL)
		store->handlers->broken(store->context, e, store->broken_text);
}

static bool complete_all(struct store *store)
{
	struct store_work *first, *work;
	bool any;

	pthread_mutex_lock(&store->lock);
	first = store->answered;
	store->answered = NULL;
	store->answered_end = &store->answered;
	pthread_mutex_unlock(&store->lock);
	any = first != NULL;
	while ((work = first) != NULL) {
		first = work->next;
		if (store->closing && work->result == ERR_AGAIN)
			work->result = ERR_CLOSED;
		if (work->complete(work))
			store_work_submit(work);
		else
			store_work_free(work);
	}
	return any;
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
	struct store *store = context;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
		return;
	tell_broken(store);
	complete_all(store);
	store_trace_answers(store->trace);
}

/* ---- facts ----------------------------------------------------------------------------------- */

static int64_t ticks_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* What one small durable write costs: the best of a few, after one that extends the file. */
static enum err measure_sync(const char *directory, int64_t *ret_us, struct err_info *info)
{
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char block[4096] = {0};
	int64_t best = INT64_MAX;
	int i;

	if (fd < 0)
		return ERR_OK; /* cannot be measured here */
	for (i = 0; i < 5; i++) {
		int64_t before = ticks_us();

		block[0] = (char)i;
		if (pwrite(fd, block, sizeof(block), 0) < 0 || fdatasync(fd) != 0) {
			int number = errno;

			close(fd);
			return err_set(info, err_from_errno(number), "%s: cannot write: %s",
				directory, strerror(number));
		}
		if (i > 0 && ticks_us() - before < best)
			best = ticks_us() - before;
	}
	close(fd);
	*ret_us = best;
	return ERR_OK;
}

/* The file system below DIRECTORY, from the longest mount point that contains it. */
static void find_file_system(struct store *store)
{
	FILE *mounts = fopen("/proc/self/mounts", "re");
	char line[4096], place[1024], type[64], options[1024];
	char *real = realpath(store->directory, NULL);
	size_t longest = 0;

	while (mounts != NULL && real != NULL && fgets(line, sizeof(line), mounts) != NULL) {
		size_t n;

		if (sscanf(line, "%*s %1023s %63s %1023s", place, type, options) != 3)
			continue;
		n = strcmp(place, "/") == 0 ? 0 : strlen(place);
		if (strncmp(real, place, n) != 0 || (real[n] != '/' && real[n] != '\0') ||
			n < longest)
			continue;
		longest = n;
		free(store->file_system);
		free(store->warning);
		store->file_system = mem_text(type);
		store->warning = NULL;
		if (strcmp(type, "tmpfs") == 0 || strcmp(type, "ramfs") == 0)
			store->warning = mem_text(
				"the data directory is in memory: all is lost with the power");
		else if (strncmp(type, "nfs", 3) == 0 || strcmp(type, "cifs") == 0)
			store->warning = mem_text(
				"the data directory is on a network file system: locks and "
				"syncs cannot be relied on");
		else if (strstr(options, "nobarrier") != NULL ||
			 strstr(options, "barrier=0") != NULL)
			store->warning = mem_text(
				"the file system is mounted without barriers: a power failure "
				"can lose mail");
	}
	if (mounts != NULL)
		fclose(mounts);
	free(real);
	store->facts.file_system = store->file_system != NULL ? store->file_system : "unknown";
	store->facts.warning = store->warning;
}

const struct store_facts *store_facts(const struct store *store)
{
	return &store->facts;
}

void store_counts(struct store *store, struct store_counts *ret)
{
	struct statvfs fs;

	*ret = (struct store_counts){
		.messages = atomic_load(&store->messages),
		.recipients = atomic_load(&store->recipients),
		.pending_bytes = atomic_load(&store->pending_bytes),
		.pending_calls = atomic_load(&store->pending_calls),
		.groups = atomic_load(&store->groups),
		.cached = store->cache.bytes,
		.disk_free = INT64_MAX,
		.trace_pending = store_trace_waiting(store->trace),
	};
	pthread_mutex_lock(&store->lock);
	ret->commits = store->commits;
	pthread_mutex_unlock(&store->lock);
	if (store->directory != NULL && statvfs(store->directory, &fs) == 0)
		ret->disk_free = (int64_t)(fs.f_bavail * fs.f_frsize);
}

int64_t store_pending(const struct store *store)
{
	return atomic_load(&store->pending_bytes);
}

/* ---- open and close -------------------------------------------------------------------------- */

static void on_trace_wake(void *context)
{
	wake_loop(context);
}

static void on_trace_broken(void *context, enum err e, const char *text)
{
	struct store *store = context;

	pthread_mutex_lock(&store->lock);
	if (store->broken == ERR_OK) {
		store->broken = e;
		snprintf(store->broken_text, sizeof(store->broken_text), "trace: %s", text);
	}
	pthread_mutex_unlock(&store->lock);
	wake_loop(store);
}

static const struct store_trace_handlers trace_handlers = {
	.wake = on_trace_wake,
	.broken = on_trace_broken,
};

static enum err keep_file(void *context, int64_t id, bool *ret_keep)
{
	struct store *store = context;
	bool in_file = false;
	enum err e = store->engine.ops->known(store->engine.self, id, &in_file);

	*ret_keep = e == ERR_OK && in_file;
	return e == ERR_UNKNOWN ? ERR_OK : e;
}

static enum err make_directory(struct store *store, struct err_info *info)
{
	if (mkdir(store->directory, 0700) != 0 && errno != EEXIST)
		return err_set(
			info, err_from_errno(errno), "%s: %s", store->directory, strerror(errno));
	find_file_system(store);
	return measure_sync(store->directory, &store->facts.sync_us, info);
}

static enum err open_parts(struct store *store, struct err_info *info)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	const char *directory = store->directory;
	enum err e;

	if (directory == NULL) {
		store->facts.file_system = "memory";
		store_memory_open(&store->engine);
		e = store_files_open(NULL, &store->files, info);
		return e != ERR_OK ? e
				   : store_trace_open(
					     NULL, &trace_handlers, store, &store->trace, info);
	}
	e = make_directory(store, info);
	if (e != ERR_OK)
		return e;
	e = store_sqlite_open(arena_format(arena, "%s/queue.db", directory),
		arena_format(arena, "%s/reserve", directory), &store->engine, info);
	if (e != ERR_OK)
		return e;
	e = store_files_open(directory, &store->files, info);
	if (e != ERR_OK)
		return e;
	return store_trace_open(arena_format(arena, "%s/trace.db", directory), &trace_handlers,
		store, &store->trace, info);
}

/* What was there already: counters, orphans, events the trace has not got. */
static enum err recover(struct store *store, struct err_info *info)
{
	const struct store_engine_ops *ops = store->engine.ops;
	int64_t messages, recipients, first, last, swept = 0;
	int64_t applied = store_trace_applied(store->trace);
	enum err e = ops->count(store->engine.self, &messages, &recipients);

	if (e == ERR_OK)
		e = ops->event_range(store->engine.self, &first, &last);
	if (e == ERR_OK)
		e = store_files_sweep(store->files, keep_file, store, &swept);
	if (e != ERR_OK)
		return err_set(info, e, "queue: cannot be read: %s", err_text(e));
	atomic_store(&store->messages, messages);
	atomic_store(&store->recipients, recipients);
	store->facts.swept = swept;
	store->facts.replayed = last > applied ? last - applied : 0;
	store->sequence = last > applied ? last : applied;
	store->handed = applied;
	store->forgotten = first - 1;
	store->behind = true;
	return ERR_OK;
}

static enum err start(struct store *store, struct err_info *info)
{
	enum err e = open_parts(store, info);

	if (e == ERR_OK)
		e = recover(store, info);
	if (e != ERR_OK)
		return e;
	if (pthread_create(&store->writer, NULL, store_writer_main, store) != 0)
		return err_set(info, ERR_BUSY, "no thread for the queue");
	store->has_writer = true;
	store->wake_event =
		event_new(store->base, store->wake_fd, EV_READ | EV_PERSIST, on_wake, store);
	if (store->wake_event == NULL || event_add(store->wake_event, NULL) != 0)
		return err_set(info, ERR_INTERNAL, "event loop");
	return ERR_OK;
}

enum err store_open(struct event_base *base, const struct store_settings *settings,
	const struct store_handlers *handlers, void *context, struct store **ret_store,
	struct err_info *info)
{
	struct store *store CLEANUP(store_close) = mem_new(sizeof(*store));
	enum err e;

	store->base = base;
	store->wake_fd = -1;
	store->handlers = handlers;
	store->context = context;
	store->directory = mem_text(settings->directory);
	store->pending_max = settings->pending > 0 ? settings->pending : DEFAULT_BYTES;
	store->asked_end = &store->asked;
	store->answered_end = &store->answered;
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->wake, NULL);
	store_cache_init(
		&store->cache, settings->body_cache > 0 ? settings->body_cache : DEFAULT_BYTES);
	store->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (store->wake_fd < 0)
		return err_set(info, err_from_errno(errno), "eventfd: %s", strerror(errno));
	e = start(store, info);
	if (e != ERR_OK)
		return e;
	*ret_store = store;
	store = NULL;
	return ERR_OK;
}

static void stop_writer(struct store *store)
{
	if (!store->has_writer)
		return;
	pthread_mutex_lock(&store->lock);
	store->stop = true;
	pthread_cond_signal(&store->wake);
	pthread_mutex_unlock(&store->lock);
	pthread_join(store->writer, NULL);
	store->has_writer = false;
}

/* Completions may ask again while we close; those calls end with ERR_CLOSED. */
static bool turn_away(struct store *store)
{
	struct store_work *work, *next;
	bool any;

	pthread_mutex_lock(&store->lock);
	work = store->asked;
	store->asked = NULL;
	store->asked_end = &store->asked;
	pthread_mutex_unlock(&store->lock);
	any = work != NULL;
	for (; work != NULL; work = next) {
		next = work->next;
		work->result = ERR_CLOSED;
		store_work_answer(work);
	}
	return any;
}

static void drain(struct store *store)
{
	bool any = true;

	stop_writer(store);
	if (store->trace != NULL)
		store_trace_stop(store->trace);
	while (any) {
		any = complete_all(store);
		any = turn_away(store) || any;
		any = (store->trace != NULL && store_trace_answers(store->trace)) || any;
	}
}

void store_close(struct store **store)
{
	struct store *s;

	if (store == NULL || *store == NULL)
		return;
	s = *store;
	s->closing = true;
	drain(s);
	*store = NULL;
	store_trace_close(&s->trace);
	if (s->engine.ops != NULL)
		s->engine.ops->close(s->engine.self);
	store_files_close(&s->files);
	store_cache_clear(&s->cache);
	if (s->wake_event != NULL)
		event_free(s->wake_event);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->wake);
	free(s->directory);
	free(s->file_system);
	free(s->warning);
	free(s);
}

/* ---- the trace ----------------------------------------------------------------------------------
 */

void store_trace_search(struct store *store, const struct store_trace_query *query,
	store_trace_done *done, void *context)
{
	store_trace_ask_search(store->trace, query, done, context);
}

void store_trace_show(struct store *store, int64_t message, store_events_done *done, void *context)
{
	store_trace_ask_show(store->trace, message, done, context);
}

void store_trace_subjects(struct store *store, bool are_kept)
{
	store->keeps_subjects = are_kept;
}

void store_trace_expire(struct store *store, int64_t before_ms, store_done *done, void *context)
{
	store_trace_ask_expire(store->trace, before_ms, done, context);
}
