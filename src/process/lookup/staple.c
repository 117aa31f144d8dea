/* Answers WIRE_STAPLE_ASK: an OCSP response on a certificate of ours, for those who connect. */
#include "process/lookup/inside.h"

#include <stdlib.h>

enum { AGAIN_MS = 3600 * 1000, PLACES_MAX = 4 };

struct staple {
	struct lookup_task task;
	struct arena *arena;
	struct revocation_pair *pair;
	const struct revocation_place *places[PLACES_MAX];
	size_t count, tried;
	struct lookup_waiter waiter;
	const char *text; /* why there is none */
};

static void staple_free(struct lookup_task *task)
{
	struct staple *s = (struct staple *)task;

	lookup_waiter_cancel(&s->waiter);
	revocation_pair_free(&s->pair);
	arena_free(&s->arena);
	free(s);
}

static void none(struct runtime_peer *peer, int64_t tag, const char *text)
{
	struct wire_staple answer = {
		.tag = tag, .text = text, .next_ms = runtime_now_ms() + AGAIN_MS};

	runtime_peer_send(peer, WIRE_STAPLE, &answer);
}

static void end(struct staple *s, struct str response, int64_t next_ms)
{
	struct wire_staple answer = {.tag = s->task.tag,
		.response = response,
		.text = response.n == 0 ? s->text : NULL,
		.next_ms = next_ms};

	lookup_task_end(&s->task, WIRE_STAPLE, &answer);
}

static void go_on(struct staple *s);

/* A response that says "revoked" is passed on to nobody: what is to be done is said here. */
static void look(struct staple *s, struct lookup_object *object)
{
	const struct revocation_place *place = s->places[s->tried - 1];
	struct revocation_finding found;
	struct str response;
	int64_t next_ms = 0;

	lookup_object_find(object, s->pair, 0, &found);
	response = lookup_object_response(object, &next_ms);
	if (found.status == WIRE_REVOCATION_GOOD && response.n > 0) {
		end(s, response, next_ms);
		return;
	}
	s->text = arena_format(s->arena, "%s: %s", place->url, found.text);
	if (found.status == WIRE_REVOCATION_REVOKED || s->tried == s->count)
		end(s, str_of(NULL), next_ms);
	else
		go_on(s);
}

static void on_told(void *context, struct lookup_waiter *waiter)
{
	struct staple *s = context;

	(void)waiter;
	look(s, lookup_objects_get(s->task.fetch->objects, s->pair, s->places[s->tried - 1]));
}

static void go_on(struct staple *s)
{
	const struct revocation_place *place = s->places[s->tried++];
	struct lookup_object *object = lookup_objects_get(s->task.fetch->objects, s->pair, place);

	s->waiter = (struct lookup_waiter){.told = on_told, .context = s};
	if (lookup_object_is_known(object))
		look(s, object);
	else
		lookup_object_wait(object, &s->waiter);
}

static void choose(struct staple *s)
{
	struct revocation_place *places;
	size_t count = revocation_places(s->pair, s->arena, &places);

	for (size_t i = 0; i < count && s->count < PLACES_MAX; i++) {
		if (places[i].kind == WIRE_ENDPOINT_OCSP)
			s->places[s->count++] = &places[i];
	}
}

void lookup_staple_ask(
	struct lookup_fetch *fetch, struct runtime_peer *peer, const struct wire_staple_ask *ask)
{
	struct revocation_pair *pairs[REVOCATION_CHAIN_MAX];
	struct err_info info = {.text = ""};
	struct staple *s;
	size_t count = 0;

	if (revocation_pairs_of_chain(ask->chain, pairs, &count, &info) != ERR_OK || count == 0) {
		none(peer, ask->tag,
			info.text[0] != '\0' ? info.text
					     : "the chain does not hold the certificate's issuer");
		return;
	}
	for (size_t i = 1; i < count; i++)
		revocation_pair_free(&pairs[i]);
	s = mem_new(sizeof(*s));
	s->task.free = staple_free;
	s->arena = arena_new();
	s->pair = pairs[0];
	choose(s);
	if (s->count == 0 || !lookup_task_begin(&s->task, fetch, peer, ask->tag)) {
		none(peer, ask->tag,
			s->count == 0 ? "the certificate names no OCSP responder"
				      : "too many questions are waiting");
		staple_free(&s->task);
		return;
	}
	go_on(s);
}
