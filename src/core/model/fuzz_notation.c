/* The small notations: domain names, prefixes, endpoints, deliveries. */
#include "core/model/model.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_domain(struct str text, struct arena *arena)
{
	const char *name = model_domain_name(text, true, arena), *again;

	if (name == NULL)
		return;
	again = model_domain_name(str_of(name), true, arena);
	if (again == NULL || strcmp(name, again) != 0 || strlen(name) > 255)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str text = str_make(data, size), host = {NULL, 0};
	struct model_prefix prefix;
	struct model_delivery delivery;
	uint16_t port = 0;

	check_domain(text, arena);
	if (model_parse_prefix(text, &prefix) &&
		(prefix.bits > 128 || !model_prefix_contains(&prefix, &prefix)))
		abort();
	if (model_parse_endpoint(text, 25, &host, &port) &&
		(port == 0 || host.n == 0 || host.p < text.p || host.p + host.n > text.p + text.n))
		abort();
	model_parse_delivery(arena_text_of(arena, text), &delivery);
	arena_free(&arena);
	return 0;
}
