/* The audit log: questions that the spool answers. */
#include "process/admin/page.h"
#include "process/admin/users.h"

static void pass_on(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else
		admin_reply(call, 200, json_incref((json_t *)result), NULL);
}

void admin_get_audit(struct admin_call *call)
{
	static const char *const names[] = {"actor", "action", "object", "since", "until"};
	json_t *arguments = json_object();

	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (admin_query(call, names[i]) != NULL)
			json_object_set_new(
				arguments, names[i], json_string(admin_query(call, names[i])));
	admin_page_ask(call, arguments);
	admin_ask_spool(call, "audit.list", arguments, pass_on);
}

void admin_get_audit_entry(struct admin_call *call)
{
	admin_ask_spool(call, "audit.get", json_pack("{s:s}", "id", call->segments[0]), pass_on);
}

void admin_verify_audit(struct admin_call *call)
{
	admin_ask_spool(call, "audit.verify", json_object(), pass_on);
}
