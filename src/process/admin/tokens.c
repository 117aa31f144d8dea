/* Tokens: made here, told once; the spool gets the hash. */
#include "port/secret/secret.h"
#include "process/admin/users.h"

#include <stdlib.h>
#include <string.h>

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

static void remove_token(struct admin_call *call)
{
	admin_ask_spool(
		call, "tokens.remove", json_pack("{s:s}", "id", call->segments[0]), removed);
}

/* NULL: there is none of that id, answered. */
static const json_t *find(struct admin_call *call, enum err e, const json_t *result)
{
	const json_t *token;
	size_t i;

	if (e != ERR_OK) {
		admin_problem_of(call, e, result);
		return NULL;
	}
	json_array_foreach (json_object_get(result, "items"), i, token)
		if (strcmp(json_string_value(json_object_get(token, "id")), call->segments[0]) == 0)
			return token;
	admin_problem(call, 404, "there is no token %s", call->segments[0]);
	return NULL;
}

/* Nothing of a token changes, and no id comes twice. */
static const char *etag_of(struct admin_call *call, const json_t *token)
{
	char *text = json_dumps(token, JSON_COMPACT | JSON_SORT_KEYS);
	char digest[ACCOUNT_AUDIT_HASH];

	secret_sha256(str_of(text), digest);
	free(text);
	return arena_format(call->arena, "\"t-%.32s\"", digest);
}

static void shown(struct admin_call *call, enum err e, const json_t *result)
{
	const json_t *token = find(call, e, result);

	if (token != NULL)
		admin_reply(call, 200, json_incref((json_t *)token), etag_of(call, token));
}

void admin_get_token(struct admin_call *call)
{
	admin_ask_spool(call, "tokens.list", json_object(), shown);
}

static void remove_if_same(struct admin_call *call, enum err e, const json_t *result)
{
	const json_t *token = find(call, e, result);

	if (token == NULL)
		return;
	if (strcmp(etag_of(call, token), call->expected_object) == 0)
		remove_token(call);
	else
		admin_problem_at(call, 412, "changed", NULL, "this is another token: look again");
}

void admin_delete_token(struct admin_call *call)
{
	const char *if_match =
		evhttp_find_header(evhttp_request_get_input_headers(call->request), "If-Match");

	if (if_match == NULL || strcmp(if_match, "*") == 0) {
		remove_token(call);
		return;
	}
	call->expected_object = arena_text(call->arena, if_match);
	admin_ask_spool(call, "tokens.list", json_object(), remove_if_same);
}
