/*
 * Inside process/admin: what libevent answers by itself.
 *
 * To a request that it cannot read, or that is larger than its limits, it writes a page of its own
 * (text/html) before anybody here hears of the request.  As such a page is written into the output
 * of a connection, and before any of it has left, a problem (RFC 9457) takes its place.  The
 * connection is closed behind it, as libevent does.
 */
#ifndef SEALPOST_PROCESS_ADMIN_COMPLAINT_H
#define SEALPOST_PROCESS_ADMIN_COMPLAINT_H

#include "process/admin/call.h"

/* Before HTTP serves the first connection. */
void admin_complaint_watch(struct admin *admin, struct evhttp *http);
/* Replace what OUTPUT holds if it is such a page, and a whole one; true: it was. */
bool admin_complaint_turn(struct evbuffer *output);
/* A whole answer to a request of which no call was made (answer.c): head and body, after which the
 * connection ends. */
void admin_answer_plainly(struct evbuffer *to, int status, const char *detail);

#endif
