/*
 * Inside process/admin: how many requests somebody may make.
 *
 * One bucket each: it holds BURST requests when it is full, and PER_SECOND come back every second.
 * Keys are users, tokens and addresses, of which the last come from strangers: the table has a
 * bound, and the bucket longest untouched makes room.  Time is given (runtime_ticks_ms()).
 */
#ifndef SEALPOST_PROCESS_ADMIN_RATES_H
#define SEALPOST_PROCESS_ADMIN_RATES_H

#include "base/compiler.h"
#include "base/str.h"

enum { ADMIN_RATES_MAX = 4096, ADMIN_RATES_MAX_KEY = 128 };

struct admin_rate {
	int64_t per_second, burst;
};

struct admin_rates;
struct admin_rates *admin_rates_new(uint64_t seed) MUST_USE;
void admin_rates_free(struct admin_rates **rates);

/* Take one request out of KEY's bucket.  0: it was there; else in how many ms it will be, and
 * nothing is taken.  What is too long shares its beginning with others. */
int64_t admin_rates_take(
	struct admin_rates *rates, struct str key, const struct admin_rate *rate, int64_t now_ms);
/* Is there a bucket of that name? */
bool admin_rates_knows(const struct admin_rates *rates, struct str key);
size_t admin_rates_count(const struct admin_rates *rates);

#endif
