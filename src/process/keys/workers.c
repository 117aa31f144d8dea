#include "process/keys/workers.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

TAILQ_HEAD(jobs, keys_job);

struct keys_workers {
	pthread_t threads[KEYS_WORKERS];
	size_t thread_count;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t wake;  /* a job waits, may begin, or it ends */
	pthread_cond_t idle;  /* nobody signs */
	struct jobs waiting, ready;
	size_t busy;
	bool is_paused, is_ending;
	/* Of the loop alone. */
	int wake_fd;
	struct event *event;
	LIST_HEAD(, keys_job) all;
	size_t count;
	void (*done)(void *owner, struct keys_job *job);
	void *owner;
};

/* ---- in the threads ---------------------------------------------------------------------------
 */

/* NULL: it ends. Called and left with the lock held. */
static struct keys_job *next_job(struct keys_workers *w)
{
	struct keys_job *job;

	while (!w->is_ending && (w->is_paused || TAILQ_EMPTY(&w->waiting)))
		pthread_cond_wait(&w->wake, &w->lock);
	if (w->is_ending)
		return NULL;
	job = TAILQ_FIRST(&w->waiting);
	TAILQ_REMOVE(&w->waiting, job, links);
	return job;
}

static void *work(void *context)
{
	static const uint64_t one = 1;
	struct keys_workers *w = context;
	struct keys_job *job;

	pthread_mutex_lock(&w->lock);
	while ((job = next_job(w)) != NULL) {
		w->busy++;
		pthread_mutex_unlock(&w->lock);
		job->error = keys_order_sign(&job->order, job->signature, &job->length);
		pthread_mutex_lock(&w->lock);
		TAILQ_INSERT_TAIL(&w->ready, job, links);
		if (--w->busy == 0)
			pthread_cond_signal(&w->idle);
		/* Only a counter at its end refuses: then the loop is awake. */
		if (write(w->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
			abort();
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- on the loop ------------------------------------------------------------------------------
 */

static void free_job(struct keys_workers *w, struct keys_job *job)
{
	LIST_REMOVE(job, all);
	w->count--;
	keys_order_clear(&job->order);
	free(job);
}

static void on_ready(evutil_socket_t fd, short what, void *context)
{
	struct keys_workers *w = context;
	struct jobs ready;
	struct keys_job *job;
	uint64_t number;

	(void)what;
	if (read(fd, &number, sizeof(number)) < 0)
		return; /* somebody was faster */
	TAILQ_INIT(&ready);
	pthread_mutex_lock(&w->lock);
	TAILQ_CONCAT(&ready, &w->ready, links);
	pthread_mutex_unlock(&w->lock);
	while ((job = TAILQ_FIRST(&ready)) != NULL) {
		TAILQ_REMOVE(&ready, job, links);
		w->done(w->owner, job);
		free_job(w, job);
	}
}

static enum err start_threads(struct keys_workers *w)
{
	sigset_t all, before;

	/* Signals are for the loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (w->thread_count < KEYS_WORKERS &&
		pthread_create(&w->threads[w->thread_count], NULL, work, w) == 0)
		w->thread_count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return w->thread_count > 0 ? ERR_OK : ERR_FULL;
}

enum err keys_workers_new(struct event_base *base, void (*done)(void *owner, struct keys_job *job),
	void *owner, struct keys_workers **ret, struct err_info *info)
{
	struct keys_workers *w CLEANUP(keys_workers_free) = mem_new(sizeof(*w));

	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	pthread_cond_init(&w->idle, NULL);
	TAILQ_INIT(&w->waiting);
	TAILQ_INIT(&w->ready);
	LIST_INIT(&w->all);
	w->done = done;
	w->owner = owner;
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->wake_fd < 0)
		return err_set(info, err_from_errno(errno), "eventfd: %s", strerror(errno));
	w->event = event_new(base, w->wake_fd, EV_READ | EV_PERSIST, on_ready, w);
	if (w->event == NULL || event_add(w->event, NULL) < 0)
		abort();
	if (start_threads(w) != ERR_OK)
		return err_set(info, ERR_FULL, "no thread could be started for tokens");
	*ret = w;
	w = NULL;
	return ERR_OK;
}

void keys_workers_free(struct keys_workers **workers)
{
	struct keys_workers *w = *workers;
	struct keys_job *job, *next;

	*workers = NULL;
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->is_ending = true;
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < w->thread_count; i++)
		pthread_join(w->threads[i], NULL);
	for (job = LIST_FIRST(&w->all); job != NULL; job = next) {
		next = LIST_NEXT(job, all);
		free_job(w, job);
	}
	if (w->event != NULL)
		event_free(w->event);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	pthread_cond_destroy(&w->idle);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

enum err keys_workers_put(struct keys_workers *w, struct keys_job *job)
{
	if (w->count >= KEYS_JOBS_MAX)
		return ERR_BUSY;
	LIST_INSERT_HEAD(&w->all, job, all);
	w->count++;
	pthread_mutex_lock(&w->lock);
	TAILQ_INSERT_TAIL(&w->waiting, job, links);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	return ERR_OK;
}

void keys_workers_forget(struct keys_workers *w, const struct runtime_peer *peer)
{
	struct keys_job *job;

	LIST_FOREACH (job, &w->all, all) {
		if (job->peer == peer)
			job->peer = NULL;
	}
}

enum err keys_workers_pause(struct keys_workers *w)
{
	struct timespec until;
	int error = 0;

	if (w == NULL)
		return ERR_OK;
	clock_gettime(CLOCK_MONOTONIC, &until); /* the day may change meanwhile */
	until.tv_sec += KEYS_PAUSE_S;
	pthread_mutex_lock(&w->lock);
	w->is_paused = true;
	while (w->busy > 0 && error == 0)
		error = pthread_cond_clockwait(&w->idle, &w->lock, CLOCK_MONOTONIC, &until);
	pthread_mutex_unlock(&w->lock);
	return error == 0 ? ERR_OK : ERR_TIMEOUT;
}

void keys_workers_resume(struct keys_workers *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->is_paused = false;
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

size_t keys_workers_count(const struct keys_workers *w)
{
	return w->count;
}
