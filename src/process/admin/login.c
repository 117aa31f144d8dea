#include "process/admin/login.h"

#include "port/log/log.h"
#include "port/secret/secret.h"
#include "process/admin/count.h"
#include "process/admin/gate.h"
#include "process/admin/limits.h"
#include "process/admin/session.h"
#include "process/admin/work.h"

#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND };

struct admin_limits *admin_limits_of_addresses(void)
{
	static const struct admin_limits_rule rule = {
		.free = 5, .first_ms = SECOND, .longest_ms = 15 * MINUTE, .forget_ms = 60 * MINUTE};

	return admin_limits_new(&rule, (uint64_t)runtime_ticks_ms());
}

/* Shorter: whoever knows a user's name could keep her out. */
struct admin_limits *admin_limits_of_users(void)
{
	static const struct admin_limits_rule rule = {.free = 10,
		.first_ms = SECOND,
		.longest_ms = 30 * SECOND,
		.forget_ms = 60 * MINUTE};

	return admin_limits_new(&rule, (uint64_t)runtime_ticks_ms());
}

/* ---- attempts -------------------------------------------------------------------------------- */

static struct str address_key(const struct admin_call *call)
{
	char *key = arena_alloc(call->arena, 64);

	admin_limits_network(call->address != NULL ? call->address : "socket", key, 64);
	return str_of(key);
}

static const char *lower(struct admin_call *call, const char *name)
{
	char *copy = arena_text(call->arena, name);

	str_lower_in_place(copy, strlen(copy));
	return copy;
}

/* May she try now?  False: answered. */
static bool may_try(struct admin_call *call, const char *user)
{
	int64_t now = runtime_ticks_ms();
	int64_t wait = admin_limits_try(call->admin->address_limits, address_key(call), now);

	if (wait == 0) {
		wait = admin_limits_try(call->admin->user_limits, str_of(user), now);
		if (wait == 0)
			return true;
		admin_limits_forgive(call->admin->address_limits, address_key(call));
	}
	admin_count_limited(call->admin, ADMIN_LIMIT_LOGIN);
	wait = (wait + SECOND - 1) / SECOND;
	admin_header(call, "Retry-After", arena_format(call->arena, "%lld", (long long)wait));
	admin_problem(call, 429, "too many attempts: try again in %lld seconds", (long long)wait);
	return false;
}

static void was_right(struct admin_call *call, const char *user)
{
	admin_limits_forgive(call->admin->address_limits, address_key(call));
	admin_limits_clear(call->admin->user_limits, str_of(user));
}

/* Her password is right, and something else is asked for. */
static void was_none(struct admin_call *call, const char *user)
{
	admin_limits_forgive(call->admin->address_limits, address_key(call));
	admin_limits_forgive(call->admin->user_limits, str_of(user));
}

static void log_failed(struct admin_call *call, const char *user, const char *why)
{
	call->admin->login_failures++;
	log_event(LOG_WARNING_LEVEL, "admin.login_failed", LOG_TEXT("user", user),
		LOG_TEXT("address", call->address), LOG_TEXT("reason", why));
}

/* A text of the body; NULL: answered. */
static const char *text_of(struct admin_call *call, const char *field)
{
	const char *text = json_string_value(json_object_get(call->body, field));

	if (text == NULL)
		admin_problem_at(call, 422, NULL, field, "%s: expected a text", field);
	return text;
}

struct account_user *admin_read_user(struct admin_call *call, const json_t *result)
{
	struct account_user *user = arena_alloc(call->arena, sizeof(*user));

	return record_from_json(&account_user_desc, json_object_get(result, "user"), "",
		       call->arena, user, NULL) == ERR_OK
		       ? user
		       : NULL;
}

/* ---- the session ----------------------------------------------------------------------------- */

static json_t *session_json(const struct admin_call *call)
{
	json_t *organisations = json_array();

	for (size_t i = 0; i < call->organisations.count; i++)
		json_array_append_new(organisations, json_string(call->organisations.items[i]));
	return json_pack("{s:s,s:s,s:o,s:s,s:s?,s:b,s:s?,s:s}", "user", call->actor, "role",
		account_role_names[call->role], "organisations", organisations, "via",
		admin_via_names[call->via], "csrf", call->csrf, "has_totp", call->has_totp,
		"hostname", call->admin->node.hostname, "version", SEALPOST_VERSION);
}

