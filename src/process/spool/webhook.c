/*
 * Alarms to a webhook: one POST for each beginning and each end, in their order, by way of lookup.
 *
 *     X-Sealpost-Timestamp: 1795300000
 *     X-Sealpost-Signature: sha256=HEX    HMAC-SHA-256 of "TIMESTAMP.BODY" by the secret
 *
 * The receiver answers 2xx, or the same request comes again, later and later; the number in
 * X-Sealpost-Delivery tells it what it has had before.  After a day it is given up, for
 * those behind it.
 *
 *     waits ---> reading ---> under way ---> told: the next one
 *       ^                         |
 *       +---- pause, doubled -----+ not taken, no answer, lookup gone
 */
#include "port/log/log.h"
#include "port/tls/mac.h"
#include "process/spool/alerts.h"

#include <stdlib.h>

enum {
	PAUSE_MS = 5 * 1000,
	MAX_PAUSE_MS = 30 * 60 * 1000,
};

static struct spool_peer *lookup_of(struct spool *spool)
{
	struct spool_peer *peer = spool->peers;

	while (peer != NULL && (peer->role != RUNTIME_LOOKUP || peer->ipc == NULL))
		peer = peer->next;
	return peer;
}

int64_t spool_webhook_post(struct spool *spool, json_t *json, const char *prefix, int64_t number)
{
	struct spool_alerts *a = spool->alerts;
	struct spool_peer *peer = lookup_of(spool);
	struct arena *arena CLEANUP(arena_free) = arena_new();
	char *text, mac[TLS_MAC_TEXT];
	const char *at = arena_format(arena, "%lld", (long long)(spool->now_ms() / 1000));
	struct wire_header headers[3];
	struct wire_post request = {.tag = ++a->last_tag,
		.url = a->webhook,
		.content_type = "application/json",
		.headers = {headers, 0}};

	if (peer == NULL) {
		json_decref(json);
		return 0;
	}
	text = json_dumps(json, JSON_COMPACT);
	request.body = str_of(text);
	headers[request.headers.count++] = (struct wire_header){
		"X-Sealpost-Delivery", arena_format(arena, "%s%lld", prefix, (long long)number)};
	if (a->secret.n > 0) {
		tls_mac_sha256(a->secret, str_of(arena_format(arena, "%s.%s", at, text)), mac);
		headers[request.headers.count++] = (struct wire_header){"X-Sealpost-Timestamp", at};
		headers[request.headers.count++] = (struct wire_header){
			"X-Sealpost-Signature", arena_format(arena, "sha256=%s", mac)};
	}
	ipc_send(peer->ipc, WIRE_POST, &request);
	free(text);
	json_decref(json);
	return request.tag;
}

int64_t spool_webhook_pause(int64_t failures)
{
	int64_t pause = PAUSE_MS;

	for (int64_t i = 0; i < failures && pause < MAX_PAUSE_MS; i++)
		pause *= 2;
	return pause < MAX_PAUSE_MS ? pause : MAX_PAUSE_MS;
}

static int64_t post(struct spool *spool, const struct store_alarm *alarm)
{
	return spool_webhook_post(spool, spool_alerts_json(spool, alarm), "", alarm->number);
}

/* ---- one after the other -----------------------------------------------------------------------
 */

static void told(void *context, enum err e)
{
	struct spool *spool = context;
	struct spool_webhook *hook = &spool->alerts->hook;

	/* What was told is looked for behind it: not before that is written.  Where it cannot be
	 * the same alarm comes again: not at once, as long as a disk is full. */
	hook->reading = false;
	if (e != ERR_OK && e != ERR_CLOSED) {
		log_event(LOG_WARNING_LEVEL, "alerts.not-written", LOG_TEXT("error", err_token(e)));
		hook->next = spool->ticks_ms() + SPOOL_WEBHOOK_UNWRITTEN_MS;
	} else if (e == ERR_OK) {
		spool_webhook_tick(spool);
	}
}

static void move_on(struct spool *spool)
{
	struct spool_webhook *hook = &spool->alerts->hook;

	hook->failures = 0;
	hook->next = 0;
	hook->reading = true;
	store_alert_told(spool->store, STORE_ALERT_WEBHOOK, hook->number, told, spool);
}

static void failed(struct spool *spool, const char *text)
{
	struct spool_webhook *hook = &spool->alerts->hook;
	int64_t pause = spool_webhook_pause(hook->failures);

	hook->tag = 0;
	spool_count_webhook(spool, "alerts", "failed");
	hook->failures++;
	hook->next = spool->ticks_ms() + pause;
	if (spool->ticks_ms() - hook->began > SPOOL_WEBHOOK_GIVE_UP_MS) {
		log_event(LOG_ERROR_LEVEL, "webhook.given-up", LOG_NUMBER("alarm", hook->id),
			LOG_TEXT("url", spool->alerts->webhook), LOG_TEXT("reason", text));
		spool_count_webhook(spool, "alerts", "given-up");
		move_on(spool);
		return;
	}
	log_event(LOG_WARNING_LEVEL, "webhook.failed", LOG_NUMBER("alarm", hook->id),
		LOG_TEXT("url", spool->alerts->webhook), LOG_TEXT("reason", text),
		LOG_NUMBER("failures", hook->failures), LOG_NUMBER("again_ms", pause));
}

