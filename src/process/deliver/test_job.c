/* Jobs, from the spool's word to its outcome, against a server that does as it is told. */
#include "process/deliver/inside.h"
#include "process/deliver/testing.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- the installation ------------------------------------------------------------------------ */

struct fixture {
	struct deliver d;
	struct deliver_testing_server server, other; /* the other one is not always there */
	uint64_t generation;
	struct ipc *spool;
	struct arena *arena;
	char content[64];
	bool is_silent; /* the spool gives no content */
	/* what the spool heard last */
	int outcomes, hosts;
	struct wire_outcome outcome;
	struct wire_host host;
};

static void on_body_get(struct fixture *x, const struct wire_body_get *get)
{
	struct deliver_job *job = deliver_job_find(&x->d, get->job);
	struct wire_body chunk = {.job = get->job, .offset = get->offset};

	if (job == NULL || x->is_silent)
		return;
	chunk.data = str_part(
		str_of(x->content), (size_t)get->offset, (size_t)(get->offset + get->length));
	deliver_body_chunk(job->body, &chunk);
}

static void on_spool(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct fixture *x = context;

	(void)ipc;
	if (type == WIRE_BODY_GET)
		on_body_get(x, record);
	if (type == WIRE_HOST) {
		x->hosts++;
		record_copy(&wire_host_desc, record, x->arena, &x->host);
	}
	if (type == WIRE_OUTCOME) {
		x->outcomes++;
		record_copy(&wire_outcome_desc, record, x->arena, &x->outcome);
		event_base_loopbreak(x->d.base);
	}
}

static void ignore_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	(void)context;
	(void)ipc;
	(void)type;
	(void)record;
}

static void ignore_closed(void *context, struct ipc *ipc)
{
	(void)context;
	(void)ipc;
}

static const struct ipc_handlers near_handlers = {ignore_message, ignore_closed, NULL};
static const struct ipc_handlers far_handlers = {on_spool, ignore_closed, NULL};

static void connect_spool(struct fixture *x)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	x->d.spool = ipc_new(x->d.base, fds[0], &near_handlers, x);
	x->spool = ipc_new(x->d.base, fds[1], &far_handlers, x);
}

static void configure(struct fixture *x, int required)
{
	struct model_outbound outbound = {.cost = 10, .tls = required};
	struct model_organisation organisation = {.name = "contoso"};
	struct model_connector connector = {.name = "partner",
		.organisation = "contoso",
		.enabled = true,
		.outbound = &outbound};
	static const char *patterns[] = {"partner.example"};
	const char *hosts[] = {arena_format(x->arena, "127.0.0.1:%u", x->server.port),
		arena_format(x->arena, "127.0.0.1:%u", x->other.port)};
	struct model_config config = {0};

	outbound.recipient_domains = (struct record_texts){patterns, 1};
	outbound.smart_hosts = (struct record_texts){hosts, x->other.port != 0 ? 2 : 1};
	config.organisations.items = &organisation;
	config.organisations.count = 1;
	config.connectors.items = &connector;
	config.connectors.count = 1;
	deliver_config_release(&x->d.config);
	x->d.config = mem_new(sizeof(*x->d.config));
	x->d.config->references = 1;
	x->d.config->snapshot = policy_snapshot_new(&config, ++x->generation);
}

