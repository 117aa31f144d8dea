/*
 * A whole session from hostile bytes: fed at once and byte by byte, the replies and the content
 * must be the same, nothing may be buffered without bound, and content must hold no bare newline.
 */
#include "core/smtp/server.h"

#include <stdlib.h>

enum { MAX_TEXT = 1 << 20 };

struct run {
	struct smtp_server *server;
	struct buf replies, content, messages;
	bool closed, tls;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void act(struct run *r, const struct smtp_server_action *a)
{
	switch (a->type) {
	case SMTP_SERVER_END:
		buf_put(&r->messages, buf_str(&r->content));
		smtp_server_reply(r->server, 250, "2.0.0", "Ok");
		break;
	case SMTP_SERVER_MAIL:
		smtp_server_reply(r->server, 250, "2.0.0", "Ok");
		break;
	case SMTP_SERVER_RCPT:
		if (a->rcpt.recipient.text.n % 7 == 0)
			smtp_server_reply(r->server, 550, "5.7.64", "No");
		else
			smtp_server_reply(r->server, 250, "2.1.5", "Ok");
		break;
	case SMTP_SERVER_BEGIN:
		buf_clear(&r->content);
		smtp_server_go(r->server);
		break;
	case SMTP_SERVER_CONTENT:
		buf_put(&r->content, a->data);
		break;
	case SMTP_SERVER_STARTTLS:
		r->tls = true;
		smtp_server_tls_up(r->server);
		break;
	case SMTP_SERVER_CLOSE:
		r->closed = true;
		break;
	case SMTP_SERVER_HELLO:
	case SMTP_SERVER_RESET:
		break;
	}
}

static void play(struct run *r, const struct smtp_server_config *config, struct str in, size_t step)
{
	r->server = smtp_server_new(config, false);
	buf_init(&r->replies, MAX_TEXT);
	buf_init(&r->content, MAX_TEXT);
	buf_init(&r->messages, MAX_TEXT);
	smtp_server_greet(r->server);
	for (size_t at = 0, end = 0; at < in.n && !r->closed;) {
		struct smtp_server_action a;
		struct str part;

		end = end + step < in.n ? end + step : in.n;
		part = str_part(in, at, end);
		while (smtp_server_next(r->server, &part, &a))
			act(r, &a);
		at = end - part.n;
		if (buf_length(smtp_server_output(r->server)) >= SMTP_SERVER_OUTPUT_MAX)
			abort();
		buf_put(&r->replies, buf_str(smtp_server_output(r->server)));
		buf_clear(smtp_server_output(r->server));
	}
}

static void check_content(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r')) || s.p[i] == '\0')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_server_config config = {.hostname = "mx.example",
		.message_max = 300,
		.recipients_max = 3,
		.messages_max = 5,
		.errors_max = 20};
	struct run whole = {0}, bytes = {0};
	struct str in;

	if (size < 1)
		return 0;
	config.bare_newline = data[0] & 1 ? MODEL_BARE_NORMALISE : MODEL_BARE_REJECT;
	config.offers_tls = (data[0] & 2) != 0;
	config.requires_tls = (data[0] & 4) != 0;
	in = str_make(data + 1, size - 1);
	play(&whole, &config, in, in.n > 0 ? in.n : 1);
	play(&bytes, &config, in, 1);
	check_content(buf_str(&whole.messages));
	/* Bytes behind STARTTLS are only seen when they lie there together. */
	if (!bytes.tls && (!str_equal(buf_str(&whole.replies), buf_str(&bytes.replies)) ||
				  !str_equal(buf_str(&whole.messages), buf_str(&bytes.messages))))
		abort();
	smtp_server_free(&whole.server);
	smtp_server_free(&bytes.server);
	buf_free(&whole.replies);
	buf_free(&whole.content);
	buf_free(&whole.messages);
	buf_free(&bytes.replies);
	buf_free(&bytes.content);
	buf_free(&bytes.messages);
	return 0;
}
