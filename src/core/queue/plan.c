#include "core/queue/plan.h"

#include "base/heap.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>

enum parcel_state { SLEEPING, READY, ACTIVE };

struct route;

struct parcel {
	struct queue_parcel face; /* first: what callers see */
	struct heap_node node; /* SLEEPING: by due, in the plan; READY: by message, in the route */
	struct route *route;
	enum parcel_state state;
	bool busy; /* it keeps one of its route's places */
	int64_t due_ms;
	int32_t *numbers;
	size_t size;
};

struct route {
	char *name;
	char *reason;
	struct heap ready;
	struct heap_node rest;	      /* in plan.resting, by the end of the rest */
	struct route *before, *after; /* in the ring of those that may start something */
	bool in_ring;
	bool resting;
	bool probing; /* after a rest: one job alone */
	int64_t failures;
	size_t sleeping, active, busy, recipients, parcels;
};

struct queue_plan {
	struct queue_plan_limits limits;
	struct map *routes;
	struct map *recipients; /* message, number -> parcel */
	struct map *waiting;	/* message, route -> parcel that is not active */
	struct heap sleeping;
	struct heap resting;
	struct route *ring; /* its turn */
	size_t active;
};

struct recipient_key {
	int64_t message;
	int64_t number;
};

struct parcel_key {
	int64_t message;
	const struct route *route;
};

static struct str key_of(const void *key, size_t size)
{
	return str_make(key, size);
}

static struct parcel *find_recipient(const struct queue_plan *plan, int64_t message, int32_t number)
{
	struct recipient_key key = {message, number};

	return map_get(plan->recipients, key_of(&key, sizeof(key)));
}

struct queue_plan *queue_plan_new(const struct queue_plan_limits *limits, uint64_t seed)
{
	struct queue_plan *plan = mem_new(sizeof(*plan));

	plan->limits = *limits;
	plan->routes = map_new(seed);
	plan->recipients = map_new(seed);
	plan->waiting = map_new(seed);
	return plan;
}

static void route_free(struct route *route)
{
	heap_free(&route->ready);
	free(route->name);
	free(route->reason);
	free(route);
}

static void parcel_free(struct parcel *parcel)
{
	free(parcel->numbers);
	free(parcel);
}

void queue_plan_free(struct queue_plan **ref)
{
	struct queue_plan *plan = *ref;
	size_t position = 0;
	struct str key;
	void *value;

	if (plan == NULL)
		return;
	while (map_next(plan->recipients, &position, &key, &value)) {
		struct parcel *parcel = value;

		/* A parcel is reached once for each of its recipients. */
		map_remove(plan->recipients, key);
		if (--parcel->face.count == 0)
			parcel_free(parcel);
	}
	position = 0;
	while (map_next(plan->routes, &position, NULL, &value))
		route_free(value);
	map_free(&plan->routes);
	map_free(&plan->recipients);
	map_free(&plan->waiting);
	heap_free(&plan->sleeping);
	heap_free(&plan->resting);
	free(plan);
	*ref = NULL;
}

/* ---- the ring of routes that may start a parcel -----------------------------------------------
 */

static void ring_leave(struct queue_plan *plan, struct route *route)
{
	if (!route->in_ring)
		return;
	route->in_ring = false;
	if (route->after == route) {
		plan->ring = NULL;
		return;
	}
	route->before->after = route->after;
	route->after->before = route->before;
	if (plan->ring == route)
		plan->ring = route->after;
}

/* Joins behind all others: just before the one whose turn it is. */
static void ring_join(struct queue_plan *plan, struct route *route)
{
	if (route->in_ring)
		return;
	route->in_ring = true;
	if (plan->ring == NULL) {
		plan->ring = route->before = route->after = route;
		return;
	}
	route->after = plan->ring;
	route->before = plan->ring->before;
	route->before->after = route;
	route->after->before = route;
}

static bool may_start(const struct queue_plan *plan, const struct route *route)
{
	size_t limit = route->probing ? 1 : plan->limits.active_of_route;

	return heap_first(&route->ready) != NULL && (route->resting || route->busy < limit);
}

