/*
 * The backend that keeps nothing: for tests of what stands above the store.  The same contract as
 * SQLite's, proved by the same suite; made for small numbers.  Transactions never fail here, so
 * there is nothing to roll back to.
 */
#include "port/store/memory.h"

#include <stdlib.h>

static void free_message(struct store_memory_message *message)
{
	arena_free(&message->arena);
	free(message);
}

static void close_engine(void *self)
{
	struct store_memory *memory = self;
	size_t i;

	for (i = 0; i < memory->count; i++)
		free_message(memory->messages[i]);
	for (i = 0; i < memory->host_count; i++) {
		free((char *)memory->hosts[i].host);
		free((char *)memory->hosts[i].reason);
	}
	for (i = 0; i < memory->protection_count; i++)
		arena_free(&memory->protections[i].arena);
	free(memory->protections);
	for (i = 0; i < memory->refusal_count; i++)
		arena_free(&memory->refusals[i].arena);
	free(memory->refusals);
	store_memory_access_free(memory);
	store_event_free_all(memory->events);
	arena_free(&memory->config_arena);
	free(memory->messages);
	free(memory->hosts);
	free(memory);
}

static enum err begin(void *self)
{
	(void)self;
	return ERR_OK;
}

static void rollback(void *self)
{
	(void)self;
}

