/* Questions to other processes, and their answers. */
#include "process/admin/login.h"
#include "process/admin/call.h"

#include <string.h>

static void on_timeout(evutil_socket_t fd, short what, void *context)
{
	struct admin_call *call = context;

	(void)fd;
	(void)what;
	if (call->is_extra) {
		call->tag = 0;
		call->waiting_verb = NULL;
		call->answered(call, ERR_TIMEOUT, NULL);
		return;
	}
	if (call->waiting_verb != NULL) {
		admin_problem(call, 503,
			"the spool did not start within %d seconds; see the server's log",
			ADMIN_WAIT_S);
		return;
	}
	admin_problem(call, 503,
		"the %s did not answer within %d seconds; whether it acted is not "
		"known",
		call->asks_supervisor ? "supervisor" : "spool",
		call->is_long ? ADMIN_LONG_S : ADMIN_WAIT_S);
}

static void await(struct admin_call *call, bool supervisor, admin_answered *answered)
{
	struct timeval wait = {.tv_sec = call->is_extra	 ? ADMIN_EXTRA_S
					 : call->is_long ? ADMIN_LONG_S
							 : ADMIN_WAIT_S};

	call->tag = ++call->admin->last_tag;
	call->asks_supervisor = supervisor;
	call->answered = answered;
	if (call->timer == NULL)
		call->timer = evtimer_new(runtime_base(call->admin->runtime), on_timeout, call);
	evtimer_add(call->timer, &wait);
}

static void put_question(struct admin_call *call)
{
	struct wire_manage manage = {
		.tag = call->tag,
		.verb = call->waiting_verb,
		.actor = call->actor,
		.arguments = str_of(call->waiting_arguments),
	};

	call->waiting_verb = NULL;
	ipc_send(call->admin->spool, WIRE_MANAGE, &manage);
}

/* With every question: the spool answers nothing to such a user that it does not limit. */
static json_t *organisations_json(const struct admin_call *call)
{
	json_t *list = json_array();

	for (size_t i = 0; i < call->organisations.count; i++)
		json_array_append_new(list, json_string(call->organisations.items[i]));
	return list;
}

/* What stands in the audit log says how its actor came. */
static void say_who(const struct admin_call *call, const char *verb, json_t *arguments)
{
	static const char *const logged[] = {"config.", "users.", "tokens.", "audit.add"};
	bool is_logged = false;

	if (call->is_limited)
		json_object_set_new(arguments, "organisations", organisations_json(call));
	for (size_t i = 0; i < ARRAY_LENGTH(logged); i++)
		is_logged = is_logged || strncmp(verb, logged[i], strlen(logged[i])) == 0;
	if (!is_logged)
		return;
	json_object_set_new(arguments, "via", json_string(admin_via_names[call->via]));
	if (call->address != NULL)
		json_object_set_new(arguments, "address", json_string(call->address));
}

/* Whose rights or password change loses her sessions.  The step of a one-time code is no change. */
static void note_changed_user(struct admin_call *call, const char *verb, const json_t *arguments)
{
	const char *name = json_string_value(json_object_get(arguments, "name"));
	const json_t *set = json_object_get(arguments, "set");
	bool is_step = json_object_size(set) == 1 && json_object_get(set, "totp_step") != NULL;
	char *lower;

	if (name == NULL || is_step ||
		(strcmp(verb, "users.put") != 0 && strcmp(verb, "users.remove") != 0))
		return;
	lower = arena_text(call->arena, name);
	str_lower_in_place(lower, strlen(lower));
	call->changed_user = lower;
}

static void note_revoked_token(struct admin_call *call, const char *verb, const json_t *arguments)
{
	const char *id = json_string_value(json_object_get(arguments, "id"));

	if (id != NULL && strcmp(verb, "tokens.remove") == 0)
		call->revoked_token = arena_text(call->arena, id);
}

void admin_ask_spool(
	struct admin_call *call, const char *verb, json_t *arguments, admin_answered *answered)
{
	char *text;

	say_who(call, verb, arguments);
	note_changed_user(call, verb, arguments);
	note_revoked_token(call, verb, arguments);
	text = json_dumps(arguments, JSON_COMPACT);
	json_decref(arguments);
	await(call, false, answered);
	call->waiting_verb = verb;
	call->waiting_arguments = arena_text(call->arena, text);
	free(text);
	if (call->admin->spool != NULL)
		put_question(call);
}

void admin_tell_spool(struct admin_call *call, const char *verb, json_t *arguments)
{
	struct wire_manage manage = {
		.tag = ++call->admin->last_tag, .verb = verb, .actor = call->actor};
	char *text;

	say_who(call, verb, arguments);
	text = json_dumps(arguments, JSON_COMPACT);
	json_decref(arguments);
	manage.arguments = str_of(text);
	if (call->admin->spool != NULL)
		ipc_send(call->admin->spool, WIRE_MANAGE, &manage);
	free(text);
}

static void spool_answered(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else if (call->admin->snapshot == NULL)
		admin_problem(call, 503, "the configuration is not loaded yet; try again");
	else
		call->go(call);
}

void admin_with_snapshot(struct admin_call *call, void (*go)(struct admin_call *call))
{
	call->go = go;
	if (call->admin->snapshot != NULL)
		go(call);
	else /* whoever answers has told the configuration before */
		admin_ask_spool(call, "spool.status", json_object(), spool_answered);
}

void admin_spool_came(struct admin *admin)
{
	for (struct admin_call *call = admin->calls; call != NULL; call = call->next)
		if (call->tag != 0 && call->waiting_verb != NULL)
			put_question(call);
}

void admin_ask_supervisor(struct admin_call *call, json_t *question, admin_answered *answered)
{
	await(call, true, answered);
	runtime_ask(call->admin->runtime, call->tag, question);
	json_decref(question);
}

void admin_answer(
	struct admin *admin, int64_t tag, bool supervisor, enum err e, const json_t *result)
{
	struct admin_call *call = admin->calls;

	while (call != NULL && (call->tag != tag || call->asks_supervisor != supervisor))
		call = call->next;
	if (call == NULL)
		return;
	call->tag = 0;
	evtimer_del(call->timer);
	if (call->changed_user != NULL && e == ERR_OK)
		admin_user_changed(call, call->keeps_session ? call->session : 0);
	call->changed_user = NULL;
	if (call->revoked_token != NULL && e == ERR_OK)
		admin_token_revoked(call);
	call->revoked_token = NULL;
	call->answered(call, e, result);
}

/* One whose question went away with the spool. */
static struct admin_call *find_asking(struct admin *admin)
{
	struct admin_call *call = admin->calls;

	while (call != NULL &&
		(call->tag == 0 || call->asks_supervisor || call->waiting_verb != NULL))
		call = call->next;
	return call;
}

void admin_spool_gone(struct admin *admin)
{
	struct admin_call *call;

	/* From the first one each time: the end of one can be that of others. */
	while ((call = find_asking(admin)) != NULL) {
		if (call->is_extra)
			admin_answer(admin, call->tag, false, ERR_GONE, NULL);
		else
			admin_problem(call, 503,
				"the spool was restarted meanwhile; whether it "
				"acted is not known");
	}
}
