/* Who asks. */
#include "port/log/log.h"
#include "port/secret/secret.h"
#include "process/admin/count.h"
#include "process/admin/gate.h"
#include "process/admin/headers.h"
#include "process/admin/limits.h"
#include "process/admin/peer.h"
#include "process/admin/rates.h"
#include "process/admin/session.h"

#include <event2/bufferevent.h>
#include <string.h>
#include <sys/socket.h>

enum { QUIET_MS = 1000 /* between two lines of the log about strangers */ };

static const char *header(const struct admin_call *call, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(call->request), name);
}

/* Strangers must not fill the log. */
static void log_refused(struct admin_call *call, const char *why, int64_t uid)
{
	struct admin *admin = call->admin;
	int64_t now = runtime_ticks_ms();

	if (admin->refusal_logged_ms != 0 && now - admin->refusal_logged_ms < QUIET_MS)
		return;
	admin->refusal_logged_ms = now;
	if (call->address != NULL)
		log_event(LOG_WARNING_LEVEL, "admin.refused", LOG_TEXT("reason", why),
			LOG_TEXT("address", call->address));
	else
		log_event(LOG_WARNING_LEVEL, "admin.refused", LOG_TEXT("reason", why),
			LOG_NUMBER("uid", uid));
}

/* ---- how many requests ----------------------------------------------------------------------- */

/* One request of KEY.  False: there were too many, answered. */
static bool pays(struct admin_call *call, const char *key, enum admin_limit limit)
{
	const struct model_admin *settings = &call->admin->node.admin;
	const struct admin_rate rate = {settings->requests_per_second, settings->requests_burst};
	int64_t wait = admin_rates_take(call->admin->rates, str_of(key), &rate, runtime_ticks_ms());

	if (wait == 0)
		return true;
	admin_count_limited(call->admin, limit);
	admin_header(call, "Retry-After",
		arena_format(call->arena, "%lld", (long long)(wait + 999) / 1000));
	admin_problem_at(call, 429, "too-many-requests", NULL,
		"more than %lld requests a second: this one was not looked at, try it again",
		(long long)rate.per_second);
	return false;
}

bool admin_pays_as_stranger(struct admin_call *call)
{
	char network[64];

	if (call->address == NULL)
		return true;
	admin_limits_network(call->address, network, sizeof(network));
	return pays(call, arena_format(call->arena, "address %s", network), ADMIN_LIMIT_ADDRESS);
}

/* Who manages the installation from this machine can do all else, too. */
static bool pays_as_actor(struct admin_call *call)
{
	const char *key = call->rate_key;

	if (call->via == ADMIN_VIA_SOCKET && !call->is_limited)
		return true;
	if (key == NULL)
		key = call->via == ADMIN_VIA_SOCKET
			      ? arena_format(call->arena, "uid %u", (unsigned)call->uid)
			      : arena_format(call->arena, "user %s", call->actor);
	return pays(call, key, ADMIN_LIMIT_ACTOR);
}

/* She is known from here on.  False: too many requests of hers, or too many limited ones at once,
 * answered. */
static bool admit(struct admin_call *call)
{
	struct admin *admin = call->admin;

	if (!pays_as_actor(call))
		return false;
	call->is_known = true;
	if (call->is_stranger)
		admin->stranger_count--;
	call->is_stranger = false;
	if (call->is_limited && admin->limited_count >= ADMIN_MAX_LIMITED) {
		call->is_limited = false; /* is not counted */
		admin_count_limited(admin, ADMIN_LIMIT_BUSY);
		admin_problem(call, 503, "too many requests at once");
		return false;
	}
	admin->limited_count += call->is_limited;
	if (call->address != NULL)
		evhttp_connection_set_max_body_size(
			evhttp_request_get_connection(call->request), ADMIN_MAX_BODY);
	return true;
}

static void take_organisations(struct admin_call *call, const struct record_texts *organisations)
{
	call->is_limited = organisations->count > 0 || call->role == ACCOUNT_ORGANISATION_ADMIN;
	call->organisations.items =
		arena_array(call->arena, organisations->count, sizeof(*call->organisations.items));
	call->organisations.count = 0;
	for (size_t i = 0; i < organisations->count; i++)
		call->organisations.items[call->organisations.count++] =
			arena_text(call->arena, organisations->items[i]);
}

/* ---- by token -------------------------------------------------------------------------------- */

static void bad_token(struct admin_call *call)
{
	log_refused(call, "token", -1);
	admin_problem_at(call, 401, NULL, NULL,
		"this token is not known, or has expired; who manages the installation can make "
		"another");
}

/* call->waiting_secret: what the token says. */
static void found_token(struct admin_call *call, enum err e, const json_t *result)
{
	const json_t *json = json_object_get(result, "token");
	struct account_token token;

	if (e == ERR_UNKNOWN || (e == ERR_OK && json == NULL)) {
		bad_token(call);
		return;
	}
	if (e != ERR_OK) {
		admin_problem_of(call, e, result);
		return;
	}
	if (record_from_json(&account_token_desc, json, "", call->arena, &token, NULL) != ERR_OK ||
		token.hash == NULL ||
		!secret_token_verify(str_of(call->waiting_secret), token.hash)) {
		bad_token(call);
		return;
	}
	if (call->request == NULL) {
		admin_end(call);
		return;
	}
	call->via = ADMIN_VIA_TOKEN;
	call->token = arena_text(call->arena, token.id);
	call->expires_ms = token.expires_ms;
	call->role = (enum account_role)token.role;
	call->actor = arena_format(call->arena, "token %s", token.label);
	take_organisations(call, &token.organisations);
	if (admit(call))
		call->go(call);
}

