#include "port/dns/dns.h"
#include "port/dns/test_server.h"
#include "port/sandbox/sandbox.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct str bytes(const char *p, size_t n)
{
	return str_make(p, n);
}
#define BYTES(literal) bytes(literal, sizeof(literal) - 1)

/* ---- rdata ------------------------------------------------------------------------------------
 */

static void test_parse_name(void **state)
{
	char name[256];
	char label[65];

	(void)state;
	assert_true(dns_parse_name(BYTES("\3MX1\7example\0"), name));
	assert_string_equal(name, "mx1.example");
	assert_true(dns_parse_name(BYTES("\0"), name));
	assert_string_equal(name, "");
	assert_true(dns_parse_name(BYTES("\5_25_x\1a\0"), name));
	assert_false(dns_parse_name(BYTES(""), name));
	assert_false(dns_parse_name(BYTES("\3mx"), name));
	assert_false(dns_parse_name(BYTES("\3mx1"), name));
	assert_false(dns_parse_name(BYTES("\3mx1\0x"), name));
	assert_false(dns_parse_name(BYTES("\xc0\x0c"), name));
	assert_false(dns_parse_name(BYTES("\3m.x\0"), name));
	assert_false(dns_parse_name(BYTES("\3m x\0"), name));
	assert_false(dns_parse_name(BYTES("\3m\0x\0"), name));
	memset(label, 'a', sizeof(label));
	label[0] = 63;
	{
		char long_name[64 * 5];

		for (size_t i = 0; i < 5; i++)
			memcpy(long_name + 64 * i, label, 64);
		long_name[64 * 3] = 60;
		long_name[64 * 3 + 61] = 0;
		assert_true(dns_parse_name(bytes(long_name, 64 * 3 + 62), name));
		assert_int_equal(strlen(name), 63 * 3 + 3 + 60);
		long_name[64 * 3] = 63;
		long_name[64 * 4] = 0;
		assert_false(dns_parse_name(bytes(long_name, 64 * 4 + 1), name));
	}
}

static void test_parse_mx(void **state)
{
	uint16_t preference = 1;
	char host[256] = "unchanged";
	struct buf b;

	(void)state;
	assert_false(dns_parse_mx(BYTES("\0\x0a"), &preference, host));
	assert_false(dns_parse_mx(BYTES("\0\x0a\3mx"), &preference, host));
	assert_int_equal(preference, 1);
	assert_string_equal(host, "unchanged");
	assert_true(dns_parse_mx(BYTES("\1\x0a\2mx\7example\0"), &preference, host));
	assert_int_equal(preference, 266);
	assert_string_equal(host, "mx.example");
	assert_true(dns_parse_mx(BYTES("\0\0\0"), &preference, host));
	assert_string_equal(host, "");
	buf_init(&b, 300);
	assert_true(dns_put_name(&b, "mx.example"));
	assert_true(str_equal(buf_str(&b), BYTES("\2mx\7example\0")));
	assert_false(dns_put_name(&b, "mx..example"));
	buf_free(&b);
}

/* ---- asking -----------------------------------------------------------------------------------
 */

struct asked {
	struct event_base *base;
	unsigned count;
	int status;
	bool nxdomain;
	size_t records;
	char first[64];
	char why[128];
	char canonical[64];
};

static void on_done(void *context, const struct wire_dns_answer *answer)
{
	struct asked *a = context;

	a->count++;
	a->status = answer->status;
	a->nxdomain = answer->nxdomain;
	a->records = answer->records.count;
	a->first[0] = '\0';
	if (answer->records.count > 0 && answer->records.items[0].rdata.n == 4)
		inet_ntop(AF_INET, answer->records.items[0].rdata.p, a->first, sizeof(a->first));
	snprintf(a->why, sizeof(a->why), "%s", answer->why != NULL ? answer->why : "");
	snprintf(a->canonical, sizeof(a->canonical), "%s",
		answer->canonical != NULL ? answer->canonical : "");
	event_base_loopbreak(a->base);
}

/* Run the loop until COUNT answers; each turn ends with an answer or after a while. */
static void wait_for(struct asked *a, unsigned count)
{
	for (int i = 0; a->count < count && i < 200; i++) {
		struct timeval slice = {0, 100 * 1000};

		event_base_loopexit(a->base, &slice);
		event_base_dispatch(a->base);
	}
	assert_int_equal(a->count, count);
}

