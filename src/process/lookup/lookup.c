/*
 * Answers WIRE_DNS_ASK; what else is asked is fetch.c's.  At most MAX_RUNNING questions are with
 * the resolver at once, others wait in the order in which they came; beyond MAX_WAITING the answer
 * is a failure at once.  Answers to a peer that has gone are dropped, its questions forgotten.
 * While it is not known yet whether answers can be validated (trust.h), questions wait.
 */
#include "process/lookup/lookup.h"

#include "port/dns/dns.h"
#include "port/log/log.h"
#include "process/lookup/inside.h"
#include "process/lookup/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

enum { MAX_RUNNING = 512, MAX_WAITING = 20000 };

struct question {
	TAILQ_ENTRY(question) links;
	struct lookup *lookup;
	struct runtime_peer *peer; /* goes with it */
	int64_t tag;
	char *name;
	int type;
	struct dns_query *query; /* NULL: waits */
};

TAILQ_HEAD(questions, question);

struct lookup {
	struct runtime *runtime;
	struct lookup_trust *trust;
	struct lookup_fetch *fetch;
	struct model_dns settings; /* in settings_arena: what trust was made with */
	struct arena *settings_arena;
	struct runtime_peers peers;
	struct questions running, waiting;
	size_t running_count, waiting_count;
	char no_anchor[200]; /* why the system has none for the default; "": it has */
	bool is_started, is_draining;
	int64_t asked, secure, insecure, bogus, failed;
};

static void question_free(struct question *q)
{
	struct lookup *l = q->lookup;

	if (q->query != NULL) {
		TAILQ_REMOVE(&l->running, q, links);
		l->running_count--;
		dns_cancel(&q->query);
	} else {
		TAILQ_REMOVE(&l->waiting, q, links);
		l->waiting_count--;
	}
	free(q->name);
	free(q);
}

static void forget(struct questions *list, const struct runtime_peer *peer)
{
	struct question *q, *next;

	for (q = TAILQ_FIRST(list); q != NULL; q = next) {
		next = TAILQ_NEXT(q, links);
		if (q->peer == peer)
			question_free(q);
	}
}

static void run_more(struct lookup *l);

static void count(struct lookup *l, const struct question *q, const struct wire_dns_answer *answer)
{
	switch ((enum wire_dns_status)answer->status) {
	case WIRE_DNS_SECURE:
		l->secure++;
		return;
	case WIRE_DNS_INSECURE:
		l->insecure++;
		return;
	case WIRE_DNS_BOGUS:
		l->bogus++;
		break;
	case WIRE_DNS_FAILED:
		l->failed++;
		break;
	}
	log_event(LOG_INFO_LEVEL, "lookup.failed", LOG_TEXT("name", q->name),
		LOG_NUMBER("type", q->type),
		LOG_TEXT("status", answer->status == WIRE_DNS_BOGUS ? "bogus" : "failed"),
		LOG_TEXT("reason", answer->why));
}

static void on_answer(void *context, const struct wire_dns_answer *answer)
{
	struct question *q = context;
	struct runtime_peer *peer = q->peer;
	struct lookup *l = q->lookup;
	struct wire_dns_answer tagged = *answer;

	tagged.tag = q->tag;
	count(l, q, answer);
	/* The query has ended; only our own part of it is left. */
	TAILQ_REMOVE(&l->running, q, links);
	l->running_count--;
	free(q->name);
	free(q);
	runtime_peer_send(peer, WIRE_DNS_ANSWER, &tagged);
	run_more(l);
}

static void run_more(struct lookup *l)
{
	struct dns *dns = lookup_trust_dns(l->trust);

	while (dns != NULL && l->running_count < MAX_RUNNING && !TAILQ_EMPTY(&l->waiting)) {
		struct question *q = TAILQ_FIRST(&l->waiting);

		TAILQ_REMOVE(&l->waiting, q, links);
		l->waiting_count--;
		TAILQ_INSERT_TAIL(&l->running, q, links);
		l->running_count++;
		q->query = dns_ask(dns, q->name, q->type, on_answer, q);
	}
	if (l->is_draining && l->running_count == 0 && l->waiting_count == 0 &&
		l->fetch->task_count == 0) {
		l->is_draining = false; /* said once */
		runtime_drained(l->runtime);
	}
}

static void take_question(
	struct lookup *l, struct runtime_peer *peer, const struct wire_dns_ask *ask)
{
	struct question *q;

