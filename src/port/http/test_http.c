/* Which addresses are fetched from, and what happens on the way there. */
#include "port/http/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>

static void addresses(void **state)
{
	static const struct {
		const char *address;
		bool allowed;
	} rows[] = {{"8.8.8.8", true}, {"192.0.2.1", true}, {"172.32.0.1", true},
		{"100.128.0.1", true}, {"2001:db8::1", true}, {"2a00:1450::1", true},
		{"64:ff9b::808:808", true}, {"2002:808:808::1", true}, {"0.0.0.0", false},
		{"0.1.2.3", false}, {"10.0.0.1", false}, {"10.255.255.255", false},
		{"100.64.0.1", false}, {"127.0.0.1", false}, {"127.9.9.9", false},
		{"169.254.169.254", false}, {"172.16.0.1", false}, {"172.31.255.255", false},
		{"192.168.1.1", false}, {"198.18.0.1", false}, {"224.0.0.1", false},
		{"255.255.255.255", false}, {"::", false}, {"::1", false}, {"::7f00:1", false},
		{"::ffff:127.0.0.1", false}, {"::ffff:10.0.0.1", false}, {"fe80::1", false},
		{"fc00::1", false}, {"fd12::1", false}, {"fec0::1", false}, {"ff02::1", false},
		{"64:ff9b::7f00:1", false}, {"64:ff9b::a00:1", false}, {"64:ff9b:1::1", false},
		{"2002:7f00:1::1", false}, {"2002:c0a8:101::1", false}, {"2001::1", false}};
	struct model_prefix address, allowed;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		assert_true(model_parse_prefix(str_of(rows[i].address), &address));
		if ((http_forbidden(&address, NULL, 0) == NULL) != rows[i].allowed)
			fail_msg("%s", rows[i].address);
		/* Whatever it is, it may be allowed. */
		assert_null(http_forbidden(&address, &address, 1));
	}
	assert_true(model_parse_prefix(str_of("10.1.0.0/16"), &allowed));
	assert_true(model_parse_prefix(str_of("10.1.2.3"), &address));
	assert_null(http_forbidden(&address, &allowed, 1));
	assert_true(model_parse_prefix(str_of("10.2.2.3"), &address));
	assert_non_null(http_forbidden(&address, &allowed, 1));
	/* Allowed by its IPv4 address, inside another. */
	assert_true(model_parse_prefix(str_of("64:ff9b::a01:203"), &address));
	assert_null(http_forbidden(&address, &allowed, 1));
}

/* ---- exchanges ------------------------------------------------------------------------------- */

static struct {
	struct event_base *base;
	struct dns *dns;
	struct http *http;
	struct evhttp *web;
	unsigned port, hits;
	char last_uri[300];
} f;

static const char *allow[] = {"127.0.0.1"};

static void on_request(struct evhttp_request *request, void *context)
{
	struct evbuffer *body = evbuffer_new();

	(void)context;
	f.hits++;
	snprintf(f.last_uri, sizeof(f.last_uri), "%s", evhttp_request_get_uri(request));
	if (strstr(f.last_uri, "/stall") == NULL) {
		evbuffer_add_printf(body, "hello");
		evhttp_send_reply(request, 200, NULL, body);
	}
	evbuffer_free(body);
}

static void add(const char *name, const char *address)
{
	unsigned char bytes[4];

	assert_int_equal(inet_pton(AF_INET, address, bytes), 1);
	dns_table_add(f.dns, name, DNS_A, WIRE_DNS_INSECURE, str_make(bytes, 4));
}

static void apply(const char *proxy, int64_t timeout_ms)
{
	struct model_fetch settings = {.allow = {allow, 1},
		.proxy = proxy,
		.timeout_ms = timeout_ms,
		.size = 10000,
		.redirects = 2};

	http_apply(f.http, &settings, str_of(NULL));
}

static int set_up(void **state)
{
	struct evhttp_bound_socket *bound;
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	(void)state;
	http_prepare();
	f.base = event_base_new();
	f.dns = dns_table_new(f.base);
	f.http = http_new(f.base);
	f.web = evhttp_new(f.base);
	f.hits = 0;
	evhttp_set_gencb(f.web, on_request, NULL);
	evhttp_set_allowed_methods(f.web, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_CONNECT);
	bound = evhttp_bind_socket_with_handle(f.web, "127.0.0.1", 0);
	getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &size);
	f.port = ntohs(address.sin_port);
	apply(NULL, 5000);
	http_set_dns(f.http, f.dns);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	http_free(&f.http);
	dns_free(&f.dns);
	evhttp_free(f.web);
	event_base_free(f.base);
	return 0;
}

struct outcome {
	unsigned count;
	char token[32], text[400], hosts[400], address[80], body[40];
};

static void on_done(void *context, const struct http_answer *answer)
{
	struct outcome *o = context;

	o->count++;
	snprintf(o->token, sizeof(o->token), "%s", answer->token != NULL ? answer->token : "ok");
	snprintf(o->text, sizeof(o->text), "%s", answer->text != NULL ? answer->text : "");
	snprintf(o->hosts, sizeof(o->hosts), "%s", answer->hosts != NULL ? answer->hosts : "");
	snprintf(o->address, sizeof(o->address), "%s",
		answer->address != NULL ? answer->address : "");
	snprintf(o->body, sizeof(o->body), "%.*s", STR_ARGS(answer->body));
}

static void run_until(const struct outcome *o, unsigned count)
{
	for (int turn = 0; o->count < count && turn < 3000; turn++) {
		struct timeval slice = {0, 10 * 1000};

		event_base_loopexit(f.base, &slice);
		event_base_dispatch(f.base);
	}
	assert_int_equal(o->count, count);
}

