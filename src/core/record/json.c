#include "base/moment.h"
#include "core/record/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *bytes_to_json(struct str bytes)
{
	static const char hex[] = "0123456789abcdef";
	json_t *json;
	char *text;

	if (str_is_utf8(bytes) && !str_starts_nocase(bytes, (struct str)STR("hex:")) &&
		str_find(bytes, '\0', 0) == bytes.n)
		return json_stringn(bytes.p != NULL ? bytes.p : "", bytes.n);
	text = mem_new(bytes.n * 2 + 5);
	memcpy(text, "hex:", 4);
	for (size_t i = 0; i < bytes.n; i++) {
		text[4 + 2 * i] = hex[(unsigned char)bytes.p[i] >> 4];
		text[5 + 2 * i] = hex[(unsigned char)bytes.p[i] & 15];
	}
	json = json_string(text);
	free(text);
	return json;
}

/* Texts of strangers need not be UTF-8: what is not becomes "?", rather than the whole being lost.
 */
static json_t *text_to_json(const char *text)
{
	json_t *json = json_string(text);
	char *copy;

	if (json != NULL)
		return json;
	copy = mem_text(text);
	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	json = json_string(copy);
	free(copy);
	return json;
}

static json_t *list_to_json(
	const struct record_field *f, const struct record_list *list, unsigned flags)
{
	json_t *array = json_array();
	char text[MOMENT_TEXT_SIZE];

	for (size_t i = 0; i < list->count; i++) {
		if (f->kind == RECORD_LIST) {
			const char *item = (const char *)list->items + i * f->sub->size;

			json_array_append_new(array, record_to_json(f->sub, item, flags));
			continue;
		}
		if (f->kind == RECORD_DURATIONS)
			moment_format_duration(((int64_t *)list->items)[i], text);
		json_array_append_new(array,
			text_to_json(
				f->kind == RECORD_TEXTS ? ((const char **)list->items)[i] : text));
	}
	return array;
}

static json_t *field_to_json(const struct record_field *f, const void *at, unsigned flags)
{
	char text[MOMENT_TEXT_SIZE];

	switch (f->kind) {
	case RECORD_BOOL:
		return json_boolean(*(const bool *)at);
	case RECORD_INT:
		return json_integer(*(const int64_t *)at);
	case RECORD_SIZE:
		record_format_size(*(const int64_t *)at, text, sizeof(text));
		return json_string(text);
	case RECORD_DURATION:
		moment_format_duration(*(const int64_t *)at, text);
		return json_string(text);
	case RECORD_MOMENT:
		if (*(const int64_t *)at == 0)
			return json_null();
		moment_format_rfc3339(*(const int64_t *)at, text);
		return json_string(text);
	case RECORD_ENUM:
		return json_string(record_enum_name(f, *(const int *)at));
	case RECORD_TEXT:
		return *(const char *const *)at != NULL ? text_to_json(*(const char *const *)at)
							: json_null();
	case RECORD_BYTES:
		return bytes_to_json(*(const struct str *)at);
	case RECORD_TEXTS:
	case RECORD_DURATIONS:
	case RECORD_LIST:
		return list_to_json(f, at, flags);
	case RECORD_INLINE:
		return record_to_json(f->sub, at, flags);
	case RECORD_OPTIONAL:
		return *(const void *const *)at != NULL
			       ? record_to_json(f->sub, *(const void *const *)at, flags)
			       : json_null();
	}
	return json_null();
}

json_t *record_default_json(
	const struct record_desc *desc, const struct record_field *f, unsigned flags)
{
	struct arena *arena = arena_new();
	void *object = arena_alloc(arena, desc->size);
	json_t *json;

	record_set_default(f, object, arena);
	json = field_to_json(f, record_at(object, f), flags);
	arena_free(&arena);
	return json;
}

json_t *record_to_json(const struct record_desc *desc, const void *object, unsigned flags)
{
	json_t *json = json_object();

	for (size_t i = 0; i < desc->count; i++) {
		const struct record_field *f = &desc->fields[i];
		json_t *value = field_to_json(f, record_at_const(object, f), flags);

		if (flags & RECORD_JSON_SPARSE) {
			json_t *preset = record_default_json(desc, f, flags);
			bool same = json_equal(value, preset);

			json_decref(preset);
			if (same && !(f->flags & RECORD_REQUIRED)) {
				json_decref(value);
				continue;
			}
		}
		json_object_set_new(json, f->name, value);
	}
	return json;
}

