/* What JSON Schema (2020-12) says of a record: the same table, for other programs. */
#include "base/moment.h"
#include "core/record/field.h"
#include "core/shape/shape.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct maker {
	enum record_schema_form form;
	record_schema_name *name_of;
	struct arena *arena;
};

static json_t *object_schema(const struct maker *m, const struct record_desc *desc);

static const char *suffix(const struct maker *m)
{
	static const char *const suffixes[] = {[RECORD_SCHEMA_SHOWN] = "",
		[RECORD_SCHEMA_SPARSE] = "-sparse",
		[RECORD_SCHEMA_INPUT] = "-input",
		[RECORD_SCHEMA_PATCH] = "-patch"};

	return suffixes[m->form];
}

static json_t *of_type(const char *type)
{
	return json_pack("{s:s}", "type", type);
}

static json_t *of_pattern(const char *pattern)
{
	return json_pack("{s:s,s:s}", "type", "string", "pattern", pattern);
}

static bool is_answer(const struct maker *m)
{
	return m->form == RECORD_SCHEMA_SHOWN || m->form == RECORD_SCHEMA_SPARSE;
}

/* What may be sent may be a number, too. */
static json_t *of_amount(const struct maker *m, const char *pattern)
{
	if (is_answer(m))
		return of_pattern(pattern);
	return json_pack("{s:[s,s]}", "type", "string", "integer");
}

static json_t *of_names(const char *const *names)
{
	json_t *list = json_array();

	for (size_t i = 0; names[i] != NULL; i++)
		json_array_append_new(list, json_string(names[i]));
	return json_pack("{s:s,s:o}", "type", "string", "enum", list);
}

static json_t *of_sub(const struct maker *m, const struct record_desc *sub)
{
	const char *name = m->name_of != NULL ? m->name_of(sub) : NULL;

	if (name == NULL)
		return object_schema(m, sub);
	return json_pack(
		"{s:o}", "$ref", json_sprintf("#/components/schemas/%s%s", name, suffix(m)));
}

/* One text will do for a list of one. */
static json_t *of_list(const struct maker *m, const struct record_field *f, json_t *items)
{
	json_t *list = json_pack("{s:s,s:o,s:I}", "type", "array", "items", items, "maxItems",
		(json_int_t)record_max_items(f));

	if (is_answer(m) || f->kind == RECORD_LIST)
		return list;
	return json_pack("{s:[O,o]}", "anyOf", items, list);
}

static json_t *of_text(const struct record_field *f)
{
	json_t *schema = of_type("string");

	if (f->kind == RECORD_TEXT && f->min > 0)
		json_object_set_new(schema, "minLength", json_integer((json_int_t)f->min));
	json_object_set_new(schema, "maxLength",
		json_integer(f->kind == RECORD_TEXT ? (json_int_t)record_max_text(f)
						    : (json_int_t)RECORD_MAX_TEXT));
	return schema;
}

static json_t *of_number(const struct record_field *f)
{
	json_t *schema = of_type("integer");

	if (f->min == 0 && f->max == 0)
		return schema;
	json_object_set_new(schema, "minimum", json_integer((json_int_t)f->min));
	if (f->max < INT64_MAX)
		json_object_set_new(schema, "maximum", json_integer((json_int_t)f->max));
	return schema;
}

static json_t *of_kind(const struct maker *m, const struct record_field *f)
{
	switch (f->kind) {
	case RECORD_BOOL:
		return of_type("boolean");
	case RECORD_INT:
		return of_number(f);
	case RECORD_SIZE:
		return of_amount(m, SHAPE_SIZE_PATTERN);
	case RECORD_DURATION:
		return of_amount(m, SHAPE_DURATION_PATTERN);
	case RECORD_MOMENT:
		return json_pack("{s:s,s:s}", "type", "string", "format", "date-time");
	case RECORD_ENUM:
		return of_names(f->names);
	case RECORD_TEXT:
		return of_text(f);
	case RECORD_BYTES:
		return of_type("string");
	case RECORD_TEXTS:
		return of_list(m, f, of_text(f));
	case RECORD_DURATIONS:
		return of_list(m, f, of_amount(m, SHAPE_DURATION_PATTERN));
	case RECORD_LIST:
		return of_list(m, f, of_sub(m, f->sub));
	case RECORD_INLINE:
	case RECORD_OPTIONAL:
		return of_sub(m, f->sub);
	}
	return json_object();
}

