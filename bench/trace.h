/* What the measuring of the trace shares with the filling of it. */
#ifndef SEALPOST_BENCH_TRACE_H
#define SEALPOST_BENCH_TRACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	BENCH_ORGANISATIONS = 20,
	BENCH_CONNECTORS = 500,
	BENCH_ADDRESSES = 200,
	BENCH_PASS = 1000000
};

/* The mail of a number: always the same. */
struct bench_trace_mail {
	int organisation, connector;
	bool is_clear, is_old;
	char sender[64], recipient[64], message_id[64];
};
struct bench_trace_mail bench_trace_mail(int64_t n);

/* COUNT messages over the 90 days before NOW_MS, into a trace that is empty; *STOP ends it early.
 * Returns how many there are. */
int64_t bench_trace_fill(
	const char *path, int64_t count, int64_t now_ms, const volatile bool *stop);
/* The number of the message that is filled in as the Nth of COUNT. */
int64_t bench_trace_number(int64_t n, int64_t count);
int64_t bench_trace_now_us(void);

#endif
