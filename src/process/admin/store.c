/* Queue, trace and hosts: questions that the spool answers as they stand. */
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

/* Put the query parameters of these names into TO. */
static void take_query(const struct admin_call *call, const char *const *names, json_t *to)
{
	for (; *names != NULL; names++)
		if (admin_query(call, *names) != NULL)
			json_object_set_new(to, *names, json_string(admin_query(call, *names)));
}

void admin_get_queue(struct admin_call *call)
{
	static const char *const names[] = {
		"id", "route", "domain", "connector", "sender", "recipient", "state", NULL};
	json_t *arguments = json_object(), *filter = json_object();

	take_query(call, names, filter);
	json_object_set_new(arguments, "filter", filter);
	admin_page_ask(call, arguments);
	admin_ask_spool(call, "queue.list", arguments, pass_on);
}

void admin_get_queue_summary(struct admin_call *call)
{
	admin_ask_spool(call, "queue.summary", json_object(), pass_on);
}

void admin_get_queue_item(struct admin_call *call)
{
	admin_ask_spool(call, "queue.show", json_pack("{s:s}", "id", call->segments[0]), pass_on);
}

const char *const admin_queue_actions[] = {"hold", "release", "retry", "delete", "return", NULL};

void admin_act_on_queue(struct admin_call *call)
{
	const json_t *filter = json_object_get(call->body, "filter");
	bool known = false;

	for (size_t i = 0; admin_queue_actions[i] != NULL; i++)
		known = known || strcmp(admin_queue_actions[i], call->segments[0]) == 0;
	if (!known)
		admin_problem(call, 404,
			"no such action: %s; expected hold, release, retry, delete or return",
			call->segments[0]);
	else if (!json_is_object(filter) || json_object_size(filter) == 0)
		admin_problem(call, 400,
			"filter: expected at least one of id, route, domain, connector, sender, "
			"recipient, state, or all: true");
	else
		admin_ask_spool(call, "queue.act",
			json_pack("{s:s,s:O}", "action", call->segments[0], "filter", filter),
			pass_on);
}

void admin_get_trace(struct admin_call *call)
{
	static const char *const names[] = {"address", "sender", "recipient", "message_id", "id",
		"connector", "outcome", "since", "until", "tls", "host", "subject", NULL};
	json_t *arguments = json_object();

	take_query(call, names, arguments);
	admin_page_ask(call, arguments);
	admin_ask_trace(call, arguments);
}

void admin_get_trace_item(struct admin_call *call)
{
	admin_ask_spool(call, "trace.show", json_pack("{s:s}", "id", call->segments[0]), pass_on);
}

void admin_get_hosts(struct admin_call *call)
{
	json_t *arguments = json_object();

	admin_page_ask(call, arguments);
	admin_ask_spool(call, "hosts.list", arguments, pass_on);
}

void admin_forget_host(struct admin_call *call)
{
	admin_ask_spool(
		call, "hosts.forget", json_pack("{s:s}", "host", call->segments[0]), pass_on);
}

/* ---- the server ------------------------------------------------------------------------------ */

static void got_supervisor(struct admin_call *call, enum err e, const json_t *result);

/* The supervisor's answer is in call->object; the spool's counters are an addition. */
static void got_spool(struct admin_call *call, enum err e, const json_t *result)
{
	if (e == ERR_OK && result != NULL)
		json_object_set(call->object, "spool", (json_t *)result);
	admin_reply(call, 200, json_incref(call->object), NULL);
}

static void got_supervisor(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK) {
		admin_problem_of(call, e, result);
		return;
	}
	call->object = json_copy((json_t *)result);
	json_object_set_new(call->object, "version", json_string(SEALPOST_VERSION));
	if (call->admin->node.hostname != NULL)
		json_object_set_new(
			call->object, "hostname", json_string(call->admin->node.hostname));
	if (call->admin->snapshot != NULL)
		json_object_set_new(call->object, "generation",
			json_integer(
				(json_int_t)policy_snapshot_generation(call->admin->snapshot)));
	call->is_extra = true; /* a status without the queue's counters is better than none */
	if (call->admin->spool == NULL)
		admin_reply(call, 200, json_incref(call->object), NULL);
	else
		admin_ask_spool(call, "spool.status", json_object(), got_spool);
}

void admin_get_status(struct admin_call *call)
{
	admin_ask_supervisor(call, json_pack("{s:s}", "verb", "status"), got_supervisor);
}

void admin_reload(struct admin_call *call)
{
	admin_ask_supervisor(call, json_pack("{s:s}", "verb", "reload"), pass_on);
}
