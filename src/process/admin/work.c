#include "process/admin/work.h"

#include "port/secret/secret.h"

#include <stdlib.h>
#include <string.h>

enum { SHARE = 2 /* times what it took, for everybody else */ };

struct admin_job {
	struct admin_job *next;
	struct admin_call *call;
	char *password;
	char *hash; /* NULL: of nobody */
	bool makes;
	admin_worked *done;
};

struct admin_work {
	struct event_base *base;
	struct event *timer;
	struct admin_job *first;
	int64_t free_at_ms; /* ticks: not before */
};

static void on_time(evutil_socket_t fd, short what, void *context);

struct admin_work *admin_work_new(struct event_base *base)
{
	struct admin_work *work = mem_new(sizeof(*work));

	work->timer = evtimer_new(base, on_time, work);
	return work;
}

static void free_job(struct admin_job *job)
{
	secret_forget(job->password, strlen(job->password));
	free(job->password);
	free(job->hash);
	free(job);
}

void admin_work_free(struct admin_work **work)
{
	struct admin_work *w = *work;

	*work = NULL;
	if (w == NULL)
		return;
	event_free(w->timer);
	free(w);
}

static void plan(struct admin_work *work)
{
	int64_t wait = work->free_at_ms - runtime_ticks_ms();
	struct timeval delay = {0, 0};

	if (wait > 0)
		delay = (struct timeval){wait / 1000, (suseconds_t)(wait % 1000) * 1000};
	if (work->first != NULL)
		evtimer_add(work->timer, &delay);
}

static void run(struct admin_job *job)
{
	struct admin_call *call = job->call;
	char made[ACCOUNT_HASH_TEXT] = "";
	bool is_right;

	if (job->makes)
		is_right = secret_password_make(job->password, made) == ERR_OK;
	else
		is_right = secret_password_verify(job->password, job->hash);
	call->job = NULL;
	job->done(call, is_right, made);
	secret_forget(made, sizeof(made));
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
	struct admin_work *work = context;
	struct admin_job *job = work->first;
	int64_t began = runtime_ticks_ms();

	(void)fd;
	(void)what;
	if (job == NULL)
		return;
	work->first = job->next;
	if (job->call->request == NULL) {
		job->call->job = NULL;
		admin_end(job->call);
	} else {
		run(job);
		work->free_at_ms = runtime_ticks_ms() + SHARE * (runtime_ticks_ms() - began);
	}
	free_job(job);
	plan(work);
}

static void put(struct admin_call *call, const char *password, const char *hash, bool makes,
	admin_worked *done)
{
	struct admin_work *work = call->admin->work;
	struct admin_job **end = &work->first, *job;
	size_t count = 0;

	for (; *end != NULL; end = &(*end)->next)
		count++;
	if (count >= ADMIN_WORK_MAX) {
		admin_header(call, "Retry-After", "5");
		admin_problem_at(call, 503, "busy", NULL,
			"many passwords are worked on at this moment: try again in some "
			"seconds");
		return;
	}
	job = mem_new(sizeof(*job));
	job->call = call;
	job->password = mem_text(password);
	job->hash = mem_text(hash);
	job->makes = makes;
	job->done = done;
	*end = call->job = job;
	if (count == 0)
		plan(work);
}

void admin_password_verify(
	struct admin_call *call, const char *password, const char *hash, admin_worked *done)
{
	put(call, password, hash, false, done);
}

void admin_password_make(struct admin_call *call, const char *password, admin_worked *done)
{
	put(call, password, NULL, true, done);
}

void admin_work_cancel(struct admin_call *call)
{
	struct admin_job **at = &call->admin->work->first;

	while (*at != NULL && *at != call->job)
		at = &(*at)->next;
	if (*at != NULL)
		*at = call->job->next;
	free_job(call->job);
	call->job = NULL;
}
