/* Each case enters the sandbox in a process of its own and tries. */
#include "port/sandbox/sandbox.h"

#include "base/compiler.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum power { KEYS, LOOKUP, SPOOL, RECEIVE, DELIVER, ADMIN, WEB, POWER_MAX };

static char directory[] = "/tmp/sealpost-sandbox-XXXXXX";
static char inside[64], outside[64];
static int listening = -1, listening_here = -1;
static uint16_t port;

static struct sandbox_rules rules_of(enum power power)
{
	static const char *const writable[] = {inside};
	struct sandbox_rules rules = {
		.may_connect = power == LOOKUP || power == DELIVER,
		.may_connect_locally = power == WEB,
		.may_accept = power == RECEIVE || power == ADMIN || power == WEB,
		.may_thread = power == SPOOL,
	};

	if (power == SPOOL || power == DELIVER) {
		rules.writable = writable;
		rules.writable_count = 1;
	}
	return rules;
}

/* ---- what is tried: 0 when it works, else errno -----------------------------------------------
 */

static int result(long value)
{
	return value < 0 ? errno : 0;
}

static int open_socket(void)
{
	return result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int open_raw_socket(void)
{
	return result(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int connect_out(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return fd < 0 ? errno : result(connect(fd, (struct sockaddr *)&to, sizeof(to)));
}

static int connect_here(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s/socket", directory);
	if (fd < 0)
		return errno;
	/* A full queue lets nobody in, and is no refusal. */
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EAGAIN ? errno : 0;
}

static int open_local_datagrams(void)
{
	return result(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int accept_one(void)
{
	return result(accept4(listening, NULL, NULL, SOCK_CLOEXEC));
}

static int listen_anew(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : result(listen(fd, 1));
}

static int read_foreign(void)
{
	return result(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int read_outside(void)
{
	return result(open(outside, O_RDONLY | O_CLOEXEC));
}

static int write_outside(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/new", directory);
	return result(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int move_out(void)
{
	char from[128], to[128];
	int fd;

	snprintf(from, sizeof(from), "%s/moving", inside);
	snprintf(to, sizeof(to), "%s/moved", directory);
	fd = open(from, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? errno : result(rename(from, to));
}

static int write_inside(void)
{
	char path[128], other[128];
	int fd;

	snprintf(path, sizeof(path), "%s/a", inside);
	snprintf(other, sizeof(other), "%s/b", inside);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	if (write(fd, "x", 1) != 1 || fsync(fd) < 0 || ftruncate(fd, 0) < 0 ||
		rename(path, other) < 0 || unlink(other) < 0)
		return errno;
	return 0;
}

static void *nothing(void *context)
{
	return context;
}

static int start_thread(void)
{
	pthread_t thread;
	int e = pthread_create(&thread, NULL, nothing, NULL);

	return e != 0 ? e : pthread_join(thread, NULL);
}

static int start_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int execute(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return errno;
}

static int trace(void)
{
	return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int signal_parent(void)
{
	return result(kill(getppid(), 0));
}

static int change_user(void)
{
	return result(setuid(0));
}

static int map_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int use_memory(void)
{
	char *p = mem_new(8 * 1024 * 1024);

	memset(p, 1, 8 * 1024 * 1024);
	free(p);
	return 0;
}

static int use_pipe(void)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0 || write(fds[1], "x", 1) != 1)
		return errno;
	return 0;
}

enum { WORKS = 0, FAILS = 1, KILLS = 2 };

#define BIT(power) (1u << (power))
#define ALL	   (BIT(POWER_MAX) - 1)

static const struct row {
	const char *name;
	int (*attempt)(void);
	unsigned allowed; /* bits of enum power */
	int otherwise;
} rows[] = {
	{"use memory", use_memory, ALL, FAILS},
	{"use a pipe", use_pipe, ALL, FAILS},
	{"open a socket", open_socket, BIT(LOOKUP) | BIT(DELIVER), FAILS},
	{"open a raw socket", open_raw_socket, 0, FAILS},
	{"connect", connect_out, BIT(LOOKUP) | BIT(DELIVER), FAILS},
	{"listen", listen_anew, 0, FAILS},
	{"connect to a Unix socket", connect_here, BIT(LOOKUP) | BIT(DELIVER) | BIT(WEB), FAILS},
	{"open a Unix datagram socket", open_local_datagrams, BIT(LOOKUP) | BIT(DELIVER), FAILS},
	{"accept", accept_one, BIT(RECEIVE) | BIT(ADMIN) | BIT(WEB), FAILS},
	{"read a system file", read_foreign, 0, FAILS},
	{"read a file beside the directory", read_outside, 0, FAILS},
	{"write beside the directory", write_outside, 0, FAILS},
	{"move a file out of the directory", move_out, 0, FAILS},
	{"write in the directory", write_inside, BIT(SPOOL) | BIT(DELIVER), FAILS},
	{"start a thread", start_thread, BIT(SPOOL), FAILS},
	{"map code", map_code, 0, FAILS},
	{"signal another process", signal_parent, 0, FAILS},
	{"start a process", start_process, 0, FAILS},
	{"execute a program", execute, 0, KILLS},
	{"trace", trace, 0, KILLS},
	{"change user", change_user, 0, KILLS},
};

/* WORKS, FAILS or KILLS. */
static int attempt(enum power power, int (*what)(void))
{
	struct sandbox_rules rules = rules_of(power);
	struct err_info info = {.text = ""};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_become(&(struct sandbox_user){.drop_only = true}, &info) != ERR_OK ||
			sandbox_enter(&rules, NULL, &info) != ERR_OK) {
			fprintf(stderr, "%s\n", info.text);
			_exit(99);
		}
		_exit(what() == 0 ? WORKS : FAILS);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return KILLS;
	}
	return WEXITSTATUS(status);
}

/* A connection that waits to be accepted. */
static void offer_connection(void)
{
	int fd;

	while ((fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
	assert_int_equal(connect_out(), 0);
}

static void each_power_can_do_its_own_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		for (int power = 0; power < POWER_MAX; power++) {
			int want = rows[i].allowed & BIT(power) ? WORKS : rows[i].otherwise;
			int got;

			offer_connection();
			got = attempt((enum power)power, rows[i].attempt);
			if (got != want)
				fail_msg("%s, power %d: expected %d, found %d", rows[i].name, power,
					want, got);
		}
	}
}

static void without_a_sandbox_the_same_would_work(void **state)
{
	(void)state;
	assert_int_equal(read_foreign(), 0);
	assert_int_equal(connect_here(), 0);
	assert_int_equal(open_local_datagrams(), 0);
	assert_int_equal(read_outside(), 0);
	assert_int_equal(map_code(), 0);
	assert_int_equal(start_process(), 0);
	assert_int_equal(signal_parent(), 0);
}

static int become_other(void)
{
	return getuid() == 64203 && geteuid() == 64203 && getgid() == 64203 &&
			       getgroups(0, NULL) == 0
		       ? 0
		       : EPERM;
}

static int have_no_power(void)
{
	return chown(directory, 1, 1) < 0 && getuid() == 0 ? 0 : EPERM;
}

static int as_user(const struct sandbox_user *user, int (*check)(void))
{
	struct err_info info = {.text = ""};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_become(user, &info) != ERR_OK)
			_exit(99);
		_exit(check());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void root_becomes_another_user(void **state)
{
	const struct sandbox_user other = {.change = true, .uid = 64203, .gid = 64203};
	const struct sandbox_user same = {.drop_only = true};

	(void)state;
	if (getuid() != 0)
		skip();
	assert_int_equal(as_user(&other, become_other), 0);
	assert_int_equal(as_user(&same, have_no_power), 0);
}

static int set_up(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct sockaddr_un here = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(at);

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(inside, sizeof(inside), "%s/inside", directory);
	snprintf(outside, sizeof(outside), "%s/outside", directory);
	assert_int_equal(mkdir(inside, 0700), 0);
	close(open(outside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listening, 16), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&at, &size), 0);
	port = ntohs(at.sin_port);
	listening_here = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(here.sun_path, sizeof(here.sun_path), "%s/socket", directory);
	assert_int_equal(bind(listening_here, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(listen(listening_here, 16), 0);
	return 0;
}

static int tear_down(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/moving", inside);
	unlink(path);
	unlink(outside);
	snprintf(path, sizeof(path), "%s/socket", directory);
	unlink(path);
	close(listening_here);
	rmdir(inside);
	rmdir(directory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(without_a_sandbox_the_same_would_work),
		cmocka_unit_test(each_power_can_do_its_own_and_nothing_else),
		cmocka_unit_test(root_becomes_another_user),
	};

	return cmocka_run_group_tests(all, set_up, tear_down);
}
