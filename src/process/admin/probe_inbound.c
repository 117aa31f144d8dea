/* The dry run of a connector for mail that comes in: each of its conditions with what was stated,
 * whether it would be chosen, whether the mail would pass, and everything else that was considered.
 */
#include "core/cert/names.h"
#include "port/tls/tls.h"
#include "process/admin/call.h"

#include <string.h>

struct dry_run {
	struct admin_call *call;
	const struct model_connector *connector;
	const struct model_inbound *inbound;
	struct policy_peer peer;
	struct policy_inbound answer;
	const char *from, *to;
	bool is_chosen;
	bool is_for_others; /* what they say of it is not told */
};

static const char *joined(struct dry_run *run, const struct record_texts *texts)
{
	const char *all = NULL;

	for (size_t i = 0; i < texts->count; i++)
		all = all == NULL ? texts->items[i]
				  : arena_format(run->call->arena, "%s, %s", all, texts->items[i]);
	return all;
}

/* A condition of this connector: unmet it is only worth a note where the mail passes anyway. */
static void condition(struct dry_run *run, const char *step, bool is_met, const char *expected,
	const char *presented)
{
	json_t *json = admin_probe_make(step, is_met, expected, presented, NULL, NULL);

	if (!is_met && run->is_chosen && run->answer.accepted) {
		json_object_set_new(json, "result", json_string("note"));
		json_object_set_new(json, "text",
			json_string(run->inbound->mode == MODEL_REPORT
					    ? "not met; in report mode mail passes all the same"
					    : "not met; another condition was enough"));
	}
	admin_probe_step(run->call, json);
}

static const char *domain_of(struct dry_run *run, const char *address)
{
	struct str s = str_of(address);
	const char *name = model_domain_name(
		str_part(s, str_find_last(s, '@') + 1, s.n), false, run->call->arena);

	return name != NULL ? name : "";
}

static bool covers(const struct record_texts *patterns, const char *domain)
{
	struct str name = str_of(domain);

	for (size_t i = 0; i < patterns->count; i++) {
		struct str pattern = str_of(patterns->items[i]);

		if (str_is(pattern, "*") || str_equal_nocase(pattern, name))
			return true;
		if (pattern.n > 1 && pattern.p[0] == '*' && name.n >= pattern.n &&
			str_equal_nocase(str_part(name, name.n - pattern.n + 1, name.n),
				str_part(pattern, 1, pattern.n)))
			return true;
	}
	return false;
}

/* ---- the conditions -------------------------------------------------------------------------- */

static void tell_domains(struct dry_run *run)
{
	const struct model_inbound *in = run->inbound;
	const char *sender = domain_of(run, run->from);
	const char *accepted =
		run->connector->type == MODEL_PARTNER ? domain_of(run, run->to) : sender;

	if (in->sender_domains.count > 0)
		condition(run, "sender-domain", covers(&in->sender_domains, sender),
			joined(run, &in->sender_domains),
			sender[0] != '\0' ? sender : "the null sender");
	if (in->associated_accepted_domains.count > 0)
		condition(run, "accepted-domain",
			covers(&in->associated_accepted_domains, accepted),
			joined(run, &in->associated_accepted_domains), accepted);
}

static void tell_tls(struct dry_run *run)
{
	const struct policy_peer *peer = &run->peer;
	const char *version = peer->is_tls ? peer->tls_version : "clear";

	if (run->inbound->require_tls)
		condition(run, "tls", peer->is_tls, "TLS", version);
	if (run->connector->minimum_version == MODEL_TLS_13)
		condition(run, "version", peer->is_tls && strcmp(version, "TLSv1.3") == 0,
			"TLS 1.3", version);
	if (run->connector->groups.count > 0) {
		json_t *json = admin_probe_make("group", true, joined(run, &run->connector->groups),
			NULL, "not known in a dry run: the handshake decides", NULL);

		json_object_set_new(json, "result", json_string("skipped"));
		admin_probe_step(run->call, json);
	}
}

