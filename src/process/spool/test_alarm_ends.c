/* That an alarm is over is told as its beginning is: by mail and by webhook, at least once. */
#include "process/spool/alerts.h"
#include "process/spool/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static char directory[] = "/tmp/sealpost-ends-XXXXXX";

static int setup(void **state)
{
	memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(directory));
	*state = testing_new(directory);
	testing_ask(*state, "config.replace",
		"{\"config\": {\"organisations\": [{\"name\": \"fabrikam\"}], \"domains\":"
		" [{\"name\": \"fabrikam.example\", \"organisation\": \"fabrikam\","
		" \"delivery\": \"lmtp:127.0.0.1:25\"}]}}");
	return 0;
}

static int teardown(void **state)
{
	struct testing *t = *state;

	testing_free(&t);
	testing_remove(directory);
	return 0;
}

/* What was asked of the queue and of the trace, and what that led to, has happened. */
static void quiet(struct testing *t)
{
	for (int i = 0; i < 4; i++) {
		testing_settle(t);
		testing_ask(t, "alarms.list", "{}");
	}
}

static void configure(struct testing *t, const char *mail, const char *webhook)
{
	struct runtime_settings settings = {.node = &t->node};

	t->node.alerts = (struct model_alerts){.mail = mail, .webhook = webhook};
	spool_alerts_configure(t->spool, &settings);
}

static void tell_alarm(struct testing *t, const char *kind, const char *subject)
{
	struct wire_event event = {.at_ms = testing_now,
		.kind = kind,
		.token = "downgrade",
		.sender = subject,
		.text = "mail to it had TLS"};
	struct store_change change = {.events = &event, .event_count = 1};

	store_apply(t->spool->store, &change, NULL, NULL);
	spool_alerts_soon(t->spool);
	quiet(t);
}

/* A second, and all that it brings. */
static void seconds(struct testing *t, int count)
{
	for (int i = 0; i < count; i++) {
		testing_advance(t, 1000);
		quiet(t);
	}
}

static void answer(struct testing_peer *lookup, bool ok)
{
	struct wire_posted posted = {
		.tag = lookup->post.tag, .ok = ok, .http_status = ok ? 204 : 503};

	ipc_send(lookup->ipc, WIRE_POSTED, &posted);
	quiet(lookup->t);
}

/* The end of an alarm is told as its beginning was; both in one letter are one matter. */
static void test_mail_tells_of_ends(void **state)
{
	struct testing *t = *state;
	struct testing_job *job;
	const char *body;

	configure(t, "root@fabrikam.example", NULL);
	seconds(t, 2);
	tell_alarm(t, "alarm", "one.example");
	tell_alarm(t, "alarm", "two.example");
	tell_alarm(t, "alarm-over", "two.example");
	seconds(t, SPOOL_ALERTS_GATHER_MS / 1000 + 3);
	job = testing_next_job(t);
	body = testing_body(t, job);
	assert_non_null(strstr(body, "Subject: 2 alarms on mx.contoso.example\r\n"));
	assert_non_null(strstr(body, "This is over already."));
	assert_null(strstr(body, "is over,"));
	testing_answer(t, job, WIRE_DELIVERED, "250 ok");
	quiet(t);
	/* The process ends before it has told. */
	tell_alarm(t, "alarm-over", "one.example");
	testing_restart(t, directory);
	configure(t, "root@fabrikam.example", NULL);
	testing_advance(t, SPOOL_ALERTS_MAIL_MS);
	seconds(t, 3);
	job = testing_next_job(t);
	body = testing_body(t, job);
	assert_non_null(strstr(body, "Subject: Alarm over on mx.contoso.example: downgrade\r\n"));
	assert_non_null(strstr(body, "* downgrade (alarm 1) is over, "));
	assert_non_null(strstr(body, "  one.example\r\n"));
	assert_null(strstr(body, "two.example"));
	testing_answer(t, job, WIRE_DELIVERED, "250 ok");
	testing_advance(t, SPOOL_ALERTS_MAIL_MS);
	seconds(t, 3);
	assert_int_equal(testing_open_jobs(t), 0);
}

/* What is posted: its type, its number, the subject, and X-Sealpost-Delivery. */
static const char *posted(struct testing *t, const struct wire_post *post)
{
	json_t *json = json_loadb(post->body.p, post->body.n, 0, NULL);
	const char *text = arena_format(t->arena, "%s %lld %s %s",
		json_string_value(json_object_get(json, "type")),
		(long long)testing_number(json, "number"),
		json_string_value(json_object_get(json, "subject")), post->headers.items[0].value);

	json_decref(json);
	return text;
}

static void test_webhook_tells_of_ends(void **state)
{
	struct testing *t = *state;
	struct testing_peer *lookup = testing_peer(t, RUNTIME_LOOKUP, 0);

	configure(t, NULL, "https://hooks.example/x");
	tell_alarm(t, "alarm", "one.example");
	tell_alarm(t, "alarm-over", "one.example");
	seconds(t, 2);
	testing_until(t, lookup->posts == 1);
	assert_string_equal(posted(t, &lookup->post), "alarm 1 one.example 1");
	answer(lookup, true);
	testing_until(t, lookup->posts == 2);
	assert_string_equal(posted(t, &lookup->post), "alarm-over 2 one.example 2");
	/* Not taken, and the process ends: it comes again. */
	answer(lookup, false);
	testing_peer_free(&lookup);
	testing_restart(t, directory);
	lookup = testing_peer(t, RUNTIME_LOOKUP, 0);
	configure(t, NULL, "https://hooks.example/x");
	seconds(t, 2);
	testing_until(t, lookup->posts == 1);
	assert_string_equal(posted(t, &lookup->post), "alarm-over 2 one.example 2");
	answer(lookup, true);
	seconds(t, 40);
	assert_int_equal(lookup->posts, 1);
	testing_peer_free(&lookup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mail_tells_of_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_webhook_tells_of_ends, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
