#include "port/vault/test_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int test_disk_calls_left = -1;

static void count_call(void)
{
	if (test_disk_calls_left == 0)
		raise(SIGKILL);
	if (test_disk_calls_left > 0)
		test_disk_calls_left--;
}

int rename(const char *from, const char *to)
{
	count_call();
	return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int unlink(const char *path)
{
	count_call();
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	count_call();
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdir(const char *path, mode_t mode)
{
	count_call();
	return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int64_t test_disk_room = -1;

ssize_t write(int fd, const void *bytes, size_t size)
{
	count_call();
	if (test_disk_room == 0) {
		errno = ENOSPC;
		return -1;
	}
	if (test_disk_room > 0 && (int64_t)size > test_disk_room)
		size = (size_t)test_disk_room;
	if (test_disk_room > 0)
		test_disk_room -= (int64_t)size;
	return syscall(SYS_write, fd, bytes, size);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	count_call();
	return syscall(SYS_pwrite64, fd, bytes, size, at);
}

int fsync(int fd)
{
	count_call();
	return (int)syscall(SYS_fsync, fd);
}
