/*
 * Server and client in one loop, over socket pairs, with a keys process that is played by this one
 * and can be slow, mute, or gone.
 */
#include "port/tls/context.h"
#include "port/tls/test_certs.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { MAX_CERTS = 12, DEADLINE_S = 20 };

enum keys_mode { KEYS_ANSWER, KEYS_REFUSE, KEYS_MUTE, KEYS_DIE, KEYS_GARBAGE };

static struct event_base *base;
static struct test_cert root, intermediate, certs[MAX_CERTS];
static struct test_cert *ec, *rsa, *wild, *client, *expired, *self_signed, *weak, *server_only;

/* ---- the keys process ------------------------------------------------------------------------ */

static struct {
	enum keys_mode mode;
	struct tls_signer *signer;
	struct ipc *ipc;
	unsigned asked;
} keys;

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

static void start_keys(void)
{
	static const struct ipc_handlers handlers = {on_ask, on_keys_closed, NULL};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ipc_free(&keys.ipc);
	keys.ipc = ipc_new(base, fds[0], &handlers, NULL);
	tls_signer_peer(keys.signer, fds[1]);
}

/* ---- two ends -------------------------------------------------------------------------------- */

struct end {
	struct tls_session *session;
	int fd;
	bool up, failed, closed, stop_at_up;
	enum tls_failure_kind failure;
	char words[200];
	char got[65536];
	size_t got_count;
	const char *to_send;
	size_t left;
};

struct pair {
	struct end server, client;
};

static void pump(struct end *end)
{
	size_t count;

	while (end->left > 0 &&
		tls_write(end->session, end->to_send, end->left, &count) == ERR_OK) {
		end->to_send += count;
		end->left -= count;
	}
}

static void on_event(void *context, enum tls_event event)
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

static void open_sockets(struct pair *pair)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	pair->server.fd = fds[0];
	pair->client.fd = fds[1];
}

static void open_pair(struct pair *pair, struct tls_context *server, struct tls_context *client_tls,
	const struct tls_client_options *options)
{
	memset(pair, 0, sizeof(*pair));
	open_sockets(pair);
	pair->server.session = tls_accept(server, base, pair->server.fd, on_event, &pair->server);
	pair->client.session =
		tls_connect(client_tls, base, pair->client.fd, options, on_event, &pair->client);
}

static void close_end(struct end *end)
{
	tls_session_free(&end->session);
	if (end->fd >= 0)
		close(end->fd);
	end->fd = -1;
}

static void close_pair(struct pair *pair)
{
	close_end(&pair->client);
	close_end(&pair->server);
}

/* Run the loop until CONDITION, at most DEADLINE_S. */
#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		time_t give_up = time(NULL) + DEADLINE_S;                                          \
		while (!(condition)) {                                                             \
			if (time(NULL) > give_up)                                                  \
				fail_msg("waited in vain for %s", #condition);                     \
			run_once();                                                                \
		}                                                                                  \
	} while (0)

static void run_once(void)
{
	struct timeval wait = {0, 20000};

	event_base_loopexit(base, &wait);
	event_base_loop(base, EVLOOP_ONCE);
}

static bool is_settled(const struct pair *pair)
{
	return (pair->server.up || pair->server.failed) && (pair->client.up || pair->client.failed);
}

/* Data both ways, more than a socket buffer, then a proper end. */
static void exchange(struct pair *pair)
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

static void goodbye(struct pair *pair)
{
	close_end(&pair->server);
	RUN_UNTIL(pair->client.closed);
	close_pair(pair);
}

/* ---- contexts -------------------------------------------------------------------------------- */

static unsigned char ticket_key[TLS_TICKET_KEY];

static struct tls_context *make_server(const struct tls_identity_source *identities, size_t count)
{
	struct tls_context_options options = {identities, count, ticket_key, 0};
	struct tls_context *context = NULL;
	struct err_info info = {0};

	if (tls_server_context_new(keys.signer, &options, &context, &info) != ERR_OK)
		fail_msg("%s", info.text);
	return context;
}

static struct tls_context *make_client(const struct tls_identity_source *identities, size_t count)
{
	struct tls_context_options options = {identities, count, NULL, 10};
	struct tls_context *context = NULL;
	struct err_info info = {0};

	if (tls_client_context_new(keys.signer, &options, &context, &info) != ERR_OK)
		fail_msg("%s", info.text);
	return context;
}

static struct tls_context *simple_server(void)
{
	struct tls_identity_source source = {"mx", str_of(ec->pem)};

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
}

