#include "port/tls/test_ends.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CERTS = 12 };

struct event_base *base;
struct test_keys keys;
struct test_cert root, intermediate;
struct test_cert *ec, *rsa, *wild, *client, *expired, *self_signed, *weak, *server_only, *ec384,
	*ec521, *rsa4096;
static struct test_cert certs[MAX_CERTS];

/* ---- the keys process ------------------------------------------------------------------------ */

static EVP_PKEY *key_of(struct str id)
{
	for (size_t i = 0; i < MAX_CERTS && certs[i].key != NULL; i++) {
		unsigned char digest[32], *der = NULL;
		int length = i2d_PUBKEY(certs[i].key, &der);

		EVP_Digest(der, (size_t)length, digest, NULL, EVP_sha256(), NULL);
		OPENSSL_free(der);
		if (str_equal(id, str_make(digest, 32)))
			return certs[i].key;
	}
	return NULL;
}

static void answer(const struct wire_sign *ask)
{
	unsigned char signature[TLS_SIGNATURE_MAX];
	size_t length = sizeof(signature);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key_of(ask->key), NULL);
	struct wire_signed reply = {.tag = ask->tag};

	assert_non_null(context);
	assert_int_equal(EVP_PKEY_sign_init(context), 1);
	if (strcmp(ask->scheme, "rsa-pss") == 0) {
		EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST);
	}
	assert_true(EVP_PKEY_CTX_set_signature_md(context, EVP_get_digestbyname(ask->digest)) > 0);
	assert_int_equal(EVP_PKEY_sign(context, signature, &length,
				 (const unsigned char *)ask->data.p, ask->data.n),
		1);
	EVP_PKEY_CTX_free(context);
	if (keys.mode == KEYS_GARBAGE)
		signature[length / 2] ^= 1;
	reply.signature = str_make(signature, length);
	ipc_send(keys.ipc, WIRE_SIGNED, &reply);
}

static void on_ask(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	const struct wire_sign *ask = record;
	struct wire_signed refusal = {.tag = ask->tag, .error = ERR_UNKNOWN};

	(void)context;
	assert_int_equal(type, WIRE_SIGN);
	keys.asked++;
	switch (keys.mode) {
	case KEYS_ANSWER:
	case KEYS_GARBAGE:
		answer(ask);
		break;
	case KEYS_REFUSE:
		ipc_send(ipc, WIRE_SIGNED, &refusal);
		break;
	case KEYS_MUTE:
		break;
	case KEYS_DIE:
		ipc_free(&keys.ipc);
		break;
	}
}

static void on_keys_closed(void *context, struct ipc *ipc)
{
	(void)context;
	(void)ipc;
	ipc_free(&keys.ipc);
}

void start_keys(void)
{
	static const struct ipc_handlers handlers = {on_ask, on_keys_closed, NULL};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ipc_free(&keys.ipc);
	keys.ipc = ipc_new(base, fds[0], &handlers, NULL);
	tls_signer_peer(keys.signer, fds[1]);
}

/* ---- two ends -------------------------------------------------------------------------------- */

static void pump(struct end *end)
{
	size_t count;

	while (end->left > 0 &&
		tls_write(end->session, end->to_send, end->left, &count) == ERR_OK) {
		end->to_send += count;
		end->left -= count;
	}
}

void on_event(void *context, enum tls_event event)
{
	struct end *end = context;
	const char *words;
	size_t count;

	switch (event) {
	case TLS_EVENT_UP:
		end->up = true;
		pump(end);
		break;
	case TLS_EVENT_READ: /* 1000 at a time: what is left must be announced again */
		if (tls_read(end->session, end->got + end->got_count,
			    sizeof(end->got) - end->got_count < 1000
				    ? sizeof(end->got) - end->got_count
				    : 1000,
			    &count) == ERR_OK)
			end->got_count += count;
		break;
	case TLS_EVENT_WRITE:
		pump(end);
		break;
	case TLS_EVENT_CLOSED:
		end->closed = true;
		break;
	case TLS_EVENT_FAILED:
		end->failed = true;
		end->failure = tls_failure(end->session, &words);
		snprintf(end->words, sizeof(end->words), "%s", words);
		break;
	}
}

void open_sockets(struct pair *pair)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	pair->server.fd = fds[0];
	pair->client.fd = fds[1];
}

void open_pair(struct pair *pair, struct tls_context *server, struct tls_context *client_tls,
	const struct tls_client_options *options)
{
	memset(pair, 0, sizeof(*pair));
	open_sockets(pair);
	pair->server.session =
		tls_accept(server, base, pair->server.fd, NULL, on_event, &pair->server);
	pair->client.session =
		tls_connect(client_tls, base, pair->client.fd, options, on_event, &pair->client);
}

void close_end(struct end *end)
{
	tls_session_free(&end->session);
	if (end->fd >= 0)
		close(end->fd);
	end->fd = -1;
}

void close_pair(struct pair *pair)
{
	close_end(&pair->client);
	close_end(&pair->server);
}

