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

static size_t count_of(const struct model_config *config, enum model_kind kind)
{
	return ((const struct list *)((const char *)config + model_kinds[kind].list_offset))->count;
}

/* Keys of one kind from FIRST up to END, each with its object. */
static enum err index_some(const struct model_config *config, enum model_kind kind, size_t first,
	size_t end, struct arena *arena, struct map *map, struct err_info *info)
{
	const void *object;

	for (size_t i = first; i < end && (object = object_at(config, kind, i)) != NULL; i++) {
		const char *key = model_key(kind, object, arena);

		if (map_set(map, str_of(key), (void *)object) != NULL)
			return err_set(info, ERR_EXISTS, "%s %s: stands twice",
				model_kinds[kind].singular, key);
	}
	return ERR_OK;
}

static enum err index_kind(const struct model_config *config, enum model_kind kind,
	struct arena *arena, struct map *map, struct err_info *info)
{
	return index_some(config, kind, 0, SIZE_MAX, arena, map, info);
}

enum err model_check(const struct model_config *config, struct err_info *info)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct map *maps[MODEL_KIND_MAX];
	enum err e = ERR_OK;

	for (int kind = 0; kind < MODEL_KIND_MAX; kind++)
		maps[kind] = map_new_lent(0, count_of(config, kind));
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

/* Where two lists of one kind may differ: what stands before and behind is the same, bit for bit.
 * Who changes one object among very many shares the others with the configuration before. */
struct window {
	size_t first, before_end, after_end;
};

static struct window window_of(
	const struct model_config *before, const struct model_config *after, enum model_kind kind)
{
	size_t size = model_kinds[kind].desc->size;
	struct window w = {0, count_of(before, kind), count_of(after, kind)};

	while (w.first < w.before_end && w.first < w.after_end &&
		memcmp(object_at(before, kind, w.first), object_at(after, kind, w.first), size) ==
			0)
		w.first++;
	while (w.first < w.before_end && w.first < w.after_end &&
		memcmp(object_at(before, kind, w.before_end - 1),
			object_at(after, kind, w.after_end - 1), size) == 0) {
		w.before_end--;
		w.after_end--;
	}
	return w;
}

/* The objects of one kind in LEFT, from FIRST up to END, that OTHER lacks; or, with CHANGED, has
 * different. */
struct side {
	const struct model_config *left;
	const struct map *other;
	size_t first, end;
};

static void collect(struct changes *changes, const struct side *side, enum model_kind kind,
	struct arena *arena, bool changed)
{
	for (size_t i = side->first; i < side->end; i++) {
		const void *object = object_at(side->left, kind, i);
		const char *key = model_key(kind, object, arena);
		const void *match = map_get(side->other, str_of(key));

		if (!changed && match == NULL)
			add_change(changes, kind, key, object, NULL);
		else if (changed && match != NULL &&
			 !record_equal(model_kinds[kind].desc, object, match))
			add_change(changes, kind, key, object, match);
	}
}

size_t model_compare(const struct model_config *before, const struct model_config *after,
	struct arena *arena, struct model_change **ret)
{
	struct changes changes = {0};
	struct map *old[MODEL_KIND_MAX], *new[MODEL_KIND_MAX];
	struct side from[MODEL_KIND_MAX], to[MODEL_KIND_MAX];
	size_t removals_and_changes, most = 0;

	for (int kind = 0; kind < MODEL_KIND_MAX; kind++) {
		struct window w = window_of(before, after, kind);

		old[kind] = map_new_lent(0, w.before_end - w.first);
		new[kind] = map_new_lent(0, w.after_end - w.first);
		from[kind] = (struct side){before, new[kind], w.first, w.before_end};
		to[kind] = (struct side){after, old[kind], w.first, w.after_end};
		index_some(before, kind, w.first, w.before_end, arena, old[kind], NULL);
		index_some(after, kind, w.first, w.after_end, arena, new[kind], NULL);
		most += w.before_end + w.after_end - 2 * w.first;
	}
	changes.items = arena_array(arena, most, sizeof(struct model_change));
	/* What refers to others goes first and comes last. */
	for (int kind = MODEL_KIND_MAX - 1; kind >= 0; kind--)
		collect(&changes, &from[kind], kind, arena, false);
	for (int kind = 0; kind < MODEL_KIND_MAX; kind++)
		collect(&changes, &from[kind], kind, arena, true);
	removals_and_changes = changes.count;
	for (int kind = 0; kind < MODEL_KIND_MAX; kind++)
		collect(&changes, &to[kind], kind, arena, false);
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
