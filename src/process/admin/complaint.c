#include "process/admin/complaint.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PAGE = 4096 /* it writes less */ };

static const char head[] = "HTTP/1.1", end[] = "</HTML>\n";

/* Its status: others than these are ours to say. */
static int status_of(const char *page)
{
	const char *status = page + sizeof(head); /* behind "HTTP/1.1 " */

	if (strncmp(page, head, sizeof(head) - 1) != 0 || (status[0] != '4' && status[0] != '5'))
		return 0;
	return (int)strtol(status, NULL, 10);
}

static bool is_own_page(const char *page, size_t size)
{
	const char *body = strstr(page, "\r\n\r\n");

	return body != NULL && strstr(page, "\r\nContent-Type: text/html\r\n") != NULL &&
	       strstr(page, "\r\nConnection: close\r\n") != NULL &&
	       strncmp(body + 4, "<HTML><HEAD>", 12) == 0 && size > sizeof(end) &&
	       memcmp(page + size - (sizeof(end) - 1), end, sizeof(end) - 1) == 0;
}

static void replace(struct evbuffer *output, int status)
{
	evbuffer_drain(output, evbuffer_get_length(output));
	if (status == 413)
		admin_answer_plainly(output, 413,
			"the body is too large: it may have 3 MiB, and 1 MiB over the network "
			"where nobody is known yet");
	else if (status == 501)
		admin_answer_plainly(
			output, 405, "there is no such method here; GET /v1 lists them");
	else
		admin_answer_plainly(output, 400,
			"the request is not HTTP as it should be, or its head (path, query, "
			"headers) has more than 16 KiB");
}

bool admin_complaint_turn(struct evbuffer *output)
{
	size_t size = evbuffer_get_length(output);
	char page[MAX_PAGE + 1];
	bool is_page = false;
	ev_ssize_t n;

	if (size < sizeof(head) || size > MAX_PAGE)
		return false;
	/* A bufferevent lets nobody but itself take from the front of its output. */
	evbuffer_unfreeze(output, 1);
	n = evbuffer_copyout(output, page, size);
	if (n > 0) {
		page[n] = '\0';
		is_page = status_of(page) != 0 && is_own_page(page, (size_t)n);
	}
	if (is_page)
		replace(output, status_of(page));
	evbuffer_freeze(output, 1);
	return is_page;
}

static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *context)
{
	struct admin *admin = context;

	/* What is added to an answer on its way is none of these pages. */
	if (info->n_added > 0 && admin_complaint_turn(output))
		admin->refused++;
}

static struct bufferevent *make(struct event_base *base, void *admin)
{
	struct bufferevent *made = bufferevent_socket_new(base, -1, 0);

	if (made != NULL)
		evbuffer_add_cb(bufferevent_get_output(made), on_output, admin);
	return made;
}

void admin_complaint_watch(struct admin *admin, struct evhttp *http)
{
	evhttp_set_bevcb(http, make, admin);
}
