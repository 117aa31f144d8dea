/*
 * Changes of single objects, many at once:
 *
 *     [{"kind": "recipient", "op": "put", "key": "a@b.example", "object": {...}}, ...]
 *
 *   add     there must be none of that key yet
 *   put     replace it, or add it
 *   patch   set the properties given; null resets one
 *   remove  there must be one
 *
 * "kind" is singular or plural; "key" is not needed where "object" has it.  All of it is done, or
 * nothing.
 */
#include "base/map.h"
#include "core/model/model.h"

#include <string.h>

enum { MAX_CHANGES = 50000 };

/* One kind of object while it is being changed. */
struct table {
	const struct model_kind_row *row;
	struct map *places; /* folded key -> size_t: place in items, from 1 */
	char *items;
	size_t count, size;
	bool *removed;
	bool is_open;
};

struct batch {
	struct model_config *config;
	struct arena *arena;
	struct table tables[MODEL_KIND_MAX];
	struct err_info *info;
};

static struct str folded(const char *key, struct arena *arena)
{
	char *copy = arena_text(arena, key);

	str_lower_in_place(copy, strlen(copy));
	return str_of(copy);
}

static char *item(const struct table *t, size_t place)
{
	return t->items + place * t->row->desc->size;
}

static void keep_place(struct table *t, const char *key, size_t number, struct arena *arena)
{
	size_t *kept = arena_alloc(arena, sizeof(*kept));

	*kept = number;
	map_set(t->places, folded(key, arena), kept);
}

static void note_place(struct table *t, enum model_kind kind, size_t place, struct arena *arena)
{
	keep_place(t, model_key(kind, item(t, place), arena), place + 1, arena);
}

/* Room for EXTRA more; index what is there. */
static struct table *table_of(struct batch *b, enum model_kind kind, size_t extra)
{
	struct table *t = &b->tables[kind];
	struct arena *arena = b->arena;
	RECORD_LIST_OF(char) list;

	if (t->is_open)
		return t;
	t->is_open = true;
	t->row = &model_kinds[kind];
	memcpy(&list, (const char *)b->config + t->row->list_offset, sizeof(list));
	t->count = list.count;
	t->size = list.count + extra;
	t->items = arena_array(arena, t->size, t->row->desc->size);
	t->removed = arena_array(arena, t->size, sizeof(*t->removed));
	if (t->count > 0)
		memcpy(t->items, list.items, t->count * t->row->desc->size);
	t->places = map_new_lent((uint64_t)(uintptr_t)t, t->size);
	for (size_t i = 0; i < t->count; i++)
		note_place(t, kind, i, arena);
	return t;
}

static bool find_kind(const char *name, enum model_kind *ret)
{
	for (int kind = 0; name != NULL && kind < MODEL_KIND_MAX; kind++)
		if (strcmp(model_kinds[kind].singular, name) == 0 ||
			strcmp(model_kinds[kind].plural, name) == 0) {
			*ret = (enum model_kind)kind;
			return true;
		}
	return false;
}

/* In the form in which the object keeps it; what is no such name stays as it is. */
static const char *normal_key(
	const struct model_kind_row *row, const char *key, struct arena *arena)
{
	const struct record_field *field = record_find(row->desc, row->key, NULL);
	struct err_info why = {0};

	if (key == NULL || field->normal == NULL || field->check(key, &why) != ERR_OK)
		return key;
	return field->normal(key, arena);
}

/* The key as given, or as the object says it. */
static const char *key_of(
	const json_t *change, const struct model_kind_row *row, struct arena *arena)
{
	const char *key = json_string_value(json_object_get(change, "key"));
	const json_t *object = json_object_get(change, "object");
	const char *name = json_string_value(json_object_get(object, row->key));
	const char *organisation = json_string_value(json_object_get(object, "organisation"));

	if (!row->is_nested)
		return normal_key(row, key != NULL ? key : name, arena);
	if (key != NULL || name == NULL)
		return key;
	return organisation != NULL ? arena_format(arena, "%s/%s", organisation, name) : NULL;
}

