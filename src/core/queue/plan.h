/*
 * The plan: which of the queued recipients go next.  It holds a bounded window of the queue in
 * memory; what does not fit stays in the store until there is room.
 *
 * Recipients of one message that share a route form a parcel.  A parcel sleeps until it is due, is
 * then ready, and active while a job for it is under way.  Routes take turns: each turn starts one
 * parcel, the oldest message of that route first, so that no destination waits for another.  A
 * route has a maximum of active parcels, and rests after jobs that reached no host: what gets ready
 * meanwhile is handed out all the same, marked as such, to be put off without an attempt of its
 * own. The first parcel after a rest goes alone, as a probe.
 *
 *             add               due            take            finish
 *     (store) ----> SLEEPING --------> READY --------> ACTIVE ---------> gone
 *
 * Pure: time is a parameter, nothing is written anywhere.
 */
#ifndef SEALPOST_CORE_QUEUE_PLAN_H
#define SEALPOST_CORE_QUEUE_PLAN_H

#include "base/compiler.h"
#include "base/err.h"
#include "base/str.h"

struct queue_plan;

struct queue_plan_limits {
	size_t window;		/* recipients in memory */
	size_t window_of_route; /* of them, at one route */
	size_t active_of_route; /* parcels under way at one route */
	size_t recipients;	/* in one parcel */
};

/* One parcel that was taken.  Belongs to the plan until queue_plan_finish(). */
struct queue_parcel {
	int64_t message;
	const char *route;
	const int32_t *numbers; /* of the recipients */
	size_t count;
	bool rests; /* the route does: there is nothing to try */
};

struct queue_plan *queue_plan_new(const struct queue_plan_limits *limits, uint64_t seed) MUST_USE;
void queue_plan_free(struct queue_plan **plan);
/* Takes effect for what is taken from now on. */
void queue_plan_set_limits(struct queue_plan *plan, const struct queue_plan_limits *limits);

/*
 * A recipient that is to be tried at DUE_MS.  It joins the parcel of its message and route, which
 * goes at the earliest of its recipients' times.
 * ERR_EXISTS: it is in the plan already (nothing changes, but the time may be drawn nearer).
 * ERR_FULL: the window is full.  ERR_BUSY: this route's share of it is.
 */
enum err queue_plan_add(
	struct queue_plan *plan, int64_t message, int32_t number, struct str route, int64_t due_ms);
enum queue_plan_state { QUEUE_PLAN_NONE, QUEUE_PLAN_WAITING, QUEUE_PLAN_ACTIVE };
enum queue_plan_state queue_plan_state(
	const struct queue_plan *plan, int64_t message, int32_t number);
/* Forget a recipient that is not active; false when it is active, or not in the plan. */
bool queue_plan_remove(struct queue_plan *plan, int64_t message, int32_t number);

/* The next parcel to start; NULL when none may start now. */
const struct queue_parcel *queue_plan_take(struct queue_plan *plan, int64_t now_ms);
/* What a parcel did at its route is over: another may take its place there, while what came of it
 * is written. */
void queue_plan_over(struct queue_plan *plan, const struct queue_parcel *parcel);
/* A parcel that was taken has ended, one way or other; its memory is gone. */
void queue_plan_finish(struct queue_plan *plan, const struct queue_parcel *parcel);

/* A route's hosts could not be reached at all: it rests until UNTIL_MS.  Returns how many times in
 * a row that happened, this one included; a job that had begun before the rest does not count. */
int64_t queue_plan_route_failed(struct queue_plan *plan, struct str route, struct str reason);
void queue_plan_route_rest(struct queue_plan *plan, struct str route, int64_t until_ms);
/* A host of the route answered.  True when the route was resting or on probation: what waits for it
 * may go at once. */
bool queue_plan_route_answered(struct queue_plan *plan, struct str route);
/* End of a route's rest; empty: of all. */
void queue_plan_route_wake(struct queue_plan *plan, struct str route);

struct queue_plan_route {
	const char *name;
	size_t sleeping, ready, active; /* parcels */
	size_t recipients;		/* sleeping and ready */
	int64_t failures;
	int64_t rests_until_ms; /* 0: does not */
	const char *reason;	/* of the last failure; "" */
};
/* False when nothing is known of the route. */
bool queue_plan_route_state(
	const struct queue_plan *plan, struct str route, struct queue_plan_route *ret);
/* Walk all routes in no order; start with *position = 0. */
bool queue_plan_next_route(
	const struct queue_plan *plan, size_t *position, struct queue_plan_route *ret);

/* When something changes by itself (a parcel is due, a rest ends); INT64_MAX: never. */
int64_t queue_plan_wake_ms(const struct queue_plan *plan);
/* Recipients in the plan, active ones included. */
size_t queue_plan_count(const struct queue_plan *plan);
size_t queue_plan_active(const struct queue_plan *plan);
/* The clock went back: parcels due after LATEST_MS become due then, and so do rests. */
void queue_plan_clamp(struct queue_plan *plan, int64_t latest_ms);

#endif
