#include "process/deliver/resolve.h"

#include <stdio.h>
#include <stdlib.h>

enum { MX, V6, V4, QUESTIONS };

struct deliver_resolve {
	deliver_resolve_done *done;
	void *context;
	uint16_t port;
	struct dns_query *queries[QUESTIONS];
	size_t waiting;
	bool failed, exists;
	struct deliver_address found[2][DELIVER_MAX_ADDRESSES]; /* V6, V4 */
	size_t found_count[2];
	struct deliver_resolve_answer answer;
};

static void finish(struct deliver_resolve *r)
{
	struct deliver_resolve_answer *a = &r->answer;

	a->address_count = deliver_targets_alternate(
		r->found[0], r->found_count[0], r->found[1], r->found_count[1], a->addresses);
	if (a->mx_count > 0 || a->address_count > 0)
		a->status = DELIVER_RESOLVE_OK;
	else if (r->failed)
		a->status = DELIVER_RESOLVE_LATER;
	else
		a->status = r->exists ? DELIVER_RESOLVE_NONE : DELIVER_RESOLVE_NXDOMAIN;
	r->done(r->context, a);
	free(r);
}

/* Note what is common to all answers; false when there is nothing in it to read. */
static bool is_usable(struct deliver_resolve *r, const struct wire_dns_answer *answer)
{
	r->waiting--;
	if (answer->status == WIRE_DNS_FAILED || answer->status == WIRE_DNS_BOGUS) {
		r->failed = true;
		snprintf(r->answer.why, sizeof(r->answer.why), "%s: %s",
			answer->status == WIRE_DNS_BOGUS ? "DNSSEC validation failed"
							 : "the lookup failed",
			answer->why != NULL ? answer->why : "no reason given");
		return false;
	}
	if (!answer->nxdomain)
		r->exists = true;
	return true;
}

static void on_mx(void *context, const struct wire_dns_answer *answer)
{
	struct deliver_resolve *r = context;

	r->queries[MX] = NULL;
	if (is_usable(r, answer)) {
		for (size_t i = 0; i < answer->records.count; i++) {
			struct deliver_mx *mx = &r->answer.mx[r->answer.mx_count];

			if (r->answer.mx_count < DELIVER_RESOLVE_MX &&
				dns_parse_mx(
					answer->records.items[i].rdata, &mx->preference, mx->host))
				r->answer.mx_count++;
		}
	}
	finish(r);
}

static void take_addresses(
	struct deliver_resolve *r, int which, const struct wire_dns_answer *answer)
{
	size_t length = which == V6 ? 16 : 4;
	size_t *count = &r->found_count[which - V6];

	r->queries[which] = NULL;
	if (is_usable(r, answer)) {
		for (size_t i = 0; i < answer->records.count && *count < DELIVER_MAX_ADDRESSES; i++)
			if (answer->records.items[i].rdata.n == length &&
				deliver_targets_address(answer->records.items[i].rdata, r->port,
					&r->found[which - V6][*count]))
				(*count)++;
	}
	if (r->waiting == 0)
		finish(r);
}

static void on_v6(void *context, const struct wire_dns_answer *answer)
{
	take_addresses(context, V6, answer);
}

static void on_v4(void *context, const struct wire_dns_answer *answer)
{
	take_addresses(context, V4, answer);
}

struct deliver_resolve *deliver_resolve_mx(
	struct dns *dns, const char *domain, deliver_resolve_done *done, void *context)
{
	struct deliver_resolve *r = mem_new(sizeof(*r));

	r->done = done;
	r->context = context;
	r->waiting = 1;
	r->queries[MX] = dns_ask(dns, domain, DNS_MX, on_mx, r);
	return r;
}

struct deliver_resolve *deliver_resolve_host(
	struct dns *dns, const char *host, uint16_t port, deliver_resolve_done *done, void *context)
{
	struct deliver_resolve *r = mem_new(sizeof(*r));

	r->done = done;
	r->context = context;
	r->port = port;
	r->waiting = 2;
	r->queries[V6] = dns_ask(dns, host, DNS_AAAA, on_v6, r);
	r->queries[V4] = dns_ask(dns, host, DNS_A, on_v4, r);
	return r;
}

void deliver_resolve_cancel(struct deliver_resolve **resolve)
{
	if (*resolve == NULL)
		return;
	for (size_t i = 0; i < QUESTIONS; i++)
		dns_cancel(&(*resolve)->queries[i]);
	free(*resolve);
	*resolve = NULL;
}
