/*
 * libunbound: a validating resolver in this process.  It works in a thread of its own and tells of
 * results through a descriptor.  The thread starts with the first question, so it inherits the
 * sandbox that was entered before; everything that is read from files is read in dns_unbound_new().
 *
 * Servers: those given are asked as resolvers (forwarded to), else those of /etc/resolv.conf.  An
 * authoritative server on loopback works as well, for trials.
 *
 * Trust: "none" or absent validates nothing.  A file is read as DS or DNSKEY records.
 */
#include "port/dns/backend.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unbound.h>
#include <unistd.h>

const char dns_system_anchor[] = "/usr/share/dns/root.key";

enum { CLASS_IN = 1, MAX_RECORDS = 1000 };

struct unbound {
	struct dns dns;
	struct ub_ctx *context;
	struct event *readable;
	int64_t timeout_ms;
};

/* ---- results ----------------------------------------------------------------------------------
 */

static const char *rcode_text(int rcode, struct arena *arena)
{
	static const char *const names[] = {
		"no error", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};

	if (rcode >= 0 && rcode < (int)ARRAY_LENGTH(names))
		return arena_format(arena, "the name server said %s", names[rcode]);
	return arena_format(arena, "the name server said code %d", rcode);
}

static void take_records(
	const struct ub_result *result, struct arena *arena, struct wire_dns_answer *answer)
{
	size_t count = 0;

	while (result->data != NULL && result->data[count] != NULL && count < MAX_RECORDS)
		count++;
	answer->records.items = arena_array(arena, count, sizeof(struct wire_dns_record));
	answer->records.count = count;
	for (size_t i = 0; i < count; i++)
		answer->records.items[i].rdata = str_make(result->data[i], (size_t)result->len[i]);
}

static const char *without_dot(const char *name, struct arena *arena)
{
	struct str s = str_of(name);

	if (s.n > 1 && s.p[s.n - 1] == '.')
		s.n--;
	return arena_text_of(arena, s);
}

static void read_result(int error, const struct ub_result *result, struct arena *arena,
	struct wire_dns_answer *answer)
{
	*answer = (struct wire_dns_answer){.status = WIRE_DNS_FAILED};
	if (error != 0 || result == NULL) {
		answer->why = arena_text(arena, ub_strerror(error));
		return;
	}
	answer->ttl_s = result->ttl;
	if (result->bogus) {
		answer->status = WIRE_DNS_BOGUS;
		answer->why = arena_text(arena,
			result->why_bogus != NULL ? result->why_bogus : "DNSSEC validation failed");
		return;
	}
	if (result->rcode != 0 && !result->nxdomain) {
		answer->why = rcode_text(result->rcode, arena);
		return;
	}
	answer->status = result->secure ? WIRE_DNS_SECURE : WIRE_DNS_INSECURE;
	answer->nxdomain = result->nxdomain;
	if (result->canonname != NULL)
		answer->canonical = without_dot(result->canonname, arena);
	take_records(result, arena, answer);
}

static void on_result(void *context, int error, struct ub_result *result)
{
	struct dns_query *query = context;
	struct arena *arena = arena_new();
	struct wire_dns_answer answer;

	read_result(error, result, arena, &answer);
	dns_answer(query, &answer);
	ub_resolve_free(result);
	arena_free(&arena);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct unbound *u = context;

	(void)fd;
	(void)what;
	ub_process(u->context);
}

/* ---- the backend ------------------------------------------------------------------------------
 */

static void ask(struct dns *dns, struct dns_query *query)
{
	struct unbound *u = (struct unbound *)dns;
	int id = 0;

	query->tag = -1;
	if (ub_resolve_async(
		    u->context, query->name, query->type, CLASS_IN, query, on_result, &id) != 0) {
		dns_fail_later(query, "the name cannot be asked for");
		return;
	}
	query->tag = id;
	dns_fail_after(query, u->timeout_ms, "no answer in time");
}

static void cancel(struct dns *dns, struct dns_query *query)
{
	struct unbound *u = (struct unbound *)dns;

	if (query->tag >= 0)
		ub_cancel(u->context, (int)query->tag);
}

static void free_unbound(struct dns *dns)
{
	struct unbound *u = (struct unbound *)dns;

	if (u->readable != NULL)
		event_free(u->readable);
	ub_ctx_delete(u->context);
	free(u);
}

static const struct dns_backend backend = {.ask = ask, .cancel = cancel, .free = free_unbound};

/* ---- setting up -------------------------------------------------------------------------------
 */

