/*
 * Whole dialogs, tests/dialogs/NAME.smtp: each is played whole (everything pipelined as far as TLS
 * allows), byte by byte, and cut at random places; the replies must be the same.
 *
 *     # comment             ! setting [value]
 *     C: line from the client (CR LF is added)       C> the same without
 *     L: a line of that length                       R: n times a line, and its 250
 *     S: reply that must come; "*" at the end: any more
 *     A: answer to the next RCPT    B: answer to the next BEGIN    (behind them all is accepted)
 *     M: content of the last message that was accepted so far
 *     X: closed | tls
 * Escapes: \r \n \\ \xHH.
 */
#include "core/smtp/server.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MAX_SCRIPT = 65536, MAX_STEPS = 512 };

struct step {
	char kind;	 /* 'C', 'S', 'A', 'B', 'M', 'X' */
	struct buf text; /* unescaped */
};

struct dialog {
	struct smtp_server_config config;
	bool is_whole;
	struct step steps[MAX_STEPS];
	size_t count;
};

struct run {
	const struct dialog *dialog;
	struct smtp_server *server;
	struct buf input, output, content, messages;
	size_t next_rcpt, next_begin; /* answers used up to here */
	bool is_closed, is_open;
	unsigned random, mode;
};

static const char *directory;

static unsigned hex(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

static void unescape(const char *from, struct buf *to)
{
	for (; *from != '\0'; from++) {
		char c = *from;

		if (c == '\\') {
			c = *++from;
			if (c == 'r')
				c = '\r';
			else if (c == 'n')
				c = '\n';
			else if (c == 'x') {
				c = (char)(hex(from[1]) * 16 + hex(from[2]));
				from += 2;
			}
		}
		buf_put_byte(to, c);
	}
}

static struct step *add_step(struct dialog *d, char kind)
{
	struct step *s = &d->steps[d->count++];

	assert_true(d->count <= MAX_STEPS);
	s->kind = kind;
	buf_init(&s->text, MAX_SCRIPT);
	return s;
}

static void set(struct dialog *d, const char *line)
{
	unsigned number = 0;

	if (sscanf(line, "errors %u", &number) == 1)
		d->config.errors_max = number;
	else if (sscanf(line, "size %u", &number) == 1)
		d->config.message_max = number;
	else if (strcmp(line, "normalise") == 0)
		d->config.bare_newline = MODEL_BARE_NORMALISE;
	else if (strcmp(line, "requires-tls") == 0)
		d->config.requires_tls = true;
	else if (strcmp(line, "no-tls") == 0)
		d->config.offers_tls = false;
	else if (strcmp(line, "early") == 0)
		d->config.refuses_early = true;
	else if (strcmp(line, "whole") == 0)
		d->is_whole = true;
	else
		fail_msg("unknown setting %s", line);
}

static void add_repeated(struct dialog *d, const char *line)
{
	unsigned times = 0;
	char what[64];

	assert_int_equal(sscanf(line, "%u %60s", &times, what), 2);
	for (unsigned i = 0; i < times; i++) {
		buf_format(&add_step(d, 'C')->text, "%s\r\n", what);
		buf_put_text(&add_step(d, 'S')->text, "250 *");
	}
}

static void add_line(struct dialog *d, char *line)
{
	const char *text = strlen(line) > 3 ? line + 3 : "";
	struct step *s;

	if (line[0] == '#' || line[0] == '\0')
		return;
	if (line[0] == '!') {
		set(d, line + 2);
		return;
	}
	if (line[0] == 'R') {
		add_repeated(d, text);
		return;
	}
	assert_non_null(strchr("CSABMXL", line[0]));
	s = add_step(d, line[0] == 'L' ? 'C' : line[0]);
	if (line[0] == 'L')
		for (int i = 0; i < (int)strtol(text, NULL, 10); i++)
			buf_put_byte(&s->text, 'x');
	else
		unescape(text, &s->text);
	if (s->kind == 'C' && line[1] == ':')
		buf_put_text(&s->text, "\r\n");
}

static void load(const char *name, struct dialog *d)
{
	char path[4096], line[8192];
	FILE *file;

	*d = (struct dialog){.config = {.hostname = "mx.contoso.example",
				     .offers_tls = true,
				     .message_max = 1000,
				     .recipients_max = 3,
				     .messages_max = 3,
				     .errors_max = 10}};
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		add_line(d, line);
	}
	fclose(file);
	assert_true(d->count > 1);
}