/* After anything changed at a route: is it in the ring, is it known at all? */
static void route_settle(struct queue_plan *plan, struct route *route)
{
	if (route->parcels == 0 && !route->resting && route->failures == 0) {
		ring_leave(plan, route);
		map_remove(plan->routes, str_of(route->name));
		route_free(route);
	} else if (may_start(plan, route)) {
		ring_join(plan, route);
	} else {
		ring_leave(plan, route);
	}
}

static struct route *route_get(struct queue_plan *plan, struct str name)
{
	struct route *route = map_get(plan->routes, name);

	if (route == NULL) {
		route = mem_new(sizeof(*route));
		route->name = mem_text_of(name);
		map_set(plan->routes, name, route);
	}
	return route;
}

void queue_plan_set_limits(struct queue_plan *plan, const struct queue_plan_limits *limits)
{
	size_t position = 0;
	void *value;

	plan->limits = *limits;
	while (map_next(plan->routes, &position, NULL, &value))
		route_settle(plan, value);
}

/* ---- parcels ----------------------------------------------------------------------------------
 */

static void waiting_set(struct queue_plan *plan, struct parcel *parcel, bool waits)
{
	struct parcel_key key = {parcel->face.message, parcel->route};

	if (waits)
		map_set(plan->waiting, key_of(&key, sizeof(key)), parcel);
	else if (map_get(plan->waiting, key_of(&key, sizeof(key))) == parcel)
		map_remove(plan->waiting, key_of(&key, sizeof(key)));
}

/* Out of the heap it is in, and out of its route's counts. */
static void parcel_unplace(struct queue_plan *plan, struct parcel *parcel)
{
	if (parcel->state == SLEEPING) {
		heap_remove(&plan->sleeping, &parcel->node);
		parcel->route->sleeping--;
	} else if (parcel->state == READY) {
		heap_remove(&parcel->route->ready, &parcel->node);
	}
}

static void parcel_sleep(struct queue_plan *plan, struct parcel *parcel, int64_t due_ms)
{
	parcel->state = SLEEPING;
	parcel->due_ms = due_ms;
	parcel->route->sleeping++;
	heap_add(&plan->sleeping, &parcel->node, due_ms);
}

static void parcel_put_number(struct parcel *parcel, int32_t number)
{
	if (parcel->face.count == parcel->size) {
		parcel->size = parcel->size == 0 ? 2 : parcel->size * 2;
		parcel->numbers =
			mem_resize(parcel->numbers, parcel->size, sizeof(*parcel->numbers));
	}
	parcel->numbers[parcel->face.count++] = number;
	parcel->face.numbers = parcel->numbers;
}

static struct parcel *parcel_get(
	struct queue_plan *plan, int64_t message, struct route *route, int64_t due_ms)
{
	struct parcel_key key = {message, route};
	struct parcel *parcel = map_get(plan->waiting, key_of(&key, sizeof(key)));

	if (parcel != NULL && parcel->face.count < plan->limits.recipients) {
		if (parcel->state == SLEEPING && due_ms < parcel->due_ms) {
			parcel->due_ms = due_ms;
			heap_set(&plan->sleeping, &parcel->node, due_ms);
		}
		return parcel;
	}
	parcel = mem_new(sizeof(*parcel));
	parcel->face.message = message;
	parcel->face.route = route->name;
	parcel->route = route;
	route->parcels++;
	/* A full one keeps waiting by itself; the new one takes its place in the index. */
	waiting_set(plan, parcel, true);
	parcel_sleep(plan, parcel, due_ms);
	return parcel;
}

enum err queue_plan_add(
	struct queue_plan *plan, int64_t message, int32_t number, struct str name, int64_t due_ms)
{
	struct recipient_key key = {message, number};
	struct parcel *parcel = find_recipient(plan, message, number);
	struct route *route;

