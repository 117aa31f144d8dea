/* Input: a value as JSON, as it goes into the audit log: it stays JSON, and within its limit. */
#include "core/account/audit.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void no_digest(struct str bytes, char ret[ACCOUNT_AUDIT_HASH])
{
	(void)bytes;
	memcpy(ret, account_audit_start, ACCOUNT_AUDIT_HASH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	json_t *json = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL), *again;
	const char *value = account_entry_value(json, no_digest, arena);
	struct account_entry entry = {.id = 1,
		.actor = "a",
		.via = "socket",
		.action = "x",
		.before = value,
		.result = "ok"};

	if (value != NULL) {
		struct err_info info;

		if (account_entry_check(&entry, &info) != ERR_OK)
			abort();
		again = json_loads(account_entry_text(&entry, arena), 0, NULL);
		if (again == NULL)
			abort();
		json_decref(again);
	}
	json_decref(json);
	arena_free(&arena);
	return 0;
}
