#include "base/wirebytes.h"

static void put_number(struct buf *out, uint64_t value, size_t width)
{
	char bytes[8];

	for (size_t i = 0; i < width; i++)
		bytes[i] = (char)(value >> (8 * i));
	buf_put(out, str_make(bytes, width));
}

static bool get_number(struct str *in, size_t width, uint64_t *ret)
{
	uint64_t value = 0;

	if (in->n < width)
		return false;
	for (size_t i = 0; i < width; i++)
		value |= (uint64_t)(unsigned char)in->p[i] << (8 * i);
	*in = str_part(*in, width, in->n);
	*ret = value;
	return true;
}

void wirebytes_put_u32(struct buf *out, uint32_t value)
{
	put_number(out, value, 4);
}

void wirebytes_put_u64(struct buf *out, uint64_t value)
{
	put_number(out, value, 8);
}

void wirebytes_put_block(struct buf *out, struct str bytes)
{
	if (bytes.n > UINT32_MAX - 1) {
		out->failed = true;
		return;
	}
	put_number(out, bytes.n, 4);
	buf_put(out, bytes);
}

bool wirebytes_get_u32(struct str *in, uint32_t *ret)
{
	uint64_t value;

	if (!get_number(in, 4, &value))
		return false;
	*ret = (uint32_t)value;
	return true;
}

bool wirebytes_get_u64(struct str *in, void *ret_u64)
{
	uint64_t value;

	if (!get_number(in, 8, &value))
		return false;
	memcpy(ret_u64, &value, sizeof(value));
	return true;
}

bool wirebytes_get_block(struct str *in, struct str *ret)
{
	struct str rest = *in;
	uint32_t length;

	if (!wirebytes_get_u32(&rest, &length) || rest.n < length)
		return false;
	*ret = str_part(rest, 0, length);
	*in = str_part(rest, length, rest.n);
	return true;
}
