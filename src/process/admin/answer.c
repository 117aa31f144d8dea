/* Answers: JSON, problems (RFC 9457), text, files. */
#include "base/buf.h"
#include "process/admin/assets.h"
#include "process/admin/complaint.h"
#include "process/admin/count.h"
#include "process/admin/events.h"
#include "process/admin/gate.h"
#include "process/admin/page.h"
#include "process/admin/peer.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

/* An answer as it goes out. */
struct answer {
	const struct admin *admin;
	int status;
	const char *type, *etag, *encoding; /* ETAG and ENCODING may be NULL */
	const char *cache, *policy;	    /* NULL: not kept, and nothing may be loaded */
	struct str body;
};

static void put_headers(struct evkeyvalq *headers, const struct answer *a)
{
	evhttp_add_header(headers, "Content-Type", a->type);
	evhttp_add_header(headers, "Cache-Control", a->cache != NULL ? a->cache : "no-store");
	if (a->etag != NULL)
		evhttp_add_header(headers, "ETag", a->etag);
	if (a->encoding != NULL)
		evhttp_add_header(headers, "Content-Encoding", a->encoding);
	evhttp_add_header(headers, "Content-Security-Policy",
		a->policy != NULL
			? a->policy
			: "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
			  "form-action 'none'; frame-ancestors 'none'");
	evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
	evhttp_add_header(headers, "Cross-Origin-Opener-Policy", "same-origin");
	evhttp_add_header(headers, "Cross-Origin-Resource-Policy", "same-origin");
}

static void send_answer(struct evhttp_request *request, const struct answer *a)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *body = evbuffer_new();
	char length[32];

	put_headers(headers, a);
	/* Not where the same host shows something without TLS: browsers would not find it. */
	if (admin_peer_of(evhttp_request_get_connection(request)) != NULL &&
		a->admin->node.publish.listen == NULL && a->admin->node.metrics.listen == NULL)
		evhttp_add_header(headers, "Strict-Transport-Security", "max-age=31536000");
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		snprintf(length, sizeof(length), "%zu", a->body.n);
		evhttp_add_header(headers, "Content-Length", length);
	} else {
		evbuffer_add(body, a->body.p, a->body.n);
	}
	evhttp_send_reply(request, a->status, NULL, body);
	evbuffer_free(body);
}

/* Write the answer to a request, whether or not a call was made of it. */
static void send_json(const struct admin *admin, struct evhttp_request *request, int status,
	const json_t *json, const char *type, const char *etag)
{
	char *text = json_dumps(json, JSON_COMPACT);
	struct answer answer = {.admin = admin, .status = status, .type = type, .etag = etag};
	struct buf body;

	buf_init(&body, SIZE_MAX);
	buf_put(&body, str_of(text));
	buf_put_text(&body, "\n");
	free(text);
	answer.body = buf_str(&body);
	send_answer(request, &answer);
	buf_free(&body);
}

static void finish(
	struct admin_call *call, int status, const json_t *json, const char *type, const char *etag)
{
	if (call->is_listener) {
		admin_events_end(call);
		return;
	}
	if (call->is_stream) {
		admin_stream_line(call, json_pack("{s:s,s:s,s:O}", "step", "summary", "result",
						"failed", "text", json_object_get(json, "detail")));
		admin_stream_end(call);
		return;
	}
	if (call->request != NULL) {
		admin_count_answer(call->admin, call->request, status, call->came_us);
		admin_peer_watch(evhttp_request_get_connection(call->request));
		send_json(call->admin, call->request, status, json, type, etag);
		call->request = NULL;
	}
	admin_end(call);
}

void admin_reply(struct admin_call *call, int status, json_t *json, const char *etag)
{
	if (status == 200 && call->route != NULL && call->route->pages &&
		!admin_page_turn(call, &json)) {
		json_decref(json);
		return;
	}
	call->admin->served++;
	finish(call, status, json, "application/json", etag);
	json_decref(json);
}

static void finish_with(struct admin_call *call, const struct answer *answer)
{
	call->admin->served++;
	if (call->request != NULL) {
		admin_count_answer(call->admin, call->request, answer->status, call->came_us);
		admin_peer_watch(evhttp_request_get_connection(call->request));
		send_answer(call->request, answer);
		call->request = NULL;
	}
	admin_end(call);
}

void admin_reply_text(struct admin_call *call, const char *type, struct str text)
{
	const struct answer answer = {
		.admin = call->admin, .status = 200, .type = type, .body = text};

	finish_with(call, &answer);
}

/* What a page of the admin center may load: from here, and nothing else. */
#define PAGE_POLICY                                                                                \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "          \
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "           \
	"frame-ancestors 'none'"

void admin_reply_asset(struct admin_call *call, const struct admin_asset *asset, bool is_known)
{
	const struct answer answer = {
		.admin = call->admin,
		.status = is_known ? 304 : 200,
		.type = asset->type,
		.etag = asset->etag,
		.encoding = asset->is_gzip && !is_known ? "gzip" : NULL,
		.cache = asset->is_immutable ? "max-age=31536000, immutable" : "no-cache",
		.policy = PAGE_POLICY,
		.body = is_known ? (struct str){0} : asset->bytes,
	};

	if (call->request != NULL)
		evhttp_add_header(evhttp_request_get_output_headers(call->request), "Vary",
			"Accept-Encoding");
	finish_with(call, &answer);
}

