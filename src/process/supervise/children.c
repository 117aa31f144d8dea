#include "process/supervise/state.h"

#include "port/log/log.h"
#include "port/runtime/addresses.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CONTROL_FD = 3,
	FIRST_PAUSE_MS = 100,
	LAST_PAUSE_MS = 30 * 1000,
	GOOD_LIFE_MS = 60 * 1000,
	GRACE_S = 2,
	OTHERS = 5,	       /* processes of which there is one */
	ADMIN_ALONE_MS = 5000, /* then the management answers, although others are not ready */
};

bool supervise_child_is_live(const struct supervise_child *child)
{
	return child->state == SUPERVISE_CHILD_READY || child->state == SUPERVISE_CHILD_WORKING;
}

const char *supervise_child_name(const struct supervise_child *child, char ret[32])
{
	snprintf(ret, 32, "%s/%u", runtime_table[child->role].name, child->index);
	return ret;
}

void supervise_child_send(
	struct supervise_child *child, enum runtime_control_type type, int64_t tag, struct str data)
{
	if (child->control != NULL)
		runtime_control_send(
			child->control, &(struct runtime_control_message){
						.type = type, .tag = tag, .data = data, .fd = -1});
}

static void send_fd(
	struct supervise_child *child, enum runtime_control_type type, int64_t tag, int fd)
{
	if (child->control != NULL)
		runtime_control_send(child->control,
			&(struct runtime_control_message){.type = type, .tag = tag, .fd = fd});
}

/* ---- settings ---------------------------------------------------------------------------------
 */

