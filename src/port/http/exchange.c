/*
 * One exchange, from hop to hop:
 *
 *   WAITING --room--> NAMING --addresses--> TRANSFER --answer--> ENDED
 *                       ^                      |
 *                       +------- redirect -----+
 *
 * Every stage may end it; so may its time.  The end is told from the next turn of the loop.
 */
#include "port/http/inside.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

void http_exchange_halt(struct http_exchange *x)
{
	for (size_t i = 0; i < ARRAY_LENGTH(x->queries); i++)
		dns_cancel(&x->queries[i]);
	if (x->easy == NULL)
		return;
	curl_multi_remove_handle(x->http->multi, x->easy);
	curl_easy_cleanup(x->easy);
	x->easy = NULL;
}

void http_exchange_end(struct http_exchange *x, const char *token, const char *text)
{
	static const struct timeval at_once = {0, 0};

	http_exchange_halt(x);
	x->stage = HTTP_ENDED;
	x->token = token;
	x->text = arena_text(x->arena, text);
	event_add(x->timer, &at_once);
}

static void take_out(struct http_exchange *x)
{
	struct http *http = x->http;

	if (x->is_queued) {
		TAILQ_REMOVE(&http->waiting, x, links);
		http->waiting_count--;
	} else {
		TAILQ_REMOVE(&http->running, x, links);
		http->running_count--;
	}
}

static void release(struct http_exchange *x)
{
	http_exchange_halt(x);
	event_free(x->timer);
	curl_slist_free_all(x->headers);
	curl_slist_free_all(x->resolve);
	buf_free(&x->body);
	buf_free(&x->hosts);
	http_limits_release(x->limits);
	arena_free(&x->arena);
	free(x);
}

static void tell(struct http_exchange *x)
{
	struct http *http = x->http;
	struct http_answer answer = {.token = x->token,
		.text = x->text,
		.address = x->address[0] != '\0' ? x->address : NULL,
		.hosts = buf_length(&x->hosts) > 0 ? buf_text(&x->hosts) : NULL,
		.status = x->status,
		.body = x->token == NULL ? buf_str(&x->body) : str_of(NULL),
		.ms = http_ticks_ms() - x->began_ms};

	take_out(x);
	x->done(x->context, &answer);
	release(x);
	http_run_more(http);
}

static const char *late_text(const struct http_exchange *x)
{
	const char *doing = "waiting for others to end";

	if (x->stage == HTTP_NAMING)
		doing = "looking up the name";
	else if (x->stage == HTTP_TRANSFER && x->address[0] == '\0')
		doing = "connecting";
	else if (x->stage == HTTP_TRANSFER)
		doing = "waiting for the whole answer";
	return arena_format(x->arena, "%s: not done within %g seconds, while %s", x->dial,
		(double)x->limits->timeout_ms / 1000, doing);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct http_exchange *x = context;

	(void)fd;
	(void)what;
	if (x->stage != HTTP_ENDED)
		http_exchange_end(x, "timeout", late_text(x));
	else
		tell(x);
}

/* ---- where to -------------------------------------------------------------------------------- */

static const char *part_of(struct http_exchange *x, CURLU *parts, CURLUPart what)
{
	char *text = NULL;
	const char *copy = NULL;

	if (curl_url_get(parts, what, &text, CURLU_DEFAULT_PORT) == CURLUE_OK)
		copy = arena_text(x->arena, text);
	curl_free(text);
	return copy;
}

/* An IPv6 address without its brackets. */
static const char *bare(struct http_exchange *x, const char *host)
{
	size_t n = strlen(host);

	return host[0] == '[' && n > 2 ? arena_text_of(x->arena, str_make(host + 1, n - 2)) : host;
}

static bool take_parts(struct http_exchange *x, const char *url, const char **ret_host,
	unsigned *ret_port, const char **ret_scheme)
{
	CURLU *parts = curl_url();
	const char *host = NULL, *port = NULL, *user = NULL;
	uint64_t number = 0;

	if (parts == NULL)
		abort();
	if (curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
		*ret_scheme = part_of(x, parts, CURLUPART_SCHEME);
		host = part_of(x, parts, CURLUPART_HOST);
		port = part_of(x, parts, CURLUPART_PORT);
		user = part_of(x, parts, CURLUPART_USER);
	}
	curl_url_cleanup(parts);
	if (host == NULL || port == NULL || user != NULL || !str_is_ascii(str_of(host)) ||
		!str_to_u64(str_of(port), &number) || number == 0 || number > 65535)
		return false;
	*ret_host = bare(x, host);
	*ret_port = (unsigned)number;
	return true;
}

