#include "core/record/field.h"

size_t record_width(const struct record_field *f)
{
	switch (f->kind) {
	case RECORD_BOOL:
		return sizeof(bool);
	case RECORD_INT:
	case RECORD_SIZE:
	case RECORD_DURATION:
	case RECORD_MOMENT:
		return sizeof(int64_t);
	case RECORD_ENUM:
		return sizeof(int);
	case RECORD_TEXT:
	case RECORD_OPTIONAL:
		return sizeof(void *);
	case RECORD_BYTES:
		return sizeof(struct str);
	case RECORD_TEXTS:
	case RECORD_DURATIONS:
	case RECORD_LIST:
		return sizeof(struct record_list);
	case RECORD_INLINE:
		return f->sub->size;
	}
	return 0;
}

size_t record_item_size(const struct record_field *f)
{
	switch (f->kind) {
	case RECORD_TEXTS:
		return sizeof(char *);
	case RECORD_DURATIONS:
		return sizeof(int64_t);
	default:
		return f->sub->size;
	}
}

void *record_list_grow(
	const struct record_field *f, const struct record_list *list, struct arena *arena)
{
	size_t item = record_item_size(f);
	size_t room = 4;
	void *items;

	if (list->count != 0 && (list->count < 4 || (list->count & (list->count - 1)) != 0))
		return list->items; /* room doubles at 4, 8, 16, ... */
	while (room <= list->count)
		room *= 2;
	items = arena_array(arena, room, item);
	if (list->count > 0)
		memcpy(items, list->items, list->count * item);
	return items;
}

int record_enum_value(const struct record_field *f, struct str name)
{
	for (int i = 0; f->names[i] != NULL; i++)
		if (str_is_nocase(name, f->names[i]))
			return i;
	return -1;
}

const char *record_enum_name(const struct record_field *f, int value)
{
	for (int i = 0; f->names[i] != NULL; i++)
		if (i == value)
			return f->names[i];
	return "?";
}

size_t record_max_text(const struct record_field *f)
{
	return f->max > 0 ? (size_t)f->max : RECORD_MAX_TEXT;
}

size_t record_max_items(const struct record_field *f)
{
	return f->max > 0 && f->kind != RECORD_INT ? (size_t)f->max : RECORD_MAX_ITEMS;
}