static void tell_chain(struct dry_run *run)
{
	const char *anchors = NULL;
	const struct policy_profile *profile = policy_connector_profile(admin_view(run->call),
		run->connector->organisation, run->connector->name, &anchors);
	const struct policy_peer *peer = &run->peer;
	const char *detail = NULL;
	int verdict = CERT_NONE;
	bool is_stated = false;

	for (size_t i = 0; i < peer->trust_count && !is_stated; i++)
		if (policy_profile_equal(peer->trust[i].profile, profile)) {
			is_stated = true;
			verdict = peer->trust[i].verdict;
			detail = peer->trust[i].detail;
		}
	/* Nobody asked for the verdict where the name does not fit. */
	if (peer->certificate == NULL || !is_stated)
		return;
	condition(run, "chain", verdict == CERT_TRUSTED,
		arena_format(run->call->arena, "a chain to the anchors of %s", anchors),
		arena_format(run->call->arena, "%s%s%s", cert_verdict_names[verdict],
			verdict != CERT_TRUSTED && detail != NULL ? ": " : "",
			verdict != CERT_TRUSTED && detail != NULL ? detail : ""));
}

static void tell_certificate(struct dry_run *run)
{
	const struct model_inbound *in = run->inbound;
	const struct cert_facts *leaf = run->peer.certificate;
	bool fits = false;

	if (in->certificate_name != NULL) {
		condition(run, "certificate",
			leaf != NULL && cert_names_match(in->certificate_name, leaf, NULL),
			in->certificate_name,
			leaf != NULL ? joined(run, &leaf->names) : "no certificate");
		tell_chain(run);
	}
	if (in->pins.count == 0)
		return;
	for (size_t i = 0; i < in->pins.count && leaf != NULL; i++)
		fits = fits ||
		       str_equal_nocase(str_of(in->pins.items[i]), str_of(leaf->spki_sha256));
	condition(run, "pin", fits, joined(run, &in->pins),
		leaf != NULL ? leaf->spki_sha256 : "no certificate");
}

static void tell_addresses(struct dry_run *run)
{
	const struct record_texts *addresses = &run->inbound->addresses;
	const char *ip = json_string_value(json_object_get(run->call->body, "ip"));
	struct model_prefix prefix;
	bool fits = false;

	if (addresses->count == 0)
		return;
	for (size_t i = 0; i < addresses->count && run->peer.has_address; i++)
		fits = fits || (model_parse_prefix(str_of(addresses->items[i]), &prefix) &&
				       model_prefix_contains(&prefix, &run->peer.address));
	condition(run, "address", fits, joined(run, addresses),
		ip != NULL ? ip : "no address was stated (--ip)");
}

/* ---- the answer ------------------------------------------------------------------------------ */

static bool is_this(const struct dry_run *run, const char *organisation, const char *connector)
{
	return organisation != NULL && connector != NULL &&
	       strcmp(organisation, run->connector->organisation) == 0 &&
	       strcmp(connector, run->connector->name) == 0;
}

static void tell_answer(struct dry_run *run)
{
	const struct policy_inbound *answer = &run->answer;
	const struct policy_outcome_row *row = policy_outcome_row(answer->outcome);
	struct arena *arena = run->call->arena;
	const char *enhanced = NULL;
	int code = policy_inbound_reply(answer, &enhanced);

	admin_probe_step(run->call,
		admin_probe_make("chosen", run->is_chosen,
			arena_format(arena, "connector %s/%s", run->connector->organisation,
				run->connector->name),
			answer->connector != NULL ? arena_format(arena, "connector %s/%s",
							    answer->organisation, answer->connector)
						  : "no connector",
			run->is_chosen ? "mail comes in by this connector"
				       : "mail does not come in by this connector: see the "
					 "candidates",
			NULL));
	admin_probe_step(run->call,
		admin_probe_make("passes", answer->accepted, NULL,
			arena_format(arena, "%d %s", code, enhanced != NULL ? enhanced : ""),
			answer->text, answer->accepted ? NULL : row->remedy));
	if (run->is_for_others) {
		json_t *json = admin_probe_make("others", true, NULL, NULL,
			"other organisations of this installation have to do with it: what they "
			"say of it is for those who manage them",
			NULL);

		json_object_set_new(json, "result", json_string("note"));
		admin_probe_step(run->call, json);
	}
	if (answer->would.outcome != POLICY_OK) {
		json_t *json = admin_probe_make("report-mode", true, NULL,
			policy_outcome_row(answer->would.outcome)->token, answer->would.text,
			policy_outcome_row(answer->would.outcome)->remedy);

		json_object_set_new(json, "result", json_string("note"));
		admin_probe_step(run->call, json);
	}
	for (size_t i = 0; i < answer->considered.count; i++) {
		const struct policy_candidate *c = &answer->considered.items[i];
		json_t *json = admin_probe_make("candidate", true, NULL, c->subject, c->why, NULL);

		json_object_set_new(json, "result", json_string(c->applies ? "ok" : "note"));
		admin_probe_step(run->call, json);
	}
}

