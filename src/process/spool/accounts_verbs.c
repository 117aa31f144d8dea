/* users.* and tokens.*: see accounts.h. */
#include "port/secret/secret.h"
#include "process/spool/accounts.h"

static const char *lower(struct spool_request *request, const char *text)
{
	char *copy = arena_text(request->arena, text);

	if (copy != NULL)
		str_lower_in_place(copy, strlen(copy));
	return copy;
}

static const char *value_of(struct spool_request *request, const json_t *json)
{
	return account_entry_value(json, secret_sha256, request->arena);
}

/* The one organisation it belongs to; NULL: the installation. */
static const char *owner(const struct record_texts *organisations)
{
	return organisations->count == 1 ? organisations->items[0] : NULL;
}

/* ERR_RANGE: an organisation that is not there. */
static enum err check_organisations(
	const struct spool *spool, const struct record_texts *names, struct err_info *info)
{
	for (size_t i = 0; i < names->count; i++) {
		const struct model_config *config = spool->config;
		size_t k = 0;

		while (k < config->organisations.count &&
			strcmp(config->organisations.items[k].name, names->items[i]) != 0)
			k++;
		if (k == config->organisations.count)
			return err_set(info, ERR_RANGE,
				"organisations[%zu]: there is no organisation \"%s\"", i,
				names->items[i]);
	}
	return ERR_OK;
}

/* "Unknown" would say that there is no such user. */
static void answer_bad(struct spool_request *request, enum err e, const struct err_info *info)
{
	spool_answer_error(request, e == ERR_UNKNOWN ? ERR_SYNTAX : e, "%s", info->text);
}

/* ---- reading users ----------------------------------------------------------------------------
 */

void spool_manage_users_list(struct spool_request *request)
{
	json_t *items = json_array();

	for (size_t i = 0; i < spool_user_count(request->spool); i++)
		json_array_append_new(items, account_user_json(spool_user_at(request->spool, i)));
	spool_answer(request, json_pack("{s:o}", "items", items));
}

/* NULL: answered. */
static const struct account_user *user_argument(struct spool_request *request)
{
	const char *name = lower(request, spool_argument(request, "name"));
	const struct account_user *user = name != NULL ? spool_user(request->spool, name) : NULL;

	if (name == NULL)
		spool_answer_error(request, ERR_SYNTAX, "name: expected a text");
	else if (user == NULL)
		spool_answer_error(request, ERR_UNKNOWN, "there is no user %s", name);
	return user;
}

void spool_manage_users_get(struct spool_request *request)
{
	const struct account_user *user = user_argument(request);

	if (user != NULL)
		spool_answer(request, json_pack("{s:o}", "user", account_user_json(user)));
}

/* Is it about the one who asks? */
static bool is_own(const struct spool_request *request)
{
	const char *name = spool_argument(request, "name");

	return name != NULL && str_equal_nocase(str_of(name), str_of(request->actor));
}

void spool_manage_users_secret(struct spool_request *request)
{
	const struct account_user *user;

	if (request->is_limited && !is_own(request)) {
		spool_answer_error(request, ERR_REFUSED, "this is another user");
		return;
	}
	user = user_argument(request);
	if (user != NULL)
		spool_answer(request,
			json_pack("{s:o}", "user",
				record_to_json(&account_user_desc, user, RECORD_JSON_FULL)));
}

/* ---- changing users ---------------------------------------------------------------------------
 */

/* May log in and manage the installation. */
static bool is_manager(const struct account_user *user)
{
	return user != NULL && user->role == ACCOUNT_INSTALLATION_ADMIN && !user->disabled &&
	       user->password != NULL;
}

/* Root can always come in by the socket and add another; who came over the network cannot. */
static bool locks_out(const struct spool_request *request, const struct account_user *before,
	const struct account_user *after)
{
	const char *via = spool_argument(request, "via");

	if (via == NULL || strcmp(via, "socket") == 0 || !is_manager(before) || is_manager(after))
		return false;
	for (size_t i = 0; i < spool_user_count(request->spool); i++) {
		const struct account_user *other = spool_user_at(request->spool, i);

		if (other != before && is_manager(other))
			return false;
	}
	return true;
}

