/*
 * What would happen to a message, and why: the same policy functions that the processes call, asked
 * with facts that the question states.
 */
#include "process/admin/call.h"

#include "core/policy/explain.h"
#include "port/tls/tls.h"

#include <string.h>

enum { MAX_RECIPIENTS = 100 };

/* ---- the question ---------------------------------------------------------------------------- */

static enum cert_verdict verdict_of(const struct admin_call *call, struct str chain,
	const struct policy_profile *profile, const char **ret_detail)
{
	struct tls_anchors *anchors CLEANUP(tls_anchors_free) = NULL;
	struct str pem = profile->anchors != NULL ? str_of(profile->anchors) : call->admin->roots;
	struct tls_verification how = {.purpose = tls_client_purpose(profile->usage),
		.revocation = tls_revocation_of(profile->revocation),
		.now_ms = runtime_now_ms()};
	struct err_info info = {0};

	if (tls_anchors_new(pem, str_of(profile->crls), &anchors, &info) != ERR_OK) {
		*ret_detail = arena_text(call->arena, info.text);
		return CERT_UNTRUSTED_ROOT;
	}
	how.anchors = anchors;
	return tls_verify_pem(chain, &how, call->arena, ret_detail, NULL);
}

/* False: answered. */
static bool read_certificate(struct admin_call *call, struct policy_peer *peer)
{
	const json_t *pem = json_object_get(call->body, "cert_pem");
	struct cert_facts *facts;
	struct policy_trust *trust;
	const struct policy_profile *const *wanted;
	struct err_info info = {0};
	struct str chain;
	size_t count;

	if (pem == NULL)
		pem = json_object_get(call->body, "cert");
	if (pem == NULL || json_is_null(pem))
		return true;
	chain = str_make(json_string_value(pem), json_string_length(pem));
	if (!json_is_string(pem) || tls_facts_of_pem(chain, call->arena, &facts, &count, &info) ||
		count == 0) {
		admin_problem(call, 422, "cert_pem: expected certificates as PEM: %s",
			info.text[0] != '\0' ? info.text : "none found");
		return false;
	}
	peer->certificate = &facts[0];
	peer->trust_count =
		policy_trust_wanted(admin_view(call), peer->certificate, call->arena, &wanted);
	trust = arena_array(call->arena, peer->trust_count, sizeof(*trust));
	for (size_t i = 0; i < peer->trust_count; i++) {
		trust[i].profile = wanted[i];
		trust[i].verdict = verdict_of(call, chain, wanted[i], &trust[i].detail);
	}
	peer->trust = trust;
	return true;
}

bool admin_read_peer(struct admin_call *call, struct policy_peer *peer)
{
	const json_t *ip = json_object_get(call->body, "ip");
	const json_t *tls = json_object_get(call->body, "tls");

	peer->is_tls = tls == NULL || json_is_true(tls);
	peer->tls_version = peer->is_tls ? "TLSv1.3" : NULL;
	if (ip != NULL && !json_is_null(ip)) {
		if (!json_is_string(ip) ||
			!model_parse_prefix(str_of(json_string_value(ip)), &peer->address) ||
			peer->address.bits != 128) {
			admin_problem(call, 422, "ip: expected an IPv4 or IPv6 address");
			return false;
		}
		peer->has_address = true;
	}
	return read_certificate(call, peer);
}

/* The organisation whose accepted domain the sender's is; NULL: none. */
static const char *sender_organisation(struct admin_call *call, const char *sender)
{
	const struct model_config *config = policy_snapshot_config(admin_view(call));
	struct str s = str_of(sender);
	const char *domain =
		model_domain_name(str_part(s, str_find_last(s, '@') + 1, s.n), false, call->arena);

	for (size_t i = 0; domain != NULL && i < config->domains.count; i++)
		if (strcmp(config->domains.items[i].name, domain) == 0)
			return config->domains.items[i].organisation;
	return NULL;
}

static bool is_anothers(const struct admin_call *call, const char *address)
{
	const char *owner = admin_owner(call, MODEL_RECIPIENT, address);

	return owner != NULL && !admin_manages(call, owner);
}

