#include "port/runtime/addresses.h"
#include "port/runtime/control.h"
#include "port/runtime/settings.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- the control channel ----------------------------------------------------------------------
 */

struct side {
	struct runtime_control *control;
	int messages, closed, fds;
	size_t bytes;
	int64_t last_tag;
	int disorder;
	bool free_at_message;
	char text[64];
};

static void on_message(void *context, struct runtime_control_message *message)
{
	struct side *side = context;

	side->messages++;
	side->disorder += message->tag != side->last_tag + 1;
	side->last_tag = message->tag;
	side->bytes += message->data.n;
	snprintf(side->text, sizeof(side->text), "%.*s",
		(int)(message->data.n < 20 ? message->data.n : 20),
		message->data.n > 0 ? message->data.p : "");
	if (message->fd >= 0 && write(message->fd, "x", 1) == 1)
		side->fds++;
	if (side->free_at_message)
		runtime_control_free(&side->control);
}

static void on_closed(void *context)
{
	struct side *side = context;

	side->closed++;
	runtime_control_free(&side->control);
}

static const struct runtime_control_handlers handlers = {on_message, on_closed};

struct pair {
	struct event_base *base;
	struct side a, b;
	int raw; /* copy of a's descriptor */
};

static struct pair *pair_new(void)
{
	struct pair *pair = mem_new(sizeof(*pair));
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	pair->raw = dup(fds[0]);
	pair->base = event_base_new();
	pair->a.control = runtime_control_new(pair->base, fds[0], &handlers, &pair->a);
	pair->b.control = runtime_control_new(pair->base, fds[1], &handlers, &pair->b);
	return pair;
}

static void pair_free(struct pair *pair)
{
	runtime_control_free(&pair->a.control);
	runtime_control_free(&pair->b.control);
	close(pair->raw);
	event_base_free(pair->base);
	free(pair);
}

static void settle(struct pair *pair)
{
	for (int i = 0; i < 3000; i++)
		event_base_loop(pair->base, EVLOOP_NONBLOCK);
}

static void send_text(struct side *side, int64_t tag, struct str data, int fd)
{
	runtime_control_send(side->control,
		&(struct runtime_control_message){
			.type = RUNTIME_CONTROL_NODE, .tag = tag, .data = data, .fd = fd});
}

static void messages_descriptors_and_large_data_arrive(void **state)
{
	static const size_t sizes[] = {0, 1, 48 * 1024, 48 * 1024 + 1, 3 * 1024 * 1024};
	struct pair *pair = pair_new();
	char *bytes = mem_new(3 * 1024 * 1024);
	int pipes[2];
	char c[16];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	memset(bytes, 'y', 3 * 1024 * 1024);
	for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++)
		send_text(&pair->a, (int64_t)i + 1, str_make(bytes, sizes[i]), pipes[1]);
	settle(pair);
	assert_int_equal(pair->b.messages, 5);
	assert_int_equal(pair->b.fds, 5);
	assert_int_equal(pair->b.disorder, 0);
	assert_int_equal(pair->b.bytes, 1 + 48 * 1024 * 2 + 1 + 3 * 1024 * 1024);
	assert_string_equal(pair->b.text, "yyyyyyyyyyyyyyyyyyyy");
	assert_int_equal(read(pipes[0], c, sizeof(c)), 5);
	close(pipes[0]);
	close(pipes[1]);
	free(bytes);
	pair_free(pair);
}

/* Far more than a socket holds, from a receiver that is not reading: all wait, in order. */
static void sending_does_not_block(void **state)
{
	struct pair *pair = pair_new();
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	for (int i = 1; i <= 2000; i++)
		send_text(&pair->a, i, str_of("small"), fd);
	close(fd);
	settle(pair);
	assert_int_equal(pair->b.messages, 2000);
	assert_int_equal(pair->b.fds, 2000);
	assert_int_equal(pair->b.disorder, 0);
	assert_int_equal(pair->a.closed + pair->b.closed, 0);
	pair_free(pair);
}

static void the_end_is_told_once(void **state)
{
	struct pair *pair = pair_new();

	(void)state;
	close(pair->raw);
	pair->raw = -1;
	send_text(&pair->a, 1, str_of("last"), -1);
	runtime_control_free(&pair->a.control);
	settle(pair);
	assert_int_equal(pair->b.messages, 1);
	assert_int_equal(pair->b.closed, 1);
	pair_free(pair);
}

static void a_handler_may_free_the_channel(void **state)
{
	struct pair *pair = pair_new();

	(void)state;
	pair->b.free_at_message = true;
	send_text(&pair->a, 1, str_of("one"), -1);
	send_text(&pair->a, 2, str_of("two"), -1);
	settle(pair);
	assert_int_equal(pair->b.messages, 1);
	pair_free(pair);
}

