/* Jobs, from the spool's word to its outcome, against a server that does as it is told. */
#include "process/deliver/testing_job.h"
#include "process/deliver/way.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <cmocka.h>

/* ---- ways ------------------------------------------------------------------------------------ */

static void test_delivered(void **state)
{
	struct fixture *x = *state;
	const struct receipt *r;

	deliver_one(x, "a@partner.example");
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
	assert_int_equal(x->outcome.job, 1);
	assert_int_equal(x->outcome.message, 99);
	assert_false(x->outcome.host_dead);
	assert_int_equal(x->outcome.receipts.count, 1);
	r = &x->outcome.receipts.items[0];
	assert_string_equal(r->connector, "partner");
	assert_string_equal(r->reply, "250 2.0.0 taken");
	assert_string_equal(r->peer_address, "127.0.0.1");
	assert_int_equal(r->attempt, RECEIPT_ATTEMPT_CLEAR);
	assert_int_equal(r->got, MODEL_LEVEL_NONE);
}

static void test_passed_on(void **state)
{
	struct fixture *x = *state;

	x->server.ehlo = "250-mx.example\r\n250 DSN";
	deliver_one(x, "a@partner.example");
	expect(x, WIRE_DELIVERED, "ok", "2.0.0");
	assert_true(x->outcome.recipients.items[0].passed_on);
}

static void test_reuse(void **state)
{
	struct fixture *x = *state;

	for (int i = 0; i < 3; i++)
		deliver_one(x, "a@partner.example");
	assert_int_equal(x->server.connections, 1);
	assert_int_equal(x->server.mails, 3);
	/* A kept connection that died of old age costs nothing but a new one. */
	bufferevent_free(x->server.last);
	x->server.last = NULL;
	deliver_one(x, "a@partner.example");
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
	assert_int_equal(x->server.connections, 2);
	/* Another requirement is another connection. */
	configure(x, MODEL_LEVEL_ENCRYPT);
	deliver_one(x, "a@partner.example");
	expect(x, WIRE_DEFERRED, "no-starttls", "4.7.10");
	assert_int_equal(x->server.connections, 3);
	assert_int_equal(x->server.mails, 4);
}

static void test_mx(void **state)
{
	struct fixture *x = *state;

	add_mx(x, "far.example", 10, "gone.far.example");
	add_mx(x, "far.example", 20, "mx.far.example");
	add_mx(x, "far.example", 30, "me.example");
	add_a(x, "mx.far.example");
	deliver_one(x, "a@far.example");
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
	assert_string_equal(x->outcome.recipients.items[0].host, "mx.far.example");
	add_a(x, "implicit.example");
	deliver_one(x, "a@implicit.example");
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
	deliver_one(x, "a@[127.0.0.1]");
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
}

static void test_mx_failures(void **state)
{
	struct fixture *x = *state;

	add_mx(x, "null.example", 0, "");
	deliver_one(x, "a@null.example");
	expect(x, WIRE_FAILED, "null-mx", "5.1.10");
	deliver_one(x, "a@nowhere.example");
	expect(x, WIRE_FAILED, "dns", "5.1.2");
	add_mx(x, "loop.example", 10, "me.example");
	deliver_one(x, "a@loop.example");
	expect(x, WIRE_FAILED, "loop", "5.4.6");
	dns_table_add(x->d.dns, "broken.example", DNS_MX, WIRE_DNS_FAILED, (struct str){0});
	deliver_one(x, "a@broken.example");
	expect(x, WIRE_DEFERRED, "dns", "4.4.3");
	dns_table_add(x->d.dns, "bogus.example", DNS_MX, WIRE_DNS_BOGUS, (struct str){0});
	deliver_one(x, "a@bogus.example");
	expect(x, WIRE_DEFERRED, "dns", "4.4.3");
	assert_int_equal(x->server.connections, 0);
}

static void test_own_name_in_greeting(void **state)
{
	struct fixture *x = *state;

	x->server.greeting = "220 ME.example ESMTP";
	add_a(x, "implicit.example");
	deliver_one(x, "a@implicit.example");
	expect(x, WIRE_FAILED, "loop", "5.4.6");
	assert_int_equal(x->server.mails, 0);
}

static void test_unreachable(void **state)
{
	struct fixture *x = *state;

	evconnlistener_free(x->server.listener);
	x->server.listener = NULL;
	deliver_one(x, "a@partner.example");
	expect(x, WIRE_DEFERRED, "connect", "4.4.1");
	assert_true(x->outcome.host_dead);
	assert_int_equal(x->outcome.receipts.items[0].attempt, RECEIPT_ATTEMPT_NONE);
	deliver_testing_start(&x->server, x->d.base);
}