/* False: answered. */
static bool matches(struct spool_request *request, const struct account_user *user)
{
	const char *want = spool_argument(request, "if_match");
	json_t *json = user != NULL ? spool_moment_json(user->changed_ms) : json_null();
	const char *have = json_string_value(json);
	bool is_it = want == NULL || (have != NULL && strcmp(have, want) == 0);

	if (!is_it)
		spool_answer_error(request, ERR_CONFLICT, "the user has changed meanwhile");
	json_decref(json);
	return is_it;
}

static void note_secret(json_t *json, const char *name, const char *before, const char *after)
{
	if (before == NULL && after == NULL)
		return;
	if (before == NULL || after == NULL || strcmp(before, after) != 0)
		json_object_set_new(json, name,
			json_string(before == NULL  ? "added"
				    : after == NULL ? "removed"
						    : "changed"));
}

/* As the log shows it: of secrets only that they changed. */
static json_t *logged(const struct account_user *user)
{
	json_t *json = user != NULL ? account_user_json(user) : NULL;

	json_object_del(json, "created");
	json_object_del(json, "changed");
	return json;
}

static struct account_entry *user_entry(struct spool_request *request,
	const struct account_user *before, const struct account_user *after)
{
	const struct account_user *user = after != NULL ? after : before;
	struct account_entry *entry = arena_alloc(request->arena, sizeof(*entry));
	json_t *was = logged(before), *is = logged(after);

	*entry = spool_audit_entry(request,
		before == NULL	? "user.add"
		: after == NULL ? "user.remove"
				: "user.change",
		user->name);
	entry->organisation = owner(&user->organisations);
	if (before != NULL && after != NULL) {
		note_secret(is, "password", before->password, after->password);
		note_secret(is, "totp", before->totp, after->totp);
	}
	entry->before = value_of(request, was);
	entry->after = value_of(request, is);
	json_decref(was);
	json_decref(is);
	return entry;
}

/* What may be set; NULL: answered. */
static json_t *set_argument(struct spool_request *request)
{
	static const char *const own[] = {"password", "totp", "totp_step"};
	static const char *const others[] = {"role", "organisations", "disabled"};
	json_t *set = json_object_get(request->arguments, "set"), *value;
	const char *key;

	if (!json_is_object(set)) {
		spool_answer_error(request, ERR_SYNTAX, "set: expected an object");
		return NULL;
	}
	json_object_foreach (set, key, value) {
		bool is_own_part = false, is_other = false;

		for (size_t i = 0; i < ARRAY_LENGTH(own); i++)
			is_own_part = is_own_part || strcmp(key, own[i]) == 0;
		for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
			is_other = is_other || strcmp(key, others[i]) == 0;
		if (!is_own_part && !is_other) {
			spool_answer_error(request, ERR_SYNTAX, "%s: no such property", key);
			return NULL;
		}
		if (request->is_limited && (is_other || !is_own(request))) {
			spool_answer_error(request, ERR_REFUSED,
				"only who manages the installation may change this");
			return NULL;
		}
	}
	return set;
}

/* The user as it is to be, in the arena; NULL: answered. */
static struct account_user *changed_user(
	struct spool_request *request, const struct account_user *before, const json_t *set)
{
	struct account_user *user = arena_alloc(request->arena, sizeof(*user));
	const char *name = spool_argument(request, "name");
	int64_t now = request->spool->now_ms();
	struct err_info info = {0};
	json_t *json;
	enum err e;

