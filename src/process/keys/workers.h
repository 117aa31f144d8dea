/* Threads in which tokens sign: the loop and the keys in memory do not wait for them. */
#ifndef SEALPOST_PROCESS_KEYS_WORKERS_H
#define SEALPOST_PROCESS_KEYS_WORKERS_H

#include "process/keys/ring.h"

#include <sys/queue.h>

enum {
	KEYS_WORKERS = 8,      /* signatures that a token is asked for at the same time */
	KEYS_PAUSE_S = 3,      /* how long a reload waits for the token */
	KEYS_JOBS_MAX = 10000, /* that wait or are being made */
};

struct runtime_peer;

/* One signature under way.  Its maker sets order, tag and peer; the peer is set to NULL when it is
 * gone. */
struct keys_job {
	TAILQ_ENTRY(keys_job) links; /* waiting, or done */
	LIST_ENTRY(keys_job) all;    /* of the loop */
	struct keys_order order;
	struct runtime_peer *peer;
	int64_t tag;
	enum err error;
	unsigned char signature[KEYS_SIGNATURE_MAX];
	size_t length;
};

struct keys_workers;

/* Starts the threads.  DONE is called from the loop of BASE and owns the job. */
enum err keys_workers_new(struct event_base *base, void (*done)(void *owner, struct keys_job *job),
	void *owner, struct keys_workers **ret, struct err_info *info);
/* Waits for the signatures that are being made, and frees all jobs. */
void keys_workers_free(struct keys_workers **workers);
/* Takes the job, unless it returns ERR_BUSY. */
enum err keys_workers_put(struct keys_workers *workers, struct keys_job *job);
/* No job of this peer will be answered. */
void keys_workers_forget(struct keys_workers *workers, const struct runtime_peer *peer);
/* Let no thread begin, and wait until none signs; ERR_TIMEOUT: a token takes longer than
 * KEYS_PAUSE_S.  In either case let them go on.  NULL is fine. */
enum err keys_workers_pause(struct keys_workers *workers) MUST_USE;
void keys_workers_resume(struct keys_workers *workers);
size_t keys_workers_count(const struct keys_workers *workers);

#endif
