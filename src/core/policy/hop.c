/* The verdict on a connection made: may this message go over it? */
#include "core/cert/names.h"
#include "core/policy/snapshot.h"

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

/* Any of the route's names, or the host's own. */
static bool name_fits(const struct policy_outbound *route, const struct policy_hop *hop,
	struct policy_check *ret, struct arena *arena)
{
	bool fits = false;

	if (route->names.count == 0) {
		ret->name_expected = hop->host != NULL ? arena_text(arena, hop->host) : NULL;
		return hop->host != NULL && hop->certificate != NULL &&
		       cert_names_match(hop->host, hop->certificate, &ret->name_matched);
	}
	ret->name_expected = policy_join(&route->names, arena);
	for (size_t i = 0; i < route->names.count && !fits; i++)
		fits = hop->certificate != NULL && cert_names_match(route->names.items[i],
							   hop->certificate, &ret->name_matched);
	return fits;
}

static void no_tls(const struct policy_outbound *route, const struct policy_hop *hop,
	struct policy_check *ret, struct arena *arena)
{
	const char *what = "does not offer STARTTLS";

	ret->outcome = POLICY_NO_STARTTLS;
	if (hop->version_too_old) {
		ret->outcome = POLICY_VERSION_TOO_OLD;
		what = "offers no TLS version of at least 1.2";
	} else if (hop->handshake_failed) {
		ret->outcome = POLICY_HANDSHAKE_FAILED;
		what = "failed in the TLS handshake";
	} else if (hop->starttls_refused) {
		ret->outcome = POLICY_STARTTLS_REFUSED;
		what = "offered STARTTLS and refused it";
	} else if (hop->starttls_offered) {
		ret->outcome = POLICY_HANDSHAKE_FAILED;
		what = "offers STARTTLS, but TLS did not come about";
	}
	if (route->required <= MODEL_LEVEL_NONE) {
		ret->outcome = POLICY_OK;
		ret->may_send = true;
		ret->text = arena_format(arena, "Sent in clear: %s %s, and nothing requires TLS",
			host_of(hop), what);
		return;
	}
	ret->text = arena_format(arena, "%s %s%s%s%s; TLS is required by %s", host_of(hop), what,
		hop->detail != NULL ? " (" : "", hop->detail != NULL ? hop->detail : "",
		hop->detail != NULL ? ")" : "", policy_join(&route->required_by, arena));
}

static void bad_chain(const struct policy_outbound *route, const struct policy_hop *hop,
	struct policy_check *ret, struct arena *arena)
{
	const struct cert_facts *leaf = hop->certificate;
	const struct policy_outcome_row *row;

	ret->outcome =
		leaf == NULL ? POLICY_NO_CERTIFICATE : policy_outcome_of_verdict(hop->verdict);
	row = policy_outcome_row(ret->outcome);
	if (leaf == NULL) {
		ret->text = arena_format(arena,
			"%s presented no certificate; a trusted one is required by %s",
			host_of(hop), policy_join(&route->required_by, arena));
		return;
	}
	ret->text = arena_format(arena,
		"%s: %s (subject %s, issuer %s, %zu in chain, anchors: %s%s%s); required by %s",
		host_of(hop), row->text, leaf->subject != NULL ? leaf->subject : "unknown",
		leaf->issuer != NULL ? leaf->issuer : "unknown", hop->chain_length,
		route->anchors != NULL ? route->anchors : "system", hop->detail != NULL ? ", " : "",
		hop->detail != NULL ? hop->detail : "", policy_join(&route->required_by, arena));
}

static void bad_name(const struct policy_outbound *route, const struct policy_hop *hop,
	struct policy_check *ret, struct arena *arena)
{
	ret->outcome = POLICY_NAME_MISMATCH;
	ret->text = arena_format(arena,
		"The certificate of %s does not carry the name that is required: expected %s, "
		"presented %s; required by %s",
		host_of(hop), ret->name_expected != NULL ? ret->name_expected : "a host name",
		policy_join(&hop->certificate->names, arena),
		policy_join(&route->required_by, arena));
}

void policy_hop_check(const struct policy_outbound *route, const struct policy_hop *hop,
	struct arena *arena, struct policy_check *ret)
{
	bool is_trusted = hop->certificate != NULL && hop->verdict == CERT_TRUSTED;
	bool has_name;

	*ret = (struct policy_check){.outcome = POLICY_OK, .got = MODEL_LEVEL_NONE};
	has_name = name_fits(route, hop, ret, arena);
	if (is_protected(hop))
		ret->got = is_trusted && has_name ? MODEL_LEVEL_NAME
			   : is_trusted		  ? MODEL_LEVEL_CHAIN
						  : MODEL_LEVEL_ENCRYPT;
	if (route->required < MODEL_LEVEL_NAME)
		ret->name_expected = NULL; /* nothing asked for it */
	if (route->type == POLICY_ROUTE_REFUSE) {
		ret->outcome = route->outcome != POLICY_OK ? route->outcome : POLICY_NO_ROUTE;
		ret->text =
			route->text != NULL ? route->text : policy_outcome_row(ret->outcome)->text;
		return;
	}
	if (ret->got == MODEL_LEVEL_NONE) {
		no_tls(route, hop, ret, arena);
		return;
	}
	if (ret->got >= route->required && route->required < MODEL_LEVEL_MAX) {
		ret->may_send = true;
		ret->text = arena_format(arena, "Reached level %s, required was %s",
			model_level_names[ret->got],
			model_level_names[route->required > 0 ? route->required : 0]);
	} else if (!is_trusted) {
		bad_chain(route, hop, ret, arena);
	} else {
		bad_name(route, hop, ret, arena);
	}
}
