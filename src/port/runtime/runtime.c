#include "port/runtime/runtime.h"

#include "port/log/log.h"
#include "port/runtime/control.h"
#include "port/runtime/settings.h"
#include "port/sandbox/sandbox.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	CONTROL_FD = 3,
	DRAIN_BEGIN_MS = 50, /* what has arrived before is handled first */
	DRAIN_POLL_MS = 5,
	DRAIN_FLUSH_MS = 5000,
};

struct runtime {
	const struct runtime_process *process;
	unsigned index;
	char name[32]; /* "receive/0", for the log */
	struct event_base *base;
	struct runtime_control *control;
	void *self;
	struct runtime_received *incoming; /* being received */
	struct runtime_received *current;  /* in force */
	struct event *draining;		   /* timer */
	int64_t drained_since;		   /* ticks; 0: not drained */
	bool is_user_set;
	bool is_confined;
	bool is_started;
	int status;
};

struct event_base *runtime_base(const struct runtime *runtime)
{
	return runtime->base;
}

unsigned runtime_index(const struct runtime *runtime)
{
	return runtime->index;
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t runtime_now_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t runtime_ticks_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

static void end(struct runtime *r, int status)
{
	r->status = status;
	event_base_loopbreak(r->base);
}

static void report(struct runtime *r, int64_t tag, enum err e, const char *text)
{
	runtime_control_send(
		r->control, &(struct runtime_control_message){.type = RUNTIME_CONTROL_APPLIED,
				    .tag = tag,
				    .error = e,
				    .data = str_of(text),
				    .fd = -1});
}

/* ---- before the work ------------------------------------------------------------------------ */

static void on_hello(struct runtime *r, struct str data)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct runtime_control_hello hello;
	struct err_info info = {.text = ""};
	struct sandbox_user user;

	if (r->is_user_set ||
		record_decode(&runtime_control_hello_desc, data, arena, &hello) != ERR_OK) {
		end(r, EXIT_FAILURE);
		return;
	}
	log_setup(r->name, (enum log_format)hello.log_format, (enum log_level)hello.log_level);
	user = (struct sandbox_user){
		.change = hello.change_user,
		.drop_only = hello.drop_only,
		.uid = (uid_t)hello.uid,
		.gid = (gid_t)hello.gid,
	};
	if (sandbox_become(&user, &info) != ERR_OK) {
		report(r, 0, info.code, info.text);
		end(r, EXIT_FAILURE);
		return;
	}
	r->is_user_set = true;
	r->self = r->process->create(r);
}

/* Modules for tokens are foreign code that expects more of a process than holding keys does: files,
 * threads, at times a daemon.  Only where there is one. */
static bool has_token(const struct runtime *r, const struct model_node *node)
{
	return (runtime_table[r->process->role].needs & RUNTIME_NEEDS_KEYS) != 0 &&
	       node->keys.pkcs11_module != NULL;
}

/* Directories below which the process may write, from its row and the node. */
static size_t writable_paths(const struct runtime *r, const struct model_node *node,
	struct arena *arena, const char ***ret)
{
	unsigned needs = runtime_table[r->process->role].needs;
	size_t count = 0;

	*ret = arena_array(
		arena, node->maildirs.count + node->keys.pkcs11_paths.count + 2, sizeof((*ret)[0]));
	if (has_token(r, node))
		for (size_t i = 0; i < node->keys.pkcs11_paths.count; i++)
			(*ret)[count++] = node->keys.pkcs11_paths.items[i];
	if (needs & RUNTIME_NEEDS_DATA)
		(*ret)[count++] = node->data;
	if (needs & RUNTIME_NEEDS_CACHE)
		(*ret)[count++] = arena_format(arena, "%s/lookup", node->data);
	if (!(needs & RUNTIME_NEEDS_MAILDIRS))
		return count;
	for (size_t i = 0; i < node->maildirs.count; i++)
		(*ret)[count++] = node->maildirs.items[i];
	if (node->maildirs.count == 0)
		(*ret)[count++] = arena_format(arena, "%s/maildir", node->data);
	return count;
}