static const char *own_domain(struct dry_run *run)
{
	const struct model_config *config = policy_snapshot_config(admin_view(run->call));

	for (size_t i = 0; i < config->domains.count; i++)
		if (strcmp(config->domains.items[i].organisation, run->connector->organisation) ==
			0)
			return config->domains.items[i].name;
	return NULL;
}

/* The postmasters of both sides, where nobody else was named.  False: answered. */
static bool choose_addresses(struct dry_run *run)
{
	const struct record_texts *patterns = &run->inbound->sender_domains;
	const char *own = own_domain(run), *domain = NULL;
	struct arena *arena = run->call->arena;

	run->from = run->call->probe->sender;
	run->to = run->call->probe->recipient;
	for (size_t i = 0; i < patterns->count && domain == NULL; i++)
		if (strchr(patterns->items[i], '*') == NULL)
			domain = patterns->items[i];
	if (domain == NULL && run->connector->type == MODEL_ON_PREMISES)
		domain = own;
	if (run->from == NULL && domain != NULL)
		run->from = arena_format(arena, "postmaster@%s", domain);
	if (run->to == NULL && own != NULL)
		run->to = arena_format(arena, "postmaster@%s", own);
	if (run->from != NULL && run->to != NULL)
		return true;
	admin_problem(run->call, 422, "%s: expected an address; the connector suggests none",
		run->from == NULL ? "from" : "to");
	return false;
}

static bool chooses_this(const struct dry_run *run, const struct policy_inbound *answer)
{
	return is_this(run, answer->organisation, answer->connector) ||
	       is_this(run, answer->receiver, answer->receiver_connector);
}

/* Who manages one organisation is told what this one's part in it is, and no more of the others
 * than that they have one. */
static void attribute(struct dry_run *run)
{
	struct admin_call *call = run->call;
	struct policy_inbound all = {0};

	policy_attribute(admin_view(call), &run->peer, str_of(run->from), str_of(run->to),
		call->arena, &run->answer);
	run->is_chosen = chooses_this(run, &run->answer);
	run->is_for_others = admin_is_for_others(call, run->from, run->to, &run->answer);
	if (!call->is_limited || run->is_for_others)
		return;
	policy_attribute(call->admin->snapshot, &run->peer, str_of(run->from), str_of(run->to),
		call->arena, &all);
	if (all.outcome == run->answer.outcome && chooses_this(run, &all) == run->is_chosen)
		return;
	run->is_chosen = chooses_this(run, &all);
	run->answer.accepted = all.accepted;
	run->answer.outcome = all.outcome;
	run->answer.is_temporary = all.is_temporary;
	run->answer.text = arena_format(call->arena,
		"other organisations of this installation have to do with it; the outcome is %s",
		policy_outcome_row(all.outcome)->token);
}

void admin_probe_inbound(struct admin_call *call)
{
	struct dry_run run = {.call = call};
	const char *text;

	run.connector = policy_connector(admin_view(call), call->segments[0], call->segments[1]);
	run.inbound = run.connector->inbound;
	if (run.inbound == NULL) {
		admin_problem(call, 422,
			"connector %s/%s has no inbound half: no mail comes in by it",
			call->segments[0], call->segments[1]);
		return;
	}
	if (!choose_addresses(&run) || !admin_read_peer(call, &run.peer))
		return;
	attribute(&run);
	text = arena_format(call->arena, "mail from <%s> to <%s> %s this connector, and %s",
		run.from, run.to, run.is_chosen ? "comes in by" : "does not come in by",
		run.answer.accepted ? "passes" : "is refused");
	admin_stream_begin(call, admin_end);
	tell_domains(&run);
	tell_tls(&run);
	tell_certificate(&run);
	tell_addresses(&run);
	tell_answer(&run);
	admin_probe_finish(call, run.is_chosen && run.answer.accepted, text);
}
