/* The loop below all exchanges: the library's sockets and its timer on libevent, and the queue. */
#include "port/http/inside.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>

void http_prepare(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
}

struct http_limits *http_limits_new(const struct model_fetch *settings, struct str roots)
{
	struct http_limits *l = mem_new(sizeof(*l));

	l->holders = 1;
	l->allowed = mem_resize(NULL, settings->allow.count + 1, sizeof(l->allowed[0]));
	for (size_t i = 0; i < settings->allow.count; i++) {
		if (model_parse_prefix(
			    str_of(settings->allow.items[i]), &l->allowed[l->allowed_count]))
			l->allowed_count++;
	}
	l->proxy = mem_text(settings->proxy);
	l->roots = mem_text_of(roots);
	l->roots_length = roots.n;
	l->timeout_ms = settings->timeout_ms;
	l->size = settings->size;
	l->redirects = settings->redirects;
	return l;
}

void http_limits_release(struct http_limits *l)
{
	if (l == NULL || --l->holders > 0)
		return;
	free(l->allowed);
	free(l->proxy);
	free(l->roots);
	free(l);
}

int64_t http_ticks_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the library on the loop ----------------------------------------------------------------- */

static void collect(struct http *http)
{
	CURLMsg *message;
	int left = 0;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		struct http_exchange *x = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&x);
		http_exchange_transferred(x, code);
	}
}

static void on_socket(evutil_socket_t fd, short what, void *context)
{
	struct http *http = context;
	int running = 0, events = 0;

	events |= (what & EV_READ) != 0 ? CURL_CSELECT_IN : 0;
	events |= (what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0;
	curl_multi_socket_action(http->multi, fd, events, &running);
	collect(http);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct http *http = context;
	int running = 0;

	(void)fd;
	(void)what;
	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(http);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *own)
{
	struct http *http = context;
	struct event *event = own;
	short wanted = EV_PERSIST;

	(void)easy;
	if (event != NULL)
		event_free(event);
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(http->multi, fd, NULL);
		return 0;
	}
	wanted |= (what & CURL_POLL_IN) != 0 ? EV_READ : 0;
	wanted |= (what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0;
	event = event_new(http->base, fd, wanted, on_socket, http);
	event_add(event, NULL);
	curl_multi_assign(http->multi, fd, event);
	return 0;
}

static int watch_time(CURLM *multi, long ms, void *context)
{
	struct http *http = context;
	struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)multi;
	if (ms < 0)
		event_del(http->timer);
	else
		event_add(http->timer, &wait);
	return 0;
}

struct http *http_new(struct event_base *base)
{
	struct http *http = mem_new(sizeof(*http));

	http->base = base;
	http->multi = curl_multi_init();
	if (http->multi == NULL)
		abort();
	http->timer = evtimer_new(base, on_timer, http);
	TAILQ_INIT(&http->waiting);
	TAILQ_INIT(&http->running);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, watch_time);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	return http;
}

void http_apply(struct http *http, const struct model_fetch *settings, struct str roots)
{
	http_limits_release(http->limits);
	http->limits = http_limits_new(settings, roots);
}

void http_free(struct http **http)
{
	struct http *h = *http;
	struct http_exchange *x;

	if (h == NULL)
		return;
	while ((x = TAILQ_FIRST(&h->waiting)) != NULL || (x = TAILQ_FIRST(&h->running)) != NULL)
		http_cancel(&x);
	curl_multi_cleanup(h->multi);
	event_free(h->timer);
	http_limits_release(h->limits);
	free(h);
	*http = NULL;
}

/* ---- the queue ------------------------------------------------------------------------------- */

static bool has_room(const struct http *http, const char *host)
{
	const struct http_exchange *x;
	unsigned same = 0;

	TAILQ_FOREACH (x, &http->running, links) {
		if (x->stage != HTTP_ENDED && x->dial != NULL && strcasecmp(x->dial, host) == 0)
			same++;
	}
	return same < HTTP_MAX_HOST;
}

void http_run_more(struct http *http)
{
	struct http_exchange *x, *next;

	for (x = TAILQ_FIRST(&http->waiting); x != NULL; x = next) {
		next = TAILQ_NEXT(x, links);
		if (http->dns == NULL || http->running_count >= HTTP_MAX_RUNNING)
			return;
		if (x->stage == HTTP_ENDED || x->dial == NULL || !has_room(http, x->dial))
			continue;
		TAILQ_REMOVE(&http->waiting, x, links);
		http->waiting_count--;
		TAILQ_INSERT_TAIL(&http->running, x, links);
		http->running_count++;
		x->is_queued = false;
		http_exchange_begin(x);
	}
}

void http_set_dns(struct http *http, struct dns *dns)
{
	struct http_exchange *x, *next;

	if (dns == http->dns)
		return;
	http->dns = dns;
	for (x = TAILQ_FIRST(&http->running); x != NULL; x = next) {
		next = TAILQ_NEXT(x, links);
		if (x->stage != HTTP_NAMING)
			continue;
		http_exchange_halt(x);
		TAILQ_REMOVE(&http->running, x, links);
		http->running_count--;
		TAILQ_INSERT_HEAD(&http->waiting, x, links);
		http->waiting_count++;
		x->is_queued = true;
		x->stage = HTTP_WAITING;
	}
	http_run_more(http);
}