static int setup_all(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	make_certs();
	RAND_bytes(ticket_key, sizeof(ticket_key));
	return 0;
}

static int teardown_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAX_CERTS; i++)
		test_cert_clear(&certs[i]);
	test_cert_clear(&root);
	test_cert_clear(&intermediate);
	event_base_free(base);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	keys.mode = KEYS_ANSWER;
	keys.asked = 0;
	keys.signer = tls_signer_new(base);
	start_keys();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tls_signer_free(&keys.signer);
	ipc_free(&keys.ipc);
	return 0;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void shakes_hands(void **state)
{
	struct tls_context *server = simple_server(), *client_tls = make_client(NULL, 0);
	struct tls_client_options options = {.server_name = "mx.contoso.example"};
	struct arena *arena = arena_new();
	struct receipt receipt = {0};
	struct pair pair;

	(void)state;
	open_pair(&pair, server, client_tls, &options);
	tls_context_free(&server); /* sessions keep theirs */
	tls_context_free(&client_tls);
	RUN_UNTIL(is_settled(&pair));
	assert_true(pair.server.up && pair.client.up);
	assert_int_equal(keys.asked, 1);
	exchange(&pair);

	tls_describe(pair.client.session, arena, &receipt);
	assert_string_equal(receipt.version, "TLSv1.3");
	assert_string_equal(receipt.cipher, "TLS_AES_256_GCM_SHA384");
	assert_string_equal(receipt.group, "x25519");
	assert_string_equal(receipt.server_name, "mx.contoso.example");
	assert_null(receipt.own_certificate);
	assert_false(receipt.resumed);
	assert_int_equal(receipt.chain.count, 1);
	assert_string_equal(receipt.chain.items[0].names.items[0], "mx.contoso.example");
	assert_true(tls_certificate_asked(pair.client.session));

	tls_describe(pair.server.session, arena, &receipt);
	assert_string_equal(receipt.server_name, "mx.contoso.example");
	assert_string_equal(receipt.own_certificate, "mx");
	assert_int_equal(receipt.chain.count, 0);
	goodbye(&pair);
	arena_free(&arena);
}

struct choice {
	const char *name;
	const char *server_name;
	const char *signatures; /* what the client can verify */
	const char *want;
};

static const struct choice choices[] = {
	{"no name: the first", NULL, NULL, "ec"},
	{"ECDSA before RSA", "mx.contoso.example", NULL, "ec"},
	{"RSA for who only knows RSA", "mx.contoso.example", "rsa_pss_rsae_sha256", "rsa"},
	{"RSA for who only knows RSA, no name", NULL, "rsa_pss_rsae_sha256", "rsa"},
	{"another name of one certificate", "other.example", NULL, "rsa"},
	{"case and dot", "OTHER.example.", NULL, "rsa"},
	{"wildcard", "mx.wild.example", NULL, "wild"},
	{"not two labels", "a.mx.wild.example", NULL, "ec"},
	{"a stranger", "nobody.example", NULL, "ec"},
};

static void chooses_certificate(void **state)
{
	struct tls_identity_source sources[] = {
		{"ec", str_of(ec->pem)}, {"rsa", str_of(rsa->pem)}, {"wild", str_of(wild->pem)}};
	struct tls_context *server = make_server(sources, 3), *client_tls = make_client(NULL, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(choices); i++) {
		struct tls_client_options options = {.server_name = choices[i].server_name};
		struct arena *arena = arena_new();
		struct receipt receipt = {0};
		struct pair pair;

		open_pair(&pair, server, client_tls, &options);
		if (choices[i].signatures != NULL)
			SSL_set1_sigalgs_list(pair.client.session->ssl, choices[i].signatures);
		RUN_UNTIL(is_settled(&pair));
		if (!pair.server.up)
			fail_msg("%s: %s", choices[i].name, pair.server.words);
		tls_describe(pair.server.session, arena, &receipt);
		if (strcmp(receipt.own_certificate, choices[i].want) != 0)
			fail_msg("%s: got %s", choices[i].name, receipt.own_certificate);
		close_pair(&pair);
		arena_free(&arena);
	}
	tls_context_free(&server);
	tls_context_free(&client_tls);
}

