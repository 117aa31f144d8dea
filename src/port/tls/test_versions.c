/* Versions of certificates: which one a peer sees, and that it refuses it. */
#include "port/tls/test_ends.h"

static const char *shown; /* what the chooser says for "mx" */

static const char *choose(void *context, const char *certificate)
{
	(void)context;
	return strcmp(certificate, "mx") == 0 ? shown : NULL;
}

/* Version 1 of mx has both kinds of key, version 2 ECDSA alone, version 3 RSA alone. */
static struct tls_identity_source sources[4];

static void name_sources(void)
{
	sources[0] = (struct tls_identity_source){"mx", str_of(wild->pem), "2", CERT_NEXT};
	sources[1] = (struct tls_identity_source){"mx", str_of(ec->pem), "1", CERT_CURRENT};
	sources[2] = (struct tls_identity_source){"mx", str_of(rsa->pem), "1", CERT_CURRENT};
	sources[3] = (struct tls_identity_source){"mx", str_of(client->pem), "3", CERT_DEPRECATED};
}

static void connect_pair(struct pair *pair, struct tls_context *server,
	struct tls_context *client_tls, const struct tls_client_options *options)
{
	static const struct tls_accept_options chosen = {.choose = choose};

	memset(pair, 0, sizeof(*pair));
	open_sockets(pair);
	pair->server.session =
		tls_accept(server, base, pair->server.fd, &chosen, on_event, &pair->server);
	pair->client.session =
		tls_connect(client_tls, base, pair->client.fd, options, on_event, &pair->client);
}

struct choice {
	const char *name;
	const char *shown;
	const char *server_name;
	const char *signatures; /* that the client can verify; NULL: all */
	const char *want;	/* version */
	bool is_rsa;
};

static const struct choice choices[] = {
	{"current", NULL, "mx.contoso.example", NULL, "1", false},
	{"current for who only knows RSA", NULL, "mx.contoso.example", "rsa_pss_rsae_sha256", "1",
		true},
	{"next", "2", "mx.contoso.example", NULL, "2", false},
	{"next by no name", "2", NULL, NULL, "2", false},
	{"next by its own name", "2", "a.wild.example", NULL, "2", false},
	{"current by a name that only next has", NULL, "a.wild.example", NULL, "1", false},
	{"deprecated", "3", "mx.contoso.example", NULL, "3", true},
	{"one that is not there", "9", "mx.contoso.example", NULL, "1", false},
};

static void shows_the_version_chosen(void **state)
{
	struct tls_context *server, *client_tls = make_client(NULL, 0);

	(void)state;
	name_sources();
	server = make_server(sources, 4);
	for (size_t i = 0; i < ARRAY_LENGTH(choices); i++) {
		struct tls_client_options options = {.server_name = choices[i].server_name};
		struct arena *arena = arena_new();
		struct receipt receipt = {0};
		struct pair pair;

		shown = choices[i].shown;
		connect_pair(&pair, server, client_tls, &options);
		if (choices[i].signatures != NULL)
			SSL_set1_sigalgs_list(pair.client.session->ssl, choices[i].signatures);
		RUN_UNTIL(is_settled(&pair));
		if (!pair.server.up)
			fail_msg("%s: %s", choices[i].name, pair.server.words);
		tls_describe(pair.server.session, arena, &receipt);
		assert_string_equal(receipt.own_certificate, "mx");
		if (strcmp(receipt.own_version, choices[i].want) != 0)
			fail_msg("%s: version %s", choices[i].name, receipt.own_version);
		tls_describe(pair.client.session, arena, &receipt);
		assert_int_equal(
			strncmp(receipt.chain.items[0].key, "RSA", 3) == 0, choices[i].is_rsa);
		close_pair(&pair);
		arena_free(&arena);
	}
	tls_context_free(&server);
	tls_context_free(&client_tls);
}

/* One connection; returns whether it was resumed, and the version in the receipt. */
static bool resumes(struct tls_context *server, struct tls_context *client_tls, int version,
	char ret_version[8])
{
	struct tls_client_options options = {
		.server_name = "mx.contoso.example", .cache_key = "mx.contoso.example"};
	struct arena *arena = arena_new();
	struct receipt receipt = {0};
	struct pair pair;

	connect_pair(&pair, server, client_tls, &options);
	SSL_set_max_proto_version(pair.client.session->ssl, version);
	RUN_UNTIL(is_settled(&pair));
	assert_true(pair.server.up && pair.client.up);
	exchange(&pair);
	tls_describe(pair.server.session, arena, &receipt);
	snprintf(ret_version, 8, "%s", receipt.own_version);
	assert_int_equal(strlen(receipt.own_sha256), 64);
	close_pair(&pair);
	arena_free(&arena);
	return receipt.resumed;
}

