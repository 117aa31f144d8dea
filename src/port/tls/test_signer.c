/* What becomes of handshakes when the keys process is slow, wrong, or gone. */
#include "port/tls/test_ends.h"

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
	struct tls_identity_source source = {.name = "partner", .chain = str_of(client->pem)};
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
	struct tls_identity_source source = {.name = "partner", .chain = str_of(client->pem)};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fails_without_signature),
		TEST(outlives_restart_of_keys),
		TEST(is_freed_while_it_waits),
		TEST(client_fails_without_signature),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
