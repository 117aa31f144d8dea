/*
 * The filter of system calls, an allow list.  What is not on it fails with EPERM, so that a library
 * which merely tries something goes on; what only an attacker would try ends the process.
 *
 * No process may ever: execute a program, start another process, map memory to execute, trace,
 * mount, change user, load code into the kernel.
 */
#include "port/sandbox/landlock.h"

#include "base/compiler.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(name) 0 /* clang's way to ask; gcc defines macros */
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

/* Every process: memory, time, descriptors it has, its loop, its threads' locks. */
static const int for_all[] = {
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(close_range),
	SCMP_SYS(fstat),
	SCMP_SYS(lseek),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(eventfd2),
	SCMP_SYS(pipe2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(dup),
	SCMP_SYS(dup3),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(membarrier),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getrusage),
	SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* With paths; which ones is landlock's part. */
static const int for_files[] = {
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),
	SCMP_SYS(getdents64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(fadvise64),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(sync_file_range),
	SCMP_SYS(copy_file_range),
	SCMP_SYS(flock),
	SCMP_SYS(fchmod),
	SCMP_SYS(utimensat),
	SCMP_SYS(umask),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(rmdir),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(link),
	SCMP_SYS(linkat),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
};

/* Nobody tries these by mistake. */
static const int hostile[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(fsopen),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(setuid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setreuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setresgid),
	SCMP_SYS(setregid),
	SCMP_SYS(setgroups),
	SCMP_SYS(capset),
	SCMP_SYS(personality),
};

/* A filter under construction; the first failure sticks. */
struct filter {
	scmp_filter_ctx context;
	int error;
};

static void add(struct filter *f, uint32_t action, const int *calls, size_t count)
{
	for (size_t i = 0; i < count && f->error == 0; i++) {
		/* Negative pseudo numbers: this architecture has no such call. */
		if (calls[i] >= 0)
			f->error = seccomp_rule_add(f->context, action, calls[i], 0);
	}
}

/* Allow CALL where argument ARG, masked, equals VALUE. */
static void add_where(struct filter *f, int call, unsigned arg, uint64_t mask, uint64_t value)
{
	if (f->error == 0)
		f->error = seccomp_rule_add(f->context, SCMP_ACT_ALLOW, call, 1,
			SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, mask, value));
}

static const uint64_t whole = UINT64_MAX;
/* Arguments of type int: what stands above is not defined. */
static const uint64_t whole_int = UINT32_MAX;

