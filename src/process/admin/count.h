/* Inside process/admin: what monitoring hears of requests (core/metrics/table.h). */
#ifndef SEALPOST_PROCESS_ADMIN_COUNT_H
#define SEALPOST_PROCESS_ADMIN_COUNT_H

#include "process/admin/call.h"

/* Why a request was turned away before anybody looked at what it asks for. */
enum admin_limit {
	ADMIN_LIMIT_ACTOR,   /* more requests than a user or a token may make */
	ADMIN_LIMIT_ADDRESS, /* the same of one address */
	ADMIN_LIMIT_LOGIN,   /* who fails to log in waits */
	ADMIN_LIMIT_BUSY,    /* too many at once */
};
void admin_count_limited(struct admin *admin, enum admin_limit why);

/* A moment for admin_count_answer(), in us. */
int64_t admin_count_now(void);
/* REQUEST is answered now; it came at CAME_US (0: not known, or it goes on for as long as the
 * client likes). */
void admin_count_answer(
	struct admin *admin, const struct evhttp_request *request, int status, int64_t came_us);

#endif
