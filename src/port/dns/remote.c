#include "port/dns/backend.h"

#include <stdlib.h>

/* The lookup process has a time limit of its own, at most 5 minutes, and queues behind it; this one
 * only saves us from a process that hangs. */
enum { TIMEOUT_MS = 10 * 60 * 1000 };

struct remote {
	struct dns dns;
	struct ipc *ipc; /* NULL: not there at the moment */
	bool is_lent;	 /* and not ours to free */
	int64_t last_tag;
};

static void fail_all(struct remote *r)
{
	struct dns_query *query;

	LIST_FOREACH (query, &r->dns.queries, links)
		dns_fail_later(query, "the lookup process has gone away");
}

bool dns_remote_take(struct dns *dns, enum wire_type type, const void *record)
{
	struct remote *r = (struct remote *)dns;
	const struct wire_dns_answer *answer = record;
	struct dns_query *query;

	if (type != WIRE_DNS_ANSWER)
		return false;
	/* Asked last, answered last: the list is short, or the answer is near its end. */
	LIST_FOREACH (query, &r->dns.queries, links) {
		if (query->tag == answer->tag) {
			dns_answer(query, answer);
			break;
		}
	}
	/* Else cancelled meanwhile. */
	return true;
}

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct remote *r = context;

	(void)ipc;
	(void)dns_remote_take(&r->dns, type, record);
}

static void on_closed(void *context, struct ipc *ipc)
{
	struct remote *r = context;

	(void)ipc;
	ipc_free(&r->ipc);
	fail_all(r);
}

static const struct ipc_handlers handlers = {.message = on_message, .closed = on_closed};

static void ask(struct dns *dns, struct dns_query *query)
{
	struct remote *r = (struct remote *)dns;
	struct wire_dns_ask request = {.name = query->name, .type = query->type};

	if (r->ipc == NULL) {
		dns_fail_later(query, "the lookup process is not there");
		return;
	}
	query->tag = request.tag = ++r->last_tag;
	ipc_send(r->ipc, WIRE_DNS_ASK, &request);
	dns_fail_after(query, TIMEOUT_MS, "the lookup process does not answer");
}

static void cancel(struct dns *dns, struct dns_query *query)
{
	/* The answer will find no query with its tag. */
	(void)dns;
	(void)query;
}

static void free_remote(struct dns *dns)
{
	struct remote *r = (struct remote *)dns;

	if (!r->is_lent)
		ipc_free(&r->ipc);
	free(r);
}

static const struct dns_backend backend = {.ask = ask, .cancel = cancel, .free = free_remote};

struct dns *dns_remote_new(struct event_base *base)
{
	struct remote *r = mem_new(sizeof(*r));

	dns_init(&r->dns, &backend, base);
	return &r->dns;
}

void dns_remote_channel(struct dns *dns, struct ipc *ipc)
{
	struct remote *r = (struct remote *)dns;

	fail_all(r);
	r->ipc = ipc;
	r->is_lent = true;
}

void dns_remote_peer(struct dns *dns, int fd)
{
	struct remote *r = (struct remote *)dns;

	ipc_free(&r->ipc);
	fail_all(r);
	r->ipc = ipc_new(dns->base, fd, &handlers, r);
}
