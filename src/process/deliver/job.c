/* A job: recipients of one message, in groups that go the same way, one group after the other. */
#include "process/deliver/inside.h"

#include <stdio.h>
#include <stdlib.h>

static void send_outcome(struct deliver_job *job);
static void next_group(struct deliver_job *job);

/* ---- results --------------------------------------------------------------------------------- */

void deliver_job_settle(
	struct deliver_job *job, size_t member, const struct deliver_verdict *verdict)
{
	struct wire_recipient_outcome *o = &job->outcomes[member];

	if (job->settled[member])
		return;
	job->settled[member] = true;
	o->number = job->wire.recipients.items[member].number;
	o->result = (int)verdict->result;
	o->token = arena_text(job->arena, verdict->token);
	o->enhanced = arena_text(job->arena, verdict->enhanced);
	o->text = arena_text(job->arena, verdict->text);
	o->host = arena_text(job->arena, verdict->host);
	o->receipt = verdict->receipt;
	switch (verdict->result) {
	case WIRE_DELIVERED:
	case WIRE_RELAYED:
		job->self->counters.delivered++;
		break;
	case WIRE_DEFERRED:
		job->self->counters.deferred++;
		break;
	case WIRE_FAILED:
		job->self->counters.failed++;
		break;
	case WIRE_NOT_TRIED:
	case WIRE_UNDER_WAY:
		break;
	}
}

static void settle_all(struct deliver_job *job, const struct deliver_verdict *verdict)
{
	for (size_t i = 0; i < job->wire.recipients.count; i++)
		deliver_job_settle(job, i, verdict);
}

int64_t deliver_job_receipt(struct deliver_job *job, const struct receipt *receipt)
{
	size_t at =
		job->receipt_count < DELIVER_RECEIPTS ? job->receipt_count++ : DELIVER_RECEIPTS - 1;

	record_copy(&receipt_desc, receipt, job->arena, &job->receipts[at]);
	return (int64_t)at;
}

/* A server may show huge certificates again and again.  The outcome matters more than the chains
 * in its receipts, and a frame has a limit. */
static void fit(struct deliver_job *job, const struct wire_outcome *outcome)
{
	struct buf frame CLEANUP(buf_free);

	buf_init(&frame, WIRE_HEADER + WIRE_MAX_PAYLOAD);
	if (arena_used(job->arena) < WIRE_MAX_PAYLOAD / 4)
		return;
	for (size_t i = job->receipt_count; i > 0; i--) {
		if (wire_put(&frame, WIRE_OUTCOME, outcome) == ERR_OK)
			return;
		job->receipts[i - 1].chain.count = 0;
	}
}

static void send_outcome(struct deliver_job *job)
{
	static const struct deliver_verdict open = {.result = WIRE_NOT_TRIED,
		.token = "connection-lost",
		.enhanced = "4.4.2",
		.text = "the last reply did not come",
		.receipt = -1};
	struct wire_outcome outcome = {
		.job = job->is_orphan ? 0 : job->wire.id,
		.message = job->wire.message,
		.host_dead = job->any_unreachable && !job->any_reached,
	};
	struct wire_recipient_outcome *items =
		arena_array(job->arena, job->wire.recipients.count + 1, sizeof(*items));

	/* The spool waits for them. */
	if (job->is_reported)
		settle_all(job, &open);
	outcome.recipients.items = items;
	for (size_t i = 0; i < job->wire.recipients.count; i++)
		if (job->settled[i])
			items[outcome.recipients.count++] = job->outcomes[i];
	outcome.receipts.items = job->receipts;
	outcome.receipts.count = job->receipt_count;
	if (outcome.recipients.count == 0)
		return;
	fit(job, &outcome);
	deliver_send_outcome(job->self, &outcome);
}

