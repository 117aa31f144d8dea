/* Inside process/admin: what uses a certificate, and whose it is. */
#ifndef SEALPOST_PROCESS_ADMIN_USES_H
#define SEALPOST_PROCESS_ADMIN_USES_H

#include "core/model/model.h"

/* Does a listener with TLS present it, to some? */
bool admin_use_serves(const struct model_node *node, const char *name);
/* Is it presented when mail is sent: of ORGANISATION (NULL: of any)? */
bool admin_use_sends(const struct model_config *config, const char *organisation, const char *name);
/* Another organisation says that it is its own, and this one does not. */
bool admin_use_is_foreign(const struct model_config *config,
	const struct model_organisation *organisation, const char *name);

#endif