static enum err confine(struct runtime *r, const struct model_node *node, struct err_info *info)
{
	static const char *const devices[] = {"/dev/urandom"};
	struct arena *arena CLEANUP(arena_free) = arena_new();
	unsigned needs = runtime_table[r->process->role].needs;
	const char **writable;
	size_t count = writable_paths(r, node, arena, &writable);
	bool token = has_token(r, node);
	const struct sandbox_rules rules = {
		.may_connect = (needs & RUNTIME_NEEDS_CONNECT) != 0 ||
			       (token && node->keys.pkcs11_connect),
		.may_connect_locally = (needs & RUNTIME_NEEDS_RELAY) != 0,
		.may_accept = (needs & (RUNTIME_NEEDS_LISTENERS | RUNTIME_NEEDS_SOCKETS)) != 0 ||
			      runtime_table[r->process->role].doors != 0,
		.may_thread = (needs & RUNTIME_NEEDS_THREADS) != 0 || token,
		.writable = writable,
		.writable_count = count,
		.readable = devices, /* SQLite seeds its random names from there */
		.readable_count = (needs & RUNTIME_NEEDS_DATA) != 0 || token ? 1 : 0,
	};
	int landlock = 0;
	enum err e = sandbox_enter(&rules, &landlock, info);

	if (e != ERR_OK)
		return e;
	r->is_confined = true;
	log_event(LOG_DEBUG_LEVEL, "process.confined", LOG_NUMBER("landlock", landlock));
	return ERR_OK;
}

static void set_log(const struct runtime *r, const struct model_node *node)
{
	enum log_level level = LOG_INFO_LEVEL;

	log_level_parse(node->log.level, &level);
	log_setup(r->name, (enum log_format)node->log.format, level);
}

static void on_apply(struct runtime *r, int64_t tag)
{
	const struct runtime_settings *settings =
		r->incoming != NULL ? runtime_received_take(r->incoming) : NULL;
	struct err_info info = {.text = ""};
	enum err e;

	if (settings == NULL || r->self == NULL) {
		end(r, EXIT_FAILURE);
		return;
	}
	e = r->process->apply(r->self, settings, &info);
	runtime_received_applied(r->incoming);
	if (e == ERR_OK && !r->is_confined)
		e = confine(r, settings->node, &info);
	report(r, tag, e, e != ERR_OK && info.text[0] == '\0' ? err_text(e) : info.text);
	if (e == ERR_OK) {
		set_log(r, settings->node);
		runtime_received_free(&r->current);
		r->current = r->incoming;
		r->incoming = NULL;
	} else {
		runtime_received_free(&r->incoming);
		if (!r->is_confined)
			end(r, EXIT_FAILURE);
	}
}

/* ---- while it works ------------------------------------------------------------------------- */

static void on_stats(struct runtime *r, int64_t tag)
{
	json_t *json =
		r->self != NULL && r->process->stats != NULL ? r->process->stats(r->self) : NULL;
	char *text;

	if (json != NULL)
		json_object_set_new(json, "resources", runtime_resources());
	text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	runtime_control_send(
		r->control, &(struct runtime_control_message){.type = RUNTIME_CONTROL_STATISTICS,
				    .tag = tag,
				    .data = str_of(text),
				    .fd = -1});
	free(text);
	json_decref(json);
}

static void on_answer(struct runtime *r, int64_t tag, struct str data)
{
	json_t *json = json_loadb(data.p, data.n, 0, NULL);

	if (json != NULL && r->process->answer != NULL)
		r->process->answer(r->self, tag, json);
	json_decref(json);
}

void runtime_ask(struct runtime *r, int64_t tag, const json_t *question)
{
	char *text = json_dumps(question, JSON_COMPACT);

	runtime_control_send(r->control,
		&(struct runtime_control_message){
			.type = RUNTIME_CONTROL_ASK, .tag = tag, .data = str_of(text), .fd = -1});
	free(text);
}

static void drain_after(struct runtime *r, int64_t ms)
{
	const struct timeval wait = {ms / 1000, (ms % 1000) * 1000};

	event_add(r->draining, &wait);
}

/* Twice useful: begins the drain a moment after it was asked for, and waits at its end until what
 * was sent to the peers has left. */
static void on_draining(evutil_socket_t fd, short what, void *context)
{
	struct runtime *r = context;
	int64_t now = runtime_ticks_ms();

	(void)fd;
	(void)what;
	if (r->drained_since == 0) {
		if (r->process->drain != NULL && r->is_started)
			r->process->drain(r->self);
		else
			runtime_drained(r);
	} else if (ipc_backlog_all() == 0 || now - r->drained_since > DRAIN_FLUSH_MS) {
		end(r, EXIT_SUCCESS);
	} else {
		drain_after(r, DRAIN_POLL_MS);
	}
}

