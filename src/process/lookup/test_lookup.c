/* The lookup process as it really runs, in its sandbox, with this test as its supervisor and as the
 * processes that ask. */
#include "port/dns/dns.h"
#include "port/dns/test_server.h"
#include "port/runtime/control.h"
#include "process/lookup/lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct event_base *base;
static struct test_server server;

static struct {
	pid_t pid;
	struct runtime_control *control;
	int64_t applied;
	enum err error;
	char reason[300], stats[600];
	bool closed;
} child;

/* Turn the loop until the condition holds, at most half a minute. */
#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		for (int turn = 0; !(condition) && turn < 3000; turn++) {                          \
			struct timeval slice = {0, 10 * 1000};                                     \
                                                                                                   \
			event_base_loopexit(base, &slice);                                         \
			event_base_dispatch(base);                                                 \
		}                                                                                  \
		assert_true(condition);                                                            \
	} while (0)

static void on_control(void *context, struct runtime_control_message *message)
{
	(void)context;
	if (message->type == RUNTIME_CONTROL_APPLIED) {
		child.applied = message->tag;
		child.error = message->error;
		snprintf(child.reason, sizeof(child.reason), "%.*s", STR_ARGS(message->data));
	} else if (message->type == RUNTIME_CONTROL_STATISTICS) {
		snprintf(child.stats, sizeof(child.stats), "%.*s", STR_ARGS(message->data));
	}
}

static void on_control_closed(void *context)
{
	(void)context;
	child.closed = true;
}

static void tell(enum runtime_control_type type, int64_t tag, struct str data, int fd)
{
	runtime_control_send(child.control, &(struct runtime_control_message){.type = type,
						    .role = RUNTIME_DELIVER,
						    .index = (unsigned)tag,
						    .tag = tag,
						    .data = data,
						    .fd = fd});
}

static void tell_record(
	enum runtime_control_type type, const struct record_desc *desc, const void *record)
{
	struct buf bytes;

	buf_init(&bytes, 1 << 20);
	assert_int_equal(record_encode(desc, record, &bytes), ERR_OK);
	tell(type, 0, buf_str(&bytes), -1);
	buf_free(&bytes);
}

static void tell_settings(int64_t tag, const char *trust_anchor)
{
	struct arena *arena = arena_new();
	struct model_node node;

	record_init(&model_node_desc, &node, arena);
	node.dns = server.settings;
	node.dns.trust_anchor = trust_anchor;
	tell_record(RUNTIME_CONTROL_NODE, &model_node_desc, &node);
	tell(RUNTIME_CONTROL_APPLY, tag, str_of(NULL), -1);
	RUN_UNTIL(child.applied == tag || child.closed);
	arena_free(&arena);
}

static int start_child_with(const char *trust_anchor)
{
	static const struct runtime_control_handlers handlers = {on_control, on_control_closed};
	static const struct runtime_control_hello hello = {.log_level = 3};
	static char words[4][9] = {"sealpost", "process", "lookup", "0"};
	char *argv[] = {words[0], words[1], words[2], words[3], NULL};
	int fds[2];

	test_server_start(&server);
	memset(&child, 0, sizeof(child));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	child.pid = fork();
	if (child.pid == 0) {
		dup2(fds[1], 3);
		_exit(runtime_main(&lookup_process, 4, argv));
	}
	close(fds[1]);
	base = event_base_new();
	child.control = runtime_control_new(base, fds[0], &handlers, NULL);
	tell_record(RUNTIME_CONTROL_HELLO, &runtime_control_hello_desc, &hello);
	tell_settings(1, trust_anchor);
	if (child.applied != 1 || child.error != ERR_OK)
		fail_msg("not started: %s", child.reason);
	tell(RUNTIME_CONTROL_START, 0, str_of(NULL), -1);
	return 0;
}

static int start_child(void **state)
{
	(void)state;
	return start_child_with("none");
}

/* Which asks the server, that signs nothing, for the root. */
static int start_child_default(void **state)
{
	(void)state;
	return start_child_with(NULL);
}

static int end_child(void **state)
{
	int status = -1;

	(void)state;
	tell(RUNTIME_CONTROL_DRAIN, 0, str_of(NULL), -1);
	RUN_UNTIL(child.closed);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_int_equal(status, 0);
	runtime_control_free(&child.control);
	event_base_free(base);
	test_server_stop(&server);
	return 0;
}

/* An asking process, number INDEX. */
static struct dns *connect_child(unsigned index)
{
	struct dns *dns = dns_remote_new(base);
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	tell(RUNTIME_CONTROL_PEER, index, str_of(NULL), fds[1]);
	close(fds[1]);
	dns_remote_peer(dns, fds[0]);
	return dns;
}

struct tally {
	unsigned count[WIRE_DNS_FAILED + 1];
	unsigned all, nxdomain, records;
};

