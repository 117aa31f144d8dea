/* The configuration as a whole: what kinds of object it has, and their keys. */
#include "core/model/checks.h"

const char *const model_level_names[] = {"none", "encrypt", "chain", "name", NULL};

#define F(member, ...) RECORD_FIELD(struct model_config, member, RECORD_LIST, __VA_ARGS__)
static const struct record_field config_fields[] = {
	F(organisations, .sub = &model_organisation_desc, .max = 10000, .doc = "Organisations."),
	F(domains, .sub = &model_domain_desc, .max = 100000, .doc = "Accepted domains."),
	F(connectors, .sub = &model_connector_desc, .max = 100000, .doc = "Connectors."),
	F(recipients, .sub = &model_recipient_desc, .max = 1000000,
		.doc = "Recipients of domains with a directory."),
	F(rules, .sub = &model_rule_desc, .max = 100000, .doc = "Rules."),
};
#undef F

const struct record_desc model_config_desc = RECORD_DESC(struct model_config, "configuration",
	config_fields, .doc = "Everything that is changed through the management API.");

const struct model_kind_row model_kinds[MODEL_KIND_MAX] = {
	[MODEL_ORGANISATION] = {"organisation", "organisations", "name", false,
		&model_organisation_desc, offsetof(struct model_config, organisations)},
	[MODEL_DOMAIN] = {"domain", "domains", "name", false, &model_domain_desc,
		offsetof(struct model_config, domains)},
	[MODEL_CONNECTOR] = {"connector", "connectors", "name", true, &model_connector_desc,
		offsetof(struct model_config, connectors)},
	[MODEL_RECIPIENT] = {"recipient", "recipients", "address", false, &model_recipient_desc,
		offsetof(struct model_config, recipients)},
	[MODEL_RULE] = {"rule", "rules", "name", true, &model_rule_desc,
		offsetof(struct model_config, rules)},
};

void model_set_list(struct model_config *config, enum model_kind kind, void *items, size_t count)
{
	struct {
		void *items;
		size_t count;
	} list = {items, count};

	memcpy((char *)config + model_kinds[kind].list_offset, &list, sizeof(list));
}

static const char *within(const char *organisation, const char *name, struct arena *arena)
{
	return arena_format(
		arena, "%s/%s", organisation != NULL ? organisation : "", name != NULL ? name : "");
}

const char *model_key(enum model_kind kind, const void *object, struct arena *arena)
{
	const struct model_connector *connector = object;
	const struct model_rule *rule = object;

	switch (kind) {
	case MODEL_CONNECTOR:
		return within(connector->organisation, connector->name, arena);
	case MODEL_RULE:
		return within(rule->organisation, rule->name, arena);
	case MODEL_RECIPIENT:
		return ((const struct model_recipient *)object)->address;
	case MODEL_DOMAIN:
		return ((const struct model_domain *)object)->name;
	default:
		return ((const struct model_organisation *)object)->name;
	}
}
