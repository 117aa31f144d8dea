/* Copies of the databases while mail goes on: the spool makes them. */
#include "process/admin/call.h"

static void pass_on(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else
		admin_reply(call, 200, json_incref((json_t *)result), NULL);
}

void admin_get_backups(struct admin_call *call)
{
	admin_ask_spool(call, "backup.list", json_object(), pass_on);
}

void admin_begin_backup(struct admin_call *call)
{
	const json_t *trace = json_object_get(call->body, "trace");

	admin_ask_spool(call, "backup.begin",
		json_pack("{s:b}", "trace", trace == NULL || json_is_true(trace)), pass_on);
}

void admin_get_backup(struct admin_call *call)
{
	admin_ask_spool(
		call, "backup.show", json_pack("{s:s}", "name", call->segments[0]), pass_on);
}

void admin_remove_backup(struct admin_call *call)
{
	admin_ask_spool(
		call, "backup.remove", json_pack("{s:s}", "name", call->segments[0]), pass_on);
}
