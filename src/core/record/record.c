#include "core/record/record.h"

#include "base/moment.h"
#include "core/record/field.h"

#include <assert.h>
#include <stdio.h>

/* Lists of every kind share the layout {pointer, count}. */
static_assert(sizeof(struct record_texts) == sizeof(struct record_list), "list layout");
static_assert(sizeof(struct record_numbers) == sizeof(struct record_list), "list layout");

bool record_parse_size(struct str s, int64_t *ret)
{
	static const char units[] = "KMG";
	int64_t scale = 1;
	uint64_t value;

	if (s.n > 1) {
		char last = s.p[s.n - 1];
		const char *unit = strchr(units, last >= 'a' ? last - ('a' - 'A') : last);

		if (last != '\0' && unit != NULL) {
			scale = (int64_t)1 << (10 * (unit - units + 1));
			s.n--;
		}
	}
	if (!str_to_u64(s, &value) || value > (uint64_t)(INT64_MAX / scale))
		return false;
	*ret = (int64_t)value * scale;
	return true;
}

void record_format_size(int64_t bytes, char *ret, size_t size)
{
	static const char *units[] = {"", "K", "M", "G"};
	size_t unit = 0;

	while (unit < 3 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(ret, size, "%lld%s", (long long)bytes, units[unit]);
}

static void set_text_preset(
	const struct record_field *f, void *at, struct str preset, struct arena *arena)
{
	struct record_list *list = at;

	switch (f->kind) {
	case RECORD_TEXTS:
	case RECORD_DURATIONS:
		for (struct str rest = preset; rest.n > 0;) {
			struct str item = str_trim(str_cut(&rest, ','));

			list->items = record_list_grow(f, list, arena);
			if (f->kind == RECORD_TEXTS)
				((const char **)list->items)[list->count] =
					arena_text_of(arena, item);
			else
				moment_parse_duration(item, &((int64_t *)list->items)[list->count]);
			list->count++;
		}
		break;
	default:
		assert(!"no default for this kind of field");
	}
}

static void set_preset(const struct record_field *f, void *at, struct arena *arena)
{
	struct str preset = str_of(f->preset);
	uint64_t number;
	bool fine = true;

	switch (f->kind) {
	case RECORD_BOOL:
		*(bool *)at = str_is(preset, "true");
		break;
	case RECORD_INT:
		fine = str_to_u64(preset, &number);
		*(int64_t *)at = (int64_t)number;
		break;
	case RECORD_SIZE:
		fine = record_parse_size(preset, at);
		break;
	case RECORD_DURATION:
		fine = moment_parse_duration(preset, at);
		break;
	case RECORD_ENUM:
		*(int *)at = record_enum_value(f, preset);
		fine = *(int *)at >= 0;
		break;
	case RECORD_TEXT:
		*(const char **)at = arena_text_of(arena, preset);
		break;
	default:
		set_text_preset(f, at, preset, arena);
	}
	assert(fine);
	(void)fine;
}

void record_set_default(const struct record_field *f, void *object, struct arena *arena)
{
	void *at = record_at(object, f);

	memset(at, 0, record_width(f));
	if (f->kind == RECORD_INLINE)
		record_init(f->sub, at, arena);
	else if (f->preset != NULL)
		set_preset(f, at, arena);
}

void record_init(const struct record_desc *desc, void *object, struct arena *arena)
{
	memset(object, 0, desc->size);
	for (size_t i = 0; i < desc->count; i++)
		record_set_default(&desc->fields[i], object, arena);
}

void record_copy(const struct record_desc *desc, const void *from, struct arena *arena, void *to)
{
	struct buf b;
	enum err e;

	buf_init(&b, SIZE_MAX / 2);
	e = record_encode(desc, from, &b);
	if (e == ERR_OK)
		e = record_decode(desc, buf_str(&b), arena, to);
	assert(e == ERR_OK);
	(void)e;
	buf_free(&b);
}

bool record_equal(const struct record_desc *desc, const void *a, const void *b)
{
	struct buf left, right;
	bool equal;

	buf_init(&left, SIZE_MAX / 2);
	buf_init(&right, SIZE_MAX / 2);
	record_encode(desc, a, &left);
	record_encode(desc, b, &right);
	equal = str_equal(buf_str(&left), buf_str(&right));
	buf_free(&left);
	buf_free(&right);
	return equal;
}

const struct record_field *record_find(
	const struct record_desc *desc, const char *path, const struct record_desc **ret_desc)
{
	struct str rest = str_of(path);

	while (desc != NULL && rest.n > 0) {
		struct str name = str_cut(&rest, '.');
		const struct record_field *hit = NULL;

		for (size_t i = 0; i < desc->count && hit == NULL; i++)
			if (str_is(name, desc->fields[i].name))
				hit = &desc->fields[i];
		if (hit == NULL)
			return NULL;
		if (rest.n == 0) {
			if (ret_desc != NULL)
				*ret_desc = desc;
			return hit;
		}
		desc = hit->sub;
	}
	return NULL;
}

static const char *join(
	const struct record_field *f, const struct record_list *list, struct arena *arena)
{
	const char *text = "";

	for (size_t i = 0; i < list->count; i++) {
		char duration[MOMENT_TEXT_SIZE];
		const char *item = duration;

		if (f->kind == RECORD_TEXTS)
			item = ((const char **)list->items)[i];
		else
			moment_format_duration(((int64_t *)list->items)[i], duration);
		text = arena_format(arena, "%s%s%s", text, i > 0 ? ", " : "", item);
	}
	return text;
}

const char *record_format_field(
	const struct record_field *f, const void *object, struct arena *arena)
{
	const void *at = record_at_const(object, f);
	char text[MOMENT_TEXT_SIZE] = "";

	switch (f->kind) {
	case RECORD_BOOL:
		return *(const bool *)at ? "true" : "false";
	case RECORD_INT:
		return arena_format(arena, "%lld", (long long)*(const int64_t *)at);
	case RECORD_SIZE:
		record_format_size(*(const int64_t *)at, text, sizeof(text));
		break;
	case RECORD_DURATION:
		moment_format_duration(*(const int64_t *)at, text);
		break;
	case RECORD_MOMENT:
		if (*(const int64_t *)at != 0)
			moment_format_rfc3339(*(const int64_t *)at, text);
		break;
	case RECORD_ENUM:
		return record_enum_name(f, *(const int *)at);
	case RECORD_TEXT:
		return *(const char *const *)at != NULL ? *(const char *const *)at : "";
	case RECORD_BYTES:
		return arena_text_of(arena, *(const struct str *)at);
	case RECORD_TEXTS:
	case RECORD_DURATIONS:
		return join(f, at, arena);
	default:
		return "";
	}
	return arena_text(arena, text);
}
