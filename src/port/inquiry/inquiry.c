#include "port/inquiry/inquiry.h"

#include <stdlib.h>
#include <sys/queue.h>

enum {
	GRACE_MS = 1000,	    /* behind the time in which lookup has promised to answer */
	STAPLE_MS = 10 * 60 * 1000, /* it may have to try several times, and nobody waits */
};

struct inquiry_question {
	LIST_ENTRY(inquiry_question) links;
	struct inquiry *inquiry;
	struct event *timer;
	int64_t tag;
	inquiry_revocation_done *on_revocation; /* one of these */
	inquiry_staple_done *on_staple;
	void *context;
	const char *why; /* static */
};

struct inquiry {
	struct event_base *base;
	struct ipc *ipc; /* NULL: lookup is not there */
	int64_t last_tag;
	LIST_HEAD(questions, inquiry_question) questions;
};

struct inquiry *inquiry_new(struct event_base *base)
{
	struct inquiry *inquiry = mem_new(sizeof(*inquiry));

	inquiry->base = base;
	LIST_INIT(&inquiry->questions);
	return inquiry;
}

void inquiry_cancel(struct inquiry_question **question)
{
	struct inquiry_question *q = *question;

	if (q == NULL)
		return;
	*question = NULL;
	LIST_REMOVE(q, links);
	event_free(q->timer);
	free(q);
}

/* Answers that have no question any more were cancelled. */
static struct inquiry_question *take(struct inquiry *inquiry, int64_t tag)
{
	struct inquiry_question *q;

	LIST_FOREACH (q, &inquiry->questions, links)
		if (q->tag == tag)
			return q;
	return NULL;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct inquiry_question copy, *q = context;

	(void)fd;
	(void)what;
	copy = *q;
	inquiry_cancel(&q);
	if (copy.on_revocation != NULL)
		copy.on_revocation(copy.context, NULL, copy.why);
	else
		copy.on_staple(copy.context, NULL, copy.why);
}

static void end_after(struct inquiry_question *q, int64_t ms, const char *why)
{
	struct timeval time = {ms / 1000, (ms % 1000) * 1000};

	q->why = why;
	evtimer_add(q->timer, &time);
}

static struct inquiry_question *ask(struct inquiry *inquiry, int64_t patience_ms)
{
	struct inquiry_question *q = mem_new(sizeof(*q));

	q->inquiry = inquiry;
	q->timer = evtimer_new(inquiry->base, on_timer, q);
	q->tag = ++inquiry->last_tag;
	LIST_INSERT_HEAD(&inquiry->questions, q, links);
	if (inquiry->ipc == NULL)
		end_after(q, 0, "the lookup process is not there");
	else
		end_after(q, patience_ms, "the lookup process has not answered in time");
	return q;
}

struct inquiry_question *inquiry_revocation(struct inquiry *inquiry,
	const struct wire_revocation_ask *question, inquiry_revocation_done *done, void *context)
{
	struct inquiry_question *q = ask(inquiry, question->wait_ms + GRACE_MS);
	struct wire_revocation_ask tagged = *question;

	q->on_revocation = done;
	q->context = context;
	tagged.tag = q->tag;
	if (inquiry->ipc != NULL)
		ipc_send(inquiry->ipc, WIRE_REVOCATION_ASK, &tagged);
	return q;
}

struct inquiry_question *inquiry_staple(
	struct inquiry *inquiry, struct str chain, inquiry_staple_done *done, void *context)
{
	struct inquiry_question *q = ask(inquiry, STAPLE_MS);
	struct wire_staple_ask tagged = {.tag = q->tag, .chain = chain};

	q->on_staple = done;
	q->context = context;
	if (inquiry->ipc != NULL)
		ipc_send(inquiry->ipc, WIRE_STAPLE_ASK, &tagged);
	return q;
}

bool inquiry_take(struct inquiry *inquiry, enum wire_type type, const void *record)
{
	struct inquiry_question copy, *q;

	if (type != WIRE_REVOCATION_ANSWER && type != WIRE_STAPLE)
		return false;
	q = take(inquiry, type == WIRE_STAPLE
				  ? ((const struct wire_staple *)record)->tag
				  : ((const struct wire_revocation_answer *)record)->tag);
	if (q == NULL || (q->on_staple != NULL) != (type == WIRE_STAPLE))
		return true;
	copy = *q;
	inquiry_cancel(&q);
	if (type == WIRE_STAPLE)
		copy.on_staple(copy.context, record, NULL);
	else
		copy.on_revocation(copy.context, record, NULL);
	return true;
}

void inquiry_channel(struct inquiry *inquiry, struct ipc *ipc)
{
	struct inquiry_question *q;

	inquiry->ipc = ipc;
	LIST_FOREACH (q, &inquiry->questions, links)
		end_after(q, 0, "the lookup process has gone away");
}

void inquiry_free(struct inquiry **inquiry)
{
	struct inquiry_question *q;

	if (*inquiry == NULL)
		return;
	while ((q = LIST_FIRST(&(*inquiry)->questions)) != NULL)
		inquiry_cancel(&q);
	free(*inquiry);
	*inquiry = NULL;
}
