/* Looking at hosts: what is told of each, and how it ends. */
#include "port/tls/test_certs.h"
#include "process/deliver/survey.h"
#include "process/deliver/testing_job.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

enum { MAX_ANSWERS = 32 };

/* What the asker has heard. */
static struct {
	struct ipc *ipc;
	struct arena *arena;
	struct wire_surveyed answers[MAX_ANSWERS];
	size_t count, ends;
} asker;

static void on_answer(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	const struct wire_surveyed *answer = record;

	(void)context;
	(void)ipc;
	assert_int_equal(type, WIRE_SURVEYED);
	assert_true(asker.count < MAX_ANSWERS);
	record_copy(
		wire_types[WIRE_SURVEYED].desc, answer, asker.arena, &asker.answers[asker.count++]);
	asker.ends += answer->is_last;
}

static void on_nothing(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	(void)context;
	(void)ipc;
	(void)type;
	(void)record;
}

static void on_closed(void *context, struct ipc *ipc)
{
	(void)context;
	(void)ipc;
}

static int setup_survey(void **state)
{
	static const struct ipc_handlers near = {on_nothing, on_closed, NULL};
	static const struct ipc_handlers far = {on_answer, on_closed, NULL};
	struct fixture *x;
	int fds[2];

	setup(state);
	x = *state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	x->d.admin = ipc_new(x->d.base, fds[0], &near, x);
	memset(&asker, 0, sizeof(asker));
	asker.ipc = ipc_new(x->d.base, fds[1], &far, NULL);
	asker.arena = arena_new();
	return 0;
}

static int teardown_survey(void **state)
{
	struct fixture *x = *state;

	deliver_survey_stop_all(&x->d);
	ipc_free(&x->d.admin);
	ipc_free(&asker.ipc);
	arena_free(&asker.arena);
	return teardown(state);
}

static bool has_ended(void *context)
{
	(void)context;
	return asker.ends > 0;
}

static void ask(struct fixture *x, int64_t tag, const char *host, int64_t port, bool is_implicit)
{
	const struct wire_survey wire = {
		.tag = tag, .host = host, .port = port, .is_implicit = is_implicit};

	deliver_survey_begin(&x->d, &wire);
}

static void look(struct fixture *x, const char *host, int64_t port)
{
	asker.count = asker.ends = 0;
	ask(x, 7, host, port, false);
	run_until(x, has_ended);
	assert_null(x->d.surveys);
	assert_int_equal(x->d.survey_count, 0);
}

static void expect_failure(size_t at, const char *host, const char *text)
{
	assert_true(at < asker.count);
	assert_int_equal(asker.answers[at].tag, 7);
	assert_false(asker.answers[at].ok);
	assert_string_equal(asker.answers[at].host, host);
	assert_int_equal(asker.answers[at].is_last, at + 1 == asker.count);
	if (strstr(asker.answers[at].text, text) == NULL)
		fail_msg("%s: %s", host, asker.answers[at].text);
}

/* ---- a server that speaks TLS at once -------------------------------------------------------- */

struct tls_server {
	pthread_t thread;
	SSL_CTX *context;
	int fd;
	uint16_t port;
};

