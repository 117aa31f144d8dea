/*
 * Which version of our certificate a client is shown.
 *
 * Who the client is has to be known before it has said a word: by the addresses of a connector, or
 * by the connector that the last mail from its address belonged to.  A client that refuses a
 * version is shown another one the next time.
 */
#include "process/receive/internal.h"

#include "core/cert/choose.h"
#include "port/log/log.h"

#include <stdio.h>
#include <stdlib.h>

enum { ATTRIBUTED_MAX = 10000, PARTNER_TEXT = 512 };

/* The connector that mail from an address belonged to. */
struct attributed {
	bool is_proven; /* by more than what anybody can say of himself */
	char name[PARTNER_TEXT];
};

/* An address of a connector. */
struct receive_place {
	struct model_prefix prefix;
	const struct model_connector *connector; /* of the snapshot */
};

/* ---- who it is ------------------------------------------------------------------------------ */

static void forget_attributed(struct receive *r)
{
	size_t position = 0;
	void *value;

	if (r->attributed == NULL)
		return;
	while (map_next(r->attributed, &position, NULL, &value))
		free(value);
	map_free(&r->attributed);
}

/* A sender's address in MAIL FROM is no proof, where a connector asks for nothing more. */
static bool is_proven(const struct policy_inbound *inbound)
{
	return inbound->originating ||
	       (inbound->verdict == CERT_TRUSTED && inbound->name_matched != NULL);
}

void receive_present_attributed(struct receive_session *s, const struct policy_inbound *inbound)
{
	struct receive *r = s->receive;
	struct attributed found = {.is_proven = is_proven(inbound)}, *kept;
	const struct attributed *old;
	int n;

	if (s->address[0] == '\0' || s->tls == NULL || inbound->connector == NULL ||
		inbound->organisation == NULL || inbound->receiver != NULL)
		return;
	n = snprintf(
		found.name, sizeof(found.name), "%s/%s", inbound->organisation, inbound->connector);
	if (n < 0 || (size_t)n >= sizeof(found.name))
		return;
	old = r->attributed != NULL ? map_get(r->attributed, str_of(s->address)) : NULL;
	if (old != NULL && old->is_proven == found.is_proven && strcmp(old->name, found.name) == 0)
		return;
	if (old == NULL && r->attributed != NULL && map_count(r->attributed) >= ATTRIBUTED_MAX)
		forget_attributed(r);
	if (r->attributed == NULL)
		r->attributed = map_new((uint64_t)runtime_ticks_ms());
	kept = mem_new(sizeof(*kept));
	*kept = found;
	free(map_set(r->attributed, str_of(s->address), kept));
}

static void add_places(struct receive *r, const struct model_connector *connector)
{
	const struct model_inbound *in = connector->inbound;

	if (in == NULL || !connector->enabled)
		return;
	for (size_t i = 0; i < in->addresses.count; i++) {
		struct receive_place place = {.connector = connector};

		if (!model_parse_prefix(str_of(in->addresses.items[i]), &place.prefix))
			continue;
		r->places = mem_resize(r->places, r->place_count + 1, sizeof(*r->places));
		r->places[r->place_count++] = place;
	}
}

static void find_places(struct receive *r)
{
	const struct model_config *config;

	if (r->places_of == r->snapshots)
		return;
	r->places_of = r->snapshots;
	r->place_count = 0;
	if (r->snapshot == NULL)
		return;
	config = policy_snapshot_config(r->snapshot);
	for (size_t i = 0; i < config->connectors.count; i++)
		add_places(r, &config->connectors.items[i]);
}

/* "organisation/name"; NULL: not known.  Of several addresses that cover it the narrowest counts.
 */
static const char *connector_of(struct receive_session *s, struct arena *arena, bool *ret_is_proven)
{
	struct receive *r = s->receive;
	const struct receive_place *best = NULL;
	const struct attributed *known = r->attributed != NULL && s->address[0] != '\0'
						 ? map_get(r->attributed, str_of(s->address))
						 : NULL;

	*ret_is_proven = known == NULL || known->is_proven;
	if (known != NULL && known->is_proven)
		return known->name;
	find_places(r);
	for (size_t i = 0; i < r->place_count && s->facts.has_address; i++) {
		const struct receive_place *place = &r->places[i];

		if (model_prefix_contains(&place->prefix, &s->facts.address) &&
			(best == NULL || place->prefix.bits > best->prefix.bits))
			best = place;
	}
	if (best == NULL)
		return known != NULL ? known->name : NULL;
	*ret_is_proven = true;
	return arena_format(arena, "%s/%s", best->connector->organisation, best->connector->name);
}

