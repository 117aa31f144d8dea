#include "process/admin/check.h"
#include "process/admin/openapi.h"
#include "process/admin/peer.h"

#include "port/log/log.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- who may --------------------------------------------------------------------------------- */

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

/* ---- the end of a call ----------------------------------------------------------------------- */

static void on_client_gone(struct evhttp_connection *connection, void *context)
{
	struct admin_call *call = context;

	admin_peer_gone(connection);
	call->request = NULL;
	if (call->gone != NULL)
		call->gone(call);
}

void admin_end(struct admin_call *call)
{
	struct admin_call *gone = call;

	if (call->link != NULL) {
		*call->link = call->next;
		if (call->next != NULL)
			call->next->link = call->link;
		call->admin->call_count--;
		call->admin->limited_count -= call->is_limited;
	}
	if (call->timer != NULL)
		event_free(call->timer);
	if (call->check != NULL)
		admin_check_clear(call);
	if (call->tick != NULL)
		event_free(call->tick);
	if (call->probe != NULL)
		json_decref(call->probe->steps);
	evhttp_clear_headers(&call->query);
	json_decref(call->body);
	json_decref(call->object);
	policy_snapshot_free(&call->own);
	arena_free(&gone->arena);
	free(gone);
}

/* ---- the beginning of a call ----------------------------------------------------------------- */

const char *admin_query(const struct admin_call *call, const char *key)
{
	return evhttp_find_header(&call->query, key);
}

bool admin_needs_object(struct admin_call *call)
{
	if (json_is_object(call->body))
		return true;
	admin_problem(call, 400, "the body must be a JSON object");
	return false;
}

/* False: answered. */
static bool read_body(struct admin_call *call)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(call->request);
	size_t n = evbuffer_get_length(input);
	json_error_t error;

	if (n == 0)
		return true;
	call->body = json_loadb((const char *)evbuffer_pullup(input, -1), n,
		JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (call->body != NULL)
		return true;
	admin_problem(call, 400, "the body is not JSON: line %d, column %d: %s", error.line,
		error.column, error.text);
	return false;
}

static void start(struct admin_call *call)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(call->request);
	const char *path = evhttp_uri_get_path(uri), *query = evhttp_uri_get_query(uri);

	TAILQ_INIT(&call->query);
	switch (admin_match_route(evhttp_request_get_command(call->request),
		path != NULL ? path : "", call->arena, &call->route, call->segments,
		&call->segment_count)) {
	case ADMIN_NO_PATH:
		admin_problem(call, 404, "there is nothing at this path; GET /v1 lists all paths");
		return;
	case ADMIN_NO_METHOD:
		admin_problem(call, 405, "this path has other methods; GET /v1 lists them");
		return;
	case ADMIN_FOUND:
		break;
	}
	if (query != NULL && evhttp_parse_query_str(query, &call->query) != 0) {
		admin_problem(call, 400, "the query cannot be read");
		return;
	}
	if (read_body(call) && admin_may(call) && admin_fits(call))
		call->route->handle(call);
}

static bool manages_any(const struct admin *admin, uid_t uid)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct record_texts organisations;

	return admin_organisations_of(admin, uid, arena, &organisations);
}

void admin_on_request(struct evhttp_request *request, void *context)
{
	struct admin *admin = context;
	struct admin_call *call;
	uid_t uid = (uid_t)-1;
	bool is_limited;

	if (admin_peer_of(evhttp_request_get_connection(request)) != NULL) {
		admin_refuse(admin, request, 401, "nobody is logged in");
		return;
	}
	is_limited = peer_uid(request, &uid) && !admin_is_allowed(admin, uid);
	if (uid == (uid_t)-1 || (is_limited && !manages_any(admin, uid))) {
		log_event(LOG_WARNING_LEVEL, "admin.refused", LOG_NUMBER("uid", (int64_t)uid));
		admin_refuse(admin, request, 403,
			"you may not manage this server; use root, its own user, or have your "
			"user name added under \"administrators\" in the node file, or to those "
			"of an organisation");
		return;
	}
	if (admin->draining || admin->call_count >= ADMIN_MAX_CALLS ||
		(is_limited && admin->limited_count >= ADMIN_MAX_LIMITED)) {
		admin_refuse(admin, request, 503,
			admin->draining ? "the server is ending" : "too many requests at once");
		return;
	}
	call = mem_new(sizeof(*call));
	call->admin = admin;
	call->request = request;
	call->arena = arena_new();
	call->actor = admin_actor(admin, uid, call->arena);
	call->via = ADMIN_VIA_SOCKET;
	call->role = is_limited ? ADMIN_ROLE_ORGANISATION : ADMIN_ROLE_INSTALLATION;
	call->is_limited = is_limited;
	if (is_limited)
		admin_organisations_of(admin, uid, call->arena, &call->organisations);
	call->next = admin->calls;
	call->link = &admin->calls;
	if (call->next != NULL)
		call->next->link = &call->next;
	admin->calls = call;
	admin->call_count++;
	admin->limited_count += is_limited;
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_client_gone, call);
	start(call);
}
