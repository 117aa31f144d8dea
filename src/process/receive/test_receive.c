/*
 * The receiving process in one loop with its neighbours: the spool and the keys process are played
 * here, clients come by TCP over the loopback.
 */
#include "base/moment.h"
#include "port/tls/test_certs.h"
#include "process/receive/internal.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

enum { PATIENCE_MS = 10000, MAX_BODY = 4 * 1024 * 1024 };

static struct event_base *base;

/* ---- the spool
 * ----------------------------------------------------------------------------------- */

static struct {
	struct ipc *ipc;
	struct arena *arena;
	bool holds_credit;  /* gives none back */
	bool holds_verdict; /* leaves commits unanswered */
	enum err verdict;
	struct buf body;
	int64_t body_id, aborted, unpaid;
	size_t messages, events;
	struct wire_message last; /* in the arena */
	struct wire_event event;
} spool;

static void spool_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	const struct wire_data *data = record;
	const struct wire_message *message = record;
	struct wire_credit credit;
	struct wire_done done = {.error = spool.verdict};

	(void)context;
	switch (type) {
	case WIRE_ACCEPT_DATA:
		if (data->id != spool.body_id)
			buf_clear(&spool.body);
		spool.body_id = data->id;
		assert_true(data->data.n <= WIRE_CHUNK);
		assert_int_equal(buf_put(&spool.body, data->data), ERR_OK);
		spool.unpaid += (int64_t)data->data.n;
		assert_true(spool.unpaid <= WIRE_WINDOW);
		if (spool.holds_credit)
			break;
		credit = (struct wire_credit){data->id, spool.unpaid};
		spool.unpaid = 0;
		ipc_send(ipc, WIRE_ACCEPT_CREDIT, &credit);
		break;
	case WIRE_ACCEPT_COMMIT:
		record_copy(&wire_message_desc, message, spool.arena, &spool.last);
		assert_int_equal(message->id, spool.body_id);
		assert_int_equal(message->size, buf_length(&spool.body));
		spool.messages++;
		spool.unpaid = 0;
		done.id = message->id;
		if (!spool.holds_verdict)
			ipc_send(ipc, WIRE_ACCEPT_DONE, &done);
		break;
	case WIRE_ACCEPT_ABORT:
		spool.aborted = ((const struct wire_id *)record)->id;
		spool.unpaid = 0;
		break;
	case WIRE_EVENT:
		record_copy(&wire_event_desc, record, spool.arena, &spool.event);
		spool.events++;
		break;
	default:
		fail_msg("unexpected %s", wire_types[type].name);
	}
}

static void spool_closed(void *context, struct ipc *ipc)
{
	(void)context;
	(void)ipc;
	ipc_free(&spool.ipc);
}

static void send_object(enum model_kind kind, const void *object)
{
	struct wire_config_object wire = {.kind = kind};
	struct buf data;

	buf_init(&data, WIRE_MAX_PAYLOAD);
	assert_int_equal(record_encode(model_kinds[kind].desc, object, &data), ERR_OK);
	wire.data = buf_str(&data);
	ipc_send(spool.ipc, WIRE_CONFIG_OBJECT, &wire);
	buf_free(&data);
}

static void send_config(int64_t generation, const char *trust)
{
	struct wire_config_mark mark = {generation};
	struct model_organisation organisation;
	struct model_domain domain;
	struct model_connector connector;
	struct model_inbound inbound;
	const char *senders[] = {"fabrikam.example"};
	struct arena *arena CLEANUP(arena_free) = arena_new();

	record_init(&model_organisation_desc, &organisation, arena);
	record_init(&model_domain_desc, &domain, arena);
	record_init(&model_connector_desc, &connector, arena);
	record_init(&model_inbound_desc, &inbound, arena);
	organisation.name = "contoso";
	domain.name = "contoso.example";
	domain.organisation = "contoso";
	domain.delivery = "maildir:/nowhere/{local}";
	connector.name = "fabrikam";
	connector.organisation = "contoso";
	connector.enabled = true;
	connector.trust = trust;
	connector.inbound = &inbound;
	inbound.sender_domains = (struct record_texts){senders, 1};
	inbound.require_tls = true;
	inbound.certificate_name = "mx.fabrikam.example";
	inbound.restrict_to_certificate = true;
	ipc_send(spool.ipc, WIRE_CONFIG_BEGIN, &mark);
	send_object(MODEL_ORGANISATION, &organisation);
	send_object(MODEL_DOMAIN, &domain);
	send_object(MODEL_CONNECTOR, &connector);
	ipc_send(spool.ipc, WIRE_CONFIG_END, &mark);
}