static void send_certificates(
	struct supervise_child *child, const struct supervise_settings *settings, bool with_keys)
{
	for (size_t i = 0; i < settings->certificate_count; i++) {
		const struct supervise_certificate *c = &settings->certificates[i];
		const struct runtime_control_certificate body = {
			c->name, c->version, c->state, with_keys ? c->key_uri : NULL, c->chain};
		char path[64];
		struct buf b;
		int fd = -1;

		/* Opened anew, for an offset of its own; the same file, even if it has been
		 * replaced meanwhile. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", c->key_fd);
		if (with_keys && c->key_fd >= 0)
			fd = open(path, O_RDONLY | O_CLOEXEC);
		if (with_keys && c->key_uri == NULL && fd < 0)
			log_event(LOG_ERROR_LEVEL, "certificate.no_key", LOG_TEXT("name", c->name),
				LOG_TEXT("reason", strerror(errno)));
		buf_init(&b, SIZE_MAX / 2);
		record_encode(&runtime_control_certificate_desc, &body, &b);
		if (child->control != NULL)
			runtime_control_send(
				child->control, &(struct runtime_control_message){
							.type = RUNTIME_CONTROL_CERTIFICATE,
							.data = buf_str(&b),
							.fd = fd});
		buf_free(&b);
		if (fd >= 0)
			close(fd);
	}
}

static void send_lives(struct supervise_child *child, const struct supervise_settings *settings)
{
	struct buf b;

	for (size_t i = 0; i < settings->life_count; i++) {
		buf_init(&b, SIZE_MAX / 2);
		record_encode(&cert_life_desc, &settings->lives[i], &b);
		supervise_child_send(child, RUNTIME_CONTROL_LIFE, 0, buf_str(&b));
		buf_free(&b);
	}
}

static void send_node(struct supervise_child *child, const struct model_node *node)
{
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	record_encode(&model_node_desc, node, &b);
	supervise_child_send(child, RUNTIME_CONTROL_NODE, 0, buf_str(&b));
	buf_free(&b);
}

static void send_sockets(struct supervise_child *child, const struct supervise_settings *settings)
{
	const struct supervise *s = child->supervise;

	for (int i = 0; i < RUNTIME_DOOR_MAX; i++)
		if ((runtime_table[child->role].doors & (1u << i)) != 0 &&
			settings->door_fds[i] >= 0)
			send_fd(child, RUNTIME_CONTROL_DOOR, i, settings->door_fds[i]);
	if ((runtime_table[child->role].needs & RUNTIME_NEEDS_SOCKETS) == 0 || child->settings != 0)
		return;
	send_fd(child, RUNTIME_CONTROL_SOCKET, 0, s->socket_fd);
	send_fd(child, RUNTIME_CONTROL_SOCKET, 1, s->web_socket_fd);
}

void supervise_child_configure(
	struct supervise_child *child, const struct supervise_settings *settings)
{
	const struct supervise *s = child->supervise;
	unsigned needs = runtime_table[child->role].needs;

	send_node(child, settings->node);
	if (needs & (RUNTIME_NEEDS_CERTIFICATES | RUNTIME_NEEDS_KEYS))
		send_certificates(child, settings, (needs & RUNTIME_NEEDS_KEYS) != 0);
	if (needs & RUNTIME_NEEDS_CERTIFICATES)
		send_lives(child, settings);
	for (int i = 0; i < RUNTIME_SECRET_MAX; i++)
		if ((runtime_table[child->role].secrets & (1u << i)) != 0 &&
			settings->secret_fds[i] >= 0)
			send_fd(child, RUNTIME_CONTROL_SECRET_FILE, i, settings->secret_fds[i]);
	if (needs & RUNTIME_NEEDS_ROOTS)
		supervise_child_send(child, RUNTIME_CONTROL_ROOTS, 0, settings->roots);
	if (needs & RUNTIME_NEEDS_LISTENERS) {
		for (size_t i = 0; i < settings->listener_count; i++)
			send_fd(child, RUNTIME_CONTROL_LISTENER, (int64_t)i,
				settings->listeners[i].fd);
		send_fd(child, RUNTIME_CONTROL_ADDRESSES, 0, s->addresses_fd);
	}
	if (needs & RUNTIME_NEEDS_TICKETS)
		supervise_child_send(child, RUNTIME_CONTROL_TICKET_KEY, 0,
			str_make(s->ticket_key, sizeof(s->ticket_key)));
	if ((needs & RUNTIME_NEEDS_SECRET) && settings->webhook_secret.n > 0)
		supervise_child_send(child, RUNTIME_CONTROL_SECRET, 0, settings->webhook_secret);
	send_sockets(child, settings);
	child->settings = settings->number;
	supervise_child_send(child, RUNTIME_CONTROL_APPLY, settings->number, str_of(NULL));
}

static enum err send_hello(struct supervise_child *child)
{
	const struct model_node *node = child->supervise->settings->node;
	struct runtime_control_hello hello = {.log_format = node->log.format};
	struct err_info info = {.text = ""};
	struct supervise_user user;
	struct buf b;

	if (supervise_user_find(node, child->role, &user, &info) != ERR_OK) {
		log_event(LOG_ERROR_LEVEL, "process.no_user", LOG_TEXT("reason", info.text));
		return info.code;
	}
	hello.log_level = supervise_log_level(node);
	hello.change_user = user.change;
	hello.drop_only = user.keep;
	hello.uid = user.uid;
	hello.gid = user.gid;
	buf_init(&b, 1000);
	record_encode(&runtime_control_hello_desc, &hello, &b);
	supervise_child_send(child, RUNTIME_CONTROL_HELLO, 0, buf_str(&b));
	buf_free(&b);
	return ERR_OK;
}

/* ---- channels between children ----------------------------------------------------------------
 */

static void send_peer(struct supervise_child *to, const struct supervise_child *other, int fd)
{
	if (to->control != NULL)
		runtime_control_send(
			to->control, &(struct runtime_control_message){.type = RUNTIME_CONTROL_PEER,
					     .role = other->role,
					     .index = other->index,
					     .fd = fd});
}

static void connect_peers(struct supervise_child *child)
{
	struct supervise *s = child->supervise;

	for (size_t i = 0; i < s->child_count; i++) {
		struct supervise_child *other = &s->children[i];
		int fds[2];

		if (!(runtime_table[child->role].peers & 1u << other->role) ||
			!supervise_child_is_live(other))
			continue;
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0) {
			log_event(LOG_ERROR_LEVEL, "process.no_channel",
				LOG_TEXT("reason", strerror(errno)));
			continue;
		}
		send_peer(child, other, fds[0]);
		send_peer(other, child, fds[1]);
		close(fds[0]);
		close(fds[1]);
	}
}

static bool has_all_peers(const struct supervise_child *child)
{
	const struct supervise *s = child->supervise;

	for (size_t i = 0; i < s->child_count; i++) {
		const struct supervise_child *other = &s->children[i];

		/* Admin is there to say what is wrong: it comes last, but it comes. */
		if (child->role == RUNTIME_ADMIN && other->role != RUNTIME_ADMIN &&
			other->state != SUPERVISE_CHILD_WORKING && !s->is_ready &&
			runtime_ticks_ms() - s->started < ADMIN_ALONE_MS)
			return false;
		if (child->role != RUNTIME_ADMIN && other->role != RUNTIME_ADMIN &&
			(runtime_table[child->role].peers & 1u << other->role) &&
			!supervise_child_is_live(other))
			return false;
	}
	return true;
}

static void say_ready(struct supervise *s)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].state != SUPERVISE_CHILD_WORKING)
			return;
	if (s->is_ready)
		return;
	s->is_ready = true;
	supervise_notify_ready();
	log_event(LOG_INFO_LEVEL, "serve.ready",
		LOG_NUMBER("milliseconds", runtime_ticks_ms() - s->started));
}

