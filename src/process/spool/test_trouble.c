/* What goes wrong around the spool: processes that die or lie, content that is lost. */
#include "process/spool/testing.h"

#include "base/moment.h"
#include "port/log/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = testing_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	struct testing *t = *state;

	testing_free(&t);
	return 0;
}

static const char *alice = "alice@contoso.example";
static const char *grace = "grace@fabrikam.example";

/* A word about recipients of MESSAGE, from 0 on, for which the channel knows no job. */
static void say(
	struct testing_peer *peer, int64_t message, enum wire_result result, size_t recipients)
{
	struct wire_recipient_outcome items[10] = {{.number = 0}};
	struct wire_outcome outcome = {
		.message = message, .recipients = {.items = items, .count = recipients}};

	for (size_t i = 0; i < recipients; i++)
		items[i] = (struct wire_recipient_outcome){
			.number = (int64_t)i, .result = result, .token = "smtp", .receipt = -1};
	ipc_send(peer->ipc, WIRE_OUTCOME, &outcome);
	testing_settle(peer->t);
}

static void reconnect(struct testing *t)
{
	testing_peer_free(&t->deliver);
	testing_settle(t);
	t->deliver = testing_peer_quiet(t, RUNTIME_DELIVER, 0);
}

static void test_orphan(void **state)
{
	struct testing *t = *state;
	int64_t id = testing_accept(t, alice, grace);

	testing_answer(t, testing_next_job(t), WIRE_DEFERRED, "451 later");
	reconnect(t);
	for (int i = 0; i < 2; i++) {
		say(t->deliver, id, WIRE_DELIVERED, 1);
		assert_int_equal(testing_queued(t), 0);
	}
	assert_string_equal(testing_kinds(t, id), "received deferred delivered");
	testing_peer_ready(t->deliver);
	testing_advance(t, MOMENT_HOUR_MS);
	assert_int_equal(testing_open_jobs(t), 0);
}

/* Given out again before the old outcome came: taken back, and not tried a third time. */
static void test_orphan_comes_late(void **state)
{
	struct testing *t = *state;
	int64_t id = testing_accept(t, alice, grace);
	struct testing_peer *late = testing_peer_quiet(t, RUNTIME_DELIVER, 1);

	testing_next_job(t);
	say(late, id, WIRE_DELIVERED, 1);
	testing_until(t, t->deliver->cancels == 1);
	testing_answer(t, testing_next_job(t), WIRE_NOT_TRIED, NULL);
	assert_int_equal(testing_queued(t), 0);
	testing_advance(t, MOMENT_HOUR_MS);
	assert_int_equal(testing_open_jobs(t), 0);
	testing_peer_free(&late);
	testing_settle(t);
}

/* What deliver still has is not given out a second time before it has told what came of it. */
static void test_orphan_under_way(void **state)
{
	struct testing *t = *state;
	int64_t id = testing_accept(t, alice, "grace@fabrikam.example heidi@fabrikam.example");

	testing_next_job(t);
	reconnect(t);
	say(t->deliver, id, WIRE_UNDER_WAY, 1);
	testing_peer_ready(t->deliver);
	testing_advance(t, 3 * MOMENT_MINUTE_MS);
	/* The second recipient goes alone. */
	assert_int_equal(testing_open_jobs(t), 1);
	assert_int_equal(testing_next_job(t)->wire.recipients.count, 1);
	assert_int_equal(testing_next_job(t)->wire.recipients.items[0].number, 1);
	testing_answer(t, testing_next_job(t), WIRE_DELIVERED, "250 ok");
	say(t->deliver, id, WIRE_DELIVERED, 1);
	assert_int_equal(testing_queued(t), 0);

	/* No reply came: again.  And the process may die, or never say more. */
	for (int i = 0; i < 3; i++) {
		id = testing_accept(t, alice, grace);
		testing_next_job(t);
		reconnect(t);
		say(t->deliver, id, WIRE_UNDER_WAY, 1);
		testing_peer_ready(t->deliver);
		testing_advance(t, 3 * MOMENT_MINUTE_MS);
		assert_int_equal(testing_open_jobs(t), 0);
		if (i == 0)
			say(t->deliver, id, WIRE_NOT_TRIED, 1);
		else if (i == 1)
			reconnect(t);
		else
			testing_advance(t, 20 * MOMENT_MINUTE_MS);
		if (i == 1)
			testing_peer_ready(t->deliver);
		testing_advance(t, 3000);
		assert_int_equal(testing_open_jobs(t), 1);
		testing_answer(t, testing_next_job(t), WIRE_DELIVERED, "250 ok");
	}
}

