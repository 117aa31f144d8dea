/* The queue, asked and ordered by the administrator. */
#include "core/wire/visible.h"
#include "port/log/log.h"
#include "process/spool/state.h"

#include <stdlib.h>

enum { RETURN_PAGE = 50 };

size_t spool_limit(const json_t *limit)
{
	json_int_t value = json_is_integer(limit) ? json_integer_value(limit) : 100;

	return value < 1 ? 1 : value > STORE_MAX_LIST ? STORE_MAX_LIST : (size_t)value;
}

/* ---- summary ------------------------------------------------------------------------------------
 */

static const char *route_state(
	const struct store_route_summary *summary, const struct queue_plan_route *plan)
{
	if (plan->active > 0)
		return "active";
	if (plan->rests_until_ms != 0)
		return "resting";
	return summary->held == summary->recipients ? "held" : "waiting";
}

static json_t *route_json(struct spool *spool, const struct store_route_summary *summary)
{
	struct queue_plan_route plan = {.reason = ""};
	const char *last = summary->text != NULL ? summary->text : summary->token;

	queue_plan_route_state(spool->plan, str_of(summary->route), &plan);
	if (plan.rests_until_ms != 0 && plan.reason[0] != '\0')
		last = plan.reason;
	return json_pack("{s:o,s:I,s:I,s:I,s:o,s:o,s:s,s:o,s:I,s:o}", "route",
		spool_text_json(summary->route), "messages", (json_int_t)summary->messages,
		"recipients", (json_int_t)summary->recipients, "held", (json_int_t)summary->held,
		"oldest", spool_moment_json(summary->oldest_ms), "next_attempt",
		spool_moment_json(summary->next_ms), "state", route_state(summary, &plan),
		"last_error", spool_text_json(last), "attempts", (json_int_t)summary->attempts,
		"last_attempt", spool_moment_json(summary->last_ms));
}

/* A route by another organisation's connector: mail that was handed over goes on by it. */
static const char *route_name(const struct spool_request *request, const char *route)
{
	struct str rest = str_of(route), organisation;

	if (!request->is_limited || !str_is(str_cut(&rest, ':'), "connector"))
		return route;
	organisation = str_cut(&rest, '/');
	return spool_is_asked_by(request, arena_text_of(request->arena, organisation)) ? route
										       : NULL;
}

static void summarised(
	void *context, enum err e, const struct store_route_summary *routes, size_t count)
{
	struct spool_request *request = context;
	int64_t messages = 0, recipients = 0;
	struct store_counts counts;
	json_t *array;

	if (e != ERR_OK) {
		spool_answer_error(request, e, "the queue could not be read: %s", err_text(e));
		return;
	}
	array = json_array();
	for (size_t i = 0; i < count; i++) {
		json_t *row = route_json(request->spool, &routes[i]);

		json_object_set_new(
			row, "route", spool_text_json(route_name(request, routes[i].route)));
		json_array_append_new(array, row);
		messages += routes[i].messages;
		recipients += routes[i].recipients;
	}
	store_counts(request->spool->store, &counts);
	spool_answer(request,
		json_pack("{s:o,s:{s:I,s:I,s:I,s:I}}", "destinations", array, "totals", "messages",
			(json_int_t)(request->is_limited ? messages : counts.messages),
			"recipients",
			(json_int_t)(request->is_limited ? recipients : counts.recipients),
			"routes", (json_int_t)count, "active",
			(json_int_t)(request->is_limited
					     ? 0
					     : (int64_t)queue_plan_active(request->spool->plan))));
}

void spool_manage_queue_summary(struct spool_request *request)
{
	request->filter = (struct store_filter){
		.state = STORE_ANY_STATE, .organisations = spool_organisations(request)};
	store_summary(request->spool->store, &request->filter, summarised, request);
}

/* ---- filter -------------------------------------------------------------------------------------
 */

