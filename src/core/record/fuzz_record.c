/* Bytes of another process to a node, and back: what is decoded encodes to the same bytes. */
#include "core/model/model.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct record_desc *const descs[] = {
		&model_node_desc, &model_connector_desc, &model_config_desc};
	struct arena *arena = arena_new();
	const struct record_desc *desc;
	struct buf out;
	void *object;

	if (size > 0) {
		desc = descs[data[0] % ARRAY_LENGTH(descs)];
		object = arena_alloc(arena, desc->size);
		if (record_decode(desc, str_make(data + 1, size - 1), arena, object) == ERR_OK) {
			buf_init(&out, size * 2 + 64);
			if (record_encode(desc, object, &out) != ERR_OK ||
				!str_equal(buf_str(&out), str_make(data + 1, size - 1)))
				abort();
			json_decref(record_to_json(desc, object, RECORD_JSON_SPARSE));
			buf_free(&out);
		}
	}
	arena_free(&arena);
	return 0;
}
