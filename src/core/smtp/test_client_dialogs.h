/* The dialogs that test_client.c plays. */
#ifndef SEALPOST_CORE_SMTP_TEST_CLIENT_DIALOGS_H
#define SEALPOST_CORE_SMTP_TEST_CLIENT_DIALOGS_H

#include "core/smtp/client.h"

#define GREETING "S: 220 mx.example ESMTP\nC: EHLO me.example\n"
#define BARE	 "S: 250 mx.example\n"
#define PIPED	 "S: 250-mx.example\nS: 250-SIZE 1000000\nS: 250-8BITMIME\nS: 250 PIPELINING\n"
#define CHUNKED	 "S: 250-mx.example\nS: 250-PIPELINING\nS: 250 CHUNKING\n"
#define BYE	 "C: QUIT\nS: 221 bye\n"

struct dialog {
	const char *name;
	const char *script; /* "S: " the server says, "C: " the client must have said before */
	const char *to;	    /* recipients, separated by commas; NULL: no transaction */
	const char *content;
	/* One character a recipient: A accepted, T temporary, P permanent, N no verdict; then the
	 * enhanced code and text of the first one, where given. */
	const char *want;
	const char *enhanced;
	const char *text;
	struct smtp_client_transaction mail;
	struct smtp_client_options options;
	bool starttls;
	bool twice; /* the same transaction again on the same connection */
	enum err lost;
	int lost_code;
	unsigned notify;
	const char *original;
};

