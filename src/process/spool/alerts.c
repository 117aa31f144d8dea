/* Who is told of alarms: looking for new ones, the log, the time of the others. */
#include "process/spool/alerts.h"

#include "core/cert/watch.h"
#include "port/log/log.h"
#include "port/tls/tls.h"

#include <stdlib.h>

struct spool_alerts *spool_alerts_new(void)
{
	struct spool_alerts *alerts = mem_new(sizeof(*alerts));

	alerts->arena = arena_new();
	/* What was there at the end of the process before is told now. */
	alerts->mail_waits = alerts->hook.waits = true;
	return alerts;
}

void spool_alerts_free(struct spool *spool)
{
	if (spool->alerts == NULL)
		return;
	arena_free(&spool->alerts->arena);
	arena_free(&spool->alerts->break_arena);
	free(spool->alerts);
	spool->alerts = NULL;
}

/* A listener that names none presents all. */
static bool is_listened(const struct model_node *node, const char *name)
{
	for (size_t i = 0; i < node->listeners.count; i++) {
		const struct record_texts *names = &node->listeners.items[i].certificates;

		for (size_t j = 0; j < names->count; j++)
			if (strcmp(names->items[j], name) == 0)
				return true;
		if (names->count == 0)
			return true;
	}
	return false;
}

static void take_certificates(struct spool_alerts *a, const struct runtime_settings *settings)
{
	a->lives = arena_array(a->arena, settings->life_count + 1, sizeof(*a->lives));
	for (; a->life_count < settings->life_count; a->life_count++)
		record_copy(&cert_life_desc, &settings->lives[a->life_count], a->arena,
			&a->lives[a->life_count]);
	a->own = arena_array(a->arena, settings->certificate_count + 1, sizeof(*a->own));
	a->versions = arena_array(a->arena, settings->certificate_count + 1, sizeof(*a->versions));
	for (size_t i = 0; i < settings->certificate_count; i++) {
		const struct runtime_certificate *c = &settings->certificates[i];
		struct arena *arena CLEANUP(arena_free) = arena_new();
		struct cert_facts *facts;
		size_t count;

		if (c->version != NULL)
			a->versions[a->version_count++] =
				(struct spool_version){.name = arena_text(a->arena, c->name),
					.version = arena_text(a->arena, c->version),
					.state = c->state,
					.is_listened = is_listened(settings->node, c->name),
					.chain = arena_copy(a->arena, c->chain)};
		if (c->version != NULL ||
			tls_facts_of_pem(c->chain, arena, &facts, &count, NULL) != ERR_OK)
			continue;
		a->own[a->own_count++] =
			(struct spool_own_certificate){.name = arena_text(a->arena, c->name),
				.not_after_ms = cert_watch_end(facts, count)};
	}
}

void spool_alerts_reconsider(struct spool *spool)
{
	spool->alerts->next_expiry = 0;
	spool->alerts->breaks_are_known = false;
}

void spool_alerts_configure(struct spool *spool, const struct runtime_settings *settings)
{
	const struct model_alerts *from = &settings->node->alerts;
	struct spool_alerts *a = spool->alerts;

	arena_free(&a->arena);
	a->arena = arena_new();
	a->mail = arena_text(a->arena, from->mail);
	a->webhook = arena_text(a->arena, from->webhook);
	a->secret = arena_copy(a->arena, settings->webhook_secret);
	a->before_expiry.count = from->before_expiry.count;
	a->before_expiry.items = arena_array(
		a->arena, from->before_expiry.count + 1, sizeof(*a->before_expiry.items));
	for (size_t i = 0; i < from->before_expiry.count; i++)
		a->before_expiry.items[i] = from->before_expiry.items[i];
	a->events.count = from->events.count;
	a->events.items = arena_array(a->arena, from->events.count + 1, sizeof(*a->events.items));
	for (size_t i = 0; i < from->events.count; i++)
		a->events.items[i] = arena_text(a->arena, from->events.items[i]);
	a->life_count = a->own_count = a->version_count = a->break_count = 0;
	a->roots = arena_copy(a->arena, settings->roots);
	take_certificates(a, settings);
	/* Lives may have changed; a webhook that did not work may now. */
	spool_alerts_reconsider(spool);
	a->hook.next = 0;
	a->hook.failures = 0;
	a->hook_events.next = a->hook_events.failures = 0;
	if (spool->store != NULL)
		spool_webhook_events_tick(spool);
}

void spool_alerts_soon(struct spool *spool)
{
	int64_t now = spool->ticks_ms();

	spool->alerts->soon_until = now + SPOOL_ALERTS_SOON_MS;
	spool->alerts->next_look = now;
}

bool spool_alerts_has_mail(const struct spool *spool)
{
	bool has = spool->alerts->mail != NULL;

	for (size_t i = 0; !has && spool->config != NULL && i < spool->config->organisations.count;
		i++)
		has = spool->config->organisations.items[i].alerts != NULL;
	return has;
}

static void told(void *context, enum err e)
{
	(void)context;
	if (e != ERR_OK && e != ERR_CLOSED)
		log_event(LOG_WARNING_LEVEL, "alerts.not-written", LOG_TEXT("error", err_token(e)));
}

/* ---- the log -----------------------------------------------------------------------------------
 */

