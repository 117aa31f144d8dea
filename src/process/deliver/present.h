/* Which version of our certificate a next hop is shown, when it asks for one. */
#ifndef SEALPOST_PROCESS_DELIVER_PRESENT_H
#define SEALPOST_PROCESS_DELIVER_PRESENT_H

#include "process/deliver/way.h"

/* NULL: the current one, or the only one.  Lives until the next settings. */
const char *deliver_present_version(const struct deliver *self, const struct policy_outbound *route,
	const struct deliver_target *target);
/* A connection of that route has failed: if for our certificate, that is remembered, here and by
 * all.  True: there is another version that the host has not refused, so a fresh connection at once
 * is worth it. */
bool deliver_present_failed(struct deliver *self, const struct policy_outbound *route,
	const struct deliver_target *target, const struct deliver_link *link);
/* The spool has heard of a refusal. */
void deliver_present_learn(struct deliver *self, const struct wire_refused *refused);
/* New settings; what they say lives in self->arena. */
void deliver_present_lives(struct deliver *self, const struct runtime_settings *settings);

#endif
