/*
 * Whether everything is there that certificates need: endpoints that can be reached, roots that are
 * trusted; and what TLS is offered to whom.
 */
#ifndef SEALPOST_PROCESS_ADMIN_CHECK_H
#define SEALPOST_PROCESS_ADMIN_CHECK_H

#include "process/admin/call.h"

void admin_get_tls(struct admin_call *call);

#endif
