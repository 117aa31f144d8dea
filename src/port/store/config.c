/* The configuration, and what is known of hosts. */
#include "port/store/work.h"

#include <stdlib.h>

struct config {
	struct store_work work;
	store_config_done *got;
	store_done *put;
	void *context;
	int64_t generation;
	struct store_config_row *rows;
	size_t count;
	struct model_config config;
	struct err_info info;
	struct store_audited audited;
};

/* A list of any kind of object, as it stands in struct model_config. */
static const void *list_of(const struct model_config *config, int kind, size_t *ret_count)
{
	RECORD_LIST_OF(char) list;

	memcpy(&list, (const char *)config + model_kinds[kind].list_offset, sizeof(list));
	*ret_count = list.count;
	return list.items;
}

static json_t *all_of(const struct store_config_row *rows, size_t count)
{
	json_t *all = json_object();
	size_t i;
	int kind;

	for (kind = 0; kind < MODEL_KIND_MAX; kind++)
		json_object_set_new(all, model_kinds[kind].plural, json_array());
	for (i = 0; i < count; i++) {
		json_t *object = json_loads(rows[i].json, 0, NULL);

		if (rows[i].kind < 0 || rows[i].kind >= MODEL_KIND_MAX || object == NULL) {
			json_decref(object);
			json_decref(all);
			return NULL;
		}
		json_array_append_new(
			json_object_get(all, model_kinds[rows[i].kind].plural), object);
	}
	return all;
}

static enum err run_get(struct store_work *work, struct store_group *group)
{
	struct config *config = (struct config *)work;
	const struct store_engine *engine = &work->store->engine;
	enum err e;
	json_t *all;

	(void)group;
	e = engine->ops->config_get(
		engine->self, work->found, &config->generation, &config->rows, &config->count);
	if (e != ERR_OK)
		return e;
	all = all_of(config->rows, config->count);
	if (all == NULL) {
		err_set(&config->info, ERR_UNSUPPORTED,
			"an object of the configuration is not one");
		return ERR_UNSUPPORTED;
	}
	e = record_from_json(
		&model_config_desc, all, "", work->found, &config->config, &config->info);
	json_decref(all);
	return e == ERR_OK ? ERR_OK : ERR_UNSUPPORTED;
}

static bool complete_get(struct store_work *work)
{
	const struct config *config = (const struct config *)work;

	if (work->result != ERR_OK)
		config->got(
			config->context, work->result, config->generation, NULL, config->info.text);
	else
		config->got(config->context, ERR_OK, config->generation, &config->config, NULL);
	return false;
}

void store_config_get(struct store *store, store_config_done *done, void *context)
{
	struct config *config = store_work_new(store, sizeof(*config));

	config->work.run = run_get;
	config->work.complete = complete_get;
	config->got = done;
	config->context = context;
	store_work_submit(&config->work);
}

static enum err run_put(struct store_work *work, struct store_group *group)
{
	struct config *config = (struct config *)work;
	const struct store_engine *engine = &work->store->engine;
	enum err e = engine->ops->config_put(
		engine->self, config->generation, config->rows, config->count);

	(void)group;
	return e == ERR_OK ? store_audited_add(work, &config->audited) : e;
}

static bool complete_put(struct store_work *work)
{
	const struct config *config = (const struct config *)work;

	if (config->put != NULL)
		config->put(config->context, work->result);
	return false;
}

static enum err run_change(struct store_work *work, struct store_group *group)
{
	struct config *config = (struct config *)work;
	const struct store_engine *engine = &work->store->engine;
	enum err e = engine->ops->config_change(
		engine->self, config->generation, config->rows, config->count);

	(void)group;
	return e == ERR_OK ? store_audited_add(work, &config->audited) : e;
}

static void add_row(struct config *config, enum model_kind kind, const void *object, bool is_there)
{
	struct arena *arena = config->work.arena;
	json_t *json = is_there ? record_to_json(model_kinds[kind].desc, object, RECORD_JSON_SPARSE)
				: NULL;
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	config->rows[config->count++] = (struct store_config_row){
		.kind = kind,
		.key = arena_text(arena, model_key(kind, object, arena)),
		.json = arena_text(arena, text),
	};
	free(text);
	json_decref(json);
}