/* ---- null ------------------------------------------------------------------------------------ */

/* What is absent is shown as null; what is sent as null gets its default. */
static bool may_be_null(const struct maker *m, const struct record_field *f)
{
	if (f->flags & RECORD_REQUIRED)
		return false;
	return !is_answer(m) || f->kind == RECORD_TEXT || f->kind == RECORD_MOMENT ||
	       f->kind == RECORD_OPTIONAL;
}

/* Takes SCHEMA. */
static json_t *or_null(json_t *schema)
{
	json_t *type = json_object_get(schema, "type"), *list = json_object_get(schema, "enum");

	if (type == NULL)
		return json_pack("{s:[o,{s:s}]}", "anyOf", schema, "type", "null");
	if (list != NULL)
		json_array_append_new(list, json_null());
	if (json_is_array(type))
		json_array_append_new(type, json_string("null"));
	else
		json_object_set_new(schema, "type", json_pack("[O,s]", type, "null"));
	return schema;
}

/* ---- words ----------------------------------------------------------------------------------- */

static const char *amount(const struct maker *m, const struct record_field *f, int64_t value)
{
	char text[MOMENT_TEXT_SIZE];

	if (f->kind == RECORD_DURATION)
		moment_format_duration(value, text);
	else
		record_format_size(value, text, sizeof(text));
	return arena_text(m->arena, text);
}

/* Limits of durations and sizes have no place but in words. */
static const char *words_of(const struct maker *m, const struct record_field *f)
{
	const char *doc = f->doc != NULL ? f->doc : "";

	if ((f->kind != RECORD_DURATION && f->kind != RECORD_SIZE) || (f->min == 0 && f->max == 0))
		return doc;
	return arena_format(m->arena, "%s%s%s to %s.", doc, doc[0] != '\0' ? " " : "",
		amount(m, f, f->min), amount(m, f, f->max));
}

static json_t *field_schema(
	const struct maker *m, const struct record_desc *desc, const struct record_field *f)
{
	json_t *schema = of_kind(m, f);
	const char *words = words_of(m, f);

	if (may_be_null(m, f))
		schema = or_null(schema);
	if (words[0] != '\0')
		json_object_set_new(schema, "description", json_string(words));
	if (f->preset != NULL)
		json_object_set_new(
			schema, "default", record_default_json(desc, f, RECORD_JSON_FULL));
	if (f->flags & RECORD_STATE)
		json_object_set_new(schema, "readOnly", json_true());
	return schema;
}

static bool is_required(const struct maker *m, const struct record_field *f)
{
	return m->form == RECORD_SCHEMA_SHOWN ||
	       (m->form != RECORD_SCHEMA_PATCH && (f->flags & RECORD_REQUIRED));
}

static json_t *object_schema(const struct maker *m, const struct record_desc *desc)
{
	json_t *properties = json_object(), *required = json_array();
	json_t *schema = json_pack("{s:s,s:o,s:b}", "type", "object", "properties", properties,
		"additionalProperties", 0);

	for (size_t i = 0; i < desc->count; i++) {
		const struct record_field *f = &desc->fields[i];

		json_object_set_new(properties, f->name, field_schema(m, desc, f));
		if (is_required(m, f))
			json_array_append_new(required, json_string(f->name));
	}
	if (json_array_size(required) > 0)
		json_object_set(schema, "required", required);
	json_decref(required);
	if (desc->doc != NULL)
		json_object_set_new(schema, "description", json_string(desc->doc));
	return schema;
}

json_t *record_schema(
	const struct record_desc *desc, enum record_schema_form form, record_schema_name *name_of)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct maker m = {.form = form, .name_of = name_of, .arena = arena};

	return object_schema(&m, desc);
}
