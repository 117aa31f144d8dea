#include "port/dns/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void serve(int fd)
{
	static const char records[] = "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\7"; /* 192.0.2.7 */
	unsigned char packet[1500];
	struct sockaddr_in from;

	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t n =
			recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &size);
		size_t end = 12;

		if (n < 17)
			continue;
		while (end < (size_t)n && packet[end] != 0)
			end += packet[end] + 1u;
		end += 5;
		if (end > (size_t)n)
			continue;
		packet[2] = 0x81; /* a response */
		packet[3] = 0x80;
		memset(packet + 6, 0, 6);
		if (packet[13] == 'a' && packet[end - 3] == 1) {
			packet[7] = 1;
			memcpy(packet + end, records, sizeof(records) - 1);
			end += sizeof(records) - 1;
		} else if (packet[13] == 'f') {
			packet[3] = 0x82;
		} else if (packet[13] == 'n') {
			packet[3] = 0x83;
		} else if (packet[13] == 's') {
			continue;
		}
		sendto(fd, packet, end, 0, (struct sockaddr *)&from, size);
	}
}

void test_server_start(struct test_server *server)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0)
		abort();
	getsockname(fd, (struct sockaddr *)&address, &size);
	server->pid = fork();
	if (server->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(fd);
	}
	close(fd);
	snprintf(server->address, sizeof(server->address), "127.0.0.1@%u", ntohs(address.sin_port));
	server->servers[0] = server->address;
	server->settings = (struct model_dns){.servers = {server->servers, 1},
		.trust_anchor = "none",
		.timeout_ms = 15000,
		.cache = 1 << 20};
}

void test_server_stop(struct test_server *server)
{
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
}