/* Every TLS 1.2 suite there is, with either kind of key, and TLS 1.3. */
static void speaks_every_suite(void **state)
{
	struct tls_identity_source sources[] = {{"ec", str_of(ec->pem)}, {"rsa", str_of(rsa->pem)}};
	struct tls_context *server = make_server(sources, 2), *client_tls = make_client(NULL, 0);
	struct tls_client_options options = {.server_name = "mx.contoso.example"};
	struct str rest = str_of(tls_suites_12);
	size_t count = 0;

	(void)state;
	while (rest.n > 0) {
		char *suite = mem_text_of(str_cut(&rest, ':'));
		struct pair pair;

		open_pair(&pair, server, client_tls, &options);
		SSL_set_max_proto_version(pair.client.session->ssl, TLS1_2_VERSION);
		SSL_set_cipher_list(pair.client.session->ssl, suite);
		RUN_UNTIL(is_settled(&pair));
		if (!pair.server.up || !pair.client.up)
			fail_msg("%s: %s", suite, pair.server.words);
		assert_string_equal(SSL_get_cipher_name(pair.client.session->ssl), suite);
		exchange(&pair);
		close_pair(&pair);
		free(suite);
		count++;
	}
	assert_int_equal(count, 10);
	tls_context_free(&server);
	tls_context_free(&client_tls);
}

struct client_case {
	const char *name;
	struct test_cert **cert;
	bool with_intermediate;
	enum cert_verdict want;
};

static const struct client_case client_cases[] = {
	{"none", NULL, false, CERT_NONE},
	{"good", &client, true, CERT_TRUSTED},
	{"leaf only", &client, false, CERT_MISSING_INTERMEDIATE},
	{"expired", &expired, true, CERT_EXPIRED},
	{"expired and leaf only", &expired, false, CERT_MISSING_INTERMEDIATE},
	{"self-signed", &self_signed, false, CERT_SELF_SIGNED},
	{"not for clients", &server_only, true, CERT_PURPOSE},
};

static void one_client(const struct client_case *row, struct tls_context *server, int version)
{
	char *chain = NULL;
	struct tls_identity_source source = {"partner", {0}};
	struct tls_context *client_tls;
	struct tls_client_options options = {.identity = "partner", .cache_key = "x"};
	struct tls_anchors *anchors;
	struct arena *arena = arena_new();
	struct receipt receipt = {0};
	struct pair pair;
	const char *detail;
	enum cert_verdict verdict;

	if (row->cert != NULL) {
		chain = test_cert_join(
			(*row->cert)->pem, row->with_intermediate ? intermediate.pem : "");
		source.chain = str_of(chain);
	}
	client_tls = make_client(&source, row->cert != NULL ? 1 : 0);
	assert_int_equal(tls_anchors_new(str_of(root.pem), &anchors, NULL), ERR_OK);
	open_pair(&pair, server, client_tls, &options);
	SSL_set_max_proto_version(pair.client.session->ssl, version);
	RUN_UNTIL(is_settled(&pair));
	if (!pair.server.up || !pair.client.up)
		fail_msg("%s: %s, %s", row->name, pair.server.words, pair.client.words);
	exchange(&pair);
	verdict = tls_verify(pair.server.session, anchors, TLS_PURPOSE_CLIENT,
		(int64_t)time(NULL) * 1000, arena, &detail);
	if (verdict != row->want)
		fail_msg("%s: verdict %d (%s)", row->name, verdict, detail);
	tls_describe(pair.server.session, arena, &receipt);
	assert_int_equal(receipt.chain.count, row->cert == NULL	       ? 0
					      : row->with_intermediate ? 2
								       : 1);
	tls_describe(pair.client.session, arena, &receipt);
	if (row->cert != NULL)
		assert_string_equal(receipt.own_certificate, "partner");
	else
		assert_null(receipt.own_certificate);
	close_pair(&pair);

	/* Who has shown a certificate is asked for it again. */
	open_pair(&pair, server, client_tls, &options);
	SSL_set_max_proto_version(pair.client.session->ssl, version);
	RUN_UNTIL(is_settled(&pair));
	tls_describe(pair.server.session, arena, &receipt);
	assert_int_equal(receipt.resumed, row->cert == NULL);
	assert_string_equal(receipt.own_certificate, "mx");
	close_pair(&pair);
	tls_context_free(&client_tls);
	tls_anchors_free(&anchors);
	arena_free(&arena);
	free(chain);
}

static void takes_any_client_certificate(void **state)
{
	struct tls_context *server = simple_server();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(client_cases); i++) {
		one_client(&client_cases[i], server, TLS1_3_VERSION);
		one_client(&client_cases[i], server, TLS1_2_VERSION);
	}
	tls_context_free(&server);
}

