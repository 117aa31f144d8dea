#include "process/supervise/settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static bool parse(const char *text, union address *ret, socklen_t *ret_size)
{
	char host[INET6_ADDRSTRLEN];
	struct str name;
	uint16_t port;

	if (!model_parse_endpoint(str_of(text), 25, &name, &port) || name.n >= sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", STR_ARGS(name));
	*ret = (union address){.any.sa_family = AF_UNSPEC};
	if (inet_pton(AF_INET, host, &ret->in.sin_addr) == 1) {
		ret->in.sin_family = AF_INET;
		ret->in.sin_port = htons(port);
		*ret_size = sizeof(ret->in);
		return true;
	}
	if (inet_pton(AF_INET6, host, &ret->in6.sin6_addr) == 1) {
		ret->in6.sin6_family = AF_INET6;
		ret->in6.sin6_port = htons(port);
		*ret_size = sizeof(ret->in6);
		return true;
	}
	return false;
}

/* Does the wildcard address stand for both families? */
static bool open_for(const union address *at, socklen_t size, int fd)
{
	const int yes = 1;
	const int only6 =
		at->any.sa_family == AF_INET6 && !IN6_IS_ADDR_UNSPECIFIED(&at->in6.sin6_addr);

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
		return false;
	if (at->any.sa_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof(only6)) < 0)
		return false;
	return bind(fd, &at->any, size) == 0 && listen(fd, BACKLOG) == 0;
}

enum err supervise_listen(const char *address, int *ret_fd, struct err_info *info)
{
	union address at;
	socklen_t size;
	const char *hint = "";
	int fd, number;

	if (!parse(address, &at, &size))
		return err_set(
			info, ERR_SYNTAX, "cannot listen on %s: not an address and port", address);
	fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && open_for(&at, size, fd)) {
		*ret_fd = fd;
		return ERR_OK;
	}
	number = errno;
	if (fd >= 0)
		close(fd);
	if (number == EADDRINUSE)
		hint = " (another mail server on this port?)";
	else if (number == EACCES)
		hint = " (ports below 1024 need root, or CAP_NET_BIND_SERVICE)";
	else if (number == EADDRNOTAVAIL)
		hint = " (no interface has this address)";
	return err_set(info, err_from_errno(number), "cannot listen on %s: %s%s", address,
		strerror(number), hint);
}

static bool has_address(int fd, const char *text)
{
	union address want, have = {.any.sa_family = AF_UNSPEC};
	socklen_t want_size, have_size = sizeof(have);

	if (!parse(text, &want, &want_size) || getsockname(fd, &have.any, &have_size) < 0 ||
		want.any.sa_family != have.any.sa_family)
		return false;
	if (want.any.sa_family == AF_INET)
		return want.in.sin_port == have.in.sin_port &&
		       want.in.sin_addr.s_addr == have.in.sin_addr.s_addr;
	return want.in6.sin6_port == have.in6.sin6_port &&
	       memcmp(&want.in6.sin6_addr, &have.in6.sin6_addr, 16) == 0;
}

int supervise_listen_inherited(const struct model_listener *listener)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(0, &names);
	int found = -1;

	for (int i = 0; i < count && found < 0; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
			continue;
		if (str_is(str_of(names[i]), listener->name) || has_address(fd, listener->address))
			found = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	}
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	if (found >= 0)
		fcntl(found, F_SETFL, fcntl(found, F_GETFL) | O_NONBLOCK);
	return found;
}
