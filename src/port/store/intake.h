/* The handle of content on its way in, for those who take it over. */
#ifndef SEALPOST_PORT_STORE_INTAKE_H
#define SEALPOST_PORT_STORE_INTAKE_H

#include "port/store/work.h"

struct store_intake {
	struct store *store;
	struct store_body *body;
	enum err failed; /* sticks */
};

/* Frees the handle; its content goes to the caller. */
struct store_body *store_intake_take(struct store_intake **intake, enum err *ret_failed);

#endif