/* Position of the first message whose id is not below ID. */
static size_t place_of(const struct store_memory *memory, int64_t id)
{
	size_t from = 0, to = memory->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (memory->messages[middle]->add.message.id < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static struct store_memory_message *find(const struct store_memory *memory, int64_t id)
{
	size_t place = place_of(memory, id);

	if (place == memory->count || memory->messages[place]->add.message.id != id)
		return NULL;
	return memory->messages[place];
}

static enum err known(void *self, int64_t id, bool *ret_in_file)
{
	const struct store_memory_message *message = find(self, id);

	if (message == NULL)
		return ERR_UNKNOWN;
	*ret_in_file = message->add.in_file;
	return ERR_OK;
}

static void copy_recipient(
	struct arena *arena, const struct store_recipient *from, struct store_recipient *to)
{
	*to = *from;
	store_recipient_own(arena, to);
}

static void copy_message(
	struct arena *arena, const struct wire_message *from, struct wire_message *to)
{
	*to = *from;
	store_message_own(arena, to);
}

static int by_number(const void *a, const void *b)
{
	const struct store_recipient *x = a, *y = b;

	return (x->wire.number > y->wire.number) - (x->wire.number < y->wire.number);
}

static enum err add(void *self, const struct store_add *from)
{
	struct store_memory *memory = self;
	size_t place = place_of(memory, from->message.id), i;
	struct store_memory_message *message = mem_new(sizeof(*message));

	message->arena = arena_new();
	message->add = *from;
	copy_message(message->arena, &from->message, &message->add.message);
	message->add.receipt = arena_text(message->arena, from->receipt);
	message->add.labels = NULL; /* they stand in the message */
	message->add.owners = arena_text(message->arena, from->owners);
	message->add.content = arena_copy(message->arena, from->content);
	message->add.recipients =
		arena_array(message->arena, from->count, sizeof(*from->recipients));
	for (i = 0; i < from->count; i++)
		copy_recipient(message->arena, &from->recipients[i], &message->add.recipients[i]);
	if (from->count > 0)
		qsort(message->add.recipients, from->count, sizeof(*from->recipients), by_number);
	if (memory->count == memory->size) {
		memory->size = memory->size == 0 ? 16 : memory->size * 2;
		memory->messages =
			mem_resize(memory->messages, memory->size, sizeof(*memory->messages));
	}
	memmove(&memory->messages[place + 1], &memory->messages[place],
		(memory->count - place) * sizeof(*memory->messages));
	memory->messages[place] = message;
	memory->count++;
	return ERR_OK;
}

static struct store_recipient *find_recipient(struct store_memory_message *message, int64_t number)
{
	size_t i;

	for (i = 0; message != NULL && i < message->add.count; i++) {
		if (message->add.recipients[i].wire.number == number)
			return &message->add.recipients[i];
	}
	return NULL;
}

static void remove_recipient(struct store_memory *memory, struct store_memory_message *message,
	struct store_recipient *r, bool *ret_gone, struct store_gone *gone)
{
	size_t at = (size_t)(r - message->add.recipients);
	size_t place = place_of(memory, message->add.message.id);

	message->add.count--;
	memmove(r, r + 1, (message->add.count - at) * sizeof(*r));
	if (message->add.count > 0)
		return;
	*ret_gone = true;
	*gone = (struct store_gone){message->add.message.id, message->add.in_file};
	memory->count--;
	memmove(&memory->messages[place], &memory->messages[place + 1],
		(memory->count - place) * sizeof(*memory->messages));
	free_message(message);
}

static void set_text(struct store_memory_message *message, const char **to, const char *from)
{
	if (from != NULL)
		*to = arena_text(message->arena, from);
}

static enum err update(void *self, const struct store_update *from, bool *ret_applied,
	bool *ret_gone, struct store_gone *gone)
{
	struct store_memory *memory = self;
	struct store_memory_message *message = find(memory, from->message);
	struct store_recipient *r = find_recipient(message, from->number);

	*ret_applied = r != NULL;
	*ret_gone = false;
	if (r == NULL)
		return ERR_OK;
	if (from->remove) {
		remove_recipient(memory, message, r, ret_gone, gone);
		return ERR_OK;
	}
	r->due_ms = from->due_ms;
	r->attempts = from->attempts;
	r->last_ms = from->last_ms;
	r->delay_noticed = from->delay_noticed;
	set_text(message, &r->route, from->route);
	set_text(message, &r->token, from->token);
	set_text(message, &r->enhanced, from->enhanced);
	set_text(message, &r->text, from->text);
	set_text(message, &r->host, from->host);
	return ERR_OK;
}

static enum err edit(void *self, const struct store_scan_row *row)
{
	struct store_memory_message *message = find(self, row->message);
	struct store_recipient *r = find_recipient(message, row->recipient.wire.number);

	if (r == NULL)
		return ERR_OK;
	r->state = row->recipient.state;
	r->due_ms = row->recipient.due_ms;
	set_text(message, &r->route, row->recipient.route);
	return ERR_OK;
}

static enum err event(void *self, const struct store_event *from)
{
	struct store_memory *memory = self;
	struct store_event *copy = store_event_copy(from);

	*memory->events_end = copy;
	memory->events_end = &copy->next;
	return ERR_OK;
}

static enum err events(void *self, int64_t after, size_t limit, struct store_event **ret)
{
	const struct store_memory *memory = self;
	const struct store_event *from;
	struct store_event *first = NULL, **end = &first;

	for (from = memory->events; from != NULL && limit > 0; from = from->next) {
		if (from->sequence <= after)
			continue;
		*end = store_event_copy(from);
		end = &(*end)->next;
		limit--;
	}
	*ret = first;
	return ERR_OK;
}

static enum err acknowledge(void *self, int64_t upto)
{
	struct store_memory *memory = self;

	while (memory->events != NULL && memory->events->sequence <= upto) {
		struct store_event *next = memory->events->next;

		free(memory->events);
		memory->events = next;
	}
	if (memory->events == NULL)
		memory->events_end = &memory->events;
	return ERR_OK;
}

static enum err event_range(void *self, int64_t *ret_first, int64_t *ret_last)
{
	(void)self;
	*ret_first = 1;
	*ret_last = 0;
	return ERR_OK;
}

static int by_due(const void *a, const void *b)
{
	const struct store_due_entry *x = a, *y = b;

	if (x->due_ms != y->due_ms)
		return x->due_ms < y->due_ms ? -1 : 1;
	if (x->message != y->message)
		return x->message < y->message ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static enum err due(void *self, int64_t until_ms, const struct store_due_entry *after, size_t limit,
	struct arena *arena, struct store_due_entry *ret, size_t *ret_count)
{
	const struct store_memory *memory = self;
	struct store_due_entry *all = NULL;
	size_t n = 0, size = 0, i, j;

	for (i = 0; i < memory->count; i++) {
		const struct store_memory_message *message = memory->messages[i];

		for (j = 0; j < message->add.count; j++) {
			const struct store_recipient *r = &message->add.recipients[j];
			struct store_due_entry entry = {r->due_ms, message->add.message.id,
				r->wire.number, r->attempts, r->route};

			if (r->state != STORE_WAITING || r->due_ms > until_ms ||
				(after != NULL && by_due(&entry, after) <= 0))
				continue;
			if (n == size) {
				size = size == 0 ? 16 : size * 2;
				all = mem_resize(all, size, sizeof(*all));
			}
			all[n++] = entry;
		}
	}
	if (n > 0)
		qsort(all, n, sizeof(*all), by_due);
	n = n < limit ? n : limit;
	for (i = 0; i < n; i++) {
		ret[i] = all[i];
		ret[i].route = arena_text(arena, all[i].route);
	}
	*ret_count = n;
	free(all);
	return ERR_OK;
}

static enum err load(void *self, int64_t id, struct arena *arena, struct store_message *ret)
{
	const struct store_memory_message *message = find(self, id);
	size_t i;

	if (message == NULL)
		return ERR_UNKNOWN;
	copy_message(arena, &message->add.message, &ret->wire);
	if (!store_receipt_read(message->add.receipt, arena, &ret->wire.receipt))
		ret->wire.receipt = (struct receipt){0};
	ret->recipients.count = message->add.count;
	ret->recipients.items =
		arena_array(arena, message->add.count, sizeof(*ret->recipients.items));
	for (i = 0; i < message->add.count; i++)
		copy_recipient(arena, &message->add.recipients[i], &ret->recipients.items[i]);
	return ERR_OK;
}

static enum err content(
	void *self, int64_t id, int64_t offset, size_t length, struct arena *arena, struct str *ret)
{
	const struct store_memory_message *message = find(self, id);
	size_t from;

	if (message == NULL)
		return ERR_UNKNOWN;
	from = offset < (int64_t)message->add.content.n ? (size_t)offset : message->add.content.n;
	*ret = arena_copy(arena, str_part(message->add.content, from, from + length));
	return ERR_OK;
}

static enum err scan(void *self, const struct store_scan *spec, store_scan_visit *visit,
	void *context, bool *ret_more)
{
	const struct store_memory *memory = self;
	size_t i, j, n = 0;

	*ret_more = false;
	for (i = place_of(memory, spec->message); i < memory->count; i++) {
		const struct store_memory_message *message = memory->messages[i];

		for (j = 0; j < message->add.count; j++) {
			const struct store_recipient *r = &message->add.recipients[j];
			struct store_scan_row row = {message->add.message.id,
				message->add.message.received_ms, message->add.message.sender, *r};

			if ((row.message == spec->message && r->wire.number <= spec->number) ||
				(spec->id != 0 && spec->id != row.message) ||
				(spec->route != NULL && strcmp(spec->route, r->route) != 0))
				continue;
			n++;
			if (!visit(context, &row) || n == spec->limit) {
				*ret_more = true;
				return ERR_OK;
			}
		}
	}
	return ERR_OK;
}

static enum err count(void *self, int64_t *ret_messages, int64_t *ret_recipients)
{
	const struct store_memory *memory = self;
	size_t i;

	*ret_messages = (int64_t)memory->count;
	*ret_recipients = 0;
	for (i = 0; i < memory->count; i++)
		*ret_recipients += (int64_t)memory->messages[i]->add.count;
	return ERR_OK;
}

static enum err config_get(void *self, struct arena *arena, int64_t *ret_generation,
	struct store_config_row **ret, size_t *ret_count)
{
	const struct store_memory *memory = self;

	(void)arena;
	*ret_generation = memory->generation;
	*ret = memory->rows;
	*ret_count = memory->row_count;
	return ERR_OK;
}

static enum err config_put(
	void *self, int64_t generation, const struct store_config_row *rows, size_t row_count)
{
	struct store_memory *memory = self;
	size_t i;

	arena_free(&memory->config_arena);
	memory->config_arena = arena_new();
	memory->generation = generation;
	memory->row_count = row_count;
	memory->rows = arena_array(memory->config_arena, row_count, sizeof(*rows));
	for (i = 0; i < row_count; i++) {
		memory->rows[i].kind = rows[i].kind;
		memory->rows[i].key = arena_text(memory->config_arena, rows[i].key);
		memory->rows[i].json = arena_text(memory->config_arena, rows[i].json);
	}
	return ERR_OK;
}

static size_t row_of(const struct store_memory *memory, const struct store_config_row *row)
{
	size_t i = 0;

	while (i < memory->row_count &&
		(memory->rows[i].kind != row->kind || strcmp(memory->rows[i].key, row->key) != 0))
		i++;
	return i;
}

static enum err config_change(
	void *self, int64_t generation, const struct store_config_row *rows, size_t count)
{
	struct store_memory *memory = self;
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct store_memory now = *memory;

	now.rows = arena_array(arena, memory->row_count + count, sizeof(*rows));
	for (size_t i = 0; i < memory->row_count; i++)
		now.rows[i] = memory->rows[i];
	for (size_t i = 0; i < count; i++) {
		size_t at = row_of(&now, &rows[i]);

		if (rows[i].json != NULL) {
			now.rows[at] = rows[i];
			now.row_count += at == now.row_count;
		} else if (at < now.row_count) {
			now.row_count--;
			memmove(&now.rows[at], &now.rows[at + 1],
				(now.row_count - at) * sizeof(*rows));
		}
	}
	/* What stands there is copied before it goes. */
	now.config_arena = NULL;
	config_put(&now, generation, now.rows, now.row_count);
	arena_free(&memory->config_arena);
	*memory = now;
	return ERR_OK;
}

static const struct store_engine_ops ops = {
	.close = close_engine,
	.begin = begin,
	.commit = begin,
	.rollback = rollback,
	.make_room = rollback,
	.known = known,
	.add = add,
	.update = update,
	.edit = edit,
	.event = event,
	.events = events,
	.acknowledge = acknowledge,
	.due = due,
	.load = load,
	.content = content,
	.scan = scan,
	.count = count,
	.event_range = event_range,
	.config_get = config_get,
	.config_put = config_put,
	.config_change = config_change,
	.owners = store_memory_owners,
	.protection_put = store_memory_protection_put,
	.protection_remove = store_memory_protection_remove,
	.protections = store_memory_protections,
	.refusal_put = store_memory_refusal_put,
	.refusal_remove = store_memory_refusal_remove,
	.refusals = store_memory_refusals,
	.access_put = store_memory_access_put,
	.access_rows = store_memory_access_rows,
	.audit_end = store_memory_audit_end,
	.audit_add = store_memory_audit_add,
	.audit_list = store_memory_audit_list,
	.audit_after = store_memory_audit_after,
	.host_put = store_memory_host_put,
	.host_remove = store_memory_host_remove,
	.hosts = store_memory_hosts,
};

void store_memory_open(struct store_engine *ret)
{
	struct store_memory *memory = mem_new(sizeof(*memory));

	memory->events_end = &memory->events;
	*ret = (struct store_engine){&ops, memory};
}
