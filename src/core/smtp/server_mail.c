/* MAIL, RCPT, RSET: the envelope. */
#include "core/smtp/server_internal.h"

bool smtp_server_mail(struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	struct smtp_fault fault;

	if (s->is_draining)
		return smtp_server_close(
			s, SMTP_SERVER_FAULT(421, "4.3.2", "Shutting down, try again soon"), ret);
	if (s->mails >= s->config->messages_max)
		return smtp_server_close(s,
			SMTP_SERVER_FAULT(421, "4.7.0", "Too many messages in one session"), ret);
	if (!smtp_params_parse_mail(argument, &ret->mail, &fault)) {
		smtp_server_say_fault(s, fault);
		return false;
	}
	if (ret->mail.has_size && ret->mail.size > s->config->message_max) {
		smtp_server_say(s, 552, "5.3.4", "Message is larger than the limit");
		return false;
	}
	s->smtputf8 = ret->mail.smtputf8;
	return smtp_server_ask(s, SMTP_SERVER_MAIL, ret);
}

bool smtp_server_rcpt(struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	struct smtp_fault fault;

	if (!smtp_params_parse_rcpt(argument, s->smtputf8, &ret->rcpt, &fault)) {
		smtp_server_say_fault(s, fault);
		s->refused_all = s->recipients == 0;
		return false;
	}
	if (s->recipients >= s->config->recipients_max) {
		/* RFC 5321 4.5.3.1.10 */
		smtp_server_say(s, 452, "4.5.3", "Too many recipients");
		return false;
	}
	return smtp_server_ask(s, SMTP_SERVER_RCPT, ret);
}

bool smtp_server_rset(struct smtp_server *s, struct str argument, struct smtp_server_action *ret)
{
	if (argument.n > 0) {
		smtp_server_say(s, 501, "5.5.4", "Syntax: RSET");
		return false;
	}
	smtp_server_say(s, 250, "2.0.0", "Ok");
	return smtp_server_drop(s, (struct smtp_fault){0}, ret);
}
