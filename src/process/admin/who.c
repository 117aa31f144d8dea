/*
 * Who may do what.  The installation's administrators (root, the server's own user, those named in
 * the node file) may do everything.  A user whom an organisation names as its administrator may do
 * what the table of routes gives to organisations, and sees of it what is that organisation's:
 *
 *   1. the route says whether it is for such a user at all
 *   2. what the request names (path, body) must be of an organisation of hers
 *   3. every question to the spool carries her organisations; the spool answers no question that
 *      does not know what to do with them, and refuses changes of anything else
 *   4. what is answered from the snapshot is filtered by admin_sees()
 */
#include "core/wire/visible.h"
#include "port/log/log.h"
#include "process/admin/call.h"

#include <string.h>
#include <unistd.h>

enum { MAX_USERS = 1000, USERS_TAG = -1 };

/* ---- users ------------------------------------------------------------------------------------
 */

bool admin_is_allowed(const struct admin *admin, uid_t uid)
{
	if (uid == 0 || uid == geteuid())
		return true;
	for (size_t i = 0; i < admin->administrator_count; i++)
		if (admin->administrators[i] == uid)
			return true;
	return false;
}

static bool is_number(const char *name, uid_t *ret)
{
	uint64_t number;

	if (!str_to_u64(str_of(name), &number) || number >= UINT32_MAX)
		return false;
	*ret = (uid_t)number;
	return true;
}

static const struct admin_user *find_user(const struct admin *admin, const char *name)
{
	for (size_t i = 0; i < admin->user_count; i++)
		if (strcmp(admin->users[i].name, name) == 0)
			return &admin->users[i];
	return NULL;
}

/* Names that the organisations name and that are no numbers, each once. */
static json_t *names_of(const struct model_config *config)
{
	json_t *names = json_object();
	uid_t uid;

	for (size_t i = 0; i < config->organisations.count; i++) {
		const struct record_texts *all = &config->organisations.items[i].administrators;

		for (size_t k = 0; k < all->count && json_object_size(names) < MAX_USERS; k++)
			if (!is_number(all->items[k], &uid))
				json_object_set_new(names, all->items[k], json_null());
	}
	return names;
}

/* Inside the sandbox nobody can be looked up: the supervisor does it. */
void admin_users_ask(struct admin *admin)
{
	json_t *names, *list, *question;
	const char *name;
	json_t *value;

	if (admin->snapshot == NULL)
		return;
	names = names_of(policy_snapshot_config(admin->snapshot));
	list = json_array();
	json_object_foreach (names, name, value)
		json_array_append_new(list, json_string(name));
	json_decref(names);
	if (json_array_size(list) == 0) {
		json_decref(list);
		admin->user_count = 0;
		return;
	}
	question = json_pack("{s:s,s:o}", "verb", "users", "names", list);
	runtime_ask(admin->runtime, USERS_TAG, question);
	json_decref(question);
}

bool admin_users_answered(struct admin *admin, int64_t tag, const json_t *result)
{
	json_t *uids = json_object_get(result, "uids");
	const char *name;
	json_t *value;

	if (tag != USERS_TAG)
		return false;
	arena_free(&admin->users_arena);
	admin->users_arena = arena_new();
	admin->user_count = 0;
	admin->users =
		arena_array(admin->users_arena, json_object_size(uids) + 1, sizeof(*admin->users));
	json_object_foreach (uids, name, value) {
		if (!json_is_integer(value)) {
			log_event(LOG_WARNING_LEVEL, "admin.administrator_unknown",
				LOG_TEXT("name", name));
			continue;
		}
		admin->users[admin->user_count++] = (struct admin_user){
			arena_text(admin->users_arena, name), (uid_t)json_integer_value(value)};
	}
	return true;
}

static bool is_user(const struct admin *admin, const char *name, uid_t uid)
{
	const struct admin_user *user = find_user(admin, name);
	uid_t number;

	return user != NULL ? user->uid == uid : is_number(name, &number) && number == uid;
}

bool admin_organisations_of(
	const struct admin *admin, uid_t uid, struct arena *arena, struct record_texts *ret)
{
	const struct model_config *config;

	*ret = (struct record_texts){0};
	if (admin->snapshot == NULL || uid == (uid_t)-1)
		return false;
	config = policy_snapshot_config(admin->snapshot);
	ret->items = arena_array(arena, config->organisations.count, sizeof(*ret->items));
	for (size_t i = 0; i < config->organisations.count; i++) {
		const struct model_organisation *o = &config->organisations.items[i];
		bool is_hers = false;

		for (size_t k = 0; k < o->administrators.count && !is_hers; k++)
			is_hers = is_user(admin, o->administrators.items[k], uid);
		if (is_hers)
			ret->items[ret->count++] = arena_text(arena, o->name);
	}
	return ret->count > 0;
}