static void connect_spool(void *receive)
{
	static const struct ipc_handlers handlers = {spool_message, spool_closed, NULL};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	spool.ipc = ipc_new(base, fds[0], &handlers, NULL);
	receive_process.peer(receive, RUNTIME_SPOOL, 0, fds[1]);
}

/* ---- the keys process
 * ------------------------------------------------------------------------------ */

static struct {
	struct ipc *ipc;
	struct test_cert root, server, client;
	char *server_chain, *client_chain;
	struct tls_signer *signer; /* of the client */
	struct ipc *client_ipc;
} keys;

static bool is_key(const struct test_cert *cert, struct str id)
{
	unsigned char digest[32], *der = NULL;
	int length = i2d_PUBKEY(cert->key, &der);

	EVP_Digest(der, (size_t)length, digest, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return str_equal(id, str_make(digest, sizeof(digest)));
}

static void on_sign(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	const struct wire_sign *ask = record;
	const struct test_cert *cert = is_key(&keys.server, ask->key) ? &keys.server : &keys.client;
	EVP_PKEY_CTX *sign = EVP_PKEY_CTX_new(cert->key, NULL);
	unsigned char signature[512];
	size_t length = sizeof(signature);
	struct wire_signed reply = {.tag = ask->tag};

	(void)context;
	assert_int_equal(type, WIRE_SIGN);
	assert_int_equal(EVP_PKEY_sign_init(sign), 1);
	EVP_PKEY_CTX_set_signature_md(sign, EVP_get_digestbyname(ask->digest));
	assert_int_equal(EVP_PKEY_sign(sign, signature, &length, (const unsigned char *)ask->data.p,
				 ask->data.n),
		1);
	EVP_PKEY_CTX_free(sign);
	reply.signature = str_make(signature, length);
	ipc_send(ipc, WIRE_SIGNED, &reply);
}

static void on_keys_closed(void *context, struct ipc *ipc)
{
	(void)context;
	(void)ipc;
}

static const struct ipc_handlers keys_handlers = {on_sign, on_keys_closed, NULL};

static void make_keys(void)
{
	keys.root = test_cert_make(
		&(struct test_cert_options){.common_name = "Fabrikam root", .is_ca = true});
	keys.server = test_cert_make(&(struct test_cert_options){
		.common_name = "mx.contoso.example", .names = "DNS:mx.contoso.example"});
	keys.client = test_cert_make(&(struct test_cert_options){
		.common_name = "x", .names = "DNS:mx.fabrikam.example", .issuer = &keys.root});
}

static void connect_keys(void *receive)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	keys.ipc = ipc_new(base, fds[0], &keys_handlers, NULL);
	receive_process.peer(receive, RUNTIME_KEYS, 0, fds[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	keys.client_ipc = ipc_new(base, fds[0], &keys_handlers, NULL);
	keys.signer = tls_signer_new(base);
	tls_signer_peer(keys.signer, fds[1]);
}

/* ---- the process under test
 * -------------------------------------------------------------------------- */

static struct {
	struct receive *receive;
	struct arena *arena;
	struct model_node node;
	struct model_listener listeners[2];
	int port, proxy_port;
	bool drained;
} rig;

static void on_drained(struct receive *receive)
{
	(void)receive;
	rig.drained = true;
}

static int listen_somewhere(int *ret_port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(any);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &length), 0);
	*ret_port = ntohs(any.sin_port);
	return fd;
}