	if (before != NULL) {
		record_copy(&account_user_desc, before, request->arena, user);
		e = record_merge_json(&account_user_desc, set, "", request->arena, user, &info);
	} else {
		json = json_copy((json_t *)set);
		json_object_set_new(json, "name", json_string(name));
		e = record_from_json(&account_user_desc, json, "", request->arena, user, &info);
		json_decref(json);
		user->created_ms = now;
	}
	if (e == ERR_OK && json_object_get(set, "organisations") != NULL)
		e = check_organisations(request->spool, &user->organisations, &info);
	if (e != ERR_OK) {
		answer_bad(request, e, &info);
		return NULL;
	}
	user->changed_ms =
		before != NULL && before->changed_ms >= now ? before->changed_ms + 1 : now;
	return user;
}

/* Nothing but the step of a one-time code: it is kept, and no news to anybody. */
static bool is_step_only(const json_t *set)
{
	return json_object_size(set) == 1 && json_object_get(set, "totp_step") != NULL;
}

/* False: answered. */
static bool check_put(
	struct spool_request *request, const struct account_user *before, const json_t *set)
{
	const json_t *step = json_object_get(set, "totp_step");
	const char *name = spool_argument(request, "name");
	bool is_new = json_is_true(json_object_get(request->arguments, "new"));

	if (is_new && before != NULL) {
		spool_answer_error(request, ERR_EXISTS, "there is a user %s already", before->name);
		return false;
	}
	if (!is_new && before == NULL) {
		spool_answer_error(request, ERR_UNKNOWN, "there is no user %s", name);
		return false;
	}
	if (is_new && spool_user_count(request->spool) >= ACCOUNT_MAX_USERS) {
		spool_answer_error(request, ERR_TOO_MANY, "there are %d users already: remove one",
			ACCOUNT_MAX_USERS);
		return false;
	}
	if (before != NULL && json_is_integer(step) &&
		json_integer_value(step) <= before->totp_step) {
		spool_answer_error(request, ERR_CONFLICT, "totp_step: it was used");
		return false;
	}
	return matches(request, before);
}

static void put_user(struct spool_request *request)
{
	const char *name = lower(request, spool_argument(request, "name"));
	const struct account_user *before = name != NULL ? spool_user(request->spool, name) : NULL;
	const json_t *set = set_argument(request);
	struct store_access_change change = {0};
	struct account_user *user;

	if (set == NULL)
		return;
	if (name == NULL) {
		spool_answer_error(request, ERR_SYNTAX, "name: expected a text");
		return;
	}
	if (!check_put(request, before, set))
		return;
	user = changed_user(request, before, set);
	if (user == NULL)
		return;
	if (locks_out(request, before, user)) {
		spool_answer_error(request, ERR_REFUSED,
			"%s is the last user who manages the installation: add another first, or "
			"do it on the server as root",
			name);
		return;
	}
	if (before != NULL && is_step_only(set)) {
		user->changed_ms = before->changed_ms;
	} else {
		change.audited = (struct store_audited){user_entry(request, before, user), 1};
	}
	change.user = user;
	spool_accounts_write(request, &change, json_pack("{s:o}", "user", account_user_json(user)));
}

void spool_manage_users_put(struct spool_request *request)
{
	spool_accounts_change(request, put_user);
}

static void remove_user(struct spool_request *request)
{
	const struct account_user *user = user_argument(request);
	struct store_access_change change = {0};

	if (user == NULL || !matches(request, user))
		return;
	if (locks_out(request, user, NULL)) {
		spool_answer_error(request, ERR_REFUSED,
			"%s is the last user who manages the installation: add another first, or "
			"do it on the server as root",
			user->name);
		return;
	}
	change.user_gone = arena_text(request->arena, user->name);
	change.audited = (struct store_audited){user_entry(request, user, NULL), 1};
	spool_accounts_write(request, &change, json_object());
}

void spool_manage_users_remove(struct spool_request *request)
{
	spool_accounts_change(request, remove_user);
}

/* ---- tokens -----------------------------------------------------------------------------------
 */

void spool_manage_tokens_list(struct spool_request *request)
{
	json_t *items = json_array();

	for (size_t i = 0; i < spool_token_count(request->spool); i++)
		json_array_append_new(items, account_token_json(spool_token_at(request->spool, i)));
	spool_answer(request, json_pack("{s:o}", "items", items));
}

