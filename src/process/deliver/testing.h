/* An SMTP server that does as a test tells it, on the loopback. */
#ifndef SEALPOST_PROCESS_DELIVER_TESTING_H
#define SEALPOST_PROCESS_DELIVER_TESTING_H

#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdint.h>

struct deliver_testing_server {
	struct evconnlistener *listener;
	uint16_t port;
	/* what it says; NULL: 250, or what the command asks for */
	const char *greeting, *ehlo, *mail, *rcpt, *end;
	bool drops_handshakes; /* closes when a ClientHello comes */
	bool injects;	       /* text in clear behind "220 go" */
	bool holds_end;	       /* does not answer the end of data */
	int connections, mails, handshakes;
	bool in_data;
	struct bufferevent *last;
	char commands[4096];
};

/* Listen on a port of the system's choice. */
void deliver_testing_start(struct deliver_testing_server *s, struct event_base *base);
/* Send a line. */
void deliver_testing_say(struct bufferevent *b, const char *reply);

#endif
