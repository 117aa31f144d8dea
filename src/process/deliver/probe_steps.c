/* What the steps of a probe say: facts of the connection beside what the connector asks. */
#include "core/cert/names.h"
#include "process/deliver/probe.h"

enum { DAY_MS = 24 * 3600 * 1000, SOON_DAYS = 14 };

void deliver_probe_tell(struct deliver_probe *probe, const struct wire_probe_step *step)
{
	struct wire_probe_step full = *step;

	full.tag = probe->wire.tag;
	full.at_ms = runtime_now_ms();
	if (full.host == NULL && !full.is_last && probe->target_at < probe->target_count)
		full.host = probe->targets[probe->target_at].host;
	if (full.address == NULL && probe->link != NULL) {
		const struct deliver_address *address = deliver_link_address(probe->link);

		full.address = arena_format(probe->arena,
			strchr(address->text, ':') != NULL ? "[%s]:%u" : "%s:%u", address->text,
			address->port);
	}
	if (full.result == WIRE_PROBE_FAILED)
		probe->host_failed = probe->any_failed = true;
	if (probe->self->admin != NULL)
		ipc_send(probe->self->admin, WIRE_PROBE_STEP, &full);
}

static const char *joined(struct arena *arena, const struct record_texts *texts)
{
	const char *all = NULL;

	for (size_t i = 0; i < texts->count; i++)
		all = all == NULL ? texts->items[i]
				  : arena_format(arena, "%s, %s", all, texts->items[i]);
	return all;
}

/* A finding that only counts from LEVEL on. */
static void weigh(struct deliver_probe *probe, struct wire_probe_step *step, int level,
	enum policy_outcome outcome)
{
	const struct policy_outbound *route = &probe->route;
	const struct policy_outcome_row *row = policy_outcome_row(outcome);
	const char *found = step->text != NULL ? step->text : row->text;

	step->result = route->required >= level ? WIRE_PROBE_FAILED : WIRE_PROBE_NOTE;
	step->token = row->token;
	step->remedy = row->remedy;
	if (step->result == WIRE_PROBE_FAILED)
		step->text = found;
	else if (route->reported.required >= level)
		step->text = arena_format(
			probe->arena, "%s; in report mode: mail goes all the same", found);
	else
		step->text = arena_format(probe->arena, "%s; not required (level %s)", found,
			model_level_names[route->required]);
}

/* ---- before TLS ------------------------------------------------------------------------------ */

void deliver_probe_tell_route(struct deliver_probe *probe)
{
	const struct policy_outbound *route = &probe->route;
	struct arena *arena = probe->arena;
	const char *hosts = route->type == POLICY_ROUTE_MX
				    ? arena_format(arena, "the MX hosts of %s", route->domain)
				    : joined(arena, &route->hosts);
	const char *names = joined(arena, &route->names);
	struct wire_probe_step step = {.step = "route", .presented = hosts};

	step.expected = arena_format(arena, "TLS level %s%s%s, anchors: %s%s%s",
		model_level_names[route->required], names != NULL ? ", name " : "",
		names != NULL ? names : "", route->anchors != NULL ? route->anchors : "system",
		route->reported.required > MODEL_LEVEL_NONE ? "; in report mode: " : "",
		route->reported.required > MODEL_LEVEL_NONE
			? model_level_names[route->reported.required]
			: "");
	step.sender = probe->wire.sender != NULL ? probe->wire.sender : "";
	step.recipient = probe->wire.recipient;
	step.text = arena_format(arena, "as mail from <%s> to <%s>%s", step.sender, step.recipient,
		probe->is_disabled ? "; the connector is disabled: no mail goes by it yet" : "");
	if (probe->is_disabled) {
		step.result = WIRE_PROBE_NOTE;
		step.remedy = "Enable it when all is well";
	}
	deliver_probe_tell(probe, &step);
}

