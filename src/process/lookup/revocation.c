/*
 * Answers WIRE_REVOCATION_ASK.  Every certificate of the chain but the anchor is a check of its
 * own; all run at once.  A check goes through the places that its certificate names, one after the
 * other, until one of them settles it: of a leaf the OCSP responders first, of an authority the
 * lists.  When one keeps it waiting for a third of the time that there is, the next one is tried
 * beside it.  When the time is over, what is not settled is unknown; what is being fetched comes in
 * useful later.
 */
#include "process/lookup/inside.h"

#include <stdio.h>
#include <stdlib.h>

enum { TRIED_MAX = 8, NOTES_MAX = 600, HEDGES = 3 };

struct ask;

struct
try {
	struct lookup_waiter waiter;
	struct check *check;
	const struct revocation_place *place;
};

struct check {
	struct ask *ask;
	struct revocation_pair *pair;
	const struct revocation_place *places[TRIED_MAX]; /* in order */
	size_t place_count;
	struct try tries[TRIED_MAX]; /* those of the places that were begun */
	size_t begun, open;
	bool is_settled;
	const char *token;	       /* of the first thing that did not settle it */
	char notes[NOTES_MAX];	       /* all of them in words */
	struct wire_revocation *found; /* in the answer */
};

struct ask {
	struct lookup_task task;
	struct arena *arena;
	struct event *timer;
	int64_t wait_ms;
	unsigned hedged;
	struct check checks[REVOCATION_CHAIN_MAX];
	size_t count, open;
	bool is_beginning; /* the answer waits until all have begun */
	struct wire_revocation found[REVOCATION_CHAIN_MAX];
};

static void ask_free(struct lookup_task *task)
{
	struct ask *a = (struct ask *)task;

	for (size_t i = 0; i < a->count; i++) {
		for (size_t k = 0; k < a->checks[i].begun; k++)
			lookup_waiter_cancel(&a->checks[i].tries[k].waiter);
		revocation_pair_free(&a->checks[i].pair);
	}
	if (a->timer != NULL)
		event_free(a->timer);
	arena_free(&a->arena);
	free(a);
}

static void answer(struct ask *a)
{
	struct wire_revocation_answer answer = {.tag = a->task.tag};
	struct lookup_counts *counts = &a->task.fetch->counts;

	answer.certificates.items = a->found;
	answer.certificates.count = a->count;
	for (size_t i = 0; i < a->count; i++) {
		counts->asked++;
		counts->revoked += a->found[i].status == WIRE_REVOCATION_REVOKED ? 1 : 0;
		counts->unknown += a->found[i].status == WIRE_REVOCATION_UNKNOWN ? 1 : 0;
	}
	lookup_task_end(&a->task, WIRE_REVOCATION_ANSWER, &answer);
}

/* ---- one certificate ------------------------------------------------------------------------- */

static void settle(struct check *c)
{
	struct ask *a = c->ask;

	c->is_settled = true;
	for (size_t i = 0; i < c->begun; i++)
		lookup_waiter_cancel(&c->tries[i].waiter);
	a->open--;
	if (a->open == 0 && !a->is_beginning)
		answer(a);
}

static void note(struct check *c, const char *source, const char *token, const char *text)
{
	size_t n = strlen(c->notes);

	if (c->token == NULL)
		c->token = token;
	snprintf(c->notes + n, sizeof(c->notes) - n, "%s%s: %s", n > 0 ? "; " : "", source, text);
}

static void settle_unknown(struct check *c)
{
	c->found->status = WIRE_REVOCATION_UNKNOWN;
	c->found->token = c->token != NULL ? c->token : "no-endpoint";
	c->found->text = arena_text(c->ask->arena,
		c->token != NULL ? c->notes
				 : "the certificate says of no list or responder that could be "
				   "asked");
	settle(c);
}

