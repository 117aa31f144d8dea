/*
 * From the store to the deliver processes.  New mail goes straight into the plan; the rest is read
 * from the store as it comes due.  A parcel that the plan gives out becomes a job: its envelope is
 * loaded unless it is in memory, its route is worked out anew, and it goes to a process with a free
 * slot, preferably the one that had that route before (it may have a connection open).
 */
#include "port/log/log.h"
#include "process/spool/state.h"

#include <stdlib.h>

/* ---- the plan ----------------------------------------------------------------------------------
 */

void spool_plan(
	struct spool *spool, int64_t message, int64_t number, const char *route, int64_t due_ms)
{
	enum err e;

	if (due_ms > spool->scan_until_ms && due_ms > spool->now_ms())
		return; /* a later search of the store finds it */
	if (spool_is_claimed(spool, message, number))
		return; /* it is searched for when that has an end */
	e = queue_plan_add(spool->plan, message, (int32_t)number, str_of(route), due_ms);
	if (e == ERR_BUSY || e == ERR_FULL)
		spool->scan_missed = true;
}

void spool_plan_message(struct spool *spool, const struct store_message *message, int64_t due_ms)
{
	for (size_t i = 0; i < message->recipients.count; i++)
		if (message->recipients.items[i].state == STORE_WAITING)
			spool_plan(spool, message->wire.id,
				message->recipients.items[i].wire.number,
				message->recipients.items[i].route, due_ms);
}

void spool_scan_soon(struct spool *spool)
{
	spool->next_scan_ms = spool->ticks_ms();
	spool_wake(spool);
}

static void scan_ended(struct spool *spool)
{
	int64_t now = spool->ticks_ms();
	int64_t took = now - spool->scan_began_ms;

	spool->scanning = false;
	/* What did not fit is looked for again soon, but searching never takes more than a tenth
	 * of the time. */
	spool->next_scan_ms =
		now + (spool->scan_missed ? (took < 100 ? 1000 : took * 10) : SPOOL_SCAN_MS);
	if (spool->next_scan_ms > now + SPOOL_SCAN_MS)
		spool->next_scan_ms = now + SPOOL_SCAN_MS;
	/* Sooner when mail flows: a long queue behind a next hop that takes it must not wait for
	 * the clock. */
	spool->early_scan_ms = now + took * 4;
	spool_wake(spool);
}

static void page(
	void *context, enum err e, const struct store_due_entry *entries, size_t count, bool more)
{
	struct spool *spool = context;

	if (e != ERR_OK || spool->draining) {
		scan_ended(spool);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct store_due_entry *entry = &entries[i];

		if (spool_is_claimed(spool, entry->message, entry->number))
			continue;
		if (queue_plan_count(spool->plan) >= SPOOL_WINDOW_FILL) {
			spool->scan_missed = true;
			more = false;
			break;
		}
		e = queue_plan_add(spool->plan, entry->message, (int32_t)entry->number,
			str_of(entry->route), entry->due_ms);
		if (e == ERR_BUSY || e == ERR_FULL)
			spool->scan_missed = true;
	}
	spool_wake(spool);
	if (more && count > 0)
		store_due(spool->store, spool->scan_until_ms, &entries[count - 1], SPOOL_PAGE, page,
			spool);
	else
		scan_ended(spool);
}

static void clamped(void *context, enum err e)
{
	struct spool *spool = context;

	if (e == ERR_OK)
		spool_scan_soon(spool);
}

/* Due times beyond any wait: the clock has gone back since they were set. */
static void beyond(
	void *context, enum err e, const struct store_due_entry *entries, size_t count, bool more)
{
	struct spool *spool = context;
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct store_update *updates = arena_array(arena, count, sizeof(*updates));
	struct store_change change = {.updates = updates, .update_count = count};

	spool->scan_beyond = false;
	if (e != ERR_OK || count == 0)
		return;
	log_event(LOG_WARNING_LEVEL, "queue.clock-went-back",
		LOG_NUMBER("recipients", (int64_t)count), LOG_TEXT("more", more ? "yes" : NULL));
	for (size_t i = 0; i < count; i++)
		updates[i] = (struct store_update){
			.message = entries[i].message,
			.number = entries[i].number,
			.due_ms = queue_clamp_due(
				entries[i].due_ms, &spool->settings.queue, spool->now_ms()),
			.attempts = entries[i].attempts,
			.last_ms = spool->now_ms(),
		};
	store_apply(spool->store, &change, clamped, spool);
}

