/*
 * Answers WIRE_DNS_ASK.  At most MAX_RUNNING questions are with the resolver at once, others wait
 * in the order in which they came; beyond MAX_WAITING the answer is a failure at once.  Answers to
 * a peer that has gone are dropped, its questions forgotten.
 */
#include "process/lookup/lookup.h"

#include "port/dns/dns.h"
#include "port/log/log.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

enum { MAX_RUNNING = 512, MAX_WAITING = 20000 };

struct peer {
	LIST_ENTRY(peer) links;
	struct lookup *lookup;
	enum runtime_role role;
	unsigned index;
	struct ipc *ipc;
	bool has_complained;
};

struct question {
	TAILQ_ENTRY(question) links;
	struct peer *peer; /* goes with its peer */
	int64_t tag;
	char *name;
	int type;
	struct dns_query *query; /* NULL: waits */
};

TAILQ_HEAD(questions, question);

struct lookup {
	struct runtime *runtime;
	struct dns *dns;
	struct model_dns settings; /* in settings_arena: what dns was made with */
	struct arena *settings_arena;
	LIST_HEAD(peers, peer) peers;
	struct questions running, waiting;
	size_t running_count, waiting_count;
	bool is_draining;
	int64_t asked, secure, insecure, bogus, failed, refused;
};

static void question_free(struct question *q)
{
	struct lookup *l = q->peer->lookup;

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

static void forget(struct questions *list, const struct peer *peer)
{
	struct question *q, *next;

	for (q = TAILQ_FIRST(list); q != NULL; q = next) {
		next = TAILQ_NEXT(q, links);
		if (q->peer == peer)
			question_free(q);
	}
}

static void drop_peer(struct peer *peer)
{
	forget(&peer->lookup->running, peer);
	forget(&peer->lookup->waiting, peer);
	LIST_REMOVE(peer, links);
	ipc_free(&peer->ipc);
	free(peer);
}

static void complain(struct peer *peer, const char *reason)
{
	peer->lookup->refused++;
	if (peer->has_complained)
		return;
	peer->has_complained = true;
	log_event(LOG_WARNING_LEVEL, "lookup.refused",
		LOG_TEXT("peer", runtime_table[peer->role].name), LOG_NUMBER("index", peer->index),
		LOG_TEXT("reason", reason));
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
	struct peer *peer = q->peer;
	struct lookup *l = peer->lookup;
	struct wire_dns_answer tagged = *answer;

	tagged.tag = q->tag;
	count(l, q, answer);
	/* The query has ended; only our own part of it is left. */
	TAILQ_REMOVE(&l->running, q, links);
	l->running_count--;
	free(q->name);
	free(q);
	if (!ipc_send(peer->ipc, WIRE_DNS_ANSWER, &tagged)) {
		complain(peer, "answers are not read");
		drop_peer(peer);
	}
	run_more(l);
}

static void run_more(struct lookup *l)
{
	while (l->running_count < MAX_RUNNING && !TAILQ_EMPTY(&l->waiting)) {
		struct question *q = TAILQ_FIRST(&l->waiting);

		TAILQ_REMOVE(&l->waiting, q, links);
		l->waiting_count--;
		TAILQ_INSERT_TAIL(&l->running, q, links);
		l->running_count++;
		q->query = dns_ask(l->dns, q->name, q->type, on_answer, q);
	}
	if (l->is_draining && l->running_count == 0) {
		l->is_draining = false; /* said once */
		runtime_drained(l->runtime);
	}
}

static void take_question(struct peer *peer, const struct wire_dns_ask *ask)
{
	struct lookup *l = peer->lookup;
	struct question *q;

	l->asked++;
	if (ask->name == NULL || l->dns == NULL || l->waiting_count >= MAX_WAITING) {
		struct wire_dns_answer busy = {.tag = ask->tag,
			.status = WIRE_DNS_FAILED,
			.why = ask->name == NULL ? "no name was given"
						 : "too many questions are waiting"};

		complain(peer, busy.why);
		ipc_send(peer->ipc, WIRE_DNS_ANSWER, &busy);
		return;
	}
	q = mem_new(sizeof(*q));
	q->peer = peer;
	q->tag = ask->tag;
	q->name = mem_text(ask->name);
	q->type = (int)(ask->type & 0xffff);
	TAILQ_INSERT_TAIL(&l->waiting, q, links);
	l->waiting_count++;
	run_more(l);
}

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct peer *peer = context;

	(void)ipc;
	if (type != WIRE_DNS_ASK) {
		complain(peer, "a message that is not for this process");
		drop_peer(peer);
		return;
	}
	take_question(peer, record);
}

