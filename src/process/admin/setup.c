#include "process/admin/setup.h"

#include "base/moment.h"
#include "port/log/log.h"
#include "port/secret/secret.h"
#include "process/admin/login.h"
#include "process/admin/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_BYTES = 32, SECRET_TEXT = 53 };

struct link {
	char digest[ACCOUNT_AUDIT_HASH]; /* "": free */
	char user[ACCOUNT_MAX_NAME + 1]; /* "": the first one */
	int64_t expires_ms;
};

struct admin_links {
	struct link items[ADMIN_LINKS_MAX];
	bool is_asking, was_told;
};

struct admin_links *admin_links_new(void)
{
	return mem_new(sizeof(struct admin_links));
}

void admin_links_free(struct admin_links **links)
{
	free(*links);
	*links = NULL;
}

void admin_links_drop(struct admin_links *links, const char *user)
{
	for (size_t i = 0; i < ARRAY_LENGTH(links->items); i++)
		if (strcmp(links->items[i].user, user) == 0)
			secret_forget(&links->items[i], sizeof(links->items[i]));
}

/* ---- links ----------------------------------------------------------------------------------- */

const char *admin_center_url(const struct model_node *node, struct arena *arena)
{
	struct str listen = str_of(node->admin.listen), host, port;
	size_t colon = str_find_last(listen, ':');

	if (node->admin.listen == NULL)
		return NULL;
	host = str_part(listen, 0, colon);
	port = str_part(listen, colon + 1, listen.n);
	/* Who listens on all addresses is reached by name. */
	if (host.n == 0 || str_is(host, "*") || str_is(host, "[::]") || str_is(host, "0.0.0.0"))
		host = str_of(node->hostname != NULL ? node->hostname : "localhost");
	if (str_is(port, "443"))
		return arena_format(arena, "https://%.*s", STR_ARGS(host));
	return arena_format(arena, "https://%.*s:%.*s", STR_ARGS(host), STR_ARGS(port));
}

static bool is_good(const struct link *link)
{
	return link->digest[0] != '\0' && runtime_now_ms() < link->expires_ms;
}

/* A place for a link of USER: that of her older one, a free one, or the one that ends first. */
static struct link *place_for(struct admin_links *links, const char *user)
{
	struct link *place = &links->items[0];

	for (size_t i = 0; i < ARRAY_LENGTH(links->items); i++)
		if (is_good(&links->items[i]) && strcmp(links->items[i].user, user) == 0)
			return &links->items[i];
	for (size_t i = 0; i < ARRAY_LENGTH(links->items); i++) {
		if (!is_good(&links->items[i]))
			return &links->items[i];
		if (links->items[i].expires_ms < place->expires_ms)
			place = &links->items[i];
	}
	return place;
}

/* A new one; an older one of the same user is worth nothing any more.  {url, expires} */
static json_t *make_link(struct admin *admin, const char *base, const char *user)
{
	struct link *link = place_for(admin->links, user);
	unsigned char bytes[SECRET_BYTES];
	char secret[SECRET_TEXT], expires[MOMENT_TEXT_SIZE];

	secret_random(bytes, sizeof(bytes));
	account_base32_format(bytes, sizeof(bytes), secret);
	secret_sha256(str_of(secret), link->digest);
	snprintf(link->user, sizeof(link->user), "%s", user);
	link->expires_ms = runtime_now_ms() + ADMIN_LINK_MS;
	moment_format_rfc3339(link->expires_ms, expires);
	return json_pack("{s:s++,s:s}", "url", base, "/#/setup/", secret, "expires", expires);
}

static struct link *find_link(struct admin_links *links, const char *token)
{
	char digest[ACCOUNT_AUDIT_HASH];

	secret_sha256(str_of(token), digest);
	for (size_t i = 0; i < ARRAY_LENGTH(links->items); i++)
		if (is_good(&links->items[i]) && strcmp(links->items[i].digest, digest) == 0)
			return &links->items[i];
	return NULL;
}

/* ---- the first start ------------------------------------------------------------------------- */

/* May the answer be read as "there is no user"? */
static bool is_empty(const json_t *result)
{
	const json_t *items = json_object_get(result, "items");

	return json_is_array(items) && json_array_size(items) == 0;
}

static void listed_at_start(struct admin_call *call, enum err e, const json_t *result)
{
	struct admin *admin = call->admin;
	const char *base = admin_center_url(&admin->node, call->arena);
	json_t *link;

	admin->links->is_asking = false;
	if (e == ERR_OK && base != NULL && is_empty(result)) {
		admin->links->was_told = true;
		link = make_link(admin, base, "");
		log_event(LOG_WARNING_LEVEL, "admin.setup_link",
			LOG_TEXT("url", json_string_value(json_object_get(link, "url"))),
			LOG_TEXT("expires", json_string_value(json_object_get(link, "expires"))));
		json_decref(link);
	}
	admin_end(call);
}

void admin_first_start(struct admin *admin)
{
	struct admin_links *links = admin->links;

	if (admin->node.admin.listen == NULL || admin->spool == NULL || links->was_told ||
		links->is_asking)
		return;
	links->is_asking = true;
	admin_ask_spool(admin_call_own(admin), "users.list", json_object(), listed_at_start);
}

/* ---- making links ---------------------------------------------------------------------------- */

/* NULL: answered. */
static const char *needs_url(struct admin_call *call)
{
	const char *base = admin_center_url(&call->admin->node, call->arena);

	if (base == NULL)
		admin_problem_at(call, 409, "no-admin-center", NULL,
			"admin.listen is not set in the node file: there is no admin center to "
			"link to");
	return base;
}

