#include "process/supervise/state.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>
#include <time.h>

void supervise_notify_ready(void)
{
	sd_notify(0, "READY=1\nSTATUS=Taking and delivering mail");
}

void supervise_notify_reloading(void)
{
	struct timespec now;

	/* Type=notify-reload wants the moment, to tell this reload from an earlier one. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=Reloading",
		(int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void supervise_notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=Finishing what is under way");
}

void supervise_notify_status(const char *text)
{
	sd_notifyf(0, "STATUS=%s", text);
}

static void on_watchdog(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	sd_notify(0, "WATCHDOG=1");
}

struct event *supervise_notify_watchdog(struct event_base *base)
{
	struct timeval half;
	struct event *timer;
	uint64_t limit;

	if (sd_watchdog_enabled(0, &limit) <= 0)
		return NULL;
	half.tv_sec = (time_t)(limit / 2 / 1000000);
	half.tv_usec = (suseconds_t)(limit / 2 % 1000000);
	timer = event_new(base, -1, EV_PERSIST, on_watchdog, NULL);
	event_add(timer, &half);
	return timer;
}
