/*
 * Events of the trace to the webhook: batches, in their order, beside the alarms.
 *
 *     looked for ---> under way ---> told: the next ones
 *       ^                 |
 *       +-- pause, doubled+ not taken, no answer, lookup gone
 *
 * The place is kept in the trace (port/store/alert.h).  What is tried again is read again: it may
 * have become more, and each event has a number of its own.  After a day a batch is given up, and
 * counted among those that were skipped.
 */
#include "base/moment.h"
#include "port/log/log.h"
#include "process/spool/alerts.h"

enum { LOOK_MS = 2 * 1000 };

static bool are_wanted(const struct spool_alerts *a)
{
	return a->webhook != NULL && a->events.count > 0;
}

static json_t *event_json(const struct store_news_item *item)
{
	json_t *json = spool_event_json(&item->event);
	char id[WIRE_ID_TEXT] = "";

	if (item->event.message != 0)
		wire_id_format(item->event.message, id);
	json_object_del(json, "receipt");
	json_object_set_new(json, "id", json_integer((json_int_t)item->sequence));
	json_object_set_new(
		json, "message", item->event.message != 0 ? json_string(id) : json_null());
	json_object_set_new(json, "sender", spool_text_json(item->event.sender));
	json_object_set_new(json, "message_id", spool_text_json(item->event.message_id));
	json_object_set_new(json, "size", json_integer((json_int_t)item->event.size));
	return json;
}

static json_t *news_json(const struct spool *spool, const struct store_news *news)
{
	json_t *events = json_array();

	for (size_t i = 0; i < news->count; i++)
		json_array_append_new(events, event_json(&news->items[i]));
	return json_pack("{s:s,s:o,s:I,s:o}", "type", "events", "host",
		spool_text_json(spool->settings.hostname), "skipped", (json_int_t)news->skipped,
		"events", events);
}

static void written(void *context, enum err e)
{
	struct spool *spool = context;
	struct spool_webhook_events *h = &spool->alerts->hook_events;

	h->reading = false;
	if (e != ERR_OK && e != ERR_CLOSED) {
		log_event(LOG_WARNING_LEVEL, "alerts.not-written", LOG_TEXT("error", err_token(e)));
		h->next = spool->ticks_ms() + SPOOL_WEBHOOK_UNWRITTEN_MS;
	} else if (e == ERR_OK) {
		spool_webhook_events_tick(spool);
	}
}

/* A full batch has more behind it, perhaps. */
static void move_on(struct spool *spool, int64_t skipped)
{
	struct spool_webhook_events *h = &spool->alerts->hook_events;

	h->failures = 0;
	h->logged_skipped = 0;
	h->next = h->count == STORE_NEWS ? 0 : spool->ticks_ms() + LOOK_MS;
	h->reading = true;
	store_news_told(spool->store, h->upto, skipped, written, spool);
}

static void failed(struct spool *spool, const char *text)
{
	struct spool_webhook_events *h = &spool->alerts->hook_events;
	int64_t pause = spool_webhook_pause(h->failures);

	h->tag = 0;
	spool_count_webhook(spool, "events", "failed");
	h->failures++;
	h->next = spool->ticks_ms() + pause;
	if (spool->ticks_ms() - h->began > SPOOL_WEBHOOK_GIVE_UP_MS) {
		log_event(LOG_ERROR_LEVEL, "webhook.events-given-up",
			LOG_NUMBER("count", (int64_t)h->count), LOG_NUMBER("last", h->last),
			LOG_TEXT("url", spool->alerts->webhook), LOG_TEXT("reason", text));
		spool_count_webhook(spool, "events", "given-up");
		move_on(spool, h->skipped + (int64_t)h->count);
		return;
	}
	log_event(LOG_WARNING_LEVEL, "webhook.events-failed",
		LOG_NUMBER("count", (int64_t)h->count), LOG_NUMBER("last", h->last),
		LOG_TEXT("url", spool->alerts->webhook), LOG_TEXT("reason", text),
		LOG_NUMBER("failures", h->failures), LOG_NUMBER("again_ms", pause));
}

static void next_read(void *context, enum err e, const struct store_news *news)
{
	struct spool *spool = context;
	struct spool_alerts *a = spool->alerts;
	struct spool_webhook_events *h = &a->hook_events;
	json_t *json;

	h->reading = false;
	h->next = spool->ticks_ms() + LOOK_MS;
	if (e != ERR_OK || !are_wanted(a) || news->count == 0)
		return;
	h->count = news->count;
	h->last = news->items[news->count - 1].sequence;
	h->upto = news->upto;
	h->skipped = news->skipped;
	if (h->skipped > h->logged_skipped)
		log_event(LOG_WARNING_LEVEL, "webhook.events-skipped",
			LOG_NUMBER("count", h->skipped - h->logged_skipped),
			LOG_TEXT("url", a->webhook));
	h->logged_skipped = h->skipped;
	if (h->failures == 0)
		h->began = spool->ticks_ms();
	json = news_json(spool, news);
	h->tag = spool_webhook_post(spool, json, "events-", h->last);
	h->until = spool->ticks_ms() + SPOOL_WEBHOOK_WAIT_MS;
	if (h->tag == 0)
		failed(spool, "the lookup process is not there");
}

bool spool_webhook_events_posted(struct spool *spool, const struct wire_posted *posted)
{
	struct spool_webhook_events *h = &spool->alerts->hook_events;

	if (posted->tag == 0 || posted->tag != h->tag)
		return false;
	h->tag = 0;
	if (!posted->ok) {
		failed(spool, posted->text != NULL ? posted->text : "it was not taken");
		return true;
	}
	spool_count_webhook(spool, "events", "taken");
	log_event(LOG_INFO_LEVEL, "webhook.events-told", LOG_NUMBER("count", (int64_t)h->count),
		LOG_NUMBER("last", h->last), LOG_NUMBER("status", posted->http_status));
	move_on(spool, 0);
	return true;
}

void spool_webhook_events_lost(struct spool *spool)
{
	if (spool->alerts->hook_events.tag != 0)
		failed(spool, "the lookup process has ended");
}

void spool_webhook_events_tick(struct spool *spool)
{
	struct spool_webhook_events *h = &spool->alerts->hook_events;
	int64_t now = spool->ticks_ms();

	if (!are_wanted(spool->alerts)) {
		/* Who wants to know later is not told of old ones. */
		h->tag = 0;
		if (!h->is_forgotten)
			store_news_forget(spool->store, NULL, NULL);
		h->is_forgotten = true;
		return;
	}
	h->is_forgotten = false;
	if (h->tag != 0 && now >= h->until)
		failed(spool, "no answer within a minute");
	if (h->reading || h->tag != 0 || now < h->next)
		return;
	h->reading = true;
	store_news_next(spool->store, &spool->alerts->events, next_read, spool);
}