	if (parcel != NULL) {
		if (parcel->state == SLEEPING && due_ms < parcel->due_ms) {
			parcel->due_ms = due_ms;
			heap_set(&plan->sleeping, &parcel->node, due_ms);
		}
		return ERR_EXISTS;
	}
	if (map_count(plan->recipients) >= plan->limits.window)
		return ERR_FULL;
	route = map_get(plan->routes, name);
	if (route != NULL && route->recipients >= plan->limits.window_of_route)
		return ERR_BUSY;
	route = route_get(plan, name);
	parcel = parcel_get(plan, message, route, due_ms);
	parcel_put_number(parcel, number);
	route->recipients++;
	map_set(plan->recipients, key_of(&key, sizeof(key)), parcel);
	return ERR_OK;
}

enum queue_plan_state queue_plan_state(
	const struct queue_plan *plan, int64_t message, int32_t number)
{
	const struct parcel *parcel = find_recipient(plan, message, number);

	if (parcel == NULL)
		return QUEUE_PLAN_NONE;
	return parcel->state == ACTIVE ? QUEUE_PLAN_ACTIVE : QUEUE_PLAN_WAITING;
}

static void parcel_remove(struct queue_plan *plan, struct parcel *parcel)
{
	struct route *route = parcel->route;

	parcel_unplace(plan, parcel);
	waiting_set(plan, parcel, false);
	route->parcels--;
	parcel_free(parcel);
	route_settle(plan, route);
}

bool queue_plan_remove(struct queue_plan *plan, int64_t message, int32_t number)
{
	struct recipient_key key = {message, number};
	struct parcel *parcel = find_recipient(plan, message, number);
	size_t i = 0;

	if (parcel == NULL || parcel->state == ACTIVE)
		return false;
	map_remove(plan->recipients, key_of(&key, sizeof(key)));
	while (parcel->numbers[i] != number)
		i++;
	memmove(&parcel->numbers[i], &parcel->numbers[i + 1],
		(--parcel->face.count - i) * sizeof(*parcel->numbers));
	parcel->route->recipients--;
	if (parcel->face.count == 0)
		parcel_remove(plan, parcel);
	return true;
}

/* ---- taking turns -----------------------------------------------------------------------------
 */

static void wake_due(struct queue_plan *plan, int64_t now_ms)
{
	struct heap_node *first;

	while ((first = heap_first(&plan->resting)) != NULL && first->key <= now_ms) {
		struct route *route =
			(struct route *)((char *)first - offsetof(struct route, rest));

		heap_remove(&plan->resting, first);
		route->resting = false;
		route->probing = true;
		route_settle(plan, route);
	}
	while ((first = heap_first(&plan->sleeping)) != NULL && first->key <= now_ms) {
		struct parcel *parcel =
			(struct parcel *)((char *)first - offsetof(struct parcel, node));

		parcel_unplace(plan, parcel);
		parcel->state = READY;
		heap_add(&parcel->route->ready, &parcel->node, parcel->face.message);
		route_settle(plan, parcel->route);
	}
}

const struct queue_parcel *queue_plan_take(struct queue_plan *plan, int64_t now_ms)
{
	struct route *route;
	struct parcel *parcel;

	wake_due(plan, now_ms);
	route = plan->ring;
	if (route == NULL)
		return NULL;
	parcel = (struct parcel *)((char *)heap_first(&route->ready) -
				   offsetof(struct parcel, node));
	parcel_unplace(plan, parcel);
	waiting_set(plan, parcel, false);
	parcel->state = ACTIVE;
	parcel->face.rests = route->resting;
	route->recipients -= parcel->face.count;
	parcel->busy = true;
	route->busy++;
	route->active++;
	plan->active++;
	plan->ring = route->after; /* the next one's turn */
	route_settle(plan, route);
	return &parcel->face;
}

static void leave_place(struct parcel *parcel)
{
	if (parcel->busy)
		parcel->route->busy--;
	parcel->busy = false;
}

void queue_plan_over(struct queue_plan *plan, const struct queue_parcel *face)
{
	struct parcel *parcel = (struct parcel *)face;

	leave_place(parcel);
	route_settle(plan, parcel->route);
}

