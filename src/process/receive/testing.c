#include "process/receive/testing.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct event_base *base;

/* ---- the spool ------------------------------------------------------------------------------ */

struct testing_spool spool;

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
	case WIRE_LEFT: /* for other receiving processes */
		break;
	case WIRE_CHAIN:
		record_copy(&wire_chain_desc, record, spool.arena, &spool.chain);
		spool.chains++;
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

void send_config(int64_t generation, const char *trust)
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

/* The text with $ROOT filled in. */
static void fill_root(const char *yaml, struct buf *out)
{
	for (const char *p = yaml; *p != '\0'; p++) {
		if (strncmp(p, "$ROOT", 5) != 0) {
			buf_put_byte(out, *p);
			continue;
		}
		p += 4;
		buf_put_byte(out, '"');
		for (const char *q = keys.root.pem; *q != '\0'; q++)
			if (*q == '\n')
				buf_put_text(out, "\\n");
			else
				buf_put_byte(out, *q);
		buf_put_byte(out, '"');
	}
}

static uint64_t snapshots_before;

static bool has_taken(void)
{
	return rig.receive->snapshots > snapshots_before;
}

void send_yaml(int64_t generation, const char *yaml)
{
	struct wire_config_mark mark = {generation};
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct model_config config;
	struct err_info info = {.text = ""};
	struct buf text;
	json_t *json = NULL;
	enum err e;

	buf_init(&text, 65536);
	fill_root(yaml, &text);
	e = model_parse_yaml(buf_str(&text), &json, &info);
	if (e == ERR_OK)
		e = record_from_json(&model_config_desc, json, "", arena, &config, &info);
	if (e == ERR_OK)
		e = model_check(&config, &info);
	if (e != ERR_OK)
		fail_msg("%s", info.text);
	json_decref(json);
	buf_free(&text);
	snapshots_before = rig.receive->snapshots;
	ipc_send(spool.ipc, WIRE_CONFIG_BEGIN, &mark);
	for (int kind = 0; kind < MODEL_KIND_MAX; kind++) {
		const char *list = (const char *)&config + model_kinds[kind].list_offset;
		RECORD_LIST_OF(char) items;

		memcpy(&items, list, sizeof(items));
		for (size_t i = 0; i < items.count; i++)
			send_object(kind, items.items + i * model_kinds[kind].desc->size);
	}
	ipc_send(spool.ipc, WIRE_CONFIG_END, &mark);
	wait_for(has_taken);
}

void connect_spool(void *receive)
{
	static const struct ipc_handlers handlers = {spool_message, spool_closed, NULL};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	spool.ipc = ipc_new(base, fds[0], &handlers, NULL);
	receive_process.peer(receive, RUNTIME_SPOOL, 0, fds[1]);
}

/* ---- the keys process ----------------------------------------------------------------------- */

struct testing_keys keys;

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

void make_keys(void)
{
	keys.root = test_cert_make(
		&(struct test_cert_options){.common_name = "Fabrikam root", .is_ca = true});
	keys.server = test_cert_make(&(struct test_cert_options){
		.common_name = "mx.contoso.example", .names = "DNS:mx.contoso.example"});
	keys.client = test_cert_make(&(struct test_cert_options){
		.common_name = "x", .names = "DNS:mx.fabrikam.example", .issuer = &keys.root});
	keys.client_chain = test_cert_join(keys.client.pem, keys.root.pem);
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

/* ---- the process under test ----------------------------------------------------------------- */

struct testing_rig rig;

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

void apply(void)
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

void wait_for(bool (*condition)(void))
{
	int64_t until = runtime_ticks_ms() + TESTING_PATIENCE_MS;

	while (!condition()) {
		struct timeval tick = {0, 20000};

		if (runtime_ticks_ms() > until)
			fail_msg("waited in vain");
		event_base_loopexit(base, &tick);
		event_base_loop(base, EVLOOP_ONCE);
	}
}

int set_up(void **state)
{
	(void)state;
	base = event_base_new();
	memset(&spool, 0, sizeof(spool));
	spool.arena = arena_new();
	buf_init(&spool.body, TESTING_MAX_BODY);
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

int tear_down(void **state)
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

/* ---- a client ------------------------------------------------------------------------------- */

struct testing_client client;

void come(int port)
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

void leave(void)
{
	tls_session_free(&client.tls);
	tls_context_free(&client.context);
	buf_free(&client.got);
	close(client.fd);
}

/* Let the loop turn once, and take what has come. */
void turn(void)
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

void say(const char *text)
{
	struct str rest = str_of(text);
	int64_t until = runtime_ticks_ms() + TESTING_PATIENCE_MS;

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
void expect(const char *prefix)
{
	int64_t until = runtime_ticks_ms() + TESTING_PATIENCE_MS;

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

void expect_end(void)
{
	int64_t until = runtime_ticks_ms() + TESTING_PATIENCE_MS;

	while (!client.is_closed && runtime_ticks_ms() < until)
		turn();
	assert_true(client.is_closed);
}

void dialog(const char *const *lines, size_t count)
{
	for (size_t i = 0; i < count; i += 2) {
		if (lines[i] != NULL)
			say(lines[i]);
		expect(lines[i + 1]);
	}
}
/* ---- TLS ----------------------------------------------------------------------------------- */

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

void start_tls(void)
{
	struct tls_identity_source identity = {
		.name = "client", .chain = str_of(keys.client_chain)};
	struct tls_context_options options = {.identities = &identity, .identity_count = 1};
	struct tls_client_options to = {.server_name = "mx.contoso.example", .identity = "client"};
	struct err_info info = {0};

	if (tls_client_context_new(keys.signer, &options, &client.context, &info) != ERR_OK)
		fail_msg("%s", info.text);
	client.tls = tls_connect(client.context, base, client.fd, &to, on_client_tls, NULL);
	wait_for(client_is_up);
}

void free_keys(void)
{
	free(keys.client_chain);
	test_cert_clear(&keys.root);
	test_cert_clear(&keys.server);
	test_cert_clear(&keys.client);
}
