/* The web process on a loop, with clients that do TLS and an admin that is played here. */
#include "port/tls/test_ends.h"
#include "process/web/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENTS = 60, MEGABYTES = 4 * 1024 * 1024 };

/* ---- admin ---------------------------------------------------------------------------------- */

enum admin_mode {
	ECHO,	 /* everything comes back */
	MUTE,	 /* reads, and says nothing */
	STALLED, /* does not even read */
	REFUSE,	 /* the introduction */
	HANG_UP, /* answers to the first bytes, and closes with the rest unread */
};

static struct {
	enum admin_mode mode;
	struct event *accept;
	char path[128], directory[64];
	char introduction[1000];
	struct bufferevent *all[700];
	size_t count, swallowed;
} admin;

static void drop(struct bufferevent *channel)
{
	for (size_t i = 0; i < admin.count; i++)
		if (admin.all[i] == channel)
			admin.all[i] = NULL;
	bufferevent_free(channel);
}

static void on_echo(struct bufferevent *channel, void *context)
{
	struct evbuffer *input = bufferevent_get_input(channel);

	(void)context;
	if (admin.mode == ECHO) {
		bufferevent_write_buffer(channel, input);
	} else if (admin.mode == MUTE) {
		admin.swallowed += evbuffer_get_length(input);
		evbuffer_drain(input, evbuffer_get_length(input));
	} else if (admin.mode == STALLED) {
		bufferevent_disable(channel, EV_READ);
	} else {
		assert_int_equal(send(bufferevent_getfd(channel), "enough", 6, MSG_NOSIGNAL), 6);
		drop(channel);
	}
}

static void on_introduction(struct bufferevent *channel, void *context)
{
	static const char yes[] = "HTTP/1.1 204 No Content\r\nDate: today\r\n\r\n";
	static const char no[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	struct evbuffer *input = bufferevent_get_input(channel);
	struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);

	(void)context;
	if (end.pos < 0)
		return;
	memset(admin.introduction, 0, sizeof(admin.introduction));
	evbuffer_remove(input, admin.introduction, (size_t)end.pos + 4);
	assert_int_equal(evbuffer_get_length(input), 0); /* nothing comes before the answer */
	if (admin.mode == REFUSE)
		bufferevent_write(channel, no, sizeof(no) - 1);
	else
		bufferevent_write(channel, yes, sizeof(yes) - 1);
	bufferevent_setcb(channel, on_echo, NULL, NULL, NULL);
}

static void on_accept(evutil_socket_t fd, short what, void *context)
{
	int one = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct bufferevent *channel;

	(void)what;
	(void)context;
	assert_true(one >= 0 && admin.count < ARRAY_LENGTH(admin.all));
	channel = bufferevent_socket_new(base, one, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(channel, on_introduction, NULL, NULL, NULL);
	bufferevent_enable(channel, EV_READ | EV_WRITE);
	admin.all[admin.count++] = channel;
}

static void start_admin(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memset(&admin, 0, sizeof(admin));
	snprintf(admin.directory, sizeof(admin.directory), "/tmp/sealpost-web-XXXXXX");
	assert_non_null(mkdtemp(admin.directory));
	snprintf(admin.path, sizeof(admin.path), "%s/web.sock", admin.directory);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", admin.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 700), 0);
	admin.accept = event_new(base, fd, EV_READ | EV_PERSIST, on_accept, NULL);
	event_add(admin.accept, NULL);
}

static void stop_admin(void)
{
	for (size_t i = 0; i < admin.count; i++)
		if (admin.all[i] != NULL)
			bufferevent_free(admin.all[i]);
	close(event_get_fd(admin.accept));
	event_free(admin.accept);
	unlink(admin.path);
	rmdir(admin.directory);
}

/* ---- the process under test ----------------------------------------------------------------- */

static struct {
	struct web *web;
	struct arena *arena;
	struct model_node node;
	uint16_t port;
	bool drained;
} rig;

static void on_drained(struct web *web)
{
	(void)web;
	rig.drained = true;
}

static int listen_somewhere(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(any);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(fd, 700), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &length), 0);
	rig.port = ntohs(any.sin_port);
	return fd;
}

