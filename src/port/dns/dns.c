#include "port/dns/backend.h"

#include <stdlib.h>

void dns_init(struct dns *dns, const struct dns_backend *backend, struct event_base *base)
{
	dns->backend = backend;
	dns->base = base;
	LIST_INIT(&dns->queries);
}

static void query_free(struct dns_query *query)
{
	LIST_REMOVE(query, links);
	event_free(query->later);
	free(query->name);
	free(query);
}

void dns_answer(struct dns_query *query, const struct wire_dns_answer *answer)
{
	dns_done *done = query->done;
	void *context = query->context;

	/* First, because the handler may free what the query belongs to. */
	query_free(query);
	done(context, answer);
}

static void on_later(evutil_socket_t fd, short what, void *context)
{
	struct dns_query *query = context;
	struct wire_dns_answer failed = {.status = WIRE_DNS_FAILED, .why = query->why};

	(void)fd;
	(void)what;
	query->dns->backend->cancel(query->dns, query);
	dns_answer(query, &failed);
}

struct dns_query *dns_ask(
	struct dns *dns, const char *name, int type, dns_done *done, void *context)
{
	struct dns_query *query = mem_new(sizeof(*query));

	query->dns = dns;
	query->name = mem_text(name);
	query->type = type;
	query->done = done;
	query->context = context;
	query->later = event_new(dns->base, -1, 0, on_later, query);
	LIST_INSERT_HEAD(&dns->queries, query, links);
	dns->backend->ask(dns, query);
	return query;
}

void dns_fail_later(struct dns_query *query, const char *why)
{
	dns_fail_after(query, 0, why);
}

void dns_fail_after(struct dns_query *query, int64_t timeout_ms, const char *why)
{
	struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

	query->why = why;
	event_add(query->later, &tv);
}

void dns_cancel(struct dns_query **query)
{
	if (query == NULL || *query == NULL)
		return;
	(*query)->dns->backend->cancel((*query)->dns, *query);
	query_free(*query);
	*query = NULL;
}

void dns_free(struct dns **dns)
{
	if (dns == NULL || *dns == NULL)
		return;
	for (struct dns_query *query = LIST_FIRST(&(*dns)->queries), *next; query != NULL;
		query = next) {
		next = LIST_NEXT(query, links);
		dns_cancel(&query);
	}
	(*dns)->backend->free(*dns);
	*dns = NULL;
}

bool dns_parse_name(struct str rdata, char ret_name[256])
{
	char name[256];
	size_t n = 0;

	for (;;) {
		size_t length;

		if (rdata.n == 0)
			return false;
		length = (unsigned char)rdata.p[0];
		if (length == 0)
			break;
		if (length > 63 || rdata.n < length + 1 || n + length + 1 >= sizeof(name))
			return false;
		if (n > 0)
			name[n++] = '.';
		for (size_t i = 1; i <= length; i++) {
			/* What a host name cannot hold would only mislead whoever reads it. */
			if (rdata.p[i] <= ' ' || rdata.p[i] > '~' || rdata.p[i] == '.')
				return false;
			name[n++] = str_lower(rdata.p[i]);
		}
		rdata = str_part(rdata, length + 1, rdata.n);
	}
	if (rdata.n != 1)
		return false;
	name[n] = '\0';
	memcpy(ret_name, name, n + 1);
	return true;
}

bool dns_parse_mx(struct str rdata, uint16_t *ret_preference, char ret_host[256])
{
	if (rdata.n < 3 || !dns_parse_name(str_part(rdata, 2, rdata.n), ret_host))
		return false;
	*ret_preference =
		(uint16_t)((unsigned)(unsigned char)rdata.p[0] << 8 | (unsigned char)rdata.p[1]);
	return true;
}

bool dns_put_name(struct buf *out, const char *name)
{
	struct str rest = str_of(name);

	if (rest.n > 253)
		return false;
	while (rest.n > 0) {
		struct str label = str_cut(&rest, '.');

		if (label.n == 0 || label.n > 63)
			return false;
		buf_put_byte(out, (char)label.n);
		buf_put(out, label);
	}
	return buf_put_byte(out, '\0') == ERR_OK;
}