static enum err set_options(struct unbound *u, const struct model_dns *s, struct err_info *info)
{
	char cache[32], keys[32];
	const char *const options[][2] = {
		{"msg-cache-size:", cache},
		{"rrset-cache-size:", keys},
		{"key-cache-size:", "1m"},
		{"neg-cache-size:", "1m"},
		/* A trial's name server may stand on this machine. */
		{"do-not-query-localhost:", "no"},
		/* Reverse zones of private addresses are the named servers' business. */
		{"unblock-lan-zones:", "yes"},
		{"insecure-lan-zones:", "yes"},
		{"use-syslog:", "no"},
		/* A wrong negative answer must not stay long: mail waits for it. */
		{"cache-max-negative-ttl:", "300"},
		{"val-bogus-ttl:", "15"},
		{"target-fetch-policy:", "0 0 0 0 0"},
		{"minimal-responses:", "yes"},
		{"num-queries-per-thread:", "1024"},
		{"outgoing-range:", "1024"},
	};

	snprintf(cache, sizeof(cache), "%lld", (long long)(s->cache / 3));
	snprintf(keys, sizeof(keys), "%lld", (long long)(s->cache / 3 * 2));
	for (size_t i = 0; i < ARRAY_LENGTH(options); i++) {
		int error = ub_ctx_set_option(u->context, options[i][0], options[i][1]);

		if (error != 0)
			return err_set(info, ERR_INTERNAL, "dns: the resolver refuses %s %s: %s",
				options[i][0], options[i][1], ub_strerror(error));
	}
	return ERR_OK;
}

static enum err set_servers(struct unbound *u, const struct model_dns *s, struct err_info *info)
{
	int error = 0;

	for (size_t i = 0; i < s->servers.count && error == 0; i++) {
		error = ub_ctx_set_fwd(u->context, s->servers.items[i]);
		if (error != 0)
			return err_set(info, ERR_SYNTAX, "dns.servers[%zu]: %s: %s", i,
				s->servers.items[i], ub_strerror(error));
	}
	if (s->servers.count == 0) {
		error = ub_ctx_resolvconf(u->context, NULL);
		if (error != 0)
			return err_set(
				info, ERR_IO, "dns: /etc/resolv.conf: %s", ub_strerror(error));
	}
	/* Names of this machine and its neighbours; without the file it works as well. */
	ub_ctx_hosts(u->context, NULL);
	return ERR_OK;
}

static enum err set_trust(struct unbound *u, const struct model_dns *s, struct err_info *info)
{
	const char *anchor = s->trust_anchor;
	int error, fd;

	if (anchor == NULL || strcmp(anchor, "none") == 0)
		return ERR_OK;
	/* access() knows nothing of the sandbox. */
	fd = open(anchor, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(info, ERR_IO, "dns.trust_anchor: %s cannot be read", anchor);
	close(fd);
	error = ub_ctx_add_ta_file(u->context, anchor);
	if (error != 0)
		return err_set(
			info, ERR_SYNTAX, "dns.trust_anchor: %s: %s", anchor, ub_strerror(error));
	return ERR_OK;
}

/* Reads what the options name: asked for a name that the resolver knows by itself, so that nothing
 * goes out. */
static enum err settle(struct unbound *u, struct err_info *info)
{
	struct ub_result *result = NULL;
	int error = ub_ctx_async(u->context, 1);

	if (error == 0)
		error = ub_resolve(u->context, "localhost", DNS_A, CLASS_IN, &result);
	ub_resolve_free(result);
	if (error != 0)
		return err_set(info, ERR_INTERNAL, "dns: the resolver: %s", ub_strerror(error));
	return ERR_OK;
}

enum err dns_unbound_new(struct event_base *base, const struct model_dns *settings,
	struct dns **ret, struct err_info *info)
{
	struct unbound *u = mem_new(sizeof(*u));
	struct dns *dns = &u->dns;
	enum err e;

	dns_init(dns, &backend, base);
	u->timeout_ms = settings->timeout_ms;
	u->context = ub_ctx_create();
	if (u->context == NULL) {
		free(u);
		return err_set(info, ERR_INTERNAL, "dns: no resolver can be made");
	}
	e = set_options(u, settings, info);
	if (e == ERR_OK)
		e = set_servers(u, settings, info);
	if (e == ERR_OK)
		e = set_trust(u, settings, info);
	if (e == ERR_OK)
		e = settle(u, info);
	if (e != ERR_OK) {
		dns_free(&dns);
		return e;
	}
	u->readable = event_new(base, ub_fd(u->context), EV_READ | EV_PERSIST, on_readable, u);
	event_add(u->readable, NULL);
	*ret = dns;
	return ERR_OK;
}