/* What SOURCE says.  True: that settles it. */
static bool take(struct check *c, const char *source, int kind, const struct revocation_finding *f)
{
	struct arena *arena = c->ask->arena;

	if (f->status == WIRE_REVOCATION_UNKNOWN) {
		note(c, source, f->token, f->text);
		return false;
	}
	*c->found = (struct wire_revocation){.status = f->status,
		.source = arena_text(arena, source),
		.kind = wire_endpoint_kind_names[kind],
		.token = f->token,
		.text = f->status == WIRE_REVOCATION_REVOKED ? arena_text(arena, f->text) : NULL,
		.at_ms = f->at_ms,
		.this_update_ms = f->this_ms,
		.next_update_ms = f->next_ms};
	return true;
}

static bool take_object(struct try *t, struct lookup_object *object)
{
	struct revocation_finding found;

	lookup_object_find(object, t->check->pair, t->place->point, &found);
	return take(t->check, t->place->url, t->place->kind, &found);
}

static void go_on(struct check *c);

static void on_told(void *context, struct lookup_waiter *waiter)
{
	struct try *t = context;
	struct check *c = t->check;
	struct lookup_object *object;

	(void)waiter;
	c->open--;
	object = lookup_objects_get(c->ask->task.fetch->objects, c->pair, t->place);
	if (take_object(t, object))
		settle(c);
	else if (c->open == 0)
		go_on(c);
}

/* Begin with the next place.  True: that has settled it. */
static bool try_next(struct check *c)
{
	struct try *t = &c->tries[c->begun];
	struct lookup_object *object;

	*t = (struct try){.check = c, .place = c->places[c->begun]};
	t->waiter.told = on_told;
	t->waiter.context = t;
	c->begun++;
	object = lookup_objects_get(c->ask->task.fetch->objects, c->pair, t->place);
	if (lookup_object_is_known(object))
		return take_object(t, object);
	lookup_object_wait(object, &t->waiter);
	c->open++;
	return false;
}

static void go_on(struct check *c)
{
	bool is_done = false;

	while (!is_done && c->open == 0 && c->begun < c->place_count)
		is_done = try_next(c);
	if (is_done)
		settle(c);
	else if (c->open == 0)
		settle_unknown(c);
}

/* ---- what to try ----------------------------------------------------------------------------- */

static void add_places(
	struct check *c, const struct revocation_place *places, size_t count, int kind)
{
	for (size_t i = 0; i < count && c->place_count < TRIED_MAX; i++) {
		if (places[i].kind != kind)
			continue;
		if (places[i].is_indirect)
			note(c, places[i].url, "indirect",
				"the list is that of another issuer (indirect): such lists are not "
				"used");
		else
			c->places[c->place_count++] = &places[i];
	}
}

static void choose_places(struct check *c, bool is_leaf)
{
	struct revocation_place *places;
	size_t count = revocation_places(c->pair, c->ask->arena, &places);

	add_places(c, places, count, is_leaf ? WIRE_ENDPOINT_OCSP : WIRE_ENDPOINT_CRL);
	add_places(c, places, count, is_leaf ? WIRE_ENDPOINT_CRL : WIRE_ENDPOINT_OCSP);
}

static bool take_stapled(struct check *c, struct str stapled)
{
	struct revocation_finding found;

	if (stapled.n == 0)
		return false;
	revocation_ocsp_read(c->pair, stapled, runtime_now_ms(), &found);
	return take(c, "stapled", WIRE_ENDPOINT_OCSP, &found);
}

/* Does a list or response that is held already say that it is revoked? */
static void take_revoked(struct check *c)
{
	for (size_t i = 0; i < c->place_count; i++) {
		const struct revocation_place *place = c->places[i];
		struct lookup_object *object =
			lookup_objects_get(c->ask->task.fetch->objects, c->pair, place);
		struct revocation_finding found;

		lookup_object_find(object, c->pair, place->point, &found);
		if (found.status == WIRE_REVOCATION_REVOKED) {
			take(c, place->url, place->kind, &found);
			return;
		}
	}
}

