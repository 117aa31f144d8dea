/* The trace, asked by the administrator. */
#include "base/moment.h"
#include "core/wire/visible.h"
#include "process/spool/state.h"

#include <string.h>

json_t *spool_event_json(const struct wire_event *event)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "at",
		spool_moment_json(event->at_ms), "kind", spool_text_json(event->kind), "recipient",
		spool_text_json(event->recipient), "token", spool_text_json(event->token),
		"enhanced", spool_text_json(event->enhanced), "text", spool_text_json(event->text),
		"connector", spool_text_json(event->connector), "organisation",
		spool_text_json(event->organisation), "receipt",
		event->receipt != NULL
			? record_to_json(&receipt_desc, event->receipt, RECORD_JSON_FULL)
			: json_null(),
		"would_token", spool_text_json(event->would_token), "would_text",
		spool_text_json(event->would_text), "would_by", spool_text_json(event->would_by));
}

json_t *spool_events_json(const struct wire_event *events, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, spool_event_json(&events[i]));
	return array;
}

struct wire_event *spool_seen_events(
	struct spool_request *request, const struct wire_event *events, size_t *count)
{
	struct wire_event *copy = arena_array(request->arena, *count, sizeof(*copy));

	if (*count > 0)
		memcpy(copy, events, *count * sizeof(*copy));
	if (request->is_limited)
		*count = wire_visible_events(&request->organisations, copy, *count);
	return copy;
}

json_t *spool_seen_events_json(
	struct spool_request *request, const struct wire_event *events, size_t count)
{
	struct wire_event *seen = spool_seen_events(request, events, &count);

	return spool_events_json(seen, count);
}

static json_t *item_json(const struct store_trace_item *item)
{
	char id[WIRE_ID_TEXT] = "";
	json_t *recipients = json_array();

	if (item->id != 0)
		wire_id_format(item->id, id);
	for (size_t i = 0; i < item->recipients.count; i++)
		json_array_append_new(recipients, spool_text_json(item->recipients.items[i]));
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:o}", "id",
		item->id != 0 ? json_string(id) : json_null(), "at", spool_moment_json(item->at_ms),
		"sender", spool_text_json(item->sender), "recipients", recipients, "message_id",
		spool_text_json(item->message_id), "subject", spool_text_json(item->subject),
		"size", (json_int_t)item->size, "last", spool_event_json(&item->last));
}

static void found(void *context, enum err e, const struct store_trace_item *items, size_t count,
	const char *next)
{
	struct spool_request *request = context;
	json_t *array;

	if (e == ERR_SYNTAX) { /* all else was checked before */
		spool_answer_error(request, e, "cursor: not one of an earlier answer");
		return;
	}
	if (e != ERR_OK) {
		spool_answer_error(request, e, "the trace could not be searched: %s", err_text(e));
		return;
	}
	array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, item_json(&items[i]));
	spool_answer(
		request, json_pack("{s:o,s:o}", "items", array, "next", spool_text_json(next)));
}

static bool moment_argument(struct spool_request *request, const char *name, int64_t *ret_ms)
{
	const char *text = spool_argument(request, name);

	if (text == NULL || moment_parse_rfc3339(str_of(text), ret_ms))
		return true;
	spool_answer_error(request, ERR_SYNTAX,
		"%s: expected a moment such as 2026-11-21T21:43:04Z, found %s", name, text);
	return false;
}

bool spool_id_argument(struct spool_request *request, int64_t *ret_id)
{
	const char *text = spool_argument(request, "id");

	if (text == NULL || wire_id_parse(str_of(text), ret_id))
		return true;
	spool_answer_error(request, ERR_SYNTAX,
		"id: expected 13 characters, such as 0AB1CD2EF3GH4, found %s", text);
	return false;
}

/* A kind that no event has is a slip, and not an answer. */
static bool check_kind(struct spool_request *request, const char *kind)
{
	const char *all = model_event_kinds[0];

	for (size_t i = 0; model_event_kinds[i] != NULL; i++)
		if (kind == NULL || strcmp(kind, model_event_kinds[i]) == 0)
			return true;
	for (size_t i = 1; model_event_kinds[i] != NULL; i++)
		all = arena_format(request->arena, "%s, %s", all, model_event_kinds[i]);
	spool_answer_error(request, ERR_SYNTAX, "outcome: expected one of %s, found %s", all, kind);
	return false;
}

