/*
 * The binary form of records, for the other processes of the same build.
 *
 * Fields stand in table order, without names.  Numbers, moments and durations: 8 bytes, little
 * endian.  Bool: one byte, 0 or 1.  Enum: 4 bytes.  Text: 4 bytes length, 0xffffffff for absent,
 * then the bytes.  Bytes: 4 bytes length, then the bytes.  Lists: 4 bytes count, then the items.
 * Optional: one byte, 0 or 1, then the struct.
 */
#include "base/wirebytes.h"
#include "core/record/field.h"

enum { ABSENT = -1 };

static void encode_list(
	const struct record_field *f, const struct record_list *list, struct buf *out)
{
	size_t item = f->kind == RECORD_LIST ? record_item_size(f) : 0;

	wirebytes_put_u32(out, (uint32_t)list->count);
	for (size_t i = 0; i < list->count; i++) {
		if (f->kind == RECORD_TEXTS)
			wirebytes_put_block(out, str_of(((const char **)list->items)[i]));
		else if (f->kind == RECORD_DURATIONS)
			wirebytes_put_u64(out, (uint64_t)((int64_t *)list->items)[i]);
		else
			record_encode(f->sub, (const char *)list->items + i * item, out);
	}
}

static void encode_field(const struct record_field *f, const void *at, struct buf *out)
{
	switch (f->kind) {
	case RECORD_BOOL:
		buf_put_byte(out, *(const bool *)at ? 1 : 0);
		break;
	case RECORD_INT:
	case RECORD_SIZE:
	case RECORD_DURATION:
	case RECORD_MOMENT:
		wirebytes_put_u64(out, (uint64_t) * (const int64_t *)at);
		break;
	case RECORD_ENUM:
		wirebytes_put_u32(out, (uint32_t) * (const int *)at);
		break;
	case RECORD_TEXT:
		if (*(const char *const *)at == NULL)
			wirebytes_put_u32(out, (uint32_t)ABSENT);
		else
			wirebytes_put_block(out, str_of(*(const char *const *)at));
		break;
	case RECORD_BYTES:
		wirebytes_put_block(out, *(const struct str *)at);
		break;
	case RECORD_TEXTS:
	case RECORD_DURATIONS:
	case RECORD_LIST:
		encode_list(f, at, out);
		break;
	case RECORD_INLINE:
		record_encode(f->sub, at, out);
		break;
	case RECORD_OPTIONAL:
		buf_put_byte(out, *(const void *const *)at != NULL ? 1 : 0);
		if (*(const void *const *)at != NULL)
			record_encode(f->sub, *(const void *const *)at, out);
		break;
	}
}

enum err record_encode(const struct record_desc *desc, const void *object, struct buf *out)
{
	for (size_t i = 0; i < desc->count; i++)
		encode_field(&desc->fields[i], record_at_const(object, &desc->fields[i]), out);
	return out->failed ? ERR_TOO_LONG : ERR_OK;
}

static bool decode_record(const struct record_desc *desc, struct str *in, struct arena *arena,
	void *object, unsigned depth);

static bool decode_text(struct str *in, struct arena *arena, const char **ret)
{
	struct str peek = *in, text;
	uint32_t length;

	if (wirebytes_get_u32(&peek, &length) && length == (uint32_t)ABSENT) {
		*in = peek;
		*ret = NULL;
		return true;
	}
	if (!wirebytes_get_block(in, &text) || memchr(text.p, '\0', text.n) != NULL)
		return false;
	*ret = arena_text_of(arena, text);
	return true;
}

static size_t record_minimum(const struct record_desc *desc);

/* Bytes that a field takes at least in binary form. */
static size_t field_minimum(const struct record_field *f)
{
	switch (f->kind) {
	case RECORD_BOOL:
	case RECORD_OPTIONAL:
		return 1;
	case RECORD_INT:
	case RECORD_SIZE:
	case RECORD_DURATION:
	case RECORD_MOMENT:
		return 8;
	case RECORD_INLINE:
		return record_minimum(f->sub);
	default:
		return 4;
	}
}

static size_t record_minimum(const struct record_desc *desc)
{
	size_t sum = 0;

	for (size_t i = 0; i < desc->count; i++)
		sum += field_minimum(&desc->fields[i]);
	return sum;
}

