/*
 * Which versions of our certificates partners do not accept: on disk, so that it is known after a
 * restart, and in every process that shows certificates.  A note is over when its time is, or when
 * its version has no other beside it.
 */
#include "port/log/log.h"
#include "port/store/acceptance.h"
#include "process/spool/state.h"

#include <stdlib.h>

enum { MAX_PARTNER = 1024, MAX_NAME = 255, MAX_REASON = 8192 };

/* As far ahead as a refusal may count; the clock may have gone back since. */
static const int64_t until_max_ms = INT64_C(2) * CERT_REFUSAL_MS;

struct refusal {
	struct refusal *next; /* newest first */
	struct arena *arena;
	struct wire_refused wire;
};

static bool is_same(const struct wire_refused *a, const struct wire_refused *b)
{
	return a->direction == b->direction && strcmp(a->partner, b->partner) == 0 &&
	       strcmp(a->certificate, b->certificate) == 0 && strcmp(a->version, b->version) == 0;
}

static void drop(struct spool *spool, struct refusal **place)
{
	struct refusal *refusal = *place;

	*place = refusal->next;
	arena_free(&refusal->arena);
	free(refusal);
	spool->refusal_count--;
}

static void written(void *context, enum err e)
{
	(void)context;
	if (e != ERR_OK)
		log_event(LOG_WARNING_LEVEL, "spool.refusal-not-written",
			LOG_TEXT("error", err_token(e)));
}

/* Strangers can refuse what they like as often as they like: it must not pile up. */
static bool is_busy(const struct spool *spool)
{
	struct store_counts counts;

	store_counts(spool->store, &counts);
	return counts.pending_calls > SPOOL_REFUSALS_PENDING;
}

/* The last one is the oldest: when there are too many it goes, or the last one of a stranger while
 * there is one.  What then stays on disk goes when it is read again. */
static void keep(struct spool *spool, const struct wire_refused *wire)
{
	struct refusal *refusal = mem_new(sizeof(*refusal));
	struct refusal **place = &spool->refusals, **last = NULL, **stranger = NULL;

	refusal->arena = arena_new();
	record_copy(&wire_refused_desc, wire, refusal->arena, &refusal->wire);
	while (*place != NULL) {
		if (is_same(&(*place)->wire, wire)) {
			drop(spool, place);
			continue;
		}
		last = place;
		if (cert_party_is_stranger((*place)->wire.partner))
			stranger = place;
		place = &(*place)->next;
	}
	last = stranger != NULL ? stranger : last;
	if (spool->refusal_count >= CERT_REFUSALS_MAX && last != NULL) {
		if (!is_busy(spool))
			store_refusal_remove(spool->store, &(*last)->wire, written, NULL);
		drop(spool, last);
	}
	refusal->next = spool->refusals;
	spool->refusals = refusal;
	spool->refusal_count++;
}

static enum runtime_role role_of(const struct wire_refused *refused)
{
	return refused->direction == RECEIPT_OUT ? RUNTIME_DELIVER : RUNTIME_RECEIVE;
}

/* For the account of who accepts what. */
static void tell_trace(struct spool *spool, const struct wire_refused *refused)
{
	struct receipt receipt = {
		.direction = refused->direction,
		.at_ms = refused->at_ms,
		.organisation = refused->organisation,
		.own_certificate = refused->certificate,
		.own_version = refused->version,
		.own_sha256 = refused->sha256,
	};
	const struct wire_event event = {
		.at_ms = refused->at_ms,
		.kind = "certificate-refused",
		.sender = refused->partner,
		.organisation = refused->organisation,
		.text = refused->reason,
		.receipt = &receipt,
	};
	struct store_change change = {.events = &event, .event_count = 1};

	store_apply(spool->store, &change, written, NULL);
}

static bool is_short(const char *text, size_t max)
{
	return text == NULL || strlen(text) <= max;
}

/* What a process that was taken over could say must fill neither memory nor disk. */
static bool is_sound(const struct wire_refused *r)
{
	return r->partner != NULL && r->certificate != NULL && r->version != NULL &&
	       is_short(r->partner, MAX_PARTNER) && is_short(r->certificate, MAX_NAME) &&
	       is_short(r->version, MAX_NAME) && is_short(r->organisation, MAX_NAME) &&
	       is_short(r->sha256, MAX_NAME) && is_short(r->reason, MAX_REASON);
}

