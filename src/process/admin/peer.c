#include "process/admin/peer.h"

#include "base/map.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Connection -> struct admin_peer *.  evhttp has no place for what belongs to a connection. */
static struct map *peers;

static struct str key_of(const struct evhttp_connection *const *connection)
{
	return str_make(connection, sizeof(*connection));
}

const struct admin_peer *admin_peer_of(const struct evhttp_connection *connection)
{
	return peers != NULL ? map_get(peers, key_of(&connection)) : NULL;
}

void admin_peer_gone(const struct evhttp_connection *connection)
{
	if (peers == NULL)
		return;
	free(map_remove(peers, key_of(&connection)));
	if (map_count(peers) == 0)
		map_free(&peers);
}

static void on_gone(struct evhttp_connection *connection, void *context)
{
	(void)context;
	admin_peer_gone(connection);
}

void admin_peer_watch(struct evhttp_connection *connection)
{
	evhttp_connection_set_closecb(
		connection, admin_peer_of(connection) != NULL ? on_gone : NULL, NULL);
}

static bool is_address(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* False: it is no introduction. */
static bool read_introduction(struct evhttp_request *request, struct admin_peer *ret)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	const char *address = evhttp_find_header(headers, "X-Peer");
	const char *tls = evhttp_find_header(headers, "X-Tls");

	if (evhttp_request_get_command(request) != EVHTTP_REQ_POST ||
		strcmp(evhttp_request_get_uri(request), "/-/peer") != 0 || address == NULL ||
		!is_address(address) || tls == NULL || strlen(tls) >= sizeof(ret->tls))
		return false;
	snprintf(ret->address, sizeof(ret->address), "%s", address);
	snprintf(ret->tls, sizeof(ret->tls), "%s", tls);
	return true;
}

static void refuse(struct evhttp_request *request, int status)
{
	evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
	evhttp_send_reply(request, status, NULL, NULL);
}

void admin_peer_on_request(struct evhttp_request *request, void *context)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct admin_peer found = {.address = ""}, *peer;

	if (admin_peer_of(connection) != NULL) {
		admin_on_request(request, context);
		return;
	}
	if (!read_introduction(request, &found)) {
		refuse(request, 400);
		return;
	}
	if (peers != NULL && map_count(peers) >= ADMIN_PEERS_MAX) {
		refuse(request, 503);
		return;
	}
	if (peers == NULL)
		peers = map_new((uint64_t)runtime_ticks_ms());
	peer = mem_new(sizeof(*peer));
	*peer = found;
	map_set(peers, key_of((const struct evhttp_connection *const *)&connection), peer);
	admin_peer_watch(connection);
	evhttp_connection_set_max_body_size(connection, ADMIN_MAX_FIRST_BODY);
	evhttp_send_reply(request, 204, NULL, NULL);
}