/* Where reading stands: for messages. */
struct reader {
	struct arena *arena;
	struct err_info *info;
	unsigned depth;
};

static enum err read_object(const struct reader *r, const struct record_desc *desc,
	const json_t *json, const char *where, void *object);

static const char *found(const struct reader *r, const json_t *json)
{
	char *dump = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
	const char *text = arena_format(r->arena, "%.80s%s", dump != NULL ? dump : "?",
		dump != NULL && strlen(dump) > 80 ? "..." : "");

	free(dump);
	return text;
}

static enum err expected(
	const struct reader *r, const char *where, const char *what, const json_t *json)
{
	return err_set(
		r->info, ERR_SYNTAX, "%s: expected %s, found %s", where, what, found(r, json));
}

static enum err in_range(const struct reader *r, const struct record_field *f, const char *where,
	int64_t value, const json_t *json)
{
	char low[MOMENT_TEXT_SIZE], high[MOMENT_TEXT_SIZE];

	if ((f->min == 0 && f->max == 0) || (value >= f->min && value <= f->max))
		return ERR_OK;
	if (f->kind == RECORD_DURATION) {
		moment_format_duration(f->min, low);
		moment_format_duration(f->max, high);
	} else if (f->kind == RECORD_SIZE) {
		record_format_size(f->min, low, sizeof(low));
		record_format_size(f->max, high, sizeof(high));
	} else {
		snprintf(low, sizeof(low), "%" PRId64, f->min);
		snprintf(high, sizeof(high), "%" PRId64, f->max);
	}
	return err_set(r->info, ERR_RANGE, "%s: expected %s to %s, found %s", where, low, high,
		found(r, json));
}

static enum err read_number(const struct reader *r, const struct record_field *f,
	const json_t *json, const char *where, int64_t *ret)
{
	struct str text = json_is_string(json)
				  ? str_make(json_string_value(json), json_string_length(json))
				  : str_of(NULL);

	switch (f->kind) {
	case RECORD_INT:
		if (json_is_integer(json))
			*ret = json_integer_value(json);
		else
			return expected(r, where, "a whole number", json);
		break;
	case RECORD_SIZE:
		if (json_is_integer(json))
			*ret = json_integer_value(json);
		else if (!record_parse_size(text, ret))
			return expected(r, where, "a size such as 35M, 512K or 4096", json);
		break;
	case RECORD_DURATION:
		if (json_is_integer(json) && json_integer_value(json) >= 0 &&
			json_integer_value(json) < INT64_MAX / 1000)
			*ret = json_integer_value(json) * 1000;
		else if (!moment_parse_duration(text, ret))
			return expected(r, where, "a duration such as 90s, 15m, 24h or 7d", json);
		break;
	default:
		if (!moment_parse_rfc3339(text, ret))
			return expected(r, where, "a moment such as 2026-11-21T21:43:04Z", json);
		return ERR_OK;
	}
	return in_range(r, f, where, *ret, json);
}

static enum err read_enum(const struct reader *r, const struct record_field *f, const json_t *json,
	const char *where, int *ret)
{
	const char *names = "";
	int value =
		json_is_string(json) ? record_enum_value(f, str_of(json_string_value(json))) : -1;

	if (value >= 0) {
		*ret = value;
		return ERR_OK;
	}
	for (int i = 0; f->names[i] != NULL; i++)
		names = arena_format(r->arena, "%s%s%s", names, i > 0 ? ", " : "", f->names[i]);
	return expected(r, where, arena_format(r->arena, "one of %s", names), json);
}