static bool is_printable(const char *url)
{
	size_t n = strlen(url);

	for (size_t i = 0; i < n; i++) {
		if (url[i] <= ' ' || url[i] > '~')
			return false;
	}
	return n > 0 && n <= 8192;
}

/* Read URL.  False: it has ended. */
static bool head_for(struct http_exchange *x, const char *url)
{
	const char *scheme = NULL;
	const char *before = x->url;

	x->url = arena_text(x->arena, url);
	if (!is_printable(url) || !take_parts(x, url, &x->host, &x->port, &scheme)) {
		http_exchange_end(x, before != NULL ? "redirect" : "scheme",
			"an address of the form http://HOST/... was expected");
		return false;
	}
	if (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0) {
		http_exchange_end(x, before != NULL ? "redirect" : "scheme",
			arena_format(x->arena,
				"%s: nothing is fetched by that; http or https was "
				"expected",
				scheme));
		return false;
	}
	if (before != NULL && strncasecmp(before, "https:", 6) == 0 &&
		strcasecmp(scheme, "https") != 0) {
		http_exchange_end(x, "redirect", "led on from https to clear text");
		return false;
	}
	x->dial = x->host;
	x->dial_port = x->port;
	if (x->limits->proxy != NULL)
		take_parts(x, x->limits->proxy, &x->dial, &x->dial_port, &scheme);
	return true;
}