	l->asked++;
	if (ask->name == NULL || l->waiting_count >= MAX_WAITING) {
		struct wire_dns_answer busy = {.tag = ask->tag,
			.status = WIRE_DNS_FAILED,
			.why = ask->name == NULL ? "no name was given"
						 : "too many questions are waiting"};

		runtime_peer_complain(peer, busy.why);
		ipc_send(peer->ipc, WIRE_DNS_ANSWER, &busy);
		return;
	}
	q = mem_new(sizeof(*q));
	q->lookup = l;
	q->peer = peer;
	q->tag = ask->tag;
	q->name = mem_text(ask->name);
	q->type = (int)(ask->type & 0xffff);
	TAILQ_INSERT_TAIL(&l->waiting, q, links);
	l->waiting_count++;
	run_more(l);
}

static void on_message(
	void *owner, struct runtime_peer *peer, enum wire_type type, const void *record)
{
	struct lookup *l = owner;

	if (type == WIRE_DNS_ASK && peer->role != RUNTIME_WEB) {
		take_question(l, peer, record);
	} else if (!lookup_fetch_message(l->fetch, peer, type, record)) {
		runtime_peer_complain(peer, "a message that is not for this process");
		runtime_peer_drop(peer);
	}
}

static void forget_questions(void *owner, struct runtime_peer *peer)
{
	struct lookup *l = owner;

	forget(&l->running, peer);
	forget(&l->waiting, peer);
	lookup_fetch_forget(l->fetch, peer);
}

static void on_closed(void *owner)
{
	run_more(owner);
}

static const struct runtime_peers_handlers handlers = {.message = on_message,
	.forget = forget_questions,
	.closed = on_closed,
	.complaint = "lookup.refused"};

static void *create(struct runtime *runtime)
{
	struct lookup *l = mem_new(sizeof(*l));

	l->runtime = runtime;
	runtime_peers_init(&l->peers, RUNTIME_LOOKUP, runtime_base(runtime), &handlers, l);
	TAILQ_INIT(&l->running);
	TAILQ_INIT(&l->waiting);
	l->fetch = lookup_fetch_new(runtime, on_closed, l);
	return l;
}

static const struct record_desc *dns_desc(void)
{
	return record_find(&model_node_desc, "dns", NULL)->sub;
}

static void warn(const char *reason, const char *remedy)
{
	log_event(LOG_WARNING_LEVEL, "dns.not_validating", LOG_TEXT("reason", reason),
		LOG_TEXT("meaning", "names are looked up without DNSSEC"),
		LOG_TEXT("remedy", remedy));
}

static void on_trust(void *self)
{
	struct lookup *l = self;

	if (lookup_trust_state(l->trust) == LOOKUP_TRUST_VALIDATING)
		log_event(LOG_INFO_LEVEL, "dns.validating", LOG_TEXT("anchor", dns_system_anchor));
	else
		warn(lookup_trust_reason(l->trust),
			"name resolvers that pass DNSSEC on as dns.servers, or accept it with "
			"dns.trust_anchor: none; it is tried again by itself");
	http_set_dns(l->fetch->http, lookup_trust_dns(l->trust));
	run_more(l);
}

/* Questions under way go to the new resolver. */
static void replace(struct lookup *l, struct lookup_trust *trust)
{
	struct question *q, *last = NULL;

	while ((q = TAILQ_FIRST(&l->running)) != NULL) {
		dns_cancel(&q->query);
		TAILQ_REMOVE(&l->running, q, links);
		l->running_count--;
		if (last == NULL)
			TAILQ_INSERT_HEAD(&l->waiting, q, links);
		else
			TAILQ_INSERT_AFTER(&l->waiting, last, q, links);
		l->waiting_count++;
		last = q;
	}
	http_set_dns(l->fetch->http, NULL);
	lookup_trust_free(&l->trust);
	l->trust = trust;
	http_set_dns(l->fetch->http, lookup_trust_dns(trust));
	if (l->is_started)
		lookup_trust_probe(trust);
	run_more(l);
}

static enum err make_resolver(struct lookup *l, const struct model_dns *settings,
	const char *anchor, struct dns **ret, struct err_info *info)
{
	struct model_dns changed = *settings;

	changed.trust_anchor = anchor;
	return dns_unbound_new(runtime_base(l->runtime), &changed, ret, info);
}

