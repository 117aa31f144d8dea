/* A non-blocking socket on a libevent loop, in clear or under TLS with a local key: what the load
 * generator and the sink stand on.  Not for servers that keep mail. */
#ifndef SEALPOST_BENCH_CHANNEL_H
#define SEALPOST_BENCH_CHANNEL_H

#include "base/buf.h"

#include <event2/event.h>
#include <openssl/ssl.h>

struct channel;

enum channel_event { CHANNEL_UP, CHANNEL_BYTES, CHANNEL_ROOM, CHANNEL_ENDED };
/* UP: connected, or the handshake is done.  BYTES: channel_input() has grown.  ROOM: all output was
 * written.  ENDED: closed or failed; only channel_free() is left. */
typedef void channel_handler(void *context, enum channel_event event);

struct channel *channel_connect(struct event_base *base, const char *host, uint16_t port,
	channel_handler *handler, void *context);
struct channel *channel_accepted(
	struct event_base *base, int fd, channel_handler *handler, void *context);
void channel_free(struct channel **channel);

/* Begin a handshake as client or server; UP follows. */
void channel_start_tls(struct channel *channel, SSL_CTX *tls, bool is_server);
bool channel_is_tls(const struct channel *channel);
/* What arrived and was not taken yet; take with buf_take(). */
struct buf *channel_input(struct channel *channel);
/* Send; kept until written. */
void channel_send(struct channel *channel, struct str bytes);
/* Bytes not written yet. */
size_t channel_backlog(const struct channel *channel);

/* A context for either side; certificate and key files may be NULL for a client.  Exits with a
 * message when they cannot be used. */
SSL_CTX *channel_tls_context(bool is_server, const char *chain, const char *key);

#endif
