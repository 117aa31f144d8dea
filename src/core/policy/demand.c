/*
 * What the next hop must prove.
 *
 * The strictest of what the connector, the organisations' minimum and the rules ask; each who asks
 * is named.  What a connector or a rule in report mode asks stands beside, and is asked of nobody.
 * The connector says who the next hop is (trust anchors, the name on its certificate) in either
 * mode.
 */
#include "core/policy/outbound.h"

enum { MAX_KEY_RULES = 200 };

static bool is_level(int level)
{
	return level > MODEL_LEVEL_NONE && level < MODEL_LEVEL_MAX;
}

/* The strictest wins; all who asked for something are listed. */
static void require(const struct policy_routing *r, int *required, struct record_texts *required_by,
	int level, const char *who)
{
	if (!is_level(level))
		return;
	if (level > *required)
		*required = level;
	policy_add_text(required_by, r->arena,
		arena_format(r->arena, "%s (%s)", who, model_level_names[level]));
}

static void enforce(const struct policy_routing *r, int level, const char *who)
{
	require(r, &r->ret->required, &r->ret->required_by, level, who);
}

static void report(const struct policy_routing *r, int level, const char *who)
{
	require(r, &r->ret->reported.required, &r->ret->reported.required_by, level, who);
}

static void ask_minimum(const struct policy_routing *r, const struct model_organisation *o)
{
	if (o != NULL)
		enforce(r, o->minimum_tls, arena_format(r->arena, "organisation %s", o->name));
}

static void ask_connector(const struct policy_routing *r, const struct policy_entry *e)
{
	const struct model_outbound *out = e->model->outbound;
	struct policy_outbound *ret = r->ret;

	if (out->mode == MODEL_REPORT) {
		report(r, out->tls, e->subject);
		ret->reported.pins = out->pins;
		ret->reported.groups = e->model->groups;
		ret->reported.minimum_version = e->model->minimum_version;
		ret->tolerates_unknown_revocation =
			e->model->revocation == MODEL_REVOCATION_REQUIRE;
		return;
	}
	enforce(r, out->tls, e->subject);
	ret->pins = out->pins;
	ret->groups = e->model->groups;
	ret->minimum_version = e->model->minimum_version;
	ret->returns_when_unmet = out->when_unmet == MODEL_UNMET_RETURN;
}

static void ask_rules(const struct policy_routing *r)
{
	for (size_t i = 0; i < r->ruling.count; i++) {
		const struct model_rule *rule = r->ruling.items[i];
		const char *who =
			arena_format(r->arena, "rule %s/%s", rule->organisation, rule->name);

		if (rule->mode == MODEL_REPORT)
			report(r, rule->require_tls, who);
		else
			enforce(r, rule->require_tls, who);
	}
}

/* In enforce mode, key, version, group and revocation would count at whatever level is reached. */
static void raise_reported(const struct policy_routing *r, const struct policy_asked *asked)
{
	const struct policy_entry *e = asked->entry;
	struct policy_outbound *ret = r->ret;

	if (e == NULL || e->model->outbound->mode != MODEL_REPORT ||
		ret->required <= ret->reported.required)
		return;
	if (ret->reported.pins.count == 0 && ret->reported.groups.count == 0 &&
		ret->reported.minimum_version <= MODEL_TLS_12 &&
		e->model->revocation != MODEL_REVOCATION_REQUIRE)
		return;
	ret->reported.required = ret->required;
	if (ret->reported.required_by.count == 0)
		policy_add_text(&ret->reported.required_by, r->arena, e->subject);
}

/* Where nothing is required, nothing more is looked at. */
static void drop_unasked(struct policy_outbound *ret)
{
	if (ret->required <= MODEL_LEVEL_NONE) {
		ret->pins = ret->groups = (struct record_texts){0};
		ret->minimum_version = MODEL_TLS_12;
		ret->returns_when_unmet = false;
	}
	if (ret->reported.required <= MODEL_LEVEL_NONE)
		ret->reported = (struct policy_demand){0};
}