/* Once it works, a process has no say in mail that was not given to it. */
static void test_strangers_mail(void **state)
{
	struct testing *t = *state;
	struct testing_peer *stranger = testing_peer_quiet(t, RUNTIME_DELIVER, 1);
	struct wire_credit none = {.amount = 0};
	struct wire_body_get get = {.length = WIRE_WINDOW};
	int64_t id = testing_accept(t, alice, grace);

	ipc_send(stranger->ipc, WIRE_READY, &none);
	testing_settle(t);
	get.job = testing_next_job(t)->wire.id;
	say(stranger, id, WIRE_DELIVERED, 1);
	say(stranger, id, WIRE_UNDER_WAY, 1);
	assert_int_equal(testing_queued(t), 1);
	ipc_send(stranger->ipc, WIRE_BODY_GET, &get);
	testing_until(t, stranger->body_answers == 1);
	assert_int_equal(stranger->body_error, ERR_UNKNOWN);
	testing_answer(t, testing_next_job(t), WIRE_DEFERRED, "451 later");
	testing_advance(t, MOMENT_MINUTE_MS);
	assert_int_equal(testing_next_job(t)->wire.attempts, 1);
	testing_peer_free(&stranger);
	testing_settle(t);
}

static bool is_noted(struct testing *t, const char *partner)
{
	const json_t *items = json_object_get(testing_ask(t, "refusals.list", "{}"), "items");
	const json_t *item;
	bool found = false;
	size_t i;

	json_array_foreach (items, i, item)
		found = found ||
			strcmp(json_string_value(json_object_get(item, "partner")), partner) == 0;
	return found;
}

/* Refusals of our certificates: what strangers say drives out no partner, and nobody fills the
 * memory with one of them. */
static void test_strangers_refuse(void **state)
{
	struct testing *t = *state;
	char partner[4000];
	struct wire_refused refused = {.partner = "connector o/c",
		.certificate = "mx",
		.version = "2",
		.direction = RECEIPT_IN,
		.at_ms = testing_now,
		.until_ms = testing_now + MOMENT_DAY_MS};

	ipc_send(t->receive->ipc, WIRE_REFUSED, &refused);
	refused.partner = partner;
	for (int i = 0; i < CERT_REFUSALS_MAX + 2; i++) {
		snprintf(partner, sizeof(partner), "address %d", i);
		ipc_send(t->receive->ipc, WIRE_REFUSED, &refused);
	}
	testing_settle(t);
	assert_true(is_noted(t, "connector o/c"));
	assert_true(is_noted(t, partner));
	assert_false(is_noted(t, "address 0"));
	memset(partner, 'x', sizeof(partner) - 1);
	partner[sizeof(partner) - 1] = '\0';
	ipc_send(t->receive->ipc, WIRE_REFUSED, &refused);
	testing_settle(t);
	assert_false(is_noted(t, partner));
}

/* After a start nothing is given out before all deliver processes have spoken, for a while. */
static void test_reports_are_awaited(void **state)
{
	struct testing *t = *state;
	int64_t id;

	t->node.processes.deliver = 2;
	testing_peer_free(&t->deliver);
	testing_settle(t);
	spool_configure(t->spool, &t->node);
	spool_orphans_await(t->spool);
	t->deliver = testing_peer(t, RUNTIME_DELIVER, 0);
	id = testing_accept(t, alice, grace);
	testing_advance(t, 1000);
	assert_int_equal(testing_open_jobs(t), 0);
	testing_advance(t, 5000);
	assert_int_equal(testing_next_job(t)->wire.message, id);
}

/* A message that ends every process that touches it does not go round for ever. */
static void test_deliver_dies_again(void **state)
{
	struct testing *t = *state;
	int64_t id = testing_accept(t, alice, grace);

	for (int i = 0; i < 2; i++) {
		assert_int_equal(testing_next_job(t)->wire.attempts, 0);
		reconnect(t);
		testing_peer_ready(t->deliver);
		testing_advance(t, 3000);
	}
	assert_int_equal(testing_open_jobs(t), 0);
	testing_advance(t, MOMENT_MINUTE_MS);
	assert_int_equal(testing_next_job(t)->wire.attempts, 1);
	assert_string_equal(testing_kinds(t, id), "received deferred");
}

static void accept_strange(struct testing *t, struct wire_message message)
{
	struct wire_data data = {.id = t->next_id += 1 << 22, .data = STR("Subject: x\r\n\r\n")};
	size_t before = t->receive->dones;

	message.id = data.id;
	ipc_send(t->receive->ipc, WIRE_ACCEPT_DATA, &data);
	ipc_send(t->receive->ipc, WIRE_ACCEPT_COMMIT, &message);
	testing_until(t, t->receive->dones > before);
}

/* What a receive process that is no longer ours might try. */
static void test_strange_messages(void **state)
{
	static struct wire_recipient rows[] = {
		{.number = 0, .address = "a@b.example\r\nDATA"},
		{.number = -1, .address = "a@b.example"},
		{.number = INT64_C(1) << 32, .address = "a@b.example"},
		{.number = 0, .address = "a@b.example"},
		{.number = 0, .address = "a@b.example"},
		{.number = 0},
	};
	struct testing *t = *state;
	struct wire_event event = {.message = 7, .kind = "delivered", .text = "forged"};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct wire_message message = {.sender = i == 3 ? "a\n@b.example" : alice,
			.helo = i == 4 ? " notice" : "pc",
			.recipients = {.items = &rows[i], .count = 1}};

		accept_strange(t, message);
		assert_int_equal(t->receive->done, ERR_RANGE);
	}
	accept_strange(t, (struct wire_message){.sender = alice});
	assert_int_equal(t->receive->done, ERR_RANGE);
	assert_int_equal(testing_queued(t), 0);
	event.message = testing_accept(t, alice, grace);
	ipc_send(t->receive->ipc, WIRE_EVENT, &event);
	testing_settle(t);
	assert_string_equal(testing_kinds(t, event.message), "received");
}

