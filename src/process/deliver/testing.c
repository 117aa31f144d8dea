#include "process/deliver/testing.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

void deliver_testing_say(struct bufferevent *b, const char *reply)
{
	evbuffer_add_printf(bufferevent_get_output(b), "%s\r\n", reply);
}

static void on_command(struct deliver_testing_server *s, struct bufferevent *b, const char *line)
{
	const char *reply = "250 2.0.0 ok";
	size_t length;

	if (s->in_data) {
		if (strcmp(line, ".") != 0)
			return;
		s->in_data = false;
		if (!s->holds_end)
			deliver_testing_say(b, s->end != NULL ? s->end : "250 2.0.0 taken");
		return;
	}
	length = strlen(s->commands);
	snprintf(s->commands + length, sizeof(s->commands) - length, "%s\n", line);
	if (strncmp(line, "EHLO", 4) == 0 && s->ehlo != NULL)
		reply = s->ehlo;
	if (strncmp(line, "MAIL", 4) == 0) {
		s->mails++;
		reply = s->mail != NULL ? s->mail : reply;
	}
	if (strncmp(line, "RCPT", 4) == 0 && s->rcpt != NULL)
		reply = s->rcpt;
	if (strcmp(line, "STARTTLS") == 0)
		reply = s->injects ? "220 go\r\n250 mx.example" : "220 go";
	if (strcmp(line, "DATA") == 0) {
		s->in_data = true;
		reply = "354 go";
	}
	deliver_testing_say(b, reply);
}

static void on_read(struct bufferevent *b, void *context)
{
	struct deliver_testing_server *s = context;
	struct evbuffer *in = bufferevent_get_input(b);
	unsigned char first;
	char *line;

	if (s->drops_handshakes && evbuffer_copyout(in, &first, 1) == 1 && first == 0x16) {
		s->handshakes++;
		bufferevent_free(b);
		s->last = NULL;
		return;
	}
	while ((line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF)) != NULL) {
		on_command(s, b, line);
		free(line);
	}
}

static void on_end(struct bufferevent *b, short what, void *context)
{
	struct deliver_testing_server *s = context;

	(void)what;
	if (s->last == b)
		s->last = NULL;
	bufferevent_free(b);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
	int size, void *context)
{
	struct deliver_testing_server *s = context;
	struct bufferevent *b = bufferevent_socket_new(
		evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);

	(void)from;
	(void)size;
	s->connections++;
	s->in_data = false;
	s->last = b;
	bufferevent_setcb(b, on_read, NULL, on_end, s);
	bufferevent_enable(b, EV_READ | EV_WRITE);
	deliver_testing_say(b, s->greeting != NULL ? s->greeting : "220 mx.example ESMTP");
}

void deliver_testing_start(struct deliver_testing_server *s, struct event_base *base)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(at);

	s->listener = evconnlistener_new_bind(base, on_accept, s,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 8, (struct sockaddr *)&at, sizeof(at));
	assert_non_null(s->listener);
	getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&at, &size);
	s->port = ntohs(at.sin_port);
}
