/* Internal to core/partner: a kit as a list of blocks, before it becomes text or HTML. */
#ifndef SEALPOST_CORE_PARTNER_SHEET_H
#define SEALPOST_CORE_PARTNER_SHEET_H

#include "core/partner/kit.h"

enum partner_block_kind {
	PARTNER_TITLE,
	PARTNER_HEADING,
	PARTNER_PARAGRAPH,
	PARTNER_ROW,  /* label: text */
	PARTNER_NOTE, /* one of a list of remarks */
	PARTNER_CODE, /* label: where it goes */
};
struct partner_block {
	enum partner_block_kind kind;
	const char *label; /* ROW and CODE */
	const char *text;
};
/* Everything in the arena. */
size_t partner_sheet(
	const struct partner_kit *kit, struct arena *arena, struct partner_block **ret);

#endif