static enum err read_text(const struct reader *r, const struct record_field *f, const json_t *json,
	const char *where, const char **ret)
{
	struct err_info why = {.text = ""};
	size_t limit = f->kind == RECORD_TEXT ? record_max_text(f) : RECORD_MAX_TEXT;
	enum err e;

	if (!json_is_string(json))
		return expected(r, where, "a text", json);
	if (strlen(json_string_value(json)) != json_string_length(json))
		return err_set(r->info, ERR_SYNTAX, "%s: a NUL character is not allowed", where);
	if (json_string_length(json) > limit)
		return err_set(r->info, ERR_TOO_LONG, "%s: longer than %zu bytes", where, limit);
	if (f->kind == RECORD_TEXT && (int64_t)json_string_length(json) < f->min)
		return err_set(r->info, ERR_RANGE, "%s: shorter than %lld bytes", where,
			(long long)f->min);
	e = f->check != NULL ? f->check(json_string_value(json), &why) : ERR_OK;
	if (e != ERR_OK)
		return err_set(r->info, e, "%s: %s", where, why.text);
	*ret = f->normal != NULL ? f->normal(json_string_value(json), r->arena)
				 : arena_text(r->arena, json_string_value(json));
	return ERR_OK;
}

static int hex_value(char c)
{
	c = str_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum err read_bytes(
	const struct reader *r, const json_t *json, const char *where, struct str *ret)
{
	struct str text = str_make(json_string_value(json), json_string_length(json));
	char *bytes;

	if (!json_is_string(json))
		return expected(r, where, "a text", json);
	if (!str_starts_nocase(text, (struct str)STR("hex:"))) {
		*ret = arena_copy(r->arena, text);
		return ERR_OK;
	}
	text = str_part(text, 4, text.n);
	bytes = arena_alloc(r->arena, text.n / 2 + 1);
	for (size_t i = 0; i + 1 < text.n; i += 2) {
		int high = hex_value(text.p[i]), low = hex_value(text.p[i + 1]);

		if (high < 0 || low < 0)
			return expected(r, where, "hexadecimal digits", json);
		bytes[i / 2] = (char)(high << 4 | low);
	}
	if (text.n % 2 != 0)
		return expected(r, where, "an even number of hexadecimal digits", json);
	*ret = str_make(bytes, text.n / 2);
	return ERR_OK;
}

static enum err read_item(const struct reader *r, const struct record_field *f, const json_t *json,
	const char *where, void *at)
{
	struct record_field one = *f;

	switch (f->kind) {
	case RECORD_TEXTS:
		return read_text(r, f, json, where, at);
	case RECORD_DURATIONS:
		one.kind = RECORD_DURATION;
		one.min = one.max = 0;
		return read_number(r, &one, json, where, at);
	default:
		record_init(f->sub, at, r->arena);
		return read_object(r, f->sub, json, where, at);
	}
}

static enum err read_list(const struct reader *r, const struct record_field *f, const json_t *json,
	const char *where, struct record_list *list)
{
	bool is_single = !json_is_array(json) && f->kind != RECORD_LIST;
	size_t count = is_single ? 1 : json_array_size(json);

	if (!json_is_array(json) && !is_single)
		return expected(r, where, "a list", json);
	if (count > record_max_items(f))
		return err_set(r->info, ERR_TOO_MANY, "%s: %zu items, more than the limit of %zu",
			where, count, record_max_items(f));
	list->count = 0;
	list->items = arena_array(r->arena, count, record_item_size(f));
	for (size_t i = 0; i < count; i++) {
		const json_t *item = is_single ? json : json_array_get(json, i);
		const char *place = is_single ? where : arena_format(r->arena, "%s[%zu]", where, i);
		void *at = (char *)list->items + i * record_item_size(f);
		enum err e = read_item(r, f, item, place, at);

		if (e != ERR_OK)
			return e;
		list->count++;
	}
	return ERR_OK;
}

static enum err read_optional(const struct reader *r, const struct record_field *f,
	const json_t *json, const char *where, void **at)
{
	if (*at == NULL) {
		*at = arena_alloc(r->arena, f->sub->size);
		record_init(f->sub, *at, r->arena);
	}
	return read_object(r, f->sub, json, where, *at);
}

static enum err read_field(const struct reader *r, const struct record_field *f, const json_t *json,
	const char *where, void *object)
{
	void *at = record_at(object, f);

	if (json_is_null(json)) {
		record_set_default(f, object, r->arena);
		return ERR_OK;
	}
	switch (f->kind) {
	case RECORD_BOOL:
		if (!json_is_boolean(json))
			return expected(r, where, "true or false", json);
		*(bool *)at = json_is_true(json);
		return ERR_OK;
	case RECORD_INT:
	case RECORD_SIZE:
	case RECORD_DURATION:
	case RECORD_MOMENT:
		return read_number(r, f, json, where, at);
	case RECORD_ENUM:
		return read_enum(r, f, json, where, at);
	case RECORD_TEXT:
		return read_text(r, f, json, where, at);
	case RECORD_BYTES:
		return read_bytes(r, json, where, at);
	case RECORD_TEXTS:
	case RECORD_DURATIONS:
	case RECORD_LIST:
		return read_list(r, f, json, where, at);
	case RECORD_INLINE:
		return read_object(r, f->sub, json, where, at);
	case RECORD_OPTIONAL:
		return read_optional(r, f, json, where, at);
	}
	return ERR_INTERNAL;
}

static bool is_missing(const struct record_field *f, const void *object)
{
	const void *at = record_at_const(object, f);

	switch (f->kind) {
	case RECORD_TEXT:
		return *(const char *const *)at == NULL || **(const char *const *)at == '\0';
	case RECORD_TEXTS:
	case RECORD_DURATIONS:
	case RECORD_LIST:
		return ((const struct record_list *)at)->count == 0;
	case RECORD_OPTIONAL:
		return *(const void *const *)at == NULL;
	default:
		return false;
	}
}

static const char *below(const struct reader *r, const char *where, const char *name)
{
	return where[0] != '\0' ? arena_format(r->arena, "%s.%s", where, name) : name;
}

static enum err read_checks(const struct reader *r, const struct record_desc *desc,
	const char *where, const void *object)
{
	struct err_info why = {.text = ""};
	enum err e;

	for (size_t i = 0; i < desc->count; i++)
		if ((desc->fields[i].flags & RECORD_REQUIRED) &&
			is_missing(&desc->fields[i], object))
			return err_set(r->info, ERR_SYNTAX, "%s: is missing",
				below(r, where, desc->fields[i].name));
	e = desc->check != NULL ? desc->check(object, &why) : ERR_OK;
	return e == ERR_OK ? ERR_OK : err_set(r->info, e, "%s", below(r, where, why.text));
}

static enum err read_object(const struct reader *r, const struct record_desc *desc,
	const json_t *json, const char *where, void *object)
{
	struct reader deeper = *r;
	const char *key;
	json_t *value;

	if (++deeper.depth > RECORD_MAX_DEPTH)
		return err_set(r->info, ERR_TOO_LONG, "%s: nested too deeply", where);
	if (!json_is_object(json))
		return expected(r, where[0] != '\0' ? where : desc->name,
			arena_format(r->arena, "the properties of %s %s",
				strchr("aeiou", desc->name[0]) != NULL ? "an" : "a", desc->name),
			json);
	json_object_foreach ((json_t *)json, key, value) {
		const char *place = below(r, where, key);
		const struct record_field *f =
			strchr(key, '.') == NULL ? record_find(desc, key, NULL) : NULL;
		enum err e;

		if (f == NULL)
			return err_set(r->info, ERR_UNKNOWN, "%s: %s %s has no such property",
				place, strchr("aeiou", desc->name[0]) != NULL ? "an" : "a",
				desc->name);
		e = read_field(&deeper, f, value, place, object);
		if (e != ERR_OK)
			return e;
	}
	return read_checks(&deeper, desc, where, object);
}

enum err record_merge_json(const struct record_desc *desc, const json_t *json, const char *where,
	struct arena *arena, void *object, struct err_info *info)
{
	struct reader r = {.arena = arena, .info = info};

	return read_object(&r, desc, json, where, object);
}

enum err record_from_json(const struct record_desc *desc, const json_t *json, const char *where,
	struct arena *arena, void *ret_object, struct err_info *info)
{
	record_init(desc, ret_object, arena);
	return record_merge_json(desc, json, where, arena, ret_object, info);
}
