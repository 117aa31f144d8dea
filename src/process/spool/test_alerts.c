/* What partners present, and who is told when it changes or ends. */
#include "port/tls/mac.h"
#include "process/spool/alerts.h"
#include "process/spool/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY INT64_C(86400000)
#define CONFIGURATION                                                                              \
	"{\"config\": {\"organisations\": [{\"name\": \"contoso\","                                \
	"\"alerts\": \"security@contoso.example\"}, {\"name\": \"fabrikam\"}],"                    \
	"\"domains\": [{\"name\": \"contoso.example\", \"organisation\": \"contoso\","             \
	"\"delivery\": \"lmtp:127.0.0.1:24\"}, {\"name\": \"fabrikam.example\","                   \
	"\"organisation\": \"fabrikam\", \"delivery\": \"lmtp:127.0.0.1:25\"}],"                   \
	"\"connectors\": [{\"name\": \"northwind\", \"organisation\": \"contoso\","                \
	"\"type\": \"partner\", \"outbound\": {\"recipient_domains\": [\"northwind.example\"],"    \
	"\"tls\": \"encrypt\"}}]}}"

static char directory[] = "/tmp/sealpost-alerts-XXXXXX";

static int setup(void **state)
{
	struct testing *t;

	memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(directory));
	t = testing_new(directory);
	testing_ask(t, "config.replace", CONFIGURATION);
	assert_int_equal(t->admin->answer_error, ERR_OK);
	*state = t;
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

static int64_t mark_items[] = {30 * DAY, 7 * DAY};

/* Settings as the supervisor gives them. */
static void configure(struct testing *t, const char *mail, const char *webhook, const char *secret)
{
	struct runtime_settings settings = {.node = &t->node, .webhook_secret = str_of(secret)};

	t->node.alerts = (struct model_alerts){
		.mail = mail, .webhook = webhook, .before_expiry = {mark_items, 2}};
	spool_alerts_configure(t->spool, &settings);
}

struct shown {
	const char *connector, *host, *sha256, *issuer, *key;
	int64_t end_ms;
};

static void present(struct testing *t, struct shown shown)
{
	struct cert_facts facts = {.subject = "CN=mx.northwind.example",
		.issuer = shown.issuer,
		.sha256 = shown.sha256,
		.spki_sha256 = shown.key,
		.not_before_ms = TESTING_T0 - DAY,
		.not_after_ms = shown.end_ms != 0 ? shown.end_ms : TESTING_T0 + 300 * DAY};
	struct wire_chain chain = {.direction = RECEIPT_OUT,
		.organisation = "contoso",
		.connector = shown.connector,
		.host = shown.host,
		.sha256 = shown.sha256,
		.facts = {&facts, 1},
		.chain = STR("PEM")};

	ipc_send(t->deliver->ipc, WIRE_CHAIN, &chain);
	quiet(t);
}

/* Kinds of the alarms that nobody has seen, newest first; "(over)" behind those that are. */
static const char *alarms(struct testing *t)
{
	const json_t *items = json_object_get(testing_ask(t, "alarms.list", "{}"), "items"), *item;
	const char *text = "";
	size_t i;

	json_array_foreach (items, i, item)
		text = arena_format(t->arena, "%s%s%s ", text,
			json_string_value(json_object_get(item, "kind")),
			json_is_null(json_object_get(item, "over")) ? "" : "(over)");
	return text;
}

static void expect_alarms(struct testing *t, const char *want)
{
	int64_t deadline = testing_deadline_ms();

	while (strcmp(alarms(t), want) != 0)
		testing_turn(t, deadline, want);
}

static const char *chains(struct testing *t, const char *arguments)
{
	const json_t *items = json_object_get(testing_ask(t, "chains.list", arguments), "items");
	const json_t *item;
	const char *text = "";
	size_t i;

	json_array_foreach (items, i, item)
		text = arena_format(t->arena, "%s%s:%s%s ", text,
			json_string_value(json_object_get(item, "partner")),
			json_string_value(json_object_get(item, "sha256")),
			json_is_null(json_object_get(item, "accepted")) ? "!" : "");
	return text;
}

