/* Inside of the client machine, shared by its source files only. */
#ifndef SEALPOST_CORE_SMTP_CLIENT_INSIDE_H
#define SEALPOST_CORE_SMTP_CLIENT_INSIDE_H

#include "core/smtp/client.h"

enum smtp_client_state {
	SMTP_CLIENT_STATE_HELLO,     /* greeting, EHLO, HELO */
	SMTP_CLIENT_STATE_STARTTLS,  /* STARTTLS was sent */
	SMTP_CLIENT_STATE_HANDSHAKE, /* waits for smtp_client_secured() */
	SMTP_CLIENT_STATE_IDLE,
	SMTP_CLIENT_STATE_MAIL, /* a transaction */
	SMTP_CLIENT_STATE_QUIT,
	SMTP_CLIENT_STATE_DEAD,
	SMTP_CLIENT_STATE_MAX,
};

/* What a reply is awaited for. */
enum smtp_client_command {
	SMTP_CLIENT_GREETING,
	SMTP_CLIENT_EHLO,
	SMTP_CLIENT_HELO,
	SMTP_CLIENT_TLS,
	SMTP_CLIENT_RSET,
	SMTP_CLIENT_MAIL,
	SMTP_CLIENT_RCPT, /* index: recipient */
	SMTP_CLIENT_DATA,
	SMTP_CLIENT_CHUNK,  /* BDAT without LAST */
	SMTP_CLIENT_END,    /* index: recipient (LMTP) */
	SMTP_CLIENT_NO_END, /* "." for a message that nobody gets */
	SMTP_CLIENT_QUIT,
	SMTP_CLIENT_COMMAND_MAX,
};

/* How far a transaction has come. */
enum smtp_client_step {
	SMTP_CLIENT_STEP_RSET,
	SMTP_CLIENT_STEP_MAIL,
	SMTP_CLIENT_STEP_RCPT,
	SMTP_CLIENT_STEP_DATA,
	SMTP_CLIENT_STEP_OFFERED, /* DATA was sent */
	SMTP_CLIENT_STEP_CONTENT,
	SMTP_CLIENT_STEP_END,  /* all was given; replies are awaited */
	SMTP_CLIENT_STEP_OVER, /* no content will follow; replies are awaited */
};

struct smtp_client_awaited {
	enum smtp_client_command command;
	size_t index;
};

struct smtp_client {
	struct smtp_client_options options;
	enum smtp_client_state state;
	unsigned events; /* bits 1 << enum smtp_client_event, lowest first */
	struct smtp_client_offers offers;
	struct smtp_client_failure failure;
	struct smtp_reply_reader reader;
	struct buf out;
	size_t discarded;

	struct smtp_client_awaited *awaited; /* commands sent, in order */
	size_t awaited_from, awaited_to, awaited_size;

	/* the transaction */
	const struct smtp_client_transaction *mail;
	struct smtp_client_outcome *outcomes;
	size_t outcome_count;
	struct arena *arena; /* texts of outcomes */
	enum smtp_client_step step;
	size_t next;	 /* recipient whose RCPT is sent next */
	size_t accepted; /* recipients that RCPT accepted and nothing refused since */
	bool mail_failed;
	bool needs_reset; /* the server may still hold an envelope of ours */
	bool uses_bdat;
	bool at_line_start, after_cr; /* dot-stuffing */
};

/* client.c */
void smtp_client_set_state(struct smtp_client *c, enum smtp_client_state state);
void smtp_client_emit(struct smtp_client *c, enum smtp_client_event event);
void smtp_client_await(struct smtp_client *c, enum smtp_client_command command, size_t index);
bool smtp_client_awaits_none(const struct smtp_client *c);
/* The connection is lost: by a reply, or by ERROR and TEXT. */
void smtp_client_lose_by_reply(
	struct smtp_client *c, const struct smtp_reply *reply, const char *stage);
void smtp_client_lose(struct smtp_client *c, enum err error, const char *stage, const char *text);

/* client_mail.c: the transaction */
void smtp_client_mail_pump(struct smtp_client *c);
void smtp_client_mail_reply(struct smtp_client *c, const struct smtp_client_awaited *awaited,
	const struct smtp_reply *reply);
/* Give all that have no outcome yet NO_VERDICT, and end the transaction. */
void smtp_client_mail_lost(struct smtp_client *c);

#endif
