/* Users and tokens: the calls. */
#include "port/store/access_inside.h"
#include "port/store/work.h"

#include <stdlib.h>

struct access {
	struct store_work work;
	store_access_done *got;
	store_done *put;
	void *context;
	struct store_access_row rows[4]; /* to be written */
	size_t row_count;
	struct store_audited audited;
	struct store_access found;
	struct err_info info;
};

/* ---- writing ----------------------------------------------------------------------------------
 */

static enum err run_apply(struct store_work *work, struct store_group *group)
{
	const struct access *access = (const struct access *)work;
	const struct store_engine *engine = &work->store->engine;
	enum err e = ERR_OK;

	(void)group;
	for (size_t i = 0; e == ERR_OK && i < access->row_count; i++)
		e = engine->ops->access_put(engine->self, &access->rows[i]);
	return e == ERR_OK ? store_audited_add(work, &access->audited) : e;
}

static bool complete_apply(struct store_work *work)
{
	const struct access *access = (const struct access *)work;

	if (access->put != NULL)
		access->put(access->context, work->result);
	return false;
}

static void add_row(struct access *access, enum store_access_kind kind, const char *key,
	const struct record_desc *desc, const void *object)
{
	json_t *json;
	char *text;

	if (key == NULL)
		return;
	json = object != NULL ? record_to_json(desc, object, RECORD_JSON_SPARSE) : NULL;
	text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	access->rows[access->row_count++] = (struct store_access_row){
		.kind = kind,
		.key = arena_text(access->work.arena, key),
		.json = arena_text(access->work.arena, text),
	};
	free(text);
	json_decref(json);
}

void store_access_apply(struct store *store, const struct store_access_change *change,
	store_done *done, void *context)
{
	struct access *access = store_work_new(store, sizeof(*access));

	access->work.run = run_apply;
	access->work.complete = complete_apply;
	access->put = done;
	access->context = context;
	if (change->user != NULL)
		add_row(access, STORE_ACCESS_USER, change->user->name, &account_user_desc,
			change->user);
	if (change->token != NULL)
		add_row(access, STORE_ACCESS_TOKEN, change->token->id, &account_token_desc,
			change->token);
	add_row(access, STORE_ACCESS_USER, change->user_gone, NULL, NULL);
	add_row(access, STORE_ACCESS_TOKEN, change->token_gone, NULL, NULL);
	access->audited = store_audited_copy(&change->audited, access->work.arena);
	store_work_submit(&access->work);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static enum err read_row(struct access *access, const struct store_access_row *row, void *to)
{
	const struct record_desc *desc =
		row->kind == STORE_ACCESS_USER ? &account_user_desc : &account_token_desc;
	json_t *json = json_loads(row->json, 0, NULL);
	struct err_info info = {.text = "it is not JSON"};
	enum err e = json != NULL ? record_from_json(desc, json, "", access->work.found, to, &info)
				  : ERR_SYNTAX;

	json_decref(json);
	if (e == ERR_OK)
		return ERR_OK;
	return err_set(&access->info, ERR_UNSUPPORTED, "%s %s cannot be read: %s", desc->name,
		row->key, info.text);
}

static enum err run_get(struct store_work *work, struct store_group *group)
{
	struct access *access = (struct access *)work;
	const struct store_engine *engine = &work->store->engine;
	struct store_access_row *rows = NULL;
	struct account_user *users;
	struct account_token *tokens;
	struct store_access found = {0};
	size_t count = 0;
	enum err e = engine->ops->access_rows(engine->self, work->found, &rows, &count);

	(void)group;
	if (e != ERR_OK)
		return e;
	users = arena_array(work->found, count, sizeof(*users));
	tokens = arena_array(work->found, count, sizeof(*tokens));
	for (size_t i = 0; e == ERR_OK && i < count; i++)
		e = read_row(access, &rows[i],
			rows[i].kind == STORE_ACCESS_USER ? (void *)&users[found.user_count++]
							  : &tokens[found.token_count++]);
	found.users = users;
	found.tokens = tokens;
	access->found = found;
	return e;
}

static bool complete_get(struct store_work *work)
{
	const struct access *access = (const struct access *)work;

	if (work->result == ERR_OK)
		access->got(access->context, ERR_OK, &access->found, NULL);
	else
		access->got(access->context, work->result, NULL, access->info.text);
	return false;
}

void store_access(struct store *store, store_access_done *done, void *context)
{
	struct access *access = store_work_new(store, sizeof(*access));

	access->work.run = run_get;
	access->work.complete = complete_get;
	access->got = done;
	access->context = context;
	store_work_submit(&access->work);
}
