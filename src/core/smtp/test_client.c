/* Whole dialogs, each run with every size of pieces in which the server's bytes may arrive. */
#include "core/smtp/test_client_dialogs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct run {
	const struct dialog *dialog;
	struct smtp_client *client;
	struct smtp_client_recipient recipients[8];
	struct smtp_client_transaction mail;
	struct buf said, wanted;
	int transactions;
	size_t given;
	bool is_lost, is_bye, is_done, was_secured;
};

static void begin(struct run *run)
{
	const struct dialog *d = run->dialog;
	char *list = mem_text(d->to);
	struct str rest = str_of(list);
	size_t n = 0;

	for (; rest.n > 0; n++) {
		struct str address = str_cut(&rest, ',');

		free((void *)run->recipients[n].address);
		run->recipients[n] = (struct smtp_client_recipient){
			.address = mem_text_of(address),
			.notify = d->notify,
			.original = d->original,
		};
	}
	free(list);
	run->mail = d->mail;
	if (run->mail.sender == NULL)
		run->mail.sender = "a@b";
	run->mail.recipients = run->recipients;
	run->mail.count = n;
	run->given = 0;
	run->is_done = false;
	run->transactions++;
	assert_int_equal(smtp_client_begin(run->client, &run->mail), ERR_OK);
	if (!smtp_client_is_idle(run->client))
		assert_int_equal(smtp_client_begin(run->client, &run->mail), ERR_BUSY);
}

static void on_ready(struct run *run)
{
	const struct dialog *d = run->dialog;

	if (d->starttls && !run->was_secured && smtp_client_failure(run->client)->code == 0)
		smtp_client_starttls(run->client);
	else if (d->to != NULL && run->transactions < (d->twice ? 2 : 1))
		begin(run);
	else
		smtp_client_quit(run->client);
}

static void on_event(struct run *run, enum smtp_client_event event)
{
	switch (event) {
	case SMTP_CLIENT_READY:
	case SMTP_CLIENT_STARTTLS_REFUSED:
		on_ready(run);
		break;
	case SMTP_CLIENT_STARTTLS:
		/* Injected in clear: must not survive. */
		smtp_client_feed(run->client, (struct str)STR("250 mx.example\r\n250 x\r\n"));
		assert_true(smtp_client_discarded(run->client) > 0);
		run->was_secured = true;
		smtp_client_secured(run->client);
		break;
	case SMTP_CLIENT_DONE:
		run->is_done = true;
		if (smtp_client_is_idle(run->client))
			on_ready(run);
		break;
	case SMTP_CLIENT_LOST:
		run->is_lost = true;
		break;
	case SMTP_CLIENT_BYE:
		run->is_bye = true;
		break;
	default:
		break;
	}
}

/* Everything that the client can do without hearing from the server. */
static void settle(struct run *run)
{
	enum smtp_client_event event;
	bool moved = true;

	while (moved) {
		struct str out = smtp_client_output(run->client);
		struct str content = str_of(run->dialog->content);

		moved = out.n > 0;
		buf_put(&run->said, out);
		smtp_client_sent(run->client, out.n);
		while ((event = smtp_client_next(run->client)) != SMTP_CLIENT_NOTHING) {
			on_event(run, event);
			moved = true;
		}
		if (smtp_client_wants(run->client) > 0) {
			/* Four bytes at a time. */
			struct str piece = str_part(content, run->given, run->given + 4);

			run->given += piece.n;
			smtp_client_give(run->client, piece, run->given >= content.n);
			moved = true;
		}
	}
}

static void say(struct run *run, struct str line, size_t chunk)
{
	char text[256];
	size_t n = (size_t)snprintf(text, sizeof(text), "%.*s\r\n", STR_ARGS(line));

	if (!str_equal(buf_str(&run->said), buf_str(&run->wanted)))
		fail_msg("%s (by %zu): client said\n%.*s\nbut before \"%.*s\" should have "
			 "said\n%.*s",
			run->dialog->name, chunk, STR_ARGS(buf_str(&run->said)), STR_ARGS(line),
			STR_ARGS(buf_str(&run->wanted)));
	for (size_t at = 0; at < n; at += chunk) {
		smtp_client_feed(run->client, str_part(str_make(text, n), at, at + chunk));
		settle(run);
	}
}