void supervise_children_start(struct supervise *s)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < s->child_count; i++) {
			struct supervise_child *child = &s->children[i];

			if (child->state != SUPERVISE_CHILD_READY || !has_all_peers(child))
				continue;
			child->state = SUPERVISE_CHILD_WORKING;
			supervise_child_send(child, RUNTIME_CONTROL_START, 0, str_of(NULL));
			again = true;
		}
	}
	say_ready(s);
}

/* ---- messages ---------------------------------------------------------------------------------
 */

/* A child has refused the settings it was started with.  It ends by itself; where it never worked
 * with any, another start would lead to the same: the administrator reads why, and we end too. */
static void on_refused(struct supervise_child *child, enum err e, struct str why)
{
	struct supervise *s = child->supervise;
	char name[32], reason[512];

	supervise_child_name(child, name);
	snprintf(reason, sizeof(reason), "%s: %.*s", name, STR_ARGS(why));
	log_event(LOG_ERROR_LEVEL, "process.refused", LOG_TEXT("child", name),
		LOG_TEXT("error", err_token(e)), LOG_TEXT("reason", reason + strlen(name) + 2));
	if (s->is_ready || s->drain_stage >= 0)
		return;
	log_event(LOG_ERROR_LEVEL, "serve.failed", LOG_TEXT("reason", reason));
	s->exit_status = EXIT_FAILURE;
	supervise_drain_begin(s);
}

static void on_applied(struct supervise_child *child, const struct runtime_control_message *m)
{
	struct supervise *s = child->supervise;
	char name[32];

	if (child->state != SUPERVISE_CHILD_STARTING) {
		supervise_reload_applied(child, m->tag, m->error, m->data);
		return;
	}
	if (m->error != ERR_OK) {
		on_refused(child, m->error, m->data);
		return;
	}
	child->state = SUPERVISE_CHILD_READY;
	log_event(LOG_DEBUG_LEVEL, "process.ready",
		LOG_TEXT("child", supervise_child_name(child, name)),
		LOG_NUMBER("milliseconds", runtime_ticks_ms() - child->spawned));
	connect_peers(child);
	/* A reload may have been completed while it started. */
	if (child->settings != s->settings->number)
		supervise_child_configure(child, s->settings);
	supervise_children_start(s);
}

static void on_message(void *context, struct runtime_control_message *message)
{
	struct supervise_child *child = context;

	switch (message->type) {
	case RUNTIME_CONTROL_APPLIED:
		on_applied(child, message);
		break;
	case RUNTIME_CONTROL_STATISTICS:
		supervise_answer_statistics(child, message->data);
		break;
	case RUNTIME_CONTROL_ASK:
		if (child->role == RUNTIME_ADMIN)
			supervise_answer_question(child, message->tag, message->data);
		else if (child->role == RUNTIME_SPOOL)
			supervise_rollover_partners(child->supervise, message->data);
		break;
	default:
		kill(child->pid, SIGKILL); /* no child says such things */
	}
}

static void on_closed(void *context)
{
	struct supervise_child *child = context;

	const struct timeval grace = {GRACE_S, 0};

	/* It is ending, and SIGCHLD follows; or it is broken. */
	runtime_control_free(&child->control);
	event_add(child->timer, &grace);
}

static const struct runtime_control_handlers handlers = {on_message, on_closed};

/* ---- life and death ---------------------------------------------------------------------------
 */

static void wait_to_spawn(struct supervise_child *child)
{
	const struct timeval pause = {child->pause_ms / 1000, (child->pause_ms % 1000) * 1000};

	child->state = SUPERVISE_CHILD_WAITING;
	event_add(child->timer, &pause);
	child->pause_ms *= 2;
	if (child->pause_ms > LAST_PAUSE_MS)
		child->pause_ms = LAST_PAUSE_MS;
}