void spool_refusal_learn(struct spool_peer *from, const struct wire_refused *refused)
{
	struct spool *spool = from->spool;

	if (!is_sound(refused) || role_of(refused) != from->role ||
		refused->until_ms <= spool->now_ms() ||
		refused->until_ms > spool->now_ms() + until_max_ms)
		return;
	keep(spool, refused);
	for (struct spool_peer *peer = spool->peers; peer != NULL; peer = peer->next)
		if (peer->role == from->role && peer != from && peer->ipc != NULL)
			ipc_send(peer->ipc, WIRE_REFUSED, refused);
	if (is_busy(spool))
		return;
	store_refusal_put(spool->store, refused, written, NULL);
	tell_trace(spool, refused);
}

void spool_refusal_left(struct spool_peer *from, const struct wire_left *left)
{
	if (left->partner == NULL || (left->certificate != NULL && left->version == NULL))
		return;
	for (struct spool_peer *peer = from->spool->peers; peer != NULL; peer = peer->next)
		if (peer->role == from->role && peer != from && peer->ipc != NULL)
			ipc_send(peer->ipc, WIRE_LEFT, left);
}

void spool_refusals_send(struct spool_peer *peer)
{
	for (const struct refusal *r = peer->spool->refusals; r != NULL; r = r->next)
		if (role_of(&r->wire) == peer->role)
			ipc_send(peer->ipc, WIRE_REFUSED, &r->wire);
}

static void loaded(void *context, enum err e, const struct wire_refused *refusals, size_t count)
{
	struct spool *spool = context;

	if (e != ERR_OK)
		return; /* they will be refused once more: no harm */
	for (size_t i = 0; i < count; i++)
		keep(spool, &refusals[i]);
	spool_refusals_tick(spool);
	for (struct spool_peer *peer = spool->peers; peer != NULL; peer = peer->next)
		if (peer->ipc != NULL)
			spool_refusals_send(peer);
}

void spool_refusals_load(struct spool *spool)
{
	store_refusals(spool->store, loaded, spool);
}

static void forget(struct spool *spool, struct refusal **place)
{
	store_refusal_remove(spool->store, &(*place)->wire, written, NULL);
	drop(spool, place);
}

void spool_refusals_tick(struct spool *spool)
{
	int64_t now = spool->now_ms();
	struct refusal **place = &spool->refusals;

	while (*place != NULL) {
		int64_t until = (*place)->wire.until_ms;

		if (until <= now || until > now + until_max_ms)
			forget(spool, place);
		else
			place = &(*place)->next;
	}
}

void spool_refusals_lives(struct spool *spool, const struct cert_life *lives, size_t count)
{
	struct refusal **place = &spool->refusals;

	while (*place != NULL) {
		const struct wire_refused *wire = &(*place)->wire;

		if (cert_life_has_other(lives, count, wire->certificate, wire->version))
			place = &(*place)->next;
		else
			forget(spool, place);
	}
}

void spool_refusals_free(struct spool *spool)
{
	while (spool->refusals != NULL)
		drop(spool, &spool->refusals);
}

/* ---- asked by the administrator ---------------------------------------------------------------
 */

void spool_manage_refusals_list(struct spool_request *request)
{
	json_t *items = json_array();

	for (const struct refusal *r = request->spool->refusals; r != NULL; r = r->next)
		json_array_append_new(items,
			json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o}", "partner", r->wire.partner,
				"certificate", r->wire.certificate, "version", r->wire.version,
				"direction", receipt_direction_names[r->wire.direction], "at",
				spool_moment_json(r->wire.at_ms), "until",
				spool_moment_json(r->wire.until_ms), "reason",
				spool_text_json(r->wire.reason)));
	spool_answer(request, json_pack("{s:o}", "items", items));
}