/* Without a descriptor nothing is learnt of the host. */
static void test_no_descriptors(void **state)
{
	struct fixture *x = *state;
	struct rlimit before, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	deliver_one(x, "a@partner.example");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	expect(x, WIRE_DEFERRED, "connect", "4.4.1");
	assert_false(x->outcome.host_dead);
	deliver_one(x, "a@partner.example");
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
}

static void test_replies(void **state)
{
	static const struct {
		const char *greeting, *mail, *rcpt, *end;
		int result;
		const char *token, *enhanced;
	} rows[] = {
		{"554 5.7.1 go away", NULL, NULL, NULL, WIRE_DEFERRED, "smtp", "4.3.2"},
		{"521 no mail", NULL, NULL, NULL, WIRE_FAILED, "smtp", "5.3.2"},
		{"421 4.3.2 busy", NULL, NULL, NULL, WIRE_DEFERRED, "smtp", "4.3.2"},
		{NULL, "451 4.3.0 later", NULL, NULL, WIRE_DEFERRED, "smtp", "4.3.0"},
		{NULL, NULL, "550 5.1.1 who", NULL, WIRE_FAILED, "smtp", "5.1.1"},
		{NULL, NULL, "421 4.7.0 enough", NULL, WIRE_DEFERRED, "smtp", "4.7.0"},
		{NULL, NULL, NULL, "554 5.6.0 no", WIRE_FAILED, "smtp", "5.6.0"},
		{NULL, NULL, NULL, "421 4.3.1 full", WIRE_DEFERRED, "connection-lost", "4.3.1"},
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		deliver_pool_clear(x->d.pool);
		x->server.greeting = rows[i].greeting;
		x->server.mail = rows[i].mail;
		x->server.rcpt = rows[i].rcpt;
		x->server.end = rows[i].end;
		deliver_one(x, "a@partner.example");
		expect(x, rows[i].result, rows[i].token, rows[i].enhanced);
		assert_false(x->outcome.host_dead);
	}
}

/* ---- TLS ------------------------------------------------------------------------------------- */

static void test_ladder(void **state)
{
	struct fixture *x = *state;

	x->server.ehlo = "250-mx.example\r\n250 STARTTLS";
	x->server.drops_handshakes = true;
	deliver_one(x, "a@partner.example");
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
	assert_int_equal(x->server.connections, 3);
	assert_int_equal(x->server.handshakes, 2);
	assert_int_equal(x->outcome.receipts.items[0].attempt, RECEIPT_ATTEMPT_CLEAR);
	assert_int_equal(x->hosts, 1);
	assert_int_equal(x->host.attempt, RECEIPT_ATTEMPT_CLEAR);
	/* Remembered: clear at once. */
	deliver_pool_clear(x->d.pool);
	deliver_one(x, "a@partner.example");
	assert_int_equal(x->server.connections, 4);
	assert_int_equal(x->server.handshakes, 2);
	/* What is remembered does not weaken a requirement. */
	configure(x, MODEL_LEVEL_ENCRYPT);
	deliver_one(x, "a@partner.example");
	expect(x, WIRE_DEFERRED, "handshake-failed", "4.7.10");
	assert_int_equal(x->server.handshakes, 4);
	assert_int_equal(x->server.mails, 2);
}

static void test_no_clear_where_the_node_forbids_it(void **state)
{
	struct fixture *x = *state;

	x->server.ehlo = "250-mx.example\r\n250 STARTTLS";
	x->server.drops_handshakes = true;
	x->d.node->tls.on_handshake_failure = MODEL_FAILURE_DEFER;
	deliver_one(x, "a@partner.example");
	expect(x, WIRE_DEFERRED, "handshake-failed", "4.7.10");
	assert_int_equal(x->server.mails, 0);
}

static void test_text_injected_before_the_handshake(void **state)
{
	struct fixture *x = *state;

	x->server.ehlo = "250-mx.example\r\n250 STARTTLS";
	x->server.injects = true;
	configure(x, MODEL_LEVEL_ENCRYPT);
	deliver_one(x, "a@partner.example");
	expect(x, WIRE_DEFERRED, "handshake-failed", "4.7.10");
	assert_int_equal(x->server.mails, 0);
}

/* ---- at home --------------------------------------------------------------------------------- */

static void configure_domains(struct fixture *x, struct model_organisation *organisations,
	struct model_domain *domains, size_t count)
{
	struct model_config config = {0};

	config.organisations.items = organisations;
	config.organisations.count = count;
	config.domains.items = domains;
	config.domains.count = count;
	deliver_config_release(&x->d.config);
	x->d.config = mem_new(sizeof(*x->d.config));
	x->d.config->references = 1;
	x->d.config->snapshot = policy_snapshot_new(&config, ++x->generation);
}

