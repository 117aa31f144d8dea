/* Inside process/admin: the certificate sheet, gathered from settings and configuration. */
#ifndef SEALPOST_PROCESS_ADMIN_SHEET_H
#define SEALPOST_PROCESS_ADMIN_SHEET_H

#include "core/cert/sheet.h"
#include "core/model/model.h"

struct admin;

/* Which certificates are shown. */
struct admin_sheet_wish {
	const char *name; /* only that, also when it is not in use; NULL: all that are in use */
	const struct record_texts *names;	       /* only these; NULL or empty: all */
	const struct model_organisation *organisation; /* only what its partners see; NULL: all */
};

/* All in ARENA.  A certificate that cannot be read is left out. */
struct cert_sheet *admin_sheet_make(
	const struct admin *admin, const struct admin_sheet_wish *wish, struct arena *arena);

#endif