static json_t *acceptance_json(const struct store_acceptance *a)
{
	bool known = a->direction == RECEIPT_IN || a->direction == RECEIPT_OUT;

	return json_pack("{s:o,s:o,s:o,s:o,s:s,s:I,s:I,s:o,s:o,s:o,s:o}", "certificate",
		spool_text_json(a->certificate), "version", spool_text_json(a->version), "sha256",
		spool_text_json(a->sha256), "partner", spool_text_json(a->partner), "direction",
		known ? receipt_direction_names[a->direction] : "?", "accepted",
		(json_int_t)a->accepted, "refused", (json_int_t)a->refused, "first",
		spool_moment_json(a->first_ms), "last", spool_moment_json(a->last_ms),
		"last_refused",
		a->last_refused_ms > 0 ? spool_moment_json(a->last_refused_ms) : json_null(),
		"reason", spool_text_json(a->reason));
}

/* A row's place in their order, as text. */
static json_t *cursor_of(const struct store_acceptance *a)
{
	json_t *place = json_pack("[b,s,i,s,s]", a->organisation != NULL, a->partner, a->direction,
		a->version, a->sha256);
	char *text = json_dumps(place, JSON_COMPACT);
	json_t *cursor = json_string(text);

	free(text);
	json_decref(place);
	return cursor;
}

static void ask_acceptances(struct spool_request *request);

/* As of alarms: pages of the store until ours is full.  `result` has the items, and as "next" the
 * place of the last one. */
static void acceptances_found(
	void *context, enum err e, const struct store_acceptance *rows, size_t count)
{
	struct spool_request *request = context;
	json_t *items = json_object_get(request->result, "items");
	bool is_full = false;

	if (e != ERR_OK) {
		spool_answer_error(
			request, e, "what partners accept could not be read: %s", err_text(e));
		return;
	}
	for (size_t i = 0; i < count && !is_full; i++) {
		if (!spool_is_asked_by(request, rows[i].organisation))
			continue;
		is_full = json_array_size(items) == request->left;
		if (is_full)
			break;
		json_array_append_new(items, acceptance_json(&rows[i]));
		json_object_set_new(request->result, "next", cursor_of(&rows[i]));
	}
	if (!is_full && count == STORE_MAX_LIST) {
		json_object_set_new(request->arguments, "cursor", cursor_of(&rows[count - 1]));
		ask_acceptances(request);
		return;
	}
	if (!is_full)
		json_object_set_new(request->result, "next", json_null());
	spool_answer(request, json_incref(request->result));
}

/* False: answered. */
static bool read_cursor(struct spool_request *request, struct store_acceptance *ret)
{
	const char *text = spool_argument(request, "cursor");
	json_t *json = text != NULL ? json_loads(text, 0, NULL) : NULL;
	const char *partner, *version, *sha256;
	int has_organisation, direction;
	bool is_fine = json_unpack(json, "[b,s,i,s,s!]", &has_organisation, &partner, &direction,
			       &version, &sha256) == 0;

	if (is_fine)
		*ret = (struct store_acceptance){.organisation = has_organisation ? "" : NULL,
			.partner = arena_text(request->arena, partner),
			.direction = direction,
			.version = arena_text(request->arena, version),
			.sha256 = arena_text(request->arena, sha256)};
	json_decref(json);
	if (!is_fine)
		spool_answer_error(request, ERR_SYNTAX, "cursor: not one of an earlier answer");
	return is_fine;
}

static void ask_acceptances(struct spool_request *request)
{
	struct store_acceptance after;
	struct store_acceptance_query query = {
		.certificate = spool_argument(request, "certificate"),
		.organisation = spool_argument(request, "organisation"),
	};

	if (spool_argument(request, "cursor") != NULL) {
		if (!read_cursor(request, &after))
			return;
		query.after = &after;
	}
	store_acceptances(request->spool->store, &query, acceptances_found, request);
}

void spool_manage_acceptance_list(struct spool_request *request)
{
	if (spool_argument(request, "certificate") == NULL) {
		spool_answer_error(request, ERR_SYNTAX, "certificate: expected a name");
		return;
	}
	request->left = spool_limit(json_object_get(request->arguments, "limit"));
	request->result = json_pack("{s:[],s:n}", "items", "next");
	ask_acceptances(request);
}