static void log_alarm(const struct store_alarm *alarm)
{
	if (alarm->is_end)
		log_event(LOG_INFO_LEVEL, "alarm.over", LOG_NUMBER("id", alarm->id),
			LOG_TEXT("kind", alarm->kind),
			LOG_TEXT("organisation", alarm->organisation),
			LOG_TEXT("subject", alarm->subject));
	else
		log_event(LOG_WARNING_LEVEL, "alarm", LOG_NUMBER("id", alarm->id),
			LOG_TEXT("kind", alarm->kind),
			LOG_TEXT("organisation", alarm->organisation),
			LOG_TEXT("subject", alarm->subject), LOG_TEXT("text", alarm->text));
}

static void looked(void *context, enum err e, const struct store_alarm *alarms, size_t count)
{
	struct spool *spool = context;
	struct spool_alerts *a = spool->alerts;
	int64_t last;

	a->looking = false;
	if (e != ERR_OK || count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (alarms[i].number > a->logged)
			log_alarm(&alarms[i]);
	last = alarms[count - 1].number;
	a->logged = last;
	store_alert_told(spool->store, STORE_ALERT_LOG, last, told, NULL);
	/* Who begins to listen later is not told of old ones. */
	if (!spool_alerts_has_mail(spool))
		store_alert_told(spool->store, STORE_ALERT_MAIL, last, told, NULL);
	if (a->webhook == NULL)
		store_alert_told(spool->store, STORE_ALERT_WEBHOOK, last, told, NULL);
	if (!a->mail_waits && a->next_mail < spool->ticks_ms() + SPOOL_ALERTS_GATHER_MS)
		a->next_mail = spool->ticks_ms() + SPOOL_ALERTS_GATHER_MS;
	a->mail_waits = a->hook.waits = true;
}

/* ---- mail --------------------------------------------------------------------------------------
 */

struct digest {
	struct spool *spool;
	int64_t last;
};

static void digest_written(void *context, enum err e)
{
	struct digest *digest = context;
	struct spool_alerts *a = digest->spool->alerts;

	if (e == ERR_OK)
		store_alert_told(digest->spool->store, STORE_ALERT_MAIL, digest->last, told, NULL);
	else if (e != ERR_CLOSED)
		log_event(LOG_ERROR_LEVEL, "alerts.not-sent", LOG_TEXT("error", err_token(e)));
	a->mailing = false;
	free(digest);
}

static void mail_read(void *context, enum err e, const struct store_alarm *alarms, size_t count)
{
	struct spool *spool = context;
	struct spool_alerts *a = spool->alerts;
	struct digest *digest;
	size_t sent = 0;

	a->mailing = false;
	if (e != ERR_OK)
		return;
	a->mail_waits = count == STORE_MAX_LIST;
	if (count == 0)
		return;
	a->next_mail = spool->ticks_ms() + SPOOL_ALERTS_MAIL_MS;
	a->mail_waits = true; /* look once more when that is over */
	digest = mem_new(sizeof(*digest));
	*digest = (struct digest){.spool = spool, .last = alarms[count - 1].number};
	a->mailing = true;
	spool_alerts_send(spool, alarms, count, digest_written, digest, &sent);
	if (sent == 0)
		digest_written(digest, ERR_OK);
}

/* ---- time --------------------------------------------------------------------------------------
 */

void spool_alerts_tick(struct spool *spool)
{
	struct spool_alerts *a = spool->alerts;
	int64_t now = spool->ticks_ms();

	if (spool->draining)
		return;
	spool_rollover_look(spool);
	spool_expiry_tick(spool);
	if (!a->looking && now >= a->next_look) {
		a->looking = true;
		a->next_look = now < a->soon_until ? now : now + SPOOL_ALERTS_LOOK_MS;
		store_alert_next(spool->store, STORE_ALERT_LOG, 0, looked, spool);
	}
	if (a->mail_waits && !a->mailing && now >= a->next_mail && spool_alerts_has_mail(spool)) {
		a->mailing = true;
		store_alert_next(spool->store, STORE_ALERT_MAIL, 0, mail_read, spool);
	}
	spool_webhook_tick(spool);
	spool_webhook_events_tick(spool);
}

/* ---- trying it out -----------------------------------------------------------------------------
 */

static struct store_alarm test_alarm(const struct spool_request *request)
{
	int64_t now = request->spool->now_ms();

	return (struct store_alarm){.kind = "test",
		.subject = "alerts",
		.text = arena_format(request->arena,
			"This is a test that %s has asked for: nothing has happened.",
			request->actor),
		.first_ms = now,
		.last_ms = now,
		.count = 1};
}

static json_t *mail_result(int64_t count, enum err e)
{
	if (count == 0)
		return json_pack(
			"{s:n,s:s}", "ok", "text", "nobody: set alerts.mail in the node file");
	if (e != ERR_OK)
		return json_pack("{s:b,s:s}", "ok", 0, "text", err_text(e));
	return json_pack("{s:b,s:s}", "ok", 1, "text", "in the queue: sealpost queue list");
}

static void test_mailed(void *context, enum err e)
{
	struct spool_request *request = context;
	const struct store_alarm alarm = test_alarm(request);

	json_object_set_new(request->result, "mail", mail_result(request->messages, e));
	spool_webhook_test(request->spool, &alarm, request);
}

/* Tell on all ways, at once. */
void spool_manage_alerts_test(struct spool_request *request)
{
	struct spool *spool = request->spool;
	const struct store_alarm alarm = test_alarm(request);
	size_t sent = 0;

	request->result = json_object();
	request->messages = 1;
	log_event(LOG_INFO_LEVEL, "alerts.test", LOG_TEXT("actor", request->actor));
	spool_alerts_send(spool, &alarm, 1, test_mailed, request, &sent);
	if (sent > 0)
		return;
	request->messages = 0;
	test_mailed(request, ERR_OK);
}
