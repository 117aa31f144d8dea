/*
 * New settings come into force everywhere or nowhere: they are loaded whole, sent to every process,
 * and where one refuses them the others get the old ones again.
 */
#include "process/supervise/state.h"

#include "port/log/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_S = 30 };

static void answer(struct supervise *s)
{
	struct supervise_reload *r = &s->reload;

	for (size_t i = 0; i < r->tag_count; i++)
		supervise_answer_send(s, r->tags[i],
			r->reason[0] == '\0' ? json_pack("{s:b}", "ok", 1)
					     : json_pack("{s:b,s:s}", "ok", 0, "error", r->reason));
	r->tag_count = 0;
}

static void refuse(struct supervise *s, int64_t tag, const char *why)
{
	if (tag >= 0)
		supervise_answer_send(s, tag, json_pack("{s:b,s:s}", "ok", 0, "error", why));
}

static void add_tag(struct supervise_reload *r, int64_t tag)
{
	if (tag < 0)
		return;
	r->tags = mem_resize(r->tags, r->tag_count + 1, sizeof(r->tags[0]));
	r->tags[r->tag_count++] = tag;
}

/* Whoever asked while a reload was under way: the files may have changed since they were read. */
static void go_on(struct supervise *s)
{
	struct supervise_reload *r = &s->reload;
	int64_t *later = r->later;
	size_t count = r->later_count;
	bool is_wanted = r->is_again && s->drain_stage < 0;

	r->later = NULL;
	r->later_count = 0;
	r->is_again = false;
	for (size_t i = 0; i < count; i++)
		if (is_wanted)
			add_tag(r, later[i]);
		else
			refuse(s, later[i], "the server is ending");
	free(later);
	if (is_wanted)
		supervise_reload_begin(s, -1);
}

static void done(struct supervise *s)
{
	struct supervise_reload *r = &s->reload;

	r->at_ms = runtime_now_ms();
	if (r->reason[0] == '\0')
		log_event(LOG_INFO_LEVEL, "reload.done",
			LOG_NUMBER("listeners", (int64_t)s->settings->listener_count),
			LOG_NUMBER("certificates", (int64_t)s->settings->certificate_count));
	else
		log_event(LOG_ERROR_LEVEL, "reload.failed", LOG_TEXT("reason", r->reason),
			LOG_TEXT("consequence", "the settings from before stay in force"));
	if (s->is_ready)
		supervise_notify_ready();
	answer(s);
	supervise_rollover_reloaded(s, r->reason);
	go_on(s);
}

/* What a running instance cannot change is said, not passed over in silence. */
static void mention_restart(const struct model_node *before, const struct model_node *after)
{
	const struct {
		const char *what;
		bool differs;
	} rows[] = {
		{"processes.receive", before->processes.receive != after->processes.receive},
		{"processes.deliver", before->processes.deliver != after->processes.deliver},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (rows[i].differs)
			log_event(LOG_WARNING_LEVEL, "reload.needs_restart",
				LOG_TEXT("setting", rows[i].what));
}

static bool is_anyone_awaited(const struct supervise *s)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].is_awaited)
			return true;
	return false;
}

static void send_all(struct supervise *s, const struct supervise_settings *settings, bool await)
{
	for (size_t i = 0; i < s->child_count; i++) {
		struct supervise_child *child = &s->children[i];

		child->is_awaited = false;
		if (!supervise_child_is_live(child) || child->settings == settings->number)
			continue;
		child->is_awaited = await;
		supervise_child_configure(child, settings);
	}
}

/* All have answered. */
static void complete(struct supervise *s)
{
	struct supervise_reload *r = &s->reload;

	event_del(r->timer);
	if (r->failed) {
		s->settings->number = s->next_number++;
		supervise_settings_free(&r->next);
	} else {
		mention_restart(s->settings->node, r->next->node);
		supervise_settings_free(&s->settings);
		s->settings = r->next;
		r->next = NULL;
		log_setup("supervise", (enum log_format)s->settings->node->log.format,
			supervise_log_level(s->settings->node));
	}
	/* Also those that became ready meanwhile. */
	send_all(s, s->settings, false);
	done(s);
}

static void on_timeout(evutil_socket_t fd, short what, void *context)
{
	struct supervise *s = context;

	(void)fd;
	(void)what;
	s->reload.failed = true;
	snprintf(s->reload.reason, sizeof(s->reload.reason),
		"a process has not answered within %d seconds", TIMEOUT_S);
	complete(s);
}

static void add_later(struct supervise_reload *r, int64_t tag)
{
	r->is_again = true;
	if (tag < 0)
		return;
	r->later = mem_resize(r->later, r->later_count + 1, sizeof(r->later[0]));
	r->later[r->later_count++] = tag;
}

void supervise_reload_abandon(struct supervise *s)
{
	struct supervise_reload *r = &s->reload;

	if (r->next == NULL)
		return;
	event_del(r->timer);
	for (size_t i = 0; i < s->child_count; i++)
		s->children[i].is_awaited = false;
	supervise_settings_free(&r->next); /* with its listeners */
	r->failed = true;
	snprintf(r->reason, sizeof(r->reason), "the server is ending");
	done(s);
}

void supervise_reload_begin(struct supervise *s, int64_t tag)
{
	const struct timeval limit = {TIMEOUT_S, 0};
	struct supervise_reload *r = &s->reload;
	struct err_info info = {.text = ""};

	if (s->drain_stage >= 0) {
		refuse(s, tag, "the server is ending");
		return;
	}
	if (r->next != NULL) {
		add_later(r, tag);
		return;
	}
	add_tag(r, tag);
	r->failed = false;
	r->reason[0] = '\0';
	supervise_notify_reloading();
	if (supervise_settings_load(s->node_file, s->settings, &s->lock_fd, &r->next, &info) !=
		ERR_OK) {
		snprintf(r->reason, sizeof(r->reason), "%s", info.text);
		done(s);
		return;
	}
	r->next->number = s->next_number++;
	if (r->timer == NULL)
		r->timer = evtimer_new(s->base, on_timeout, s);
	event_add(r->timer, &limit);
	send_all(s, r->next, true);
	if (!is_anyone_awaited(s))
		complete(s);
}

void supervise_reload_applied(
	struct supervise_child *child, int64_t number, enum err e, struct str reason)
{
	struct supervise *s = child->supervise;
	struct supervise_reload *r = &s->reload;
	char name[32];

	if (!child->is_awaited || r->next == NULL || number != r->next->number) {
		if (e != ERR_OK && e != ERR_GONE)
			log_event(LOG_ERROR_LEVEL, "process.refused",
				LOG_TEXT("child", supervise_child_name(child, name)),
				LOG_TEXT("error", err_token(e)));
		return;
	}
	child->is_awaited = false;
	if (e != ERR_OK) {
		r->failed = true;
		snprintf(r->reason, sizeof(r->reason), "%s: %.*s",
			supervise_child_name(child, name), STR_ARGS(reason));
	}
	if (!is_anyone_awaited(s))
		complete(s);
}

void supervise_reload_free(struct supervise *s)
{
	supervise_settings_free(&s->reload.next);
	if (s->reload.timer != NULL)
		event_free(s->reload.timer);
	free(s->reload.tags);
	free(s->reload.later);
}
