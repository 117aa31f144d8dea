#include "process/spool/state.h"

#include <stdlib.h>

static void unlist(struct spool *spool, struct spool_message *message)
{
	if (!message->cached)
		return;
	message->cached = false;
	map_remove(spool->messages, spool_key(&message->id));
	if (message->older != NULL)
		message->older->newer = message->newer;
	else
		spool->oldest = message->newer;
	if (message->newer != NULL)
		message->newer->older = message->older;
	else
		spool->newest = message->older;
	message->older = message->newer = NULL;
	spool->memory -= message->size;
}

static void destroy(struct spool_message *message)
{
	arena_free(&message->arena);
	free(message);
}

/* The oldest that nobody uses, until the limit holds. */
static void shrink(struct spool *spool)
{
	struct spool_message *message = spool->oldest;

	/* The newest stays, however large: it is about to be used. */
	while (message != spool->newest && spool->memory > SPOOL_MEMORY) {
		struct spool_message *newer = message->newer;

		unlist(spool, message);
		if (message->refs == 0)
			destroy(message);
		message = newer;
	}
}

static void copy_recipient(
	const struct store_recipient *from, struct arena *arena, struct store_recipient *to)
{
	*to = *from;
	record_copy(&wire_recipient_desc, &from->wire, arena, &to->wire);
	to->route = arena_text(arena, from->route);
	to->token = arena_text(arena, from->token);
	to->enhanced = arena_text(arena, from->enhanced);
	to->text = arena_text(arena, from->text);
	to->host = arena_text(arena, from->host);
}

struct spool_message *spool_message_add(struct spool *spool, const struct store_message *from)
{
	struct spool_message *message = mem_new(sizeof(*message));
	struct wire_message envelope = from->wire;

	/* The receipt of the way in belongs to the trace. */
	envelope.receipt = (struct receipt){0};
	envelope.recipients.items = NULL;
	envelope.recipients.count = 0;
	message->id = from->wire.id;
	message->refs = 1;
	message->arena = arena_new();
	record_copy(&wire_message_desc, &envelope, message->arena, &message->m.wire);
	message->m.recipients.count = from->recipients.count;
	message->m.recipients.items = arena_array(
		message->arena, from->recipients.count, sizeof(*message->m.recipients.items));
	for (size_t i = 0; i < from->recipients.count; i++)
		copy_recipient(&from->recipients.items[i], message->arena,
			&message->m.recipients.items[i]);
	message->size = arena_held(message->arena) + sizeof(*message);
	spool_message_forget(spool, message->id);
	message->cached = true;
	map_set(spool->messages, spool_key(&message->id), message);
	message->older = spool->newest;
	if (spool->newest != NULL)
		spool->newest->newer = message;
	else
		spool->oldest = message;
	spool->newest = message;
	spool->memory += message->size;
	shrink(spool);
	return message;
}

struct spool_message *spool_message_get(struct spool *spool, int64_t id)
{
	struct spool_message *message = map_get(spool->messages, spool_key(&id));

	if (message != NULL)
		message->refs++;
	return message;
}

void spool_message_drop(struct spool *spool, struct spool_message **ref)
{
	struct spool_message *message = *ref;

	(void)spool;
	*ref = NULL;
	if (message == NULL || --message->refs > 0 || message->cached)
		return;
	destroy(message);
}

void spool_message_forget(struct spool *spool, int64_t id)
{
	struct spool_message *message = map_get(spool->messages, spool_key(&id));

	if (message == NULL)
		return;
	unlist(spool, message);
	if (message->refs == 0)
		destroy(message);
}

void spool_message_forget_all(struct spool *spool)
{
	while (spool->oldest != NULL)
		spool_message_forget(spool, spool->oldest->id);
}

struct store_recipient *spool_recipient(struct spool_message *message, int64_t number)
{
	for (size_t i = 0; i < message->m.recipients.count; i++)
		if (message->m.recipients.items[i].wire.number == number)
			return &message->m.recipients.items[i];
	return NULL;
}

/* As receive makes them: 41 bits milliseconds since 2020, 10 bits process, 12 bits counter; and
 * never one twice, whatever the clock does while the process lives. */
int64_t spool_new_id(struct spool *spool)
{
	const int64_t epoch_ms = INT64_C(1577836800000);
	int64_t at = spool->now_ms() - epoch_ms;
	int64_t id = (at < 0 ? 0 : at) << 22 | SPOOL_NUMBER << 12;

	if (spool->last_id >> 22 >= id >> 22) {
		id = spool->last_id + 1;
		if ((id & 0xfff) == 0) /* counter is full: borrow the next millisecond */
			id = ((spool->last_id >> 22) + 1) << 22 | SPOOL_NUMBER << 12;
	}
	spool->last_id = id;
	return id;
}