static void add_rows(struct config *config, const struct model_config *from, int kind)
{
	const struct model_kind_row *row = &model_kinds[kind];
	size_t count, i;
	const char *objects = list_of(from, kind, &count);

	for (i = 0; i < count; i++)
		add_row(config, (enum model_kind)kind, objects + i * row->desc->size, true);
}

static struct config *put_new(struct store *store, int64_t generation, size_t count,
	enum err (*run)(struct store_work *work, struct store_group *group))
{
	struct config *config = store_work_new(store, sizeof(*config));

	config->work.run = run;
	config->work.complete = complete_put;
	config->generation = generation;
	config->rows = arena_array(config->work.arena, count, sizeof(*config->rows));
	return config;
}

void store_config_change(struct store *store, int64_t generation,
	const struct model_change *changes, size_t count, const struct store_audited *audited,
	store_done *done, void *context)
{
	struct config *config = put_new(store, generation, count, run_change);

	config->audited = store_audited_copy(audited, config->work.arena);
	config->put = done;
	config->context = context;
	for (size_t i = 0; i < count; i++)
		add_row(config, changes[i].kind,
			changes[i].after != NULL ? changes[i].after : changes[i].before,
			changes[i].after != NULL);
	store_work_submit(&config->work);
}

void store_config_put(struct store *store, int64_t generation, const struct model_config *from,
	const struct store_audited *audited, store_done *done, void *context)
{
	struct config *config;
	size_t total = 0, count;
	int kind;

	for (kind = 0; kind < MODEL_KIND_MAX; kind++) {
		list_of(from, kind, &count);
		total += count;
	}
	config = put_new(store, generation, total, run_put);
	config->audited = store_audited_copy(audited, config->work.arena);
	config->put = done;
	config->context = context;
	for (kind = 0; kind < MODEL_KIND_MAX; kind++)
		add_rows(config, from, kind);
	store_work_submit(&config->work);
}

/* ---- hosts ------------------------------------------------------------------------------------
 */

struct host {
	struct store_work work;
	store_hosts_done *got;
	store_done *put;
	void *context;
	struct wire_host host;
	struct wire_host *hosts;
	size_t count;
};

static enum err run_host_put(struct store_work *work, struct store_group *group)
{
	const struct host *host = (const struct host *)work;

	(void)group;
	return work->store->engine.ops->host_put(work->store->engine.self, &host->host);
}

static enum err run_host_remove(struct store_work *work, struct store_group *group)
{
	const struct host *host = (const struct host *)work;

	(void)group;
	return work->store->engine.ops->host_remove(work->store->engine.self, host->host.host);
}

static enum err run_hosts(struct store_work *work, struct store_group *group)
{
	struct host *host = (struct host *)work;

	(void)group;
	return work->store->engine.ops->hosts(
		work->store->engine.self, work->found, &host->hosts, &host->count);
}

static bool complete_host(struct store_work *work)
{
	const struct host *host = (const struct host *)work;

	if (host->got != NULL)
		host->got(host->context, work->result, work->result == ERR_OK ? host->hosts : NULL,
			work->result == ERR_OK ? host->count : 0);
	else if (host->put != NULL)
		host->put(host->context, work->result);
	return false;
}

static struct host *host_new(struct store *store, void *context)
{
	struct host *host = store_work_new(store, sizeof(*host));

	host->work.complete = complete_host;
	host->context = context;
	return host;
}

void store_host_put(
	struct store *store, const struct wire_host *from, store_done *done, void *context)
{
	struct host *host = host_new(store, context);

	host->work.run = run_host_put;
	host->put = done;
	host->host = *from;
	host->host.host = arena_text(host->work.arena, from->host);
	host->host.reason = arena_text(host->work.arena, from->reason);
	store_work_submit(&host->work);
}

void store_host_remove(struct store *store, const char *name, store_done *done, void *context)
{
	struct host *host = host_new(store, context);

	host->work.run = run_host_remove;
	host->put = done;
	host->host.host = arena_text(host->work.arena, name);
	store_work_submit(&host->work);
}

void store_hosts(struct store *store, store_hosts_done *done, void *context)
{
	struct host *host = host_new(store, context);

	host->work.run = run_hosts;
	host->got = done;
	store_work_submit(&host->work);
}
