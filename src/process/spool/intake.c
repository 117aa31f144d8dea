/*
 * Mail on its way in.  Receive sends content in chunks and gets credit back for what was taken;
 * credit is held back while too much waits for the disk.  After the commit the message belongs to
 * the store, and receive hears whether it is durable.
 */
#include "port/log/log.h"
#include "process/spool/state.h"

#include <stdlib.h>

enum {
	MAX_INTAKES = 100000,	    /* of one peer */
	SIZE_SLACK = 64 * 1024,	    /* our own header beyond the message limit */
	MAX_PENDING_EVENTS = 10000, /* calls of the store that wait */
	MAX_RECIPIENTS = RECORD_MAX_ITEMS,
};

struct intake {
	int64_t id;
	struct store_intake *content; /* NULL: failed */
	int64_t size;
	int64_t owed; /* credit held back */
	enum err error;
};

/* A message between commit and answer. */
struct accept {
	struct spool *spool;
	int64_t peer;
	struct spool_message *message;
	struct arena *arena; /* of what follows: how it came in */
	struct wire_message seen;
	struct wire_recipient first;
};

static struct intake *intake_get(struct spool_peer *peer, int64_t id)
{
	struct intake *intake = map_get(peer->intakes, spool_key(&id));

	if (intake != NULL || map_count(peer->intakes) >= MAX_INTAKES)
		return intake;
	intake = mem_new(sizeof(*intake));
	intake->id = id;
	intake->content = store_begin(peer->spool->store, id);
	map_set(peer->intakes, spool_key(&id), intake);
	return intake;
}

static void intake_free(struct intake *intake)
{
	store_abort(&intake->content);
	free(intake);
}

static void fail(struct intake *intake, enum err e)
{
	store_abort(&intake->content);
	intake->error = e;
}

static bool is_crowded(const struct spool *spool)
{
	return store_pending(spool->store) > SPOOL_PENDING_HIGH;
}

void spool_intake_data(struct spool_peer *peer, const struct wire_data *data)
{
	struct spool *spool = peer->spool;
	struct intake *intake = intake_get(peer, data->id);
	struct wire_credit credit = {.id = data->id, .amount = (int64_t)data->data.n};
	enum err e;

	if (intake == NULL)
		return; /* without credit the sender stops by itself */
	intake->size += credit.amount;
	if (intake->content != NULL && intake->size > spool->settings.max_message + SIZE_SLACK)
		fail(intake, ERR_TOO_LONG);
	if (intake->content != NULL) {
		e = store_write(intake->content, data->data);
		if (e != ERR_OK)
			fail(intake, e);
	}
	if (is_crowded(spool))
		intake->owed += credit.amount;
	else
		ipc_send(peer->ipc, WIRE_ACCEPT_CREDIT, &credit);
}

static void pay(struct spool_peer *peer)
{
	size_t position = 0;
	void *value;

	while (map_next(peer->intakes, &position, NULL, &value)) {
		struct intake *intake = value;
		struct wire_credit credit = {.id = intake->id, .amount = intake->owed};

		if (intake->owed == 0)
			continue;
		intake->owed = 0;
		ipc_send(peer->ipc, WIRE_ACCEPT_CREDIT, &credit);
	}
}

void spool_intake_abort(struct spool_peer *peer, int64_t id)
{
	struct intake *intake = map_remove(peer->intakes, spool_key(&id));

	if (intake != NULL)
		intake_free(intake);
}

void spool_intake_abort_all(struct spool_peer *peer)
{
	size_t position = 0;
	struct str key;
	void *value;

	while (map_next(peer->intakes, &position, &key, &value)) {
		map_remove(peer->intakes, key);
		intake_free(value);
	}
}

const char *spool_route(struct spool *spool, const struct wire_message *message,
	const struct wire_recipient *recipient, struct arena *arena, struct policy_outbound *ret)
{
	struct policy_mail mail = {
		.organisation = recipient->originating ? recipient->organisation : NULL,
		.connector = recipient->connector,
		.sender = message->sender,
		.size = message->size,
		.labels = message->labels,
		.via = message->via,
	};

	policy_outbound(spool->snapshot, &mail, str_of(recipient->address), arena, ret);
	return ret->key != NULL ? ret->key : "refuse";
}

