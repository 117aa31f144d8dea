/* EHLO, HELO, STARTTLS: who is there, and what is offered. */
#include "core/smtp/server_internal.h"

#include <inttypes.h>

/* What stands in Received headers and log lines must be harmless there; else we are lenient. */
static bool is_helo_name(struct str name)
{
	if (name.n == 0 || name.n > SMTP_SERVER_HELO_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c <= ' ' || c >= 0x7f || strchr("()<>@,;\\\"", c) != NULL)
			return false;
	}
	return true;
}

static bool greet_back(struct smtp_server *s, struct str name, struct smtp_server_action *ret)
{
	/* A new greeting ends the transaction (RFC 5321 4.1.4); the caller learns it from HELLO. */
	smtp_server_over(s);
	if (!s->is_closing)
		s->state = SMTP_SERVER_STATE_READY;
	ret->type = SMTP_SERVER_HELLO;
	ret->helo = name;
	return true;
}

bool smtp_server_ehlo(struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	const struct smtp_server_config *c = s->config;

	if (!is_helo_name(argument)) {
		smtp_server_say(s, 501, NULL, "Syntax: EHLO name");
		return false;
	}
	buf_format(&s->out,
		"250-%.255s\r\n"
		"250-PIPELINING\r\n"
		"250-SIZE %" PRIu64 "\r\n"
		"250-8BITMIME\r\n"
		"250-SMTPUTF8\r\n"
		"250-CHUNKING\r\n"
		"250-DSN\r\n"
		"250-ENHANCEDSTATUSCODES\r\n",
		c->hostname, c->message_max);
	if (c->offers_tls && !s->is_tls)
		buf_put_text(&s->out, "250-STARTTLS\r\n");
	buf_format(&s->out, "250 LIMITS MAILMAX=%" PRIu64 " RCPTMAX=%" PRIu64 "\r\n",
		c->messages_max, c->recipients_max);
	ret->is_esmtp = true;
	return greet_back(s, argument, ret);
}

bool smtp_server_helo(struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	if (!is_helo_name(argument)) {
		smtp_server_say(s, 501, NULL, "Syntax: HELO name");
		return false;
	}
	smtp_server_say(s, 250, NULL, s->config->hostname);
	return greet_back(s, argument, ret);
}

bool smtp_server_starttls(
	struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	if (!s->config->offers_tls) {
		smtp_server_say(s, 502, "5.5.1", "STARTTLS is not offered");
		return false;
	}
	if (s->is_tls) {
		smtp_server_say(s, 503, "5.5.1", "TLS is active already");
		return false;
	}
	if (argument.n > 0) {
		smtp_server_say(s, 501, "5.5.4", "Syntax: STARTTLS");
		return false;
	}
	if (s->has_more)
		/* RFC 3207 4, RFC 2920 3.1: STARTTLS ends a group of commands. What follows in
		 * clear text may have been put there by somebody else. */
		return smtp_server_close(s,
			SMTP_SERVER_FAULT(521, "5.5.1", "Commands after STARTTLS; closing"), ret);
	smtp_server_say(s, 220, "2.0.0", "Ready to start TLS");
	smtp_server_over(s);
	if (s->is_closing)
		return false;
	return smtp_server_ask(s, SMTP_SERVER_STARTTLS, ret);
}
