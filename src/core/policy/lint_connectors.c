/* What is doubtful about single connectors, and between those of one organisation. */
#include "core/policy/lint_inside.h"

struct about {
	struct policy_lint *l;
	const struct model_connector *c;
	const char *subject;
};

static const char *subject_of(const struct policy_lint *l, const struct model_connector *c)
{
	return arena_format(l->arena, "connector %s/%s", c->organisation, c->name);
}

/* ---- inbound ----------------------------------------------------------------------------------
 */

static bool is_own(const struct about *a, const char *name)
{
	const struct model_domain *d = policy_lint_accepted(a->l, name);

	return d != NULL && strcmp(d->organisation, a->c->organisation) == 0;
}

/* As attribution does: the name itself, or what stands behind its first label. */
static void check_own_server(const struct about *a)
{
	const char *name = a->c->inbound->certificate_name;
	const char *dot = name != NULL ? strchr(name, '.') : NULL;

	if (name == NULL || (name[0] != '*' && is_own(a, name)) ||
		(dot != NULL && is_own(a, dot + 1)))
		return;
	policy_lint_add(a->l, LINT_NAME_NOWHERE, a->c->organisation, a->subject,
		"inbound.certificate_name %s is at no accepted domain of the organisation: the "
		"connector never matches",
		name);
}

static bool restricts(const struct model_connector *c)
{
	return c->inbound->restrict_to_certificate || c->inbound->restrict_to_addresses;
}

static void check_wider_sender(const struct about *a, const char *pattern)
{
	const char *by = NULL;
	const struct model_connector *wider =
		policy_lint_wider(a->l, a->l->senders, a->c->organisation, pattern, &by);

	if (wider == NULL || wider == a->c)
		return;
	if (restricts(wider) && !restricts(a->c))
		policy_lint_add(a->l, LINT_SWALLOWED, a->c->organisation, a->subject,
			"mail from %s is judged by connector %s (%s) instead: connectors that "
			"restrict to certificate or addresses come first",
			pattern, wider->name, by);
	else if (restricts(wider) == restricts(a->c) && wider->inbound->require_tls &&
		 !a->c->inbound->require_tls)
		policy_lint_add(a->l, LINT_WEAKER, a->c->organisation, a->subject,
			"mail from %s may come without TLS, while connector %s requires it for %s",
			pattern, wider->name, by);
}

static void check_sender(const struct about *a, const char *pattern)
{
	const struct model_connector *first =
		policy_lint_get(a->l, a->l->senders, a->c->organisation, pattern);

	if (first != NULL && first != a->c && restricts(first) == restricts(a->c))
		policy_lint_add(a->l, LINT_DUPLICATE, a->c->organisation, a->subject,
			"inbound.sender_domains: %s stands in connector %s, too", pattern,
			first->name);
	check_wider_sender(a, pattern);
	if (strcmp(pattern, "*") == 0 && restricts(a->c))
		policy_lint_add(a->l, LINT_RESTRICTS_ALL, a->c->organisation, a->subject,
			"it covers every sender: all mail that does not meet its conditions is %s",
			a->c->inbound->mode == MODEL_REPORT ? "counted" : "refused");
}

static void check_partner_in(const struct about *a)
{
	const struct model_inbound *in = a->c->inbound;

	for (size_t i = 0; i < in->sender_domains.count; i++)
		check_sender(a, in->sender_domains.items[i]);
	for (size_t i = 0; i < in->trusted_organisations.count; i++)
		if (strcmp(in->trusted_organisations.items[i], a->c->organisation) == 0)
			policy_lint_add(a->l, LINT_TRUSTS_ITSELF, a->c->organisation, a->subject,
				"inbound.trusted_organisations names the connector's own "
				"organisation");
}

/* ---- outbound ---------------------------------------------------------------------------------
 */

/* In report mode nothing is enforced, and a wider connector is passed over all the same. */
static int enforced_level(const struct model_connector *c)
{
	return c->outbound->mode == MODEL_REPORT ? MODEL_LEVEL_NONE : c->outbound->tls;
}

static void check_route(const struct about *a, const char *pattern)
{
	const struct model_connector *first =
		policy_lint_get(a->l, a->l->routes, a->c->organisation, pattern);
	const char *by = NULL;
	const struct model_connector *wider =
		policy_lint_wider(a->l, a->l->routes, a->c->organisation, pattern, &by);

	if (first != NULL && first != a->c && first->outbound->cost == a->c->outbound->cost)
		policy_lint_add(a->l, LINT_DUPLICATE, a->c->organisation, a->subject,
			"outbound.recipient_domains: %s stands in connector %s at the same cost, "
			"which comes first by its name",
			pattern, first->name);
	if (wider != NULL && wider != a->c && enforced_level(wider) > enforced_level(a->c))
		policy_lint_add(a->l, LINT_WEAKER, a->c->organisation, a->subject,
			"mail to %s goes by TLS level %s%s, while connector %s asks for %s for %s",
			pattern, model_level_names[enforced_level(a->c)],
			a->c->outbound->mode == MODEL_REPORT ? " in report mode" : "", wider->name,
			model_level_names[wider->outbound->tls], by);
}

static bool is_literal(const char *host)
{
	struct model_prefix prefix;
	struct str name;
	uint16_t port;

	return model_parse_endpoint(str_of(host), 25, &name, &port) &&
	       model_parse_prefix(name, &prefix) && prefix.bits == 128;
}

