/* At most so many connections to one destination at once; who comes later waits in line. */
#ifndef SEALPOST_PROCESS_DELIVER_SLOTS_H
#define SEALPOST_PROCESS_DELIVER_SLOTS_H

#include "base/mem.h"

struct deliver_slots;
struct deliver_destination;

/* Inside whoever waits; zeroed before use. */
struct deliver_slot {
	struct deliver_destination *destination;
	struct deliver_slot *next;
	void (*granted)(void *context);
	void *context;
	bool held;
};

struct deliver_slots *deliver_slots_new(void) MUST_USE;
void deliver_slots_free(struct deliver_slots **slots);
/* True: held at once.  False: SLOT stands in line and granted() will be called. */
bool deliver_slots_take(
	struct deliver_slots *slots, struct deliver_slot *slot, const char *key, size_t limit);
/* Give back, or leave the line; the next one in line may be granted. */
void deliver_slots_release(struct deliver_slots *slots, struct deliver_slot *slot);

#endif
