#include "process/admin/count.h"

#include "core/metrics/set.h"
#include "process/admin/peer.h"

#include <time.h>

#define VALUES(...) ((const char *const[]){__VA_ARGS__})

void admin_count_limited(struct admin *admin, enum admin_limit why)
{
	static const char *const words[] = {
		[ADMIN_LIMIT_ACTOR] = "actor",
		[ADMIN_LIMIT_ADDRESS] = "address",
		[ADMIN_LIMIT_LOGIN] = "log-in",
		[ADMIN_LIMIT_BUSY] = "busy",
	};

	metrics_set_add(admin->counts, METRICS_REQUESTS_LIMITED, VALUES(words[why]), 1);
}

int64_t admin_count_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static const char *class_of(int status)
{
	static const char *const classes[] = {"2xx", "3xx", "4xx", "5xx"};

	if (status == 429)
		return "429";
	return status >= 200 && status < 600 ? classes[status / 100 - 2] : "5xx";
}

void admin_count_answer(
	struct admin *admin, const struct evhttp_request *request, int status, int64_t came_us)
{
	/* evhttp asks for its connection without const. */
	const char *door = admin_peer_of(evhttp_request_get_connection(
				   (struct evhttp_request *)request)) != NULL
				   ? "https"
				   : "socket";

	metrics_set_add(admin->counts, METRICS_ANSWERS, VALUES(door, class_of(status)), 1);
	if (came_us != 0)
		metrics_set_observe(admin->counts, METRICS_REQUEST_TIME, VALUES(door),
			admin_count_now() - came_us);
}
