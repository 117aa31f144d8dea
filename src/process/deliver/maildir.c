#include "process/deliver/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 2048, STEP_MAX = 1024 * 1024 };

struct deliver_mailfile {
	struct deliver_maildir *maildir;
	struct deliver_mailfile *next; /* in one of the queues */
	deliver_mailfile_done *done;   /* NULL: given up */
	void *context;
	char *path, *head, *name;
	int64_t now_ms;
	bool under_way; /* of a worker; the loop keeps its hands off the rest */
	/* the worker's while under way */
	int fd;
	struct buf bytes;
	bool last, after_cr;
	char partial[PATH_SIZE]; /* file in tmp/; "" for none */
	enum err error;
	char text[256];
};

struct queue {
	struct deliver_mailfile *first, **end;
};

struct deliver_maildir {
	struct event_base *base;
	char *hostname;
	pthread_t threads[DELIVER_MAILDIR_THREADS];
	size_t thread_count;
	pthread_mutex_t mutex;
	pthread_cond_t work;
	struct queue todo, finished;
	bool stopping;
	int wake; /* eventfd */
	struct event *woken;
	atomic_uint counter;
};

/* ---- the worker's side ----------------------------------------------------------------------- */

static void fail(struct deliver_mailfile *f, const char *what)
{
	f->error = err_from_errno(errno);
	snprintf(f->text, sizeof(f->text), "%s: %s", what, strerror(errno));
}

static bool sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool fine = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return fine;
}

/* Make it, and see to it that it is still there after a loss of power. */
static bool make_directory(const char *path)
{
	char above[PATH_SIZE];
	char *slash;

	if (mkdir(path, 0700) != 0)
		return errno == EEXIST;
	snprintf(above, sizeof(above), "%s", path);
	slash = strrchr(above, '/');
	if (slash == NULL || slash == above)
		return true;
	*slash = '\0';
	/* One that we may write but not read cannot be synced. */
	return sync_directory(above) || errno == EACCES;
}

/* The path with all that is missing above it. */
static bool make_path(const char *path)
{
	char part[PATH_SIZE];

	snprintf(part, sizeof(part), "%s", path);
	for (char *p = part + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		/* What is above may exist without being writable, or visible, for us. */
		(void)make_directory(part);
		*p = '/';
	}
	return make_directory(part);
}

static bool make_maildir(struct deliver_mailfile *f)
{
	static const char *const names[] = {"tmp", "new", "cur"};
	struct stat info;
	char part[PATH_SIZE];

	snprintf(part, sizeof(part), "%s/new", f->path);
	if (stat(part, &info) == 0)
		return true;
	if (!make_path(f->path)) {
		fail(f, "the Maildir cannot be made");
		return false;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		snprintf(part, sizeof(part), "%s/%s", f->path, names[i]);
		if (!make_directory(part)) {
			fail(f, "the Maildir cannot be made");
			return false;
		}
	}
	return true;
}

static bool write_all(struct deliver_mailfile *f, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(f->fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fail(f, "writing failed");
			return false;
		}
		bytes = str_part(bytes, (size_t)n, bytes.n);
	}
	return true;
}

static bool open_file(struct deliver_mailfile *f)
{
	if (!make_maildir(f))
		return false;
	snprintf(f->partial, sizeof(f->partial), "%s/tmp/%s", f->path, f->name);
	f->fd = open(f->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (f->fd < 0) {
		fail(f, "the file cannot be made");
		f->partial[0] = '\0';
		return false;
	}
	return write_all(f, str_of(f->head));
}

/* CRLF becomes LF, in place; a CR at the end of a piece waits for the next one. */
static struct str to_unix_lines(struct deliver_mailfile *f, char *p, size_t n)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\r' && i + 1 < n && p[i + 1] == '\n')
			continue;
		p[to++] = p[i];
	}
	f->after_cr = to > 0 && p[to - 1] == '\r';
	if (f->after_cr)
		to--;
	return str_make(p, to);
}

