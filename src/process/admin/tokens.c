/* Tokens: made here, told once; the spool gets the hash. */
#include "port/secret/secret.h"
#include "process/admin/users.h"

static void listed(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else
		admin_reply(call, 200, json_incref((json_t *)result), NULL);
}

void admin_get_tokens(struct admin_call *call)
{
	admin_ask_spool(call, "tokens.list", json_object(), listed);
}

/* Its text waits in call->object. */
static void added(struct admin_call *call, enum err e, const json_t *result)
{
	json_t *token;

	if (e != ERR_OK) {
		admin_problem_of(call, e, result);
		return;
	}
	token = json_copy(json_object_get(result, "token"));
	json_object_set(token, "token", call->object);
	admin_reply(call, 201, token, NULL);
}

void admin_add_token(struct admin_call *call)
{
	static const char *const ours[] = {"id", "hash", "created", "created_by"};
	struct secret_token made;
	json_t *token;

	if (!admin_needs_object(call))
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(ours); i++)
		if (json_object_get(call->body, ours[i]) != NULL) {
			admin_problem(call, 422, "%s: it is the server that says this", ours[i]);
			return;
		}
	secret_token_make(&made);
	token = json_copy(call->body);
	json_object_set_new(token, "id", json_string(made.id));
	json_object_set_new(token, "hash", json_string(made.hash));
	call->object = json_string(made.text);
	secret_forget(&made, sizeof(made));
	admin_ask_spool(call, "tokens.add", json_pack("{s:o}", "token", token), added);
}

static void removed(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else
		admin_reply(call, 200, json_object(), NULL);
}

void admin_delete_token(struct admin_call *call)
{
	admin_ask_spool(
		call, "tokens.remove", json_pack("{s:s}", "id", call->segments[0]), removed);
}