static int setup(void **state)
{
	struct fixture *x = mem_new(sizeof(*x));
	struct deliver *d = &x->d;
	struct tls_context_options options = {.cached_sessions = 10};

	x->arena = d->arena = arena_new();
	d->base = event_base_new();
	d->node = arena_alloc(d->arena, sizeof(*d->node));
	record_init(&model_node_desc, d->node, d->arena);
	d->hostname = "me.example";
	d->signer = tls_signer_new(d->base);
	assert_int_equal(tls_client_context_new(d->signer, &options, &d->tls, NULL), ERR_OK);
	d->anchors = map_new(0);
	d->dns = dns_table_new(d->base);
	d->memory = deliver_memory_new();
	d->pool = deliver_pool_new();
	d->slots = deliver_slots_new();
	d->maildir = deliver_maildir_new(d->base, "me.example");
	deliver_testing_start(&x->server, d->base);
	d->node->ports.smtp = x->server.port;
	connect_spool(x);
	configure(x, MODEL_LEVEL_NONE);
	snprintf(x->content, sizeof(x->content), "Subject: x\r\n\r\n.hello\r\n");
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;
	struct deliver *d = &x->d;

	deliver_pool_free(&d->pool);
	evconnlistener_free(x->server.listener);
	if (x->server.last != NULL)
		bufferevent_free(x->server.last);
	/* Links free themselves from the loop. */
	event_base_loop(d->base, EVLOOP_NONBLOCK);
	ipc_free(&d->spool);
	ipc_free(&x->spool);
	deliver_slots_free(&d->slots);
	deliver_maildir_free(&d->maildir);
	deliver_memory_free(&d->memory);
	deliver_config_release(&d->config);
	dns_free(&d->dns);
	map_free(&d->anchors);
	tls_context_free(&d->tls);
	tls_signer_free(&d->signer);
	arena_free(&d->arena);
	event_base_free(d->base);
	free(x);
	return 0;
}

static void begin(struct fixture *x, int64_t id, const char *recipient)
{
	struct wire_recipient to[2] = {
		{.number = 4, .address = recipient}, {.number = 7, .address = recipient}};
	struct wire_job job = {.id = id,
		.message = 99,
		.sender = "s@contoso.example",
		.organisation = "contoso",
		.size = (int64_t)strlen(x->content)};

	job.recipients.items = to;
	job.recipients.count = 2;
	deliver_job_begin(&x->d, &job);
}

static void wait_outcome(struct fixture *x, int count)
{
	struct timeval deadline = {20, 0};

	event_base_loopexit(x->d.base, &deadline);
	while (x->outcomes < count && !event_base_got_exit(x->d.base))
		event_base_loop(x->d.base, EVLOOP_ONCE);
	assert_int_equal(x->outcomes, count);
}

static void deliver_one(struct fixture *x, const char *recipient)
{
	begin(x, 1, recipient);
	wait_outcome(x, x->outcomes + 1);
	assert_int_equal(x->outcome.recipients.count, 2);
}

static void expect(struct fixture *x, int result, const char *token, const char *enhanced)
{
	for (size_t i = 0; i < 2; i++) {
		const struct wire_recipient_outcome *o = &x->outcome.recipients.items[i];

		assert_int_equal(o->number, i == 0 ? 4 : 7);
		if (o->result != result || strcmp(o->token, token) != 0 ||
			strcmp(o->enhanced, enhanced) != 0)
			fail_msg(
				"result %d, %s, %s: %s", o->result, o->token, o->enhanced, o->text);
	}
}

static void add_mx(struct fixture *x, const char *domain, uint16_t preference, const char *host)
{
	unsigned char rdata[260] = {(unsigned char)(preference >> 8), (unsigned char)preference};
	size_t at = 2;
	struct str rest = str_of(host);

	while (rest.n > 0) {
		struct str label = str_cut(&rest, '.');

		rdata[at++] = (unsigned char)label.n;
		memcpy(rdata + at, label.p, label.n);
		at += label.n;
	}
	dns_table_add(x->d.dns, domain, DNS_MX, WIRE_DNS_INSECURE, str_make(rdata, at + 1));
}

static void add_a(struct fixture *x, const char *host)
{
	dns_table_add(x->d.dns, host, DNS_A, WIRE_DNS_INSECURE, (struct str)STR("\x7f\0\0\x01"));
}

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

static bool is_connected(void *context)
{
	const struct fixture *x = context;

	return x->server.connections > 0;
}

static bool wants_handshake(void *context)
{
	const struct fixture *x = context;

	return strstr(x->server.commands, "EHLO") != NULL;
}