static void configure_delivery(struct fixture *x, const char *delivery)
{
	struct model_organisation organisation = {.name = "contoso"};
	struct model_domain domain = {
		.name = "home.example", .organisation = "contoso", .delivery = delivery};

	configure_domains(x, &organisation, &domain, 1);
}

static size_t count_files(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

static void test_maildir(void **state)
{
	struct fixture *x = *state;
	char root[] = "/tmp/test-deliver-XXXXXX";
	const char *roots = mkdtemp(root);

	assert_non_null(roots);
	x->d.node->maildirs = (struct record_texts){&roots, 1};
	/* A relative path lies below the first directory for Maildirs. */
	configure_delivery(x, "maildir:mail/{local}");
	deliver_one(x, "joe@home.example");
	expect(x, WIRE_DELIVERED, "ok", "2.0.0");
	assert_false(x->outcome.recipients.items[0].passed_on);
	assert_int_equal(x->outcome.receipts.items[0].attempt, RECEIPT_ATTEMPT_LOCAL);
	assert_int_equal(count_files(arena_format(x->arena, "%s/mail/joe/new", root)), 2);
	assert_int_equal(count_files(arena_format(x->arena, "%s/mail/joe/tmp", root)), 0);
	x->content[0] = '\0';
	deliver_one(x, "joe@home.example");
	expect(x, WIRE_DELIVERED, "ok", "2.0.0");
	assert_int_equal(count_files(arena_format(x->arena, "%s/mail/joe/new", root)), 4);
}

static void test_lmtp(void **state)
{
	struct fixture *x = *state;

	/* A reply for each recipient. */
	x->server.end = "250 2.0.0 one\r\n452 4.2.2 two is full";
	configure_delivery(x, arena_format(x->arena, "lmtp:127.0.0.1:%u", x->server.port));
	deliver_one(x, "joe@home.example");
	assert_int_equal(x->outcome.recipients.items[0].result, WIRE_DELIVERED);
	assert_int_equal(x->outcome.recipients.items[1].result, WIRE_DEFERRED);
	assert_string_equal(x->outcome.recipients.items[1].enhanced, "4.2.2");
	assert_non_null(strstr(x->server.commands, "LHLO me.example"));
}

/* One server for the domains of two organisations. */
static void test_one_server_for_two_organisations(void **state)
{
	struct fixture *x = *state;
	const char *delivery = arena_format(x->arena, "smtp:127.0.0.1:%u", x->server.port);
	struct model_organisation organisations[] = {{.name = "contoso"}, {.name = "fabrikam"}};
	struct model_domain domains[] = {
		{.name = "home.example", .organisation = "contoso", .delivery = delivery},
		{.name = "other.example", .organisation = "fabrikam", .delivery = delivery},
	};
	struct wire_recipient to[] = {{.number = 1, .address = "joe@home.example"},
		{.number = 2, .address = "eve@other.example", .receiver = "fabrikam"}};
	struct wire_job job = {.id = 1,
		.sender = "s@home.example",
		.organisation = "contoso",
		.recipients = {to, 2},
		.size = (int64_t)strlen(x->content)};
	const struct wire_recipient_outcome *o;

	configure_domains(x, organisations, domains, 2);
	deliver_job_begin(&x->d, &job);
	wait_outcome(x, 1);
	o = x->outcome.recipients.items;
	assert_int_equal(x->outcome.recipients.count, 2);
	/* Each has the receipt, and the header fields, of its own organisation. */
	assert_int_equal(x->outcome.receipts.count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(o[i].result, WIRE_RELAYED);
		assert_string_equal(x->outcome.receipts.items[o[i].receipt].organisation,
			organisations[i].name);
	}
	assert_int_equal(x->server.mails, 2);
}

/* A host of that name is no socket: only what this installation delivers by LMTP is. */
static void test_host_called_unix(void **state)
{
	struct fixture *x = *state;
	const char *hosts[] = {"unix:25"};
	struct policy_outbound route = {.type = POLICY_ROUTE_HOSTS, .hosts = {hosts, 1}};
	struct deliver_target targets[DELIVER_MAX_HOSTS];

	assert_int_equal(deliver_way_named(&x->d, &route, x->arena, targets), 1);
	assert_false(targets[0].is_unix);
	assert_string_equal(targets[0].host, "unix");
	assert_int_equal(targets[0].port, 25);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_delivered),
		TEST(test_passed_on),
		TEST(test_reuse),
		TEST(test_mx),
		TEST(test_mx_failures),
		TEST(test_own_name_in_greeting),
		TEST(test_unreachable),
		TEST(test_no_descriptors),
		TEST(test_replies),
		TEST(test_ladder),
		TEST(test_no_clear_where_the_node_forbids_it),
		TEST(test_text_injected_before_the_handshake),
		TEST(test_maildir),
		TEST(test_lmtp),
		TEST(test_host_called_unix),
		TEST(test_one_server_for_two_organisations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
