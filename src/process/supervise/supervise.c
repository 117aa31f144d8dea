#include "process/supervise/supervise.h"

#include "port/log/log.h"
#include "port/runtime/addresses.h"
#include "process/supervise/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TICKET_KEY_LIFE_S = 24 * 3600, ADMIN_ALONE_S = 6 };

enum log_level supervise_log_level(const struct model_node *node)
{
	enum log_level level = LOG_INFO_LEVEL;

	log_level_parse(node->log.level, &level);
	return level;
}

static bool renew_ticket_key(struct supervise *s)
{
	return getrandom(s->ticket_key, sizeof(s->ticket_key), 0) == (ssize_t)sizeof(s->ticket_key);
}

static void on_ticket_timer(evutil_socket_t fd, short what, void *context)
{
	struct supervise *s = context;

	(void)fd;
	(void)what;
	/* While a reload is under way its settings carry the new key. */
	if (s->drain_stage >= 0 || !renew_ticket_key(s) || s->reload.next != NULL)
		return;
	for (size_t i = 0; i < s->child_count; i++)
		if ((runtime_table[s->children[i].role].needs & RUNTIME_NEEDS_TICKETS) != 0 &&
			supervise_child_is_live(&s->children[i]))
			supervise_child_configure(&s->children[i], s->settings);
}

static void on_admin_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	supervise_children_start(context);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
	(void)what;
	if (number == SIGCHLD)
		supervise_children_reap(context);
	else if (number == SIGHUP)
		supervise_reload_begin(context, -1);
	else
		supervise_drain_begin(context);
}

static void add_events(struct supervise *s)
{
	static const int numbers[] = {SIGCHLD, SIGHUP, SIGTERM, SIGINT};
	const struct timeval day = {TICKET_KEY_LIFE_S, 0}, moment = {ADMIN_ALONE_S, 0};

	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		s->signals[i] = evsignal_new(s->base, numbers[i], on_signal, s);
		event_add(s->signals[i], NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	s->ticket_timer = event_new(s->base, -1, EV_PERSIST, on_ticket_timer, s);
	event_add(s->ticket_timer, &day);
	s->admin_timer = evtimer_new(s->base, on_admin_timer, s);
	event_add(s->admin_timer, &moment);
	s->watchdog_timer = supervise_notify_watchdog(s->base);
}

static void free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

static void clear(struct supervise *s)
{
	supervise_children_free(s);
	supervise_issue_free(s);
	supervise_rollover_free(s);
	supervise_reload_free(s);
	supervise_answer_free(s);
	for (size_t i = 0; i < ARRAY_LENGTH(s->signals); i++)
		free_event(s->signals[i]);
	free_event(s->ticket_timer);
	free_event(s->watchdog_timer);
	free_event(s->admin_timer);
	free_event(s->drain_timer);
	if (s->socket_fd >= 0) {
		supervise_sockets_unlink(s->settings->node);
		close(s->socket_fd);
	}
	if (s->web_socket_fd >= 0)
		close(s->web_socket_fd);
	if (s->addresses_fd >= 0)
		close(s->addresses_fd);
	supervise_settings_free(&s->settings);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	OPENSSL_cleanse(s->ticket_key, sizeof(s->ticket_key));
	if (s->base != NULL)
		event_base_free(s->base);
}

/* What every child inherits. */
static void set_process(void)
{
	const struct rlimit no_core = {0, 0};
	struct rlimit files;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		if (null != STDIN_FILENO)
			close(null);
	}
	umask(022);
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void say_where(const struct supervise_settings *settings)
{
	const struct model_node *node = settings->node;
	const char *node_file = settings->node_file;
	static const char *const events[RUNTIME_DOOR_MAX] = {
		[RUNTIME_DOOR_PUBLISH] = "serve.publishing",
		[RUNTIME_DOOR_HTTPS] = "serve.https",
		[RUNTIME_DOOR_METRICS] = "serve.metrics"};

	log_event(LOG_INFO_LEVEL, "serve.starting", LOG_TEXT("version", SEALPOST_VERSION),
		LOG_TEXT("hostname", node->hostname),
		LOG_TEXT("node_file", node_file != NULL ? node_file : "none, defaults apply"),
		LOG_TEXT("data", node->data), LOG_TEXT("run", node->run));
	for (size_t i = 0; i < settings->listener_count; i++)
		log_event(LOG_INFO_LEVEL, "serve.listening",
			LOG_TEXT("listener", settings->listeners[i].model->name),
			LOG_TEXT("address", settings->listeners[i].model->address));
	for (size_t i = 0; i < RUNTIME_DOOR_MAX; i++)
		if (settings->door_fds[i] >= 0)
			log_event(LOG_INFO_LEVEL, events[i],
				LOG_TEXT("address",
					supervise_door_address(node, (enum runtime_door)i)));
	for (size_t i = 0; i < settings->certificate_count; i++)
		log_event(LOG_INFO_LEVEL, "serve.certificate",
			LOG_TEXT("name", settings->certificates[i].name),
			LOG_TEXT("version", settings->certificates[i].version),
			LOG_TEXT("state", cert_state_names[settings->certificates[i].state]));
}

static enum err prepare(struct supervise *s, struct err_info *info)
{
	enum err e = supervise_settings_load(s->node_file, NULL, &s->lock_fd, &s->settings, info);

	if (e != ERR_OK)
		return e;
	s->settings->number = s->next_number++;
	log_setup("supervise", (enum log_format)s->settings->node->log.format,
		supervise_log_level(s->settings->node));
	e = supervise_socket_open(s->settings->node, &s->socket_fd, info);
	if (e == ERR_OK)
		e = supervise_web_socket_open(s->settings->node, &s->web_socket_fd, info);
	if (e != ERR_OK)
		return e;
	e = runtime_addresses_create(&s->addresses_fd);
	if (e != ERR_OK)
		return err_set(info, e, "no memory file: %s", err_text(e));
	if (!renew_ticket_key(s))
		return err_set(info, ERR_INTERNAL, "no random numbers: %s", strerror(errno));
	return ERR_OK;
}

int supervise_main(const char *node_file)
{
	struct supervise s = {.lock_fd = -1,
		.socket_fd = -1,
		.web_socket_fd = -1,
		.issue = {.fd = -1},
		.addresses_fd = -1,
		.drain_stage = -1,
		.next_number = 1,
		.started = runtime_ticks_ms()};
	struct err_info info = {.text = ""};
	char path[PATH_MAX];
	enum err e = ERR_OK;

	log_setup("supervise", LOG_LOGFMT, LOG_INFO_LEVEL);
	set_process();
	if (node_file != NULL) {
		if (realpath(node_file, path) == NULL)
			e = err_set(
				&info, err_from_errno(errno), "%s: %s", node_file, strerror(errno));
		s.node_file = path; /* for every reload: we leave the directory it counts from */
	}
	if (chdir("/") < 0)
		e = err_set(&info, ERR_IO, "/: %s", strerror(errno));
	if (e == ERR_OK)
		e = prepare(&s, &info);
	if (e == ERR_OK)
		s.base = event_base_new();
	if (e != ERR_OK || s.base == NULL) {
		log_event(LOG_ERROR_LEVEL, "serve.failed", LOG_TEXT("reason", info.text));
		clear(&s);
		return EXIT_FAILURE;
	}
	say_where(s.settings);
	add_events(&s);
	supervise_children_new(&s);
	supervise_rollover_new(&s);
	event_base_dispatch(s.base);
	log_write(LOG_INFO_LEVEL, "serve.ended", NULL, 0);
	clear(&s);
	return s.exit_status;
}