static void apply(void)
{
	struct runtime_certificate certificate = {
		.name = "mx", .chain = str_of(keys.server.pem), .key_fd = -1};
	struct runtime_listener listeners[2] = {
		{&rig.node.listeners.items[0], listen_somewhere(&rig.port)},
		{&rig.node.listeners.items[1], listen_somewhere(&rig.proxy_port)}};
	struct runtime_settings settings = {.node = &rig.node,
		.certificates = &certificate,
		.certificate_count = 1,
		.listeners = listeners,
		.listener_count = 2,
		.address_table_fd = -1};
	struct err_info info = {0};

	if (receive_process.apply(rig.receive, &settings, &info) != ERR_OK)
		fail_msg("%s", info.text);
}

static bool has_snapshot(void)
{
	return rig.receive->snapshot != NULL;
}

static void wait_for(bool (*condition)(void))
{
	int64_t until = runtime_ticks_ms() + PATIENCE_MS;

	while (!condition()) {
		struct timeval tick = {0, 20000};

		if (runtime_ticks_ms() > until)
			fail_msg("waited in vain");
		event_base_loopexit(base, &tick);
		event_base_loop(base, EVLOOP_ONCE);
	}
}

static int set_up(void **state)
{
	(void)state;
	base = event_base_new();
	memset(&spool, 0, sizeof(spool));
	spool.arena = arena_new();
	buf_init(&spool.body, MAX_BODY);
	memset(&rig, 0, sizeof(rig));
	rig.arena = arena_new();
	record_init(&model_node_desc, &rig.node, rig.arena);
	rig.node.hostname = "mx.contoso.example";
	rig.node.processes.receive = 1;
	rig.node.listeners.items = rig.listeners;
	rig.node.listeners.count = 2;
	rig.listeners[0] = (struct model_listener){.name = "mx", .address = "127.0.0.1:0"};
	rig.listeners[1] = (struct model_listener){
		.name = "proxied", .address = "127.0.0.1:0", .proxy = true, .tls = MODEL_TLS_OFF};
	rig.receive = receive_new(base, 7);
	rig.receive->drained = on_drained;
	connect_keys(rig.receive);
	connect_spool(rig.receive);
	send_config(1, keys.root.pem);
	apply();
	receive_process.start(rig.receive);
	wait_for(has_snapshot);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	receive_process.destroy(rig.receive);
	tls_signer_free(&keys.signer);
	ipc_free(&keys.ipc);
	ipc_free(&keys.client_ipc);
	ipc_free(&spool.ipc);
	arena_free(&spool.arena);
	arena_free(&rig.arena);
	buf_free(&spool.body);
	event_base_free(base);
	return 0;
}

/* ---- a client
 * ----------------------------------------------------------------------------------------- */

static struct {
	int fd;
	struct tls_context *context;
	struct tls_session *tls;
	bool is_up, is_closed;
	struct buf got;
} client;

static void come(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	memset(&client, 0, sizeof(client));
	buf_init(&client.got, 1 << 20);
	client.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client.fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(fcntl(client.fd, F_SETFL, O_NONBLOCK), 0);
}

static void leave(void)
{
	tls_session_free(&client.tls);
	tls_context_free(&client.context);
	buf_free(&client.got);
	close(client.fd);
}

/* Let the loop turn once, and take what has come. */
static void turn(void)
{
	char bytes[4096];

	event_base_loop(base, EVLOOP_NONBLOCK);
	if (client.tls != NULL)
		return;
	for (;;) {
		ssize_t count = recv(client.fd, bytes, sizeof(bytes), 0);

		client.is_closed = client.is_closed || count == 0;
		if (count <= 0)
			return;
		buf_put(&client.got, str_make(bytes, (size_t)count));
	}
}

static void say(const char *text)
{
	struct str rest = str_of(text);
	int64_t until = runtime_ticks_ms() + PATIENCE_MS;

	while (rest.n > 0 && runtime_ticks_ms() < until) {
		size_t n = 0;

		if (client.tls != NULL) {
			(void)tls_write(client.tls, rest.p, rest.n, &n);
		} else {
			ssize_t count = send(client.fd, rest.p, rest.n, MSG_NOSIGNAL);

			n = count > 0 ? (size_t)count : 0;
		}
		rest = str_part(rest, n, rest.n);
		turn();
	}
	assert_int_equal(rest.n, 0);
}