static void check_outcomes(struct run *run)
{
	const struct dialog *d = run->dialog;
	static const char letters[] = "?ATPN";

	if (d->want == NULL)
		return;
	assert_true(run->is_done);
	for (size_t i = 0; i < run->mail.count; i++) {
		const struct smtp_client_outcome *o = smtp_client_outcome(run->client, i);

		if (letters[o->result] != d->want[i])
			fail_msg("%s: recipient %zu is %c (%s)", d->name, i, letters[o->result],
				o->text);
		assert_true(o->enhanced[0] != '\0' && o->text != NULL && o->stage != NULL);
	}
	if (d->enhanced != NULL)
		assert_string_equal(smtp_client_outcome(run->client, 0)->enhanced, d->enhanced);
	if (d->text != NULL)
		assert_string_equal(smtp_client_outcome(run->client, 0)->text, d->text);
}

static void run_dialog(const struct dialog *d, size_t chunk)
{
	struct run run = {.dialog = d};
	struct smtp_client_options options = d->options;
	struct str script = str_of(d->script);

	options.hello = "me.example";
	run.client = smtp_client_new(&options);
	buf_init(&run.said, 65536);
	buf_init(&run.wanted, 65536);
	assert_int_equal(smtp_client_timeout_ms(run.client), 300000);
	while (script.n > 0) {
		struct str line = str_cut(&script, '\n');
		struct str text = str_part(line, 3, line.n);

		if (line.p[0] == 'C')
			buf_format(&run.wanted, "%.*s\r\n", STR_ARGS(text));
		else
			say(&run, text, chunk);
	}
	if (!str_equal(buf_str(&run.said), buf_str(&run.wanted)))
		fail_msg("%s: client said at the end\n%.*s", d->name, STR_ARGS(buf_str(&run.said)));
	check_outcomes(&run);
	if (run.is_lost != (d->lost != ERR_OK) || run.is_bye == run.is_lost)
		fail_msg("%s: lost %d, bye %d (%s)", d->name, run.is_lost, run.is_bye,
			smtp_client_failure(run.client)->text);
	if (run.is_lost) {
		assert_int_equal(smtp_client_failure(run.client)->error, d->lost);
		assert_int_equal(smtp_client_failure(run.client)->code, d->lost_code);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(run.recipients); i++)
		free((void *)run.recipients[i].address);
	smtp_client_free(&run.client);
	buf_free(&run.said);
	buf_free(&run.wanted);
}

static void test_dialogs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(dialogs); i++)
		for (size_t chunk = 1; chunk <= 64; chunk++)
			run_dialog(&dialogs[i], chunk);
}

static void feed(struct smtp_client *c, const char *text)
{
	smtp_client_feed(c, str_of(text));
}

static void flush(struct smtp_client *c)
{
	while (smtp_client_output(c).n > 0)
		smtp_client_sent(c, smtp_client_output(c).n);
}

/* A kept connection on which the server speaks first is no use any more. */
static void test_unasked(void **state)
{
	struct smtp_client *c = smtp_client_new(&(struct smtp_client_options){.hello = "me"});

	(void)state;
	feed(c, "220 x\r\n250 x\r\n");
	assert_int_equal(smtp_client_next(c), SMTP_CLIENT_READY);
	assert_true(smtp_client_is_idle(c));
	feed(c, "250 x\r\n");
	assert_false(smtp_client_is_idle(c));
	assert_int_equal(smtp_client_next(c), SMTP_CLIENT_LOST);
	assert_int_equal(smtp_client_failure(c)->code, 250);
	smtp_client_free(&c);
}