static void run_until(struct fixture *x, bool (*condition)(void *))
{
	struct timeval deadline = {20, 0};

	event_base_loopexit(x->d.base, &deadline);
	while (!condition(x) && !event_base_got_exit(x->d.base))
		event_base_loop(x->d.base, EVLOOP_ONCE);
	assert_true(condition(x));
}

/* A requirement that is new when the connection stands holds for it. */
static void test_requirement_before_mail(void **state)
{
	struct fixture *x = *state;

	begin(x, 1, "a@partner.example");
	run_until(x, is_connected);
	configure(x, MODEL_LEVEL_ENCRYPT);
	wait_outcome(x, 1);
	expect(x, WIRE_NOT_TRIED, "reconfigured", "4.3.2");
	assert_int_equal(x->server.mails, 0);
	deliver_one(x, "a@partner.example");
	expect(x, WIRE_DEFERRED, "no-starttls", "4.7.10");
	assert_int_equal(x->server.mails, 0);
}

/* A connection keeps the TLS settings that it began with. */
static void test_settings_before_handshake(void **state)
{
	struct fixture *x = *state;
	struct tls_context_options options = {0};

	x->server.ehlo = "250-mx.example\r\n250 STARTTLS";
	x->server.drops_handshakes = true;
	begin(x, 1, "a@partner.example");
	run_until(x, wants_handshake);
	tls_context_free(&x->d.tls);
	assert_int_equal(tls_client_context_new(x->d.signer, &options, &x->d.tls, NULL), ERR_OK);
	wait_outcome(x, 1);
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
	assert_int_equal(x->server.handshakes, 2);
}

/* What one host did with TLS is not remembered of the next one. */
static void test_ladder_is_of_one_host(void **state)
{
	struct fixture *x = *state;
	uint16_t port;

	deliver_one(x, "a@partner.example");
	assert_int_equal(deliver_pool_count(x->d.pool), 1);
	/* Now another host stands in front of the one whose connection is kept. */
	deliver_testing_start(&x->other, x->d.base);
	x->other.ehlo = "250-mx.example\r\n250 STARTTLS";
	x->other.drops_handshakes = true;
	x->d.node->tls.on_handshake_failure = MODEL_FAILURE_DEFER;
	port = x->server.port;
	x->server.port = x->other.port;
	x->other.port = port;
	configure(x, MODEL_LEVEL_NONE);
	deliver_one(x, "a@partner.example");
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
	assert_int_equal(x->other.handshakes, 2);
	assert_int_equal(x->server.mails, 2);
	assert_int_equal(x->hosts, 0);
	evconnlistener_free(x->other.listener);
}

/* ---- at home --------------------------------------------------------------------------------- */

