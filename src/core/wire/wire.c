#include "core/wire/wire.h"

#include "base/wirebytes.h"

#include <assert.h>

enum { ID_DIGITS = WIRE_ID_TEXT - 1, ID_BITS = 5 };

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void wire_id_format(int64_t id, char ret[WIRE_ID_TEXT])
{
	uint64_t rest = (uint64_t)id;

	for (size_t i = ID_DIGITS; i-- > 0; rest >>= ID_BITS)
		ret[i] = alphabet[rest & 31];
	ret[ID_DIGITS] = '\0';
}

/* Crockford's base 32: what looks alike reads alike. */
static int digit_value(char c)
{
	const char *at;

	c = str_lower(c);
	if (c == 'o')
		return 0;
	if (c == 'i' || c == 'l')
		return 1;
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	at = c != '\0' ? strchr(alphabet, c) : NULL;
	return at != NULL ? (int)(at - alphabet) : -1;
}

bool wire_id_parse(struct str text, int64_t *ret)
{
	uint64_t id = 0;

	if (text.n != ID_DIGITS)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		int digit = digit_value(text.p[i]);

		if (digit < 0 || id > (uint64_t)INT64_MAX >> ID_BITS)
			return false;
		id = id << ID_BITS | (uint64_t)digit;
	}
	if (id == 0)
		return false;
	*ret = (int64_t)id;
	return true;
}

static void patch_u32(char *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (char)(value >> (8 * i));
}

enum err wire_put(struct buf *out, enum wire_type type, const void *record)
{
	size_t before = buf_length(out), payload;

	assert(type < WIRE_TYPE_MAX);
	if (out->failed)
		return ERR_TOO_LONG;
	wirebytes_put_u32(out, 0);
	wirebytes_put_u32(out, (uint32_t)type);
	record_encode(wire_types[type].desc, record, out);
	payload = buf_length(out) - before - WIRE_HEADER;
	if (out->failed || payload > WIRE_MAX_PAYLOAD) {
		out->to = out->from + before;
		out->failed = false;
		return ERR_TOO_LONG;
	}
	patch_u32(out->p + out->from + before, (uint32_t)payload);
	return ERR_OK;
}

enum err wire_peek(
	struct str in, enum wire_type *ret_type, struct str *ret_payload, size_t *ret_size)
{
	struct str rest = in;
	uint32_t length, type;

	if (!wirebytes_get_u32(&rest, &length))
		return ERR_AGAIN;
	if (length > WIRE_MAX_PAYLOAD)
		return ERR_SYNTAX;
	if (!wirebytes_get_u32(&rest, &type))
		return ERR_AGAIN;
	if (type >= WIRE_TYPE_MAX)
		return ERR_SYNTAX;
	if (rest.n < length)
		return ERR_AGAIN;
	*ret_type = (enum wire_type)type;
	*ret_payload = str_part(rest, 0, length);
	*ret_size = WIRE_HEADER + length;
	return ERR_OK;
}
