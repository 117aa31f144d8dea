#include "core/queue/schedule.h"

enum { MINUTE_MS = 60 * 1000 };

static const int64_t usual_waits[] = {1 * MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, 15 * MINUTE_MS,
	30 * MINUTE_MS, 60 * MINUTE_MS};

static int64_t wait_of(const struct queue_settings *settings, int64_t turn)
{
	const int64_t *waits = settings->waits;
	size_t count = settings->wait_count;
	int64_t wait;

	if (waits == NULL || count == 0) {
		waits = usual_waits;
		count = ARRAY_LENGTH(usual_waits);
	}
	if (turn < 0)
		turn = 0;
	wait = waits[(uint64_t)turn < count ? (size_t)turn : count - 1];
	/* A wait of nothing would spin. */
	return wait < 1000 ? 1000 : wait;
}

static int64_t longest_wait(const struct queue_settings *settings)
{
	size_t count = settings->waits != NULL && settings->wait_count > 0
			       ? settings->wait_count
			       : ARRAY_LENGTH(usual_waits);
	int64_t longest = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t wait = wait_of(settings, (int64_t)i);

		if (wait > longest)
			longest = wait;
	}
	return longest;
}

static int64_t expiry_of(const struct queue_settings *settings)
{
	if (settings->expiry_ms < QUEUE_EXPIRY_MIN_MS)
		return QUEUE_EXPIRY_MIN_MS;
	if (settings->expiry_ms > QUEUE_EXPIRY_MAX_MS)
		return QUEUE_EXPIRY_MAX_MS;
	return settings->expiry_ms;
}

/* Time in the queue.  With a reception in the future the clock says nothing; then the waits that
 * lie between the attempts made are what is certain. */
static int64_t age_of(
	const struct queue_history *history, const struct queue_settings *settings, int64_t now_ms)
{
	int64_t age = 0;

	if (history->received_ms <= now_ms)
		return now_ms - history->received_ms;
	for (int64_t i = 0; i + 1 < history->attempts && age < QUEUE_EXPIRY_MAX_MS; i++)
		age += wait_of(settings, i);
	return age;
}

struct queue_next queue_next_attempt(
	const struct queue_history *history, const struct queue_settings *settings, int64_t now_ms)
{
	int64_t age = age_of(history, settings, now_ms);
	int64_t left = expiry_of(settings) - age;
	int64_t wait = wait_of(settings, history->attempts - 1);
	struct queue_next next = {.expires_ms = now_ms + left};

	if (left <= 0) {
		next.verdict = QUEUE_RETURN;
		return next;
	}
	next.verdict = QUEUE_WAIT;
	next.when_ms = now_ms + (wait < left ? wait : left);
	next.notify_delay = settings->delay_notice_ms > 0 && !history->delay_noticed &&
			    age >= settings->delay_notice_ms;
	return next;
}

bool queue_is_expired(const struct queue_history *history, const struct queue_settings *settings,
	bool tried, int64_t now_ms)
{
	return (tried || history->attempts > 0) &&
	       age_of(history, settings, now_ms) >= expiry_of(settings);
}

int64_t queue_clamp_due(int64_t due_ms, const struct queue_settings *settings, int64_t now_ms)
{
	int64_t latest = now_ms + longest_wait(settings);

	return due_ms > latest ? latest : due_ms;
}

int64_t queue_route_wait(int64_t failures, const struct queue_settings *settings)
{
	int64_t wait = wait_of(settings, failures - 1);

	return wait > QUEUE_ROUTE_WAIT_MAX_MS ? QUEUE_ROUTE_WAIT_MAX_MS : wait;
}