/* The next reply, all its lines, begins with this. */
static void expect(const char *prefix)
{
	int64_t until = runtime_ticks_ms() + PATIENCE_MS;

	for (;;) {
		struct str rest = buf_str(&client.got);
		size_t before = rest.n;
		struct str line = str_cut(&rest, '\n');

		if (line.n == before || line.n < 4) {
			if (runtime_ticks_ms() > until)
				fail_msg("waited in vain for %s", prefix);
			turn();
			continue;
		}
		if (line.p[3] == ' ' &&
			!str_equal(str_part(line, 0, strlen(prefix)), str_of(prefix)))
			fail_msg("expected %s, got %.*s", prefix, STR_ARGS(line));
		if (line.p[3] == ' ') {
			buf_take(&client.got, before - rest.n);
			return;
		}
		buf_take(&client.got, before - rest.n);
	}
}

static void expect_end(void)
{
	int64_t until = runtime_ticks_ms() + PATIENCE_MS;

	while (!client.is_closed && runtime_ticks_ms() < until)
		turn();
	assert_true(client.is_closed);
}

static void dialog(const char *const *lines, size_t count)
{
	for (size_t i = 0; i < count; i += 2) {
		if (lines[i] != NULL)
			say(lines[i]);
		expect(lines[i + 1]);
	}
}
#define DIALOG(...)                                                                                \
	dialog((const char *const[]){__VA_ARGS__},                                                 \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* ---- tests
 * ---------------------------------------------------------------------------------------------- */

static void accepts_a_message(void **state)
{
	const char *body;

	(void)state;
	come(rig.port);
	DIALOG(NULL, "220 mx.contoso.example", "EHLO client.example\r\n", "250 ",
		"MAIL FROM:<a@else.example> RET=HDRS ENVID=q1\r\n", "250 2.1.0",
		"RCPT TO:<bob@contoso.example> NOTIFY=DELAY ORCPT=rfc822;b@c\r\n", "250 2.1.5",
		"DATA\r\n", "354",
		"Received: x\r\nSubject: hi\r\nMessage-ID: <1@x>\r\n\r\n..dot\xff\r\n.\r\n",
		"250 2.0.0 Ok: queued as ", "QUIT\r\n", "221");
	expect_end();
	leave();
	assert_int_equal(spool.messages, 1);
	assert_string_equal(spool.last.sender, "a@else.example");
	assert_string_equal(spool.last.envelope_id, "q1");
	assert_int_equal(spool.last.ret, WIRE_RET_HEADERS);
	assert_int_equal(spool.last.body, WIRE_BODY_8BITMIME);
	assert_int_equal(spool.last.hops, 1);
	assert_string_equal(spool.last.message_id, "<1@x>");
	assert_string_equal(spool.last.subject, "hi");
	assert_string_equal(spool.last.helo, "client.example");
	assert_int_equal(spool.last.id >> 12 & 1023, 7);
	assert_int_equal(spool.last.recipients.count, 1);
	assert_string_equal(spool.last.recipients.items[0].address, "bob@contoso.example");
	assert_string_equal(spool.last.recipients.items[0].original, "rfc822;b@c");
	assert_int_equal(spool.last.recipients.items[0].notify, WIRE_NOTIFY_DELAY);
	assert_string_equal(spool.last.recipients.items[0].organisation, "contoso");
	assert_string_equal(spool.last.receipt.peer_address, "127.0.0.1");
	assert_string_equal(spool.last.receipt.listener, "mx");
	body = buf_text(&spool.body);
	assert_true(str_starts_nocase(
		str_of(body), str_of("Received: from client.example ([127.0.0.1])\r\n")));
	assert_non_null(strstr(body, "with ESMTP id "));
	assert_non_null(strstr(body, "for <bob@contoso.example>;"));
	assert_non_null(strstr(body, "\r\n\r\n.dot\xff\r\n"));
}

static void refuses_by_policy_and_reports_it(void **state)
{
	(void)state;
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<a@else.example>\r\n", "250",
		"RCPT TO:<x@nowhere.example>\r\n", "550 5.7.64",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "RSET\r\n", "250",
		"MAIL FROM:<a@fabrikam.example>\r\n", "250", "RCPT TO:<bob@contoso.example>\r\n",
		"5", "DATA\r\n", "554 5.5.1", "QUIT\r\n", "221");
	leave();
	assert_int_equal(spool.events, 2);
	assert_string_equal(spool.event.kind, "refused");
	assert_string_equal(spool.event.sender, "a@fabrikam.example");
	assert_string_equal(spool.event.recipient, "bob@contoso.example");
	assert_string_equal(spool.event.connector, "fabrikam");
	assert_string_equal(spool.event.receipt->token, spool.event.token);
	assert_int_equal(rig.receive->refused, 2);
}

