/* Bodies of requests against the shapes of the API: no value breaks the check. */
#include "base/err.h"
#include "core/shape/shape.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const shapes[] = {
	"{from: text, to: text|[text], ip?: text..64, tls?: boolean|null}",
	"{changes: [{kind: 'connector'|'rule', op: text, key: text, object?: {...}}]}",
	"{filter: {all?: boolean, state?: 'held'|'waiting'}, *: 1..100}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err_info info = {.text = ""};
	json_t *schema, *value;

	if (size == 0)
		return 0;
	if (shape_schema(shapes[data[0] % 3], NULL, NULL, &schema, &info) != ERR_OK)
		abort();
	value = json_loadb((const char *)data + 1, size - 1, JSON_DECODE_ANY, NULL);
	if (value != NULL && shape_check(schema, value, NULL, NULL, &info) != ERR_OK &&
		info.text[0] == '\0')
		abort();
	json_decref(value);
	json_decref(schema);
	return 0;
}
