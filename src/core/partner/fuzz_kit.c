/* A partner kit from outside: what is accepted can be written and read again, shown in every form,
 * and proposed or refused with a reason. */
#include "core/partner/kit.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void show(const struct partner_kit *kit)
{
	struct buf page;

	buf_init(&page, 64 << 20);
	if (partner_format(kit, PAGE_TEXT, &page) != ERR_OK)
		abort();
	for (size_t i = 0; i < buf_length(&page); i++)
		if ((unsigned char)buf_str(&page).p[i] < ' ' && buf_str(&page).p[i] != '\n')
			abort();
	buf_clear(&page);
	if (partner_format(kit, PAGE_HTML, &page) != ERR_OK)
		abort();
	if (memmem(buf_str(&page).p, buf_length(&page), "<script", 7) != NULL)
		abort();
	buf_free(&page);
}

static void write_and_read(const struct partner_kit *kit, struct arena *arena)
{
	struct partner_kit again;
	struct err_info info = {.text = ""};
	json_t *json = partner_kit_json(kit);
	char *text = json_dumps(json, JSON_COMPACT);

	if (text == NULL || strlen(text) > PARTNER_KIT_MAX) {
		free(text);
		json_decref(json);
		return;
	}
	if (partner_kit_parse(str_of(text), arena, &again, &info) != ERR_OK ||
		!record_equal(&partner_kit_desc, kit, &again))
		abort();
	free(text);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct err_info info = {.text = ""};
	struct partner_import how = {.organisation = "ours"};
	struct partner_proposal proposal;
	struct partner_kit kit;

	if (partner_kit_parse(str_make(data, size), arena, &kit, &info) == ERR_OK) {
		show(&kit);
		write_and_read(&kit, arena);
		if (partner_propose(&kit, &how, arena, &proposal, &info) != ERR_OK &&
			info.text[0] == '\0')
			abort();
	} else if (info.text[0] == '\0') {
		abort();
	}
	arena_free(&arena);
	return 0;
}