static bool spool_is_gone(void)
{
	return rig.receive->spool == NULL;
}

static bool has_committed(void)
{
	return spool.messages > 0;
}

static void survives_the_loss_of_the_spool(void **state)
{
	(void)state;
	come(rig.port);
	spool.holds_verdict = true;
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354");
	say("x\r\n.\r\n");
	wait_for(has_committed);
	ipc_free(&spool.ipc);
	expect("451 4.3.0");
	/* Lost within the content: it is read to its end, then refused. */
	connect_spool(rig.receive);
	DIALOG("MAIL FROM:<>\r\n", "250", "RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n",
		"354");
	ipc_free(&spool.ipc);
	wait_for(spool_is_gone);
	DIALOG("x\r\n.\r\n", "451 4.3.0", "MAIL FROM:<>\r\n", "451 4.3.0");
	/* And between the recipients. */
	connect_spool(rig.receive);
	DIALOG("MAIL FROM:<>\r\n", "250", "RCPT TO:<bob@contoso.example>\r\n", "250");
	ipc_free(&spool.ipc);
	wait_for(spool_is_gone);
	DIALOG("DATA\r\n", "451 4.3.0");
	connect_spool(rig.receive);
	spool.holds_verdict = false;
	DIALOG("MAIL FROM:<>\r\n", "250", "RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n",
		"354", "x\r\n.\r\n", "250 2.0.0", "QUIT\r\n", "221");
	leave();
	assert_int_equal(map_count(rig.receive->transactions), 0);
}

static bool intake_is_closed(void)
{
	return rig.receive->intake_closed;
}

static void says_when_there_is_no_room(void **state)
{
	struct wire_intake closed = {.open = false, .reason = "disk-full"};

	(void)state;
	come(rig.port);
	spool.verdict = ERR_FULL;
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354", "x\r\n.\r\n",
		"452 4.3.1");
	spool.verdict = ERR_IO;
	DIALOG("MAIL FROM:<>\r\n", "250", "RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n",
		"354", "x\r\n.\r\n", "451 4.3.0");
	ipc_send(spool.ipc, WIRE_INTAKE, &closed);
	wait_for(intake_is_closed);
	DIALOG("MAIL FROM:<>\r\n", "452 4.3.1", "QUIT\r\n", "221");
	leave();
}

static bool window_is_used_up(void)
{
	return spool.unpaid >= WIRE_WINDOW - WIRE_CHUNK;
}

static void reads_no_more_than_the_spool_takes(void **state)
{
	enum { SIZE = 3 * 1024 * 1024 };
	char *big = mem_new(SIZE + 8);
	struct wire_credit credit;

	(void)state;
	for (size_t i = 0; i < SIZE; i += 64)
		memcpy(big + i, "0123456789012345678901234567890123456789012345678901234567890\r\n",
			64);
	for (size_t i = 0; i + 64 <= SIZE; i += 64)
		memcpy(big + i + 61, "x\r\n", 3);
	memcpy(big + SIZE, ".\r\n", 3);
	come(rig.port);
	spool.holds_credit = true;
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354");
	/* What the kernel takes. */
	for (int i = 0; i < 200; i++) {
		ssize_t n = send(client.fd, big, 65536, MSG_NOSIGNAL);

		turn();
		if (n > 0)
			memmove(big, big + n, SIZE + 3 - (size_t)n);
		if (n <= 0 && window_is_used_up())
			break;
	}
	wait_for(window_is_used_up);
	assert_int_equal(rig.receive->session_count, 1);
	assert_true(buf_length(&rig.receive->sessions->pending) <= RECEIVE_SCRATCH);
	spool.holds_credit = false;
	credit = (struct wire_credit){spool.body_id, spool.unpaid};
	spool.unpaid = 0;
	ipc_send(spool.ipc, WIRE_ACCEPT_CREDIT, &credit);
	say(big);
	expect("250 2.0.0");
	leave();
	free(big);
	assert_true(spool.last.size > SIZE);
}

