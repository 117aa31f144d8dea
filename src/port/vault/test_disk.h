/* For tests: the calls of the library that change the disk, of which one kills the process, or
 * finds the disk full. */
#ifndef SEALPOST_PORT_VAULT_TEST_DISK_H
#define SEALPOST_PORT_VAULT_TEST_DISK_H

#include <stdint.h>

extern int test_disk_calls_left; /* the process is killed before the one after them; -1: never */
extern int64_t test_disk_room;	 /* bytes that can be written; -1: enough */

#endif
