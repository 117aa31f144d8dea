#include "process/deliver/config.h"

#include <stdlib.h>

enum { OBJECTS_MAX = 1000000 /* the model's limit for recipients */ };

struct deliver_config_reader {
	struct arena *arena;
	void *lists[MODEL_KIND_MAX]; /* arrays of the model's structs */
	size_t counts[MODEL_KIND_MAX], sizes[MODEL_KIND_MAX];
};

struct deliver_config_reader *deliver_config_reader_new(void)
{
	struct deliver_config_reader *reader = mem_new(sizeof(*reader));

	reader->arena = arena_new();
	return reader;
}

void deliver_config_reader_free(struct deliver_config_reader **reader)
{
	if (*reader == NULL)
		return;
	for (size_t kind = 0; kind < MODEL_KIND_MAX; kind++)
		free((*reader)->lists[kind]);
	arena_free(&(*reader)->arena);
	free(*reader);
	*reader = NULL;
}

void deliver_config_begin(struct deliver_config_reader *reader)
{
	arena_clear(reader->arena);
	memset(reader->counts, 0, sizeof(reader->counts));
}

enum err deliver_config_object(
	struct deliver_config_reader *reader, const struct wire_config_object *object)
{
	const struct record_desc *desc;
	size_t kind;
	enum err e;

	if (object->kind < 0 || object->kind >= MODEL_KIND_MAX)
		return ERR_SYNTAX;
	kind = (size_t)object->kind;
	desc = model_kinds[kind].desc;
	if (reader->counts[kind] >= OBJECTS_MAX)
		return ERR_TOO_MANY;
	if (reader->counts[kind] == reader->sizes[kind]) {
		reader->sizes[kind] = reader->sizes[kind] > 0 ? reader->sizes[kind] * 2 : 16;
		reader->lists[kind] =
			mem_resize(reader->lists[kind], reader->sizes[kind], desc->size);
	}
	e = record_decode(desc, object->data, reader->arena,
		(char *)reader->lists[kind] + reader->counts[kind] * desc->size);
	if (e == ERR_OK)
		reader->counts[kind]++;
	return e;
}

struct policy_snapshot *deliver_config_end(struct deliver_config_reader *reader, int64_t generation)
{
	struct model_config config = {0};
	struct policy_snapshot *snapshot;

	for (int kind = 0; kind < MODEL_KIND_MAX; kind++)
		model_set_list(&config, kind, reader->lists[kind], reader->counts[kind]);
	snapshot = policy_snapshot_new(&config, (uint64_t)generation);
	deliver_config_begin(reader);
	return snapshot;
}
