#include "process/spool/spool.h"

#include "base/moment.h"
#include "port/log/log.h"
#include "port/store/report.h"
#include "process/spool/alerts.h"

#include <stdlib.h>
#include <unistd.h>

/* Reports by the hour; older ones by the day. */
/* An hour is added to its day when hardly anything comes late, and kept beside it for a while. */
static const int64_t report_days_ms = 2 * INT64_C(3600) * 1000;
static const int64_t report_hours_ms = 35 * (int64_t)MOMENT_DAY_MS;

enum {
	TICK_MS = 1000,
	CLOCK_JUMP_MS = 30 * 1000,
	TRACE_EVERY_MS = 3600 * 1000,
	MAX_PROTECTIONS_IN = 50000, /* strangers choose what they are */
	MAX_PROTECTIONS_OUT = 100000,
};

/* ---- life
 * ---------------------------------------------------------------------------------------- */

static void on_pump(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	spool_dispatch(context);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	spool_on_tick(context);
}

static struct queue_plan_limits plan_limits(const struct model_queue *queue)
{
	struct queue_plan_limits limits = {
		.window = SPOOL_WINDOW,
		.window_of_route = SPOOL_WINDOW_OF_ROUTE,
		.active_of_route = 1,
		.recipients = 1,
	};

	if (queue == NULL)
		return limits;
	if (queue->connections_per_destination > 0)
		limits.active_of_route = (size_t)queue->connections_per_destination;
	if (queue->recipients_per_transaction > 0)
		limits.recipients = (size_t)queue->recipients_per_transaction;
	return limits;
}

struct spool *spool_new(struct event_base *base, int64_t (*now_ms)(void), int64_t (*ticks_ms)(void))
{
	struct queue_plan_limits limits = plan_limits(NULL);
	struct spool *spool = mem_new(sizeof(*spool));

	spool->base = base;
	spool->now_ms = now_ms;
	spool->ticks_ms = ticks_ms;
	spool->clock_offset = now_ms() - ticks_ms();
	spool->plan = queue_plan_new(&limits, (uint64_t)ticks_ms());
	spool->messages = map_new((uint64_t)ticks_ms());
	spool->jobs = map_new(0);
	spool->hosts = map_new((uint64_t)ticks_ms());
	spool->owners = map_new((uint64_t)ticks_ms());
	spool->activities = map_new((uint64_t)ticks_ms());
	spool->protections = map_new((uint64_t)ticks_ms());
	spool->protection_orders[0].limit = MAX_PROTECTIONS_IN;
	spool->protection_orders[1].limit = MAX_PROTECTIONS_OUT;
	spool->alerts = spool_alerts_new();
	spool->metrics = spool_metrics_new(ticks_ms());
	spool->claims = map_new((uint64_t)ticks_ms());
	spool->tick = event_new(base, -1, EV_PERSIST, on_tick, spool);
	spool->pump = event_new(base, -1, 0, on_pump, spool);
	return spool;
}

static void end_jobs(struct spool *spool)
{
	size_t position = 0;
	void *value;

	while (map_next(spool->jobs, &position, NULL, &value)) {
		struct spool_job *job = value;

		spool_job_end(spool, &job);
	}
}

void spool_free(struct spool **ref)
{
	struct spool *spool = *ref;

	if (spool == NULL)
		return;
	while (spool->peers != NULL)
		spool_peer_remove(spool->peers);
	store_close(&spool->store); /* runs what completions are left */
	spool_backup_free(spool);
	end_jobs(spool);
	spool_message_forget_all(spool);
	event_free(spool->tick);
	event_free(spool->pump);
	queue_plan_free(&spool->plan);
	policy_snapshot_free(&spool->snapshot);
	map_free(&spool->messages);
	map_free(&spool->jobs);
	spool_hosts_free(spool);
	spool_refusals_free(spool);
	spool_protections_free(spool);
	spool_owners_free(spool);
	spool_activity_free(spool);
	spool_accounts_free(spool);
	spool_alerts_free(spool);
	spool_metrics_free(&spool->metrics);
	spool_orphans_free(spool);
	arena_free(&spool->settings.arena);
	free(spool->directory);
	free(spool);
	*ref = NULL;
}

