/* What the measuring of the trace shares with the filling of it. */
#ifndef SEALPOST_BENCH_TRACE_H
#define SEALPOST_BENCH_TRACE_H

#include <stdbool.h>
#include <stdint.h>

enum { BENCH_ORGANISATIONS = 20, BENCH_CONNECTORS = 500, BENCH_ADDRESSES = 200 };

/* The mail of a number: always the same. */
struct bench_trace_mail {
	int organisation, connector;
	bool is_clear, is_old;
	char sender[64], recipient[64], message_id[64];
};
struct bench_trace_mail bench_trace_mail(int64_t n);

/* COUNT messages over the 90 days before NOW_MS, into a trace that is empty.  Ends the program when
 * that fails. */
void bench_trace_fill(const char *path, int64_t count, int64_t now_ms);
int64_t bench_trace_now_us(void);

#endif