static void apply(const struct test_cert *certificate)
{
	const struct runtime_certificate shown[] = {
		{.name = "other", .state = CERT_CURRENT, .chain = str_of(wild->pem), .key_fd = -1},
		{.name = "web",
			.state = CERT_CURRENT,
			.chain = str_of(certificate->pem),
			.key_fd = -1},
	};
	struct runtime_settings settings = {
		.node = &rig.node, .certificates = shown, .certificate_count = 2};
	struct err_info info = {.text = ""};

	settings.door_fds[RUNTIME_DOOR_PUBLISH] = -1;
	settings.door_fds[RUNTIME_DOOR_HTTPS] = listen_somewhere();
	if (web_process.apply(rig.web, &settings, &info) != ERR_OK)
		fail_msg("%s", info.text);
}

static int set_up(void **state)
{
	setup(state);
	start_admin();
	memset(&rig, 0, sizeof(rig));
	rig.arena = arena_new();
	record_init(&model_node_desc, &rig.node, rig.arena);
	rig.node.run = admin.directory;
	rig.node.admin.listen = "127.0.0.1:443";
	rig.node.admin.certificate = "web";
	rig.web = web_new(base);
	rig.web->drained = on_drained;
	tls_signer_free(&rig.web->signer); /* the keys that the test plays are this one's */
	rig.web->signer = tls_signer_ref(keys.signer);
	apply(ec);
	web_process.start(rig.web);
	return 0;
}

static int tear_down(void **state)
{
	web_process.destroy(rig.web);
	stop_admin();
	arena_free(&rig.arena);
	return teardown(state);
}

/* ---- clients -------------------------------------------------------------------------------- */

struct client {
	struct tls_session *tls;
	int fd;
	bool up, ended, is_intact;
	size_t to_send, sent, got;
	char last[16];
	char sha256[65]; /* of the server's certificate */
};

static char pattern(size_t at)
{
	return (char)(at * 7 + at / 251);
}

static void push(struct client *c)
{
	char bytes[4000];
	size_t n = sizeof(bytes);

	while (c->sent < c->to_send && n > 0) {
		size_t count = c->to_send - c->sent;

		count = count < sizeof(bytes) ? count : sizeof(bytes);
		for (size_t i = 0; i < count; i++)
			bytes[i] = pattern(c->sent + i);
		n = 0;
		tls_write(c->tls, bytes, count, &n);
		c->sent += n;
	}
}

static void pull(struct client *c)
{
	char bytes[20000];
	size_t n = 0;

	if (tls_read(c->tls, bytes, sizeof(bytes), &n) != ERR_OK)
		return;
	for (size_t i = 0; i < n; i++)
		c->is_intact = c->is_intact && bytes[i] == pattern(c->got + i);
	snprintf(c->last, sizeof(c->last), "%.*s", n < 10 ? (int)n : 10, bytes);
	c->got += n;
}

static void on_client(void *context, enum tls_event event)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct cert_facts *facts;
	struct client *c = context;
	size_t count;

	switch (event) {
	case TLS_EVENT_UP:
		c->up = true;
		assert_int_equal(
			tls_facts_of_pem(tls_peer_pem(c->tls, arena), arena, &facts, &count, NULL),
			ERR_OK);
		snprintf(c->sha256, sizeof(c->sha256), "%s", facts[0].sha256);
		assert_false(tls_certificate_asked(c->tls));
		push(c);
		break;
	case TLS_EVENT_READ:
		pull(c);
		break;
	case TLS_EVENT_WRITE:
		push(c);
		break;
	default:
		c->ended = true;
	}
}

/* A connection from 127.0.0.LAST. */
static int connect_from(unsigned last)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(rig.port)};
	struct sockaddr_in from = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000 + last)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	evutil_make_socket_nonblocking(fd);
	return fd;
}

static struct client *client_new(struct tls_context *tls, unsigned last, size_t to_send)
{
	static const struct tls_client_options options = {.server_name = "mx.example"};
	struct client *c = mem_new(sizeof(*c));

	c->fd = connect_from(last);
	c->to_send = to_send;
	c->is_intact = true;
	c->tls = tls_connect(tls, base, c->fd, &options, on_client, c);
	return c;
}

static void client_free(struct client **all)
{
	struct client *c = *all;

	if (c == NULL)
		return;
	tls_session_free(&c->tls);
	close(c->fd);
	free(c);
	*all = NULL;
}

