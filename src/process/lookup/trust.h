/*
 * Whether answers are validated (DNSSEC).
 *
 * With both a validating and a plain resolver the first one is preferred: the root's SOA is asked
 * of both.  As soon as it validates, answers come from the validating resolver and stay there.
 * Until then they come from the plain one, and the question is repeated: a resolver that strips
 * signatures, or knows nothing of the root, must not stop all mail.  Who can strip signatures on
 * the way can bring this about too, so it is for installations that say nothing else; an anchor of
 * one's own choice is never given up, for then there is no plain resolver.
 *
 *   UNDECIDED --validates--> VALIDATING
 *   UNDECIDED --does not--> PLAIN --validates--> VALIDATING
 */
#ifndef SEALPOST_PROCESS_LOOKUP_TRUST_H
#define SEALPOST_PROCESS_LOOKUP_TRUST_H

#include "port/dns/dns.h"

enum lookup_trust_state {
	LOOKUP_TRUST_UNDECIDED,	 /* no question is to be asked yet; lasts as long as a question */
	LOOKUP_TRUST_VALIDATING, /* for good */
	LOOKUP_TRUST_PLAIN,
};

struct lookup_trust;

/* The state has changed.  Called from the loop only. */
typedef void lookup_trust_changed(void *context);

/* Takes both resolvers; at least one is there.  With one of them the state is settled at once, and
 * CHANGED never called. */
struct lookup_trust *lookup_trust_new(struct event_base *base, struct dns *validating,
	struct dns *plain, lookup_trust_changed *changed, void *context);
void lookup_trust_free(struct lookup_trust **trust);

/* Ask again now, unless it is validating or under way. */
void lookup_trust_probe(struct lookup_trust *trust);
/* These three also take NULL, which is undecided. */
enum lookup_trust_state lookup_trust_state(const struct lookup_trust *trust);
/* Whom to ask; NULL while undecided. */
struct dns *lookup_trust_dns(const struct lookup_trust *trust);
/* Why answers are not validated although they should be; else NULL. */
const char *lookup_trust_reason(const struct lookup_trust *trust);

/* How long until the next probe: with a resolver that answers but does not let us validate, and
 * with one that does not answer at all. */
enum { LOOKUP_TRUST_AGAIN_S = 300, LOOKUP_TRUST_SILENT_S = 15 };

#endif