static void refuses_old_versions(void **state)
{
	struct tls_context *server = simple_server(), *client_tls = make_client(NULL, 0);
	struct tls_client_options options = {0};
	struct pair pair;

	(void)state;
	open_pair(&pair, server, client_tls, &options);
	SSL_set_min_proto_version(pair.client.session->ssl, TLS1_VERSION);
	SSL_set_max_proto_version(pair.client.session->ssl, TLS1_1_VERSION);
	SSL_set_security_level(pair.client.session->ssl, 0);
	SSL_set_cipher_list(pair.client.session->ssl, "ALL:@SECLEVEL=0");
	SSL_set1_sigalgs_list(pair.client.session->ssl, "ECDSA+SHA1:ECDSA+SHA256");
	RUN_UNTIL(is_settled(&pair));
	assert_int_equal(pair.server.failure, TLS_FAILURE_VERSION);
	assert_int_equal(pair.client.failure, TLS_FAILURE_VERSION);
	close_pair(&pair);

	/* RSA key exchange is not there either. */
	open_pair(&pair, server, client_tls, &options);
	SSL_set_max_proto_version(pair.client.session->ssl, TLS1_2_VERSION);
	SSL_set_cipher_list(pair.client.session->ssl, "AES256-GCM-SHA384");
	RUN_UNTIL(is_settled(&pair));
	assert_int_equal(pair.server.failure, TLS_FAILURE_OTHER);
	assert_int_equal(pair.client.failure, TLS_FAILURE_ALERT);
	close_pair(&pair);
	tls_context_free(&server);
	tls_context_free(&client_tls);
}

static void survives_garbage(void **state)
{
	static const char *const texts[] = {"EHLO mx.example\r\nMAIL FROM:<a@b.example>\r\n",
		"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00\x05\x01\xff\xff\xff\xff", ""};
	struct tls_context *server = simple_server();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct pair pair = {0};

		open_sockets(&pair);
		pair.server.session =
			tls_accept(server, base, pair.server.fd, on_event, &pair.server);
		assert_int_equal(write(pair.client.fd, texts[i], strlen(texts[i])),
			(ssize_t)strlen(texts[i]));
		shutdown(pair.client.fd, SHUT_WR);
		RUN_UNTIL(pair.server.failed);
		assert_int_equal(
			pair.server.failure, i < 2 ? TLS_FAILURE_PROTOCOL : TLS_FAILURE_CLOSED);
		close_pair(&pair);
	}
	tls_context_free(&server);
}

static bool resumes(struct tls_context *server, struct tls_context *client_tls,
	const struct tls_client_options *options, int version)
{
	struct arena *arena = arena_new();
	struct receipt receipt = {0};
	struct pair pair;
	bool resumed;

	open_pair(&pair, server, client_tls, options);
	SSL_set_max_proto_version(pair.client.session->ssl, version);
	RUN_UNTIL(is_settled(&pair));
	assert_true(pair.server.up && pair.client.up);
	exchange(&pair);
	tls_describe(pair.client.session, arena, &receipt);
	assert_int_equal(receipt.chain.count, 1); /* also of a resumed one */
	resumed = receipt.resumed;
	tls_describe(pair.server.session, arena, &receipt);
	assert_int_equal(receipt.resumed, resumed);
	assert_string_equal(receipt.own_certificate, "mx");
	close_pair(&pair);
	arena_free(&arena);
	return resumed;
}

static void resumes_sessions(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls_context *server = simple_server(), *client_tls;
	struct tls_client_options options = {
		.server_name = "mx.contoso.example", .cache_key = "mx.contoso.example"};
	struct tls_client_options other = {.server_name = "mx.contoso.example", .cache_key = "x"};
	struct tls_client_options reduced = {.cache_key = "mx.contoso.example",
		.server_name = "mx.contoso.example",
		.reduced_hello = true};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(versions); i++) {
		client_tls = make_client(NULL, 0);
		assert_false(resumes(server, client_tls, &options, versions[i]));
		keys.asked = 0;
		assert_true(resumes(server, client_tls, &options, versions[i]));
		assert_true(resumes(server, client_tls, &options, versions[i]));
		assert_int_equal(keys.asked, 0);
		assert_false(resumes(server, client_tls, &other, versions[i]));
		assert_false(resumes(server, client_tls, &reduced, versions[i]));
		tls_context_forget(client_tls, "mx.contoso.example");
		assert_false(resumes(server, client_tls, &options, versions[i]));
		tls_context_free(&client_tls);
	}
	tls_context_free(&server);
}