/* "clear", "TLSv1.3", or "1.3".  False: answered. */
static bool check_tls(struct spool_request *request, const char **text)
{
	static const char *const versions[] = {"clear", "TLSv1.2", "TLSv1.3"};

	if (*text == NULL)
		return true;
	for (size_t i = 0; i < ARRAY_LENGTH(versions); i++)
		if (str_equal_nocase(str_of(versions[i]), str_of(*text)) ||
			(i > 0 && strcmp(versions[i] + 4, *text) == 0)) {
			*text = versions[i];
			return true;
		}
	spool_answer_error(request, ERR_SYNTAX, "tls: expected 1.2, 1.3 or clear, found %s", *text);
	return false;
}

/* Subjects may not be there to be found. */
static bool check_subject(struct spool_request *request, const char *text)
{
	if (text == NULL || request->spool->settings.trace_subjects)
		return true;
	spool_answer_error(request, ERR_UNSUPPORTED,
		"subject: subjects are not kept here; trace.subjects in the node file says so");
	return false;
}

void spool_manage_trace_search(struct spool_request *request)
{
	const json_t *limit = json_object_get(request->arguments, "limit");
	struct store_trace_query query = {
		.address = spool_argument(request, "address"),
		.sender = spool_argument(request, "sender"),
		.recipient = spool_argument(request, "recipient"),
		.message_id = spool_argument(request, "message_id"),
		.connector = spool_argument(request, "connector"),
		.outcome = spool_argument(request, "outcome"),
		.host = spool_argument(request, "host"),
		.tls = spool_argument(request, "tls"),
		.subject = spool_argument(request, "subject"),
		.after = spool_argument(request, "cursor"),
		.organisations = spool_organisations(request),
		.limit = spool_limit(limit),
	};

	if (!check_kind(request, query.outcome) || !check_tls(request, &query.tls) ||
		!check_subject(request, query.subject) || !spool_id_argument(request, &query.id) ||
		!moment_argument(request, "since", &query.since_ms) ||
		!moment_argument(request, "until", &query.until_ms))
		return;
	store_trace_search(request->spool->store, &query, found, request);
}

/* Of the recipients those that an event to be seen is about. */
static json_t *limited_item_json(struct spool_request *request, const struct store_trace_item *item,
	const struct wire_event *events, size_t count)
{
	struct store_trace_item own = *item;

	own.recipients.items = arena_array(request->arena, count, sizeof(*own.recipients.items));
	own.recipients.count = 0;
	own.last = count > 0 ? events[count - 1] : (struct wire_event){0};
	for (size_t i = 0; i < count; i++)
		if (events[i].recipient != NULL &&
			!wire_visible_is_among(&own.recipients, events[i].recipient))
			own.recipients.items[own.recipients.count++] = events[i].recipient;
	return item_json(&own);
}

static void shown(void *context, enum err e, const struct store_trace_item *item,
	const struct wire_event *events, size_t count)
{
	struct spool_request *request = context;
	struct wire_event *seen = spool_seen_events(request, events, &count);

	if (e == ERR_UNKNOWN || (e == ERR_OK && count == 0))
		spool_answer_error(request, ERR_UNKNOWN, "no message of that id is in the trace");
	else if (e != ERR_OK)
		spool_answer_error(request, e, "the trace could not be read: %s", err_text(e));
	else
		spool_answer(request,
			json_pack("{s:o,s:o}", "message",
				request->is_limited ? limited_item_json(request, item, seen, count)
						    : item_json(item),
				"events", spool_events_json(seen, count)));
}

void spool_manage_trace_show(struct spool_request *request)
{
	int64_t id = 0;

	if (!spool_id_argument(request, &id))
		return;
	if (id == 0) {
		spool_answer_error(request, ERR_SYNTAX, "id: expected");
		return;
	}
	store_trace_show(request->spool->store, id, shown, request);
}
