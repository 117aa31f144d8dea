#include "process/receive/internal.h"

#include "port/log/log.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 32, PAUSE_S = 1 };

/* The share of the node's limit that this process holds. */
static size_t share(const struct receive_settings *s)
{
	int64_t processes = s->node->processes.receive > 0 ? s->node->processes.receive : 1;

	return (size_t)((s->node->limits.connections + processes - 1) / processes);
}

bool receive_accept_fits(struct receive *r, const struct receive_settings *s,
	const struct sockaddr *peer, const char **ret_reply)
{
	if (r->session_count > share(s)) {
		*ret_reply = "421 4.3.2 Too many connections, try again later\r\n";
		return false;
	}
	if (r->addresses != NULL && peer != NULL &&
		runtime_addresses_count(r->addresses, peer) >
			(unsigned)s->node->limits.connections_per_address) {
		*ret_reply = "421 4.7.0 Too many connections from your address\r\n";
		return false;
	}
	return true;
}

static void on_accept_again(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	receive_accept_open(context);
}

/* Out of descriptors or memory: the event would fire for ever, so look away for a moment. */
static void pause_listening(struct receive *r)
{
	static const struct timeval pause = {PAUSE_S, 0};

	log_event(LOG_WARNING_LEVEL, "accept.paused", LOG_TEXT("reason", strerror(errno)),
		LOG_NUMBER("sessions", (int64_t)r->session_count));
	for (size_t i = 0; i < r->settings->listener_count; i++)
		if (r->settings->listeners[i].accept != NULL)
			event_del(r->settings->listeners[i].accept);
	if (r->accept_again == NULL)
		r->accept_again = event_new(r->base, -1, 0, on_accept_again, r);
	event_add(r->accept_again, &pause);
}

static void on_accept(evutil_socket_t fd, short what, void *context)
{
	struct receive_listener *l = context;

	(void)what;
	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_storage peer;
		socklen_t length = sizeof(peer);
		int accepted = accept4(
			fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (accepted >= 0) {
			receive_session_new(l, accepted, (struct sockaddr *)&peer, length);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_listening(l->receive);
		else if (errno == ECONNABORTED || errno == EINTR)
			continue;
		return;
	}
}

void receive_accept_open(struct receive *r)
{
	if (!r->is_started || r->is_draining || r->snapshot == NULL || r->settings == NULL)
		return;
	for (size_t i = 0; i < r->settings->listener_count; i++) {
		struct receive_listener *l = &r->settings->listeners[i];

		if (l->accept == NULL)
			l->accept = event_new(r->base, l->fd, EV_READ | EV_PERSIST, on_accept, l);
		event_add(l->accept, NULL);
	}
}
