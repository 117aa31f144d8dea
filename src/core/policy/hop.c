/*
 * The verdict on a connection made: may this message go over it?
 *
 * What is enforced is judged first, then what is asked in report mode: that is told and stops
 * nothing.  Where nothing is required, neither key nor version nor group is looked at.
 */
#include "core/cert/names.h"
#include "core/policy/snapshot.h"

/* One demand, and what came of it. */
struct judgement {
	const struct policy_outbound *route;
	const struct policy_hop *hop;
	struct arena *arena;
	struct policy_demand demand;
	bool is_reported; /* asked in report mode */
	bool is_trusted;
	enum policy_outcome outcome;
	const char *text;
	const char *name_expected, *name_matched;
};

static bool is_protected(const struct policy_hop *hop)
{
	/* Facts that contradict each other count as no protection. */
	return hop->is_tls && !hop->handshake_failed && !hop->version_too_old &&
	       !hop->starttls_refused;
}

static const char *host_of(const struct policy_hop *hop)
{
	return hop->host != NULL ? hop->host : "the next hop";
}

static const char *or_unknown(const char *text)
{
	return text != NULL ? text : "unknown";
}

/* Any of the names asked for, or the host's own. */
static bool name_fits(struct judgement *j)
{
	const struct policy_hop *hop = j->hop;
	const struct record_texts *names = &j->demand.names;
	bool fits = false;

	if (names->count == 0) {
		j->name_expected = hop->host != NULL ? arena_text(j->arena, hop->host) : NULL;
		return hop->host != NULL && hop->certificate != NULL &&
		       cert_names_match(hop->host, hop->certificate, &j->name_matched);
	}
	j->name_expected = policy_join(names, j->arena);
	for (size_t i = 0; i < names->count && !fits; i++)
		fits = hop->certificate != NULL &&
		       cert_names_match(names->items[i], hop->certificate, &j->name_matched);
	return fits;
}

static bool version_fits(const struct judgement *j)
{
	const char *version = j->hop->version;

	return j->demand.minimum_version <= MODEL_TLS_12 ||
	       (version != NULL && strcmp(version, "TLSv1.3") == 0);
}

static bool group_fits(const struct judgement *j)
{
	const struct record_texts *groups = &j->demand.groups;
	bool fits = groups->count == 0;

	for (size_t i = 0; i < groups->count && !fits; i++)
		fits = str_is_nocase(str_of(j->hop->group), groups->items[i]);
	return fits;
}

static bool pin_fits(const struct judgement *j)
{
	const struct cert_facts *leaf = j->hop->certificate;
	const struct record_texts *pins = &j->demand.pins;
	bool fits = pins->count == 0;

	for (size_t i = 0; i < pins->count && !fits; i++)
		fits = leaf != NULL && leaf->spki_sha256 != NULL &&
		       str_is_nocase(str_of(leaf->spki_sha256), pins->items[i]);
	return fits;
}

/* "required by connector contoso/bank (name)" */
static const char *by_whom(const struct judgement *j)
{
	return arena_format(j->arena, "%s by %s",
		j->is_reported ? "asked for, in report mode," : "required",
		policy_join(&j->demand.required_by, j->arena));
}

/* ---- what is wrong ---------------------------------------------------------------------------
 */

static void no_tls(struct judgement *j)
{
	const struct policy_hop *hop = j->hop;
	const char *what = "does not offer STARTTLS";

	j->outcome = POLICY_NO_STARTTLS;
	if (hop->version_too_old) {
		j->outcome = POLICY_VERSION_TOO_OLD;
		what = j->demand.minimum_version == MODEL_TLS_13
			       ? "offers no TLS version of at least 1.3"
			       : "offers no TLS version of at least 1.2";
	} else if (hop->handshake_failed) {
		j->outcome = POLICY_HANDSHAKE_FAILED;
		what = "failed in the TLS handshake";
	} else if (hop->starttls_refused) {
		j->outcome = POLICY_STARTTLS_REFUSED;
		what = "offered STARTTLS and refused it";
	} else if (hop->starttls_offered) {
		j->outcome = POLICY_HANDSHAKE_FAILED;
		what = "offers STARTTLS, but TLS did not come about";
	}
	if (j->demand.required <= MODEL_LEVEL_NONE) {
		j->outcome = POLICY_OK;
		j->text = arena_format(j->arena, "Sent in clear: %s %s, and nothing requires TLS",
			host_of(hop), what);
		return;
	}
	j->text = arena_format(j->arena, "%s %s%s%s%s; TLS is %s", host_of(hop), what,
		hop->detail != NULL ? " (" : "", hop->detail != NULL ? hop->detail : "",
		hop->detail != NULL ? ")" : "", by_whom(j));
}

