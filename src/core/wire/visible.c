#include "core/wire/visible.h"

#include "base/map.h"

bool wire_visible_is_among(const struct record_texts *texts, const char *text)
{
	for (size_t i = 0; text != NULL && i < texts->count; i++)
		if (strcmp(texts->items[i], text) == 0)
			return true;
	return false;
}

static void reduce(struct wire_event *e)
{
	e->organisation = NULL;
	e->connector = NULL;
	e->text = NULL;
	e->receipt = NULL;
	e->would_token = NULL;
	e->would_text = NULL;
	e->would_by = NULL;
}

size_t wire_visible_events(
	const struct record_texts *organisations, struct wire_event *events, size_t count)
{
	struct map *recipients CLEANUP(map_free) = map_new(0);
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (events[i].recipient != NULL &&
			wire_visible_is_among(organisations, events[i].organisation))
			map_set(recipients, str_of(events[i].recipient), &events[i]);
	for (size_t i = 0; i < count; i++) {
		bool is_own = wire_visible_is_among(organisations, events[i].organisation);

		if (!is_own && (events[i].recipient == NULL ||
				       map_get(recipients, str_of(events[i].recipient)) == NULL))
			continue;
		if (!is_own)
			reduce(&events[i]);
		events[kept++] = events[i];
	}
	return kept;
}