static bool write_content(struct deliver_mailfile *f)
{
	struct str all = buf_str(&f->bytes);
	static const struct str cr = STR("\r");

	if (f->after_cr && all.n > 0 && all.p[0] != '\n' && !write_all(f, cr))
		return false;
	if (all.n > 0) {
		struct str lines = to_unix_lines(f, f->bytes.p + f->bytes.from, all.n);

		if (!write_all(f, lines))
			return false;
	}
	return !f->last || !f->after_cr || write_all(f, cr);
}

static bool complete(struct deliver_mailfile *f)
{
	char final[PATH_SIZE], directory[PATH_SIZE];
	int result;

	if (fsync(f->fd) != 0) {
		fail(f, "fsync failed");
		return false;
	}
	result = close(f->fd);
	f->fd = -1;
	if (result != 0) {
		fail(f, "close failed");
		return false;
	}
	snprintf(directory, sizeof(directory), "%s/new", f->path);
	snprintf(final, sizeof(final), "%s/%s", directory, f->name);
	if (rename(f->partial, final) != 0) {
		fail(f, "the file cannot be moved into new/");
		return false;
	}
	f->partial[0] = '\0';
	if (!sync_directory(directory)) {
		fail(f, "fsync of new/ failed");
		/* It will be tried again: better once more than not at all, but not needlessly. */
		unlink(final);
		return false;
	}
	return true;
}

static void give_up_file(struct deliver_mailfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	if (f->partial[0] != '\0')
		unlink(f->partial);
	f->partial[0] = '\0';
}

static void work_step(struct deliver_mailfile *f)
{
	bool fine = f->fd >= 0 || open_file(f);

	fine = fine && write_content(f);
	if (fine && f->last)
		fine = complete(f);
	if (!fine)
		give_up_file(f);
}

/* ---- between -----------------------------------------------------------------------------------
 */

static void queue_add(struct queue *q, struct deliver_mailfile *f)
{
	f->next = NULL;
	*q->end = f;
	q->end = &f->next;
}

static struct deliver_mailfile *queue_take(struct queue *q)
{
	struct deliver_mailfile *f = q->first;

	if (f == NULL)
		return NULL;
	q->first = f->next;
	if (q->first == NULL)
		q->end = &q->first;
	return f;
}

static void *worker(void *context)
{
	struct deliver_maildir *m = context;

	pthread_mutex_lock(&m->mutex);
	for (;;) {
		struct deliver_mailfile *f = queue_take(&m->todo);
		uint64_t one = 1;
		ssize_t n;

		if (f == NULL && m->stopping)
			break;
		if (f == NULL) {
			pthread_cond_wait(&m->work, &m->mutex);
			continue;
		}
		pthread_mutex_unlock(&m->mutex);
		work_step(f);
		pthread_mutex_lock(&m->mutex);
		queue_add(&m->finished, f);
		n = write(m->wake, &one, sizeof(one));
		(void)n; /* full means: it will wake up anyway */
	}
	pthread_mutex_unlock(&m->mutex);
	return NULL;
}

/* ---- the loop's side ------------------------------------------------------------------------- */

static void release(struct deliver_mailfile *f)
{
	give_up_file(f);
	buf_free(&f->bytes);
	free(f->path);
	free(f->head);
	free(f->name);
	free(f);
}

static void finish_step(struct deliver_mailfile *f)
{
	f->under_way = false;
	if (f->done == NULL)
		release(f);
	else
		f->done(f->context, f->error, f->text);
}

static void on_woken(evutil_socket_t fd, short what, void *context)
{
	struct deliver_maildir *m = context;
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n;
	(void)what;
	for (;;) {
		struct deliver_mailfile *f;

		pthread_mutex_lock(&m->mutex);
		f = queue_take(&m->finished);
		pthread_mutex_unlock(&m->mutex);
		if (f == NULL)
			return;
		finish_step(f);
	}
}

struct deliver_maildir *deliver_maildir_new(struct event_base *base, const char *hostname)
{
	struct deliver_maildir *m = mem_new(sizeof(*m));

