#include "process/deliver/testing_job.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

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

void connect_spool(struct fixture *x)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	x->d.spool = ipc_new(x->d.base, fds[0], &near_handlers, x);
	x->spool = ipc_new(x->d.base, fds[1], &far_handlers, x);
}

void configure(struct fixture *x, int required)
{
	struct model_outbound outbound = {.cost = 10, .tls = required};
	struct model_organisation organisation = {.name = "contoso"};
	struct model_connector connector = {.name = "partner",
		.organisation = "contoso",
		.enabled = !x->is_disabled,
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

int setup(void **state)
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
	d->trust = tls_trust_new();
	d->dns = dns_table_new(d->base);
	d->inquiry = inquiry_new(d->base);
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

int teardown(void **state)
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
	inquiry_free(&d->inquiry);
	tls_trust_free(&d->trust);
	tls_context_free(&d->tls);
	tls_signer_free(&d->signer);
	arena_free(&d->arena);
	event_base_free(d->base);
	free(x);
	return 0;
}

void begin(struct fixture *x, int64_t id, const char *recipient)
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

void wait_outcome(struct fixture *x, int count)
{
	struct timeval deadline = {60, 0};

	event_base_loopexit(x->d.base, &deadline);
	while (x->outcomes < count && !event_base_got_exit(x->d.base))
		event_base_loop(x->d.base, EVLOOP_ONCE);
	assert_int_equal(x->outcomes, count);
}

void deliver_one(struct fixture *x, const char *recipient)
{
	begin(x, 1, recipient);
	wait_outcome(x, x->outcomes + 1);
	assert_int_equal(x->outcome.recipients.count, 2);
}

void expect(struct fixture *x, int result, const char *token, const char *enhanced)
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

void add_mx(struct fixture *x, const char *domain, uint16_t preference, const char *host)
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

void add_a(struct fixture *x, const char *host)
{
	dns_table_add(x->d.dns, host, DNS_A, WIRE_DNS_INSECURE, (struct str)STR("\x7f\0\0\x01"));
}

void run_until(struct fixture *x, bool (*condition)(void *))
{
	struct timeval deadline = {60, 0};

	event_base_loopexit(x->d.base, &deadline);
	while (!condition(x) && !event_base_got_exit(x->d.base))
		event_base_loop(x->d.base, EVLOOP_ONCE);
	assert_true(condition(x));
}