/* Answer with what the dialog has for the next question of that kind, or ACCEPT. */
static bool scripted(struct run *r, char kind, size_t *position)
{
	for (; *position < r->dialog->count; ++*position) {
		const struct step *s = &r->dialog->steps[*position];
		struct str rest = buf_str(&s->text);
		char enhanced[16], text[256];
		struct str code, status;
		uint64_t number;

		if (s->kind != kind)
			continue;
		++*position;
		code = str_cut(&rest, ' ');
		status = str_cut(&rest, ' ');
		snprintf(enhanced, sizeof(enhanced), "%.*s", STR_ARGS(status));
		snprintf(text, sizeof(text), "%.*s", STR_ARGS(rest));
		assert_true(str_to_u64(code, &number));
		smtp_server_reply(r->server, (int)number, enhanced, text);
		return true;
	}
	return false;
}

static void act(struct run *r, const struct smtp_server_action *a)
{
	switch (a->type) {
	case SMTP_SERVER_MAIL:
		assert_false(r->is_open);
		r->is_open = true;
		smtp_server_reply(r->server, 250, "2.1.0", "Ok");
		break;
	case SMTP_SERVER_RCPT:
		if (!scripted(r, 'A', &r->next_rcpt))
			smtp_server_reply(r->server, 250, "2.1.5", "Ok");
		break;
	case SMTP_SERVER_BEGIN:
		buf_clear(&r->content);
		if (!scripted(r, 'B', &r->next_begin))
			smtp_server_go(r->server);
		else
			r->is_open = false;
		break;
	case SMTP_SERVER_CONTENT:
		assert_true(a->data.n > 0);
		buf_put(&r->content, a->data);
		break;
	case SMTP_SERVER_END:
		buf_put(&r->messages, buf_str(&r->content));
		smtp_server_reply(r->server, 250, "2.0.0", "Ok");
		r->is_open = false;
		break;
	case SMTP_SERVER_RESET:
	case SMTP_SERVER_HELLO:
		r->is_open = false;
		break;
	case SMTP_SERVER_CLOSE:
		r->is_closed = true;
		break;
	case SMTP_SERVER_STARTTLS:
		break;
	}
}

static size_t chunk(struct run *r, size_t left)
{
	size_t n;

	if (r->mode == 0)
		return left;
	if (r->mode == 1)
		return 1;
	r->random = r->random * 1103515245u + 12345u;
	n = 1 + (r->random >> 16) % 40;
	return n < left ? n : left;
}

/* Feed what was gathered from the script. */
static void feed(struct run *r)
{
	struct str all = buf_str(&r->input);
	size_t at = 0, end = 0;

	while (at < all.n && !r->is_closed) {
		struct smtp_server_action a;
		char *copy;
		struct str in;

		end += end < all.n ? chunk(r, all.n - end) : 0;
		/* Its own memory: reads beyond the end are found. */
		copy = mem_new(end - at);
		memcpy(copy, all.p + at, end - at);
		in = str_make(copy, end - at);
		while (smtp_server_next(r->server, &in, &a))
			act(r, &a);
		at = end - in.n;
		free(copy);
		buf_put(&r->output, buf_str(smtp_server_output(r->server)));
		buf_free(smtp_server_output(r->server));
	}
	buf_clear(&r->input);
}