void deliver_probe_tell_ehlo(struct deliver_probe *probe, int64_t ms)
{
	const struct smtp_client_offers *o = smtp_client_offers(deliver_link_client(probe->link));
	struct arena *arena = probe->arena;
	struct wire_probe_step step = {.step = "ehlo", .ms = ms};

	step.presented = arena_format(arena, "%s:%s%s%s%s%s%s%s%s", o->name,
		o->starttls ? " STARTTLS" : "", o->pipelining ? " PIPELINING" : "",
		o->chunking ? " CHUNKING" : "", o->mime8bit ? " 8BITMIME" : "",
		o->smtputf8 ? " SMTPUTF8" : "", o->dsn ? " DSN" : "", o->size ? " SIZE" : "",
		o->size_limit > 0 ? arena_format(arena, " %lld", (long long)o->size_limit) : "");
	if (!o->esmtp)
		step.text = "the server knows HELO only: no extensions, no TLS";
	deliver_probe_tell(probe, &step);
}

void deliver_probe_tell_no_tls(struct deliver_probe *probe, int64_t ms)
{
	bool refused = deliver_link_starttls_refused(probe->link);
	const struct smtp_client_failure *failure =
		smtp_client_failure(deliver_link_client(probe->link));
	struct wire_probe_step step = {
		.step = "starttls",
		.ms = ms,
		.expected = "STARTTLS",
		.presented = refused ? failure->text : "not offered",
	};

	if (probe->attempt == RECEIPT_ATTEMPT_CLEAR) {
		step.result = WIRE_PROBE_NOTE;
		step.presented = "not used";
		step.text = "the handshakes failed, and nothing requires TLS: mail goes in clear";
		deliver_probe_tell(probe, &step);
		return;
	}
	weigh(probe, &step, MODEL_LEVEL_ENCRYPT,
		refused ? POLICY_STARTTLS_REFUSED : POLICY_NO_STARTTLS);
	deliver_probe_tell(probe, &step);
}

/* ---- TLS ------------------------------------------------------------------------------------- */

const char *deliver_probe_tls_expected(
	const struct deliver_probe *probe, int version, const struct record_texts *groups)
{
	return arena_format(probe->arena, "TLS %s or newer%s%s", model_version_names[version],
		groups->count > 0 ? ", groups " : "",
		groups->count > 0 ? joined(probe->arena, groups) : "");
}

/* Version and groups, where an own demand (in report mode only: the others are enforced by what is
 * offered) is not met. */
static void tell_handshake(struct deliver_probe *probe, int64_t ms)
{
	const struct receipt *r = deliver_link_receipt(probe->link);
	const struct policy_outbound *route = &probe->route;
	struct wire_probe_step step = {.step = "handshake", .ms = ms};
	struct record_texts groups =
		route->groups.count > 0 ? route->groups : route->reported.groups;
	int version = route->minimum_version > route->reported.minimum_version
			      ? route->minimum_version
			      : route->reported.minimum_version;
	bool fits = groups.count == 0;

	for (size_t i = 0; i < groups.count && r->group != NULL; i++)
		fits = fits || str_equal_nocase(str_of(groups.items[i]), str_of(r->group));
	step.presented = arena_format(probe->arena, "%s %s %s, forward secrecy",
		r->version != NULL ? r->version : "TLS", r->cipher != NULL ? r->cipher : "",
		r->group != NULL ? r->group : "");
	if (version == MODEL_TLS_13 || groups.count > 0)
		step.expected = deliver_probe_tls_expected(probe, version, &groups);
	if (version == MODEL_TLS_13 && r->version != NULL && strcmp(r->version, "TLSv1.3") != 0)
		weigh(probe, &step, MODEL_LEVEL_ENCRYPT, POLICY_VERSION_TOO_OLD);
	else if (!fits)
		weigh(probe, &step, MODEL_LEVEL_ENCRYPT, POLICY_GROUP);
	else if (probe->attempt == RECEIPT_ATTEMPT_REDUCED)
		step.text = "with the smaller ClientHello";
	deliver_probe_tell(probe, &step);
}

