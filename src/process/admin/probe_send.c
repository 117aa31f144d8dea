/* The last part of a test: a message that goes by the connector, followed through the trace. */
#include "process/admin/call.h"

#include <string.h>

enum { FOLLOW_MS = 60 * 1000, LOOK_MS = 300 };

static void look(evutil_socket_t fd, short what, void *context);

static void look_again(struct admin_call *call)
{
	const struct timeval soon = {0, LOOK_MS * 1000};

	evtimer_add(call->tick, &soon);
}

static bool is_one_of(const char *text, const char *const *list)
{
	for (; text != NULL && *list != NULL; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

/* One line for an event of the message. */
static void tell_event(struct admin_call *call, const json_t *event)
{
	static const char *const bad[] = {
		"failed", "expired", "returned", "refused", "deferred", NULL};
	const char *kind = json_string_value(json_object_get(event, "kind"));
	const json_t *receipt = json_object_get(event, "receipt");
	json_t *line = admin_probe_make("event", !is_one_of(kind, bad), NULL, kind,
		json_string_value(json_object_get(event, "text")), NULL);
	const char *host = json_string_value(json_object_get(receipt, "host"));
	const char *token = json_string_value(json_object_get(event, "token"));

	if (host != NULL)
		json_object_set_new(line, "host", json_string(host));
	if (token != NULL)
		json_object_set_new(line, "token", json_string(token));
	json_object_set(line, "at", json_object_get(event, "at"));
	admin_probe_step(call, line);
}

static void on_story(struct admin_call *call, enum err e, const json_t *result)
{
	static const char *const good[] = {"delivered", "relayed", NULL};
	static const char *const ends[] = {"failed", "expired", "returned", "deleted", NULL};
	const json_t *events = json_object_get(result, "events");
	struct admin_probe *probe = call->probe;
	const char *end = NULL;
	bool is_good = false;

	for (size_t i = probe->events_seen; e == ERR_OK && i < json_array_size(events); i++) {
		const json_t *event = json_array_get(events, i);
		const char *kind = json_string_value(json_object_get(event, "kind"));

		tell_event(call, event);
		probe->events_seen = i + 1;
		if (is_one_of(kind, good) || is_one_of(kind, ends)) {
			end = kind;
			is_good = is_one_of(kind, good);
			break;
		}
	}
	if (end != NULL)
		admin_probe_finish(call, is_good,
			arena_format(
				call->arena, "the test message %s was %s", probe->message, end));
	else if (runtime_ticks_ms() >= probe->deadline_ticks)
		admin_probe_finish(call, false,
			arena_format(call->arena,
				"the test message %s is still under way after %d s; see "
				"`sealpost trace %s`",
				probe->message, FOLLOW_MS / 1000, probe->message));
	else
		look_again(call);
}

static void look(evutil_socket_t fd, short what, void *context)
{
	struct admin_call *call = context;

	(void)fd;
	(void)what;
	admin_ask_spool(
		call, "trace.show", json_pack("{s:s}", "id", call->probe->message), on_story);
}

static void on_submitted(struct admin_call *call, enum err e, const json_t *result)
{
	const char *id = json_string_value(json_object_get(result, "id"));
	const char *why = json_string_value(json_object_get(result, "detail"));

	if (e != ERR_OK || id == NULL) {
		why = why != NULL ? why : err_text(e != ERR_OK ? e : ERR_SYNTAX);
		admin_probe_step(call, admin_probe_make("send", false, NULL, NULL, why, NULL));
		admin_probe_finish(call, false, "the test message was not taken into the queue");
		return;
	}
	call->probe->message = arena_text(call->arena, id);
	call->probe->deadline_ticks = runtime_ticks_ms() + FOLLOW_MS;
	admin_probe_step(
		call, admin_probe_make("send", true, NULL, id, "queued as a test message", NULL));
	look_again(call);
}

void admin_probe_send(struct admin_call *call)
{
	json_t *arguments = json_pack(
		"{s:s,s:s}", "organisation", call->segments[0], "connector", call->segments[1]);

	event_free(call->tick);
	call->tick = evtimer_new(runtime_base(call->admin->runtime), look, call);
	if (call->probe->recipient != NULL)
		json_object_set_new(arguments, "to", json_string(call->probe->recipient));
	if (call->probe->sender != NULL && call->probe->sender[0] != '\0')
		json_object_set_new(arguments, "from", json_string(call->probe->sender));
	admin_ask_spool(call, "test.submit", arguments, on_submitted);
}