static void finish(struct deliver_job *job)
{
	struct deliver *self = job->self;

	send_outcome(job);
	deliver_job_free(&job);
	deliver_check_drained(self);
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* One server may take the mail of two organisations: what each is told, and which header fields
 * each gets, is its own. */
static bool same_way(const struct policy_outbound *a, const struct policy_outbound *b)
{
	if (a->type != b->type || strcmp(a->key, b->key) != 0 || a->headers != b->headers ||
		!str_equal(str_of(a->organisation), str_of(b->organisation)))
		return false;
	if (a->type == POLICY_ROUTE_MAILDIR)
		return strcmp(a->path, b->path) == 0;
	return a->type != POLICY_ROUTE_REFUSE;
}

static void add_member(struct deliver_job *job, size_t member)
{
	struct policy_outbound route = {0};
	struct deliver_group *group = NULL;
	size_t all = job->wire.recipients.count;

	const struct wire_recipient *recipient = &job->wire.recipients.items[member];
	struct policy_mail mail = {
		.organisation = job->wire.organisation,
		.connector = recipient->connector,
		.sender = job->wire.sender,
		.size = job->wire.size,
		.labels = job->wire.labels,
		.via = job->wire.via,
	};

	policy_outbound(
		job->config->snapshot, &mail, str_of(recipient->address), job->arena, &route);
	if (route.key == NULL)
		route.key = "";
	for (size_t i = 0; i < job->group_count && group == NULL; i++)
		if (same_way(&job->groups[i].route, &route))
			group = &job->groups[i];
	if (group == NULL) {
		group = &job->groups[job->group_count++];
		group->route = route;
		group->members = arena_array(job->arena, all - member, sizeof(size_t));
	}
	group->members[group->count++] = member;
}

static void refuse_group(struct deliver_job *job, const struct deliver_group *group)
{
	const struct policy_outcome_row *row = policy_outcome_row(group->route.outcome);
	struct deliver_verdict verdict = {
		.result = row->reply / 100 == 4 ? WIRE_DEFERRED : WIRE_FAILED,
		.token = row->token,
		.enhanced = row->enhanced,
		.text = group->route.text != NULL ? group->route.text : row->text,
		.receipt = -1,
	};

	for (size_t i = 0; i < group->count; i++)
		deliver_job_settle(job, group->members[i], &verdict);
}

static void next_group(struct deliver_job *job)
{
	if (!job->is_orphan && deliver_job_is_outdated(job))
		deliver_job_outdate(job);
	while (job->group_at < job->group_count && !job->is_orphan) {
		struct deliver_group *group = &job->groups[job->group_at++];

		if (group->route.type == POLICY_ROUTE_REFUSE) {
			refuse_group(job, group);
			continue;
		}
		job->task = deliver_task_new(job, group);
		deliver_task_start(job->task);
		return;
	}
	finish(job);
}

static void on_step(evutil_socket_t fd, short what, void *context)
{
	struct deliver_job *job = context;

	(void)fd;
	(void)what;
	deliver_task_free(&job->task);
	next_group(job);
}

static void step(struct deliver_job *job)
{
	struct timeval now = {0, 0};

	evtimer_add(job->step, &now);
}

void deliver_job_task_over(struct deliver_job *job, const struct deliver_verdict *verdict)
{
	const struct deliver_group *group = &job->groups[job->group_at - 1];

	/* Whatever an orphan has not settled the spool knows to be open. */
	for (size_t i = 0; i < group->count && !job->is_orphan; i++)
		deliver_job_settle(job, group->members[i], verdict);
	step(job);
}

/* ---- content --------------------------------------------------------------------------------- */

static void on_ask(void *context, const struct wire_body_get *get)
{
	struct deliver_job *job = context;

	deliver_send(job->self, WIRE_BODY_GET, get);
}

static void on_came(void *context)
{
	struct deliver_job *job = context;

	if (job->task != NULL)
		deliver_task_body_came(job->task);
}

static const struct deliver_body_owner body_owner = {.ask = on_ask, .came = on_came};

/* ---- life ------------------------------------------------------------------------------------ */

static struct deliver_job *job_new(struct deliver *self, const struct wire_job *wire)
{
	struct deliver_job *job = mem_new(sizeof(*job));
	size_t count = wire->recipients.count;

	job->self = self;
	job->arena = arena_new();
	record_copy(wire_types[WIRE_JOB].desc, wire, job->arena, &job->wire);
	job->outcomes = arena_array(job->arena, count + 1, sizeof(*job->outcomes));
	job->settled = arena_array(job->arena, count + 1, sizeof(*job->settled));
	job->receipts = arena_array(job->arena, DELIVER_RECEIPTS, sizeof(*job->receipts));
	job->groups = arena_array(job->arena, count + 1, sizeof(*job->groups));
	job->body = deliver_body_new(wire->id, wire->size, &body_owner, job);
	job->step = evtimer_new(self->base, on_step, job);
	job->next = self->jobs;
	job->place = &self->jobs;
	if (job->next != NULL)
		job->next->place = &job->next;
	self->jobs = job;
	self->job_count++;
	self->counters.jobs++;
	return job;
}

void deliver_job_begin(struct deliver *self, const struct wire_job *wire)
{
	struct deliver_job *job = job_new(self, wire);
	static const struct deliver_verdict not_tried = {.result = WIRE_NOT_TRIED,
		.token = "draining",
		.enhanced = "4.3.2",
		.text = "the delivering process is about to end",
		.receipt = -1};

	if (self->draining || self->config == NULL || self->tls == NULL) {
		settle_all(job, &not_tried);
		finish(job);
		return;
	}
	job->config = self->config;
	job->config->references++;
	for (size_t i = 0; i < job->wire.recipients.count; i++)
		add_member(job, i);
	step(job);
}

struct deliver_job *deliver_job_find(struct deliver *self, int64_t id)
{
	struct deliver_job *job = self->jobs;

	while (job != NULL && (job->is_orphan || job->wire.id != id))
		job = job->next;
	return job;
}

void deliver_job_cancel(struct deliver_job *job)
{
	static const struct deliver_verdict cancelled = {.result = WIRE_NOT_TRIED,
		.token = "cancelled",
		.enhanced = "4.3.2",
		.text = "taken back before it was tried",
		.receipt = -1};

	if (job->task != NULL && deliver_task_has_begun(job->task))
		return;
	settle_all(job, &cancelled);
	finish(job);
}

void deliver_job_orphan(struct deliver_job *job)
{
	if (job->is_orphan)
		return;
	job->is_orphan = true;
	if (job->task != NULL && deliver_task_is_past_end(job->task))
		return;
	finish(job);
}

void deliver_job_report(struct deliver_job *job)
{
	size_t count = job->wire.recipients.count;
	struct wire_recipient_outcome *items = arena_array(job->arena, count, sizeof(*items));
	struct wire_outcome outcome = {.message = job->wire.message};

	if (!job->is_orphan)
		return;
	job->is_reported = true;
	for (size_t i = 0; i < count; i++)
		items[i] = (struct wire_recipient_outcome){
			.number = job->wire.recipients.items[i].number,
			.result = WIRE_UNDER_WAY,
			.receipt = -1,
		};
	outcome.recipients.items = items;
	outcome.recipients.count = count;
	deliver_send(job->self, WIRE_OUTCOME, &outcome);
}

bool deliver_job_is_outdated(const struct deliver_job *job)
{
	return policy_snapshot_generation(job->config->snapshot) !=
	       policy_snapshot_generation(job->self->config->snapshot);
}

void deliver_job_outdate(struct deliver_job *job)
{
	static const struct deliver_verdict outdated = {.result = WIRE_NOT_TRIED,
		.token = "reconfigured",
		.enhanced = "4.3.2",
		.text = "the configuration changed before it was tried",
		.receipt = -1};

	settle_all(job, &outdated);
	job->group_at = job->group_count;
}

void deliver_job_free(struct deliver_job **pointer)
{
	struct deliver_job *job = *pointer;

	if (job == NULL)
		return;
	*pointer = NULL;
	*job->place = job->next;
	if (job->next != NULL)
		job->next->place = job->place;
	job->self->job_count--;
	deliver_task_free(&job->task);
	deliver_body_free(&job->body);
	deliver_config_release(&job->config);
	event_free(job->step);
	arena_free(&job->arena);
	free(job);
}
