/* The answers to ACME's challenges, as those who ask for certificates set them. */
#include "process/admin/call.h"
#include "process/admin/challenge.h"

#include "port/log/log.h"

static const char *text_of(const struct admin_call *call, const char *key)
{
	const char *text = json_string_value(json_object_get(call->body, key));

	return text != NULL ? text : "";
}

void admin_get_challenges(struct admin_call *call)
{
	const struct admin_challenges *all = call->admin->challenges;
	json_t *items = json_array();

	for (size_t i = 0; i < admin_challenge_count(all); i++) {
		const char *token = admin_challenge_token(all, i);

		json_array_append_new(items, json_pack("{s:s, s:s}", "token", token, "answer",
						     admin_challenge_find(all, str_of(token))));
	}
	admin_reply(call, 200, json_pack("{s:o}", "items", items), NULL);
}

void admin_add_challenge(struct admin_call *call)
{
	struct err_info info = {.text = ""};
	const char *token;
	enum err e;

	if (!admin_needs_object(call))
		return;
	if (call->admin->node.publish.listen == NULL) {
		admin_problem(call, 409,
			"nobody could fetch the answer: set publish.listen in the node file (port "
			"80, or one to which a proxy passes /.well-known/acme-challenge/ on)");
		return;
	}
	token = text_of(call, "token");
	e = admin_challenge_put(
		&call->admin->challenges, str_of(token), str_of(text_of(call, "answer")), &info);
	if (e != ERR_OK) {
		admin_problem(call, admin_status_of(e), "%s", info.text);
		return;
	}
	log_event(LOG_INFO_LEVEL, "challenge.added", LOG_TEXT("token", token),
		LOG_TEXT("by", call->actor));
	admin_reply(call, 201, json_pack("{s:s}", "token", token), NULL);
}

void admin_remove_challenge(struct admin_call *call)
{
	const char *token = call->segments[0];

	if (!admin_challenge_remove(call->admin->challenges, str_of(token))) {
		admin_problem(call, 404, "there is no challenge %s", token);
		return;
	}
	admin_reply(call, 200, json_pack("{s:s}", "token", token), NULL);
}