static void next_read(void *context, enum err e, const struct store_alarm *alarms, size_t count)
{
	struct spool *spool = context;
	struct spool_webhook *hook = &spool->alerts->hook;

	hook->reading = false;
	if (e != ERR_OK || spool->alerts->webhook == NULL)
		return;
	if (count == 0) {
		hook->waits = false;
		return;
	}
	hook->id = alarms[0].id;
	hook->number = alarms[0].number;
	/* Time of ours: an alarm may be older than the webhook, and the clock may jump. */
	if (hook->failures == 0)
		hook->began = spool->ticks_ms();
	hook->tag = post(spool, &alarms[0]);
	hook->until = spool->ticks_ms() + SPOOL_WEBHOOK_WAIT_MS;
	if (hook->tag == 0)
		failed(spool, "the lookup process is not there");
}

/* ---- the test ----------------------------------------------------------------------------------
 */

static void test_over(struct spool *spool, bool ok, int64_t status, const char *text)
{
	struct spool_webhook *hook = &spool->alerts->hook;
	struct spool_request *request = hook->test;
	json_t *result = request->result;

	hook->test = NULL;
	hook->test_tag = 0;
	request->result = NULL;
	json_object_set_new(result, "webhook",
		json_pack("{s:b,s:I,s:o,s:b}", "ok", ok, "status", (json_int_t)status, "text",
			spool_text_json(text), "signed", spool->alerts->secret.n > 0));
	spool_answer(request, result);
}

void spool_webhook_test(
	struct spool *spool, const struct store_alarm *alarm, struct spool_request *request)
{
	struct spool_webhook *hook = &spool->alerts->hook;
	json_t *result = request->result;

	if (spool->alerts->webhook == NULL || hook->test != NULL) {
		request->result = NULL;
		json_object_set_new(result, "webhook",
			json_pack("{s:o,s:s}", "ok",
				hook->test != NULL ? json_false() : json_null(), "text",
				hook->test != NULL ? "another test is under way"
						   : "none: set alerts.webhook in the node file"));
		spool_answer(request, result);
		return;
	}
	hook->test = request;
	hook->test_tag = post(spool, alarm);
	hook->test_until = spool->ticks_ms() + SPOOL_WEBHOOK_TEST_MS;
	if (hook->test_tag == 0)
		test_over(spool, false, 0, "the lookup process is not there");
}

/* ---- events ------------------------------------------------------------------------------------
 */

void spool_webhook_posted(struct spool *spool, const struct wire_posted *posted)
{
	struct spool_webhook *hook = &spool->alerts->hook;
	const char *text = posted->text != NULL ? posted->text : "it was not taken";

	if (posted->tag != 0 && posted->tag == hook->test_tag) {
		test_over(spool, posted->ok, posted->http_status, posted->ok ? "taken" : text);
		return;
	}
	if (spool_webhook_events_posted(spool, posted) || posted->tag == 0 ||
		posted->tag != hook->tag)
		return;
	hook->tag = 0;
	if (!posted->ok) {
		failed(spool, text);
		return;
	}
	spool_count_webhook(spool, "alerts", "taken");
	log_event(LOG_INFO_LEVEL, "webhook.told", LOG_NUMBER("alarm", hook->id),
		LOG_NUMBER("status", posted->http_status));
	move_on(spool);
}

void spool_webhook_lost(struct spool *spool)
{
	struct spool_webhook *hook = &spool->alerts->hook;

	if (hook->test != NULL)
		test_over(spool, false, 0, "the lookup process has ended");
	if (hook->tag != 0)
		failed(spool, "the lookup process has ended");
	spool_webhook_events_lost(spool);
}

void spool_webhook_tick(struct spool *spool)
{
	struct spool_webhook *hook = &spool->alerts->hook;
	int64_t now = spool->ticks_ms();

	if (hook->test != NULL && now >= hook->test_until)
		test_over(spool, false, 0, "no answer within 15 s");
	if (hook->tag != 0 && now >= hook->until)
		failed(spool, "no answer within a minute");
	if (!hook->waits || hook->reading || hook->tag != 0 || now < hook->next ||
		spool->alerts->webhook == NULL)
		return;
	hook->reading = true;
	store_alert_next(spool->store, STORE_ALERT_WEBHOOK, 1, next_read, spool);
}