void runtime_drained(struct runtime *r)
{
	if (r->drained_since != 0)
		return;
	r->drained_since = runtime_ticks_ms();
	drain_after(r, 0);
}

void runtime_fail(struct runtime *r, const char *event, const char *reason)
{
	(void)r;
	log_event(LOG_ERROR_LEVEL, event, LOG_TEXT("reason", reason));
	_exit(EXIT_FAILURE); /* nothing may be written any more, not even by destructors */
}

static void on_peer(struct runtime *r, struct runtime_control_message *message)
{
	int fd = message->fd;

	message->fd = -1;
	if (r->is_confined && fd >= 0 && r->process->peer != NULL)
		r->process->peer(r->self, message->role, message->index, fd);
	else if (fd >= 0)
		close(fd);
}

static void on_message(void *context, struct runtime_control_message *message)
{
	struct runtime *r = context;

	switch (message->type) {
	case RUNTIME_CONTROL_HELLO:
		on_hello(r, message->data);
		break;
	case RUNTIME_CONTROL_APPLY:
		on_apply(r, message->tag);
		break;
	case RUNTIME_CONTROL_PEER:
		on_peer(r, message);
		break;
	case RUNTIME_CONTROL_START:
		if (!r->is_started && r->is_confined) {
			r->is_started = true;
			if (r->process->start != NULL)
				r->process->start(r->self);
		}
		break;
	case RUNTIME_CONTROL_STATS:
		on_stats(r, message->tag);
		break;
	case RUNTIME_CONTROL_DRAIN:
		drain_after(r, DRAIN_BEGIN_MS);
		break;
	case RUNTIME_CONTROL_ANSWER:
		on_answer(r, message->tag, message->data);
		break;
	default:
		if (r->incoming == NULL)
			r->incoming = runtime_received_new();
		if (!runtime_received_add(r->incoming, message))
			end(r, EXIT_FAILURE);
	}
}

/* The supervisor is gone. */
static void on_closed(void *context)
{
	end(context, EXIT_FAILURE);
}

static const struct runtime_control_handlers handlers = {on_message, on_closed};

static void set_signals(void)
{
	/* Signals to the whole group are the supervisor's affair. */
	static const int ignored[] = {SIGPIPE, SIGINT, SIGHUP, SIGTERM, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < ARRAY_LENGTH(ignored); i++)
		signal(ignored[i], SIG_IGN);
}

static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		return NULL;
	/* One shape of loop everywhere; the environment does not change it. */
	event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static void end_process(struct runtime *r)
{
	if (r->self != NULL)
		r->process->destroy(r->self);
	runtime_received_free(&r->incoming);
	runtime_received_free(&r->current);
	event_free(r->draining);
	runtime_control_free(&r->control);
	event_base_free(r->base);
}

/* Threads are few and wait for the disk: one heap for all wastes less memory, and does not grow
 * page by page as those of threads do. */
static void set_allocator(void)
{
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
#endif
}

int runtime_main(const struct runtime_process *process, int argc, char **argv)
{
	struct runtime r = {.process = process, .status = EXIT_FAILURE};
	uint64_t index;
	char shown[32];

	/* Only the supervisor starts us: with a socket as descriptor 3. */
	if (argc < 4 || !str_to_u64(str_of(argv[3]), &index) || index > 1000 ||
		lseek(CONTROL_FD, 0, SEEK_CUR) != -1 || errno != ESPIPE) {
		fprintf(stderr, "sealpost: processes are started by `sealpost serve`\n");
		return EXIT_FAILURE;
	}
	r.index = (unsigned)index;
	snprintf(r.name, sizeof(r.name), "%s/%u", runtime_table[process->role].name, r.index);
	log_setup(r.name, LOG_LOGFMT, LOG_INFO_LEVEL);
	/* Else lists of processes would show the name of the link it was executed by. */
	snprintf(shown, sizeof(shown), "sealpost:%s", runtime_table[process->role].name);
	prctl(PR_SET_NAME, shown, 0, 0, 0);
	close_range(CONTROL_FD + 1, ~0u, 0);
	umask(077);
	set_allocator();
	set_signals();
	r.base = new_base();
	if (r.base == NULL)
		return EXIT_FAILURE;
	r.draining = evtimer_new(r.base, on_draining, &r);
	r.control = runtime_control_new(r.base, CONTROL_FD, &handlers, &r);
	event_base_dispatch(r.base);
	end_process(&r);
	/* Handlers of exit() would look for files that are out of reach by now. */
	_exit(r.status);
}
