/*
 * Orders about certificates that need a key: to make one and a request for it, to take the chain
 * that was made of it, to make one that signs itself.
 *
 * Each is carried out by a process of its own (process/certify): this one neither makes keys, which
 * takes seconds, nor reads what an authority has sent.  The vault is locked here, and that process
 * inherits the lock.  It writes files that nobody sees yet; the life that names them is written
 * here, and then comes to all processes or none, as with every other step (rollover.c).
 *
 *     ask --spawn--> RUNS --its result, and its end--> taken, or refused
 *                      |                                 (while others reload: after that)
 *                      +-- no end in time: killed
 *
 * A crash at any moment leaves the life from before, or the one after; files of a version that
 * never got into a life are swept away by whoever opens the vault next.
 */
#include "port/issue/issue.h"
#include "port/log/log.h"
#include "process/supervise/state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	/* An RSA key of 4096 bits takes a second, or ten.  With the wait for its turn, and for all
	 * processes, it is less than the command line waits. */
	LIMIT_S = 40,
	RESULT_MAX = 1024 * 1024,
	LOCK_FD = 3, /* as process/certify has them */
	PASSPHRASE_FD = 4,
	ABOVE = 10,
};

/* ---- the process ------------------------------------------------------------------------------
 */

struct start {
	int order, result, lock, passphrase; /* passphrase -1: none */
	const char *data;
};

/* In the new process: exactly these descriptors, whatever numbers they had. */
static bool place_descriptors(const struct start *start)
{
	const int to[] = {STDIN_FILENO, STDOUT_FILENO, LOCK_FD, PASSPHRASE_FD};
	int from[] = {start->order, start->result, start->lock, start->passphrase};
	size_t count = start->passphrase >= 0 ? 4 : 3;

	for (size_t i = 0; i < count; i++) {
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, ABOVE);
		if (from[i] < 0)
			return false;
	}
	for (size_t i = 0; i < count; i++)
		if (dup2(from[i], to[i]) < 0)
			return false;
	return true;
}