/* NULL: answered. */
static const struct account_token *token_argument(struct spool_request *request)
{
	const char *id = spool_argument(request, "id");
	const struct account_token *token = id != NULL ? spool_token(request->spool, id) : NULL;

	if (id == NULL)
		spool_answer_error(request, ERR_SYNTAX, "id: expected a text");
	else if (token == NULL)
		spool_answer_error(request, ERR_UNKNOWN, "there is no token %s", id);
	return token;
}

void spool_manage_tokens_find(struct spool_request *request)
{
	const struct account_token *token = token_argument(request);

	if (token == NULL)
		return;
	if (token->expires_ms != 0 && token->expires_ms <= request->spool->now_ms())
		spool_answer_error(request, ERR_UNKNOWN, "token %s has expired", token->id);
	else
		spool_answer(request,
			json_pack("{s:o}", "token",
				record_to_json(&account_token_desc, token, RECORD_JSON_FULL)));
}

static struct account_entry *token_entry(
	struct spool_request *request, const struct account_token *token, bool is_added)
{
	struct account_entry *entry = arena_alloc(request->arena, sizeof(*entry));
	json_t *json = account_token_json(token);
	const char *value = value_of(request, json);

	*entry = spool_audit_entry(request, is_added ? "token.add" : "token.remove", token->id);
	entry->organisation = owner(&token->organisations);
	entry->before = is_added ? NULL : value;
	entry->after = is_added ? value : NULL;
	json_decref(json);
	return entry;
}

static enum err read_token(
	struct spool_request *request, struct account_token *token, struct err_info *info)
{
	const json_t *json = json_object_get(request->arguments, "token");
	int64_t now = request->spool->now_ms();
	enum err e;

	if (!json_is_object(json))
		return err_set(info, ERR_SYNTAX, "token: expected an object");
	e = record_from_json(&account_token_desc, json, "", request->arena, token, info);
	if (e != ERR_OK)
		return e;
	if (strlen(token->id) != ACCOUNT_TOKEN_ID || token->hash == NULL)
		return err_set(info, ERR_SYNTAX, "token: expected an id and a hash");
	if (token->expires_ms != 0 && token->expires_ms <= now)
		return err_set(info, ERR_RANGE, "expires: expected a moment that is to come");
	token->created_ms = now;
	token->created_by = request->actor;
	return check_organisations(request->spool, &token->organisations, info);
}

static void add_token(struct spool_request *request)
{
	struct account_token *token = arena_alloc(request->arena, sizeof(*token));
	struct store_access_change change = {.token = token};
	struct err_info info = {0};
	enum err e = read_token(request, token, &info);

	if (e != ERR_OK) {
		answer_bad(request, e, &info);
	} else if (spool_token_count(request->spool) >= ACCOUNT_MAX_TOKENS) {
		spool_answer_error(request, ERR_TOO_MANY, "there are %d tokens already: remove one",
			ACCOUNT_MAX_TOKENS);
	} else if (spool_token(request->spool, token->id) != NULL) {
		spool_answer_error(request, ERR_EXISTS, "there is a token %s already", token->id);
	} else {
		change.audited = (struct store_audited){token_entry(request, token, true), 1};
		spool_accounts_write(
			request, &change, json_pack("{s:o}", "token", account_token_json(token)));
	}
}

void spool_manage_tokens_add(struct spool_request *request)
{
	spool_accounts_change(request, add_token);
}

static void remove_token(struct spool_request *request)
{
	const struct account_token *token = token_argument(request);
	struct store_access_change change = {0};

	if (token == NULL)
		return;
	change.token_gone = arena_text(request->arena, token->id);
	change.audited = (struct store_audited){token_entry(request, token, false), 1};
	spool_accounts_write(request, &change, json_object());
}

void spool_manage_tokens_remove(struct spool_request *request)
{
	spool_accounts_change(request, remove_token);
}
