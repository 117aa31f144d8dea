#include "core/smtp/client_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { OUT_MAX = 1024 * 1024, MINUTE_MS = 60 * 1000 };

typedef void on_reply(struct smtp_client *c, const struct smtp_client_awaited *awaited,
	const struct smtp_reply *reply);

static on_reply on_greeting, on_ehlo, on_helo, on_starttls, on_quit;

/* The commands: what their replies do, and how long they may take (RFC 5321 4.5.3.2; EHLO and
 * STARTTLS, which it does not mention, as MAIL). */
static const struct {
	const char *name;
	int64_t timeout_ms;
	on_reply *handle;
} commands[SMTP_CLIENT_COMMAND_MAX] = {
	[SMTP_CLIENT_GREETING] = {"greeting", 5 * MINUTE_MS, on_greeting},
	[SMTP_CLIENT_EHLO] = {"EHLO", 5 * MINUTE_MS, on_ehlo},
	[SMTP_CLIENT_HELO] = {"HELO", 5 * MINUTE_MS, on_helo},
	[SMTP_CLIENT_TLS] = {"STARTTLS", 5 * MINUTE_MS, on_starttls},
	[SMTP_CLIENT_RSET] = {"RSET", 5 * MINUTE_MS, smtp_client_mail_reply},
	[SMTP_CLIENT_MAIL] = {"MAIL", 5 * MINUTE_MS, smtp_client_mail_reply},
	[SMTP_CLIENT_RCPT] = {"RCPT", 5 * MINUTE_MS, smtp_client_mail_reply},
	[SMTP_CLIENT_DATA] = {"DATA", 2 * MINUTE_MS, smtp_client_mail_reply},
	[SMTP_CLIENT_CHUNK] = {"BDAT", 3 * MINUTE_MS, smtp_client_mail_reply},
	[SMTP_CLIENT_END] = {"end of data", 10 * MINUTE_MS, smtp_client_mail_reply},
	[SMTP_CLIENT_NO_END] = {"end of data", 10 * MINUTE_MS, smtp_client_mail_reply},
	[SMTP_CLIENT_QUIT] = {"QUIT", 10 * 1000, on_quit},
};

enum { BLOCK_MS = 3 * MINUTE_MS };

void smtp_client_set_state(struct smtp_client *c, enum smtp_client_state state)
{
	/* From where each state may be entered. */
	static const unsigned from[SMTP_CLIENT_STATE_MAX] = {
		[SMTP_CLIENT_STATE_HELLO] = 1u << SMTP_CLIENT_STATE_HANDSHAKE,
		[SMTP_CLIENT_STATE_STARTTLS] = 1u << SMTP_CLIENT_STATE_IDLE,
		[SMTP_CLIENT_STATE_HANDSHAKE] = 1u << SMTP_CLIENT_STATE_STARTTLS,
		[SMTP_CLIENT_STATE_IDLE] = 1u << SMTP_CLIENT_STATE_HELLO |
					   1u << SMTP_CLIENT_STATE_STARTTLS |
					   1u << SMTP_CLIENT_STATE_MAIL,
		[SMTP_CLIENT_STATE_MAIL] = 1u << SMTP_CLIENT_STATE_IDLE,
		[SMTP_CLIENT_STATE_QUIT] = 1u << SMTP_CLIENT_STATE_IDLE,
		[SMTP_CLIENT_STATE_DEAD] = ~0u,
	};

	assert(from[state] & 1u << c->state);
	c->state = state;
}

void smtp_client_emit(struct smtp_client *c, enum smtp_client_event event)
{
	c->events |= 1u << event;
}

/* ---- replies awaited ------------------------------------------------------------------------- */

void smtp_client_await(struct smtp_client *c, enum smtp_client_command command, size_t index)
{
	if (c->awaited_from == c->awaited_to)
		c->awaited_from = c->awaited_to = 0;
	if (c->awaited_to == c->awaited_size) {
		c->awaited_size = c->awaited_size > 0 ? c->awaited_size * 2 : 16;
		c->awaited = mem_resize(c->awaited, c->awaited_size, sizeof(*c->awaited));
	}
	c->awaited[c->awaited_to++] = (struct smtp_client_awaited){command, index};
}

bool smtp_client_awaits_none(const struct smtp_client *c)
{
	return c->awaited_from == c->awaited_to;
}