bool admin_is_for_others(const struct admin_call *call, const char *from, const char *to,
	const struct policy_inbound *own)
{
	return call->is_limited &&
	       (is_anothers(call, from) || (is_anothers(call, to) && !own->originating));
}

/* What the whole installation would say otherwise, without saying more of it. */
static void note_others(struct admin_call *call, const struct policy_peer *peer, const char *from,
	const struct policy_inbound *own, json_t *result)
{
	const char *to = json_string_value(json_object_get(result, "to")), *note = NULL;
	struct policy_inbound all = {0};

	if (!call->is_limited)
		return;
	if (!admin_is_for_others(call, from, to, own))
		policy_attribute(
			call->admin->snapshot, peer, str_of(from), str_of(to), call->arena, &all);
	else
		note = "other organisations of this installation have to do with it: what they say "
		       "of it is for those who manage them";
	if (note == NULL && all.outcome != own->outcome)
		note = arena_format(call->arena,
			"other organisations of this installation have to do with it; the "
			"outcome is %s",
			policy_outcome_row(all.outcome)->token);
	else if (note == NULL && is_anothers(call, to))
		note = "the recipient's domain belongs to another organisation of this "
		       "installation, which delivers it as that one has it";
	if (note == NULL)
		return;
	json_object_set_new(result, "note", json_string(note));
	if (is_anothers(call, to) &&
		json_is_null(json_object_get(json_object_get(result, "outbound"), "connector")))
		json_object_del(result, "outbound");
}

static json_t *explain_one(
	struct admin_call *call, const struct policy_peer *peer, const char *from, const char *to)
{
	struct policy_inbound in = {0};
	struct policy_outbound out = {0};
	struct policy_mail mail;
	const char *organisation = NULL, *assumed = NULL;
	json_t *result = json_object();

	policy_attribute(admin_view(call), peer, str_of(from), str_of(to), call->arena, &in);
	json_object_set_new(result, "to", json_string(to));
	json_object_set_new(result, "inbound", policy_explain_inbound_json(&in));
	if (in.accepted && in.originating)
		organisation = in.organisation;
	else if (!in.accepted)
		organisation = assumed = sender_organisation(call, from);
	if (!in.accepted && assumed == NULL) {
		note_others(call, peer, from, &in, result);
		return result;
	}
	mail = (struct policy_mail){
		.organisation = organisation, .connector = in.connector, .sender = from};
	policy_outbound(admin_view(call), &mail, str_of(to), call->arena, &out);
	json_object_set_new(result, "outbound", policy_explain_outbound_json(&out));
	if (assumed != NULL)
		json_object_set_new(result, "assumed_organisation", json_string(assumed));
	note_others(call, peer, from, &in, result);
	return result;
}

static void explain(struct admin_call *call)
{
	struct policy_peer peer = {0};
	const json_t *to, *item;
	const char *from;
	json_t *list, *results;
	size_t i;

	from = json_string_value(json_object_get(call->body, "from"));
	to = json_object_get(call->body, "to");
	list = json_is_array(to) ? json_incref((json_t *)to) : json_pack("[O]", to);
	json_array_foreach (list, i, item)
		if (!json_is_string(item))
			break;
	if (from == NULL || to == NULL || i == 0 || i < json_array_size(list) ||
		i > MAX_RECIPIENTS) {
		admin_problem(call, 422,
			"expected from: an address, and to: an address or a list of at most %d",
			MAX_RECIPIENTS);
		json_decref(list);
		return;
	}
	if (admin_read_peer(call, &peer)) {
		results = json_array();
		json_array_foreach (list, i, item)
			json_array_append_new(
				results, explain_one(call, &peer, from, json_string_value(item)));
		admin_reply(call, 200,
			json_pack("{s:I,s:s,s:o}", "generation",
				(json_int_t)policy_snapshot_generation(admin_view(call)), "from",
				from, "results", results),
			NULL);
	}
	json_decref(list);
}

void admin_explain(struct admin_call *call)
{
	if (admin_needs_object(call))
		admin_with_snapshot(call, explain);
}
