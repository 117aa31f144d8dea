/*
 * The supervisor with small processes in place of the real ones: this program is its own children,
 * because the supervisor executes whatever it is itself.
 */
#include "port/runtime/runtime.h"
#include "process/supervise/supervise.h"
#include "process/supervise/test_small.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- an instance ------------------------------------------------------------------------------
 */

struct instance {
	char directory[64];
	char log[128], node[128], socket[128];
	uint16_t port;
	pid_t pid;
};

static uint16_t free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	close(fd);
	return ntohs(at.sin_port);
}

static bool can_connect(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool fine;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fine = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	close(fd);
	return fine;
}

static void write_node(const struct instance *in, const char *hostname, const char *more)
{
	FILE *file = fopen(in->node, "w");

	assert_non_null(file);
	fprintf(file,
		"hostname: %s\ndata: ./data\nrun: ./run\n"
		"processes: {receive: 2, deliver: 1}\n"
		"maildirs: [./mail]\n"
		"listeners:\n  - {name: mx, address: \"127.0.0.1:%u\"}\n%s",
		hostname, in->port, more);
	fclose(file);
}

static void launch(struct instance *in)
{
	in->pid = fork();
	if (in->pid == 0) {
		int fd = open(in->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

		dup2(fd, STDERR_FILENO);
		dup2(fd, STDOUT_FILENO);
		_exit(supervise_main(in->node));
	}
	assert_true(in->pid > 0);
}

/* New reference; NULL when nobody answers. */
static json_t *ask(const struct instance *in, const char *verb)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const struct timeval limit = {10, 0};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char text[65536];
	size_t size = 0;
	ssize_t n;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", in->socket);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		send(fd, verb, strlen(verb), MSG_NOSIGNAL) > 0)
		while ((n = recv(fd, text + size, sizeof(text) - size, 0)) > 0)
			size += (size_t)n;
	close(fd);
	return json_loadb(text, size, 0, NULL);
}

static json_t *child_of(const json_t *status, const char *role, int index)
{
	size_t i;
	json_t *child;

	json_array_foreach (json_object_get(status, "processes"), i, child) {
		if (strcmp(json_string_value(json_object_get(child, "role")), role) == 0 &&
			json_integer_value(json_object_get(child, "index")) == index)
			return child;
	}
	return NULL;
}

static int64_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static const char *log_of(const struct instance *in)
{
	static char text[65536];
	FILE *file = fopen(in->log, "r");
	size_t n = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[n] = '\0';
	if (file != NULL)
		fclose(file);
	return text;
}

static void fail_with_log(const struct instance *in, const char *what)
{
	fprintf(stderr, "%s\n", log_of(in));
	fail_msg("waited in vain until %s", what);
}

typedef bool condition(const struct instance *in, const json_t *status, int64_t parameter);

/* Ask until CHECK holds; the status it held for. */
static json_t *wait_until(
	const struct instance *in, const char *what, condition *check, int64_t parameter)
{
	const struct timespec pause = {0, 10 * 1000 * 1000};
	int64_t end = runtime_ticks_ms() + 60000;

	while (runtime_ticks_ms() < end) {
		json_t *status = ask(in, "status");

		if (status != NULL && check(in, status, parameter))
			return status;
		json_decref(status);
		nanosleep(&pause, NULL);
	}
	fail_with_log(in, what);
	return NULL;
}

static bool is_working(const struct instance *in, const json_t *status, int64_t parameter)
{
	size_t i;
	json_t *child;

	(void)in;
	(void)parameter;
	json_array_foreach (json_object_get(status, "processes"), i, child) {
		if (strcmp(text_of(child, "state"), "working") != 0 ||
			!json_is_true(json_object_get(json_object_get(child, "stats"), "started")))
			return false;
	}
	return json_array_size(json_object_get(status, "processes")) == 8;
}

