/* A hostile server: the machine ends every transaction, says nothing but complete lines outside of
 * content, and never asks for content after the end. */
#include "core/smtp/client.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
	struct smtp_client *client;
	int transactions;
	bool begun;
	unsigned flags;
};

static const struct smtp_client_recipient recipients[] = {
	{.address = "a@example", .notify = SMTP_CLIENT_FAILURE},
	{.address = "b@example", .original = "rfc822;b"},
	{.address = "c@example"},
};

static const struct smtp_client_transaction mail = {
	.sender = "s@example",
	.body = SMTP_CLIENT_7BIT,
	.size = 1000,
	.recipients = recipients,
	.count = ARRAY_LENGTH(recipients),
};

static const struct smtp_client_transaction trial = {
	.sender = "s@example",
	.is_trial = true,
	.recipients = recipients,
	.count = ARRAY_LENGTH(recipients),
};

static void next_step(struct state *s)
{
	const struct smtp_client_transaction *begin = s->flags & 16 ? &trial : &mail;

	if (s->flags & 1 && smtp_client_offers(s->client)->starttls)
		smtp_client_starttls(s->client);
	else if (s->transactions < 3 && smtp_client_begin(s->client, begin) == ERR_OK)
		s->transactions++, s->begun = true;
	else
		smtp_client_quit(s->client);
	s->flags &= ~1u;
}

static void done(struct state *s)
{
	if (!s->begun)
		abort();
	s->begun = false;
	for (size_t i = 0; i < mail.count; i++) {
		const struct smtp_client_outcome *o = smtp_client_outcome(s->client, i);

		if (o->result == SMTP_CLIENT_PENDING || o->enhanced[0] == '\0' || o->text == NULL)
			abort();
	}
}

static void settle(struct state *s)
{
	enum smtp_client_event event;

	do {
		event = smtp_client_next(s->client);
		if (event == SMTP_CLIENT_DONE)
			done(s);
		if (event == SMTP_CLIENT_READY || event == SMTP_CLIENT_STARTTLS_REFUSED ||
			(event == SMTP_CLIENT_DONE && smtp_client_is_idle(s->client)))
			next_step(s);
		if (event == SMTP_CLIENT_STARTTLS)
			smtp_client_secured(s->client);
		if (smtp_client_wants(s->client) > 0)
			smtp_client_give(
				s->client, (struct str)STR(".\r\n\n.\r\n"), s->transactions & 1);
		if (smtp_client_wants(s->client) > 0 && !smtp_client_is_past_end(s->client))
			smtp_client_give(s->client, (struct str)STR("x"), true);
		smtp_client_sent(s->client, smtp_client_output(s->client).n);
	} while (event != SMTP_CLIENT_NOTHING || smtp_client_output(s->client).n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state s = {0};
	struct smtp_client_options options = {.hello = "me.example"};
	size_t chunk;

	if (size < 2)
		return 0;
	s.flags = data[0];
	options.lmtp = (data[0] & 2) != 0;
	options.allow_helo = (data[0] & 4) != 0;
	chunk = data[1] + 1u;
	s.client = smtp_client_new(&options);
	for (size_t at = 2; at < size; at += chunk) {
		size_t n = size - at < chunk ? size - at : chunk;

		smtp_client_feed(s.client, str_make(data + at, n));
		settle(&s);
	}
	smtp_client_closed(s.client);
	settle(&s);
	if (s.begun)
		abort();
	smtp_client_free(&s.client);
	return 0;
}
