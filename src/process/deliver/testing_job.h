/* Jobs in a deliver process of their own, between a spool that is played and a server that does as
 * it is told. */
#ifndef SEALPOST_PROCESS_DELIVER_TESTING_JOB_H
#define SEALPOST_PROCESS_DELIVER_TESTING_JOB_H

#include "process/deliver/inside.h"
#include "process/deliver/testing.h"

struct fixture {
	struct deliver d;
	struct deliver_testing_server server, other; /* the other one is not always there */
	uint64_t generation;
	struct ipc *spool;
	struct arena *arena;
	char content[64];
	bool is_disabled; /* the connector */
	bool is_silent;	  /* the spool gives no content */
	/* what the spool heard last */
	int outcomes, hosts;
	struct wire_outcome outcome;
	struct wire_host host;
};

void connect_spool(struct fixture *x);
void configure(struct fixture *x, int required);
int setup(void **state);
int teardown(void **state);
void begin(struct fixture *x, int64_t id, const char *recipient);
void wait_outcome(struct fixture *x, int count);
void deliver_one(struct fixture *x, const char *recipient);
void expect(struct fixture *x, int result, const char *token, const char *enhanced);
void add_mx(struct fixture *x, const char *domain, uint16_t preference, const char *host);
void add_a(struct fixture *x, const char *host);
void run_until(struct fixture *x, bool (*condition)(void *));

#endif
