/* Inside of a connection: what link.c and link_facts.c share. */
#ifndef SEALPOST_PROCESS_DELIVER_LINK_INSIDE_H
#define SEALPOST_PROCESS_DELIVER_LINK_INSIDE_H

#include "process/deliver/link.h"

enum deliver_link_state {
	DELIVER_LINK_CONNECTING,
	DELIVER_LINK_TALKING,
	DELIVER_LINK_HANDSHAKING,
	DELIVER_LINK_OVER,
};

struct deliver_link {
	struct deliver_link_options options; /* texts in the arena */
	const struct deliver_link_owner *owner;
	void *context;
	struct arena *arena;
	enum deliver_link_state state;
	int fd;
	struct event *reading, *writing, *timer, *reaper;
	struct tls_session *tls;
	bool tls_up, offered, refused, starved;
	bool certificate_refused;
	bool heard;   /* something came over TLS: in TLS 1.3 only that says that the server is
			 content with our certificate */
	bool blocked; /* TLS told us to wait before writing more */
	enum tls_failure_kind failure;
	struct smtp_client *client;
	struct receipt receipt;
	struct deliver_link_standing standing;
	char reason[256];
	const char *stage; /* told last */
	int64_t idle_ms;
	int64_t count;
};

#endif
