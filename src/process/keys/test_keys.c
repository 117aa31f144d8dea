/* The keys process as it really runs, in its sandbox, with this test as its supervisor and as the
 * process that does TLS. */
#include "port/runtime/control.h"
#include "port/tls/test_ends.h"
#include "process/keys/keys.h"

#include <openssl/pem.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	pid_t pid;
	struct runtime_control *control;
	int64_t applied; /* tag of the last settings that were answered */
	enum err error;
	char reason[300];
	char stats[300];
	bool closed;
} child;

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
	runtime_control_send(child.control,
		&(struct runtime_control_message){
			.type = type, .role = RUNTIME_RECEIVE, .tag = tag, .data = data, .fd = fd});
}

static void tell_record(
	enum runtime_control_type type, const struct record_desc *desc, const void *record, int fd)
{
	struct buf bytes;

	buf_init(&bytes, 1 << 20);
	assert_int_equal(record_encode(desc, record, &bytes), ERR_OK);
	tell(type, 0, buf_str(&bytes), fd);
	buf_free(&bytes);
}

static void tell_certificate(const char *name, const struct test_cert *cert, EVP_PKEY *key)
{
	struct runtime_control_certificate certificate = {
		.name = name, .state = CERT_CURRENT, .chain = str_of(cert->pem)};
	FILE *file = fdopen(memfd_create("key", MFD_CLOEXEC), "w+");

	assert_non_null(file);
	assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	fflush(file);
	rewind(file);
	tell_record(RUNTIME_CONTROL_CERTIFICATE, &runtime_control_certificate_desc, &certificate,
		fileno(file));
	fclose(file);
}

/* One set of settings; KEY stands beside the certificate "mx". */
static void tell_settings(int64_t tag, EVP_PKEY *key)
{
	struct arena *arena = arena_new();
	struct model_node node;

	record_init(&model_node_desc, &node, arena);
	tell_record(RUNTIME_CONTROL_NODE, &model_node_desc, &node, -1);
	tell_certificate("mx", ec, key);
	tell_certificate("partner", client, client->key);
	tell(RUNTIME_CONTROL_APPLY, tag, str_of(NULL), -1);
	RUN_UNTIL(child.applied == tag || child.closed);
	arena_free(&arena);
}

static void start_child(void)
{
	static const struct runtime_control_handlers handlers = {on_control, on_control_closed};
	static const struct runtime_control_hello hello = {.log_level = 3};
	static char words[4][9] = {"sealpost", "process", "keys", "0"};
	char *argv[] = {words[0], words[1], words[2], words[3], NULL};
	int fds[2];

	memset(&child, 0, sizeof(child));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		dup2(fds[1], 3);
		_exit(runtime_main(&keys_process, 4, argv));
	}
	close(fds[1]);
	child.control = runtime_control_new(base, fds[0], &handlers, NULL);
	tell_record(RUNTIME_CONTROL_HELLO, &runtime_control_hello_desc, &hello, -1);
	tell_settings(1, ec->key);
	if (child.applied != 1 || child.error != ERR_OK)
		fail_msg("not started: %s", child.reason);
	tell(RUNTIME_CONTROL_START, 0, str_of(NULL), -1);
}

static void connect_child(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	tell(RUNTIME_CONTROL_PEER, 0, str_of(NULL), fds[1]);
	close(fds[1]);
	tls_signer_peer(keys.signer, fds[0]);
}

static int end_child(void)
{
	int status = -1;

	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	runtime_control_free(&child.control);
	return status;
}

static void shake_hands(void)
{
	struct tls_identity_source source = {.name = "partner", .chain = str_of(client->pem)};
	struct tls_context *server = simple_server(), *client_tls = make_client(&source, 1);
	struct tls_client_options options = {.identity = "partner"};
	struct pair pair;

	open_pair(&pair, server, client_tls, &options);
	RUN_UNTIL(is_settled(&pair));
	if (!pair.server.up || !pair.client.up)
		fail_msg("server: %s, client: %s", pair.server.words, pair.client.words);
	exchange(&pair);
	close_pair(&pair);
	tls_context_free(&server);
	tls_context_free(&client_tls);
}

static void signs_in_its_sandbox(void **state)
{
	(void)state;
	keys.signer = tls_signer_new(base);
	start_child();
	connect_child();
	shake_hands();

	/* A key that does not fit leaves the old ones in force. */
	tell_settings(2, client->key);
	assert_int_equal(child.error, ERR_CERTIFICATE);
	assert_non_null(strstr(child.reason, "certificate mx: "));
	shake_hands();

	/* New settings take effect on channels that are there. */
	tell_settings(3, ec->key);
	assert_int_equal(child.error, ERR_OK);
	shake_hands();
	tell(RUNTIME_CONTROL_STATS, 0, str_of(NULL), -1);
	RUN_UNTIL(child.stats[0] != '\0');
	assert_non_null(strstr(child.stats, "\"signatures\":6"));

	/* Killed and started anew, it is asked again. */
	kill(child.pid, SIGKILL);
	assert_true(WIFSIGNALED(end_child()));
	start_child();
	connect_child();
	shake_hands();

	tell(RUNTIME_CONTROL_DRAIN, 0, str_of(NULL), -1);
	RUN_UNTIL(child.closed);
	assert_int_equal(end_child(), 0);
	tls_signer_free(&keys.signer);
}

/* What is not a signature request ends the channel, and only that. */
static void drops_who_says_other_things(void **state)
{
	static const char noise[] = "\xff\xff\xff\xff\xff\xff\xff\xff this is no frame";
	char byte;
	int fds[2];

	(void)state;
	keys.signer = tls_signer_new(base);
	start_child();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	tell(RUNTIME_CONTROL_PEER, 0, str_of(NULL), fds[1]);
	close(fds[1]);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	assert_int_equal(write(fds[0], noise, sizeof(noise)), sizeof(noise));
	RUN_UNTIL(read(fds[0], &byte, 1) == 0 || errno != EAGAIN);
	close(fds[0]);
	connect_child();
	shake_hands();
	tell(RUNTIME_CONTROL_DRAIN, 0, str_of(NULL), -1);
	RUN_UNTIL(child.closed);
	assert_int_equal(end_child(), 0);
	tls_signer_free(&keys.signer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_in_its_sandbox),
		cmocka_unit_test(drops_who_says_other_things),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