void spool_configure(struct spool *spool, const struct model_node *node)
{
	struct queue_plan_limits limits = plan_limits(&node->queue);
	struct spool_settings settings = {.arena = arena_new()};
	int64_t *waits = arena_array(settings.arena, node->queue.retry.count + 1, sizeof(*waits));
	char name[256] = "localhost";

	for (size_t i = 0; i < node->queue.retry.count; i++)
		waits[i] = node->queue.retry.items[i];
	if (node->hostname == NULL && gethostname(name, sizeof(name) - 1) != 0)
		memcpy(name, "localhost", sizeof("localhost"));
	settings.hostname =
		arena_text(settings.arena, node->hostname != NULL ? node->hostname : name);
	settings.postmaster = arena_text(settings.arena, node->queue.postmaster);
	settings.queue = (struct queue_settings){.waits = waits,
		.wait_count = node->queue.retry.count,
		.expiry_ms = node->queue.expiry_ms,
		.delay_notice_ms = node->queue.delay_notice_ms};
	settings.max_message = node->limits.message;
	settings.max_queue = node->limits.queue;
	settings.min_disk = node->limits.disk_free;
	settings.delivers = node->processes.deliver;
	settings.trace_keep_ms = node->trace.keep_ms;
	settings.reports_keep_ms = node->trace.reports_ms;
	settings.trace_subjects = node->trace.subjects;
	spool->next_trace_ms = 0; /* it may be shorter now */
	arena_free(&spool->settings.arena);
	spool->settings = settings;
	if (spool->store != NULL)
		store_trace_subjects(spool->store, settings.trace_subjects);
	queue_plan_set_limits(spool->plan, &limits);
}

void spool_broken(struct spool *spool, enum err e, const char *text)
{
	if (spool->runtime != NULL)
		runtime_fail(spool->runtime, "spool.store-broken", text);
	log_event(LOG_ERROR_LEVEL, "spool.store-broken", LOG_TEXT("error", err_token(e)),
		LOG_TEXT("text", text));
}

static void on_broken(void *context, enum err e, const char *text)
{
	spool_broken(context, e, text);
}

enum err spool_open(struct spool *spool, const char *directory, struct err_info *info)
{
	static const struct store_handlers handlers = {.broken = on_broken};
	struct store_settings settings = {.directory = directory};
	const struct store_facts *facts;
	enum err e = store_open(spool->base, &settings, &handlers, spool, &spool->store, info);

	if (e != ERR_OK)
		return e;
	store_trace_subjects(spool->store, spool->settings.trace_subjects);
	facts = store_facts(spool->store);
	log_event(facts->warning != NULL ? LOG_WARNING_LEVEL : LOG_INFO_LEVEL, "spool.opened",
		LOG_TEXT("directory", directory), LOG_TEXT("file_system", facts->file_system),
		LOG_NUMBER("sync_us", facts->sync_us), LOG_NUMBER("swept", facts->swept),
		LOG_NUMBER("replayed", facts->replayed), LOG_TEXT("warning", facts->warning));
	return ERR_OK;
}

void spool_begin(struct spool *spool)
{
	struct timeval second = {.tv_sec = TICK_MS / 1000};

	spool->started = true;
	event_add(spool->tick, &second);
	spool_accounts_load(spool); /* before the configuration, as what follows */
	spool_hosts_load(spool);
	spool_refusals_load(spool);
	spool_protections_load(spool);
	spool_owners_ask(spool);	  /* before the configuration, and so before any mail */
	spool_webhook_events_tick(spool); /* begins behind what there is: before any mail */
	spool_config_load(spool);
}

void spool_ready(struct spool *spool)
{
	spool->configured = true;
	spool_orphans_await(spool);
	spool_intake_tick(spool);
	for (struct spool_peer *peer = spool->peers; peer != NULL; peer = peer->next)
		spool_peer_open(peer);
	spool_scan_soon(spool);
}

void spool_wake(struct spool *spool)
{
	event_active(spool->pump, 0, 0);
}

/* ---- the clock
 * ----------------------------------------------------------------------------------- */

