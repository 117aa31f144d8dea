/*
 * Inside process/admin: GET /v1/events, which tells who looks at the admin center that something is
 * new (text/event-stream).
 *
 * While anybody listens the spool is asked once a second for numbers that differ when there is
 * something new; an event goes out when they do.  Who is limited to organisations has numbers of
 * her own, made of what happens for these: nothing of others moves them, and so not even when
 * something happens for others can be heard.  A stream ends as soon as who listens is not known any
 * more or may do something else (session, token, rights), or after an hour; browsers come again by
 * themselves.
 */
#ifndef SEALPOST_PROCESS_ADMIN_EVENTS_H
#define SEALPOST_PROCESS_ADMIN_EVENTS_H

#include "process/admin/call.h"

enum {
	ADMIN_LISTENERS_MAX = 64,
	ADMIN_LISTENERS_PER_ACTOR = 16,
	ADMIN_PULSE_S = 1,
	ADMIN_ALIVE_S = 15,	  /* a comment when nothing is new for so long */
	ADMIN_LISTEN_S = 60 * 60, /* one stream at most */
};

struct admin_events;
struct admin_events *admin_events_new(struct admin *admin) MUST_USE;
void admin_events_free(struct admin_events **events);
/* End one stream. */
void admin_events_end(struct admin_call *call);

/* The event that tells; its data have the shape of that name (routes_session.c). */
#define ADMIN_EVENT_PULSE "pulse"

void admin_get_events(struct admin_call *call);

#endif
