/*
 * Which part of a request a problem is about.  Messages begin with the place as a path
 * ("inbound.addresses[2]: expected ..."), or with the object and then the place ("connector a/b:
 * inbound.addresses[2]: expected ..."); the object is the one that is changed, or one of those that
 * the body holds.
 */
#include "process/admin/call.h"

#include <string.h>

/* What stands behind "SINGULAR KEY: ", whatever the case of the key; NULL: it does not begin so. */
static const char *behind(const char *detail, const char *singular, const char *key)
{
	size_t n = strlen(singular), k = strlen(key);

	if (strncmp(detail, singular, n) != 0 || detail[n] != ' ' ||
		strlen(detail) < n + 1 + k + 2 ||
		!str_equal_nocase(str_make(detail + n + 1, k), str_make(key, k)) ||
		strncmp(detail + n + 1 + k, ": ", 2) != 0)
		return NULL;
	return detail + n + 1 + k + 2;
}

static const char *key_of(
	struct admin_call *call, const struct model_kind_row *kind, const json_t *object)
{
	const char *name = json_string_value(json_object_get(object, kind->key));
	const char *organisation = json_string_value(json_object_get(object, "organisation"));

	if (!kind->is_nested || name == NULL)
		return name;
	return organisation != NULL ? arena_format(call->arena, "%s/%s", organisation, name) : NULL;
}

/* {"changes": [{kind, key, object}]} */
static const char *among_changes(
	struct admin_call *call, const json_t *changes, const char *detail, const char **ret_rest)
{
	const json_t *change;
	size_t i;

	json_array_foreach (changes, i, change) {
		const char *kind = json_string_value(json_object_get(change, "kind"));
		const char *key = json_string_value(json_object_get(change, "key"));

		if (kind == NULL || key == NULL)
			continue;
		*ret_rest = behind(detail, kind, key);
		if (*ret_rest != NULL)
			return arena_format(call->arena, "changes[%zu].object", i);
	}
	return NULL;
}

/* {"connectors": [...], ...} */
static const char *among_objects(struct admin_call *call, const char *detail, const char **ret_rest)
{
	for (int kind = 0; kind < MODEL_KIND_MAX; kind++) {
		const struct model_kind_row *row = &model_kinds[kind];
		const json_t *object;
		size_t i, n = strlen(row->singular);

		if (strncmp(detail, row->singular, n) != 0 || detail[n] != ' ')
			continue;
		json_array_foreach (json_object_get(call->body, row->plural), i, object) {
			const char *key = key_of(call, row, object);

			*ret_rest = key != NULL ? behind(detail, row->singular, key) : NULL;
			if (*ret_rest != NULL)
				return arena_format(call->arena, "%s[%zu]", row->plural, i);
		}
	}
	return NULL;
}

const char *admin_place_of(struct admin_call *call, const char *detail, const char **ret_why)
{
	const json_t *changes = json_object_get(call->body, "changes");
	const char *rest = NULL, *object = NULL;
	size_t n = record_place(detail);

	if (n > 0) {
		*ret_why = detail + n + 2;
		return arena_text_of(call->arena, str_make(detail, n));
	}
	if (call->about != NULL) {
		const char *space = strchr(call->about, ' ');

		rest = behind(detail,
			arena_text_of(
				call->arena, str_make(call->about, (size_t)(space - call->about))),
			space + 1);
	} else {
		object = changes != NULL ? among_changes(call, changes, detail, &rest)
					 : among_objects(call, detail, &rest);
	}
	if (rest == NULL)
		return NULL;
	n = record_place(rest);
	*ret_why = n > 0 ? rest + n + 2 : rest;
	if (object == NULL)
		return n > 0 ? arena_text_of(call->arena, str_make(rest, n)) : NULL;
	return n > 0 ? arena_format(call->arena, "%s.%.*s", object, (int)n, rest) : object;
}
