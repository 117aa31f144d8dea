/* JSON to a connector: accepted ones come back the same from JSON and from bytes. */
#include "core/model/model.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct err_info info = {.text = ""};
	struct model_connector c, again;
	json_error_t error;
	json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &error), *back;

	if (json != NULL &&
		record_from_json(&model_connector_desc, json, "", arena, &c, &info) == ERR_OK) {
		back = record_to_json(&model_connector_desc, &c, RECORD_JSON_SPARSE);
		if (record_from_json(&model_connector_desc, back, "", arena, &again, &info) !=
				ERR_OK ||
			!record_equal(&model_connector_desc, &c, &again))
			abort();
		json_decref(back);
	}
	json_decref(json);
	arena_free(&arena);
	return 0;
}