static void note_host(struct http_exchange *x, const char *host, unsigned port)
{
	char line[300];

	snprintf(line, sizeof(line), strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
	if (strstr(buf_text(&x->hosts), line) != NULL)
		return;
	if (buf_length(&x->hosts) > 0)
		buf_put_byte(&x->hosts, '\n');
	buf_put_text(&x->hosts, line);
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool literal(const char *host, struct model_prefix *ret)
{
	return strchr(host, '/') == NULL && model_parse_prefix(str_of(host), ret);
}

/* Keep ADDRESS if it may be connected to.  A proxy may be anywhere: it was configured. */
static void consider(struct http_exchange *x, const struct model_prefix *address)
{
	const char *why = NULL;

	if (x->limits->proxy == NULL)
		why = http_forbidden(address, x->limits->allowed, x->limits->allowed_count);
	if (why != NULL)
		x->forbidden = why;
	else if (x->address_count < HTTP_ADDRESSES_MAX)
		x->addresses[x->address_count++] = *address;
	if (why != NULL && x->address[0] == '\0')
		http_prefix_text(address, x->address);
}

static void end_blocked(struct http_exchange *x)
{
	http_exchange_end(x, "blocked",
		arena_format(x->arena,
			"%s: its address %s is %s: nothing is fetched from there unless the node's "
			"fetch.allow says so",
			x->host, x->address, x->forbidden));
	x->address[0] = '\0';
}

static void named(struct http_exchange *x)
{
	if (x->address_count > 0) {
		x->address[0] = '\0';
		x->stage = HTTP_TRANSFER;
		http_transfer_start(x);
	} else if (x->forbidden != NULL) {
		end_blocked(x);
	} else if (x->has_failed) {
		http_exchange_end(x, "dns",
			arena_format(x->arena, "%s: the name servers gave no answer", x->dial));
	} else {
		http_exchange_end(x, "not-found",
			arena_format(x->arena,
				x->has_nxdomain ? "%s: there is no such name"
						: "%s: the name has no address",
				x->dial));
	}
}

static void take_answer(struct http_exchange *x, const struct wire_dns_answer *answer)
{
	struct model_prefix address;

	x->has_nxdomain = x->has_nxdomain || answer->nxdomain;
	if (answer->status == WIRE_DNS_FAILED || answer->status == WIRE_DNS_BOGUS)
		x->has_failed = true;
	else
		for (size_t i = 0; i < answer->records.count; i++) {
			struct str rdata = answer->records.items[i].rdata;

			if (http_prefix_of(rdata.p, rdata.n, &address))
				consider(x, &address);
		}
	if (x->queries[0] == NULL && x->queries[1] == NULL)
		named(x);
}

static void on_ipv6(void *context, const struct wire_dns_answer *answer)
{
	struct http_exchange *x = context;

	x->queries[0] = NULL;
	take_answer(x, answer);
}

static void on_ipv4(void *context, const struct wire_dns_answer *answer)
{
	struct http_exchange *x = context;

	x->queries[1] = NULL;
	take_answer(x, answer);
}

void http_exchange_begin(struct http_exchange *x)
{
	struct model_prefix address;

	x->stage = HTTP_NAMING;
	x->address_count = 0;
	x->has_nxdomain = x->has_failed = false;
	x->forbidden = NULL;
	x->address[0] = '\0';
	note_host(x, x->host, x->port);
	if (x->limits->proxy != NULL) {
		note_host(x, x->dial, x->dial_port);
		/* The proxy would reach what we must not. */
		if (literal(x->host, &address) &&
			(x->forbidden = http_forbidden(
				 &address, x->limits->allowed, x->limits->allowed_count)) != NULL) {
			http_prefix_text(&address, x->address);
			end_blocked(x);
			return;
		}
	}
	if (literal(x->dial, &address)) {
		consider(x, &address);
		named(x);
		return;
	}
	x->queries[0] = dns_ask(x->http->dns, x->dial, DNS_AAAA, on_ipv6, x);
	x->queries[1] = dns_ask(x->http->dns, x->dial, DNS_A, on_ipv4, x);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static bool leads_on(const struct http_exchange *x)
{
	switch (x->status) {
	case 301:
	case 302:
	case 303:
		return x->request.content_type == NULL; /* would become another question */
	case 307:
	case 308:
		return true;
	default:
		return false;
	}
}

static void follow(struct http_exchange *x, const char *to)
{
	if (to == NULL) {
		http_exchange_end(x, "redirect", "led on without saying where to");
	} else if (x->hops >= x->limits->redirects) {
		http_exchange_end(x, "redirect",
			arena_format(x->arena, "led on more than %lld times, at last to %.200s",
				(long long)x->limits->redirects, to));
	} else if (head_for(x, to)) {
		x->hops++;
		buf_clear(&x->body);
		x->header_bytes = 0;
		http_exchange_begin(x);
	}
}

void http_exchange_transferred(struct http_exchange *x, CURLcode code)
{
	const char *to = NULL, *token;
	char *where = NULL;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &x->status);
	curl_easy_getinfo(x->easy, CURLINFO_REDIRECT_URL, &where);
	to = arena_text(x->arena, where);
	if (code != CURLE_OK) {
		token = http_transfer_token(x, code);
		http_exchange_end(x, token, x->text);
		return;
	}
	http_exchange_halt(x);
	if (leads_on(x) && !x->request.is_final)
		follow(x, to);
	else if (x->status >= 200 && x->status < 300)
		http_exchange_end(x, NULL, NULL);
	else
		http_exchange_end(x, x->status == 407 ? "proxy" : "http",
			arena_format(
				x->arena, "%s: answered with HTTP status %ld", x->host, x->status));
}

/* ---- beginning and cancelling ---------------------------------------------------------------- */

static void copy_request(struct http_exchange *x, const struct http_request *request)
{
	struct wire_header *headers =
		arena_array(x->arena, request->header_count + 1, sizeof(*headers));

	for (size_t i = 0; i < request->header_count; i++)
		headers[i] = (struct wire_header){arena_text(x->arena, request->headers[i].name),
			arena_text(x->arena, request->headers[i].value)};
	x->request =
		(struct http_request){.content_type = arena_text(x->arena, request->content_type),
			.body = arena_copy(x->arena, request->body),
			.headers = headers,
			.header_count = request->header_count,
			.is_final = request->is_final};
}

struct http_exchange *http_ask(
	struct http *http, const struct http_request *request, http_done *done, void *context)
{
	struct http_exchange *x = mem_new(sizeof(*x));
	const struct timeval limit = {.tv_sec = http->limits->timeout_ms / 1000,
		.tv_usec = http->limits->timeout_ms % 1000 * 1000};
	bool is_busy = http->waiting_count >= HTTP_MAX_WAITING;

	x->http = http;
	x->limits = http->limits;
	x->limits->holders++;
	x->arena = arena_new();
	x->done = done;
	x->context = context;
	x->began_ms = http_ticks_ms();
	x->timer = evtimer_new(http->base, on_timer, x);
	buf_init(&x->body, request->max > 0 && request->max < (size_t)x->limits->size
				   ? request->max
				   : (size_t)x->limits->size);
	buf_init(&x->hosts, 4096);
	copy_request(x, request);
	event_add(x->timer, &limit);
	TAILQ_INSERT_TAIL(&http->waiting, x, links);
	http->waiting_count++;
	x->is_queued = true;
	if (is_busy)
		http_exchange_end(x, "busy", "too much is being fetched already");
	else if (head_for(x, request->url != NULL ? request->url : ""))
		http_run_more(http);
	return x;
}

void http_cancel(struct http_exchange **exchange)
{
	struct http_exchange *x = *exchange;

	if (x == NULL)
		return;
	*exchange = NULL;
	take_out(x);
	release(x);
}
