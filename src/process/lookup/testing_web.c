#include "process/lookup/testing_web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the server ------------------------------------------------------------------------------ */

static struct evhttp *web;
unsigned port;
static struct page pages[16];
static size_t page_count;

static void on_request(struct evhttp_request *request, void *context)
{
	struct page *page = context;
	struct evbuffer *body = evbuffer_new();
	const char *header =
		evhttp_find_header(evhttp_request_get_input_headers(request), "X-Sealpost-Test");

	page->hits++;
	page->last_length = (size_t)evbuffer_copyout(
		evhttp_request_get_input_buffer(request), page->last_body, sizeof(page->last_body));
	snprintf(page->last_header, sizeof(page->last_header), "%s", header != NULL ? header : "");
	if (page->conduct == HANG_UP) {
		bufferevent_disable(
			evhttp_connection_get_bufferevent(evhttp_request_get_connection(request)),
			EV_READ | EV_WRITE);
		evhttp_connection_free(evhttp_request_get_connection(request));
	} else if (page->conduct != STALL) {
		if (page->to != NULL)
			evhttp_add_header(
				evhttp_request_get_output_headers(request), "Location", page->to);
		evbuffer_add(body, page->body.p, page->body.n);
		evhttp_send_reply(request, page->status != 0 ? page->status : 200, NULL, body);
	}
	evbuffer_free(body);
}

struct page *page_at(const char *path)
{
	struct page *page = &pages[page_count++];

	assert_true(page_count <= ARRAY_LENGTH(pages));
	*page = (struct page){.path = path};
	evhttp_set_cb(web, path, on_request, page);
	return page;
}

static void start_web(void)
{
	struct evhttp_bound_socket *bound;
	struct sockaddr_in address = {0};
	socklen_t size = sizeof(address);

	page_count = 0;
	web = evhttp_new(base);
	bound = evhttp_bind_socket_with_handle(web, "127.0.0.1", 0);
	assert_non_null(bound);
	assert_int_equal(
		getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &size),
		0);
	port = ntohs(address.sin_port);
}

/* ---- certificates ---------------------------------------------------------------------------- */

struct test_cert root, issuer, leaf;
struct page *root_list, *issuer_list, *responder;
char *chain;

static struct test_cert make(
	const char *name, struct test_cert *by, const char *list, const char *ocsp)
{
	char lists[200], access[200];
	struct test_cert_options options = {
		.common_name = name, .issuer = by, .is_ca = ocsp == NULL};

	snprintf(lists, sizeof(lists), "URI:http://127.0.0.1:%u%s", port, list ? list : "");
	snprintf(access, sizeof(access), "OCSP;URI:http://127.0.0.1:%u%s", port, ocsp ? ocsp : "");
	options.lists = list != NULL ? lists : NULL;
	options.access = ocsp != NULL && ocsp[0] != '\0' ? access : NULL;
	return test_cert_make(&options);
}

void list_on(struct page *page, const struct test_cert *by, const struct test_cert *revoked)
{
	struct test_list_options options = {
		.issuer = by, .until_s = DAY, .revoked = revoked, .reason = 1};

	free((char *)page->body.p);
	page->body = test_list_make(&options);
}

void response_on(struct page *page, int status)
{
	struct test_ocsp_options options = {
		.certificate = &leaf, .issuer = &issuer, .status = status, .until_s = DAY};

	free((char *)page->body.p);
	page->body = test_ocsp_make(&options);
}

static const char *allow[] = {"127.0.0.1"};

static void make_all(const char *leaf_list, const char *leaf_ocsp)
{
	char *two;

	root = make("Root", NULL, NULL, NULL);
	issuer = make("Issuer", &root, "/root.crl", NULL);
	leaf = make("leaf", &issuer, leaf_list, leaf_ocsp);
	two = test_cert_join(leaf.pem, issuer.pem);
	chain = test_cert_join(two, root.pem);
	free(two);
	root_list = page_at("/root.crl");
	issuer_list = page_at("/issuer.crl");
	responder = page_at("/ocsp");
	list_on(root_list, &root, NULL);
	list_on(issuer_list, &issuer, NULL);
	response_on(responder, V_OCSP_CERTSTATUS_GOOD);
}

int set_up(void **state)
{
	(void)state;
	testing_prepare();
	start_web();
	make_all("/issuer.crl", "/ocsp");
	child.fetch = (struct model_fetch){.allow = {allow, 1},
		.timeout_ms = 5000,
		.size = 100000,
		.redirects = 2,
		.wait_ms = 5000,
		.cache = 10 << 20};
	return testing_start("none");
}

int tear_down(void **state)
{
	(void)state;
	evhttp_free(web);
	for (size_t i = 0; i < page_count; i++)
		free((char *)pages[i].body.p);
	test_cert_clear(&root);
	test_cert_clear(&issuer);
	test_cert_clear(&leaf);
	free(chain);
	return testing_end();
}

/* ---- who asks -------------------------------------------------------------------------------- */

static void on_answer(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct asker *a = context;

	(void)ipc;
	a->type = type;
	a->answers++;
	record_copy(wire_types[type].desc, record, a->arena, &a->answer);
}

static void on_closed(void *context, struct ipc *ipc)
{
	struct asker *a = context;

	(void)ipc;
	a->is_closed = true;
}

void begin(struct asker *a, enum runtime_role role)
{
	static const struct ipc_handlers handlers = {.message = on_answer, .closed = on_closed};

	*a = (struct asker){.arena = arena_new()};
	a->ipc = ipc_new(base, testing_connect(role, 0), &handlers, a);
}

void end(struct asker *a)
{
	ipc_free(&a->ipc);
	arena_free(&a->arena);
}

const void *ask(struct asker *a, enum wire_type type, const void *record)
{
	unsigned before = a->answers;

	ipc_send(a->ipc, type, record);
	RUN_UNTIL(a->answers > before || a->is_closed);
	assert_false(a->is_closed);
	return &a->answer;
}

const struct wire_revocation_answer *ask_of(struct asker *a, struct str stapled, int wait_ms)
{
	struct wire_revocation_ask question = {
		.tag = 7, .chain = str_of(chain), .stapled = stapled, .wait_ms = wait_ms};
	const struct wire_revocation_answer *answer = ask(a, WIRE_REVOCATION_ASK, &question);

	assert_int_equal(a->type, WIRE_REVOCATION_ANSWER);
	assert_int_equal(answer->tag, 7);
	assert_int_equal(answer->certificates.count, 2);
	return answer;
}

void check(const struct wire_revocation *found, int status, const char *token)
{
	if (token == NULL ? found->token != NULL
			  : found->token == NULL || strcmp(found->token, token) != 0)
		fail_msg("token %s instead of %s: %s", found->token ? found->token : "none",
			token ? token : "none", found->text ? found->text : "");
	assert_int_equal(found->status, status);
}
