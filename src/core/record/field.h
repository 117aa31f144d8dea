/* Internal to core/record: access to one field of a struct through its row. */
#ifndef SEALPOST_CORE_RECORD_FIELD_H
#define SEALPOST_CORE_RECORD_FIELD_H

#include "core/record/record.h"

struct record_list {
	void *items;
	size_t count;
};

static inline void *record_at(void *object, const struct record_field *f)
{
	return (char *)object + f->offset;
}

static inline const void *record_at_const(const void *object, const struct record_field *f)
{
	return (const char *)object + f->offset;
}

/* sizeof the field in its struct. */
size_t record_width(const struct record_field *f);
/* sizeof one item of a list field. */
size_t record_item_size(const struct record_field *f);
/* Items with room for at least one more; the new room is zeroed. */
void *record_list_grow(
	const struct record_field *f, const struct record_list *list, struct arena *arena);
/* -1 when NAME is none of the field's. */
int record_enum_value(const struct record_field *f, struct str name);
/* "?" for a value outside the table. */
const char *record_enum_name(const struct record_field *f, int value);
void record_set_default(const struct record_field *f, void *object, struct arena *arena);
/* A field's default as record_to_json() writes it; new reference. */
json_t *record_default_json(
	const struct record_desc *desc, const struct record_field *f, unsigned flags);
/* Effective limits of texts and lists. */
size_t record_max_text(const struct record_field *f);
size_t record_max_items(const struct record_field *f);

#endif
