/*
 * Recipients that a deliver process still has from a spool before this one: the end of the content
 * was sent, and the last reply did not come while that spool lived.  On a new channel the process
 * first names them, then says what came of others meanwhile, then WIRE_READY.
 *
 *     UNDER_WAY ---> claimed ---> outcome ---> settling ---> gone, or due again
 *			   |
 *			   +---> the process dies, or too long: due again
 *
 * What is claimed goes into no job: it may be delivered already.  After WIRE_READY a process can
 * only speak of what it has claimed or was given, never of other mail.
 */
#include "port/log/log.h"
#include "process/spool/state.h"

#include <stdlib.h>

enum {
	REPORT_MS = 5 * 1000, /* for all deliver processes to report, after a start */
	/* Longer than a client waits for the reply to the end of data (RFC 5321 4.5.3.2.6). */
	PATIENCE_MS = 15 * 60 * 1000,
	MAX_CLAIMS = 100000,
	SETTLING = -1, /* instead of a peer */
};

struct claim {
	int64_t key[2]; /* message, number */
	int64_t peer;	/* serial */
	int64_t until;	/* ticks */
};

struct orphan {
	struct spool *spool;
	struct arena *arena;
	struct wire_outcome outcome;
};

static struct str key_of(const int64_t key[2])
{
	return str_make(key, 2 * sizeof(*key));
}

static struct claim *find(const struct spool *spool, int64_t message, int64_t number)
{
	int64_t key[2] = {message, number};

	return map_count(spool->claims) > 0 ? map_get(spool->claims, key_of(key)) : NULL;
}

bool spool_is_claimed(const struct spool *spool, int64_t message, int64_t number)
{
	return find(spool, message, number) != NULL;
}

static void set_claim(struct spool *spool, int64_t message, int64_t number, int64_t peer)
{
	struct claim *claim = find(spool, message, number);

	if (claim == NULL && map_count(spool->claims) < MAX_CLAIMS) {
		claim = mem_new(sizeof(*claim));
		claim->key[0] = message;
		claim->key[1] = number;
		map_set(spool->claims, key_of(claim->key), claim);
		queue_plan_remove(spool->plan, message, (int32_t)number);
	}
	if (claim == NULL)
		return;
	claim->peer = peer;
	claim->until = spool->ticks_ms() + PATIENCE_MS;
}

static void release(struct spool *spool, int64_t message, int64_t number)
{
	struct claim *claim = find(spool, message, number);

	if (claim == NULL)
		return;
	map_remove(spool->claims, key_of(claim->key));
	free(claim);
	spool_scan_soon(spool);
}

static void release_if(struct spool *spool, int64_t peer, int64_t ticks)
{
	size_t position = 0;
	void *value;

	while (map_next(spool->claims, &position, NULL, &value)) {
		struct claim *claim = value;

		if (claim->peer == SETTLING || (claim->peer != peer && claim->until > ticks))
			continue;
		map_remove(spool->claims, key_of(claim->key));
		free(claim);
		spool_scan_soon(spool);
	}
}

void spool_orphans_lost(struct spool_peer *peer)
{
	release_if(peer->spool, peer->serial, INT64_MIN);
}

void spool_orphans_tick(struct spool *spool)
{
	release_if(spool, 0, spool->ticks_ms());
}

void spool_orphans_free(struct spool *spool)
{
	size_t position = 0;
	void *value;

	while (map_next(spool->claims, &position, NULL, &value))
		free(value);
	map_free(&spool->claims);
}

void spool_orphans_await(struct spool *spool)
{
	spool->reports_until = spool->ticks_ms() + REPORT_MS;
}

bool spool_orphans_awaited(const struct spool *spool)
{
	int64_t reported = 0;

	if (spool->ticks_ms() >= spool->reports_until)
		return false;
	for (const struct spool_peer *peer = spool->peers; peer != NULL; peer = peer->next)
		reported += peer->role == RUNTIME_DELIVER && peer->reported;
	return reported < spool->settings.delivers;
}

/* ---- outcomes ----------------------------------------------------------------------------------
 */

static void finish(void *context)
{
	struct orphan *orphan = context;

	for (size_t i = 0; i < orphan->outcome.recipients.count; i++)
		release(orphan->spool, orphan->outcome.message,
			orphan->outcome.recipients.items[i].number);
	arena_free(&orphan->arena);
	free(orphan);
}

static void loaded(
	void *context, enum err e, const struct store_message *messages, size_t count, int64_t next)
{
	struct orphan *orphan = context;
	struct spool *spool = orphan->spool;
	struct spool_message *message;
	struct spool_verdict verdict;

	(void)next;
	if (e != ERR_OK || count != 1) {
		finish(orphan);
		return;
	}
	message = spool_message_add(spool, &messages[0]);
	verdict = (struct spool_verdict){.message = message,
		.recipients = orphan->outcome.recipients.items,
		.count = orphan->outcome.recipients.count,
		.receipts = orphan->outcome.receipts.items,
		.receipt_count = orphan->outcome.receipts.count};
	spool_settle(spool, &verdict, finish, orphan);
	spool_message_drop(spool, &message);
}

static void settle(struct spool *spool, const struct wire_outcome *outcome)
{
	struct orphan *orphan = mem_new(sizeof(*orphan));

	/* It may have been given out again meanwhile. */
	spool_jobs_cancel(spool, outcome->message);
	orphan->spool = spool;
	orphan->arena = arena_new();
	record_copy(&wire_outcome_desc, outcome, orphan->arena, &orphan->outcome);
	store_load(spool->store, &orphan->outcome.message, 1, loaded, orphan);
}

/* May this process speak of that recipient? */
static bool is_theirs(const struct spool_peer *peer, int64_t message, int64_t number)
{
	const struct claim *claim = find(peer->spool, message, number);

	return claim != NULL ? claim->peer == peer->serial : !peer->reported;
}

void spool_orphans_outcome(struct spool_peer *peer, const struct wire_outcome *outcome)
{
	struct spool *spool = peer->spool;
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct wire_outcome settled = *outcome;
	struct wire_recipient_outcome *items =
		arena_array(arena, outcome->recipients.count, sizeof(*items));
	size_t count = 0;

	for (size_t i = 0; outcome->job == 0 && i < outcome->recipients.count; i++) {
		const struct wire_recipient_outcome *r = &outcome->recipients.items[i];

		if (r->number < 0 || r->number > INT32_MAX ||
			!is_theirs(peer, outcome->message, r->number))
			continue;
		if (r->result == WIRE_NOT_TRIED) {
			release(spool, outcome->message, r->number);
			continue;
		}
		set_claim(spool, outcome->message, r->number,
			r->result == WIRE_UNDER_WAY ? peer->serial : SETTLING);
		if (r->result != WIRE_UNDER_WAY)
			items[count++] = *r;
	}
	settled.recipients.items = items;
	settled.recipients.count = count;
	if (count > 0)
		settle(spool, &settled);
}
