/*
 * Fetching by HTTP, asynchronously, from addresses that strangers have chosen: a certificate says
 * where its revocation list is.  So nothing is fetched from an address that is loopback, private or
 * link-local unless it is allowed; every redirect is looked at anew; time, size and redirects are
 * limited; and who is slow holds up only those who ask the same host.
 *
 * Names are looked up by port/dns, never by the system's resolver.  With a proxy, names are the
 * proxy's affair; only addresses in the place of names can then be checked here.
 */
#ifndef SEALPOST_PORT_HTTP_HTTP_H
#define SEALPOST_PORT_HTTP_HTTP_H

#include "core/model/model.h"
#include "core/wire/wire.h"
#include "port/dns/dns.h"

struct http;
struct http_exchange;

/* Once in a process, before its sandbox closes: the library reads its files now. */
void http_prepare(void);

/* Limits of SETTINGS count for exchanges that begin later.  ROOTS (PEM): whom https:// servers are
 * believed by; empty: nobody is. */
struct http *http_new(struct event_base *base) MUST_USE;
void http_apply(struct http *http, const struct model_fetch *settings, struct str roots);
/* Whom to ask for names; stays the caller's.  NULL: exchanges wait.  Must be called before the one
 * in use is freed: what is under way is asked anew. */
void http_set_dns(struct http *http, struct dns *dns);
/* Cancels what is under way. */
void http_free(struct http **http);

struct http_request {
	const char *url;	  /* http:// or https:// */
	const char *content_type; /* not NULL: POST of BODY; else GET */
	struct str body;
	const struct wire_header *headers;
	size_t header_count;
	bool is_final; /* redirects are not followed */
	size_t max;    /* bytes of the answer, below the limit of the settings; 0: that */
};

struct http_answer {
	/* NULL: status is 2xx and the body whole.  Else a stable word: "scheme", "not-found",
	 * "dns", "blocked", "refused", "unreachable", "timeout", "closed", "tls", "proxy",
	 * "redirect", "http" (another status), "size", "busy". */
	const char *token;
	const char *text;    /* what went wrong; NULL */
	const char *address; /* last one connected to, "192.0.2.1:80"; NULL */
	const char *hosts;   /* every "host:port" that was needed, one a line */
	long status;	     /* 0: none */
	struct str body;     /* empty when token is not NULL */
	int64_t ms;
};
/* ANSWER lives until the call returns. */
typedef void http_done(void *context, const struct http_answer *answer);

/* What REQUEST points to is copied.  DONE is called once, from the loop, never from within
 * http_ask() - unless cancelled. */
struct http_exchange *http_ask(
	struct http *http, const struct http_request *request, http_done *done, void *context);
/* NULL is fine; leaves NULL.  DONE will not be called. */
void http_cancel(struct http_exchange **exchange);

/* Why nothing may be fetched from ADDRESS ("loopback", "private", ...); NULL: it may.  Addresses
 * that carry an IPv4 address (mapped, 6to4, NAT64) are as good as that. */
const char *http_forbidden(
	const struct model_prefix *address, const struct model_prefix *allowed, size_t count);

enum {
	HTTP_MAX_RUNNING = 128, /* at once; others wait, their time runs */
	HTTP_MAX_HOST = 16,	/* of these with one host */
	HTTP_MAX_WAITING = 5000,
};

#endif