#define CLIENT(name, to_send)                                                                      \
	struct tls_context *context_of_##name CLEANUP(tls_context_free) = make_client(NULL, 0);    \
	struct client *name CLEANUP(client_free) = client_new(context_of_##name, 1, to_send)

/* ---- the cases ------------------------------------------------------------------------------ */

static void admin_hears_who_is_there(void **state)
{
	CLIENT(c, 10);

	(void)state;
	RUN_UNTIL(c->got == 10);
	assert_true(c->is_intact);
	assert_ptr_equal(
		strstr(admin.introduction, "POST /-/peer HTTP/1.1\r\n"), admin.introduction);
	assert_non_null(strstr(admin.introduction, "\r\nX-Peer: 127.0.0.1\r\n"));
	assert_non_null(strstr(admin.introduction, "\r\nX-Tls: TLSv1.3\r\n"));
	assert_int_equal(rig.web->handshakes, 1);
}

static void megabytes_pass_intact_both_ways(void **state)
{
	CLIENT(c, MEGABYTES);

	(void)state;
	RUN_UNTIL(c->got == MEGABYTES);
	assert_true(c->is_intact);
}

/* What admin does not read stays with the client, but for what two sockets hold. */
static void who_is_not_read_is_slowed_down(void **state)
{
	size_t before;

	CLIENT(slow, 256 * MEGABYTES);

	(void)state;
	admin.mode = STALLED;
	RUN_UNTIL(slow->sent > 0 && admin.count == 1);
	do {
		before = slow->sent;
		for (int i = 0; i < 50; i++)
			event_base_loop(base, EVLOOP_NONBLOCK);
	} while (slow->sent > before);
	assert_true(slow->sent < slow->to_send / 4);
	assert_true(buf_length(&TAILQ_FIRST(&rig.web->sessions)->to_admin) <= WEB_BUFFER);
	admin.mode = ECHO;
	{
		CLIENT(quick, 1000);
		RUN_UNTIL(quick->got == 1000);
	}
}

static void the_end_of_admin_is_the_end(void **state)
{
	CLIENT(c, 10);

	(void)state;
	RUN_UNTIL(c->got == 10);
	drop(admin.all[0]);
	RUN_UNTIL(c->ended);
	client_free(&c);
	RUN_UNTIL(rig.web->session_count == 0);
}

static void an_answer_before_the_end_of_the_question_arrives(void **state)
{
	CLIENT(c, MEGABYTES);

	(void)state;
	admin.mode = HANG_UP;
	RUN_UNTIL(c->ended);
	assert_string_equal(c->last, "enough");
}

static void who_is_not_introduced_is_not_passed_on(void **state)
{
	CLIENT(c, 10);

	(void)state;
	admin.mode = REFUSE;
	RUN_UNTIL(c->ended);
	assert_int_equal(c->got, 0);
}

static bool has_ended(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void what_is_no_tls_ends_cleanly(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: mx.example\r\n\r\n";
	int fd = connect_from(1);
	char bytes[100];
	ssize_t n = -1;

	(void)state;
	assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
	RUN_UNTIL((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) == 0 || errno != EAGAIN);
	while (n > 0) /* an alert */
		RUN_UNTIL(
			(n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) >= 0 || errno != EAGAIN);
	assert_int_equal(n, 0); /* no reset */
	close(fd);
	RUN_UNTIL(rig.web->session_count == 0);
	assert_int_equal(rig.web->failures, 1);
	assert_int_equal(admin.count, 0);
}

static void who_asks_for_another_protocol_is_refused(void **state)
{
	/* Alert 120, no_application_protocol: seen by the server as its own failure. */
	SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
	SSL *end = SSL_new(ssl);
	int fd = connect_from(1), result = 0;

	(void)state;
	assert_int_equal(SSL_set_alpn_protos(end, (const unsigned char *)"\x02h2", 3), 0);
	SSL_set_fd(end, fd);
	SSL_set_connect_state(end);
	RUN_UNTIL((result = SSL_do_handshake(end)) == 1 ||
		  SSL_get_error(end, result) != SSL_ERROR_WANT_READ);
	assert_int_equal(SSL_get_error(end, result), SSL_ERROR_SSL);
	SSL_free(end);
	SSL_CTX_free(ssl);
	close(fd);
}

/* Of those of one address the one that has been quiet for longest goes; others are not touched. */
static void one_address_gets_its_share(void **state)
{
	struct tls_context *tls CLEANUP(tls_context_free) = make_client(NULL, 0);
	struct client *other CLEANUP(client_free) = client_new(tls, 2, 10);
	struct client *busy CLEANUP(client_free) = NULL;
	struct client *all[WEB_PER_ADDRESS_MAX];

	(void)state;
	RUN_UNTIL(other->got == 10);
	admin.mode = MUTE; /* so that this one still waits for its answer */
	busy = client_new(tls, 1, 10);
	RUN_UNTIL(admin.swallowed == 10);
	admin.mode = ECHO;
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		all[i] = client_new(tls, 1, 10);
		RUN_UNTIL(all[i]->got == 10);
	}
	RUN_UNTIL(all[0]->ended);
	assert_int_equal(rig.web->over_limit, 1);
	assert_int_equal(rig.web->session_count, 1 + WEB_PER_ADDRESS_MAX);
	assert_false(busy->ended || other->ended || all[1]->ended);
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++)
		client_free(&all[i]);
}

