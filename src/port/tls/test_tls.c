/* Handshakes, certificates, resumption, data. */
#include "port/tls/test_ends.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

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
	struct tls_identity_source sources[] = {{.name = "ec", .chain = str_of(ec->pem)},
		{.name = "rsa", .chain = str_of(rsa->pem)},
		{.name = "wild", .chain = str_of(wild->pem)}};
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
	struct tls_identity_source sources[] = {{.name = "ec", .chain = str_of(ec->pem)},
		{.name = "rsa", .chain = str_of(rsa->pem)}};
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

/* On either side, with either version. */
static void signs_with_every_key(void **state)
{
	struct test_cert *certs[] = {ec, ec384, ec521, rsa, rsa4096};
	struct tls_client_options options = {.identity = "it"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(certs) * 2; i++) {
		struct tls_identity_source source = {
			.name = "it", .chain = str_of(certs[i / 2]->pem)};
		struct tls_context *server = make_server(&source, 1);
		struct tls_context *client_tls = make_client(&source, 1);
		struct pair pair;

		keys.asked = 0;
		open_pair(&pair, server, client_tls, &options);
		SSL_set_max_proto_version(
			pair.client.session->ssl, i % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
		RUN_UNTIL(is_settled(&pair));
		if (!pair.server.up || !pair.client.up)
			fail_msg("certificate %zu: %s, %s", i / 2, pair.server.words,
				pair.client.words);
		assert_int_equal(keys.asked, 2);
		exchange(&pair);
		close_pair(&pair);
		tls_context_free(&server);
		tls_context_free(&client_tls);
	}
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
	struct tls_identity_source source = {.name = "partner", .chain = {0}};
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
	assert_int_equal(
		tls_anchors_new(str_of(root.pem), (struct str){0}, &anchors, NULL), ERR_OK);
	open_pair(&pair, server, client_tls, &options);
	SSL_set_max_proto_version(pair.client.session->ssl, version);
	RUN_UNTIL(is_settled(&pair));
	if (!pair.server.up || !pair.client.up)
		fail_msg("%s: %s, %s", row->name, pair.server.words, pair.client.words);
	exchange(&pair);
	verdict = tls_verify(pair.server.session,
		&(struct tls_verification){.anchors = anchors,
			.purpose = TLS_PURPOSE_CLIENT,
			.now_ms = (int64_t)time(NULL) * 1000},
		arena, &detail, NULL);
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

/* A client may send what it likes, up to a limit of bytes; not all of it is looked at. */
static void bears_long_chains(void **state)
{
	struct tls_identity_source source = {.name = "partner", .chain = str_of(client->pem)};
	struct tls_context *server = simple_server(), *client_tls = make_client(&source, 1);
	struct tls_client_options options = {.identity = "partner"};
	static const int lengths[] = {60, 300};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		struct arena *arena = arena_new();
		struct receipt receipt = {0};
		struct pair pair;

		open_pair(&pair, server, client_tls, &options);
		for (int n = 0; n < lengths[i]; n++)
			SSL_add1_chain_cert(pair.client.session->ssl, intermediate.certificate);
		RUN_UNTIL(pair.server.up || pair.server.failed);
		assert_int_equal(pair.server.up, i == 0);
		if (pair.server.up) {
			tls_describe(pair.server.session, arena, &receipt);
			assert_int_equal(receipt.chain.count, 16);
		} else {
			assert_int_equal(pair.server.failure, TLS_FAILURE_PROTOCOL);
		}
		close_pair(&pair);
		arena_free(&arena);
	}
	tls_context_free(&server);
	tls_context_free(&client_tls);
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
			tls_accept(server, base, pair.server.fd, NULL, on_event, &pair.server);
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

/* ---- contexts that cannot be made ------------------------------------------------------------ */

static void names_the_bad_identity(void **state)
{
	struct tls_identity_source weak_source = {.name = "weak", .chain = str_of(weak->pem)};
	struct tls_identity_source empty = {.name = "empty", .chain = STR("nothing here")};
	struct tls_context_options options = {.identities = NULL};
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

/* ---- restrictions of the offer --------------------------------------------------------------- */

static void check_offer(const char *group, bool reduced, const char *server_groups,
	int server_version, const char *want)
{
	struct tls_context *server = simple_server(), *client_tls = make_client(NULL, 0);
	struct tls_client_options options = {.server_name = "mx.contoso.example",
		.reduced_hello = reduced,
		.minimum_version = MODEL_TLS_13,
		.groups = {&group, group != NULL ? 1 : 0}};
	struct arena *arena = arena_new();
	struct receipt receipt = {0};
	struct pair pair;

	open_pair(&pair, server, client_tls, &options);
	assert_int_equal(SSL_set1_groups_list(pair.server.session->ssl, server_groups), 1);
	assert_int_equal(SSL_set_max_proto_version(pair.server.session->ssl, server_version), 1);
	RUN_UNTIL(is_settled(&pair));
	assert_int_equal(pair.client.up, want != NULL);
	if (want != NULL) {
		tls_describe(pair.client.session, arena, &receipt);
		assert_string_equal(receipt.version, "TLSv1.3");
		assert_string_equal(receipt.group, want);
	} else if (server_version < TLS1_3_VERSION) {
		assert_int_equal(pair.client.failure, TLS_FAILURE_VERSION);
	}
	close_pair(&pair);
	tls_context_free(&server);
	tls_context_free(&client_tls);
	arena_free(&arena);
}

static void restricts_offer(void **state)
{
	(void)state;
	check_offer("secp384r1", false, "X25519:P-384", TLS1_3_VERSION, "secp384r1");
	check_offer("secp384r1", true, "X25519:P-384", TLS1_3_VERSION, "secp384r1");
	check_offer("SECP256R1", true, "X25519:P-256", TLS1_3_VERSION, "secp256r1");
	check_offer("secp384r1", false, "X25519", TLS1_3_VERSION, NULL);
	/* One that this library lacks: the offer stays as it is, and others judge what comes. */
	check_offer("x448", false, "X25519", TLS1_3_VERSION, "x25519");
	check_offer(NULL, false, "X25519", TLS1_3_VERSION, "x25519");
	check_offer(NULL, false, "X25519", TLS1_2_VERSION, NULL);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shakes_hands),
		TEST(chooses_certificate),
		TEST(speaks_every_suite),
		TEST(takes_any_client_certificate),
		TEST(signs_with_every_key),
		TEST(bears_long_chains),
		TEST(refuses_old_versions),
		TEST(survives_garbage),
		TEST(resumes_sessions),
		TEST(shrinks_hello),
		TEST(restricts_offer),
		TEST(names_the_bad_identity),
		TEST(costs_little_when_idle),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
