/*
 * Jobs: one parcel each, from the moment the plan gives it out until what came of it is durable.
 *
 *     new ---> (loading) ---> sent to a peer ---> outcome ---> settled ---> gone
 *                 |                 | the peer dies               ^
 *                 |                 +---> due again               |
 *                 +---> the route rests: put off -----------------+
 */
#include "port/log/log.h"
#include "process/spool/state.h"

#include <stdlib.h>

enum { SETTLING = -1 /* instead of a peer: its outcome is on the way to the disk */ };

struct spool_job *spool_job_new(struct spool *spool, const struct queue_parcel *parcel)
{
	struct spool_job *job = mem_new(sizeof(*job));

	job->id = ++spool->serial;
	job->parcel = parcel;
	job->numbers = mem_new((parcel->count + 1) * sizeof(*job->numbers));
	map_set(spool->jobs, spool_key(&job->id), job);
	spool->unsent++;
	return job;
}

void spool_job_end(struct spool *spool, struct spool_job **ref)
{
	struct spool_job *job = *ref;
	struct spool_peer *peer = spool_peer_find(spool, job->peer);

	*ref = NULL;
	map_remove(spool->jobs, spool_key(&job->id));
	if (job->peer == 0)
		spool->unsent--;
	if (peer != NULL)
		peer->jobs--;
	queue_plan_finish(spool->plan, job->parcel);
	spool_message_drop(spool, &job->message);
	free(job->numbers);
	free(job);
	spool_wake(spool);
}

/* The job ends without having been tried; its recipients are due again. */
void spool_job_again(struct spool *spool, struct spool_job *job, int64_t due_ms)
{
	size_t count = job->parcel->count;
	struct arena *arena CLEANUP(arena_free) = arena_new();
	int32_t *numbers = arena_array(arena, count, sizeof(*numbers));
	const char *route = arena_text(arena, job->parcel->route);
	int64_t message = job->parcel->message;

	memcpy(numbers, job->parcel->numbers, count * sizeof(*numbers));
	spool_job_end(spool, &job);
	for (size_t i = 0; i < count; i++)
		spool_plan(spool, message, numbers[i], route, due_ms);
}

struct rest {
	struct spool *spool;
	int64_t job;
};

/* ---- putting recipients back after a job --------------------------------------------------------
 */

/* Those of the parcel that the job did not carry: under their new route. */
void spool_job_finish(struct spool *spool, struct spool_job *job)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	size_t left = 0, count = job->parcel->count;
	int32_t *numbers = arena_array(arena, count, sizeof(*numbers));
	const char **routes = arena_array(arena, count, sizeof(*routes));
	int64_t message = job->parcel->message, due = spool->now_ms() + job->rest_ms;

	for (size_t i = 0; i < count && job->message != NULL; i++) {
		struct store_recipient *r = spool_recipient(job->message, job->parcel->numbers[i]);
		bool carried = false;

		for (size_t n = 0; n < job->count; n++)
			carried = carried || job->numbers[n] == job->parcel->numbers[i];
		if (carried || r == NULL || r->state != STORE_WAITING)
			continue;
		numbers[left] = job->parcel->numbers[i];
		routes[left++] = arena_text(arena, r->route);
	}
	spool_job_end(spool, &job);
	for (size_t i = 0; i < left; i++)
		spool_plan(spool, message, numbers[i], routes[i], due);
}

/* The outcome of a job is durable. */
static void job_settled(void *context)
{
	struct rest *rest = context;
	struct spool *spool = rest->spool;
	struct spool_job *job = map_get(spool->jobs, spool_key(&rest->job));

	free(rest);
	if (job != NULL)
		spool_job_finish(spool, job);
}

void spool_job_settle(
	struct spool *spool, struct spool_job *job, const struct spool_verdict *verdict)
{
	struct rest *rest = mem_new(sizeof(*rest));

	rest->spool = spool;
	rest->job = job->id;
	spool_settle(spool, verdict, job_settled, rest);
}

/* ---- what deliver says -------------------------------------------------------------------------
 */