static void nonsense_ends_the_channel(void **state)
{
	static const struct str rows[] = {
		STR("short"),
		STR("\xff\x00\x00\x00____________________________"), /* type */
		/* large data without a memory file */
		STR("\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct pair *pair = pair_new();

		assert_int_equal(send(pair->raw, rows[i].p, rows[i].n, 0), (ssize_t)rows[i].n);
		settle(pair);
		assert_int_equal(pair->b.messages, 0);
		assert_int_equal(pair->b.closed, 1);
		pair_free(pair);
	}
}

/* ---- settings ---------------------------------------------------------------------------------
 */

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void settings_close_what_nobody_took(void **state)
{
	struct runtime_received *r = runtime_received_new();
	struct runtime_control_message node = {.type = RUNTIME_CONTROL_NODE, .fd = -1};
	struct runtime_control_message listener = {.type = RUNTIME_CONTROL_LISTENER};
	struct runtime_control_message addresses = {.type = RUNTIME_CONTROL_ADDRESSES};
	struct model_listener listeners[1] = {{.name = "mx", .address = "127.0.0.1:25"}};
	struct arena *arena = arena_new();
	struct model_node model;
	int kept, shut;
	struct buf b;

	(void)state;
	record_init(&model_node_desc, &model, arena);
	model.listeners.items = listeners;
	model.listeners.count = 1;
	buf_init(&b, 100000);
	record_encode(&model_node_desc, &model, &b);
	node.data = buf_str(&b);
	listener.fd = kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
	addresses.fd = shut = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_false(runtime_received_add(r, &listener)); /* before the node */
	assert_true(runtime_received_add(r, &node));
	assert_false(runtime_received_add(r, &node)); /* twice */
	listener.tag = 1;
	assert_false(runtime_received_add(r, &listener)); /* no such listener */
	listener.tag = 0;
	assert_true(runtime_received_add(r, &listener));
	assert_int_equal(listener.fd, -1);
	assert_true(runtime_received_add(r, &addresses));
	assert_int_equal(runtime_received_take(r)->listeners[0].fd, kept);
	assert_string_equal(runtime_received_take(r)->listeners[0].model->name, "mx");
	runtime_received_free(&r);
	assert_true(is_open(kept));
	assert_false(is_open(shut));
	close(kept);
	buf_free(&b);
	arena_free(&arena);
}

/* ---- addresses --------------------------------------------------------------------------------
 */

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage ret = {.ss_family = AF_INET};

	if (strchr(text, ':') != NULL) {
		ret.ss_family = AF_INET6;
		assert_int_equal(
			inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&ret)->sin6_addr), 1);
	} else {
		assert_int_equal(
			inet_pton(AF_INET, text, &((struct sockaddr_in *)&ret)->sin_addr), 1);
	}
	return ret;
}

static unsigned add(struct runtime_addresses *a, const char *text)
{
	struct sockaddr_storage at = address(text);

	return runtime_addresses_add(a, (struct sockaddr *)&at);
}

static unsigned count(struct runtime_addresses *a, const char *text)
{
	struct sockaddr_storage at = address(text);

	return runtime_addresses_count(a, (struct sockaddr *)&at);
}

static void addresses_are_counted_over_all_processes(void **state)
{
	struct runtime_addresses *one = NULL, *two = NULL;
	struct sockaddr_storage at = address("192.0.2.1");
	int fd = -1, status;
	pid_t pid;

	(void)state;
	assert_int_equal(runtime_addresses_create(&fd), ERR_OK);
	assert_int_equal(runtime_addresses_open(fd, 0, &one), ERR_OK);
	assert_int_equal(runtime_addresses_open(fd, 1, &two), ERR_OK);
	assert_int_equal(runtime_addresses_open(fd, RUNTIME_ADDRESSES_ROWS, &two), ERR_RANGE);
	assert_int_equal(add(one, "192.0.2.1"), 1);
	assert_int_equal(add(two, "192.0.2.1"), 2);
	assert_int_equal(add(two, "::ffff:192.0.2.1"), 3);
	assert_int_equal(add(one, "2001:db8:0:1::1"), 1);
	assert_int_equal(add(two, "2001:db8:0:1:ffff::2"), 2); /* the same /64 */
	assert_int_equal(add(two, "2001:db8:0:2::1"), 1);
	runtime_addresses_remove(two, (struct sockaddr *)&at);
	assert_int_equal(count(one, "192.0.2.1"), 2);
	pid = fork();
	if (pid == 0) {
		add(two, "192.0.2.1");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(count(one, "192.0.2.1"), 3);
	/* The process of the second row has crashed. */
	assert_int_equal(runtime_addresses_forget(fd, 1), ERR_OK);
	assert_int_equal(count(one, "192.0.2.1"), 1);
	runtime_addresses_remove(two, (struct sockaddr *)&at); /* nothing there: stays 0 */
	assert_int_equal(count(one, "192.0.2.1"), 1);
	runtime_addresses_close(&one);
	runtime_addresses_close(&two);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(messages_descriptors_and_large_data_arrive),
		cmocka_unit_test(sending_does_not_block),
		cmocka_unit_test(the_end_is_told_once),
		cmocka_unit_test(a_handler_may_free_the_channel),
		cmocka_unit_test(nonsense_ends_the_channel),
		cmocka_unit_test(settings_close_what_nobody_took),
		cmocka_unit_test(addresses_are_counted_over_all_processes),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