static void add_careful(struct filter *f)
{
	static const int fcntls[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC};
	static const unsigned long ioctls[] = {FIONBIO, FIONREAD};

	add_where(f, SCMP_SYS(mmap), 2, PROT_EXEC, 0);
	add_where(f, SCMP_SYS(mprotect), 2, PROT_EXEC, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(fcntls); i++)
		add_where(f, SCMP_SYS(fcntl), 1, whole_int, (uint64_t)fcntls[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(ioctls); i++)
		add_where(f, SCMP_SYS(ioctl), 1, whole_int, ioctls[i]);
	add_where(f, SCMP_SYS(prctl), 0, whole_int, PR_SET_NAME);
	add_where(f, SCMP_SYS(prlimit64), 2, whole, 0); /* read limits, set none */
	/* abort() signals this process; no other. */
	add_where(f, SCMP_SYS(tgkill), 0, whole_int, (uint64_t)getpid());
	/* fstat() of a descriptor, as the C library does it: an empty path is not told from others
	 * here, but without paths nothing can be opened, and landlock does not mind. */
	add_where(f, SCMP_SYS(newfstatat), 3, 0x1000, 0x1000); /* AT_EMPTY_PATH */
	/* Pairs inside the process (the loop's wake-up); nothing outside can be reached. */
	add_where(f, SCMP_SYS(socketpair), 0, whole_int, AF_UNIX);
}

static void add_threads(struct filter *f)
{
	static const int calls[] = {SCMP_SYS(set_tid_address), SCMP_SYS(sched_setscheduler),
		SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler)};

	/* The flags of clone3() are behind a pointer: as if the kernel had none. */
	if (f->error == 0)
		f->error =
			seccomp_rule_add(f->context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	add_where(f, SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD);
	add(f, SCMP_ACT_ALLOW, calls, ARRAY_LENGTH(calls));
}

static void add_local_stream(struct filter *f)
{
	if (f->error == 0)
		f->error = seccomp_rule_add(f->context, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
			SCMP_CMP(0, SCMP_CMP_MASKED_EQ, whole_int, AF_UNIX),
			SCMP_CMP(1, SCMP_CMP_MASKED_EQ,
				whole_int & ~(uint64_t)(SOCK_CLOEXEC | SOCK_NONBLOCK),
				SOCK_STREAM));
}

static void add_network(struct filter *f, const struct sandbox_rules *rules)
{
	static const int connecting[] = {
		SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg)};
	static const int accepting[] = {SCMP_SYS(accept), SCMP_SYS(accept4)};

	if (rules->may_connect) {
		add_where(f, SCMP_SYS(socket), 0, whole_int, AF_INET);
		add_where(f, SCMP_SYS(socket), 0, whole_int, AF_INET6);
		add_where(f, SCMP_SYS(socket), 0, whole_int, AF_UNIX);
		add(f, SCMP_ACT_ALLOW, connecting, ARRAY_LENGTH(connecting));
	}
	/* Whom a stream connects to stands behind a pointer: the permissions of sockets say that.
	 */
	if (rules->may_connect_locally) {
		add_local_stream(f);
		add(f, SCMP_ACT_ALLOW, connecting, 1);
	}
	if (rules->may_accept)
		add(f, SCMP_ACT_ALLOW, accepting, ARRAY_LENGTH(accepting));
}

static void add_files(struct filter *f)
{
	static const int locks[] = {F_SETLK, F_SETLKW, F_GETLK, F_OFD_SETLK, F_OFD_SETLKW};

	add(f, SCMP_ACT_ALLOW, for_files, ARRAY_LENGTH(for_files));
	for (size_t i = 0; i < ARRAY_LENGTH(locks); i++)
		add_where(f, SCMP_SYS(fcntl), 1, whole_int, (uint64_t)locks[i]);
}

enum err sandbox_filter(const struct sandbox_rules *rules, struct err_info *info)
{
	struct filter f = {.context = seccomp_init(SCMP_ACT_ERRNO(EPERM))};

	if (f.context == NULL)
		return err_set(info, ERR_INTERNAL, "seccomp: no filter");
	f.error = seccomp_attr_set(f.context, SCMP_FLTATR_CTL_TSYNC, 1); /* all threads */
	add(&f, SCMP_ACT_ALLOW, for_all, ARRAY_LENGTH(for_all));
	add(&f, SCMP_ACT_KILL_PROCESS, hostile, ARRAY_LENGTH(hostile));
	add_careful(&f);
	add_network(&f, rules);
	if (rules->may_thread)
		add_threads(&f);
	if (rules->writable_count > 0 || rules->readable_count > 0)
		add_files(&f);
	if (IS_SANITIZED) /* its report looks at the memory map and the terminal */
		add_where(&f, SCMP_SYS(ioctl), 1, whole_int, TCGETS);
	if (f.error == 0)
		f.error = seccomp_load(f.context);
	seccomp_release(f.context);
	if (f.error != 0)
		return err_set(info, ERR_UNSUPPORTED, "seccomp: %s", strerror(-f.error));
	return ERR_OK;
}

enum err sandbox_enter(const struct sandbox_rules *rules, int *ret_landlock, struct err_info *info)
{
	int version = 0;
	enum err e = sandbox_landlock(rules, &version, info);

	if (e == ERR_OK)
		e = sandbox_filter(rules, info);
	if (e == ERR_OK && ret_landlock != NULL)
		*ret_landlock = version;
	return e;
}