static void resumes_under_the_same_version_only(void **state)
{
	static const int protocols[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	char version[8];

	(void)state;
	name_sources();
	for (size_t i = 0; i < ARRAY_LENGTH(protocols); i++) {
		struct tls_context *server = make_server(sources, 4);
		struct tls_context *client_tls = make_client(NULL, 0);
		struct tls_identity_source later = sources[0];

		shown = NULL;
		assert_false(resumes(server, client_tls, protocols[i], version));
		assert_true(resumes(server, client_tls, protocols[i], version));
		assert_string_equal(version, "1");
		shown = "2";
		assert_false(resumes(server, client_tls, protocols[i], version));
		assert_string_equal(version, "2");
		assert_true(resumes(server, client_tls, protocols[i], version));
		assert_string_equal(version, "2");
		/* It is current now, and nothing else is left. */
		tls_context_free(&server);
		later.state = CERT_CURRENT;
		server = make_server(&later, 1);
		assert_true(resumes(server, client_tls, protocols[i], version));
		tls_context_free(&server);
		/* It is gone. */
		server = make_server(&sources[1], 2);
		assert_false(resumes(server, client_tls, protocols[i], version));
		assert_string_equal(version, "1");
		tls_context_free(&server);
		tls_context_free(&client_tls);
	}
}

/* A client with both kinds of key presents the one that the server can verify. */
static void presents_either_key(void **state)
{
	static const int protocols[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	static const char *const algorithms[] = {
		"ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256:rsa_pkcs1_sha256"};
	struct tls_context *server = simple_server(), *client_tls;

	(void)state;
	name_sources();
	client_tls = make_client(sources, 4);
	for (size_t i = 0; i < 4; i++) {
		struct tls_client_options options = {.identity = "mx"};
		struct arena *arena = arena_new();
		struct receipt receipt = {0};
		struct pair pair;

		connect_pair(&pair, server, client_tls, &options);
		SSL_set_max_proto_version(pair.client.session->ssl, protocols[i / 2]);
		SSL_set1_client_sigalgs_list(pair.server.session->ssl, algorithms[i % 2]);
		RUN_UNTIL(is_settled(&pair));
		assert_true(pair.server.up && pair.client.up);
		tls_describe(pair.client.session, arena, &receipt);
		assert_string_equal(receipt.own_version, "1");
		assert_string_equal(receipt.own_certificate, "mx");
		tls_describe(pair.server.session, arena, &receipt);
		assert_int_equal(receipt.chain.count, 1);
		assert_int_equal(strncmp(receipt.chain.items[0].key, "RSA", 3) == 0, i % 2);
		close_pair(&pair);
		arena_free(&arena);
	}
	tls_context_free(&server);
	tls_context_free(&client_tls);
}

static void presents_the_version_asked_for(void **state)
{
	static const struct {
		const char *version, *want;
	} rows[] = {{NULL, "1"}, {"1", "1"}, {"2", "2"}, {"3", "3"}, {"9", "1"}};
	struct tls_context *server = simple_server(), *client_tls;

	(void)state;
	name_sources();
	client_tls = make_client(sources, 4);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct tls_client_options options = {.identity = "mx", .version = rows[i].version};
		struct arena *arena = arena_new();
		struct receipt receipt = {0};
		struct pair pair;

		connect_pair(&pair, server, client_tls, &options);
		RUN_UNTIL(is_settled(&pair));
		tls_describe(pair.client.session, arena, &receipt);
		assert_string_equal(receipt.own_version, rows[i].want);
		close_pair(&pair);
		arena_free(&arena);
	}
	tls_context_free(&server);
	tls_context_free(&client_tls);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static int distrust(X509_STORE_CTX *store, void *argument)
{
	X509_STORE_CTX_set_error(store, *(int *)argument);
	return 0;
}

struct refusal {
	const char *name;
	int error; /* X509_V_ERR_... */
	bool is_refusal;
};

static const struct refusal refusals[] = {
	{"unknown authority", X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, true},
	{"expired", X509_V_ERR_CERT_HAS_EXPIRED, true},
	{"revoked", X509_V_ERR_CERT_REVOKED, true},
	{"purpose", X509_V_ERR_INVALID_PURPOSE, true},
	{"a fault of its own", X509_V_ERR_OUT_OF_MEM, false},
};

static bool is_over(const struct pair *pair, bool client_too)
{
	return (pair->server.failed || pair->server.closed) &&
	       (!client_too || pair->client.failed || pair->client.closed);
}

static void one_server(const struct refusal *row, int protocol)
{
	struct tls_context *server, *client_tls = make_client(NULL, 0);
	struct tls_client_options options = {.server_name = "mx.contoso.example"};
	struct arena *arena = arena_new();
	struct receipt receipt = {0};
	int error = row->error;
	struct pair pair;

	name_sources();
	server = make_server(sources, 4);
	shown = "2";
	connect_pair(&pair, server, client_tls, &options);
	SSL_set_max_proto_version(pair.client.session->ssl, protocol);
	SSL_CTX_set_cert_verify_callback(
		SSL_get_SSL_CTX(pair.client.session->ssl), distrust, &error);
	RUN_UNTIL(is_over(&pair, true));
	if (tls_is_refused(pair.server.session, arena, &receipt) != row->is_refusal)
		fail_msg("%s: %s", row->name, pair.server.words);
	assert_false(tls_is_refused(pair.client.session, arena, &receipt));
	if (row->is_refusal) {
		assert_string_equal(receipt.own_certificate, "mx");
		assert_string_equal(receipt.own_version, "2");
		assert_int_equal(strlen(receipt.own_sha256), 64);
	}
	close_pair(&pair);
	tls_context_free(&server);
	tls_context_free(&client_tls);
	arena_free(&arena);
}

/* In TLS 1.3 the client is up before the server has seen its certificate. */
static void one_client(const struct refusal *row, int protocol)
{
	struct tls_context *server = simple_server(), *client_tls;
	struct tls_client_options options = {.identity = "mx", .version = "2"};
	struct arena *arena = arena_new();
	struct receipt receipt = {0};
	int error = row->error;
	struct pair pair;

	name_sources();
	client_tls = make_client(sources, 4);
	connect_pair(&pair, server, client_tls, &options);
	SSL_set_max_proto_version(pair.client.session->ssl, protocol);
	SSL_CTX_set_cert_verify_callback(
		SSL_get_SSL_CTX(pair.server.session->ssl), distrust, &error);
	RUN_UNTIL(is_over(&pair, true));
	if (tls_is_refused(pair.client.session, arena, &receipt) != row->is_refusal)
		fail_msg("%s: %s", row->name, pair.client.words);
	assert_false(tls_is_refused(pair.server.session, arena, &receipt));
	if (row->is_refusal)
		assert_string_equal(receipt.own_version, "2");
	close_pair(&pair);
	tls_context_free(&server);
	tls_context_free(&client_tls);
	arena_free(&arena);
}

static void tells_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++) {
		one_server(&refusals[i], TLS1_2_VERSION);
		one_server(&refusals[i], TLS1_3_VERSION);
		one_client(&refusals[i], TLS1_2_VERSION);
		one_client(&refusals[i], TLS1_3_VERSION);
	}
}