static void bad_version(struct judgement *j)
{
	j->outcome = POLICY_VERSION_TOO_OLD;
	j->text = arena_format(j->arena,
		"The TLS version with %s is too old: expected TLSv1.3, presented %s; %s",
		host_of(j->hop), or_unknown(j->hop->version), by_whom(j));
}

static void bad_group(struct judgement *j)
{
	j->outcome = POLICY_GROUP;
	j->text = arena_format(j->arena,
		"The key exchange with %s used a group that is not allowed: expected %s, presented "
		"%s; %s",
		host_of(j->hop), policy_join(&j->demand.groups, j->arena),
		or_unknown(j->hop->group), by_whom(j));
}

static void no_certificate(struct judgement *j)
{
	j->outcome = POLICY_NO_CERTIFICATE;
	j->text = arena_format(j->arena, "%s presented no certificate; %s one is %s",
		host_of(j->hop), j->demand.required >= MODEL_LEVEL_CHAIN ? "a trusted" : "a pinned",
		by_whom(j));
}

static void bad_chain(struct judgement *j)
{
	const struct policy_hop *hop = j->hop;
	const struct cert_facts *leaf = hop->certificate;

	j->outcome = policy_outcome_of_verdict(hop->verdict);
	j->text = arena_format(j->arena,
		"%s: %s (subject %s, issuer %s, %zu in chain, anchors: %s%s%s); %s", host_of(hop),
		policy_outcome_row(j->outcome)->text, or_unknown(leaf->subject),
		or_unknown(leaf->issuer), hop->chain_length,
		j->route->anchors != NULL ? j->route->anchors : "system",
		hop->detail != NULL ? ", " : "", hop->detail != NULL ? hop->detail : "",
		by_whom(j));
}

static void bad_name(struct judgement *j)
{
	j->outcome = POLICY_NAME_MISMATCH;
	j->text = arena_format(j->arena,
		"The certificate of %s does not carry the name that is required: expected %s, "
		"presented %s; %s",
		host_of(j->hop), j->name_expected != NULL ? j->name_expected : "a host name",
		policy_join(&j->hop->certificate->names, j->arena), by_whom(j));
}

static void bad_pin(struct judgement *j)
{
	const struct cert_facts *leaf = j->hop->certificate;

	j->outcome = POLICY_PIN;
	j->text = arena_format(j->arena,
		"The public key of %s is none of those that are pinned: expected SHA-256 %s, "
		"presented %s; %s",
		host_of(j->hop), policy_join(&j->demand.pins, j->arena),
		or_unknown(leaf != NULL ? leaf->spki_sha256 : NULL), by_whom(j));
}

static void judge(struct judgement *j, bool has_name)
{
	int required = j->demand.required;

	j->outcome = POLICY_OK;
	if (!is_protected(j->hop))
		no_tls(j);
	else if (required <= MODEL_LEVEL_NONE)
		return;
	else if (!version_fits(j))
		bad_version(j);
	else if (!group_fits(j))
		bad_group(j);
	else if (j->hop->certificate == NULL &&
		 (required >= MODEL_LEVEL_CHAIN || j->demand.pins.count > 0))
		no_certificate(j);
	else if (required >= MODEL_LEVEL_CHAIN && !j->is_trusted)
		bad_chain(j);
	else if (required >= MODEL_LEVEL_NAME && (!has_name || required >= MODEL_LEVEL_MAX))
		bad_name(j);
	else if (!pin_fits(j))
		bad_pin(j);
}