static bool is_time_to_scan(const struct spool *spool)
{
	int64_t now = spool->ticks_ms();

	return now >= spool->next_scan_ms ||
	       (spool->scan_missed && spool->left >= SPOOL_ROOM && now >= spool->early_scan_ms);
}

static void scan(struct spool *spool)
{
	int64_t now = spool->now_ms();
	struct store_due_entry after = {
		.due_ms = queue_clamp_due(INT64_MAX, &spool->settings.queue, now),
		.message = INT64_MAX};

	if (spool->scanning || spool->draining || !is_time_to_scan(spool))
		return;
	spool->scanning = true;
	spool->left = 0;
	spool->scan_missed = false;
	spool->scan_began_ms = spool->ticks_ms();
	spool->scan_until_ms = now + SPOOL_HORIZON_MS;
	store_due(spool->store, spool->scan_until_ms, NULL, SPOOL_PAGE, page, spool);
	if (spool->scan_beyond)
		return;
	spool->scan_beyond = true;
	store_due(spool->store, INT64_MAX, &after, SPOOL_PAGE, beyond, spool);
}

/* ---- starting jobs ------------------------------------------------------------------------------
 */

static struct spool_peer *choose_peer(struct spool *spool, const char *route)
{
	struct spool_peer *best = NULL;
	uint64_t want = map_hash(str_of(route), 0), best_rank = 0;

	/* Rendezvous hashing: the same route prefers the same process, whichever others come and
	 * go. */
	for (struct spool_peer *peer = spool->peers; peer != NULL; peer = peer->next) {
		uint64_t seed = want ^ peer->index;
		uint64_t rank;

		if (peer->role != RUNTIME_DELIVER || peer->jobs >= peer->slots)
			continue;
		rank = map_hash(str_make(&seed, sizeof(seed)), 1);
		if (best == NULL || rank > best_rank) {
			best = peer;
			best_rank = rank;
		}
	}
	return best;
}

static int64_t free_slots(const struct spool *spool)
{
	int64_t slots = 0;

	for (const struct spool_peer *peer = spool->peers; peer != NULL; peer = peer->next)
		if (peer->role == RUNTIME_DELIVER && peer->jobs < peer->slots)
			slots += peer->slots - peer->jobs;
	return slots;
}

static const char *originating_of(const struct wire_recipient *recipient)
{
	return recipient->originating ? recipient->organisation : NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

struct selection {
	struct wire_recipient *items;
	size_t count;
	const char *route;
	const char *organisation; /* the originating one; NULL: none */
	const char *owner; /* a notice tells of one organisation's recipients, by its connectors */
	int64_t attempts;
	int64_t best, fallen_ms; /* see wire_job */
};

/* The recipients of the parcel that are still there, wait, and still go this way together.  Others
 * go back into the plan when the job has ended. */
static void select_recipients(
	struct spool *spool, struct spool_job *job, struct arena *arena, struct selection *ret)
{
	struct policy_outbound out;

	ret->items = arena_array(arena, job->parcel->count, sizeof(*ret->items));
	for (size_t i = 0; i < job->parcel->count; i++) {
		struct store_recipient *r = spool_recipient(job->message, job->parcel->numbers[i]);
		const char *route;

		if (r == NULL || r->state != STORE_WAITING ||
			spool_is_claimed(spool, job->parcel->message, r->wire.number))
			continue;
		route = spool_route(spool, &job->message->m.wire, &r->wire, arena, &out);
		r->route = arena_text(job->message->arena, route);
		if (ret->count == 0) {
			ret->route = route;
			ret->organisation = originating_of(&r->wire);
			ret->owner = r->wire.organisation;
			if (out.watches_downgrade && out.domain != NULL)
				spool_protection_tell(
					spool, out.domain, &ret->best, &ret->fallen_ms);
		} else if (!same_text(ret->route, route) ||
			   !same_text(ret->owner, r->wire.organisation) ||
			   !same_text(ret->organisation, originating_of(&r->wire))) {
			continue;
		}
		if (r->attempts > ret->attempts)
			ret->attempts = r->attempts;
		job->numbers[job->count++] = (int32_t)r->wire.number;
		ret->items[ret->count++] = r->wire;
	}
}

static void send_job(struct spool *spool, struct spool_job *job, const struct selection *selection)
{
	const struct wire_message *m = &job->message->m.wire;
	struct spool_peer *peer = choose_peer(spool, selection->route);
	struct wire_job wire = {
		.id = job->id,
		.message = m->id,
		.received_ms = m->received_ms,
		.sender = m->sender,
		.envelope_id = m->envelope_id,
		.ret = m->ret,
		.body = m->body,
		.smtputf8 = m->smtputf8,
		.size = m->size,
		.organisation = selection->organisation,
		.route = selection->route,
		.attempts = selection->attempts,
		.labels = m->labels,
		.via = m->via,
		.best = selection->best,
		.fallen_ms = selection->fallen_ms,
		.recipients = {.items = selection->items, .count = selection->count},
	};

	if (peer == NULL) {
		spool_job_again(spool, job, spool->now_ms());
		return;
	}
	job->peer = peer->serial;
	peer->jobs++;
	spool->unsent--;
	ipc_send(peer->ipc, WIRE_JOB, &wire);
}

/* The route rests: put the job off with the reason of the route. */
static void put_off(struct spool *spool, struct spool_job *job, const struct selection *selection)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct queue_plan_route route = {.reason = ""};
	struct wire_recipient_outcome *outcomes =
		arena_array(arena, selection->count, sizeof(*outcomes));
	struct spool_verdict verdict = {.message = job->message,
		.recipients = outcomes,
		.count = selection->count,
		.silent = true,
		.route = selection->route};

	queue_plan_route_state(spool->plan, str_of(selection->route), &route);
	for (size_t i = 0; i < selection->count; i++)
		outcomes[i] = (struct wire_recipient_outcome){
			.number = selection->items[i].number,
			.result = WIRE_DEFERRED,
			.token = "connect",
			.enhanced = "4.4.1",
			.text = route.reason,
			.receipt = -1,
		};
	spool_job_settle(spool, job, &verdict);
}