void admin_get_session(struct admin_call *call)
{
	admin_reply(call, 200, session_json(call), NULL);
}

static void set_cookie(struct admin_call *call, const char *value, const char *more)
{
	admin_header(call, "Set-Cookie",
		arena_format(call->arena, "%s=%s; Path=/; Secure; HttpOnly; SameSite=Strict%s",
			ADMIN_SESSION_COOKIE, value, more));
}

static const struct admin_session_terms *terms_of(
	const struct admin_call *call, struct admin_session_terms *terms)
{
	terms->idle_ms = call->admin->node.admin.session_idle_ms;
	terms->life_ms = call->admin->node.admin.session_life_ms;
	return terms;
}

void admin_user_changed(struct admin_call *by, uint64_t kept)
{
	struct admin *admin = by->admin;

	admin_sessions_drop(admin->sessions, by->changed_user, kept);
	for (struct admin_call *call = admin->calls; call != NULL; call = call->next)
		if (call != by && call->user != NULL &&
			strcmp(call->user->name, by->changed_user) == 0)
			call->is_outdated = true;
}

void admin_token_revoked(struct admin_call *by)
{
	for (struct admin_call *call = by->admin->calls; call != NULL; call = call->next)
		if (call != by && call->token != NULL &&
			strcmp(call->token, by->revoked_token) == 0)
			call->is_outdated = true;
}

/* What is in the audit log happens: the user is in call->user. */
static void open_session(struct admin_call *call)
{
	char secret[ADMIN_SESSION_SECRET];
	struct admin_session *session;

	if (call->is_outdated) {
		admin_problem_at(call, 401, "wrong", NULL,
			"this user was changed at this moment: log in once more");
		return;
	}
	session = admin_session_open(call->admin->sessions, call->user, runtime_ticks_ms(), secret);
	log_event(LOG_INFO_LEVEL, "admin.login", LOG_TEXT("user", session->user),
		LOG_TEXT("address", call->address));
	call->via = ADMIN_VIA_SESSION;
	call->session = session->serial;
	call->role = session->role;
	call->actor = arena_text(call->arena, session->user);
	call->csrf = arena_text(call->arena, session->csrf);
	call->has_totp = session->has_totp;
	call->organisations = call->user->organisations;
	set_cookie(call, secret, "");
	secret_forget(secret, sizeof(secret));
	admin_reply(call, 200, session_json(call), NULL);
}

void admin_log_in(struct admin_call *call, const struct account_user *user, const char *action)
{
	call->user = user;
	call->actor = user->name;
	call->via = ADMIN_VIA_SESSION;
	admin_audit(call, action, user->name, NULL, open_session);
}

/* A session is needed for what changes one's own account.  NULL: answered. */
static struct admin_session *own_session(struct admin_call *call)
{
	struct admin_session_terms terms;
	struct admin_session *session =
		call->session != 0 ? admin_session_by_serial(call->admin->sessions, call->session,
					     terms_of(call, &terms), runtime_ticks_ms())
				   : NULL;

	if (session == NULL)
		admin_problem_at(call, 409, "no-session", NULL,
			"only who has logged in with a password can do this");
	return session;
}

void admin_close_session(struct admin_call *call)
{
	struct admin_session *session = own_session(call);

	if (session == NULL)
		return;
	log_event(LOG_INFO_LEVEL, "admin.logout", LOG_TEXT("user", session->user),
		LOG_TEXT("address", call->address));
	admin_session_close(call->admin->sessions, session);
	set_cookie(call, "", "; Max-Age=0");
	admin_reply(call, 200, json_object(), NULL);
}

/* ---- logging in ------------------------------------------------------------------------------ */

static void wrong(struct admin_call *call, const char *why)
{
	log_failed(call, call->user != NULL ? call->user->name : NULL, why);
	admin_problem_at(call, 401, "wrong", NULL, "user or password is wrong");
}

