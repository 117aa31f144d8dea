#include "port/inquiry/inquiry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct event_base *base;
static struct inquiry *inquiry;
static struct ipc *near, *far;
static int64_t asked[4]; /* tags, as lookup has heard them */
static int64_t heard_wait;
static size_t asked_count;

struct told {
	int times;
	size_t certificates;
	const char *why;
	bool is_staple;
};

static void on_revocation(
	void *context, const struct wire_revocation_answer *answer, const char *why)
{
	struct told *told = context;

	told->times++;
	told->why = why;
	told->certificates = answer != NULL ? answer->certificates.count : 0;
}

static void on_staple(void *context, const struct wire_staple *answer, const char *why)
{
	struct told *told = context;

	told->times++;
	told->why = why;
	told->is_staple = answer != NULL && answer->response.n == 3;
}

static void at_lookup(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	const struct wire_revocation_ask *ask = record;

	(void)context;
	(void)ipc;
	asked[asked_count++] =
		type == WIRE_STAPLE_ASK ? ((const struct wire_staple_ask *)record)->tag : ask->tag;
	if (type == WIRE_REVOCATION_ASK)
		heard_wait = ask->wait_ms;
}

static void at_asker(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	(void)context;
	(void)ipc;
	assert_true(inquiry_take(inquiry, type, record) == (type != WIRE_DNS_ANSWER));
}

static void on_closed(void *context, struct ipc *ipc)
{
	(void)context;
	if (ipc == near) {
		inquiry_channel(inquiry, NULL);
		ipc_free(&near);
	}
}

static const struct ipc_handlers near_handlers = {at_asker, on_closed, NULL};
static const struct ipc_handlers far_handlers = {at_lookup, on_closed, NULL};

static int set_up(void **state)
{
	int fds[2];

	(void)state;
	base = event_base_new();
	inquiry = inquiry_new(base);
	asked_count = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	near = ipc_new(base, fds[0], &near_handlers, NULL);
	far = ipc_new(base, fds[1], &far_handlers, NULL);
	inquiry_channel(inquiry, near);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	inquiry_free(&inquiry);
	ipc_free(&near);
	ipc_free(&far);
	event_base_free(base);
	return 0;
}

static void turn_until(const int *times, int wanted)
{
	struct timeval deadline = {60, 0};

	event_base_loopexit(base, &deadline);
	while (*times < wanted && !event_base_got_exit(base))
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(*times, wanted);
}

static void turn_until_asked(size_t wanted)
{
	struct timeval deadline = {60, 0};

	event_base_loopexit(base, &deadline);
	while (asked_count < wanted && !event_base_got_exit(base))
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(asked_count, wanted);
}

static void answer(int64_t tag, size_t count)
{
	struct wire_revocation items[3] = {{.status = WIRE_REVOCATION_GOOD}};
	struct wire_revocation_answer sent = {.tag = tag};

	sent.certificates.items = items;
	sent.certificates.count = count;
	ipc_send(far, WIRE_REVOCATION_ANSWER, &sent);
}

static void test_answers_find_their_questions(void **state)
{
	struct wire_revocation_ask ask = {.chain = STR("PEM"), .wait_ms = 5000};
	struct told first = {0}, second = {0};

	(void)state;
	assert_non_null(inquiry_revocation(inquiry, &ask, on_revocation, &first));
	assert_non_null(inquiry_revocation(inquiry, &ask, on_revocation, &second));
	turn_until_asked(2);
	assert_int_equal(heard_wait, 5000);
	assert_int_not_equal(asked[0], asked[1]);
	answer(asked[1], 3);
	turn_until(&second.times, 1);
	assert_int_equal(second.certificates, 3);
	assert_int_equal(first.times, 0);
	answer(asked[0], 1);
	turn_until(&first.times, 1);
	assert_int_equal(first.certificates, 1);
	/* Nobody waits for these: another answer, one of the wrong kind, one of another room. */
	answer(asked[0], 2);
	answer(4711, 2);
	ipc_send(far, WIRE_DNS_ANSWER, &(struct wire_dns_answer){.tag = 1});
	assert_non_null(inquiry_revocation(inquiry, &ask, on_revocation, &first));
	turn_until_asked(3);
	answer(asked[2], 2);
	turn_until(&first.times, 2);
	assert_int_equal(second.times, 1);
}

static void test_staple(void **state)
{
	struct told told = {0};
	struct wire_staple sent = {.response = STR("DER")};

	(void)state;
	assert_non_null(inquiry_staple(inquiry, (struct str)STR("PEM"), on_staple, &told));
	turn_until_asked(1);
	/* An answer of the other kind with the same tag is none. */
	answer(asked[0], 1);
	sent.tag = asked[0];
	ipc_send(far, WIRE_STAPLE, &sent);
	turn_until(&told.times, 1);
	assert_true(told.is_staple);
}

static void test_silence_ends(void **state)
{
	struct wire_revocation_ask ask = {.chain = STR("PEM"), .wait_ms = 1};
	struct told told = {0};

	(void)state;
	assert_non_null(inquiry_revocation(inquiry, &ask, on_revocation, &told));
	turn_until(&told.times, 1);
	assert_non_null(told.why);
	/* What comes too late is nobody's. */
	answer(asked[0], 1);
	assert_non_null(inquiry_revocation(inquiry, &ask, on_revocation, &told));
	turn_until(&told.times, 2);
	assert_non_null(told.why);
}

static void test_lookup_goes_and_is_not_there(void **state)
{
	struct wire_revocation_ask ask = {.chain = STR("PEM"), .wait_ms = 60000};
	struct told told = {0}, cancelled = {0};
	struct inquiry_question *question;

	(void)state;
	question = inquiry_revocation(inquiry, &ask, on_revocation, &cancelled);
	assert_non_null(inquiry_revocation(inquiry, &ask, on_revocation, &told));
	inquiry_cancel(&question);
	assert_null(question);
	inquiry_cancel(&question);
	ipc_free(&far);
	turn_until(&told.times, 1);
	assert_string_equal(told.why, "the lookup process has gone away");
	assert_non_null(inquiry_revocation(inquiry, &ask, on_revocation, &told));
	assert_int_equal(told.times, 1); /* not from within the call */
	turn_until(&told.times, 2);
	assert_string_equal(told.why, "the lookup process is not there");
	assert_int_equal(cancelled.times, 0);
	/* Left open: freed with the room. */
	assert_non_null(inquiry_revocation(inquiry, &ask, on_revocation, &told));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_answers_find_their_questions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_staple, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_silence_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_lookup_goes_and_is_not_there, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