static bool was_aborted(void)
{
	return spool.aborted != 0;
}

static void refuses_loops(void **state)
{
	(void)state;
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354");
	for (int i = 0; i <= rig.node.limits.hops; i++)
		say("Received: x\r\n");
	DIALOG("\r\nx\r\n.\r\n", "554 5.4.6", "NOOP\r\n", "250");
	wait_for(was_aborted);
	leave();
	assert_int_equal(spool.messages, 0);
	assert_string_equal(spool.event.token, "loop");
}

static void forgets_an_unfinished_message(void **state)
{
	(void)state;
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354");
	say("x\r\n");
	leave();
	wait_for(was_aborted);
	assert_int_equal(spool.messages, 0);
	assert_int_equal(rig.receive->session_count, 0);
}

static void limits_connections(void **state)
{
	int first, fd = -1;

	(void)state;
	rig.node.limits.connections = 1;
	apply();
	come(rig.port);
	expect("220");
	first = client.fd;
	buf_free(&client.got);
	come(rig.port);
	fd = client.fd;
	expect("421 4.3.2");
	expect_end();
	leave();
	close(first);
	assert_true(fd >= 0);
	assert_int_equal(rig.receive->over_limit, 1);
}

static void ends_the_idle(void **state)
{
	(void)state;
	rig.node.limits.idle_ms = 100;
	apply();
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", NULL, "421 4.4.2");
	expect_end();
	leave();
	assert_int_equal(rig.receive->timeouts, 1);
}

static void ends_sessions_that_last_too_long(void **state)
{
	(void)state;
	rig.node.limits.session_ms = 100;
	apply();
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", NULL, "421 4.4.2");
	expect_end();
	leave();
}

static void reads_the_proxy_header(void **state)
{
	static const char header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x24"
				     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
				     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
				     "\x12\x34\x00\x19";

	(void)state;
	come(rig.proxy_port);
	for (size_t i = 0; i < sizeof(header) - 1; i++) {
		assert_int_equal(send(client.fd, header + i, 1, MSG_NOSIGNAL), 1);
		turn();
	}
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354", "x\r\n.\r\n", "250");
	leave();
	assert_string_equal(spool.last.receipt.peer_address, "2001:db8::1");
	assert_int_equal(spool.last.receipt.peer_port, 0x1234);
	assert_non_null(strstr(buf_text(&spool.body), "([IPv6:2001:db8::1])"));
	come(rig.proxy_port);
	say("EHLO c\r\n");
	expect_end();
	leave();
}

static bool is_drained(void)
{
	return rig.drained;
}

static void drains(void **state)
{
	(void)state;
	come(rig.port);
	DIALOG(NULL, "220", "HELO c\r\n", "250", "MAIL FROM:<>\r\n", "250",
		"RCPT TO:<bob@contoso.example>\r\n", "250", "DATA\r\n", "354");
	receive_process.drain(rig.receive);
	assert_false(rig.drained);
	DIALOG("x\r\n.\r\n", "250 2.0.0", NULL, "421 4.3.2");
	expect_end();
	leave();
	wait_for(is_drained);
}

/* ---- TLS
 * -------------------------------------------------------------------------------------------------
 */

static void on_client_tls(void *context, enum tls_event event)
{
	char bytes[4096];
	size_t n = 0;

	(void)context;
	while (event == TLS_EVENT_READ && tls_read(client.tls, bytes, sizeof(bytes), &n) == ERR_OK)
		buf_put(&client.got, str_make(bytes, n));
	client.is_up = client.is_up || event == TLS_EVENT_UP;
	client.is_closed = client.is_closed || event == TLS_EVENT_CLOSED;
	assert_int_not_equal(event, TLS_EVENT_FAILED);
}

