#include "port/ipc/ipc.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

struct side {
	struct ipc *ipc;
	int64_t sum, count;
	size_t bytes;
	int closed, drained;
	bool free_at_message, free_at_drained;
	int answer_to; /* answer credits below this amount */
};

struct pair {
	struct event_base *base;
	struct side a, b;
};

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct side *side = context;

	if (type == WIRE_ACCEPT_CREDIT) {
		const struct wire_credit *credit = record;

		side->sum += credit->amount;
		if (credit->amount < side->answer_to)
			ipc_send(ipc, WIRE_ACCEPT_CREDIT,
				&(struct wire_credit){.amount = credit->amount + 1});
	} else if (type == WIRE_ACCEPT_DATA) {
		side->bytes += ((const struct wire_data *)record)->data.n;
	}
	side->count++;
	if (side->free_at_message)
		ipc_free(&side->ipc);
}

static void on_closed(void *context, struct ipc *ipc)
{
	struct side *side = context;

	assert_ptr_equal(side->ipc, ipc);
	side->closed++;
	ipc_free(&side->ipc);
}

static void on_drained(void *context, struct ipc *ipc)
{
	struct side *side = context;

	assert_true(ipc_backlog(ipc) < IPC_LOW);
	side->drained++;
	if (side->free_at_drained)
		ipc_free(&side->ipc);
}

static const struct ipc_handlers handlers = {on_message, on_closed, on_drained};

static struct pair *pair_new(int ret_fds[2])
{
	struct pair *pair = mem_new(sizeof(*pair));

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ret_fds), 0);
	pair->base = event_base_new();
	pair->a.ipc = ipc_new(pair->base, ret_fds[0], &handlers, &pair->a);
	pair->b.ipc = ipc_new(pair->base, ret_fds[1], &handlers, &pair->b);
	return pair;
}

static void pair_free(struct pair *pair)
{
	ipc_free(&pair->a.ipc);
	ipc_free(&pair->b.ipc);
	assert_int_equal(ipc_backlog_all(), 0);
	event_base_free(pair->base);
	free(pair);
}

/* Turn the loop until nothing is ready. */
static void settle(struct pair *pair)
{
	for (int i = 0; i < 2000; i++)
		event_base_loop(pair->base, EVLOOP_NONBLOCK);
}

static void messages_go_both_ways(void **state)
{
	int fds[2];
	struct pair *pair = pair_new(fds);

	(void)state;
	pair->a.answer_to = pair->b.answer_to = 10;
	ipc_send(pair->a.ipc, WIRE_ACCEPT_CREDIT, &(struct wire_credit){.amount = 1});
	settle(pair);
	assert_int_equal(pair->a.sum + pair->b.sum, 55);
	assert_int_equal(pair->a.closed + pair->b.closed, 0);
	pair_free(pair);
}

static void much_is_sent_without_blocking(void **state)
{
	char *bytes = mem_new(WIRE_CHUNK);
	struct wire_data data = {.data = {bytes, WIRE_CHUNK}};
	int fds[2];
	struct pair *pair = pair_new(fds);
	bool fits = true;
	int sent = 0;

	(void)state;
	while (fits) {
		fits = ipc_send(pair->a.ipc, WIRE_ACCEPT_DATA, &data);
		sent++;
	}
	assert_true(sent > IPC_HIGH / WIRE_CHUNK - 2);
	assert_true(ipc_backlog(pair->a.ipc) > IPC_HIGH);
	assert_int_equal(ipc_backlog_all(), ipc_backlog(pair->a.ipc));
	settle(pair);
	assert_int_equal(pair->a.drained, 1);
	assert_int_equal(pair->b.bytes, (size_t)sent * WIRE_CHUNK);
	assert_int_equal(ipc_backlog(pair->a.ipc), 0);
	pair_free(pair);
	free(bytes);
}

