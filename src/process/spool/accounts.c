/* Users and tokens in memory, as they are on disk. */
#include "process/spool/accounts.h"

#include <stdlib.h>

/* One of them; ITEM lies in the arena. */
struct kept {
	struct arena *arena;
	const char *key;
	const void *item;
};

struct list {
	struct kept *items; /* in the order of their keys */
	size_t count;
};

/* A change that waits for the one before. */
struct waiting {
	struct waiting *next;
	struct spool_request *request;
	void (*run)(struct spool_request *request);
};

struct spool_accounts {
	struct list users, tokens;
	bool is_busy;
	struct waiting *first, **end;
};

/* What is being written. */
struct writing {
	struct spool_request *request;
	struct store_access_change change;
	json_t *result;
};

static struct spool_accounts *accounts_of(struct spool *spool)
{
	if (spool->accounts == NULL) {
		spool->accounts = mem_new(sizeof(*spool->accounts));
		spool->accounts->end = &spool->accounts->first;
	}
	return spool->accounts;
}

/* Place of the first one whose key is not before KEY. */
static size_t place_of(const struct list *list, const char *key)
{
	size_t from = 0, to = list->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (strcmp(list->items[middle].key, key) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static const void *find(const struct list *list, const char *key)
{
	size_t place = place_of(list, key);

	return place < list->count && strcmp(list->items[place].key, key) == 0
		       ? list->items[place].item
		       : NULL;
}

static void drop(struct list *list, const char *key)
{
	size_t place = place_of(list, key);

	if (find(list, key) == NULL)
		return;
	arena_free(&list->items[place].arena);
	list->count--;
	memmove(&list->items[place], &list->items[place + 1],
		(list->count - place) * sizeof(*list->items));
}

static void keep(
	struct list *list, const struct record_desc *desc, const char *key, const void *item)
{
	struct kept kept = {.arena = arena_new()};
	void *copy = arena_alloc(kept.arena, desc->size);
	size_t place;

	record_copy(desc, item, kept.arena, copy);
	kept.item = copy;
	kept.key = arena_text(kept.arena, key);
	drop(list, kept.key);
	place = place_of(list, kept.key);
	list->items = mem_resize(list->items, list->count + 1, sizeof(*list->items));
	memmove(&list->items[place + 1], &list->items[place],
		(list->count - place) * sizeof(*list->items));
	list->items[place] = kept;
	list->count++;
}

static void free_list(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		arena_free(&list->items[i].arena);
	free(list->items);
}

static void loaded(void *context, enum err e, const struct store_access *access, const char *text)
{
	struct spool *spool = context;
	struct spool_accounts *accounts;

	if (e == ERR_CLOSED)
		return;
	if (e != ERR_OK) {
		spool_broken(spool, e, text != NULL ? text : "users and tokens cannot be read");
		return;
	}
	accounts = accounts_of(spool);
	for (size_t i = 0; i < access->user_count; i++)
		keep(&accounts->users, &account_user_desc, access->users[i].name,
			&access->users[i]);
	for (size_t i = 0; i < access->token_count; i++)
		keep(&accounts->tokens, &account_token_desc, access->tokens[i].id,
			&access->tokens[i]);
}

void spool_accounts_load(struct spool *spool)
{
	store_access(spool->store, loaded, spool);
}

void spool_accounts_free(struct spool *spool)
{
	struct spool_accounts *accounts = spool->accounts;

	if (accounts == NULL)
		return;
	while (accounts->first != NULL) {
		struct waiting *waiting = accounts->first;

		accounts->first = waiting->next;
		spool_answer_error(waiting->request, ERR_CLOSED, "the server is ending");
		free(waiting);
	}
	free_list(&accounts->users);
	free_list(&accounts->tokens);
	free(accounts);
	spool->accounts = NULL;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

const struct account_user *spool_user(const struct spool *spool, const char *name)
{
	return spool->accounts != NULL ? find(&spool->accounts->users, name) : NULL;
}

const struct account_token *spool_token(const struct spool *spool, const char *id)
{
	return spool->accounts != NULL ? find(&spool->accounts->tokens, id) : NULL;
}

size_t spool_user_count(const struct spool *spool)
{
	return spool->accounts != NULL ? spool->accounts->users.count : 0;
}

size_t spool_token_count(const struct spool *spool)
{
	return spool->accounts != NULL ? spool->accounts->tokens.count : 0;
}

const struct account_user *spool_user_at(const struct spool *spool, size_t i)
{
	return spool->accounts->users.items[i].item;
}

const struct account_token *spool_token_at(const struct spool *spool, size_t i)
{
	return spool->accounts->tokens.items[i].item;
}

/* ---- changing ---------------------------------------------------------------------------------
 */

static void run_waiting(struct spool *spool)
{
	struct spool_accounts *accounts = accounts_of(spool);

	while (!accounts->is_busy && accounts->first != NULL) {
		struct waiting *waiting = accounts->first;

		accounts->first = waiting->next;
		if (accounts->first == NULL)
			accounts->end = &accounts->first;
		waiting->run(waiting->request);
		free(waiting);
	}
}

void spool_accounts_change(
	struct spool_request *request, void (*run)(struct spool_request *request))
{
	struct spool *spool = request->spool;
	struct spool_accounts *accounts = accounts_of(spool);
	struct waiting *waiting = mem_new(sizeof(*waiting));

	waiting->request = request;
	waiting->run = run;
	*accounts->end = waiting;
	accounts->end = &waiting->next;
	run_waiting(spool);
}

static void take(struct spool_accounts *accounts, const struct store_access_change *change)
{
	if (change->user != NULL)
		keep(&accounts->users, &account_user_desc, change->user->name, change->user);
	if (change->token != NULL)
		keep(&accounts->tokens, &account_token_desc, change->token->id, change->token);
	if (change->user_gone != NULL)
		drop(&accounts->users, change->user_gone);
	if (change->token_gone != NULL)
		drop(&accounts->tokens, change->token_gone);
}

static void written(void *context, enum err e)
{
	struct writing *writing = context;
	struct spool_request *request = writing->request;
	struct spool *spool = request->spool;

	accounts_of(spool)->is_busy = false;
	if (e == ERR_OK) {
		take(spool->accounts, &writing->change);
		spool_answer(request, json_incref(writing->result));
	} else {
		spool_answer_error(request, e, "it could not be written: %s", err_text(e));
	}
	json_decref(writing->result);
	free(writing);
	if (e != ERR_CLOSED)
		run_waiting(spool);
}

void spool_accounts_write(
	struct spool_request *request, const struct store_access_change *change, json_t *result)
{
	struct writing *writing = mem_new(sizeof(*writing));

	writing->request = request;
	writing->change = *change;
	writing->result = result;
	accounts_of(request->spool)->is_busy = true;
	store_access_apply(request->spool->store, change, written, writing);
}
