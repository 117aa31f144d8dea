#include "process/admin/check.h"

#include "base/buf.h"
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

	(void)connection;
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

/* Write the answer to a request, whether or not a call was made of it. */
static void send_json(struct evhttp_request *request, int status, const json_t *json,
	const char *type, const char *etag)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = evbuffer_new();
	char *text = json_dumps(json, JSON_COMPACT);

	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	if (etag != NULL)
		evhttp_add_header(headers, "ETag", etag);
	if (text != NULL)
		evbuffer_add(body, text, strlen(text));
	evbuffer_add(body, "\n", 1);
	free(text);
	evhttp_send_reply(request, status, NULL, body);
	evbuffer_free(body);
}

static void finish(
	struct admin_call *call, int status, const json_t *json, const char *type, const char *etag)
{
	if (call->is_stream) {
		admin_stream_line(call, json_pack("{s:s,s:s,s:O}", "step", "summary", "result",
						"failed", "text", json_object_get(json, "detail")));
		admin_stream_end(call);
		return;
	}
	if (call->request != NULL) {
		evhttp_connection_set_closecb(
			evhttp_request_get_connection(call->request), NULL, NULL);
		send_json(call->request, status, json, type, etag);
		call->request = NULL;
	}
	admin_end(call);
}

void admin_reply(struct admin_call *call, int status, json_t *json, const char *etag)
{
	call->admin->served++;
	finish(call, status, json, "application/json", etag);
	json_decref(json);
}

void admin_reply_text(struct admin_call *call, const char *type, struct str text)
{
	struct evkeyvalq *headers;
	struct evbuffer *body;

	call->admin->served++;
	if (call->request != NULL) {
		headers = evhttp_request_get_output_headers(call->request);
		body = evbuffer_new();
		evhttp_connection_set_closecb(
			evhttp_request_get_connection(call->request), NULL, NULL);
		evhttp_add_header(headers, "Content-Type", type);
		evhttp_add_header(headers, "Cache-Control", "no-store");
		evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
		evbuffer_add(body, text.p, text.n);
		evhttp_send_reply(call->request, 200, NULL, body);
		evbuffer_free(body);
		call->request = NULL;
	}
	admin_end(call);
}

static const char *title_of(int status)
{
	switch (status) {
	case 400:
		return "Bad request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not found";
	case 405:
		return "Method not allowed";
	case 409:
		return "Conflict";
	case 412:
		return "Precondition failed";
	case 413:
		return "Too large";
	case 422:
		return "Not acceptable as it is";
	case 503:
		return "Not available";
	default:
		return "Internal error";
	}
}

static json_t *problem_json(int status, const char *detail)
{
	return json_pack(
		"{s:s,s:s,s:i}", "title", title_of(status), "detail", detail, "status", status);
}

void admin_problem(struct admin_call *call, int status, const char *format, ...)
{
	char detail[1024];
	va_list arguments;
	json_t *json;

	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	json = problem_json(status, detail);
	call->admin->refused++;
	finish(call, status, json, "application/problem+json", NULL);
	json_decref(json);
}

int admin_status_of(enum err e)
{
	switch (e) {
	case ERR_OK:
		return 200;
	case ERR_UNKNOWN:
		return 404;
	case ERR_EXISTS:
		return 409;
	case ERR_SYNTAX:
	case ERR_RANGE:
	case ERR_TOO_LONG:
	case ERR_TOO_MANY:
	case ERR_CONFLICT:
	case ERR_CERTIFICATE:
	case ERR_UNSUPPORTED:
		return 422;
	case ERR_REFUSED:
		return 403;
	default:
		return err_class(e) == ERR_CLASS_TEMPORARY ? 503 : 500;
	}
}

void admin_problem_of(struct admin_call *call, enum err e, const json_t *result)
{
	const char *detail = json_string_value(json_object_get(result, "detail"));

	admin_problem(call, admin_status_of(e), "%s", detail != NULL ? detail : err_text(e));
}

/* ---- questions to other processes ------------------------------------------------------------ */

static void on_timeout(evutil_socket_t fd, short what, void *context)
{
	struct admin_call *call = context;

	(void)fd;
	(void)what;
	if (call->is_extra) {
		call->tag = 0;
		call->waiting_verb = NULL;
		call->answered(call, ERR_TIMEOUT, NULL);
		return;
	}
	if (call->waiting_verb != NULL) {
		admin_problem(call, 503,
			"the spool did not start within %d seconds; see the server's log",
			ADMIN_WAIT_S);
		return;
	}
	admin_problem(call, 503,
		"the %s did not answer within %d seconds; whether it acted is not "
		"known",
		call->asks_supervisor ? "supervisor" : "spool", ADMIN_WAIT_S);
}

