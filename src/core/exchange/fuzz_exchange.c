/* Output of PowerShell: whatever is proposed passes the model's checks, and every property of every
 * object has its fate. */
#include "core/exchange/exchange.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct exchange_import *import)
{
	struct err_info info = {.text = ""};
	json_t *json = exchange_import_json(import);

	if (json == NULL || model_check(&import->config, &info) != ERR_OK)
		abort();
	for (size_t i = 0; i < import->object_count; i++)
		for (size_t k = 0; k < import->objects[i].item_count; k++) {
			const struct exchange_item *item = &import->objects[i].items[k];

			if (item->property == NULL || item->value == NULL ||
				item->fate >= EXCHANGE_FATE_MAX)
				abort();
		}
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exchange_source source = {"input", str_make(data, size)};
	struct arena *arena = arena_new();
	struct err_info info = {.text = ""};
	struct exchange_import import;

	if (exchange_import(&source, 1, "contoso", arena, &import, &info) == ERR_OK)
		check(&import);
	else if (info.text[0] == '\0')
		abort();
	arena_free(&arena);
	return 0;
}