void supervise_child_forget_environment(void)
{
	static const char *const private[] = {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
		"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "CREDENTIALS_DIRECTORY"};
	sigset_t none;

	for (size_t i = 0; i < ARRAY_LENGTH(private); i++)
		unsetenv(private[i]);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void run(const struct supervise_child *child, int fd)
{
	char name[] = "sealpost", verb[] = "process", role[16], index[16];
	char *const arguments[] = {name, verb, role, index, NULL};

	snprintf(role, sizeof(role), "%s", runtime_table[child->role].name);
	snprintf(index, sizeof(index), "%u", child->index);
	supervise_child_forget_environment();
	if (fd == CONTROL_FD)
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, CONTROL_FD);
	execv("/proc/self/exe", arguments);
}

void supervise_child_spawn(struct supervise_child *child)
{
	struct supervise *s = child->supervise;
	char name[32];
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		log_event(
			LOG_ERROR_LEVEL, "process.no_channel", LOG_TEXT("reason", strerror(errno)));
		wait_to_spawn(child);
		return;
	}
	child->pid = fork();
	if (child->pid == 0) {
		run(child, fds[1]);
		_exit(127);
	}
	close(fds[1]);
	if (child->pid < 0) {
		log_event(LOG_ERROR_LEVEL, "process.no_start", LOG_TEXT("reason", strerror(errno)));
		close(fds[0]);
		wait_to_spawn(child);
		return;
	}
	child->control = runtime_control_new(s->base, fds[0], &handlers, child);
	child->state = SUPERVISE_CHILD_STARTING;
	child->spawned = runtime_ticks_ms();
	child->settings = 0;
	log_event(LOG_INFO_LEVEL, "process.started",
		LOG_TEXT("child", supervise_child_name(child, name)),
		LOG_NUMBER("pid", child->pid));
	if (send_hello(child) == ERR_OK)
		supervise_child_configure(child, s->settings);
}

static void log_end(const struct supervise_child *child, int status, bool is_expected)
{
	char name[32];

	log_event(is_expected ? LOG_INFO_LEVEL : LOG_ERROR_LEVEL, "process.ended",
		LOG_TEXT("child", supervise_child_name(child, name)), LOG_NUMBER("pid", child->pid),
		LOG_TEXT("signal", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : NULL),
		LOG_NUMBER("status", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
		LOG_NUMBER("lived_ms", runtime_ticks_ms() - child->spawned));
}

static void on_end(struct supervise_child *child, int status)
{
	struct supervise *s = child->supervise;
	int64_t lived = runtime_ticks_ms() - child->spawned;
	bool is_draining = s->drain_stage >= 0;

	log_end(child, status, is_draining && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	runtime_control_free(&child->control);
	event_del(child->timer);
	child->pid = 0;
	child->state = SUPERVISE_CHILD_ENDED;
	if (child->role == RUNTIME_RECEIVE)
		runtime_addresses_forget(s->addresses_fd, child->index);
	supervise_answer_without(child);
	if (is_draining) {
		supervise_drain_go_on(s);
		return;
	}
	if (lived >= GOOD_LIFE_MS)
		child->pause_ms = FIRST_PAUSE_MS;
	child->restarts++;
	wait_to_spawn(child);
	supervise_reload_applied(child, child->settings, ERR_GONE, (struct str)STR("it ended"));
}

void supervise_children_reap(struct supervise *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		supervise_issue_reaped(s, pid, status);
		for (size_t i = 0; i < s->child_count; i++) {
			if (s->children[i].pid == pid) {
				on_end(&s->children[i], status);
				break;
			}
		}
	}
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct supervise_child *child = context;

	(void)fd;
	(void)what;
	if (child->pid > 0)
		kill(child->pid, SIGKILL); /* it has closed its channel, and is still there */
	else
		supervise_child_spawn(child);
}

static void add(struct supervise *s, enum runtime_role role, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct supervise_child *child = &s->children[s->child_count++];

		child->supervise = s;
		child->role = role;
		child->index = i;
		child->pause_ms = FIRST_PAUSE_MS;
		child->timer = evtimer_new(s->base, on_timer, child);
	}
}

void supervise_children_new(struct supervise *s)
{
	const struct model_processes *processes = &s->settings->node->processes;

	s->children = mem_new((size_t)(processes->receive + processes->deliver + OTHERS) *
			      sizeof(s->children[0]));
	add(s, RUNTIME_KEYS, 1);
	add(s, RUNTIME_LOOKUP, 1);
	add(s, RUNTIME_SPOOL, 1);
	add(s, RUNTIME_RECEIVE, (unsigned)processes->receive);
	add(s, RUNTIME_DELIVER, (unsigned)processes->deliver);
	add(s, RUNTIME_ADMIN, 1);
	add(s, RUNTIME_WEB, 1);
	for (size_t i = 0; i < s->child_count; i++)
		supervise_child_spawn(&s->children[i]);
}

void supervise_children_free(struct supervise *s)
{
	for (size_t i = 0; i < s->child_count; i++) {
		struct supervise_child *child = &s->children[i];

		runtime_control_free(&child->control);
		event_free(child->timer);
		json_decref(child->statistics);
	}
	free(s->children);
}