/* RFC 5321 4.5.3.2 */
static void test_timeouts(void **state)
{
	struct smtp_client *c = smtp_client_new(&(struct smtp_client_options){.hello = "me"});
	struct smtp_client_recipient to = {.address = "x@y"};
	struct smtp_client_transaction mail = {.sender = "", .recipients = &to, .count = 1};

	(void)state;
	assert_int_equal(smtp_client_timeout_ms(c), 300000);
	feed(c, "220 x\r\n");
	flush(c);
	feed(c, "250 x\r\n");
	assert_int_equal(smtp_client_next(c), SMTP_CLIENT_READY);
	assert_int_equal(smtp_client_timeout_ms(c), 0);
	assert_int_equal(smtp_client_begin(c, &mail), ERR_OK);
	flush(c);
	assert_string_equal(smtp_client_stage(c), "MAIL");
	assert_int_equal(smtp_client_timeout_ms(c), 300000);
	feed(c, "250 x\r\n");
	flush(c);
	assert_string_equal(smtp_client_stage(c), "RCPT");
	assert_int_equal(smtp_client_timeout_ms(c), 300000);
	feed(c, "250 x\r\n");
	flush(c);
	assert_int_equal(smtp_client_timeout_ms(c), 120000);
	feed(c, "354 x\r\n");
	assert_int_equal(smtp_client_next(c), SMTP_CLIENT_CONTENT);
	assert_int_equal(smtp_client_timeout_ms(c), 0);
	smtp_client_give(c, (struct str)STR("x\r\n"), false);
	assert_int_equal(smtp_client_timeout_ms(c), 180000);
	smtp_client_give(c, (struct str)STR("x\r\n"), true);
	assert_int_equal(smtp_client_timeout_ms(c), 180000);
	assert_false(smtp_client_is_past_end(c));
	flush(c);
	assert_true(smtp_client_is_past_end(c));
	assert_int_equal(smtp_client_timeout_ms(c), 600000);
	smtp_client_fail(c, ERR_TIMEOUT, "no answer");
	assert_int_equal(smtp_client_next(c), SMTP_CLIENT_DONE);
	assert_int_equal(smtp_client_next(c), SMTP_CLIENT_LOST);
	assert_int_equal(smtp_client_outcome(c, 0)->result, SMTP_CLIENT_NO_VERDICT);
	assert_string_equal(smtp_client_failure(c)->text, "no answer (end of data)");
	assert_int_equal(smtp_client_timeout_ms(c), 0);
	smtp_client_free(&c);
}

/* Memory stays bounded however fast content is offered and however slow the server is. */
static void test_bounds(void **state)
{
	struct smtp_client *c = smtp_client_new(&(struct smtp_client_options){.hello = "me"});
	struct smtp_client_recipient *to = mem_new(5000 * sizeof(*to));
	struct smtp_client_transaction mail = {.sender = "", .recipients = to, .count = 5000};
	static char dots[SMTP_CLIENT_PIECE];
	size_t most = 0;

	(void)state;
	for (size_t i = 0; i < mail.count; i++)
		to[i].address = "a-recipient-with-quite-a-long-name@example.com";
	feed(c, "220 x\r\n");
	flush(c);
	feed(c, "250-x\r\n250 PIPELINING\r\n");
	assert_int_equal(smtp_client_begin(c, &mail), ERR_OK);
	assert_true(smtp_client_output(c).n < 80 * 1024);
	flush(c);
	for (size_t i = 0; i <= mail.count; i++)
		feed(c, "250 x\r\n");
	feed(c, "354 x\r\n");
	memset(dots, '\n', sizeof(dots));
	for (size_t i = 0; i < 100; i++) {
		if (smtp_client_wants(c) > 0)
			smtp_client_give(c, str_make(dots, sizeof(dots)), false);
		if (smtp_client_output(c).n > most)
			most = smtp_client_output(c).n;
	}
	assert_int_equal(most, 2 * sizeof(dots));
	smtp_client_free(&c);
	free(to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogs),
		cmocka_unit_test(test_unasked),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