static void expect_reply(struct run *r, const struct step *s, const char *name)
{
	struct str rest = buf_str(&r->output), want = buf_str(&s->text);
	size_t before = rest.n;
	struct str got = str_cut(&rest, '\n');
	bool is_equal;

	buf_take(&r->output, before - rest.n);
	got = str_part(got, 0, got.n - (got.n > 0));
	if (want.n > 0 && want.p[want.n - 1] == '*')
		is_equal = str_equal(str_part(got, 0, want.n - 1), str_part(want, 0, want.n - 1));
	else
		is_equal = str_equal(got, want);
	if (!is_equal)
		fail_msg("%s (mode %u): expected \"%.*s\", got \"%.*s\"", name, r->mode,
			STR_ARGS(want), STR_ARGS(got));
}

static void play(const struct dialog *d, const char *name, unsigned mode)
{
	struct run r = {.dialog = d, .mode = mode, .random = mode};
	size_t checked = 0;

	r.server = smtp_server_new(&d->config, false);
	buf_init(&r.input, MAX_SCRIPT * 4);
	buf_init(&r.output, MAX_SCRIPT * 4);
	buf_init(&r.content, MAX_SCRIPT);
	buf_init(&r.messages, MAX_SCRIPT);
	if (!d->config.refuses_early)
		smtp_server_greet(r.server);
	buf_put(&r.output, buf_str(smtp_server_output(r.server)));
	buf_free(smtp_server_output(r.server));
	for (size_t i = 0; i <= d->count; i++) {
		const struct step *s = &d->steps[i];
		bool is_tls = i < d->count && s->kind == 'X' && str_is(buf_str(&s->text), "tls");

		if (i < d->count && s->kind == 'C')
			buf_put(&r.input, buf_str(&s->text));
		if (i < d->count && !is_tls)
			continue;
		/* A stretch of the script is in: play it, then compare. */
		feed(&r);
		for (; checked < i; checked++) {
			const struct step *c = &d->steps[checked];

			if (c->kind == 'S')
				expect_reply(&r, c, name);
			if (c->kind == 'X' && str_is(buf_str(&c->text), "closed"))
				assert_true(r.is_closed);
			if (c->kind == 'M') {
				struct str want = buf_str(&c->text);
				struct str got = str_part(buf_str(&r.messages), 0, want.n);

				if (!str_equal(got, want))
					fail_msg("%s: content \"%.*s\"", name, STR_ARGS(got));
				buf_take(&r.messages, want.n);
			}
		}
		if (is_tls) {
			assert_int_equal(smtp_server_waits_for(r.server), SMTP_SERVER_WAIT_TLS);
			smtp_server_tls_up(r.server);
		}
	}
	if (buf_length(&r.output) > 0)
		fail_msg("%s (mode %u): unexpected \"%.*s\"", name, mode,
			STR_ARGS(buf_str(&r.output)));
	smtp_server_free(&r.server);
	buf_free(&r.input);
	buf_free(&r.output);
	buf_free(&r.content);
	buf_free(&r.messages);
}

static void test_dialog(void **state)
{
	struct dialog *d = mem_new(sizeof(*d));
	const char *name = *state;

	load(name, d);
	for (unsigned mode = 0; mode < (d->is_whole ? 1 : 40); mode++)
		play(d, name, mode);
	for (size_t i = 0; i < d->count; i++)
		buf_free(&d->steps[i].text);
	free(d);
}

/* ---- what no script can say ----------------------------------------------------------------- */

static const struct smtp_server_config config = {.hostname = "mx",
	.message_max = 1000,
	.recipients_max = 3,
	.messages_max = 3,
	.errors_max = 10};