static void watch_clock(struct spool *spool)
{
	int64_t now = spool->now_ms();
	int64_t offset = now - spool->ticks_ms();

	if (offset < spool->clock_offset - CLOCK_JUMP_MS) {
		log_event(LOG_WARNING_LEVEL, "clock.went-back",
			LOG_NUMBER("ms", spool->clock_offset - offset));
		queue_plan_clamp(
			spool->plan, queue_clamp_due(INT64_MAX, &spool->settings.queue, now));
		spool_scan_soon(spool);
	}
	spool->clock_offset = offset;
}

static void check_drained(struct spool *spool)
{
	if (!spool->draining || spool->drain_said || spool->accepting > 0 || spool->settling > 0 ||
		map_count(spool->jobs) > 0)
		return;
	spool->drain_said = true;
	if (spool->runtime != NULL)
		runtime_drained(spool->runtime);
}

static void expire_trace(struct spool *spool)
{
	int64_t ticks = spool->ticks_ms(), now = spool->now_ms();
	struct store_report_ages ages = {.days_ms = now - report_days_ms,
		.hours_ms = now - report_hours_ms,
		.before_ms = now - spool->settings.reports_keep_ms};

	if (ticks < spool->next_trace_ms)
		return;
	spool->next_trace_ms = ticks + TRACE_EVERY_MS;
	spool_protections_expire(spool);
	store_trace_expire(spool->store, now - spool->settings.trace_keep_ms, NULL, NULL);
	store_report_expire(spool->store, &ages, NULL, NULL);
}

void spool_on_tick(struct spool *spool)
{
	if (!spool->configured)
		return;
	watch_clock(spool);
	spool_intake_tick(spool);
	spool_settle_tick(spool);
	spool_hosts_tick(spool);
	spool_refusals_tick(spool);
	spool_owners_tick(spool);
	spool_orphans_tick(spool);
	expire_trace(spool);
	spool_alerts_tick(spool);
	spool_metrics_tick(spool);
	spool_dispatch(spool);
	check_drained(spool);
}

void spool_begin_drain(struct spool *spool)
{
	spool->draining = true;
	spool_intake_tick(spool);
	spool_jobs_cancel(spool, 0);
	check_drained(spool);
}

/* ---- the process
 * --------------------------------------------------------------------------------- */

static void *create(struct runtime *runtime)
{
	struct spool *spool = spool_new(runtime_base(runtime), runtime_now_ms, runtime_ticks_ms);

	spool->runtime = runtime;
	return spool;
}

static enum err apply(void *self, const struct runtime_settings *settings, struct err_info *info)
{
	struct spool *spool = self;

	if (settings->node->data == NULL)
		return err_set(info, ERR_RANGE, "data: expected a directory");
	spool_configure(spool, settings->node);
	spool_alerts_configure(spool, settings);
	spool_refusals_lives(spool, settings->lives, settings->life_count);
	if (!spool->started) {
		free(spool->directory);
		spool->directory = mem_text(settings->node->data);
	}
	return ERR_OK;
}

static void peer(void *self, enum runtime_role role, unsigned index, int fd)
{
	spool_peer_add(self, role, index, fd);
}

/* The store has threads, which must begin inside the sandbox: it is opened here, not in apply(). */
static void start(void *self)
{
	struct spool *spool = self;
	struct err_info info = {0};

	if (spool_open(spool, spool->directory, &info) != ERR_OK)
		runtime_fail(spool->runtime, "spool.not-opened", info.text);
	spool_begin(spool);
}

static void drain(void *self)
{
	spool_begin_drain(self);
}

static json_t *stats(void *self)
{
	struct spool *spool = self;
	json_t *status = spool_status(spool);

	if (spool->store != NULL)
		json_object_set_new(status, "metrics", spool_metrics_json(spool));
	return status;
}

static void destroy(void *self)
{
	struct spool *spool = self;

	spool_free(&spool);
}

const struct runtime_process spool_process = {
	.role = RUNTIME_SPOOL,
	.create = create,
	.apply = apply,
	.peer = peer,
	.start = start,
	.drain = drain,
	.stats = stats,
	.destroy = destroy,
};