struct cert_party receive_present_party(
	struct receive_session *s, struct arena *arena, bool *ret_is_proven)
{
	return (struct cert_party){
		.memory = s->receive->refusals,
		.place = s->address[0] != '\0' ? arena_format(arena, "address %s", s->address)
					       : NULL,
		.connector = connector_of(s, arena, ret_is_proven),
		.direction = RECEIPT_IN,
		.now_ms = runtime_now_ms(),
	};
}

/* ---- what it sees --------------------------------------------------------------------------- */

const char *receive_present_choose(void *context, const char *certificate)
{
	struct receive_session *s = context;
	const struct cert_life *life =
		cert_life_of(s->settings->lives, s->settings->life_count, certificate);
	struct arena *arena CLEANUP(arena_free) = NULL;
	struct cert_choose_facts facts = {.life = life, .is_refused = cert_party_refuses};
	struct cert_party party;
	struct cert_choice choice;
	bool is_proven;

	if (life == NULL)
		return NULL;
	arena = arena_new();
	party = receive_present_party(s, arena, &is_proven);
	facts.peer = s->address;
	facts.connector = party.connector;
	facts.now_ms = party.now_ms;
	facts.context = &party;
	choice = cert_choose(&facts);
	return choice.version != NULL ? choice.version->id : NULL;
}

static void note(struct receive *r, const struct wire_refused *refused)
{
	const struct cert_refusal refusal = {
		.partner = refused->partner,
		.certificate = refused->certificate,
		.version = refused->version,
		.direction = refused->direction,
		.until_ms = refused->until_ms,
	};

	if (r->refusals == NULL)
		r->refusals = cert_refusals_new((uint64_t)runtime_ticks_ms());
	cert_refusals_put(r->refusals, &refusal);
}

void receive_present_learn(struct receive *r, const struct wire_refused *refused)
{
	if (refused->partner != NULL && refused->certificate != NULL && refused->version != NULL &&
		refused->direction == RECEIPT_IN)
		note(r, refused);
}

struct cert_party receive_present_partner(struct receive_session *s, struct arena *arena)
{
	bool is_proven;
	struct cert_party party = receive_present_party(s, arena, &is_proven);

	/* Else whoever says a partner's name could choose what all of that partner's hosts see. */
	if (!is_proven)
		party.connector = NULL;
	return party;
}

void receive_present_refused(
	struct receive_session *s, const struct receipt *shown, const char *reason)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct cert_party party = receive_present_partner(s, arena);
	const struct wire_refused refused = {
		.partner = cert_party_name(&party, arena),
		.organisation =
			party.connector != NULL
				? arena_text_of(arena, str_part(str_of(party.connector), 0,
							       strcspn(party.connector, "/")))
				: NULL,
		.certificate = shown->own_certificate,
		.version = shown->own_version,
		.sha256 = shown->own_sha256,
		.direction = RECEIPT_IN,
		.at_ms = party.now_ms,
		.until_ms = party.now_ms + CERT_REFUSAL_MS,
		.reason = reason,
	};

	if (refused.partner == NULL)
		return;
	note(s->receive, &refused);
	log_event(LOG_WARNING_LEVEL, "certificate.refused", LOG_TEXT("by", refused.partner),
		LOG_TEXT("address", s->address), LOG_TEXT("certificate", refused.certificate),
		LOG_TEXT("version", refused.version), LOG_TEXT("reason", reason));
	if (s->receive->spool != NULL)
		ipc_send(s->receive->spool, WIRE_REFUSED, &refused);
}

void receive_present_failed(struct receive_session *s, const char *reason)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct receipt own = {0};

	/* What has no versions leaves no choice. */
	if (tls_is_refused(s->tls, arena, &own) && own.own_version != NULL)
		receive_present_refused(s, &own, reason);
}

void receive_present_forget(struct receive *r)
{
	if (r->refusals != NULL)
		cert_refusals_prune(
			r->refusals, r->settings->lives, r->settings->life_count, runtime_now_ms());
}

void receive_present_free(struct receive *r)
{
	forget_attributed(r);
	cert_refusals_free(&r->refusals);
	cert_leavers_free(&r->leavers);
	free(r->places);
	r->places = NULL;
	r->place_count = 0;
}