/* The sender's organisation is gone, and with it what it asked of the way: mail waits, and a notice
 * goes as anybody's would. */
static void test_organisation_gone(void **state)
{
	struct testing *t = *state;
	struct testing_job *job;

	testing_accept(t, alice, grace);
	testing_answer(t, testing_next_job(t), WIRE_DEFERRED, "451 later");
	testing_ask(t, "config.replace", "{\"config\": {}}");
	assert_int_equal(t->admin->answer_error, ERR_OK);
	testing_advance(t, 2 * MOMENT_MINUTE_MS);
	job = testing_next_job(t);
	assert_string_equal(job->wire.route, "refuse:no-organisation");
	testing_answer(t, job, WIRE_FAILED, "given up");
	job = testing_next_job(t);
	assert_string_equal(job->wire.sender, "");
	assert_null(job->wire.organisation);
	assert_string_equal(job->wire.route, "mx:contoso.example");
}

static int shorten(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_F && strstr(path, "/spool/") != NULL && s->st_size > 1000)
		assert_int_equal(truncate(path, 1000), 0);
	return 0;
}

/* Content that the disk has lost is an error, and nobody waits for it. */
static void test_short_content(void **state)
{
	enum { CHUNKS = 4 };
	static char bytes[WIRE_CHUNK];
	char directory[] = "/tmp/sealpost-spool-XXXXXX";
	struct testing *t;
	struct wire_recipient to = {.address = grace, .organisation = "contoso"};
	struct wire_message message = {.sender = alice, .recipients = {.items = &to, .count = 1}};
	struct wire_body_get get = {.length = WIRE_WINDOW};

	(void)state;
	assert_non_null(mkdtemp(directory));
	t = testing_new(directory);
	message.id = t->next_id += 1 << 22;
	memset(bytes, 'x', sizeof(bytes));
	for (int i = 0; i < CHUNKS; i++) {
		struct wire_data data = {.id = message.id, .data = str_make(bytes, sizeof(bytes))};

		ipc_send(t->receive->ipc, WIRE_ACCEPT_DATA, &data);
	}
	ipc_send(t->receive->ipc, WIRE_ACCEPT_COMMIT, &message);
	get.job = testing_next_job(t)->wire.id;
	assert_int_equal(testing_next_job(t)->wire.size, CHUNKS * sizeof(bytes));
	assert_int_equal(nftw(directory, shorten, 8, FTW_PHYS), 0);
	ipc_send(t->deliver->ipc, WIRE_BODY_GET, &get);
	testing_until(t, t->deliver->body_error != ERR_OK);
	assert_int_equal(t->deliver->body_error, ERR_CORRUPT);
	assert_int_equal(buf_length(&t->deliver->body), 1000);
	testing_free(&t);
	testing_remove(directory);
}

/* Whoever writes in a partner's name can show certificates without end. */
static void test_strangers_alarm_no_end(void **state)
{
	struct testing *t = *state;
	char sha256[16];
	struct cert_facts facts = {.subject = "CN=x", .sha256 = sha256, .spki_sha256 = sha256};
	struct wire_chain chain = {.direction = RECEIPT_IN,
		.organisation = "contoso",
		.connector = "northwind",
		.host = "x.example",
		.sha256 = sha256,
		.verdict = CERT_UNTRUSTED_ROOT,
		.facts = {&facts, 1},
		.chain = STR("PEM")};

	testing_ask(t, "config.replace",
		"{\"config\": {\"organisations\": [{\"name\": \"contoso\"}], \"connectors\": "
		"[{\"name\": \"northwind\", \"organisation\": \"contoso\", \"inbound\": "
		"{\"sender_domains\": [\"northwind.example\"]}}]}}");
	for (int i = 0; i < 340; i++) {
		snprintf(sha256, sizeof(sha256), "%d", i);
		ipc_send(t->receive->ipc, WIRE_CHAIN, &chain);
	}
	testing_settle(t);
	assert_in_range(json_array_size(json_object_get(
				testing_ask(t, "alarms.list", "{\"limit\": 1000}"), "items")),
		200, 300);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_orphan),
		TEST(test_orphan_comes_late),
		TEST(test_orphan_under_way),
		TEST(test_strangers_mail),
		TEST(test_strangers_refuse),
		TEST(test_strangers_alarm_no_end),
		TEST(test_reports_are_awaited),
		TEST(test_deliver_dies_again),
		TEST(test_strange_messages),
		TEST(test_organisation_gone),
		cmocka_unit_test(test_short_content),
	};

	log_setup("spool/0", LOG_LOGFMT, LOG_ERROR_LEVEL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