static bool filter_text(struct spool_request *request, const char *key, const char *text)
{
	struct store_filter *filter = &request->filter;
	const struct {
		const char *key;
		const char **place;
	} texts[] = {
		{"route", &filter->route},
		{"domain", &filter->domain},
		{"connector", &filter->connector},
		{"sender", &filter->sender},
		{"recipient", &filter->recipient},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		if (strcmp(texts[i].key, key) == 0) {
			*texts[i].place = arena_text(request->arena, text);
			return true;
		}
	if (strcmp(key, "id") == 0)
		return wire_id_parse(str_of(text), &filter->id);
	if (strcmp(key, "state") != 0)
		return false;
	filter->state = strcmp(text, "held") == 0 ? STORE_HELD : STORE_WAITING;
	return strcmp(text, "held") == 0 || strcmp(text, "waiting") == 0 ||
	       strcmp(text, "active") == 0;
}

/* Leaves the number of keys in left.  False: answered. */
static bool read_filter(struct spool_request *request)
{
	json_t *filter = json_object_get(request->arguments, "filter");
	json_t *value;
	const char *key;

	request->filter.state = STORE_ANY_STATE;
	request->filter.organisations = spool_organisations(request);
	json_object_foreach (filter, key, value) {
		const char *text = json_string_value(value);

		if (json_is_null(value))
			continue;
		request->left++;
		if (strcmp(key, "all") == 0 && json_is_true(value))
			continue;
		if (text == NULL || !filter_text(request, key, text)) {
			spool_answer_error(request, ERR_SYNTAX,
				"filter.%s: no such key, or not a value for it", key);
			return false;
		}
	}
	return true;
}

/* ---- list, show
 * ---------------------------------------------------------------------------------- */

static const char *recipient_state(
	struct spool *spool, int64_t message, const struct store_recipient *r)
{
	if (queue_plan_state(spool->plan, message, (int32_t)r->wire.number) == QUEUE_PLAN_ACTIVE)
		return "active";
	return r->state == STORE_HELD ? "held" : "waiting";
}

static json_t *recipient_json(
	struct spool_request *request, int64_t message, const struct store_recipient *r)
{
	return json_pack("{s:I,s:o,s:o,s:s,s:I,s:o,s:o,s:o,s:o,s:o,s:o}", "number",
		(json_int_t)r->wire.number, "address", spool_text_json(r->wire.address), "route",
		spool_text_json(route_name(request, r->route)), "state",
		recipient_state(request->spool, message, r), "attempts", (json_int_t)r->attempts,
		"next_attempt", spool_moment_json(r->state == STORE_HELD ? 0 : r->due_ms),
		"last_token", spool_text_json(r->token), "last_text", spool_text_json(r->text),
		"last_enhanced", spool_text_json(r->enhanced), "last_host",
		spool_text_json(r->host), "last_attempt", spool_moment_json(r->last_ms));
}

/* In the charge of who asks? */
static bool is_theirs(const struct spool_request *request, const struct wire_recipient *r)
{
	return spool_is_asked_by(request, r->receiver != NULL ? r->receiver : r->organisation);
}

static json_t *message_json(struct spool_request *request, const struct store_message *m)
{
	char id[WIRE_ID_TEXT];
	json_t *recipients = json_array();

	wire_id_format(m->wire.id, id);
	for (size_t i = 0; i < m->recipients.count; i++)
		if (is_theirs(request, &m->recipients.items[i].wire))
			json_array_append_new(recipients,
				recipient_json(request, m->wire.id, &m->recipients.items[i]));
	return json_pack("{s:s,s:o,s:o,s:I,s:o,s:o,s:o}", "id", id, "received",
		spool_moment_json(m->wire.received_ms), "sender", spool_text_json(m->wire.sender),
		"size", (json_int_t)m->wire.size, "message_id", spool_text_json(m->wire.message_id),
		"subject", spool_text_json(m->wire.subject), "recipients", recipients);
}

static void listed(
	void *context, enum err e, const struct store_message *messages, size_t count, int64_t next)
{
	struct spool_request *request = context;
	char cursor[WIRE_ID_TEXT];
	json_t *array;

	if (e != ERR_OK) {
		spool_answer_error(request, e, "the queue could not be read: %s", err_text(e));
		return;
	}
	array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, message_json(request, &messages[i]));
	wire_id_format(next, cursor);
	spool_answer(request, json_pack("{s:o,s:o}", "items", array, "next",
				      next != 0 ? json_string(cursor) : json_null()));
}

