/* Answers WIRE_ENDPOINT_ASK: is what a certificate points to there, and is it what it should be?
 * Always fetched, never from the cache: it is the way that is tried out. */
#include "base/moment.h"
#include "process/lookup/inside.h"

#include <inttypes.h>
#include <stdlib.h>

struct endpoint {
	struct lookup_task task;
	struct arena *arena;
	struct revocation_pair *pair;
	struct http_exchange *exchange;
	int kind;
	const char *url;
	bool has_certificate, has_issuer;
};

static void endpoint_free(struct lookup_task *task)
{
	struct endpoint *p = (struct endpoint *)task;

	http_cancel(&p->exchange);
	if (p->pair != NULL)
		revocation_pair_free(&p->pair);
	arena_free(&p->arena);
	free(p);
}

static void refuse(struct runtime_peer *peer, int64_t tag, const char *token, const char *text)
{
	struct wire_endpoint_answer answer = {.tag = tag, .token = token, .text = text};

	runtime_peer_send(peer, WIRE_ENDPOINT_ANSWER, &answer);
}

/* In which distribution point does the certificate name the address? */
static unsigned point_of(const struct endpoint *p)
{
	struct revocation_place *places;
	size_t count = revocation_places(p->pair, p->arena, &places);

	for (size_t i = 0; i < count; i++) {
		if (places[i].kind == WIRE_ENDPOINT_CRL && strcmp(places[i].url, p->url) == 0)
			return places[i].point;
	}
	return 0;
}

static bool has_both(const struct endpoint *p)
{
	return p->has_certificate && p->has_issuer;
}

static void judge_list(struct endpoint *p, struct str body, struct revocation_finding *found)
{
	int64_t now = runtime_now_ms();
	struct revocation_list *list = revocation_list_new(body, p->pair, now, found);

	if (list == NULL)
		return;
	if (has_both(p))
		revocation_list_find(list, p->pair, point_of(p), now, found);
	else
		found->status = WIRE_REVOCATION_GOOD;
	revocation_list_free(&list);
}

static const char *words(const struct endpoint *p, const struct revocation_finding *found)
{
	char until[MOMENT_TEXT_SIZE];
	const char *signer = p->has_issuer ? "signed by the issuer" : "signature not verified";

	moment_format_rfc3339(found->next_ms, until);
	switch (p->kind) {
	case WIRE_ENDPOINT_CRL:
		return arena_format(p->arena,
			"revocation list of %" PRId64 " entries, %s, until %s", found->entries,
			signer, until);
	case WIRE_ENDPOINT_OCSP:
		if (!has_both(p))
			return "answers; nothing could be asked without certificate and issuer";
		return arena_format(p->arena, "response \"good\", %s, until %s", signer, until);
	default:
		return p->has_certificate ? "the issuer's certificate" : "a certificate";
	}
}

static void judge(struct endpoint *p, struct str body, struct revocation_finding *found)
{
	if (p->kind == WIRE_ENDPOINT_CRL)
		judge_list(p, body, found);
	else if (p->kind == WIRE_ENDPOINT_ISSUER)
		revocation_issuer_read(p->pair, body, runtime_now_ms(), found);
	else if (has_both(p))
		revocation_ocsp_read(p->pair, body, runtime_now_ms(), found);
	else
		found->status = WIRE_REVOCATION_GOOD;
}

/* A responder that is asked nothing may well complain of that: it is there. */
static bool is_there(const struct endpoint *p, const struct http_answer *answer)
{
	return p->kind == WIRE_ENDPOINT_OCSP && answer->token != NULL &&
	       strcmp(answer->token, "http") == 0 && answer->status >= 400 &&
	       answer->status < 500 && answer->status != 403 && answer->status != 404 &&
	       !has_both(p);
}

static void on_fetched(void *context, const struct http_answer *answer)
{
	struct endpoint *p = context;
	struct revocation_finding found = {.status = WIRE_REVOCATION_UNKNOWN};
	struct wire_endpoint_answer result = {.tag = p->task.tag,
		.address = answer->address,
		.hosts = answer->hosts,
		.http_status = answer->status,
		.bytes = (int64_t)answer->body.n,
		.ms = answer->ms};

	p->exchange = NULL;
	if (answer->token != NULL && !is_there(p, answer)) {
		result.token = answer->token;
		result.text = answer->text;
	} else {
		judge(p, answer->body, &found);
		result.ok = found.status == WIRE_REVOCATION_GOOD;
		result.token = result.ok ? "ok" : found.token;
		result.text = result.ok ? words(p, &found) : found.text;
		result.this_update_ms = found.this_ms;
		result.next_update_ms = found.next_ms;
		result.entries = found.entries;
	}
	lookup_task_end(&p->task, WIRE_ENDPOINT_ANSWER, &result);
}

static void fetch(struct endpoint *p)
{
	struct http_request request = {.url = p->url};

	if (p->kind == WIRE_ENDPOINT_OCSP && has_both(p)) {
		request.content_type = "application/ocsp-request";
		request.body = revocation_ocsp_ask(p->pair, p->arena);
	}
	p->exchange = http_ask(p->task.fetch->http, &request, on_fetched, p);
}

void lookup_endpoint_ask(
	struct lookup_fetch *all, struct runtime_peer *peer, const struct wire_endpoint_ask *ask)
{
	struct endpoint *p;
	struct revocation_pair *pair = NULL;
	struct err_info info = {.text = ""};

	if (ask->url == NULL ||
		revocation_pair_new(ask->certificate, ask->issuer, &pair, &info) != ERR_OK) {
		refuse(peer, ask->tag, ask->url == NULL ? "scheme" : "malformed",
			ask->url == NULL ? "no address was given" : info.text);
		return;
	}
	p = mem_new(sizeof(*p));
	p->task.free = endpoint_free;
	p->arena = arena_new();
	p->pair = pair;
	p->kind = ask->kind;
	p->url = arena_text(p->arena, ask->url);
	p->has_certificate = ask->certificate.n > 0;
	p->has_issuer = ask->issuer.n > 0;
	if (!lookup_task_begin(&p->task, all, peer, ask->tag)) {
		endpoint_free(&p->task);
		refuse(peer, ask->tag, "busy", "too many questions are waiting");
		return;
	}
	fetch(p);
}
