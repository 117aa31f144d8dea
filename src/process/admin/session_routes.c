/* Who asks. */
#include "process/admin/call.h"

void admin_get_session(struct admin_call *call)
{
	json_t *organisations = json_array();

	for (size_t i = 0; i < call->organisations.count; i++)
		json_array_append_new(organisations, json_string(call->organisations.items[i]));
	admin_reply(call, 200,
		json_pack("{s:s,s:s,s:o,s:s,s:n,s:b,s:s?,s:s}", "user", call->actor, "role",
			admin_role_names[call->role], "organisations", organisations, "via",
			admin_via_names[call->via], "csrf", "has_totp", false, "hostname",
			call->admin->node.hostname, "version", SEALPOST_VERSION),
		NULL);
}
