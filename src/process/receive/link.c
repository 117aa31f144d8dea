#include "process/receive/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

enum err receive_link_read(struct receive_session *s, char *to, size_t size, size_t *ret_count)
{
	ssize_t n;

	if (s->tls != NULL)
		return tls_read(s->tls, to, size, ret_count);
	n = recv(s->fd, to, size, 0);
	if (n > 0) {
		*ret_count = (size_t)n;
		return ERR_OK;
	}
	if (n == 0)
		return ERR_CLOSED;
	return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_IO;
}

static enum err write_some(struct receive_session *s, struct str bytes, size_t *ret_count)
{
	ssize_t n;

	if (s->tls != NULL)
		return tls_write(s->tls, bytes.p, bytes.n, ret_count);
	n = send(s->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? ERR_AGAIN : ERR_IO;
	*ret_count = (size_t)n;
	return ERR_OK;
}

enum err receive_link_write(struct receive_session *s, struct buf *out)
{
	while (buf_length(out) > 0) {
		size_t n = 0;
		enum err e = write_some(s, buf_str(out), &n);

		if (e != ERR_OK)
			return e;
		buf_take(out, n);
	}
	/* An idle session keeps no buffers. */
	buf_free(out);
	return ERR_OK;
}

static void want(struct event *event, bool *is_wanted, bool wanted)
{
	if (*is_wanted == wanted)
		return;
	*is_wanted = wanted;
	if (wanted)
		event_add(event, NULL);
	else
		event_del(event);
}

void receive_link_want(struct receive_session *s, bool reading, bool writing)
{
	if (s->tls != NULL)
		/* It watches the socket itself. */
		tls_want_read(s->tls, reading);
	want(s->readable, &s->is_readable_wanted, reading && s->tls == NULL);
	want(s->writable, &s->is_writable_wanted, writing && s->tls == NULL);
}

bool receive_link_has_input(const struct receive_session *s)
{
	char byte;

	return s->tls == NULL && recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static void set_v4(struct receive_session *s, const void *bytes, uint16_t port)
{
	s->peer.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	memcpy(&s->peer.v4.sin_addr, bytes, 4);
	memset(s->facts.address.bytes, 0, 10);
	memset(s->facts.address.bytes + 10, 0xff, 2);
	memcpy(s->facts.address.bytes + 12, bytes, 4);
	inet_ntop(AF_INET, bytes, s->address, sizeof(s->address));
}

/* An IPv4 address in IPv6 form is an IPv4 address. */
static void set_v6(struct receive_session *s, const void *bytes, uint16_t port)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		set_v4(s, (const char *)bytes + 12, port);
		return;
	}
	s->peer.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
	memcpy(&s->peer.v6.sin6_addr, bytes, 16);
	memcpy(s->facts.address.bytes, bytes, 16);
	inet_ntop(AF_INET6, bytes, s->address, sizeof(s->address));
}

void receive_link_address(struct receive_session *s, const struct sockaddr *peer)
{
	const struct sockaddr_in *v4 = (const void *)peer;
	const struct sockaddr_in6 *v6 = (const void *)peer;

	s->facts.has_address = peer->sa_family == AF_INET || peer->sa_family == AF_INET6;
	s->facts.address.bits = 128;
	if (peer->sa_family == AF_INET) {
		s->port = ntohs(v4->sin_port);
		set_v4(s, &v4->sin_addr, (uint16_t)s->port);
	} else if (peer->sa_family == AF_INET6) {
		s->port = ntohs(v6->sin6_port);
		set_v6(s, &v6->sin6_addr, (uint16_t)s->port);
	}
}

/* How many more bytes of the header may be read without touching what stands behind it. */
static size_t proxy_missing(struct str have)
{
	size_t total = SMTP_PROXY_HEADER;

	if (have.n >= SMTP_PROXY_HEADER)
		total += (size_t)((unsigned char)have.p[14] << 8 | (unsigned char)have.p[15]);
	return total - have.n;
}

enum err receive_link_proxy(struct receive_session *s)
{
	struct smtp_proxy proxy;
	enum err e;

	for (;;) {
		struct str have = buf_str(&s->pending);
		char *room;
		size_t n;

		e = smtp_proxy_parse(&have, &proxy);
		if (e != ERR_AGAIN)
			break;
		n = proxy_missing(have);
		room = buf_reserve(&s->pending, n);
		if (room == NULL)
			return ERR_TOO_LONG;
		e = receive_link_read(s, room, n, &n);
		if (e != ERR_OK)
			return e;
		buf_added(&s->pending, n);
	}
	buf_free(&s->pending);
	if (e == ERR_OK && !proxy.has_address) {
		/* Somebody behind the proxy, who must not be taken for the proxy. */
		s->facts.has_address = false;
		s->address[0] = '\0';
		s->port = 0;
	}
	if (e == ERR_OK && proxy.has_address) {
		struct sockaddr_in6 peer = {
			.sin6_family = AF_INET6, .sin6_port = htons(proxy.port)};

		memcpy(&peer.sin6_addr, proxy.address, 16);
		receive_link_address(s, (const struct sockaddr *)&peer);
	}
	return e;
}
