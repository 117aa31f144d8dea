#include "port/store/copy.h"

#include "base/mem.h"
#include "port/store/sqlite_db.h"
#include "port/store/work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- steps, on the thread of the database ------------------------------------------------------
 */

static enum err copy_failed(struct store_copy *copy, int code, const char *words)
{
	enum err e = store_db_error(code);

	snprintf(copy->text, sizeof(copy->text), "the copy: %s", words);
	return e == ERR_OK ? ERR_IO : e;
}

enum err store_copy_begin(struct store_copy *copy, sqlite3 *from, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int code;

	*copy = (struct store_copy){0};
	if (fd < 0) {
		snprintf(copy->text, sizeof(copy->text), "%s: %s", path, strerror(errno));
		return err_from_errno(errno);
	}
	close(fd);
	code = sqlite3_open_v2(path, &copy->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		return copy_failed(copy, code, sqlite3_errstr(code));
	copy->backup = sqlite3_backup_init(copy->to, "main", from, "main");
	if (copy->backup == NULL)
		return copy_failed(
			copy, sqlite3_extended_errcode(copy->to), sqlite3_errmsg(copy->to));
	return ERR_OK;
}

enum err store_copy_step(struct store_copy *copy)
{
	int code = sqlite3_backup_step(copy->backup, STORE_COPY_PAGES);

	copy->pages = sqlite3_backup_pagecount(copy->backup);
	copy->left = sqlite3_backup_remaining(copy->backup);
	copy->is_over = code == SQLITE_DONE;
	if (code == SQLITE_DONE || code == SQLITE_OK || code == SQLITE_BUSY ||
		code == SQLITE_LOCKED)
		return ERR_OK;
	return copy_failed(copy, code, sqlite3_errstr(code));
}

enum err store_copy_end(struct store_copy *copy)
{
	int code = copy->backup != NULL ? sqlite3_backup_finish(copy->backup) : SQLITE_OK;
	bool was_over = copy->is_over;

	/* Without a log beside it, it can be looked at without being written. */
	if (code == SQLITE_OK && was_over && copy->to != NULL)
		code = sqlite3_exec(copy->to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	sqlite3_close(copy->to);
	copy->backup = NULL;
	copy->to = NULL;
	if (code != SQLITE_OK)
		return copy_failed(copy, code, sqlite3_errstr(code));
	return was_over ? ERR_OK : ERR_CLOSED;
}

/* ---- many of them ------------------------------------------------------------------------------
 */

/* What both have in common: begun at the first step, given up at the next one after the asker has
 * had enough, since only the database's own thread may end it. */
struct stepwise {
	struct store_copy copy;
	char *path;
	bool has_begun, is_given_up;
	enum err failure;
	store_copied *step;
	void *context;
};

static void set_out(struct stepwise *s, const char *path, store_copied *step, void *context)
{
	s->path = mem_text(path);
	s->step = step;
	s->context = context;
}

static void take_step(struct stepwise *s, sqlite3 *from)
{
	enum err e;

	if (!s->has_begun && !s->is_given_up)
		s->failure = store_copy_begin(&s->copy, from, s->path);
	s->has_begun = true;
	if (s->failure == ERR_OK && !s->is_given_up)
		s->failure = store_copy_step(&s->copy);
	if (s->failure == ERR_OK && !s->is_given_up && !s->copy.is_over)
		return;
	e = store_copy_end(&s->copy);
	s->failure = s->failure != ERR_OK ? s->failure : e;
}

/* Tell what the step has brought.  True: there has to be another one. */
static bool tell_and_go_on(struct stepwise *s, enum err e, bool is_closing)
{
	struct store_copied_so_far told = {
		.e = e,
		.is_over = e != ERR_OK || s->copy.is_over,
		.text = s->copy.text,
		.pages = s->copy.pages,
		.left = s->copy.left,
	};

	if (s->is_given_up)
		return false;
	s->is_given_up = !s->step(s->context, &told) || is_closing;
	return !told.is_over;
}

/* ---- the queue ---------------------------------------------------------------------------------
 */

struct queue_copy {
	struct store_work work;
	struct stepwise s;
};

static enum err run_nothing(struct store_work *work, struct store_group *group)
{
	(void)group;
	return work->store->engine.ops->database != NULL ? ERR_OK : ERR_UNSUPPORTED;
}

static void copy_some(struct store_work *work)
{
	const struct store_engine *engine = &work->store->engine;

	take_step(&((struct queue_copy *)work)->s, engine->ops->database(engine->self));
}

static bool complete_copy(struct store_work *work)
{
	struct stepwise *s = &((struct queue_copy *)work)->s;

	return tell_and_go_on(
		s, work->result != ERR_OK ? work->result : s->failure, work->store->closing);
}

static void clear_copy(struct store_work *work)
{
	struct stepwise *s = &((struct queue_copy *)work)->s;

	(void)store_copy_end(&s->copy); /* of a store that is broken: its thread rests */
	free(s->path);
}

void store_copy_queue(struct store *store, const char *path, store_copied *step, void *context)
{
	struct queue_copy *c = store_work_new(store, sizeof(*c));

	c->work.run = run_nothing;
	c->work.committed = copy_some;
	c->work.complete = complete_copy;
	c->work.clear = clear_copy;
	set_out(&c->s, path, step, context);
	store_work_submit(&c->work);
}

/* ---- the trace: a job a step -------------------------------------------------------------------
 */

struct trace_copy {
	struct store *store;
	struct stepwise s;
};

struct trace_step {
	struct store_trace_job job;
	struct trace_copy *c;
};

static void submit_step(struct trace_copy *c);

static enum err run_step(struct store_db *db, struct store_trace_job *job)
{
	struct stepwise *s = &((struct trace_step *)job)->c->s;

	if (db->db == NULL)
		return ERR_UNSUPPORTED;
	take_step(s, db->db);
	/* The trace itself is well: only its own failures end it. */
	return s->failure == ERR_IO || s->failure == ERR_CORRUPT ? ERR_UNAVAILABLE : s->failure;
}

static void tell_step(struct store_trace_job *job, enum err e)
{
	struct trace_copy *c = ((struct trace_step *)job)->c;

	if (tell_and_go_on(&c->s, e, c->store->closing)) {
		submit_step(c);
		return;
	}
	(void)store_copy_end(&c->s.copy);
	free(c->s.path);
	free(c);
}

static void submit_step(struct trace_copy *c)
{
	struct trace_step *step = store_trace_job_new(sizeof(*step));

	step->job.run = run_step;
	step->job.tell = tell_step;
	step->c = c;
	store_trace_submit(c->store->trace, &step->job);
}

void store_copy_trace(struct store *store, const char *path, store_copied *step, void *context)
{
	struct trace_copy *c = mem_new(sizeof(*c));

	c->store = store;
	set_out(&c->s, path, step, context);
	submit_step(c);
}
