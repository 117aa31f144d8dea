/* Internal to port/issue. */
#ifndef SEALPOST_PORT_ISSUE_INSIDE_H
#define SEALPOST_PORT_ISSUE_INSIDE_H

#include "port/issue/issue.h"

/* Beyond ISSUE_NOTES_MAX nothing is added. */
void issue_note(const struct issue_place *place, const char *format, ...) PRINTF_LIKE(2, 3);
/* Dates and fingerprint of a chain that is stored already. */
enum err issue_look(const struct issue_place *place, const struct issue_order *order,
	struct issue_pair *pair, struct err_info *info);

#endif
