/* A spool with a store in memory (or a directory), a clock that stands still, and the processes
 * around it played by the test. */
#ifndef SEALPOST_PROCESS_SPOOL_TESTING_H
#define SEALPOST_PROCESS_SPOOL_TESTING_H

#include "process/spool/state.h"

enum { TESTING_MAX_JOBS = 2000 };

#define TESTING_T0 INT64_C(1795300000000)

/* A job as a deliver process got it; texts are copies in the world's arena. */
struct testing_job {
	struct wire_job wire;
	bool answered;
};

struct testing_peer {
	struct testing *t;
	struct ipc *ipc;
	enum runtime_role role;
	/* deliver */
	struct testing_job jobs[TESTING_MAX_JOBS];
	size_t job_count;
	struct buf body;
	enum err body_error;
	size_t body_answers;
	struct wire_host host;
	size_t hosts, cancels;
	/* receive */
	int64_t done_id;
	enum err done;
	size_t dones, configs;
	int64_t credit;
	bool intake_open;
	const char *intake_reason;
	/* lookup */
	struct wire_post post; /* the last one */
	size_t posts;
	/* admin */
	json_t *answer;
	enum err answer_error;
	size_t answers;
};

struct testing {
	struct event_base *base;
	struct arena *arena;
	struct spool *spool;
	struct model_node node;
	struct testing_peer *receive, *deliver, *admin;
	int64_t next_id;
};

extern int64_t testing_now; /* the clock */

struct testing *testing_new(const char *directory);
void testing_free(struct testing **t);
/* End the spool as a crash or an end would, and begin another one on the same directory. */
void testing_restart(struct testing *t, const char *directory);
struct testing_peer *testing_peer(struct testing *t, enum runtime_role role, unsigned index);
/* A deliver process that has not said yet that it takes jobs, and then says so. */
struct testing_peer *testing_peer_quiet(struct testing *t, enum runtime_role role, unsigned index);
void testing_peer_ready(struct testing_peer *peer);
void testing_peer_free(struct testing_peer **peer);

/* Run the loop until CONDITION; fails the test after some seconds. */
#define testing_until(t, condition)                                                                \
	do {                                                                                       \
		int64_t testing_deadline = testing_deadline_ms();                                  \
		while (!(condition)) {                                                             \
			testing_turn((t), testing_deadline, #condition);                           \
		}                                                                                  \
	} while (0)
int64_t testing_deadline_ms(void);
void testing_turn(struct testing *t, int64_t deadline_ms, const char *what);
/* Everything that is under way has happened: some turns without anything new. */
void testing_settle(struct testing *t);
/* Let the clock go on, and what depends on it happen. */
void testing_advance(struct testing *t, int64_t ms);

/* Hand in a message and wait until it is accepted; recipients separated by blanks. */
int64_t testing_accept(struct testing *t, const char *sender, const char *recipients);
int64_t testing_accept_as(
	struct testing *t, const char *sender, const char *recipients, int64_t notify);
/* Ask as the administrator; result lives until the next question. */
json_t *testing_ask(struct testing *t, const char *verb, const char *arguments);
int64_t testing_number(const json_t *object, const char *key);
int64_t testing_queued(struct testing *t); /* recipients */

/* Wait for the next job that nobody answered. */
struct testing_job *testing_next_job(struct testing *t);
size_t testing_open_jobs(struct testing *t);
/* The same result for all its recipients. */
void testing_answer(
	struct testing *t, struct testing_job *job, enum wire_result result, const char *text);
void testing_answer_dead(struct testing *t, struct testing_job *job);
/* Kinds of the events of a message, in their order. */
const char *testing_kinds(struct testing *t, int64_t id);
/* A directory with all that is in it. */
void testing_remove(const char *path);
/* Its content. */
const char *testing_body(struct testing *t, struct testing_job *job);

#endif
