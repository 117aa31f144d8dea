/* For tests: the lookup process as it really runs, in its sandbox, with the test as its supervisor
 * and as the processes that ask. */
#ifndef SEALPOST_PROCESS_LOOKUP_TESTING_H
#define SEALPOST_PROCESS_LOOKUP_TESTING_H

#include "port/dns/dns.h"
#include "port/dns/test_server.h"
#include "port/runtime/control.h"
#include "process/lookup/lookup.h"

#include <sys/types.h>

extern struct event_base *base;
extern struct test_server server;

struct testing_child {
	pid_t pid;
	struct runtime_control *control;
	int64_t applied;
	enum err error;
	char reason[300], stats[900];
	bool closed;
	/* Of its node; set before the start. */
	char data[64];
	struct model_fetch fetch;
	struct str roots;
};
extern struct testing_child child;

/* Turn the loop until the condition holds, at most half a minute. */
#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		for (int turn = 0; !(condition) && turn < 3000; turn++) {                          \
			struct timeval slice = {0, 10 * 1000};                                     \
                                                                                                   \
			event_base_loopexit(base, &slice);                                         \
			event_base_dispatch(base);                                                 \
		}                                                                                  \
		assert_true(condition);                                                            \
	} while (0)

void testing_tell(enum runtime_control_type type, int64_t tag, struct str data, int fd);
void testing_settings(int64_t tag, const char *trust_anchor);
/* A data directory of its own; BASE is made where there is none. */
void testing_prepare(void);
int testing_start(const char *trust_anchor);
/* Ends the process, which must end well, and what testing_prepare() has made. */
int testing_end(void);
/* Ends the process and leaves the rest, for another start. */
void testing_stop(void);
/* A channel as ROLE, number INDEX. */
int testing_connect(enum runtime_role role, unsigned index);

#endif
