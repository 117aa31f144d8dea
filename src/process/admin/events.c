#include "process/admin/events.h"

#include "process/admin/count.h"
#include "process/admin/gate.h"
#include "process/admin/peer.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

struct admin_events {
	struct admin *admin;
	struct event *timer;
	json_t *pulse; /* the last one; NULL: none yet */
	bool is_asking;
};

static void on_time(evutil_socket_t fd, short what, void *context);

struct admin_events *admin_events_new(struct admin *admin)
{
	struct admin_events *events = mem_new(sizeof(*events));

	events->admin = admin;
	events->timer = evtimer_new(runtime_base(admin->runtime), on_time, events);
	return events;
}

void admin_events_free(struct admin_events **events)
{
	struct admin_events *e = *events;

	*events = NULL;
	if (e == NULL)
		return;
	event_free(e->timer);
	json_decref(e->pulse);
	free(e);
}

/* ---- one listener ---------------------------------------------------------------------------- */

static void send_text(struct admin_call *call, const char *before, const char *text)
{
	struct evbuffer *chunk = evbuffer_new();

	evbuffer_add_printf(chunk, "%s%s\n\n", before, text);
	evhttp_send_reply_chunk(call->request, chunk);
	evbuffer_free(chunk);
	call->told_ms = runtime_ticks_ms();
}

static void send_pulse(struct admin_call *call, const json_t *pulse)
{
	char *text = json_dumps(pulse, JSON_COMPACT);

	send_text(call, "event: " ADMIN_EVENT_PULSE "\ndata: ", text);
	free(text);
}

static void leave(struct admin_call *call)
{
	call->is_listener = false;
	call->admin->listener_count--;
}

void admin_events_end(struct admin_call *call)
{
	struct evhttp_request *request = call->request;

	leave(call);
	if (request != NULL) {
		struct evhttp_connection *connection = evhttp_request_get_connection(request);

		call->request = NULL;
		admin_peer_watch(connection);
		evhttp_connection_set_timeout(connection, ADMIN_IDLE_S);
		evhttp_send_reply_end(request);
	}
	admin_end(call);
}

static void gone(struct admin_call *call)
{
	leave(call);
	admin_end(call);
}

static bool is_over(struct admin_call *call, int64_t now)
{
	return now - call->began_ms > ADMIN_LISTEN_S * 1000 || !admin_is_still_known(call);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void plan(struct admin_events *events)
{
	const struct timeval pause = {ADMIN_PULSE_S, 0};

	if (events->admin->listener_count > 0 && !evtimer_pending(events->timer, NULL))
		evtimer_add(events->timer, &pause);
}

/* The sum of OF, which has what is new by organisation, for hers. */
static json_t *own_pulse(const struct admin_call *call, const json_t *of)
{
	json_int_t mail = 0, generation = 0, alarms = 0, alarm_events = 0;

	for (size_t i = 0; i < call->organisations.count; i++) {
		const json_t *one = json_object_get(of, call->organisations.items[i]);

		mail += json_integer_value(json_object_get(one, "mail"));
		generation += json_integer_value(json_object_get(one, "generation"));
		alarms += json_integer_value(json_object_get(one, "alarms"));
		alarm_events += json_integer_value(json_object_get(one, "alarm_events"));
	}
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "queue", mail, "recipients", mail, "trace",
		mail, "alarms", alarms, "alarm_events", alarm_events, "generation", generation);
}

/* Is there something new for one who is limited?  It is in call->heard then. */
static bool hears_own(struct admin_call *call, const json_t *of)
{
	json_t *pulse;
	bool is_new;

	if (of == NULL || !call->is_in_question)
		return false;
	pulse = own_pulse(call, of);
	is_new = !json_equal(pulse, call->heard);
	json_decref(call->heard);
	call->heard = pulse;
	return is_new;
}

