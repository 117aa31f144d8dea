/* Users: what is sent is checked here as far as it needs no look at others, and a password becomes
 * its hash before it leaves this process. */
#include "process/admin/users.h"
#include "process/admin/setup.h"
#include "process/admin/work.h"

#include <string.h>

static void listed(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else
		admin_reply(call, 200, json_incref((json_t *)result), NULL);
}

void admin_get_users(struct admin_call *call)
{
	admin_ask_spool(call, "users.list", json_object(), listed);
}

/* ---- one user -------------------------------------------------------------------------------- */

static void reply_user(struct admin_call *call, enum err e, const json_t *result, int status)
{
	json_t *user = json_object_get(result, "user");
	const char *changed = json_string_value(json_object_get(user, "changed"));

	if (e == ERR_CONFLICT)
		admin_problem_at(call, 412, "changed", NULL, "%s",
			json_string_value(json_object_get(result, "detail")));
	else if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else
		admin_reply(call, status, user != NULL ? json_incref(user) : json_object(),
			changed != NULL ? arena_format(call->arena, "\"%s\"", changed) : NULL);
}

static void answered(struct admin_call *call, enum err e, const json_t *result)
{
	reply_user(call, e, result, 200);
}

static void added(struct admin_call *call, enum err e, const json_t *result)
{
	reply_user(call, e, result, 201);
}

void admin_get_user(struct admin_call *call)
{
	admin_ask_spool(call, "users.get", json_pack("{s:s}", "name", call->segments[0]), answered);
}

/* Put If-Match, when given, into the question; ours are in quotes. */
static void take_if_match(const struct admin_call *call, json_t *arguments)
{
	struct str s = str_of(
		evhttp_find_header(evhttp_request_get_input_headers(call->request), "If-Match"));

	if (s.p == NULL || str_is(s, "*"))
		return;
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		s = str_part(s, 1, s.n - 1);
	/* What is no text is none of ours: it must not be as if nothing was said. */
	json_object_set_new(
		arguments, "if_match", str_is_utf8(s) ? json_stringn(s.p, s.n) : json_string(""));
}

static void put_user(struct admin_call *call)
{
	admin_ask_spool(call, "users.put", json_incref(call->object),
		json_object_get(call->object, "new") != NULL ? added : answered);
}

static void made_password(struct admin_call *call, bool is_made, const char *hash)
{
	if (!is_made) {
		admin_problem(call, 503, "there is no memory for the password's hash; try again");
		return;
	}
	json_object_set_new(json_object_get(call->object, "set"), "password", json_string(hash));
	put_user(call);
}

/* ARGUMENTS for users.put are taken: once the password in them, if there is one, is its hash. */
static void put_with_hash(struct admin_call *call, json_t *arguments, const char *name)
{
	const json_t *given = json_object_get(json_object_get(arguments, "set"), "password");
	const char *password = json_string_value(given);
	struct err_info info = {0};

	call->object = arguments;
	if (given == NULL || json_is_null(given)) {
		put_user(call);
		return;
	}
	if (password == NULL || strlen(password) != json_string_length(given))
		err_set(&info, ERR_SYNTAX, "expected a text");
	else
		(void)account_check_password(password, name, &info);
	if (info.code != ERR_OK)
		admin_problem(call, 422, "password: %s", info.text);
	else
		admin_password_make(call, password, made_password);
}

void admin_add_user(struct admin_call *call)
{
	const char *name = json_string_value(json_object_get(call->body, "name"));
	struct err_info info = {.text = "expected a text"};
	json_t *set, *arguments;

	if (!admin_needs_object(call))
		return;
	if (name == NULL || account_check_name(name, &info) != ERR_OK) {
		admin_problem(call, 422, "name: %s", info.text);
		return;
	}
	if (json_object_get(call->body, "role") == NULL) {
		admin_problem(call, 422, "role: expected one of %s, %s, %s, %s",
			account_role_names[0], account_role_names[1], account_role_names[2],
			account_role_names[3]);
		return;
	}
	set = json_copy(call->body);
	arguments = json_pack("{s:s,s:b,s:o}", "name", name, "new", 1, "set", set);
	json_object_del(set, "name");
	take_if_match(call, arguments);
	put_with_hash(call, arguments, name);
}

void admin_patch_user(struct admin_call *call)
{
	const json_t *totp = json_object_get(call->body, "totp");
	json_t *set, *arguments;

	if (!admin_needs_object(call))
		return;
	if ((totp != NULL && !json_is_null(totp)) ||
		json_object_get(call->body, "totp_step") != NULL) {
		admin_problem(call, 422,
			"totp: expected null, which takes it away; only the user can set it");
		return;
	}
	set = json_copy(call->body);
	arguments = json_pack("{s:s,s:o}", "name", call->segments[0], "set", set);
	take_if_match(call, arguments);
	put_with_hash(call, arguments, call->segments[0]);
}

static void removed(struct admin_call *call, enum err e, const json_t *result)
{
	char *name = arena_text(call->arena, call->segments[0]);

	str_lower_in_place(name, strlen(name));
	if (e == ERR_OK)
		admin_links_drop(call->admin->links, name);
	answered(call, e, result);
}

void admin_delete_user(struct admin_call *call)
{
	json_t *arguments = json_pack("{s:s}", "name", call->segments[0]);

	take_if_match(call, arguments);
	admin_ask_spool(call, "users.remove", arguments, removed);
}