/* The step of her code is used up from here on. */
static void step_kept(struct admin_call *call, enum err e, const json_t *result)
{
	if (e == ERR_CONFLICT) {
		log_failed(call, call->user->name, "code used again");
		admin_problem_at(call, 401, "totp-wrong", "totp",
			"this one-time code was used already: wait for the next one");
	} else if (e != ERR_OK) {
		admin_problem_of(call, e, result);
	} else {
		was_right(call, call->user->name);
		admin_log_in(call, call->user, "session.open");
	}
}

static void ask_for_code(struct admin_call *call)
{
	const char *code = json_string_value(json_object_get(call->body, "totp"));
	int64_t step = 0;

	if (code == NULL || code[0] == '\0') {
		was_none(call, call->user->name);
		admin_problem_at(call, 401, "totp-needed", "totp",
			"this user logs in with a one-time code, too");
		return;
	}
	if (!secret_totp_verify(call->user->totp, str_of(code), runtime_now_ms(),
		    call->user->totp_step, &step)) {
		log_failed(call, call->user->name, "code");
		admin_problem_at(
			call, 401, "totp-wrong", "totp", "the one-time code is wrong, or was used");
		return;
	}
	call->actor = call->user->name;
	admin_ask_spool(call, "users.put",
		json_pack("{s:s,s:{s:I}}", "name", call->user->name, "set", "totp_step",
			(json_int_t)step),
		step_kept);
}

static void compared(struct admin_call *call, bool is_right, const char *hash)
{
	(void)hash;
	if (!is_right || call->user == NULL || call->user->password == NULL ||
		call->user->disabled) {
		wrong(call, call->user != NULL && call->user->disabled ? "disabled" : "password");
	} else if (call->user->totp != NULL) {
		ask_for_code(call);
	} else {
		was_right(call, call->user->name);
		admin_log_in(call, call->user, "session.open");
	}
}

static void found_user(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK && e != ERR_UNKNOWN && e != ERR_SYNTAX) {
		admin_problem_of(call, e, result);
		return;
	}
	call->user = e == ERR_OK ? admin_read_user(call, result) : NULL;
	admin_password_verify(call, json_string_value(json_object_get(call->body, "password")),
		call->user != NULL ? call->user->password : NULL, compared);
}

void admin_open_session(struct admin_call *call)
{
	const char *user, *password;

	if (!admin_needs_object(call) || (user = text_of(call, "user")) == NULL ||
		(password = text_of(call, "password")) == NULL)
		return;
	if (strlen(user) > ACCOUNT_MAX_NAME || strlen(password) > ACCOUNT_MAX_PASSWORD) {
		admin_problem_at(call, 401, "wrong", NULL, "user or password is wrong");
		return;
	}
	user = lower(call, user);
	if (!may_try(call, user))
		return;
	call->actor = "nobody";
	admin_ask_spool(call, "users.secret", json_pack("{s:s}", "name", user), found_user);
}

/* ---- one's own account ----------------------------------------------------------------------- */

/* Ask for what the spool knows of her, to compare the password in FIELD of the body. */
static void ask_own(struct admin_call *call, const char *field, admin_answered *answered)
{
	if (own_session(call) == NULL || !admin_needs_object(call) ||
		text_of(call, field) == NULL || !may_try(call, call->actor))
		return;
	call->keeps_session = true;
	admin_ask_spool(call, "users.secret", json_pack("{s:s}", "name", call->actor), answered);
}

/* False: answered. */
static bool read_own(struct admin_call *call, enum err e, const json_t *result)
{
	call->user = e == ERR_OK ? admin_read_user(call, result) : NULL;
	if (call->user != NULL)
		return true;
	admin_problem_of(call, e != ERR_OK ? e : ERR_INTERNAL, result);
	return false;
}

/* False: answered. */
static bool is_own_password(struct admin_call *call, bool is_right, const char *field)
{
	if (is_right) {
		was_right(call, call->actor);
		return true;
	}
	log_failed(call, call->actor, "password");
	admin_problem_at(call, 422, "wrong", field, "%s: this is not your password", field);
	return false;
}

