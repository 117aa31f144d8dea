#include "core/record/field.h"

struct walk {
	struct arena *arena;
	record_visit *visit;
	void *context;
};

static void diff_records(const struct walk *w, const struct record_desc *desc, const void *before,
	const void *after, const char *where);

static const char *json_text(const struct walk *w, const struct record_field *f, const void *object)
{
	struct record_desc one = {
		.name = "", .size = f->offset + record_width(f), .fields = f, .count = 1};
	json_t *json = record_to_json(&one, object, RECORD_JSON_SPARSE);
	char *dump = json_dumps(json_object_get(json, f->name), JSON_ENCODE_ANY | JSON_COMPACT);
	const char *text = arena_text(w->arena, dump != NULL ? dump : "");

	free(dump);
	json_decref(json);
	return text;
}

static void diff_leaf(const struct walk *w, const struct record_field *f, const void *before,
	const void *after, const char *where)
{
	struct record_desc one = {.name = "", .fields = f, .count = 1};
	bool is_list = f->kind == RECORD_LIST;

	if (record_equal(&one, before, after))
		return;
	w->visit(w->context, where,
		is_list ? json_text(w, f, before) : record_format_field(f, before, w->arena),
		is_list ? json_text(w, f, after) : record_format_field(f, after, w->arena));
}

/* An absent half is compared as one full of defaults, after a line that says it came or went. */
static void diff_optional(const struct walk *w, const struct record_field *f, const void *before,
	const void *after, const char *where)
{
	void *left = *(void *const *)record_at_const(before, f);
	void *right = *(void *const *)record_at_const(after, f);
	void *absent = arena_alloc(w->arena, f->sub->size);

	if (left == NULL && right == NULL)
		return;
	if (left == NULL || right == NULL)
		w->visit(w->context, where, left != NULL ? "present" : "",
			right != NULL ? "present" : "");
	record_init(f->sub, absent, w->arena);
	diff_records(
		w, f->sub, left != NULL ? left : absent, right != NULL ? right : absent, where);
}

static void diff_records(const struct walk *w, const struct record_desc *desc, const void *before,
	const void *after, const char *where)
{
	for (size_t i = 0; i < desc->count; i++) {
		const struct record_field *f = &desc->fields[i];
		const char *place = where[0] != '\0'
					    ? arena_format(w->arena, "%s.%s", where, f->name)
					    : f->name;

		if (f->kind == RECORD_INLINE)
			diff_records(w, f->sub, record_at_const(before, f),
				record_at_const(after, f), place);
		else if (f->kind == RECORD_OPTIONAL)
			diff_optional(w, f, before, after, place);
		else
			diff_leaf(w, f, before, after, place);
	}
}

void record_diff(const struct record_desc *desc, const void *before, const void *after,
	record_visit *visit, void *context)
{
	struct walk w = {.arena = arena_new(), .visit = visit, .context = context};

	diff_records(&w, desc, before, after, "");
	arena_free(&w.arena);
}
