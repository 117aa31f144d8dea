/*
 * What would happen to a message, and why: the same policy functions that the processes call, asked
 * with facts that the question states.
 */
#include "process/admin/call.h"

#include "core/cert/facts.h"
#include "port/tls/tls.h"

#include <string.h>

enum { MAX_RECIPIENTS = 100 };

static const char *const route_names[] = {
	[POLICY_ROUTE_REFUSE] = "refuse",
	[POLICY_ROUTE_MAILDIR] = "maildir",
	[POLICY_ROUTE_LMTP] = "lmtp",
	[POLICY_ROUTE_HOSTS] = "hosts",
	[POLICY_ROUTE_MX] = "mx",
	[POLICY_ROUTE_LITERAL] = "literal",
};

/* ---- answers as JSON ------------------------------------------------------------------------- */

static json_t *texts_json(const struct record_texts *texts)
{
	json_t *array = json_array();

	for (size_t i = 0; i < texts->count; i++)
		json_array_append_new(array, json_string(texts->items[i]));
	return array;
}

static json_t *considered_json(const struct policy_candidates *considered)
{
	json_t *array = json_array();

	for (size_t i = 0; i < considered->count; i++)
		json_array_append_new(
			array, json_pack("{s:s?,s:b,s:s?}", "subject", considered->items[i].subject,
				       "applies", considered->items[i].applies, "why",
				       considered->items[i].why));
	return array;
}

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, text != NULL ? json_string(text) : json_null());
}

static void set_outcome(json_t *object, enum policy_outcome outcome, const char *text)
{
	const struct policy_outcome_row *row = policy_outcome_row(outcome);

	set_text(object, "outcome", row->token);
	json_object_set_new(object, "reply", json_integer(row->reply));
	set_text(object, "enhanced", row->enhanced);
	set_text(object, "text", text != NULL ? text : row->text);
	set_text(object, "remedy", outcome != POLICY_OK ? row->remedy : NULL);
}

static json_t *inbound_json(const struct policy_inbound *in)
{
	json_t *object = json_object();

	json_object_set_new(object, "accepted", json_boolean(in->accepted));
	set_outcome(object, in->outcome, in->text);
	set_text(object, "organisation", in->organisation);
	set_text(object, "connector", in->connector);
	json_object_set_new(object, "originating", json_boolean(in->originating));
	set_text(object, "required", model_level_names[in->required]);
	json_object_set_new(object, "required_by", texts_json(&in->required_by));
	set_text(object, "name_expected", in->name_expected);
	set_text(object, "name_matched", in->name_matched);
	set_text(object, "anchors", in->anchors);
	set_text(object, "verdict", cert_verdict_names[in->verdict]);
	json_object_set_new(object, "considered", considered_json(&in->considered));
	return object;
}

static json_t *outbound_json(const struct policy_outbound *out)
{
	json_t *object = json_object();

	set_text(object, "type", route_names[out->type]);
	set_outcome(object, out->outcome, out->text);
	set_text(object, "key", out->key);
	set_text(object, "domain", out->domain);
	set_text(object, "path", out->path);
	json_object_set_new(object, "hosts", texts_json(&out->hosts));
	set_text(object, "organisation", out->organisation);
	set_text(object, "connector", out->connector);
	set_text(object, "required", model_level_names[out->required]);
	json_object_set_new(object, "required_by", texts_json(&out->required_by));
	json_object_set_new(object, "names", texts_json(&out->names));
	set_text(object, "anchors", out->anchors);
	set_text(object, "certificate", out->certificate);
	json_object_set_new(object, "considered", considered_json(&out->considered));
	return object;
}

/* ---- the question ---------------------------------------------------------------------------- */

