/* The lookup process as it really runs, in its sandbox, with this test as its supervisor and as the
 * processes that ask. */
#include "process/lookup/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

/* Which asks the server, that signs nothing, for the root. */
static int start_child_default(void **state)
{
	(void)state;
	testing_prepare();
	return testing_start(NULL);
}

static int start_child(void **state)
{
	(void)state;
	testing_prepare();
	return testing_start("none");
}

static int end_child(void **state)
{
	(void)state;
	return testing_end();
}

/* An asking process, number INDEX. */
static struct dns *connect_child(unsigned index)
{
	struct dns *dns = dns_remote_new(base);

	dns_remote_peer(dns, testing_connect(RUNTIME_DELIVER, index));
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
	testing_tell(RUNTIME_CONTROL_STATS, 0, str_of(NULL), -1);
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
	testing_settings(2, "none");
	assert_int_equal(child.error, ERR_OK);
	testing_settings(3, "/usr/share/dns/root.key");
	assert_int_not_equal(child.error, ERR_OK);
	assert_non_null(strstr(child.reason, "dns.trust_anchor: "));
	dns_ask(one, "a.example", DNS_A, on_done, &a);
	RUN_UNTIL(a.all == 1);
	assert_int_equal(a.records, 1);
	/* Other settings that need none are taken inside the sandbox. */
	server.settings.timeout_ms = 300;
	testing_settings(4, "none");
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
	testing_settings(2, NULL);
	assert_int_equal(child.error, ERR_OK);
	testing_tell(RUNTIME_CONTROL_STATS, 0, str_of(NULL), -1);
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