static const struct {
	int status;
	const char *title, *code;
} kinds[] = {
	{400, "Bad request", "bad-request"}, {401, "Not logged in", "login-needed"},
	{403, "Forbidden", "not-allowed"}, {404, "Not found", "not-found"},
	{405, "Method not allowed", "no-such-method"},
	{406, "Not acceptable to the client", "not-acceptable"}, {409, "Conflict", "conflict"},
	{412, "Precondition failed", "changed"}, {413, "Too large", "too-large"},
	{415, "Not JSON", "not-json"}, {422, "Not acceptable as it is", "invalid"},
	{429, "Too many requests", "slow-down"}, {503, "Not available", "unavailable"},
	{500, "Internal error", "internal"}, /* and all others */
};

/* A text that was cut to fit, or that has bytes of a client in it, need not be UTF-8. */
static void make_text(char *text)
{
	if (str_is_utf8(str_of(text)))
		return;
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
}

static json_t *problem_json(int status, const char *code, const char *detail)
{
	size_t i = 0;

	while (kinds[i].status != status && i + 1 < ARRAY_LENGTH(kinds))
		i++;
	return json_pack("{s:s,s:i,s:s,s:s,s:[]}", "title", kinds[i].title, "status", status,
		"detail", detail, "code", code != NULL ? code : kinds[i].code, "errors");
}

/* FIELD of the body or the query, if it is known, and what is wrong with it. */
static void name_place(
	struct admin_call *call, json_t *problem, const char *field, const char *detail)
{
	const char *why = detail;

	if (field == NULL)
		field = admin_place_of(call, detail, &why);
	else if (record_place(detail) > 0)
		why = detail + record_place(detail) + 2;
	if (field != NULL)
		json_array_append_new(json_object_get(problem, "errors"),
			json_pack("{s:s,s:s}", "field", field, "detail", why));
}

void admin_header(struct admin_call *call, const char *name, const char *value)
{
	if (call->request != NULL)
		evhttp_add_header(evhttp_request_get_output_headers(call->request), name, value);
}

static void tell_problem(struct admin_call *call, int status, const char *code, const char *field,
	const char *detail)
{
	json_t *json = problem_json(status, code, detail);

	if (status == 400 || status == 409 || status == 422 || field != NULL)
		name_place(call, json, field, detail);
	call->admin->refused++;
	admin_audit_failed(call, detail);
	finish(call, status, json, "application/problem+json", NULL);
	json_decref(json);
}

void admin_problem(struct admin_call *call, int status, const char *format, ...)
{
	char detail[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	make_text(detail);
	tell_problem(call, status, NULL, NULL, detail);
}

void admin_problem_at(struct admin_call *call, int status, const char *code, const char *field,
	const char *format, ...)
{
	char detail[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	make_text(detail);
	tell_problem(call, status, code, field, detail);
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

static const char *code_of(enum err e)
{
	switch (e) {
	case ERR_EXISTS:
		return "exists";
	case ERR_CONFLICT:
		return "conflict";
	case ERR_CERTIFICATE:
		return "certificate";
	case ERR_BUSY:
		return "busy";
	default:
		return NULL; /* as the status says */
	}
}

/* What another process says of a parameter of the query is of the same kind as what is said here.
 */
static bool is_of_query(struct admin_call *call, const char *detail)
{
	size_t n = record_place(detail);

	return n > 0 && call->route != NULL && call->route->method == EVHTTP_REQ_GET &&
	       admin_query(call, arena_text_of(call->arena, str_make(detail, n))) != NULL;
}

void admin_problem_of(struct admin_call *call, enum err e, const json_t *result)
{
	const char *detail = json_string_value(json_object_get(result, "detail"));
	int status = admin_status_of(e);

	if (detail != NULL && (e == ERR_SYNTAX || e == ERR_RANGE) && is_of_query(call, detail))
		status = 400;
	tell_problem(call, status, code_of(e), json_string_value(json_object_get(result, "field")),
		detail != NULL ? detail : err_text(e));
}

void admin_answer_plainly(struct evbuffer *to, int status, const char *detail)
{
	json_t *json = problem_json(status, NULL, detail);
	char *text = json_dumps(json, JSON_COMPACT);
	const struct answer answer = {.type = "application/problem+json"};
	struct evkeyvalq headers;

	TAILQ_INIT(&headers);
	put_headers(&headers, &answer);
	evbuffer_add_printf(to, "HTTP/1.1 %d %s\r\n", status,
		json_string_value(json_object_get(json, "title")));
	for (const struct evkeyval *h = headers.tqh_first; h != NULL; h = h->next.tqe_next)
		evbuffer_add_printf(to, "%s: %s\r\n", h->key, h->value);
	evbuffer_add_printf(
		to, "Connection: close\r\nContent-Length: %zu\r\n\r\n%s\n", strlen(text) + 1, text);
	evhttp_clear_headers(&headers);
	free(text);
	json_decref(json);
}

void admin_refuse(
	struct admin *admin, struct evhttp_request *request, int status, const char *detail)
{
	json_t *json = problem_json(status, NULL, detail);

	admin->refused++;
	admin_count_answer(admin, request, status, 0);
	send_json(admin, request, status, json, "application/problem+json", NULL);
	json_decref(json);
}
