#include "process/deliver/present.h"

#include "core/cert/choose.h"
#include "port/log/log.h"

static struct cert_party party_of(const struct deliver *self, const struct policy_outbound *route,
	const struct deliver_target *target, struct arena *arena)
{
	return (struct cert_party){
		.memory = self->refusals,
		.place = arena_format(arena, "host %s:%u", target->host, target->port),
		.connector = route->connector != NULL && route->organisation != NULL
				     ? arena_format(arena, "%s/%s", route->organisation,
					       route->connector)
				     : NULL,
		.direction = RECEIPT_OUT,
		.now_ms = runtime_now_ms(),
	};
}

const char *deliver_present_version(const struct deliver *self, const struct policy_outbound *route,
	const struct deliver_target *target)
{
	const struct cert_life *life =
		route->certificate != NULL
			? cert_life_of(self->lives, self->life_count, route->certificate)
			: NULL;
	struct arena *arena CLEANUP(arena_free) = NULL;
	struct cert_choose_facts facts = {
		.life = life, .peer = target->host, .is_refused = cert_party_refuses};
	struct cert_party party;
	struct cert_choice choice;

	if (life == NULL)
		return NULL;
	arena = arena_new();
	party = party_of(self, route, target, arena);
	facts.connector = party.connector;
	facts.now_ms = party.now_ms;
	facts.context = &party;
	choice = cert_choose(&facts);
	return choice.version != NULL ? choice.version->id : NULL;
}

static void note(struct deliver *self, const struct wire_refused *refused)
{
	const struct cert_refusal refusal = {
		.partner = refused->partner,
		.certificate = refused->certificate,
		.version = refused->version,
		.direction = refused->direction,
		.until_ms = refused->until_ms,
	};

	if (self->refusals == NULL)
		self->refusals = cert_refusals_new((uint64_t)runtime_ticks_ms());
	cert_refusals_put(self->refusals, &refusal);
}

void deliver_present_learn(struct deliver *self, const struct wire_refused *refused)
{
	if (refused->partner != NULL && refused->certificate != NULL && refused->version != NULL &&
		refused->direction == RECEIPT_OUT)
		note(self, refused);
}

bool deliver_present_failed(struct deliver *self, const struct policy_outbound *route,
	const struct deliver_target *target, const struct deliver_link *link)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	const struct receipt *own = deliver_link_receipt(link);
	struct cert_party party = party_of(self, route, target, arena);
	struct wire_refused refused;
	const char *other;

	/* What has no versions leaves no choice. */
	if (!deliver_link_certificate_refused(link) || own->own_version == NULL)
		return false;
	refused = (struct wire_refused){
		.partner = cert_party_name(&party, arena),
		.organisation = party.connector != NULL ? route->organisation : NULL,
		.certificate = own->own_certificate,
		.version = own->own_version,
		.sha256 = own->own_sha256,
		.direction = RECEIPT_OUT,
		.at_ms = party.now_ms,
		.until_ms = party.now_ms + CERT_REFUSAL_MS,
		.reason = deliver_link_reason(link),
	};
	note(self, &refused);
	log_event(LOG_WARNING_LEVEL, "certificate.refused", LOG_TEXT("by", refused.partner),
		LOG_TEXT("host", target->host), LOG_TEXT("certificate", refused.certificate),
		LOG_TEXT("version", refused.version), LOG_TEXT("reason", refused.reason));
	deliver_send(self, WIRE_REFUSED, &refused);
	other = deliver_present_version(self, route, target);
	return other != NULL && strcmp(other, own->own_version) != 0;
}

void deliver_present_lives(struct deliver *self, const struct runtime_settings *settings)
{
	self->life_count = cert_lives_with_choice(
		settings->lives, settings->life_count, self->arena, &self->lives);
	if (self->refusals != NULL)
		cert_refusals_prune(
			self->refusals, self->lives, self->life_count, runtime_now_ms());
}
