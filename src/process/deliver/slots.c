#include "process/deliver/slots.h"

#include "base/map.h"

#include <stdlib.h>

struct deliver_destination {
	char *key;
	size_t active, limit;
	struct deliver_slot *first, **end;
};

struct deliver_slots {
	struct map *map;
};

struct deliver_slots *deliver_slots_new(void)
{
	struct deliver_slots *slots = mem_new(sizeof(*slots));

	slots->map = map_new(0);
	return slots;
}

static void drop(struct deliver_slots *slots, struct deliver_destination *d)
{
	map_remove(slots->map, str_of(d->key));
	free(d->key);
	free(d);
}

void deliver_slots_free(struct deliver_slots **slots)
{
	size_t at = 0;
	void *value;

	if (*slots == NULL)
		return;
	while (map_next((*slots)->map, &at, NULL, &value))
		drop(*slots, value);
	map_free(&(*slots)->map);
	free(*slots);
	*slots = NULL;
}

bool deliver_slots_take(
	struct deliver_slots *slots, struct deliver_slot *slot, const char *key, size_t limit)
{
	struct deliver_destination *d = map_get(slots->map, str_of(key));

	if (d == NULL) {
		d = mem_new(sizeof(*d));
		d->key = mem_text(key);
		d->end = &d->first;
		map_set(slots->map, str_of(key), d);
	}
	d->limit = limit > 0 ? limit : 1;
	slot->destination = d;
	slot->next = NULL;
	if (d->active < d->limit) {
		d->active++;
		slot->held = true;
		return true;
	}
	*d->end = slot;
	d->end = &slot->next;
	return false;
}

static void leave_line(struct deliver_destination *d, struct deliver_slot *slot)
{
	struct deliver_slot **at = &d->first;

	while (*at != NULL && *at != slot)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = slot->next;
	if (*at == NULL)
		d->end = at;
}

void deliver_slots_release(struct deliver_slots *slots, struct deliver_slot *slot)
{
	struct deliver_destination *d = slot->destination;
	struct deliver_slot *next;

	if (d == NULL)
		return;
	slot->destination = NULL;
	if (slot->held)
		d->active--;
	else
		leave_line(d, slot);
	slot->held = false;
	next = d->active < d->limit ? d->first : NULL;
	if (next != NULL) {
		leave_line(d, next);
		next->next = NULL;
		next->held = true;
		d->active++;
		next->granted(next->context);
	} else if (d->active == 0) {
		drop(slots, d);
	}
}