void spool_manage_queue_list(struct spool_request *request)
{
	const char *after = spool_argument(request, "cursor");
	int64_t cursor = 0;

	if (!read_filter(request))
		return;
	if (after != NULL && !wire_id_parse(str_of(after), &cursor)) {
		spool_answer_error(request, ERR_SYNTAX, "cursor: not one of an earlier answer");
		return;
	}
	store_list(request->spool->store, &request->filter, cursor,
		spool_limit(json_object_get(request->arguments, "limit")), listed, request);
}

static void show_events(void *context, enum err e, const struct store_trace_item *item,
	const struct wire_event *events, size_t count)
{
	struct spool_request *request = context;
	json_t *result = request->result;

	(void)item;
	request->result = NULL;
	json_object_set_new(
		result, "events", spool_seen_events_json(request, events, e == ERR_OK ? count : 0));
	spool_answer(request, result);
}

static void show_loaded(
	void *context, enum err e, const struct store_message *messages, size_t count, int64_t next)
{
	struct spool_request *request = context;
	bool seen = false;

	(void)next;
	for (size_t i = 0; count > 0 && i < messages[0].recipients.count; i++)
		seen = seen || is_theirs(request, &messages[0].recipients.items[i].wire);
	if (e == ERR_OK && !seen)
		e = ERR_UNKNOWN;
	if (e != ERR_OK) {
		spool_answer_error(request, e, "%s",
			e == ERR_UNKNOWN ? "no such message in the queue" : err_text(e));
		return;
	}
	request->result = message_json(request, &messages[0]);
	store_trace_show(request->spool->store, messages[0].wire.id, show_events, request);
}

void spool_manage_queue_show(struct spool_request *request)
{
	const char *text = spool_argument(request, "id");
	int64_t id;

	if (text == NULL || !wire_id_parse(str_of(text), &id)) {
		spool_answer_error(request, ERR_SYNTAX, "id: expected 13 characters");
		return;
	}
	store_load(request->spool->store, &id, 1, show_loaded, request);
}

/* ---- act
 * ------------------------------------------------------------------------------------------ */

static void answer_acted(struct spool_request *request)
{
	log_event(LOG_INFO_LEVEL, "queue.act",
		LOG_TEXT("action", spool_argument(request, "action")),
		LOG_TEXT("actor", request->actor), LOG_NUMBER("messages", request->messages),
		LOG_NUMBER("recipients", request->recipients));
	spool_answer(request, json_pack("{s:I,s:I}", "messages", (json_int_t)request->messages,
				      "recipients", (json_int_t)request->recipients));
}

/* Whose it is, as far as it is in memory. */
static void note_activity(struct spool *spool, int64_t id)
{
	struct spool_message *message = spool_message_get(spool, id);

	if (message == NULL)
		return;
	spool_activity_message(spool, message);
	spool_message_drop(spool, &message);
}

static void acted(void *context, enum err e, const struct store_acted *acted)
{
	struct spool_request *request = context;
	struct spool *spool = request->spool;
	bool stops = request->left == STORE_HOLD || request->left == STORE_DELETE;

	if (e != ERR_OK) {
		spool_answer_error(request, e, "the queue could not be changed: %s", err_text(e));
		return;
	}
	for (size_t i = 0; i < acted->count; i++) {
		const struct store_due_entry *entry = &acted->entries[i];

		note_activity(spool, entry->message);
		spool_message_forget(spool, entry->message);
		if (stops) {
			queue_plan_remove(spool->plan, entry->message, (int32_t)entry->number);
			continue;
		}
		queue_plan_route_wake(spool->plan, str_of(entry->route));
		spool_plan(spool, entry->message, entry->number, entry->route, entry->due_ms);
	}
	request->messages = acted->messages;
	request->recipients = acted->recipients;
	for (size_t i = 0; i < request->organisations.count; i++)
		spool_activity_mail(spool, request->organisations.items[i]);
	spool_wake(spool);
	if (acted->final)
		answer_acted(request);
}

