/* The header conditions of rules. */
#include "core/policy/snapshot.h"

static bool contains_nocase(struct str text, struct str part)
{
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (str_equal_nocase(str_part(text, i, i + part.n), part))
			return true;
	return part.n == 0;
}

/* A message may have the field any number of times: nothing is made before it is needed. */
static bool has_label(const struct record_texts *list, const struct model_rule *r)
{
	for (size_t i = 0; i < list->count; i++) {
		struct str name = str_of(list->items[i]);
		struct str organisation = str_cut(&name, '/');

		if (str_is(organisation, r->organisation) && str_is(name, r->name))
			return true;
	}
	return false;
}

void policy_labels_add(const struct policy_snapshot *snapshot,
	const struct record_texts *organisations, struct str name, struct str value,
	struct arena *arena, struct record_texts *labels)
{
	for (size_t i = 0; i < organisations->count; i++) {
		const struct policy_rules *rules =
			map_get(snapshot->rules, str_of(organisations->items[i]));

		for (size_t k = 0; rules != NULL && k < rules->count; k++) {
			const struct model_rule *r = rules->items[k];

			if (!r->enabled || r->header == NULL ||
				!str_equal_nocase(name, str_of(r->header)) ||
				!contains_nocase(value, str_of(r->header_contains)))
				continue;
			if (!has_label(labels, r))
				policy_add_text(labels, arena,
					arena_format(arena, "%s/%s", r->organisation, r->name));
		}
	}
}