static size_t item_minimum(const struct record_field *f)
{
	switch (f->kind) {
	case RECORD_TEXTS:
		return 4;
	case RECORD_DURATIONS:
		return 8;
	default:
		return record_minimum(f->sub);
	}
}

static bool decode_list(const struct record_field *f, struct str *in, struct arena *arena,
	struct record_list *list, unsigned depth)
{
	size_t item = record_item_size(f);
	uint32_t count;
	uint64_t number;

	/* What the items take at least bounds what a false count can make us allocate. */
	if (!wirebytes_get_u32(in, &count) || count > in->n / item_minimum(f))
		return false;
	list->items = arena_array(arena, count, item);
	list->count = count;
	for (size_t i = 0; i < count; i++) {
		if (f->kind == RECORD_TEXTS) {
			const char **text = &((const char **)list->items)[i];

			if (!decode_text(in, arena, text) || *text == NULL)
				return false;
		} else if (f->kind == RECORD_DURATIONS) {
			if (!wirebytes_get_u64(in, &number))
				return false;
			((int64_t *)list->items)[i] = (int64_t)number;
		} else if (!decode_record(
				   f->sub, in, arena, (char *)list->items + i * item, depth)) {
			return false;
		}
	}
	return true;
}

static bool decode_bool(struct str *in, bool *ret)
{
	if (in->n == 0 || (unsigned char)in->p[0] > 1)
		return false;
	*ret = in->p[0] == 1;
	*in = str_part(*in, 1, in->n);
	return true;
}

static bool decode_optional(const struct record_field *f, struct str *in, struct arena *arena,
	void **at, unsigned depth)
{
	bool present;

	if (!decode_bool(in, &present))
		return false;
	*at = present ? arena_alloc(arena, f->sub->size) : NULL;
	return !present || decode_record(f->sub, in, arena, *at, depth);
}

static bool decode_enum(const struct record_field *f, struct str *in, int *ret)
{
	uint32_t value, count = 0;

	while (f->names[count] != NULL)
		count++;
	if (!wirebytes_get_u32(in, &value) || value >= count)
		return false;
	*ret = (int)value;
	return true;
}

static bool decode_bytes(struct str *in, struct arena *arena, struct str *ret)
{
	struct str bytes;

	if (!wirebytes_get_block(in, &bytes))
		return false;
	*ret = arena_copy(arena, bytes);
	return true;
}

static bool decode_field(
	const struct record_field *f, struct str *in, struct arena *arena, void *at, unsigned depth)
{
	switch (f->kind) {
	case RECORD_BOOL:
		return decode_bool(in, at);
	case RECORD_INT:
	case RECORD_SIZE:
	case RECORD_DURATION:
	case RECORD_MOMENT:
		return wirebytes_get_u64(in, at);
	case RECORD_ENUM:
		return decode_enum(f, in, at);
	case RECORD_TEXT:
		return decode_text(in, arena, at);
	case RECORD_BYTES:
		return decode_bytes(in, arena, at);
	case RECORD_TEXTS:
	case RECORD_DURATIONS:
	case RECORD_LIST:
		return decode_list(f, in, arena, at, depth);
	case RECORD_INLINE:
		return decode_record(f->sub, in, arena, at, depth);
	case RECORD_OPTIONAL:
		return decode_optional(f, in, arena, at, depth);
	}
	return false;
}

static bool decode_record(const struct record_desc *desc, struct str *in, struct arena *arena,
	void *object, unsigned depth)
{
	if (depth >= RECORD_MAX_DEPTH)
		return false;
	memset(object, 0, desc->size);
	for (size_t i = 0; i < desc->count; i++) {
		const struct record_field *f = &desc->fields[i];

		if (!decode_field(f, in, arena, record_at(object, f), depth + 1))
			return false;
	}
	return true;
}

enum err record_decode(
	const struct record_desc *desc, struct str bytes, struct arena *arena, void *ret_object)
{
	if (!decode_record(desc, &bytes, arena, ret_object, 0) || bytes.n != 0)
		return ERR_SYNTAX;
	return ERR_OK;
}
