/*
 * Looking at a host: which chain does it present, by STARTTLS or at once?  No mail is begun, and
 * nothing is learnt from it for mail.  What came of each host is told (WIRE_SURVEYED) as it ends:
 * those of a domain's MX records, else the host itself.
 */
#ifndef SEALPOST_PROCESS_DELIVER_SURVEY_H
#define SEALPOST_PROCESS_DELIVER_SURVEY_H

#include "process/deliver/way.h"

enum {
	DELIVER_SURVEYS = 8,		   /* under way at once */
	DELIVER_SURVEY_MX = 5,		   /* hosts of one domain that are looked at */
	DELIVER_SURVEY_ADDRESSES = 3,	   /* of one host that are tried */
	DELIVER_SURVEY_STEP_MS = 15000,	   /* to resolve a name; to get to the end of a handshake */
	DELIVER_SURVEY_ALL_MS = 60 * 1000, /* then the hosts that are left are told as failed */
	DELIVER_SURVEY_TLS_PORT = 465,
};

struct deliver_survey {
	struct deliver *self;
	struct deliver_survey *next, **place; /* in self->surveys */
	struct arena *arena;
	struct wire_survey wire;
	struct event *timer;
	int64_t began_ticks;
	struct deliver_resolve *resolve;
	struct deliver_target targets[DELIVER_MAX_HOSTS];
	size_t target_count, target_at;
	struct deliver_address addresses[DELIVER_MAX_ADDRESSES];
	size_t address_count, address_at;
	struct deliver_link *link;
	bool is_done; /* with this host: go on from the loop */
};

void deliver_survey_begin(struct deliver *self, const struct wire_survey *wire);
/* By its tag; an unknown one has ended.  Nothing more is told of it. */
void deliver_survey_stop(struct deliver *self, int64_t tag);
/* The asker is gone, or this process ends: what can be told is. */
void deliver_survey_stop_all(struct deliver *self);

#endif
