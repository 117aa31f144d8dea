/*
 * What becomes of recipients: each outcome of a job is one change of the store, with its events for
 * the trace and the notices it calls for.
 *
 *     judge ---> read what the notices give back ---> write notices ---> commit ---> done
 *                                                                          |
 *                                                   failed: again every second, until it is kept
 *
 * A change is never given up: a delivered recipient that stays in the queue would be delivered
 * twice.
 */
#include "port/log/log.h"
#include "process/spool/state.h"

#include <stdlib.h>
#include <string.h>

enum { GONE = -1 /* state of a recipient in memory that is settled */, KINDS = 3 };

/* The notices of one settlement: failures together, delays, successes. */
struct notice {
	struct spool_notice notice;
	struct store_message stored;
	struct buf bytes;
	bool made;
};

struct spool_settlement {
	struct spool *spool;
	struct spool_settlement *next; /* among those stuck */
	struct arena *arena;
	struct spool_message *message;
	struct store_update *updates;
	struct wire_event *events;
	size_t update_count, event_count;
	const char **concerned; /* organisations; the same one may stand there again */
	size_t concerned_count;
	struct notice notices[KINDS];
	bool full; /* give back all of the message */
	spool_settled *done;
	void *context;
};

struct judge {
	struct spool_settlement *s;
	const struct spool_verdict *verdict;
	const struct wire_recipient_outcome *outcome;
	struct store_recipient *recipient;
	int64_t now_ms;
};

/* Once for recipients that follow each other, as those of one organisation do. */
static void concern(struct spool_settlement *s, const char *organisation)
{
	const char *last = s->concerned_count > 0 ? s->concerned[s->concerned_count - 1] : NULL;

	if (organisation != NULL && (last == NULL || strcmp(last, organisation) != 0))
		s->concerned[s->concerned_count++] = arena_text(s->arena, organisation);
}

/* ---- judging -----------------------------------------------------------------------------------
 */

static const struct receipt *receipt_of(const struct judge *j)
{
	int64_t i = j->outcome->receipt;

	return i >= 0 && (uint64_t)i < j->verdict->receipt_count ? &j->verdict->receipts[i] : NULL;
}

static void log_outcome(const struct judge *j, const char *kind)
{
	char id[WIRE_ID_TEXT], event[40];

	wire_id_format(j->s->message->id, id);
	snprintf(event, sizeof(event), "recipient.%s", kind);
	log_event(LOG_INFO_LEVEL, event, LOG_TEXT("id", id),
		LOG_TEXT("recipient", j->recipient->wire.address),
		LOG_TEXT("route", j->verdict->route), LOG_TEXT("host", j->outcome->host),
		LOG_TEXT("token", j->outcome->token), LOG_TEXT("text", j->outcome->text),
		LOG_NUMBER("attempts", j->recipient->attempts));
}

static void add_event(struct judge *j, const char *kind)
{
	struct spool_settlement *s = j->s;
	const struct wire_message *m = &s->message->m.wire;
	const struct receipt *receipt = receipt_of(j);
	struct wire_event event = {
		.message = m->id,
		.at_ms = j->now_ms,
		.kind = kind,
		.sender = m->sender,
		.recipient = j->recipient->wire.address,
		.organisation = receipt != NULL && receipt->organisation != NULL
					? receipt->organisation
					: j->recipient->wire.organisation,
		.connector = receipt != NULL ? receipt->connector : NULL,
		.token = j->outcome->token,
		.enhanced = j->outcome->enhanced,
		.text = j->outcome->text,
		.message_id = m->message_id,
		.size = m->size,
		.receipt = (struct receipt *)receipt,
	};

	if (receipt != NULL && receipt->would_token != NULL) {
		event.would_token = receipt->would_token;
		event.would_text = receipt->would_reason;
		event.would_by = receipt->would_by;
	}
	record_copy(&wire_event_desc, &event, s->arena, &s->events[s->event_count++]);
	if (event.would_token == NULL ||
		(strcmp(kind, "delivered") != 0 && strcmp(kind, "relayed") != 0))
		return;
	event = spool_event_would(&event, s->arena);
	record_copy(&wire_event_desc, &event, s->arena, &s->events[s->event_count++]);
}

static struct spool_notice *notice_of(struct judge *j, enum message_dsn_action action)
{
	struct spool_settlement *s = j->s;
	size_t kind = action == MESSAGE_DSN_FAILED ? 0 : action == MESSAGE_DSN_DELAYED ? 1 : 2;
	struct spool_notice *notice = &s->notices[kind].notice;

	if (notice->recipients == NULL) {
		notice->recipients =
			arena_array(s->arena, j->verdict->count, sizeof(*notice->recipients));
		notice->organisation = arena_text(s->arena, j->recipient->wire.organisation);
	}
	return notice;
}

