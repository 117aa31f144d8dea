/* Internal to port/http. */
#ifndef SEALPOST_PORT_HTTP_INSIDE_H
#define SEALPOST_PORT_HTTP_INSIDE_H

#include "port/http/http.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <sys/queue.h>

TAILQ_HEAD(http_exchanges, http_exchange);

/* Replaced at every apply; exchanges keep the one they began with. */
struct http_limits {
	unsigned holders;
	struct model_prefix *allowed;
	size_t allowed_count;
	char *proxy; /* NULL: none */
	char *roots;
	size_t roots_length;
	int64_t timeout_ms, size, redirects;
};
struct http_limits *http_limits_new(const struct model_fetch *settings, struct str roots);
void http_limits_release(struct http_limits *limits);

struct http {
	struct event_base *base;
	struct dns *dns;
	struct http_limits *limits;
	CURLM *multi;
	struct event *timer; /* the library's */
	struct http_exchanges waiting, running;
	size_t waiting_count, running_count;
};

enum http_stage { HTTP_WAITING, HTTP_NAMING, HTTP_TRANSFER, HTTP_ENDED };

enum { HTTP_ADDRESSES_MAX = 16 };

struct http_exchange {
	TAILQ_ENTRY(http_exchange) links;
	struct http *http;
	struct http_limits *limits;
	enum http_stage stage;
	bool is_queued; /* among the waiting ones */
	http_done *done;
	void *context;
	/* The request; in arena. */
	struct arena *arena;
	struct http_request request;
	struct curl_slist *headers, *resolve;
	/* Where to, of this hop. */
	const char *url, *host; /* host without brackets */
	unsigned port;
	const char *dial; /* host that is connected to: the proxy's, or host */
	unsigned dial_port;
	int64_t hops;
	/* Names. */
	struct dns_query *queries[2];
	struct model_prefix addresses[HTTP_ADDRESSES_MAX];
	size_t address_count;
	bool has_nxdomain, has_failed;
	const char *forbidden; /* why the last address was passed over; static */
	/* Transfer. */
	CURL *easy;
	char words[CURL_ERROR_SIZE];
	struct buf body, hosts;
	size_t header_bytes;
	bool is_too_large;
	char address[80];
	/* Outcome. */
	struct event *timer; /* the limit; then, the telling */
	int64_t began_ms;
	const char *token;
	const char *text;
	long status;
};

/* ---- exchange.c ---- */
/* Begin with the first or the next hop. */
void http_exchange_begin(struct http_exchange *x);
/* Stop name questions and the transfer. */
void http_exchange_halt(struct http_exchange *x);
/* It is over; TOKEN NULL: well.  DONE is told from the loop. */
void http_exchange_end(struct http_exchange *x, const char *token, const char *text);
/* The transfer has ended. */
void http_exchange_transferred(struct http_exchange *x, CURLcode code);

/* ---- transfer.c ---- */
/* Hand it to the library; the names are known. */
void http_transfer_start(struct http_exchange *x);
/* The word for CODE, and in X what there is to say. */
const char *http_transfer_token(struct http_exchange *x, CURLcode code);

/* ---- http.c ---- */
void http_run_more(struct http *http);
int64_t http_ticks_ms(void);

/* ---- guard.c ---- */
bool http_prefix_of(const void *bytes, size_t size, struct model_prefix *ret);
/* "192.0.2.1" or "2001:db8::1". */
void http_prefix_text(const struct model_prefix *address, char ret[64]);

#endif