void run_once(void)
{
	struct timeval wait = {0, 20000};

	event_base_loopexit(base, &wait);
	event_base_loop(base, EVLOOP_ONCE);
}

bool is_settled(const struct pair *pair)
{
	return (pair->server.up || pair->server.failed) && (pair->client.up || pair->client.failed);
}

/* Data both ways, more than a socket buffer, then a proper end. */
void exchange(struct pair *pair)
{
	static char text[60000];

	memset(text, 'x', sizeof(text));
	pair->client.to_send = text;
	pair->client.left = sizeof(text);
	pair->server.to_send = text;
	pair->server.left = 3000;
	pump(&pair->client);
	pump(&pair->server);
	RUN_UNTIL(pair->server.got_count == sizeof(text) && pair->client.got_count == 3000);
	assert_memory_equal(pair->server.got, text, sizeof(text));
}

void goodbye(struct pair *pair)
{
	close_end(&pair->server);
	RUN_UNTIL(pair->client.closed);
	close_pair(pair);
}

/* ---- contexts -------------------------------------------------------------------------------- */

static unsigned char ticket_key[TLS_TICKET_KEY];

struct tls_context *make_server(const struct tls_identity_source *identities, size_t count)
{
	struct tls_context_options options = {
		.identities = identities, .identity_count = count, .ticket_key = ticket_key};
	struct tls_context *context = NULL;
	struct err_info info = {0};

	if (tls_server_context_new(keys.signer, &options, &context, &info) != ERR_OK)
		fail_msg("%s", info.text);
	return context;
}

struct tls_context *make_client(const struct tls_identity_source *identities, size_t count)
{
	struct tls_context_options options = {
		.identities = identities, .identity_count = count, .cached_sessions = 10};
	struct tls_context *context = NULL;
	struct err_info info = {0};

	if (tls_client_context_new(keys.signer, &options, &context, &info) != ERR_OK)
		fail_msg("%s", info.text);
	return context;
}

struct tls_context *simple_server(void)
{
	struct tls_identity_source source = {.name = "mx", .chain = str_of(ec->pem)};

	return make_server(&source, 1);
}

static struct test_cert make_cert(const char *names, const char *usage, int rsa_bits)
{
	struct test_cert_options options = {.common_name = "test",
		.names = names,
		.usage = usage,
		.issuer = &intermediate,
		.rsa_bits = rsa_bits};

	return test_cert_make(&options);
}

static void make_certs(void)
{
	struct test_cert_options options = {.common_name = "Test Root", .is_ca = true};
	size_t n = 0;
	time_t now = time(NULL);

	root = test_cert_make(&options);
	options.common_name = "Test Intermediate";
	options.issuer = &root;
	intermediate = test_cert_make(&options);

	certs[n] = make_cert("DNS:mx.contoso.example", NULL, 0);
	ec = &certs[n++];
	certs[n] = make_cert("DNS:mx.contoso.example,DNS:other.example", NULL, 2048);
	rsa = &certs[n++];
	certs[n] = make_cert("DNS:*.wild.example", NULL, 0);
	wild = &certs[n++];
	certs[n] = make_cert("DNS:client.fabrikam.example", "clientAuth", 2048);
	client = &certs[n++];
	certs[n] = make_cert("DNS:client.fabrikam.example", "serverAuth", 0);
	server_only = &certs[n++];
	options = (struct test_cert_options){.common_name = "old",
		.issuer = &intermediate,
		.from_s = now - 20 * 86400,
		.until_s = now - 86400};
	certs[n] = test_cert_make(&options);
	expired = &certs[n++];
	options = (struct test_cert_options){.common_name = "myself.example"};
	certs[n] = test_cert_make(&options);
	self_signed = &certs[n++];
	options = (struct test_cert_options){
		.common_name = "weak", .issuer = &intermediate, .rsa_bits = 1024};
	certs[n] = test_cert_make(&options);
	weak = &certs[n++];
	options = (struct test_cert_options){
		.common_name = "384", .issuer = &intermediate, .curve = "P-384"};
	certs[n] = test_cert_make(&options);
	ec384 = &certs[n++];
	options.curve = "P-521";
	certs[n] = test_cert_make(&options);
	ec521 = &certs[n++];
	options.rsa_bits = 4096;
	certs[n] = test_cert_make(&options);
	rsa4096 = &certs[n++];
}

int setup_all(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	make_certs();
	RAND_bytes(ticket_key, sizeof(ticket_key));
	return 0;
}

int teardown_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAX_CERTS; i++)
		test_cert_clear(&certs[i]);
	test_cert_clear(&root);
	test_cert_clear(&intermediate);
	event_base_free(base);
	return 0;
}

int setup(void **state)
{
	(void)state;
	keys.mode = KEYS_ANSWER;
	keys.asked = 0;
	keys.signer = tls_signer_new(base);
	start_keys();
	return 0;
}

int teardown(void **state)
{
	(void)state;
	tls_signer_free(&keys.signer);
	ipc_free(&keys.ipc);
	return 0;
}