static const char *days_text(struct arena *arena, int64_t days)
{
	return days >= 0 ? arena_format(arena, "%lld days left", (long long)days)
			 : arena_format(arena, "expired %lld days ago", (long long)-days);
}

static void tell_chain(struct deliver_probe *probe)
{
	const struct receipt *r = deliver_link_receipt(probe->link);
	struct arena *arena = probe->arena;
	struct wire_probe_step step = {.step = "chain", .presented = "no certificate"};
	int64_t soonest = INT64_MAX, now = runtime_now_ms();

	for (size_t i = 0; i < r->chain.count; i++) {
		const struct cert_facts *c = &r->chain.items[i];
		int64_t left = c->not_after_ms - now;
		int64_t days = left / DAY_MS - (left < 0);

		step.presented = arena_format(arena, "%s%s%s, issued by %s, %s",
			i > 0 ? step.presented : "", i > 0 ? "; " : "",
			c->subject != NULL ? c->subject : "(no subject)",
			c->issuer != NULL ? c->issuer : "(no issuer)",
			c->not_before_ms > now
				? arena_format(arena, "not valid for another %lld days",
					  (long long)((c->not_before_ms - now) / DAY_MS + 1))
				: days_text(arena, days));
		soonest = days < soonest ? days : soonest;
	}
	step.expected = arena_format(arena, "a chain to the anchors of %s",
		probe->route.anchors != NULL ? probe->route.anchors : "system");
	step.text = probe->hop.verdict == CERT_TRUSTED
			    ? "trusted"
			    : arena_format(arena, "%s%s%s", cert_verdict_names[probe->hop.verdict],
				      probe->hop.detail != NULL ? ": " : "",
				      probe->hop.detail != NULL ? probe->hop.detail : "");
	if (probe->hop.verdict != CERT_TRUSTED)
		weigh(probe, &step, MODEL_LEVEL_CHAIN,
			r->chain.count == 0 ? POLICY_NO_CERTIFICATE
					    : policy_outcome_of_verdict(probe->hop.verdict));
	else if (soonest < SOON_DAYS) {
		step.result = WIRE_PROBE_NOTE;
		step.text = arena_format(arena, "trusted, but %s", days_text(arena, soonest));
		step.remedy = "The owner must renew it soon";
	}
	deliver_probe_tell(probe, &step);
}

static void tell_name(struct deliver_probe *probe)
{
	const struct cert_facts *leaf = probe->hop.certificate;
	const struct policy_outbound *route = &probe->route;
	const struct record_texts *names = &route->names;
	const char *host = probe->hop.host, *matched = NULL;
	struct wire_probe_step step = {.step = "name"};
	bool fits = false;

	if (leaf == NULL)
		return; /* the chain has said it */
	if (names->count == 0)
		names = &route->reported.names;
	step.presented = joined(probe->arena, &leaf->names);
	step.expected = names->count > 0 ? joined(probe->arena, names) : host;
	if (names->count == 0)
		fits = cert_names_match(host, leaf, &matched);
	for (size_t i = 0; i < names->count && !fits; i++)
		fits = cert_names_match(names->items[i], leaf, &matched);
	if (fits)
		step.text = arena_format(probe->arena, "matched by %s", matched);
	else
		weigh(probe, &step, MODEL_LEVEL_NAME, POLICY_NAME_MISMATCH);
	deliver_probe_tell(probe, &step);
}

static void tell_pin(struct deliver_probe *probe)
{
	const struct cert_facts *leaf = probe->hop.certificate;
	bool enforced = probe->route.pins.count > 0;
	const struct record_texts *pins =
		enforced ? &probe->route.pins : &probe->route.reported.pins;
	struct wire_probe_step step = {.step = "pin", .expected = joined(probe->arena, pins)};
	bool fits = false;

	if (leaf == NULL || pins->count == 0)
		return;
	step.presented = leaf->spki_sha256;
	for (size_t i = 0; i < pins->count && leaf->spki_sha256 != NULL; i++)
		fits = fits || str_equal_nocase(str_of(pins->items[i]), str_of(leaf->spki_sha256));
	if (!fits)
		weigh(probe, &step, MODEL_LEVEL_ENCRYPT, POLICY_PIN);
	deliver_probe_tell(probe, &step);
}