/* The spool must be asked.  Whose secret is that of a token which was right before is not held up
 * by what others try from her address. */
static bool may_ask_for_token(struct admin_call *call, struct str secret)
{
	char digest[ACCOUNT_AUDIT_HASH];

	secret_sha256(secret, digest);
	call->rate_key = arena_format(call->arena, "token %s", digest);
	return admin_rates_knows(call->admin->rates, str_of(call->rate_key)) ||
	       admin_pays_as_stranger(call);
}

static void identify_by_token(struct admin_call *call)
{
	struct str token = admin_headers_bearer(header(call, "Authorization")), id, secret;

	if (!account_token_parse(token, &id, &secret)) {
		if (admin_pays_as_stranger(call))
			bad_token(call);
		return;
	}
	if (!may_ask_for_token(call, secret))
		return;
	call->actor = "token";
	call->waiting_secret = arena_text_of(call->arena, secret);
	admin_ask_spool(call, "tokens.find", json_pack("{s:o}", "id", json_stringn(id.p, id.n)),
		found_token);
}

/* ---- by session ------------------------------------------------------------------------------ */

static bool identify_by_session(struct admin_call *call)
{
	const struct model_admin *settings = &call->admin->node.admin;
	const struct admin_session_terms terms = {
		settings->session_idle_ms, settings->session_life_ms};
	struct str cookie = admin_headers_cookie(header(call, "Cookie"), ADMIN_SESSION_COOKIE);
	const struct admin_session *session;

	if (cookie.n == 0)
		return false;
	/* What a page fetches by itself keeps nobody logged in. */
	session = admin_session_find(call->admin->sessions, cookie, &terms, runtime_ticks_ms(),
		header(call, "X-Sealpost-Background") == NULL);
	if (session == NULL)
		return false;
	call->via = ADMIN_VIA_SESSION;
	call->session = session->serial;
	call->role = session->role;
	call->actor = arena_text(call->arena, session->user);
	call->csrf = arena_text(call->arena, session->csrf);
	call->has_totp = session->has_totp;
	take_organisations(call, &session->organisations);
	return true;
}

/* ---- by the kernel --------------------------------------------------------------------------- */

static bool peer_uid(struct evhttp_request *request, uid_t *ret)
{
	struct bufferevent *channel =
		evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
	struct ucred who;
	socklen_t size = sizeof(who);

	if (getsockopt(bufferevent_getfd(channel), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
		return false;
	*ret = who.uid;
	return true;
}

/* False: answered. */
static bool identify_by_kernel(struct admin_call *call)
{
	struct record_texts organisations = {0};
	uid_t uid = (uid_t)-1;
	bool manages_all = peer_uid(call->request, &uid) && admin_is_allowed(call->admin, uid);

	if (!manages_all &&
		!admin_organisations_of(call->admin, uid, call->arena, &organisations)) {
		log_refused(call, "user", (int64_t)uid);
		admin_problem(call, 403,
			"you may not manage this server; use root, its own user, or have your "
			"user name added under \"administrators\" in the node file, or to those "
			"of an organisation");
		return false;
	}
	call->via = ADMIN_VIA_SOCKET;
	call->uid = uid;
	call->role = manages_all ? ACCOUNT_INSTALLATION_ADMIN : ACCOUNT_ORGANISATION_ADMIN;
	call->actor = admin_actor(call->admin, uid, call->arena);
	take_organisations(call, &organisations);
	return true;
}

void admin_identify(struct admin_call *call, void (*go)(struct admin_call *call))
{
	bool is_open = admin_route_access(call->route) == ADMIN_OPEN;

	call->go = go;
	if (call->address != NULL && is_open) {
		if (admin_pays_as_stranger(call))
			go(call);
	} else if (!is_open && header(call, "Authorization") != NULL)
		identify_by_token(call);
	else if (!is_open && identify_by_session(call)) {
		if (admit(call))
			go(call);
	} else if (call->address != NULL) {
		if (admin_pays_as_stranger(call))
			go(call);
	} else if (identify_by_kernel(call) && admit(call))
		go(call);
}

/* ---- later ----------------------------------------------------------------------------------- */

static bool is_same_user(struct admin_call *call)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct record_texts now;

	if (!call->is_limited)
		return admin_is_allowed(call->admin, call->uid);
	if (!admin_organisations_of(call->admin, call->uid, arena, &now) ||
		now.count != call->organisations.count)
		return false;
	for (size_t i = 0; i < now.count; i++)
		if (strcmp(now.items[i], call->organisations.items[i]) != 0)
			return false;
	return true;
}

bool admin_is_still_known(struct admin_call *call)
{
	const struct model_admin *settings = &call->admin->node.admin;
	const struct admin_session_terms terms = {
		settings->session_idle_ms, settings->session_life_ms};

	if (call->is_outdated)
		return false;
	switch (call->via) {
	case ADMIN_VIA_SESSION:
		return admin_session_by_serial(call->admin->sessions, call->session, &terms,
			       runtime_ticks_ms()) != NULL;
	case ADMIN_VIA_TOKEN:
		return call->expires_ms == 0 || runtime_now_ms() < call->expires_ms;
	default:
		return is_same_user(call);
	}
}