static size_t hello_size(struct tls_context *client_tls, bool reduced)
{
	struct tls_client_options options = {
		.server_name = "mx.contoso.example", .reduced_hello = reduced};
	struct pair pair = {0};
	char hello[4096];
	ssize_t count = -1;

	open_sockets(&pair);
	pair.client.session =
		tls_connect(client_tls, base, pair.client.fd, &options, on_event, &pair.client);
	RUN_UNTIL((count = recv(pair.server.fd, hello, sizeof(hello), 0)) > 0);
	close_pair(&pair);
	return (size_t)count;
}

static void shrinks_hello(void **state)
{
	struct tls_context *server = simple_server(), *client_tls = make_client(NULL, 0);
	struct tls_client_options options = {.reduced_hello = true};
	size_t full, reduced;
	struct pair pair;

	(void)state;
	full = hello_size(client_tls, false);
	reduced = hello_size(client_tls, true);
	print_message("ClientHello: %zu bytes, reduced %zu\n", full, reduced);
	assert_true(reduced + 40 < full && reduced < 256);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		open_pair(&pair, server, client_tls, &options);
		SSL_set_max_proto_version(pair.client.session->ssl, version);
		RUN_UNTIL(is_settled(&pair));
		assert_true(pair.server.up && pair.client.up);
		exchange(&pair);
		close_pair(&pair);
	}
	tls_context_free(&server);
	tls_context_free(&client_tls);
}

/* ---- when the keys process fails ------------------------------------------------------------- */

struct keys_case {
	const char *name;
	enum keys_mode mode;
	enum tls_failure_kind server, client;
};

static const struct keys_case keys_cases[] = {
	{"refuses", KEYS_REFUSE, TLS_FAILURE_SIGNATURE, TLS_FAILURE_ALERT},
	{"never answers", KEYS_MUTE, TLS_FAILURE_SIGNATURE, TLS_FAILURE_ALERT},
	{"dies and is not restarted", KEYS_DIE, TLS_FAILURE_SIGNATURE, TLS_FAILURE_ALERT},
	{"signs wrongly", KEYS_GARBAGE, TLS_FAILURE_ALERT, TLS_FAILURE_PROTOCOL},
};

static void fails_without_signature(void **state)
{
	struct tls_context *server = simple_server(), *client_tls = make_client(NULL, 0);
	struct tls_client_options options = {0};

	(void)state;
	tls_signer_set_timeout(keys.signer, 200);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		for (size_t i = 0; i < ARRAY_LENGTH(keys_cases); i++) {
			const struct keys_case *row = &keys_cases[i];
			struct pair pair;

			start_keys();
			keys.mode = row->mode;
			open_pair(&pair, server, client_tls, &options);
			SSL_set_max_proto_version(pair.client.session->ssl, version);
			RUN_UNTIL(pair.server.failed && pair.client.failed);
			if (pair.server.failure != row->server ||
				pair.client.failure != row->client)
				fail_msg("%s: %d %s, %d %s", row->name, pair.server.failure,
					pair.server.words, pair.client.failure, pair.client.words);
			close_pair(&pair);
		}
	}
	tls_context_free(&server);
	tls_context_free(&client_tls);
}

static void outlives_restart_of_keys(void **state)
{
	struct tls_context *server = simple_server(), *client_tls = make_client(NULL, 0);
	struct tls_client_options options = {0};
	struct pair pair;

	(void)state;
	keys.mode = KEYS_DIE;
	open_pair(&pair, server, client_tls, &options);
	RUN_UNTIL(keys.ipc == NULL);
	keys.mode = KEYS_ANSWER;
	start_keys();
	RUN_UNTIL(is_settled(&pair));
	assert_true(pair.server.up && pair.client.up);
	assert_int_equal(keys.asked, 2);
	exchange(&pair);
	close_pair(&pair);

	/* Twice is enough. */
	keys.mode = KEYS_DIE;
	open_pair(&pair, server, client_tls, &options);
	RUN_UNTIL(keys.ipc == NULL);
	start_keys();
	RUN_UNTIL(pair.server.failed);
	assert_int_equal(pair.server.failure, TLS_FAILURE_SIGNATURE);
	close_pair(&pair);
	tls_context_free(&server);
	tls_context_free(&client_tls);
}