/* Give a page of messages back to their senders, then go on with the next. */
static void return_next(struct spool_request *request);

static void returned(void *context)
{
	struct spool_request *request = context;

	if (--request->left > 0)
		return;
	if (request->cursor != 0)
		return_next(request);
	else
		answer_acted(request);
}

static void return_message(struct spool_request *request, const struct store_message *m)
{
	struct spool *spool = request->spool;
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct wire_recipient_outcome *outcomes =
		arena_array(arena, m->recipients.count, sizeof(*outcomes));
	struct spool_verdict verdict = {.recipients = outcomes, .kind = "returned"};

	/* Only the recipients that match are in M; what is in memory may have others. */
	spool_message_forget(spool, m->wire.id);
	verdict.message = spool_message_add(spool, m);
	spool_message_forget(spool, m->wire.id);
	for (size_t i = 0; i < m->recipients.count; i++) {
		const struct store_recipient *r = &m->recipients.items[i];
		int64_t number = r->wire.number;

		if (queue_plan_state(spool->plan, m->wire.id, (int32_t)number) ==
				QUEUE_PLAN_ACTIVE ||
			spool_is_claimed(spool, m->wire.id, number))
			continue; /* it may be delivered this very moment */
		queue_plan_remove(spool->plan, m->wire.id, (int32_t)number);
		outcomes[verdict.count++] = (struct wire_recipient_outcome){.number = number,
			.result = WIRE_FAILED,
			.token = "returned",
			.enhanced = "5.0.0",
			.text = arena_format(arena, "returned by %s%s%s", request->actor,
				r->text != NULL ? "; last attempt: " : "",
				r->text != NULL ? r->text : ""),
			.receipt = -1};
	}
	request->messages += verdict.count > 0;
	request->recipients += (int64_t)verdict.count;
	spool_settle(spool, &verdict, returned, request);
	spool_message_drop(spool, &verdict.message);
}

static void return_listed(
	void *context, enum err e, const struct store_message *messages, size_t count, int64_t next)
{
	struct spool_request *request = context;

	if (e != ERR_OK) {
		spool_answer_error(request, e, "the queue could not be read: %s", err_text(e));
		return;
	}
	request->cursor = next;
	request->left = count + 1; /* one for this loop itself */
	for (size_t i = 0; i < count; i++)
		return_message(request, &messages[i]);
	returned(request);
}

static void return_next(struct spool_request *request)
{
	store_list(request->spool->store, &request->filter, request->cursor, RETURN_PAGE,
		return_listed, request);
}

void spool_manage_queue_act(struct spool_request *request)
{
	static const char *const names[] = {[STORE_HOLD] = "hold",
		[STORE_RELEASE] = "release",
		[STORE_RETRY] = "retry",
		[STORE_DELETE] = "delete"};
	const char *action = spool_argument(request, "action");
	struct store_act act = {.now_ms = request->spool->now_ms(), .text = request->actor};

	if (!read_filter(request))
		return;
	if (action == NULL || request->left == 0) {
		spool_answer_error(request, ERR_SYNTAX,
			"expected an action and a filter with at least one key, or all: true");
		return;
	}
	if (strcmp(action, "return") == 0) {
		return_next(request);
		return;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (strcmp(names[i], action) != 0)
			continue;
		act.action = (enum store_action)i;
		act.filter = request->filter;
		request->left = i;
		store_act(request->spool->store, &act, acted, request);
		return;
	}
	spool_answer_error(request, ERR_SYNTAX, "no such action: %s", action);
}
