/* What is doubtful in the configuration that is in force. */
#include "core/policy/lint.h"
#include "process/admin/call.h"

static void reply(struct admin_call *call)
{
	const struct admin *admin = call->admin;
	struct record_texts certificates = {0};
	struct policy_findings found;
	json_t *items;

	certificates.items =
		arena_array(call->arena, admin->certificate_count + 1, sizeof(const char *));
	for (size_t i = 0; i < admin->certificate_count; i++)
		certificates.items[certificates.count++] = admin->certificates[i].name;
	policy_lint(policy_snapshot_config(admin->snapshot), &certificates, call->arena, &found);
	items = json_array();
	for (size_t i = 0; i < found.count; i++) {
		struct policy_finding *f = &found.items[i];

		if (!admin_manages(call, f->organisation))
			continue;
		if (call->is_limited)
			f->others.count = 0;
		json_array_append_new(
			items, record_to_json(&policy_finding_desc, f, RECORD_JSON_FULL));
	}
	admin_reply(call, 200,
		json_pack("{s:I,s:o}", "generation",
			(json_int_t)policy_snapshot_generation(admin->snapshot), "items", items),
		NULL);
}

void admin_get_lint(struct admin_call *call)
{
	admin_with_snapshot(call, reply);
}
