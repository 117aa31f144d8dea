/*
 * What monitoring reads of the queue.  Counters are kept as things happen; what must be looked for
 * in the store (destinations, alarms) is looked for in the background, as long as somebody asks,
 * and takes a twentieth of the time at most.
 */
#include "core/metrics/set.h"
#include "port/store/alert.h"
#include "process/spool/alerts.h"

#include <stdlib.h>

#define VALUES(...) ((const char *const[]){__VA_ARGS__})

enum {
	LOOK_MS = 15 * 1000,
	STALE_MS = 60 * 1000,  /* not shown any more */
	ASKED_MS = 120 * 1000, /* so long after a question it is looked */
	SHARE = 20,
};

struct spool_metrics {
	struct metrics_set *set;
	bool is_looking;
	int64_t began, next, asked, looked; /* ticks */
};

static const char *const classes[] = {
	"maildir", "lmtp", "smtp", "on-premises", "partner", "mx", "literal", "refused", "other"};

struct spool_metrics *spool_metrics_new(int64_t now)
{
	struct spool_metrics *m = mem_new(sizeof(*m));

	m->set = metrics_set_new();
	/* Once at the beginning, so that the first one who asks hears of it. */
	m->asked = now;
	return m;
}

void spool_metrics_free(struct spool_metrics **metrics)
{
	if (*metrics == NULL)
		return;
	metrics_set_free(&(*metrics)->set);
	free(*metrics);
	*metrics = NULL;
}

void spool_count_recipient(
	struct spool *spool, const char *result, const char *token, const char *route)
{
	metrics_set_add(spool->metrics->set, METRICS_RECIPIENTS,
		VALUES(result, token != NULL ? token : "ok",
			policy_route_class(spool->snapshot, str_of(route))),
		1);
}

void spool_count_webhook(struct spool *spool, const char *webhook, const char *result)
{
	metrics_set_add(spool->metrics->set, METRICS_WEBHOOK_SENT, VALUES(webhook, result), 1);
}

/* ---- looking ----------------------------------------------------------------------------------
 */

static void looked(void *context, enum err e, const struct store_alert_count *counts, size_t count)
{
	struct spool *spool = context;
	struct spool_metrics *m = spool->metrics;
	int64_t now = spool->ticks_ms(), pause = (now - m->began) * SHARE;

	m->is_looking = false;
	m->next = now + (pause > LOOK_MS ? pause : LOOK_MS);
	if (e != ERR_OK)
		return;
	m->looked = now;
	metrics_set_clear(m->set, METRICS_ALARMS);
	for (size_t i = 0; i < count; i++)
		metrics_set_put(m->set, METRICS_ALARMS,
			VALUES(counts[i].kind, counts[i].is_acknowledged ? "yes" : "no"),
			counts[i].count);
}

static void summed(
	void *context, enum err e, const struct store_route_summary *routes, size_t count)
{
	struct spool *spool = context;
	struct metrics_set *set = spool->metrics->set;
	int64_t now = spool->now_ms();

	if (e == ERR_OK) {
		int64_t waiting[ARRAY_LENGTH(classes)] = {0}, held[ARRAY_LENGTH(classes)] = {0};
		int64_t oldest[ARRAY_LENGTH(classes)] = {0};

		for (size_t i = 0; i < count; i++) {
			const char *name =
				policy_route_class(spool->snapshot, str_of(routes[i].route));
			int64_t age = (now - routes[i].oldest_ms) / 1000;
			size_t c = 0;

			while (c + 1 < ARRAY_LENGTH(classes) && strcmp(classes[c], name) != 0)
				c++;
			waiting[c] += routes[i].recipients - routes[i].held;
			held[c] += routes[i].held;
			oldest[c] = age > oldest[c] ? age : oldest[c];
		}
		for (size_t c = 0; c < ARRAY_LENGTH(classes); c++) {
			metrics_set_put(
				set, METRICS_QUEUE_BY, VALUES(classes[c], "waiting"), waiting[c]);
			metrics_set_put(set, METRICS_QUEUE_BY, VALUES(classes[c], "held"), held[c]);
			metrics_set_put(set, METRICS_QUEUE_OLDEST, VALUES(classes[c]), oldest[c]);
		}
	}
	if (e == ERR_CLOSED)
		spool->metrics->is_looking = false;
	else
		store_alert_counts(spool->store, looked, spool);
}

void spool_metrics_tick(struct spool *spool)
{
	struct spool_metrics *m = spool->metrics;
	int64_t now = spool->ticks_ms();

	if (m->is_looking || now < m->next || now - m->asked > ASKED_MS)
		return;
	m->is_looking = true;
	m->began = now;
	store_summary(spool->store, NULL, summed, spool);
}

/* ---- telling ----------------------------------------------------------------------------------
 */

json_t *spool_metrics_json(struct spool *spool)
{
	struct spool_metrics *m = spool->metrics;
	struct store_counts counts = {0};
	int64_t now = spool->ticks_ms();
	json_t *json;

	m->asked = now;
	if (now - m->looked > STALE_MS) {
		metrics_set_clear(m->set, METRICS_QUEUE_BY);
		metrics_set_clear(m->set, METRICS_QUEUE_OLDEST);
		metrics_set_clear(m->set, METRICS_ALARMS);
	}
	store_counts(spool->store, &counts);
	if (counts.disk_free != INT64_MAX)
		metrics_set_put(m->set, METRICS_DISK_FREE, NULL, counts.disk_free);
	metrics_set_clear(m->set, METRICS_PARTNER_CERTIFICATE);
	if (spool->alerts->partners_end_ms > 0)
		metrics_set_put(m->set, METRICS_PARTNER_CERTIFICATE, NULL,
			spool->alerts->partners_end_ms / 1000);
	json = metrics_set_json(m->set);
	json_array_append_new(json, json_pack("[s,[],o]", metrics_rows[METRICS_COMMIT_TIME].name,
					    metrics_histogram_json(&counts.commits)));
	return json;
}