static struct instance *new_instance(const char *hostname, const char *more)
{
	struct instance *in = mem_new(sizeof(*in));

	snprintf(in->directory, sizeof(in->directory), "/tmp/sealpost-supervise-XXXXXX");
	assert_non_null(mkdtemp(in->directory));
	assert_int_equal(chmod(in->directory, 0755), 0);
	snprintf(in->log, sizeof(in->log), "%s/log", in->directory);
	snprintf(in->node, sizeof(in->node), "%s/node.yaml", in->directory);
	snprintf(in->socket, sizeof(in->socket), "%s/run/admin.sock", in->directory);
	in->port = free_port();
	write_node(in, hostname, more);
	launch(in);
	return in;
}

static int end_of(struct instance *in)
{
	int status;

	assert_int_equal(waitpid(in->pid, &status, 0), in->pid);
	in->pid = 0;
	return status;
}

static void remove_instance(struct instance **instance)
{
	struct instance *in = *instance;
	char rm[] = "rm", flags[] = "-rf", *const arguments[] = {rm, flags, in->directory, NULL};
	pid_t pid;

	if (in->pid > 0) {
		kill(in->pid, SIGKILL);
		end_of(in);
	}
	pid = fork();
	if (pid == 0) {
		execv("/bin/rm", arguments);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	free(in);
}

static bool log_has(const struct instance *in, const char *what)
{
	return strstr(log_of(in), what) != NULL;
}

/* ---- the cases --------------------------------------------------------------------------------
 */

static void each_process_gets_what_its_row_says(void **state)
{
	static const struct {
		const char *role;
		int peers, keys, certificates, listeners;
		bool roots;
	} rows[] = {
		{"keys", 4, 1, 1, 0, false},
		{"lookup", 6, 0, 0, 0, true},
		{"spool", 5, 0, 1, 0, true},
		{"receive", 3, 0, 1, 1, true},
		{"deliver", 4, 0, 1, 0, true},
		{"admin", 3, 0, 1, 0, true},
		{"web", 2, 0, 1, 0, true},
	};
	struct instance *in CLEANUP(remove_instance) = new_instance("one.example", "");
	json_t *status = wait_until(in, "all work", is_working, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		json_t *s = json_object_get(child_of(status, rows[i].role, 0), "stats");

		assert_int_equal(number(s, "peers"), rows[i].peers);
		assert_int_equal(number(s, "keys"), rows[i].keys);
		assert_int_equal(number(s, "certificates"), rows[i].certificates);
		assert_int_equal(number(s, "listeners"), rows[i].listeners);
		assert_int_equal(number(s, "roots") > 0, rows[i].roots);
		assert_int_equal(number(s, "applied"), 1);
		assert_string_equal(text_of(s, "hostname"), "one.example");
		/* The data directory is the only place that has /etc outside it. */
		assert_true(json_is_true(json_object_get(s, "confined")));
	}
	assert_int_equal(
		number(json_object_get(child_of(status, "receive", 1), "stats"), "connections"), 2);
	json_decref(status);
}

static bool is_restarted(const struct instance *in, const json_t *status, int64_t old)
{
	return is_working(in, status, 0) && number(child_of(status, "spool", 0), "pid") != old;
}

static bool is_receive_restarted(const struct instance *in, const json_t *status, int64_t old)
{
	return is_working(in, status, 0) && number(child_of(status, "receive", 1), "pid") != old;
}

static void a_killed_process_comes_back(void **state)
{
	struct instance *in CLEANUP(remove_instance) = new_instance("one.example", "");
	json_t *status = wait_until(in, "all work", is_working, 0);
	int64_t spool = number(child_of(status, "spool", 0), "pid");
	int64_t receive = number(child_of(status, "receive", 1), "pid");

	(void)state;
	json_decref(status);
	assert_int_equal(kill((pid_t)spool, SIGKILL), 0);
	status = wait_until(in, "the spool is back", is_restarted, spool);
	assert_int_equal(number(child_of(status, "spool", 0), "restarts"), 1);
	assert_int_equal(
		number(json_object_get(child_of(status, "spool", 0), "stats"), "peers"), 5);
	assert_int_equal(
		number(json_object_get(child_of(status, "receive", 0), "stats"), "peers"), 4);
	assert_int_equal(number(json_object_get(child_of(status, "keys", 0), "stats"), "peers"), 4);
	json_decref(status);
	/* What a dead receiver had counted is forgotten. */
	assert_int_equal(kill((pid_t)receive, SIGKILL), 0);
	status = wait_until(in, "the receiver is back", is_receive_restarted, receive);
	assert_int_equal(
		number(json_object_get(child_of(status, "receive", 0), "stats"), "connections"), 2);
	json_decref(status);
	assert_true(log_has(in, "event=process.ended"));
}

static bool has_crashed_thrice(const struct instance *in, const json_t *status, int64_t parameter)
{
	(void)in;
	(void)parameter;
	return number(child_of(status, "lookup", 0), "restarts") >= 3;
}

static void a_process_that_crashes_at_start_does_not_spin(void **state)
{
	int64_t begun = runtime_ticks_ms();
	struct instance *in CLEANUP(remove_instance) = new_instance("crash", "");
	json_t *status = wait_until(in, "lookup has crashed", has_crashed_thrice, 0);
	int64_t took = runtime_ticks_ms() - begun;
	int64_t restarts = number(child_of(status, "lookup", 0), "restarts");

	(void)state;
	/* 0.1 + 0.2 + 0.4 + ... seconds */
	assert_true(took >= 100 * ((1 << (restarts - 1)) - 1));
	assert_string_equal(text_of(status, "state"), "starting");
	json_decref(status);
}

static bool has_reloaded(const struct instance *in, const json_t *status, int64_t want)
{
	const json_t *reload = json_object_get(status, "reload");

	(void)in;
	return json_is_object(reload) && json_is_true(json_object_get(reload, "ok")) == (want == 1);
}

static bool has_listeners(const struct instance *in, const json_t *status, int64_t want)
{
	return is_working(in, status, 0) &&
	       (int64_t)json_array_size(json_object_get(status, "listeners")) == want;
}

static void reload_opens_and_closes_listeners(void **state)
{
	struct instance *in CLEANUP(remove_instance) = new_instance("one.example", "");
	uint16_t other = free_port();
	char more[128];
	json_t *status = wait_until(in, "all work", is_working, 0);
	json_t *answered;

	(void)state;
	json_decref(status);
	assert_true(can_connect(in->port));
	assert_false(can_connect(other));
	snprintf(more, sizeof(more), "  - {name: two, address: \"127.0.0.1:%u\"}\n", other);
	write_node(in, "two.example", more);
	kill(in->pid, SIGHUP);
	status = wait_until(in, "two listeners", has_listeners, 2);
	assert_int_equal(
		number(json_object_get(child_of(status, "receive", 1), "stats"), "listeners"), 2);
	assert_string_equal(
		text_of(json_object_get(child_of(status, "spool", 0), "stats"), "hostname"),
		"two.example");
	json_decref(status);
	assert_true(can_connect(in->port));
	assert_true(can_connect(other));
	write_node(in, "two.example", "");
	answered = ask(in, "reload");
	assert_true(json_is_true(json_object_get(answered, "ok")));
	json_decref(answered);
	status = wait_until(in, "one listener", has_listeners, 1);
	json_decref(status);
	assert_true(can_connect(in->port));
	assert_false(can_connect(other));
}

static void a_broken_node_file_changes_nothing(void **state)
{
	struct instance *in CLEANUP(remove_instance) = new_instance("one.example", "");
	json_t *status = wait_until(in, "all work", is_working, 0);

	(void)state;
	json_decref(status);
	write_node(in, "two.example", "nonsense: [\n");
	kill(in->pid, SIGHUP);
	status = wait_until(in, "the reload has failed", has_reloaded, 0);
	assert_non_null(strstr(text_of(json_object_get(status, "reload"), "error"), "node.yaml"));
	assert_true(is_working(in, status, 0));
	assert_string_equal(
		text_of(json_object_get(child_of(status, "deliver", 0), "stats"), "hostname"),
		"one.example");
	json_decref(status);
	assert_true(can_connect(in->port));
	assert_true(log_has(in, "event=reload.failed"));
}

static bool is_rolled_back(const struct instance *in, const json_t *status, int64_t parameter)
{
	const json_t *s = json_object_get(child_of(status, "spool", 0), "stats");

	(void)parameter;
	return has_reloaded(in, status, 0) && number(s, "applied") == 3 &&
	       strcmp(text_of(s, "hostname"), "one.example") == 0;
}

static void settings_that_one_process_refuses_come_into_force_nowhere(void **state)
{
	struct instance *in CLEANUP(remove_instance) = new_instance("one.example", "");
	json_t *status = wait_until(in, "all work", is_working, 0);

	(void)state;
	json_decref(status);
	write_node(in, "refuse", "");
	kill(in->pid, SIGHUP);
	status = wait_until(in, "the old settings are back", is_rolled_back, 0);
	assert_non_null(
		strstr(text_of(json_object_get(status, "reload"), "error"), "not these settings"));
	assert_string_equal(text_of(status, "hostname"), "one.example");
	json_decref(status);
}

static bool is_gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

static void wait_gone(const struct instance *in, const pid_t *pids, size_t count)
{
	const struct timespec pause = {0, 10 * 1000 * 1000};
	int64_t end = runtime_ticks_ms() + 60000;
	size_t gone = 0;

	while (gone < count && runtime_ticks_ms() < end) {
		gone = 0;
		for (size_t i = 0; i < count; i++)
			gone += is_gone(pids[i]) ? 1 : 0;
		nanosleep(&pause, NULL);
	}
	if (gone < count)
		fail_with_log(in, "all processes have ended");
}

static size_t pids_of(const json_t *status, pid_t *ret, size_t max)
{
	size_t i;
	json_t *child;

	json_array_foreach (json_object_get(status, "processes"), i, child) {
		assert_true(i < max);
		ret[i] = (pid_t)number(child, "pid");
	}
	return i;
}

static void terminating_ends_all_in_order(void **state)
{
	struct instance *in CLEANUP(remove_instance) = new_instance("one.example", "");
	json_t *status = wait_until(in, "all work", is_working, 0);
	pid_t pids[10];
	size_t count = pids_of(status, pids, ARRAY_LENGTH(pids));
	int ended;

	(void)state;
	json_decref(status);
	kill(in->pid, SIGTERM);
	ended = end_of(in);
	assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
	wait_gone(in, pids, count);
	assert_false(can_connect(in->port));
	assert_int_equal(access(in->socket, F_OK), -1);
	assert_true(log_has(in, "event=serve.ended"));
	assert_false(log_has(in, "event=drain.killed"));
	assert_false(log_has(in, "level=error"));
	/* And it can be started again on the same data. */
	launch(in);
	status = wait_until(in, "all work again", is_working, 0);
	json_decref(status);
}

static void asked_twice_it_ends_at_once(void **state)
{
	struct instance *in CLEANUP(remove_instance) = new_instance("stuck", "");
	json_t *status = wait_until(in, "all work", is_working, 0);
	const struct timespec pause = {0, 10 * 1000 * 1000};
	int64_t begun = runtime_ticks_ms();

	(void)state;
	json_decref(status);
	kill(in->pid, SIGTERM);
	while (!log_has(in, "event=drain.stage") && runtime_ticks_ms() - begun < 20000)
		nanosleep(&pause, NULL);
	kill(in->pid, SIGTERM);
	end_of(in);
	assert_true(runtime_ticks_ms() - begun < RUNTIME_DRAIN_MS);
	assert_true(log_has(in, "event=drain.hurried"));
}

static void without_the_supervisor_nobody_stays(void **state)
{
	struct instance *in CLEANUP(remove_instance) = new_instance("one.example", "");
	json_t *status = wait_until(in, "all work", is_working, 0);
	pid_t pids[10];
	size_t count = pids_of(status, pids, ARRAY_LENGTH(pids));

	(void)state;
	json_decref(status);
	kill(in->pid, SIGKILL);
	end_of(in);
	wait_gone(in, pids, count);
}

static void a_second_instance_and_a_taken_port_are_refused(void **state)
{
	struct instance *in CLEANUP(remove_instance) = new_instance("one.example", "");
	json_t *status = wait_until(in, "all work", is_working, 0);
	struct instance second = *in;
	struct instance *third;
	char more[128];
	int ended;

	(void)state;
	json_decref(status);
	launch(&second);
	ended = end_of(&second);
	assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 1);
	assert_true(log_has(in, "another sealpost is using this directory"));
	snprintf(more, sizeof(more), "  - {name: taken, address: \"127.0.0.1:%u\"}\n", in->port);
	third = new_instance("three.example", more);
	ended = end_of(third);
	assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 1);
	assert_true(log_has(third, "listener taken: cannot listen on 127.0.0.1:"));
	remove_instance(&third);
	status = wait_until(in, "the first one still works", is_working, 0);
	json_decref(status);
}