/* Whom to tell; false: nobody. */
static bool address_notice(
	struct judge *j, struct spool_notice *notice, enum message_dsn_action action)
{
	const struct wire_message *m = &j->s->message->m.wire;
	char id[WIRE_ID_TEXT];

	if (m->sender[0] != '\0') {
		notice->to = m->sender;
		notice->marker = spool_notice_marker;
		return message_dsn_is_wanted(action, j->recipient->wire.notify, m->sender);
	}
	/* The null sender is never told.  A notice of our own that fails goes to the postmaster,
	 * once; a copy for the postmaster that fails ends here. */
	if (action != MESSAGE_DSN_FAILED || m->helo == NULL || m->helo[0] != ' ')
		return false;
	if (strcmp(m->helo, spool_notice_marker) == 0) {
		notice->to = spool_notice_postmaster(
			j->s->spool, j->recipient->wire.organisation, j->s->arena);
		notice->double_sender = "";
		notice->marker = spool_notice_double_marker;
		if (notice->to != NULL)
			return true;
	}
	wire_id_format(m->id, id);
	log_event(LOG_ERROR_LEVEL, "notice.lost", LOG_TEXT("id", id),
		LOG_TEXT("recipient", j->recipient->wire.address),
		LOG_TEXT("text", j->outcome->text));
	return false;
}

static void add_notice(struct judge *j, enum message_dsn_action action, bool expired)
{
	struct arena *arena = j->s->arena;
	struct spool_notice *notice = notice_of(j, action);

	if (!address_notice(j, notice, action))
		return;
	notice->recipients[notice->count++] = (struct message_dsn_recipient){
		.address = arena_text(arena, j->recipient->wire.address),
		.original = arena_text(arena, j->recipient->wire.original),
		.action = action,
		.token = arena_text(arena, j->outcome->token),
		.enhanced = arena_text(arena, j->outcome->enhanced),
		.text = arena_text(arena, j->outcome->text),
		.host = arena_text(arena, j->outcome->host),
		.attempts = j->recipient->attempts,
		.last_ms = j->now_ms,
		.expired = expired,
	};
}

static void remove_recipient(struct judge *j, const char *kind)
{
	struct spool_settlement *s = j->s;

	s->updates[s->update_count++] = (struct store_update){
		.message = s->message->id, .number = j->recipient->wire.number, .remove = true};
	add_event(j, kind);
	log_outcome(j, kind);
	j->recipient->state = GONE;
}

static void count(const struct judge *j, const char *result, const char *token)
{
	spool_count_recipient(j->s->spool, result, token,
		j->verdict->route != NULL ? j->verdict->route : j->recipient->route);
}

static void delivered(struct judge *j)
{
	bool relayed = j->outcome->result == WIRE_RELAYED;

	j->recipient->attempts++;
	count(j, relayed ? "relayed" : "delivered", NULL);
	if (relayed)
		j->s->spool->counters.relayed++;
	else
		j->s->spool->counters.delivered++;
	/* A letter about alarms raises none. */
	if (receipt_of(j) != NULL && !spool_alert_is(&j->s->message->m.wire))
		spool_protection_sent(j->s->spool, &j->recipient->wire, receipt_of(j));
	if (!j->outcome->passed_on)
		add_notice(j, relayed ? MESSAGE_DSN_RELAYED : MESSAGE_DSN_DELIVERED, false);
	remove_recipient(j, relayed ? "relayed" : "delivered");
}

static void failed(struct judge *j)
{
	const char *kind = j->verdict->kind != NULL ? j->verdict->kind : "failed";

	j->s->spool->counters.failed++;
	count(j, kind, j->outcome->token);
	if (j->verdict->kind == NULL)
		j->recipient->attempts++;
	add_notice(j, MESSAGE_DSN_FAILED, false);
	remove_recipient(j, kind);
}

static bool is_downgrade(const struct wire_recipient_outcome *outcome)
{
	return outcome->token != NULL &&
	       strcmp(outcome->token, policy_outcome_row(POLICY_DOWNGRADE)->token) == 0;
}