	m->base = base;
	m->hostname = mem_text(hostname);
	/* Names of files: nothing that means something in a path, or in a Maildir. */
	for (char *p = m->hostname; *p != '\0'; p++)
		if (*p == '/' || *p == ':')
			*p = '_';
	pthread_mutex_init(&m->mutex, NULL);
	pthread_cond_init(&m->work, NULL);
	m->todo.end = &m->todo.first;
	m->finished.end = &m->finished.first;
	m->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	m->woken = event_new(base, m->wake, EV_READ | EV_PERSIST, on_woken, m);
	event_add(m->woken, NULL);
	return m;
}

void deliver_maildir_free(struct deliver_maildir **maildir)
{
	struct deliver_maildir *m = *maildir;
	struct deliver_mailfile *f;

	if (m == NULL)
		return;
	pthread_mutex_lock(&m->mutex);
	m->stopping = true;
	pthread_cond_broadcast(&m->work);
	pthread_mutex_unlock(&m->mutex);
	for (size_t i = 0; i < m->thread_count; i++)
		pthread_join(m->threads[i], NULL);
	while ((f = queue_take(&m->finished)) != NULL)
		if (f->done == NULL)
			release(f);
	event_free(m->woken);
	close(m->wake);
	pthread_cond_destroy(&m->work);
	pthread_mutex_destroy(&m->mutex);
	free(m->hostname);
	free(m);
	*maildir = NULL;
}

static void start_threads(struct deliver_maildir *m)
{
	sigset_t all, before;

	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (m->thread_count < DELIVER_MAILDIR_THREADS &&
		pthread_create(&m->threads[m->thread_count], NULL, worker, m) == 0)
		m->thread_count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static char *make_head(const struct deliver_mailfile_options *options)
{
	struct buf head;
	char *text;

	buf_init(&head, 16384);
	buf_format(&head, "Return-Path: <%s>\nDelivered-To: %s\n", options->sender,
		options->recipient);
	text = mem_text(buf_text(&head));
	buf_free(&head);
	return text;
}

static char *make_name(struct deliver_maildir *m, int64_t now_ms)
{
	char name[512];

	snprintf(name, sizeof(name), "%lld.M%lldP%ldQ%u.%.200s", (long long)(now_ms / 1000),
		(long long)(now_ms % 1000) * 1000, (long)getpid(), atomic_fetch_add(&m->counter, 1),
		m->hostname);
	return mem_text(name);
}

struct deliver_mailfile *deliver_mailfile_new(struct deliver_maildir *m,
	const struct deliver_mailfile_options *options, deliver_mailfile_done *done, void *context)
{
	struct deliver_mailfile *f = mem_new(sizeof(*f));

	if (m->thread_count == 0)
		start_threads(m);
	f->maildir = m;
	f->done = done;
	f->context = context;
	f->path = mem_text(options->path);
	f->head = make_head(options);
	f->name = make_name(m, options->now_ms);
	f->fd = -1;
	buf_init(&f->bytes, STEP_MAX);
	return f;
}

/* Without a thread there is no safe way to write; say so from the loop. */
static void refuse(struct deliver_mailfile *f)
{
	uint64_t one = 1;
	ssize_t n;

	f->error = ERR_UNAVAILABLE;
	snprintf(f->text, sizeof(f->text), "no thread could be started");
	queue_add(&f->maildir->finished, f);
	n = write(f->maildir->wake, &one, sizeof(one));
	(void)n;
}

void deliver_mailfile_write(struct deliver_mailfile *f, struct str bytes, bool last)
{
	struct deliver_maildir *m = f->maildir;

	buf_clear(&f->bytes);
	buf_put(&f->bytes, bytes);
	f->last = last;
	f->under_way = true;
	pthread_mutex_lock(&m->mutex);
	if (m->thread_count == 0 || strlen(f->path) > PATH_SIZE - 600) {
		refuse(f);
	} else {
		queue_add(&m->todo, f);
		pthread_cond_signal(&m->work);
	}
	pthread_mutex_unlock(&m->mutex);
}

void deliver_mailfile_free(struct deliver_mailfile **file)
{
	struct deliver_mailfile *f = *file;

	if (f == NULL)
		return;
	*file = NULL;
	f->done = NULL;
	if (!f->under_way)
		release(f);
}
