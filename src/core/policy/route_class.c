#include "core/policy/snapshot.h"

#include <stdio.h>

static const char *connector_class(const struct policy_snapshot *snapshot, struct str name)
{
	struct str rest = name, organisation = str_cut(&rest, '/'), own = str_cut(&rest, ';');
	char texts[2][256];
	const struct model_connector *c;

	if (snapshot == NULL || organisation.n >= sizeof(texts[0]) || own.n >= sizeof(texts[1]))
		return "other";
	snprintf(texts[0], sizeof(texts[0]), "%.*s", STR_ARGS(organisation));
	snprintf(texts[1], sizeof(texts[1]), "%.*s", STR_ARGS(own));
	c = policy_connector(snapshot, texts[0], texts[1]);
	if (c == NULL)
		return "other";
	return c->type == MODEL_ON_PREMISES ? "on-premises" : "partner";
}

const char *policy_route_class(const struct policy_snapshot *snapshot, struct str key)
{
	static const struct {
		const char *start, *name;
	} rows[] = {{"maildir", "maildir"}, {"lmtp", "lmtp"}, {"smtp", "smtp"}, {"mx", "mx"},
		{"literal", "literal"}, {"refuse", "refused"}};
	struct str start = str_cut(&key, ':');

	if (str_is(start, "connector"))
		return connector_class(snapshot, key);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (str_is(start, rows[i].start))
			return rows[i].name;
	return "other";
}