static void deferred(struct judge *j)
{
	struct spool_settlement *s = j->s;
	struct store_recipient *r = j->recipient;
	struct arena *arena = s->message->arena;
	struct queue_history history = {.received_ms = s->message->m.wire.received_ms,
		.attempts = r->attempts + 1,
		.delay_noticed = r->delay_noticed};
	struct queue_next next = queue_next_attempt(&history, &s->spool->settings.queue, j->now_ms);

	r->attempts++;
	if (next.verdict == QUEUE_RETURN) {
		s->spool->counters.expired++;
		count(j, "expired", j->outcome->token);
		add_notice(j, MESSAGE_DSN_FAILED, true);
		remove_recipient(j, "expired");
		return;
	}
	s->spool->counters.deferred++;
	count(j, "deferred", j->outcome->token);
	if (!j->verdict->silent || r->attempts == 1) {
		add_event(j, "deferred");
		log_outcome(j, "deferred");
	}
	if (next.notify_delay) {
		size_t before = notice_of(j, MESSAGE_DSN_DELAYED)->count;

		r->delay_noticed = true;
		add_notice(j, MESSAGE_DSN_DELAYED, false);
		if (notice_of(j, MESSAGE_DSN_DELAYED)->count > before)
			add_event(j, "delayed");
	}
	r->due_ms = next.when_ms;
	if (receipt_of(j) != NULL && is_downgrade(j->outcome) &&
		!spool_alert_is(&s->message->m.wire)) {
		spool_protection_sent(s->spool, &r->wire, receipt_of(j));
		r->due_ms = spool_protection_due(s->spool, &r->wire, r->due_ms);
	}
	r->last_ms = j->now_ms;
	r->token = arena_text(arena, j->outcome->token);
	r->enhanced = arena_text(arena, j->outcome->enhanced);
	r->text = arena_text(arena, j->outcome->text);
	r->host = arena_text(arena, j->outcome->host);
	if (j->verdict->route != NULL)
		r->route = arena_text(arena, j->verdict->route);
	s->updates[s->update_count++] = (struct store_update){
		.message = s->message->id,
		.number = r->wire.number,
		.due_ms = r->due_ms,
		.attempts = r->attempts,
		.last_ms = r->last_ms,
		.delay_noticed = r->delay_noticed,
		.route = r->route,
		.token = r->token != NULL ? r->token : "",
		.enhanced = r->enhanced != NULL ? r->enhanced : "",
		.text = r->text != NULL ? r->text : "",
		.host = r->host != NULL ? r->host : "",
	};
}

static void concern_all(const struct judge *j)
{
	concern(j->s, j->recipient->wire.organisation);
	concern(j->s, j->recipient->wire.receiver);
	if (receipt_of(j) != NULL)
		concern(j->s, receipt_of(j)->organisation);
}

static void judge_all(struct spool_settlement *s, const struct spool_verdict *verdict)
{
	struct judge j = {.s = s, .verdict = verdict, .now_ms = s->spool->now_ms()};

	for (size_t i = 0; i < verdict->count; i++) {
		j.outcome = &verdict->recipients[i];
		j.recipient = spool_recipient(s->message, j.outcome->number);
		if (j.recipient == NULL || j.recipient->state == GONE)
			continue;
		concern_all(&j);
		if (j.outcome->result == WIRE_DELIVERED || j.outcome->result == WIRE_RELAYED)
			delivered(&j);
		else if (j.outcome->result == WIRE_FAILED)
			failed(&j);
		else if (j.outcome->result == WIRE_DEFERRED)
			deferred(&j);
	}
}

/* ---- committing ---------------------------------------------------------------------------------
 */

static void settlement_free(struct spool_settlement *s)
{
	for (size_t i = 0; i < KINDS; i++)
		buf_free(&s->notices[i].bytes);
	spool_message_drop(s->spool, &s->message);
	arena_free(&s->arena);
	free(s);
}

static bool all_gone(const struct spool_message *message)
{
	for (size_t i = 0; i < message->m.recipients.count; i++)
		if (message->m.recipients.items[i].state != GONE)
			return false;
	return true;
}

static void committed(void *context, enum err e)
{
	struct spool_settlement *s = context;
	struct spool *spool = s->spool;

	if (e != ERR_OK && e != ERR_CLOSED) {
		log_event(LOG_ERROR_LEVEL, "outcome.not-written", LOG_TEXT("error", err_token(e)));
		s->next = spool->stuck;
		spool->stuck = s;
		return;
	}
	spool->settling--;
	for (size_t i = 0; i < s->concerned_count; i++)
		spool_activity_mail(spool, s->concerned[i]);
	if (s->done != NULL)
		s->done(s->context);
	for (size_t i = 0; e == ERR_OK && i < s->update_count; i++)
		if (s->updates[i].remove)
			spool->left++;
		else
			spool_plan(spool, s->updates[i].message, s->updates[i].number,
				s->updates[i].route, s->updates[i].due_ms);
	for (size_t i = 0; e == ERR_OK && i < KINDS; i++)
		if (s->notices[i].made)
			spool_plan_message(spool, &s->notices[i].stored, spool->now_ms());
	if (all_gone(s->message) &&
		map_get(spool->messages, spool_key(&s->message->id)) == s->message)
		spool_message_forget(spool, s->message->id);
	settlement_free(s);
	spool_wake(spool);
}