static void *serve(void *argument)
{
	struct tls_server *s = argument;
	int fd = accept(s->fd, NULL, NULL);
	SSL *ssl = SSL_new(s->context);
	char byte;

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		(void)SSL_read(ssl, &byte, 1); /* until it is closed */
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static void start_tls(struct tls_server *s, const struct test_cert *leaf, struct test_cert *root)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(at);

	s->context = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(s->context, leaf->certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(s->context, leaf->key), 1);
	assert_int_equal(SSL_CTX_add1_chain_cert(s->context, root->certificate), 1);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	getsockname(s->fd, (struct sockaddr *)&at, &size);
	s->port = ntohs(at.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop_tls(struct tls_server *s)
{
	pthread_join(s->thread, NULL);
	close(s->fd);
	SSL_CTX_free(s->context);
}

static void test_chain(void **state)
{
	struct test_cert root =
		test_cert_make(&(struct test_cert_options){.common_name = "Root", .is_ca = true});
	struct test_cert leaf = test_cert_make(&(struct test_cert_options){
		.common_name = "mx", .names = "DNS:mx.example", .issuer = &root});
	char *chain = test_cert_join(leaf.pem, root.pem);
	struct fixture *x = *state;
	struct tls_server server;

	tls_trust_set_roots(x->d.trust, str_of(root.pem));
	start_tls(&server, &leaf, &root);
	ask(x, 7, "127.0.0.1", server.port, true);
	run_until(x, has_ended);
	assert_int_equal(asker.count, 1);
	assert_true(asker.answers[0].ok && asker.answers[0].is_last);
	assert_true(str_is(asker.answers[0].chain, chain));
	assert_int_equal(asker.answers[0].verdict, CERT_TRUSTED);
	assert_string_equal(asker.answers[0].version, "TLSv1.3");
	assert_string_equal(
		asker.answers[0].address, arena_format(asker.arena, "127.0.0.1:%d", server.port));
	assert_int_equal(deliver_pool_count(x->d.pool), 0);
	event_base_loop(x->d.base, EVLOOP_NONBLOCK); /* the connection is closed there */
	stop_tls(&server);
	free(chain);
	test_cert_clear(&root);
	test_cert_clear(&leaf);
}

/* ---- what can be wrong ----------------------------------------------------------------------- */

static void test_hosts_without_tls(void **state)
{
	struct fixture *x = *state;

	look(x, "127.0.0.1", x->server.port);
	expect_failure(0, "127.0.0.1", "does not offer STARTTLS");
	assert_null(strstr(x->server.commands, "MAIL"));
	x->server.ehlo = "250-mx.example\r\n250 STARTTLS";
	x->server.drops_handshakes = true;
	look(x, "127.0.0.1", x->server.port);
	expect_failure(0, "127.0.0.1", "the handshake failed: ");
	assert_int_equal(x->hosts, 0); /* nothing is learnt for mail */
	x->server.greeting = "554 go away";
	look(x, "127.0.0.1", x->server.port);
	expect_failure(0, "127.0.0.1", "go away");
	look(x, "127.0.0.1", 1);
	expect_failure(0, "127.0.0.1", "refused");
	assert_string_equal(asker.answers[0].address, "127.0.0.1");
	look(x, "nowhere.example", 25);
	expect_failure(0, "nowhere.example", "does not exist");
	look(x, "mx.example", 70000);
	expect_failure(0, "mx.example", "no host and port");
}

static void test_domains(void **state)
{
	struct fixture *x = *state;

	add_mx(x, "partner.example", 20, "gone.partner.example");
	add_mx(x, "partner.example", 10, "mx.partner.example");
	add_a(x, "mx.partner.example");
	look(x, "partner.example", 0);
	assert_int_equal(asker.count, 2);
	expect_failure(0, "mx.partner.example", "does not offer STARTTLS");
	assert_int_equal(asker.answers[0].port, x->server.port);
	expect_failure(1, "gone.partner.example", "does not exist");
	/* No MX: the host itself. */
	add_a(x, "mx.example");
	look(x, "mx.example", 0);
	expect_failure(0, "mx.example", "does not offer STARTTLS");
	/* With a port it is the host that is meant. */
	look(x, "partner.example", x->server.port);
	expect_failure(0, "partner.example", "has no address");
	add_mx(x, "null.example", 0, "");
	look(x, "null.example", 0);
	expect_failure(0, "null.example", "takes no mail");
}

/* ---- how they end ---------------------------------------------------------------------------- */

static bool is_connected(void *context)
{
	const struct fixture *x = context;

	return x->server.last != NULL;
}

static bool is_dropped(void *context)
{
	const struct fixture *x = context;

	return x->server.last == NULL;
}

static void test_nobody_waits(void **state)
{
	struct fixture *x = *state;

	ask(x, 7, "127.0.0.1", x->server.port, false);
	run_until(x, is_connected);
	deliver_survey_stop(&x->d, 8);
	assert_int_equal(x->d.survey_count, 1);
	deliver_survey_stop(&x->d, 7);
	assert_null(x->d.surveys);
	run_until(x, is_dropped);
	assert_int_equal(asker.count, 0);
}

static void test_time_is_up(void **state)
{
	const struct timeval now = {0, 0};
	struct fixture *x = *state;

	add_mx(x, "partner.example", 10, "a.partner.example");
	add_mx(x, "partner.example", 20, "b.partner.example");
	ask(x, 7, "partner.example", 0, false);
	evtimer_add(x->d.surveys->timer, &now);
	x->d.surveys->began_ticks -= 2 * DELIVER_SURVEY_ALL_MS;
	run_until(x, has_ended);
	for (size_t i = 0; i + 1 < asker.count; i++)
		assert_false(asker.answers[i].is_last);
	assert_non_null(strstr(asker.answers[asker.count - 1].text, "time"));
	assert_null(x->d.surveys);
}

static void test_not_too_many(void **state)
{
	struct fixture *x = *state;

	for (int i = 0; i < DELIVER_SURVEYS; i++)
		ask(x, 100 + i, "127.0.0.1", x->server.port, false);
	assert_int_equal(x->d.survey_count, DELIVER_SURVEYS);
	ask(x, 7, "127.0.0.1", x->server.port, false);
	assert_int_equal(x->d.survey_count, DELIVER_SURVEYS);
	run_until(x, has_ended);
	expect_failure(0, "127.0.0.1", "try again later");
	deliver_survey_stop_all(&x->d);
	assert_int_equal(x->d.survey_count, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_survey, teardown_survey)
	const struct CMUnitTest tests[] = {
		TEST(test_chain),
		TEST(test_hosts_without_tls),
		TEST(test_domains),
		TEST(test_nobody_waits),
		TEST(test_time_is_up),
		TEST(test_not_too_many),
	};

	signal(SIGPIPE, SIG_IGN); /* as the processes do */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
