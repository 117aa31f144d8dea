#include "port/store/engine.h"

#include <stdlib.h>

char *store_receipt_text(const struct receipt *receipt)
{
	json_t *json;
	char *text;

	if (receipt == NULL)
		return NULL;
	json = record_to_json(&receipt_desc, receipt, RECORD_JSON_SPARSE);
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

bool store_receipt_read(const char *text, struct arena *arena, struct receipt *ret)
{
	json_t *json = text != NULL ? json_loads(text, 0, NULL) : NULL;
	json_t *value;
	const char *key;
	void *next;
	enum err e;

	if (!json_is_object(json)) {
		json_decref(json);
		return false;
	}
	json_object_foreach_safe(json, next, key, value)
	{
		if (record_find(&receipt_desc, key, NULL) == NULL)
			json_object_del(json, key);
	}
	e = record_from_json(&receipt_desc, json, "", arena, ret, NULL);
	json_decref(json);
	return e == ERR_OK;
}

/* ---- what all engines copy --------------------------------------------------------------------
 */

const char *store_labels_text(const struct record_texts *labels, struct arena *arena)
{
	struct buf text CLEANUP(buf_free);
	size_t i;

	buf_init(&text, RECORD_MAX_TEXT * 16);
	if (labels->count == 0)
		return NULL;
	for (i = 0; i < labels->count; i++) {
		buf_put_text(&text, labels->items[i]);
		buf_put_byte(&text, '\n');
	}
	return arena_text(arena, buf_text(&text));
}

struct record_texts store_labels_read(const char *text, struct arena *arena)
{
	struct str rest = str_of(text);
	struct record_texts labels = {0};
	size_t count = 0, i;

	for (i = 0; i < rest.n; i++)
		count += rest.p[i] == '\n';
	if (count == 0)
		return labels;
	labels.items = arena_array(arena, count, sizeof(*labels.items));
	while (labels.count < count)
		labels.items[labels.count++] = arena_text_of(arena, str_cut(&rest, '\n'));
	return labels;
}

void store_recipient_own(struct arena *arena, struct store_recipient *r)
{
	const char **texts[] = {&r->route, &r->wire.address, &r->wire.original,
		&r->wire.organisation, &r->wire.connector, &r->wire.receiver,
		&r->wire.receiver_connector, &r->wire.would_token, &r->wire.would_text,
		&r->wire.would_by, &r->token, &r->enhanced, &r->text, &r->host};
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(texts); i++)
		*texts[i] = arena_text(arena, *texts[i]);
}

void store_protection_own(struct arena *arena, struct store_protection *p)
{
	p->domain = arena_text(arena, p->domain);
	p->network = arena_text(arena, p->network);
	p->host = arena_text(arena, p->host);
	p->organisation = arena_text(arena, p->organisation);
}

void store_message_own(struct arena *arena, struct wire_message *m)
{
	const char **texts[] = {
		&m->sender, &m->envelope_id, &m->message_id, &m->subject, &m->helo, &m->via};
	const char **labels = arena_array(arena, m->labels.count, sizeof(*labels));
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(texts); i++)
		*texts[i] = arena_text(arena, *texts[i]);
	for (i = 0; i < m->labels.count; i++)
		labels[i] = arena_text(arena, m->labels.items[i]);
	m->labels.items = labels;
}

/* The texts of an event, for everything that treats them alike. */
enum { TEXTS = 16 };
static void texts_of(struct store_event *event, const char **ret[TEXTS])
{
	struct wire_event *w = &event->wire;
	const char **all[TEXTS] = {&w->kind, &w->sender, &w->recipient, &w->organisation,
		&w->connector, &w->token, &w->enhanced, &w->text, &w->message_id, &w->would_token,
		&w->would_text, &w->would_by, &event->receipt, &event->subject, &event->recipients,
		NULL};

	memcpy(ret, all, sizeof(all));
}

struct store_event *store_event_copy(const struct store_event *event)
{
	struct store_event from = *event;
	size_t size = sizeof(struct store_event);
	const char **texts[TEXTS];
	struct store_event *to;
	char *p;
	size_t i;

	texts_of(&from, texts);
	for (i = 0; texts[i] != NULL; i++)
		size += *texts[i] != NULL ? strlen(*texts[i]) + 1 : 0;
	to = mem_new(size);
	*to = from;
	to->next = NULL;
	to->wire.receipt = NULL;
	p = (char *)(to + 1);
	texts_of(to, texts);
	for (i = 0; texts[i] != NULL; i++) {
		size_t n;

		if (*texts[i] == NULL)
			continue;
		n = strlen(*texts[i]) + 1;
		memcpy(p, *texts[i], n);
		*texts[i] = p;
		p += n;
	}
	return to;
}

struct store_event *store_event_new(
	const struct wire_event *event, const char *subject, const char *recipients)
{
	char *receipt = store_receipt_text(event->receipt);
	struct store_event from = {
		.wire = *event, .receipt = receipt, .subject = subject, .recipients = recipients};
	struct store_event *to = store_event_copy(&from);

	free(receipt);
	return to;
}

void store_event_free_all(struct store_event *first)
{
	while (first != NULL) {
		struct store_event *next = first->next;

		free(first);
		first = next;
	}
}
