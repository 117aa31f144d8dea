/* The records that descriptions of routes may name, and how schemas are found by name. */
#include "core/cert/sheet.h"
#include "core/cert/step.h"
#include "core/partner/kit.h"
#include "core/policy/explain.h"
#include "core/policy/lint.h"
#include "core/shape/shape.h"
#include "process/admin/openapi.h"

#include <string.h>

const struct admin_record admin_records[] = {
	{"configuration", &model_config_desc},
	{"organisation", &model_organisation_desc},
	{"domain", &model_domain_desc},
	{"connector", &model_connector_desc},
	{"connector-inbound", &model_inbound_desc},
	{"connector-outbound", &model_outbound_desc},
	{"connector-expects", &model_expects_desc},
	{"recipient", &model_recipient_desc},
	{"rule", &model_rule_desc},
	{"finding", &policy_finding_desc},
	{"inbound-decision", &policy_inbound_desc},
	{"outbound-decision", &policy_outbound_desc},
	{"receipt", &receipt_desc},
	{"certificate-facts", &cert_facts_desc},
	{"certificate-life", &cert_life_desc},
	{"certificate-version", &cert_version_desc},
	{"certificate-plan", &cert_plan_desc},
	{"certificate-step", &cert_step_desc},
	{"certificate-sheet", &cert_sheet_desc},
	{"partner-kit", &partner_kit_desc},
};
const size_t admin_record_count = ARRAY_LENGTH(admin_records);

static const char *name_of(const struct record_desc *desc)
{
	for (size_t i = 0; i < admin_record_count; i++)
		if (admin_records[i].desc == desc)
			return admin_records[i].name;
	return NULL;
}

/* The schema of a record by its name and form; NULL: there is none. */
static json_t *of_record(const char *name)
{
	static const struct {
		const char *suffix;
		enum record_schema_form form;
	} forms[] = {{"", RECORD_SCHEMA_SHOWN}, {"-sparse", RECORD_SCHEMA_SPARSE},
		{"-input", RECORD_SCHEMA_INPUT}, {"-patch", RECORD_SCHEMA_PATCH}};

	for (size_t i = 0; i < admin_record_count; i++) {
		size_t n = strlen(admin_records[i].name);

		if (strncmp(name, admin_records[i].name, n) != 0)
			continue;
		for (size_t f = 0; f < ARRAY_LENGTH(forms); f++)
			if (strcmp(name + n, forms[f].suffix) == 0)
				return record_schema(admin_records[i].desc, forms[f].form, name_of);
	}
	return NULL;
}

/* A shape that holds itself finds something in its place while it is made. */
static json_t *of_shape(struct admin_schemas *schemas, const char *name)
{
	const struct admin_shape *shape = admin_shape_find(name);
	json_t *schema;

	if (shape == NULL)
		return NULL;
	json_object_set_new(schemas->made, name, json_object());
	schema = admin_schemas_make(schemas, shape->shape);
	json_object_del(schemas->made, name);
	if (schema != NULL && shape->doc != NULL)
		json_object_set_new(schema, "description", json_string(shape->doc));
	return schema;
}

const json_t *admin_schemas_find(void *context, const char *name)
{
	struct admin_schemas *schemas = context;
	const json_t *known = json_object_get(schemas->made, name);
	json_t *schema;

	if (known != NULL)
		return known;
	schema = of_record(name);
	if (schema != NULL && schemas->skips_records) {
		json_decref(schema);
		schema = json_pack("{s:b}", "additionalProperties", 1);
	}
	if (schema == NULL)
		schema = of_shape(schemas, name);
	if (schema == NULL)
		return NULL;
	json_object_set_new(schemas->made, name, schema);
	return schema;
}

json_t *admin_schemas_make(struct admin_schemas *schemas, const char *shape)
{
	json_t *schema = NULL;

	if (shape_schema(shape, admin_schemas_find, schemas, &schema, &schemas->info) != ERR_OK)
		return NULL;
	return schema;
}
