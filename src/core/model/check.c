/* The configuration as a whole: references, contradictions, and differences between two. */
#include "core/model/references.h"

struct list {
	const char *items;
	size_t count;
};

static const void *object_at(const struct model_config *config, enum model_kind kind, size_t i)
{
	const struct list *list =
		(const struct list *)((const char *)config + model_kinds[kind].list_offset);

	return i < list->count ? list->items + i * model_kinds[kind].desc->size : NULL;
}

/* Keys of one kind, each with its object. */
static enum err index_kind(const struct model_config *config, enum model_kind kind,
	struct arena *arena, struct map *map, struct err_info *info)
{
	const void *object;

	for (size_t i = 0; (object = object_at(config, kind, i)) != NULL; i++) {
		const char *key = model_key(kind, object, arena);

		if (map_set(map, str_of(key), (void *)object) != NULL)
			return err_set(info, ERR_EXISTS, "%s %s: stands twice",
				model_kinds[kind].singular, key);
	}
	return ERR_OK;
}

enum err model_check(const struct model_config *config, struct err_info *info)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct map *maps[MODEL_KIND_MAX];
	enum err e = ERR_OK;

	for (int kind = 0; kind < MODEL_KIND_MAX; kind++)
		maps[kind] = map_new(0);
	for (int kind = 0; kind < MODEL_KIND_MAX && e == ERR_OK; kind++)
		e = index_kind(config, kind, arena, maps[kind], info);
	if (e == ERR_OK)
		e = model_check_references(config, maps, info);
	for (int kind = 0; kind < MODEL_KIND_MAX; kind++)
		map_free(&maps[kind]);
	return e;
}

struct changes {
	struct model_change *items;
	size_t count;
};

static void add_change(struct changes *changes, enum model_kind kind, const char *key,
	const void *before, const void *after)
{
	struct model_change *c = &changes->items[changes->count++];

	c->type = before == NULL ? MODEL_ADDED : after == NULL ? MODEL_REMOVED : MODEL_CHANGED;
	c->kind = kind;
	c->key = key;
	c->before = before;
	c->after = after;
}

/* The objects of ONE kind in LEFT that OTHER lacks; or, with CHANGED, has different. */
static void collect(struct changes *changes, const struct model_config *left,
	const struct map *other, enum model_kind kind, struct arena *arena, bool changed)
{
	const void *object;

	for (size_t i = 0; (object = object_at(left, kind, i)) != NULL; i++) {
		const char *key = model_key(kind, object, arena);
		const void *match = map_get(other, str_of(key));

		if (!changed && match == NULL)
			add_change(changes, kind, key, object, NULL);
		else if (changed && match != NULL &&
			 !record_equal(model_kinds[kind].desc, object, match))
			add_change(changes, kind, key, object, match);
	}
}

static size_t count_all(const struct model_config *config)
{
	size_t count = 0;

	for (int kind = 0; kind < MODEL_KIND_MAX; kind++)
		count += ((const struct list *)((const char *)config +
						model_kinds[kind].list_offset))
				 ->count;
	return count;
}

size_t model_compare(const struct model_config *before, const struct model_config *after,
	struct arena *arena, struct model_change **ret)
{
	struct changes changes = {0};
	struct map *old[MODEL_KIND_MAX], *new[MODEL_KIND_MAX];
	size_t removals_and_changes;

	changes.items = arena_array(
		arena, count_all(before) + count_all(after), sizeof(struct model_change));
	for (int kind = 0; kind < MODEL_KIND_MAX; kind++) {
		old[kind] = map_new(0);
		new[kind] = map_new(0);
		index_kind(before, kind, arena, old[kind], NULL);
		index_kind(after, kind, arena, new[kind], NULL);
	}
	/* What refers to others goes first and comes last. */
	for (int kind = MODEL_KIND_MAX - 1; kind >= 0; kind--)
		collect(&changes, before, new[kind], kind, arena, false);
	for (int kind = 0; kind < MODEL_KIND_MAX; kind++)
		collect(&changes, before, new[kind], kind, arena, true);
	removals_and_changes = changes.count;
	for (int kind = 0; kind < MODEL_KIND_MAX; kind++)
		collect(&changes, after, old[kind], kind, arena, false);
	for (size_t i = removals_and_changes; i < changes.count; i++) {
		changes.items[i].after = changes.items[i].before;
		changes.items[i].before = NULL;
		changes.items[i].type = MODEL_ADDED;
	}
	for (int kind = 0; kind < MODEL_KIND_MAX; kind++) {
		map_free(&old[kind]);
		map_free(&new[kind]);
	}
	*ret = changes.items;
	return changes.count;
}