static struct spool_job *find(struct spool_peer *peer, int64_t id)
{
	struct spool_job *job = map_get(peer->spool->jobs, spool_key(&id));

	return job != NULL && job->peer == peer->serial ? job : NULL;
}

struct body {
	struct spool *spool;
	int64_t peer;
	int64_t job;
	int64_t offset;
	int64_t end; /* what was asked for, as far as there is content */
};

static void send_body(struct spool_peer *peer, const struct body *body, enum err e, struct str data)
{
	struct wire_body wire = {
		.job = body->job, .offset = body->offset, .data = data, .error = e};

	ipc_send(peer->ipc, WIRE_BODY, &wire);
}

static void body_read(void *context, enum err e, struct str bytes)
{
	struct body *body = context;
	struct spool_peer *peer = spool_peer_find(body->spool, body->peer);

	if (peer == NULL) {
		free(body);
		return;
	}
	/* An empty answer is the end of the content, or an error. */
	do {
		struct str chunk = str_part(bytes, 0, WIRE_CHUNK);

		send_body(peer, body, e, chunk);
		body->offset += (int64_t)chunk.n;
		bytes = str_part(bytes, chunk.n, bytes.n);
	} while (bytes.n > 0);
	/* Who asked would wait for the rest for ever. */
	if (e == ERR_OK && body->offset < body->end) {
		log_event(LOG_ERROR_LEVEL, "spool.content-short", LOG_NUMBER("job", body->job),
			LOG_NUMBER("at", body->offset));
		send_body(peer, body, ERR_CORRUPT, (struct str){0});
	}
	free(body);
}

void spool_job_body(struct spool_peer *peer, const struct wire_body_get *get)
{
	struct spool_job *job = find(peer, get->job);
	struct body *body = mem_new(sizeof(*body));

	body->spool = peer->spool;
	body->peer = peer->serial;
	body->job = get->job;
	body->offset = get->offset;
	if (job == NULL || get->offset < 0 || get->length <= 0 || get->length > WIRE_WINDOW) {
		send_body(peer, body, job == NULL ? ERR_UNKNOWN : ERR_RANGE, (struct str){0});
		free(body);
		return;
	}
	body->end = get->offset + get->length;
	if (body->end > job->message->m.wire.size)
		body->end = job->message->m.wire.size;
	store_body_read(peer->spool->store, job->parcel->message, get->offset, (size_t)get->length,
		body_read, body);
}

static void retried(void *context, enum err e, const struct store_acted *acted)
{
	struct spool *spool = context;

	if (e != ERR_OK)
		return;
	for (size_t i = 0; i < acted->count; i++) {
		spool_message_forget(spool, acted->entries[i].message);
		spool_plan(spool, acted->entries[i].message, acted->entries[i].number,
			acted->entries[i].route, acted->entries[i].due_ms);
	}
	if (acted->final)
		spool_scan_soon(spool);
}

void spool_retry_route(struct spool *spool, const char *route, const char *why)
{
	struct store_act act = {.action = STORE_RETRY,
		.filter = {.route = route, .state = STORE_WAITING},
		.now_ms = spool->now_ms(),
		.text = why};

	queue_plan_route_wake(spool->plan, str_of(route));
	store_act(spool->store, &act, retried, spool);
}

static void judge_route(struct spool *spool, const char *route, const struct wire_outcome *outcome)
{
	const char *text = outcome->recipients.items[0].text;
	int64_t failures;

	if (outcome->host_dead) {
		failures = queue_plan_route_failed(
			spool->plan, str_of(route), str_of(text != NULL ? text : ""));
		queue_plan_route_rest(spool->plan, str_of(route),
			spool->now_ms() + queue_route_wait(failures, &spool->settings.queue));
		if (failures == 1)
			log_event(LOG_WARNING_LEVEL, "route.rests", LOG_TEXT("route", route),
				LOG_TEXT("reason", text));
		return;
	}
	if (!queue_plan_route_answered(spool->plan, str_of(route)))
		return;
	log_event(LOG_INFO_LEVEL, "route.answers", LOG_TEXT("route", route));
	spool_retry_route(spool, route, "the next hop answers again");
}

