/* What comes, against what the row of its route says. */
#include "core/shape/shape.h"
#include "process/admin/openapi.h"
#include "process/admin/page.h"

#include <string.h>
#include <sys/queue.h>

/* What the program itself wrote is right: a unit test makes all of it. */
static json_t *schema_of(struct admin_schemas *schemas, const char *shape)
{
	return admin_schemas_make(schemas, shape != NULL ? shape : "{}");
}

static bool is_list(const json_t *schema)
{
	const char *type = json_string_value(json_object_get(schema, "type"));

	return type != NULL && strcmp(type, "array") == 0;
}

static bool stands_before(const struct admin_call *call, const struct evkeyval *pair)
{
	const struct evkeyval *other = call->query.tqh_first;

	while (other != pair && strcmp(other->key, pair->key) != 0)
		other = other->next.tqe_next;
	return other != pair;
}

static const char *names_of(struct admin_call *call, const json_t *schema)
{
	const char *names = NULL, *name;
	json_t *member;

	json_object_foreach (json_object_get(schema, "properties"), name, member)
		names = names == NULL ? name : arena_format(call->arena, "%s, %s", names, name);
	return names != NULL ? arena_format(call->arena, "one of %s", names) : "none";
}

/* False: answered. */
static bool check_parameter(struct admin_call *call, struct admin_schemas *schemas,
	const json_t *schema, const struct evkeyval *pair)
{
	const json_t *member = shape_member(schema, pair->key);
	struct err_info info = {.text = ""};

	if (member == NULL) {
		admin_problem(call, 400,
			"%.100s: there is no such parameter in the query; expected %s",
			str_is_utf8(str_of(pair->key)) ? pair->key : "?", names_of(call, schema));
		return false;
	}
	if (!is_list(member) && stands_before(call, pair)) {
		admin_problem(call, 400, "%s: stands twice in the query", pair->key);
		return false;
	}
	if (shape_check_text(member, pair->key, pair->value, admin_schemas_find, schemas, &info) ==
		ERR_OK)
		return true;
	admin_problem(call, 400, "%s", info.text);
	return false;
}

static bool check_query(struct admin_call *call, struct admin_schemas *schemas)
{
	json_t *schema = schema_of(schemas, call->route->query);
	const struct evkeyval *pair = call->query.tqh_first, *next;
	bool is_fine = true;

	for (; pair != NULL && is_fine; pair = next) {
		next = pair->next.tqe_next; /* an answer takes the call, and the pairs with it */
		is_fine = check_parameter(call, schemas, schema, pair);
	}
	json_decref(schema);
	return is_fine;
}

/* Whether there has to be a body the handler knows. */
static bool check_body(struct admin_call *call, struct admin_schemas *schemas)
{
	struct err_info info = {.text = ""};
	json_t *schema;
	enum err e;

	if (call->body == NULL)
		return true;
	if (!admin_needs_object(call))
		return false;
	schema = schema_of(schemas, call->route->request);
	e = shape_check(schema, call->body, admin_schemas_find, schemas, &info);
	json_decref(schema);
	if (e != ERR_OK)
		admin_problem(call, 422, "%s", info.text);
	return e == ERR_OK;
}

bool admin_fits(struct admin_call *call)
{
	struct admin_schemas schemas = {.skips_records = true};
	bool is_fine;

	if (strncmp(call->route->pattern, "/v1", 3) != 0)
		return true; /* files of the admin center, and what monitors ask for */
	if (call->query.tqh_first == NULL && call->body == NULL)
		return true;
	schemas.made = json_object();
	is_fine =
		check_query(call, &schemas) && admin_page_take(call) && check_body(call, &schemas);
	json_decref(schemas.made);
	return is_fine;
}