static void the_end_is_told_once_after_the_last_message(void **state)
{
	int fds[2];
	struct pair *pair = pair_new(fds);

	(void)state;
	ipc_send(pair->a.ipc, WIRE_ACCEPT_CREDIT, &(struct wire_credit){.amount = 5});
	event_base_loop(pair->base, EVLOOP_NONBLOCK);
	ipc_free(&pair->a.ipc);
	settle(pair);
	assert_int_equal(pair->b.sum, 5);
	assert_int_equal(pair->b.closed, 1);
	assert_null(pair->b.ipc);
	pair_free(pair);
}

static void sending_to_the_dead_is_harmless(void **state)
{
	char *bytes = mem_new(WIRE_CHUNK);
	struct wire_data data = {.data = {bytes, WIRE_CHUNK}};
	int fds[2];
	struct pair *pair = pair_new(fds);

	(void)state;
	ipc_free(&pair->b.ipc);
	for (int i = 0; i < 100; i++)
		ipc_send(pair->a.ipc, WIRE_ACCEPT_DATA, &data);
	settle(pair);
	assert_int_equal(pair->a.closed, 1);
	pair_free(pair);
	free(bytes);
}

static void a_handler_may_free_the_channel(void **state)
{
	int fds[2];
	struct pair *pair = pair_new(fds);

	(void)state;
	pair->b.free_at_message = true;
	for (int i = 0; i < 3; i++)
		ipc_send(pair->a.ipc, WIRE_ACCEPT_CREDIT, &(struct wire_credit){.amount = 1});
	settle(pair);
	assert_int_equal(pair->b.count, 1);
	assert_int_equal(pair->a.closed, 1);
	pair_free(pair);
}

static void too_long_a_message_ends_the_channel(void **state)
{
	char *bytes = mem_new(WIRE_MAX_PAYLOAD);
	struct wire_data data = {.data = {bytes, WIRE_MAX_PAYLOAD}};
	int fds[2];
	struct pair *pair = pair_new(fds);

	(void)state;
	ipc_send(pair->a.ipc, WIRE_ACCEPT_DATA, &data);
	assert_int_equal(pair->a.closed, 0);
	settle(pair);
	assert_int_equal(pair->a.closed, 1);
	assert_int_equal(pair->b.closed, 1);
	pair_free(pair);
	free(bytes);
}

static void what_cannot_be_read_ends_the_channel(void **state)
{
	static const struct str rows[] = {
		STR("\xff\xff\xff\xff\x00\x00\x00\x00"),		 /* length */
		STR("\x00\x00\x00\x00\xff\x00\x00\x00"),		 /* type */
		STR("\x04\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04"), /* payload */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int fds[2], raw;
		struct pair *pair = pair_new(fds);

		raw = dup(fds[0]);
		ipc_free(&pair->a.ipc);
		assert_int_equal(write(raw, rows[i].p, rows[i].n), (ssize_t)rows[i].n);
		settle(pair);
		assert_int_equal(pair->b.count, 0);
		assert_int_equal(pair->b.closed, 1);
		close(raw);
		pair_free(pair);
	}
}

static void frames_may_come_byte_by_byte(void **state)
{
	int fds[2], raw;
	struct pair *pair = pair_new(fds);
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	wire_put(&b, WIRE_ACCEPT_CREDIT, &(struct wire_credit){.amount = 3});
	wire_put(&b, WIRE_ACCEPT_CREDIT, &(struct wire_credit){.amount = 4});
	raw = dup(fds[0]);
	for (size_t i = 0; i < buf_length(&b); i++) {
		assert_int_equal(write(raw, buf_str(&b).p + i, 1), 1);
		event_base_loop(pair->base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(pair->b.sum, 7);
	close(raw);
	buf_free(&b);
	pair_free(pair);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(messages_go_both_ways),
		cmocka_unit_test(much_is_sent_without_blocking),
		cmocka_unit_test(the_end_is_told_once_after_the_last_message),
		cmocka_unit_test(sending_to_the_dead_is_harmless),
		cmocka_unit_test(a_handler_may_free_the_channel),
		cmocka_unit_test(too_long_a_message_ends_the_channel),
		cmocka_unit_test(what_cannot_be_read_ends_the_channel),
		cmocka_unit_test(frames_may_come_byte_by_byte),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
