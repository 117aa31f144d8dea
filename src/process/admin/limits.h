/*
 * Inside process/admin: how often somebody may try a password.
 *
 * Who fails waits longer and longer: the first attempts are free, then each further one doubles the
 * wait, up to a bound.  What is counted are attempts under way and those that failed, so that many
 * at once gain nothing.  Keys are addresses or user names, and come from strangers: the table has a
 * bound, and the entry longest untouched makes room.  Time is given (runtime_ticks_ms()).
 */
#ifndef SEALPOST_PROCESS_ADMIN_LIMITS_H
#define SEALPOST_PROCESS_ADMIN_LIMITS_H

#include "base/compiler.h"
#include "base/str.h"

struct admin_limits;

struct admin_limits_rule {
	unsigned free;	    /* attempts without any wait */
	int64_t first_ms;   /* wait behind them, doubled with each further one */
	int64_t longest_ms; /* at most */
	int64_t forget_ms;  /* who has not tried for so long begins anew */
};

enum { ADMIN_LIMITS_MAX = 2000, ADMIN_LIMITS_MAX_KEY = 128 };

struct admin_limits *admin_limits_new(const struct admin_limits_rule *rule, uint64_t seed) MUST_USE;
void admin_limits_free(struct admin_limits **limits);

/* May KEY try now?  0: yes, and it counts as a failure until admin_limits_forgive(); else how long
 * it must wait, in ms. */
int64_t admin_limits_try(struct admin_limits *limits, struct str key, int64_t now_ms);
/* That attempt was none: take it back. */
void admin_limits_forgive(struct admin_limits *limits, struct str key);
/* All is well with KEY: forget it. */
void admin_limits_clear(struct admin_limits *limits, struct str key);
size_t admin_limits_count(const struct admin_limits *limits);

/* The key of an address: an IPv4 address, or the /64 of an IPv6 one; RET is at least 64 long. */
void admin_limits_network(const char *address, char *ret, size_t size);

#endif