static void the_answer_to_drain_arrives(void **state)
{
	struct instance *in CLEANUP(remove_instance) = new_instance("one.example", "");
	json_t *status = wait_until(in, "all work", is_working, 0);
	json_t *answered = ask(in, "drain");
	int ended = end_of(in);

	(void)state;
	assert_true(json_is_true(json_object_get(answered, "ok")));
	assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
	json_decref(answered);
	json_decref(status);
}

static void directories_belong_to_whom_they_should(void **state)
{
	struct instance *in CLEANUP(remove_instance) = new_instance("one.example", "");
	json_t *status = wait_until(in, "all work", is_working, 0);
	char path[128];
	struct stat st;

	(void)state;
	json_decref(status);
	snprintf(path, sizeof(path), "%s/data", in->directory);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, getuid() == 0 ? 0711 : 0700);
	assert_int_equal(st.st_uid, getuid() == 0 ? 64200 + RUNTIME_SPOOL : getuid());
	snprintf(path, sizeof(path), "%s/mail", in->directory);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(st.st_uid, getuid() == 0 ? 64200 + RUNTIME_DELIVER : getuid());
	snprintf(path, sizeof(path), "%s/data/certificates/self/key.pem", in->directory);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_uid, getuid());
}

int main(int argc, char **argv)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(each_process_gets_what_its_row_says),
		cmocka_unit_test(a_killed_process_comes_back),
		cmocka_unit_test(a_process_that_crashes_at_start_does_not_spin),
		cmocka_unit_test(reload_opens_and_closes_listeners),
		cmocka_unit_test(a_broken_node_file_changes_nothing),
		cmocka_unit_test(settings_that_one_process_refuses_come_into_force_nowhere),
		cmocka_unit_test(terminating_ends_all_in_order),
		cmocka_unit_test(asked_twice_it_ends_at_once),
		cmocka_unit_test(without_the_supervisor_nobody_stays),
		cmocka_unit_test(a_second_instance_and_a_taken_port_are_refused),
		cmocka_unit_test(the_answer_to_drain_arrives),
		cmocka_unit_test(directories_belong_to_whom_they_should),
	};

	if (argc > 2 && strcmp(argv[1], "process") == 0)
		return supervise_test_small(argc, argv);
	return cmocka_run_group_tests(all, NULL, NULL);
}
