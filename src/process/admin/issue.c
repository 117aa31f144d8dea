/*
 * New keys, requests for certificates, and what authorities make of them.  Nothing of it is done in
 * this process: the supervisor has an order carried out by one that ends with it.  Keys never pass
 * here.
 */
#include "port/issue/issue.h"
#include "base/moment.h"
#include "port/tls/tls.h"
#include "process/admin/call.h"

#include <string.h>

static json_t *request_json(
	struct admin_call *call, const char *name, int64_t at_ms, const char *request)
{
	char moment[MOMENT_TEXT_SIZE];
	struct cert_facts facts = {0};
	json_t *names = json_array();

	/* One that cannot be read is shown all the same: it can be dropped. */
	tls_facts_of_request(str_of(request), call->arena, &facts, NULL);
	for (size_t i = 0; i < facts.names.count; i++)
		json_array_append_new(names, json_string(facts.names.items[i]));
	moment_format_rfc3339(at_ms, moment);
	return json_pack("{s:s,s:s,s:s?,s:o,s:s?,s:s}", "name", name, "created", moment, "subject",
		facts.subject, "names", names, "key", facts.key, "request", request);
}

/* ---- orders -----------------------------------------------------------------------------------
 */

/* Nothing says by whom it would be presented: then nobody will ever see it. */
static void warn_unused(struct admin_call *call, json_t *warnings)
{
	json_t *uses = admin_uses_of(call, call->segments[0]);

	if (json_array_size(uses) == 0)
		json_array_append_new(warnings,
			json_string(arena_format(call->arena,
				"no listener, organisation or connector uses the certificate %s, "
				"nor does the admin center",
				call->segments[0])));
	json_decref(uses);
}

static void come(struct admin_call *call)
{
	warn_unused(call, json_object_get(call->object, "warnings"));
	admin_reply(call, 200, json_incref(call->object), NULL);
}

static void done(struct admin_call *call, enum err e, const json_t *result)
{
	const char *request = json_string_value(json_object_get(result, "request"));

	if (e != ERR_OK) {
		admin_problem_of(call, e, result);
	} else if (request != NULL) {
		admin_reply(call, 201,
			request_json(call, call->segments[0], runtime_now_ms(), request), NULL);
	} else {
		json_decref(call->object);
		call->object = json_pack("{s:O,s:O,s:O}", "version",
			json_object_get(result, "version"), "life", json_object_get(result, "life"),
			"warnings", json_object_get(result, "warnings"));
		call->is_long = false;
		admin_with_snapshot(call, come);
	}
}

void admin_issue(struct admin_call *call)
{
	int action = call->route->argument;
	struct err_info info = {.text = ""};
	struct issue_order order;
	json_t *json;

	if (!admin_needs_object(call))
		return;
	json = json_copy(call->body);
	json_object_set_new(json, "action", json_string(issue_action_names[action]));
	json_object_set_new(json, "name", json_string(call->segments[0]));
	if (action != ISSUE_CHAIN && json_array_size(json_object_get(json, "names")) == 0)
		json_object_set_new(json, "names", json_pack("[s]", call->admin->node.hostname));
	if (record_from_json(&issue_order_desc, json, "", call->arena, &order, &info) != ERR_OK) {
		json_decref(json);
		admin_problem(call, 422, "%s", info.text);
		return;
	}
	json_decref(json);
	call->is_long = true;
	admin_ask_supervisor(call,
		json_pack("{s:s,s:s,s:o}", "verb", "issue", "actor", call->actor, "order",
			record_to_json(&issue_order_desc, &order, RECORD_JSON_SPARSE)),
		done);
}

/* ---- open requests ----------------------------------------------------------------------------
 */

static void listed(struct admin_call *call, enum err e, const json_t *result)
{
	json_t *items = json_array();
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(result, "items"), i, item) {
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *request = json_string_value(json_object_get(item, "request"));

		if (name != NULL && request != NULL)
			json_array_append_new(
				items, request_json(call, name,
					       json_integer_value(json_object_get(item, "at_ms")),
					       request));
	}
	if (e == ERR_OK)
		admin_reply(call, 200, json_pack("{s:O}", "items", items), NULL);
	else
		admin_problem_of(call, e, result);
	json_decref(items);
}

void admin_get_requests(struct admin_call *call)
{
	admin_ask_supervisor(call, json_pack("{s:s}", "verb", "requests"), listed);
}

static void dropped(struct admin_call *call, enum err e, const json_t *result)
{
	if (e == ERR_OK)
		admin_reply(call, 200, json_object(), NULL);
	else
		admin_problem_of(call, e, result);
}

void admin_drop_request(struct admin_call *call)
{
	admin_ask_supervisor(call,
		json_pack("{s:s,s:s,s:s}", "verb", "request.drop", "name", call->segments[0],
			"actor", call->actor),
		dropped);
}