/* Keep in the job only those that something came of; the others are due again. */
static size_t tried(struct spool_job *job, const struct wire_outcome *outcome,
	struct wire_recipient_outcome *ret)
{
	size_t count = 0, kept = 0;

	for (size_t n = 0; n < job->count; n++) {
		for (size_t i = 0; i < outcome->recipients.count; i++) {
			const struct wire_recipient_outcome *r = &outcome->recipients.items[i];

			if (r->number != job->numbers[n] || r->result == WIRE_NOT_TRIED)
				continue;
			ret[count++] = *r;
			job->numbers[kept++] = job->numbers[n];
			break;
		}
	}
	job->count = kept;
	return count;
}

void spool_job_outcome(struct spool_peer *peer, const struct wire_outcome *outcome)
{
	struct spool *spool = peer->spool;
	struct spool_job *job = find(peer, outcome->job);
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct wire_recipient_outcome *recipients;
	struct spool_verdict verdict = {0};
	size_t count;

	if (job == NULL) {
		spool_orphans_outcome(peer, outcome);
		return;
	}
	peer->jobs--;
	job->peer = SETTLING;
	job->rest_ms = SPOOL_AGAIN_MS;
	recipients = arena_array(arena, job->count, sizeof(*recipients));
	count = tried(job, outcome, recipients);
	if (count == 0) {
		spool_job_finish(spool, job);
		return;
	}
	judge_route(spool, job->parcel->route, outcome);
	queue_plan_over(spool->plan, job->parcel);
	verdict = (struct spool_verdict){.message = job->message,
		.recipients = recipients,
		.count = count,
		.receipts = outcome->receipts.items,
		.receipt_count = outcome->receipts.count,
		.route = job->parcel->route};
	spool_job_settle(spool, job, &verdict);
	spool_wake(spool);
}

/* Once may be chance.  If it is the message, or its next hop, that ends the processes, then all
 * other jobs suffer with it: it waits its time, and is returned when that is over. */
static void put_off(struct spool *spool, struct spool_job *job)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct wire_recipient_outcome *outcomes = arena_array(arena, job->count, sizeof(*outcomes));
	struct spool_verdict verdict = {.message = job->message,
		.recipients = outcomes,
		.count = job->count,
		.route = job->parcel->route};

	for (size_t i = 0; i < job->count; i++)
		outcomes[i] = (struct wire_recipient_outcome){
			.number = job->numbers[i],
			.result = WIRE_DEFERRED,
			.token = "process-lost",
			.enhanced = "4.3.0",
			.text = "the delivering process ended unexpectedly, more than once",
			.receipt = -1,
		};
	job->peer = SETTLING;
	spool_job_settle(spool, job, &verdict);
}

/* The jobs of a process that has gone; an attempt that nobody can tell of does not count, at first.
 */
void spool_jobs_lost(struct spool_peer *peer)
{
	struct spool *spool = peer->spool;
	struct spool_job *lost = NULL, *next;
	size_t position = 0;
	void *value;

	while (map_next(spool->jobs, &position, NULL, &value)) {
		struct spool_job *job = value;

		if (job->peer != peer->serial)
			continue;
		job->next = lost;
		lost = job;
	}
	for (; lost != NULL; lost = next) {
		next = lost->next;
		if (lost->message->lost++ > 0 && !spool->draining) {
			put_off(spool, lost);
			continue;
		}
		spool_job_again(spool, lost, spool->now_ms() + SPOOL_AGAIN_MS);
	}
}

static void cancel(struct spool *spool, const struct spool_job *job)
{
	struct spool_peer *peer = spool_peer_find(spool, job->peer);
	struct wire_id id = {.id = job->id};

	if (peer != NULL)
		ipc_send(peer->ipc, WIRE_JOB_CANCEL, &id);
}

void spool_jobs_cancel(struct spool *spool, int64_t message)
{
	size_t position = 0;
	void *value;

	while (map_next(spool->jobs, &position, NULL, &value)) {
		const struct spool_job *job = value;

		if (message == 0 || job->parcel->message == message)
			cancel(spool, job);
	}
}
