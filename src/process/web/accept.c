#include "process/web/internal.h"

#include "port/log/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 32, PAUSE_S = 1 };

static void on_again(evutil_socket_t fd, short what, void *context)
{
	struct web *web = context;

	(void)fd;
	(void)what;
	if (web->accept != NULL)
		event_add(web->accept, NULL);
}

/* Out of descriptors or memory: the event would come for ever, so look away for a moment. */
static void pause_listening(struct web *web)
{
	static const struct timeval pause = {PAUSE_S, 0};

	log_event(LOG_WARNING_LEVEL, "accept.paused", LOG_TEXT("reason", strerror(errno)),
		LOG_NUMBER("sessions", (int64_t)web->session_count));
	event_del(web->accept);
	if (web->again == NULL)
		web->again = evtimer_new(web->base, on_again, web);
	event_add(web->again, &pause);
}

static void on_accept(evutil_socket_t fd, short what, void *context)
{
	struct web *web = context;

	(void)what;
	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
		socklen_t length = sizeof(from);
		int accepted = accept4(
			fd, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (accepted >= 0) {
			web_session_new(web, accepted, (struct sockaddr *)&from);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_listening(web);
		else if (errno == ECONNABORTED || errno == EINTR)
			continue;
		return;
	}
}

static void stop_listening(struct web *web)
{
	if (web->accept == NULL)
		return;
	close(event_get_fd(web->accept));
	event_free(web->accept);
	web->accept = NULL;
}

void web_listen(struct web *web, int fd)
{
	stop_listening(web);
	if (fd < 0)
		return;
	web->accept = event_new(web->base, fd, EV_READ | EV_PERSIST, on_accept, web);
	if (web->is_started)
		event_add(web->accept, NULL);
}

void web_accept_free(struct web *web)
{
	stop_listening(web);
	if (web->again != NULL)
		event_free(web->again);
	web->again = NULL;
}
