/* Readiness, alarms, protection: questions that the spool answers as they stand. */
#include "process/admin/page.h"

#include <string.h>

static void pass_on(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else
		admin_reply(call, 200,
			result != NULL ? json_incref((json_t *)result) : json_object(), NULL);
}

static bool is_set(const struct admin_call *call, const char *name)
{
	const char *value = admin_query(call, name);

	return value != NULL && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

void admin_get_readiness(struct admin_call *call)
{
	const char *days = admin_query(call, "days");
	json_t *arguments = json_pack(
		"{s:s,s:s}", "organisation", call->segments[0], "connector", call->segments[1]);
	uint64_t count = 0;

	if (days != NULL && (!str_to_u64(str_of(days), &count) || count > INT32_MAX)) {
		json_decref(arguments);
		admin_problem(call, 400, "days: expected a number, found %s", days);
		return;
	}
	if (days != NULL)
		json_object_set_new(arguments, "days", json_integer((json_int_t)count));
	admin_ask_spool(call, "connector.readiness", arguments, pass_on);
}

void admin_get_alarms(struct admin_call *call)
{
	json_t *arguments = json_pack("{s:b}", "all", is_set(call, "all"));

	admin_page_ask(call, arguments);
	admin_ask_spool(call, "alarms.list", arguments, pass_on);
}

void admin_acknowledge_alarm(struct admin_call *call)
{
	uint64_t id;

	if (!str_to_u64(str_of(call->segments[0]), &id) || id > INT64_MAX)
		admin_problem(call, 404, "there is no alarm %s", call->segments[0]);
	else
		admin_ask_spool(call, "alarms.acknowledge",
			json_pack("{s:I}", "id", (json_int_t)id), pass_on);
}

void admin_get_protection(struct admin_call *call)
{
	json_t *arguments = json_pack("{s:b}", "fallen", is_set(call, "fallen"));

	if (admin_query(call, "domain") != NULL)
		json_object_set_new(arguments, "domain", json_string(admin_query(call, "domain")));
	admin_page_ask(call, arguments);
	admin_ask_spool(call, "protection.list", arguments, pass_on);
}

void admin_forget_protection(struct admin_call *call)
{
	admin_ask_spool(call, "protection.forget", json_pack("{s:s}", "domain", call->segments[0]),
		pass_on);
}
