"""A wall clock that a test sets, for whole installations.

libfaketime reads a file whenever it is asked for the time, which a sandboxed process may not.  This maps the file
before the sandbox is closed: a number of seconds that is added to the real time.  Clocks for intervals stay as they are.
"""
import mmap
import shutil
import struct
import subprocess
import time

SOURCE = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead;

__attribute__((constructor)) static void map(void)
{
	const char *path = getenv("TEST_CLOCK");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd >= 0 ? mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (fd >= 0)
		close(fd);
	if (at == MAP_FAILED)
		abort();
	ahead = at;
}

int clock_gettime(clockid_t id, struct timespec *to)
{
	int status = (int)syscall(SYS_clock_gettime, id, to);

	if (status == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) && ahead != NULL)
		to->tv_sec += *ahead;
	return status;
}

time_t time(time_t *to)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (to != NULL)
		*to = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *to, void *zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	to->tv_sec = now.tv_sec;
	to->tv_usec = now.tv_nsec / 1000;
	return 0;
}
'''


def available():
    return shutil.which('cc') is not None


class Clock:
    """PREFIX for commands that shall see it."""

    def __init__(self, directory):
        directory.mkdir(parents=True, exist_ok=True)
        library, source, self.file = directory / 'clock.so', directory / 'clock.c', directory / 'ahead'
        source.write_text(SOURCE)
        subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-o', str(library), str(source)], check=True)
        self.file.write_bytes(bytes(8))
        with open(self.file, 'r+b') as file:
            self.map = mmap.mmap(file.fileno(), 8)
        self.prefix = ['env', f'LD_PRELOAD={library}', f'TEST_CLOCK={self.file}']

    def now(self):
        return time.time() + struct.unpack('q', self.map[:])[0]

    def set(self, moment):
        self.map[:] = struct.pack('q', int(moment - time.time()))