/* The content of a notice as the store takes it; NULL when it does not take any now. */
static struct store_intake *intake_of(struct spool *spool, struct notice *notice)
{
	struct store_intake *intake = store_begin(spool->store, notice->stored.wire.id);

	if (store_write(intake, buf_str(&notice->bytes)) != ERR_OK)
		store_abort(&intake);
	return intake;
}

static void commit(struct spool_settlement *s)
{
	struct store_new news[KINDS];
	struct store_change change = {.news = news,
		.updates = s->updates,
		.update_count = s->update_count,
		.events = s->events,
		.event_count = s->event_count};

	for (size_t i = 0; i < KINDS; i++) {
		struct notice *notice = &s->notices[i];
		struct store_new *new = &news[change.new_count];

		if (!notice->made)
			continue;
		*new = (struct store_new){.intake = intake_of(s->spool, notice),
			.message = &notice->stored.wire,
			.recipients = notice->stored.recipients.items,
			.count = notice->stored.recipients.count};
		if (new->intake == NULL) {
			while (change.new_count > 0)
				store_abort(&news[--change.new_count].intake);
			committed(s, ERR_FULL);
			return;
		}
		change.new_count++;
	}
	store_apply(s->spool->store, &change, committed, s);
}

static void make_notices(struct spool_settlement *s, struct str content)
{
	struct spool *spool = s->spool;

	for (size_t i = 0; i < KINDS; i++) {
		struct notice *notice = &s->notices[i];
		struct wire_event *event;

		if (notice->notice.count == 0)
			continue;
		buf_init(&notice->bytes, MESSAGE_DSN_MAX);
		if (spool_notice_make(spool, &notice->notice, s->message, content, s->arena,
			    &notice->stored, &notice->bytes) != ERR_OK) {
			log_event(LOG_ERROR_LEVEL, "notice.not-made",
				LOG_TEXT("to", notice->notice.to));
			continue;
		}
		notice->made = true;
		concern(s, notice->notice.organisation);
		spool->counters.notices++;
		event = &s->events[s->event_count++];
		*event = (struct wire_event){
			.message = notice->stored.wire.id,
			.at_ms = notice->stored.wire.received_ms,
			.kind = "received",
			.sender = "",
			.recipient = notice->notice.to,
			.organisation = notice->notice.organisation,
			.text = "notice written here",
			.message_id = notice->stored.wire.message_id,
			.size = notice->stored.wire.size,
		};
	}
}

static void content_read(void *context, enum err e, struct str content)
{
	struct spool_settlement *s = context;

	make_notices(s, e == ERR_OK ? content : (struct str){0});
	commit(s);
}

/* RFC 3461 4.3: only failures give all of a message back, and only where the sender asked. */
static size_t content_wanted(const struct spool_settlement *s)
{
	const struct wire_message *m = &s->message->m.wire;

	if (s->notices[0].notice.count + s->notices[1].notice.count + s->notices[2].notice.count ==
		0)
		return 0;
	if (s->notices[0].notice.count > 0 && m->ret == WIRE_RET_FULL && m->size > 0 &&
		m->size <= MESSAGE_DSN_MAX_FULL)
		return (size_t)m->size;
	return MESSAGE_DSN_MAX_HEADER;
}

void spool_settle(struct spool *spool, const struct spool_verdict *verdict, spool_settled *done,
	void *context)
{
	struct spool_settlement *s = mem_new(sizeof(*s));
	size_t wanted;

	s->spool = spool;
	s->arena = arena_new();
	s->message = verdict->message;
	s->message->refs++;
	s->done = done;
	s->context = context;
	s->updates = arena_array(s->arena, verdict->count, sizeof(*s->updates));
	/* Each recipient makes at most three, each notice one. */
	s->events = arena_array(s->arena, verdict->count * 3 + KINDS, sizeof(*s->events));
	/* Each recipient has two, and its connector's; each notice one. */
	s->concerned = arena_array(s->arena, verdict->count * 3 + KINDS, sizeof(*s->concerned));
	spool->settling++;
	judge_all(s, verdict);
	wanted = content_wanted(s);
	if (wanted > 0)
		store_body_read(spool->store, s->message->id, 0, wanted, content_read, s);
	else
		commit(s);
}

void spool_settle_tick(struct spool *spool)
{
	struct spool_settlement *s = spool->stuck, *next;

	spool->stuck = NULL;
	for (; s != NULL; s = next) {
		next = s->next;
		s->next = NULL;
		commit(s);
	}
}