static void answer(
	struct spool *spool, int64_t peer_serial, int64_t id, enum err e, const char *text)
{
	struct spool_peer *peer = spool_peer_find(spool, peer_serial);
	struct wire_done done = {.id = id, .error = e, .text = text};

	if (e == ERR_OK)
		spool->counters.accepted++;
	else
		spool->counters.refused++;
	if (peer != NULL)
		ipc_send(peer->ipc, WIRE_ACCEPT_DONE, &done);
}

static void committed(void *context, enum err e)
{
	struct accept *accept = context;
	struct spool *spool = accept->spool;

	spool->accepting--;
	if (e == ERR_OK) {
		spool_plan_message(spool, &accept->message->m, spool->now_ms());
		spool_activity_message(spool, accept->message);
		spool_protection_received(spool, &accept->seen, &accept->first);
	} else
		spool_message_forget(spool, accept->message->id);
	answer(spool, accept->peer, accept->message->id, e, e == ERR_OK ? NULL : err_text(e));
	spool_message_drop(spool, &accept->message);
	arena_free(&accept->arena);
	free(accept);
	spool_wake(spool);
}

/* Receive has looked at all of this.  What outlives it does not depend on that. */
static bool is_address(const char *text)
{
	for (const char *p = text != NULL ? text : "\n"; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return true;
}

static enum err check(const struct intake *intake, const struct wire_message *message)
{
	if (intake == NULL)
		return ERR_UNKNOWN;
	if (intake->error != ERR_OK)
		return intake->error;
	if (message->id <= 0 || message->recipients.count == 0 ||
		message->recipients.count > MAX_RECIPIENTS || !is_address(message->sender))
		return ERR_RANGE;
	/* A blank in front marks our own notices. */
	if (message->helo != NULL && message->helo[0] == ' ')
		return ERR_RANGE;
	for (size_t i = 0; i < message->recipients.count; i++) {
		const struct wire_recipient *r = &message->recipients.items[i];

		if (r->number != (int64_t)i || !is_address(r->address))
			return ERR_RANGE;
	}
	return ERR_OK;
}

/* Once, and here: who releases it later has seen it. */
static void hold_by_rule(
	struct store_recipient *r, const struct policy_outbound *out, struct arena *arena)
{
	if (!out->hold)
		return;
	r->state = STORE_HELD;
	r->token = "held-by-rule";
	r->text = arena_format(arena, "held by %s", out->hold_by != NULL ? out->hold_by : "a rule");
}

/* The receipt is not kept in memory with the message. */
static void remember_way(struct accept *accept, const struct wire_message *message)
{
	accept->arena = arena_new();
	accept->seen = (struct wire_message){.sender = arena_text(accept->arena, message->sender),
		.receipt = {.host = arena_text(accept->arena, message->receipt.host),
			.peer_address = arena_text(accept->arena, message->receipt.peer_address),
			.required = message->receipt.required,
			.got = message->receipt.got}};
	accept->first.organisation =
		arena_text(accept->arena, message->recipients.items[0].organisation);
}

static void commit(
	struct spool_peer *peer, struct intake *intake, const struct wire_message *message)
{
	struct spool *spool = peer->spool;
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct store_message whole = {.wire = *message};
	struct accept *accept = mem_new(sizeof(*accept));
	struct store_new new = {.intake = intake->content, .message = &whole.wire};
	struct store_change change = {.news = &new, .new_count = 1};
	struct policy_outbound out;

	whole.wire.size = intake->size;
	whole.recipients.count = message->recipients.count;
	whole.recipients.items =
		arena_array(arena, message->recipients.count, sizeof(*whole.recipients.items));
	for (size_t i = 0; i < message->recipients.count; i++) {
		struct store_recipient *r = &whole.recipients.items[i];

		r->wire = message->recipients.items[i];
		r->route = spool_route(spool, &whole.wire, &r->wire, arena, &out);
		r->due_ms = spool->now_ms();
		hold_by_rule(r, &out, arena);
	}
	new.recipients = whole.recipients.items;
	new.count = whole.recipients.count;
	change.events =
		spool_events_accepted(spool, &whole, &message->receipt, arena, &change.event_count);
	intake->content = NULL;
	accept->spool = spool;
	accept->peer = peer->serial;
	accept->message = spool_message_add(spool, &whole);
	remember_way(accept, message);
	spool->accepting++;
	spool_owners_accepted(spool, message);
	store_apply(spool->store, &change, committed, accept);
}

void spool_intake_commit(struct spool_peer *peer, const struct wire_message *message)
{
	struct spool *spool = peer->spool;
	struct intake *intake = map_remove(peer->intakes, spool_key(&message->id));
	enum err e = check(intake, message);

	if (e == ERR_OK && (!spool->configured || !spool->intake_open))
		e = ERR_UNAVAILABLE;
	/* In memory is in the queue: the cached copy must not be replaced by a stranger's. */
	if (e == ERR_OK && map_get(spool->messages, spool_key(&message->id)) != NULL)
		e = ERR_EXISTS;
	if (e == ERR_OK && !spool_owners_have_room(spool, message))
		e = ERR_BUSY;
	if (e == ERR_OK)
		commit(peer, intake, message);
	else
		answer(spool, peer->serial, message->id, e, err_text(e));
	if (intake != NULL)
		intake_free(intake);
}

struct refusal_event {
	struct spool *spool;
	char *organisation; /* NULL: nobody's */
};

static void event_written(void *context, enum err e)
{
	struct refusal_event *refusal = context;

	if (e == ERR_OK) {
		refusal->spool->counters.told_refusals++;
		spool_activity_mail(refusal->spool, refusal->organisation);
	}
	free(refusal->organisation);
	free(refusal);
	if (e != ERR_OK)
		log_event(LOG_WARNING_LEVEL, "spool.event-not-written",
			LOG_TEXT("error", err_token(e)));
}

/* Of what was accepted the spool itself tells; and a flood of refusals must not pile up. */
void spool_intake_event(struct spool *spool, const struct wire_event *event)
{
	struct store_change change = {.events = event, .event_count = 1};
	struct refusal_event *refusal;
	struct store_counts counts;

	store_counts(spool->store, &counts);
	if (event->kind == NULL || strcmp(event->kind, "refused") != 0 || event->message != 0 ||
		counts.pending_calls > MAX_PENDING_EVENTS)
		return;
	refusal = mem_new(sizeof(*refusal));
	refusal->spool = spool;
	refusal->organisation = event->organisation != NULL ? mem_text(event->organisation) : NULL;
	store_apply(spool->store, &change, event_written, refusal);
}

void spool_intake_tick(struct spool *spool)
{
	struct wire_intake intake = {.open = true};
	struct store_counts counts;

	if (!spool->configured)
		return;
	store_counts(spool->store, &counts);
	if (spool->draining)
		intake = (struct wire_intake){.reason = "draining"};
	else if (counts.disk_free < spool->settings.min_disk)
		intake = (struct wire_intake){.reason = "disk-full"};
	else if (counts.messages >= spool->settings.max_queue)
		intake = (struct wire_intake){.reason = "queue-full"};
	if (counts.pending_bytes <= SPOOL_PENDING_HIGH)
		for (struct spool_peer *peer = spool->peers; peer != NULL; peer = peer->next)
			if (peer->role == RUNTIME_RECEIVE && peer->ipc != NULL)
				pay(peer);
	if (intake.open == spool->intake_open && intake.reason == spool->intake_reason)
		return;
	spool->intake_open = intake.open;
	spool->intake_reason = intake.reason;
	log_event(intake.open ? LOG_INFO_LEVEL : LOG_WARNING_LEVEL,
		intake.open ? "intake.open" : "intake.closed", LOG_TEXT("reason", intake.reason));
	spool_broadcast(spool, RUNTIME_RECEIVE, WIRE_INTAKE, &intake);
}
