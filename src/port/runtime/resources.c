/* What a process uses, as far as it can see that from inside its sandbox. */
#include "port/runtime/runtime.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BATCH = 1024, MAX_FDS = 1024 * 1024, EMPTY_BATCHES = 8 };

/* Descriptors are given from the lowest number: behind a long gap there are none. */
static int64_t count_fds(void)
{
	struct pollfd fds[BATCH];
	struct rlimit limit = {.rlim_cur = BATCH};
	int64_t count = 0;
	int first = 0, end, empty = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > MAX_FDS)
		limit.rlim_cur = MAX_FDS;
	end = (int)limit.rlim_cur;
	for (; first < end && empty < EMPTY_BATCHES; first += BATCH) {
		int n = end - first < BATCH ? end - first : BATCH, before = (int)count;

		for (int i = 0; i < n; i++)
			fds[i] = (struct pollfd){.fd = first + i};
		if (poll(fds, (nfds_t)n, 0) < 0)
			break;
		for (int i = 0; i < n; i++)
			count += (fds[i].revents & POLLNVAL) == 0;
		empty = count == before ? empty + 1 : 0;
	}
	return count;
}

json_t *runtime_resources(void)
{
	struct rusage used = {.ru_maxrss = 0};
	int64_t us = 0;

	if (getrusage(RUSAGE_SELF, &used) == 0)
		us = (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
		     used.ru_utime.tv_usec + used.ru_stime.tv_usec;
	return json_pack("{s:I,s:I}", "cpu_us", (json_int_t)us, "fds", (json_int_t)count_fds());
}

/* The second number of /proc/PID/statm: pages. */
int64_t runtime_memory_of(int64_t pid)
{
	char path[64], text[128];
	struct str rest;
	uint64_t pages;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%lld/statm", (long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n <= 0)
		return 0;
	rest = str_make(text, (size_t)n);
	str_cut(&rest, ' ');
	if (!str_to_u64(str_cut(&rest, ' '), &pages) || pages > INT32_MAX)
		return 0;
	return (int64_t)pages * sysconf(_SC_PAGESIZE);
}