/* An anchor that the node file names: validate always.  "none": never.  Absent: where the resolver
 * lets us, so one resolver of each kind. */
static enum err make_trust(struct lookup *l, const struct model_dns *settings,
	struct lookup_trust **ret, struct err_info *info)
{
	const char *anchor = settings->trust_anchor;
	bool never = anchor != NULL && strcmp(anchor, "none") == 0;
	struct dns *validating = NULL, *plain = NULL;
	enum err e = ERR_OK;

	if (!never)
		e = make_resolver(l, settings, anchor != NULL ? anchor : dns_system_anchor,
			&validating, info);
	/* A system without the file; but a reload cannot read it for another reason. */
	if (e != ERR_OK && anchor == NULL && (l->trust == NULL || l->no_anchor[0] != '\0')) {
		snprintf(l->no_anchor, sizeof(l->no_anchor), "%s", info->text);
		warn(l->no_anchor, "install the root's keys (Debian: dns-root-data) and restart, "
				   "or accept it with dns.trust_anchor: none");
		e = ERR_OK;
	}
	if (e == ERR_OK && (never || anchor == NULL))
		e = make_resolver(l, settings, NULL, &plain, info);
	if (e != ERR_OK) {
		dns_free(&validating);
		return e;
	}
	*ret = lookup_trust_new(runtime_base(l->runtime), validating, plain, on_trust, l);
	return ERR_OK;
}

static enum err apply(void *self, const struct runtime_settings *settings, struct err_info *info)
{
	struct lookup *l = self;
	struct lookup_trust *trust = NULL;
	enum err e;

	lookup_fetch_apply(l->fetch, settings);
	/* Inside the sandbox no file can be read any more: what did not change stays as it is. */
	if (l->trust != NULL && record_equal(dns_desc(), &settings->node->dns, &l->settings)) {
		lookup_trust_probe(l->trust);
		return ERR_OK;
	}
	e = make_trust(l, &settings->node->dns, &trust, info);
	if (e != ERR_OK)
		return e;
	arena_free(&l->settings_arena);
	l->settings_arena = arena_new();
	record_copy(dns_desc(), &settings->node->dns, l->settings_arena, &l->settings);
	replace(l, trust);
	return ERR_OK;
}

static void add_peer(void *self, enum runtime_role role, unsigned index, int fd)
{
	struct lookup *l = self;

	runtime_peers_add(&l->peers, role, index, fd);
}

/* Only now: the resolver's thread is to live in the sandbox. */
static void start(void *self)
{
	struct lookup *l = self;

	l->is_started = true;
	lookup_fetch_start(l->fetch);
	lookup_trust_probe(l->trust);
}

/* Deliveries under way still need answers: they are given until the end. */
static void drain(void *self)
{
	struct lookup *l = self;

	l->is_draining = true;
	run_more(l);
}

static json_t *dnssec_stats(const struct lookup *l)
{
	const char *anchor = l->settings.trust_anchor, *reason = lookup_trust_reason(l->trust);

	if (anchor == NULL && l->no_anchor[0] != '\0')
		reason = l->no_anchor;
	return json_pack(
		"{s:s, s:s?}", "anchor", anchor != NULL ? anchor : "default", "reason", reason);
}

static json_t *stats(void *self)
{
	const struct lookup *l = self;
	bool validating = lookup_trust_state(l->trust) == LOOKUP_TRUST_VALIDATING;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o}", "asked",
		(json_int_t)l->asked, "secure", (json_int_t)l->secure, "insecure",
		(json_int_t)l->insecure, "bogus", (json_int_t)l->bogus, "failed",
		(json_int_t)l->failed, "refused", (json_int_t)l->peers.complaints, "running",
		(json_int_t)l->running_count, "waiting", (json_int_t)l->waiting_count, "validating",
		validating, "dnssec", dnssec_stats(l), "fetch", lookup_fetch_stats(l->fetch));
}

static void destroy(void *self)
{
	struct lookup *l = self;

	runtime_peers_clear(&l->peers);
	lookup_fetch_free(&l->fetch);
	lookup_trust_free(&l->trust);
	arena_free(&l->settings_arena);
	free(l);
}

const struct runtime_process lookup_process = {
	.role = RUNTIME_LOOKUP,
	.create = create,
	.apply = apply,
	.peer = add_peer,
	.start = start,
	.drain = drain,
	.stats = stats,
	.destroy = destroy,
};
