/* YAML to a node file and to a configuration.  What is accepted can be written and read again. */
#include "core/model/model.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void format_and_parse(const json_t *json)
{
	struct err_info info = {.text = ""};
	json_t *again = NULL;
	struct buf out;

	buf_init(&out, 16 << 20);
	/* A bare scalar at the top has no place in a file of ours. */
	if (model_format_yaml(json, &out) != ERR_OK)
		abort();
	if (model_parse_yaml(buf_str(&out), &again, &info) != ERR_OK || !json_equal(json, again))
		abort();
	json_decref(again);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct err_info info = {.text = ""};
	struct model_config config;
	struct model_node node;
	json_t *json = NULL;

	if (model_parse_yaml(str_make(data, size), &json, &info) == ERR_OK) {
		format_and_parse(json);
		if (record_from_json(&model_node_desc, json, "", arena, &node, &info) == ERR_OK) {
			model_check_node(&node, &info);
			model_resolve_paths(&node, "/etc/x", arena);
		}
		if (record_from_json(&model_config_desc, json, "", arena, &config, &info) == ERR_OK)
			model_check(&config, &info);
		json_decref(json);
	} else if (info.text[0] == '\0') {
		abort();
	}
	arena_free(&arena);
	return 0;
}