static void test_changes_are_alarms(void **state)
{
	struct testing *t = *state;
	const json_t *item;
	int64_t id;

	present(t, (struct shown){"northwind", "mx1:25", "a1", "CN=CA", "k1", 0});
	present(t, (struct shown){"northwind", "mx1:25", "a1", "CN=CA", "k1", 0});
	/* Another host of the same authority is none; nor is a host nobody has a connector for. */
	present(t, (struct shown){"northwind", "mx2:25", "a2", "CN=CA", "k2", 0});
	present(t, (struct shown){NULL, "mx.x.example:25", "b1", "CN=CA", "k1", 0});
	present(t, (struct shown){NULL, "mx.x.example:25", "b2", "CN=Other", "k2", 0});
	present(t, (struct shown){"none such", "mx.x.example:25", "b3", "CN=Other", "k2", 0});
	expect_alarms(t, "");
	/* Another key, another authority. */
	present(t, (struct shown){"northwind", "mx1:25", "a3", "CN=CA", "k3", 0});
	expect_alarms(t, "partner-certificate-changed ");
	present(t, (struct shown){"northwind", "mx3:25", "a4", "CN=Other", "k4", 0});
	expect_alarms(t, "partner-certificate-changed partner-certificate-changed ");
	/* What is known raises none again. */
	present(t, (struct shown){"northwind", "mx1:25", "a1", "CN=CA", "k1", 0});
	present(t, (struct shown){"northwind", "mx1:25", "a3", "CN=CA", "k3", 0});
	expect_alarms(t, "partner-certificate-changed partner-certificate-changed ");
	assert_string_equal(chains(t, "{\"organisation\": \"contoso\", \"connector\": "
				      "\"northwind\"}"),
		"connector contoso/northwind:a4! connector contoso/northwind:a3! "
		"connector contoso/northwind:a2 connector contoso/northwind:a1 ");
	assert_string_equal(chains(t, "{\"limit\": 3}"),
		"connector contoso/northwind:a4! connector contoso/northwind:a3! "
		"host mx.x.example:25:b3 ");
	/* Accepting it ends the alarm; whose it is not does not find it. */
	item = json_array_get(
		json_object_get(testing_ask(t, "chains.list", "{\"limit\": 1}"), "items"), 0);
	id = testing_number(item, "id");
	testing_ask(t, "chains.accept",
		arena_format(t->arena, "{\"id\": %lld, \"organisations\": [\"fabrikam\"]}",
			(long long)id));
	assert_int_equal(t->admin->answer_error, ERR_UNKNOWN);
	testing_ask(t, "chains.show",
		arena_format(t->arena, "{\"id\": %lld, \"organisations\": [\"fabrikam\"]}",
			(long long)id));
	assert_int_equal(t->admin->answer_error, ERR_UNKNOWN);
	testing_ask(t, "chains.accept",
		arena_format(t->arena,
			"{\"id\": %lld, \"organisations\": [\"fabrikam\", \"contoso\"]}",
			(long long)id));
	assert_int_equal(t->admin->answer_error, ERR_OK);
	assert_non_null(strstr(alarms(t), "(over)"));
	testing_ask(t, "chains.show", arena_format(t->arena, "{\"id\": %lld}", (long long)id));
	assert_string_equal(json_string_value(json_object_get(t->admin->answer, "pem")), "PEM");
	assert_string_equal(chains(t, "{\"organisations\": [\"fabrikam\"]}"), "");
}

/* ---- mail --------------------------------------------------------------------------------------
 */