static void start_job(struct spool *spool, struct spool_job *job)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct selection selection = {0};

	select_recipients(spool, job, arena, &selection);
	if (selection.count == 0) {
		spool_job_finish(spool, job);
		return;
	}
	if (strcmp(selection.route, job->parcel->route) != 0) {
		/* The configuration has changed: all of it goes another way, and takes its turn
		 * there. */
		job->count = 0;
		spool_job_finish(spool, job);
		return;
	}
	if (job->parcel->rests)
		put_off(spool, job, &selection);
	else
		send_job(spool, job, &selection);
}

/* ---- loading ------------------------------------------------------------------------------------
 */

static void load(struct spool *spool);

static void loaded(
	void *context, enum err e, const struct store_message *messages, size_t count, int64_t next)
{
	struct spool *spool = context;
	struct spool_job *job = spool->load_first, *after;

	(void)next;
	spool->loading = false;
	spool->load_first = spool->load_last = NULL;
	/* Each job gets its message before the next one comes in and may push it out. */
	for (size_t i = 0; i < count; i++) {
		struct spool_message *message = spool_message_add(spool, &messages[i]);

		for (struct spool_job *one = job; one != NULL; one = one->next)
			if (one->parcel->message == message->id && one->message == NULL)
				one->message = spool_message_get(spool, message->id);
		spool_message_drop(spool, &message);
	}
	for (; job != NULL; job = after) {
		after = job->next;
		job->next = NULL;
		if (job->message != NULL)
			start_job(spool, job);
		else if (e != ERR_OK)
			spool_job_again(spool, job, spool->now_ms() + SPOOL_AGAIN_MS);
		else
			spool_job_finish(spool, job); /* it is not there any more */
	}
	spool_wake(spool);
}

static void load(struct spool *spool)
{
	int64_t ids[SPOOL_LOAD];
	size_t count = 0;

	if (spool->loading || spool->load_first == NULL)
		return;
	for (struct spool_job *job = spool->load_first; job != NULL; job = job->next)
		ids[count++] = job->parcel->message;
	spool->loading = true;
	store_load(spool->store, ids, count, loaded, spool);
}

static void load_later(struct spool *spool, struct spool_job *job)
{
	if (spool->load_last != NULL)
		spool->load_last->next = job;
	else
		spool->load_first = job;
	spool->load_last = job;
}

void spool_dispatch(struct spool *spool)
{
	int64_t now = spool->now_ms();
	size_t to_load = 0;

	scan(spool);
	/* One load at a time; meanwhile its list is closed. */
	if (!spool->configured || spool->draining || spool->loading || spool_orphans_awaited(spool))
		return;
	while (to_load < SPOOL_LOAD && spool->unsent < free_slots(spool)) {
		const struct queue_parcel *parcel = queue_plan_take(spool->plan, now);
		struct spool_job *job;

		if (parcel == NULL)
			break;
		job = spool_job_new(spool, parcel);
		job->message = spool_message_get(spool, parcel->message);
		if (job->message != NULL) {
			start_job(spool, job);
			continue;
		}
		load_later(spool, job);
		to_load++;
	}
	load(spool);
}