static bool has_anchors(const struct about *a)
{
	const struct policy_lint_owner *owner = map_get(a->l->owners, str_of(a->c->organisation));

	return a->c->trust != NULL || (owner != NULL && owner->model->trust != NULL);
}

static void check_smart_hosts(const struct about *a)
{
	const struct model_outbound *out = a->c->outbound;

	if (out->tls < MODEL_LEVEL_CHAIN || has_anchors(a) || out->tls_domain != NULL ||
		out->pins.count > 0)
		return;
	for (size_t i = 0; i < out->smart_hosts.count; i++)
		if (is_literal(out->smart_hosts.items[i]))
			policy_lint_add(a->l, LINT_HOST_ADDRESS, a->c->organisation, a->subject,
				"outbound.smart_hosts: %s is an address: %s",
				out->smart_hosts.items[i],
				out->tls == MODEL_LEVEL_NAME
					? "public authorities hardly issue certificates for those, "
					  "so mail will wait"
					: "with the system's trust anchors any certificate of any "
					  "public authority will do");
}

static void check_later(const struct about *a)
{
	const struct model_outbound *out = a->c->outbound;

	if (out->sender_rewriting)
		policy_lint_add(a->l, LINT_LATER, a->c->organisation, a->subject,
			"outbound.sender_rewriting has no effect in this version");
	if (out->dane != MODEL_DANE_OPPORTUNISTIC)
		policy_lint_add(a->l, LINT_LATER, a->c->organisation, a->subject,
			"outbound.dane has no effect in this version");
	if (out->mta_sts != MODEL_MTA_STS_OPPORTUNISTIC)
		policy_lint_add(a->l, LINT_LATER, a->c->organisation, a->subject,
			"outbound.mta_sts has no effect in this version");
}

static void check_outbound(const struct about *a)
{
	const struct model_outbound *out = a->c->outbound;

	if (a->c->type == MODEL_PARTNER)
		for (size_t i = 0; i < out->recipient_domains.count; i++)
			check_route(a, out->recipient_domains.items[i]);
	if (a->c->type == MODEL_PARTNER && out->tls == MODEL_LEVEL_NONE)
		policy_lint_add(a->l, LINT_LEVEL_NONE, a->c->organisation, a->subject,
			"outbound.tls is none: mail to this partner goes in clear where it offers "
			"no TLS");
	if (out->route_all_via_on_premises && a->c->inbound == NULL)
		policy_lint_add(a->l, LINT_CENTRE, a->c->organisation, a->subject,
			"outbound.route_all_via_on_premises is set, and there is no inbound half: "
			"mail to the outside that this server sends by another connector comes "
			"back "
			"to it");
	check_smart_hosts(a);
	check_later(a);
	if (policy_lint_lacks(a->l, out->certificate))
		policy_lint_add(a->l, LINT_NO_CERTIFICATE, a->c->organisation, a->subject,
			"outbound.certificate: this node has no certificate named %s: its mail "
			"waits, or leaves without one",
			out->certificate);
}

/* ---- both -------------------------------------------------------------------------------------
 */

static void check_direction(const struct about *a)
{
	const char *only = policy_directions_only(a->l->directions, a->c);

	if (only != NULL)
		policy_lint_add(a->l, LINT_ONE_DIRECTION, a->c->organisation, a->subject,
			"TLS is forced %s only: nothing forces it for mail %s",
			strcmp(only, "inbound") == 0 ? "for mail that comes in"
						     : "for mail that goes out",
			strcmp(only, "inbound") == 0 ? "to the same domains"
						     : "from the same domains");
}

static void check_mode(const struct about *a)
{
	bool in = a->c->inbound != NULL && a->c->inbound->mode == MODEL_REPORT;
	bool out = a->c->outbound != NULL && a->c->outbound->mode == MODEL_REPORT;

	if (in || out)
		policy_lint_add(a->l, LINT_REPORT_MODE, a->c->organisation, a->subject,
			"%s in report mode: nothing is enforced",
			in && out ? "both halves are"
			: in	  ? "its inbound half is"
				  : "its outbound half is");
}

/* Two servers of one organisation known by the same certificate, and by nothing else. */
static void check_same_certificate(const struct about *a)
{
	const struct model_inbound *in = a->c->inbound;
	const char *key;
	const struct model_connector *other;

	if (in->certificate_name == NULL || in->addresses.count > 0 ||
		in->associated_accepted_domains.count > 0)
		return;
	key = arena_format(a->l->arena, "%s/%s", a->c->organisation, in->certificate_name);
	other = map_get(a->l->seen, str_of(key));
	if (other == NULL)
		map_set(a->l->seen, str_of(key), (void *)a->c);
	else
		policy_lint_add(a->l, LINT_DUPLICATE, a->c->organisation, a->subject,
			"inbound.certificate_name: %s stands in connector %s, too: the first by "
			"name is taken",
			in->certificate_name, other->name);
}

void policy_lint_connectors(struct policy_lint *l)
{
	for (size_t i = 0; i < l->config->connectors.count; i++) {
		const struct model_connector *c = &l->config->connectors.items[i];
		struct about a = {.l = l, .c = c, .subject = subject_of(l, c)};

		if (!c->enabled)
			continue;
		if (c->inbound != NULL && c->type == MODEL_ON_PREMISES) {
			check_own_server(&a);
			check_same_certificate(&a);
		} else if (c->inbound != NULL) {
			check_partner_in(&a);
		}
		if (c->outbound != NULL)
			check_outbound(&a);
		check_direction(&a);
		check_mode(&a);
	}
}