static void on_done(void *context, const struct wire_dns_answer *answer)
{
	struct tally *t = context;

	t->all++;
	t->count[answer->status]++;
	t->nxdomain += answer->nxdomain ? 1 : 0;
	t->records += (unsigned)answer->records.count;
}

static void answers(void **state)
{
	struct dns *one = connect_child(0), *two = connect_child(1);
	struct tally a = {0}, b = {0};

	(void)state;
	dns_ask(one, "a.example", DNS_A, on_done, &a);
	dns_ask(one, "n.example", DNS_A, on_done, &a);
	dns_ask(one, "f.example", DNS_A, on_done, &a);
	dns_ask(one, "x.example", DNS_MX, on_done, &a);
	RUN_UNTIL(a.all == 4);
	assert_int_equal(a.count[WIRE_DNS_INSECURE], 3);
	assert_int_equal(a.count[WIRE_DNS_FAILED], 1);
	assert_int_equal(a.nxdomain, 1);
	assert_int_equal(a.records, 1);
	/* Far more than are asked at once, from two processes. */
	for (unsigned i = 0; i < 1500; i++) {
		char name[32];

		snprintf(name, sizeof(name), "a%u.example", i);
		dns_ask(i % 2 ? one : two, name, DNS_A, on_done, i % 2 ? &a : &b);
	}
	RUN_UNTIL(a.all + b.all == 1504);
	assert_int_equal(a.records + b.records, 1501);
	tell(RUNTIME_CONTROL_STATS, 0, str_of(NULL), -1);
	RUN_UNTIL(child.stats[0] != '\0');
	assert_non_null(strstr(child.stats, "\"asked\":1504"));
	dns_free(&one);
	dns_free(&two);
}

/* A process that goes away takes its questions with it; what others ask is not disturbed. */
static void forgets_who_has_gone(void **state)
{
	struct dns *one = connect_child(0), *two = connect_child(1);
	struct tally a = {0}, b = {0};

	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		char name[32];

		snprintf(name, sizeof(name), "s%u.example", i);
		dns_ask(one, name, DNS_A, on_done, &a);
	}
	dns_ask(two, "a.example", DNS_A, on_done, &b);
	/* Let the questions leave, then close. */
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_loop(base, EVLOOP_NONBLOCK);
	dns_free(&one);
	RUN_UNTIL(b.all == 1);
	assert_int_equal(b.records, 1);
	assert_int_equal(a.all, 0);
	dns_free(&two);
}

/* The same settings change nothing; some that need a file fail, and the old ones stay. */
static void applies_again(void **state)
{
	struct dns *one = connect_child(0);
	struct tally a = {0};

	(void)state;
	tell_settings(2, "none");
	assert_int_equal(child.error, ERR_OK);
	tell_settings(3, "/usr/share/dns/root.key");
	assert_int_not_equal(child.error, ERR_OK);
	assert_non_null(strstr(child.reason, "dns.trust_anchor: "));
	dns_ask(one, "a.example", DNS_A, on_done, &a);
	RUN_UNTIL(a.all == 1);
	assert_int_equal(a.records, 1);
	/* Other settings that need none are taken inside the sandbox. */
	server.settings.timeout_ms = 300;
	tell_settings(4, "none");
	if (child.error != ERR_OK)
		fail_msg("%s", child.reason);
	dns_ask(one, "s.example", DNS_A, on_done, &a);
	RUN_UNTIL(a.all == 2);
	assert_int_equal(a.count[WIRE_DNS_FAILED], 1);
	dns_ask(one, "a.example", DNS_A, on_done, &a);
	RUN_UNTIL(a.all == 3);
	assert_int_equal(a.records, 2);
	dns_free(&one);
}

/* The resolver's answers for the root do not validate, so they are used as they are; a reload does
 * not forget that it should be otherwise. */
static void answers_without_validation(void **state)
{
	struct dns *one = connect_child(0);
	struct tally a = {0};

	(void)state;
	dns_ask(one, "a.example", DNS_A, on_done, &a);
	dns_ask(one, "n.example", DNS_A, on_done, &a);
	RUN_UNTIL(a.all == 2);
	assert_int_equal(a.count[WIRE_DNS_INSECURE], 2);
	assert_int_equal(a.records, 1);
	tell_settings(2, NULL);
	assert_int_equal(child.error, ERR_OK);
	tell(RUNTIME_CONTROL_STATS, 0, str_of(NULL), -1);
	RUN_UNTIL(child.stats[0] != '\0');
	assert_non_null(strstr(child.stats, "\"validating\":false"));
	assert_non_null(strstr(child.stats, "does not validate"));
	dns_free(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers, start_child, end_child),
		cmocka_unit_test_setup_teardown(forgets_who_has_gone, start_child, end_child),
		cmocka_unit_test_setup_teardown(applies_again, start_child, end_child),
		cmocka_unit_test_setup_teardown(
			answers_without_validation, start_child_default, end_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