static enum cert_verdict verdict_of(const struct admin_call *call, struct str chain,
	const char *anchors_pem, const char **ret_detail)
{
	struct tls_anchors *anchors CLEANUP(tls_anchors_free) = NULL;
	struct str pem = anchors_pem != NULL ? str_of(anchors_pem) : call->admin->roots;
	struct err_info info = {0};

	if (tls_anchors_new(pem, &anchors, &info) != ERR_OK) {
		*ret_detail = arena_text(call->arena, info.text);
		return CERT_UNTRUSTED_ROOT;
	}
	return tls_verify_pem(
		chain, anchors, TLS_PURPOSE_CLIENT, runtime_now_ms(), call->arena, ret_detail);
}

/* False: answered. */
static bool read_certificate(struct admin_call *call, struct policy_peer *peer)
{
	const json_t *pem = json_object_get(call->body, "cert_pem");
	struct cert_facts *facts;
	struct policy_trust *trust;
	const char *const *wanted;
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
		policy_trust_wanted(call->admin->snapshot, peer->certificate, call->arena, &wanted);
	trust = arena_array(call->arena, peer->trust_count, sizeof(*trust));
	for (size_t i = 0; i < peer->trust_count; i++) {
		trust[i].anchors = wanted[i];
		trust[i].verdict = verdict_of(call, chain, wanted[i], &trust[i].detail);
	}
	peer->trust = trust;
	return true;
}

/* False: answered. */
static bool read_peer(struct admin_call *call, struct policy_peer *peer)
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
	const struct model_config *config = policy_snapshot_config(call->admin->snapshot);
	struct str s = str_of(sender);
	const char *domain =
		model_domain_name(str_part(s, str_find_last(s, '@') + 1, s.n), false, call->arena);

	for (size_t i = 0; domain != NULL && i < config->domains.count; i++)
		if (strcmp(config->domains.items[i].name, domain) == 0)
			return config->domains.items[i].organisation;
	return NULL;
}

static json_t *explain_one(
	struct admin_call *call, const struct policy_peer *peer, const char *from, const char *to)
{
	struct policy_inbound in = {0};
	struct policy_outbound out = {0};
	const char *organisation = NULL, *assumed = NULL;
	json_t *result = json_object();

	policy_attribute(call->admin->snapshot, peer, str_of(from), str_of(to), call->arena, &in);
	set_text(result, "to", to);
	json_object_set_new(result, "inbound", inbound_json(&in));
	if (in.accepted && in.originating)
		organisation = in.organisation;
	else if (!in.accepted)
		organisation = assumed = sender_organisation(call, from);
	if (!in.accepted && assumed == NULL)
		return result;
	policy_outbound(call->admin->snapshot, organisation, str_of(to), call->arena, &out);
	json_object_set_new(result, "outbound", outbound_json(&out));
	set_text(result, "assumed_organisation", assumed);
	return result;
}

void admin_explain(struct admin_call *call)
{
	struct policy_peer peer = {0};
	const json_t *to, *item;
	const char *from;
	json_t *list, *results;
	size_t i;

	if (!admin_needs_object(call))
		return;
	from = json_string_value(json_object_get(call->body, "from"));
	to = json_object_get(call->body, "to");
	list = json_is_array(to) ? json_incref((json_t *)to) : json_pack("[O]", to);
	json_array_foreach(list, i, item) if (!json_is_string(item)) break;
	if (from == NULL || to == NULL || i == 0 || i < json_array_size(list) ||
		i > MAX_RECIPIENTS) {
		admin_problem(call, 422,
			"expected from: an address, and to: an address or a list of at most %d",
			MAX_RECIPIENTS);
		json_decref(list);
		return;
	}
	if (call->admin->snapshot == NULL) {
		admin_problem(call, 503, "the configuration is not loaded yet; try again");
		json_decref(list);
		return;
	}
	if (read_peer(call, &peer)) {
		results = json_array();
		json_array_foreach(list, i, item) json_array_append_new(
			results, explain_one(call, &peer, from, json_string_value(item)));
		admin_reply(call, 200,
			json_pack("{s:I,s:s,s:o}", "generation",
				(json_int_t)policy_snapshot_generation(call->admin->snapshot),
				"from", from, "results", results),
			NULL);
	}
	json_decref(list);
}