/* Whoever staples chooses what: a thief of the key the last response from before, which counts
 * until its nextUpdate.  So it settles nothing against what is known to be revoked. */
static void begin_check(struct check *c, size_t number, struct str stapled)
{
	choose_places(c, number == 0);
	if (number == 0 && take_stapled(c, stapled)) {
		if (c->found->status != WIRE_REVOCATION_REVOKED)
			take_revoked(c);
		settle(c);
	} else {
		go_on(c);
	}
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void give_up(struct ask *a)
{
	char text[80];

	snprintf(text, sizeof(text), "no answer within %g seconds", (double)a->wait_ms / 1000);
	a->is_beginning = true; /* one answer for all */
	for (size_t i = 0; i < a->count; i++) {
		struct check *c = &a->checks[i];

		for (size_t k = 0; k < c->begun && !c->is_settled; k++) {
			if (c->tries[k].waiter.object != NULL)
				note(c, c->tries[k].place->url, "timeout",
					a->wait_ms > 0 ? text : "not known yet");
		}
		if (!c->is_settled)
			settle_unknown(c);
	}
	answer(a);
}

static void wait_more(struct ask *a)
{
	int64_t part = a->wait_ms / HEDGES;
	struct timeval wait = {.tv_sec = part / 1000, .tv_usec = part % 1000 * 1000};

	event_add(a->timer, &wait);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct ask *a = context;

	(void)fd;
	(void)what;
	if (++a->hedged >= HEDGES) {
		give_up(a);
		return;
	}
	wait_more(a);
	a->is_beginning = true;
	for (size_t i = 0; i < a->count; i++) {
		struct check *c = &a->checks[i];

		if (!c->is_settled && c->begun < c->place_count && try_next(c))
			settle(c);
	}
	a->is_beginning = false;
	if (a->open == 0)
		answer(a);
}

/* What cannot be read is not good. */
static void refuse(struct runtime_peer *peer, int64_t tag, const char *token, const char *text)
{
	struct wire_revocation unknown = {
		.status = WIRE_REVOCATION_UNKNOWN, .token = token, .text = text};
	struct wire_revocation_answer answer = {.tag = tag};

	answer.certificates.items = &unknown;
	answer.certificates.count = 1;
	runtime_peer_send(peer, WIRE_REVOCATION_ANSWER, &answer);
}

void lookup_revocation_ask(struct lookup_fetch *fetch, struct runtime_peer *peer,
	const struct wire_revocation_ask *ask)
{
	struct revocation_pair *pairs[REVOCATION_CHAIN_MAX];
	struct err_info info = {.text = ""};
	struct ask *a = mem_new(sizeof(*a));

	a->task.free = ask_free;
	if (revocation_pairs_of_chain(ask->chain, pairs, &a->count, &info) != ERR_OK) {
		free(a);
		refuse(peer, ask->tag, "malformed", info.text);
		return;
	}
	for (size_t i = 0; i < a->count; i++)
		a->checks[i] = (struct check){
			.ask = a, .pair = pairs[i], .found = &a->found[i], .notes = ""};
	a->arena = arena_new();
	if (!lookup_task_begin(&a->task, fetch, peer, ask->tag)) {
		ask_free(&a->task);
		refuse(peer, ask->tag, "busy", "too many questions are waiting");
		return;
	}
	a->wait_ms = ask->wait_ms;
	a->open = a->count;
	a->is_beginning = true;
	for (size_t i = 0; i < a->count; i++)
		begin_check(&a->checks[i], i, ask->stapled);
	a->is_beginning = false;
	if (a->open == 0) {
		answer(a);
	} else if (a->wait_ms <= 0) {
		give_up(a);
	} else {
		a->timer = evtimer_new(fetch->base, on_timer, a);
		wait_more(a);
	}
}