static void await(struct admin_call *call, bool supervisor, admin_answered *answered)
{
	struct timeval wait = {.tv_sec = call->is_extra ? ADMIN_EXTRA_S : ADMIN_WAIT_S};

	call->tag = ++call->admin->last_tag;
	call->asks_supervisor = supervisor;
	call->answered = answered;
	if (call->timer == NULL)
		call->timer = evtimer_new(runtime_base(call->admin->runtime), on_timeout, call);
	evtimer_add(call->timer, &wait);
}

static void put_question(struct admin_call *call)
{
	struct wire_manage manage = {
		.tag = call->tag,
		.verb = call->waiting_verb,
		.actor = call->actor,
		.arguments = str_of(call->waiting_arguments),
	};

	call->waiting_verb = NULL;
	ipc_send(call->admin->spool, WIRE_MANAGE, &manage);
}

/* With every question: the spool answers nothing to such a user that it does not limit. */
static json_t *organisations_json(const struct admin_call *call)
{
	json_t *list = json_array();

	for (size_t i = 0; i < call->organisations.count; i++)
		json_array_append_new(list, json_string(call->organisations.items[i]));
	return list;
}

void admin_ask_spool(
	struct admin_call *call, const char *verb, json_t *arguments, admin_answered *answered)
{
	char *text;

	if (call->is_limited)
		json_object_set_new(arguments, "organisations", organisations_json(call));
	text = json_dumps(arguments, JSON_COMPACT);
	json_decref(arguments);
	await(call, false, answered);
	call->waiting_verb = verb;
	call->waiting_arguments = arena_text(call->arena, text);
	free(text);
	if (call->admin->spool != NULL)
		put_question(call);
}

static void spool_answered(struct admin_call *call, enum err e, const json_t *result)
{
	if (e != ERR_OK)
		admin_problem_of(call, e, result);
	else if (call->admin->snapshot == NULL)
		admin_problem(call, 503, "the configuration is not loaded yet; try again");
	else
		call->go(call);
}

void admin_with_snapshot(struct admin_call *call, void (*go)(struct admin_call *call))
{
	call->go = go;
	if (call->admin->snapshot != NULL)
		go(call);
	else /* whoever answers has told the configuration before */
		admin_ask_spool(call, "spool.status", json_object(), spool_answered);
}

void admin_spool_came(struct admin *admin)
{
	for (struct admin_call *call = admin->calls; call != NULL; call = call->next)
		if (call->tag != 0 && call->waiting_verb != NULL)
			put_question(call);
}

void admin_ask_supervisor(struct admin_call *call, json_t *question, admin_answered *answered)
{
	await(call, true, answered);
	runtime_ask(call->admin->runtime, call->tag, question);
	json_decref(question);
}

void admin_answer(
	struct admin *admin, int64_t tag, bool supervisor, enum err e, const json_t *result)
{
	struct admin_call *call = admin->calls;

	while (call != NULL && (call->tag != tag || call->asks_supervisor != supervisor))
		call = call->next;
	if (call == NULL)
		return;
	call->tag = 0;
	evtimer_del(call->timer);
	call->answered(call, e, result);
}

void admin_spool_gone(struct admin *admin)
{
	struct admin_call *next;

	for (struct admin_call *call = admin->calls; call != NULL; call = next) {
		next = call->next;
		if (call->tag == 0 || call->asks_supervisor || call->waiting_verb != NULL)
			continue;
		if (call->is_extra)
			admin_answer(admin, call->tag, false, ERR_GONE, NULL);
		else
			admin_problem(call, 503,
				"the spool was restarted meanwhile; whether it "
				"acted is not known");
	}
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

/* Answer without making a call. */
static void refuse(
	struct admin *admin, struct evhttp_request *request, int status, const char *detail)
{
	json_t *json = problem_json(status, detail);

	admin->refused++;
	send_json(request, status, json, "application/problem+json", NULL);
	json_decref(json);
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
	if (read_body(call) && admin_may(call))
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

	is_limited = peer_uid(request, &uid) && !admin_is_allowed(admin, uid);
	if (uid == (uid_t)-1 || (is_limited && !manages_any(admin, uid))) {
		log_event(LOG_WARNING_LEVEL, "admin.refused", LOG_NUMBER("uid", (int64_t)uid));
		refuse(admin, request, 403,
			"you may not manage this server; use root, its own user, or have your "
			"user name added under \"administrators\" in the node file, or to those "
			"of an organisation");
		return;
	}
	if (admin->draining || admin->call_count >= ADMIN_MAX_CALLS ||
		(is_limited && admin->limited_count >= ADMIN_MAX_LIMITED)) {
		refuse(admin, request, 503,
			admin->draining ? "the server is ending" : "too many requests at once");
		return;
	}
	call = mem_new(sizeof(*call));
	call->admin = admin;
	call->request = request;
	call->arena = arena_new();
	call->actor = admin_actor(admin, uid, call->arena);
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
