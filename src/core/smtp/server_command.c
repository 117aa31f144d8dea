/* The table of commands, and those that need no more than a line. */
#include "core/smtp/server_internal.h"

enum {
	HELLO = SMTP_SERVER_STATE_HELLO,
	READY = SMTP_SERVER_STATE_READY,
	MAIL = SMTP_SERVER_STATE_MAIL,
	RCPT = SMTP_SERVER_STATE_RCPT,
	BDAT = SMTP_SERVER_STATE_BDAT,
	ANY = HELLO | READY | MAIL | RCPT | BDAT,
};

static const struct row {
	smtp_server_handler *handler;
	unsigned states;       /* in which it may come */
	bool before_tls;       /* also while TLS is demanded (RFC 3207 4) */
	bool is_idle;	       /* does nothing for a message: not too many of these */
	const char *otherwise; /* 503 in other states */
} table[SMTP_VERB_MAX] = {
	/*                       handler                    states   tls    idle   otherwise */
	[SMTP_VERB_UNKNOWN] = {smtp_server_unknown, ANY, true, false, NULL},
	[SMTP_VERB_EHLO] = {smtp_server_ehlo, ANY, true, true, NULL},
	[SMTP_VERB_HELO] = {smtp_server_helo, ANY, true, true, NULL},
	[SMTP_VERB_STARTTLS] = {smtp_server_starttls, HELLO | READY, true, true,
		"STARTTLS is not possible within a transaction"},
	[SMTP_VERB_MAIL] = {smtp_server_mail, READY, false, false, "Sender already given"},
	[SMTP_VERB_RCPT] = {smtp_server_rcpt, MAIL | RCPT, false, false, "Give MAIL first"},
	[SMTP_VERB_DATA] = {smtp_server_data, READY | MAIL | RCPT, false, false,
		"BDAT and DATA do not go together"},
	[SMTP_VERB_BDAT] = {smtp_server_bdat, ANY, true, false, NULL},
	[SMTP_VERB_RSET] = {smtp_server_rset, ANY, false, true, NULL},
	[SMTP_VERB_NOOP] = {smtp_server_noop, ANY, true, true, NULL},
	[SMTP_VERB_QUIT] = {smtp_server_quit, ANY, true, false, NULL},
	[SMTP_VERB_VRFY] = {smtp_server_vrfy, ANY, false, true, NULL},
	[SMTP_VERB_EXPN] = {smtp_server_unimplemented, ANY, false, false, NULL},
	[SMTP_VERB_HELP] = {smtp_server_help, ANY, false, true, NULL},
	[SMTP_VERB_AUTH] = {smtp_server_unimplemented, ANY, false, false, NULL},
	[SMTP_VERB_ETRN] = {smtp_server_unimplemented, ANY, false, false, NULL},
	[SMTP_VERB_TURN] = {smtp_server_unimplemented, ANY, false, false, NULL},
	[SMTP_VERB_GET] = {smtp_server_foreign, ANY, true, false, NULL},
	[SMTP_VERB_POST] = {smtp_server_foreign, ANY, true, false, NULL},
	[SMTP_VERB_CONNECT] = {smtp_server_foreign, ANY, true, false, NULL},
};

bool smtp_server_command(struct smtp_server *s, struct str line, struct smtp_server_action *ret)
{
	struct smtp_command c;
	const struct row *row;

	if (!smtp_command_parse(line, &c)) {
		smtp_server_say(s, 500, "5.5.2", "Control characters are not allowed");
		return false;
	}
	row = &table[c.verb];
	if (row->is_idle && ++s->idle_commands > SMTP_SERVER_IDLE_COMMANDS)
		s->errors++;
	if (s->config->requires_tls && !s->is_tls && !row->before_tls) {
		smtp_server_say(s, 530, "5.7.0", "Must issue a STARTTLS command first");
		return false;
	}
	if ((row->states & (unsigned)s->state) == 0) {
		smtp_server_say(s, 503, "5.5.1",
			s->state == SMTP_SERVER_STATE_HELLO ? "Send EHLO first" : row->otherwise);
		return false;
	}
	return row->handler(s, c.argument, ret);
}

bool smtp_server_noop(struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	(void)argument;
	(void)ret;
	smtp_server_say(s, 250, "2.0.0", "Ok");
	return false;
}

bool smtp_server_quit(struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	if (argument.n > 0) {
		smtp_server_say(s, 501, "5.5.4", "Syntax: QUIT");
		return false;
	}
	smtp_server_close(s, SMTP_SERVER_FAULT(221, "2.0.0", "Bye"), ret);
	ret->fault = (struct smtp_fault){0};
	return true;
}

/* RFC 5321 3.5.3: nobody is told who has an address here. */
bool smtp_server_vrfy(struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	(void)ret;
	if (argument.n == 0)
		smtp_server_say(s, 501, "5.5.4", "Syntax: VRFY address");
	else
		smtp_server_say(s, 252, "2.0.0", "Not verified; send mail to find out");
	return false;
}

bool smtp_server_help(struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	(void)argument;
	(void)ret;
	smtp_server_say(s, 214, "2.0.0",
		"EHLO HELO STARTTLS MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP (RFC 5321)");
	return false;
}

bool smtp_server_unimplemented(
	struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	(void)argument;
	(void)ret;
	smtp_server_say(s, 502, "5.5.1", "Command not implemented");
	return false;
}

bool smtp_server_unknown(struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	(void)argument;
	(void)ret;
	smtp_server_say(s, 500, "5.5.2", "Command not recognized");
	return false;
}

/* A browser that was talked into speaking to us: the lines of its request are no commands. */
bool smtp_server_foreign(struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	(void)argument;
	return smtp_server_close(s, SMTP_SERVER_FAULT(521, "5.5.1", "This is an SMTP server"), ret);
}
