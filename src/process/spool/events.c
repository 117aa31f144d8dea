/* What the trace hears of a message that is accepted, and of what report mode would have refused.
 */
#include "process/spool/state.h"

enum { MAX_EVENTS = 1000 /* of one message and kind */ };

/* Would it be a connector that refuses, then it stands in the event; else who judged the mail.
 * "connector contoso/fabrikam (name), rule contoso/records (chain)". */
static void name_connector(struct wire_event *event, const char *by, struct arena *arena)
{
	static const char word[] = "connector ";
	const char *place = by != NULL ? strstr(by, word) : NULL;
	struct str organisation, name;

	if (place == NULL || (place != by && place[-1] != ' '))
		return;
	place += sizeof(word) - 1;
	name = str_make(place, strcspn(place, " ,"));
	if (str_find(name, '/', 0) >= name.n)
		return;
	organisation = str_cut(&name, '/');
	event->organisation = arena_text_of(arena, organisation);
	event->connector = arena_text_of(arena, name);
}

struct wire_event spool_event_would(const struct wire_event *event, struct arena *arena)
{
	struct wire_event would = *event;

	would.kind = "would-refuse";
	would.token = event->would_token;
	would.text = event->would_text;
	would.enhanced = NULL;
	name_connector(&would, event->would_by, arena);
	return would;
}

struct accepted {
	struct spool *spool;
	const struct wire_message *message;
	struct arena *arena;
	struct wire_event *events;
	size_t count;
};

static bool is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The receipt tells how the first recipient came to be accepted: not what another organisation, or
 * another connector, is to read of its own. */
static const char *why_accepted(const struct receipt *receipt, const struct wire_recipient *r)
{
	return is_same(receipt->organisation, r->organisation) &&
			       is_same(receipt->connector, r->connector)
		       ? receipt->reason
		       : NULL;
}

static struct wire_event received(const struct accepted *a, const struct wire_recipient *r)
{
	return (struct wire_event){
		.message = a->message->id,
		.at_ms = a->message->received_ms,
		.kind = "received",
		.sender = a->message->sender,
		.recipient = r->address,
		.organisation = r->organisation,
		.connector = r->connector,
		.token = a->message->receipt.token,
		.text = why_accepted(&a->message->receipt, r),
		.message_id = a->message->message_id,
		.size = a->message->size,
		.would_token = r->would_token,
		.would_text = r->would_text,
		.would_by = r->would_by,
	};
}

/* From one organisation to another, and never off this machine. */
static struct wire_event handed_over(const struct accepted *a, const struct wire_recipient *r)
{
	struct wire_event event = received(a, r);
	struct receipt *receipt = arena_alloc(a->arena, sizeof(*receipt));

	*receipt = (struct receipt){
		.direction = RECEIPT_IN,
		.at_ms = a->message->received_ms,
		.host = a->spool->settings.hostname,
		.organisation = r->receiver,
		.connector = r->receiver_connector,
		.attempt = RECEIPT_ATTEMPT_LOCAL,
		.got = MODEL_LEVEL_NAME,
		.token = "ok",
		.reason = "inside this installation",
	};
	event.kind = "handed-over";
	event.organisation = r->receiver;
	event.connector = r->receiver_connector;
	event.token = "ok";
	event.text = receipt->reason;
	event.receipt = receipt;
	return event;
}

static struct wire_event held(const struct accepted *a, const struct store_recipient *r)
{
	struct wire_event event = received(a, &r->wire);

	event.kind = "held";
	event.token = r->token;
	event.text = r->text;
	event.would_token = event.would_text = event.would_by = NULL;
	return event;
}

static void add(struct accepted *a, const struct store_recipient *r)
{
	struct wire_event event = received(a, &r->wire);

	/* The receipt of the way in is the same for all: it is with the first. */
	if (a->count == 0)
		event.receipt = (struct receipt *)&a->message->receipt;
	a->events[a->count++] = event;
	event.receipt = NULL;
	if (r->wire.would_token != NULL)
		a->events[a->count++] = spool_event_would(&event, a->arena);
	if (r->wire.receiver != NULL)
		a->events[a->count++] = handed_over(a, &r->wire);
	if (r->state == STORE_HELD)
		a->events[a->count++] = held(a, r);
}

struct wire_event *spool_events_accepted(struct spool *spool, const struct store_message *message,
	const struct receipt *receipt, struct arena *arena, size_t *ret_count)
{
	size_t count =
		message->recipients.count < MAX_EVENTS ? message->recipients.count : MAX_EVENTS;
	struct wire_message *envelope = arena_alloc(arena, sizeof(*envelope));
	struct accepted a = {.spool = spool, .message = envelope, .arena = arena};

	*envelope = message->wire;
	envelope->receipt = *receipt;
	a.events = arena_array(arena, count * 4, sizeof(*a.events));
	for (size_t i = 0; i < count; i++)
		add(&a, &message->recipients.items[i]);
	*ret_count = a.count;
	return a.events;
}
