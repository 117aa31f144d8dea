/*
 * A server that speaks the protocol and keeps nothing, driven by the project's own server machine:
 * what a relay delivers to, and what the machine can do at most.
 *
 *     sink --port P [--cert FILE --key FILE]
 *
 * Prints "ready", then, after a line on stdin, the number of messages taken.
 */
#include "base/mem.h"
#include "channel.h"
#include "core/smtp/server.h"

#include <event2/listener.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct sink {
	struct event_base *base;
	SSL_CTX *tls;
	struct smtp_server_config config;
	long messages;
};

struct session {
	struct sink *sink;
	struct channel *channel;
	struct smtp_server *server;
	bool is_closing;
};

static void session_close(struct session *s)
{
	channel_free(&s->channel);
	smtp_server_free(&s->server);
	free(s);
}

static void act(struct session *s, const struct smtp_server_action *action)
{
	switch (action->type) {
	case SMTP_SERVER_MAIL:
		smtp_server_reply(s->server, 250, "2.1.0", "fine");
		break;
	case SMTP_SERVER_RCPT:
		smtp_server_reply(s->server, 250, "2.1.5", "fine");
		break;
	case SMTP_SERVER_BEGIN:
		smtp_server_go(s->server);
		break;
	case SMTP_SERVER_END:
		s->sink->messages++;
		smtp_server_reply(s->server, 250, "2.0.0", "taken");
		break;
	case SMTP_SERVER_CLOSE:
		s->is_closing = true;
		break;
	default:
		break;
	}
}

static void flush(struct session *s)
{
	struct buf *out = smtp_server_output(s->server);

	channel_send(s->channel, buf_str(out));
	buf_take(out, buf_length(out));
}

static void serve(struct session *s)
{
	struct buf *in = channel_input(s->channel);
	struct smtp_server_action action;
	bool shakes = false;

	for (;;) {
		struct str input = buf_str(in);
		bool any = smtp_server_next(s->server, &input, &action);

		if (any)
			act(s, &action);
		shakes = any && action.type == SMTP_SERVER_STARTTLS;
		buf_take(in, buf_length(in) - input.n);
		flush(s);
		if (!any || shakes || s->is_closing)
			break;
	}
	if (shakes && channel_backlog(s->channel) == 0)
		channel_start_tls(s->channel, s->sink->tls, true);
}

static void on_channel(void *context, enum channel_event event)
{
	struct session *s = context;

	switch (event) {
	case CHANNEL_UP:
		smtp_server_tls_up(s->server);
		break;
	case CHANNEL_BYTES:
		serve(s);
		break;
	case CHANNEL_ROOM:
		if (s->is_closing)
			session_close(s);
		else if (smtp_server_waits_for(s->server) == SMTP_SERVER_WAIT_TLS)
			channel_start_tls(s->channel, s->sink->tls, true);
		else
			serve(s);
		break;
	case CHANNEL_ENDED:
		session_close(s);
		break;
	}
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
	int length, void *context)
{
	struct session *s = mem_new(sizeof(*s));

	(void)listener;
	(void)from;
	(void)length;
	s->sink = context;
	s->server = smtp_server_new(&s->sink->config, false);
	s->channel = channel_accepted(s->sink->base, fd, on_channel, s);
	smtp_server_greet(s->server);
	flush(s);
}

static void on_line(evutil_socket_t fd, short what, void *context)
{
	struct sink *sink = context;
	char line[16];

	(void)what;
	if (read(fd, line, sizeof(line)) <= 0) {
		event_base_loopbreak(sink->base);
		return;
	}
	printf("%ld\n", sink->messages);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port", required_argument, NULL, 'p'},
		{"cert", required_argument, NULL, 'C'}, {"key", required_argument, NULL, 'K'},
		{NULL, 0, NULL, 0}};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const char *cert = NULL, *key = NULL;
	struct sink sink = {.config = {.hostname = "sink.example",
				    .message_max = 1 << 28,
				    .recipients_max = 1000,
				    .messages_max = 1000000,
				    .errors_max = 1000}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p')
			at.sin_port = htons((uint16_t)strtol(optarg, NULL, 10));
		else if (option == 'C')
			cert = optarg;
		else if (option == 'K')
			key = optarg;
		else
			return 2;
	}
	sink.base = event_base_new();
	if (cert != NULL)
		sink.tls = channel_tls_context(true, cert, key);
	sink.config.offers_tls = cert != NULL;
	if (evconnlistener_new_bind(sink.base, on_accept, &sink,
		    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 1024, (struct sockaddr *)&at,
		    sizeof(at)) == NULL) {
		perror("sink: bind");
		return 1;
	}
	event_add(event_new(sink.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_line, &sink), NULL);
	puts("ready");
	fflush(stdout);
	event_base_dispatch(sink.base);
	return 0;
}
