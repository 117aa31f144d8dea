/*
 * The end in stages, so that whoever feeds another has ended before it: no new mail, then nothing
 * on its way out, then the spool.
 */
#include "process/supervise/state.h"

#include "port/log/log.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define ROLE(role) (1u << RUNTIME_##role)

static const struct stage {
	const char *name;
	unsigned roles;
	int64_t limit_ms;
} stages[] = {
	{"receive", ROLE(RECEIVE) | ROLE(WEB), RUNTIME_DRAIN_MS},
	{"deliver", ROLE(DELIVER), RUNTIME_DRAIN_MS},
	{"spool", ROLE(SPOOL), RUNTIME_DRAIN_MS},
	{"others", ROLE(ADMIN) | ROLE(LOOKUP) | ROLE(KEYS), 3000},
};

static bool is_of_stage(const struct supervise_child *child)
{
	return stages[child->supervise->drain_stage].roles & 1u << child->role;
}

static bool is_stage_over(const struct supervise *s)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (is_of_stage(&s->children[i]) && s->children[i].pid > 0)
			return false;
	return true;
}

static void enter_stage(struct supervise *s)
{
	int64_t limit = stages[s->drain_stage].limit_ms;
	const struct timeval wait = {limit / 1000, (limit % 1000) * 1000};

	log_event(LOG_INFO_LEVEL, "drain.stage", LOG_TEXT("stage", stages[s->drain_stage].name));
	event_add(s->drain_timer, &wait);
	for (size_t i = 0; i < s->child_count; i++)
		if (is_of_stage(&s->children[i]))
			supervise_child_send(
				&s->children[i], RUNTIME_CONTROL_DRAIN, 0, str_of(NULL));
}

void supervise_drain_go_on(struct supervise *s)
{
	while (is_stage_over(s)) {
		if (s->drain_stage + 1 == (int)ARRAY_LENGTH(stages)) {
			event_base_loopbreak(s->base);
			return;
		}
		s->drain_stage++;
		enter_stage(s);
	}
}

static void on_timeout(evutil_socket_t fd, short what, void *context)
{
	struct supervise *s = context;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < s->child_count; i++) {
		struct supervise_child *child = &s->children[i];
		char name[32];

		if (!is_of_stage(child) || child->pid <= 0)
			continue;
		log_event(LOG_WARNING_LEVEL, "drain.killed",
			LOG_TEXT("child", supervise_child_name(child, name)));
		kill(child->pid, SIGKILL);
	}
}

static void close_listeners(struct supervise_settings *settings)
{
	for (size_t i = 0; i < settings->listener_count; i++) {
		close(settings->listeners[i].fd);
		settings->listeners[i].fd = -1;
	}
	for (size_t i = 0; i < RUNTIME_DOOR_MAX; i++) {
		if (settings->door_fds[i] >= 0)
			close(settings->door_fds[i]);
		settings->door_fds[i] = -1;
	}
}

void supervise_drain_begin(struct supervise *s)
{
	if (s->drain_stage >= 0) {
		/* Asked twice: somebody is in a hurry.  Accepted mail is safe on disk. */
		log_write(LOG_WARNING_LEVEL, "drain.hurried", NULL, 0);
		for (size_t i = 0; i < s->child_count; i++)
			if (s->children[i].pid > 0)
				kill(s->children[i].pid, SIGKILL);
		return;
	}
	supervise_issue_abandon(s);
	supervise_reload_abandon(s);
	supervise_notify_stopping();
	log_write(LOG_INFO_LEVEL, "drain.begun", NULL, 0);
	close_listeners(s->settings); /* new connections are refused, not left waiting */
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].pid <= 0) /* no new start */
			event_del(s->children[i].timer);
	s->drain_timer = evtimer_new(s->base, on_timeout, s);
	s->drain_stage = 0;
	enter_stage(s);
	supervise_drain_go_on(s);
}
