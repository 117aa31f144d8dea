/* What partners present, and who is told of alarms: questions that the spool answers. */
#include "base/moment.h"
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

static void set_text(const struct admin_call *call, const char *name, json_t *to)
{
	if (admin_query(call, name) != NULL)
		json_object_set_new(to, name, json_string(admin_query(call, name)));
}

void admin_get_chains(struct admin_call *call)
{
	const char *since = admin_query(call, "since");
	int64_t at_ms = 0;
	json_t *arguments;

	if (since != NULL && !moment_parse_rfc3339(str_of(since), &at_ms)) {
		admin_problem(
			call, 400, "since: expected a moment like 2026-11-21, found %s", since);
		return;
	}
	arguments = json_pack("{s:b,s:b,s:I}", "newest", is_set(call, "newest"), "pem",
		is_set(call, "pem"), "since", (json_int_t)at_ms);
	set_text(call, "organisation", arguments);
	set_text(call, "connector", arguments);
	admin_page_ask(call, arguments);
	admin_ask_spool(call, "chains.list", arguments, pass_on);
}

/* The id in the path; false: answered. */
static bool take_id(struct admin_call *call, json_t **ret_arguments)
{
	uint64_t id;

	if (!str_to_u64(str_of(call->segments[0]), &id) || id == 0 || id > INT64_MAX) {
		admin_problem(call, 404, "there is no chain %s", call->segments[0]);
		return false;
	}
	*ret_arguments = json_pack("{s:I}", "id", (json_int_t)id);
	return true;
}

void admin_get_chain(struct admin_call *call)
{
	json_t *arguments;

	if (take_id(call, &arguments))
		admin_ask_spool(call, "chains.show", arguments, pass_on);
}

void admin_accept_chain(struct admin_call *call)
{
	json_t *arguments;

	if (take_id(call, &arguments))
		admin_ask_spool(call, "chains.accept", arguments, pass_on);
}

void admin_test_alerts(struct admin_call *call)
{
	admin_ask_spool(call, "alerts.test", json_object(), pass_on);
}
