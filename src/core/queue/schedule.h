/*
 * When a message is tried again, when its sender hears of the delay, and when it is given up.
 *
 * The waits of the settings are used in turn, the last one repeats.  The last attempt is made at
 * the moment of expiry, whatever the wait would be: a message is returned only after an attempt
 * that failed at or after that moment.  Clocks jump: a reception that lies in the future counts
 * what was waited so far by the schedule, and a due time that lies further ahead than any wait is
 * drawn in (queue_clamp_due).
 */
#ifndef SEALPOST_CORE_QUEUE_SCHEDULE_H
#define SEALPOST_CORE_QUEUE_SCHEDULE_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	QUEUE_EXPIRY_MIN_MS = 3600 * 1000,
	QUEUE_EXPIRY_MAX_MS = 7 * 24 * 3600 * 1000,
	QUEUE_ROUTE_WAIT_MAX_MS = 15 * 60 * 1000, /* a dead route is probed at least that often */
};

struct queue_settings {
	const int64_t *waits; /* NULL: 1, 5, 15, 15, 30, 60 minutes */
	size_t wait_count;
	int64_t expiry_ms;	 /* clamped to the limits above */
	int64_t delay_notice_ms; /* 0: none */
};

struct queue_history {
	int64_t received_ms;
	int64_t attempts; /* the one that has just failed included */
	bool delay_noticed;
};

enum queue_verdict {
	QUEUE_WAIT,   /* try again at when_ms */
	QUEUE_RETURN, /* its time is over */
};

struct queue_next {
	enum queue_verdict verdict;
	int64_t when_ms;    /* WAIT */
	int64_t expires_ms; /* the moment of the last attempt */
	bool notify_delay;  /* tell the sender now */
};

/* After an attempt that failed for now. */
struct queue_next queue_next_attempt(
	const struct queue_history *history, const struct queue_settings *settings, int64_t now_ms);

/* Is its time over, without a further attempt?  For mail that waits behind a dead route: true once
 * it is past its expiry and either was tried itself or the route was (TRIED). */
bool queue_is_expired(const struct queue_history *history, const struct queue_settings *settings,
	bool tried, int64_t now_ms);

/* DUE, drawn in to the longest wait from now: the clock must have gone back since it was set. */
int64_t queue_clamp_due(int64_t due_ms, const struct queue_settings *settings, int64_t now_ms);

/* How long a whole route rests after FAILURES jobs in a row that reached no host. */
int64_t queue_route_wait(int64_t failures, const struct queue_settings *settings);

#endif