static const struct dialog dialogs[] = {
	{
		.name = "plain server, one command at a time",
		.script =
			GREETING BARE "C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<x@y>\nS: 250 ok\n"
				      "C: DATA\nS: 354 go\nC: hi\nC: .\nS: 250 2.0.0 taken\n" BYE,
		.to = "x@y",
		.content = "hi\r\n",
		.want = "A",
		.enhanced = "2.0.0",
		.text = "250 2.0.0 taken",
	},
	{
		.name = "pipelining, 8-bit, size",
		.script = GREETING PIPED
		"C: MAIL FROM:<> SIZE=4 BODY=8BITMIME\nC: RCPT TO:<x@y>\nC: RCPT TO:<z@y>\nC: "
		"DATA\n"
		"S: 250 ok\nS: 250 ok\nS: 550 5.1.1 no\nS: 354 go\nC: hi\nC: .\nS: 250 ok\n" BYE,
		.to = "x@y,z@y",
		.content = "hi\r\n",
		.want = "AP",
		.mail = {.sender = "", .body = SMTP_CLIENT_8BITMIME, .size = 4},
	},
	{
		.name = "a trial ends behind RCPT",
		.script = GREETING BARE
		"C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<x@y>\nS: 250 yes\n"
		"C: RCPT TO:<z@y>\nS: 550 no\nC: RSET\nS: 250 ok\n" BYE,
		.to = "x@y,z@y",
		.want = "AP",
		.text = "250 yes",
		.mail = {.is_trial = true},
	},
	{
		.name = "a trial with pipelining, twice",
		.script = GREETING PIPED
		"C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nS: 250 ok\nS: 250 yes\nC: RSET\nS: 250 ok\n"
		"C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nS: 250 ok\nS: 250 yes\nC: RSET\nS: 250 "
		"ok\n" BYE,
		.to = "x@y",
		.want = "A",
		.mail = {.is_trial = true},
		.twice = true,
	},
	{
		.name = "a trial whose sender is refused has nothing to reset",
		.script = GREETING BARE "C: MAIL FROM:<a@b>\nS: 550 5.1.8 who\n" BYE,
		.to = "x@y",
		.want = "P",
		.enhanced = "5.1.8",
		.mail = {.is_trial = true},
	},
	{
		.name = "pipelined DATA accepted though nobody is left",
		.script = GREETING PIPED
		"C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nC: DATA\n"
		"S: 250 ok\nS: 450 4.2.1 later\nS: 354 go\nC: .\nS: 554 nobody\n" BYE,
		.to = "x@y",
		.want = "T",
		.enhanced = "4.2.1",
		.text = "450 4.2.1 later",
	},
	{
		.name = "sender refused",
		.script = GREETING PIPED "C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nC: DATA\n"
					 "S: 553 5.1.8 who\nS: 503 bad\nS: 503 bad\n" BYE,
		.to = "x@y",
		.want = "P",
		.enhanced = "5.1.8",
	},
	{
		.name = "all recipients refused, no DATA without pipelining",
		.script =
			GREETING BARE "C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<x@y>\nS: 550 no\n"
				      "C: RCPT TO:<z@y>\nS: 451 later\n" BYE,
		.to = "x@y,z@y",
		.want = "PT",
		.enhanced = "5.0.0",
	},
	{
		.name = "dots are doubled, bare line ends become CRLF, the last line is ended",
		.script = GREETING BARE
		"C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<x@y>\nS: 250 ok\n"
		"C: DATA\nS: 354 go\nC: ..\nC: a\nC: ..\nC: b\nC: ..c\nC: \nC: .\n"
		"S: 250 ok\n" BYE,
		.to = "x@y",
		.content = ".\r\na\n.\rb\r\n.c\r\r",
		.want = "A",
	},
	{
		.name = "chunks",
		.script = GREETING CHUNKED
		"C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nS: 250 ok\nS: 250 ok\n"
		"C: BDAT 4\nC: hi\nC: BDAT 3 LAST\nC: .\n"
		"S: 250 4 octets\nS: 250 taken\n" BYE,
		.to = "x@y",
		.content = "hi\r\n.\r\n",
		.want = "A",
	},
	{
		.name = "a chunk is refused",
		.script = GREETING CHUNKED
		"C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nS: 250 ok\nS: 250 ok\n"
		"C: BDAT 4\nC: hi\nC: BDAT 3 LAST\nC: .\n"
		"S: 552 5.2.3 too big\nS: 503 no\n" BYE,
		.to = "x@y",
		.content = "hi\r\n.\r\n",
		.want = "P",
		.enhanced = "5.2.3",
	},
	{
		.name = "chunks are not begun for nobody",
		.script = GREETING CHUNKED
		"C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nS: 250 ok\nS: 550 no\n" BYE,
		.to = "x@y",
		.want = "P",
	},
	{
		.name = "LMTP: a reply for each recipient that was accepted",
		.script = "S: 220 mail.example\nC: LHLO me.example\n" PIPED
			  "C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nC: RCPT TO:<n@y>\nC: RCPT "
			  "TO:<z@y>\nC: DATA\n"
			  "S: 250 ok\nS: 250 ok\nS: 550 no\nS: 250 ok\nS: 354 go\nC: hi\nC: .\n"
			  "S: 250 ok\nS: 452 4.2.2 full\n" BYE,
		.to = "x@y,n@y,z@y",
		.content = "hi\r\n",
		.want = "APT",
		.options = {.lmtp = true},
	},
	{
		.name = "LMTP: lost between the replies",
		.script = "S: 220 mail.example\nC: LHLO me.example\n" PIPED
			  "C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nC: RCPT TO:<z@y>\nC: DATA\n"
			  "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: hi\nC: .\n"
			  "S: 250 ok\nS: 421 4.3.2 going down\n",
		.to = "x@y,z@y",
		.content = "hi\r\n",
		.want = "AN",
		.options = {.lmtp = true},
		.lost = ERR_CLOSED,
		.lost_code = 421,
	},
	{
		.name = "STARTTLS, EHLO again, offers in clear forgotten",
		.script = GREETING "S: 250-mx.example\nS: 250-PIPELINING\nS: 250 STARTTLS\n"
				   "C: STARTTLS\nS: 220 go\nC: EHLO me.example\n" BARE
				   "C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<x@y>\nS: 250 ok\n"
				   "C: DATA\nS: 354 go\nC: .\nS: 250 ok\n" BYE,
		.to = "x@y",
		.want = "A",
		.starttls = true,
	},
	{
		.name = "STARTTLS refused",
		.script = GREETING "S: 250-mx.example\nS: 250 STARTTLS\n"
				   "C: STARTTLS\nS: 454 4.7.0 no entropy\n" BYE,
		.starttls = true,
	},
	{
		.name = "HELO where it is allowed",
		.script = GREETING "S: 502 what\nC: HELO me.example\nS: 250 old.example\n" BYE,
		.options = {.allow_helo = true},
	},
	{
		.name = "HELO where it is not allowed",
		.script = GREETING "S: 502 what\n",
		.lost = ERR_CLOSED,
		.lost_code = 502,
	},
	{
		.name = "greeting of a host that takes no mail",
		.script = "S: 521 5.3.2 no mail here\n",
		.lost = ERR_CLOSED,
		.lost_code = 521,
	},
	{
		.name = "not SMTP at all",
		.script = "S: HTTP/1.0 400 Bad\n",
		.lost = ERR_SYNTAX,
	},
	{
		.name = "421 in the middle of the envelope",
		.script = GREETING PIPED
		"C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nC: RCPT TO:<z@y>\nC: DATA\n"
		"S: 250 ok\nS: 550 no\nS: 421 bye\n",
		.to = "x@y,z@y",
		.want = "PN",
		.lost = ERR_CLOSED,
		.lost_code = 421,
	},
	{
		.name = "8-bit content where it cannot go",
		.script = GREETING BARE BYE,
		.to = "x@y,z@y",
		.want = "PP",
		.enhanced = "5.6.3",
		.mail = {.body = SMTP_CLIENT_8BITMIME},
	},
	{
		.name = "binary content needs CHUNKING too",
		.script = GREETING "S: 250-mx.example\nS: 250-8BITMIME\nS: 250 BINARYMIME\n" BYE,
		.to = "x@y",
		.want = "P",
		.enhanced = "5.6.3",
		.mail = {.body = SMTP_CLIENT_BINARYMIME},
	},
	{
		.name = "SMTPUTF8 where it cannot go",
		.script = GREETING PIPED BYE,
		.to = "x@y",
		.want = "P",
		.enhanced = "5.6.7",
		.mail = {.smtputf8 = true},
	},
	{
		.name = "larger than the server takes",
		.script = GREETING PIPED BYE,
		.to = "x@y",
		.want = "P",
		.enhanced = "5.3.4",
		.mail = {.size = 1000001},
	},
	{
		.name = "an address cannot end a command",
		.script = GREETING PIPED "C: MAIL FROM:<a@b>\nC: RCPT TO:<\"a b>\"@y>\nC: DATA\n"
					 "S: 250 ok\nS: 250 ok\nS: 354 go\nC: .\nS: 250 ok\n" BYE,
		.to = "x> SIZE=1@y,\"a b>\"@y,x\r\nRSET@y,\"x@y,\xc3\xa4@y",
		.want = "PAPPP",
		.enhanced = "5.1.3",
	},
	{
		.name = "DSN",
		.script = GREETING
		"S: 250-mx.example\nS: 250 DSN\n"
		"C: MAIL FROM:<a@b> RET=HDRS ENVID=Q+2B1\nS: 250 ok\n"
		"C: RCPT TO:<x@y> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o@y\nS: 250 ok\n"
		"C: DATA\nS: 354 go\nC: .\nS: 250 ok\n" BYE,
		.to = "x@y",
		.want = "A",
		.mail = {.ret = SMTP_CLIENT_RET_HEADERS, .envelope_id = "Q+2B1"},
		.notify = SMTP_CLIENT_SUCCESS | SMTP_CLIENT_DELAY,
		.original = "rfc822;o@y",
	},
	{
		.name = "no DSN parameters where it is not offered",
		.script =
			GREETING BARE "C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<x@y>\nS: 250 ok\n"
				      "C: DATA\nS: 354 go\nC: .\nS: 250 ok\n" BYE,
		.to = "x@y",
		.want = "A",
		.mail = {.ret = SMTP_CLIENT_RET_FULL, .envelope_id = "Q"},
		.notify = SMTP_CLIENT_NEVER,
		.original = "rfc822;o@y",
	},
	{
		.name = "two transactions, the first one complete",
		.script = GREETING PIPED "C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nC: DATA\n"
					 "S: 250 ok\nS: 250 ok\nS: 354 go\nC: .\nS: 250 ok\n"
					 "C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nC: DATA\n"
					 "S: 250 ok\nS: 250 ok\nS: 354 go\nC: .\nS: 250 ok\n" BYE,
		.to = "x@y",
		.want = "A",
		.twice = true,
	},
	{
		.name = "RSET before the next one when an envelope was left behind",
		.script = GREETING PIPED
		"C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nC: DATA\n"
		"S: 250 ok\nS: 550 no\nS: 554 nobody\n"
		"C: RSET\nC: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nC: DATA\n"
		"S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nC: .\nS: 250 ok\n" BYE,
		.to = "x@y",
		.want = "A",
		.twice = true,
	},
	{
		.name = "552 at RCPT means too many",
		.script = GREETING PIPED
		"C: MAIL FROM:<a@b>\nC: RCPT TO:<x@y>\nC: RCPT TO:<z@y>\nC: DATA\n"
		"S: 250 ok\nS: 552 too many\nS: 552 5.2.2 full\nS: 554 no\n" BYE,
		.to = "x@y,z@y",
		.want = "TP",
		.enhanced = "4.5.3",
	},
};

#endif