static bool client_is_up(void)
{
	return client.is_up;
}

static void start_tls(void)
{
	struct tls_identity_source identity = {"client", str_of(keys.client_chain)};
	struct tls_context_options options = {.identities = &identity, .identity_count = 1};
	struct tls_client_options to = {.server_name = "mx.contoso.example", .identity = "client"};
	struct err_info info = {0};

	if (tls_client_context_new(keys.signer, &options, &client.context, &info) != ERR_OK)
		fail_msg("%s", info.text);
	client.tls = tls_connect(client.context, base, client.fd, &to, on_client_tls, NULL);
	wait_for(client_is_up);
}

static void knows_its_partner_by_certificate(void **state)
{
	const char *body;

	(void)state;
	come(rig.port);
	DIALOG(NULL, "220", "EHLO mx.fabrikam.example\r\n", "250", "STARTTLS\r\n", "220 2.0.0");
	start_tls();
	DIALOG("MAIL FROM:<a@fabrikam.example>\r\n", "503", "EHLO mx.fabrikam.example\r\n", "250",
		"MAIL FROM:<a@fabrikam.example>\r\n", "250", "RCPT TO:<bob@contoso.example>\r\n",
		"250", "BDAT 3 LAST\r\nx\r\n", "250 2.0.0");
	leave();
	assert_string_equal(spool.last.receipt.connector, "fabrikam");
	assert_string_equal(spool.last.receipt.name_matched, "mx.fabrikam.example");
	assert_int_equal(spool.last.receipt.verdict, CERT_TRUSTED);
	assert_int_equal(spool.last.receipt.got, MODEL_LEVEL_NAME);
	assert_int_equal(spool.last.receipt.attempt, RECEIPT_ATTEMPT_FULL);
	assert_string_equal(spool.last.receipt.version, "TLSv1.3");
	assert_string_equal(spool.last.receipt.own_certificate, "mx");
	body = buf_text(&spool.body);
	assert_non_null(strstr(body, "with ESMTPS id "));
	assert_non_null(strstr(body, " tls TLS_"));
	assert_non_null(strstr(body, "client certificate mx.fabrikam.example: trusted"));
}

static void demands_tls_where_told(void **state)
{
	(void)state;
	rig.listeners[0].require_tls = true;
	apply();
	come(rig.port);
	DIALOG(NULL, "220", "EHLO c\r\n", "250", "MAIL FROM:<>\r\n", "530 5.7.0", "STARTTLS\r\n",
		"220 2.0.0");
	start_tls();
	DIALOG("EHLO c\r\n", "250", "MAIL FROM:<>\r\n", "250");
	leave();
}

static void speaks_tls_from_the_first_byte(void **state)
{
	(void)state;
	rig.listeners[0].tls = MODEL_TLS_IMPLICIT;
	apply();
	come(rig.port);
	start_tls();
	DIALOG(NULL, "220 mx.contoso.example", "EHLO c\r\n", "250", "STARTTLS\r\n", "502",
		"QUIT\r\n", "221");
	leave();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(accepts_a_message),
		TEST(refuses_by_policy_and_reports_it),
		TEST(survives_the_loss_of_the_spool),
		TEST(says_when_there_is_no_room),
		TEST(reads_no_more_than_the_spool_takes),
		TEST(refuses_loops),
		TEST(forgets_an_unfinished_message),
		TEST(limits_connections),
		TEST(ends_the_idle),
		TEST(ends_sessions_that_last_too_long),
		TEST(reads_the_proxy_header),
		TEST(drains),
		TEST(knows_its_partner_by_certificate),
		TEST(demands_tls_where_told),
		TEST(speaks_tls_from_the_first_byte),
	};
	int failed;

	make_keys();
	keys.client_chain = test_cert_join(keys.client.pem, keys.root.pem);
	failed = cmocka_run_group_tests_name("receive", tests, NULL, NULL);
	free(keys.client_chain);
	test_cert_clear(&keys.root);
	test_cert_clear(&keys.server);
	test_cert_clear(&keys.client);
	return failed;
}