static void on_closed(void *context, struct ipc *ipc)
{
	struct peer *peer = context;
	struct lookup *l = peer->lookup;

	(void)ipc;
	drop_peer(peer);
	run_more(l);
}

static const struct ipc_handlers handlers = {.message = on_message, .closed = on_closed};

static void *create(struct runtime *runtime)
{
	struct lookup *l = mem_new(sizeof(*l));

	l->runtime = runtime;
	LIST_INIT(&l->peers);
	TAILQ_INIT(&l->running);
	TAILQ_INIT(&l->waiting);
	return l;
}

static const struct record_desc *dns_desc(void)
{
	return record_find(&model_node_desc, "dns", NULL)->sub;
}

/* Questions under way go to the new resolver. */
static void replace(struct lookup *l, struct dns *dns)
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
	dns_free(&l->dns);
	l->dns = dns;
	run_more(l);
}

static enum err apply(void *self, const struct runtime_settings *settings, struct err_info *info)
{
	struct lookup *l = self;
	struct dns *dns = NULL;
	enum err e;

	/* Inside the sandbox no file can be read any more: what did not change stays as it is. */
	if (l->dns != NULL && record_equal(dns_desc(), &settings->node->dns, &l->settings))
		return ERR_OK;
	e = dns_unbound_new(runtime_base(l->runtime), &settings->node->dns, &dns, info);
	if (e != ERR_OK)
		return e;
	arena_free(&l->settings_arena);
	l->settings_arena = arena_new();
	record_copy(dns_desc(), &settings->node->dns, l->settings_arena, &l->settings);
	replace(l, dns);
	return ERR_OK;
}

static void add_peer(void *self, enum runtime_role role, unsigned index, int fd)
{
	struct lookup *l = self;
	struct peer *peer, *next;

	if ((runtime_table[RUNTIME_LOOKUP].peers & (1u << role)) == 0) {
		close(fd);
		return;
	}
	for (peer = LIST_FIRST(&l->peers); peer != NULL; peer = next) {
		next = LIST_NEXT(peer, links);
		if (peer->role == role && peer->index == index)
			drop_peer(peer);
	}
	peer = mem_new(sizeof(*peer));
	peer->lookup = l;
	peer->role = role;
	peer->index = index;
	LIST_INSERT_HEAD(&l->peers, peer, links);
	peer->ipc = ipc_new(runtime_base(l->runtime), fd, &handlers, peer);
}

static void start(void *self)
{
	(void)self;
}

/* Deliveries under way still need answers: they are given until the end. */
static void drain(void *self)
{
	struct lookup *l = self;

	l->is_draining = true;
	run_more(l);
}

static json_t *stats(void *self)
{
	const struct lookup *l = self;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "asked", (json_int_t)l->asked,
		"secure", (json_int_t)l->secure, "insecure", (json_int_t)l->insecure, "bogus",
		(json_int_t)l->bogus, "failed", (json_int_t)l->failed, "refused",
		(json_int_t)l->refused, "running", (json_int_t)l->running_count, "waiting",
		(json_int_t)l->waiting_count);
}

static void destroy(void *self)
{
	struct lookup *l = self;

	while (!LIST_EMPTY(&l->peers))
		drop_peer(LIST_FIRST(&l->peers));
	dns_free(&l->dns);
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
