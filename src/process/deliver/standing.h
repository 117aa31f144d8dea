/*
 * Are the certificates of a next hop revoked?  Asked of the lookup process once the connection is
 * there, where mail depends on it; the connection waits, and nothing else does.  What came of it
 * belongs to the connection, and is asked anew when it has grown old.
 */
#ifndef SEALPOST_PROCESS_DELIVER_STANDING_H
#define SEALPOST_PROCESS_DELIVER_STANDING_H

#include "process/deliver/way.h"

/* One wait of a task or a probe. */
struct deliver_standing {
	struct deliver *self;
	const struct policy_outbound *route;
	struct deliver_link *link;
	bool is_trial;		     /* ask although nothing may depend on it */
	void (*done)(void *context); /* called once, from the loop */
	void *context;
	struct str chain; /* asked about */
	struct inquiry_question *question;
};

/* Ask if there is something to ask.  False: there is not, or it is known; go on.  True: DONE will
 * be called when it is known.  All but chain and question is to be filled in. */
bool deliver_standing_begin(struct deliver_standing *standing);
/* Nothing is called any more; fine when nothing was asked. */
void deliver_standing_stop(struct deliver_standing *standing);

/* Put what is known into the facts of the connection: OPEN is what its verification left open. */
void deliver_standing_apply(const struct deliver_link_standing *known,
	const struct policy_profile *profile, const struct tls_open *open, struct arena *arena,
	struct policy_hop *hop);

#endif