/* A session may be freed whatever it waits for, and a late answer then hurts nobody. */
static void is_freed_while_it_waits(void **state)
{
	struct tls_identity_source source = {"partner", str_of(client->pem)};
	struct tls_context *server = simple_server(), *client_tls = make_client(&source, 1);
	struct tls_client_options options = {.identity = "partner"};
	struct pair pairs[20];

	(void)state;
	keys.mode = KEYS_MUTE;
	for (size_t i = 0; i < ARRAY_LENGTH(pairs); i++)
		open_pair(&pairs[i], server, client_tls, &options);
	RUN_UNTIL(keys.asked == ARRAY_LENGTH(pairs));
	for (size_t i = 0; i < ARRAY_LENGTH(pairs); i += 2)
		close_pair(&pairs[i]);
	keys.mode = KEYS_ANSWER; /* those asked before stay without answer */
	start_keys();
	for (size_t i = 1; i < ARRAY_LENGTH(pairs); i += 2) {
		RUN_UNTIL(is_settled(&pairs[i]));
		assert_true(pairs[i].server.up && pairs[i].client.up);
		close_pair(&pairs[i]);
	}
	tls_context_free(&server);
	tls_context_free(&client_tls);
}

static void client_fails_without_signature(void **state)
{
	struct tls_identity_source source = {"partner", str_of(client->pem)};
	struct tls_context *server = simple_server(), *client_tls = make_client(&source, 1);
	struct tls_client_options options = {.identity = "partner"};
	struct pair pair;

	(void)state;
	open_pair(&pair, server, client_tls, &options);
	RUN_UNTIL(keys.asked == 1);
	keys.mode = KEYS_REFUSE;
	RUN_UNTIL(is_settled(&pair));
	assert_int_equal(pair.client.failure, TLS_FAILURE_SIGNATURE);
	assert_int_equal(pair.server.failure, TLS_FAILURE_ALERT);
	close_pair(&pair);
	tls_context_free(&server);
	tls_context_free(&client_tls);
}

/* ---- contexts that cannot be made ------------------------------------------------------------ */

static void names_the_bad_identity(void **state)
{
	struct tls_identity_source weak_source = {"weak", str_of(weak->pem)};
	struct tls_identity_source empty = {"empty", STR("nothing here")};
	struct tls_context_options options = {NULL, 0, NULL, 0};
	struct tls_context *context = NULL;
	struct err_info info;

	(void)state;
	assert_int_equal(
		tls_server_context_new(keys.signer, &options, &context, &info), ERR_UNKNOWN);
	options.identity_count = 1;
	options.identities = &weak_source;
	assert_int_equal(
		tls_server_context_new(keys.signer, &options, &context, &info), ERR_CERTIFICATE);
	assert_non_null(strstr(info.text, "certificate weak"));
	options.identities = &empty;
	assert_int_equal(
		tls_client_context_new(keys.signer, &options, &context, &info), ERR_SYNTAX);
	assert_non_null(strstr(info.text, "certificate empty"));
	assert_null(context);
}

/* ---- what an idle session costs -------------------------------------------------------------- */

static size_t resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	size_t total = 0, pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu %zu", &total, &pages), 2);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void costs_little_when_idle(void **state)
{
	enum { COUNT = 200 };
	struct tls_context *server = simple_server(), *client_tls = make_client(NULL, 0);
	struct tls_client_options options = {.server_name = "mx.contoso.example"};
	struct pair *pairs = mem_new(COUNT * sizeof(*pairs));
	size_t before, after;

	(void)state;
	memset(pairs, 1, COUNT * sizeof(*pairs));
	before = resident();
	for (size_t i = 0; i < COUNT; i++) {
		open_pair(&pairs[i], server, client_tls, &options);
		RUN_UNTIL(is_settled(&pairs[i]));
	}
	after = resident();
	print_message("idle: %zu bytes resident for a client and a server session\n",
		(after - before) / COUNT);
	for (size_t i = 0; i < COUNT; i++)
		close_pair(&pairs[i]);
	free(pairs);
	tls_context_free(&server);
	tls_context_free(&client_tls);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shakes_hands),
		TEST(chooses_certificate),
		TEST(speaks_every_suite),
		TEST(takes_any_client_certificate),
		TEST(refuses_old_versions),
		TEST(survives_garbage),
		TEST(resumes_sessions),
		TEST(shrinks_hello),
		TEST(fails_without_signature),
		TEST(outlives_restart_of_keys),
		TEST(is_freed_while_it_waits),
		TEST(client_fails_without_signature),
		TEST(names_the_bad_identity),
		TEST(costs_little_when_idle),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