static void test_table(void **state)
{
	struct asked a = {.base = event_base_new()};
	struct dns *dns = dns_table_new(a.base);
	struct dns_query *query;

	(void)state;
	dns_table_add(dns, "a.example", DNS_A, WIRE_DNS_SECURE, BYTES("\1\2\3\4"));
	dns_table_add(dns, "a.example", DNS_A, WIRE_DNS_SECURE, BYTES("\1\2\3\5"));
	dns_table_add(dns, "bogus.example", DNS_A, WIRE_DNS_BOGUS, BYTES("\1\2\3\4"));
	dns_table_add(dns, "down.example", DNS_MX, WIRE_DNS_FAILED, BYTES(""));
	query = dns_ask(dns, "A.example", DNS_A, on_done, &a);
	assert_int_equal(a.count, 0);
	wait_for(&a, 1);
	assert_int_equal(a.status, WIRE_DNS_SECURE);
	assert_int_equal(a.records, 2);
	assert_string_equal(a.first, "1.2.3.4");
	dns_ask(dns, "a.example", DNS_MX, on_done, &a);
	wait_for(&a, 2);
	assert_int_equal(a.status, WIRE_DNS_INSECURE);
	assert_int_equal(a.records, 0);
	assert_false(a.nxdomain);
	dns_ask(dns, "b.example", DNS_A, on_done, &a);
	wait_for(&a, 3);
	assert_true(a.nxdomain);
	dns_ask(dns, "bogus.example", DNS_A, on_done, &a);
	wait_for(&a, 4);
	assert_int_equal(a.status, WIRE_DNS_BOGUS);
	assert_int_equal(a.records, 0);
	dns_ask(dns, "down.example", DNS_MX, on_done, &a);
	wait_for(&a, 5);
	assert_int_equal(a.status, WIRE_DNS_FAILED);
	query = dns_ask(dns, "a.example", DNS_A, on_done, &a);
	dns_cancel(&query);
	assert_null(query);
	dns_ask(dns, "a.example", DNS_A, on_done, &a);
	dns_free(&dns);
	event_base_loop(a.base, EVLOOP_NONBLOCK);
	assert_int_equal(a.count, 5);
	event_base_free(a.base);
}

/* The lookup process as seen from the other end of the channel. */
struct fake_lookup {
	struct ipc *ipc;
	unsigned asked;
	bool is_silent;
};

static void fake_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct fake_lookup *f = context;
	const struct wire_dns_ask *ask = record;
	struct wire_dns_record r = {.rdata = BYTES("\x7f\0\0\1")};
	struct wire_dns_answer answer = {.tag = ask->tag, .status = WIRE_DNS_SECURE};

	assert_int_equal(type, WIRE_DNS_ASK);
	assert_string_equal(ask->name, "a.example");
	f->asked++;
	answer.records.items = &r;
	answer.records.count = 1;
	if (!f->is_silent)
		ipc_send(ipc, WIRE_DNS_ANSWER, &answer);
}

static void fake_closed(void *context, struct ipc *ipc)
{
	struct fake_lookup *f = context;

	(void)ipc;
	ipc_free(&f->ipc);
}

static void test_remote(void **state)
{
	static const struct ipc_handlers handlers = {
		.message = fake_message, .closed = fake_closed};
	struct asked a = {.base = event_base_new()};
	struct dns *dns = dns_remote_new(a.base);
	struct fake_lookup fake = {0};
	struct dns_query *query;
	int pair[2];

	(void)state;
	dns_ask(dns, "a.example", DNS_A, on_done, &a);
	wait_for(&a, 1);
	assert_int_equal(a.status, WIRE_DNS_FAILED);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	dns_remote_peer(dns, pair[0]);
	fake.ipc = ipc_new(a.base, pair[1], &handlers, &fake);
	dns_ask(dns, "a.example", DNS_A, on_done, &a);
	wait_for(&a, 2);
	assert_int_equal(a.status, WIRE_DNS_SECURE);
	assert_string_equal(a.first, "127.0.0.1");
	/* A cancelled question's answer disturbs nobody. */
	query = dns_ask(dns, "a.example", DNS_A, on_done, &a);
	dns_cancel(&query);
	dns_ask(dns, "a.example", DNS_A, on_done, &a);
	wait_for(&a, 3);
	/* The process goes away: the question fails; a new one is asked. */
	fake.is_silent = true;
	dns_ask(dns, "a.example", DNS_A, on_done, &a);
	for (int i = 0; i < 100 && fake.asked < 4; i++)
		event_base_loop(a.base, EVLOOP_ONCE);
	assert_int_equal(fake.asked, 4);
	ipc_free(&fake.ipc);
	wait_for(&a, 4);
	assert_int_equal(a.status, WIRE_DNS_FAILED);
	fake.is_silent = false;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	dns_remote_peer(dns, pair[0]);
	fake.ipc = ipc_new(a.base, pair[1], &handlers, &fake);
	dns_ask(dns, "a.example", DNS_A, on_done, &a);
	wait_for(&a, 5);
	assert_int_equal(a.status, WIRE_DNS_SECURE);
	dns_free(&dns);
	ipc_free(&fake.ipc);
	event_base_free(a.base);
}