static void listed_for_link(struct admin_call *call, enum err e, const json_t *result)
{
	const char *base = needs_url(call);

	if (base == NULL)
		return;
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else if (!is_empty(result))
		admin_problem_at(call, 409, "users-exist", NULL,
			"there are users already: name the one whose password is to be set");
	else
		admin_reply(call, 200, make_link(call->admin, base, ""), NULL);
}

void admin_make_setup_link(struct admin_call *call)
{
	if (needs_url(call) != NULL)
		admin_ask_spool(call, "users.list", json_object(), listed_for_link);
}

static void got_user_for_link(struct admin_call *call, enum err e, const json_t *result)
{
	const char *base = needs_url(call);
	const char *name =
		json_string_value(json_object_get(json_object_get(result, "user"), "name"));

	if (base == NULL)
		return;
	if (e != ERR_OK || name == NULL)
		admin_problem_of(call, e != ERR_OK ? e : ERR_INTERNAL, result);
	else
		admin_reply(call, 200, make_link(call->admin, base, name), NULL);
}

void admin_make_user_link(struct admin_call *call)
{
	if (needs_url(call) != NULL)
		admin_ask_spool(call, "users.get", json_pack("{s:s}", "name", call->segments[0]),
			got_user_for_link);
}

/* ---- using them ------------------------------------------------------------------------------ */

/* NULL: answered. */
static struct link *needs_link(struct admin_call *call)
{
	const char *token = json_string_value(json_object_get(call->body, "token"));
	struct link *link = token != NULL ? find_link(call->admin->links, token) : NULL;

	if (link == NULL)
		admin_problem_at(call, 422, "no-such-link", "token",
			"this link was used, has expired, or is of before a restart; `sealpost "
			"user link` makes another");
	return link;
}

void admin_check_setup(struct admin_call *call)
{
	char expires[MOMENT_TEXT_SIZE];
	const struct link *link;

	if (!admin_needs_object(call) || (link = needs_link(call)) == NULL)
		return;
	moment_format_rfc3339(link->expires_ms, expires);
	admin_reply(call, 200,
		json_pack("{s:s?,s:s}", "user", link->user[0] != '\0' ? link->user : NULL,
			"expires", expires),
		NULL);
}

static void logged_in(struct admin_call *call, enum err e, const json_t *result)
{
	const struct account_user *user = e == ERR_OK ? admin_read_user(call, result) : NULL;

	if (user == NULL)
		admin_problem_of(call, e != ERR_OK ? e : ERR_INTERNAL, result);
	else if (user->disabled)
		admin_problem(call, 403, "the password is set, and the user disabled");
	else if (user->totp != NULL)
		admin_problem_at(call, 401, "totp-needed", NULL,
			"the password is set: log in with it and a one-time code");
	else
		admin_log_in(call, user, "session.open");
}

static void password_set(struct admin_call *call, enum err e, const json_t *result)
{
	const char *token = json_string_value(json_object_get(call->body, "token"));
	struct link *link = find_link(call->admin->links, token);

	if (e != ERR_OK) {
		admin_problem_of(call, e, result);
		return;
	}
	if (link != NULL)
		secret_forget(link, sizeof(*link));
	admin_ask_spool(
		call, "users.secret", json_pack("{s:s}", "name", call->setup_user), logged_in);
}

static void made_password(struct admin_call *call, bool is_made, const char *hash)
{
	struct link *link = needs_link(call);
	json_t *set;

	if (link == NULL)
		return;
	if (!is_made) {
		admin_problem(call, 503, "there is no memory at this moment: try again");
		return;
	}
	set = json_pack("{s:s}", "password", hash);
	if (link->user[0] == '\0')
		json_object_set_new(
			set, "role", json_string(account_role_names[ACCOUNT_INSTALLATION_ADMIN]));
	/* The link says who it is: nobody else could be. */
	call->actor = call->setup_user;
	call->via = ADMIN_VIA_SESSION;
	admin_ask_spool(call, "users.put",
		json_pack("{s:s,s:b,s:o}", "name", call->setup_user, "new", link->user[0] == '\0',
			"set", set),
		password_set);
}

static void make_password(struct admin_call *call)
{
	admin_password_make(
		call, json_string_value(json_object_get(call->body, "password")), made_password);
}

/* A link for the first user is worth nothing when there is one. */
static void listed_for_setup(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else if (!is_empty(result))
		admin_problem_at(call, 409, "users-exist", NULL,
			"there are users already: this link is worth nothing any more");
	else
		make_password(call);
}

/* The name of the first user.  False: answered. */
static bool take_name(struct admin_call *call, const struct link *link)
{
	const char *name = json_string_value(json_object_get(call->body, "user"));
	struct err_info why = {0};
	char *copy;

	if (link->user[0] != '\0')
		name = link->user;
	else if (name == NULL)
		name = "admin";
	if (account_check_name(name, &why) != ERR_OK) {
		admin_problem_at(call, 422, NULL, "user", "user: %s", why.text);
		return false;
	}
	copy = arena_text(call->arena, name);
	str_lower_in_place(copy, strlen(copy));
	call->setup_user = copy;
	return true;
}

void admin_set_up(struct admin_call *call)
{
	const char *password = json_string_value(json_object_get(call->body, "password"));
	struct err_info why = {0};
	const struct link *link;

	if (!admin_needs_object(call) || (link = needs_link(call)) == NULL ||
		!take_name(call, link))
		return;
	if (password == NULL)
		admin_problem_at(call, 422, NULL, "password", "password: expected a text");
	else if (account_check_password(password, call->setup_user, &why) != ERR_OK)
		admin_problem_at(call, 422, NULL, "password", "password: %s", why.text);
	else if (link->user[0] == '\0') {
		call->actor = "nobody";
		admin_ask_spool(call, "users.list", json_object(), listed_for_setup);
	} else {
		make_password(call);
	}
}
