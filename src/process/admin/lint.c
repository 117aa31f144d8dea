/* What is doubtful in the configuration: in the one that is in force, and in one that is tried out.
 */
#include "base/map.h"
#include "core/policy/lint.h"
#include "process/admin/call.h"

static void lint(
	struct admin_call *call, const struct model_config *config, struct policy_findings *ret)
{
	const struct admin *admin = call->admin;
	struct record_texts certificates = {0};

	certificates.items =
		arena_array(call->arena, admin->certificate_count + 1, sizeof(const char *));
	for (size_t i = 0; i < admin->certificate_count; i++)
		certificates.items[certificates.count++] = admin->certificates[i].name;
	policy_lint(config, &certificates, call->arena, ret);
}

/* NULL: it is not for who asks. */
static json_t *finding_json(const struct admin_call *call, const struct policy_finding *finding)
{
	struct policy_finding copy = *finding;

	if (!admin_manages(call, finding->organisation))
		return NULL;
	if (call->is_limited)
		copy.others.count = 0;
	return record_to_json(&policy_finding_desc, &copy, RECORD_JSON_FULL);
}

static void reply(struct admin_call *call)
{
	const struct admin *admin = call->admin;
	struct policy_findings found;
	json_t *items = json_array(), *item;

	lint(call, policy_snapshot_config(admin->snapshot), &found);
	for (size_t i = 0; i < found.count; i++)
		if ((item = finding_json(call, &found.items[i])) != NULL)
			json_array_append_new(items, item);
	admin_reply(call, 200,
		json_pack("{s:I,s:o}", "generation",
			(json_int_t)policy_snapshot_generation(admin->snapshot), "items", items),
		NULL);
}

void admin_get_lint(struct admin_call *call)
{
	admin_with_snapshot(call, reply);
}

/* ---- tried out --------------------------------------------------------------------------------
 */

static struct str name_of(struct admin_call *call, const struct policy_finding *finding)
{
	return str_of(arena_format(call->arena, "%s %s", finding->token, finding->subject));
}

/* Subjects as findings have them: "connector contoso/fabrikam". */
static bool is_about(struct admin_call *call, const struct policy_finding *f, const json_t *changes)
{
	const json_t *change;
	size_t i;

	json_array_foreach (changes, i, change) {
		const char *kind = json_string_value(json_object_get(change, "kind"));
		const char *key = json_string_value(json_object_get(change, "key"));

		if (kind != NULL && key != NULL &&
			str_is_nocase(
				str_of(f->subject), arena_format(call->arena, "%s %s", kind, key)))
			return true;
	}
	return false;
}

static json_t *findings_of(struct admin_call *call, const struct model_config *before,
	const struct model_config *after, const json_t *changes)
{
	struct policy_findings old, found;
	struct map *known;
	json_t *items = json_array();

	lint(call, before, &old);
	lint(call, after, &found);
	known = map_new_lent((uint64_t)(uintptr_t)call, old.count + 1);
	for (size_t i = 0; i < old.count; i++)
		map_set(known, name_of(call, &old.items[i]), &old.items[i]);
	for (size_t i = 0; i < found.count; i++) {
		const struct policy_finding *f = &found.items[i];
		bool is_new = map_get(known, name_of(call, f)) == NULL;
		json_t *item = is_new || is_about(call, f, changes) ? finding_json(call, f) : NULL;

		if (item == NULL)
			continue;
		json_object_set_new(item, "is_new", json_boolean(is_new));
		json_array_append_new(items, item);
	}
	map_free(&known);
	return items;
}

json_t *admin_with_findings(struct admin_call *call, const json_t *changes, const json_t *result)
{
	json_t *answer = json_deep_copy(result);
	struct err_info info = {0};
	const struct model_config *before;
	struct model_config after;

	if (call->admin->snapshot == NULL)
		return answer;
	before = policy_snapshot_config(call->admin->snapshot);
	after = *before;
	/* The spool had no objection; another change may have come between, and then it has. */
	if (model_change_objects(changes, call->arena, &after, &info) == ERR_OK)
		json_object_set_new(answer, "findings", findings_of(call, before, &after, changes));
	return answer;
}