/* A client that can use no key of the version refuses it, too; one that speaks too old a TLS does
 * not. */
static void tells_misfits(void **state)
{
	static const int protocols[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls_client_options options = {.server_name = "mx.contoso.example"};
	struct tls_context *server, *client_tls = make_client(NULL, 0);
	struct arena *arena = arena_new();
	struct receipt receipt = {0};
	struct pair pair;

	(void)state;
	name_sources();
	server = make_server(sources, 4);
	shown = "3";
	for (size_t i = 0; i < ARRAY_LENGTH(protocols); i++) {
		connect_pair(&pair, server, client_tls, &options);
		SSL_set_max_proto_version(pair.client.session->ssl, protocols[i]);
		SSL_set1_sigalgs_list(pair.client.session->ssl, "ecdsa_secp256r1_sha256");
		RUN_UNTIL(is_over(&pair, false));
		if (!tls_is_refused(pair.server.session, arena, &receipt))
			fail_msg("%s", pair.server.words);
		assert_string_equal(receipt.own_version, "3");
		close_pair(&pair);
	}
	connect_pair(&pair, server, client_tls, &options);
	SSL_set_min_proto_version(pair.client.session->ssl, 0);
	SSL_set_max_proto_version(pair.client.session->ssl, TLS1_1_VERSION);
	RUN_UNTIL(is_over(&pair, false));
	assert_false(tls_is_refused(pair.server.session, arena, &receipt));
	close_pair(&pair);
	tls_context_free(&server);
	tls_context_free(&client_tls);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shows_the_version_chosen, setup, teardown),
		cmocka_unit_test_setup_teardown(
			resumes_under_the_same_version_only, setup, teardown),
		cmocka_unit_test_setup_teardown(presents_either_key, setup, teardown),
		cmocka_unit_test_setup_teardown(presents_the_version_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(tells_misfits, setup, teardown),
	};

	return cmocka_run_group_tests_name("tls-versions", tests, setup_all, teardown_all);
}