static void who_holds_many_keeps_nobody_out(void **state)
{
	int fds[WEB_SESSIONS_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
		fds[i] = connect_from(2 + (unsigned)i / WEB_PER_ADDRESS_MAX);
	RUN_UNTIL(rig.web->session_count == WEB_SESSIONS_MAX);
	assert_int_equal(rig.web->over_limit, 0);
	{
		CLIENT(c, 10);
		RUN_UNTIL(c->got == 10);
		assert_int_equal(rig.web->over_limit, 1);
		RUN_UNTIL(has_ended(fds[0]));
	}
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
		close(fds[i]);
}

static void new_settings_leave_connections_alone(void **state)
{
	char before[65];

	CLIENT(old, 10);

	(void)state;
	RUN_UNTIL(old->got == 10);
	snprintf(before, sizeof(before), "%s", old->sha256);
	apply(rsa);
	{
		CLIENT(new, 10);
		RUN_UNTIL(new->got == 10);
		assert_string_not_equal(new->sha256, before);
	}
	old->to_send = 20;
	push(old);
	RUN_UNTIL(old->got == 20);
	assert_false(old->ended);
}

static void without_a_certificate_nothing_changes(void **state)
{
	struct runtime_settings settings = {.node = &rig.node};
	struct err_info info = {.text = ""};
	uint16_t port = rig.port;

	(void)state;
	settings.door_fds[RUNTIME_DOOR_HTTPS] = listen_somewhere();
	rig.node.admin.certificate = "gone";
	assert_int_equal(web_process.apply(rig.web, &settings, &info), ERR_UNKNOWN);
	assert_string_equal(info.text, "admin.certificate: no certificate for HTTPS");
	rig.port = port;
	{
		CLIENT(c, 10);
		RUN_UNTIL(c->got == 10);
	}
}

static void a_drain_waits_for_answers(void **state)
{
	CLIENT(idle, 10);

	(void)state;
	RUN_UNTIL(idle->got == 10);
	admin.mode = MUTE;
	{
		CLIENT(busy, 10);
		RUN_UNTIL(admin.swallowed == 10);
		web_process.drain(rig.web);
		RUN_UNTIL(idle->ended);
		assert_false(busy->ended || rig.drained);
		bufferevent_write(admin.all[1], "late", 4);
		RUN_UNTIL(busy->ended);
		assert_string_equal(busy->last, "late");
	}
	RUN_UNTIL(rig.drained);
	assert_null(rig.web->accept);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest all[] = {
		CASE(admin_hears_who_is_there),
		CASE(megabytes_pass_intact_both_ways),
		CASE(who_is_not_read_is_slowed_down),
		CASE(the_end_of_admin_is_the_end),
		CASE(an_answer_before_the_end_of_the_question_arrives),
		CASE(who_is_not_introduced_is_not_passed_on),
		CASE(what_is_no_tls_ends_cleanly),
		CASE(who_asks_for_another_protocol_is_refused),
		CASE(one_address_gets_its_share),
		CASE(who_holds_many_keeps_nobody_out),
		CASE(new_settings_leave_connections_alone),
		CASE(without_a_certificate_nothing_changes),
		CASE(a_drain_waits_for_answers),
	};

	return cmocka_run_group_tests(all, setup_all, teardown_all);
}