static void run(const struct start *start, pid_t parent)
{
	char name[] = "sealpost", verb[] = "process", what[] = "certify", open[] = "open",
	     sealed[] = "sealed", data[4200];
	char *const arguments[] = {
		name, verb, what, data, start->passphrase >= 0 ? sealed : open, NULL};

	/* It has the lock: it must not outlive who gave it, not even if that one has ended by now.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		return;
	snprintf(data, sizeof(data), "%s", start->data);
	supervise_child_forget_environment();
	if (place_descriptors(start))
		execv("/proc/self/exe", arguments);
}

static bool put_all(int fd, struct str rest)
{
	while (rest.n > 0) {
		ssize_t n = write(fd, rest.p, rest.n);

		if (n < 0 && errno != EINTR)
			return false;
		rest = str_part(rest, n > 0 ? (size_t)n : 0, rest.n);
	}
	return true;
}

/* {"order", "roots"} in a file without a name; -1: there is none. */
static int order_file(const struct supervise *s, const json_t *order)
{
	json_t *roots = json_stringn(s->settings->roots.p, s->settings->roots.n);
	json_t *json = json_pack(
		"{s:O,s:o}", "order", order, "roots", roots != NULL ? roots : json_string(""));
	char *text = json_dumps(json, JSON_COMPACT);
	int fd = memfd_create("order", MFD_CLOEXEC);

	if (fd >= 0 && !put_all(fd, str_of(text))) {
		close(fd);
		fd = -1;
	}
	free(text);
	json_decref(json);
	return fd;
}

/* ---- its result -------------------------------------------------------------------------------
 */

static void take_result(struct supervise *s)
{
	struct supervise_issue *issue = &s->issue;
	struct supervise_rollover *r = &s->rollover;
	struct err_info info = {.text = ""};
	json_t *result = json_loadb(buf_str(&issue->result).p, buf_length(&issue->result), 0, NULL);
	const char *error = json_string_value(json_object_get(result, "error"));
	struct cert_life life;

	issue->is_over = false;
	buf_free(&issue->result);
	if (s->drain_stage >= 0)
		supervise_rollover_fail(s, err_token(ERR_UNAVAILABLE), "the server is ending");
	else if (!json_is_true(json_object_get(result, "ok")))
		supervise_rollover_fail(s,
			error != NULL ? json_string_value(json_object_get(result, "code"))
				      : err_token(ERR_GONE),
			error != NULL ? error
			: issue->is_late
				? "this took too long, and was stopped: nothing has changed"
				: "the process that did it was killed: nothing has changed");
	else if (json_object_get(result, "request") != NULL)
		supervise_rollover_close(s, json_incref(result));
	else if (record_from_json(&cert_life_desc, json_object_get(result, "life"), "", r->arena,
			 &life, &info) != ERR_OK ||
		 strcmp(life.name, r->before.name) != 0)
		supervise_rollover_fail(s, err_token(ERR_INTERNAL), info.text);
	else
		supervise_rollover_take(s, &life, json_incref(result));
	json_decref(result);
}

/* Both have to be: what it told, and its end, by which it has given up the lock. */
static void finish_if_over(struct supervise *s)
{
	struct supervise_issue *issue = &s->issue;

	if (issue->pid != 0 || issue->fd >= 0)
		return;
	issue->is_over = true;
	supervise_issue_go_on(s);
}

void supervise_issue_go_on(struct supervise *s)
{
	if (s->issue.is_over && s->reload.next == NULL)
		take_result(s);
}

static void on_result(evutil_socket_t fd, short what, void *context)
{
	struct supervise *s = context;
	struct supervise_issue *issue = &s->issue;
	char *to = buf_reserve(&issue->result, 4096);
	ssize_t n = to != NULL ? read(fd, to, 4096) : 0;

	(void)what;
	if (n > 0)
		buf_added(&issue->result, (size_t)n);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	event_free(issue->reader);
	issue->reader = NULL;
	close(issue->fd);
	issue->fd = -1;
	finish_if_over(s);
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
	struct supervise *s = context;

	(void)fd;
	(void)what;
	s->issue.is_late = true;
	if (s->issue.pid > 0)
		kill(s->issue.pid, SIGKILL);
}

void supervise_issue_reaped(struct supervise *s, pid_t pid, int status)
{
	struct supervise_issue *issue = &s->issue;

	if (pid != issue->pid)
		return;
	if (WIFSIGNALED(status))
		log_event(LOG_ERROR_LEVEL, "process.ended", LOG_TEXT("child", "certify"),
			LOG_NUMBER("pid", pid), LOG_TEXT("signal", strsignal(WTERMSIG(status))),
			LOG_NUMBER("lived_ms", runtime_ticks_ms() - issue->spawned));
	event_del(issue->timer);
	issue->pid = 0;
	finish_if_over(s);
}

/* ---- orders -----------------------------------------------------------------------------------
 */

/* False: it was not started. */
static bool spawn(struct supervise *s, struct start *start, int result)
{
	const struct timeval limit = {LIMIT_S, 0};
	struct supervise_issue *issue = &s->issue;
	pid_t parent = getpid();

	issue->pid = fork();
	if (issue->pid == 0) {
		run(start, parent);
		_exit(127);
	}
	if (issue->pid < 0) {
		issue->pid = 0;
		return false;
	}
	log_event(LOG_INFO_LEVEL, "process.started", LOG_TEXT("child", "certify"),
		LOG_NUMBER("pid", issue->pid));
	issue->spawned = runtime_ticks_ms();
	issue->is_late = issue->is_over = false;
	issue->fd = result;
	buf_init(&issue->result, RESULT_MAX);
	issue->reader = event_new(s->base, result, EV_READ | EV_PERSIST, on_result, s);
	event_add(issue->reader, NULL);
	if (issue->timer == NULL)
		issue->timer = evtimer_new(s->base, on_late, s);
	event_add(issue->timer, &limit);
	return true;
}

static void start(struct supervise *s, const json_t *order)
{
	struct start start = {.order = order_file(s, order),
		.result = -1,
		.lock = vault_lock(s->rollover.vault),
		.passphrase = s->settings->secret_fds[RUNTIME_SECRET_PASSPHRASE],
		.data = s->settings->node->data};
	int pipe_fds[2] = {-1, -1};
	bool is_started = start.order >= 0 && pipe2(pipe_fds, O_CLOEXEC) == 0 &&
			  fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK) == 0;

	start.result = pipe_fds[1];
	is_started = is_started && spawn(s, &start, pipe_fds[0]);
	if (start.order >= 0)
		close(start.order);
	if (pipe_fds[1] >= 0)
		close(pipe_fds[1]);
	if (is_started)
		return;
	if (pipe_fds[0] >= 0)
		close(pipe_fds[0]);
	supervise_rollover_fail(s, err_token(ERR_UNAVAILABLE), "no process can be started for it");
}