const char *admin_actor(const struct admin *admin, uid_t uid, struct arena *arena)
{
	for (size_t i = 0; i < admin->administrator_count; i++)
		if (admin->administrators[i] == uid)
			return arena_text(arena, admin->node.administrators.items[i]);
	for (size_t i = 0; i < admin->user_count; i++)
		if (admin->users[i].uid == uid)
			return arena_text(arena, admin->users[i].name);
	return uid == 0 ? "root" : arena_format(arena, "uid %u", (unsigned)uid);
}

/* ---- what she may -----------------------------------------------------------------------------
 */

bool admin_manages(const struct admin_call *call, const char *organisation)
{
	return !call->is_limited || wire_visible_is_among(&call->organisations, organisation);
}

const char *admin_owner(const struct admin_call *call, enum model_kind kind, const char *key)
{
	const char *slash = strchr(key, '/'), *at = strrchr(key, '@');
	const struct model_domain *d = NULL;
	const char *domain = kind == MODEL_RECIPIENT && at != NULL ? at + 1 : key;

	switch (kind) {
	case MODEL_ORGANISATION:
		return key;
	case MODEL_CONNECTOR:
	case MODEL_RULE:
		return slash != NULL
			       ? arena_text_of(call->arena, str_make(key, (size_t)(slash - key)))
			       : NULL;
	default:
		domain = model_domain_name(str_of(domain), false, call->arena);
		if (domain != NULL && call->admin->snapshot != NULL)
			d = policy_accepted(call->admin->snapshot, domain);
		return d != NULL ? d->organisation : NULL;
	}
}

bool admin_sees(const struct admin_call *call, enum model_kind kind, const void *object)
{
	return !call->is_limited ||
	       admin_manages(call, admin_owner(call, kind, model_key(kind, object, call->arena)));
}

static bool names_others(const struct admin_call *call, const json_t *object)
{
	const json_t *organisation = json_object_get(object, "organisation");
	const char *address = json_string_value(json_object_get(object, "address"));

	return (organisation != NULL && !json_is_null(organisation) &&
		       !admin_manages(call, json_string_value(organisation))) ||
	       (address != NULL && call->route->argument == MODEL_RECIPIENT &&
		       !admin_manages(call, admin_owner(call, MODEL_RECIPIENT, address)));
}

/* Does the path or the body name an object of an organisation that is not hers? */
static bool reaches_out(const struct admin_call *call)
{
	const char *pattern = call->route->pattern;
	bool is_recipient = strncmp(pattern, "/v1/recipients", 14) == 0;

	if (strstr(pattern, "{organisation}") != NULL && !admin_manages(call, call->segments[0]))
		return true;
	if (is_recipient && call->segment_count == 1 &&
		!admin_manages(call, admin_owner(call, MODEL_RECIPIENT, call->segments[0])))
		return true;
	return names_others(call, call->body);
}

bool admin_may(struct admin_call *call)
{
	const char *hers;

	if (!call->is_limited || call->route->who == ADMIN_ANYONE)
		return true;
	hers = call->organisations.count == 1
		       ? arena_format(call->arena, "organisation %s", call->organisations.items[0])
		       : "some organisations";
	if (call->route->who != ADMIN_ORGANISATION) {
		admin_problem(call, 403,
			"this is for those who manage the installation; you manage %s: GET /v1 "
			"lists what you may do",
			hers);
		return false;
	}
	if (reaches_out(call)) {
		admin_problem(call, 403, "you manage %s, and this is not its", hers);
		return false;
	}
	return true;
}

/* Only what the asking one sees: nothing of others can get into the answer. */
static struct policy_snapshot *own_snapshot(struct admin_call *call)
{
	const struct model_config *all = policy_snapshot_config(call->admin->snapshot);
	struct model_config own = {0};

	for (int kind = 0; kind < MODEL_KIND_MAX; kind++) {
		const struct model_kind_row *row = &model_kinds[kind];
		RECORD_LIST_OF(char) list;
		size_t kept = 0;
		char *items;

		memcpy(&list, (const char *)all + row->list_offset, sizeof(list));
		items = arena_array(call->arena, list.count, row->desc->size);
		for (size_t i = 0; i < list.count; i++) {
			const char *object = list.items + i * row->desc->size;

			if (admin_sees(call, (enum model_kind)kind, object))
				memcpy(items + kept++ * row->desc->size, object, row->desc->size);
		}
		model_set_list(&own, (enum model_kind)kind, items, kept);
	}
	return policy_snapshot_new(&own, policy_snapshot_generation(call->admin->snapshot));
}

struct policy_snapshot *admin_view(struct admin_call *call)
{
	if (!call->is_limited)
		return call->admin->snapshot;
	if (call->own == NULL && call->admin->snapshot != NULL)
		call->own = own_snapshot(call);
	return call->own;
}