static void configure_delivery(struct fixture *x, const char *delivery)
{
	struct model_organisation organisation = {.name = "contoso"};
	struct model_domain domain = {
		.name = "home.example", .organisation = "contoso", .delivery = delivery};
	struct model_config config = {0};

	config.organisations.items = &organisation;
	config.organisations.count = 1;
	config.domains.items = &domain;
	config.domains.count = 1;
	deliver_config_release(&x->d.config);
	x->d.config = mem_new(sizeof(*x->d.config));
	x->d.config->references = 1;
	x->d.config->snapshot = policy_snapshot_new(&config, ++x->generation);
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

/* ---- the spool goes away --------------------------------------------------------------------- */

static bool data_has_come(void *context)
{
	const struct fixture *x = context;

	return x->server.in_data;
}

static bool end_has_come(void *context)
{
	const struct fixture *x = context;

	return strstr(x->server.commands, "DATA") != NULL && !x->server.in_data;
}

static void lose_spool(struct fixture *x)
{
	ipc_free(&x->d.spool);
	ipc_free(&x->spool);
	deliver_job_orphan(x->d.jobs);
}

static void test_spool_lost_behind_the_end(void **state)
{
	struct fixture *x = *state;

	x->server.holds_end = true;
	begin(x, 5, "a@partner.example");
	run_until(x, end_has_come);
	lose_spool(x);
	assert_int_equal(x->d.job_count, 1);
	assert_null(deliver_job_find(&x->d, 5));
	connect_spool(x);
	deliver_testing_say(x->server.last, "250 2.0.0 taken");
	wait_outcome(x, 1);
	assert_int_equal(x->outcome.job, 0);
	assert_int_equal(x->outcome.message, 99);
	expect(x, WIRE_RELAYED, "ok", "2.0.0");
}

/* The next spool hears first that it is still under way. */
static void test_orphans_are_reported(void **state)
{
	struct fixture *x = *state;

	for (int i = 1; i <= 2; i++) {
		x->outcomes = 0;
		x->server.holds_end = true;
		x->server.commands[0] = '\0';
		begin(x, 5, "a@partner.example");
		run_until(x, end_has_come);
		lose_spool(x);
		connect_spool(x);
		deliver_job_report(x->d.jobs);
		wait_outcome(x, 1);
		assert_int_equal(x->outcome.job, 0);
		assert_int_equal(x->outcome.message, 99);
		assert_int_equal(x->outcome.recipients.items[0].result, WIRE_UNDER_WAY);
		assert_int_equal(x->outcome.recipients.items[1].number, 7);
		if (i == 1)
			deliver_testing_say(x->server.last, "250 2.0.0 taken");
		else
			bufferevent_free(x->server.last);
		x->server.last = i == 1 ? x->server.last : NULL;
		wait_outcome(x, 2);
		assert_int_equal(x->outcome.recipients.items[0].result,
			i == 1 ? WIRE_RELAYED : WIRE_NOT_TRIED);
		assert_int_equal(x->d.job_count, 0);
	}
}

/* However large the certificates that a server shows, the outcome arrives. */
static void test_huge_receipts(void **state)
{
	enum { NAMES = 900 };
	struct fixture *x = *state;
	const char *names[NAMES];
	struct cert_facts chain[4] = {0};
	struct receipt receipt = {.direction = RECEIPT_OUT, .host = "mx.example"};
	struct deliver_job *job;

	for (size_t i = 0; i < NAMES; i++)
		names[i] = "a-rather-long-name-of-a-host-somewhere.in-a-domain.partner.example";
	for (size_t i = 0; i < ARRAY_LENGTH(chain); i++)
		chain[i].names = (struct record_texts){names, NAMES};
	receipt.chain.items = chain;
	receipt.chain.count = ARRAY_LENGTH(chain);
	begin(x, 5, "a@partner.example");
	job = deliver_job_find(&x->d, 5);
	for (int i = 0; i < DELIVER_RECEIPTS; i++)
		deliver_job_receipt(job, &receipt);
	deliver_job_cancel(job);
	wait_outcome(x, 1);
	assert_int_equal(x->outcome.receipts.count, DELIVER_RECEIPTS);
	assert_int_equal(x->outcome.receipts.items[0].chain.count, 4);
	assert_int_equal(x->outcome.receipts.items[DELIVER_RECEIPTS - 1].chain.count, 0);
}

static void test_spool_lost_before_the_end(void **state)
{
	struct fixture *x = *state;

	x->is_silent = true;
	begin(x, 5, "a@partner.example");
	run_until(x, data_has_come);
	lose_spool(x);
	assert_int_equal(x->d.job_count, 0);
	connect_spool(x);
	event_base_loop(x->d.base, EVLOOP_NONBLOCK);
	assert_int_equal(x->outcomes, 0);
	assert_true(x->server.in_data);
}

static void test_cancel(void **state)
{
	struct fixture *x = *state;

	begin(x, 5, "a@partner.example");
	deliver_job_cancel(deliver_job_find(&x->d, 5));
	wait_outcome(x, 1);
	expect(x, WIRE_NOT_TRIED, "cancelled", "4.3.2");
	assert_int_equal(x->server.connections, 0);
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
		TEST(test_spool_lost_behind_the_end),
		TEST(test_spool_lost_before_the_end),
		TEST(test_orphans_are_reported),
		TEST(test_huge_receipts),
		TEST(test_requirement_before_mail),
		TEST(test_settings_before_handshake),
		TEST(test_ladder_is_of_one_host),
		TEST(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
