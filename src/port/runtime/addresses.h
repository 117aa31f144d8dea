/*
 * How many connections each remote address has, over all receiving processes: a table in shared
 * memory.  Every process writes only its own row, so that the supervisor can forget what a crashed
 * one had counted; a count is the sum over all rows.
 *
 * Addresses are hashed with a key made at start: two that fall into one bucket are counted as
 * one, and nobody outside can choose such a pair.  IPv6 is counted per /64.
 */
#ifndef SEALPOST_PORT_RUNTIME_ADDRESSES_H
#define SEALPOST_PORT_RUNTIME_ADDRESSES_H

#include "base/err.h"

#include <sys/socket.h>

enum { RUNTIME_ADDRESSES_ROWS = 64, RUNTIME_ADDRESSES_BUCKETS = 65536 };

struct runtime_addresses;

/* The supervisor's part: make the table; forget one row. */
enum err runtime_addresses_create(int *ret_fd);
enum err runtime_addresses_forget(int fd, unsigned row);

/* A process's part.  FD may be closed afterwards. */
enum err runtime_addresses_open(int fd, unsigned row, struct runtime_addresses **ret);
void runtime_addresses_close(struct runtime_addresses **addresses);
/* One connection more; returns how many there are now, with this one. */
unsigned runtime_addresses_add(struct runtime_addresses *addresses, const struct sockaddr *peer);
void runtime_addresses_remove(struct runtime_addresses *addresses, const struct sockaddr *peer);
unsigned runtime_addresses_count(
	const struct runtime_addresses *addresses, const struct sockaddr *peer);

#endif