const char *smtp_client_stage(const struct smtp_client *c)
{
	if (c->state == SMTP_CLIENT_STATE_MAIL && c->step == SMTP_CLIENT_STEP_CONTENT)
		return "content";
	if (c->state == SMTP_CLIENT_STATE_HANDSHAKE)
		return "handshake";
	if (smtp_client_awaits_none(c))
		return "nothing";
	return commands[c->awaited[c->awaited_from].command].name;
}

int64_t smtp_client_timeout_ms(const struct smtp_client *c)
{
	bool sending = buf_length(&c->out) > 0;

	if (c->state == SMTP_CLIENT_STATE_DEAD || c->state == SMTP_CLIENT_STATE_HANDSHAKE)
		return 0;
	if (c->state == SMTP_CLIENT_STATE_MAIL && c->step >= SMTP_CLIENT_STEP_CONTENT && sending)
		return BLOCK_MS;
	if (smtp_client_awaits_none(c))
		return sending ? BLOCK_MS : 0;
	return commands[c->awaited[c->awaited_from].command].timeout_ms;
}

/* ---- losing the connection ------------------------------------------------------------------- */

static void set_failure(struct smtp_client *c, enum err error, const struct smtp_reply *reply)
{
	c->failure = (struct smtp_client_failure){.error = error};
	if (reply == NULL)
		return;
	c->failure.code = reply->code;
	memcpy(c->failure.enhanced, reply->enhanced, sizeof(reply->enhanced));
	smtp_reply_show(reply, c->failure.text);
}

static void die(struct smtp_client *c, const char *stage)
{
	c->failure.stage = stage;
	if (c->state == SMTP_CLIENT_STATE_MAIL)
		smtp_client_mail_lost(c);
	smtp_client_set_state(c, SMTP_CLIENT_STATE_DEAD);
	buf_clear(&c->out);
	c->awaited_from = c->awaited_to = 0;
	smtp_client_emit(c, SMTP_CLIENT_LOST);
}

void smtp_client_lose_by_reply(
	struct smtp_client *c, const struct smtp_reply *reply, const char *stage)
{
	if (c->state == SMTP_CLIENT_STATE_DEAD)
		return;
	set_failure(c, ERR_CLOSED, reply);
	die(c, stage);
}

void smtp_client_lose(struct smtp_client *c, enum err error, const char *stage, const char *text)
{
	if (c->state == SMTP_CLIENT_STATE_DEAD)
		return;
	set_failure(c, error, NULL);
	snprintf(c->failure.text, sizeof(c->failure.text), "%s", text);
	die(c, stage);
}

void smtp_client_fail(struct smtp_client *c, enum err error, const char *text)
{
	char words[SMTP_REPLY_SHOWN];
	const char *stage = smtp_client_stage(c);

	if (c->state == SMTP_CLIENT_STATE_QUIT) {
		smtp_client_set_state(c, SMTP_CLIENT_STATE_DEAD);
		smtp_client_emit(c, SMTP_CLIENT_BYE);
		return;
	}
	snprintf(words, sizeof(words), "%s (%s)", text, stage);
	smtp_client_lose(c, error, stage, words);
}

void smtp_client_closed(struct smtp_client *c)
{
	smtp_client_fail(c, ERR_CLOSED, "the server closed the connection");
}

/* ---- greeting, EHLO, STARTTLS, QUIT ---------------------------------------------------------- */

static void say_hello(struct smtp_client *c, enum smtp_client_command command)
{
	const char *verb = command == SMTP_CLIENT_HELO ? "HELO" : c->options.lmtp ? "LHLO" : "EHLO";

	buf_format(&c->out, "%s %s\r\n", verb, c->options.hello);
	smtp_client_await(c, command, 0);
}

static void first_word(struct str text, char ret[256])
{
	struct str word = str_cut(&text, '\n');

	word = str_trim(word);
	word = str_cut(&word, ' ');
	snprintf(ret, 256, "%.*s", STR_ARGS(str_part(word, 0, 255)));
}

static void on_greeting(struct smtp_client *c, const struct smtp_client_awaited *awaited,
	const struct smtp_reply *reply)
{
	(void)awaited;
	if (reply->code / 100 != 2) {
		smtp_client_lose_by_reply(c, reply, "greeting");
		return;
	}
	first_word(reply->text, c->offers.greeted);
	say_hello(c, SMTP_CLIENT_EHLO);
}

