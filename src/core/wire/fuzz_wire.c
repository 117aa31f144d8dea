/* Frames from a process that is broken or hostile: reading never fails but by an error, and what
 * was read is written as the same bytes again. */
#include "core/wire/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(enum wire_type type, struct str payload, const void *record)
{
	struct buf b;

	buf_init(&b, 2 * WIRE_MAX_PAYLOAD);
	if (wire_put(&b, type, record) != ERR_OK ||
		!str_equal(str_part(buf_str(&b), WIRE_HEADER, SIZE_MAX), payload))
		abort();
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make(data, size), payload;
	struct arena *arena = arena_new();
	enum wire_type type;
	size_t taken;

	while (wire_peek(in, &type, &payload, &taken) == ERR_OK) {
		const struct record_desc *desc = wire_types[type].desc;
		void *record = arena_alloc(arena, desc->size);

		if (record_decode(desc, payload, arena, record) == ERR_OK)
			again(type, payload, record);
		in = str_part(in, taken, in.n);
		arena_clear(arena);
	}
	arena_free(&arena);
	return 0;
}