PRINTF_LIKE(1, 2) static struct outcome fetch(const char *format, ...)
{
	struct http_request request = {0};
	struct outcome o = {0};
	va_list arguments;
	char url[300];

	va_start(arguments, format);
	vsnprintf(url, sizeof(url), format, arguments);
	va_end(arguments);
	request.url = url;
	http_ask(f.http, &request, on_done, &o);
	assert_int_equal(o.count, 0);
	run_until(&o, 1);
	if (strcmp(o.token, "ok") != 0)
		assert_true(o.text[0] != '\0' && o.body[0] == '\0');
	return o;
}

static void names(void **state)
{
	struct outcome o;

	(void)state;
	add("one.example", "127.0.0.1");
	add("inside.example", "10.0.0.7");
	add("both.example", "10.0.0.7");
	add("both.example", "127.0.0.1");
	dns_table_add(f.dns, "bogus.example", DNS_A, WIRE_DNS_BOGUS, str_of(NULL));
	o = fetch("http://one.example:%u/x", f.port);
	assert_string_equal(o.token, "ok");
	assert_string_equal(o.body, "hello");
	assert_string_equal(f.last_uri, "/x");
	assert_non_null(strstr(o.hosts, "one.example:"));
	assert_non_null(strstr(o.address, "127.0.0.1:"));
	assert_string_equal(fetch("http://inside.example:%u/", f.port).token, "blocked");
	assert_string_equal(fetch("http://both.example:%u/", f.port).token, "ok");
	assert_string_equal(fetch("http://none.example/").token, "not-found");
	assert_string_equal(fetch("http://bogus.example/").token, "dns");
	assert_string_equal(fetch("http://127.0.0.2:%u/", f.port).token, "blocked");
	assert_string_equal(fetch("http://localhost:1/").token, "not-found");
}

static void urls(void **state)
{
	static const char *const wrong[] = {"", "x", "ldap://h/x", "file:///etc/passwd",
		"ftp://h/x", "http://", "http://u:p@127.0.0.1/", "http://a b/",
		"http://127.0.0.1:0/", "http://127.0.0.1:99999/", "gopher://h/",
		"http://h\n.example/"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		print_message("# %s\n", wrong[i]);
		assert_string_equal(fetch("%s", wrong[i]).token, "scheme");
	}
	assert_int_equal(f.hits, 0);
}

static void through_proxy(void **state)
{
	char proxy[64];
	struct outcome o;

	(void)state;
	/* Configured, so it may be anywhere; and it looks names up itself. */
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", f.port);
	allow[0] = "192.0.2.9";
	apply(proxy, 5000);
	allow[0] = "127.0.0.1";
	o = fetch("http://far.example/list.crl");
	assert_string_equal(o.token, "ok");
	assert_string_equal(f.last_uri, "http://far.example/list.crl");
	assert_non_null(strstr(o.hosts, "far.example:80"));
	assert_non_null(strstr(o.hosts, "127.0.0.1:"));
	/* What must not be reached is not reached through it. */
	f.hits = 0;
	assert_string_equal(fetch("http://169.254.169.254/").token, "blocked");
	assert_string_equal(fetch("http://[::1]/").token, "blocked");
	assert_int_equal(f.hits, 0);
	apply("http://127.0.0.1:1", 5000);
	assert_string_equal(fetch("http://far.example/list.crl").token, "proxy");
	apply("http://none.example:1", 5000);
	assert_string_equal(fetch("http://far.example/list.crl").token, "not-found");
}

/* One host that stalls holds up its own kind only. */
static void slow_host(void **state)
{
	struct http_request request = {0};
	struct outcome slow = {0}, o;
	char url[100];

	(void)state;
	add("slow.example", "127.0.0.1");
	add("quick.example", "127.0.0.1");
	apply(NULL, 4000);
	snprintf(url, sizeof(url), "http://slow.example:%u/stall", f.port);
	request.url = url;
	for (int i = 0; i < 3 * HTTP_MAX_RUNNING; i++)
		http_ask(f.http, &request, on_done, &slow);
	o = fetch("http://quick.example:%u/", f.port);
	assert_string_equal(o.token, "ok");
	assert_int_equal(slow.count, 0);
	/* No more than that are with it at once. */
	assert_true(f.hits <= HTTP_MAX_HOST + 1);
	run_until(&slow, 3 * HTTP_MAX_RUNNING);
	assert_string_equal(slow.token, "timeout");
}

/* Who cancels hears nothing, whatever it was doing; who changes the resolver loses nothing. */
static void cancelled(void **state)
{
	struct http_exchange *x[4];
	struct http_request request = {.url = "http://one.example:1/"};
	struct outcome o = {0};
	char url[100];

	(void)state;
	add("one.example", "127.0.0.1");
	snprintf(url, sizeof(url), "http://one.example:%u/stall", f.port);
	x[0] = http_ask(f.http, &request, on_done, &o);
	http_cancel(&x[0]);
	request.url = "nothing";
	x[1] = http_ask(f.http, &request, on_done, &o);
	http_cancel(&x[1]);
	request.url = url;
	x[2] = http_ask(f.http, &request, on_done, &o);
	for (int turn = 0; f.hits == 0 && turn < 3000; turn++)
		event_base_loop(f.base, EVLOOP_ONCE);
	http_cancel(&x[2]);
	assert_null(x[2]);
	snprintf(url, sizeof(url), "http://one.example:%u/", f.port);
	x[3] = http_ask(f.http, &request, on_done, &o);
	http_set_dns(f.http, NULL);
	http_set_dns(f.http, f.dns);
	run_until(&o, 1);
	assert_string_equal(o.token, "ok");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test_setup_teardown(names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(urls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(through_proxy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(slow_host, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cancelled, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