static void changed(struct admin_call *call, enum err e, const json_t *result)
{
	struct admin_session_terms terms;
	struct admin_session *session;

	if (e != ERR_OK) {
		admin_problem_of(call, e, result);
		return;
	}
	session = admin_session_by_serial(
		call->admin->sessions, call->session, terms_of(call, &terms), runtime_ticks_ms());
	if (session != NULL) {
		session->has_totp =
			json_is_true(json_object_get(json_object_get(result, "user"), "has_totp"));
		call->has_totp = session->has_totp;
		secret_forget(session->totp, sizeof(session->totp));
	}
	admin_reply(call, 200, session_json(call), NULL);
}

static void set_own(struct admin_call *call, json_t *set)
{
	if (own_session(call) == NULL) { /* she has lost it meanwhile */
		json_decref(set);
		return;
	}
	call->keeps_session = true;
	admin_ask_spool(call, "users.put", json_pack("{s:s,s:o}", "name", call->actor, "set", set),
		changed);
}

static void made_password(struct admin_call *call, bool is_made, const char *hash)
{
	if (!is_made)
		admin_problem(call, 503, "there is no memory at this moment: try again");
	else
		set_own(call, json_pack("{s:s}", "password", hash));
}

static void compared_old(struct admin_call *call, bool is_right, const char *hash)
{
	(void)hash;
	if (is_own_password(call, is_right, "old"))
		admin_password_make(
			call, json_string_value(json_object_get(call->body, "new")), made_password);
}

static void got_own_for_password(struct admin_call *call, enum err e, const json_t *result)
{
	if (read_own(call, e, result))
		admin_password_verify(call, json_string_value(json_object_get(call->body, "old")),
			call->user->password, compared_old);
}

void admin_change_password(struct admin_call *call)
{
	struct err_info why = {0};
	const char *fresh;

	if (!admin_needs_object(call) || (fresh = text_of(call, "new")) == NULL)
		return;
	if (account_check_password(fresh, call->actor, &why) != ERR_OK)
		admin_problem_at(call, 422, NULL, "new", "new: %s", why.text);
	else
		ask_own(call, "old", got_own_for_password);
}

/* ---- one-time codes -------------------------------------------------------------------------- */

void admin_make_totp(struct admin_call *call)
{
	struct admin_session *session = own_session(call);

	if (session == NULL)
		return;
	secret_totp_make(session->totp);
	admin_reply(call, 200,
		json_pack("{s:s,s:s}", "secret", session->totp, "uri",
			account_totp_uri(call->admin->node.hostname != NULL
						 ? call->admin->node.hostname
						 : "Sealpost",
				call->actor, session->totp, call->arena)),
		NULL);
}

void admin_set_totp(struct admin_call *call)
{
	struct admin_session *session = own_session(call);
	const char *code;
	int64_t step = 0;

	if (session == NULL || !admin_needs_object(call) || (code = text_of(call, "code")) == NULL)
		return;
	if (session->totp[0] == '\0') {
		admin_problem(call, 409, "there is no new key: POST /v1/session/totp makes one");
		return;
	}
	if (!secret_totp_verify(session->totp, str_of(code), runtime_now_ms(), 0, &step)) {
		admin_problem_at(call, 422, "totp-wrong", "code",
			"code: not the code of this moment; is the clock of your device right?");
		return;
	}
	set_own(call, json_pack("{s:s,s:I}", "totp", session->totp, "totp_step", (json_int_t)step));
}

static void compared_for_totp(struct admin_call *call, bool is_right, const char *hash)
{
	(void)hash;
	if (is_own_password(call, is_right, "password"))
		set_own(call, json_pack("{s:n}", "totp"));
}

static void got_own_for_totp(struct admin_call *call, enum err e, const json_t *result)
{
	if (read_own(call, e, result))
		admin_password_verify(call,
			json_string_value(json_object_get(call->body, "password")),
			call->user->password, compared_for_totp);
}

void admin_remove_totp(struct admin_call *call)
{
	ask_own(call, "password", got_own_for_totp);
}
