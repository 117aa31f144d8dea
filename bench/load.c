/*
 * A load generator: many SMTP sessions on one thread, driven by the project's own client machine.
 *
 *     load --port P [--host 127.0.0.1] --connections C --messages M [--per-connection K]
 *          [--size BYTES] [--tls] [--cert FILE --key FILE] [--from A] [--to A]
 *          [--handshakes]     connect, (STARTTLS,) QUIT: M times
 *          [--idle SECONDS]   open C sessions, print "open", wait for a line on stdin
 *
 * Prints one line of JSON.  A message counts when the final 250 has arrived.
 */
#include "base/mem.h"
#include "channel.h"
#include "core/smtp/client.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct load {
	struct event_base *base;
	SSL_CTX *tls;
	const char *host, *from, *to;
	uint16_t port;
	bool handshakes, is_idle;
	long connections, messages, per_connection, size;
	long begun, done, failed, sessions, handshaken, open;
	char *content;
	double *latency_ms;
	double started;
};

struct session {
	struct load *load;
	struct channel *channel;
	struct smtp_client *client;
	struct smtp_client_recipient recipient;
	struct smtp_client_transaction transaction;
	size_t given;
	long sent_here;
	double began;
	bool is_leaving;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void session_open(struct load *load);

static bool is_finished(const struct load *load)
{
	return load->done + load->failed >= load->messages;
}

static void session_close(struct session *s)
{
	struct load *load = s->load;

	channel_free(&s->channel);
	smtp_client_free(&s->client);
	free(s);
	load->sessions--;
	if (is_finished(load))
		event_base_loopbreak(load->base);
	else if (load->begun < load->messages && load->sessions < load->connections)
		session_open(load);
}

static void leave(struct session *s)
{
	s->is_leaving = true;
	smtp_client_quit(s->client);
}

static void begin(struct session *s)
{
	struct load *load = s->load;

	if (load->is_idle) {
		if (++load->open == load->connections) {
			puts("open");
			fflush(stdout);
			event_base_loopbreak(load->base);
		}
		return;
	}
	if (load->begun >= load->messages || s->sent_here >= load->per_connection) {
		leave(s);
		return;
	}
	load->begun++;
	s->sent_here++;
	s->began = now();
	if (load->handshakes) {
		load->latency_ms[load->done++] = 0;
		leave(s);
		return;
	}
	s->recipient = (struct smtp_client_recipient){.address = load->to};
	s->transaction = (struct smtp_client_transaction){
		.sender = load->from,
		.size = load->size,
		.recipients = &s->recipient,
		.count = 1,
	};
	s->given = 0;
	smtp_client_begin(s->client, &s->transaction);
}

static void give(struct session *s)
{
	struct load *load = s->load;
	size_t wanted;

	while ((wanted = smtp_client_wants(s->client)) > 0 && s->given < (size_t)load->size) {
		size_t rest = (size_t)load->size - s->given;
		size_t n = wanted < rest ? wanted : rest;

		smtp_client_give(s->client, str_make(load->content + s->given, n), n == rest);
		s->given += n;
	}
}

static void finish(struct session *s)
{
	struct load *load = s->load;
	const struct smtp_client_outcome *o = smtp_client_outcome(s->client, 0);

	if (o->result == SMTP_CLIENT_ACCEPTED) {
		load->latency_ms[load->done++] = (now() - s->began) * 1000;
	} else {
		if (load->failed++ == 0)
			fprintf(stderr, "first failure: %s: %s\n", o->stage, o->text);
	}
	begin(s);
}

/* Carry out what the machine wants; false when the session is gone. */
static bool step(struct session *s)
{
	for (;;) {
		switch (smtp_client_next(s->client)) {
		case SMTP_CLIENT_NOTHING:
			give(s);
			return true;
		case SMTP_CLIENT_READY:
			if (s->load->tls != NULL && !channel_is_tls(s->channel))
				smtp_client_starttls(s->client);
			else
				begin(s);
			break;
		case SMTP_CLIENT_STARTTLS:
			channel_start_tls(s->channel, s->load->tls, false);
			return true;
		case SMTP_CLIENT_CONTENT:
			give(s);
			break;
		case SMTP_CLIENT_DONE:
			finish(s);
			break;
		case SMTP_CLIENT_STARTTLS_REFUSED:
		case SMTP_CLIENT_LOST:
			if (!s->is_leaving) {
				if (s->load->failed++ == 0)
					fprintf(stderr, "first failure: %s: %s\n",
						smtp_client_failure(s->client)->stage,
						smtp_client_failure(s->client)->text);
			}
			session_close(s);
			return false;
		case SMTP_CLIENT_BYE:
			session_close(s);
			return false;
		}
	}
}

static void flush(struct session *s)
{
	struct str out = smtp_client_output(s->client);

	channel_send(s->channel, out);
	smtp_client_sent(s->client, out.n);
}

static void on_channel(void *context, enum channel_event event)
{
	struct session *s = context;
	struct buf *in = channel_input(s->channel);

	switch (event) {
	case CHANNEL_UP:
		if (channel_is_tls(s->channel)) {
			s->load->handshaken++;
			smtp_client_secured(s->client);
		}
		break;
	case CHANNEL_BYTES:
		smtp_client_feed(s->client, buf_str(in));
		buf_free(in);
		break;
	case CHANNEL_ROOM:
		break;
	case CHANNEL_ENDED:
		smtp_client_closed(s->client);
		break;
	}
	if (step(s))
		flush(s);
}

static void session_open(struct load *load)
{
	struct session *s = mem_new(sizeof(*s));
	struct smtp_client_options options = {.hello = "load.example"};

	s->load = load;
	s->client = smtp_client_new(&options);
	load->sessions++;
	s->channel = channel_connect(load->base, load->host, load->port, on_channel, s);
}

static char *make_content(long size)
{
	static const char head[] = "From: <load@client.example>\r\nTo: <sink@server.example>\r\n"
				   "Subject: load\r\nMessage-ID: <load@client.example>\r\n\r\n";
	char *content = mem_new((size_t)size + 1);

	for (long i = 0; i < size; i++)
		content[i] = i % 76 == 74 ? '\r' : i % 76 == 75 ? '\n' : (char)('a' + i % 26);
	memcpy(content, head, sizeof(head) - 1 < (size_t)size ? sizeof(head) - 1 : (size_t)size);
	memcpy(content + size - 2, "\r\n", 2);
	return content;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void report(struct load *load)
{
	double seconds = now() - load->started;
	size_t n = (size_t)load->done;

	qsort(load->latency_ms, n, sizeof(double), by_size);
	printf("{\"done\": %ld, \"failed\": %ld, \"seconds\": %.3f, \"per_second\": %.1f, "
	       "\"handshakes\": %ld, \"p50_ms\": %.2f, \"p99_ms\": %.2f}\n",
		load->done, load->failed, seconds, (double)load->done / seconds, load->handshaken,
		n > 0 ? load->latency_ms[n / 2] : 0, n > 0 ? load->latency_ms[n * 99 / 100] : 0);
}

static const struct option options[] = {{"host", required_argument, NULL, 'h'},
	{"port", required_argument, NULL, 'p'}, {"connections", required_argument, NULL, 'c'},
	{"messages", required_argument, NULL, 'm'},
	{"per-connection", required_argument, NULL, 'k'}, {"size", required_argument, NULL, 's'},
	{"tls", no_argument, NULL, 't'}, {"cert", required_argument, NULL, 'C'},
	{"key", required_argument, NULL, 'K'}, {"from", required_argument, NULL, 'f'},
	{"to", required_argument, NULL, 'r'}, {"handshakes", no_argument, NULL, 'H'},
	{"idle", no_argument, NULL, 'i'}, {NULL, 0, NULL, 0}};

static void parse(struct load *load, int argc, char **argv)
{
	const char *cert = NULL, *key = NULL;
	bool tls = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			load->host = optarg;
			break;
		case 'p':
			load->port = (uint16_t)strtol(optarg, NULL, 10);
			break;
		case 'c':
			load->connections = strtol(optarg, NULL, 10);
			break;
		case 'm':
			load->messages = strtol(optarg, NULL, 10);
			break;
		case 'k':
			load->per_connection = strtol(optarg, NULL, 10);
			break;
		case 's':
			load->size = strtol(optarg, NULL, 10);
			break;
		case 't':
			tls = true;
			break;
		case 'C':
			cert = optarg;
			break;
		case 'K':
			key = optarg;
			break;
		case 'f':
			load->from = optarg;
			break;
		case 'r':
			load->to = optarg;
			break;
		case 'H':
			load->handshakes = true;
			break;
		case 'i':
			load->is_idle = true;
			break;
		default:
			exit(2);
		}
	}
	if (load->port == 0 || load->connections < 1 || load->messages < 1 || load->size < 256) {
		fputs("load: --port, --connections and --messages are needed; --size is at least "
		      "256\n",
			stderr);
		exit(2);
	}
	if (tls)
		load->tls = channel_tls_context(false, cert, key);
}

int main(int argc, char **argv)
{
	struct load load = {.host = "127.0.0.1",
		.from = "load@client.example",
		.to = "sink@server.example",
		.connections = 50,
		.messages = 1000,
		.per_connection = 1,
		.size = 4096};

	parse(&load, argc, argv);
	load.base = event_base_new();
	load.content = make_content(load.size);
	load.latency_ms = mem_new((size_t)load.messages * sizeof(double));
	load.started = now();
	for (long i = 0; i < load.connections && (load.is_idle || i < load.messages); i++)
		session_open(&load);
	event_base_dispatch(load.base);
	if (load.is_idle)
		(void)!getchar();
	else
		report(&load);
	return load.failed > 0;
}