static void raise_alarm(struct testing *t, const char *subject, const char *organisation)
{
	struct wire_event event = {.at_ms = testing_now,
		.kind = "alarm",
		.token = "downgrade",
		.sender = subject,
		.organisation = organisation,
		.text = "mail to it had TLS;\r\nSubject: forged"};
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

static void test_mail_is_a_digest(void **state)
{
	struct testing *t = *state;
	struct testing_job *job;
	const char *body;

	configure(t, "root@fabrikam.example", NULL, NULL);
	seconds(t, 2); /* nothing to tell */
	raise_alarm(t, "one.example", "contoso");
	raise_alarm(t, "two.example", NULL);
	seconds(t, SPOOL_ALERTS_GATHER_MS / 1000 + 3);
	/* All to the installation's mailbox, contoso's to its own. */
	testing_until(t, testing_open_jobs(t) == 2);
	for (int i = 0; i < 2; i++) {
		bool is_all;

		job = testing_next_job(t);
		is_all =
			strcmp(job->wire.recipients.items[0].address, "root@fabrikam.example") == 0;
		assert_string_equal(job->wire.sender, "");
		body = testing_body(t, job);
		assert_non_null(strstr(body, "one.example\r\n"));
		assert_int_equal(strstr(body, "two.example\r\n") != NULL, is_all);
		assert_non_null(strstr(body, is_all ? "Subject: 2 alarms on mx.contoso.example"
						    : "Subject: Alarm on mx.contoso.example: "
						      "downgrade\r\n"));
		assert_null(strstr(body, "\nSubject: forged"));
		/* One that cannot be delivered is no matter for a notice. */
		testing_answer(t, job, WIRE_FAILED, "550 no");
	}
	quiet(t);
	assert_int_equal(testing_open_jobs(t), 0);
	assert_int_equal(testing_queued(t), 0);
	/* The next ones wait their time, and go together. */
	raise_alarm(t, "three.example", NULL);
	seconds(t, 30);
	raise_alarm(t, "four.example", NULL);
	seconds(t, 30);
	assert_int_equal(testing_open_jobs(t), 0);
	testing_advance(t, SPOOL_ALERTS_MAIL_MS);
	seconds(t, 2);
	job = testing_next_job(t);
	body = testing_body(t, job);
	assert_non_null(strstr(body, "three.example"));
	assert_non_null(strstr(body, "four.example"));
	assert_null(strstr(body, "one.example"));
	testing_answer(t, job, WIRE_DELIVERED, "250 ok");
	/* And are not told again, by the next process neither. */
	testing_restart(t, directory);
	configure(t, "root@fabrikam.example", NULL, NULL);
	testing_advance(t, SPOOL_ALERTS_MAIL_MS);
	seconds(t, 5);
	assert_int_equal(testing_open_jobs(t), 0);
}

static void test_who_listens_late_hears_nothing_old(void **state)
{
	struct testing *t = *state;

	configure(t, NULL, NULL, NULL);
	raise_alarm(t, "one.example", NULL);
	seconds(t, 3);
	configure(t, "root@fabrikam.example", "https://hooks.example/x", NULL);
	testing_advance(t, SPOOL_ALERTS_MAIL_MS);
	seconds(t, 3);
	assert_int_equal(testing_open_jobs(t), 0);
}

/* ---- webhook -----------------------------------------------------------------------------------
 */

static const char *header(const struct wire_post *post, const char *name)
{
	for (size_t i = 0; i < post->headers.count; i++)
		if (strcmp(post->headers.items[i].name, name) == 0)
			return post->headers.items[i].value;
	return "";
}

static void answer(struct testing_peer *lookup, bool ok)
{
	struct wire_posted posted = {.tag = lookup->post.tag,
		.ok = ok,
		.http_status = ok ? 204 : 503,
		.text = ok ? NULL : "status 503"};

	ipc_send(lookup->ipc, WIRE_POSTED, &posted);
	quiet(lookup->t);
}

static void check_signature(struct testing *t, const struct wire_post *post, const char *secret)
{
	char mac[TLS_MAC_TEXT];

	tls_mac_sha256(str_of(secret),
		str_of(arena_format(t->arena, "%s.%.*s", header(post, "X-Sealpost-Timestamp"),
			STR_ARGS(post->body))),
		mac);
	assert_string_equal(
		header(post, "X-Sealpost-Signature"), arena_format(t->arena, "sha256=%s", mac));
	/* Of this attempt, not of the first one. */
	assert_true(
		strtoll(header(post, "X-Sealpost-Timestamp"), NULL, 10) >= testing_now / 1000 - 3);
}

static const char *subject_of(struct testing *t, const struct wire_post *post)
{
	json_t *json = json_loadb(post->body.p, post->body.n, 0, NULL);
	const char *text =
		arena_text(t->arena, json_string_value(json_object_get(json, "subject")));

	json_decref(json);
	return text;
}

static void test_webhook(void **state)
{
	static const char secret[] = "0123456789abcdef";
	struct testing *t = *state;
	struct testing_peer *lookup = testing_peer(t, RUNTIME_LOOKUP, 0);

	configure(t, NULL, "https://hooks.example/x", secret);
	testing_ask(t, "config.replace", CONFIGURATION);
	raise_alarm(t, "one.example", NULL);
	raise_alarm(t, "two.example", NULL);
	seconds(t, 2);
	testing_until(t, lookup->posts == 1);
	assert_string_equal(lookup->post.url, "https://hooks.example/x");
	assert_string_equal(subject_of(t, &lookup->post), "one.example");
	check_signature(t, &lookup->post, secret);
	/* Not taken: again after 5 s, then after 10 s. */
	answer(lookup, false);
	seconds(t, 4);
	assert_int_equal(lookup->posts, 1);
	seconds(t, 2);
	testing_until(t, lookup->posts == 2);
	check_signature(t, &lookup->post, secret);
	answer(lookup, false);
	seconds(t, 8);
	assert_int_equal(lookup->posts, 2);
	seconds(t, 4);
	testing_until(t, lookup->posts == 3);
	assert_string_equal(subject_of(t, &lookup->post), "one.example");
	/* An answer to something else is none. */
	lookup->post.tag += 7;
	answer(lookup, true);
	assert_int_equal(lookup->posts, 3);
	lookup->post.tag -= 7;
	answer(lookup, true);
	testing_until(t, lookup->posts == 4);
	assert_string_equal(subject_of(t, &lookup->post), "two.example");
	/* lookup ends before it has answered: the next one is asked. */
	testing_peer_free(&lookup);
	quiet(t);
	lookup = testing_peer(t, RUNTIME_LOOKUP, 0);
	seconds(t, 6);
	testing_until(t, lookup->posts == 1);
	assert_string_equal(subject_of(t, &lookup->post), "two.example");
	/* So does this process. */
	testing_peer_free(&lookup);
	testing_restart(t, directory);
	lookup = testing_peer(t, RUNTIME_LOOKUP, 0);
	configure(t, NULL, "https://hooks.example/x", NULL);
	seconds(t, 2);
	testing_until(t, lookup->posts == 1);
	assert_string_equal(subject_of(t, &lookup->post), "two.example");
	assert_string_equal(header(&lookup->post, "X-Sealpost-Signature"), "");
	answer(lookup, true);
	seconds(t, 40);
	assert_int_equal(lookup->posts, 1);
	testing_peer_free(&lookup);
}

static void test_webhook_gives_up(void **state)
{
	struct testing *t = *state;
	struct testing_peer *lookup = testing_peer(t, RUNTIME_LOOKUP, 0);
	int64_t until = testing_now + DAY + SPOOL_WEBHOOK_WAIT_MS + 3600000;

	configure(t, NULL, "https://hooks.example/x", NULL);
	raise_alarm(t, "one.example", NULL);
	raise_alarm(t, "two.example", NULL);
	seconds(t, 2);
	testing_until(t, lookup->posts == 1);
	while (testing_now < until && strcmp(subject_of(t, &lookup->post), "two.example") != 0) {
		answer(lookup, false);
		testing_advance(t, 10 * 60 * 1000);
		quiet(t);
	}
	/* Behind one that is never taken come the others. */
	assert_string_equal(subject_of(t, &lookup->post), "two.example");
	assert_true(lookup->posts > 40 && lookup->posts < 200);
	testing_peer_free(&lookup);
}

/* That a way was told cannot be written, as with a full disk. */
static void refuse_places(struct testing **t)
{
	char path[sizeof(directory) + 16];
	sqlite3 *db;

	testing_free(t);
	snprintf(path, sizeof(path), "%s/trace.db", directory);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db,
			"CREATE TRIGGER full BEFORE INSERT ON setting WHEN new.name LIKE 'told-%'"
			" BEGIN SELECT raise(ABORT, 'full'); END",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	*t = testing_new(directory);
}

static void test_webhook_with_a_full_disk(void **state)
{
	struct testing_peer *lookup;
	struct testing *t;

	refuse_places((struct testing **)state);
	t = *state;
	lookup = testing_peer(t, RUNTIME_LOOKUP, 0);
	configure(t, NULL, "https://hooks.example/x", NULL);
	raise_alarm(t, "one.example", NULL);
	seconds(t, 2);
	testing_until(t, lookup->posts == 1);
	for (int i = 0; i < 60; i++) {
		answer(lookup, true);
		seconds(t, 1);
	}
	assert_int_equal(lookup->posts, 1); /* it is not told over and over */
	testing_advance(t, 5 * 60 * 1000);
	seconds(t, 1);
	testing_until(t, lookup->posts == 2); /* nor forgotten */
	testing_peer_free(&lookup);
}

/* Seconds say how long, whatever day it is. */
static void test_webhook_when_the_clock_jumps(void **state)
{
	struct testing *t = *state;
	struct testing_peer *lookup = testing_peer(t, RUNTIME_LOOKUP, 0);

	configure(t, NULL, "https://hooks.example/x", NULL);
	raise_alarm(t, "one.example", NULL);
	raise_alarm(t, "two.example", NULL);
	seconds(t, 2);
	testing_until(t, lookup->posts == 1);
	testing_now += 3 * DAY;
	answer(lookup, false);
	seconds(t, 6);
	testing_until(t, lookup->posts == 2);
	assert_string_equal(subject_of(t, &lookup->post), "one.example");
	testing_peer_free(&lookup);
}

/* ---- expiry ------------------------------------------------------------------------------------
 */

static void configure_lives(struct testing *t, struct cert_version *versions, size_t count)
{
	struct cert_life life = {.name = "mx", .versions = {versions, count}};
	struct runtime_settings settings = {.node = &t->node, .lives = &life, .life_count = 1};

	t->node.alerts = (struct model_alerts){.before_expiry = {mark_items, 2}};
	spool_alerts_configure(t->spool, &settings);
	seconds(t, 8);
}

static void test_expiry(void **state)
{
	struct testing *t = *state;
	struct cert_version versions[2] = {
		{.id = "1", .state = CERT_CURRENT, .not_after_ms = TESTING_T0 + 40 * DAY},
		{.id = "2", .state = CERT_CURRENT, .not_after_ms = TESTING_T0 + 400 * DAY}};

	configure_lives(t, versions, 1);
	expect_alarms(t, "");
	testing_advance(t, 11 * DAY);
	seconds(t, 8);
	expect_alarms(t, "certificate-expires ");
	/* Days later it is the same alarm, and counts once. */
	testing_advance(t, 10 * DAY);
	seconds(t, 8);
	expect_alarms(t, "certificate-expires ");
	/* The next mark: once more. */
	testing_advance(t, 13 * DAY);
	seconds(t, 8);
	expect_alarms(t, "certificate-expires certificate-expires(over) ");
	/* Replaced: over. */
	versions[0].state = CERT_RETIRED;
	configure_lives(t, versions, 2);
	expect_alarms(t, "certificate-expires(over) certificate-expires(over) ");
}

static void test_partners_expiry(void **state)
{
	struct testing *t = *state;

	configure(t, NULL, NULL, NULL);
	present(t,
		(struct shown){"northwind", "mx1:25", "a1", "CN=CA", "k1", TESTING_T0 + 20 * DAY});
	present(t, (struct shown){NULL, "mx.x:25", "b1", "CN=CA", "k1", TESTING_T0 + 5 * DAY});
	seconds(t, 8);
	testing_advance(t, 3600000);
	seconds(t, 8);
	expect_alarms(t, "partner-certificate-expires ");
	/* The partner has renewed it: that is a change, and this is over. */
	present(t, (struct shown){"northwind", "mx1:25", "a2", "CN=CA", "k1", 0});
	testing_advance(t, 3600000);
	seconds(t, 8);
	expect_alarms(t, "partner-certificate-changed partner-certificate-expires(over) ");
}

/* ---- trying it out -----------------------------------------------------------------------------
 */

static bool is_ok(struct testing *t, const char *way)
{
	return json_is_true(json_object_get(json_object_get(t->admin->answer, way), "ok"));
}

static void test_tries_out(void **state)
{
	struct testing *t = *state;
	struct testing_peer *lookup = testing_peer(t, RUNTIME_LOOKUP, 0);
	struct wire_manage manage = {
		.tag = 99, .verb = "alerts.test", .actor = "ann", .arguments = STR("{}")};
	size_t before;

	configure(t, NULL, NULL, NULL);
	testing_ask(t, "alerts.test", "{}");
	assert_false(is_ok(t, "mail") || is_ok(t, "webhook"));
	configure(t, "root@fabrikam.example", "https://hooks.example/x", NULL);
	before = t->admin->answers;
	ipc_send(t->admin->ipc, WIRE_MANAGE, &manage);
	testing_until(t, lookup->posts == 1);
	answer(lookup, true);
	testing_until(t, t->admin->answers > before);
	testing_next_job(t);
	/* The settling asks questions of its own; ask once more and read at once. */
	before = t->admin->answers;
	ipc_send(t->admin->ipc, WIRE_MANAGE, &manage);
	testing_until(t, lookup->posts == 2);
	ipc_send(lookup->ipc, WIRE_POSTED,
		&(struct wire_posted){.tag = lookup->post.tag, .text = "status 503"});
	testing_until(t, t->admin->answers > before);
	assert_true(is_ok(t, "mail"));
	assert_false(is_ok(t, "webhook"));
	testing_peer_free(&lookup);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_changes_are_alarms),
		TEST(test_mail_is_a_digest),
		TEST(test_who_listens_late_hears_nothing_old),
		TEST(test_webhook),
		TEST(test_webhook_gives_up),
		TEST(test_webhook_with_a_full_disk),
		TEST(test_webhook_when_the_clock_jumps),
		TEST(test_expiry),
		TEST(test_partners_expiry),
		TEST(test_tries_out),
	};

	return cmocka_run_group_tests_name("spool-alerts", tests, NULL, NULL);
}
