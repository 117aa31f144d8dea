/* For tests: a name server on loopback in a process of its own.  It says A 192.0.2.7 for names that
 * begin with "a", SERVFAIL for "f", NXDOMAIN for "n", nothing at all for "s", and that there are no
 * records for all others. */
#ifndef SEALPOST_PORT_DNS_TEST_SERVER_H
#define SEALPOST_PORT_DNS_TEST_SERVER_H

#include "core/model/model.h"

#include <sys/types.h>

struct test_server {
	pid_t pid;
	char address[64];
	const char *servers[1];
	struct model_dns settings; /* that ask it */
};

void test_server_start(struct test_server *server);
void test_server_stop(struct test_server *server);

#endif
