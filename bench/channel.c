#include "channel.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 16384, INPUT_MAX = 1 << 20, OUTPUT_MAX = 16 << 20 };

struct channel {
	struct event_base *base;
	struct event *readable, *writable;
	int fd;
	SSL *ssl;
	bool connecting, shaking, ended;
	struct buf input, output;
	channel_handler *handler;
	void *context;
};

static void on_event(evutil_socket_t fd, short what, void *context);

static struct channel *channel_new(
	struct event_base *base, int fd, channel_handler *handler, void *context)
{
	struct channel *c = mem_new(sizeof(*c));
	int one = 1;

	evutil_make_socket_nonblocking(fd);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->base = base;
	c->fd = fd;
	c->handler = handler;
	c->context = context;
	buf_init(&c->input, INPUT_MAX);
	buf_init(&c->output, OUTPUT_MAX);
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_event, c);
	c->writable = event_new(base, fd, EV_WRITE, on_event, c);
	event_add(c->readable, NULL);
	return c;
}

struct channel *channel_connect(struct event_base *base, const char *host, uint16_t port,
	channel_handler *handler, void *context)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct channel *c;

	if (fd < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
		(connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)) {
		perror(host);
		exit(1);
	}
	c = channel_new(base, fd, handler, context);
	c->connecting = true;
	event_add(c->writable, NULL);
	return c;
}

struct channel *channel_accepted(
	struct event_base *base, int fd, channel_handler *handler, void *context)
{
	return channel_new(base, fd, handler, context);
}

void channel_free(struct channel **channel)
{
	struct channel *c = *channel;

	if (c == NULL)
		return;
	event_free(c->readable);
	event_free(c->writable);
	if (c->ssl != NULL) {
		if (!c->shaking && !c->ended)
			SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
	}
	close(c->fd);
	buf_free(&c->input);
	buf_free(&c->output);
	free(c);
	*channel = NULL;
}

static void end(struct channel *c)
{
	if (c->ended)
		return;
	c->ended = true;
	event_del(c->readable);
	event_del(c->writable);
	c->handler(c->context, CHANNEL_ENDED);
}

/* True when the call went through; else waits for the socket, or ends. */
static bool tls_result(struct channel *c, int result)
{
	int error;

	if (result > 0)
		return true;
	error = SSL_get_error(c->ssl, result);
	ERR_clear_error();
	if (error == SSL_ERROR_WANT_WRITE)
		event_add(c->writable, NULL);
	else if (error != SSL_ERROR_WANT_READ)
		end(c);
	return false;
}

static void shake(struct channel *c)
{
	if (!tls_result(c, SSL_do_handshake(c->ssl)))
		return;
	c->shaking = false;
	c->handler(c->context, CHANNEL_UP);
}

static ssize_t read_some(struct channel *c, char *to, size_t size)
{
	size_t got;
	ssize_t n;

	if (c->ssl != NULL)
		return tls_result(c, SSL_read_ex(c->ssl, to, size, &got)) ? (ssize_t)got : -1;
	n = read(c->fd, to, size);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		end(c);
	return n > 0 ? n : -1;
}

static void write_out(struct channel *c)
{
	while (buf_length(&c->output) > 0) {
		struct str out = buf_str(&c->output);
		size_t sent;
		ssize_t n;

		if (c->ssl != NULL) {
			if (!tls_result(c, SSL_write_ex(c->ssl, out.p, out.n, &sent)))
				return;
			buf_take(&c->output, sent);
			continue;
		}
		n = write(c->fd, out.p, out.n);
		if (n < 0 && errno == EAGAIN) {
			event_add(c->writable, NULL);
			return;
		}
		if (n < 0) {
			end(c);
			return;
		}
		buf_take(&c->output, (size_t)n);
	}
	buf_free(&c->output);
	c->handler(c->context, CHANNEL_ROOM);
}

static void on_event(evutil_socket_t fd, short what, void *context)
{
	struct channel *c = context;
	char chunk[READ_SIZE];
	ssize_t n;

	(void)fd;
	if (c->connecting) {
		c->connecting = false;
		c->handler(c->context, CHANNEL_UP);
		return;
	}
	if (c->shaking) {
		shake(c);
		return;
	}
	if (what & EV_WRITE) {
		write_out(c);
		return;
	}
	n = read_some(c, chunk, sizeof(chunk));
	if (n <= 0)
		return;
	buf_put(&c->input, str_make(chunk, (size_t)n));
	if (c->ssl != NULL && SSL_pending(c->ssl) > 0)
		event_active(c->readable, EV_READ, 0);
	c->handler(c->context, CHANNEL_BYTES);
}

void channel_start_tls(struct channel *c, SSL_CTX *tls, bool is_server)
{
	c->ssl = SSL_new(tls);
	SSL_set_fd(c->ssl, c->fd);
	if (is_server)
		SSL_set_accept_state(c->ssl);
	else
		SSL_set_connect_state(c->ssl);
	c->shaking = true;
	/* From the loop: the caller may be in the middle of something. */
	event_active(c->readable, EV_READ, 0);
}

bool channel_is_tls(const struct channel *c)
{
	return c->ssl != NULL;
}

struct buf *channel_input(struct channel *c)
{
	return &c->input;
}

void channel_send(struct channel *c, struct str bytes)
{
	if (bytes.n == 0 || c->ended)
		return;
	buf_put(&c->output, bytes);
	event_add(c->writable, NULL);
}

size_t channel_backlog(const struct channel *c)
{
	return buf_length(&c->output);
}

SSL_CTX *channel_tls_context(bool is_server, const char *chain, const char *key)
{
	SSL_CTX *tls = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());

	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(tls, 0);
	if (chain != NULL &&
		(SSL_CTX_use_certificate_chain_file(tls, chain) != 1 ||
			SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)) {
		fprintf(stderr, "%s: not a usable certificate and key\n", chain);
		exit(1);
	}
	return tls;
}
