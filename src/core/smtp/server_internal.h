/* What the files of the server's session machine share. */
#ifndef SEALPOST_CORE_SMTP_SERVER_INTERNAL_H
#define SEALPOST_CORE_SMTP_SERVER_INTERNAL_H

#include "core/smtp/content.h"
#include "core/smtp/server.h"

/* Where a session stands between commands. */
enum smtp_server_state {
	SMTP_SERVER_STATE_HELLO = 1 << 0, /* EHLO is awaited */
	SMTP_SERVER_STATE_READY = 1 << 1,
	SMTP_SERVER_STATE_MAIL = 1 << 2, /* a sender was accepted */
	SMTP_SERVER_STATE_RCPT = 1 << 3, /* and a recipient */
	SMTP_SERVER_STATE_BDAT = 1 << 4, /* and at least one chunk, not the last */
};

/* What incoming bytes are. */
enum smtp_server_mode {
	SMTP_SERVER_MODE_LINES,
	SMTP_SERVER_MODE_DATA,
	SMTP_SERVER_MODE_CHUNK,
};

struct smtp_server {
	const struct smtp_server_config *config;
	enum smtp_server_state state;
	enum smtp_server_mode mode;
	enum smtp_server_action_type waiting; /* meaningful while is_waiting */
	bool is_waiting;
	bool is_greeted;
	bool is_tls;
	bool is_early;
	bool is_draining;
	bool is_closing;
	bool close_told;
	bool has_more;	  /* bytes lie behind the command line that is being run */
	bool smtputf8;	  /* of the transaction */
	bool refused_all; /* recipients were given, none accepted so far */
	bool line_too_long;
	bool line_done; /* what is kept in line was a whole one, and was handled */
	bool is_last_chunk;
	bool is_eight_bit;
	bool is_binary_begin; /* BEGIN was asked for BDAT, not DATA */
	struct smtp_content content;
	struct smtp_fault fault; /* code != 0: content is taken and forgotten */
	uint64_t chunk_left, chunk_size;
	uint64_t content_size;
	uint64_t recipients, mails, messages, errors;
	unsigned idle_commands;
	struct buf line, out;
};

/* A handler of a command; true: *ret is an action. */
typedef bool smtp_server_handler(
	struct smtp_server *server, struct str argument, struct smtp_server_action *ret);

smtp_server_handler smtp_server_ehlo, smtp_server_helo, smtp_server_starttls, smtp_server_mail,
	smtp_server_rcpt, smtp_server_data, smtp_server_bdat, smtp_server_rset, smtp_server_noop,
	smtp_server_quit, smtp_server_vrfy, smtp_server_help, smtp_server_foreign,
	smtp_server_unimplemented, smtp_server_unknown;

/* Run one command line through the table. */
bool smtp_server_command(
	struct smtp_server *server, struct str line, struct smtp_server_action *ret);
/* Content in either mode; true: *ret is an action. */
bool smtp_server_content(
	struct smtp_server *server, struct str *input, struct smtp_server_action *ret);
/* The answers to BEGIN and END. */
void smtp_server_content_begin(struct smtp_server *server);
void smtp_server_content_refused(
	struct smtp_server *server, int code, const char *enhanced, const char *text);
void smtp_server_content_ended(struct smtp_server *server, int code);

/* Append a reply of one line. */
void smtp_server_say(struct smtp_server *server, int code, const char *enhanced, const char *text);
void smtp_server_say_fault(struct smtp_server *server, struct smtp_fault fault);
/* Say it and close; input is forgotten. */
bool smtp_server_close(
	struct smtp_server *server, struct smtp_fault fault, struct smtp_server_action *ret);
/* Back to READY; true, with a RESET in *ret, when the caller had a transaction. */
bool smtp_server_drop(
	struct smtp_server *server, struct smtp_fault fault, struct smtp_server_action *ret);
/* Ask the caller. */
bool smtp_server_ask(struct smtp_server *server, enum smtp_server_action_type type,
	struct smtp_server_action *ret);
/* The transaction is over: forget it, and leave if that was waited for. */
void smtp_server_over(struct smtp_server *server);

#define SMTP_SERVER_FAULT(c, e, t) ((struct smtp_fault){.code = (c), .enhanced = (e), .text = (t)})

#endif