void queue_plan_finish(struct queue_plan *plan, const struct queue_parcel *face)
{
	struct parcel *parcel = (struct parcel *)face;
	struct route *route = parcel->route;

	leave_place(parcel);
	for (size_t i = 0; i < parcel->face.count; i++) {
		struct recipient_key key = {parcel->face.message, parcel->numbers[i]};

		map_remove(plan->recipients, key_of(&key, sizeof(key)));
	}
	route->active--;
	plan->active--;
	route->parcels--;
	parcel_free(parcel);
	route_settle(plan, route);
}

/* ---- routes that rest -------------------------------------------------------------------------
 */

int64_t queue_plan_route_failed(struct queue_plan *plan, struct str name, struct str reason)
{
	struct route *route = route_get(plan, name);

	free(route->reason);
	route->reason = mem_text_of(reason);
	if (!route->resting)
		route->failures++;
	return route->failures;
}

void queue_plan_route_rest(struct queue_plan *plan, struct str name, int64_t until_ms)
{
	struct route *route = route_get(plan, name);

	route->resting = true;
	heap_set(&plan->resting, &route->rest, until_ms);
	route_settle(plan, route);
}

static void wake(struct queue_plan *plan, struct route *route)
{
	heap_remove(&plan->resting, &route->rest);
	route->resting = false;
	route->probing = false;
	route->failures = 0;
	route_settle(plan, route);
}

bool queue_plan_route_answered(struct queue_plan *plan, struct str name)
{
	struct route *route = map_get(plan->routes, name);
	bool rested;

	if (route == NULL)
		return false;
	rested = route->failures > 0;
	wake(plan, route);
	return rested;
}

void queue_plan_route_wake(struct queue_plan *plan, struct str name)
{
	size_t position = 0;
	struct route *route;
	void *value;

	if (name.n > 0) {
		route = map_get(plan->routes, name);
		if (route != NULL)
			wake(plan, route);
		return;
	}
	while (map_next(plan->routes, &position, NULL, &value))
		wake(plan, value);
}

static void route_state(const struct route *route, struct queue_plan_route *ret)
{
	*ret = (struct queue_plan_route){
		.name = route->name,
		.sleeping = route->sleeping,
		.ready = route->parcels - route->sleeping - route->active,
		.active = route->active,
		.recipients = route->recipients,
		.failures = route->failures,
		.rests_until_ms = route->resting ? route->rest.key : 0,
		.reason = route->reason != NULL ? route->reason : "",
	};
}

bool queue_plan_route_state(
	const struct queue_plan *plan, struct str name, struct queue_plan_route *ret)
{
	const struct route *route = map_get(plan->routes, name);

	if (route == NULL)
		return false;
	route_state(route, ret);
	return true;
}

bool queue_plan_next_route(
	const struct queue_plan *plan, size_t *position, struct queue_plan_route *ret)
{
	void *value;

	if (!map_next(plan->routes, position, NULL, &value))
		return false;
	route_state(value, ret);
	return true;
}

int64_t queue_plan_wake_ms(const struct queue_plan *plan)
{
	const struct heap_node *due = heap_first(&plan->sleeping);
	const struct heap_node *rest = heap_first(&plan->resting);
	int64_t when = due != NULL ? due->key : INT64_MAX;

	return rest != NULL && rest->key < when ? rest->key : when;
}

size_t queue_plan_count(const struct queue_plan *plan)
{
	return map_count(plan->recipients);
}

size_t queue_plan_active(const struct queue_plan *plan)
{
	return plan->active;
}

void queue_plan_clamp(struct queue_plan *plan, int64_t latest_ms)
{
	size_t position = 0;
	void *value;

	while (map_next(plan->recipients, &position, NULL, &value)) {
		struct parcel *parcel = value;

		if (parcel->state == SLEEPING && parcel->due_ms > latest_ms) {
			parcel->due_ms = latest_ms;
			heap_set(&plan->sleeping, &parcel->node, latest_ms);
		}
	}
	position = 0;
	while (map_next(plan->routes, &position, NULL, &value)) {
		struct route *route = value;

		if (route->resting && route->rest.key > latest_ms)
			heap_set(&plan->resting, &route->rest, latest_ms);
	}
}