static void offer(struct smtp_client_offers *o, struct str line)
{
	struct str keyword = str_cut(&line, ' ');
	const struct {
		const char *keyword;
		bool *flag;
	} table[] = {
		{"STARTTLS", &o->starttls},
		{"PIPELINING", &o->pipelining},
		{"CHUNKING", &o->chunking},
		{"BINARYMIME", &o->binarymime},
		{"8BITMIME", &o->mime8bit},
		{"SMTPUTF8", &o->smtputf8},
		{"DSN", &o->dsn},
		{"SIZE", &o->size},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
		if (str_is_nocase(keyword, table[i].keyword))
			*table[i].flag = true;
	if (str_is_nocase(keyword, "SIZE")) {
		uint64_t limit;

		if (str_to_u64(str_trim(line), &limit) && limit < INT64_MAX)
			o->size_limit = (int64_t)limit;
	}
}

static void parse_offers(struct smtp_client *c, struct str text)
{
	char greeted[sizeof(c->offers.greeted)];

	memcpy(greeted, c->offers.greeted, sizeof(greeted));
	c->offers = (struct smtp_client_offers){.esmtp = true};
	memcpy(c->offers.greeted, greeted, sizeof(greeted));
	first_word(text, c->offers.name);
	(void)str_cut(&text, '\n');
	while (text.n > 0)
		offer(&c->offers, str_cut(&text, '\n'));
	if (c->options.no_chunking)
		c->offers.chunking = false;
	if (c->options.no_pipelining)
		c->offers.pipelining = false;
}

static void on_ehlo(struct smtp_client *c, const struct smtp_client_awaited *awaited,
	const struct smtp_reply *reply)
{
	(void)awaited;
	if (reply->code / 100 == 2) {
		parse_offers(c, reply->text);
		smtp_client_set_state(c, SMTP_CLIENT_STATE_IDLE);
		smtp_client_emit(c, SMTP_CLIENT_READY);
	} else if (reply->code / 100 == 5 && c->options.allow_helo && !c->options.lmtp) {
		say_hello(c, SMTP_CLIENT_HELO);
	} else {
		smtp_client_lose_by_reply(c, reply, "EHLO");
	}
}

static void on_helo(struct smtp_client *c, const struct smtp_client_awaited *awaited,
	const struct smtp_reply *reply)
{
	(void)awaited;
	if (reply->code / 100 != 2) {
		smtp_client_lose_by_reply(c, reply, "HELO");
		return;
	}
	first_word(reply->text, c->offers.name);
	smtp_client_set_state(c, SMTP_CLIENT_STATE_IDLE);
	smtp_client_emit(c, SMTP_CLIENT_READY);
}

static void on_starttls(struct smtp_client *c, const struct smtp_client_awaited *awaited,
	const struct smtp_reply *reply)
{
	(void)awaited;
	if (reply->code == 220) {
		smtp_client_set_state(c, SMTP_CLIENT_STATE_HANDSHAKE);
		smtp_client_emit(c, SMTP_CLIENT_STARTTLS);
	} else if (reply->code >= 400) {
		set_failure(c, ERR_REFUSED, reply);
		c->failure.stage = "STARTTLS";
		smtp_client_set_state(c, SMTP_CLIENT_STATE_IDLE);
		smtp_client_emit(c, SMTP_CLIENT_STARTTLS_REFUSED);
	} else {
		smtp_client_lose_by_reply(c, reply, "STARTTLS");
	}
}

static void on_quit(struct smtp_client *c, const struct smtp_client_awaited *awaited,
	const struct smtp_reply *reply)
{
	(void)awaited;
	(void)reply;
	smtp_client_set_state(c, SMTP_CLIENT_STATE_DEAD);
	smtp_client_emit(c, SMTP_CLIENT_BYE);
}

void smtp_client_starttls(struct smtp_client *c)
{
	if (!smtp_client_is_idle(c))
		return;
	smtp_client_set_state(c, SMTP_CLIENT_STATE_STARTTLS);
	buf_put_text(&c->out, "STARTTLS\r\n");
	smtp_client_await(c, SMTP_CLIENT_TLS, 0);
}

void smtp_client_secured(struct smtp_client *c)
{
	if (c->state != SMTP_CLIENT_STATE_HANDSHAKE)
		return;
	c->offers = (struct smtp_client_offers){0};
	smtp_reply_clear(&c->reader);
	/* A server that did ESMTP in clear text does it now; HELO would hide a defect. */
	c->options.allow_helo = false;
	smtp_client_set_state(c, SMTP_CLIENT_STATE_HELLO);
	say_hello(c, SMTP_CLIENT_EHLO);
}

void smtp_client_quit(struct smtp_client *c)
{
	if (!smtp_client_is_idle(c)) {
		smtp_client_lose(c, ERR_CLOSED, smtp_client_stage(c), "given up");
		return;
	}
	smtp_client_set_state(c, SMTP_CLIENT_STATE_QUIT);
	buf_put_text(&c->out, "QUIT\r\n");
	smtp_client_await(c, SMTP_CLIENT_QUIT, 0);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static void take_reply(struct smtp_client *c, const struct smtp_reply *reply)
{
	struct smtp_client_awaited awaited;

	/* 421 means goodbye, whatever it seems to answer (RFC 5321 3.8). */
	if (reply->code == 421 && c->state != SMTP_CLIENT_STATE_QUIT) {
		smtp_client_lose_by_reply(c, reply, smtp_client_stage(c));
		return;
	}
	if (smtp_client_awaits_none(c)) {
		smtp_client_lose_by_reply(c, reply, smtp_client_stage(c));
		return;
	}
	awaited = c->awaited[c->awaited_from++];
	commands[awaited.command].handle(c, &awaited, reply);
	if (c->state == SMTP_CLIENT_STATE_MAIL)
		smtp_client_mail_pump(c);
}

void smtp_client_feed(struct smtp_client *c, struct str bytes)
{
	while (bytes.n > 0 && c->state != SMTP_CLIENT_STATE_DEAD) {
		struct smtp_reply reply;
		enum err e;

		if (c->state == SMTP_CLIENT_STATE_HANDSHAKE) {
			c->discarded += bytes.n;
			return;
		}
		e = smtp_reply_feed(&c->reader, &bytes, &reply);
		if (e == ERR_AGAIN)
			return;
		if (e == ERR_OK)
			take_reply(c, &reply);
		else
			smtp_client_fail(c, e, "the server's reply is not SMTP");
	}
}

struct str smtp_client_output(const struct smtp_client *c)
{
	return buf_str(&c->out);
}

void smtp_client_sent(struct smtp_client *c, size_t n)
{
	buf_take(&c->out, n);
	if (c->state == SMTP_CLIENT_STATE_MAIL)
		smtp_client_mail_pump(c);
}

enum smtp_client_event smtp_client_next(struct smtp_client *c)
{
	for (unsigned event = SMTP_CLIENT_READY; event <= SMTP_CLIENT_BYE; event++) {
		if (c->events & 1u << event) {
			c->events &= ~(1u << event);
			return (enum smtp_client_event)event;
		}
	}
	return SMTP_CLIENT_NOTHING;
}

/* ---- the session ----------------------------------------------------------------------------- */

struct smtp_client *smtp_client_new(const struct smtp_client_options *options)
{
	struct smtp_client *c = mem_new(sizeof(*c));

	c->options = *options;
	c->options.hello = mem_text(options->hello);
	c->arena = arena_new();
	buf_init(&c->out, OUT_MAX);
	smtp_reply_init(&c->reader);
	smtp_client_await(c, SMTP_CLIENT_GREETING, 0);
	return c;
}

void smtp_client_free(struct smtp_client **client)
{
	struct smtp_client *c = *client;

	if (c == NULL)
		return;
	smtp_reply_free(&c->reader);
	buf_free(&c->out);
	arena_free(&c->arena);
	free(c->awaited);
	free((void *)c->options.hello);
	free(c);
	*client = NULL;
}

const struct smtp_client_offers *smtp_client_offers(const struct smtp_client *c)
{
	return &c->offers;
}

const struct smtp_client_failure *smtp_client_failure(const struct smtp_client *c)
{
	return &c->failure;
}

bool smtp_client_is_idle(const struct smtp_client *c)
{
	return c->state == SMTP_CLIENT_STATE_IDLE;
}

size_t smtp_client_discarded(const struct smtp_client *c)
{
	return c->discarded;
}