static void run_text(struct smtp_server *s, const char *text, size_t *ret_actions)
{
	struct str in = str_of(text);
	struct smtp_server_action a;

	while (smtp_server_next(s, &in, &a)) {
		if (a.type == SMTP_SERVER_MAIL || a.type == SMTP_SERVER_RCPT)
			smtp_server_reply(s, 250, "2.1.0", "Ok");
		if (a.type == SMTP_SERVER_BEGIN)
			smtp_server_go(s);
		++*ret_actions;
	}
}

static void test_drain_waits_for_the_transaction(void **state)
{
	struct smtp_server *s = smtp_server_new(&config, true);
	size_t actions = 0;

	(void)state;
	smtp_server_greet(s);
	run_text(s, "HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nx\r\n", &actions);
	smtp_server_drain(s);
	assert_int_equal(smtp_server_waits_for(s), SMTP_SERVER_WAIT_CONTENT);
	run_text(s, ".\r\n", &actions);
	buf_clear(smtp_server_output(s));
	smtp_server_reply(s, 250, "2.0.0", "Ok");
	assert_string_equal(buf_text(smtp_server_output(s)),
		"250 2.0.0 Ok\r\n421 4.3.2 Shutting down, try again soon\r\n");
	assert_int_equal(smtp_server_waits_for(s), SMTP_SERVER_WAIT_CLOSE);
	smtp_server_free(&s);
}

static void test_refused_within_content(void **state)
{
	static const struct smtp_fault loop = {554, "5.4.6", "Too many hops"};
	struct smtp_server *s = smtp_server_new(&config, true);
	size_t actions = 0;

	(void)state;
	smtp_server_greet(s);
	run_text(s, "HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nx\r\n", &actions);
	buf_clear(smtp_server_output(s));
	smtp_server_refuse(s, &loop);
	actions = 0;
	run_text(s, "more\r\n.\r\nNOOP\r\n", &actions);
	assert_int_equal(actions, 0);
	assert_string_equal(
		buf_text(smtp_server_output(s)), "554 5.4.6 Too many hops\r\n250 2.0.0 Ok\r\n");
	assert_int_equal(smtp_server_messages(s), 0);
	smtp_server_free(&s);
}

static void test_output_is_bounded(void **state)
{
	struct smtp_server_config patient = config;
	struct smtp_server *s = smtp_server_new(&patient, true);
	struct smtp_server_action a;
	char *many = mem_new(60000);
	struct str in = str_make(many, 60000);

	(void)state;
	patient.errors_max = 100000;
	for (size_t i = 0; i < 60000; i += 6)
		memcpy(many + i, "NOOP\r\n", 6);
	smtp_server_greet(s);
	assert_false(smtp_server_next(s, &in, &a));
	assert_true(in.n > 0);
	assert_true(buf_length(smtp_server_output(s)) < SMTP_SERVER_OUTPUT_MAX);
	free(many);
	smtp_server_free(&s);
}

int main(int argc, char **argv)
{
	static char names[128][128];
	struct CMUnitTest tests[131] = {
		cmocka_unit_test(test_drain_waits_for_the_transaction),
		cmocka_unit_test(test_refused_within_content),
		cmocka_unit_test(test_output_is_bounded),
	};
	size_t count = 3;
	struct dirent *entry;
	DIR *d;

	if (argc != 2)
		return 2;
	directory = argv[1];
	d = opendir(directory);
	if (d == NULL)
		return 2;
	while ((entry = readdir(d)) != NULL && count < ARRAY_LENGTH(tests)) {
		char *name = names[count - 3];

		if (strlen(entry->d_name) < 6 || strlen(entry->d_name) > 120 ||
			strcmp(entry->d_name + strlen(entry->d_name) - 5, ".smtp") != 0)
			continue;
		snprintf(name, sizeof(names[0]), "%s", entry->d_name);
		tests[count++] = (struct CMUnitTest){
			.name = name, .test_func = test_dialog, .initial_state = name};
	}
	closedir(d);
	return count > 3 ? _cmocka_run_group_tests("server", tests, count, NULL, NULL) : 2;
}
