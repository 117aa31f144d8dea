#include "process/supervise/state.h"

#include "base/moment.h"
#include "port/log/log.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

enum { GATHER_MS = 500 };

static const char *const state_names[] = {
	[SUPERVISE_CHILD_WAITING] = "waiting",
	[SUPERVISE_CHILD_STARTING] = "starting",
	[SUPERVISE_CHILD_READY] = "ready",
	[SUPERVISE_CHILD_WORKING] = "working",
	[SUPERVISE_CHILD_ENDED] = "ended",
};

void supervise_answer_send(struct supervise *s, int64_t tag, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	for (size_t i = 0; i < s->child_count; i++)
		if (s->children[i].role == RUNTIME_ADMIN)
			supervise_child_send(
				&s->children[i], RUNTIME_CONTROL_ANSWER, tag, str_of(text));
	free(text);
	json_decref(json);
}

/* ---- status -----------------------------------------------------------------------------------
 */

static json_t *of_child(const struct supervise_child *child)
{
	bool is_there = child->pid > 0;
	int64_t uptime = is_there ? runtime_ticks_ms() - child->spawned : 0;

	return json_pack("{s:s,s:I,s:o,s:s,s:I,s:I,s:I,s:O?}", "role",
		runtime_table[child->role].name, "index", (json_int_t)child->index, "pid",
		is_there ? json_integer(child->pid) : json_null(), "state",
		state_names[child->state], "uptime_ms", (json_int_t)uptime, "restarts",
		(json_int_t)child->restarts, "memory",
		(json_int_t)(is_there ? runtime_memory_of(child->pid) : 0), "stats",
		child->statistics);
}

static json_t *of_listeners(const struct supervise_settings *settings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < settings->listener_count; i++) {
		const struct model_listener *l = settings->listeners[i].model;

		json_array_append_new(
			list, json_pack("{s:s,s:s}", "name", l->name, "address", l->address));
	}
	if (settings->node->admin.listen != NULL)
		json_array_append_new(list, json_pack("{s:s,s:s}", "name", "https", "address",
						    settings->node->admin.listen));
	return list;
}

static json_t *of_reload(const struct supervise_reload *reload)
{
	char at[MOMENT_TEXT_SIZE];

	if (reload->at_ms == 0)
		return json_null();
	moment_format_rfc3339(reload->at_ms, at);
	return json_pack("{s:s,s:b,s:s*}", "at", at, "ok", reload->reason[0] == '\0', "error",
		reload->reason[0] != '\0' ? reload->reason : NULL);
}

static json_t *of_all(const struct supervise *s)
{
	const struct supervise_settings *settings = s->settings;
	const char *state = s->drain_stage >= 0 ? "draining" : s->is_ready ? "working" : "starting";
	json_t *processes = json_array();

	for (size_t i = 0; i < s->child_count; i++)
		json_array_append_new(processes, of_child(&s->children[i]));
	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:o,s:s?,s:s,s:s,s:o,s:o,s:o}", "version",
		SEALPOST_VERSION, "hostname", settings->node->hostname, "state", state, "pid",
		(json_int_t)getpid(), "uptime_ms", (json_int_t)(runtime_ticks_ms() - s->started),
		"memory", (json_int_t)runtime_memory_of(getpid()), "resources", runtime_resources(),
		"node_file", settings->node_file, "data", settings->node->data, "run",
		settings->node->run, "listeners", of_listeners(settings), "reload",
		of_reload(&s->reload), "processes", processes);
}

static void finish(struct supervise *s)
{
	struct supervise_status *status = &s->status;
	json_t *json;

	if (!status->is_gathering)
		return;
	status->is_gathering = false;
	event_del(status->timer);
	json = of_all(s);
	for (size_t i = 0; i < status->tag_count; i++)
		supervise_answer_send(s, status->tags[i], json_incref(json));
	status->tag_count = 0;
	json_decref(json);
}

static void finish_if_complete(struct supervise *s)
{
	for (size_t i = 0; i < s->child_count; i++)
		if (supervise_child_is_live(&s->children[i]) && !s->children[i].has_statistics)
			return;
	finish(s);
}

static void on_timeout(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	finish(context);
}

static void gather(struct supervise *s, int64_t tag)
{
	const struct timeval limit = {0, GATHER_MS * 1000};
	struct supervise_status *status = &s->status;

	if (status->tag_count == ARRAY_LENGTH(status->tags))
		finish(s);
	status->tags[status->tag_count++] = tag;
	if (status->is_gathering)
		return; /* one round answers all who ask meanwhile */
	status->is_gathering = true;
	if (status->timer == NULL)
		status->timer = evtimer_new(s->base, on_timeout, s);
	event_add(status->timer, &limit);
	for (size_t i = 0; i < s->child_count; i++) {
		struct supervise_child *child = &s->children[i];

		child->has_statistics = false;
		json_decref(child->statistics);
		child->statistics = NULL;
		if (supervise_child_is_live(child))
			supervise_child_send(child, RUNTIME_CONTROL_STATS, 0, str_of(NULL));
	}
}

void supervise_answer_statistics(struct supervise_child *child, struct str data)
{
	json_decref(child->statistics);
	child->statistics = json_loadb(data.p, data.n, 0, NULL);
	child->has_statistics = true;
	if (child->supervise->status.is_gathering)
		finish_if_complete(child->supervise);
}

void supervise_answer_without(struct supervise_child *child)
{
	json_decref(child->statistics);
	child->statistics = NULL;
	if (child->supervise->status.is_gathering)
		finish_if_complete(child->supervise);
}

/* ---- questions --------------------------------------------------------------------------------
 */

/* {"uids": {name: number}}; null for a name that nobody has. */
static json_t *uids_of(const json_t *names)
{
	json_t *uids = json_object();
	const json_t *name;
	size_t i;

	json_array_foreach (names, i, name) {
		const char *text = json_string_value(name);
		const struct passwd *row = text != NULL ? getpwnam(text) : NULL;

		if (text != NULL)
			json_object_set_new(
				uids, text, row != NULL ? json_integer(row->pw_uid) : json_null());
	}
	return json_pack("{s:o}", "uids", uids);
}

void supervise_answer_question(struct supervise_child *child, int64_t tag, struct str data)
{
	struct supervise *s = child->supervise;
	json_t *question = json_loadb(data.p, data.n, 0, NULL);
	struct str verb = str_of(json_string_value(json_object_get(question, "verb")));

	if (str_is(verb, "status")) {
		gather(s, tag);
	} else if (str_is(verb, "reload")) {
		supervise_reload_begin(s, tag);
	} else if (str_is(verb, "rollover") || str_is(verb, "issue") ||
		   str_is(verb, "request.drop")) {
		supervise_rollover_ask(s, tag, question);
	} else if (str_is(verb, "requests")) {
		supervise_issue_list(s, tag);
	} else if (str_is(verb, "users")) {
		supervise_answer_send(s, tag, uids_of(json_object_get(question, "names")));
	} else if (str_is(verb, "drain")) {
		supervise_answer_send(s, tag, json_pack("{s:b}", "ok", 1));
		supervise_drain_begin(s);
	} else {
		supervise_answer_send(
			s, tag, json_pack("{s:b,s:s}", "ok", 0, "error", "unknown verb"));
	}
	json_decref(question);
}

void supervise_answer_free(struct supervise *s)
{
	if (s->status.timer != NULL)
		event_free(s->status.timer);
}