void deliver_probe_tell_revocation(struct deliver_probe *probe, int64_t ms)
{
	static const char *const asked[] = {
		[MODEL_REVOCATION_PREFER] = "not revoked, as far as can be found out (prefer)",
		[MODEL_REVOCATION_REQUIRE] = "found out that it is not revoked (require)",
		[MODEL_REVOCATION_OFF] = "off",
	};
	int mode = probe->route.profile.revocation;
	struct wire_probe_step step = {.step = "revocation", .ms = ms, .expected = asked[mode]};
	struct policy_hop *hop = &probe->hop;

	deliver_way_hop(probe->self, &probe->route, probe->link,
		probe->targets[probe->target_at].host, probe->arena, hop);
	if (hop->certificate == NULL)
		return;
	step.presented = hop->revocation;
	if (mode == MODEL_REVOCATION_OFF) {
		step.result = WIRE_PROBE_SKIPPED;
		step.text = "not looked at";
	} else if (hop->verdict == CERT_REVOKED || hop->verdict == CERT_REVOCATION_UNKNOWN) {
		step.text = hop->detail;
		weigh(probe, &step, MODEL_LEVEL_CHAIN, policy_outcome_of_verdict(hop->verdict));
	} else if (hop->verdict != CERT_TRUSTED) {
		step.result = WIRE_PROBE_SKIPPED;
		step.text = "the chain is not trusted anyway";
	} else if (hop->revocation == NULL) {
		step.presented = "not revoked, by the lists given with the connector";
	} else if (str_starts_nocase(str_of(hop->revocation), (struct str)STR("unknown"))) {
		step.result = WIRE_PROBE_NOTE;
		step.text = "it could not be found out, and mail goes all the same (prefer)";
		step.remedy = "See `sealpost check endpoints`";
	}
	deliver_probe_tell(probe, &step);
}

static void tell_client_certificate(struct deliver_probe *probe)
{
	const char *own = probe->route.certificate;
	const char *presented = deliver_link_receipt(probe->link)->own_certificate;
	const char *own_version = deliver_link_receipt(probe->link)->own_version;
	bool asked = tls_certificate_asked(deliver_link_tls(probe->link));
	struct wire_probe_step step = {.step = "client-certificate", .expected = own};

	if (own_version != NULL)
		presented = arena_format(probe->arena, "%s, version %s", presented, own_version);
	step.presented = presented;
	if (presented != NULL) {
		step.text = "the server asked, and it was presented";
	} else if (own != NULL && asked) {
		step.result = WIRE_PROBE_NOTE;
		step.text = "the server asked, and the certificate could not be presented: it does "
			    "not suit what the server accepts, or its key is not here";
		step.remedy = "See `sealpost cert list`";
	} else if (own != NULL) {
		step.result = WIRE_PROBE_NOTE;
		step.text = "the server did not ask: it does not know us by certificate";
		step.remedy = "If the partner wants to identify us by certificate, its server must "
			      "ask for one";
	} else if (asked) {
		step.result = WIRE_PROBE_NOTE;
		step.text = "the server asked; this connector has none to present";
		step.remedy =
			"Give the connector or the organisation a certificate, if the partner "
			"requires one";
	} else {
		step.result = WIRE_PROBE_SKIPPED;
		step.text = "none is configured, and the server did not ask";
	}
	deliver_probe_tell(probe, &step);
}

void deliver_probe_tell_tls(struct deliver_probe *probe, int64_t ms)
{
	deliver_way_hop(probe->self, &probe->route, probe->link,
		probe->targets[probe->target_at].host, probe->arena, &probe->hop);
	tell_handshake(probe, ms);
	tell_chain(probe);
	tell_name(probe);
	tell_pin(probe);
	tell_client_certificate(probe);
}
