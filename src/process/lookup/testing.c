#include "process/lookup/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct event_base *base;
struct test_server server;
struct testing_child child;

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

static void tell_as(enum runtime_control_type type, enum runtime_role role, int64_t tag,
	struct str data, int fd)
{
	runtime_control_send(child.control, &(struct runtime_control_message){.type = type,
						    .role = role,
						    .index = (unsigned)tag,
						    .tag = tag,
						    .data = data,
						    .fd = fd});
}

void testing_tell(enum runtime_control_type type, int64_t tag, struct str data, int fd)
{
	tell_as(type, RUNTIME_DELIVER, tag, data, fd);
}

static void tell_record(
	enum runtime_control_type type, const struct record_desc *desc, const void *record)
{
	struct buf bytes;

	buf_init(&bytes, 1 << 20);
	assert_int_equal(record_encode(desc, record, &bytes), ERR_OK);
	testing_tell(type, 0, buf_str(&bytes), -1);
	buf_free(&bytes);
}

void testing_settings(int64_t tag, const char *trust_anchor)
{
	struct arena *arena = arena_new();
	struct model_node node;

	record_init(&model_node_desc, &node, arena);
	node.dns = server.settings;
	node.dns.trust_anchor = trust_anchor;
	node.data = child.data;
	if (child.fetch.timeout_ms > 0)
		node.fetch = child.fetch;
	tell_record(RUNTIME_CONTROL_NODE, &model_node_desc, &node);
	testing_tell(RUNTIME_CONTROL_ROOTS, 0, child.roots, -1);
	testing_tell(RUNTIME_CONTROL_APPLY, tag, str_of(NULL), -1);
	RUN_UNTIL(child.applied == tag || child.closed);
	arena_free(&arena);
}

void testing_prepare(void)
{
	char path[80];

	test_server_start(&server);
	memset(&child, 0, sizeof(child));
	snprintf(child.data, sizeof(child.data), "/tmp/sealpost-lookup-XXXXXX");
	assert_non_null(mkdtemp(child.data));
	snprintf(path, sizeof(path), "%s/lookup", child.data);
	assert_int_equal(mkdir(path, 0700), 0);
	if (base == NULL)
		base = event_base_new();
}

int testing_start(const char *trust_anchor)
{
	static const struct runtime_control_handlers handlers = {on_control, on_control_closed};
	static const struct runtime_control_hello hello = {.log_level = 3};
	static char words[4][9] = {"sealpost", "process", "lookup", "0"};
	char *argv[] = {words[0], words[1], words[2], words[3], NULL};
	int fds[2];

	child.applied = 0;
	child.closed = false;
	child.stats[0] = '\0';
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	child.pid = fork();
	if (child.pid == 0) {
		dup2(fds[1], 3);
		_exit(runtime_main(&lookup_process, 4, argv));
	}
	close(fds[1]);
	child.control = runtime_control_new(base, fds[0], &handlers, NULL);
	tell_record(RUNTIME_CONTROL_HELLO, &runtime_control_hello_desc, &hello);
	testing_settings(1, trust_anchor);
	if (child.applied != 1 || child.error != ERR_OK)
		fail_msg("not started: %s", child.reason);
	testing_tell(RUNTIME_CONTROL_START, 0, str_of(NULL), -1);
	return 0;
}

void testing_stop(void)
{
	int status = -1;

	testing_tell(RUNTIME_CONTROL_DRAIN, 0, str_of(NULL), -1);
	RUN_UNTIL(child.closed);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_int_equal(status, 0);
	runtime_control_free(&child.control);
}

static void remove_files(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	char file[400];

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		unlink(file);
	}
	if (directory != NULL)
		closedir(directory);
	rmdir(path);
}

int testing_end(void)
{
	char path[80];

	testing_stop();
	snprintf(path, sizeof(path), "%s/lookup", child.data);
	remove_files(path);
	remove_files(child.data);
	event_base_free(base);
	base = NULL;
	test_server_stop(&server);
	return 0;
}

int testing_connect(enum runtime_role role, unsigned index)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	tell_as(RUNTIME_CONTROL_PEER, role, index, str_of(NULL), fds[1]);
	close(fds[1]);
	return fds[0];
}