static void test_unbound(void **state)
{
	struct test_server server;
	struct asked a = {0};
	struct err_info info = {.text = ""};
	struct dns *dns = NULL;
	struct dns_query *query;

	(void)state;
	test_server_start(&server);
	a.base = event_base_new();
	if (dns_unbound_new(a.base, &server.settings, &dns, &info) != ERR_OK)
		fail_msg("%s", info.text);
	dns_ask(dns, "a1.example", DNS_A, on_done, &a);
	assert_int_equal(a.count, 0);
	wait_for(&a, 1);
	assert_string_equal(a.why, "");
	assert_int_equal(a.status, WIRE_DNS_INSECURE);
	assert_string_equal(a.first, "192.0.2.7");
	dns_ask(dns, "n1.example", DNS_A, on_done, &a);
	wait_for(&a, 2);
	assert_int_equal(a.status, WIRE_DNS_INSECURE);
	assert_true(a.nxdomain);
	dns_ask(dns, "f1.example", DNS_A, on_done, &a);
	wait_for(&a, 3);
	assert_int_equal(a.status, WIRE_DNS_FAILED);
	assert_string_equal(a.why, "the name server said SERVFAIL");
	dns_ask(dns, "not..a.name", DNS_A, on_done, &a);
	wait_for(&a, 4);
	assert_int_equal(a.status, WIRE_DNS_FAILED);
	query = dns_ask(dns, "s1.example", DNS_A, on_done, &a);
	dns_cancel(&query);
	for (unsigned i = 0; i < 50; i++) {
		char name[32];

		snprintf(name, sizeof(name), "a%u.many.example", i);
		dns_ask(dns, name, DNS_A, on_done, &a);
	}
	wait_for(&a, 54);
	assert_string_equal(a.first, "192.0.2.7");
	dns_ask(dns, "s2.example", DNS_A, on_done, &a);
	dns_free(&dns);
	/* Time is up before the silent server is given up. */
	server.settings.timeout_ms = 300;
	assert_int_equal(dns_unbound_new(a.base, &server.settings, &dns, &info), ERR_OK);
	dns_ask(dns, "s3.example", DNS_A, on_done, &a);
	wait_for(&a, 55);
	assert_int_equal(a.status, WIRE_DNS_FAILED);
	assert_string_equal(a.why, "no answer in time");
	dns_free(&dns);
	event_base_free(a.base);
	test_server_stop(&server);
}

/* Everything is read before the sandbox; the thread starts within it. */
static void test_unbound_in_sandbox(void **state)
{
	struct sandbox_rules rules = {.may_connect = true, .may_thread = true};
	struct err_info info = {.text = ""};
	struct test_server server;
	struct asked a = {0};
	struct dns *dns = NULL;
	int status = 0;
	pid_t child;

	(void)state;
	test_server_start(&server);
	child = fork();
	if (child == 0) {
		alarm(60);
		a.base = event_base_new();
		if (dns_unbound_new(a.base, &server.settings, &dns, &info) != ERR_OK)
			_exit(2);
		if (sandbox_enter(&rules, NULL, &info) != ERR_OK)
			_exit(3);
		dns_ask(dns, "a1.example", DNS_A, on_done, &a);
		for (int i = 0; a.count < 1 && i < 200; i++) {
			struct timeval slice = {0, 100 * 1000};

			event_base_loopexit(a.base, &slice);
			event_base_dispatch(a.base);
		}
		_exit(a.status == WIRE_DNS_INSECURE && strcmp(a.first, "192.0.2.7") == 0 ? 0 : 4);
	}
	waitpid(child, &status, 0);
	test_server_stop(&server);
	assert_int_equal(status, 0);
}

static void test_unbound_settings(void **state)
{
	struct event_base *base = event_base_new();
	const char *servers[] = {"nonsense"};
	struct model_dns settings = {
		.servers = {servers, 1}, .trust_anchor = "none", .cache = 1 << 20};
	struct err_info info = {.text = ""};
	struct dns *dns = NULL;

	(void)state;
	assert_int_not_equal(dns_unbound_new(base, &settings, &dns, &info), ERR_OK);
	assert_non_null(strstr(info.text, "dns.servers[0]: nonsense"));
	servers[0] = "127.0.0.1@5353";
	settings.trust_anchor = "/nonexistent/anchor";
	assert_int_not_equal(dns_unbound_new(base, &settings, &dns, &info), ERR_OK);
	assert_string_equal(info.text, "dns.trust_anchor: /nonexistent/anchor cannot be read");
	assert_null(dns);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_name),
		cmocka_unit_test(test_parse_mx),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_remote),
		cmocka_unit_test(test_unbound),
		cmocka_unit_test(test_unbound_in_sandbox),
		cmocka_unit_test(test_unbound_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