/* IS_NEW: for who sees all.  OF: what is new by organisation; NULL: not known at this moment. */
static void tell_all(struct admin_events *events, bool is_new, const json_t *of)
{
	int64_t now = runtime_ticks_ms();
	struct admin_call *next;

	for (struct admin_call *call = events->admin->calls; call != NULL; call = next) {
		next = call->next;
		if (!call->is_listener)
			continue;
		if (is_over(call, now))
			admin_events_end(call);
		else if (call->is_limited ? hears_own(call, of) : is_new)
			send_pulse(call, call->is_limited ? call->heard : events->pulse);
		else if (now - call->told_ms >= ADMIN_ALIVE_S * 1000)
			send_text(call, ": ", "nothing new");
	}
}

static void got_pulse(struct admin_call *call, enum err e, const json_t *result)
{
	struct admin_events *events = call->admin->events;
	json_t *all = e == ERR_OK ? json_copy((json_t *)result) : NULL;
	json_t *of = json_incref(json_object_get(all, "of"));
	bool is_new;

	events->is_asking = false;
	json_object_del(all, "of");
	is_new = all != NULL && !json_equal(all, events->pulse);
	if (is_new) {
		json_decref(events->pulse);
		events->pulse = json_incref(all);
	}
	admin_end(call);
	tell_all(events, is_new, of);
	json_decref(all);
	json_decref(of);
	plan(events);
}

/* The organisations of all who are limited. */
static json_t *question_for_all(struct admin *admin)
{
	json_t *names = json_object(), *list = json_array(), *value;
	const char *name;

	for (struct admin_call *call = admin->calls; call != NULL; call = call->next) {
		call->is_in_question = call->is_listener && call->is_limited;
		for (size_t i = 0; call->is_in_question && i < call->organisations.count; i++)
			json_object_set_new(names, call->organisations.items[i], json_null());
	}
	json_object_foreach (names, name, value)
		json_array_append_new(list, json_string(name));
	json_decref(names);
	return json_pack("{s:o}", "of", list);
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
	struct admin_events *events = context;
	struct admin_call *call;
	json_t *question;

	(void)fd;
	(void)what;
	if (events->is_asking || events->admin->listener_count == 0)
		return;
	if (events->admin->spool == NULL) { /* is on its way back */
		tell_all(events, false, NULL);
		plan(events);
		return;
	}
	events->is_asking = true;
	question = question_for_all(events->admin);
	call = admin_call_own(events->admin);
	call->is_extra = true;
	admin_ask_spool(call, "pulse", question, got_pulse);
}

static size_t streams_of(const struct admin *admin, const char *actor)
{
	size_t count = 0;

	for (const struct admin_call *call = admin->calls; call != NULL; call = call->next)
		count += call->is_listener && strcmp(call->actor, actor) == 0;
	return count;
}

/* False: answered. */
static bool may_listen(struct admin_call *call)
{
	if (call->admin->listener_count >= ADMIN_LISTENERS_MAX) {
		admin_problem(call, 503, "%d others listen already", ADMIN_LISTENERS_MAX);
		return false;
	}
	if (streams_of(call->admin, call->actor) >= ADMIN_LISTENERS_PER_ACTOR) {
		admin_problem(call, 503, "you listen %d times already", ADMIN_LISTENERS_PER_ACTOR);
		return false;
	}
	return true;
}

void admin_get_events(struct admin_call *call)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(call->request);

	if (evhttp_request_get_command(call->request) == EVHTTP_REQ_HEAD) {
		admin_reply_text(call, "text/event-stream", (struct str){0});
		return;
	}
	if (!may_listen(call))
		return;
	evhttp_add_header(headers, "Content-Type", "text/event-stream");
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_connection_set_timeout(
		evhttp_request_get_connection(call->request), 2 * ADMIN_LISTEN_S);
	call->is_listener = true;
	call->gone = gone;
	call->began_ms = runtime_ticks_ms();
	call->admin->listener_count++;
	admin_count_answer(call->admin, call->request, 200, 0);
	evhttp_send_reply_start(call->request, 200, "OK");
	if (!call->is_limited && call->admin->events->pulse != NULL)
		send_pulse(call, call->admin->events->pulse);
	else
		send_text(call, ": ", "listening");
	plan(call->admin->events);
}
