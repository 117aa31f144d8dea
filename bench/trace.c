/*
 * What the trace does on this machine.
 *
 *     bench-trace DIRECTORY [MESSAGES]
 *
 * Fills a trace with MESSAGES over 90 days, unless DIRECTORY has one; an interrupt ends the filling
 * early.
 */
#include "bench/trace.h"

#include "port/store/report.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile bool stop;

int64_t bench_trace_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void on_signal(int number)
{
	(void)number;
	stop = true;
}

static int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000;
}

int main(int argc, char **argv)
{
	char path[512];
	int64_t count = argc > 2 ? strtoll(argv[2], NULL, 10) : 100000;

	if (argc < 2 || count < 1000) {
		fprintf(stderr, "usage: bench-trace DIRECTORY [MESSAGES]\n");
		return 2;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	mkdir(argv[1], 0700);
	snprintf(path, sizeof(path), "%s/trace.db", argv[1]);
	if (access(path, F_OK) != 0)
		bench_trace_fill(path, count, wall_ms(), &stop);
	return 0;
}