/* ---- the whole -------------------------------------------------------------------------------
 */

/* What a demand in report mode, or a rule, would have said. */
static void judge_reported(const struct policy_outbound *route, const struct policy_hop *hop,
	struct arena *arena, struct policy_check *ret)
{
	struct judgement j = {.route = route,
		.hop = hop,
		.arena = arena,
		.demand = route->reported,
		.is_reported = true,
		.is_trusted = hop->certificate != NULL && hop->verdict == CERT_TRUSTED};
	bool has_name = name_fits(&j);

	if (j.demand.required > MODEL_LEVEL_NONE)
		judge(&j, has_name);
	if (j.demand.required >= MODEL_LEVEL_NAME && ret->name_expected == NULL) {
		ret->name_expected = j.name_expected;
		ret->name_matched = j.name_matched;
	}
	ret->would = j.outcome == POLICY_OK ? route->would
					    : (struct policy_would){j.outcome, j.text,
						      policy_join(&j.demand.required_by, arena)};
}

/* The verdict is trusted, or would be but for what only report mode asks. */
static bool is_trusted_enough(const struct policy_outbound *route, const struct policy_hop *hop)
{
	return hop->certificate != NULL &&
	       (hop->verdict == CERT_TRUSTED || (hop->verdict == CERT_REVOCATION_UNKNOWN &&
							route->tolerates_unknown_revocation));
}

static struct policy_demand enforced(const struct policy_outbound *route)
{
	return (struct policy_demand){.required = route->required,
		.required_by = route->required_by,
		.names = route->names,
		.pins = route->pins,
		.groups = route->groups,
		.minimum_version = route->minimum_version};
}

void policy_hop_check(const struct policy_outbound *route, const struct policy_hop *hop,
	struct arena *arena, struct policy_check *ret)
{
	struct judgement j = {.route = route,
		.hop = hop,
		.arena = arena,
		.demand = enforced(route),
		.is_trusted = is_trusted_enough(route, hop)};
	bool has_name = name_fits(&j);

	*ret = (struct policy_check){.got = MODEL_LEVEL_NONE, .name_matched = j.name_matched};
	if (is_protected(hop))
		ret->got = j.is_trusted && has_name ? MODEL_LEVEL_NAME
			   : j.is_trusted	    ? MODEL_LEVEL_CHAIN
						    : MODEL_LEVEL_ENCRYPT;
	if (route->required >= MODEL_LEVEL_NAME)
		ret->name_expected = j.name_expected; /* else nothing asked for it */
	if (route->type == POLICY_ROUTE_REFUSE) {
		ret->outcome = route->outcome != POLICY_OK ? route->outcome : POLICY_NO_ROUTE;
		ret->text =
			route->text != NULL ? route->text : policy_outcome_row(ret->outcome)->text;
		return;
	}
	judge(&j, has_name);
	ret->outcome = j.outcome;
	ret->text = j.text;
	ret->may_send = j.outcome == POLICY_OK;
	if (!ret->may_send)
		return;
	if (ret->text == NULL)
		ret->text = arena_format(arena, "Reached level %s, required was %s",
			model_level_names[ret->got],
			model_level_names[route->required > 0 ? route->required : 0]);
	judge_reported(route, hop, arena, ret);
}

struct policy_hello policy_hello_of(const struct policy_outbound *route)
{
	struct policy_hello hello = {.minimum_version = MODEL_TLS_12};

	if (route->required > MODEL_LEVEL_NONE) {
		hello.minimum_version = route->minimum_version;
		hello.groups = route->groups;
	}
	/* Of two groups that a peer has it must not take the one that would have been refused. */
	if (hello.groups.count == 0 && route->reported.groups.count > 0) {
		hello.groups = route->reported.groups;
		hello.groups_first = true;
	}
	return hello;
}