static void refuse(struct supervise *s, int64_t tag, enum err e, const char *why)
{
	supervise_answer_send(
		s, tag, json_pack("{s:b,s:s,s:s}", "ok", 0, "code", err_token(e), "error", why));
}

/* The node file has one of that name, which has no life. */
static bool is_of_node_file(const struct supervise *s, const char *name)
{
	const struct supervise_settings *settings = s->settings;

	for (size_t i = 0; i < settings->node->certificates.count; i++)
		if (strcmp(settings->node->certificates.items[i].name, name) == 0)
			return cert_life_of(settings->lives, settings->life_count, name) == NULL;
	return false;
}

static const char *actor_of(const json_t *question)
{
	const char *actor = json_string_value(json_object_get(question, "actor"));

	return actor != NULL ? actor : "administrator";
}

static enum err take_order(struct supervise *s, int64_t tag, const json_t *question)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	const json_t *order = json_object_get(question, "order");
	struct err_info info = {.text = ""};
	struct issue_order read;
	enum err e = record_from_json(&issue_order_desc, order, "", arena, &read, &info);

	if (e == ERR_OK && is_of_node_file(s, read.name))
		e = err_set(&info, ERR_CONFLICT,
			"the node file has a certificate of that name, which would win: remove it "
			"there, or take another name");
	if (e != ERR_OK) {
		refuse(s, tag, e, info.text);
		return ERR_OK;
	}
	e = supervise_rollover_open(
		s, tag, read.name, issue_action_names[read.action], actor_of(question));
	if (e != ERR_OK)
		return e;
	s->rollover.has_request = read.action == ISSUE_CHAIN;
	start(s, order);
	return ERR_OK;
}

static enum err drop(struct supervise *s, int64_t tag, const json_t *question)
{
	const char *name = json_string_value(json_object_get(question, "name"));
	struct err_info info = {.text = ""};
	enum err e = vault_request_find(s->settings->node->data, name != NULL ? name : "", &info);

	if (e != ERR_OK) {
		refuse(s, tag, e, info.text);
		return ERR_OK;
	}
	e = supervise_rollover_open(s, tag, name, "drop-request", actor_of(question));
	if (e != ERR_OK)
		return e;
	vault_request_remove(s->rollover.vault, name);
	log_event(LOG_INFO_LEVEL, "certificate.step", LOG_TEXT("name", name),
		LOG_TEXT("step", "drop-request"), LOG_TEXT("by", actor_of(question)));
	supervise_rollover_close(s, json_pack("{s:b}", "ok", 1));
	return ERR_OK;
}

enum err supervise_issue_take(struct supervise *s, int64_t tag, const json_t *question)
{
	struct str verb = str_of(json_string_value(json_object_get(question, "verb")));

	return str_is(verb, "issue") ? take_order(s, tag, question) : drop(s, tag, question);
}

void supervise_issue_list(struct supervise *s, int64_t tag)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct vault_request *requests = NULL;
	struct err_info info = {.text = ""};
	json_t *items = json_array();
	size_t count = 0;
	enum err e = vault_requests(s->settings->node->data, arena, &requests, &count, &info);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			items, json_pack("{s:s,s:I,s:s%}", "name", requests[i].name, "at_ms",
				       (json_int_t)requests[i].at_ms, "request",
				       requests[i].request.p, requests[i].request.n));
	if (e == ERR_OK)
		supervise_answer_send(s, tag, json_pack("{s:O}", "items", items));
	else
		refuse(s, tag, e, info.text);
	json_decref(items);
}

/* ---- the end ----------------------------------------------------------------------------------
 */

void supervise_issue_abandon(struct supervise *s)
{
	struct supervise_issue *issue = &s->issue;

	if (issue->pid > 0)
		kill(issue->pid, SIGKILL);
	if (issue->is_over) { /* it waits for a reload, which ends now */
		issue->is_over = false;
		buf_free(&issue->result);
		supervise_rollover_fail(s, err_token(ERR_UNAVAILABLE), "the server is ending");
	}
}

void supervise_issue_free(struct supervise *s)
{
	struct supervise_issue *issue = &s->issue;

	if (issue->reader != NULL)
		event_free(issue->reader);
	if (issue->timer != NULL)
		event_free(issue->timer);
	if (issue->fd >= 0)
		close(issue->fd);
	buf_free(&issue->result);
}