/* An MX record proves nothing, so hosts found by it must carry the recipient's domain. */
static void set_names(const struct policy_routing *r, const struct policy_asked *asked)
{
	struct policy_outbound *ret = r->ret;
	const struct model_outbound *out =
		asked->entry != NULL ? asked->entry->model->outbound : NULL;
	struct record_texts names = {0};

	if (ret->required != MODEL_LEVEL_NAME && ret->reported.required != MODEL_LEVEL_NAME)
		return;
	if (out != NULL && out->tls_domain != NULL) {
		policy_add_text(&names, r->arena, out->tls_domain);
		ret->names_why = "tls_domain of the connector";
	} else if (asked->by_mx && r->recipient.domain != NULL) {
		policy_add_text(&names, r->arena, r->recipient.domain);
		ret->names_why = out != NULL ? "the recipient's domain, because the connector sets "
					       "no tls_domain and MX records can be forged"
					     : "the recipient's domain, because MX records can be "
					       "forged";
	} else {
		ret->names_why = out != NULL ? "each host its own, because the connector sets no "
					       "tls_domain"
					     : "each host its own";
	}
	if (ret->required == MODEL_LEVEL_NAME)
		ret->names = names;
	if (ret->reported.required == MODEL_LEVEL_NAME)
		ret->reported.names = names;
}

/* Rules that make the requirement another than the same hop has without them. */
static const char *names_of_rules(const struct policy_routing *r)
{
	const char *text = NULL;

	for (size_t i = 0; i < r->ruling.count; i++) {
		const struct model_rule *rule = r->ruling.items[i];

		if (is_level(rule->require_tls) ||
			(rule->mode == MODEL_REPORT && rule->action != MODEL_RULE_PASS))
			text = arena_format(r->arena, "%s%s%s/%s", text != NULL ? text : "",
				text != NULL ? "+" : "", rule->organisation, rule->name);
	}
	if (text != NULL && strlen(text) > MAX_KEY_RULES)
		text = arena_format(
			r->arena, "%016llx", (unsigned long long)map_hash(str_of(text), 0));
	return text;
}

/* Connections are shared by key: whatever may differ between two messages for the same hosts stands
 * in it.  What the connector asks by itself is the same for all its mail. */
static void set_key(const struct policy_routing *r, const struct policy_asked *asked)
{
	const struct model_outbound *out =
		asked->entry != NULL ? asked->entry->model->outbound : NULL;
	int usual = out != NULL && out->mode == MODEL_ENFORCE ? out->tls : MODEL_LEVEL_NONE;
	const char *rules = names_of_rules(r);
	const char *key = asked->hop;

	if (r->ret->required > usual)
		key = arena_format(r->arena, "%s;tls=%s", key, model_level_names[r->ret->required]);
	if (out == NULL && r->ret->certificate != NULL)
		key = arena_format(r->arena, "%s;as=%s", key, r->ret->certificate);
	if (rules != NULL)
		key = arena_format(r->arena, "%s;rules=%s", key, rules);
	r->ret->key = key;
}

static int64_t longer_grace(const struct policy_routing *r, const struct policy_asked *asked)
{
	int64_t mine = r->sender != NULL ? r->sender->downgrade_grace_ms : 0;
	int64_t other = asked->other != NULL ? asked->other->downgrade_grace_ms : 0;

	return mine > other ? mine : other;
}

void policy_demand_work_out(const struct policy_routing *r, const struct policy_asked *asked)
{
	if (asked->entry != NULL)
		ask_connector(r, asked->entry);
	ask_minimum(r, r->sender);
	if (asked->other != r->sender)
		ask_minimum(r, asked->other);
	ask_rules(r);
	raise_reported(r, asked);
	drop_unasked(r->ret);
	set_names(r, asked);
	set_key(r, asked);
	if (r->ret->required <= MODEL_LEVEL_NONE) {
		r->ret->watches_downgrade = true;
		r->ret->downgrade_grace_ms = longer_grace(r, asked);
	}
}

void policy_demand_local(const struct policy_routing *r, const char *hop)
{
	const char *rules = NULL;

	for (size_t i = 0; i < r->ruling.count; i++)
		if (is_level(r->ruling.items[i]->require_tls))
			policy_outbound_consider(r,
				arena_format(r->arena, "rule %s/%s",
					r->ruling.items[i]->organisation, r->ruling.items[i]->name),
				false, "asks for TLS, and a local delivery needs none");
	if (r->ret->would.outcome != POLICY_OK)
		rules = names_of_rules(r);
	r->ret->key = rules != NULL ? arena_format(r->arena, "%s;rules=%s", hop, rules) : hop;
}
