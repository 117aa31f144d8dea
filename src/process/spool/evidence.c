/* One message's way, as a page that can be handed on. */
#include "core/evidence/evidence.h"

#include "core/wire/visible.h"
#include "process/spool/state.h"

#include <string.h>

enum { MAX_PAGE = WIRE_MAX_PAYLOAD / 3, MAX_EVENTS = 500 };

/* Recipients that an event to be seen is about. */
static void take_recipients(struct evidence *to, struct arena *arena)
{
	to->recipients.items = arena_array(arena, to->count + 1, sizeof(*to->recipients.items));
	to->recipients.count = 0;
	for (size_t i = 0; i < to->count; i++)
		if (to->events[i].recipient != NULL &&
			!wire_visible_is_among(&to->recipients, to->events[i].recipient))
			to->recipients.items[to->recipients.count++] = to->events[i].recipient;
}

static enum page_format format_of(const char *name)
{
	enum page_format format = PAGE_TEXT;

	while (format < PAGE_FORMAT_MAX && strcmp(name, page_format_names[format]) != 0)
		format++;
	return format;
}

static void answer(struct spool_request *request, const struct evidence *evidence)
{
	const char *name = spool_argument(request, "format");
	enum page_format format = format_of(name != NULL ? name : "html");
	struct buf page;
	enum err e;

	buf_init(&page, MAX_PAGE);
	e = evidence_format(evidence, format, &page);
	if (e == ERR_OK)
		spool_answer(request, json_pack("{s:s,s:o}", "type", page_types[format], "text",
					      spool_long_text_json(buf_text(&page))));
	else
		spool_answer_error(request, e, "the page could not be made: %s", err_text(e));
	buf_free(&page);
}

static void shown(void *context, enum err e, const struct store_trace_item *item,
	const struct wire_event *events, size_t count)
{
	struct spool_request *request = context;
	struct evidence evidence = {.server = request->spool->settings.hostname,
		.version = SEALPOST_VERSION,
		.made_by = request->actor,
		.made_ms = request->spool->now_ms(),
		.is_limited = request->is_limited};

	if (e == ERR_OK) {
		evidence.events = spool_seen_events(request, events, &count);
		evidence.count = count < MAX_EVENTS ? count : MAX_EVENTS;
	}
	if (e == ERR_UNKNOWN || (e == ERR_OK && count == 0)) {
		spool_answer_error(request, ERR_UNKNOWN, "no message of that id is in the trace");
		return;
	}
	if (e != ERR_OK) {
		spool_answer_error(request, e, "the trace could not be read: %s", err_text(e));
		return;
	}
	evidence.id = item->id;
	evidence.sender = item->sender;
	evidence.message_id = item->message_id;
	evidence.subject = item->subject;
	evidence.size = item->size;
	evidence.at_ms = item->at_ms;
	evidence.recipients = item->recipients;
	if (request->is_limited)
		take_recipients(&evidence, request->arena);
	answer(request, &evidence);
}

/* {id, format: html, text or markdown} -> {type, text}. */
void spool_manage_trace_evidence(struct spool_request *request)
{
	const char *format = spool_argument(request, "format");
	int64_t id = 0;

	if (!spool_id_argument(request, &id))
		return;
	if (id == 0)
		spool_answer_error(request, ERR_SYNTAX, "id: expected");
	else if (format != NULL && format_of(format) == PAGE_FORMAT_MAX)
		spool_answer_error(request, ERR_SYNTAX,
			"format: expected html, text or markdown, found %s", format);
	else
		store_trace_show(request->spool->store, id, shown, request);
}
