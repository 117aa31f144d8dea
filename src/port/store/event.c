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

/* The texts of an event, for everything that treats them alike. */
enum { TEXTS = 13 };
static void texts_of(struct store_event *event, const char **ret[TEXTS])
{
	struct wire_event *w = &event->wire;
	const char **all[TEXTS] = {&w->kind, &w->sender, &w->recipient, &w->organisation,
		&w->connector, &w->token, &w->enhanced, &w->text, &w->message_id, &event->receipt,
		&event->subject, &event->recipients, NULL};

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
