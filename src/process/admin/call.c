#include "process/admin/check.h"
#include "process/admin/count.h"
#include "process/admin/gate.h"
#include "process/admin/openapi.h"
#include "process/admin/peer.h"
#include "process/admin/login.h"
#include "process/admin/work.h"

#include <event2/buffer.h>
#include <sys/queue.h>

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
		call->admin->limited_count -= call->is_known && call->is_limited;
		call->admin->stranger_count -= call->is_stranger;
	}
	if (call->job != NULL)
		admin_work_cancel(call);
	/* Whether the change was made is not known: better to log in once more. */
	if (call->changed_user != NULL)
		admin_user_changed(call, 0);
	if (call->revoked_token != NULL)
		admin_token_revoked(call);
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
	json_decref(call->audit_after);
	json_decref(call->heard);
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

static void identified(struct admin_call *call)
{
	if (admin_pass(call) && read_body(call))
		admin_go_through(call);
}

static void start(struct admin_call *call)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(call->request);
	const char *path = evhttp_uri_get_path(uri), *query = evhttp_uri_get_query(uri);

	switch (admin_match_route(evhttp_request_get_command(call->request),
		path != NULL ? path : "", call->arena, &call->route, call->segments,
		&call->segment_count)) {
	case ADMIN_NO_PATH:
		if (admin_pays_as_stranger(call))
			admin_problem(call, 404,
				"there is nothing at this path; GET /v1 lists all paths");
		return;
	case ADMIN_NO_METHOD:
		if (admin_pays_as_stranger(call))
			admin_problem(call, 405, "this path has other methods; GET /v1 lists them");
		return;
	case ADMIN_FOUND:
		break;
	}
	if (query != NULL && evhttp_parse_query_str(query, &call->query) != 0) {
		if (admin_pays_as_stranger(call))
			admin_problem(call, 400, "the query cannot be read");
		return;
	}
	admin_identify(call, identified);
}

static struct admin_call *new_call(struct admin *admin)
{
	struct admin_call *call = mem_new(sizeof(*call));

	call->admin = admin;
	call->arena = arena_new();
	TAILQ_INIT(&call->query);
	call->next = admin->calls;
	call->link = &admin->calls;
	if (call->next != NULL)
		call->next->link = &call->next;
	admin->calls = call;
	admin->call_count++;
	return call;
}

struct admin_call *admin_call_own(struct admin *admin)
{
	struct admin_call *call = new_call(admin);

	call->is_known = true;
	call->actor = "sealpost";
	call->role = ACCOUNT_INSTALLATION_ADMIN;
	return call;
}

void admin_on_request(struct evhttp_request *request, void *context)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	const struct admin_peer *peer = admin_peer_of(connection);
	struct admin *admin = context;
	struct admin_call *call;

	if (admin->draining || admin->call_count - admin->listener_count >= ADMIN_MAX_CALLS ||
		(peer != NULL && admin->stranger_count >= ADMIN_MAX_STRANGERS)) {
		if (!admin->draining)
			admin_count_limited(admin, ADMIN_LIMIT_BUSY);
		admin_refuse(admin, request, 503,
			admin->draining ? "the server is ending" : "too many requests at once");
		return;
	}
	call = new_call(admin);
	call->request = request;
	call->came_us = admin_count_now();
	if (peer != NULL) {
		call->address = arena_text(call->arena, peer->address);
		call->is_stranger = true;
		admin->stranger_count++;
	}
	evhttp_connection_set_closecb(connection, on_client_gone, call);
	start(call);
}
