#include "port/runtime/table.h"

#define PEER(role)   (1u << RUNTIME_##role)
#define SECRET(name) (1u << RUNTIME_SECRET_##name)
#define DOOR(name)   (1u << RUNTIME_DOOR_##name)

const struct runtime_row runtime_table[RUNTIME_ROLE_MAX] = {
	[RUNTIME_SUPERVISE] =
		{
			.name = "supervise",
			.may = "start the others, bind ports, open key files",
			.may_not = "read anything that came from outside",
		},
	[RUNTIME_KEYS] =
		{
			.name = "keys",
			.needs = RUNTIME_NEEDS_KEYS | RUNTIME_NEEDS_CERTIFICATES,
			.secrets = SECRET(PASSPHRASE) | SECRET(PIN),
			.peers = PEER(RECEIVE) | PEER(DELIVER) | PEER(WEB),
			.user_offset = RUNTIME_KEYS,
			.may = "hold private keys, sign",
			.may_not = "network, files, mail",
		},
	[RUNTIME_LOOKUP] =
		{
			.name = "lookup",
			.needs = RUNTIME_NEEDS_CONNECT | RUNTIME_NEEDS_THREADS |
				 RUNTIME_NEEDS_ROOTS | RUNTIME_NEEDS_CACHE,
			.peers = PEER(RECEIVE) | PEER(DELIVER) | PEER(ADMIN) | PEER(SPOOL) |
				 PEER(WEB),
			.user_offset = RUNTIME_LOOKUP,
			.may = "ask name servers, fetch revocation lists, call webhooks",
			.may_not = "other files, mail, keys, database",
		},
	[RUNTIME_SPOOL] =
		{
			.name = "spool",
			.needs = RUNTIME_NEEDS_DATA | RUNTIME_NEEDS_THREADS |
				 RUNTIME_NEEDS_CERTIFICATES | RUNTIME_NEEDS_ROOTS |
				 RUNTIME_NEEDS_SECRET,
			.peers = PEER(RECEIVE) | PEER(DELIVER) | PEER(ADMIN) | PEER(LOOKUP),
			.user_offset = RUNTIME_SPOOL,
			.may = "read and write the data directory",
			.may_not = "network, keys",
		},
	[RUNTIME_RECEIVE] =
		{
			.name = "receive",
			.needs = RUNTIME_NEEDS_CERTIFICATES | RUNTIME_NEEDS_ROOTS |
				 RUNTIME_NEEDS_LISTENERS | RUNTIME_NEEDS_TICKETS,
			.peers = PEER(SPOOL) | PEER(KEYS) | PEER(LOOKUP),
			.user_offset = RUNTIME_RECEIVE,
			.may = "accept connections",
			.may_not = "open connections, files, database, keys",
		},
	[RUNTIME_DELIVER] =
		{
			.name = "deliver",
			.needs = RUNTIME_NEEDS_CERTIFICATES | RUNTIME_NEEDS_ROOTS |
				 RUNTIME_NEEDS_CONNECT | RUNTIME_NEEDS_MAILDIRS |
				 RUNTIME_NEEDS_THREADS,
			.peers = PEER(SPOOL) | PEER(KEYS) | PEER(LOOKUP) | PEER(ADMIN),
			.user_offset = RUNTIME_DELIVER,
			.may = "open connections, write Maildirs",
			.may_not = "accept connections, other files, database, keys",
		},
	[RUNTIME_ADMIN] =
		{
			.name = "admin",
			.needs = RUNTIME_NEEDS_CERTIFICATES | RUNTIME_NEEDS_ROOTS |
				 RUNTIME_NEEDS_SOCKETS,
			.doors = DOOR(PUBLISH) | DOOR(METRICS),
			.peers = PEER(SPOOL) | PEER(LOOKUP) | PEER(DELIVER),
			.user_offset = RUNTIME_ADMIN,
			.may = "answer on the management socket, show everybody what is published",
			.may_not = "network, files, message bodies, keys",
		},
	[RUNTIME_WEB] =
		{
			.name = "web",
			.needs = RUNTIME_NEEDS_CERTIFICATES | RUNTIME_NEEDS_ROOTS |
				 RUNTIME_NEEDS_TICKETS | RUNTIME_NEEDS_RELAY,
			.doors = DOOR(HTTPS),
			.peers = PEER(KEYS) | PEER(LOOKUP),
			.user_offset = RUNTIME_WEB,
			.may = "accept HTTPS connections, pass their bytes on to admin",
			.may_not = "HTTP, files, database, open connections to the network, keys",
		},
};