/* Read or merge the object of a change into its place; the key stays. */
static enum err set_object(struct batch *b, struct table *t, enum model_kind kind, size_t place,
	const json_t *change, const char *key)
{
	struct arena *arena = b->arena;
	const json_t *object = json_object_get(change, "object");
	bool merges = strcmp(json_string_value(json_object_get(change, "op")), "patch") == 0;
	struct err_info why = {0};
	enum err e;

	if (!json_is_object(object))
		return err_set(b->info, ERR_SYNTAX, "%s %s: object: expected an object",
			t->row->singular, key);
	/* What stands there is shared with the configuration before. */
	if (merges) {
		void *own = arena_alloc(arena, t->row->desc->size);

		record_copy(t->row->desc, item(t, place), arena, own);
		memcpy(item(t, place), own, t->row->desc->size);
	}
	e = merges ? record_merge_json(t->row->desc, object, "", arena, item(t, place), &why)
		   : record_from_json(t->row->desc, object, "", arena, item(t, place), &why);
	if (e != ERR_OK)
		return err_set(b->info, e == ERR_UNKNOWN ? ERR_SYNTAX : e, "%s %s: %s",
			t->row->singular, key, why.text);
	if (!str_equal(folded(key, arena), folded(model_key(kind, item(t, place), arena), arena)))
		return err_set(b->info, ERR_RANGE,
			"%s %s: its %s%s cannot be changed; remove it and add another",
			t->row->singular, key, t->row->is_nested ? "organisation and " : "",
			t->row->key);
	return ERR_OK;
}

static enum err change_one(struct batch *b, const json_t *change, size_t left)
{
	static const char *const ops[] = {"add", "put", "patch", "remove"};
	const char *op = json_string_value(json_object_get(change, "op"));
	const char *name = json_string_value(json_object_get(change, "kind"));
	enum model_kind kind = MODEL_KIND_MAX;
	struct table *t;
	const char *key;
	const size_t *known;
	size_t place, i = 0;

	while (i < ARRAY_LENGTH(ops) && (op == NULL || strcmp(op, ops[i]) != 0))
		i++;
	if (!find_kind(name, &kind) || i == ARRAY_LENGTH(ops))
		return err_set(b->info, ERR_SYNTAX,
			"expected a kind (connector, ...) and an op (add, put, patch, remove)");
	t = table_of(b, kind, left);
	key = key_of(change, t->row, b->arena);
	if (key == NULL)
		return err_set(b->info, ERR_SYNTAX, "%s: %s%s: expected", t->row->singular,
			t->row->is_nested ? "organisation and " : "", t->row->key);
	known = map_get(t->places, folded(key, b->arena));
	place = known != NULL ? *known : 0;
	if (place != 0 && t->removed[place - 1])
		place = 0;
	if (place != 0 && strcmp(op, "add") == 0)
		return err_set(
			b->info, ERR_EXISTS, "there is a %s %s already", t->row->singular, key);
	if (place == 0 && (strcmp(op, "patch") == 0 || strcmp(op, "remove") == 0))
		return err_set(b->info, ERR_UNKNOWN, "there is no %s %s", t->row->singular, key);
	if (strcmp(op, "remove") == 0) {
		t->removed[place - 1] = true;
		return ERR_OK;
	}
	if (place != 0)
		return set_object(b, t, kind, place - 1, change, key);
	t->count++;
	keep_place(t, key, t->count, b->arena);
	return set_object(b, t, kind, t->count - 1, change, key);
}

/* The lists as they are now become the configuration's. */
static void close_tables(struct batch *b, bool takes)
{
	for (int kind = 0; kind < MODEL_KIND_MAX; kind++) {
		struct table *t = &b->tables[kind];
		size_t kept = 0;

		if (!t->is_open)
			continue;
		map_free(&t->places);
		for (size_t i = 0; takes && i < t->count; i++) {
			if (t->removed[i])
				continue;
			if (kept != i)
				memcpy(item(t, kept), item(t, i), t->row->desc->size);
			kept++;
		}
		if (takes)
			model_set_list(b->config, (enum model_kind)kind, t->items, kept);
	}
}

enum err model_change_objects(const json_t *changes, struct arena *arena,
	struct model_config *config, struct err_info *info)
{
	struct batch batch = {.config = config, .arena = arena, .info = info};
	size_t count = json_array_size(changes);
	enum err e = ERR_OK;

	if (count == 0 || count > MAX_CHANGES)
		return err_set(
			info, ERR_SYNTAX, "changes: expected an array of 1 to %d", MAX_CHANGES);
	for (size_t i = 0; e == ERR_OK && i < count; i++)
		e = change_one(&batch, json_array_get(changes, i), count - i);
	close_tables(&batch, e == ERR_OK);
	return e;
}
